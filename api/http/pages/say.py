"""The texts of the frame and of templates, by name: a template has no text of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.texts.labels import LEVEL_BANNERS
from ledger.message import Message, meaning

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
    "where": Message("Where you are"),
    # levels, as every page begins and ends
    **{f"level_{level.replace('-', '_')}": one for level, one in LEVEL_BANNERS.items()},
    "not_printed": Message("Nothing is printed from the browser in this environment."),
    "rehearsal": Message("REHEARSAL: not real data"),
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
    "problem_home": Message("To the start page"),
    "problem_absent": Message("Not found, or you may not see it"),
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
    "f_sorted_-last_act": Message("last act, newest first"),
    "f_sorted_last_act": Message("last act, oldest first"),
    "f_sorted_-opened_at": Message("came in, newest first"),
    "f_sorted_opened_at": Message("came in, oldest first"),
    "f_sorted_due": Message("deadline, nearest first"),
    "f_sorted_-due": Message("deadline, farthest first"),
    "f_sorted_case_number": Message("case number"),
    "f_sorted_-case_number": Message("case number, last first"),
    "cases_none": Message("You see no case as a whole yet."),
    "cases_none_how": Message("What waits for you in others stands under “What waits for you”."),
    "cases_none_such": Message("There is no such case among those that you see."),
    "older": Message("Older"),
    "newest": Message("To the first page"),
    "list_end": Message("This is the end of the list."),
    "list_more": Message("The list goes on: see Older."),
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
    "tab_verify": Message("Verify"),
    "tabs": Message("Parts of the case"),
    "facts": Message("What is known"),
    "since": Message("since"),
    "deadlines": Message("Deadlines that run"),
    "deadlines_none": Message("No deadline runs."),
    "sub_processes": Message("What goes on in it"),
    "pending": Message("Waiting for signatures"),
    "flags": Message("Flags"),
    "assumptions": Message("Assumptions"),
    "silences": Message("Left open by the regulation"),
    "mirrored": Message("Shown with it, from a ledger of a lower level"),
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
    "mirror_mark": Message("Verified copy from {log}, taken in here by {at}"),
    "erased": Message("The content was erased; the trace can still be verified."),
    # act
    "act_title": Message("Statement {n}"),
    "act_before": Message("Earlier act"),
    "act_after": Message("Later act"),
    "act_head": Message("When, where, to whom"),
    "act_erased": Message("The content of this act was erased by {act_id}."),
    "act_changed": Message("What it changed"),
    "act_no_change": Message("It changed nothing in the file of the case."),
    "act_changed_hidden": Message("What it changed is told to whoever sees the whole case."),
    "grounds": Message("Grounds"),
    "grounds_none": Message("It names no ground."),
    "in_force": Message("in force on the day of the act"),
    "not_in_force": Message("NOT in force on the day of the act, as far as the registry knows"),
    "says": Message("What the act says"),
    "attached": Message("Files"),
    "signatures": Message("Signatures"),
    "proof_is": Message(
        "Record #{index} stands in the tree of {size} records; path of {n} hashes."
    ),
    "proof_waits": Message("Durable; the checkpoint that will cover it is awaited."),
    "relations_names": Message("Acts that it names"),
    "relations_named_by": Message("Acts of the case that name it"),
    "hidden_act": Message("an act that you are not shown here"),
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
        "A statement is its number in the case, such as 5; a day 2024-06-04; a time"
        " 2024-06-04T08:12:00+07:00."
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
    "work_none": Message("Nothing waits for you."),
    "work_team": Message("With what waits for others of the agencies that you supervise"),
    "work_own": Message("Only what waits for you"),
    "work_at": Message("As of"),
    "w_case": Message("Case"),
    "w_act": Message("Act"),
    "w_clock": Message("Deadline"),
    "w_due": Message("Due"),
    "w_source": Message("Source"),
    "w_move": Message("Whose move"),
    "w_disputed": Message("signed with a revoked key"),
    "w_holding": Message("end of what is named to you"),
    "product_rule": Message("rule of this product"),
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
