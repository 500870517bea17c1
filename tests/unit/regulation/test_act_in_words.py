"""An act in words: every fact of every shipped scenario has its label, every ground its term."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from ledger.json_pointer import names
from ledger.message import Wording
from ledger.regulation import act_in_words
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.registry.registry import Registry
from tests.play_pure import player_for, scenario, steps

PLAYED = ("SC1", "SC2", "SC4", "SC6", "SC9")


def _acts(name: str) -> tuple[list[Act], Registry]:
    file = scenario(name)
    player, aliases = player_for(file)
    return [player.step(step, aliases)[0].act for step in steps(file)], player.registry


def _leaf(members: Any, pointer: str) -> Any:  # noqa: ANN401  JSON
    for step in names(pointer):
        members = members[int(step)] if isinstance(members, list) else members[step]
    return members


def _leaves(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize("name", PLAYED)
def test_every_fact_is_told_once_with_labels_of_the_catalogue(name: str) -> None:
    """Each leaf of `facts` and no other, by its pointer; no label is the name of a member."""
    acts, registry = _acts(name)
    for act in acts:
        told = act_in_words.facts(act, load().types[act.act], registry)
        assert len({one.pointer for one in told}) == len(told) == _leaves(dict(act.facts))
        for one in told:
            leaf = _leaf(act.members, one.pointer)
            if isinstance(one.value, date | datetime):
                assert one.value.isoformat() == leaf
            assert one.labels, one.pointer
            for label in one.labels:
                assert "_" not in label.vi + label.en, (act.act, one.pointer, label)


def test_a_post_is_told_by_its_name_in_the_agency_beside_it() -> None:
    """Of the agency that the fact names, else of the author's own; an unknown one as it stands."""
    acts, registry = _acts("SC1")
    act = next(one for one in acts if one.agency == "bacninh.stttt")
    kind, day = load().types["DirectionNoted"], act.day
    told = {
        one.pointer: one.value
        for one in act_in_words.facts(
            replace(act, facts={
                "given_by": "bacninh.ubnd", "given_by_post": "chu-tich",
                "post": "giam-doc",
                "readers": [{"agency": "bacninh.ubnd", "post": "pho-chu-tich"},
                            {"agency": "bacninh.ubnd", "post": "giam-doc"}],
            }), kind, registry,
        )
    }  # fmt: skip
    assert told["/facts/given_by"] == registry.name("bacninh.ubnd", day)
    assert told["/facts/given_by_post"] == "Chủ tịch"
    assert told["/facts/post"] == "Giám đốc"
    assert told["/facts/readers/0/post"] == "Phó Chủ tịch"
    assert told["/facts/readers/1/post"] == "giam-doc", "that agency has no such post"


def test_a_list_of_several_things_counts_them() -> None:
    """Several limbs have the same members: which is which is told by a number."""
    acts, registry = _acts("SC2")
    act = next(one for one in acts if len(one.facts.get("limbs", ())) > 1)
    told = act_in_words.facts(act, load().types[act.act], registry)
    counted = [one for one in told if one.pointer.startswith("/facts/limbs/")]
    assert counted
    for one in counted:
        assert one.labels[0].vi.endswith(f" {int(names(one.pointer)[2]) + 1}")


def test_a_ground_tells_whether_it_was_in_force_on_the_day() -> None:
    """A law that ended before the act, and one that nobody knows, are told as not in force."""
    acts, registry = _acts("SC1")
    act = next(one for one in acts if any(b.instrument == "90/QĐ-UBND" for b in one.basis))
    known = next(
        one for one in act_in_words.grounds(act, registry) if one.basis.instrument == "90/QĐ-UBND"
    )
    assert known.in_force
    assert known.title is not None
    assert known.valid_from == date(2023, 3, 21)
    unknown = replace(act, basis=(act.basis[0]._replace(instrument="1/BỊA"),))
    (told,) = act_in_words.grounds(unknown, registry)
    assert (told.in_force, told.title, told.valid_from) == (False, None, None)


def test_the_sentence_names_who_did_what_to_whom_by_which_document() -> None:
    """Filled from the act alone, in both languages, agencies by their names of that day."""
    acts, registry = _acts("SC1")
    act = next(one for one in acts if one.to and one.document is not None)
    kind, document = load().types[act.act], act.document
    assert document is not None
    told = str(act_in_words.sentence(act, kind, registry))
    assert registry.name(act.agency, act.day) in told
    assert kind.en in told
    assert all(registry.name(to, act.day) in told for to in act.to)
    assert f"{document['number']}/{document['symbol']}" in told


def test_an_act_of_an_edition_that_is_not_shipped_is_told_as_it_stands() -> None:
    """No label is made up for it, and nothing of it is left out."""
    acts, registry = _acts("SC1")
    act = acts[0]
    told = act_in_words.facts(act, None, registry)
    assert len(told) == _leaves(dict(act.facts))
    assert told[0].labels[0] == Wording(names(told[0].pointer)[1], names(told[0].pointer)[1])


def test_references_are_found_where_the_catalogue_says_that_a_fact_names_an_act() -> None:
    """What an act corrects, refers to, and names in its facts and in lists of them."""
    acts, _ = _acts("SC2")
    ids = {act.act_id for act in acts}
    found = {
        one.pointer: one.act_id
        for act in acts
        for one in act_in_words.references(act, load().types[act.act])
    }
    assert "/facts/intake/0" in found
    assert set(found.values()) <= ids


def test_what_an_act_above_ordinary_adds_has_labels_too() -> None:
    """What its author was shown of a lower log stood there as `seen`, `log`, `root` and `size`."""
    acts, registry = _acts("SC1")
    seen = [{"log": "a.example/ordinary", "size": 7, "root": "r"}]
    act = replace(acts[0], facts={**acts[0].facts, "seen": seen})
    told = act_in_words.facts(act, load().types[act.act], registry)
    added = [one for one in told if one.pointer.startswith("/facts/seen/")]
    assert [one.labels[-1].vi for one in added] == ["Sổ", "Số mục", "Mã băm gốc"]
    assert {one.labels[0].vi for one in added} == {
        "Trạng thái các sổ thấp hơn mà người lập đã thấy"
    }
    assert told[-len(added) :] == added, "behind what the type says"
