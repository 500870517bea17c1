"""A case for a person at a terminal: its file, history, verification and what changed in it.

Words first, the code or id that a program would use beside them. Not: what is asked, or whether a
proof holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from api.cli.shell import Shell
from api.cli.words import Text, word
from ledger.regulation.catalogue import load
from ledger.regulation.deadline import VIETNAM
from ledger.regulation.lifecycle import life_cycle
from ledger.regulation.outcomes import words as outcome_words

Json = Mapping[str, Any]
_ENDED: Final = ("STOPPED", "ENDED")


def case_lines(shell: Shell, lines: Iterable[Json]) -> None:
    """One line a case; the id only where there is no number to call it by."""
    rows = [
        (
            line.get("case_number") or line.get("register_no") or line["id"],
            _worded(shell, line, "state"),
            _worded(shell, line, "outcome"),
            line.get("handler_label") or line.get("agency"),
            when(line.get("due_at")),
            "\n".join(line.get("flags") or ()),
        )
        for line in lines
    ]
    columns = ("number", "state", "outcome", "agency", "due", "flags")
    widths = {"state": 16, "outcome": 18, "due": 10, "flags": 17}
    shell.table(columns, rows, whole=("number",), widths=widths)
    if not rows:
        shell.say(Text("Không có hồ sơ nào.", "There is no such case."))


def case_file(shell: Shell, body: Json) -> None:
    """The case file."""
    number = body.get("case_number") or body.get("register_no") or body["id"]
    state = coded(shell.local(body, "state"), body["state"])
    shell.say(Text(f"Hồ sơ {number} · {state}", f"Case {number} · {state}"))
    shell.table(("field", "value"), _facts(shell, body), whole=("field",))
    _running(shell, body)
    _pending(shell, body)
    for member, column in (("flags", "flags"), ("assumptions", "assumption")):
        if found := body.get(member):
            rows = [(one["code"], one[shell.lang]) for one in found]
            shell.table((column, "what"), rows, whole=(column,))
    if silent := body.get("silences"):
        shell.table(("silence", "what"), ((f"§{one['n']}", one[shell.lang]) for one in silent))


def timeline(shell: Shell, acts: Iterable[Json]) -> None:
    """Every act with its statements: both clocks, who signed, the verdict, the effect."""
    columns = ("#", "occurred", "recorded", "act", "author", "verdict", "effect")
    rows = (row for act in acts for row in _act_rows(shell, act))
    widths = {"occurred": 10, "recorded": 10, "act": 20, "author": 20, "verdict": 7, "effect": 17}
    shell.table(columns, rows, whole=("#",), widths=widths)


def verification(shell: Shell, body: Json, bad: list[int]) -> None:
    """Every statement's verdict, and which proofs failed here."""
    columns = ("#", "seq", "act", "author", "kid", "verdict", "result")
    rows = (_verdict_row(shell, line, bad) for line in body["statements"])
    shell.table(columns, rows, whole=("#", "seq", "kid"), widths={"verdict": 13, "author": 28})
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(body["counts"].items()))
    shell.say(
        Text(f"Kết luận: {body['outcome']} ({counts})", f"Verdict: {body['outcome']} ({counts})")
    )
    every = len(body["statements"])
    proven = every - len(bad)
    shell.say(
        Text(
            f"Chứng minh đã kiểm tại đây: {proven}/{every}",
            f"Proofs checked here: {proven} of {every}",
        )
    )


def changes(shell: Shell, found: Iterable[Json], case: Json) -> None:
    """What changed, a line a thing, with the acts that did it.

    Args:
        shell: Whose language.
        found: Changes as the API lists them, a leaf each.
        case: The case file: it names the things that the pointers lead to.
    """
    rows = [row for row in _things(shell, found, case) if row is not None]
    shell.table(("field", "from", "to", "act"), rows, widths={"from": 20, "to": 20})
    if not rows:
        shell.say(Text("Không có gì khác.", "Nothing differs."))


# -- the file ----------------------------------------------------------------------------------


def _facts(shell: Shell, body: Json) -> Iterator[tuple[str, object]]:
    lines = (
        ("outcome", coded(shell.local(body, "outcome"), body.get("outcome"))),
        ("finding", _named(shell, body.get("finding"))),
        ("agency", (body.get("handler") or {}).get("label")),
        ("lead", (body.get("lead") or {}).get("label")),
        ("occurred", when(body.get("opened_at"))),
        ("statements", body.get("statements")),
    )
    yield from ((shell.name(label), value) for label, value in lines if value is not None)
    for one in body.get("corrections", ()):
        yield shell.name("corrected"), _named(shell, one)
    for path in body.get("complaint_paths", ()):
        yield shell.name("complaint"), path[shell.lang]


def _running(shell: Shell, body: Json) -> None:
    if subs := body.get("open_sub_processes"):
        rows = (
            (shell.local(s), s["state"], when((s.get("opened_by") or {}).get("occurred_at")))
            for s in subs
        )
        shell.table(("open_sub_processes", "state", "from"), rows)
    clocks = [c for c in body.get("clocks", ()) if c["status"] not in _ENDED]
    if clocks:
        columns = ("clock", "due", "status", "source", "code")
        shell.table(columns, (_clock_row(shell, c) for c in clocks), whole=("due", "code"))


def _clock_row(shell: Shell, clock: Json) -> tuple[object, ...]:
    due = when(clock.get("due"))
    status = word(clock["status"], shell.lang)
    return shell.local(clock), due, status, clock.get("source"), clock["code"]


def _pending(shell: Shell, body: Json) -> None:
    rows = [
        (shell.local(act), f"{signer.get('post_vi') or signer['post']}\n{_role(signer)}")
        for act in body.get("pending", ())
        for signer in act["waiting_for"]
    ]
    if rows:
        shell.table(("act", "waiting_for"), rows)


# -- history -----------------------------------------------------------------------------------


def _act_rows(shell: Shell, act: Json) -> Iterator[tuple[object, ...]]:
    title = [str(shell.local(act, "act") or act["status"])]
    if act.get("late"):
        title.append(shell.text(Text("(ghi muộn)", "(entered late)")))
    title += [f"⚑ {flag}" for flag in act.get("flags", ())]
    for n, line in enumerate(act["statements"]):
        effect = line.get("state_after") or "✓" if line.get("effect") else "…"
        yield (
            line["index"],
            when(act.get("occurred_at")) if n == 0 else "",
            when(line["recorded_at"]),
            "\n".join(title) if n == 0 else "↳",
            signed_by(line),
            line["verdict"],
            effect,
        )


def signed_by(line: Json) -> str:
    """Post and agency, then role and the beginning of the officer's id."""
    signer = line.get("signer") or {}
    post = ", ".join(p for p in (signer.get("post_vi"), signer.get("agency_name")) if p)
    return "\n".join(part for part in (post, _role(line)) if part)


def _role(line: Json) -> str:
    return f"{line.get('role') or '–'} {str(line.get('officer') or '')[:8]}".strip()


def _verdict_row(shell: Shell, line: Json, bad: list[int]) -> tuple[object, ...]:
    verdict = line["verdict"]
    if line["outcome"] != "VALID":
        verdict = f"{verdict}: {line['reason'][shell.lang]}"
    return (
        line["index"],
        line["seq"],
        act_title(shell, line.get("act")),
        signed_by(line),
        str(line.get("kid") or "")[:10],
        verdict,
        "✗" if line["index"] in bad else "✓",
    )


# -- what changed ------------------------------------------------------------------------------

_LISTS: Final = frozenset(
    {"sub_processes", "clocks", "flags", "pending", "returned", "corrections", "complaint_paths"}
)
_SAID_ELSEWHERE: Final = frozenset(
    {"state_vi", "state_en", "state_since", "outcome_vi", "outcome_en", "officers", "silences"}
)
_OBJECTS: Final = frozenset({"result", "finding", "handler", "lead"})
#: Leaf of a thing that says where it stands; the first that changed is shown.
_TELLING: Final = ("status", "state", "finding", "label", "occurred_at", "until", "code", "act")
_Leaves = dict[str, tuple[Any, Any]]


def _things(shell: Shell, found: Iterable[Json], case: Json) -> Iterator[tuple[object, ...] | None]:
    things: dict[tuple[str, ...], _Leaves] = {}
    acts: dict[tuple[str, ...], dict[int, Json]] = {}
    for change in found:
        parts = tuple(p.replace("~1", "/") for p in change["pointer"].split("/")[1:])
        if parts[0] in _SAID_ELSEWHERE:
            continue
        size = 2 if parts[0] in _LISTS else 1
        thing, leaf = parts[:size], "/".join(parts[size:])
        things.setdefault(thing, {})[leaf] = (change["old"], change["new"])
        acts.setdefault(thing, {}).update({act["index"]: act for act in change["acts"]})
    for thing, leaves in things.items():
        yield _thing_row(shell, thing, leaves, list(acts[thing].values()), case)


def _thing_row(
    shell: Shell, thing: tuple[str, ...], leaves: _Leaves, acts: list[Json], case: Json
) -> tuple[object, ...] | None:
    old, new = _values(shell, thing[0], leaves)
    if old == new:
        return None
    done = "\n".join(touched_by(shell, act) for act in acts)
    return _title(shell, thing, leaves, case), old, new, done


def _values(shell: Shell, kind: str, leaves: _Leaves) -> tuple[object, object]:
    if "" in leaves:
        old, new = leaves[""]
        return valued(shell, kind, old), valued(shell, kind, new)
    for leaf in _TELLING:
        if leaf in leaves:
            old, new = leaves[leaf]
            return _said(shell, leaf, old, leaves, 0), _said(shell, leaf, new, leaves, 1)
    before = ", ".join(f"{leaf} {old}" for leaf, (old, _) in leaves.items() if old is not None)
    after = ", ".join(f"{leaf} {new}" for leaf, (_, new) in leaves.items() if new is not None)
    return before or None, after or None


def _said(shell: Shell, leaf: str, value: Any, leaves: _Leaves, side: int) -> object:  # noqa: ANN401  JSON
    if value is None:
        return None
    if leaf in ("occurred_at", "until"):
        return when(value)
    if leaf != "status":
        return value
    due = leaves.get("due", (None, None))[side]
    return f"{word(value, shell.lang)}, {when(due)}" if due else word(value, shell.lang)


def valued(shell: Shell, member: str, value: Any) -> object:  # noqa: ANN401  JSON
    """A value of a case file's member: words beside the codes of states and outcomes."""
    if not isinstance(value, str):
        return value
    n = 0 if shell.lang == "vi" else 1
    if member == "state":
        return coded(life_cycle().labels.get(value, (None, None))[n], value)
    if member == "outcome":
        return coded(outcome_words(value)[n], value)
    return when(value) if member.endswith("_at") else value


def _title(shell: Shell, thing: tuple[str, ...], leaves: _Leaves, case: Json) -> str:
    kind = shell.name("result_act" if thing[0] == "result" else thing[0])
    if thing[0] in _OBJECTS or len(thing) == 1:
        return kind
    known: Json = next((one for one in case.get(thing[0], ()) if _is(one, thing[1])), {})
    name = leaves.get(shell.lang, (None, None))
    said = known.get(shell.lang) or name[1] or name[0]
    code = known.get("code") if thing[0] == "flags" else None
    return f"{kind}: {code or said or thing[1]}"


def _is(one: Json, named: str) -> bool:
    own = [str(one[m]) for m in ("id", "act_id", "code", "agency") if one.get(m) is not None]
    return ".".join(dict.fromkeys(own)) == named


def touched_by(shell: Shell, act: Json) -> str:
    """An act that made a change: its index, its name, who signed."""
    signer = act.get("signer") or {}
    post = signer.get("post_vi") or "–"
    late = shell.text(Text(" (ghi muộn)", " (entered late)")) if act.get("late") else ""
    return f"#{act['index']} {shell.local(act, 'act')}{late}: {post} {str(act['officer'])[:8]}"


# -- small -------------------------------------------------------------------------------------


def act_title(shell: Shell, code: str | None) -> str | None:
    """Name of an act type in the reader's language."""
    kind = load().types.get(code or "")
    if kind is None:
        return code
    return kind.vi if shell.lang == "vi" else kind.en


def _worded(shell: Shell, line: Json, member: str) -> str | None:
    return "\n".join(filter(None, (shell.local(line, member), line.get(member)))) or None


def _named(shell: Shell, act: Json | None) -> str | None:
    if not act:
        return None
    code = act.get("finding") or act.get("mark")
    return f"{coded(shell.local(act), code)}, {when(act['occurred_at'])}"


def coded(words: object, code: object) -> str | None:
    """`words (CODE)`."""
    if code is None:
        return None if words is None else str(words)
    return str(code) if words is None else f"{words} ({code})"


def when(text: str | None) -> str | None:
    """Times as a person reads them: an act's own as signed, the server's in Vietnam's."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    shown = moment.astimezone(VIETNAM) if text.endswith("Z") else moment
    return f"{shown:%d/%m/%Y %H:%M}"
