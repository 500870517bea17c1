"""The command line's words for codes: one table for headings and columns.

Sentences stand where they are said, as `Message`; not: what the ledger answers, which comes
in the caller's language already.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from api.texts.catalogue import translate
from api.texts.lang import Lang
from ledger.message import Message, Text, Wording, meaning
from ledger.regulation.edition import load_edition
from ledger.regulation.words import label, vocabulary

LEVEL_BANNERS: Final[dict[str, Message]] = {
    "ordinary": Message("ORDINARY LEDGER · Enter nothing that is a state secret"),
    "mat": Message("ENVIRONMENT OF LEVEL MAT"),
    "toi-mat": Message("ENVIRONMENT OF LEVEL TOI MAT"),
    "tuyet-mat": Message("ENVIRONMENT OF LEVEL TUYET MAT"),
}
"""How every page and every sheet begins and ends, by the level of the log."""
PARTS_OF_WORK: Final = (
    "sign", "overdue", "due", "running", "referrals", "returned", "later", "started", "cases",
    "held", "awaited", "disputed",
)  # fmt: skip
"""Of what waits for somebody, in the order in which it presses."""
NAMES: Final[dict[str, Message]] = {
    "act": Message("act"),
    "access_by_month": Message("openings, disclosures, erasures and reads"),
    "acts": Message("acts"),
    "alg": Message("algorithm"),
    "alleged_limb": Message("limbs alleged"),
    "at": Message("at"),
    "act_id": Message("act"),
    "assumptions": Message("assumption"),
    "agency": Message("agency"),
    "assumption": Message("assumption"),
    "row": Message("row"),
    "author": Message("signed by"),
    "backup": Message("full backup"),
    "by": Message("by"),
    "case": Message("case"),
    "case_number": Message("case number"),
    "cases": Message("cases"),
    "count": Message("count"),
    "custody": Message("custody"),
    "clock": Message("clock"),
    "clocks": Message("clock"),
    "channel": Message("channel"),
    "code": Message("code"),
    "complaint": Message("complaint"),
    "complaint_paths": Message("complaint"),
    "corrected": meaning("heading", "corrected"),
    "corrections": meaning("heading", "corrected"),
    "days": Message("days"),
    "document": Message("document"),
    "due": Message("due"),
    "effect": Message("effect"),
    "effective": Message("took effect"),
    "ended_at": Message("ended at"),
    "error": Message("error"),
    "event": Message("event"),
    "field": Message("field"),
    "file": Message("file"),
    "finders": Message("found by"),
    "finding": Message("finding"),
    "flags": Message("flags"),
    "from": Message("from"),
    "mib": Message("size, MiB"),
    "timeline": Message("WAL timeline"),
    "wal_mib": Message("WAL after it, MiB"),
    "whose_move": Message("whose move"),
    "took": Message("took"),
    "of": Message("of"),
    "bar": Message("to the deadline"),
    "functions": Message("functions"),
    "genesis": Message("genesis digest"),
    "ground": Message("ground"),
    "handler": Message("agency"),
    "index": Message("index"),
    "kid": Message("key"),
    "kind": Message("kind"),
    "lag": Message("behind"),
    "lag_s": Message("seconds behind"),
    "late_reason": Message("why it was entered late"),
    "lead": Message("lead agency"),
    "level": Message("level"),
    "month": Message("month"),
    "name": Message("name"),
    "not_reviewed": Message("not reviewed"),
    "reviewed_in_time": Message("reviewed in time"),
    "reviewed_late": Message("reviewed late"),
    "median_days": Message("median days to a result"),
    "note": Message("note"),
    "now": Message("ledger's time"),
    "number": Message("number"),
    "occurred": Message("occurred at"),
    "precision": Message("known"),
    "officer": Message("officer"),
    "officers": Message("who has signed"),
    "unshown": Message("not in this file"),
    "opened": Message("times opened"),
    "opened_at": Message("came in at"),
    "origin": Message("origin"),
    "open_sub_processes": Message("open sub-processes"),
    "outcome": Message("outcome"),
    "participant": Message("who takes part"),
    "overturned_by_basis": Message("overturned by ground"),
    "pending": Message("pending"),
    "period": Message("month of intake"),
    "place": Message("place in the case"),
    "position": Message("position"),
    "post": Message("post"),
    "proof": Message("proof"),
    "recorded": Message("recorded at"),
    "records": Message("records"),
    "refused": Message("refused"),
    "register_no": Message("intake number"),
    "registered_at": Message("registered at"),
    "rehearsal": Message("rehearsal"),
    "reporters": Message("reports"),
    "result_act": Message("result determined"),
    "result": Message("ok"),
    "returned": meaning("heading", "returned"),
    "seq": Message("seq"),
    "silence": Message("left open"),
    "rule": Message("rule"),
    "signed_by": Message("signed by"),
    "since": Message("since"),
    "silences": Message("left open"),
    "size": Message("records covered"),
    "source": Message("source"),
    "state": Message("state"),
    "state_since": Message("in this state since"),
    "statements": meaning("heading", "statements"),
    "status": Message("status"),
    "stream": Message("stream"),
    "sub_processes": Message("sub-process"),
    "role": meaning("column", "as"),
    "step": Message("step"),
    "title": Message("title"),
    "to": Message("to"),
    "until": Message("until"),
    "urgency": Message("urgency"),
    "value": Message("value"),
    "view": Message("view"),
    "waiting_for": Message("waits for"),
    "verdict": meaning("signature", "verdict"),
    "what": Message("what"),
    "before": Message("before it"),
    "begun_at": Message("begun"),
    "closed_at": Message("over"),
    "given_up_at": Message("given up"),
    "left_behind": Message("left behind"),
    "wraps_before": Message("wraps before"),
    "wraps_after": Message("wraps after"),
    "epoch": Message("epoch"),
    "made_at": Message("in force since"),
    "over_at": Message("over"),
}


def name(member: str, lang: Lang) -> str:
    """The word for a member or column, else what the rules call it, else the member itself."""
    text = NAMES.get(member) or vocabulary("members").get(member)
    return translate(text, lang) if text is not None else member.replace("_", " ")


#: What an audit could not ask, and how a row or a definition differs.
AUDITED: Final[dict[str, Message]] = {
    "altered": Message("altered"),
    "beyond": Message("beyond the log"),
    "content": Message("content"),
    "extra": Message("extra"),
    "file bytes": Message("file bytes"),
    "missing": Message("missing"),
    "reads": Message("log of reads"),
    "rules": Message("rules"),
    "signatures": Message("signatures"),
    "statements": meaning("audit", "statements"),
    "stopped": meaning("audit", "stopped"),
    "tokens": Message("tokens"),
    "views": Message("views"),
    "views (there are none here)": Message("views (there are none here)"),
    "views (the log comes first)": Message("views (the log comes first)"),
    "wraps": Message("wraps"),
}


def audited(code: str, lang: Lang) -> str:
    """A word of an audit."""
    return _said(AUDITED, code, lang)


#: How a clock stands, where a task stands on a worklist, how a key does, how urgent a case is.
WORDS: Final[dict[str, Message]] = {
    "ACTIVE": Message("active"),
    "ALARM": Message("internal reminder passed"),
    "BROWSER": Message("browser"),
    "DUE": Message("due today"),
    "ENDED": Message("over"),
    "EXPIRED": Message("expired"),
    "EXTENDED": Message("extended"),
    "HOA_TOC": Message("at once"),
    "KHAN": Message("urgent"),
    "NEAR": Message("nearly due"),
    "NONE": Message("not urgent"),
    "NONE_STATED": Message("no limit stated"),
    "NOT_YET_VALID": Message("not valid yet"),
    "OVERDUE": Message("overdue"),
    "PKCS11": Message("device"),
    "REVOKED": Message("revoked"),
    "RUNNING": Message("running"),
    "SERVICE": Message("service"),
    "SOFTWARE": Message("file"),
    "STOPPED": meaning("word", "stopped"),
    "THUONG_KHAN": Message("very urgent"),
    "building": Message("building"),
    "cases": Message("case held"),
    "due": Message("due"),
    "later": Message("to sign later"),
    "live": Message("live"),
    "old": Message("being cleared"),
    "overdue": Message("overdue"),
    "referrals": Message("to accept"),
    "held": Message("held by name"),
    "awaited": Message("others are asked"),
    "disputed": Message("disputed"),
    "returned": meaning("word", "returned"),
    "running": Message("to do"),
    "sign": Message("to sign"),
    "started": Message("waits for others to sign"),
}


def level(code: str) -> Text:
    """What a level of a log is called; those of the law are translated into no language."""
    if code == "ordinary":
        return meaning("level", "ordinary")
    return label("", code.upper().replace("-", "_")) or Wording(code, code)


def value(code: str, lang: Lang) -> str:
    """What the rulebook calls a value of an enumeration; the code where it has no name."""
    found = label("", code)
    return code if found is None else translate(found, lang)


def word(code: str, lang: Lang) -> str:
    """The word for a code of clocks, tasks and keys; the code itself where the table has none."""
    return _said(WORDS, code, lang)


#: The three outcomes of a check and the verdicts on a signature (formats.md §9).
VERDICTS: Final[dict[str, Message]] = {
    "VALID": Message("valid"),
    "NOT_VALID": Message("not valid"),
    "NOT_CONCLUDED": Message("not enough to conclude"),
    "VALID_KEY_SINCE_REVOKED": Message("valid, key revoked later"),
    "DISPUTED": Message("disputed"),
    "AGAINST_THE_RULES": Message("recorded against the rules"),
    "NOT_REJUDGED": Message("not judged again"),
    "INVALID_SIGNATURE": Message("signature does not fit"),
    "WRONG_SIGNER": Message("wrong signer"),
    "UNKNOWN_KEY": Message("unknown key"),
    "ERASED": Message("content erased"),
}


def verdict(code: str, lang: Lang) -> str:
    """A verdict or outcome in words."""
    return _said(VERDICTS, code, lang)


#: As whom an officer signs (formats.md §3).
ROLES: Final[dict[str, Message]] = {
    "AUTHOR": Message("author"),
    "CHECKER": Message("checker"),
    "APPROVER": Message("approver"),
    "RETURNER": Message("returner"),
}


def role(code: str, lang: Lang) -> str:
    """A signer's role in words."""
    return _said(ROLES, code, lang)


def function(code: str, lang: Lang) -> str:
    """A function of an agency in words; one that no edition has by its code."""
    return _functions(lang).get(code, code)


@cache
def _functions(lang: Lang) -> Mapping[str, str]:
    lines = load_edition().registry["functions"]
    return {one["code"]: one.get(lang) or one["vi"] for one in lines}


#: Where a measure, a referral or another sub-process stands, and what a verification found.
STANDINGS: Final[dict[str, Message]] = {
    "ACCEPTED": Message("accepted"),
    "ACKNOWLEDGED": Message("acknowledged"),
    "ADJUSTED": Message("adjusted"),
    "AMENDED": Message("amended"),
    "ANNULLED": Message("annulled"),
    "ANSWERED": Message("answered"),
    "CANCELLED": Message("cancelled"),
    "CLASSIFIED": Message("classified"),
    "CONCLUDED": Message("concluded"),
    "CONFIRMED": Message("confirmed"),
    "CONFLICT": Message("competence disputed"),
    "CONVENED": Message("convened"),
    "CORRECTED": meaning("standing", "corrected"),
    "COUNCIL_ESTABLISHED": Message("council set up"),
    "COUNCIL_PROPOSED": Message("council proposed"),
    "COUNCIL_REFUSED": Message("council refused"),
    "COURT": Message("at court"),
    "DECIDED": Message("decided"),
    "DECLASSIFIED": Message("declassified"),
    "DECLINED": Message("declined"),
    "DESTROYED": Message("destroyed"),
    "DISSOLVED": Message("dissolved"),
    "DROPPED": Message("dropped"),
    "ESTABLISHED": Message("established"),
    "EXECUTED": Message("executed"),
    "EXPLAINED": Message("explained"),
    "EXTENDED": Message("extended"),
    "GIVEN": Message("given"),
    "LAPSED": Message("lapsed"),
    "LIFTED": Message("lifted"),
    "NARROWED": Message("narrowed"),
    "NOT_ACCEPTED": Message("not accepted"),
    "NOT_OPENED": Message("not opened"),
    "OPEN": Message("open"),
    "OPENED": Message("opened"),
    "ORDERED": Message("ordered"),
    "PARTLY_ANSWERED": Message("partly answered"),
    "PARTLY_DECLASSIFIED": Message("partly declassified"),
    "PROPOSED": Message("proposed"),
    "RECEIVED": Message("received"),
    "RECORD_MADE": Message("record made"),
    "REFUSED": Message("refused"),
    "REJECTED": Message("rejected"),
    "RELEASED": Message("released"),
    "REQUESTED": Message("requested"),
    "RESTORATION_ASKED": Message("restoration asked"),
    "RESTORED": Message("restored"),
    "RESULT": Message("has a result"),
    "RETURNED": meaning("standing", "returned"),
    "RETURNED_FOR_SANCTION": Message("returned for a sanction"),
    "SECONDED": Message("seconded"),
    "SENT": Message("sent"),
    "SUPERSEDED": Message("superseded"),
    "SUSPENDED": Message("suspended"),
    "TAKEN": Message("taken"),
    "TRANSFERRED": Message("transferred"),
    "WITHDRAWN": Message("withdrawn"),
    "ERROR": Message("an error"),
    "NOT_JUSTIFIED": Message("not justified"),
    "NOT_ON_LIST": Message("not on the list"),
    "OUTCOME_SUPERSEDED": Message("outcome superseded"),
    "STUB_OPENED": Message("stub opened"),
    "WRITTEN_CONFIRMATION": Message("confirmed in writing"),
    "WRONG_LABEL": Message("wrong label"),
    "NAMES_NOBODY": Message("names nobody"),
    "COMPLETED": Message("said later"),
    "FALSE": Message("false"),
    "FALSE_FABRICATED": Message("fabricated"),
    "FALSE_IMPERSONATION": Message("impersonation"),
    "OPINION_NOT_FACT": Message("opinion, not fact"),
    "OUT_OF_SCOPE": Message("outside the regulation"),
    "TRUE_BUT_BREACH": Message("true but in breach"),
    "TRUE_NO_BREACH": Message("true, no breach"),
    "UNVERIFIABLE": Message("cannot be verified"),
    "effective": Message("effective"),
    "erased": Message("erased"),
    "pending": Message("pending"),
    "returned": meaning("standing", "returned"),
}


def standing(code: str, lang: Lang) -> str:
    """Where a sub-process or an act stands, or a finding, in words."""
    return _said(STANDINGS, code, lang)


FILE_EVENTS: Final[dict[str, Message]] = {
    "ADDED": Message("added"),
    "ATTACHED": Message("attached"),
    "READ": Message("read"),
    "EXPORTED": Message("exported"),
}


def file_event(code: str, lang: Lang) -> str:
    """What happened to a file."""
    return _said(FILE_EVENTS, code, lang)


PERMITS: Final[dict[str, Message]] = {
    "STANDS": Message("stands"),
    "USED_UP": Message("used up"),
    "EXPIRED": Message("expired"),
    "REVOKED": Message("revoked"),
}


def permit_standing(code: str, lang: Lang) -> str:
    """How a permit to take copies stands."""
    return _said(PERMITS, code, lang)


def _said(table: dict[str, Message], code: str, lang: Lang) -> str:
    text = table.get(code)
    return translate(text, lang) if text is not None else code
