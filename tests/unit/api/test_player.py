"""The player enrols, signs and checks as the scenarios' README says, against a fake ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.rehearsal.acts_of_play import ADDED, differences
from api.rehearsal.cast import Cast, EditionDirectory, KeyStore, UnknownAlias
from api.rehearsal.player import Outcome, Player, PlayRefused, Registrar, StreamHead, split_by_level
from api.rehearsal.scenario import CastPart, PlayRead, read_file, shipped
from keys.jwk import SoftwareSigner
from ledger.log.statement import Statement
from ledger.regulation.edition import load_edition

REGISTRAR = Registrar("00000000-0000-4000-8000-000000000001", SoftwareSigner.generate())


@dataclass
class FakeDesk:
    """Keeps what is sent, in order; refuses what a test says, answers what a test says."""

    origin: str = "rehearsal.bacninh.example/ordinary"
    level: str = "ordinary"
    now: datetime | None = None
    sent: list[tuple[Statement, str, datetime]] = field(default_factory=list)
    heads: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    refuse: dict[str, PlayRefused] = field(default_factory=dict)
    stale_once: bool = False
    flags: list[str] = field(default_factory=list)
    state: str | None = None
    file: dict[str, Any] = field(default_factory=dict)
    second_keeper_from: int | None = None
    shown: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    asked: list[tuple[str, str, datetime]] = field(default_factory=list)

    def time(self) -> datetime | None:
        """The last time anything was sent."""
        return self.now

    def drafted(
        self, act: Mapping[str, Any], _signer: SoftwareSigner, _at: datetime
    ) -> Mapping[str, Any]:
        """Nothing is filled in."""
        return act

    def head(self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime) -> StreamHead:
        """Where the next statement of an act must stand."""
        return self.place(str(act["stream"]), signer, at)

    def place(self, stream: str, _signer: SoftwareSigner, _at: datetime | None) -> StreamHead:
        """Where the next statement must stand."""
        seq, prev = self.heads.get(stream, (0, None))
        return StreamHead(seq + 1, prev, self.state)

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Keeps it, or refuses as the test says."""
        if self.stale_once:
            self.stale_once = False
            raise PlayRefused("stale", None, "moved on")
        if self.now is not None and at < self.now:
            raise PlayRefused("clock_back", None, "the clock only goes forward")
        act = made.members["act"]
        if act in self.refuse:
            raise self.refuse[act]
        self._founding(made)
        assert made.kid == signer.kid
        self.now = at
        self.sent.append((made, signer.kid, at))
        self.heads[made.members["stream"]] = (made.seq, made.digest_b64)
        asked = len(made.members["signers"])
        signed = sum(s.members["act_id"] == made.members["act_id"] for s, _, _ in self.sent)
        return {
            "index": len(self.sent) - 1,
            "entry": f"entry {len(self.sent) - 1}",
            "status": "effective" if signed == asked else "pending",
        }

    def _founding(self, made: Statement) -> None:
        limit = self.second_keeper_from
        alone = len(made.members["signers"]) == 1
        if (
            made.kid == REGISTRAR.signer.kid
            and limit is not None
            and len(self.sent) >= limit
            and alone
        ):
            raise PlayRefused("guard", "SIGNER_ORDER", "a second keeper must approve")

    def act(self, _act_id: str, index: int, _signer: SoftwareSigner) -> Mapping[str, Any]:
        """The flags the test says; asked only up to date."""
        assert index == len(self.sent) - 1
        return {"flags": self.flags}

    def case(self, _case: str, _index: int, _signer: SoftwareSigner) -> Mapping[str, Any]:
        """The case file the test says."""
        return self.file

    def show(
        self, path: str, index: int, signer: SoftwareSigner, at: datetime
    ) -> tuple[str, str] | None:
        """What the test says of whoever asks; asked only up to date."""
        assert index == len(self.sent) - 1
        self.asked.append((path, signer.kid, at))
        if signer.kid not in self.shown:
            raise PlayRefused("not_found", None, "there is none")
        return self.shown[signer.kid]


def counted() -> Callable[[], UUID]:
    """UUIDs 1, 2, 3 … in the form of version 4."""
    numbers = iter(range(1000, 10_000))
    return lambda: UUID(int=(next(numbers) << 32) | (4 << 76) | (8 << 60))


def player(desk: FakeDesk, cast: Cast | None = None) -> Player:
    """A player at a fake ledger."""
    return Player(
        desk,
        REGISTRAR,
        cast or Cast(desk.origin),
        EditionDirectory(load_edition()),
        new_uuid=counted(),
    )


def played(name: str, desk: FakeDesk) -> Outcome:
    """What came of a shipped scenario."""
    (play,) = read_file(shipped(name))
    return player(desk).play(play)


def acts(desk: FakeDesk, name: str) -> list[Mapping[str, Any]]:
    """Payloads sent of one type, one a statement."""
    return [made.members for made, _, _ in desk.sent if made.members["act"] == name]


def test_the_cast_is_enrolled_a_few_minutes_before_the_first_step() -> None:
    """On the file's clock: the server's clock has nothing to say in a rehearsal."""
    desk = FakeDesk()
    outcome = played("SC1", desk)
    first = outcome.play.begins
    enrolments = [(m, at) for m, _, at in desk.sent if m.kid == REGISTRAR.signer.kid]
    added = 3 * (2 + 2)  # who serve on when another department keeps the registry
    assert len(enrolments) == 2 * len(outcome.play.cast) + added
    assert {at for _, at in enrolments} == {first - timedelta(minutes=5)}
    appointed = acts(desk, "OfficerAppointed")
    assert {a["facts"]["valid_from"] for a in appointed[: len(outcome.play.cast)]} == {"2023-03-21"}
    assert {a["agency"] for a in appointed} == {"bacninh.stttt"}
    assert all(len(a["signers"]) == 1 for a in appointed)
    people = {a["facts"]["officer"]: a["facts"]["person"] for a in appointed}
    assert len(set(people.values())) == len(people), "each alias is a human of their own"


def test_aliases_of_one_person_are_appointed_with_one_token() -> None:
    """One human with two ids is told so where the file says it of both."""
    (play,) = read_file(shipped("SC1"))
    cast = {
        alias: replace(part, person="one") if alias in ("cv", "tp") else part
        for alias, part in play.cast.items()
    }
    desk = FakeDesk()
    outcome = player(desk).play(replace(play, cast=cast, steps=play.steps[:1], finals={}))
    of = {a["facts"]["officer"]: a["facts"]["person"] for a in acts(desk, "OfficerAppointed")}
    both = [outcome.threads.officers[alias].officer for alias in ("cv", "tp")]
    assert of[both[0]] == of[both[1]]
    assert len(set(of.values())) == len(of) - 1


def test_every_step_is_signed_by_the_key_of_the_officer_named() -> None:
    """The player never lends one officer's key to another."""
    desk = FakeDesk()
    outcome = played("SC1", desk)
    assert not outcome.trouble
    kids = {o.officer: o.kid for o in outcome.threads.officers.values()}
    for made, _, _ in desk.sent:
        if made.kid != REGISTRAR.signer.kid:
            named = {s["officer"] for s in made.members["signers"]}
            assert made.kid in {kids[officer] for officer in named}


def test_a_statement_stands_on_the_one_before() -> None:
    """`seq` is dense and `prev` is the digest of what came before, in every stream."""
    desk = FakeDesk()
    played("SC6", desk)
    last: dict[str, Statement] = {}
    for made, _, _ in desk.sent:
        before = last.get(made.members["stream"])
        assert made.seq == (before.seq + 1 if before else 1)
        assert made.prev == (before.digest_b64 if before else None)
        last[made.members["stream"]] = made


def test_a_stale_place_is_signed_again_not_given_up() -> None:
    """Someone else may write to the same stream of a running enclave."""
    desk = FakeDesk(stale_once=True)
    assert not played("SC6", desk).trouble


def test_who_keeps_the_registry_is_enrolled_last_and_then_approves() -> None:
    """With whom the rules ask for founding is over; a later officer needs two signatures."""
    (play,) = read_file(shipped("SC1"))
    cast = {"qt": CastPart("bacninh.stttt", "quan-ly-khoa"), **play.cast}
    steps = play.steps[:1]
    added = 2 * 2 + 2 * 2  # a legal and a personnel officer: the cast has a registrar
    desk = FakeDesk(second_keeper_from=2 * len(cast) + added)
    cast_book = Cast(desk.origin)
    runner = player(desk, cast_book)
    assert not runner.play(replace(play, cast=cast, steps=steps, finals={})).trouble
    assert acts(desk, "OfficerAppointed")[-1]["post"] == "quan-tri-danh-ba"
    assert acts(desk, "OfficerAppointed")[-1]["facts"]["post"] == "quan-ly-khoa"
    more = replace(play, cast={"moi": CastPart("bacninh.stttt", "van-thu")}, finals={})
    shifted = replace(steps[0], author="moi")
    outcome = runner.play(replace(more, steps=(shifted,)))
    assert not outcome.trouble, outcome.trouble
    approved = acts(desk, "KeyEnrolled")[-1]
    assert [s["role"] for s in approved["signers"]] == ["AUTHOR", "APPROVER"]
    assert approved["signers"][1]["post"] == "to-chuc"


def test_an_agency_that_begins_later_is_enrolled_before_its_first_step() -> None:
    """N04: two officers of a department that exists from 1 July 2025 in a case of February."""
    play = next(p for p in read_file(shipped("negative")) if p.id == "N04")
    refusal = PlayRefused("guard", "TEAM_KIND_BY_DATE", "no")
    desk = FakeDesk(refuse={play.steps[-1].act: refusal})
    outcome = player(desk).play(play)
    late = [
        (m.members["facts"], at)
        for m, _, at in desk.sent
        if m.members["act"] == "OfficerAppointed"
        and m.members["facts"]["agency"] == "bacninh2025.svhttdl"
        and m.members["facts"]["post"] not in ADDED.values()
    ]
    assert len(late) == 2
    probe = play.steps[-1]
    for facts, at in late:
        assert facts["valid_from"] == "2025-07-01"
        assert at == probe.signed - timedelta(minutes=5)
    assert outcome.steps[-1].refused == "TEAM_KIND_BY_DATE"
    assert not outcome.steps[-1].wrong


def test_a_refusal_that_names_another_guard_is_a_difference() -> None:
    """The guard named is what the officer reads: another one is another answer."""
    play = next(p for p in read_file(shipped("negative")) if p.id == "N07")
    desk = FakeDesk(refuse={"CaseClosed": PlayRefused("guard", "STATE_ILLEGAL", "no")})
    results = player(desk).play(play).steps
    assert results[-1].wrong == ("refused: CLOSING_CHECKLIST → STATE_ILLEGAL",)


def test_a_refusal_after_something_was_recorded_is_a_difference() -> None:
    """`refused` means that nothing is recorded: an act left pending is not nothing."""
    play = next(p for p in read_file(shipped("negative")) if p.id == "N07")

    class Late(FakeDesk):
        def submit(
            self, made: Statement, signer: SoftwareSigner, at: datetime
        ) -> Mapping[str, Any]:
            if made.members["act"] == "CaseClosed" and made.role == "APPROVER":
                raise PlayRefused("guard", "CLOSING_CHECKLIST", "no")
            return super().submit(made, signer, at)

    assert player(Late()).play(play).steps[-1].wrong == ("recorded: 0 → 1",)


def test_steps_of_another_level_are_skipped_and_named() -> None:
    """Mat steps need an enclave of their own; they are never written to the ordinary log."""
    (play,) = read_file(shipped("SC7"))
    done, skipped = split_by_level(play, "ordinary")
    assert {step.level for step in skipped} == {"mat"}
    assert len(done) + len(skipped) == len(play.steps)
    desk = FakeDesk()
    outcome = player(desk).play(play)
    assert [step.n for step in outcome.skipped] == [5, 6, 7, 8, 20, 21]
    assert [final.alias for final in outcome.finals] == ["C1"]


def test_a_new_key_is_used_from_the_next_step_on() -> None:
    """`@newkid` and `@newjwk` of one step are one key, and the officer signs with it afterwards."""
    (play,) = read_file(shipped("SC1"))
    facts = {"kid": "@newkid:cv", "jwk": "@newjwk:cv", "old": "@kid:cv"}
    change = replace(play.steps[0], n=1, facts=facts, stream_of="officer", thread="cv")
    after = replace(play.steps[2], n=2, facts={})
    desk = FakeDesk()
    outcome = player(desk).play(replace(play, steps=(change, after), finals={}))
    recorded = [m for m, _, _ in desk.sent if m.kid != REGISTRAR.signer.kid]
    old, new = recorded[0].members["facts"]["old"], recorded[0].members["facts"]["kid"]
    assert old != new
    assert recorded[1].kid == new
    assert outcome.threads.officers["cv"].kid == new


def _reading(*reads: PlayRead) -> tuple[Outcome, FakeDesk]:
    """SC1's first step with what is asked behind it; the hotline is shown all, by an order."""
    (play,) = read_file(shipped("SC1"))
    desk = FakeDesk()
    cast = Cast(desk.origin)

    def enrolled(alias: str) -> str:
        return cast.add(alias, play.cast[alias], play.id, str(UUID(int=len(alias))), "")[0].kid

    desk.shown = {enrolled("hotline"): ("A9", "the order")}
    first = replace(play.steps[0], reads=reads)
    return player(desk, cast).play(replace(play, steps=(first,), finals={})), desk


def _asks(by: str, *, step: int | None = None, **expect: str) -> PlayRead:
    at = datetime.fromisoformat("2025-02-10T09:00:00+07:00")
    case = "C1" if step is None else None
    return PlayRead(by, at, case, step, expect.get("under"), expect.get("refused"))


def test_what_is_read_is_asked_in_the_readers_session_at_their_time() -> None:
    """A case or an act, by whom the file says; under which order it is shown, or that it is not."""
    outcome, desk = _reading(
        _asks("hotline", under="A9"),
        _asks("hotline", step=1, under="A9"),
        _asks("cv", refused="not_found"),
    )
    results = outcome.steps[0].reads
    assert [(one.under, one.via, one.refused) for one in results] == [
        ("A9", "the order", None),
        ("A9", "the order", None),
        (None, None, "not_found"),
    ]
    assert not any(one.wrong for one in results)
    case, act = outcome.threads.cases["C1"], outcome.threads.acts[1]
    assert [(path, at) for path, _, at in desk.asked] == [
        (path, one.read.at)
        for path, one in zip(
            [f"cases/{case}", f"acts/{act}", f"cases/{case}"], results, strict=True
        )
    ]
    assert [kid in desk.shown for _, kid, _ in desk.asked] == [True, True, False]


def test_what_is_shown_otherwise_than_the_file_says_is_a_difference() -> None:
    """By another rule, by none, to whom nothing is shown, not to whom it must be."""
    outcome, _ = _reading(
        _asks("hotline", under="A19"),
        _asks("hotline"),
        _asks("hotline", refused="not_found"),
        _asks("cv"),
        _asks("cv", refused="part_only"),
    )
    assert [one.wrong for one in outcome.steps[0].reads] == [
        ("read_under: A19 → A9",),
        ("read_under: ∅ → A9",),
        ("refused: not_found → ∅",),
        ("not_found: there is none",),
        ("refused: part_only → not_found",),
    ]
    assert not outcome.ok


def test_what_an_erasure_names_are_the_records_of_a_step() -> None:
    """`@entries`: index and entry of each statement, in order, as the ledger told them."""
    (play,) = read_file(shipped("SC1"))
    two = next(step for step in play.steps if step.countersigners)
    first = replace(two, n=1, facts={}, refers_to=None, corrects=None)
    last = first.countersigners[-1].at
    assert last is not None
    facts: dict[str, Any] = {"entries": "@entries:1"}
    after = replace(first, n=2, signed=last, countersigners=(), facts=facts)
    desk = FakeDesk()
    outcome = player(desk).play(replace(play, steps=(first, after), finals={}))
    assert not outcome.trouble, outcome.trouble
    acts = [made.members["act_id"] for made, _, _ in desk.sent]
    signed = [i for i, act in enumerate(acts) if act == outcome.threads.acts[1]]
    facts = desk.sent[acts.index(outcome.threads.acts[2])][0].members["facts"]
    assert facts["entries"] == [{"index": i, "entry": f"entry {i}"} for i in signed]
    assert len(signed) == 1 + len(two.countersigners)


def test_the_cast_stays_in_the_home_and_opens_again(tmp_path: Path) -> None:
    """One can go on as any of them; the same alias in another post is another officer."""
    safe = KeyStore(tmp_path / "cast", b"secret")
    book = Cast("rehearsal.x/ordinary", safe)
    one, key = book.add("cv", CastPart("bacninh.stttt", "chuyen-vien"), "SC1", "o1", "p1")
    other, _ = book.add("cv", CastPart("bacninh.h-g", "chuyen-vien"), "SC2", "o2", "p2")
    again = Cast("rehearsal.x/ordinary", safe)
    assert again.named("cv").kid == one.kid
    assert again.signer(one.kid).pkcs8() == key.pkcs8()
    assert again.named("SC2.cv").officer == other.officer
    assert again.find("cv", CastPart("bacninh.stttt", "chuyen-vien"), "SC6") == one
    assert again.find("cv", CastPart("bacninh.syt", "chuyen-vien"), "SC6") is None
    with pytest.raises(UnknownAlias):
        Cast("rehearsal.other/ordinary", safe).named("cv")


@pytest.mark.parametrize(
    ("expect", "seen", "wrong"),
    [
        (None, {"status": "effective", "flags": ["X"]}, 0),
        (None, {"status": "pending"}, 1),
        ({"status": "effective", "state": "A"}, {"status": "effective", "state": "A"}, 1),
        (
            {"status": "effective", "state": "A"},
            {"status": "effective", "state": "A", "flags": []},
            0,
        ),
        ({"status": "effective", "state": None}, {"status": "effective", "flags": ["F"]}, 1),
        ({"status": "pending", "flags": ["B", "A"]}, {"status": "pending", "flags": ["A", "B"]}, 0),
        ({"refused": "G"}, {"status": "refused", "refused": "G"}, 0),
        ({"refused": "G"}, {"status": "effective"}, 1),
        ({"effective_with_flag": "F"}, {"status": "effective", "flags": ["F", "G"]}, 0),
        ({"effective_with_flag": "F"}, {"status": "effective", "flags": []}, 1),
    ],
)
def test_what_is_expected_is_compared_whole(
    expect: dict[str, Any] | None, seen: dict[str, Any], wrong: int
) -> None:
    """Flags left out mean none; a setup step must only take effect."""
    assert len(differences(expect, seen)) == wrong


def test_a_file_older_than_the_ledger_is_said_so_and_nothing_is_recorded() -> None:
    """A rehearsal's clock only goes forward: play files in the order of their dates."""
    desk = FakeDesk(now=datetime.fromisoformat("2026-01-01T00:00:00+07:00"))
    outcome = played("SC1", desk)
    assert "clock_back" in outcome.trouble or outcome.steps[0].refused == "clock_back"
    assert not outcome.ok


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_negative_whose_probe_was_skipped_is_not_as_its_file_says(*, elsewhere: bool) -> None:
    """Unless another enclave of the same run plays it."""
    (play,) = read_file(shipped("SC6"))
    first, *rest = play.steps
    probe = replace(rest[0], level="mat")
    first = replace(first, expect=None)
    negative = replace(play, steps=(first, probe), finals={}, probe=probe.n)
    outcome = player(FakeDesk()).play(negative)
    assert [step.n for step in outcome.skipped] == [probe.n]
    outcome.probe_elsewhere = elsewhere
    assert (outcome.unplayed, outcome.ok) == (not elsewhere, elsewhere)
    assert negative.probe_level == "mat"


def test_a_play_of_which_no_step_was_played_is_not_as_its_file_says() -> None:
    """Where the enclave is of another level; nothing came out wrong, since nothing came out."""
    (play,) = read_file(shipped("SC12"))
    outcome = player(FakeDesk()).play(play)
    assert (outcome.steps, outcome.trouble, len(outcome.skipped)) == ([], "", len(play.steps))
    assert outcome.unplayed
    assert not outcome.ok


def test_a_number_in_a_file_is_a_label_unless_the_file_means_it() -> None:
    """The ledger numbers registrations; what a step tries, or puts right later, is sent."""
    desk = FakeDesk()
    played("SC1", desk)
    (report,) = acts(desk, "ReportReceived")[:1]
    assert (report["v"], "register_no" in report["facts"]) == (2, False)
    assert [signer["capacity"] for signer in report["signers"]] == ["TRUC_TIEP"]
    (opened,) = acts(desk, "CaseRegistered")
    assert (opened["v"], "case_number" in opened["facts"]) == (2, False)

    (play,) = read_file(shipped("SC16"))
    means = {
        step.n
        for step in play.steps
        if step.corrects and step.facts.get("member") == "facts.case_number"
    }
    desk = FakeDesk()
    player(desk).play(play)
    said = [act for act in acts(desk, "CaseRegistered") if "case_number" in act["facts"]]
    assert (len(said), said[0]["v"]) == (len(means), 1) == (1, 1)
