"""The rulebook read article by article: who, when, with what, by when, and when it is refused.

For officials, in words alone: what stands here stands elsewhere on the page in codes. In Vietnamese
it says what every guard asks; in English, what whoever is refused reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.edition import Edition
from ledger.regulation.guards.table import Guard, guards_in
from ledger.regulation.registry.rules import UNIT_WORDS
from ledger.regulation.words import vocabulary

ADDED: Final = "ADD"
"""Stands for what no article asks: a rule of the product, or of another law."""
_FLAGGED: Final = re.compile(r"^(Recorded with a flag: |Flag: )")
_REFERENCE: Final = re.compile(r": (its act_id|act_id of .+)$")
"""What the name of a fact says to programs beside."""
_TITLES: Final[Mapping[str, tuple[str, ...]]] = {
    "vi": (
        "Ai",
        "Ký",
        "Khi nào",
        "Cần gì",
        "Thời hạn",
        "Bị từ chối nếu không bảo đảm",
        "Ghi kèm dấu lưu ý khi",
    ),
    "en": ("Who", "Signed by", "When", "With what", "Terms", "Refused with", "Flagged with"),
}
_PARTS: Final = re.compile(r"(QĐ\.)?(\d+)(?:\.(\d+))?(?:\.(\w))?")


def articles(data: Edition) -> list[Mapping[str, Any]]:
    """Each provision that an act type rests on, in the order of the regulation."""
    found = {source for act in data.acts["acts"] for source in act["source"]}
    listed = [{"code": code, **_called(code)} for code in sorted(found, key=_place)]
    added = {
        "code": ADDED,
        "vi": "Quy tắc của sản phẩm hoặc của luật khác",
        "en": "Rules of this product or of another law",
    }
    return [*listed, added]


def article(data: Edition, entry: Mapping[str, Any], lang: str = "vi") -> list[str]:
    """A provision, with every act type that rests on it."""
    code = entry["code"]
    types = catalogue_of(data).types
    mine = [
        types[act["act"]]
        for act in data.acts["acts"]
        if (code in act["source"] if code != ADDED else not act["source"])
    ]
    out = [f"### {entry[lang]} (`{code}`)", ""]
    for kind in mine:
        out += [*_act(data, kind, lang), ""]
    return out[:-1]


def for_every_act(data: Edition, lang: str = "vi") -> list[str]:
    """What is asked of every act, and of every act of a case: said once."""
    titles = ("Mọi diễn biến", "Mọi diễn biến của hồ sơ") if lang == "vi" else _EVERY_EN
    out: list[str] = []
    for title, scope in zip(titles, ("every_act", "case_act"), strict=True):
        asked = [g for g in guards_in(data).guards if g.applies_to == scope]
        out += [f"**{title}**", "", *_refusals(data, asked, lang), ""]
    return out[:-1]


_EVERY_EN: Final = ("Every act", "Every act of a case")


def _called(code: str) -> dict[str, str]:
    found = _PARTS.fullmatch(code)
    if found is None:
        return {"vi": code, "en": code}
    decision, number, clause, point = found.groups()
    words = [f"Điều {number}"]
    if clause:
        words.insert(0, f"khoản {clause}")
    if point:
        words.insert(0, f"điểm {point}")
    text = " ".join(words)
    whole = f"{text} Quyết định ban hành" if decision else text
    deciding = " of the issuing decision" if decision else ""
    return {
        "vi": whole[0].upper() + whole[1:],
        "en": f"Article {code.removeprefix('QĐ.')}" + deciding,
    }


def _place(code: str) -> tuple[bool, int, int, str]:
    found = _PARTS.fullmatch(code)
    if found is None:
        return True, 0, 0, code
    decision, number, clause, point = found.groups()
    # đ stands behind d
    return decision is not None, int(number), int(clause or 0), (point or "").replace("đ", "d~")


def _act(data: Edition, kind: ActType, lang: str) -> list[str]:
    roles = catalogue_of(data).roles
    newest = catalogue_of(data).newest(kind.act) or kind
    required = (spec[lang] for spec in newest.facts.values() if spec.get("required"))
    needed = [_REFERENCE.sub("", called) for called in required]
    guards = [guards_in(data).by_code[code] for code in _own(data, kind)]
    who, signed, when, needs, terms, *_ = _TITLES[lang]
    lines = [
        (who, "; ".join(roles[code][lang] for code in kind.who)),
        (signed, _signed(roles, kind, lang)),
        (when, _when(data, kind, lang)),
        (needs, "; ".join(needed)),
        (terms, _clocks(data, kind, lang)),
    ]
    return [
        f"**{kind.vi if lang == 'vi' else kind.en}** (`{kind.act}`)",
        "",
        *(f"- {title}: {text}" for title, text in lines if text),
        *_refusals(data, guards, lang),
    ]


def _own(data: Edition, kind: ActType) -> Sequence[str]:
    """Guards of this act type alone, in their order; those of every act are said once."""
    asked = guards_in(data).asked(kind, kind.stream)
    return [g.code for g in asked if g.applies_to == "listed"]


def _signed(roles: Mapping[str, Mapping[str, Any]], kind: ActType, lang: str) -> str:
    words, other = vocabulary("roles"), " hoặc " if lang == "vi" else " or "
    told = []
    for role in kind.signer_roles:
        powers = [roles[code][lang] for code in kind.signer_powers.get(role, ())]
        called = getattr(words[role], lang)
        told.append(called + (f" ({other.join(powers)})" if powers else ""))
    return ", ".join(told)


def _when(data: Edition, kind: ActType, lang: str) -> str:
    if kind.states_from is None:
        return ""
    labels, no_case = life_cycle_of(data).labels, vocabulary("sentences")["no_case"]
    if lang == "vi":
        names = (no_case.vi if state is None else labels[state][0] for state in kind.states_from)
        return "hồ sơ ở trạng thái " + "; ".join(f"“{name}”" for name in names)
    names = (no_case.en if state is None else labels[state][1] for state in kind.states_from)
    return "the case is in the state " + "; ".join(f"“{name}”" for name in names)


def _clocks(data: Edition, kind: ActType, lang: str) -> str:
    words, n = life_cycle_of(data).clock_labels, 0 if lang == "vi" else 1
    start, stop = ("bắt đầu", "dừng") if lang == "vi" else ("starts", "stops")
    begun = [f"{start} “{words[code][n]}”{_length(data, code, lang)}" for code in kind.starts]
    ended = [f"{stop} “{words[code][n]}”" for code in kind.stops]
    return "; ".join([*begun, *ended])


def _length(data: Edition, code: str, lang: str) -> str:
    """How long a clock is by its newest line; nothing where the rules state none."""
    lines = [rule for rule in data.registry["clock_rules"] if rule["code"] == code]
    if not lines or lines[-1]["length"] is None or lines[-1]["unit"] in (None, "none"):
        return ""
    return f" ({lines[-1]['length']} {getattr(UNIT_WORDS[lines[-1]['unit']], lang)})"


def _refusals(data: Edition, guards: Iterable[Guard], lang: str) -> list[str]:
    """What guards ask, each on a line of its own: first those that refuse, then flags."""
    asks = data.of(_conditions)
    out: list[str] = []
    for kind, title in zip(("refuse", "flag"), _TITLES[lang][-2:], strict=True):
        asked = [g for g in guards if g.kind == kind]
        told = [asks[g.code] if lang == "vi" else _english(g) for g in asked]
        out += [f"- {title}:", *(f"  - {text}" for text in told)] if told else []
    return out


def _conditions(data: Edition) -> Mapping[str, str]:
    """In Vietnamese, what each guard asks."""
    return {line["code"]: line["condition_vi"] for line in data.guards["guards"]}


def _english(guard: Guard) -> str:
    """The sentence of a guard, without what each flag begins with."""
    said = re.sub(r"\{\w+\}", "…", _FLAGGED.sub("", guard.en))
    return said[:1].upper() + said[1:]
