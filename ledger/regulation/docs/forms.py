"""The rulebook for programs: everything that a form for an act is drawn from.

Each act type has the JSON Schema (2020-12) of its facts, as acts are written now, with the label of
each member and value in both languages (`title` and `title_en`); who may author it and sign it,
which clocks it starts and stops, which guards are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.catalogue import MAY_BE_EMPTY, ActType, catalogue_of
from ledger.regulation.acts.json_shape import FORMATS, TIME, UUID4
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.case.registers import KINDS
from ledger.regulation.edition import Edition
from ledger.regulation.guards.table import Guard, guards_in
from ledger.regulation.words import label, labels, vocabulary

Json = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TOKEN: Final = f"sealed:{UUID4}"
_PLAIN: Final[Mapping[str, Json]] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time", "pattern": f"^{TIME}$"},
    "date": {"type": "string", "format": "date"},
    "token": {"type": "string", "pattern": f"^{_TOKEN}$"},
    "ref": {"type": "string", "pattern": f"^{UUID4}$"},
    "text": {"type": "string", "minLength": 1},
    "string": {"type": "string", "minLength": 1},
}


def catalogue(edition: Edition, level: str = ORDINARY) -> Json:
    """Everything that a form is drawn from, as JSON, made once for each edition; not to be changed.

    Args:
        edition: The rules.
        level: Of the log: above ordinary acts have more facts.
    """
    return edition.of(_ordinary if level == ORDINARY else _above)


def _ordinary(edition: Edition) -> Json:
    return _catalogue(edition, {})


def _above(edition: Edition) -> Json:
    return _catalogue(edition, edition.acts["common_facts"]["facts"])


def _catalogue(edition: Edition, above: Mapping[str, Any]) -> Json:
    known, cycle = catalogue_of(edition), life_cycle_of(edition)
    types = [known.newest(name) or kind for name, kind in known.types.items()]
    return {
        "edition": {"name": edition.name, "digest": edition.digest, "form": edition.form},
        "acts": [_act(kind, edition, above) for kind in types],
        "roles": _words(edition.acts["roles"]),
        "addressees": {
            **_words(edition.registry["functions"]),
            **_words(edition.acts["roles"]),
            **_words(edition.acts["addressees"]),
        },
        "groups": _words(edition.acts["groups"]),
        "states": {code: _pair(*words) for code, words in cycle.labels.items()},
        "sub_processes": {
            sub["name"]: {
                **_pair(sub["vi"], sub["en"]),
                "states": {s: _named("sub_states", s) for s in sub["states"]},
            }
            for sub in edition.life_cycle["sub_processes"]
        },
        "clocks": {code: _pair(*words) for code, words in cycle.clock_labels.items()},
        "guards": {guard.code: _guard(guard) for guard in guards_in(edition).guards},
        "dispositions": _all("dispositions"),
        "capacities": {
            code: _pair(words.vi, words.en) for code, words in vocabulary("capacities").items()
        },
        "members": {
            code: _pair(words.vi, words.en) for code, words in vocabulary("members").items()
        },
    }


def _act(kind: ActType, edition: Edition, above: Mapping[str, Any]) -> Json:
    cycle = life_cycle_of(edition)
    branches = sorted({d for a, _, d in cycle.transitions if a == kind.act and d is not None})
    guards = [guard.code for guard in guards_in(edition).asked(kind, kind.stream)]
    return {
        "act": kind.act,
        **_pair(kind.vi, kind.en),
        "group": kind.group,
        "source": list(kind.source),
        "law": list(kind.law),
        "streams": list(kind.streams),
        "who": list(kind.who),
        "to": list(kind.to),
        "states_from": None if kind.states_from is None else list(kind.states_from),
        "dispositions": branches,
        **_signed(kind, above=bool(above)),
        "signer_powers": {role: list(codes) for role, codes in kind.signer_powers.items()},
        "restrictive": kind.restrictive,
        "register": KINDS.get(kind.act),
        "clocks": {"starts": list(kind.starts), "stops": list(kind.stops)},
        "guards": guards,
        "facts": {"$schema": DIALECT, **members_schema({**kind.facts, **above})},
    }


def _signed(kind: ActType, *, above: bool) -> Json:
    """How many sign and as what: here, and where a fact says otherwise, the first that does."""
    here = next((one for one in kind.variants if above and "level" in one.when), kind)
    return {
        "signature_class": here.signature_class,
        "signer_roles": list(here.signer_roles),
        "signature_variants": [
            {
                "fact": one.when["fact"],
                "one_of": list(one.values),
                "signature_class": one.signature_class,
                "signer_roles": list(one.signer_roles),
            }
            for one in kind.variants
            if one.values
        ],
    }


def members_schema(fields: Mapping[str, Mapping[str, Any]]) -> Json:
    """The JSON Schema of an object with these members and no others."""
    needed = [name for name, spec in fields.items() if spec.get("required")]
    return {
        "type": "object",
        "properties": {name: _member(name, spec) for name, spec in fields.items()},
        "required": needed,
        "additionalProperties": False,
    }


def _member(name: str, spec: Mapping[str, Any]) -> Json:
    titles = {"title": spec["vi"], "title_en": spec["en"]}
    if spec["type"] != "list":
        return {**titles, **_value(name, spec["type"], spec)}
    filled = spec.get("required") and name not in MAY_BE_EMPTY
    least = {"minItems": 1} if filled else {}
    return {**titles, "type": "array", "items": _value(name, spec["of"], spec), **least}


def _value(name: str, kind: str, spec: Mapping[str, Any]) -> Json:
    if kind == "enum":
        return {"oneOf": [_choice(name, code) for code in spec["enum"]]}
    if kind == "object":
        fields = spec.get("fields")
        return members_schema(fields) if fields else {"type": "object"}
    form = spec.get("format")
    more: Json = {"text": True} if kind == "text" else {}
    if kind == "ref":
        more = {"acts": list(spec.get("acts", ()))}
    if form is not None:
        more["kind"] = form
        if form in FORMATS:
            more["pattern"] = f"^(?:{FORMATS[form][0]})$"
    return {**_PLAIN[kind], **more}


def _choice(name: str, code: str) -> Json:
    called = label(name, code)
    vi, en = (code, code) if called is None else (called.vi, called.en)
    return {"const": code, "title": vi, "title_en": en}


def _guard(guard: Guard) -> Json:
    short = labels("flags").get(guard.code)
    name = {} if short is None else {"name": _pair(short.vi, short.en)}
    return {"kind": guard.kind, **_pair(guard.vi, guard.en), "source": list(guard.source), **name}


def _words(lines: Sequence[Mapping[str, Any]]) -> Json:
    return {line["code"]: _pair(line["vi"], line["en"]) for line in lines}


def _named(table: str, code: str) -> Json:
    found = labels(table).get(code)
    return _pair(code, code) if found is None else _pair(found.vi, found.en)


def _all(table: str) -> Json:
    return {code: _pair(words.vi, words.en) for code, words in labels(table).items()}


def _pair(vi: str, en: str) -> Json:
    return {"vi": vi, "en": en}
