"""Words that more than one answer uses, each list once and under a name.

The document has each as a schema of its own, so that a generator makes one type of it. Words that
the rulebook defines come from the rulebook, with their meaning in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from marshmallow import fields, validate

from api.problems.types import TYPES
from api.settings import LEVELS
from api.texts.catalogue import both
from api.texts.labels import WORDS
from ledger.message import Text, Wording
from ledger.reads.read import KINDS
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.acts.participation_rules import load as participation_rules
from ledger.regulation.case.outcomes import OUTCOMES
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.table import GUARDS
from ledger.regulation.words import vocabulary
from projections.views.case_file import SORTS

MARK: Final = "x-enumeration"
"""Where a member names its enumeration; the document then refers to that schema instead."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A list of words with a name.

    Attributes:
        name: Of the schema, and of the type that a generator makes.
        description: What the words tell.
        words: Them, in their order.
        meanings: What each means, where that is not the word itself.
    """

    name: str
    description: str
    words: tuple[str, ...]
    meanings: Mapping[str, str] = field(default_factory=dict)

    def one(self, description: str, *, required: bool = False, null: bool = False) -> fields.String:
        """A member that has one of them.

        Args:
            description: What it tells here.
            required: Whether it is always there.
            null: Whether it may be null.
        """
        allowed = (*self.words, None) if null else self.words
        return fields.String(
            required=required,
            allow_none=null,
            validate=validate.OneOf(allowed),
            metadata={"description": description, MARK: self.name},
        )

    def schema(self) -> dict[str, Any]:
        """As JSON Schema; `x-enumDescriptions` as Redoc reads it."""
        body: dict[str, Any] = {
            "type": "string",
            "description": self.description,
            "enum": list(self.words),
        }
        return {**body, "x-enumDescriptions": dict(self.meanings)} if self.meanings else body


def _both(labels: Mapping[str, Text]) -> dict[str, str]:
    return {code: " · ".join(both(label).values()) for code, label in labels.items()}


CASE_STATE: Final = Enumeration(
    "CaseState",
    "Main state of a case, by the life cycle of the regulation.",
    tuple(life_cycle().labels),
    _both({c: Wording(vi, en) for c, (vi, en) in life_cycle().labels.items()}),
)
CASE_OUTCOME: Final = Enumeration(
    "CaseOutcome", "How a case ended.", tuple(OUTCOMES), _both(OUTCOMES)
)
CASE_SORT: Final = Enumeration("CaseSort", "Order of the case list; `-` turns it round.", SORTS)
_URGENCIES: Final = ("NONE", "KHAN", "THUONG_KHAN", "HOA_TOC")
URGENCY: Final = Enumeration(
    "Urgency",
    "How urgent a case was registered to be, as official letters say it.",
    _URGENCIES,
    _both({code: WORDS[code] for code in _URGENCIES}),
)
ACT_TYPE: Final = Enumeration(
    "ActType",
    "Types of acts in the catalogue.",
    tuple(load().types),
    {name: f"{kind.vi} · {kind.en}" for name, kind in load().types.items()},
)
ACT_STATUS: Final = Enumeration(
    "ActStatus",
    "Where an act stands.",
    ("pending", "effective", "returned", "erased", "service", "set_aside"),
    {
        "pending": "Waits for signatures.",
        "effective": "Everybody has signed it.",
        "returned": "Sent back unsigned.",
        "erased": "Its content is erased by law; every proof stays.",
        "service": "A statement of the service itself.",
        "set_aside": "Against the rules: it moves nothing.",
    },
)
FLAG: Final = Enumeration(
    "Flag",
    "Guards that raise a flag instead of refusing; and SIGNATURE_DISPUTED, which no guard raises"
    " but the revocation of a key, from then on.",
    (*(guard.code for guard in GUARDS if guard.kind == "flag"), DISPUTED),
)
SIGNER_ROLE: Final = Enumeration(
    "SignerRole", "As what an officer signs an act.", ("AUTHOR", "CHECKER", "APPROVER")
)
CAPACITY: Final = Enumeration(
    "Capacity",
    "In whose name an officer signs.",
    tuple(vocabulary("capacities")),
    _both(vocabulary("capacities")),
)
STATEMENT_ROLE: Final = Enumeration(
    "StatementRole",
    "What a statement does to its act: brings it in, signs it too, or sends it back.",
    ("AUTHOR", "CHECKER", "APPROVER", "RETURNER"),
)
LOG_CLOCK: Final = Enumeration(
    "LogClock",
    "Which of two clocks a moment is read on.",
    ("recorded", "occurred"),
    {"recorded": "When the ledger took it.", "occurred": "When it happened, as signed."},
)
DEADLINE_STATUS: Final = Enumeration(
    "DeadlineStatus",
    "How a deadline of a case stands.",
    ("NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE", "ENDED", "STOPPED", "EXTENDED"),
)
DEADLINE_SOURCE: Final = Enumeration(
    "DeadlineSource",
    "Whose rule a deadline is; a product rule is no deadline of law.",
    ("REGULATION", "LAW", "PRODUCT_RULE"),
)
READ_KIND: Final = Enumeration(
    "ReadKind", "What a read shows.", tuple(KINDS), _both({str(k): v for k, v in KINDS.items()})
)
TASK_KIND: Final = Enumeration(
    "TaskKind",
    "What has to be done.",
    (
        "SIGN",
        "SIGN_LATER",
        "RETURNED",
        "STARTED",
        "CLOCK",
        "ACCEPT",
        "OPEN_CASE",
        "HOLDING",
        "AWAITED",
        "DISPUTED",
    ),
)
TASK_STATUS: Final = Enumeration(
    "TaskStatus",
    "How the clock of a task stands; ALARM where only a reminder has passed.",
    ("NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE", "ALARM"),
)
IN_VAIN: Final = Enumeration(
    "InVain",
    "Why a signature is waited for in vain, until somebody notices.",
    ("LEFT", "SHUT_OUT"),
)
OPENING_RULE: Final = Enumeration(
    "OpeningRule",
    "By which rule of access.md §4 an officer sees what they take no part in.",
    ("A7", "A9", "A19"),
    {
        "A7": "cho phép theo tên · a grant by name",
        "A9": "quyết định thanh tra · an inspection order",
        "A19": "mở khẩn cấp · an emergency opening",
    },
)
OPENING_REVIEW: Final = Enumeration(
    "OpeningReview",
    "Whether a third person has reviewed an emergency opening.",
    ("REVIEWED", "DUE", "OVERDUE"),
)
VERDICT: Final = Enumeration(
    "Verdict",
    "What the check of one statement gave (formats.md §9).",
    (
        "VALID",
        "VALID_KEY_SINCE_REVOKED",
        "DISPUTED",
        "INVALID_SIGNATURE",
        "UNKNOWN_KEY",
        "WRONG_SIGNER",
        "ERASED",
        "AGAINST_THE_RULES",
    ),
)
VERIFICATION_OUTCOME: Final = Enumeration(
    "VerificationOutcome",
    "A verdict in four words.",
    ("VALID", "NOT_VALID", "NOT_CONCLUDED", "AGAINST_THE_RULES"),
)
KEY_STATUS: Final = Enumeration(
    "KeyStatus",
    "How a key stands at a moment.",
    ("ACTIVE", "NOT_YET_VALID", "EXPIRED", "REVOKED"),
)
KEY_CUSTODY: Final = Enumeration(
    "KeyCustody",
    "Where a private key is kept; SERVICE is the ledger's own.",
    ("SOFTWARE", "BROWSER", "PKCS11", "SERVICE"),
)
PERMIT_STANDING: Final = Enumeration(
    "PermitStanding",
    "How a permit to take copies out stands.",
    ("STANDS", "USED_UP", "EXPIRED", "REVOKED"),
    {
        "STANDS": "A copy may be taken.",
        "USED_UP": "Every copy has been handed out.",
        "EXPIRED": "Its term is over.",
        "REVOKED": "It was revoked.",
    },
)
FILE_EVENT: Final = Enumeration(
    "FileEvent",
    "What happened to a file.",
    ("ADDED", "ATTACHED", "READ", "EXPORTED"),
    {
        "ADDED": "Uploaded.",
        "ATTACHED": "The act that lists it was recorded.",
        "READ": "Handed out.",
        "EXPORTED": "Handed out as a copy, by a permit.",
    },
)
AGENCY_FUNCTION: Final = Enumeration(
    "AgencyFunction",
    "Functions that the regulation gives to agencies.",
    tuple(line["code"] for line in load_edition().registry["functions"]),
    _both({f["code"]: Wording(f["vi"], f["en"]) for f in load_edition().registry["functions"]}),
)
SECRECY_LEVEL: Final = Enumeration(
    "SecrecyLevel", "Levels of state secrets; an enclave has one.", LEVELS
)
PROBLEM_CODE: Final = Enumeration(
    "ProblemCode",
    "Stable codes of refusals; `/problems/<code>` explains each.",
    tuple(TYPES),
    _both({code: kind.title for code, kind in TYPES.items()}),
)
RECORDED: Final = Enumeration(
    "Recorded",
    "What the log holds of a request that was refused.",
    ("nothing", "yes", "unknown"),
)
HOLDER_KIND: Final = Enumeration(
    "HolderKind",
    "Who holds a part in a case: an agency, whoever has a power by a post there, or an officer.",
    ("agency", "power", "officer"),
)
PARTICIPATION_SCOPE: Final = Enumeration(
    "ParticipationScope", "CASE is the whole case, ACT the acts named.", ("CASE", "ACT")
)
PARTICIPATION_END: Final = Enumeration(
    "ParticipationEnd",
    "What ends a part in a case.",
    tuple(participation_rules().ends),
    _both({code: Wording(vi, en) for code, (vi, en) in participation_rules().ends.items()}),
)
EXCLUSION_GROUND: Final = Enumeration(
    "ExclusionGround",
    "Why an officer is shut out of a case.",
    tuple(vocabulary("exclusion_grounds")),
    _both(vocabulary("exclusion_grounds")),
)
FIGURES_OF: Final = Enumeration(
    "FiguresOf",
    "Of which cases figures are.",
    ("seen", "province"),
    {
        "seen": "các hồ sơ người hỏi được xem · the cases that the caller sees",
        "province": "toàn bộ hồ sơ trong tỉnh · all cases of the province",
    },
)
READS_OF: Final = Enumeration(
    "ReadsOf",
    "Whose reads are told.",
    ("own", "agency", "all"),
    {
        "own": "của chính người hỏi · the caller's",
        "agency": "của cán bộ các cơ quan người hỏi giám sát hoặc kiểm tra"
        " · of officers of agencies that the caller supervises or audits",
        "all": "của mọi người · everybody's",
    },
)
ENUMERATIONS: Final[Mapping[str, Enumeration]] = {
    one.name: one
    for one in (
        CASE_STATE,
        CASE_OUTCOME,
        CASE_SORT,
        URGENCY,
        ACT_TYPE,
        ACT_STATUS,
        FLAG,
        SIGNER_ROLE,
        CAPACITY,
        STATEMENT_ROLE,
        LOG_CLOCK,
        DEADLINE_STATUS,
        DEADLINE_SOURCE,
        READ_KIND,
        READS_OF,
        TASK_KIND,
        TASK_STATUS,
        IN_VAIN,
        FIGURES_OF,
        OPENING_RULE,
        OPENING_REVIEW,
        VERDICT,
        VERIFICATION_OUTCOME,
        KEY_STATUS,
        KEY_CUSTODY,
        FILE_EVENT,
        PERMIT_STANDING,
        AGENCY_FUNCTION,
        SECRECY_LEVEL,
        PROBLEM_CODE,
        RECORDED,
        HOLDER_KIND,
        PARTICIPATION_SCOPE,
        PARTICIPATION_END,
        EXCLUSION_GROUND,
    )
}
