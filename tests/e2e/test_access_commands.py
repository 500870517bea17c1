"""Access at a terminal: granted, revoked, shut out and let in again, on a service of its own."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from tests.fixtures.desk import NUMBER, Desk

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("access commands"),
]
UNTIL = "2025-03-31"
WHY = "Biên tập thông tin chính thức"
LANGS = ("vi", "en")


def test_a_grant_is_recorded_shown_and_revoked(desk: Desk) -> None:
    """By case number and alias, signed by the director's own key; the receipt is proven."""
    editor = desk.officers["bt"]
    assert editor not in desk.whole()
    given = desk.cli("grant", NUMBER, "bt", "--ground", WHY, "--until", UNTIL, "--as", "gd")
    assert given.exit_code == 0, given.output
    assert given.stdout.startswith("Recorded at index ")
    shown = orjson.loads(given.stderr)
    assert shown["facts"] == {
        "officer": editor,
        "scope": "CASE",
        "may": "READ",
        "ground": WHY,
        "until": "2025-03-31T23:59:59+07:00",
    }
    assert editor in desk.whole()
    ended = desk.told("revoke", desk.case, editor[:8], "--reason", "Đã đăng", "--as", "tp")
    assert ended["status"] == "effective"
    assert "proof" in ended
    assert editor not in desk.whole()


def test_of_several_grants_one_is_named(desk: Desk) -> None:
    """Nothing is guessed: the sentence lists them."""
    asked = ("grant", NUMBER, "ppn", "--ground", WHY, "--until", UNTIL, "--as", "gd")
    first, second = (desk.told(*asked)["act_id"] for _ in range(2))
    revoke = ("revoke", NUMBER, "ppn", "--reason", "Nhầm", "--as", "gd")
    vague = desk.cli(*revoke)
    assert vague.exit_code == 2
    assert first in vague.stderr
    assert second in vague.stderr
    for one in (second, first):
        assert desk.cli(*revoke, "--grant", one).exit_code == 0
    gone = desk.cli(*revoke)
    assert gone.exit_code == 2
    assert "no such grant" in gone.stderr


def test_an_officer_is_shut_out_and_let_in_again(desk: Desk) -> None:
    """From one record to the other."""
    out = desk.officers["ttv"]
    shut = ("exclude", NUMBER, "ttv", "--ground", "RELATED_PERSON", "--reason", "Có người thân")
    assert desk.told(*shut, "--as", "gd")["status"] == "effective"
    assert desk.out() == {out}
    again = ("readmit", NUMBER, out, "--reason", "Không còn", "--as", "gd")
    assert desk.told(*again)["status"] == "effective"
    assert desk.out() == set()
    nobody = desk.cli(*again)
    assert nobody.exit_code == 2
    assert "not shut out" in nobody.stderr


def test_a_dry_run_shows_and_signs_nothing(desk: Desk) -> None:
    """The rules are asked all the same."""
    size = desk.size()
    asked = ("grant", NUMBER, "bt", "--ground", WHY, "--until", UNTIL, "--dry-run")
    told = desk.cli(*asked, "--as", "gd")
    assert told.exit_code == 0, told.output
    assert "Nothing was signed" in told.stdout
    assert orjson.loads(told.stderr)["act"] == "ParticipationGranted"
    assert desk.size() == size


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("grant", NUMBER, "nobody", "--ground", WHY, "--until", UNTIL), 2),
        (("grant", NUMBER, "00000000", "--ground", WHY, "--until", UNTIL), 2),
        (("grant", "2025/9999", "bt", "--ground", WHY, "--until", UNTIL), 2),
        (("grant", NUMBER, "bt", "--ground", " ", "--until", UNTIL), 2),
        (("grant", NUMBER, "bt", "--ground", "a\u200bb", "--until", UNTIL), 2),
        (("grant", NUMBER, "bt", "--ground", WHY, "--until", "tomorrow"), 2),
        (("grant", NUMBER, "bt", "--ground", WHY, "--until", "2025-03-31T08:00:00"), 2),
        (("grant", NUMBER, "bt", "--ground", WHY), 2),
        (("grant", NUMBER, "bt", "--ground", WHY, "--until", UNTIL, "--basis", "luật"), 2),
        (("exclude", NUMBER, "ttv", "--ground", "ENVY", "--reason", "x"), 2),
        (("grant", NUMBER, "bt", "--ground", WHY, "--until", "2025-01-01"), 1),
        (("grant", NUMBER, "gd", "--ground", WHY, "--until", UNTIL), 1),
        (("grant", NUMBER, "hotline", "--ground", WHY, "--until", UNTIL, "--may", "APPROVE"), 1),
    ],
    ids=lambda one: " ".join(one[1:3] + one[-2:]) if isinstance(one, tuple) else str(one),
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_recorded(
    desk: Desk, words: tuple[str, ...], status: int, lang: str
) -> None:
    """Exit 2 where it was called wrongly, 1 where the rules say no; in the reader's language."""
    size = desk.size()
    result = desk.cli(*words, "--as", "gd", lang=lang)
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) <= 2, result.stderr
    assert "Traceback" not in result.output
    assert desk.size() == size


def test_who_may_not_grant_is_told_who_may(desk: Desk) -> None:
    """A clerk holds no such post; another department's head does not hold the case."""
    asked = ("grant", NUMBER, "bt", "--ground", WHY, "--until", UNTIL)
    clerk = desk.cli(*asked, "--as", "cv")
    assert clerk.exit_code == 1
    assert "supervisor" in clerk.stderr
    strange = desk.cli(*asked, "--as", "bv")
    assert strange.exit_code == 1


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("command", ["grant", "revoke", "exclude", "readmit"])
def test_help_fits_a_terminal_of_80_columns(command: str, lang: str) -> None:
    """What it does, what is to be given, and in both languages."""
    result = CliRunner().invoke(main, ["--lang", lang, command, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "--dry-run" in result.stdout


def test_a_home_is_told_its_checkpoint_where_a_case_holds_a_grant(
    desk: Desk, tmp_path: Path
) -> None:
    """A grant in a case rests on all of it, tokens too: the reader's login may not ask for those.

    The registry is followed by the login that judges, so `log remember` and `log resume` go on.
    """
    asked = ("grant", NUMBER, "ppn", "--ground", WHY, "--until", UNTIL)
    assert desk.told(*asked, "--as", "gd")["status"] == "effective"
    kept = tmp_path / "kept.checkpoint"
    kept.write_bytes(httpx.get(f"{desk.url}/logs/acts/checkpoint", timeout=120).content)
    for words in (("remember", str(kept)), ("resume",)):
        told = desk.cli("log", *words)
        assert told.exit_code == 0, told.output


def test_a_line_made_at_a_terminal_signs_in_to_the_pages_once(desk: Desk) -> None:
    """The line alone on standard output, also where the page's own address was copied."""
    made = desk.cli("sign-in", f"{desk.url}/dang-nhap?next=/ho-so", "--as", "cv")
    assert made.exit_code == 0, made.output
    (line,) = made.stdout.splitlines()
    assert "good once, for two minutes" in made.stderr
    assert f"{desk.url}/dang-nhap?next=/ho-so" in made.stderr
    assert f"{desk.url}/dang-nhap;" in desk.cli("sign-in", desk.url, "--as", "cv").stderr
    for statuses in ((303, "/ho-so"), (403, None)):
        with httpx.Client(base_url=desk.url, timeout=120) as browser:
            found = re.search(r'name="form" value="([^"]+)"', browser.get("/dang-nhap").text)
            assert found is not None
            sent = {"form": found[1], "answer": f" {line}\r\n", "next": "/ho-so"}
            taken = browser.post("/dang-nhap", data=sent)
            assert (taken.status_code, taken.headers.get("Location")) == statuses
            if taken.status_code == 303:
                assert NUMBER in browser.get("/ho-so").text
    assert orjson.loads(desk.cli("sign-in", desk.url, "--as", "cv", "--json").stdout).keys() == {
        "payload", "protected", "signature",
    }  # fmt: skip
    for words, status in (
        (("sign-in", "somewhere", "--as", "cv"), 2),
        (("sign-in", desk.url, "--as", "nobody"), 2),
        (("sign-in", "http://127.0.0.1:9", "--as", "cv"), 1),
        (("sign-in", desk.url, "--as", "cv", "--log", "other.example/ordinary"), 1),
    ):
        refused = desk.cli(*words)
        assert refused.exit_code == status, (words, refused.output)
        assert "Traceback" not in refused.output
        assert len(refused.stderr.strip().splitlines()) <= 3, refused.stderr
