"""Acts that nobody may do, appended past the door: the audit asks the rules again and names each.

The attacker holds the writer's login and the KEK and has bought one officer. Every signature below
is good, every hash fits, and the tree will be signed over it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from api.cli.terminal.audit_tables import show
from api.cli.terminal.shell import Shell
from api.ops.enclave_audit import Audited
from api.ops.wiring.key_files import open_kek
from api.texts.catalogue import translate
from api.texts.damage import finding
from keys import canonical
from keys.canonical import b64
from keys.jwk import SoftwareSigner
from keys.sealed_anchor import SEALED_BYTES
from ledger.admission.judge import Elsewhere, Judge
from ledger.admission.service_statements import STREAM, custody_anchored
from ledger.audit.audit import _Walk, audit
from ledger.audit.content import Job, RawRecord
from ledger.audit.findings import Damage, Finding
from ledger.audit.range_check import CheckedRange
from ledger.audit.report import Report
from ledger.audit.rules import stream_folds
from ledger.audit.snapshot_port import ExportedSnapshot, StreamPartition
from ledger.audit.tables import Beside
from ledger.audit.tree import ReadCheckpoints
from ledger.audit.workers import Orders, Workers, checker_of
from ledger.log.moment import milliseconds
from ledger.log.statement import AUTHOR, SERVICE_TYP, make, parse_compact
from ledger.ports import StoredRecord
from ledger.postgres.evidence import PostgresEvidence
from ledger.regulation.acts.act import Act
from ledger.regulation.case.permits import permits
from ledger.regulation.case.state import NOTHING, Entry, StreamState
from ledger.streams.event import TOPIC, PositionPassed, SetAside
from ledger.streams.names import stream_id
from ledger.streams.tokens import token_tag
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower
from projections.fold.fold import Fold
from projections.fold.step import Step
from projections.queries.row_evidence import RowEvidence
from projections.views.acts import ActRow
from tests import builders, recovered
from tests.a_ledger import (
    ALedger,
    appointment,
    approved,
    enrolment,
    in_memory,
    linking,
    service_enrolment,
)
from tests.attacks import attack
from tests.builders import CAST, MORE_POWERS, Story, a_case_in, a_token, an_act, an_id
from tests.examples import in_share, share
from tests.fakes import MemoryRecordStore
from tests.fixtures.app import Service
from tests.fixtures.clock import StepClock
from tests.fold_log import FoldLog, Stored
from tests.smuggle import smuggler_into, smuggler_of
from tests.stored_evidence import StoredEvidence

NOTICED = "log audit, which asks the rules again"
STOPPED = "-"
MINE = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")
OFFICERS = ("hotline", "cv", "cv2", "tp", "pgd", "gd", "pc", "hcv", "hpct", "ct", "ubgk", "giamsat")


def _powers(alias: str) -> frozenset[str]:
    agency, post = CAST[alias]
    line = builders.a_registry().agency(agency)
    return frozenset() if line is None else line.posts[post].powers


def _alias(uuid: str) -> str:
    return next(name for name in (*CAST, "founder") if builders.officer(name) == uuid)


class Checkers(Workers):
    """The checkers of three processes, all of them in this one."""

    def __init__(self, number: int, share: ExportedSnapshot, job: Job | None, **more: Any) -> None:  # noqa: ANN401
        spread = more["timeline"] is not None
        self.partitions = number if spread else 1
        partitions = [StreamPartition(rest, self.partitions) for rest in range(self.partitions)]
        self._checkers = [
            checker_of(Orders(share, job, partition=partition, **more)) for partition in partitions
        ]

    def __exit__(self, *_: object) -> None:
        """Nothing was begun."""

    def beside(self) -> Callable[[], Beside]:
        """What stands beside the records, as from another process."""
        beside = _sent(self._checkers[0].source.beside())
        return lambda: beside

    def each(self, do: Callable[..., Any], asked: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """What `do` answers, as from another process."""
        return (_sent(do(*arguments)) for arguments in asked)

    def parts(self, ranges: Iterable[tuple[int, int]]) -> Iterator[Sequence[CheckedRange]]:
        """The parts of each range."""
        return (_sent([checker.part(*some) for checker in self._checkers]) for some in ranges)


def _sent(answer: Any) -> Any:  # noqa: ANN401 - whatever travels
    return pickle.loads(pickle.dumps(answer))  # noqa: S301 - our own


@cache
def _in_post() -> tuple[Mapping[str, Any], datetime]:
    """What is stored once the officers are in post, and when that is."""
    store = MemoryRecordStore()
    a = ALedger(in_memory(store))
    a.found()
    a.clock.step(seconds=1)
    for alias in OFFICERS:
        powers = sorted({*_powers(alias), *MORE_POWERS.get(alias, ())})
        a.say(appointment(alias, a.clock.now(), powers=powers), "founder")
        a.say(enrolment(alias, a.clock.now()), "founder")
    return store.backup(), a.clock.now()


@dataclass(slots=True)
class Den:
    """A ledger with officers in post, and the way past its door.

    Attributes:
        a: The ledger.
        store: What it has stored.
        spread: Whether each audit is run by several processes too, and says the same.
        junk: Indices of what came past the door.
        walks: How often the last audit by several processes went through the log.
    """

    store: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    spread: bool = True
    junk: list[int] = field(default_factory=list)
    walks: int = 0
    a: ALedger = field(init=False)

    def __post_init__(self) -> None:
        stored, now = _in_post()
        self.store.restore(stored)
        self.a = ALedger(in_memory(self.store), clock=StepClock(now))

    @property
    def now(self) -> datetime:
        """The ledger's time."""
        return self.a.clock.now()

    def tell(self, story: Story, *, past: bool = False) -> Story:
        """The statements of a story, each at its time: through the door, or past it."""
        every = [one for entry in story.stream.entries.values() for one in entry.signed]
        for one in sorted(every, key=lambda signed: signed.seq):
            moment = datetime.fromtimestamp(one.iat, UTC)
            self.a.clock.set(max(self.now, moment))
            if past:
                self.put(one.act, _alias(one.officer), one.role)
            else:
                statement = self.a.sign(one.act, _alias(one.officer), role=one.role)
                self.a.send(statement, by=_alias(one.officer))
        self.a.clock.set(max(self.now, story.now) + timedelta(minutes=5))
        return story

    def put(  # noqa: PLR0913 - what an attacker may want to be different
        self,
        act: Act,
        by: str,
        role: str = AUTHOR,
        *,
        iat: datetime | None = None,
        key: SoftwareSigner | None = None,
        stands: bool = True,
        forged: bool = False,
        **columns: Any,  # noqa: ANN401 - the members of a draft
    ) -> int:
        """Signs at the place that comes next and appends it past the door; its index.

        Where it is forged the header names the officer's key, and another key has signed.
        """
        prev, seq = None, 1
        for row in self.store.stream(stream_id(self.a.origin, act.stream)):
            seq = row.seq + 1
            stood = None if row.index in self.junk else self.a.reader().open(row).statement
            prev = prev if stood is None else stood.digest_b64
        if seq > 1 and prev is None:
            prev = NOTHING
        statement = make(
            canonical.encode(dict(act.signed)),
            key or builders.key(by),
            iat=int((iat or self.now).timestamp()),
            log=self.a.origin,
            seq=seq,
            prev=prev,
            role=role,
        )
        if forged:
            wrong = canonical.b64(MINE.sign(statement.signing_input))
            statement = parse_compact(f"{statement.compact.rpartition('.')[0]}.{wrong}")
        index = smuggler_of(self.a).put(statement, self.now, **columns).index
        if not stands:
            self.junk.append(index)
        return index

    def service_says(
        self,
        key: SoftwareSigner,
        *,
        iat: datetime | None = None,
        log: str | None = None,
        typ: str = SERVICE_TYP,
        prev: str | None = None,
        columns: Mapping[str, Any] | None = None,
        **members: Any,  # noqa: ANN401 - what is not as an anchor has it
    ) -> int:
        """An anchor at the head that the door names, or what looks like one, past it; its index."""
        head = self.a.ledger.head(STREAM)
        event = custody_anchored(
            event_id=UUID(an_id(f"anchor {self.count()}")),
            at=self.now.astimezone(builders.T0.tzinfo),
            sealed=bytes(SEALED_BYTES),
            every_s=3600,
        )
        statement = make(
            canonical.encode({**event, **members}),
            key,
            iat=int((iat or self.now).timestamp()),
            log=log or self.a.origin,
            seq=head.seq,
            prev=prev or head.prev,
            role=AUTHOR,
            typ=typ,
        )
        return smuggler_of(self.a).put(statement, self.now, **(columns or {})).index

    def agreed(self) -> list[int]:
        """What is set aside in stream `ledger`, as audit and a process that begins now agree."""
        reader = self.a.reader()
        follower = RegistryFollower(self.store, reader)
        judged = JudgedStream(follower, self.store, reader, STREAM).upto()
        aside = [index for index, why in judged.items() if why is not None]
        report = self.audit()
        named = {f.index for f in wrong(report)} | {one.index for one, _ in report.voided}
        assert named == set(aside)
        return aside

    def junk_of(self, act: Act, *by: str, **more: Any) -> int:  # noqa: ANN401 - see `put`
        """An act, signed past the door by these; the index of its last statement."""
        signers = zip(by, act.signers, strict=False)
        return [self.put(act, alias, s.role, stands=False, **more) for alias, s in signers][-1]

    def tell_more(self, story: Story, *names: str, **more: Any) -> list[Entry]:  # noqa: ANN401 - of acts
        """The next acts of a story, past the door but lawful."""
        entries = []
        for name in names:
            story.now = max(story.now, self.now)
            entry = story.then(name, **more)
            entries.append(entry)
            for one in entry.signed:
                self.a.clock.set(max(self.now, datetime.fromtimestamp(one.iat, UTC)))
                self.put(one.act, _alias(one.officer), one.role)
        self.a.clock.set(max(self.now, story.now) + timedelta(minutes=5))
        return entries

    def void(self, stream: str, *indices: int) -> int:
        """RecordVoided by the founding registrar, past the door; its index."""
        return self.put(self.voiding(stream, *indices), "founder")

    def voiding(self, stream: str, *indices: int) -> Act:
        """RecordVoided by the founding registrar."""
        rows = [self.store.read(index, 1)[0] for index in indices]
        entries = [{"index": row.index, "entry": b64(row.entry)} for row in rows]
        post = CAST["keeper"][1]
        return an_act(
            "RecordVoided", by="keeper", when=self.now.astimezone(builders.T0.tzinfo),
            stream=stream, facts={"entries": entries},
            signers=[{"officer": builders.officer("founder"), "post": post, "role": AUTHOR}],
        )  # fmt: skip

    def count(self) -> int:
        """Records so far."""
        return self.store.head().size

    def audit_after(self, act: Act, by: str) -> Report:
        """The log with this statement at its end."""
        self.put(act, by, stands=False)
        return self.audit()

    def steps(self) -> list[Step]:
        """The log as the views fold it."""
        log = FoldLog(self.store, self.a.keys.kek, self.a.origin)
        return list(Fold(log, self.a.origin, "ordinary").steps(log.read(0, log.size())))

    def audit(self) -> Report:
        """The whole log: by one process, and by several that judge the cases between them.

        By several in one of six tests on a push, in each in `make attack`.
        """
        source, keys = StoredEvidence(self.store), self.a.keys
        given: dict[str, Any] = {"origin": self.a.origin, "vkeys": keys.vkeys, "kek": keys.kek}
        alone = audit(source, **given)
        if not self.spread:
            return alone
        for rows in (4, 16):  # of the second, many are judged by turns
            assert self._spread(rows, source, given) == alone
        return alone

    def _spread(self, rows: int, source: StoredEvidence, given: Mapping[str, Any]) -> Report:
        """The same by several processes, from so many rows at a time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ledger.audit.audit.ROWS", rows)
            crews: list[Checkers] = []

            def crew(*arguments: Any, **more: Any) -> Checkers:  # noqa: ANN401 - see `Checkers`
                crews.append(Checkers(*arguments, **more))
                return crews[-1]

            patch.setattr("ledger.audit.audit.Workers", crew)
            found = audit(source, **given, workers=3)
        self.walks = len(crews)
        return found

    def judged(self, story: Story) -> dict[int, SetAside | None]:
        """Why each record of a case is set aside, by a process that begins now."""
        reader = self.a.reader()
        follower = RegistryFollower(self.store, reader)
        return JudgedStream(follower, self.store, reader, story.stream.name).upto()

    def set_aside(self, story: Story) -> list[int]:
        """What does not stand in a case, by a process that begins now."""
        return [index for index, why in self.judged(story).items() if why is not None]

    def erase(self, index: int) -> None:
        """Deletes a wrap, as the owner of the database can."""
        self.spoil(index, wrap=None)

    def spoil(self, index: int, **columns: Any) -> None:  # noqa: ANN401 - of a row
        """Edits a row, as the owner of the database can."""
        self.store._records[index] = replace(self.store._records[index], **columns)


@pytest.fixture
def den(request: pytest.FixtureRequest) -> Den:
    """A ledger that holds nothing wrong yet."""
    return Den(spread=in_share(6, request.node.name))


def wrong(report: Report) -> list[Finding]:
    """What is, but for anchors of files that are not kept here."""
    return [f for f in report.findings if f.kind is not Damage.FILE_KEY_WRONG]


def against(report: Report, index: int, guard: str) -> None:
    """The first thing wrong is this record, refused by this guard; nothing else is."""
    assert [(f.index, f.kind) for f in report.findings] == [(index, Damage.AGAINST_THE_RULES)]
    assert f": {guard}: " in report.message
    told = translate(finding(report.findings[0]), "vi")
    assert told.startswith("ghi trái quy định: ")
    assert f": {guard}: " in told
    assert report.verdicts["AGAINST_THE_RULES"] == 1


def test_lawful_log_is_sound_with_the_rules_replayed(den: Den) -> None:
    """What the attacks start from; and what came past the door but was lawful is no damage."""
    den.spread = True
    den.tell(a_case_in("CLOSED", start=den.now))
    den.tell(a_case_in("VERIFYING", name=f"case/{an_id('other')}", start=den.now), past=True)
    report = den.audit()
    assert report.ok, report.findings
    assert (report.skipped, den.walks) == ((), 1)
    assert report.verdicts == {"VALID": report.records}


def test_a_stream_that_is_judged_further_is_not_copied_for_who_is_behind(den: Den) -> None:
    """The folds of a process share it: a copy for each record would cost a long case its square."""
    story = a_case_in("CLOSED", start=den.now)
    den.tell(story)
    reader = den.a.reader()
    follower = RegistryFollower(den.store, reader)
    judged = JudgedStream(follower, den.store, reader, story.stream.name)
    whole = judged.upto()
    assert len(whole) > 1
    assert judged.upto(min(whole) + 1) is whole
    assert judged.refused(max(whole) + 1) == []


@attack(
    "one clerk enrols a key for the director",
    stopped_by="the registry follower",
    noticed_by=NOTICED,
)
def test_director_s_key_enrolled_by_the_hotline_alone(den: Den) -> None:
    """The registry of the audit stays as before it: what the stolen key signs is refused too."""
    signer = [{"officer": builders.officer("hotline"), "post": CAST["hotline"][1], "role": AUTHOR}]
    honest = enrolment("gd", den.now, key=MINE)
    act = an_act(
        "KeyEnrolled", by="hotline", when=honest.occurred_at, stream=honest.stream,
        facts=dict(honest.facts), exact=True, signers=signer,
    )  # fmt: skip
    index = den.junk_of(act, "hotline")
    against(den.audit(), index, "AGENCY_HOLDS_FUNCTION")
    case = a_case_in("RECEIVED", start=den.now)
    den.put(case.stream.order[0].act, "hotline")
    signed = den.put(case.act("ParticipationGranted", by="gd"), "gd", key=MINE, stands=False)
    found = [(f.index, f.kind) for f in den.audit().findings]
    assert found == [(index, Damage.AGAINST_THE_RULES), (signed, Damage.KEY_UNKNOWN)]


@attack(
    "a recovery that turns the log's keys to the thief's own, signed with a key of the thief's",
    stopped_by="the registry follower",
    noticed_by=f"{NOTICED}, until two registrars void the record",
)
def test_recovery_that_nobody_signed_turns_no_key(den: Den) -> None:
    """Once it is voided the audit is as it was: its keys, what it finds, and how long it takes."""
    den.spread = True
    facts = recovered.facts(den.a.origin, 3, b64(bytes(32)), [])
    facts["old_vkeys"] = list(den.a.keys.vkeys)
    act = an_act(
        "LogRecovered", by="keeper", when=den.now.astimezone(builders.T0.tzinfo), stream="ledger",
        facts=facts, exact=True,
        signers=[{"officer": builders.officer("founder"), "post": CAST["keeper"][1],
                  "role": AUTHOR}],
    )  # fmt: skip
    index = den.junk_of(act, "founder", key=MINE)
    assert [(f.index, f.kind) for f in den.audit().findings] == [(index, Damage.KEY_UNKNOWN)]
    den.void("ledger", index)
    report = den.audit()
    assert (report.ok, report.recoveries, den.walks) == (True, (), 1), report.findings
    assert [finding.index for finding, _ in report.voided] == [index]


@attack(
    "a registry act that nobody may do stays in the log for good, so that every audit takes twice"
    " as long",
    stopped_by="the streams of the registry are judged before the log is walked",
    noticed_by="-",
)
@pytest.mark.parametrize("stream", ["officer", "case"])
def test_voided_registry_act_makes_no_audit_longer(den: Den, stream: str) -> None:
    """In a case it takes the key of an officer besides (threat model)."""
    den.spread = True
    case = den.tell(a_case_in("SCREENING", start=den.now))
    if stream == "case":
        act, by = case.act("ParticipationGranted", by="gd"), "gd"
    else:
        act, by = enrolment("gd", den.now, key=MINE, by="hotline"), "hotline"
    index = den.junk_of(act, by, key=MINE if stream == "case" else None, registry=True)
    assert den.audit().first_bad_index == index
    den.void(act.stream, index)
    report = den.audit()
    assert (report.ok, den.walks) == (True, 1), report.findings


def test_honest_registry_act_of_a_case_is_foreseen(den: Den) -> None:
    """The walk has nothing to look at again: what is granted in a case is known beforehand."""
    den.spread = True
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    den.tell_more(case, "ParticipationGranted")
    assert den.store.head().registry_index == den.count() - 1
    report = den.audit()
    assert (report.ok, den.walks) == (True, 1), report.findings


@attack("one clerk closes a brand-new case", stopped_by=STOPPED, noticed_by=NOTICED)
def test_case_closed_by_one_clerk(den: Den) -> None:
    """A class 3 act with one signer, in a case that was only just registered."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    index = den.junk_of(case.act("CaseClosed", by="cv", also=[]), "cv")
    against(den.audit(), index, "SIGNER_ORDER")


@attack(
    "a case is closed in the names of all who sign for that, with signatures that nobody made",
    stopped_by="views ask every signature as they fold it",
    noticed_by="readiness, log audit",
)
def test_closing_that_nobody_signed_is_shown_by_no_view(den: Den) -> None:
    """The form is good, so that nothing but the signatures could tell; nobody writes after it."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    act = case.act("CaseClosed")
    first = den.count()
    for signer in act.signers:
        den.put(act, _alias(signer.officer), signer.role, forged=True)
    shown = [(step.status, step.effect, step.stream.state) for step in den.steps()[first:]]
    assert shown == [("set_aside", False, "RESULT_RECORDED")] * len(act.signers)


@attack(
    "facts of no type that the rules have, which guard and fold stumble over",
    stopped_by="what a fold stumbles over is judged in full, and set aside",
    noticed_by=NOTICED,
)
@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("ReportReceived", {"content": 5, "received_at": 7, "register_no": {"a": []}}),
        ("RecordVoided", {"entries": True, "reason": 7}),
    ],
    ids=["flagged", "taking effect"],
)
def test_facts_out_of_form_are_set_aside_by_the_fold(
    den: Den, name: str, facts: dict[str, Any]
) -> None:
    """Wherever the fold is begun, and though nobody remembers that they were set aside."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    act = case.act(name, by="hotline", also=[], facts=facts, exact=True)
    index = den.junk_of(act, "hotline")
    against(den.audit(), index, "FACTS_INVALID")
    den.void(case.stream.name, index)
    whole = den.steps()
    assert [step.opened.index for step in whole if step.status == "set_aside"] == [index]
    log = FoldLog(den.store, den.a.keys.kek, den.a.origin)
    for begun in (index - 1, index):
        fold = Fold(log, den.a.origin, "ordinary", begun)
        again = list(fold.steps(log.read(begun + 1, log.size())))
        assert [step.status for step in again] == [step.status for step in whole[begun + 1 :]]
        assert not again[-1].stream.aside  # voided


def test_facts_out_of_form_are_set_aside_behind_what_is_erased(den: Den) -> None:
    """Whoever follows the log, and a mirror, asks there who signed, and whether the facts fit."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    den.erase(den.count() - 1)
    act = case.act("RecordVoided", by="hotline", also=[], facts={"entries": True}, exact=True)
    index = den.junk_of(act, "hotline")
    reader = den.a.reader()
    follower = RegistryFollower(den.store, reader)
    judged = JudgedStream(follower, den.store, reader, case.stream.name)
    event = judged.event(den.store.read(index, 1)[0])
    assert isinstance(event, PositionPassed)
    assert event.aside is not None
    assert str(event.aside.text) == "no rule fits what it says: facts"


@attack("a case is closed a second time", stopped_by=STOPPED, noticed_by=NOTICED)
def test_second_closing(den: Den) -> None:
    """Well signed by all three; the case is closed already."""
    case = den.tell(a_case_in("CLOSED", start=den.now))
    act = case.act("CaseClosed")
    index = den.junk_of(act, *[_alias(s.officer) for s in act.signers])
    report = den.audit()
    assert report.first_bad_index == index - len(act.signers) + 1
    assert "STATE_ILLEGAL" in report.message
    assert len(report.findings) == len(act.signers)


@attack(
    "one clerk erases with a digest of zeros what whoever owns the database has destroyed",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
@pytest.mark.parametrize("honest", [False, True], ids=["zeros", "the entry itself"])
def test_erasure_by_one_clerk_launders_no_deleted_key(den: Den, honest: bool) -> None:  # noqa: FBT001
    """The missing key is damage as before: only an erasure that stands covers it."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    gone = den.count() - 1
    entry = b64(den.store.read(gone, 1)[0].entry if honest else bytes(32))
    facts = {"entries": [{"index": gone, "entry": entry}]}
    act = an_act("RecordErased", by="cv", also=[], when=case.now, facts=facts)
    index = den.junk_of(act, "cv")
    den.erase(gone)
    report = den.audit()
    assert [(f.index, f.kind) for f in report.findings] == [
        (gone, Damage.WRAP_MISSING),
        (index, Damage.AGAINST_THE_RULES),
    ]
    assert report.erased == 0


@attack(
    "a taken writer login appends that a clerk keeps keys, and an act that a custodian is to check",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
def test_keys_in_the_hands_of_who_works(den: Den) -> None:
    """access.md S5: asked again of every record, as at the door; nobody believes either."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    clerk = appointment("cv2", den.now, powers=["KEY_CUSTODIAN"])
    first = den.junk_of(clerk, "founder")
    act = case.act("VerificationRequested", by="cv2", also=["ubgk", "gd"], when=case.now)
    second = den.junk_of(act, "cv2")
    report = den.audit()
    assert [(f.index, f.kind) for f in report.findings] == [
        (first, Damage.AGAINST_THE_RULES),
        (second, Damage.AGAINST_THE_RULES),
    ]
    said = [f.message for f in report.findings]
    assert ("KEYS_APART" in said[0], "KEY_KEEPER_SIGNS_NOT" in said[1]) == (True, True), said


@attack(
    "three who may erase name an entry that the log does not have there",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
@pytest.mark.parametrize("which", ["zeros", "another record's"])
def test_erasure_of_another_entry_erases_nothing(den: Den, which: str) -> None:
    """What went must be what RecordErased names."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    gone = den.count() - 1
    other = bytes(32) if which == "zeros" else den.store.read(gone - 1, 1)[0].entry
    facts = {"entries": [{"index": gone, "entry": b64(other)}]}
    index = den.junk_of(an_act("RecordErased", when=case.now, facts=facts), "ct")
    den.erase(gone)
    report = den.audit()
    assert [f.index for f in report.findings] == [gone, index]
    assert "ERASURE_NO_OPEN_CLOCK" in report.findings[1].message


@attack(
    "a taken writer login appends an honest entry again, so that it stands in two records, and what"
    " is lawfully erased of them is said to be another's",
    stopped_by="a record is found by index and entry, at the door as by whoever judges",
    noticed_by="log audit: the copy",
)
@pytest.mark.parametrize("copied", ["before", "behind"])
def test_copy_of_an_entry_is_in_the_way_of_no_erasure(den: Den, copied: str) -> None:
    """Both can be erased, each by its place: the copy holds the content too."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    thief = Story(f"case/{an_id('a copy')}", start=den.now)
    junk = den.junk_of(thief.act("CaseClosed", by="cv", also=[]), "cv")
    if copied == "before":
        den.tell_more(case, "VerificationConcluded")
    honest = den.count() - (1 if copied == "before" else 2)
    row = den.store.read(honest, 1)[0]
    den.spoil(junk, state=row.state, entry=row.entry, wrap=row.wrap)
    facts = {"entries": [{"index": at, "entry": b64(row.entry)} for at in (honest, junk)]}
    act = an_act("RecordErased", when=den.now.astimezone(builders.T0.tzinfo), facts=facts)
    for alias, signer in zip(("ct", "ubgk", "giamsat"), act.signers, strict=True):
        den.put(act, alias, signer.role)
    assert den.set_aside(Story(STREAM)) == []
    assert {f.index for f in den.audit().findings} == {honest, junk}
    den.erase(honest)
    den.erase(junk)
    assert den.audit().findings == ()


@attack(
    "a record is erased while a complaint about its case may still be lodged",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
def test_erasure_while_a_complaint_may_be_lodged(den: Den) -> None:
    """Asked of the case as it stood at that index."""
    case = den.tell(a_case_in("CLOSED", start=den.now))
    at = den.count() - 2
    facts = {"entries": [{"index": at, "entry": b64(den.store.read(at, 1)[0].entry)}]}
    late = an_act("RecordErased", when=case.now, facts=facts)
    assert den.audit().ok
    against(den.audit_after(late, "ct"), den.count() - 1, "ERASURE_NO_OPEN_CLOCK")


@attack("a lawful enrolment is not marked as one", stopped_by="log.append", noticed_by=NOTICED)
def test_column_that_hides_a_registry_act(den: Den) -> None:
    """Whoever follows the registry would not see it."""
    key = SoftwareSigner.from_secret("Ed25519", b"another key of an honest clerk .")
    act = enrolment("cv", den.now, key=key)
    index = den.put(act, "founder", registry=False)
    report = den.audit()
    assert {f.index for f in report.findings} == {index}
    assert Damage.COLUMN_REGISTRY in {f.kind for f in report.findings}


@attack(
    "an act of a case is marked as one of the registry", stopped_by="log.append", noticed_by=NOTICED
)
def test_column_that_makes_up_a_registry_act(den: Den) -> None:
    """Whoever follows the registry would stumble over it."""
    index = den.put(
        a_case_in("RECEIVED", start=den.now).stream.order[0].act, "hotline", registry=True
    )
    report = den.audit()
    assert {f.kind for f in report.findings} <= {Damage.COLUMN_REGISTRY, Damage.HEAD_REGISTRY}
    assert report.first_bad_index == index


@attack("an officer signs what is not theirs to do", stopped_by=STOPPED, noticed_by=NOTICED)
def test_act_by_an_officer_without_the_power(den: Den) -> None:
    """A clerk lets a colleague see a case; and what rests on it is refused with it."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    index = den.junk_of(case.act("ParticipationGranted", by="cv"), "cv")
    against(den.audit(), index, "AGENCY_HOLDS_FUNCTION")


@attack("one officer signs as two, with two keys", stopped_by=STOPPED, noticed_by=NOTICED)
def test_second_signature_by_the_same_officer(den: Den) -> None:
    """Four eyes are of two persons."""
    case = den.tell(a_case_in("ASSESSING", start=den.now))
    act = case.act("HandlingDecided", by="cv", also=["cv"])
    index = den.junk_of(act, "cv")
    assert den.audit().first_bad_index == index
    assert ": DISTINCT_SIGNERS: " in den.audit().message


@attack("one person signs under two officer ids", stopped_by=STOPPED, noticed_by=NOTICED)
def test_second_signature_by_the_same_person(den: Den) -> None:
    """The registry knows that two ids are one person."""
    den.a.hire("keeper")
    den.a.say(approved(linking("tp", "pgd", den.now), "keeper"), "founder", "keeper")
    case = den.tell(a_case_in("ASSESSING", start=den.now))
    act = case.act("HandlingDecided", by="tp", also=["pgd"])
    index = den.junk_of(act, "tp")
    assert den.audit().first_bad_index == index
    assert ": DISTINCT_SIGNERS: " in den.audit().message


@attack(
    "a countersignature comes when the ground of the act has gone",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
def test_countersignature_after_the_ground_has_gone(den: Den) -> None:
    """The author's statement stands, the approver's does not: the act stays pending."""
    case = den.tell(a_case_in("ASSESSING", start=den.now))
    act = case.act("HandlingDecided")
    first, second = [_alias(s.officer) for s in act.signers]
    den.put(act, first)
    den.tell_more(case, "ReferralSent")
    index = den.put(act, second, "APPROVER", stands=False)
    against(den.audit(), index, "STATE_ILLEGAL")


@attack("a statement is dated back", stopped_by=STOPPED, noticed_by=NOTICED)
@pytest.mark.parametrize("span", [timedelta(days=-3), timedelta(hours=1)], ids=["back", "ahead"])
def test_statement_signed_at_another_time(den: Den, span: timedelta) -> None:
    """The window of iat is around the time the log took it."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    act = case.act("CompetenceDetermined")
    index = den.put(act, _alias(act.signers[0].officer), iat=den.now + span, stands=False)
    against(den.audit(), index, "clock_off")


@attack("a measure rests on no law", stopped_by=STOPPED, noticed_by=NOTICED)
def test_measure_without_a_basis(den: Den) -> None:
    """The coordination regulation alone grounds no measure (4.3)."""
    case = den.tell(a_case_in("ASSESSING", start=den.now))
    basis = [{"instrument": "90/QĐ-UBND", "article": "8", "role": "SUBSTANCE"}]
    act = case.act("TechnicalMeasureOrdered", basis=basis)
    index = den.put(act, _alias(act.signers[0].officer), stands=False)
    assert den.audit().first_bad_index == index
    assert "BASIS" in den.audit().message or "90" in den.audit().message


@attack(
    "an act stands in a stream that takes none of its kind", stopped_by=STOPPED, noticed_by=NOTICED
)
def test_act_in_the_wrong_stream(den: Den) -> None:
    """An officer's post is ended in the stream of another officer."""
    act = appointment("gd", den.now)
    moved = an_act(
        "OfficerAppointed", by="keeper", when=act.occurred_at, exact=True,
        stream=f"officer/{builders.officer('cv')}", facts=dict(act.facts), agency=act.agency,
        signers=[{"officer": builders.officer("founder"), "post": act.post, "role": AUTHOR}],
    )  # fmt: skip
    against(den.audit_after(moved, "founder"), den.count() - 1, "wrong_stream")


@attack("a case is merged into one that is over", stopped_by=STOPPED, noticed_by=NOTICED)
def test_case_merged_into_one_that_is_over(den: Den) -> None:
    """Asked of the other case as it stood at that index: it was open before."""
    survivor = f"case/{an_id('survivor')}"
    other = den.tell(a_case_in("HANDLING", name=survivor, start=den.now))
    for name in ("first", "second"):
        case = den.tell(a_case_in("SCREENING", name=f"case/{an_id(name)}", start=den.now))
        act = case.act("CaseMerged", facts={"surviving_case": survivor})
        signers = [_alias(s.officer) for s in act.signers]
        if name == "first":
            for alias, signer in zip(signers, act.signers, strict=True):
                den.put(act, alias, signer.role)
            den.tell_more(other, "ResultDetermined")
    index = den.put(act, signers[0], stands=False)
    against(den.audit(), index, "SURVIVING_CASE_OPEN")


@attack(
    "a case about an officer is merged into one that says nothing of them, where they work on it",
    stopped_by="whom the one is about the other is about as well; " + STOPPED,
    noticed_by=NOTICED,
)
def test_case_about_an_officer_merged_into_one_that_is_not(den: Den) -> None:
    """By the audit past the door; it is taken once the other case has such a report too."""
    survivor = den.tell(a_case_in("SCREENING", name=f"case/{an_id('survivor')}", start=den.now))
    case = den.tell(a_case_in("SCREENING", start=den.now))
    about = {"concerns_officer": [builders.officer("gd")]}
    den.tell_more(case, "ReportReceived", facts=about)
    said: dict[str, Any] = {"facts": {"surviving_case": survivor.stream.name}, "also": ["tp"]}
    index = den.put(case.act("CaseMerged", **said), "cv", stands=False)
    against(den.audit(), index, "CONCERNED_COMES_ALONG")
    den.void(case.stream.name, index)
    den.tell_more(survivor, "ReportReceived", facts=about)
    act = case.act("CaseMerged", **said)
    for signer in act.signers:
        den.put(act, _alias(signer.officer), signer.role)
    assert not den.audit().findings


@attack(
    "a complaint that was decided is entered as a first one again, for its issuer to decide anew",
    stopped_by="what was decided of one is complained about to somebody else; " + STOPPED,
    noticed_by=NOTICED,
)
@pytest.mark.parametrize("about", ["what was decided", "the decision"])
def test_complaint_entered_as_a_first_one_again(den: Den, about: str) -> None:
    """Of the same person about the same act, or against the decision itself; as a second it is."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    den.tell_more(case, "ResultNotified")
    (first,) = den.tell_more(case, "ComplaintReceived", facts={"instance": "FIRST"})
    den.tell_more(case, "ComplaintAccepted", facts={"complaint": first.act.act_id})
    opening = {"ground": "COMPLAINT", "complaint": first.act.act_id}
    (review,) = den.tell_more(case, "ReviewOpened", facts=opening)
    facts = {"review": review.act.act_id, "instance": "FIRST", "complaint": first.act.act_id}
    (decision,) = den.tell_more(case, "ReviewDecided", facts=facts, by="cv2", also=["pgd"])
    said = {"instance": "FIRST", "against": first.act.facts["against"]}
    if about == "the decision":
        said |= {"against": decision.act.act_id, "complainant": builders.a_token("somebody else")}
    again = case.act("ComplaintReceived", facts=said)
    index = den.put(again, _alias(again.signers[0].officer), stands=False)
    against(den.audit(), index, "FIRST_ONCE")
    den.void(case.stream.name, index)
    second = {"instance": "SECOND", "against": first.act.facts["against"]}
    den.tell_more(case, "ComplaintReceived", facts=second | {"earlier": decision.act.act_id})
    assert not den.audit().findings


@attack(
    "a merger past the door makes a lawful one into the same case look unlawful",
    stopped_by="every process, which judges the other case too before it asks of it",
    noticed_by=NOTICED,
)
def test_junk_in_another_case_turns_nobody_against_an_honest_act(den: Den) -> None:
    """Door, followers and audit agree: what is set aside in one case moves nothing in another."""
    survivor = den.tell(a_case_in("SCREENING", name=f"case/{an_id('survivor')}", start=den.now))
    junk = survivor.act("CaseMerged", facts={"surviving_case": f"case/{an_id('nowhere')}"})
    den.junk += [den.put(junk, "hotline", signer.role) for signer in junk.signers]
    case = den.tell(a_case_in("SCREENING", start=den.now))
    act = case.act("CaseMerged", facts={"surviving_case": survivor.stream.name})
    for signer in act.signers:
        den.put(act, _alias(signer.officer), signer.role)
    assert {f.index for f in den.audit().findings} == set(den.junk)
    assert den.set_aside(survivor) == den.junk
    assert den.set_aside(case) == []
    den.erase(min(den.judged(survivor)))  # and an erasure there takes nothing from what stands here
    assert den.set_aside(case) == []
    assert len(den.judged(case)) == case.stream.seq + len(act.signers)


@attack(
    "a merger past the door that only a third case speaks against, and cases that ask in a row",
    stopped_by="every process, which judges whatever it asks of as far as that asks on",
    noticed_by=NOTICED,
)
@pytest.mark.parametrize("between", [0, 1, 2, pytest.param(400, marks=pytest.mark.soak)])
def test_junk_that_only_another_case_refuses_turns_nobody_against_an_honest_act(
    den: Den, between: int
) -> None:
    """However long the row is: each but the first is smuggled into the one before it."""
    over = den.tell(a_case_in("CLOSED", name=f"case/{an_id('over')}", start=den.now))
    into, stand = over.stream.name, False
    for n in range(between + 1):
        story = a_case_in("SCREENING", name=f"case/{an_id(f'link {n}')}", start=den.now)
        den.tell(story, past=True)
        act = story.act("CaseMerged", facts={"surviving_case": into})
        every = [den.put(act, _alias(signer.officer), signer.role) for signer in act.signers]
        den.junk += [] if stand else every
        into, stand = story.stream.name, not stand
    assert den.set_aside(story) == ([] if not stand else den.junk[-len(act.signers) :])
    if between < 9:
        assert {f.index for f in den.audit().findings} == set(den.junk)


@attack("a token of another case is named in an honest one", stopped_by=STOPPED, noticed_by=NOTICED)
@pytest.mark.parametrize("told", [(), ("nobody",)], ids=["untold", "told of another"])
def test_token_of_another_case(den: Den, told: Sequence[str]) -> None:
    """Who reported twice would show. Set aside by the door as by the audit; both cases go on."""
    given = {"identity_given": True, "reporter": a_token("the reporter")}
    first, second = (Story(f"case/{an_id(name)}", start=den.now) for name in ("first", "second"))
    first.then("ReportReceived", facts=given)
    second.then("ReportReceived")
    for case in (first, second):
        den.tell(case)
    tags = frozenset(token_tag(den.a.origin, a_token(name)) for name in told)
    again = den.junk_of(second.act("CaseRegistered", to=[given["reporter"]]), "cv", tags=tags)
    assert den.set_aside(second) == [again]
    kinds = [(f.index, f.kind) for f in den.audit().findings if f.kind is not Damage.TOKEN_STRAY]
    assert kinds == [(again, Damage.AGAINST_THE_RULES)]
    assert ": TOKEN_OF_ONE_CASE: " in den.audit().findings[-1].message
    den.void(second.stream.name, again)
    den.a.say(second.act("CaseRegistered"), "cv")
    sealing = {"reporter": given["reporter"]}
    den.a.say(first.act("ReporterIdentitySealed", facts=sealing), "hotline")
    report = den.audit()
    assert report.ok, report.findings
    assert {finding.index for finding, _ in report.voided} == {again}


@attack(
    "a token that no append was told of, so that nobody knows whose it is",
    stopped_by=STOPPED,
    noticed_by="log audit: token_missing, until two registrars void the record",
)
def test_token_that_the_append_was_not_told_of(den: Den) -> None:
    """Neither case that names it has it, for the door as for the audit."""
    for n, tags in ((1, frozenset[bytes]()), (2, None)):
        columns: dict[str, Any] = {} if tags is None else {"tags": tags}
        den.put(_named(n, "reporter 1"), "hotline", stands=tags is None, **columns)
    (untold,) = den.junk
    kinds = [f.kind for f in den.audit().findings if f.index == untold]
    assert kinds == [Damage.AGAINST_THE_RULES]
    assert [f.index for f in den.audit().findings] == [untold]
    den.void(f"case/{an_id('told 1')}", untold)
    report = den.audit()
    assert report.ok, report.findings


@attack("whoever worked in a case inspects it", stopped_by=STOPPED, noticed_by=NOTICED)
def test_inspection_by_whoever_took_part(den: Den) -> None:
    """Asked of who signed in the case named."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    reader = {
        "officer": builders.officer("cv"), "post": CAST["cv"][1], "agency": CAST["cv"][0],
        "until": (case.now + timedelta(days=9)).isoformat(timespec="seconds"),
    }  # fmt: skip
    facts = {"cases": [case.stream.name], "readers": [reader]}
    den.a.hire("thanhtra", "tra", "trapc")
    act = an_act("InspectionOrdered", when=case.now, facts=facts, stream="agency/bacninh.thanhtra")
    against(den.audit_after(act, "thanhtra"), den.count() - 1, "INSPECTOR_SEPARATE")


SERVICE: Final = SoftwareSigner.from_secret("Ed25519", b"the key of the service, 32 bytes")
FORGED: Final[Mapping[str, Mapping[str, Any]]] = {
    "a key of one's own": {"key": MINE},
    "an officer's key": {"key": builders.key("hotline")},
    "an event that there is not": {"event": "AccessLogged"},
    "an interval that makes every gap lawful": {
        "facts": {"sealed": b64(bytes(SEALED_BYTES)), "every_s": 10**9}
    },
    "signed at another time": {"iat": builders.T0 - timedelta(days=30)},
    "signed for another log": {"log": "khac.example/ordinary"},
    "another place": {"prev": NOTHING},
    "marked as of the registry": {"columns": {"registry": True}},
}


@attack(
    "a service statement that nobody may make, with the writer's login or the service's own key",
    stopped_by="every process and the audit ask the same of it as the inner door",
    noticed_by=NOTICED,
)
@pytest.mark.parametrize("how", share(list(FORGED), 4, "service statements"))
def test_a_forged_service_statement_is_set_aside_by_everybody(den: Den, how: str) -> None:
    """Once it was let stand by some: then what voided it stood on another head than theirs."""
    den.a.say(service_enrolment(SERVICE, den.now), "founder")
    den.service_says(SERVICE)
    index = den.service_says(**{"key": SERVICE, **FORGED[how]})
    assert den.agreed() == [index]
    assert den.a.beside().ledger.head(STREAM).aside == (index,)
    honest = den.service_says(SERVICE)  # custody is anchored on (formats.md §3)
    assert den.agreed() == [index]
    den.a.say(den.voiding(STREAM, index), "founder")
    den.a.say(service_enrolment(SoftwareSigner.generate(), den.now), "founder")
    assert den.agreed() == [index]
    assert den.a.ledger.head(STREAM).aside == ()
    report = den.audit()
    assert wrong(report) == []
    assert report.verdicts["VALID"] == report.records - 1
    assert honest < report.records


@attack(
    "a service key is revoked, and whoever has it signs on",
    stopped_by="every process and the audit ask the same of it as the inner door",
    noticed_by=NOTICED,
)
def test_a_revoked_service_key_anchors_nothing(den: Den) -> None:
    """By the registry of its index."""
    den.a.say(service_enrolment(SERVICE, den.now), "founder")
    den.service_says(SERVICE)
    den.a.say(_service_revoked(den), "founder")
    index = den.service_says(SERVICE)
    assert den.agreed() == [index]
    assert [f.kind for f in wrong(den.audit())] == [Damage.KEY_REVOKED]


def _service_revoked(den: Den) -> Act:
    when = den.now.astimezone(builders.T0.tzinfo)
    facts = {
        "kid": SERVICE.kid, "reason": "COMPROMISED",
        "invalid_from": when.isoformat(timespec="seconds"),
    }  # fmt: skip
    signer = {"officer": builders.officer("founder"), "post": CAST["keeper"][1], "role": AUTHOR}
    (agency,) = builders.a_registry().holders("REGISTRY_KEEPER", when.date())
    return an_act(
        "KeyRevoked", by="keeper", when=when, agency=agency, stream=STREAM, facts=facts,
        exact=True, signers=[signer],
    )  # fmt: skip


# -- what hangs on what ---------------------------------------------------------------------------


def erased(den: Den, case: Story, gone: int) -> Report:
    """The log after a record of a case was erased as the law allows."""
    entry = b64(den.store.read(gone, 1)[0].entry)
    act = an_act(
        "RecordErased", when=case.now, facts={"entries": [{"index": gone, "entry": entry}]}
    )
    for alias, signer in zip(("ct", "ubgk", "giamsat"), act.signers, strict=True):
        den.put(act, alias, signer.role)
    den.erase(gone)
    return den.audit()


def test_what_hangs_on_an_erased_record_is_counted_and_never_valid(den: Den) -> None:
    """From the erased record on nobody knows the case; every other stream is judged in full."""
    den.spread = True
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    first = den.count() - case.stream.seq
    report = erased(den, case, first + 1)
    assert (report.ok, den.walks) == (True, 1), report.findings
    act = report.unjudged[0].erased_by
    assert act is not None
    # the rest of the case, and the last statements of the act that erased it: whether a complaint
    # was open is asked of a case that is not known any more
    later = case.stream.seq - 2
    assert report.unjudged == ((first + 1, act, later + 3),)
    assert report.verdicts["NOT_REJUDGED"] == later + 3
    assert report.verdicts["ERASED"] == 1
    assert report.verdicts["VALID"] == report.records - later - 4


def test_erasure_by_whoever_may_not_is_refused_though_the_case_is_not_known(den: Den) -> None:
    """What is not known of a case excuses nothing else."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    gone = den.count() - 1
    assert erased(den, case, gone).ok
    entry = b64(den.store.read(gone, 1)[0].entry)
    act = an_act(
        "RecordErased", by="cv", also=["tp", "gd"], when=case.now,
        facts={"entries": [{"index": gone, "entry": entry}]},
    )  # fmt: skip
    index = den.put(act, "cv", stands=False)
    against(den.audit(), index, "AGENCY_HOLDS_FUNCTION")


def test_one_junk_record_is_one_finding_until_it_is_voided(den: Den) -> None:
    """The walk goes on as if it were not there: `seq` after it, `prev` of what stands."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    index = den.junk_of(case.act("CaseClosed", by="cv", also=[]), "cv")
    against(den.audit(), index, "SIGNER_ORDER")
    den.void(case.stream.name, index)
    den.tell_more(case, "CompetenceDetermined", "VerificationConcluded", "HandlingDecided")
    report = den.audit()
    assert report.ok, report.findings
    assert report.verdicts == {"VALID": report.records - 1, "AGAINST_THE_RULES": 1}
    ((voided, _),) = report.voided
    assert (voided.index, voided.kind) == (index, Damage.AGAINST_THE_RULES)


def test_case_that_began_with_junk_begins_behind_it(den: Den) -> None:
    """Nothing stands before the act that voids it, and `prev` says so."""
    case = Story(f"case/{an_id('begun by a thief')}", start=den.now)
    junk = den.junk_of(case.act("CaseClosed", by="cv", also=[]), "cv")
    den.void(case.stream.name, junk)
    den.tell_more(case, "ReportReceived", "CaseRegistered")
    report = den.audit()
    assert report.ok, report.findings
    assert [one.index for one, _ in report.voided] == [junk]


@attack("registrars void a record that the rules take", stopped_by=STOPPED, noticed_by=NOTICED)
def test_voiding_what_stands_is_itself_against_the_rules(den: Den) -> None:
    """The record stays, and the act that names it moves nothing."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    index = den.void(case.stream.name, den.count() - 1)
    against(den.audit(), index, "VOIDED_STANDS_NOT")
    assert den.audit().voided == ()


@pytest.mark.parametrize("voided", [False, True])
def test_junk_that_nobody_can_read_loses_no_stream_for_good(den: Den, voided: bool) -> None:  # noqa: FBT001
    """Junk built on it leaves open whether it stood, until honest statements go round both."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    first = den.put(case.act("CaseClosed", by="cv", also=[]), "cv")
    second = den.put(case.act("CaseClosed", by="cv", also=[]), "cv")
    row = den.store._records[first]
    den.spoil(first, state=row.state[:-1] + bytes([row.state[-1] ^ 1]))
    report = den.audit()
    assert [f.index for f in report.findings] == [first]
    assert report.unjudged == ((first, None, 1),)
    den.junk += [first, second]
    named = (first, second) if voided else (first,)
    act = den.void(case.stream.name, *named)
    report = den.audit()
    assert report.unjudged == ()
    assert [one.index for one, _ in report.unreadable] == [first]
    assert [one.index for one, _ in report.voided] == list(named)[1:]
    assert report.ok is voided
    assert act == den.count() - 1


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@attack(
    "the owner spoils the last act of a case, and has registrars void what nobody can read now",
    stopped_by=STOPPED,
    noticed_by="log audit, for good: the record is named as unreadable, with the act that voids it",
)
@pytest.mark.parametrize(
    ("column", "at", "left"),
    [
        ("state", 60, None),
        ("state", -1, None),
        ("wrap", -1, None),
        ("wrap", 0, Damage.WRAP_MALFORMED),
    ],
    ids=["content", "its seal", "key", "a key that no append takes"],
)
def test_voiding_never_makes_a_destroyed_act_sound(
    den: Den, column: str, at: int, left: Damage | None
) -> None:
    """Junk may be unreadable too, so it is no damage for ever; but never is it just sound."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    last = den.count() - 1
    stored = getattr(den.store.read(last, 1)[0], column)
    den.spoil(last, **{column: _flip(stored, at % len(stored))})
    assert den.audit().first_bad_index == last
    den.junk.append(last)
    act = den.store.read(den.void(case.stream.name, last), 1)[0].act_id
    report = den.audit()
    assert report.kind is left
    named = [(finding.index, by) for finding, by in report.unreadable]
    assert named == ([(last, str(act))] if left is None else [])
    assert report.voided == ()
    said = _said(report)
    assert said["vi"].endswith("Toàn vẹn.\n") is said["en"].endswith("Sound.\n") is False
    named_as = f" {last}" if left is not None else str(act)
    assert all(named_as in text for text in said.values())


def _said(report: Report) -> dict[str, str]:
    """What `log audit` prints of it."""
    found: dict[str, str] = {}
    for lang in ("vi", "en"):
        written = StringIO()
        with redirect_stdout(written):
            show(Shell(lang=lang), Audited(report, (), ""))
        found[lang] = " ".join(written.getvalue().split(" "))
    return found


@pytest.mark.parametrize("built_on", [False, True], ids=["passed over", "built on"])
def test_record_that_cannot_be_read_is_stood_on_or_not(den: Den, built_on: bool) -> None:  # noqa: FBT001
    """The next statement's `prev` says whether it stood: if not, the case is judged on."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    index = den.put(case.act("CaseClosed", by="cv", also=[]), "cv")
    if not built_on:
        den.junk.append(index)
        den.void(case.stream.name, index)
    den.tell_more(case, "CompetenceDetermined")
    row = den.store._records[index]
    den.spoil(index, state=row.state[:-1] + bytes([row.state[-1] ^ 1]))
    report = den.audit()
    found = [*report.findings, *(one for one, _ in report.unreadable)]
    assert [(f.index, f.kind) for f in found] == [(index, Damage.STATE_UNREADABLE)]
    hanging = 2 if built_on else 0
    assert sum(one.statements for one in report.unjudged) == hanging
    assert report.verdicts["VALID"] == report.records - 1 - hanging


def test_cases_that_were_let_go_are_folded_again(den: Den, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and the report does not tell."""
    cases = [a_case_in("SCREENING", name=f"case/{an_id(str(n))}", start=den.now) for n in range(4)]
    for case in cases:
        den.tell(case)
    junk = den.junk_of(cases[0].act("CaseClosed", by="cv", also=[]), "cv")
    den.void(cases[0].stream.name, junk)
    for name in ("CompetenceDetermined", "VerificationConcluded"):
        for case in cases:
            den.tell_more(case, name)
    whole = den.audit()
    monkeypatch.setattr(stream_folds, "MOST_STATEMENTS", 5)
    assert den.audit() == whole
    assert whole.ok, whole.findings
    assert whole.voided[0][0].index == junk


@attack(
    "one junk row of the registry behind a record that was erased stops every process for good",
    stopped_by="behind what is erased a registry record is judged alone, by everybody",
    noticed_by="readiness, log audit",
)
@pytest.mark.parametrize("stream", ["case", "officer"])
def test_junk_behind_an_erased_record_stops_no_process(den: Den, stream: str) -> None:
    """And what is lawful there is believed by those who begin now, as by the audit."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    key = SoftwareSigner.from_secret("Ed25519", b"another key of an honest clerk .")
    name = case.stream.name if stream == "case" else f"officer/{builders.officer('hotline')}"
    hole = den.junk_of(replace_stream(case.act("CaseClosed", by="cv", also=[]), name), "cv")
    den.erase(hole)
    honest = case.act("ParticipationGranted") if stream == "case" else enrolment(
        "hotline", den.now, key=key
    )  # fmt: skip
    for signer in honest.signers:
        den.put(honest, _alias(signer.officer), signer.role)
    enrolled = enrolment("hotline", den.now, key=MINE, by="cv")
    junk = replace_stream(enrolled, name) if stream == "case" else enrolled
    den.put(junk, "cv", stands=False, registry=True)
    begun = RegistryFollower(den.store, den.a.reader()).catch_up()
    for registry in (begun.registry, den.a.ledger.refresh(), den.steps()[-1].registry):
        assert MINE.kid not in registry.keyring
        assert (key.kid in registry.keyring) is (stream == "officer")
        granted = {grant.act_id for grant in registry.grants()}
        assert (honest.act_id in granted) is (stream == "case")
    if stream == "officer":
        stolen, _ = (
            den.put(_named(n, f"reporter {n}"), "hotline", key=one)
            for n, one in enumerate((MINE, key))
        )
        unknown = [f.index for f in den.audit().findings if f.kind is Damage.KEY_UNKNOWN]
        assert unknown == [stolen]


@attack(
    "whoever was let into a case and shown out again waits for a record of it to be erased",
    stopped_by="a revocation behind what is erased is judged beside the grant that it ends",
    noticed_by="-",
)
@pytest.mark.parametrize("by", ["gd", "hpct"])
def test_whoever_was_shown_out_stays_out_behind_an_erased_record(den: Den, by: str) -> None:
    """access.md A8: for those who begin now, for the audit and for a rebuild, whoever revoked.

    The agency that granted, or the one to which the case has gone since.
    """
    case = den.tell(a_case_in("SCREENING", start=den.now))
    hole = den.junk_of(case.act("CaseClosed", by="cv", also=[]), "cv")
    den.erase(hole)
    (grant,) = den.tell_more(case, "ParticipationGranted")
    case.now = max(case.now, den.now)
    said = {"grant": grant.act.act_id, "officer": grant.act.facts["officer"]}
    end = case.act("ParticipationRevoked", by=by, facts=said, refers_to=grant.act.act_id)
    den.put(end, by, registry=True)
    begun = RegistryFollower(den.store, den.a.reader()).catch_up()
    for registry in (begun.registry, den.a.ledger.refresh(), den.steps()[-1].registry):
        (line,) = (one for one in registry.grants() if one.act_id == grant.act.act_id)
        assert line.revoked_at == end.occurred_at


@attack(
    "whoever had a permit to take files and prints out of a case, and has it no more, waits for a"
    " record of the case to be erased, whereupon the revocation would be judged as of nothing",
    stopped_by="a revocation of what is no grant is asked there what any act of a case is",
    noticed_by="-",
)
def test_a_permit_that_was_revoked_stays_so_behind_an_erased_record(den: Den) -> None:
    """access.md A23: by a rebuild too; and no grant of another case is ended in that way."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    (grant,) = den.tell_more(case, "ParticipationGranted")
    other = den.tell(a_case_in("SCREENING", name=f"case/{an_id('other')}", start=den.now))
    hole = den.junk_of(other.act("CaseClosed", by="cv", also=[]), "cv")
    den.erase(hole)
    agency, post = CAST["cv"]
    until = (den.now + timedelta(days=9)).isoformat(timespec="seconds")
    holder = {"officer": builders.officer("cv"), "agency": agency, "post": post, "until": until}
    (permit,) = den.tell_more(other, "ExportPermitted", facts={"holder": holder})
    for named, stands in ((permit, True), (grant, False)):
        other.now = max(other.now, den.now)
        who = named.act.facts.get("officer", holder["officer"])
        said = {"grant": named.act.act_id, "officer": who}
        end = other.act("ParticipationRevoked", by="gd", facts=said, refers_to=said["grant"])
        den.put(end, "gd", stands=stands, registry=True)
    steps = [one for one in den.steps() if one.opened.stream == other.stream.name]
    assert [one.status for one in steps[-2:]] == ["effective", "set_aside"]
    assert [one.revoked for one in permits(steps[-1].stream)] == [True]
    assert [one.index for one in den.audit().findings] == [hole], "which no act erased here"
    begun = RegistryFollower(den.store, den.a.reader()).catch_up()
    for registry in (begun.registry, den.a.ledger.refresh(), den.steps()[-1].registry):
        (line,) = (one for one in registry.grants() if one.act_id == grant.act.act_id)
        assert line.revoked_at is None


def replace_stream(act: Act, stream: str) -> Act:
    """The same act for another stream."""
    return replace(
        act,
        stream=stream,
        members={**act.members, "stream": stream},
        signed={**act.signed, "stream": stream},
    )


@attack(
    "behind an erased record an act that nobody signed, and a signature too many",
    stopped_by="who signed is asked there too, and what was doubted stays so",
    noticed_by="readiness, log audit",
)
def test_forgery_behind_an_erased_record_stands_for_nobody(den: Den) -> None:
    """Not when the stream is folded again, not after a restart, not at the door."""
    case = den.tell(a_case_in("ASSESSING", start=den.now))
    den.erase(den.count() - case.stream.seq)
    (decided,) = den.tell_more(case, "HandlingDecided")
    last = decided.signed[-1]
    again = den.put(last.act, _alias(last.officer), last.role, stands=False)
    act = an_act("ReportReceived", when=case.now, stream=case.stream.name)
    forged = den.put(act, "hotline", stands=False, forged=True)

    class Known(FoldLog):
        def doubted(self) -> Sequence[int]:
            return (again, forged)

    name, of = case.stream.name, stream_id(den.a.origin, case.stream.name)
    log, end = Known(den.store, den.a.keys.kek, den.a.origin), den.count()
    fold = Fold(log, den.a.origin, "ordinary")
    steps = {step.opened.index: step.status for step in fold.steps(log.read(0, end))}
    assert (steps[again], steps[forged]) == ("set_aside", "set_aside")
    fold._forget(of.int)
    follower = RegistryFollower(den.store, den.a.reader())
    door = RowEvidence(den.store, den.a.reader(), den.a.origin, lambda: follower)
    folded: list[Callable[[], StreamState]] = [
        lambda: fold._load(of, name, end),
        lambda: Fold(log, den.a.origin, "ordinary", end - 1)._load(of, name, end),
        lambda: door.fold(name, {}),
    ]
    for again_folded in folded:
        state = again_folded()
        assert sorted(state.aside) == [again, forged]
        assert act.act_id not in state.entries
        assert len(state.entries[last.act.act_id].signed) == len(last.act.signers)


@dataclass(slots=True)
class Asking:
    """Questions about other streams, and how many rows were read for them."""

    den: Den
    rows: int = 0
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        store, reader = Counted(self.den.store, self), self.den.a.reader()
        follower = RegistryFollower(self.den.store, reader)
        follower.catch_up()
        self.judge = Judge(store, reader, reader.origin, reader.level, follower.before)

    def signers(self, stream: str, before: int) -> Sequence[str]:
        """Who had signed there."""
        return Elsewhere(self.judge, before, self.judge.before(before)).signers(stream)


class Counted(Stored):
    """A store that counts the rows of a stream that are taken from it."""

    def __init__(self, store: MemoryRecordStore, asking: Asking) -> None:
        super().__init__(store._records)
        self._asking = asking

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return _Taken(super().stream(stream_id, after_seq), self._asking)


class _Taken(list[StoredRecord]):
    """Rows that are counted as they are asked for."""

    def __init__(self, rows: Sequence[StoredRecord], asking: Asking) -> None:
        super().__init__(rows)
        self._asking = asking

    def __iter__(self) -> Iterator[StoredRecord]:
        for row in super().__iter__():
            self._asking.rows += 1
            yield row


@attack(
    "a bought officer lets an act name the same case over and over",
    stopped_by="what was folded for a question is kept, and gone on with",
    noticed_by="-",
)
def test_a_case_that_is_asked_about_is_read_once(den: Den) -> None:
    """However many ask, and from wherever: the rows behind the question are not looked at."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    asking, end = Asking(den), den.count()
    name, rows = case.stream.name, case.stream.seq
    assert asking.signers(name, 1) == []
    assert asking.rows == 1
    for before in [*range(end - rows, end + 1), *[end] * 20]:
        asking.signers(name, before)
    assert asking.rows <= 2 * rows + 1  # each once to see that it lies behind, and once to fold it
    assert asking.signers(name, end)


def test_a_judgement_learns_in_one_round_what_is_to_be_folded_first(den: Den) -> None:
    """An act that names many cases, asked about itself: its guards are not begun anew for each."""
    stories = [
        a_case_in("SCREENING", name=f"case/{an_id(str(n))}", start=den.now) for n in range(3)
    ]
    names = [den.tell(story).stream.name for story in stories]
    judge, end = Asking(den).judge, den.count()

    def asked(*, nested: bool) -> tuple[list[Sequence[str]], list[tuple[str, int]]]:
        cases = Elsewhere(judge, end, judge.before(end), nested)
        return [cases.signers(name) for name in names], cases.unfolded

    assert asked(nested=True) == ([()] * 3, [(name, end) for name in names])
    folded, _ = asked(nested=False)
    assert all(folded)
    assert asked(nested=True) == (folded, [])


def test_a_judgement_that_is_forgotten_meanwhile_is_made_again(den: Den) -> None:
    """Another thread may clear what is remembered between a look and the next."""

    class Cleared(dict[int, SetAside | None]):
        def __contains__(self, key: object) -> bool:
            found = super().__contains__(key)
            if found:
                self.clear()
            return found

    case = den.tell(a_case_in("VERIFYING", start=den.now))
    asking, end = Asking(den), den.count()
    asking.judge = replace(asking.judge, rulings=Cleared())
    signed = [asking.signers(case.stream.name, before) for before in (end, end - 1, end)]
    assert signed[0] == signed[2]
    assert all(signed)


def _read(row: StoredRecord) -> RawRecord:
    """A row as an audit has it."""
    return RawRecord(
        at=row.index, stream_id=row.stream_id.bytes, seq=row.seq, act_id=row.act_id.bytes,
        author=row.author, topic=row.topic, recorded_ms=milliseconds(row.recorded_at),
        entry=row.entry, state=row.state, wraps=(row.wrap or b"",), name=row.stream,
        registry=row.registry, unit=row.unit.bytes,
    )  # fmt: skip


@attack(
    "junk in a case, so that every read of it judges the case once for each row of junk",
    stopped_by="a read judges a stream once",
    noticed_by="readiness, log audit",
)
def test_a_read_judges_a_case_with_junk_once(den: Den) -> None:
    """Each row of a view that is set aside is held against the same judgement."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    act = case.act("CaseClosed", by="cv", also=[])
    for n in range(6):
        members = {**act.signed, "act_id": an_id(f"closed {n}")}
        den.junk_of(replace(act, act_id=members["act_id"], members=members, signed=members), "cv")
    asking = Asking(den)
    store, name = Counted(den.store, asking), case.stream.name
    follower = RegistryFollower(den.store, den.a.reader())
    evidence = RowEvidence(store, den.a.reader(), den.a.origin, lambda: follower)
    shown = [_set_aside_in_a_view(den.store.read(index, 1)[0]) for index in den.junk]
    evidence.hold_stream(name, shown, lambda _: False)
    assert asking.rows == 2 * (case.stream.seq + 6)  # once to hold, once to judge


@attack(
    "a case of many acts, so that every read behind a new one judges them all again",
    stopped_by="what was judged is kept, and gone on with; another row is judged from the first",
    noticed_by="-",
)
def test_a_case_that_grew_is_judged_where_it_grew(den: Den) -> None:
    """A process that judged it before says what one says that has just started."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    act = case.act("CaseClosed", by="cv", also=[])
    asking, name, whole = Asking(den), case.stream.name, case.stream.seq
    follower = RegistryFollower(den.store, den.a.reader())

    def begun() -> RowEvidence:
        store = Counted(den.store, asking)
        store._records = den.store._records  # which grow
        return RowEvidence(store, den.a.reader(), den.a.origin, lambda: follower)

    door = begun()
    assert door.fold(name, {}).seq == whole
    for n in range(2):
        asking.rows = 0
        members = {**act.signed, "act_id": an_id(f"closed {n}")}
        den.junk_of(replace(act, act_id=members["act_id"], members=members, signed=members), "cv")
        assert sorted(door.fold(name, {}).aside) == den.junk
        assert asking.rows == whole + n + 1 + 1  # all are opened, and the new one is judged

    index, stored = den.junk[0], den.store._records
    lies, last = (
        next(row for row in stored if row.stream == name and row.seq == seq) for seq in (1, whole)
    )
    before = {at: stored[at] for at in (index, lies.index, last.index)}
    for damaged in (
        {index: replace(before[index], entry=last.entry)},
        {lies.index: replace(lies, state=lies.state[:-1] + bytes([lies.state[-1] ^ 1]))},
        {last.index: replace(last, wrap=None)},
        {index: replace(before[index], wrap=None, state=b"")},
        {lies.index: replace(lies, author=not lies.author)},
        {lies.index: replace(lies, registry=not lies.registry)},
        {last.index: replace(last, unit=UUID(an_id("another unit")))},
    ):
        for at, row in {**before, **damaged}.items():
            stored[at] = row
        warm, cold = door.fold(name, {}), begun().fold(name, {})
        assert (warm.seq, warm.head, warm.aside) == (cold.seq, cold.head, cold.aside), damaged
        assert warm.entries.keys() == cold.entries.keys()
    for at, row in before.items():
        stored[at] = row
    assert sorted(door.fold(name, {}).aside) == den.junk
    door.forget()
    asking.rows = 0
    door.fold(name, {})
    assert asking.rows == 2 * (whole + 2), "let go of, it is judged from the first"


@attack(
    "a copy of the database from before the last act is put back, and other acts come",
    stopped_by="what was judged is of these bytes; those in their place are judged from the first",
    noticed_by="readiness, log audit",
)
def test_what_stands_in_the_place_of_a_judged_record_is_judged(den: Den) -> None:
    """The process that judged the one asks the rules about the other."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    name, backup = case.stream.name, den.store.backup()
    follower = RegistryFollower(den.store, den.a.reader())
    door = RowEvidence(den.store, den.a.reader(), den.a.origin, lambda: follower)
    act = case.act("CaseClosed", by="cv", also=[])
    first = den.count()
    den.tell_more(case, "CompetenceDetermined")
    last = den.count()
    assert not door.fold(name, {}).aside
    den.store.restore(backup)
    for n in range(last - first):
        members = {**act.signed, "act_id": an_id(f"closed {n}")}
        den.junk_of(replace(act, act_id=members["act_id"], members=members, signed=members), "cv")
    assert sorted(door.fold(name, {}).aside) == list(range(first, last))

    early = case.act("ResultDetermined")
    den.junk_of(early, *(_alias(one.officer) for one in early.signers))
    assert early.act_id not in door.fold(name, {}).entries
    row = next(row for row in den.store._records if row.stream == name)
    den.store._records[row.index] = replace(row, state=row.state[:-1])
    begun = RowEvidence(den.store, den.a.reader(), den.a.origin, lambda: follower)
    warm, cold = (one.fold(name, {}) for one in (door, begun))
    assert (warm.aside, warm.entries.keys()) == (cold.aside, cold.entries.keys())


def _set_aside_in_a_view(row: StoredRecord) -> ActRow:
    """A row of the timeline that shows nothing of a record."""
    gone: dict[str, Any] = dict.fromkeys(f.name for f in fields(ActRow))
    said = {name: getattr(row, name) for name in ("index", "stream", "seq", "recorded_at", "entry")}
    return ActRow(**{**gone, **said, "act_id": str(row.act_id), "status": "set_aside"})


@attack(
    "junk in many streams, row by row in turn, so that each is folded anew for every row",
    stopped_by="of what is set aside little is kept, so that it drives out nothing",
    noticed_by="readiness, log audit",
)
def test_junk_in_many_streams_is_read_once(den: Den, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever follows the registry, by the views, and by an audit."""
    for limit in (
        "ledger.write.registry_follower._",
        "projections.fold.fold.",
        "ledger.audit.rules.stream_folds.",
    ):
        monkeypatch.setattr(f"{limit}MOST_STATEMENTS", 400)
    start, junk = den.count(), den.store._records
    for n in range(300 * 5):
        name = f"officer/{an_id(f'junk {n % 300}')}"
        junk.append(
            StoredRecord(
                index=start + n, stream_id=stream_id(den.a.origin, name), seq=n // 300 + 1,
                act_id=UUID(an_id(f"junk {n}")), author=True, topic=TOPIC, state=bytes(64),
                entry=n.to_bytes(32), recorded_at=den.now, wrap=bytes(77), stream=name,
                unit=UUID(int=0), registry=True,
            )
        )  # fmt: skip
    asking = Asking(den)
    store = Counted(den.store, asking)
    RegistryFollower(store, den.a.reader()).catch_up()
    assert asking.rows == 0  # each row came with the registry, and found its stream folded
    log = FoldLog(store, den.a.keys.kek, den.a.origin)
    fold = Fold(log, den.a.origin, "ordinary")
    steps = [step.status for step in fold.steps(log.read(0, start + 1500))]
    assert steps.count("set_aside") == 1500
    assert fold.take_forgotten() == 0
    again: list[bytes] = []

    def history(of: bytes, _: int) -> Iterable[tuple[RawRecord, None]]:
        again.append(of)
        return ()

    kept = stream_folds.Folds(history)
    for row in map(_read, junk[start:]):
        stream = kept.stream(row.stream_id, row.name or "", row.at, new=row.seq == 1)
        assert stream is not None
        kept.pass_over(stream, row)
    assert again == []


# -- tokens that the append has noted -------------------------------------------------------------


def _named(number: int, token: str) -> Act:
    """A report whose reporter is known by a token."""
    facts = {"reporter": a_token(token), "identity_given": True}
    return an_act("ReportReceived", stream=f"case/{an_id(f'told {number}')}", facts=facts)


def _noted(den: Den, token: str) -> bytes:
    """The row's key of a token."""
    return token_tag(den.a.origin, a_token(token))


def _note(den: Den, number: int, token: str, at: int) -> None:
    """Says that such a case has a token, as the owner of the database can."""
    case = stream_id(den.a.origin, f"case/{an_id(f'told {number}')}")
    den.store._tokens[_noted(den, token)] = case, at


@pytest.fixture
def told(den: Den) -> Den:
    """Two cases with a token each; the rows are those that the append itself has written."""
    for number in (1, 2):
        den.put(_named(number, f"reporter {number}"), "hotline")
    assert den.audit().ok
    return den


@attack(
    "the owner takes a token's row away, so that its case can be had under another's name too",
    stopped_by=STOPPED,
    noticed_by="log audit: token_missing",
)
def test_token_whose_row_is_gone_is_named_where_it_was_first_said(told: Den) -> None:
    """However many processes look; the first record that names it, not the last."""
    told.store._tokens.pop(_noted(told, "reporter 1"))
    found = [(f.index, f.kind) for f in told.audit().findings]
    at = told.count() - 2
    assert found == [(at, Damage.TOKEN_MISSING), (at, Damage.AGAINST_THE_RULES)]


@attack(
    "the owner notes a token, or another case or record for it, that no record names",
    stopped_by=STOPPED,
    noticed_by="log audit: token_stray",
)
@pytest.mark.parametrize(
    ("key", "at"),
    [((1, "nobody"), -1), ((1, "nobody"), -99), ((1, "nobody"), 5)],
    ids=["token", "before the log", "record of another stream"],
)
def test_noted_token_that_nobody_named_is_named(told: Den, key: tuple[int, str], at: int) -> None:
    """It would keep a token out of the case that it belongs to."""
    at = told.count() - 1 if at == -1 else at
    _note(told, *key, at)
    found = [(f.index, f.kind) for f in told.audit().findings]
    assert found == [(max(at, 0), Damage.TOKEN_STRAY)]


@pytest.mark.parametrize("case", [1, 2])
def test_row_moved_to_another_record_is_stray(told: Den, case: int) -> None:
    """A row says where a token is named first, and so does the audit; who named it is set aside."""
    last = told.count() - 1
    _note(told, case, "reporter 1", last)
    found = {(f.index, f.kind) for f in told.audit().findings}
    assert (last - 1, Damage.AGAINST_THE_RULES) in found
    strays = found | {(f.index, f.kind) for f in told.audit().strays}
    assert (last, Damage.TOKEN_STRAY) in strays


def test_row_of_an_erased_record_stands_and_of_another_case_does_not(told: Den) -> None:
    """What an erased record named nobody can say; whose it was is still known."""
    last = told.count() - 1
    told.erase(last)
    assert [f.kind for f in told.audit().findings] == [Damage.WRAP_MISSING]
    _note(told, 1, "reporter 2", last)
    found = [(f.index, f.kind) for f in told.audit().findings]
    assert found == [(last, Damage.WRAP_MISSING), (last, Damage.TOKEN_STRAY)]


def test_token_said_again_behind_an_erased_record_keeps_its_first_row(told: Den) -> None:
    """The row names the record that is erased; where it is gone too, the next one is asked for."""
    case = f"case/{an_id('told 2')}"
    informed = an_act("ReporterInformed", stream=case, facts={"reporter": a_token("reporter 2")})
    again = told.put(informed, "hotline", stands=False)
    told.erase(again - 1)
    kinds = {f.kind for f in told.audit().findings}
    assert not kinds & {Damage.TOKEN_MISSING, Damage.TOKEN_STRAY}
    told.store._tokens.pop(_noted(told, "reporter 2"))
    assert (again, Damage.TOKEN_MISSING) in {(f.index, f.kind) for f in told.audit().findings}


@attack(
    "a taken writer login notes any token beside a record of its own, or beside a lawful one that"
    " nobody can void, so that every audit ends with damage and hides what comes after",
    stopped_by=STOPPED,
    noticed_by="log audit, for good: the row is named by itself, and no audit is just sound",
)
@pytest.mark.parametrize("lawful", [False, True])
def test_token_noted_past_the_door_is_named_and_hides_no_damage(den: Den, lawful: bool) -> None:  # noqa: FBT001
    """The row stays for good, as everything there; it keeps a token that nobody drew."""
    case = den.tell(a_case_in("SCREENING", start=den.now))
    tags = frozenset({_noted(den, "reporter 1")})
    if lawful:
        index = den.put(case.act("CompetenceDetermined"), "cv", tags=tags)
    else:
        index = den.junk_of(case.act("CaseClosed", by="cv", also=[]), "cv", tags=tags)
        assert [f.kind for f in den.audit().findings] == [Damage.AGAINST_THE_RULES]
        den.void(case.stream.name, index)
    report = den.audit()
    assert report.ok, report.findings
    assert [(f.index, f.kind) for f in report.strays] == [(index, Damage.TOKEN_STRAY)]
    said = _said(report)
    assert all(str(index) in text for text in said.values())
    assert said["vi"].endswith("Toàn vẹn.\n") is said["en"].endswith("Sound.\n") is False
    den.erase(index)
    assert den.audit().kind is Damage.WRAP_MISSING


def test_token_noted_for_its_own_case_before_it_is_named_is_no_damage(den: Den) -> None:
    """A server that is taken over sees what it is sent, and can note it one record too early."""
    case = Story(f"case/{an_id('told 1')}", start=den.now)
    den.put(case.then("ReportReceived").act, "hotline", tags=frozenset({_noted(den, "reporter 1")}))
    informed = an_act(
        "ReporterInformed", stream=case.stream.name, facts={"reporter": a_token("reporter 1")}
    )
    den.put(informed, "hotline", stands=False)
    kinds = {f.kind for f in den.audit().findings}
    assert not kinds & {Damage.TOKEN_MISSING, Damage.TOKEN_STRAY}
    assert [f.index for f in den.audit().strays] == [den.count() - 2]


# -- on PostgreSQL, with the writer's own login ---------------------------------------------------


def _audit(service: Service, workers: int) -> Report:
    """What `log audit` says, as reader."""
    facts = service.enclave.facts
    with PostgresEvidence(service.database.dsn("projector")) as source:
        return audit(
            source, origin=facts.origin, vkeys=service.enclave.vkeys,
            kek=open_kek(service.settings), genesis=facts.genesis, workers=workers,
        )  # fmt: skip


@attack(
    "with the writer's login a case is closed by one clerk, a deleted key is laundered, and the"
    " director is given a key by the hotline",
    stopped_by="the registry follower, for the key",
    noticed_by=NOTICED,
)
@pytest.mark.postgres
def test_what_a_stolen_writer_login_appends_is_named(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three attacks as found: every signature good, every hash fits, and each is named."""
    monkeypatch.setattr("ledger.audit.audit.ROWS", 8)  # so few that processes are worth it
    service.hire("hotline", "cv", "gd")
    other = a_case_in("RECEIVED", name=f"case/{an_id('other')}", start=service.step(minutes=1))
    honest = service.tell(other)[-1]["index"]
    case = a_case_in("SCREENING", start=service.step(minutes=1))
    service.tell(case)
    thief, now = smuggler_into(service), service.step(hours=1)
    case.now = now.astimezone(builders.T0.tzinfo)
    before = thief.records.head().size
    closing = service.sign(case.act("CaseClosed", by="cv", also=[]), "cv")
    zeros = {"entries": [{"index": honest, "entry": b64(bytes(32))}]}
    erasing = an_act("RecordErased", by="cv", also=[], when=case.now, facts=zeros)
    enrolling = an_act(
        "KeyEnrolled", by="hotline", when=case.now, exact=True,
        stream=f"officer/{builders.officer('gd')}",
        facts=dict(enrolment("gd", now, key=MINE).facts),
        signers=[{"officer": builders.officer("hotline"), "post": CAST["hotline"][1],
                  "role": AUTHOR}],
    )  # fmt: skip
    for statement in (closing, service.sign(erasing, "cv"), service.sign(enrolling, "hotline")):
        thief.put(statement, now)
    service.halt()  # two audits of one state: nobody seals between them
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = %s", [honest])
    report = _audit(service, 0)
    assert [(f.index, f.kind) for f in report.findings] == [
        (honest, Damage.WRAP_MISSING),
        *((before + n, Damage.AGAINST_THE_RULES) for n in range(3)),
    ]
    assert _audit(service, 2) == report


def _marked(service: Service) -> list[int]:
    """Indices of the registry records."""
    with PostgresEvidence(service.database.dsn("projector")) as source:
        return [row.at for row in source.registry()]


@pytest.mark.postgres
def test_grant_in_a_case_makes_no_audit_walk_twice(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a database come by once: what several processes assume is foreseen of all of them."""
    monkeypatch.setattr("ledger.audit.audit.ROWS", 8)  # so few that processes are worth it
    service.hire("hotline", "cv", "cv2", "gd")
    case = a_case_in("SCREENING", start=service.step(minutes=1))
    service.tell(case)
    case.now = service.step(hours=1).astimezone(builders.T0.tzinfo)
    facts = {"officer": builders.officer("cv2")}
    granted = service.say(case.act("ParticipationGranted", by="gd", facts=facts), "gd")
    assert _marked(service)[-1] == granted["index"]
    walks: list[int] = []
    run = _Walk.run

    def counted(walk: _Walk, workers: int, *rest: Any) -> ReadCheckpoints:  # noqa: ANN401 - as `run`
        walks.append(workers)
        return run(walk, workers, *rest)

    monkeypatch.setattr(_Walk, "run", counted)
    service.halt()
    report = _audit(service, 2)
    assert (report.ok, walks) == (True, [2]), report.findings


def _emergency(den: Den, case: Story, *also: str, **facts: Any) -> Act:  # noqa: ANN401  JSON
    """An opening of a case by an officer of another agency, approved by one of the case's."""
    until = (den.now + timedelta(hours=2)).astimezone(builders.T0.tzinfo)
    return an_act(
        "BreakGlassOpened", by="ytcv", also=also, when=den.now.astimezone(builders.T0.tzinfo),
        stream="agency/bacninh.syt",
        facts={"case": case.stream.name, "until": until.isoformat(timespec="seconds")} | facts,
    )  # fmt: skip


@attack(
    "an emergency opening approved by whoever has no part in the case, past the door",
    stopped_by=STOPPED,
    noticed_by=NOTICED,
)
def test_opening_approved_by_whoever_has_no_part_in_the_case(den: Den) -> None:
    """The door and the audit ask the case's records and the registry, as they stood then."""
    case = den.tell(a_case_in("VERIFYING", start=den.now))
    den.a.hire("hct")
    den.a.say(appointment("ytcv", den.now, powers=["REQUESTER"]), "founder")
    den.a.say(enrolment("ytcv", den.now), "founder")
    den.a.others.taking_part[case.stream.name] = [builders.officer("gd")]
    lawful = _emergency(den, case, "gd")
    den.a.say(lawful, "ytcv", "gd")
    assert den.audit().ok
    forged = _emergency(den, case, "hct")
    against(den.audit_after(forged, "ytcv"), den.count() - 1, "BREAK_GLASS_SIGNERS")
