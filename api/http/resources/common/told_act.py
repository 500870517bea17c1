"""One act with all that a reader asks of it, as JSON: words in both languages, proofs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.http.resources.common import serializers
from api.http.resources.common.proven import path
from api.texts.catalogue import both, in_each, shown
from ledger.checkpoints.proofs import CheckpointTree
from ledger.regulation import act_in_words
from ledger.regulation.act_in_words import SEALED, FactInWords, GroundInWords
from ledger.regulation.acts.act import Act
from ledger.regulation.registry.registry import Registry
from projections.queries.acts.told_act import Relation, ToldAct
from projections.views.acts import ActRow


def told_act(found: ToldAct, tree: CheckpointTree | None) -> dict[str, Any]:
    """The answer.

    Args:
        found: The act.
        tree: Of the newest checkpoint, to which the proofs lead; None: without proofs.
    """
    body = serializers.act(list(found.statements))
    for one in body["statements"]:
        one.update(path(one["index"], tree))
    sentence = found.sentence
    body |= {
        "sentence": None if sentence is None else both(sentence),
        "addressees": _addressees(found.act, found.registry),
        "basis": [_ground(one) for one in found.grounds],
        "facts": [_fact(one) for one in found.facts],
        "names": [_relation(one) for one in found.names],
        "named_by": [_relation(one) for one in found.named_by],
        "before": _neighbour(found.before),
        "after": _neighbour(found.after),
    }
    if found.whole:
        body["changes"] = [serializers.change(one) for one in found.changes]
    if tree is not None:
        body["checkpoint"] = tree.note
    return body


def _addressees(act: Act | None, registry: Registry) -> list[dict[str, Any]]:
    if act is None:
        return []
    return [
        {
            "agency": None if to.startswith(SEALED) else to,
            **both(act_in_words.addressee(to, act, registry)),
        }
        for to in act.to
    ]


def _ground(one: GroundInWords) -> dict[str, Any]:
    return {
        "instrument": one.basis.instrument,
        "title": one.title,
        "article": one.basis.article,
        "clause": one.basis.clause,
        "point": one.basis.point,
        "role": one.basis.role,
        **{f"role_{lang}": text for lang, text in both(one.role).items()},
        "in_force": one.in_force,
        "valid_from": None if one.valid_from is None else one.valid_from.isoformat(),
        "valid_to": None if one.valid_to is None else one.valid_to.isoformat(),
    }


def _fact(one: FactInWords) -> dict[str, Any]:
    return {
        "pointer": one.pointer,
        "labels": [both(label) for label in one.labels],
        **both(in_each(lambda lang: shown(one.value, lang))),
        "at": one.value.isoformat() if isinstance(one.value, datetime) else None,
        "case_number": None,
    }


def _relation(one: Relation) -> dict[str, Any]:
    row = one.row
    return {
        "act_id": one.act_id,
        "pointer": one.pointer,
        **serializers.act_names(None if row is None else row.act),
        "act": None if row is None else row.act,
        "index": None if row is None else row.index,
        "seq": None if row is None else row.seq,
    }


def _neighbour(row: ActRow | None) -> dict[str, Any] | None:
    return None if row is None else {"act_id": row.act_id, "seq": row.seq}
