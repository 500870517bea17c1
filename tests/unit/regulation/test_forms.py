"""What a form is drawn from: labels for everything, and a schema that says what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from api.client.draft import roles_of
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.docs.forms import catalogue
from ledger.regulation.edition import SHIPPED, load_edition, shipped
from ledger.regulation.words import label, labels, vocabulary
from tests.builders import T0, facts_for
from tests.codes_in_words import codes_in
from tests.rows import each, of

WHOLE = catalogue(load_edition())
ACTS = {one["act"]: one for one in WHOLE["acts"]}


def _specs(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, spec in facts.items():
        yield name, spec
        yield from _specs(spec.get("fields", {}))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_code_has_a_word_in_both_languages(name: str) -> None:
    """Q32: values, states, sub-processes, flags, facts, units."""
    edition = shipped(name)
    acts = catalogue_of(edition).types
    wanted = [*edition.acts["acts"], {"facts": edition.acts["common_facts"]["facts"]}]
    for member, spec in (one for entry in wanted for one in _specs(entry["facts"])):
        assert spec["vi"]
        assert spec["en"]
        for code in spec.get("enum", ()):
            if code in acts:
                continue
            found = label(member, code)
            assert found is not None, f"{member}: {code}"
            assert found.vi
            assert found.en
            assert codes_in(f"{found.vi} {found.en}") == [], code
    cycle = edition.life_cycle
    for line in (*cycle["states"], *cycle["sub_processes"], *cycle["clocks"], *cycle["limits"]):
        assert line["vi"]
        assert line["en"]
    states = {state for sub in cycle["sub_processes"] for state in sub["states"]}
    assert states <= labels("sub_states").keys()
    branches = {t["disposition"] for t in cycle["transitions"] if t.get("disposition")}
    assert branches <= labels("dispositions").keys()
    flags = {g["code"] for g in edition.guards["guards"] if g["kind"] == "flag"}
    assert flags <= labels("flags").keys()
    units = {rule["unit"] for rule in edition.registry["clock_rules"]} - {None, "none"}
    assert units <= vocabulary("units").keys()


def test_a_schema_takes_what_the_ledger_takes_and_nothing_else() -> None:
    """A form that fits is not refused for its facts, and one that does not is told so before."""
    for name in each(ACTS):
        with of(name):
            schema, kind = ACTS[name]["facts"], catalogue_of(load_edition()).newest(name)
            assert kind is not None
            Draft202012Validator.check_schema(schema)
            judge = Draft202012Validator(schema)
            facts = {n: v for n, v in facts_for(name, T0).items() if n in kind.facts}
            assert not kind.check(facts)
            assert list(judge.iter_errors(facts)) == []
            wrong = [{**facts, "invented": "x"}]
            wrong += [{n: v for n, v in facts.items() if n != gone} for gone in schema["required"]]
            wrong += [{**facts, n: 1.5} for n in facts]
            for one in wrong:
                assert kind.check(one)
                assert list(judge.iter_errors(one)), one
            titles = [schema["properties"][n] for n in kind.facts]
            assert all(one["title"] and one["title_en"] for one in titles)


def test_whoever_draws_a_form_finds_each_code_that_an_act_names() -> None:
    """Who, to whom, by which clocks and guards: each has its word beside it."""
    for one in ACTS.values():
        assert set(one["who"]) <= WHOLE["roles"].keys()
        assert set(one["to"]) <= WHOLE["addressees"].keys()
        assert {*one["clocks"]["starts"], *one["clocks"]["stops"]} <= WHOLE["clocks"].keys()
        assert set(one["guards"]) <= WHOLE["guards"].keys()
        assert set(one["dispositions"]) <= WHOLE["dispositions"].keys()
        assert one["group"] in WHOLE["groups"]
    above = catalogue(load_edition(), "mat")
    assert "seen" in above["acts"][0]["facts"]["properties"]


@pytest.mark.parametrize("edition", ["1", "2"])
@pytest.mark.parametrize("level", ["ordinary", "mat"])
def test_a_client_knows_who_signs_as_the_rules_do(edition: str, level: str) -> None:
    """Whatever a fact says that decides on it: no officer has to say how many sign."""
    rules = shipped(edition)
    served = {one["act"]: one for one in catalogue(rules, level)["acts"]}
    decided = 0
    for name, kind in catalogue_of(rules).types.items():
        told: list[dict[str, object]] = [{}]
        for variant in kind.variants:
            fact = variant.when.get("fact")
            spec = {} if fact is None else kind.facts[fact]
            values = spec.get("enum", (True, False))
            told += [{fact: value} for value in (*values, None, "x") if fact is not None]
        for facts in told:
            act = cast("Act", SimpleNamespace(facts=facts))
            wanted = kind.signature(act, level)[1]
            assert tuple(roles_of(served[name], facts)) == wanted, (name, facts)
            decided += wanted != tuple(served[name]["signer_roles"])
    assert decided >= 4
