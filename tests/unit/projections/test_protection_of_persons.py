"""Nobody can go from a person to cases: no query, no index and no parameter joins tokens (§9)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.http.app import openapi
from projections.views import search_terms
from tests.played_log import decided
from tests.source_files import ROOT, files_below, modules

SCHEMA = files_below(ROOT / "projections", "*.sql")
MODULES = modules("projections")
TOKEN_WORDS = re.compile(
    r"\b(sealed|reporter|complainant|subject|affected|person)\w*\b", re.IGNORECASE
)
PERSON_WORDS = re.compile(
    r"token|sealed|reporter|complainant|subject|person|account|handle|phone|e-?mail|address|url",
    re.IGNORECASE,
)


def sql() -> Iterator[tuple[str, str]]:
    """(file, text) of every string of the projections that reads or writes a table."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if re.search(r"\b(SELECT|INSERT|DELETE|COPY|UPDATE)\b", text):
                    yield path.name, text


def statements() -> Iterator[tuple[str, str]]:
    """(file, statement) of the schema, without comments."""
    for path in SCHEMA:
        text = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
        yield from ((path.name, part.strip()) for part in text.split(";") if part.strip())


def test_every_table_is_looked_through() -> None:
    """What the tests below do not see, they find nothing in."""
    made = set(
        re.findall(r"TABLE (?:IF NOT EXISTS )?proj\.(\w+)", "\n".join(s for _, s in statements()))
    )
    assert {"acts", "case_file", "counted", "tasks"} <= made
    asked = [text for _, text in statements() if re.search(r"\bFROM proj\.", text)]
    read = "\n".join([*(text for _, text in sql()), *asked])
    assert {table for table in made if not re.search(rf"\b{table}\b", read)} == set()


def test_no_view_keeps_tokens() -> None:
    """TOKEN_OF_ONE_CASE needs one bit, and asks the log for it; no view joins tokens."""
    assert not any("token" in text.lower() for _, text in (*sql(), *statements()))


def test_no_query_joins_acts_by_what_stands_inside_them() -> None:
    """Payloads are stored to be shown; no condition looks into one."""
    for name, text in sql():
        assert not re.search(r"payload\s*(->|#>|@>|\?|LIKE|~)", text), (name, text)
        assert not re.search(r"body\s*(@>|\?|LIKE|~)", text), (name, text)
        conditions = text.partition("WHERE")[2]
        assert not TOKEN_WORDS.search(conditions), (name, text)


def test_no_table_but_one_holds_a_token_as_a_column_and_none_an_index_on_it() -> None:
    """The key of `tokens` answers EXISTS; every other index is on cases, acts, agencies, days."""
    for name, statement in statements():
        if "INDEX" in statement:
            assert not re.search(r"\b(token|payload|body)\b", statement), (name, statement)
        elif "TABLE" in statement and "proj.tokens" not in statement:
            assert not re.search(r"^\s*token\b", statement, re.MULTILINE), (name, statement)


@pytest.mark.parametrize(
    "name",
    [
        "SC1",
        *(
            pytest.param(one, marks=pytest.mark.soak)
            for one in ("SC2", "SC6", "SC8", "SC9", "SC10")
        ),
    ],
)
def test_no_token_is_among_the_words_a_case_is_found_by(name: str) -> None:
    """regulation.md §9: numbers, symbols, abstracts and names of acts, states and agencies only."""
    player = decided(name)
    for stream in player.streams.values():
        if stream.kind == "case":
            found = list(search_terms.searchable(stream, player.registry))
            assert found
            assert not any("sealed:" in text for text in found)
            tokens = set(re.findall(r"sealed:([0-9a-f-]{36})", repr(stream.effective())))
            words = set(search_terms.vector(found).split())
            assert not {part for token in tokens for part in token.split("-")} & words


@pytest.mark.parametrize(
    "text", ["sealed:92e1e431-9c59-4ec3-ac6c-8b0a9aa55c3f", "a@b.example", "https://x.example/a"]
)
def test_a_search_for_a_token_an_account_or_a_link_finds_nobody(text: str) -> None:
    """regulation.md §9: refused, or nothing that is indexed could match."""
    assert search_terms.refused(text) or "sealed" in search_terms.words(text)


def parameters(spec: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - the document as JSON
    """(path, name) of every parameter of the API."""
    for path, item in spec["paths"].items():
        shared = item.get("parameters", [])
        for verb, operation in item.items():
            if verb in ("get", "post", "put", "delete", "patch"):
                for parameter in [*shared, *operation.get("parameters", [])]:
                    resolved = parameter
                    if "$ref" in parameter:
                        resolved = spec["components"]["parameters"][
                            parameter["$ref"].split("/")[-1]
                        ]
                    yield path, resolved["name"]


def test_no_parameter_and_no_path_of_the_api_takes_a_person() -> None:
    """§9: no search and no join by name, handle or address."""
    spec = openapi()
    found = [(path, name) for path, name in parameters(spec) if PERSON_WORDS.search(name)]
    assert found == []
    # the token of a session is no one's of a case; who reported is put in there, and never found
    assert "get" not in spec["paths"]["/v1/reporters"]
    known = ("/v1/auth/", "/v1/reporters")
    nouns = [p for p in spec["paths"] if not p.startswith(known)]
    assert not [p for p in nouns if re.search(r"token|reporter|person|subject", p)]
