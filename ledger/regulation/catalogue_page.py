"""The rulebook as a page for people: CATALOGUE.md, and its sections for `socai catalogue`.

Rendered from the data alone, in both languages; a test holds the written file equal to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ledger.regulation.duties import Bound, duties
from ledger.regulation.edition import Edition, load_edition
from ledger.regulation.silences import about, silences


class Item(NamedTuple):
    """One entry of a listing."""

    code: str
    vi: str
    en: str


Section = Callable[[Edition, Mapping[str, Any]], list[str]]

_NONE: Final = "-"
_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "wd": ("ngày làm việc", "working days"),
    "d": ("ngày", "days"),
    "h": ("giờ", "hours"),
    "m": ("tháng", "months"),
    "y": ("năm", "years"),
    "min": ("phút", "minutes"),
    "band": ("mức", "band"),
}
_PREFACE: Final = (
    "Trang này được dựng từ dữ liệu trong `ledger/regulation/data/`; không sửa tay.",
    "This page is rendered from the data and never edited by hand.",
    "",
    "Nguồn: `8.1.d` là Điều 8 khoản 1 điểm d của Quy chế, `QĐ.n` là Điều n của Quyết định ban",
    "hành, `ADD` là quy tắc của sản phẩm hoặc của luật khác.",
    "Sources: article.clause.point of the regulation; QĐ.n is article n of the issuing decision;",
    "ADD is a rule of this product or of another law.",
)
_KIND_OF_GUARD: Final[Mapping[str, tuple[str, str]]] = {
    "refuse": ("từ chối ghi", "refuses"),
    "flag": ("ghi kèm dấu lưu ý", "flags"),
}
_APPLIES: Final[Mapping[str, tuple[str, str]]] = {
    "every_act": ("mọi diễn biến", "every act"),
    "case_act": ("mọi diễn biến của hồ sơ", "every act of a case"),
    "listed": ("diễn biến nêu tên", "the acts that name it"),
}


def page(edition: Edition | None = None) -> str:
    """The whole of CATALOGUE.md."""
    data = edition or load_edition()
    out = [
        "# Danh mục · Catalogue",
        "",
        *_PREFACE,
        "",
    ]
    for kind in KINDS:
        title = _TITLES[kind]
        out += [f"## {title[0]} · {title[1]}", ""]
        for entry in _entries(data, kind):
            out += [*_SECTIONS[kind](data, entry), ""]
    return "\n".join(out).rstrip() + "\n"


def listing(kind: str, edition: Edition | None = None) -> list[Item]:
    """Codes of one kind with what they mean. Raises: KeyError: no such kind."""
    data = edition or load_edition()
    return [_item(kind, entry) for entry in _entries(data, kind)]


def explain(kind: str, code: str, edition: Edition | None = None) -> str:
    """The section of one entry, in Markdown. Raises: KeyError: no such kind or code."""
    data = edition or load_edition()
    for entry in _entries(data, kind):
        if _item(kind, entry).code == code:
            return "\n".join(_SECTIONS[kind](data, entry)) + "\n"
    raise KeyError(code)


def _entries(data: Edition, kind: str) -> Sequence[Mapping[str, Any]]:
    return _SOURCES[kind](data)


def _item(kind: str, entry: Mapping[str, Any]) -> Item:
    if kind == "agency":
        name = entry["names"][-1]["vi"]
        return Item(entry["id"], name, name)
    if kind == "instrument":
        return Item(entry["id"], entry["title_vi"], entry["title_vi"])
    if kind == "silence":
        return Item(str(entry["n"]), entry["gap_vi"], entry["gap_en"])
    if kind == "sub_process":
        return Item(entry["name"], entry["vi"], entry["en"])
    code = entry["act"] if kind == "act" else entry["code"]
    return Item(code, entry["vi"], entry["en"])


def _codes(values: Iterable[str | None]) -> str:
    return ", ".join(f"`{v}`" if v is not None else _NONE for v in values) or _NONE


def _line(vi: str, en: str, value: str) -> str:
    return f"- {vi} · {en}: {value}"


def _sources(entry: Mapping[str, Any]) -> str:
    cited = [*entry.get("source", ()), *entry.get("law", ())]
    return ", ".join(cited) if cited else f"({entry['origin']})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _act(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    roles = {r["code"]: r for r in data.acts["roles"]}
    who = "; ".join(f"`{c}` {roles[c]['vi']}" for c in entry["who"])
    clocks = entry["clocks"]
    out = [
        f"### `{entry['act']}` · {entry['vi']} · {entry['en']}",
        "",
        _line("Nhóm", "group", f"`{entry['group']}`"),
        _line("Nguồn", "source", _sources(entry)),
        _line("Dòng", "stream", _codes(entry.get("streams", (entry["stream"],)))),
        _line("Ai lập", "who", who),
        _line("Nơi nhận", "to", _codes(entry["to"])),
        _line("Trạng thái trước", "states from", _states(entry["states_from"])),
        _line("Chuyển trạng thái", "moves", _moves(entry["moves"])),
        _line("Quy trình con", "sub-process", _sub_moves(entry["sub_process"])),
        _line("Điều kiện riêng", "own guards", _codes(entry["requires"])),
        _line("Chữ ký", "signatures", _signatures(entry)),
        _line("Thời hạn bắt đầu", "starts clocks", _codes(clocks["starts"])),
        _line("Thời hạn dừng", "stops clocks", _codes(clocks["stops"])),
        _line("Hạn chế quyền", "restrictive", _yes(restrictive=entry["restrictive"])),
    ]
    out += _silent(data, entry["act"])
    out += ["", *_facts(entry["facts"])] if entry["facts"] else []
    return out


def _silent(data: Edition, code: str) -> list[str]:
    """Where the regulation is silent and this entry is the ledger's answer (regulation.md §8)."""
    return [
        _line("Chỗ quy chế không nêu", "silence", f"({s.n}) {s.vi} {s.en}")
        for s in about(code, data)
    ]


def _states(states: Sequence[str | None] | None) -> str:
    if states is None:
        return "không đòi hỏi (no condition)"
    return ", ".join("chưa có hồ sơ (no case yet)" if s is None else f"`{s}`" for s in states)


def _moves(moves: str | Mapping[str, str] | None) -> str:
    if moves is None:
        return _NONE
    if isinstance(moves, str):
        return f"`{moves}`"
    return "; ".join(f"`{branch}` → `{to}`" for branch, to in moves.items())


def _sub_moves(moves: Mapping[str, Any] | None) -> str:
    if moves is None:
        return _NONE
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


def _guard(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    kind, applies = _KIND_OF_GUARD[entry["kind"]], _APPLIES[entry["applies_to"]]
    source = _sources(entry) + (f", {entry['rule']}" if "rule" in entry else "")
    return [
        f"### `{entry['code']}`",
        "",
        _line("Loại", "kind", f"{kind[0]} · {kind[1]}; {applies[0]} · {applies[1]}"),
        _line("Nguồn", "source", source),
        _line("Điều kiện", "condition", entry["checks"]["condition"]),
        _line("Câu hiện cho cán bộ", "shown", entry["vi"]),
        _line("Tiếng Anh", "in English", entry["en"]),
        *_silent(data, entry["code"]),
    ]


def _state(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    code = entry["code"]
    rows = [t for t in data.life_cycle["transitions"] if t["from"] == code]
    entered = dict.fromkeys(
        t["act"] for t in data.life_cycle["transitions"] if t["to"] == code and t["from"] != code
    )
    out = [
        f"### `{code}` · {entry['vi']} · {entry['en']}",
        "",
        _line("Nguồn", "source", _sources(entry)),
        _line("Vào bằng", "entered by", _codes(entered)),
        *_silent(data, code),
    ]
    if rows:
        out += ["", "| act | disposition | → |", "|---|---|---|"]
        out += [f"| `{t['act']}` | {t.get('disposition', '')} | `{t['to']}` |" for t in rows]
    return out


def _sub_process(_data: Edition, entry: Mapping[str, Any]) -> list[str]:
    out = [
        f"### `{entry['name']}` · {entry['vi']} · {entry['en']}",
        "",
        _line("Trạng thái", "states", _codes(entry["states"])),
        "",
        "| từ · from | act | → |",
        "|---|---|---|",
    ]
    for move in entry["moves"]:
        by = f"`{move['act']}`" if move["act"] else f"hết hạn (ran out) `{move['clock']}`"
        start = _NONE if move["from"] is None else f"`{move['from']}`"
        out.append(f"| {start} | {by} | `{move['to']}` |")
    return out


def _agency(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    held = [h for h in data.registry["holdings"] if h["agency"] == entry["id"]]
    out = [
        f"### `{entry['id']}` · {entry['names'][-1]['vi']}",
        "",
        _line("Loại", "kind", f"`{entry['kind']}`"),
        _line("Địa bàn", "territory", f"`{entry['territory']}`"),
        _line("Tồn tại", "existed", _term(entry["valid_from"], entry["valid_to"])),
        _line("Cấp trên", "parent", _codes([entry.get("parent")])),
        _line("Độ chắc chắn", "certainty", _certainty(data, entry)),
    ]
    if entry["fictitious"]:
        out.append("- Hư cấu, chỉ để diễn thử · fictitious, for rehearsals only")
    out += [
        _line(
            "Chức năng",
            "function",
            f"`{h['function']}` ({h['territory']}) {_term(h['from'], h['to'])}"
            + (", GIẢ ĐỊNH (assumed)" if h.get("assumed") else ""),
        )
        for h in held
    ]
    for code in dict.fromkeys(h["function"] for h in held):
        out += _bound(data, code, entry)
    out += [
        _line("Chức danh", "post", f"`{p['code']}` {p['vi']}: {_codes(p['roles'])}")
        for p in entry["posts"]
    ]
    return [*out, *_passings(data, entry["id"])]


def _bound(data: Edition, code: str, agency: Mapping[str, Any] | None = None) -> list[str]:
    """How far a body is bound, by date and article; nothing for a function without a duty.

    Args:
        data: The edition.
        code: Function, or party of a case.
        agency: Only what held while this agency existed, with the function named.
    """
    words = {m["code"]: m for m in data.duties["modalities"]}
    duty = duties(data).get(code)
    lines = duty.lines if duty is not None else ()
    if agency is not None:
        lines = tuple(line for line in lines if _overlaps(line, agency))
    before = "" if agency is None else f"`{code}` "
    return [
        _line(
            "Mức ràng buộc",
            "modality",
            f"{before}`{line.modality}` {words[line.modality]['vi']} · {words[line.modality]['en']}"
            f" {_term(str(line.valid_from), str(line.valid_to or ''))} ({', '.join(line.source)})",
        )
        for line in lines
    ]


def _overlaps(line: Bound, agency: Mapping[str, Any]) -> bool:
    ended = agency["valid_to"] is not None and agency["valid_to"] < str(line.valid_from)
    return not ended and (line.valid_to is None or agency["valid_from"] <= str(line.valid_to))


def _duty(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    code = entry["code"]
    out = [
        f"### `{code}` · {entry['vi']} · {entry['en']}",
        "",
        *_bound(data, code),
        _line("Phần việc", "part", f"{entry['part_vi']} · {entry['part_en']}"),
        _line("Ghi thành", "recorded as", _codes(entry["acts"])),
    ]
    out += [
        _line("Không ghi", "not recorded", f"{n['vi']} · {n['en']} ({n['source']})")
        for n in entry["not_recorded"]
    ]
    return out


def _silence(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    row = next(s for s in silences(data) if s.n == entry["n"])
    return [
        f"### {row.n}. {row.gap_vi}",
        "",
        f"- {row.vi}",
        f"- {row.en}",
        _line("Hiện ở", "bites", _codes(row.bites)),
    ]


def _passings(data: Edition, agency: str) -> list[str]:
    return [
        _line(
            "Tổ chức lại",
            "reorganised",
            f"{s['date']} {s['kind']} → {_codes(s['successors'])} ({s['basis']})",
        )
        for s in data.registry["successions"]
        if agency in s["predecessors"]
    ]


def _certainty(data: Edition, entry: Mapping[str, Any]) -> str:
    values: Mapping[str, str] = data.registry["certainty_values"]
    return values[entry["certainty"]]


def _term(first: str | None, last: str | None) -> str:
    return f"{first or '?'} … {last or ''}".rstrip()


def _instrument(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    out = [
        f"### `{entry['id']}` · {entry['title_vi']}",
        "",
        _line("Loại", "kind", f"`{entry['kind']}`"),
        _line("Có hiệu lực", "in force", _term(entry["in_force_from"], entry["in_force_to"])),
        _line("Thay thế bởi", "replaced by", _codes([entry["replaced_by"]])),
        _line("Độ chắc chắn", "certainty", _certainty(data, entry)),
    ]
    if entry.get("amended_by"):
        out.append(_line("Sửa đổi bởi", "amended by", _codes(entry["amended_by"])))
    if entry.get("note"):
        out.append(_line("Ghi chú", "note", entry["note"]))
    return out


def _clock(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    code = entry["code"]
    starts = [a["act"] for a in data.acts["acts"] if code in a["clocks"]["starts"]]
    stops = [a["act"] for a in data.acts["acts"] if code in a["clocks"]["stops"]]
    out = [f"### `{code}` · {entry['vi']} · {entry['en']}", ""]
    lines = [r for r in data.registry["clock_rules"] if r["code"] == code]
    if not lines:
        initial = entry["initial"]
        source = entry.get("source") or entry["source_kind"]
        out.append(
            _line("Thời hạn", "length", f"{_length(initial['value'], initial['unit'])}; {source}")
        )
    out += [_line("Thời hạn", "length", _rule(line)) for line in lines]
    if starts or stops:
        out.append(_line("Bắt đầu", "starts with", _codes(starts)))
        out.append(_line("Dừng", "stops with", _codes(stops)))
    return [*out, *_silent(data, code)]


def _rule(line: Mapping[str, Any]) -> str:
    shown = [
        f"{_length(line['length'], line['unit'])} ({_term(line['valid_from'], line['valid_to'])})"
    ]
    if line.get("alarm_length"):
        shown.append(f"nhắc nội bộ (alarm) {_length(line['alarm_length'], line['alarm_unit'])}")
    if line.get("from_fact"):
        shown.append(f"theo (as in) `facts.{line['from_fact']}`")
    shown += [
        f"{v['case']}: {'+' if v.get('adds') else ''}{_length(v['length'], v['unit'])}"
        for v in line.get("variants", ())
    ]
    return "; ".join([*shown, f"{line['kind']}, {line['source']}"])


def _length(value: int | str | None, unit: str | None) -> str:
    if value is None or unit in (None, "none"):
        return "không quy định (none stated)"
    vi, en = _UNITS[str(unit)]
    return f"{value} {vi} ({en})"


def _clock_entries(data: Edition) -> list[Mapping[str, Any]]:
    """Clocks, limits, and rules that only registry.json names."""
    named = [*data.life_cycle["clocks"], *data.life_cycle["limits"]]
    codes = {entry["code"] for entry in named}
    outside = [
        {"code": r["code"], "vi": "ngoài sổ", "en": "followed outside the ledger"}
        for r in data.registry["clock_rules"]
        if r["code"] not in codes
    ]
    return [*named, *outside]


_SOURCES: Final[Mapping[str, Callable[[Edition], Sequence[Mapping[str, Any]]]]] = {
    "act": lambda data: list(data.acts["acts"]),
    "guard": lambda data: list(data.guards["guards"]),
    "state": lambda data: list(data.life_cycle["states"]),
    "sub_process": lambda data: list(data.life_cycle["sub_processes"]),
    "clock": _clock_entries,
    "agency": lambda data: list(data.registry["agencies"]),
    "instrument": lambda data: list(data.registry["instruments"]),
    "duty": lambda data: list(data.duties["bodies"]),
    "silence": lambda data: list(data.silences["silences"]),
}
_SECTIONS: Final[Mapping[str, Section]] = {
    "act": _act,
    "guard": _guard,
    "state": _state,
    "sub_process": _sub_process,
    "clock": _clock,
    "agency": _agency,
    "instrument": _instrument,
    "duty": _duty,
    "silence": _silence,
}
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "act": ("Loại diễn biến", "Act types"),
    "guard": ("Điều kiện ghi nhận", "Guards"),
    "state": ("Trạng thái hồ sơ", "Case states"),
    "sub_process": ("Quy trình con", "Sub-processes"),
    "clock": ("Thời hạn và giới hạn", "Clocks and limits"),
    "agency": ("Cơ quan theo thời gian", "Agencies over time"),
    "instrument": ("Văn bản theo thời gian", "Instruments over time"),
    "duty": ("Ai bị ràng buộc đến đâu", "How far each body is bound"),
    "silence": ("Chỗ quy chế không nêu", "Where the regulation is silent"),
}
KINDS: Final = tuple(_TITLES)
"""Kinds of entry: act, guard, state, sub_process, clock, agency, instrument, duty, silence."""
