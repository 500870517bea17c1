"""Who takes part, as people are shown it: agencies first, officers where a name counts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from api.cli.terminal import participant_tables
from api.cli.terminal.shell import Shell
from api.http.app import openapi
from api.texts.lang import Lang
from ledger.regulation.participation.viewpoint import Viewpoint
from projections.queries.cases.participants import participants
from tests.builders import Story, a_case_in, an_id, officer

NARROW = 80


def shown(case: Story) -> dict[str, Any]:
    """A story's participants, now."""
    return participants(Viewpoint(case.stream, case.registry, case.now))


def answer(case: Story) -> dict[str, Any]:
    """The same as the API answers it."""
    body = {"id": an_id("the case"), **shown(case)}
    whole: dict[str, Any] = orjson.loads(orjson.dumps(body))
    return whole


def busy() -> Story:
    """A case with letters, a grant, a signature that is asked and somebody shut out."""
    case = a_case_in("VERIFYING")
    for _ in range(2):
        case.then("VerificationRequested")
    case.then("ParticipationGranted", facts={"officer": officer("btg")})
    case.then(
        "ParticipationExcluded",
        facts={
            "officer": officer("cv2"),
            "ground": "RELATED_PERSON",
            "until": "2024-07-01T08:00:00+07:00",
        },
    )
    return case


def test_agencies_come_first_and_say_by_what_since_and_until_when() -> None:
    """access.md §4: agencies hold; the act, its moment and its end stand beside."""
    first, *others = shown(busy())["participants"]
    assert (first["kind"], first["agency"], first["scope"]) == ("agency", "bacninh.stttt", "CASE")
    assert [g["act"] for g in first["grounds"]] == ["ReportReceived", "CaseRegistered"]
    assert [g["end"] for g in first["grounds"]] == ["CLOSED", "HANDLES"]
    assert first["until"] is None
    asked = next(one for one in others if one["agency"] == "bacninh.syt")
    assert (asked["scope"], asked["acts"], asked["officers"]) == ("ACT", 2, 2)


def test_an_officer_is_named_where_a_name_shows_more_than_the_post() -> None:
    """Who signed for an agency is the agency's; a grant is the officer's own."""
    named = [one["officer"] for one in shown(busy())["participants"] if one["kind"] == "officer"]
    assert named == [officer("btg")]


def test_who_is_shut_out_is_told_apart_and_counted_nowhere() -> None:
    """By whom, on which ground, until when."""
    before = shown(a_case_in("VERIFYING"))["participants"][0]["officers"]
    found = shown(busy())
    assert found["participants"][0]["officers"] == before - 1
    (out,) = found["excluded"]
    assert (out["officer"], out["ground"]) == (officer("cv2"), "RELATED_PERSON")
    assert (out["by"], out["until"]) == (officer("gd"), "2024-07-01T01:00:00.000Z")


@pytest.mark.parametrize("state", ["RECEIVED", "HANDLING", "REFERRED", "ARCHIVED"])
def test_an_answer_fits_its_schema(state: str) -> None:
    """The document says what comes, whatever has happened."""
    spec = openapi()
    schema = {"$ref": "#/components/schemas/Participants", "components": spec["components"]}
    Draft202012Validator(schema).validate(answer(a_case_in(state)))
    Draft202012Validator(schema).validate(answer(busy()))


# -- at a terminal --------------------------------------------------------------------------------


def printed(body: dict[str, Any], lang: Lang, capsys: pytest.CaptureFixture[str]) -> str:
    """What a person reads, on both channels."""
    participant_tables.participants(Shell(lang), body)
    out = capsys.readouterr()
    return out.out + out.err


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_table_fits_eighty_columns_in_both_languages(
    lang: Lang, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is cut."""
    said = printed(answer(busy()), lang, capsys)
    assert max(map(len, said.splitlines())) <= NARROW
    assert ("người thân thích" if lang == "vi" else "relative") in " ".join(said.split())
    assert officer("btg")[:8] in said


@pytest.mark.parametrize(
    ("lang", "words"), [("vi", "Người giữ kho danh tính"), ("en", "reporter-protection officer")]
)
def test_a_post_is_said_in_words(
    lang: Lang, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A code of the rulebook is no word for a reader."""
    body = answer(busy())
    body["participants"][0]["power"] = "VAULT_KEEPER"
    said = " ".join(printed(body, lang, capsys).split())
    assert all(word in said for word in words.split())
    assert "VAULT_KEEPER" not in said


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("vi", ("Không ai tham gia cả hồ sơ.", "Không ai bị đưa ra khỏi hồ sơ.")),
        ("en", ("Nobody takes part in the whole case.", "Nobody is shut out of the case.")),
    ],
)
def test_nobody_is_said_in_words(
    lang: Lang, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty table tells nothing."""
    said = printed({"participants": [], "excluded": []}, lang, capsys)
    assert all(sentence in said for sentence in words)


def test_the_command_is_listed_and_helps_in_both_languages() -> None:
    """`socai case --help` names it."""
    from api.cli.main import main  # noqa: PLC0415 - the command's root reads the locale

    for lang, words in (("vi", "Ai tham gia một hồ sơ"), ("en", "Who takes part in a case")):
        result = CliRunner().invoke(main, ["--lang", lang, "case", "who", "--help"])
        assert result.exit_code == 0
        assert words in " ".join(result.output.split())
