"""Who takes part in a case: by which act, until when; and that nobody who works is blind."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.exclusions import shut_out
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import strings
from ledger.regulation.case.state import Entry, StreamState, apply, present_agency
from ledger.regulation.participation.participation import participation
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.sees import acts_seen
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import agencies_of
from projections.views.worklist import tasks_of
from tests.builders import (
    CAST,
    REPORTER,
    Story,
    a_case_in,
    an_act,
    an_id,
    at,
    enter,
    hire,
    officer,
    signed,
)
from tests.examples import examples
from tests.play_pure import Player, player_for, scenario, steps

#: Every scenario with steps of the ordinary level.
NAMES = tuple(f"SC{n}" for n in range(1, 19) if n not in (5, 12))
NEGATIVES = scenario("negative")["negatives"]
CASE = f"case/{an_id('the case')}"


# -- asking -------------------------------------------------------------------------------------


def looked_at(story: Story, when: datetime | None = None, **more: Any) -> Viewpoint:  # noqa: ANN401
    """A story's case, now or at an instant; nothing of it is recorded later."""
    return Viewpoint(story.stream, story.registry, when or story.now, **more)


def whole(story: Story, alias: str, when: datetime | None = None) -> bool:
    """Whether an alias sees every act of the case."""
    return all_seen(story, alias, when) == frozenset(story.stream.entries)


def seen(story: Story, alias: str, when: datetime | None = None) -> set[str]:
    """Types of the acts that an alias sees."""
    return {story.stream.entries[i].act.act for i in all_seen(story, alias, when)}


def all_seen(story: Story, alias: str, when: datetime | None = None) -> frozenset[str]:
    """The acts that an alias sees."""
    one = officer(alias)
    return acts_seen([one], looked_at(story, when))[one]


def require_agreement(officers: Iterator[str] | list[str], case: Viewpoint) -> None:
    """The list and the question of one officer say the same of every act."""
    for one, by_question in acts_seen(officers, case).items():
        assert reach(one, case).acts == by_question, one


# -- the scenarios ------------------------------------------------------------------------------

#: The door (W2): a complaint may reach a body that does not see what it is against.
DOOR = "ComplaintReceived"


class Seeing(Player):
    """A player whose cases can be looked at."""

    def handler_of(self, stream: str) -> str | None:
        """Who handles another case now."""
        known = self.streams.get(stream)
        assert self.now is not None
        return None if known is None else known.handler(self.registry, local_day(self.now))

    def case(self, stream: StreamState, when: datetime) -> Viewpoint:
        """A case of this log as it stands."""
        return Viewpoint(stream, self.registry, when, self.level, self.handler_of)


class Watched(Seeing):
    """A player that looks at every case before and after each statement."""

    blind: list[str]
    signatures = tasks = 0

    def question(
        self, act: Act, officer: str, role: str, iat: datetime, kid: str = ""
    ) -> GuardInput:
        """What a statement asks of the rules; who signs sees the case before any of them is asked.

        Refused statements are asked as well: whoever does not see the case hears of no rule.
        """
        stream = self.stream(act.stream)
        if stream.kind == "case" and stream.entries:
            self.require_sighted(act, officer, self.case(stream, iat.astimezone(UTC)))
        return super().question(act, officer, role, iat, kid)

    def require_sighted(self, act: Act, officer: str, case: Viewpoint) -> None:
        """Notes a signer who sees nothing of the case, or not an act that the statement names."""
        self.signatures += 1
        if act.act == "ActReturned" and shut_out(officer, case.fold, case.registry, case.at):
            return  # who is shut out returns what waits, and that alone (W8)
        if act.act == DOOR:
            return  # a body outside names the act that it holds the letter of (W2)
        known = acts_seen([officer], case)[officer]
        named = {i: case.fold.entries[i] for i in led_to_by(act, case)}
        unseen = sorted(e.act.act for i, e in named.items() if i not in known)
        if not known or unseen:
            self.blind.append(f"{act.act} of {act.agency}: sees {len(known)}, not {unseen}")

    def take(self, act: Act, officer: str, role: str, iat: datetime, kid: str = "") -> Entry:
        """Takes a statement; whoever has to act on the case then sees what it is about."""
        entry = super().take(act, officer, role, iat, kid)
        stream = self.stream(act.stream)
        if stream.kind == "case":
            self.require_tasks_seen(self.case(stream, iat.astimezone(UTC)))
        return entry

    def require_tasks_seen(self, case: Viewpoint) -> None:
        """Whoever a task waits for sees the act it is about."""
        shown = acts_seen((person.officer for person in self.cast.values()), case)
        for task in tasks_of(case.fold, case.registry, case.at, self):
            self.tasks += 1
            asked = self.whose(task.officer, task.agency, case)
            # who is shut out sees nothing, and can but return what waits
            asked = [o for o in asked if shut_out(o, case.fold, case.registry, case.at) is None]
            blind = [one for one in asked if task.entry.act.act_id not in shown[one]]
            # above ordinary an agency is asked in those of it whom the document was named to
            named = case.level != "ordinary" and task.officer is None
            assert not blind or (named and blind != asked), (task.kind, task.entry.act.act)

    def whose(self, officer: str | None, agency: str | None, case: Viewpoint) -> list[str]:
        """An officer, or of an agency everybody in the cast."""
        if officer is not None:
            return [officer]
        now = present_agency(case.registry, agency or "", case.day)
        cast = {person.officer for person in self.cast.values()}
        return [o for o in cast if now in agencies_of(o, case.registry, case.day)]


def led_to_by(act: Act, case: Viewpoint) -> set[str]:
    """Acts of the case that an act names anywhere, but itself."""
    texts = {text for _, text in strings(act.signed)}
    return {i for i in case.fold.entries if i in texts and i != act.act_id}


def seeing(file: Mapping[str, Any]) -> tuple[Seeing, Any]:
    """A player of a file whose cases can be looked at, and the cast."""
    player, aliases = player_for(file)
    player.__class__ = Seeing
    assert isinstance(player, Seeing)
    return player, aliases


def watched(file: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> tuple[Watched, Any]:
    """A player of a file who looks at every case all the way, and the cast."""
    player, aliases = player_for(file, more)
    player.__class__ = Watched
    assert isinstance(player, Watched)
    player.blind = []
    return player, aliases


@pytest.mark.parametrize("name", ["SC7", "SC12"])
def test_nobody_who_signs_above_ordinary_is_blind(name: str) -> None:
    """access.md A1, W1: by name alone, since agencies hold nothing there."""
    player, aliases = watched(at_level(scenario(name), "mat"))
    for step in steps(scenario(name), level="mat"):
        entry, _ = player.step(step, aliases)
        assert entry.status == "effective"
    assert not player.blind


def at_level(file: Mapping[str, Any], level: str) -> dict[str, Any]:
    """A file with its steps of one level alone."""
    return {**file, "steps": [step for step in file["steps"] if step["level"] == level]}


@pytest.mark.parametrize("name", NAMES)
def test_nobody_who_signs_or_has_a_task_is_blind(name: str) -> None:
    """access.md V9, the half without a database: also of each act that a statement names."""
    file = scenario(name)
    player, aliases = watched(file)
    for step in steps(file):
        player.step(step, aliases)
    assert not player.blind
    assert player.signatures
    assert player.tasks


@pytest.mark.parametrize("entry", NEGATIVES, ids=[e["id"] for e in NEGATIVES])
def test_nobody_is_blind_who_is_refused_by_a_rule(entry: dict[str, Any]) -> None:
    """access.md N2: the see-check comes first, so a probe of a rule is by somebody who sees."""
    file = scenario(entry["scenario"])
    player, aliases = watched(file, entry.get("cast"))
    for step in [*steps(file, entry["after_step"]), *entry.get("setup", ())]:
        player.step(step, aliases)
    with suppress(Rejected):
        player.step(entry["step"], aliases)
    assert not player.blind


def test_whoever_releases_a_text_without_a_grant_is_found_blind() -> None:
    """The test of the test: SC1 without its grants to the portal."""
    file = scenario("SC1")
    player, aliases = watched(file)
    for step in steps(file, 14):
        if step["act"] != "ParticipationGranted":
            player.step(step, aliases)
    assert player.blind == [
        "OfficialInformationReleased of bacninh.cong: sees 0, not ['VerificationConcluded']",
        "OfficialInformationReleased of bacninh.cong: sees 1, not ['VerificationConcluded']",
    ]


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.soak if n % 2 else ()) for n, one in enumerate(NAMES)],
)
def test_list_and_question_agree_all_along_a_scenario(name: str) -> None:
    """Two implementations of one rule, at each statement, for officers drawn from the cast.

    Along each second scenario on a push, along the others in `make soak`.
    """
    file, draw = scenario(name), random.Random(name)  # noqa: S311 - the same officers in every run
    player, aliases = seeing(file)
    for step in steps(file):
        entry, _ = player.step(step, aliases)
        stream = player.stream(entry.act.stream)
        if stream.kind == "case":
            cast = sorted(p.officer for p in player.cast.values())
            assert player.now is not None
            case = player.case(stream, player.now)
            require_agreement(draw.sample(cast, min(4, len(cast))), case)


# -- generated histories ------------------------------------------------------------------------

ALIASES = ("hotline", "cv", "gd", "pc", "vault", "keeper", "ct", "hcv", "yt", "ytcv", "btg", "dtv",
           "tra", "nm", "scv", "sgd")  # fmt: skip
AGENCIES = sorted({CAST[alias][0] for alias in ALIASES})
GENERATED = (
    "ReportReceived", "ReporterIdentitySealed", "CaseRegistered", "CompetenceDetermined",
    "LeadAgencyNotified", "VerificationRequested", "VerificationAnswered", "ProposalSubmitted",
    "DirectionReceived", "ReferralSent", "ReferralReturned", "ReferredResultReceived",
    "TechnicalMeasureOrdered", "ComplaintReceived", "ComplaintAccepted", "ReviewOpened",
    "ReviewDecided", "CaseClosed", "CaseReopened", "CaseCustodyTransferred", "SanctionProposed",
    "SanctionDecided", "MemberSecondmentRequested", "MemberSeconded", "ParticipationGranted",
    "ParticipationRevoked", "ParticipationExcluded", "ParticipationRestored", "ActReturned",
    "RecordVoided", "DelegationGiven",
)  # fmt: skip
STEP = st.tuples(
    st.sampled_from(GENERATED),
    st.sampled_from(ALIASES),
    st.sampled_from(ALIASES),
    st.sampled_from(AGENCIES),
    st.sampled_from(AGENCIES),
    st.sampled_from([0, 0, 0, 1, 20, 45]),
    st.booleans(),
)


def lets_sign(story: Story, alias: str, *, in_case: bool = False, **facts: Any) -> str:  # noqa: ANN401
    """Whoever something waits for, else this one, lets a colleague sign; the delegation's id."""
    waits = next(iter(story.stream.pending.values()), None)
    if waits is not None:
        uuid = waits.act.signers[len(waits.signed)].officer
        alias = next((one for one in CAST if officer(one) == uuid), alias)
    agency, post = CAST[alias]
    taker = next((a for a in CAST if CAST[a][0] == agency and a != alias), alias)
    said: dict[str, Any] = {
        "officer": officer(taker),
        "post": CAST[taker][1],
        "capacity": "GQ",
        "valid_from": story.now.date().isoformat(),
        "valid_to": (story.now + timedelta(days=20)).date().isoformat(),
        "basis_document": "QĐ 1",
        **facts,
    }
    act = enter(
        story.registry,
        "DelegationGiven",
        said,
        stream=story.stream.name if in_case else f"agency/{agency}",
        agency=agency,
        post=post,
        signers=[{"officer": officer(alias), "post": post, "role": "AUTHOR"}],
        act_id=an_id(f"delegation {story.registry.version}"),
    )
    return act.act_id


def generated(story: Story, step: tuple[Any, ...]) -> None:
    """One act that nobody judged: any author, any other signer, any addressees."""
    name, by, other, one, two, days, finished = step
    story.later(days=days)
    facts: dict[str, Any] = {
        "CaseRegistered": {"handling_agency": one},
        "CompetenceDetermined": {"shared_with": [one], "competent_agency": two},
        "CaseCustodyTransferred": {"from_agency": one, "to_agency": two},
        "MemberSeconded": {"officer": officer(other), "refused": not finished},
        "ParticipationGranted": {"officer": officer(other), "scope": "CASE"},
        "ParticipationRevoked": {"officer": officer(other)},
        "ParticipationExcluded": {"officer": officer(other)},
        "ComplaintReceived": {"instance": "SECOND" if finished else "FIRST"},
    }.get(name, {})
    waiting = next(iter(story.stream.pending), None)
    if name == "ActReturned" and waiting is None:
        return
    if name == "DelegationGiven":
        lets_sign(story, by, in_case=finished)
        return
    act = story.act(
        name,
        by=by,
        also=[other],
        to=[one, two],
        facts=facts,
        refers_to=waiting if name == "ActReturned" else None,
    )
    statements = signed(act, story.stream)
    if name == "ActReturned":
        statements = statements[:1]
    for statement in statements if finished else statements[:1]:
        entry = apply(story.stream, statement)
    if entry.status == "effective" and name.startswith("ParticipationG"):
        story.registry.apply(act, index=story.registry.version + 1, recorded_at=act.occurred_at)
    if entry.status == "effective" and name == "ParticipationRevoked":
        story.registry.apply(act, index=story.registry.version + 1, recorded_at=act.occurred_at)
    story.later(minutes=10)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(STEP, min_size=1, max_size=14), st.sampled_from([0, 29, 31, 300, 1200]))
def test_list_and_question_agree_on_any_history(steps_: list[tuple[Any, ...]], later: int) -> None:
    """V9: whatever acts a log holds, and whatever has become of agencies and posts since."""
    story = Story()
    for step in steps_:
        generated(story, step)
    for when in (story.now, story.now + timedelta(days=later)):
        require_agreement([officer(alias) for alias in ALIASES], looked_at(story, when))


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(STEP, min_size=1, max_size=14), st.sampled_from(ALIASES))
def test_who_is_shut_out_sees_nothing_by_any_ground(
    steps_: list[tuple[Any, ...]], alias: str
) -> None:
    """Exclusion wins over post, signature, grant and turn."""
    story = Story()
    for step in steps_:
        generated(story, step)
    story.forced("ParticipationExcluded", by="ct", facts={"officer": officer(alias)})
    assert not all_seen(story, alias)
    assert not reach(officer(alias), looked_at(story)).acts


# -- agencies and posts ---------------------------------------------------------------------------


def test_the_handler_holds_the_case_and_others_do_not() -> None:
    """W4, W6: officers of the agency by their post; another department sees nothing."""
    case = a_case_in("VERIFYING")
    assert all(whole(case, alias) for alias in ("cv", "gd", "pc", "hotline"))
    assert not seen(case, "yt")
    assert not seen(case, "ct")  # nothing by rank


@pytest.mark.parametrize("alias", ["vault", "keeper", "keeper2"])
def test_posts_that_stand_apart_see_nothing_by_their_post(alias: str) -> None:
    """W6, S5-S9: of the handler too."""
    assert not seen(a_case_in("VERIFYING"), alias)


def test_the_vault_keeper_sees_the_sealing_and_nothing_else() -> None:
    """participation.json: enough to write the disclosure into this case."""
    case = Story()
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    case.then("ReporterIdentitySealed")
    assert seen(case, "vault") == {"ReporterIdentitySealed"}


def test_a_successor_holds_what_its_predecessor_held() -> None:
    """W5: on the day of the succession, and no act is written."""
    case = a_case_in("VERIFYING")
    last, first = at("2025-02-28 23:00"), at("2025-03-01 00:30")
    assert whole(case, "cv", last)
    assert not seen(case, "scv", last)
    assert whole(case, "scv", first)
    assert not seen(case, "cv", first)
    held = {part.holder.id for part in participation(looked_at(case, first)).parts}
    assert "bacninh.svhttdl" in held
    assert "bacninh.stttt" not in held


def test_end_of_office_ends_everything() -> None:
    """access.md G18: with the last day in the post; also what an officer signed."""
    case = a_case_in("VERIFYING")
    ended = {
        "officer": officer("cv"),
        "agency": "bacninh.stttt",
        "post": "chuyen-vien",
        "ended_on": "2024-06-10",
        "keys_end": True,
    }
    enter(case.registry, "OfficerEnded", ended, stream=f"officer/{officer('cv')}")
    assert whole(case, "cv", at("2024-06-10 23:00"))
    assert not seen(case, "cv", at("2024-06-11 00:30"))
    assert whole(case, "cv2", at("2024-06-11 00:30"))


def test_above_ordinary_agencies_hold_nothing() -> None:
    """access.md §1: there only names do."""
    case = a_case_in("VERIFYING")
    above = looked_at(case, level="mat")
    assert {part.holder.kind for part in participation(above).parts} == {"officer"}
    require_agreement([officer(alias) for alias in CAST], above)


# -- ends ---------------------------------------------------------------------------------------


def test_the_finder_reads_on_for_thirty_days_after_closing() -> None:
    """CLOSED: from the record of CaseClosed; the handler keeps the case."""
    case = Story()
    case.then("ReportReceived", by="hcv")
    for name in ("CaseRegistered", "CompetenceDetermined", "VerificationConcluded",
                 "HandlingDecided", "ResultDetermined", "ResultNotified"):  # fmt: skip
        case.then(name)
    case.then("ReporterInformed", by="hcv", facts={"reporter": None})
    case.then("CaseClosed")
    assert whole(case, "hct", case.now + timedelta(days=29))
    assert seen(case, "hct", case.now + timedelta(days=40)) == {
        "ReportReceived",
        "ReporterInformed",
    }
    assert whole(case, "cv", case.now + timedelta(days=200))
    reopened = case.later(days=60)
    reopened.then("CaseReopened")
    assert whole(reopened, "hct")


def test_a_case_that_a_review_sends_back_to_work_is_open_again() -> None:
    """CLOSED looks at the state and not at CaseReopened alone."""
    case = a_case_in("CLOSED")
    case.later(days=40)
    case.then("ReviewOpened", facts={"opened_from": "CLOSED"})
    found = participation(looked_at(case))
    assert "CLOSED" not in {part.end for part in found.parts}
    case.then("ReviewDecided", disposition="remanded", facts={"decision": "REMANDED"})
    assert "CLOSED" in {part.end for part in participation(looked_at(case)).parts}


def test_a_referral_that_is_returned_ends_at_once() -> None:
    """REFERRAL_ENDS: the file is gone, the letters stay."""
    case = a_case_in("REFERRED")
    assert whole(case, "ytcv")
    case.then("ReferralReturned")
    assert seen(case, "ytcv") == {"ReferralSent", "ReferralReturned"}
    assert seen(case, "btg") == set()


def test_a_transfer_gives_the_file_from_the_authors_statement_and_leaves_thirty_days() -> None:
    """W5: the new agency countersigns, so it sees first."""
    case = a_case_in("VERIFYING", start=at("2025-02-10 08:00"))
    act = case.act(
        "CaseCustodyTransferred", by="cv", also=["yt"], facts={"to_agency": "bacninh.syt"}
    )
    first, second = signed(act, case.stream)
    apply(case.stream, first)
    case.later(minutes=10)
    assert whole(case, "ytcv")
    apply(case.stream, second)
    case.later(minutes=10)
    assert whole(case, "ytcv")
    assert whole(case, "cv")
    handles = [p for p in participation(looked_at(case)).parts if p.end == "HANDLES"]
    assert [p.holder.id for p in handles] == ["bacninh.syt"]


def test_a_transfer_that_is_returned_gives_nothing_more() -> None:
    """W7."""
    case = a_case_in("VERIFYING")
    act = case.act(
        "CaseCustodyTransferred", by="cv", also=["yt"], facts={"to_agency": "bacninh.syt"}
    )
    apply(case.stream, signed(act, case.stream)[0])
    case.later(minutes=10)
    assert whole(case, "ytcv")
    case.forced("ActReturned", by="yt", refers_to=act.act_id, also=[])
    assert seen(case, "ytcv") == {"ActReturned"}


def test_a_secondment_that_is_refused_gives_nothing() -> None:
    """The officer whom a refusal names does not see the case."""
    for refused in (False, True):
        case = a_case_in("HANDLING")
        case.then("MemberSecondmentRequested", to=["bacninh.syt"])
        facts = {"officer": officer("ytcv"), "refused": refused}
        case.forced("MemberSeconded", facts=facts)
        assert whole(case, "ytcv") is not refused


# -- letters --------------------------------------------------------------------------------------


def test_who_is_asked_sees_the_letter_and_not_the_case() -> None:
    """W3: and keeps it."""
    case = a_case_in("VERIFYING")
    case.then("VerificationRequested")
    assert seen(case, "ytcv") == {"VerificationRequested"}
    assert seen(case, "ytcv", case.now + timedelta(days=250)) == {"VerificationRequested"}


def test_an_operator_is_not_led_from_the_order_to_the_finding() -> None:
    """`withholds`: a company sees the order and nothing of the file."""
    case = a_case_in("HANDLING")
    case.then("TechnicalMeasureOrdered", to=["tochuc.vienthong"])
    assert seen(case, "nm") == {"TechnicalMeasureOrdered"}


def test_who_is_sent_a_proposal_is_led_to_the_finding_it_names() -> None:
    """access.md §1: ACT is one act and the acts it names."""
    case = a_case_in("HANDLING")
    case.then("TakedownProposed")
    assert seen(case, "bo") == {"TakedownProposed", "VerificationConcluded"}


# -- who signs next -------------------------------------------------------------------------------


def test_who_countersigns_sees_what_the_authors_agency_sees_while_it_waits() -> None:
    """W1: to judge what is signed; afterwards the act alone."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationRequested", by="cv", also=["ct"], to=["bacninh.btg"])
    first, second = signed(act, case.stream)
    apply(case.stream, first)
    case.later(minutes=10)
    assert whole(case, "ct")
    apply(case.stream, second)
    case.later(minutes=10)
    assert all_seen(case, "ct") == {act.act_id}


def test_an_outside_body_does_not_open_the_case_by_naming_a_second_signer() -> None:
    """Attack: who was sent one letter writes an answer that waits, and reads the file meanwhile."""
    case = a_case_in("VERIFYING")
    request = case.then("VerificationRequested")
    act = case.act(
        "VerificationAnswered", by="ytcv", also=["yt"], facts={"request": request.act.act_id}
    )
    apply(case.stream, signed(act, case.stream)[0])
    case.later(minutes=10)
    assert seen(case, "yt") == {"VerificationRequested", "VerificationAnswered"}


def test_an_author_is_not_led_to_acts_by_naming_them() -> None:
    """Attack: an answer refers to an act whose id is known from elsewhere."""
    case = a_case_in("ASSESSING")
    hidden = case.stream.finding
    assert hidden is not None
    case.forced(
        "VerificationAnswered", by="ytcv", refers_to=hidden.act.act_id, to=["bacninh.stttt"]
    )
    assert seen(case, "ytcv") == {"VerificationAnswered"}


def test_registrars_who_void_a_record_see_nothing_of_the_case() -> None:
    """They name it by index and digest; their agency may be the handler itself."""
    case = a_case_in("VERIFYING")
    act = case.act("RecordVoided")
    apply(case.stream, signed(act, case.stream)[0])
    case.later(minutes=10)
    assert seen(case, "keeper2") == {"RecordVoided"}


# -- grants ---------------------------------------------------------------------------------------


def granted(case: Story, alias: str, **facts: Any) -> str:  # noqa: ANN401 - facts are JSON
    """Grants an alias the case; the id of the grant."""
    return case.then("ParticipationGranted", facts={"officer": officer(alias)} | facts).act.act_id


def test_a_grant_lets_see_until_its_term() -> None:
    """A7: one officer and not the agency."""
    case = a_case_in("VERIFYING")
    granted(case, "ytcv", until=(case.now + timedelta(days=3)).isoformat(timespec="seconds"))
    assert whole(case, "ytcv")
    assert not seen(case, "yt")
    assert whole(case, "ytcv", case.now + timedelta(days=2))
    assert not seen(case, "ytcv", case.now + timedelta(days=4))


def test_a_revocation_ends_at_its_record_whenever_it_is_dated() -> None:
    """access.md G18: also one dated a few minutes ahead, as clocks that differ allow."""
    case = a_case_in("VERIFYING")
    grant = granted(case, "ytcv")
    assert whole(case, "ytcv")
    ahead = case.now + timedelta(minutes=4)
    revoked = case.act(
        "ParticipationRevoked", when=ahead, facts={"grant": grant, "officer": officer("ytcv")}
    )
    (statement,) = signed(revoked, case.stream)
    apply(case.stream, statement)
    case.registry.apply(revoked, index=case.registry.version + 1, recorded_at=case.now)
    assert not seen(case, "ytcv", case.now)


def test_a_grant_over_an_agency_lets_see_what_it_holds() -> None:
    """A7: for a deputy; nothing beyond the agency's own cases."""
    case = a_case_in("VERIFYING")
    case.then("VerificationRequested")
    for agency, all_of_it in (("bacninh.stttt", True), ("bacninh.syt", False)):
        registry = case.registry.copy()
        act = an_act(
            "ParticipationGranted",
            by="gd",
            when=case.now,
            stream=f"agency/{agency}",
            facts={"officer": officer("hcv"), "scope": "AGENCY"},
        )
        registry.apply(act, index=registry.version + 1, recorded_at=act.occurred_at)
        at_ = Viewpoint(case.stream, registry, case.now + timedelta(minutes=1))
        ids = acts_seen([officer("hcv")], at_)[officer("hcv")]
        types = {case.stream.entries[act_id].act.act for act_id in ids}
        assert (types == {e.act.act for e in case.stream.entries.values()}) is all_of_it
        assert "VerificationRequested" in types
        require_agreement([officer("hcv")], at_)


@pytest.mark.parametrize(
    ("facts", "reads"),
    [
        ({"cases": [CASE]}, "whole"),
        ({"cases": [f"case/{an_id('another')}"], "agencies": ["bacninh.stttt"]}, "nothing"),
        ({"agencies": ["bacninh.stttt"]}, "whole"),
        ({"agencies": ["bacninh.syt"]}, "letter"),
        ({"agencies": ["bacninh.stttt"], "period_from": "2024-07-01"}, "nothing"),
    ],
    ids=["the case", "another case", "the handler", "who was asked", "another period"],
)
def test_an_inspection_order_reaches_what_it_names(facts: dict[str, Any], reads: str) -> None:
    """A9: cases named alone; else what the agencies named hold, of cases opened in the period."""
    case = a_case_in("VERIFYING")
    case.then("VerificationRequested")
    until = (case.now + timedelta(days=30)).isoformat(timespec="seconds")
    reader = {"officer": officer("tra"), "post": "thanh-tra-vien", "agency": "bacninh.thanhtra"}
    order = an_act(
        "InspectionOrdered",
        when=case.now,
        stream="agency/bacninh.thanhtra",
        facts={"readers": [reader | {"until": until}], "cases": None, "agencies": None}
        | {"period_from": "2024-06-01", "period_to": "2024-07-31"}
        | facts,
    )
    case.registry.apply(order, index=case.registry.version + 1, recorded_at=order.occurred_at)
    case.later(minutes=10)
    types = {e.act.act for e in case.stream.entries.values()}
    wanted = {"whole": types, "letter": {"VerificationRequested"}, "nothing": set()}
    assert seen(case, "tra") == wanted[reads]
    require_agreement([officer("tra")], looked_at(case))
    assert not seen(case, "tra", case.now + timedelta(days=31))


def ordered(case: Story, alias: str, **facts: Any) -> None:  # noqa: ANN401 - facts are JSON
    """An inspection of what the department holds, read by an alias."""
    until = (case.now + timedelta(days=30)).isoformat(timespec="seconds")
    agency, post = CAST[alias]
    reader = {"officer": officer(alias), "post": post, "agency": agency, "until": until}
    named = {"agencies": ["bacninh.stttt"], "cases": None, "until": until}
    order = an_act(
        "InspectionOrdered",
        when=case.now,
        stream="agency/bacninh.thanhtra",
        facts={"period_from": "2024-06-01", "period_to": "2024-07-31", "readers": [reader]}
        | named | facts,
    )  # fmt: skip
    case.registry.apply(order, index=case.registry.version + 1, recorded_at=order.occurred_at)
    case.later(minutes=10)


@pytest.mark.parametrize("named", [{}, {"cases": [CASE], "agencies": None}], ids=["all", "one"])
def test_whoever_took_part_reads_nothing_by_an_order(named: dict[str, Any]) -> None:
    """access.md S7 at use: also what waits or came back, and by a second id of the person."""
    case = a_case_in("VERIFYING")
    asked = case.then("VerificationRequested").act.act_id
    ordered(case, "tra", **named)
    assert whole(case, "tra")
    case.then("VerificationAnswered", by="ytcv", facts={"request": asked})
    hire(case.registry, "ytcv", person=an_id("one person"))
    assert whole(case, "tra")
    hire(case.registry, "tra", person=an_id("one person"))
    assert not seen(case, "tra")
    require_agreement([officer("tra"), officer("ytcv")], looked_at(case))


def test_whoever_left_the_inspecting_body_reads_nothing_by_its_order() -> None:
    """access.md A9: it is given to a post in that body, not to a person wherever they go."""
    case = a_case_in("VERIFYING")
    ordered(case, "tra")
    hire(case.registry, "tra", agency="bacninh.syt", post="chuyen-vien")
    assert whole(case, "tra"), "a second post takes nothing away"
    day = case.now.date().isoformat()
    enter(case.registry, "OfficerEnded", {
        "officer": officer("tra"), "agency": "bacninh.thanhtra", "post": CAST["tra"][1],
        "keys_end": False, "reason": "MOVED", "ended_on": day,
    }, stream=f"officer/{officer('tra')}")  # fmt: skip
    assert not seen(case, "tra", case.now + timedelta(days=1))
    require_agreement([officer("tra")], looked_at(case, case.now + timedelta(days=1)))


def test_nobody_reads_longer_than_the_order_runs() -> None:
    """access.md A9: whatever end a reader's line names."""
    case = a_case_in("VERIFYING")
    end = case.now + timedelta(days=3)
    ordered(case, "tra", until=end.isoformat(timespec="seconds"))
    assert whole(case, "tra", end - timedelta(seconds=1))
    assert not seen(case, "tra", end)


# -- exclusion -----------------------------------------------------------------------------------


def test_exclusion_wins_over_post_grant_and_turn_and_is_of_the_person() -> None:
    """By whatever ground, under whatever id, until the officer is let in again."""
    case = a_case_in("VERIFYING")
    for alias in ("cv2", "ytcv"):
        hire(case.registry, alias, person=an_id("one person"))
    granted(case, "ytcv")
    assert whole(case, "cv2")
    assert whole(case, "ytcv")
    out = case.then("ParticipationExcluded", facts={"officer": officer("cv2")}).act.act_id
    assert not seen(case, "cv2")
    assert not seen(case, "ytcv")
    assert whole(case, "cv")
    case.then("ParticipationRestored", facts={"exclusion": out, "officer": officer("cv2")})
    assert whole(case, "cv2")
    assert whole(case, "ytcv")


def test_exclusion_holds_from_its_record_to_its_term() -> None:
    """The list names it as long as it runs."""
    case = a_case_in("VERIFYING")
    before = case.now
    case.then(
        "ParticipationExcluded",
        facts={"officer": officer("cv2"), "until": "2024-06-20T08:00:00+07:00"},
    )
    assert [one.officer for one in participation(looked_at(case)).shut_out] == [officer("cv2")]
    assert whole(case, "cv2", before - timedelta(days=1)) is False  # nothing was recorded then
    assert not seen(case, "cv2", at("2024-06-20 07:59"))
    assert whole(case, "cv2", at("2024-06-20 08:00"))
    assert participation(looked_at(case, at("2024-06-20 08:00"))).shut_out == ()


def test_days_of_the_overlap_are_a_dated_rule() -> None:
    """PARTICIPATION_OVERLAP is set by ClockRuleSet like every length."""
    case = a_case_in("CLOSED")
    facts = {
        "rule": "PARTICIPATION_OVERLAP",
        "value": 5,
        "unit": "d",
        "valid_from": date(2024, 6, 1).isoformat(),
        "source_kind": "PRODUCT_RULE",
        "certainty": "CONFIRMED",
    }
    usual = [p.until for p in participation(looked_at(case)).parts if p.end == "CLOSED"]
    enter(case.registry, "ClockRuleSet", facts, stream="ledger")
    short = [p.until for p in participation(looked_at(case)).parts if p.end == "CLOSED"]
    assert usual
    assert short
    assert max(u for u in short if u) < min(u for u in usual if u) - timedelta(days=20)
