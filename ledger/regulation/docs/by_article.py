"""The rulebook read article by article: who, when, with what, by when, and when it is refused.

For officials, in Vietnamese: what stands here in words stands elsewhere on the page in codes.
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
_REFUSED: Final = re.compile(r"^(Không ghi được: |Đã ghi, kèm dấu lưu ý: ?|Dấu lưu ý: )")
_PARTS: Final = re.compile(r"(QĐ\.)?(\d+)(?:\.(\d+))?(?:\.(\w))?")


def articles(data: Edition) -> list[Mapping[str, Any]]:
    """Each provision that an act type rests on, in the order of the regulation."""
    found = {source for act in data.acts["acts"] for source in act["source"]}
    listed = [{"code": code, **_called(code)} for code in sorted(found, key=_place)]
    added = {"code": ADDED, "vi": "Quy tắc của sản phẩm hoặc của luật khác", "en": "added"}
    return [*listed, added]


def article(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A provision, with every act type that rests on it."""
    code = entry["code"]
    types = catalogue_of(data).types
    mine = [
        types[act["act"]]
        for act in data.acts["acts"]
        if (code in act["source"] if code != ADDED else not act["source"])
    ]
    out = [f"### {entry['vi']} (`{code}`)", ""]
    for kind in mine:
        out += [*_act(data, kind), ""]
    return out[:-1]


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
    return {"vi": whole[0].upper() + whole[1:], "en": f"article {code.removeprefix('QĐ.')}"}


def _place(code: str) -> tuple[bool, int, int, str]:
    found = _PARTS.fullmatch(code)
    if found is None:
        return True, 0, 0, code
    decision, number, clause, point = found.groups()
    # đ stands behind d
    return decision is not None, int(number), int(clause or 0), (point or "").replace("đ", "d~")


def _act(data: Edition, kind: ActType) -> list[str]:
    roles = catalogue_of(data).roles
    newest = catalogue_of(data).newest(kind.act) or kind
    needed = [spec["vi"] for spec in newest.facts.values() if spec.get("required")]
    guards = [guards_in(data).by_code[code] for code in _own(data, kind)]
    lines = [
        ("Ai", "; ".join(roles[code]["vi"] for code in kind.who)),
        ("Ký", _signed(roles, kind)),
        ("Khi nào", _when(data, kind)),
        ("Cần gì", "; ".join(needed)),
        ("Thời hạn", _clocks(data, kind)),
        ("Bị từ chối khi", _told(guards, "refuse")),
        ("Ghi kèm dấu lưu ý khi", _told(guards, "flag")),
    ]
    return [
        f"**{kind.vi}** (`{kind.act}`)",
        "",
        *(f"- {title}: {text}" for title, text in lines if text),
    ]


def _own(data: Edition, kind: ActType) -> Sequence[str]:
    """Guards of this act type alone, in their order; those of every act stand with the guards."""
    return [g.code for g in guards_in(data).guards if g.code in kind.requires]


def _signed(roles: Mapping[str, Mapping[str, Any]], kind: ActType) -> str:
    words = vocabulary("roles")
    told = []
    for role in kind.signer_roles:
        powers = [roles[code]["vi"] for code in kind.signer_powers.get(role, ())]
        told.append(words[role].vi + (f" ({' hoặc '.join(powers)})" if powers else ""))
    return ", ".join(told)


def _when(data: Edition, kind: ActType) -> str:
    if kind.states_from is None:
        return ""
    labels, no_case = life_cycle_of(data).labels, vocabulary("sentences")["no_case"].vi
    names = (no_case if state is None else labels[state][0] for state in kind.states_from)
    return "hồ sơ ở trạng thái " + "; ".join(f"“{name}”" for name in names)


def _clocks(data: Edition, kind: ActType) -> str:
    words = life_cycle_of(data).clock_labels
    begun = [f"bắt đầu “{words[code][0]}”{_length(data, code)}" for code in kind.starts]
    ended = [f"dừng “{words[code][0]}”" for code in kind.stops]
    return "; ".join([*begun, *ended])


def _length(data: Edition, code: str) -> str:
    """How long a clock is by its newest line; nothing where the rules state none."""
    lines = [rule for rule in data.registry["clock_rules"] if rule["code"] == code]
    if not lines or lines[-1]["length"] is None or lines[-1]["unit"] in (None, "none"):
        return ""
    return f" ({lines[-1]['length']} {UNIT_WORDS[lines[-1]['unit']].vi})"


def _told(guards: Iterable[Guard], kind: str) -> str:
    """The sentences of guards of a kind, without what each of them begins with."""
    told = [_REFUSED.sub("", guard.vi) for guard in guards if guard.kind == kind]
    return " ".join(re.sub(r"\{\w+\}", "…", text[:1].upper() + text[1:]) for text in told)
