"""LogRecovered: right behind what is left, by two registrars, with new keys, over a proven loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keys.log_keys import LogKeys
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import apply
from ledger.regulation.decide import decide
from ledger.regulation.registry.registry import Registry
from tests import recovered
from tests.builders import DIGEST, ORIGIN, Story, a_registry, breaks, found, hire, holds, signed

SIZE = 40


def in_log(registry: Registry | None = None) -> Story:
    """The stream of the log, its registry with the keys of record 0."""
    story = Story("ledger", registry=registry or a_registry())
    story.registry.log_keys = LogKeys.of(recovered.vkeys(ORIGIN, "first"))
    return story


def facts(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - what a test wants different
    """Lawful facts, with differences."""
    lost = [recovered.lost(ORIGIN, "first", size) for size in (SIZE + 3, SIZE + 12)]
    return recovered.facts(ORIGIN, SIZE, DIGEST, lost) | more


def asked(story: Story, by: str = "keeper", also: str = "keeper2", **more: Any) -> GuardInput:  # noqa: ANN401 - facts
    """The question of the author's statement, the log as long as what is left."""
    act = {"by": by, "also": [also] if also else [], "facts": facts(**more)}
    return replace(story.asks("LogRecovered", **act), log_size=SIZE)


def test_it_is_the_first_record_behind_what_is_left() -> None:
    """formats.md §7: nothing stands between what is left, the author and the countersigner."""
    story = in_log()
    holds("RECOVERY_FOLLOWS_PREFIX", asked(story))
    for log_size in (SIZE - 1, SIZE + 1):
        other = replace(asked(story), log_size=log_size)
        breaks("RECOVERY_FOLLOWS_PREFIX", other, "/facts/size")
    act = story.act("LogRecovered", by="keeper", also=["keeper2"], facts=facts())
    apply(story.stream, signed(act, story.stream)[0])
    second = story.question(act, 1)
    holds("RECOVERY_FOLLOWS_PREFIX", replace(second, log_size=SIZE + 1))
    breaks("RECOVERY_FOLLOWS_PREFIX", replace(second, log_size=SIZE + 2))


def test_both_who_sign_it_are_registrars() -> None:
    """One registrar and whoever else is at hand recover nothing."""
    registry = a_registry()
    hire(registry, "tp", powers=["REGISTRY_KEEPER"])
    story = in_log(registry)
    holds("RECOVERY_BY_REGISTRARS", asked(story, also="tp"))
    breaks("RECOVERY_BY_REGISTRARS", asked(story, also="cv"), "/signers/1")
    breaks("RECOVERY_BY_REGISTRARS", asked(story, by="cv", also="tp"), "/signers/0")


def test_the_founder_recovers_alone_until_there_is_a_second() -> None:
    """REGISTRY_FOUNDING, as for every registry act."""
    registry = Registry.founded()
    found(registry, "keeper")
    alone = asked(in_log(registry), also="")
    holds("RECOVERY_BY_REGISTRARS", alone)
    holds("SIGNER_ORDER", alone)
    breaks("SIGNER_ORDER", asked(in_log(), also=""))


def test_every_key_in_force_ends_and_the_next_have_never_signed() -> None:
    """formats.md §7: going on under the old key would be the fork."""
    story = in_log()
    first, second = (recovered.vkeys(ORIGIN, name) for name in ("first", "second"))
    third, other = recovered.vkeys(ORIGIN, "third"), recovered.vkeys("khac.example/ordinary", "x")
    holds("RECOVERY_TURNS_KEYS", asked(story))
    holds("RECOVERY_TURNS_KEYS", asked(story, old_vkeys=[*first, *third]))
    for old in (first[:1], third, [*first, *other]):
        breaks("RECOVERY_TURNS_KEYS", asked(story, old_vkeys=old), "/facts/old_vkeys")
    for new in (first, [second[0], first[1]], second[:1], [*second, *third], other):
        breaks("RECOVERY_TURNS_KEYS", asked(story, new_vkeys=new), "/facts/new_vkeys")
    story.registry.log_keys = LogKeys.of(third).turned(9, first)
    breaks("RECOVERY_TURNS_KEYS", asked(story, new_vkeys=third), "/facts/new_vkeys")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"lost": []}, "/facts/lost"),
        ({"lost": [recovered.lost(ORIGIN, "first", SIZE)]}, "/facts/lost/0"),
        ({"lost": [recovered.lost(ORIGIN, "second", SIZE + 1)]}, "/facts/lost/0"),
        ({"lost": [recovered.lost("khac.example/ordinary", "first", 99)]}, "/facts/lost/0"),
        (
            {"lost": [recovered.lost(ORIGIN, "first", SIZE + 1) | {"size": SIZE + 2}]},
            "/facts/lost/0",
        ),
        ({"lost_acts": [{"index": SIZE - 1, "entry": DIGEST}]}, "/facts/lost_acts/0/index"),
        ({"lost_acts": [{"index": SIZE + 12, "entry": DIGEST}]}, "/facts/lost_acts/0/index"),
    ],
)
def test_no_break_without_a_loss_that_the_old_key_signed_for(
    more: dict[str, Any], pointer: str
) -> None:
    """Nobody ends a log's key by saying that something was lost."""
    story = in_log()
    acts = [{"index": index, "entry": DIGEST} for index in (SIZE, SIZE + 11)]
    holds("RECOVERY_LOSS_SIGNED", asked(story, lost_acts=acts))
    breaks("RECOVERY_LOSS_SIGNED", asked(story, **more), pointer)


def test_it_is_taken_behind_a_record_that_is_set_aside() -> None:
    """Before a recovery nothing could be voided: junk in the log's own stream must not bar it."""
    story = in_log()
    story.stream.aside[12] = DIGEST
    assert decide(asked(story)).status == "pending"
