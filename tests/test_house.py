"""One word means one thing: names, looked at over the whole product."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.source_files import PACKAGES, ROOT, modules

#: What each private word of earlier days is called now; a page that tells of the past may say it.
RETIRED = {
    r"sealer": "checkpointer",
    r"castbook": "cast",
    r"\binquiry\b": "queries",
}

_LONGEST = 760
_MOST_METHODS = 25
_WIDE = {"Client", "Registry"}  # a method for each call of the API, and each line of the registry


def _public(path: Path) -> list[str]:
    return re.findall(r"^class ([A-Za-z]\w*)", path.read_text("utf-8"), re.MULTILINE)


def test_no_two_public_classes_have_one_name() -> None:
    """Whoever searches for a class finds one."""
    places = defaultdict(list)
    for path in modules(*PACKAGES):
        for name in _public(path):
            places[name].append(str(path.relative_to(ROOT)))
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("word", RETIRED)
def test_words_that_are_retired_stay_so(word: str) -> None:
    """One thing, one word: nobody has to learn two."""
    found = [
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES, "tests")
        if path != Path(__file__) and re.search(word, path.read_text("utf-8"), re.IGNORECASE)
    ]
    assert found == [], f"say {RETIRED[word]}"


def test_a_checkpoint_is_signed_and_covers_and_seals_nothing() -> None:
    """Sealing is what is done to a record at rest: where checkpoints are made nothing is sealed."""
    makers = [
        *modules(
            "ledger/checkpoints",
            "ledger/recovery",
            "api/cli/commands/log",
            "api/cli/commands/health",
        ),
        *(
            ROOT / "api/ops" / name
            for name in ("loops.py", "recovery.py", "service/roles.py", "service/supervisor.py")
        ),
        ROOT / "ledger/postgres/checkpoints.py",
        ROOT / "ledger/log/checkpoint.py",
    ]
    assert len(makers) > 20
    assert [p.name for p in makers if re.search("seal", p.read_text("utf-8"), re.IGNORECASE)] == []


def test_parsed_input_and_answers_have_their_names_in_the_http_layer() -> None:
    """`params` and `body`: what a reader of any web framework looks for."""
    for path in modules("api/http"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {arg.arg for arg in ast.walk(tree) if isinstance(arg, ast.arg)}
        assert not names & {"told", "asked"}, path


def test_folders_say_what_they_know() -> None:
    """Each has a line of its own, and no more siblings than a reader can look over."""
    for path in modules(*PACKAGES):
        if path.name != "__init__.py":
            continue
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
        siblings = [p for p in path.parent.glob("*.py") if p.name != "__init__.py"]
        most = 30 if path.parent.name == "guards" else 20  # a family of guards a file
        assert len(siblings) <= most, path.parent


def test_a_file_and_a_class_are_of_one_noun() -> None:
    """What a reader can hold in the head; who needs more than this has two nouns in one place."""
    longest, methods = dict[str, int](), dict[str, int]()
    for path in modules(*PACKAGES):
        text, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
        longest[name] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                own = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                methods[node.name] = sum(not one.name.startswith("_") for one in own)
    assert {name: n for name, n in longest.items() if n > _LONGEST} == {}
    assert {name for name, n in methods.items() if n > _MOST_METHODS} == _WIDE


def test_the_page_has_the_layers_of_the_contracts() -> None:
    """docs/architecture.md §2: who reads it knows what may import what."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        (container,) = contract.get("containers", [""])
        if container in {"ledger", "projections", "api"}:
            (told,) = re.findall(rf"nside `{container}`: `([^`]+)`", page)
            assert _levels(re.split(" → ", told)) == _levels(contract["layers"]), container


def _levels(layers: Iterable[str]) -> list[set[str]]:
    return [set(re.split(r"\s*[|:,]\s*", layer)) for layer in layers]
