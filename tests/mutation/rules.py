"""Each rule of access.md A1-A28 and S1-S10, broken: by which tests that is found (access.md V10).

Of a rule that guards keep, none of its guards is asked any more; of another, the one place that
keeps it lets everything through. Each test named has to fail then. This is also the plugin by which
a run of pytest breaks a rule (`--break-rule`): the product has no switch for it, so functions are
put in the place of functions before anything imports them, and definitions are altered in databases
of tests.
"""

# ruff: noqa: E501 - one line a test
from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pytest

from ledger.regulation.guards.table import GUARDS

ATTACK: Final = "tests/attack/"
UNIT: Final = "tests/unit/regulation/guards/"


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule, broken in one place.

    Attributes:
        rule: Its code in access.md §4; where it is kept in several places, with a word behind it.
        what: What does not hold any more.
        how: Breaks it, for the rest of the process.
        found_by: Tests, each of which fails then.
    """

    rule: str
    what: str
    how: Callable[[], None]
    found_by: tuple[str, ...]

    @property
    def code(self) -> str:
        """Its code in access.md §4."""
        return self.rule.partition(" ")[0]


def _unasked(*codes: str) -> Callable[[], None]:
    """These guards, of every version, find nothing."""

    def how() -> None:
        families = importlib.import_module("ledger.regulation.guards.families").FAMILIES
        for code in codes:
            names = {code.lower(), *(f"{code.lower()}_v{version}" for version in range(2, 9))}
            places = [(f, n) for f in families for n in names if hasattr(f, n)]
            assert places, code
            for family, name in places:
                setattr(family, name, _finds_nothing(getattr(family, name)))
        for guard in GUARDS:  # compiled when they were imported
            if guard.code in codes:
                object.__setattr__(guard, "check", _finds_nothing(guard.check))

    return how


def _finds_nothing(guard: Callable[..., object]) -> Callable[..., None]:
    def found(*_: object) -> None:
        return None

    found.__doc__ = guard.__doc__
    return found


def _instead(module: str, name: str, other: object) -> Callable[[], None]:
    """Something else in the place of a function, a method or a value."""

    def how() -> None:
        place: Any = importlib.import_module(module)
        *outer, last = name.split(".")
        for part in outer:
            place = getattr(place, part)
        assert hasattr(place, last), (module, name)
        setattr(place, last, other)

    return how


_LATER: Final[list[Callable[[], None]]] = []
"""What is done to fixtures, once pytest knows them."""


def _altered(alter: Callable[[psycopg.Connection[Any]], object]) -> Callable[[], None]:
    """Every database of a test is another one as soon as it is installed."""

    def later() -> None:
        from tests.fixtures import postgres  # noqa: PLC0415 - plugins are loaded one by one

        install = postgres.install_database

        def installed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            made = install(*arguments, **named)
            with psycopg.connect(made.admin, autocommit=True) as admin:
                alter(admin)
            return made

        postgres.install_database = installed

    return lambda: _LATER.append(later)


def _together(*ways: Callable[[], None]) -> Callable[[], None]:
    def how() -> None:
        for way in ways:
            way()

    return how


def _open_to_all(*tables: str) -> Callable[[], None]:
    def alter(admin: psycopg.Connection[Any]) -> None:
        for table in tables:
            admin.execute(f"ALTER POLICY ntk ON {table} USING (true)".encode())

    return _altered(alter)


def _without(function: str, condition: str, instead: str = "true") -> Callable[[], None]:
    """A function of the database without a condition of it."""

    def alter(admin: psycopg.Connection[Any]) -> None:
        asked = "SELECT pg_get_functiondef(%s::regprocedure)"
        row = admin.execute(asked, [function]).fetchone()
        assert row is not None
        assert condition in row[0], (function, condition)
        admin.execute(row[0].replace(condition, instead).encode())

    return _altered(alter)


def _all_overseen(*_: object) -> Any:  # noqa: ANN401
    from ledger.reads.scope import ReadScope  # noqa: PLC0415

    return ReadScope(frozenset({"everybody"}), frozenset())


def _any_permit(case: Any, permit: str, **_: object) -> Any:  # noqa: ANN401
    from ledger.regulation.case.permits import permits  # noqa: PLC0415

    return next((one for one in permits(case) if one.act_id == permit), permits(case)[0])


def _one_holds_it() -> None:
    from keys import shares  # noqa: PLC0415

    parts = shares._parts
    shares._parts = lambda secret, randoms: parts(secret, [bytes(len(r)) for r in randoms])


def _nothing(*_: object, **__: object) -> None:
    return None


RULES: Final[tuple[Broken, ...]] = (
    Broken(
        "A1 by SQL",
        "records are shown to whoever asks",
        _open_to_all("log.records"),
        (
            ATTACK + "test_need_to_know_by_sql.py::test_a_good_ticket_shows_the_case_and_no_other",
        ),
    ),
    Broken(
        "A1 decided",
        "what a row of the audience says is believed",
        _instead("projections.queries.rights", "Rights.require", _nothing),
        (ATTACK + "test_planted_rights.py::test_a_planted_right_opens_no_record",),
    ),
    Broken(
        "A2",
        "lists and figures are of all cases",
        _open_to_all("proj.case_file", "proj.tasks", "proj.counted", "proj.marks"),
        (ATTACK + "test_only_what_is_seen.py::test_no_list_tells_a_stranger_of_the_case",),
    ),
    Broken(
        "A3",
        "everybody reads what is internal, or waits",
        _instead("projections.views.public_acts", "PUBLIC", "INTERNAL"),
        (ATTACK + "test_public.py::test_nothing_is_public_but_what_says_so_and_is_effective",),
    ),
    Broken(
        "A4 competence",
        "any agency does anything, in any state, by anybody's hand",
        _unasked(
            "AGENCY_HOLDS_FUNCTION",
            "SIGNER_POWERS",
            "STATE_ILLEGAL",
            "NOT_DECISION_90_ALONE",
            "BASIS_COMPETENCE_AND_SUBSTANCE",
        ),
        (
            ATTACK + "test_replayed_rules.py::test_act_by_an_officer_without_the_power",
            ATTACK + "test_replayed_rules.py::test_measure_without_a_basis",
            UNIT + "test_authority.py::test_a_clerk_approves_no_result",
            UNIT + "test_general.py::test_an_agency_does_what_its_functions_allow",
        ),
    ),
    Broken(
        "A4 see-check",
        "what one does not see is judged all the same",
        _instead("ledger.write.see_check", "SeeCheck.of", lambda *_, **__: "whole"),
        (
            ATTACK + "test_denial_surface.py::test_what_is_sent_to_a_hidden_case_is_refused_as_to_an_absent_one",
        ),
    ),
    Broken(
        "A5 token",
        "L26: an identity is not asked for in R, nor whose its token is",
        _unasked("TOKEN_OF_ONE_CASE", "IDENTITY_SEALED_FIRST"),
        (
            ATTACK + "test_replayed_rules.py::test_token_of_another_case",
            UNIT + "test_general.py::test_an_identity_is_sealed_before_anything_else",
        ),
    ),
    Broken(
        "A5 sealed",
        "a sealing names what R does not keep",
        _instead("ledger.write.judging", "Judging._require_identity", _nothing),
        ("tests/e2e/test_reporters.py::test_a_sealing_names_what_r_keeps_for_this_reporter",),
    ),
    Broken(
        "A6",
        "anybody signs or returns what waits",
        _unasked("SIGNER_ORDER", "RETURNS_PENDING_ACT", "CORRECT_NOT_EDIT"),
        (
            ATTACK + "test_access_rules.py::test_what_waits_is_signed_and_returned_by_whom_it_names",
            UNIT + "test_general.py::test_signers_come_in_order_and_in_number",
        ),
    ),
    Broken(
        "A7",
        "whoever likes lets in whom they like, for ever",
        _unasked("GRANT_NOT_TO_SELF", "GRANT_BY_HOLDER", "GRANT_HAS_TERM"),
        (
            ATTACK + "test_narrowing_at_once.py::test_nobody_lets_themselves_in",
            UNIT + "test_grants.py::test_nobody_grants_access_to_themselves",
            UNIT + "test_grants.py::test_only_who_holds_a_case_grants_it",
            UNIT + "test_grants.py::test_a_grant_says_why_and_until_when",
        ),
    ),
    Broken(
        "A8 by whom",
        "a grant is revoked by anybody",
        _unasked("REVOKER_IN_CHARGE", "GRANT_STANDS"),
        (
            ATTACK + "test_separation.py::test_grant_revoked_by_another_agency",
            UNIT + "test_grants.py::test_a_permit_to_take_copies_out_is_revoked_as_a_grant_is",
        ),
    ),
    Broken(
        "A8 at once",
        "what was ended goes on until it is folded",
        _without("sec.asked()", "sec.ended", "(SELECT * FROM sec.ended WHERE false)"),
        (
            ATTACK + "test_narrowing_at_once.py::test_with_the_projector_asleep_nothing_is_seen_any_more",
        ),
    ),
    Broken(
        "A9",
        "anybody orders an inspection, by anybody, of anything",
        _unasked("ORDER_BY_BODY", "INSPECTOR_SEPARATE"),
        (
            ATTACK + "test_openings.py::test_an_order_is_of_the_inspecting_body_and_apart_from_the_case",
            UNIT + "test_grants.py::test_the_inspecting_body_orders_and_nobody_for_themselves",
            UNIT + "test_grants.py::test_who_took_part_in_a_case_does_not_inspect_it",
        ),
    ),
    Broken(
        "A10 seen",
        "work and figures are of what nobody asks whether the supervisor sees",
        _open_to_all("proj.tasks", "proj.counted", "proj.marks"),
        (ATTACK + "test_access_rules.py::test_the_work_of_a_department_is_told_to_its_own",),
    ),
    Broken(
        "A10 whom",
        "whoever asks is told of the work of an agency",
        _instead(
            "projections.queries.registry_as_of",
            "Registries.supervised",
            lambda *_: ["bacninh.stttt"],
        ),
        (ATTACK + "test_only_what_is_seen.py::test_work_of_a_team_is_of_cases_one_sees",),
    ),
    Broken(
        "A11",
        "the log of reads is told to everybody",
        _instead("ledger.reads.scope", "scope_of", _all_overseen),
        (
            ATTACK + "test_reads.py::test_the_log_of_reads_is_told_by_whom_it_concerns",
            ATTACK + "test_reads.py::test_the_inspected_do_not_see_that_they_are_read",
        ),
    ),
    Broken(
        "A12",
        "what one does not see is verified for them",
        _together(
            _open_to_all("log.records", "log.streams", "proj.acts"),
            _instead("projections.queries.rights", "Rights.require", _nothing),
        ),
        (
            ATTACK + "test_denial_surface.py::test_in_bulk_hidden_and_absent_are_missing_alike",
        ),
    ),
    Broken(
        "A13",
        "anything is classified, by anybody, for whom and how long they like",
        _unasked("SECRET_LIST_ITEM", "LEVEL_POWER", "HOLDER_HAS_TERM", "PROTECT_UNTIL_LIMIT"),
        (
            ATTACK + "test_release.py::test_nobody_holds_a_document_longer_than_it_is_protected",
            UNIT + "test_secrecy.py::test_classifying_without_a_list_item_is_refused",
            UNIT + "test_secrecy.py::test_a_commune_chair_permitting_a_copy_of_a_top_secret_paper_is_refused",
        ),
    ),
    Broken(
        "A14",
        "a document goes outside unasked, and its loss is told to nobody",
        _unasked("PROVISION_REQUESTED_IN_WRITING", "HOLDERS_TOLD", "HOLDER_NAMED"),
        (
            ATTACK + "test_release.py::test_a_loss_is_told_to_everybody_who_holds_the_document",
            UNIT + "test_secrecy.py::test_a_secret_goes_outside_only_on_a_written_request",
            UNIT + "test_secrecy.py::test_nobody_reads_without_a_permission_by_name",
        ),
    ),
    Broken(
        "A15 above",
        "what nobody decided goes down, by whose hand it likes, at once",
        _unasked("RELEASE_DECIDED", "RELEASER_APART", "RELEASE_SLOT", "COUNCIL_MINUTES"),
        (
            ATTACK + "test_release.py::test_a_text_goes_down_by_decision_another_hand_and_a_fixed_day",
            UNIT + "test_secrecy.py::test_only_what_was_declassified_to_go_down_goes_down",
            UNIT + "test_secrecy.py::test_a_decision_to_declassify_has_a_council_and_minutes",
        ),
    ),
    Broken(
        "A15 below",
        "a released text stands below on any day, unread",
        _unasked("RELEASE_IN_SLOT", "READ_AGAIN"),
        (
            ATTACK + "test_release.py::test_a_released_text_stands_below_on_a_day_of_release_alone",
            ATTACK + "test_release.py::test_a_released_text_is_not_finished_on_another_day",
            UNIT + "test_secrecy.py::test_no_other_file_goes_down_than_the_text_that_is_named",
        ),
    ),
    Broken(
        "A16",
        "a withdrawal says why it was",
        _unasked("WITHDRAWAL_COMMON_GROUND"),
        (UNIT + "test_grants.py::test_a_withdrawal_says_no_more_than_its_ground",),
    ),
    Broken(
        "A17",
        "a stub is entered anywhere, and tells what it is of",
        _unasked("STUB_PERMITTED", "SALTED_COMMITMENT"),
        (
            ATTACK + "test_release.py::test_a_log_takes_no_stub_until_its_registrars_let_it",
            UNIT + "test_secrecy.py::test_a_commitment_without_a_salt_is_refused",
        ),
    ),
    Broken(
        "A18 signed",
        "the vault opens for an act that was not signed by three",
        _instead("ledger.vault.disclosure", "_require_signed", _nothing),
        ("tests/integration/test_vault.py::test_two_of_three_signatures_open_nothing",),
    ),
    Broken(
        "A18 limited",
        "an identity is open as long as somebody likes",
        _unasked("DISCLOSURE_LIMITED"),
        (UNIT + "test_intake.py::test_an_identity_is_not_open_longer_than_the_limit",),
    ),
    Broken(
        "A19",
        "an opening is asked for by one for another, for ever, and reviewed by nobody",
        _unasked("BREAK_GLASS_SIGNERS", "BREAK_GLASS_LIMIT", "OPENING_UNREVIEWED"),
        (
            ATTACK + "test_openings.py::test_an_emergency_opens_one_case_and_everybody_is_told",
            ATTACK + "test_openings.py::test_whoever_approved_what_nobody_reviewed_lets_nobody_in",
            UNIT + "test_grants.py::test_an_emergency_opening_is_short",
        ),
    ),
    Broken(
        "A20 signed",
        "anybody erases anything, while it is contested too",
        _unasked("ERASURE_SIGNERS", "ERASURE_NO_OPEN_CLOCK", "ERASURE_KEEPS_REGISTRY"),
        (
            ATTACK + "test_replayed_rules.py::test_erasure_while_a_complaint_may_be_lodged",
            UNIT + "test_grants.py::test_an_erasure_has_its_three_hands",
            UNIT + "test_grants.py::test_nothing_is_erased_while_it_may_be_contested",
            UNIT + "test_grants.py::test_what_other_signatures_are_judged_by_is_never_erased",
        ),
    ),
    Broken(
        "A20 named",
        "content goes by another text than the one in the tree",
        _without(
            "log.shred(uuid, bytea[], uuid[], bigint, uuid[])", "r.entry = sha256(z.envelope)"
        ),
        (ATTACK + "test_forged_shreds.py::test_nothing_goes_but_what_an_act_of_three_names",),
    ),
    Broken(
        "A21",
        "one custodian of two holds the whole",
        _one_holds_it,
        ("tests/unit/keys/test_shares.py::test_one_share_fits_every_secret",),
    ),
    Broken(
        "A22",
        "one clerk enrols officers and keys",
        _unasked("SIGNER_POWERS", "DISTINCT_SIGNERS", "SIGNER_ORDER", "AGENCY_HOLDS_FUNCTION"),
        (
            ATTACK + "test_replayed_rules.py::test_director_s_key_enrolled_by_the_hotline_alone",
        ),
    ),
    Broken(
        "A23",
        "a copy leaves by no permit, by another's, or one that is over",
        _instead("ledger.regulation.case.permits", "require_permit", _any_permit),
        (
            ATTACK + "test_copies.py::test_no_copy_leaves_without_a_permit_of_the_case",
            ATTACK + "test_copies.py::test_a_permit_is_of_its_holder_alone",
            ATTACK + "test_copies.py::test_a_permit_that_is_over_lets_nothing_out",
        ),
    ),
    Broken(
        "A24",
        "after a restore nothing is held against what was seen",
        _instead("ledger.checkpoints.seen_checkpoint", "require", _nothing),
        (
            ATTACK + "test_old_backup.py::test_an_old_backup_that_grew_past_what_was_seen_is_another_log",
        ),
    ),
    Broken(
        "A25",
        "the publisher waits for something to publish",
        _instead("api.ops.mirror.outbox", "Outbox.keep_on", _nothing),
        (
            "tests/e2e/test_mirror_commands.py::test_a_clock_publishes_at_each_turn_also_where_nothing_happened",
        ),
    ),
    Broken(
        "A26",
        "one registrar voids what stands",
        _unasked("VOIDING_SIGNERS", "VOIDED_STANDS_NOT"),
        (
            ATTACK + "test_replayed_rules.py::test_voiding_what_stands_is_itself_against_the_rules",
            UNIT + "test_grants.py::test_two_registrars_void_a_record",
            UNIT + "test_grants.py::test_only_what_is_set_aside_is_voided",
        ),
    ),
    Broken(
        "A27 whom",
        "totals are told to everybody",
        _without(
            "proj.totals(int)", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid = ANY (a.whos)"
        ),
        (ATTACK + "test_totals_by_sql.py::test_whoever_is_told_no_totals_gets_no_row",),
    ),
    Broken(
        "A27 cells",
        "small cells are told",
        _without("proj.totals(int)", "w.n >= 5 AND (w.small = 0 OR w.n > w.least)"),
        (ATTACK + "test_totals_by_sql.py::test_no_small_cell_is_told_by_sql",),
    ),
    Broken(
        "A28",
        "what a key signed is told to everybody",
        _instead(
            "projections.queries.acts.key_uses", "KeyUses.told_for", lambda *_: frozenset({"anybody"})
        ),
        (ATTACK + "test_reads.py::test_acts_are_listed_by_key_for_few_and_each_look_is_noted",),
    ),
    Broken(
        "S1",
        "one person signs twice",
        _unasked("DISTINCT_SIGNERS"),
        (
            ATTACK + "test_replayed_rules.py::test_second_signature_by_the_same_officer",
            ATTACK + "test_replayed_rules.py::test_second_signature_by_the_same_person",
            UNIT + "test_authority.py::test_two_ids_found_to_be_one_person_are_one_signer",
        ),
    ),
    Broken(
        "S2",
        "who takes in or handles approves as well",
        _unasked("INTAKE_APPROVES_NOT", "HANDLER_APPROVES_NOT", "GRANT_KEEPS_APART"),
        (
            ATTACK + "test_separation.py::test_intake_officer_who_approves",
            ATTACK + "test_separation.py::test_handler_who_approves_the_decision",
            ATTACK + "test_separation.py::test_second_grant_to_approve_what_one_handles",
        ),
    ),
    Broken(
        "S3",
        "who took a measure or decided reviews it",
        _unasked("REVIEWER_NOT_TAKER", "OWN_REVIEW_OTHER_DECIDER"),
        (
            UNIT + "test_measures.py::test_who_took_a_measure_does_not_review_it",
            UNIT + "test_review.py::test_a_review_beyond_first_instance_is_decided_by_others",
        ),
    ),
    Broken(
        "S4",
        "who classified declassifies, and lets it go down",
        _unasked("DECLASSIFIER_NOT_CLASSIFIER", "RELEASER_APART"),
        (
            UNIT + "test_secrecy.py::test_who_classified_does_not_declassify",
            UNIT + "test_secrecy.py::test_who_lets_a_text_go_down_decided_nothing_before",
        ),
    ),
    Broken(
        "S5",
        "who keeps keys works",
        _unasked("KEYS_APART", "KEY_KEEPER_SIGNS_NOT"),
        (
            ATTACK + "test_separation.py::test_clerk_who_is_appointed_to_keep_keys",
            ATTACK + "test_separation.py::test_custodian_who_works_in_a_case",
        ),
    ),
    Broken(
        "S6",
        "an auditor works",
        _unasked("AUDITOR_APART", "AUDITOR_SIGNS_NOT"),
        (
            ATTACK + "test_separation.py::test_auditor_who_approves_an_inspection",
            ATTACK + "test_separation.py::test_clerk_who_is_appointed_auditor",
        ),
    ),
    Broken(
        "S7",
        "who took part inspects, who inspects takes part",
        _unasked("INSPECTOR_SEPARATE", "INSPECTOR_SIGNS_NOT"),
        (
            ATTACK + "test_separation.py::test_inspector_who_then_works_in_the_case",
            ATTACK + "test_replayed_rules.py::test_inspection_by_whoever_took_part",
        ),
    ),
    Broken(
        "S8",
        "who opened or let open reviews it",
        _unasked("BREAK_GLASS_THIRD_PERSON", "BREAK_GLASS_SIGNERS"),
        (
            ATTACK + "test_replayed_rules.py::test_opening_approved_by_whoever_has_no_part_in_the_case",
            UNIT + "test_grants.py::test_an_opening_is_reviewed_by_a_third_person",
        ),
    ),
    Broken(
        "S9",
        "who handles, or is reported on, opens the reporter",
        _unasked("DISCLOSURE_OUTSIDE_SIGNER", "DISCLOSER_SIGNS_NOT"),
        (
            UNIT + "test_intake.py::test_who_handles_a_case_cannot_help_to_open_its_reporter",
            UNIT + "test_intake.py::test_nobody_of_the_unit_reported_on_opens_the_reporter",
            UNIT + "test_separation.py::test_who_disclosed_a_reporter_does_not_work_in_the_case",
        ),
    ),
    Broken(
        "S10",
        "a registrar enrols themselves",
        _unasked("REGISTRAR_NOT_SELF"),
        (
            ATTACK + "test_separation.py::test_registrar_who_enrols_a_second_self",
            UNIT + "test_authority.py::test_the_founder_is_joined_by_id_and_registers_nothing_of_their_own",
        ),
    ),
)  # fmt: skip
BY_RULE: Final = {broken.rule: broken for broken in RULES}


# -- the plugin -----------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """The rule that this run is without."""
    parser.addoption("--break-rule", choices=sorted(BY_RULE))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Breaks it before anything imports what it breaks."""
    BY_RULE[early_config.known_args_namespace.break_rule].how()


def pytest_configure() -> None:
    """What begins every database is broken behind the fixtures."""
    for later in _LATER:
        later()
