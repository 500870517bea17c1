"""Before a write is answered: a case that is not seen is as one not there (access.md N2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import orjson
import pytest

from keys import canonical
from keys.canonical import unb64
from ledger.errors import Conflict, Head, LedgerError, NotFound, Rejected
from ledger.log.statement import flattened
from ledger.ports import Sight
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import T0, ALedger, a_report, in_memory
from tests.attacks import attack
from tests.builders import CAST, an_act, changed
from tests.fakes import MemoryRecordStore
from tests.smuggle import smuggler_of
from tests.unit.ledger.test_write_path import _needs_approval

SIGHTS_OF_NOTHING: tuple[Sight, ...] = ("absent", "hidden")
ABSENT = f"case/{builders.an_id('nobody began this')}"


class Looks:
    """What a caller sees, as a test says."""

    def __init__(self) -> None:
        self.seen: dict[str, Sight] = {}
        self.acts_seen: set[str] = set()
        self.asked: list[str] = []

    def of(self, stream: str, *, begins: bool = False) -> Sight:  # noqa: ARG002
        """See `Sights`."""
        self.asked.append(stream)
        return self.seen.get(stream, "absent")

    def acts(self, _stream: str, act_ids: Collection[str]) -> frozenset[str]:
        """See `Sights`."""
        return frozenset(act_ids) & self.acts_seen


@pytest.fixture
def looks() -> Looks:
    """Of one caller."""
    return Looks()


@pytest.fixture
def a(looks: Looks) -> ALedger:
    """A ledger whose callers see what `looks` says, with a case that the hotline has begun."""
    made = ALedger(in_memory(MemoryRecordStore()), sights=looks)
    made.found()
    made.clock.step(minutes=1)
    made.hire("hotline", "cv", "hcv")
    return made


@pytest.fixture
def case(a: ALedger) -> str:
    """A case with one act."""
    act = a_report(1)
    a.say(act, "hotline")
    return act.stream


def _refused(a: ALedger, act: Act, by: str, head: tuple[int, str | None]) -> tuple[str, Any]:
    """What a sender is told: by name and content, of record and of check."""
    statement = a.sign(act, by, head=head)
    told: list[tuple[str, Any]] = []
    calls = (
        lambda: a.send(statement, by=by),
        lambda: a.ledger.drafts.check(
            {"statement": orjson.loads(orjson.dumps(flattened(statement)))},
            at=a.clock.now(),
            signer_officer=builders.officer(by),
        ),
    )
    for call in calls:
        with pytest.raises(LedgerError) as refusal:
            call()
        told.append((type(refusal.value).__name__, refusal.value.args))
    assert told[0] == told[1]
    return told[0]


def test_a_hidden_case_and_one_that_nobody_began_are_refused_alike(
    a: ALedger, looks: Looks, case: str
) -> None:
    """A second act, another act's id, a wrong place: nothing tells that the case is there."""
    looks.seen[case] = "hidden"
    known = a.since(case, 0)[0]
    for act in (a_report(2), changed(a_report(2), act_id=known["act_id"])):
        for head in ((2, known["digest"]), (2, "A" * 43), (7, known["digest"])):
            hidden = _refused(a, changed(act, stream=case), "hotline", head)
            absent = _refused(a, changed(act, stream=ABSENT), "hotline", head)
            assert hidden == absent
            assert hidden[0] == "NotFound"


def test_who_sees_a_part_of_a_case_names_what_is_in_it(a: ALedger, looks: Looks, case: str) -> None:
    """access.md A4: else an act that one was never shown is built upon."""
    looks.seen[case] = "part"
    known = a.since(case, 0)[0]
    when = a.clock.now().astimezone(builders.T0.tzinfo)
    facts = {"intake": [known["act_id"]]}
    act = an_act("CaseRegistered", by="cv", when=when, stream=case, facts=facts)
    assert _refused(a, act, "cv", (2, known["digest"]))[0] == "NotFound"
    looks.acts_seen.add(known["act_id"])
    a.say(act, "cv")


def test_the_same_bytes_sent_again_are_not_answered_to_who_sees_the_case_no_more(
    a: ALedger, looks: Looks
) -> None:
    """A replay is authorised again before the stored answer goes out (N10)."""
    act = a_report(1)
    statement = a.sign(act, "hotline")
    assert a.send(statement, by="hotline").created
    looks.seen[act.stream] = "whole"
    assert not a.send(statement, by="hotline").created
    looks.seen[act.stream] = "hidden"
    with pytest.raises(NotFound):
        a.send(statement, by="hotline")


def test_before_signing_a_hidden_case_is_one_not_begun(a: ALedger, looks: Looks, case: str) -> None:
    """`head` and `prepare` say for it what they say of any id that nobody has used."""
    looks.seen[case] = "hidden"
    assert a.ledger.head(case) == a.ledger.head(ABSENT) == Head(1, None)
    kid = builders.key("cv").kid
    made = [
        a.ledger.drafts.prepare(
            {**dict(a_report(3).signed), "stream": stream}, kid=kid, at=a.clock.now()
        )["protected"]
        for stream in (case, ABSENT)
    ]
    assert made[0] == made[1]
    act_id = a.since(case, 0)[0]["act_id"]
    for stream in (case, ABSENT):
        with pytest.raises(NotFound):
            a.ledger.drafts.prepare(
                {"stream": stream, "act_id": act_id}, kid=kid, role="APPROVER", at=a.clock.now()
            )


def test_who_sees_an_act_only_gets_place_and_digest(a: ALedger, looks: Looks, case: str) -> None:
    """Scope ACT: `seq` and `prev`, never the state of the case; of a conflict the acts they see."""
    whole = a.ledger.head(case)
    looks.seen[case] = "whole"
    whole = a.ledger.head(case)
    assert whole.state is not None
    looks.seen[case] = "part"
    assert a.ledger.head(case) == Head(whole.seq, whole.prev)
    late = a.sign(changed(a_report(2), stream=case), "hotline", head=(1, None))
    with pytest.raises(Conflict) as refused:
        a.send(late, by="hotline")
    assert refused.value.head == Head(whole.seq, whole.prev)
    assert refused.value.since == ()
    looks.acts_seen = {a.since(case, 0)[0]["act_id"]}
    with pytest.raises(Conflict) as refused:
        a.send(late, by="hotline")
    assert [one["act_id"] for one in refused.value.since] == list(looks.acts_seen)


@attack(
    "the state of a case learnt by a check of an act in it: by whom one act was sent",
    stopped_by="the state after an act is told to whoever sees the whole case, as `head` tells it",
    noticed_by="-",
)
def test_a_check_tells_the_state_to_whoever_sees_the_whole_case(
    a: ALedger, looks: Looks, case: str
) -> None:
    """Of an act to be and of a statement; where no case is, it is told to whoever begins one."""
    looks.acts_seen = {a.since(case, 0)[0]["act_id"]}
    at, by = a.clock.now(), builders.officer("cv")
    facts = {"intake": [*looks.acts_seen]}
    act = an_act("CaseRegistered", by="cv", when=at.astimezone(T0.tzinfo), stream=case, facts=facts)
    looks.seen[case] = "whole"
    statement = flattened(a.sign(act, "cv"))
    for asked in ({"act": dict(act.signed)}, {"statement": statement}):
        looks.seen[case] = "whole"
        whole = a.ledger.drafts.check(asked, at=at, signer_officer=by)
        looks.seen[case] = "part"
        part = a.ledger.drafts.check(asked, at=at, signer_officer=by)
        assert whole.pop("next_state") == "SCREENING"
        assert part == whole
    first = a_report(2)
    begun = {"statement": flattened(a.sign(first, "hotline", head=(1, None)))}
    for asked in ({"act": dict(first.signed)}, begun):
        for sight in SIGHTS_OF_NOTHING:
            looks.seen[first.stream] = sight
            told = a.ledger.drafts.check(asked, at=at, signer_officer=builders.officer("hotline"))
            assert told["next_state"] == "RECEIVED", sight


@attack(
    "when a case was moved last, and by which letters, bisected by checks of an act that one may"
    " write there, dated back: by whom one act was sent",
    stopped_by="a check tells whoever sees a part the flags that the act gives by itself (N2)",
    noticed_by="-",
)
def test_a_check_tells_who_sees_a_part_no_flag_that_the_case_gives(
    a: ALedger, looks: Looks, case: str
) -> None:
    """Dated before the act that brought the state, and after: whoever sees the whole is told."""
    at, by, flags = a.clock.now(), builders.officer("hotline"), dict[tuple[Sight, int], Any]()
    when = at.astimezone(T0.tzinfo)
    looks.acts_seen = {a.since(case, 0)[0]["act_id"]}
    for sight in ("whole", "part"):
        for hours in (0, 2):
            act = an_act(
                "DetectionRecorded", by="hotline", when=when - timedelta(hours=hours), stream=case,
                channel="PHONE",
            )  # fmt: skip
            looks.seen[case] = sight
            told = a.ledger.drafts.check({"act": dict(act.signed)}, at=at, signer_officer=by)
            flags[sight, hours] = told["flags"]
    assert set(flags["whole", 2]) - {*flags["whole", 0]} == {"OCCURRED_OUT_OF_ORDER"}
    assert flags["part", 0] == flags["part", 2] == flags["whole", 0]
    assert "ORAL_UNCONFIRMED" in flags["part", 0]


@attack(
    "the bytes of what waits for an officer asked for by themselves, when they are in the case no"
    " more, as if with a complaint",
    stopped_by="whom an act names has its bytes while they take part in its case",
    noticed_by="-",
)
def test_what_waits_is_handed_to_whom_it_names_while_they_take_part(
    a: ALedger, looks: Looks, case: str
) -> None:
    """Also before the audience shows them the act itself (W1)."""
    a.hire("pgd")
    looks.seen[case] = "whole"
    first, act = a.since(case, 0)[0]["act_id"], _needs_approval(a, case)
    a.send(a.sign(act, "cv"), by="cv")
    fields = {"act": "ComplaintReceived", "facts": {"against": first}}

    def payload() -> bytes:
        made = a.ledger.drafts.prepare(
            {"stream": case, "act_id": act.act_id, **fields},
            kid=builders.key("pgd").kid, role="APPROVER", at=a.clock.now(),
            signer_officer=builders.officer("pgd"),
        )  # fmt: skip
        return unb64(made["payload"])

    looks.seen[case] = "part"
    assert payload() == canonical.encode(dict(act.signed))
    looks.seen[case] = "hidden"
    with pytest.raises(NotFound):
        payload()


def test_a_body_outside_brings_a_complaint_by_the_id_on_the_letter(
    a: ALedger, looks: Looks, case: str
) -> None:
    """The door (W2): place and digest for a complaint against an act of the case, nothing else."""
    looks.seen[case] = "whole"
    head, against = a.head(case), a.since(case, 0)[0]["act_id"]
    looks.seen[case] = "hidden"
    complaint = an_act(
        "ComplaintReceived", by="hcv", when=T0, stream=case, facts={"against": against}
    )
    kid = builders.key("hcv").kid

    def prepared(act: Act) -> bytes:
        made = a.ledger.drafts.prepare(dict(act.signed), kid=kid, at=a.clock.now())
        return bytes(made["protected"], "ascii")

    other = changed(complaint, facts={**complaint.facts, "against": builders.an_id("a guess")})
    assert prepared(complaint) != prepared(other)
    with pytest.raises(NotFound):
        a.send(a.sign(other, "hcv", head=head), by="hcv")
    with pytest.raises(
        Rejected, match="AGENCY_HOLDS_FUNCTION"
    ):  # let in, and judged like any other
        a.send(a.sign(complaint, "hcv", head=head), by="hcv")


def test_registrars_void_what_is_set_aside_in_a_case_they_do_not_see(
    a: ALedger, looks: Looks, case: str
) -> None:
    """By index and entry (W2, A26); a guess, or a record that stands, is answered as nothing."""
    looks.seen[case] = "whole"
    a.hire("keeper")
    place = a.head(case)
    junk = smuggler_of(a).put(
        a.sign(changed(a_report(2), stream=case), "cv", head=place), a.clock.now()
    )
    entry = canonical.b64(a.stores.records.read(junk.index, 1)[0].entry)
    looks.seen[case] = "hidden"
    head = (place[0] + 1, place[1])

    def voiding(index: object, said: object) -> Act:
        signers = [
            {"officer": builders.officer("founder"), "post": CAST["keeper"][1], "role": "AUTHOR"},
            {"officer": builders.officer("keeper"), "post": CAST["keeper"][1], "role": "APPROVER"},
        ]
        return an_act(
            "RecordVoided", by="keeper", when=a.clock.now().astimezone(T0.tzinfo), stream=case,
            facts={"entries": [{"index": index, "entry": said}], "reason": "Thử"},
            exact=True, signers=signers,
        )  # fmt: skip

    stands = canonical.b64(a.stores.records.read(junk.index - 1, 1)[0].entry)
    for index, said in ((junk.index, stands), (junk.index - 1, stands), (junk.index + 1, entry)):
        with pytest.raises(NotFound):
            a.send(a.sign(voiding(index, said), "founder", head=head), by="founder")
    answer = a.send(a.sign(voiding(junk.index, entry), "founder", head=head), by="founder")
    assert answer.created


def test_what_everybody_reads_is_not_asked_for(a: ALedger, looks: Looks) -> None:
    """Registry streams are no case: no ticket is needed to revoke a key (N6)."""
    looks.asked.clear()
    a.hire("pgd")
    a.ledger.head("ledger")
    assert looks.asked == []


def test_only_who_is_asked_to_sign_may_return_what_they_do_not_see(
    a: ALedger, looks: Looks, case: str
) -> None:
    """Shut out, they give back what waits for them; nobody else learns its place by its id."""
    a.hire("pgd")
    looks.seen[case] = "whole"
    waiting = _needs_approval(a, case)
    a.send(a.sign(waiting, "cv"), by="cv")
    head = a.head(case)
    looks.seen[case] = "hidden"
    places = {}
    for alias, by in (("pgd", "pgd"), ("hcv", "hcv"), ("pgd", "hcv")):
        back = an_act(
            "ActReturned", by=alias, when=T0, stream=case, refers_to=waiting.act_id,
            facts={"reason": "Thử"},
        )  # fmt: skip
        kid = builders.key(alias).kid
        made = a.ledger.drafts.prepare(
            dict(back.members), kid=kid, role="RETURNER", at=a.clock.now(),
            signer_officer=builders.officer(by),
        )  # fmt: skip
        header = orjson.loads(unb64(made["protected"]))
        places[alias, by] = header["seq"], header.get("prev")
    nowhere = (1, None)
    told = {("pgd", "pgd"): head, ("hcv", "hcv"): nowhere, ("pgd", "hcv"): nowhere}
    assert places == told, "the key is another's: the session tells who asks"
