"""Every problem code: status, what happened, what to do next, what the log holds (http.md §1).

One table; each code has a page at `/problems/<code>`. `problem.py` says which
error becomes which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ledger.message import Message, Text

Recorded = Literal["nothing", "yes", "unknown"]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes:
        status: HTTP status.
        title: What happened.
        step: What the caller does next.
        recorded: What the log holds afterwards: `nothing` of this request, `yes` (the act is in
            the log) or `unknown` (send the same bytes again to learn it).
    """

    status: int
    title: Text
    step: Text
    recorded: Recorded = "nothing"


_FIX_AND_SIGN: Final = Message(
    "Nothing was recorded. Correct what `errors` names, sign again and send."
)
_SIGN_IN: Final = Message(
    "Nothing was recorded. Sign in again: POST /v1/auth/challenge, then POST /v1/auth/token."
)
_SAME_BYTES: Final = Message(
    "Nothing was recorded. Wait for Retry-After and send the same bytes; twice is recorded once."
)
_TO_LEARN: Final = Message(
    "Wait for Retry-After and send the same bytes: the answer tells what was recorded."
)
_FIX_REQUEST: Final = Message(
    "Nothing was recorded. Correct the request as `errors` and /docs say."
)

TYPES: Final[Mapping[str, ProblemType]] = {
    # The sender's bytes
    "not_canonical": ProblemType(
        400,
        Message("The signed data is not canonical JSON"),
        _FIX_AND_SIGN,
    ),
    "malformed_statement": ProblemType(
        400,
        Message("The statement does not have the form of /spec/formats#s3"),
        _FIX_AND_SIGN,
    ),
    "malformed_act": ProblemType(
        400,
        Message("The act does not have the form of /spec/formats#s2"),
        _FIX_AND_SIGN,
    ),
    "invisible_characters": ProblemType(
        400,
        Message("The text holds characters that nobody sees: what is read is not what is signed"),
        Message(
            "Nothing was recorded. Take out what `errors` names (POST /v1/acts/prepare builds the"
            " text without them), sign again and send."
        ),
    ),
    "unknown_act": ProblemType(
        400,
        Message("The catalogue has no such act type"),
        _FIX_AND_SIGN,
    ),
    "wrong_log": ProblemType(
        400,
        Message("The statement was signed for another log"),
        Message("Nothing was recorded. Take `origin` from GET /v1/log and sign for this log."),
    ),
    "wrong_stream": ProblemType(
        400,
        Message("This act type does not belong in the stream named"),
        _FIX_AND_SIGN,
    ),
    "clock_off": ProblemType(
        400,
        Message("`iat` is too far from the ledger's clock (-24 h … +5 min)"),
        Message("Nothing was recorded. Set the signing machine's clock, sign again and send."),
    ),
    "malformed_request": ProblemType(
        400,
        Message("The request does not have the documented form"),
        _FIX_REQUEST,
    ),
    "other_form": ProblemType(
        400,
        Message("The form was made before this sign-in, or is of another browser"),
        Message("Nothing was recorded of what was sent. Open its page again, and send it there."),
    ),
    "bad_cursor": ProblemType(
        400,
        Message("The cursor is not one of ours, or belongs to other filters"),
        Message("Leave `cursor` out to read from the first page with these filters."),
    ),
    "number_of_several": ProblemType(
        409,
        Message("Several cases that you see have this number"),
        Message(
            "Nothing was recorded. Add `agency` to the address, or take the case by its id: `cases`"
            " names them."
        ),
    ),
    "as_of_in_future": ProblemType(
        400,
        Message("The moment asked for has not come yet"),
        Message("Choose a moment that has passed, or an index up to Ledger-Index."),
    ),
    "too_much_asked": ProblemType(
        400,
        Message("Too much asked at once"),
        Message("Ask for a shorter span (from, to, as_of), or for fewer cases at once."),
    ),
    "not_a_rehearsal": ProblemType(
        400,
        Message("Only a rehearsal takes X-Rehearsal-Time"),
        Message("Nothing was recorded. Leave X-Rehearsal-Time out."),
    ),
    # Who is calling
    "not_signed_in": ProblemType(
        401,
        Message("Not signed in, or the token has expired"),
        _SIGN_IN,
    ),
    "sign_in_failed": ProblemType(
        401,
        Message("Signing in failed"),
        Message("Ask for a new challenge and sign it with an enrolled, living key."),
    ),
    "wrong_session": ProblemType(
        401,
        Message("A statement is sent by its signer's own session"),
        Message("Nothing was recorded. Sign in with the key that signed this statement."),
    ),
    "unknown_key": ProblemType(
        401,
        Message("The key is not enrolled, or not valid now"),
        Message("Nothing was recorded. Sign with an enrolled key that is valid."),
    ),
    "invalid_signature": ProblemType(
        401,
        Message("The signature does not fit these bytes and this key"),
        Message("Nothing was recorded. Sign exactly the bytes that are sent."),
    ),
    "not_found": ProblemType(
        404,
        Message("Not found"),
        Message("Check the address. What is absent and what may not be seen answer alike."),
    ),
    "before_case": ProblemType(
        404,
        Message("The case had not begun at that moment"),
        Message("Choose a moment from the first record of the case on."),
    ),
    "search_refused": ProblemType(
        400,
        Message("A search for a person, an account or a link is not made"),
        Message("Search by number, symbol, abstract, act type, state or agency."),
    ),
    "method_not_allowed": ProblemType(
        405,
        Message("This address does not take that method"),
        Message("Nothing was recorded. Use a method of Allow; a correction is a new act."),
    ),
    "not_acceptable": ProblemType(
        406,
        Message("No answer of a type that Accept allows"),
        Message(
            "Nothing was recorded. Let Accept take what this address answers, or leave it out."
        ),
    ),
    "request_timeout": ProblemType(408, Message("The request came too slowly"), _SAME_BYTES),
    "stale": ProblemType(
        409,
        Message("The stream has moved on"),
        Message("Nothing was recorded. Read `since`, then sign again upon `head`."),
    ),
    "stream_set_aside": ProblemType(
        409,
        Message("A record of the stream is against the rules and has not been voided"),
        Message(
            "Nothing was recorded. Tell the registrars: two of them sign RecordVoided (`socai log"
            " void`); then sign this act again upon the new head and send."
        ),
    ),
    "stream_erased": ProblemType(
        409,
        Message("Content of the stream is erased: it takes no further act"),
        Message(
            "Nothing was recorded, nor will it be here; what was not erased can be read as before."
            " Go on in a new case, and say in it which one it follows."
        ),
    ),
    "act_erased": ProblemType(
        409,
        Message("An act of erasure names this act"),
        Message(
            "Nothing was recorded. The act takes no further signature; write a new one without what"
            " was to go."
        ),
    ),
    "act_in_part": ProblemType(
        409,
        Message("An act of erasure names an act in part"),
        Message(
            "Nothing was recorded. Name every statement of each act (`socai record entries`), and"
            " sign anew."
        ),
    ),
    "taken": ProblemType(
        409,
        Message("The act id names another act"),
        Message(
            "Nothing was recorded. Where it is this very act, sent before, nothing is left to do:"
            " look at it by its id. Else choose a new random UUID, sign again and send."
        ),
    ),
    "clock_back": ProblemType(
        409,
        Message("The ledger's clock never goes back"),
        Message(
            "Nothing was recorded. Use a time not before the last record (GET /v1/log, `now`)."
        ),
    ),
    "vault_not_founded": ProblemType(
        409,
        Message("This enclave keeps no identities yet"),
        Message(
            "Nothing was kept. Record the report without a token, and seal the identity once the"
            " operator has founded the vault (socai vault found)."
        ),
    ),
    "identity_taken": ProblemType(
        409,
        Message("The item or the token is another's, or it is sealed to other keys"),
        Message("Nothing was kept. Draw both anew, seal to GET /v1/reporters/keys and send."),
    ),
    "not_disclosed": ProblemType(
        409,
        Message("The act waits for signatures, or is dead"),
        Message("Nothing was asked of the vault. Ask again once every signer has signed."),
    ),
    "opening_over": ProblemType(
        410,
        Message("Nothing is open by this act"),
        Message(
            "Nothing is shown. Two custodians open it within the time of the act; after it, a new"
            " act is needed."
        ),
    ),
    "precondition_failed": ProblemType(
        412,
        Message("It is not what If-Match names"),
        Message("Nothing was recorded. Leave out If-Match to read what stands now."),
    ),
    "too_large": ProblemType(
        413,
        Message("The request is too large"),
        Message(
            "Nothing was recorded. An act has at most 64 KiB, a request at most 1 MiB, a file as"
            " many bytes as this ledger is set to take."
        ),
    ),
    "uri_too_long": ProblemType(414, Message("The address is too long"), _FIX_REQUEST),
    "headers_too_large": ProblemType(
        431, Message("The request's headers are too large"), _FIX_REQUEST
    ),
    "unsupported_media_type": ProblemType(
        415,
        Message("This content type is not taken"),
        Message("Nothing was recorded. Send it in a type that Accept-Post names."),
    ),
    "guard": ProblemType(
        422,
        Message("The regulation refuses this act at this point"),
        Message("Nothing was recorded. Do as `detail` says; `guard` names the condition not met."),
    ),
    "rejected": ProblemType(
        422,
        Message("The ledger does not take this statement"),
        Message("Nothing was recorded. Do as `detail` says, sign again and send."),
    ),
    "attachment_missing": ProblemType(
        422,
        Message("The author has not uploaded a file that the act lists"),
        Message(
            "Nothing was recorded. Upload it (POST /v1/attachments), then send the same bytes."
        ),
    ),
    "malformed_identity": ProblemType(
        422,
        Message("What is said of the reporter does not have its form"),
        Message("Nothing was kept. Correct what `errors` names and send it again."),
    ),
    "identity_missing": ProblemType(
        422,
        Message("The vault has no such identity for this reporter of this case"),
        Message(
            "Nothing was recorded. Seal it first (POST /v1/reporters), then send the same bytes."
        ),
    ),
    "lower_log_unknown": ProblemType(
        422,
        Message("The act names a lower log, or a state of one, that was never taken in here"),
        Message(
            "Nothing was recorded. Take log, size and root of GET /v1/lower-logs, or leave"
            " `facts.seen` to POST /v1/acts/prepare, and sign again."
        ),
    ),
    "nothing_to_send": ProblemType(
        422,
        Message("The act says nothing that the vault could send"),
        Message(
            "Nothing was sent. Record ReporterInformed with `status` INFORMED, `through_vault` true"
            " and the token in `reporter`."
        ),
    ),
    "share_refused": ProblemType(
        422,
        Message("The vault does not take this share for this act"),
        Message(
            "Nothing was opened. Look at the act again, and give the share anew: socai reporter"
            " open. If R's key was turned, give the share of the new one."
        ),
    ),
    "digest_mismatch": ProblemType(
        422,
        Message("What came has another digest than Content-Digest declares"),
        Message("Nothing was kept. Compute the digest of the file again and send it again."),
    ),
    "too_many_attempts": ProblemType(
        429,
        Message("Too many attempts"),
        Message("Wait for Retry-After, then try again."),
    ),
    "too_many_requests": ProblemType(
        429,
        Message("Too many requests at once"),
        Message("Nothing was recorded. Wait for Retry-After, then send it again."),
    ),
    # Ours
    "internal": ProblemType(
        500,
        Message("An error of ours"),
        Message("Send the same bytes to learn whether they were recorded; report `trace_id`."),
        "unknown",
    ),
    "evidence_fails": ProblemType(
        500,
        Message("What is stored does not match the log's evidence"),
        Message("Doubtful content is not served. Tell the operator: run `socai log audit`."),
    ),
    "stopped": ProblemType(
        503,
        Message("The ledger has stopped on a doubt about its integrity"),
        _TO_LEARN,
        "unknown",
    ),
    "log_in_doubt": ProblemType(
        503,
        Message("The log in the database is not the one that this server has seen"),
        Message(
            "Nothing was recorded; reading goes on. Tell the operator: an old backup may have been"
            " restored (`socai log audit`). Once the log is right again, send the same bytes."
        ),
    ),
    "unavailable": ProblemType(503, Message("Unavailable for the moment"), _SAME_BYTES),
    # said by the proxy alone (docs/operate/proxy.conf), which has sent the request on
    "no_answer": ProblemType(
        503,
        Message("The ledger's servers do not answer at the moment"),
        Message(
            "Whether anything was recorded is not known. Wait for Retry-After, then send the same"
            " bytes: an act is recorded once. A copy or a print takes a number each time: see the"
            " list of copies first."
        ),
        "unknown",
    ),
    "database_unavailable": ProblemType(
        503,
        Message("The database does not answer at the moment"),
        _TO_LEARN,
        "unknown",
    ),
    "files_unavailable": ProblemType(
        503,
        Message("The file store does not answer at the moment"),
        Message("Nothing was kept. Wait for Retry-After, then send it again."),
    ),
    "disk_full": ProblemType(
        503,
        Message("The disk is nearly full: writing is paused, reading goes on"),
        _SAME_BYTES,
    ),
    "clock_jumped": ProblemType(
        503,
        Message("The server's clock is before the last record"),
        _SAME_BYTES,
    ),
    "clocks_apart": ProblemType(
        503,
        Message("The clocks of server and database are apart"),
        _SAME_BYTES,
    ),
    "proof_late": ProblemType(
        503,
        Message("Recorded; its proof is late"),
        Message("The act is in the log and will not be lost. Send the same bytes for its receipt."),
        "yes",
    ),
    "answer_late": ProblemType(
        503,
        Message("Recorded; its answer could not be finished"),
        Message(
            "The act is in the log and will not be lost. Wait for Retry-After and send the same"
            " bytes: what it ends is then ended, and its receipt comes."
        ),
        "yes",
    ),
    "audience_late": ProblemType(
        503,
        Message("Who takes part in which case is being brought up to date"),
        Message("Nothing is shown and nothing was recorded. Wait for Retry-After and ask again."),
    ),
    "export_not_permitted": ProblemType(
        403,
        Message("A copy leaves by a permit of its case, and you have none for this file"),
        Message(
            "Nothing left and nothing was recorded. A supervisor signs ExportPermitted in the case,"
            " in your name and post, for as many copies as are needed; name that act as `permit`."
            " To read the file here no permit is needed: GET without `/copies`."
        ),
    ),
    "permit_over": ProblemType(
        403,
        Message("The permit is over"),
        Message(
            "Nothing left and nothing was recorded. What was handed out by it: GET"
            " /v1/cases/{id}/copies; for more a supervisor signs a new ExportPermitted."
        ),
    ),
    "own_reads_only": ProblemType(
        403,
        Message("You are told of your own reads"),
        Message(
            "Nothing was recorded. Those of an agency's officers are for whoever supervises or"
            " audits it, and all of them for the auditors of an overseer; ask without `of`."
        ),
    ),
    "key_not_yours": ProblemType(
        403,
        Message("What one key signed is told to a supervisor of its agency, or under an order"),
        Message(
            "Nothing was recorded. Ask whoever supervises the agency of the key's officer; acts by"
            " anything but a key are listed for everybody who sees them."
        ),
    ),
    "ordinary_only": ProblemType(
        403,
        Message("This is told at the ordinary level alone"),
        Message(
            "Nothing was recorded. Above ordinary acts are read in their cases:"
            " GET /v1/cases/{id}/acts."
        ),
    ),
    "read_not_logged": ProblemType(
        503,
        Message("It cannot be noted now who reads this"),
        Message(
            "Nothing is shown and nothing was recorded. Wait for Retry-After and ask again; if it"
            " lasts, tell the operator: the log of reads takes no row."
        ),
    ),
    "ticket_refused": ProblemType(
        503,
        Message("The database does not take this server's ticket"),
        Message(
            "Nothing was recorded. Tell the operator: socai migrate sets the key that the API"
            " holds; then send the same again."
        ),
    ),
    "vault_late": ProblemType(
        503,
        Message("The vault has not answered yet"),
        Message("Nothing is shown. Ask again in a few seconds; where it stays so, the operator."),
        "unknown",
    ),
    "not_yours": ProblemType(
        403,
        Message("This is another officer's to ask of the vault"),
        Message(
            "Nothing was asked. A letter and a look are the act's author's, a share a custodian's."
        ),
    ),
    "file_left_out": ProblemType(
        404,
        Message("The file did not come up with its act"),
        Message(
            "Nothing was recorded, and nothing is lost: the act names the file by its digest. Ask"
            " whoever keeps the lower log for it by hand, and hold it to that digest."
        ),
    ),
    "part_only": ProblemType(
        403,
        Message("You see some acts of this case, and not the whole file"),
        Message(
            "Nothing was recorded. The acts that were sent to you: /acts below the address of the"
            " case; a supervisor of the agency that handles the case may grant more."
        ),
    ),
    "seen_only": ProblemType(
        403,
        Message("Totals of all cases are not for you"),
        Message(
            "Nothing was recorded. Leave out of=province: the figures are then of the cases that"
            " you see. Totals are for officers of the lead, of the committee of its province and of"
            " an agency that the registry says oversees it."
        ),
    ),
    "projection_late": ProblemType(
        503,
        Message("The view has not reached the index asked for"),
        Message("Wait for Retry-After and read again; an old answer is not given."),
    ),
}
"""By code: stable, and the last part of a problem's `type`."""
