"""What may be recorded: act types, guards, states, sub-processes, and where the text is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.regulation.case.silences import silences
from ledger.regulation.docs.bullet import NONE, bullet, codes, silent, sources, term
from ledger.regulation.edition import Edition
from ledger.regulation.registry.code_words import in_english

_KIND_OF_GUARD: Final[Mapping[str, tuple[str, str]]] = {
    "refuse": ("từ chối ghi", "refuses"),
    "flag": ("ghi kèm dấu lưu ý", "flags"),
}
_APPLIES: Final[Mapping[str, tuple[str, str]]] = {
    "every_act": ("mọi diễn biến", "every act"),
    "case_act": ("mọi diễn biến của hồ sơ", "every act of a case"),
    "listed": ("diễn biến nêu tên", "the acts that name it"),
}


def act(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """An act type: who, whence, whither, on which conditions, with which facts."""
    roles = {r["code"]: r for r in data.acts["roles"]}
    who = "; ".join(f"`{c}` {roles[c]['vi']}" for c in entry["who"])
    clocks = entry["clocks"]
    out = [
        f"### `{entry['act']}` · {entry['vi']} · {entry['en']}",
        "",
        bullet("Nhóm", "group", f"`{entry['group']}`"),
        bullet("Nguồn", "source", sources(entry)),
        bullet("Dòng", "stream", codes(entry.get("streams", (entry["stream"],)))),
        bullet("Ai lập", "who", who),
        bullet("Nơi nhận", "to", codes(entry["to"])),
        bullet("Trạng thái trước", "states from", _states(entry["states_from"])),
        bullet("Chuyển trạng thái", "moves", _moves(entry["moves"])),
        bullet("Quy trình con", "sub-process", _sub_moves(entry["sub_process"])),
        bullet("Điều kiện riêng", "own guards", codes(entry["requires"])),
        bullet("Chữ ký", "signatures", _signatures(entry)),
        *_powers(roles, entry),
        bullet("Thời hạn bắt đầu", "starts clocks", codes(clocks["starts"])),
        bullet("Thời hạn dừng", "stops clocks", codes(clocks["stops"])),
        *_restarts(clocks),
        *_correctable(entry),
        bullet("Hạn chế quyền", "restrictive", _yes(restrictive=entry["restrictive"])),
        *(bullet("Ai tham gia", "who takes part", _part(p)) for p in _parts(data, entry["act"])),
    ]
    out += silent(data, entry["act"])
    out += ["", *_facts(entry["facts"])] if entry["facts"] else []
    return out


def _states(states: Sequence[str | None] | None) -> str:
    if states is None:
        return "không đòi hỏi (no condition)"
    return ", ".join("chưa có hồ sơ (no case yet)" if s is None else f"`{s}`" for s in states)


def _moves(moves: str | Mapping[str, str] | None) -> str:
    if moves is None:
        return NONE
    if isinstance(moves, str):
        return f"`{moves}`"
    return "; ".join(f"`{branch}` → `{to}`" for branch, to in moves.items())


def _sub_moves(moves: Mapping[str, Any] | None) -> str:
    if moves is None:
        return NONE
    shown = [_sub_move(m) for m in (moves, *moves.get("also", ()))]
    return "; ".join(shown)


def _sub_move(move: Mapping[str, Any]) -> str:
    named = move["id_fact"]
    which = "mở mới (opens one)" if named is None else f"`facts.{named}`"
    to = move["move"]
    if isinstance(to, str):
        return f"`{move['name']}` {which} → `{to}`"
    branches = ", ".join(f"{value} → `{state}`" for value, state in to["map"].items())
    return f"`{move['name']}` {which}, `{to['by']}`: {branches}"


def _powers(roles: Mapping[str, Mapping[str, Any]], entry: Mapping[str, Any]) -> list[str]:
    """Which power each signer role needs, where the act type says so."""
    stated = entry.get("signer_powers", {})
    if not stated:
        return []
    told = (
        f"{role}: " + " / ".join(f"`{c}` {roles[c]['vi']}" for c in powers)
        for role, powers in stated.items()
    )
    return [bullet("Thẩm quyền ký", "powers of signers", "; ".join(told))]


def _restarts(clocks: Mapping[str, Any]) -> list[str]:
    named = clocks.get("restarts")
    return (
        [] if named is None else [bullet("Tính lại thời hạn của", "clock of", f"`facts.{named}`")]
    )


def _correctable(entry: Mapping[str, Any]) -> list[str]:
    """Which members may be put right, and by which act the rest is changed."""
    paths, other = entry.get("correctable", {}), entry.get("reconsidered_by")
    out = [bullet("Đính chính được", "may be corrected", codes(paths))] if paths else []
    if later := entry.get("completable"):
        out.append(bullet("Bổ sung sau được", "may be said later", codes(later)))
    if other is not None:
        out.append(bullet("Xem xét lại bằng", "reconsidered by", f"`{other}`"))
    return out


def _signatures(entry: Mapping[str, Any]) -> str:
    shown = [f"{entry['signature_class']} ({', '.join(entry['signer_roles'])})"]
    for variant in entry.get("signature_variants", ()):
        when = " ".join(
            f"{k}={str(v).lower() if isinstance(v, bool) else v}"
            for k, v in variant["when"].items()
        )
        roles = ", ".join(variant["signer_roles"])
        shown.append(f"{variant['signature_class']} ({roles}) khi (when) {when}")
    return "; ".join(shown)


def _parts(data: Edition, act: str) -> list[Mapping[str, Any]]:
    return [p for p in data.participation["acts"] if p["act"] == act]


def _part(part: Mapping[str, Any]) -> str:
    """What an act gives beyond what every act gives, on the days of this entry, and why."""
    lines = [f"`{g['who']}` {g['scope']} → {g['until']}" for g in part["gives"]]
    given = "; ".join(lines) or NONE
    days = "" if part["from"] is None else f"{term(part['from'], part['to'])}: "
    return f"{days}{given} ({part['vi']} · {part['en']})"


def _yes(*, restrictive: bool) -> str:
    return "có (yes)" if restrictive else "không (no)"


def _facts(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        "| facts | kiểu · type | bắt buộc · required | Tiếng Việt | English |",
        "|---|---|---|---|---|",
        *_rows(facts, ""),
    ]


def _rows(facts: Mapping[str, Mapping[str, Any]], path: str) -> list[str]:
    out: list[str] = []
    for name, spec in facts.items():
        needed = "có" if spec.get("required") else ""
        cells = (
            f"`{path}{name}`",
            _cell(_type(spec)),
            needed,
            _cell(spec["vi"]),
            _cell(spec["en"]),
        )
        out.append(f"| {' | '.join(cells)} |")
        out += _rows(spec.get("fields", {}), f"{path}{name}.")
    return out


def _type(spec: Mapping[str, Any]) -> str:
    kind = f"list of {spec['of']}" if spec["type"] == "list" else spec["type"]
    if "format" in spec:
        kind += f" ({spec['format']})"
    if "enum" in spec:
        kind += ": " + ", ".join(spec["enum"])
    if "acts" in spec:
        kind += ": " + ", ".join(spec["acts"])
    return str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def guard(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A guard: what it asks and what the officer is told."""
    kind, applies = _KIND_OF_GUARD[entry["kind"]], _APPLIES[entry["applies_to"]]
    source = sources(entry) + (f", {entry['rule']}" if "rule" in entry else "")
    return [
        f"### `{entry['code']}`",
        "",
        bullet("Loại", "kind", f"{kind[0]} · {kind[1]}; {applies[0]} · {applies[1]}"),
        bullet("Nguồn", "source", source),
        bullet("Câu hiện cho cán bộ", "shown", entry["vi"]),
        bullet("Tiếng Anh", "in English", entry["en"]),
        f"- Điều kiện: {entry['condition_vi']}",
        f"- condition: {in_english(entry['checks']['condition'], data)}",
        *_of_lender(entry),
        *silent(data, entry["code"]),
    ]


def _of_lender(entry: Mapping[str, Any]) -> list[str]:
    if not entry.get("of_lender"):
        return []
    vi = "cũng xét với người đã giao quyền, ủy quyền cho người ký"
    return [bullet("Ai", "of whom", f"{vi} · of whoever lent the power to sign, too")]


def state(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A state of a case, and the ways out of it."""
    code = entry["code"]
    rows = [t for t in data.life_cycle["transitions"] if t["from"] == code]
    entered = dict.fromkeys(
        t["act"] for t in data.life_cycle["transitions"] if t["to"] == code and t["from"] != code
    )
    out = [
        f"### `{code}` · {entry['vi']} · {entry['en']}",
        "",
        bullet("Nguồn", "source", sources(entry)),
        bullet("Vào bằng", "entered by", codes(entered)),
        *silent(data, code),
    ]
    if rows:
        out += ["", "| act | disposition | → |", "|---|---|---|"]
        out += [f"| `{t['act']}` | {t.get('disposition', '')} | `{t['to']}` |" for t in rows]
    return out


def sub_process(_data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A sub-process and its moves."""
    out = [
        f"### `{entry['name']}` · {entry['vi']} · {entry['en']}",
        "",
        bullet("Trạng thái", "states", codes(entry["states"])),
        "",
        "| từ · from | act | → |",
        "|---|---|---|",
    ]
    for move in entry["moves"]:
        by = f"`{move['act']}`" if move["act"] else f"hết hạn (ran out) `{move['clock']}`"
        start = NONE if move["from"] is None else f"`{move['from']}`"
        out.append(f"| {start} | {by} | `{move['to']}` |")
    return out


def silence(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """Where the text is silent, and what the ledger does."""
    row = next(s for s in silences(data) if s.n == entry["n"])
    return [
        f"### {row.n}. {row.gap_vi}",
        "",
        f"- {row.vi}",
        f"- {row.en}",
        bullet("Hiện ở", "bites", codes(row.bites)),
    ]
