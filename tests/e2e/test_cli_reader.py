"""What a person at a terminal reads of a case: words of their language, and since when."""

from __future__ import annotations

import re
from typing import Final

import pytest

from api.cli.commands.reading.statement_proofs import proven
from api.cli.terminal import case_tables
from api.cli.terminal.shell import Shell
from tests.codes_in_words import codes_in
from tests.fixtures.inspected import DISTRICT, LEAD, OPEN, STRANGER, Inspected, Who

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
NUMBER = "2024/0002"
#: Codes that a Vietnamese reader has words for.
CODES = re.compile(r"\b(?:AUTHOR|CHECKER|APPROVER|VALID|TAKEN|SENT|PROPOSED|ACTIVE|SOFTWARE)\b")
#: Names of members of the JSON.
MEMBERS = re.compile(r"\b(?:case number|register no|opened at|registered at|urgency|lag s)\b")

#: A day of which the table has cut the end.
CUT_DAY = re.compile(r"\b\d\d/\d\d/\d{1,3}\b")


def plain(said: str) -> str:
    """The output without what stands in brackets beside a word, or behind a flag."""
    return re.sub(r"\([A-Z_\s]+\)", "", said)


@pytest.mark.parametrize(
    "words",
    [
        ("case", "show", NUMBER),
        ("case", "as-of", NUMBER, "2024-06-05"),
        ("case", "history", NUMBER),
        ("case", "verify", NUMBER),
        ("case", "diff", NUMBER, "1"),
        ("case", "why", NUMBER, "handler/agency"),
        ("registry", "keys"),
        ("log", "status"),
        ("projection", "status"),
    ],
    ids=" ".join,
)
def test_a_vietnamese_reader_meets_vietnamese(inspected: Inspected, words: tuple[str, ...]) -> None:
    """Verdicts, roles and standings are said, and no code stands beside its word."""
    result = inspected.cli(*words, lang="vi")
    assert result.exit_code == 0, result.output
    assert not CODES.findall(plain(result.stdout)), result.stdout
    assert not MEMBERS.findall(result.stdout), result.stdout
    limit = 80 if words[:2] == ("case", "history") else 100
    assert max(map(len, result.stdout.splitlines())) <= limit
    assert not CUT_DAY.findall(result.stdout), result.stdout


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_what_is_called_something_is_called_so(inspected: Inspected, lang: str) -> None:
    """Functions of agencies, and agencies where no code of theirs is asked for."""
    listed = inspected.cli("registry", "agencies", lang=lang, terminal=True).stdout
    assert [code for code in codes_in(listed) if "." not in code] == []  # theirs are `bacninh.x`
    assert codes_in(inspected.cli("case", "history", NUMBER, "--compact", lang=lang).stdout) == []
    status = inspected.cli("log", "status", by=None, lang=lang, terminal=True).stdout
    said = {"vi": "độ mật              thường", "en": "level              ordinary"}[lang]
    assert re.sub(" +", " ", said) in re.sub(" +", " ", status)


def test_an_english_reader_meets_names_and_whole_columns(inspected: Inspected) -> None:
    """A state is called by its name, and a long word takes nothing from the columns beside it."""
    for play in ("SC1", "SC2", "SC3", "SC9"):
        by = DISTRICT if play == "SC9" else LEAD
        said = inspected.cli("case", "history", inspected.case(play), by=by).stdout
        lines = said.splitlines()
        acts = inspected.told("case", "history", inspected.case(play), by=by)["acts"]
        statements = [s for act in acts for s in act["statements"]]
        places = [line.split()[0] for line in lines[1:] if line[0].isdigit()]
        assert places == [str(s["seq"]) for s in statements]
        indices = [line.split()[0] for line in lines[1:] if line[0] == "#" and line[1].isdigit()]
        assert indices == [f"#{s['index']}" for s in statements]
        assert not CUT_DAY.findall(said)
    shown = inspected.cli("case", "show", NUMBER).stdout
    assert "· closed\n" in shown
    assert "của sản phẩm" not in shown


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("command", ["history", "verify", "show", "who"])
def test_a_terminal_of_80_columns_cuts_nothing(
    inspected: Inspected, command: str, lang: str
) -> None:
    """An index of which one digit is left, or a day without its year, is another record's."""
    said = inspected.cli("case", command, inspected.case("SC1"), lang=lang, terminal=True).stdout
    table = [line for line in said.splitlines() if "  " in line]
    assert max(map(len, table)) <= 80
    assert not CUT_DAY.findall(said), said
    if command in ("history", "verify"):
        lines = said.splitlines()[1:]
        acts = inspected.told("case", "history", inspected.case("SC1"))["acts"]
        wanted = {str(s["index"]) for act in acts for s in act["statements"]}
        if command == "history":  # below the place in the case
            assert {line[1:].split()[0] for line in lines if line[:1] == "#"} >= wanted
        else:
            assert {line.split()[0] for line in lines if line[:1].isdigit()} == wanted


def test_a_file_of_the_past_says_of_when(inspected: Inspected) -> None:
    """Moment, clock and newest record: a page says what it knows and since when."""
    by_day = inspected.cli("case", "as-of", NUMBER, "2024-06-04", lang="vi").stdout
    assert "Như sổ biết vào lúc 04/06/2024 23:59; bản ghi mới nhất #" in by_day
    asked = ("case", "as-of", NUMBER, "2024-06-04T14:30:00+07:00", "--clock", "occurred")
    assert "What had happened by 04/06/2024 14:30, as known today" in inspected.cli(*asked).stdout
    index = str(inspected.told("case", "show", NUMBER, "--as-of", "2024-06-04")["view"]["index"])
    assert f"after record #{index}" in inspected.cli("case", "as-of", NUMBER, index).stdout


def test_a_change_that_time_made_is_given_to_no_act(inspected: Inspected) -> None:
    """The department that took over on 1 March 2025 did so by the registry, not by an act here."""
    said = inspected.cli("case", "why", NUMBER, "handler/agency").stdout
    assert "time alone, no act" in said


@pytest.mark.parametrize("one_in", [4, pytest.param(1, marks=pytest.mark.drill)])
def test_every_field_of_a_file_is_explained_in_words(inspected: Inspected, one_in: int) -> None:
    """A part of many members is named, with how it stands; nobody is shown a program's notation.

    One field in four on a push, each in `make drills`.
    """
    members = set(inspected.told("case", "show", NUMBER)) - {"id", "rehearsal", "stream"}
    for member in sorted(members)[::one_in]:
        result = inspected.cli("case", "why", NUMBER, member, lang="vi")
        assert "{" not in result.stdout, result.stdout
        assert max(map(len, result.stdout.splitlines()), default=0) <= 100
    said = inspected.cli("case", "why", NUMBER, "clocks", lang="vi").stdout
    assert "Lập hồ sơ, sắp đến hạn," in " ".join(said.split())
    assert inspected.cli("case", "why", NUMBER, "state", "--as-of", "1").exit_code == 1
    changed = inspected.cli("case", "diff", NUMBER, "1", lang="vi").stdout
    assert re.search(r"căn cứ được nêu +– +b, c ", changed), changed


def test_a_file_is_shown_with_how_it_came_in(inspected: Inspected) -> None:
    """Intake number, urgency and times under the names that `case diff` and the API use."""
    shown = " ".join(inspected.cli("case", "show", NUMBER, lang="vi").stdout.split())
    for said in (
        "tiếp nhận lúc 04/06/2024 08:12",
        "lập hồ sơ lúc 04/06/2024 08:40",
        "số tiếp nhận 0001/TN-2024",
        "mức độ khẩn khẩn",
        "số phản ánh 1",
    ):
        assert said in shown, shown


def test_json_is_the_answer_of_the_api(inspected: Inspected) -> None:
    """Whoever moves from the command line to HTTP meets the same members and the same index."""
    case = inspected.case("SC1")
    assert inspected.told("case", "history", NUMBER) == inspected.read(
        f"/v1/cases/{case}/acts", limit=200
    )
    for what in ("agencies", "officers", "keys", "instruments", "openings"):
        told = inspected.told("registry", what)
        assert told == inspected.read(f"/v1/{what}", limit=200), what
    assert inspected.told("projection", "rebuild", "worklist") == {
        "ok": True,
        "rebuilt": ["worklist"],
    }


def test_moments_in_the_wrong_order_are_said_to_be(inspected: Inspected) -> None:
    """The table reads from earlier to later; standard error says that it was asked otherwise."""
    early, late = "2024-06-04T13:00:00+07:00", "2024-06-05"
    swapped = inspected.cli("case", "diff", NUMBER, late, early)
    assert swapped.stdout == inspected.cli("case", "diff", NUMBER, early, late).stdout
    assert "swapped" in swapped.stderr


def test_a_refusal_names_what_is_wrong_and_what_to_do(inspected: Inspected) -> None:
    """A field that is not there is not a case that is not there; a mistake is pointed at."""
    field = inspected.cli("case", "why", NUMBER, "colour")
    assert field.exit_code == 1
    assert "no field colour" in field.stderr
    absent = inspected.cli("case", "why", "00000000-0000-4000-8000-000000000000", "state")
    assert absent.exit_code == 1
    assert "not_found: Not found. What is absent and what may not be seen" in absent.stderr
    malformed = inspected.cli("case", "as-of", NUMBER, "yesterday", lang="vi")
    assert malformed.exit_code == 2
    assert "yesterday" in malformed.stderr
    assert "2024-06-04" in malformed.stderr, "what is taken"
    nobody = inspected.cli("token", "--as", "nobody", by=None)
    assert nobody.exit_code == 2
    assert nobody.stderr.startswith("Nothing was done: the cast has no nobody; there are: ")
    unknown = inspected.cli("case", "show", "1999/0001", lang="vi")
    assert unknown.exit_code == 2
    assert "Không tìm thấy hồ sơ số 1999/0001" in unknown.stderr


def test_nothing_found_is_said_and_no_head_stands_over_nothing(inspected: Inspected) -> None:
    """An empty table is a sentence."""
    index = str(inspected.told("case", "show", NUMBER, "--as-of", "2024-06-04")["view"]["index"])
    for words, said in (
        (("search", "khongcogi"), "There is no such case among those that you see."),
        (("case", "diff", NUMBER, index, index), "Nothing differs."),
        (("case", "why", "2025/0001", "outcome"), "No act that can be read has set this field."),
        (("registry", "keys", "--officer", "00000000-0000-4000-8000-000000000000"), "none such"),
    ):
        result = inspected.cli(*words)
        assert result.exit_code == 0
        assert said in result.stdout
        assert len(result.stdout.splitlines()) == 1, result.stdout


OPERATOR: Final[Who] = ("SC1", "nm")
"""Was sent an order in SC1: three acts of it are theirs."""


@pytest.mark.parametrize("lang", ["vi", pytest.param("en", marks=pytest.mark.drill)])
def test_who_takes_part_in_no_case_is_told_so(inspected: Inspected, lang: str) -> None:
    """The registrar and a stranger: an empty list has its sentence, and a hidden case is absent."""
    nobody = {
        "vi": "Bạn không được xem toàn bộ hồ sơ nào; việc chờ bạn ở hồ sơ khác: socai worklist",
        "en": "You see no case as a whole; what waits for you in others: socai worklist",
    }
    for by in (None, STRANGER):
        listed = inspected.cli("case", "list", lang=lang, by=by)
        assert (listed.exit_code, listed.stdout) == (0, f"{nobody[lang]}\n")
        assert ("--as" in listed.stderr) is (by is None), "whose key asked"
        for hidden, absent in (
            (inspected.case("SC1"), "00000000-0000-4000-8000-000000000000"),
            (NUMBER, "1999/0001"),
        ):
            for command in ("show", "history", "who", "verify"):
                said = [inspected.cli("case", command, one, lang=lang, by=by)
                        for one in (hidden, absent)]  # fmt: skip
                assert said[0].exit_code == said[1].exit_code != 0
                assert said[0].stderr.replace(hidden, absent) == said[1].stderr
                assert said[0].stdout == said[1].stdout == ""


@pytest.mark.parametrize(
    ("lang", "part", "more"),
    [
        (
            "vi",
            (
                "Đây là một phần hồ sơ: 5 trong 37 bản ký, thuộc các diễn biến bạn được xem. "
                "Những việc khác trong hồ sơ không hiển thị."
            ),
            "xem bằng socai case history",
        ),
        (
            "en",
            (
                "This is a part of the case: 5 of its 37 statements, in the acts that you may see. "
                "What else happened in it is not shown."
            ),
            "socai case history shows those",
        ),
    ],
)
def test_who_was_sent_some_acts_is_told_what_part_that_is(
    inspected: Inspected, lang: str, part: str, more: str
) -> None:
    """The history ends with it; what is folded from the whole case says where the part is."""
    case = inspected.case("SC1")
    history = inspected.cli("case", "history", case, lang=lang, by=OPERATOR)
    assert history.exit_code == 0
    *_, said = history.stdout.rpartition(part.split(maxsplit=1)[0] + " " + part.split()[1])
    assert " ".join(part.split()[:2] + said.split()) == part
    assert max(map(len, said.splitlines())) <= 80
    for words in (("show", case), ("who", case), ("verify", case), ("why", case, "state")):
        refused = inspected.cli("case", *words, lang=lang, by=OPERATOR)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert more in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_case_is_found_by_the_number_that_the_work_names(inspected: Inspected) -> None:
    """The hospital was asked in 2025/0001: its list has no such case, its worklist names it.

    How the case stands, and when something else was recorded in it, is not told beside the task.
    """
    hospital: Who = (OPEN, "bv")
    history = inspected.told("case", "history", "2025/0001", by=hospital)
    assert {act["act_id"] for act in history["acts"]} == {inspected.act(OPEN, 5)}
    (task,) = inspected.told("worklist", by=hospital)["overdue"]
    assert task["case_number"] == "2025/0001"
    assert (task["state"], task["last_at"]) == (None, None)
    work = inspected.told("worklist")
    ours = [one for part in work.values() if isinstance(part, list) for one in part]
    assert ours
    assert all(isinstance(one, str) or one["last_at"] for one in ours)


def test_every_page_of_a_list_can_be_had(inspected: Inspected) -> None:
    """One snapshot over all pages, and a list that is cut says so."""
    every = inspected.told("case", "list")["cases"]
    paged = inspected.told("case", "list", "--limit", "1", "--all")
    assert [line["id"] for line in paged["cases"]] == [line["id"] for line in every]
    assert "next" not in paged
    assert "--all" in inspected.cli("case", "list", "--limit", "1").stdout
    assert "There are more" in inspected.cli("search", "ho", "so", "--limit", "1").stdout


def test_a_server_that_gives_no_proof_is_not_believed(
    inspected: Inspected, capsys: pytest.CaptureFixture[str]
) -> None:
    """A statement without its proof is not enough to conclude, and is not called a failure."""
    body = inspected.told("case", "verify", NUMBER)
    assert proven(body)
    del body["statements"][3]["proof"]
    assert not proven(body)
    case_tables.verification(Shell("en"), body, [], [])
    told = capsys.readouterr().out
    assert "No checkpoint covers 1 of the records yet" in told
    assert f"{len(body['statements']) - 1} of {len(body['statements'])}" in told
