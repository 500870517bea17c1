"""Help and wrong calls in the reader's language: every text, every kind of mistake."""

from __future__ import annotations

import re

import click
import orjson
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from api.cli.commands import officer
from api.cli.commands.catalogue import FORMS, KINDS, PAGES, catalogue
from api.cli.main import main
from api.cli.terminal.help_page import Vietnamese
from api.cli.terminal.shell import Refusal
from api.cli.terminal.typed_values import AS_OF_TEXT, DAY_TEXT, MOMENT_TEXT, Typed
from api.cli.terminal.usage_errors import told
from api.texts.catalogue import known, translate
from api.texts.lang import LANGS, Lang
from tests.messages import commands, help_texts, stored


def socai(*words: str, lang: str = "vi") -> Result:
    """One call, with no home that it could touch."""
    return CliRunner().invoke(main, ["--lang", lang, *words], env={"SOCAI_HOME": "/nonexistent"})


def test_every_help_text_is_there_in_vietnamese() -> None:
    """A new command brings its own words; that none is left over, the catalogue's test holds."""
    assert [text for text in help_texts() if known(text, "vi") is None] == []


def test_every_option_says_what_it_is_for() -> None:
    """A period had two days, and a moment two clocks, of which the help said nothing."""
    silent = [
        (*path, *one.opts)
        for path, command in commands(main)
        for one in command.params
        if isinstance(one, click.Option) and not one.help
    ]
    assert silent == []


def test_help_of_every_command_is_vietnamese() -> None:
    """Lists of commands too, where click cuts the first sentence short."""
    english = {text.split(".")[0] for text in help_texts()}
    for path, _ in commands(main):
        shown = socai(*path, "--help")
        assert shown.exit_code == 0, path
        assert shown.stdout.startswith("Cách dùng: "), path
        plain = " ".join(shown.stdout.split())
        assert not [text for text in english if len(text) > 8 and text in plain], path
        assert socai(*path, "--help", lang="en").stdout.startswith("Usage: "), path


def test_a_list_of_commands_breaks_no_sentence_off() -> None:
    """Click cuts at 45 letters: “prints what the act lists of it, for its...”."""
    for path, command in commands(main):
        if isinstance(command, click.Group):
            listed = socai(*path, "--help", lang="en").stdout.partition("Commands:")[2]
            assert "..." not in listed, path


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_no_json_is_told_with_what_is_taken(lang: Lang) -> None:
    """It ended with “expected a JSON value: line 1 column 1 (char 0)”, in either language."""
    with pytest.raises(Refusal) as refused:
        officer._members(b"v: 2\nact: ReportReceived\n", clean=False)
    said = translate(refused.value.text, lang)
    assert "socai act new --from FILE" in said
    assert "1" in said
    assert "char" not in said


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_help_fits_a_terminal_of_80_columns(lang: str) -> None:
    """No line is wider, and no argument's name is broken in the line of the usage."""
    for path, command in commands(main):
        words = ["--lang", lang, *path, "--help"]
        shown = CliRunner().invoke(main, words, terminal_width=80).stdout
        assert max(map(cell_len, shown.splitlines())) <= 80, path
        context = click.Context(command)
        for one in command.params:
            if isinstance(one, click.Argument):
                assert one.make_metavar(context) in shown, path


def test_help_of_the_catalogue_names_every_kind() -> None:
    """The line of the usage has no room for them."""
    assert {*KINDS, *PAGES, FORMS} <= set(re.findall(r"\w+", catalogue.help or ""))


def test_a_list_takes_the_sentence_of_its_own_command() -> None:
    """`show` begins like `as-of` in English, and is another command."""
    page = Vietnamese()
    page.listed = [text for text in help_texts() if text.startswith("The case file")]
    assert page.said("The case file.") == "Hồ sơ vụ việc"
    listed = page.said("Cases by filter, newest first.  [default: 50]")
    assert listed.endswith("[mặc định: 50]")


@pytest.mark.parametrize(
    ("words", "vi", "en"),
    [
        (("nope",), "không có lệnh nope", "there is no command nope"),
        (("case", "nope"), "không có lệnh nope", "there is no command nope"),
        (("case", "as-of", "x"), "thiếu TIME|DAY|INDEX", "TIME|DAY|INDEX is missing"),
        (("case", "list", "--nope"), "không có tùy chọn --nope", "there is no option --nope"),
        (("case", "list", "--limit"), "--limit cần một giá trị", "--limit needs a value"),
        (("case", "list", "--all=1"), "--all không nhận", "--all takes no value"),
        (("case", "list", "more"), "thừa: more", "too much: more"),
        (("case", "list", "--limit", "201"), "từ 1 đến 200", "from 1 to 200"),
        (("case", "print", "x", "-o", "/"), "tệp, không phải thư mục", "a file, and no folder"),
        (("key", "show", "/"), ": FILE phải là một tệp đang", ": FILE must be a file that"),
        (("mirror", "slots", "/"), ": FILES... phải là", ": FILES... must be a file that"),
        (("case", "show", "x", "--clock", "y"), "một trong: recorded", "one of: recorded"),
        (("attachment", "add", "/nonexistent"), "tệp đang có", "a file that is there"),
        (("edition", "check", "/nonexistent"), "thư mục đang có", "a folder that is there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_call_is_one_sentence_with_where_to_read_more(
    words: tuple[str, ...], vi: str, en: str
) -> None:
    """Status 2, in the reader's language, and JSON for programs."""
    for lang, why in (("vi", vi), ("en", en)):
        result = socai(*words, lang=lang)
        assert result.exit_code == 2
        assert why in result.stderr
        assert result.stderr.count("\n") == 1
        assert "--help" in result.stderr
    for called in (("--json", *words), (*words, "--json")):
        told = orjson.loads(socai(*called).stdout)
        assert (told["ok"], told["error"]["code"]) == (False, "usage")
    assert socai(*words, "--lang", "vi", lang="en").stderr.startswith("Chưa"), "said behind it"


@pytest.mark.parametrize("lang", LANGS)
def test_why_a_value_cannot_be_used_is_said_in_both_languages(lang: Lang) -> None:
    """What a kind of value of its own says of it stood in the English sentence alone."""
    said = translate(told(click.BadParameter("no such key", param_hint="--key")).text, lang)
    assert "--key" in said
    assert "no such key" in said


@pytest.mark.parametrize("typed", ["31/02/2024", "2023-02-29", "4/6", "1,000", "٣", ""])
@pytest.mark.parametrize(
    "words",
    [
        ("case", "show", "x", "--as-of"),
        ("case", "as-of", "x"),
        ("case", "diff", "x"),
        ("case", "diff", "x", "1"),
        ("registry", "keys", "--as-of"),
        ("grant", "x", "y", "--ground", "z", "--until"),
    ],
    ids=" ".join,
)
def test_what_is_no_moment_is_refused_before_anybody_is_asked(
    words: tuple[str, ...], typed: str
) -> None:
    """With forms that are taken; wherever a moment may be named."""
    refused = socai(*words, typed, lang="en")
    assert refused.exit_code == 2
    assert "2024-06-04" in refused.stderr, refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        (DAY_TEXT, "4/6/2024", "2024-06-04"),
        (DAY_TEXT, "2024-06-04\u00a0", "2024-06-04"),
        (MOMENT_TEXT, "04/06/2024", "2024-06-04"),
        (MOMENT_TEXT, "04/06/2024 08:12", "2024-06-04T08:12:00+07:00"),
        (MOMENT_TEXT, "2024-06-04T08:12+07:00", "2024-06-04T08:12:00+07:00"),
        (MOMENT_TEXT, "2024-06-04T01:12:00Z", "2024-06-04T01:12:00+00:00"),
        (AS_OF_TEXT, "\u200b41", "41"),
        (AS_OF_TEXT, "04/06/2024 01:12 (UTC)", "2024-06-04T01:12:00+00:00"),
        (AS_OF_TEXT, "2024-06-04T01:12:00.123Z", "2024-06-04T01:12:00.123Z"),
    ],
)
def test_a_moment_is_taken_as_tables_and_pages_tell_it(
    kind: Typed[str], typed: str, meant: str
) -> None:
    """And goes on in the form that the server takes."""
    assert kind.convert(typed, None, None) == meant


def test_a_day_that_is_not_there_is_told_as_such_and_in_the_form_that_was_typed() -> None:
    """“31/02/2024 is no day, e.g. 2024-06-04” says that the form is wrong, which it is not."""
    with pytest.raises(Refusal) as refused:
        DAY_TEXT.convert("31/02/2024", None, None)
    assert "31/02/2024 is no day that there is; write it as 04/06/2024" in str(refused.value)


def test_what_may_be_left_out_stands_in_brackets() -> None:
    """Of every command, in the first line of its help."""
    seen = 0
    for _, command in commands(main):
        for argument in command.params:
            if isinstance(argument, click.Argument):
                shown = argument.make_metavar(click.Context(command))
                assert shown.startswith("[") is not argument.required, (command.name, shown)
                seen += not argument.required
    assert seen > 5


_CALL = re.compile(r"\bsocai((?: (?:--)?[a-z][a-z-]*)+)")
_PROSE = {"server", "there"}
"""Words that follow the name of the product, and are typed by nobody."""


def test_every_command_that_a_text_names_is_one() -> None:
    """What help, a refusal or a page tells to type, in either language, with its first options."""
    seen, wrong = 0, []
    for message in stored():
        for text in (message.id, message.string):
            for one in [text] if isinstance(text, str) else text or ():
                for words in (found[1].split() for found in _CALL.finditer(one)):
                    seen += 1
                    if words[0] not in _PROSE and not _is_called(words):
                        wrong.append(one)
    assert seen > 200
    assert wrong == []


def _is_called(words: list[str]) -> bool:
    """Whether they begin with a command; options right behind it are its own."""
    command: click.Command = main
    context = click.Context(main, info_name="socai")
    while words and isinstance(command, click.Group):
        below = command.get_command(context, words[0])
        if below is None:
            break
        command, words = below, words[1:]
        context = click.Context(command, context)
    if command is main:
        return False
    for word in words:
        if not word.startswith("--"):
            break
        if not any(word in one.opts for one in command.params):
            return False
    return True
