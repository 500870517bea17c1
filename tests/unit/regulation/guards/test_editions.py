"""Guards on the adoption of an edition: who signs it, what it follows, that it fits, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.regulation.edition import first_edition, shipped
from ledger.regulation.registry.registry import Registry
from tests.builders import Story, a_registry, adoption_facts, breaks, holds

Json = dict[str, Any]
CHANGE: Json = {"life_cycle": {"transitions": {"-": ["HANDLING / ReferralSent / "]}}}


def test_an_edition_is_adopted_by_registrar_and_legal_officer() -> None:
    """Each alone is not enough, nor two of one kind; and it is the one in force that is changed."""
    ledger = Story("ledger")
    facts = adoption_facts(CHANGE, ledger.registry.edition)
    lawful = ledger.asks("EditionAdopted", by="keeper", also=["pc"], facts=facts)
    holds("SIGNER_POWERS", lawful)
    holds("EDITION_FOLLOWS", lawful)
    holds("EDITION_FITS", lawful)
    holds("EDITION_KNOWN", lawful)
    two = ledger.asks("EditionAdopted", by="keeper", also=["keeper2"], facts=facts)
    breaks("SIGNER_POWERS", two, "/signers/1")
    clerk = ledger.asks("EditionAdopted", by="keeper", also=["cv"], facts=facts)
    breaks("SIGNER_POWERS", clerk, "/signers/1")
    stale = ledger.asks(
        "EditionAdopted", by="keeper", also=["pc"], facts=facts | {"base": "A" * 43}
    )
    breaks("EDITION_FOLLOWS", stale, "/facts/base")
    same = facts | {"digest": ledger.registry.edition.digest}
    breaks("EDITION_FOLLOWS", ledger.asks("EditionAdopted", facts=same, by="keeper", also=["pc"]))
    entry = ledger.then("EditionAdopted", by="keeper", also=["pc"], facts=facts)
    assert entry.status == "effective"
    assert ledger.registry.edition.name == "2-thu.1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "A" * 43},
        {"change": {"acts": {"acts": {"-": ["NoAct"]}}}},
        {"change": {"guards": {"guards": {"-": ["DISTINCT_SIGNERS"]}}}},
    ],
    ids=["another digest", "fits nothing", "drops what keeps the log"],
)
def test_a_change_that_is_not_what_it_says_is_refused(wrong: Json) -> None:
    """The door makes the edition itself, before anybody is bound by it."""
    ledger = Story("ledger")
    base = ledger.registry.edition
    facts = adoption_facts(CHANGE, base) | wrong
    if "change" in wrong and "guards" in wrong["change"]:
        facts["digest"] = base.changed("x", wrong["change"]).digest
    question = ledger.asks("EditionAdopted", by="keeper", also=["pc"], facts=facts)
    breaks("EDITION_FITS", question, "/facts/change")


def test_an_edition_that_nobody_ships_is_refused_at_the_door() -> None:
    """By its digest alone a newer edition says nothing to an older program."""
    ledger = Story("ledger")
    facts = adoption_facts(CHANGE, ledger.registry.edition)
    unknown = {k: v for k, v in facts.items() if k != "change"} | {"edition": "9"}
    question = ledger.asks("EditionAdopted", by="keeper", also=["pc"], facts=unknown, exact=True)
    breaks("EDITION_KNOWN", question, "/facts/digest")
    holds("EDITION_FITS", question)


def a_first_edition_log() -> Registry:
    """A log that was opened before there were editions, its officers in post."""
    registry = a_registry()
    registry.go_on_by(first_edition(), 0)
    return registry


def test_a_log_of_before_takes_a_shipped_edition_and_no_change_of_its_own() -> None:
    """Its rules do not know of adoption: that is judged by the first edition that does."""
    ledger = Story("ledger", registry=a_first_edition_log())
    assert ledger.registry.edition is first_edition()
    facts = adoption_facts({}, first_edition(), "1-thu.1") | {"digest": shipped("2").digest}
    own = ledger.asks("EditionAdopted", by="keeper", also=["pc"], facts=facts)
    breaks("EDITION_FITS", own)
    del facts["change"]
    two = ledger.asks("EditionAdopted", by="keeper", also=["keeper2"], facts=facts, exact=True)
    breaks("SIGNER_POWERS", two, "/signers/1")
    ledger.then("EditionAdopted", by="keeper", also=["pc"], facts=facts | {"edition": "2"},
                exact=True)  # fmt: skip
    assert ledger.registry.edition is shipped("2")
