"""Codes as people type them: in any case; a wrong one names what is near, in one sentence."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from api.cli.commands.reading.codes import ACT, FLAG, OUTCOME, STATE
from api.cli.main import main
from api.cli.terminal.codes import Code
from api.cli.terminal.shell import Refusal

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize(
    ("kind", "typed", "found"),
    [
        (STATE, "closed", "CLOSED"),
        (STATE, "referred-criminal", "REFERRED_CRIMINAL"),
        (ACT, "referralsent", "ReferralSent"),
        (FLAG, "measure_before_verification", "MEASURE_BEFORE_VERIFICATION"),
    ],
)
def test_a_code_is_taken_in_any_case(kind: Code, typed: str, found: str) -> None:
    """As the rulebook writes it, whatever was typed."""
    assert kind.convert(typed, None, None) == found


def test_a_code_that_is_none_names_what_is_near() -> None:
    """Nothing was asked, what there is, and where all of them stand."""
    option = click.Option(["--state"])
    with pytest.raises(Refusal) as refused:
        STATE.convert("closd", option, None)
    said = str(refused.value.text)
    assert refused.value.exit_code == 2
    assert "closd" in said
    assert "CLOSED" in said
    assert "socai catalogue state" in said
    with pytest.raises(Refusal) as refused:
        STATE.convert("qqqq", option, None)
    assert "there is" not in str(refused.value.text)


def test_a_code_that_no_page_lists_is_refused_with_all_there_are() -> None:
    """Outcomes stand in no list of the catalogue: whoever is sent there finds none."""
    with pytest.raises(Refusal) as refused:
        OUTCOME.convert("done", click.Option(["--outcome"]), None)
    said = str(refused.value.text)
    assert "NO_VIOLATION" in said
    assert "SANCTIONED" in said
    assert "socai catalogue" not in said


def test_the_shell_completes_codes() -> None:
    """Those that begin so, in the rulebook's letters."""
    option = click.Option(["--state"])
    found = [item.value for item in STATE.shell_complete(click.Context(main), option, "ref")]
    assert found == ["REFERRED", "REFERRED_CRIMINAL"]


@pytest.mark.parametrize(
    ("words", "typed", "found"),
    [
        ([], "ca", {"case", "catalogue"}),
        (["act"], "s", {"show", "sign", "submit"}),
        (["case", "list", "--state"], "clo", {"CLOSED"}),
    ],
)
def test_the_shell_completes_what_the_readme_says(
    words: list[str], typed: str, found: set[str]
) -> None:
    """Commands, also those that are not read yet, and codes; by click's own completion."""
    asked = BashComplete(main, {}, "socai", "_SOCAI_COMPLETE").get_completions(words, typed)
    assert {item.value for item in asked} == found
    assert "socai completion install" in README.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "near"),
    [(["cse"], "case"), (["case", "hystory"], "history"), (["act", "shw"], "show")],
)
def test_a_command_that_is_none_names_what_is_near(words: list[str], near: str) -> None:
    """One sentence, status 2, in both languages."""
    for lang in ("vi", "en"):
        ended = CliRunner().invoke(main, ["--lang", lang, *words])
        assert ended.exit_code == 2
        assert near in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1


def test_a_key_id_that_begins_with_a_hyphen_is_no_option(tmp_path: Path) -> None:
    """One of sixty-four does, and whoever copies it from a table does not know of `--`."""
    kid = f"-3{'T' * 41}"
    told = CliRunner().invoke(main, ["keys", "affected", kid], env={"SOCAI_HOME": str(tmp_path)})
    assert "option" not in told.output, told.output
