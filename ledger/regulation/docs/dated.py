"""Lines with a first and a last day: agencies, instruments, duties, clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.regulation.docs.bullet import bullet, codes, silent, term
from ledger.regulation.edition import Edition
from ledger.regulation.registry.duties import Bound, duties
from ledger.regulation.registry.rules import UNIT_WORDS


def agency(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """An agency: functions, posts and reorganisations over time."""
    held = [h for h in data.registry["holdings"] if h["agency"] == entry["id"]]
    out = [
        f"### `{entry['id']}` · {entry['names'][-1]['vi']}",
        "",
        bullet("Loại", "kind", f"`{entry['kind']}`"),
        bullet("Địa bàn", "territory", f"`{entry['territory']}`"),
        bullet("Tồn tại", "existed", term(entry["valid_from"], entry["valid_to"])),
        bullet("Cấp trên", "parent", codes([entry.get("parent")])),
        bullet("Độ chắc chắn", "certainty", _certainty(data, entry)),
    ]
    if entry["fictitious"]:
        out.append("- Hư cấu, chỉ để diễn thử · fictitious, for rehearsals only")
    out += [
        bullet(
            "Chức năng",
            "function",
            f"`{h['function']}` ({h['territory']}) {term(h['from'], h['to'])}"
            + (", GIẢ ĐỊNH (assumed)" if h.get("assumed") else ""),
        )
        for h in held
    ]
    for code in dict.fromkeys(h["function"] for h in held):
        out += _bound(data, code, entry)
    out += [
        bullet("Chức danh", "post", f"`{p['code']}` {p['vi']}: {codes(p['roles'])}")
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
    found = duties(data).get(code)
    lines = found.lines if found is not None else ()
    if agency is not None:
        lines = tuple(line for line in lines if _overlaps(line, agency))
    before = "" if agency is None else f"`{code}` "
    return [
        bullet(
            "Mức ràng buộc",
            "modality",
            f"{before}`{line.modality}` {words[line.modality]['vi']} · {words[line.modality]['en']}"
            f" {term(str(line.valid_from), str(line.valid_to or ''))} ({', '.join(line.source)})",
        )
        for line in lines
    ]


def _overlaps(line: Bound, agency: Mapping[str, Any]) -> bool:
    ended = agency["valid_to"] is not None and agency["valid_to"] < str(line.valid_from)
    return not ended and (line.valid_to is None or agency["valid_from"] <= str(line.valid_to))


def _passings(data: Edition, agency: str) -> list[str]:
    return [
        bullet(
            "Tổ chức lại",
            "reorganised",
            f"{s['date']} {s['kind']} → {codes(s['successors'])} ({s['basis']})",
        )
        for s in data.registry["successions"]
        if agency in s["predecessors"]
    ]


def _certainty(data: Edition, entry: Mapping[str, Any]) -> str:
    values: Mapping[str, str] = data.registry["certainty_values"]
    return values[entry["certainty"]]


def instrument(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A legal instrument over time."""
    out = [
        f"### `{entry['id']}` · {entry['title_vi']}",
        "",
        bullet("Loại", "kind", f"`{entry['kind']}`"),
        bullet("Có hiệu lực", "in force", term(entry["in_force_from"], entry["in_force_to"])),
        bullet("Thay thế bởi", "replaced by", codes([entry["replaced_by"]])),
        bullet("Độ chắc chắn", "certainty", _certainty(data, entry)),
    ]
    if entry.get("amended_by"):
        out.append(bullet("Sửa đổi bởi", "amended by", codes(entry["amended_by"])))
    if entry.get("note"):
        out.append(bullet("Ghi chú", "note", entry["note"]))
    return out


def duty(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """How far a body is bound, and what is recorded of it."""
    code = entry["code"]
    out = [
        f"### `{code}` · {entry['vi']} · {entry['en']}",
        "",
        *_bound(data, code),
        bullet("Phần việc", "part", f"{entry['part_vi']} · {entry['part_en']}"),
        bullet("Ghi thành", "recorded as", codes(entry["acts"])),
    ]
    out += [
        bullet("Không ghi", "not recorded", f"{n['vi']} · {n['en']} ({n['source']})")
        for n in entry["not_recorded"]
    ]
    return out


def clock(data: Edition, entry: Mapping[str, Any]) -> list[str]:
    """A clock or limit: its lengths over time, what starts and stops it."""
    code = entry["code"]
    starts = [a["act"] for a in data.acts["acts"] if code in a["clocks"]["starts"]]
    stops = [a["act"] for a in data.acts["acts"] if code in a["clocks"]["stops"]]
    out = [f"### `{code}` · {entry['vi']} · {entry['en']}", ""]
    lines = [r for r in data.registry["clock_rules"] if r["code"] == code]
    if not lines:
        initial = entry["initial"]
        source = entry.get("source") or entry["source_kind"]
        out.append(
            bullet("Thời hạn", "length", f"{_length(initial['value'], initial['unit'])}; {source}")
        )
    out += [bullet("Thời hạn", "length", _rule(line)) for line in lines]
    if starts or stops:
        out.append(bullet("Bắt đầu", "starts with", codes(starts)))
        out.append(bullet("Dừng", "stops with", codes(stops)))
    return [*out, *silent(data, code)]


def _rule(line: Mapping[str, Any]) -> str:
    shown = [
        f"{_length(line['length'], line['unit'])} ({term(line['valid_from'], line['valid_to'])})"
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
    words = UNIT_WORDS[str(unit)]
    return f"{value} {words.vi} ({words.en})"
