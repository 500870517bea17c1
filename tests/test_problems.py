"""Every error has one problem, and every problem a page in both languages (http.md §1)."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from marshmallow import fields
from werkzeug.exceptions import default_exceptions

import keys
import ledger
import projections
from api.client.connection import Refused
from api.http.schemas.base import DAY, PageSchema, choice, pattern
from api.problems import problem as problems
from api.problems import types
from api.problems.problem import Problem
from api.problems.types import TYPES
from api.texts.catalogue import both, translate
from api.texts.validation_faults import faults
from keys.errors import KeysError, TokenError, TokenFault
from ledger.errors import Conflict, Fault, Head, LedgerError, NotFound, Rejected, Unavailable
from ledger.message import Wording
from tests.rows import each, of
from tests.source_files import ROOT, modules, name_of

ROOTS = (KeysError, LedgerError)
CODED = {"Rejected", "Conflict", "Unavailable", "Problem"}
# Between the checkpointer and its store, at `init`, between two projectors, and what an operator
# alone is told: who shreds, and who turns an epoch.
NEVER_OVER_HTTP = {
    "backup_exists",
    "wal_gone",
    "checkpoint_moved",
    "epoch",
    "epoch_busy",
    "vault_busy",
    "keys_of_r_changed",
    "vault_turned",
    "wraps_spoilt",
    "files_left",
    "files_shared",
    "gone_before",
    "never_erased",
    "no_erasure",
    "numbers_left",
    "no_registry_keeper",
    "not_effective",
    "not_shredded",
    "not_whole",
    "older_transaction",
    "moved",  # what follows: the mirror's commands
    "no_checkpoint",
    "published",
    "trusted",
    "record_shut",
    "projector_active",
    "set_aside",
    "shredded",
    "still_served",
    "views_behind",
}


def _codes_raised() -> dict[str, str]:
    """First literal argument of every Rejected, Conflict, Unavailable and Problem in the source."""
    found: dict[str, str] = {}
    for path in modules():
        text = path.read_text("utf-8")
        if not any(name in text for name in CODED):
            continue  # to parse a file takes longest
        for node in ast.walk(ast.parse(text)):
            for call in _calls(node):
                named = [word.value for word in call.keywords if word.arg == "code"]
                for first in (*call.args[:1], *named):
                    if isinstance(first, ast.Constant):
                        found[str(first.value)] = str(path.relative_to(ROOT))
    return found


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The call, where it makes one of them, or what a class below one of them says of itself."""
    if isinstance(node, ast.Call) and name_of(node.func) in CODED:
        yield node
    elif isinstance(node, ast.ClassDef) and CODED & {name_of(base) for base in node.bases}:
        for inner in ast.walk(node):
            if (
                isinstance(inner, ast.Call)
                and isinstance(inner.func, ast.Attribute)
                and ast.unparse(inner.func) == "super().__init__"
            ):
                yield inner


def test_every_code_raised_anywhere_stands_in_the_table() -> None:
    """A code without its row would reach the officer as a sentence about nothing."""
    raised = _codes_raised()
    assert {"not_canonical", "malformed_statement"} | NEVER_OVER_HTTP <= raised.keys()
    assert {
        code: path for code, path in raised.items() if code not in TYPES.keys() | NEVER_OVER_HTTP
    } == {}


def test_every_code_of_the_table_is_raised_somewhere() -> None:
    """A page about a problem that nobody can meet is a promise about nothing."""
    table = Path(types.__file__)
    places = modules("ledger", "projections", "api")
    assert table in places
    proxy = ROOT / "docs" / "operate" / "proxy.conf"  # which answers where none of ours does
    source = "".join(path.read_text("utf-8") for path in (*places, proxy) if path != table)
    assert [code for code in TYPES if f'"{code}"' not in source] == []


def _below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _errors() -> list[type[Exception]]:
    """Every error of the packages below HTTP, wherever it is written."""
    packages: tuple[ModuleType, ...] = (keys, ledger, projections)
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    names = tuple(f"{package.__name__}." for package in packages)
    every = {error for root in ROOTS for error in _below(root)}
    return sorted((e for e in every if e.__module__.startswith(names)), key=lambda e: e.__name__)


def test_every_error_class_has_a_translation() -> None:
    """An error added below gets its line in problem.py, and one that is reached.

    The lines of the two roots are for what nobody foresaw: they translate no class that is there.
    """
    lines = [kind for kind, _ in problems._TRANSLATIONS]
    errors = _errors()
    assert {"InvalidSignature", "Doubt", "InFuture"} <= {error.__name__ for error in errors}
    for error in errors:
        nearest = next(kind for kind in error.__mro__ if kind in lines)
        assert nearest not in ROOTS, f"{error.__qualname__} has no line of its own"
        reached = next(kind for kind in lines if issubclass(error, kind))
        assert reached is nearest, f"{error.__qualname__} is told as {reached.__name__}"


def test_every_http_error_is_a_problem_and_tells_nothing_of_the_server() -> None:
    """Werkzeug's own pages would name the software and its version."""
    for status in each(sorted(default_exceptions)):
        with of(status):
            problem = problems.of(default_exceptions[status]())
            assert problem.code in TYPES
            body = problem.body("vi", "t")
            assert body["status"] == problem.type.status
            assert "werkzeug" not in str(body).lower()


def test_an_http_error_stays_on_its_side() -> None:
    """Who is told that our failure is theirs corrects what was right, and nobody is called."""
    for status in each(sorted(default_exceptions)):
        with of(status):
            problem = problems.of(default_exceptions[status]())
            assert problem.type.status // 100 == status // 100
            assert ("Retry-After" in problem.headers) == (problem.type.status in (429, 503))


@pytest.mark.parametrize(
    ("status", "code"),
    [(409, "malformed_request"), (410, "not_found"), (412, "precondition_failed"),
     (501, "internal"), (502, "unavailable"), (504, "unavailable")],
)  # fmt: skip
def test_an_http_error_of_others_becomes_the_problem_that_the_page_says(
    status: int, code: str
) -> None:
    """docs/http-layer.md §3."""
    assert problems.of(default_exceptions[status]()).code == code


def test_forbidden_and_absent_look_alike() -> None:
    """What the caller may not know of answers exactly as what does not exist (http.md §1)."""
    forbidden = problems.of(default_exceptions[403]()).body("vi", "t")
    absent = problems.of(NotFound()).body("vi", "t")
    wrong_address = problems.of(default_exceptions[404]()).body("vi", "t")
    assert forbidden == absent == wrong_address


def test_every_problem_says_in_both_languages_what_was_recorded_and_what_to_do() -> None:
    """A refusal is where an officer loses trust or keeps it."""
    for code in each(sorted(TYPES)):
        with of(code):
            kind = TYPES[code]
            for words in (kind.title, kind.step):
                vi, en = both(words).values()
                assert vi.strip()
                assert en.strip()
                assert vi != en
            assert kind.recorded in ("nothing", "yes", "unknown")
            if kind.status < 500:
                assert kind.recorded == "nothing"
            if kind.recorded != "nothing":  # or an officer signs anew what stands there
                assert "othing was recorded" not in both(kind.step)["en"]


def test_a_refused_act_names_its_guard_and_every_fault() -> None:
    """All faults come at once, each with its JSON Pointer."""
    refused = Rejected(
        "guard",
        Wording("Thiếu trường.", "A member is missing."),
        guard="FACTS_INVALID",
        faults=[Fault("/facts/summary", Wording("Thiếu.", "Missing."))],
        params={"member": "summary"},
    )
    body = problems.of(refused).body("en", "t")
    assert body["status"] == 422
    assert body["guard"] == "FACTS_INVALID"
    assert body["detail"] == "A member is missing."
    assert body["errors"] == [{"pointer": "/facts/summary", "detail": "Missing."}]


def test_a_stale_statement_learns_the_head_and_what_happened_since() -> None:
    """The officer must see what came between before signing again."""
    stale = Conflict("stale", Wording("Đã cũ.", "Stale."), head=Head(3, "abc"), since=[{"seq": 2}])
    body = problems.of(stale).body("vi", "t")
    assert body["status"] == 409
    assert body["head"] == {"seq": 3, "prev": "abc"}
    assert body["since"] == [{"seq": 2}]


def test_unavailable_says_when_to_come_again() -> None:
    """Without Retry-After a hundred clients come back at once."""
    problem = problems.of(
        Unavailable("database_unavailable", Wording("Chờ.", "Wait."), retry_after_s=7)
    )
    assert problem.headers["Retry-After"] == "7"


def test_an_unforeseen_error_tells_only_that_it_happened() -> None:
    """Its text may quote content, a path or SQL (access.md N5)."""
    body = problems.of(RuntimeError("SELECT secret FROM records")).body("en", "t")
    assert body["code"] == "internal"
    assert "secret" not in str(body)


class _Asked(PageSchema):
    """A query of every kind that ours are made of."""

    day = pattern(DAY, "A day.")
    form = pattern(r"[a-z]+", "A word.")
    kind = choice(("FAST", "SLOW"), "One of two.")
    many = choice(tuple(f"N{n}" for n in range(200)), "One of many.")
    sure = fields.Boolean()
    whole = fields.Dict()
    parts = fields.List(fields.Nested(PageSchema))


@pytest.mark.parametrize(
    ("asked", "vi", "en"),
    [
        ({"limit": "1000"}, "Phải từ 1 đến 200.", "Must be from 1 to 200."),
        ({"limit": "0"}, "Phải từ 1 đến 200.", "Must be from 1 to 200."),
        ({"limit": "x"}, "Phải là số nguyên không âm.", "Must be a whole number, 0 or more."),
        (
            {"day": "2024-02-30"},
            "Không đúng khuôn dạng; hãy viết như 2024-06-04.",
            "Does not have the documented form; write it like 2024-06-04.",
        ),
        (
            {"form": "1"},
            "Không đúng khuôn dạng nêu trong tài liệu.",
            "Does not have the documented form.",
        ),
        ({"kind": "NONE"}, "Phải là một trong: FAST, SLOW.", "Must be one of: FAST, SLOW."),
        (
            {"many": "NONE"},
            f"Phải là một trong: {', '.join(f'N{n}' for n in range(20))}, ….",
            f"Must be one of: {', '.join(f'N{n}' for n in range(20))}, ….",
        ),
        ({"cursor": ""}, "Phải dài từ 1 đến 1024 ký tự.", "Must have 1 to 1024 characters."),
        ({"cursor": 1}, "Phải là chuỗi ký tự.", "Must be a string."),
        ({"cursor": None}, "Không được để null; hãy bỏ hẳn trường này.", "May not be null;"),
        ({"sure": "maybe"}, "Phải là đúng hoặc sai.", "Must be true or false."),
        ({"whole": 1}, "Phải là đối tượng JSON.", "Must be a JSON object."),
        ({"parts": 1}, "Phải là danh sách.", "Must be a list."),
        ({"parts": [1]}, "Sai kiểu dữ liệu.", "Is of the wrong type."),
        ({"colour": "red"}, "Trường không có trong khuôn mẫu.", "Unknown field."),
    ],
)
def test_what_a_shape_refuses_is_said_in_either_language(
    asked: dict[str, object], vi: str, en: str
) -> None:
    """Bounds and values are named, and no English stands inside Vietnamese."""
    (fault,) = faults(_Asked().validate(asked))
    assert translate(fault.text, "vi") == vi
    assert translate(fault.text, "en").startswith(en)


def test_validation_faults_become_json_pointers() -> None:
    """RFC 6901: `~` and `/` in a member's name are escaped."""
    (fault,) = faults({"act": {"a/b": ["Unknown field."]}})
    assert (fault.pointer, translate(fault.text, "vi")) == (
        "/act/a~1b",
        "Trường không có trong khuôn mẫu.",
    )


def test_a_problem_never_says_its_title_twice() -> None:
    """Where nothing more is known, `detail` is left out; a client shows the title once."""
    for code in each(sorted(TYPES)):
        with of(code):
            assert "detail" not in Problem(code).body("vi", "t")
            fault = Fault("/limit", Wording("Phải là số nguyên.", "Must be a whole number."))
            assert Problem(code, faults=[fault]).body("en", "t")["detail"] == (
                "limit: Must be a whole number."
            )
            assert Refused(404, Problem(code).body("vi", "t")).detail == translate(
                TYPES[code].title, "vi"
            )


def test_words_give_the_language_asked_for() -> None:
    """Vietnamese first, English complete."""
    problem = Problem("not_found", Wording("vi", "en"))
    assert problem.body("vi", "t")["detail"] == "vi"
    assert problem.body("en", "t")["detail"] == "en"


def test_a_token_that_does_not_work_is_ours_and_for_a_while() -> None:
    """Who asks is told nothing of the token, and of nothing stored that it is damaged."""
    for fault in each(list(TokenFault)):
        with of(fault):
            problem = problems.of(TokenError(fault, "the KEK's token", "CKR_DEVICE_REMOVED"))
            body = problem.body("en", "t")
            assert (body["code"], body["status"], "detail" in body) == ("unavailable", 503, False)


def test_who_serves_no_http_starts_without_flask() -> None:
    """Checkpointer, projector and commands sign in by `api.auth`, and load no web server for it."""
    asked = "import sys, api.auth, api.page_sessions; print({'flask', 'werkzeug'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
