"""The texts of the frame and of templates, by name: a template has no text of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.texts.act_words import IN_FORCE, NOT_IN_FORCE
from api.texts.case_words import ORDERS, SIGNER_LEFT, SIGNER_OUT
from api.texts.labels import LEVEL_BANNERS
from ledger.message import Message, meaning, plural

SAY: Final[Mapping[str, Message]] = {
    "skip": Message("Skip to the content"),
    "product": Message("socai, the ledger of acts"),
    "menu": Message("Menu"),
    "worklist": Message("What waits for you"),
    "cases": Message("Cases"),
    "registry": Message("Agencies"),
    "keys": Message("Keys"),
    "sign_in": Message("Sign in"),
    "sign_out": Message("Sign out"),
    "documents": Message("Documents"),
    "you_are": Message("Signed in"),
    "position": Message("This page shows the log up to record #{index}."),
    "version": Message("socai {version}"),
    "as_json": Message("The same as JSON"),
    "as_csv": Message("As a table (CSV)"),
    "where": Message("Where you are"),
    "zone_utc": Message("Times in UTC"),
    "zone_vn": Message("Times in GMT+7"),
    "why": Message("Why?"),
    "why_act": Message("Why? The act behind it"),
    # keys
    "keys_help": Message("Keyboard shortcuts"),
    "keys_off": Message("Switch the shortcuts off"),
    "keys_on": Message("Switch the shortcuts on"),
    "key_rows": Message("next and previous row"),
    "key_next": Message("one earlier, one later"),
    "key_ends": Message("first and last"),
    "key_copy": Message("Copy the address of this page"),
    "key_copied": Message("Copied."),
    # levels, as every page begins and ends
    **{f"level_{level.replace('-', '_')}": one for level, one in LEVEL_BANNERS.items()},
    "not_printed": Message("Nothing is printed from the browser in this environment."),
    "paper_is": Message(
        "Printed from a page as of {at}: to read, and no numbered copy. A copy for court stands"
        " under “Print”."
    ),
    "paper_case": Message("Case {case} · up to statement {place} · digest"),
    "rehearsal": Message("REHEARSAL: not real data"),
    "in_doubt": Message(
        "IN DOUBT: the database has another log than was seen of it before. Nothing is recorded,"
        " and what is shown may be of another history: rely on none of it, and tell the operator."
    ),
    # start
    "start_title": Message("What this ledger is"),
    "start_lead": Message(
        "Every act of an agency under the coordination regulation stands here, signed by its"
        " officer's own key, in a log that only grows. Whoever may see an act can verify it."
    ),
    "start_facts": Message("This log"),
    "origin": Message("Origin"),
    "genesis": Message("Genesis digest"),
    "checkpoint": Message("Newest checkpoint"),
    "checkpoint_size": Message("{size} records"),
    "root": Message("root of the tree"),
    "start_anchor": Message(
        "Compare the genesis digest with the one on paper: it names this log and no other."
    ),
    "note": Message("The signed checkpoint, as it is"),
    "start_check": Message("How to check it"),
    "start_check_keep": Message(
        "Keep a checkpoint. Whoever holds one notices every later change of what lies before it."
    ),
    "start_check_how": Message("At a terminal, with the client of this ledger:"),
    "start_check_curl": Message("Or with nothing but HTTP:"),
    "start_read": Message("What anybody may read"),
    "start_public": Message("What was published (JSON)"),
    "start_spec": Message("The specification: every byte, every call, every access rule"),
    "start_docs": Message("The API, documented"),
    "start_problems": Message("Problem codes"),
    "start_officers": Message("For officers"),
    "start_closed": Message("This ledger tells nothing of itself to whoever has not signed in."),
    # sign in
    "sign_in_title": Message("Sign in"),
    "sign_in_what": Message(
        "The server sends a random text. Your key signs it, which shows that you hold the key. The"
        " key does not leave this machine; the server never has it."
    ),
    "sign_in_here": Message("With a key in this browser"),
    "sign_in_script": Message("JavaScript is off, or still loading: use the command line below."),
    "sign_in_insecure": Message(
        "This page does not come over HTTPS, so the browser allows no signing. Use the https://"
        " address, or the command line."
    ),
    "sign_in_no_key": Message("There is no key in this browser yet. Import your key file first."),
    "sign_in_key": Message("Key"),
    "sign_in_do": Message("Sign to sign in"),
    "sign_in_forget": Message("Remove this key from this browser"),
    "sign_in_forgotten": Message("The key was removed from this browser."),
    "sign_in_import": Message("Import a key file (.socaikey)"),
    "sign_in_file": Message("Key file"),
    "sign_in_passphrase": Message("Its passphrase"),
    "sign_in_log": Message("Origin of the ledger, as your key officer told you"),
    "sign_in_import_do": Message("Import"),
    "sign_in_importing": Message("The key file is being opened; this takes some seconds."),
    "sign_in_imported": Message("The key is in this browser now, and cannot be taken out of it."),
    "sign_in_wrong": Message(
        "The key file was not opened: wrong passphrase, or it is no key file of an officer."
    ),
    "sign_in_alg": Message("This browser cannot use keys of this algorithm: use the command line."),
    "sign_in_stays": Message(
        "The passphrase is used in this browser only. The imported key stays until you remove it."
    ),
    "sign_in_terminal": Message("At a terminal"),
    "sign_in_terminal_how": Message(
        "Run this where your key is; then paste the line that it prints."
    ),
    "sign_in_answer": Message("The signed answer"),
    "sign_in_answer_do": Message("Sign in with this answer"),
    "sign_in_failed": Message("You are not signed in"),
    "sign_in_failed_how": Message(
        "The answer was not taken: it is older than two minutes or was used already, it is of"
        " another ledger, or the key may not sign in. Try again."
    ),
    "sign_in_facts": Message("You sign in to"),
    "signed_out": Message(
        "You are signed out. The key in this browser, if there is one, is still there."
    ),
    # problems
    "problem_code": Message("Code"),
    "problem_trace": Message("Trace id"),
    "problem_faults": Message("What is wrong"),
    "problem_mend": Message(
        "Nothing was recorded. Go back, correct what is named here, and ask again."
    ),
    "problem_mend_here": Message(
        "Nothing was recorded. Correct it here and ask again; what else was filled in is kept."
    ),
    "problem_ask_again": Message("Ask again"),
    "problem_list_gone": Message(
        "Open the list anew: this page of it is of other filters, or of an earlier state."
    ),
    "problem_future": Message(
        "Nothing was recorded. Choose a moment that has passed, or a statement that is there."
    ),
    "problem_too_much": Message(
        "Nothing was recorded. Ask for less at once: compare two moments of the case that lie"
        " closer together, or find its acts in the timeline by their type."
    ),
    "problem_too_much_why": Message(
        "Nothing was recorded. The case is too long to look for this field through all of it. What"
        " changed it last: compare a late statement of the case, or a day, with now; beside each"
        " change stand its acts. What changed it earlier: compare two earlier moments."
    ),
    "problem_ordinary": Message(
        "Nothing was recorded. Above ordinary acts are read in their case: open it in the list."
    ),
    "problem_signed_out": Message(
        "Nothing was recorded or kept of what was sent. Sign in, then do it again."
    ),
    "problem_other_form": Message(
        "Nothing was recorded of what was sent. You have signed in anew, or out, since the form was"
        " made, perhaps in another window."
    ),
    "problem_kept": Message("What it says is kept here: look at it, and send it again."),
    "problem_again": Message("Send it again"),
    "problem_back": Message("Back to the page of the form"),
    "problem_home": Message("To the start page"),
    "problem_absent": Message("Not found, or you may not see it"),
    "problem_absent_how": Message(
        "Look at the address again, or among the cases that you see. Whoever holds a case lets"
        " others into it by an act."
    ),
    "problem_not_logged": Message(
        "The read could not be noted in the log of reads, so nothing can be shown."
    ),
    # lists
    "cases_title": Message("Cases"),
    "filter": Message("Filter"),
    "filter_do": Message("Show"),
    "filter_clear": Message("Clear the filters"),
    "filter_any": meaning("filter", "any"),
    "f_state": Message("State"),
    "f_agency": Message("Agency that holds it"),
    "f_outcome": Message("Outcome"),
    "f_act": Message("Has an act of this type"),
    "f_flag": Message("Has had this flag"),
    "f_due_before": Message("Deadline on or before"),
    "f_opened_from": Message("Came in on or after"),
    "f_opened_to": Message("Came in on or before"),
    "f_q": Message("Case number, document number or words"),
    "f_sort": Message("Order"),
    **{f"f_sorted_{code}": order for code, order in ORDERS.items()},
    "cases_none": Message("You see no case as a whole yet."),
    "cases_none_how": Message("What waits for you in others stands under “What waits for you”."),
    "cases_none_such": Message("There is no such case among those that you see."),
    "older": Message("Next page"),
    "newest": Message("To the first page"),
    "list_all": plural("{n} line in all.", "{n} lines in all.", n=0),
    "list_part": plural("{n} line on this page.", "{n} lines on this page.", n=0),
    "list_newest": Message("newest first"),
    "list_enrolled": Message("in the order in which they were enrolled"),
    "list_as_kept": Message("as the registry has them"),
    "list_end": Message("This is the end of the list."),
    "list_more": Message("The list goes on: see Next page."),
    "c_title": Message("What it is about"),
    "c_number": Message("Case number"),
    "c_state": Message("State"),
    "c_agency": Message("Held by"),
    "c_due": Message("Nearest deadline"),
    "c_last": Message("Last record"),
    "c_flags": Message("Flags"),
    "c_none": Message("none stated"),
    # case
    "case": Message("Case {number}"),
    "tab_file": Message("File"),
    "tab_timeline": Message("Timeline"),
    "tab_compare": Message("Compare"),
    "tab_papers": Message("Documents and files"),
    "tab_durations": Message("Deadlines"),
    "tab_relations": Message("Relations"),
    "tab_copies": Message("Print"),
    "tab_verify": Message("Verify"),
    "tabs": Message("Parts of the case"),
    "facts": Message("What is known"),
    "limbs_met": Message("Limbs found to be met"),
    "since": Message("since"),
    "agency_since": Message("{agency} (since {day})"),
    "deadlines": Message("Deadlines that run"),
    "deadlines_none": Message("No deadline runs."),
    "sub_processes": Message("What went on, and goes on, in it"),
    "pending": Message("Waiting for signatures"),
    "pending_left": SIGNER_LEFT,
    "pending_out": SIGNER_OUT,
    "flags": Message("Flags"),
    "assumptions": Message("Assumptions"),
    "silences": Message("Left open by the regulation"),
    "mirrored": Message("Shown with it, from a ledger of a lower level"),
    "case_counts": Message("Acts: {acts}; statements: {statements}."),
    "what_it_corrects": Message("what it corrects"),
    # why
    "reasons_title": Message("Why?"),
    "reasons_lead": Message("Every change of this field, the newest first, with its act."),
    "reasons_none": Message("No act that can be read has set this field."),
    # deadlines
    "durations_title": Message("Deadlines and durations"),
    "durations_longest": Message("Longest against its deadline: {step}, {percent}% of its time."),
    "durations_no_length": Message("None of these steps has a stated length."),
    "durations_none": Message("No deadline has run in this case."),
    "durations_steps": Message("Steps with a deadline"),
    "durations_states": Message("States"),
    "d_took": Message("Took"),
    "d_allowed": Message("Allowed"),
    "d_until": Message("until"),
    "d_until_head": Message("Until"),
    "d_late": Message("{time} past its end"),
    "d_ended_by": Message("the act that ended it"),
    "d_from": Message("From"),
    "d_to": Message("To"),
    "d_lasts": Message("lasts"),
    "d_at": Message("When"),
    "d_from_body": Message("By"),
    "d_to_body": Message("Whom it went to"),
    # relations
    "relations_title": Message("Relations"),
    "relations_cases": Message("Other cases"),
    "relations_none": Message("No other case that you see as a whole has to do with this one."),
    "relations_ways": Message("What was passed on, and its way"),
    "relations_no_way": Message("Nothing of this case was passed on to another body."),
    "relations_part": Message("of a part"),
    "relations_custody": Message("The case itself was handed over"),
    "r_kind": Message("What it has to do with this one"),
    # reads
    "reads_title": Message("Who read what under which act"),
    "reads_own": Message("Your own reads under an order, an opening or a permit."),
    "reads_agency": Message("Reads by officers of the agencies that you supervise or audit."),
    "reads_all": Message("Reads by everybody."),
    "reads_noted": Message("That you look here is noted as well."),
    "reads_none": Message("Nothing was read under an order, an opening or a permit."),
    "reads_of_case": Message("To the case"),
    "reads_kind": Message("What was read"),
    "reads_by": Message("By"),
    "reads_why": Message("By which rule, for what"),
    "reads_via": Message("the act that allows it"),
    "reads_broken": Message("this row cannot be read: socai log audit"),
    # documents and files
    "papers_title": Message("Documents and files"),
    "papers_files": Message("Files"),
    "papers_noted": Message(
        "Whoever opens a file is noted in its history. Each is checked against its digest first."
    ),
    "papers_erased": Message(
        "Acts here were erased: what files they brought and what documents they named is not known"
        " any more."
    ),
    "papers_none_known": Message("None in the acts that can be read."),
    "papers_no_file": Message("No act of this case has brought a file."),
    "papers_no_file_here": Message("No act of this page has brought a file: see the others."),
    "papers_papers": Message("Official documents"),
    "papers_no_paper": Message("No act of this case names an official document."),
    "papers_no_paper_here": Message(
        "No act of this page names an official document: see the others."
    ),
    "p_paper": Message("Document"),
    "p_abstract": Message("Abstract"),
    "f_name": Message("File"),
    "f_kind": Message("Kind and size"),
    "f_digest": Message("Digest"),
    "f_by_act": Message("Brought by"),
    "f_custody": Message("History"),
    "f_custody_of": Message("Who had it"),
    "f_left_out": Message(
        "(did not come with its act: ask whoever keeps the lower log for it by hand, and hold it to"
        " this digest)"
    ),
    "f_get": Message("Open the file"),
    "custody_title": Message("History of a file"),
    "custody_act": Message("the act that lists it"),
    "custody_steps": Message("Who had it, and when"),
    "custody_what": Message("What happened"),
    "custody_by": Message("By"),
    "custody_anchor": Message("Fixed in the log"),
    "custody_record": Message("record #{index}"),
    "custody_anchored": Message("by an anchor"),
    "custody_waits": Message("not yet: the next anchor will cover it"),
    "custody_newest": Message("Newest anchor: record #{index},"),
    # print
    "copies_title": Message("The case on paper"),
    "copies_what": Message(
        "A print for court is a copy with a number, with the digest and a QR on each sheet. It is"
        " taken by a permit, and entered below before it leaves."
    ),
    "copies_do": Message("Print the next copy (PDF)"),
    "copies_left": Message("{given} of {of} copies taken"),
    "copies_permit": Message("Permit"),
    "copies_no_permit": Message(
        "No permit in your name stands. A supervisor gives one by the act ExportPermitted: socai"
        " act new ExportPermitted."
    ),
    "copies_permits": Message("Permits"),
    "copies_no_permits": Message(
        "No copy of this case may leave: nobody has signed ExportPermitted."
    ),
    "copies_copies": Message("Copies that were taken"),
    "copies_none": Message("No copy has been handed out yet."),
    "copies_holder": Message("In whose name"),
    "copies_given": Message("Taken"),
    "copies_why": Message("What for"),
    "copies_number": Message("Number"),
    # acts across cases
    "acts_title": Message("Acts"),
    "acts_often": Message("Often asked"),
    "acts_late": Message("Entered late, of what happened in {year}"),
    "acts_pending": Message("Waiting for signatures"),
    "acts_of_key": Message("Of one key:"),
    "acts_none": Message("There is no act in what you see yet."),
    "acts_none_such": Message("There is no such act in what you see."),
    "f_type": Message("Type of act"),
    "f_author": Message("Agency of its author"),
    "f_raised": Message("Raised this flag"),
    "f_figure": Message("Counted by this figure"),
    "f_late": Message("Entered late"),
    "f_only_late": Message("only these"),
    "f_pending": Message("Waiting for signatures"),
    "f_only_pending": Message("only these"),
    "f_from": Message("From the day"),
    "f_to": Message("To the day"),
    "a_agency": Message("Agency"),
    "a_occurred": Message("Happened at"),
    "a_recorded": Message("Recorded at"),
    # what is new
    "new_title": Message("New since my last visit"),
    "new_unknown": Message(
        "This browser does not know yet how far you have read. Begin here, and next time this page"
        " shows what came after."
    ),
    "new_span": Message("Records #{first} to #{last} of the log, of what you see."),
    "new_none": Message("Nothing that you see was recorded in them."),
    "new_on": Message("Go on"),
    "new_keep": Message("I have read up to record #{index}: begin here next time"),
    "new_kept": Message("The number is kept in this browser alone; the ledger does not know it."),
    "new_upto": Message("Read up to record"),
    "new_since": Message("Or behind this record of the log"),
    # a key
    "affected_title": Message("What a key touched"),
    "affected_revoked": Message(
        "The key is revoked; what it signed since is disputed. Of those that you see,"
        " statements: {n}, cases: {cases}."
    ),
    "affected_lives": Message(
        "The key is not revoked. A revocation would make disputed, of those that you"
        " see, statements: {n}, cases: {cases}."
    ),
    "affected_from": Message("Counted from"),
    "affected_noted": Message("That you look here is noted."),
    "affected_acts": Message("All acts of this key"),
    "affected_cases": Message("Cases"),
    "affected_each": Message("Every statement"),
    "affected_statements": Message("Statements"),
    "affected_effective": Message("Acts that took effect"),
    "affected_none": Message("It signed nothing since then that you see."),
    "v_signed_as": Message("Signed as"),
    "k_touched": Message("What it touched"),
    "a_code": meaning("of an agency", "Code"),
    "a_carried_on_by": Message("Carried on by"),
    # timeline
    "timeline_title": Message("Timeline"),
    "compact": Message("Compact"),
    "detailed": Message("Detailed"),
    "view_as": Message("Show"),
    "occurred": Message("happened"),
    "recorded": Message("recorded"),
    "late": Message("Entered late"),
    "documents_named": Message("Classified documents that are named to you"),
    "withheld": Message("Withheld: positions {positions}"),
    "moment_at": Message("The case at statement"),
    "moment_do": Message("Show the state then"),
    "moment_of": Message("How the case stood at statement {n} of {last}"),
    "moment_changed": Message("just changed"),
    "moment_before": Message("one statement earlier"),
    "moment_after": Message("one statement later"),
    "moment_first": Message("first statement"),
    "moment_last": Message("last statement"),
    "moment_when": Message("Or on a day, or at a time"),
    "moment_then": Message("How the case stood then"),
    "moment_before_case": Message("The case had not been opened then."),
    "order_by": Message("Order"),
    "order_recorded": Message("As recorded: what the ledger knew"),
    "order_occurred": Message("As it happened: how things were, by what is known today"),
    "lane_others": Message("other agencies"),
    "timeline_one": Message("The case has one act so far."),
    "slide_label": Message("Statement of the case"),
    "slide_play": Message("Play"),
    "slide_pause": Message("Pause"),
    "mirror_mark": Message("Verified copy from {log}, taken in here by {at}"),
    "erased": Message("The content was erased; the trace can still be verified."),
    # act
    "act_title": Message("Statement {n}"),
    "act_before": Message("Earlier act"),
    "act_after": Message("Later act"),
    "act_state_then": Message("The case at this statement"),
    "act_compare": Message("Compare from here"),
    "act_head": Message("When, where, to whom"),
    "act_erased": Message("The content of this act was erased by {act_id}."),
    "act_changed": Message("What it changed"),
    "act_no_change": Message("It changed nothing in the file of the case."),
    "act_changed_hidden": Message("What it changed is told to whoever sees the whole case."),
    "grounds": Message("Grounds"),
    "grounds_none": Message("It names no ground."),
    "in_force": IN_FORCE,
    "not_in_force": NOT_IN_FORCE,
    "says": Message("What the act says"),
    "attached": Message("Files"),
    "signatures": Message("Signatures"),
    "proof_is": Message(
        "Record #{index} stands in the tree of {size} records; path of {n} hashes."
    ),
    "proof_waits": Message("Durable; the checkpoint that will cover it is awaited."),
    "relations_names": Message("Acts that it names"),
    "relations_named_by": Message("Acts of the case that name it"),
    "evidence": Message("To check it without this server"),
    "evidence_get": Message("Its records, signatures, proofs and checkpoint (JSON)"),
    "evidence_how": Message(
        "Each record is there byte for byte, as it was signed, with its path to a checkpoint that"
        " the log has signed. How to check it:"
    ),
    "raw": Message("The signed payload"),
    "old": meaning("change", "Old"),
    "new": meaning("change", "New"),
    "no_value": meaning("change", "(none)"),
    "field": Message("Field"),
    "by_act": Message("By"),
    # comparison
    "compare_title": Message("Two moments compared"),
    "compare_from": Message("From (a statement, a day or a time)"),
    "compare_to": Message("To (empty: now)"),
    "compare_clock": Message("By which clock"),
    "compare_do": Message("Compare"),
    "compare_help": Message(
        "A statement is its number in the case, such as 5; a record of the log #4711; a day"
        " 04/06/2024; a time 04/06/2024 08:12."
    ),
    "compare_none": Message("Nothing changed between the two moments."),
    "compare_swapped": Message("The second moment was earlier: the two were swapped."),
    "compare_count": Message("Changes: {n}, from record #{first} to record #{last} of the log."),
    "clock_recorded": Message("recorded at"),
    "clock_occurred": Message("happened at"),
    # verification
    "verify_title": Message("Verification"),
    "verify_by": Message(
        "Checked by this server just now. Who trusts nobody checks alone: socai case verify."
    ),
    "verify_reason": Message("Reason"),
    "verify_counts": Message("Signatures"),
    "verify_table": Message("Every statement: signature and proof"),
    "verify_signed_off": Message("Signed off by supervisors"),
    "verify_no_sign_off": Message("No supervisor has signed off a verification of this case."),
    "verify_span": Message("records #{first} to #{last}"),
    "v_place": Message("Statement"),
    "v_act": Message("Act"),
    "v_signer": Message("Signed by"),
    "v_key": Message("Key"),
    "v_verdict": Message("Verdict"),
    "v_proof": Message("Proof"),
    "v_proof_yes": Message("in the tree"),
    "v_proof_no": Message("awaited"),
    # worklist
    "work_title": Message("What waits for you"),
    "work_left_out": plural(
        "{n} task more waits behind these, and moves up as they are done. All of them:",
        "{n} tasks more wait behind these, and move up as they are done. All of them:",
        n=0,
    ),
    "work_none": Message("Nothing waits for you."),
    "work_team": Message("With what waits for others of the agencies that you supervise"),
    "work_own": Message("Only what waits for you"),
    "work_measures_all": Message("All measures in force without a finding, with filters"),
    "work_at": Message("As of"),
    "work_other_keys": Message(
        "Other keys sign in your name. Where one is not yours, have it revoked:"
    ),
    "w_case": Message("Case"),
    "w_act": Message("Act"),
    "w_clock": Message("Deadline"),
    "w_due": Message("Due"),
    "w_source": Message("Source"),
    "w_move": Message("Whose move"),
    "w_disputed": Message("signed with a revoked key"),
    "w_holding": Message("end of what is named to you"),
    "product_rule": Message("rule of this product"),
    # statistics
    "stats_title": Message("Statistics"),
    "stats_from": Message("From the day"),
    "stats_to": Message("To the day"),
    "stats_agency": Message("Of one agency"),
    "stats_period": Message("From {first} to {last}."),
    "stats_came": Message("Cases that came in:"),
    "stats_seen": Message(
        "Counted are the cases that you see: whoever doubts a figure follows it to its cases."
    ),
    "stats_province": Message(
        "Counted are all cases of the province; a cell too small to tell is hidden."
    ),
    "stats_all": Message("All cases, and reads by month"),
    "stats_hidden": Message("hidden"),
    "stats_oversight": Message("Oversight"),
    "stats_figure": Message("Figure"),
    "stats_means": Message("What it counts"),
    "stats_count": Message("Acts"),
    "stats_cases": Message("Cases"),
    "cases_counted": Message("Counted by the figure:"),
    # registry
    "agencies_title": Message("Agencies"),
    "agencies_on": Message("On the day"),
    "agencies_do": Message("Show"),
    "agencies_none": Message("The registry knows no agency yet."),
    "a_name": Message("Name"),
    "a_functions": Message("Functions"),
    "a_posts": Message("Posts"),
    "a_until": Message("until"),
    "a_carried_on": Message("carried on by {agency}"),
    "keys_title": Message("Keys"),
    "keys_none": Message("The registry knows no key yet."),
    "k_kid": Message("Key"),
    "k_custody": Message("Custody"),
    "k_status": Message("Status"),
    "k_from": Message("Valid from"),
    "k_to": Message("Valid until"),
    "k_enrolled": Message("Enrolled by record"),
    "k_revoked": Message("Revoked by record"),
}
