"""A case for a person at a terminal: its file, history, verification and what changed in it.

Words, never the codes that a program would use. Not: what is asked, or whether a
proof holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from api.cli.terminal.shell import WIDTH, Shell, in_lines
from api.client.case_check import RecordFault
from api.client.connection import understood
from api.texts.case_words import (
    ENDED,
    FILE_FACTS,
    Json,
    act_heading,
    act_title,
    acts_named,
    began,
    by_time,
    changed_things,
    effect,
    flag,
    happened,
    moment_shown,
    part_shown,
    read_under,
    signed_by,
    signer_role,
    source,
    stream_words,
    touched_by,
    unshown,
    valued,
    when,
)
from api.texts.labels import level, role, standing, verdict, word
from ledger.message import Message, Text, Wording
from ledger.regulation.acts.lifecycle import life_cycle

#: Of a timeline, in a terminal of 100 columns, and everywhere else.
_WIDE: Final = {
    "occurred": 10, "recorded": 10, "act": 20, "author": 18, "verdict": 7, "effect": 12,
}  # fmt: skip
_NARROW: Final = {
    "occurred": 10, "recorded": 10, "act": 12, "author": 13, "verdict": 8, "effect": 10,
}  # fmt: skip
"""Characters of a line of text, on the narrowest terminal."""


def case_lines(shell: Shell, lines: Iterable[Json]) -> None:
    """One line a case, its row first; the id only where there is no number to call it by."""
    rows = [
        (
            n,
            line.get("case_number") or line.get("register_no") or line["id"],
            line.get("title"),
            "\n".join(filter(None, (shell.local(line, one) for one in ("state", "outcome")))),
            line.get("handler_label") or line.get("agency"),
            when(line.get("due_at")),
            ";\n".join(flag(one, shell.lang) for one in line.get("flags") or ()),
        )
        for n, line in enumerate(lines, 1)
    ]
    columns = ("row", "number", "title", "state", "agency", "due", "flags")
    widths = {"title": 20, "state": 16, "due": 10, "flags": 18}
    shell.table(columns, rows, whole=("row", "number"), widths=widths)


def act_lines(shell: Shell, lines: Iterable[Json], *, rows: bool = True) -> None:
    """One line an act, its row first, called by its case and its place there.

    Args:
        shell: The reader's language.
        lines: As the API lists them.
        rows: Whether an act may be called by its row from now on.
    """
    told = [
        (
            n,
            f"{_called(shell, line)}#{line['seq']}",
            happened(line),
            "\n".join([*act_heading(shell, line), *filter(None, [line.get("title")])]),
            line["agency_label"],
            standing(line["status"], shell.lang),
        )
        for n, line in enumerate(lines, 1)
    ]
    columns = ("row", "#", "occurred", "act", "agency", "status")[not rows :]
    shell.table(
        columns,
        (line[not rows :] for line in told),
        whole=("row", "#"),
        widths={"occurred": 10, "act": 22, "status": 9},
    )


def new_acts(shell: Shell, events: Iterable[Json]) -> None:
    """One line a record, as the feed tells it: where, which act, how it stands since."""
    rows = [
        (
            f"{_short(shell, one['stream'])}#{one['seq']}",
            "\n".join(filter(None, [act_title(shell, one["act"]), one["title"]])) or None,
            standing(one["status"], shell.lang),
            life_cycle().labels.get(one["state"], (None, None))[0 if shell.lang == "vi" else 1],
            f"#{one['index']}",
        )
        for one in events
    ]
    columns = ("#", "act", "status", "state", "index")
    shell.table(columns, rows, whole=("#", "index"), widths={"act": 28, "status": 12, "state": 14})


def _called(shell: Shell, line: Json) -> str:
    """A case by its number, by its id where the caller is told none; any other stream in words."""
    if number := line["case_number"] or line["register_no"]:
        return str(number)
    kind, _, name = line["stream"].partition("/")
    return name if kind == "case" else shell.text(stream_words(line["stream"]))


def affected(shell: Shell, body: Json) -> None:
    """What a key touched: the cases, then each statement."""
    numbers = {one["id"]: one["case_number"] or one["register_no"] for one in body["cases"]}
    told = (
        Message(
            "The key is revoked and not to be trusted from {since} on; what it signed since is"
            " disputed. Of those that you see, statements: {n}, cases: {cases}.",
            since=when(body["invalid_from"]),
            n=len(body["statements"]),
            cases=len(numbers),
        )
        if body["revoked"]
        else Message(
            "The key is not revoked. A revocation as of {since} would make disputed, of those"
            " that you see, statements: {n}, cases: {cases}.",
            since=when(body["from"]),
            n=len(body["statements"]),
            cases=len(numbers),
        )
    )
    shell.say(in_lines(told))
    rows = ((numbers[one["id"]] or one["id"], one["statements"], one["effective"])
            for one in body["cases"])  # fmt: skip
    shell.table(("case", "statements", "effective"), rows)
    shell.table(
        ("#", "index", "recorded", "act", "role"),
        (
            (
                _place(shell, one, numbers),
                f"#{one['index']}",
                when(one["recorded_at"]),
                shell.local(one, "act"),
                role(one["role"], shell.lang),
            )
            for one in body["statements"]
        ),
        whole=("#", "index"),
        widths={"recorded": 10},
    )


def _short(shell: Shell, stream: str) -> str:
    """The beginning of a case's id; any other stream in words."""
    kind, _, name = stream.partition("/")
    return name[:8] if kind == "case" else shell.text(stream_words(stream))


def _place(shell: Shell, line: Json, numbers: Mapping[str, str | None]) -> str:
    """Case and place of a statement, or its stream in words where that is no case."""
    kind, _, name = line["stream"].partition("/")
    called = numbers[name] or name if kind == "case" else shell.text(stream_words(line["stream"]))
    return f"{called}#{line['seq']}"


def case_file(shell: Shell, body: Json, in_vain: Mapping[str, Text] | None = None) -> None:
    """The case file.

    Args:
        shell: The reader's language.
        body: As answered.
        in_vain: Why what waits for an officer waits in vain, by their id.
    """
    number = body.get("case_number") or body.get("register_no") or body["id"]
    if state := shell.local(body, "state") or body["state"]:
        shell.say(Message("Case {number} · {state}", number=number, state=state))
    else:  # above ordinary a case moves below
        shell.say(Message("Case {number}", number=number))
    if title := body.get("title"):
        shell.say(in_lines(Wording(title, title)))
    if under := body.get("read_under"):
        shell.say(banner(under))
    if view := body.get("view"):
        shell.say(moment_shown(view))
    if n := body.get("unshown"):
        shell.say(unshown(n))
    shell.table(("field", "value"), _facts(shell, body), whole=("field",))
    _running(shell, body)
    _pending(shell, body, in_vain or {})
    for copy in body.get("mirrored", ()):
        shell.say(_below(copy))
    named = acts_named(body)
    raised = (
        (flag(one["code"], shell.lang), one[shell.lang], _whose(shell, one["act_id"], named))
        for one in body.get("flags", ())
    )
    shell.table(("flags", "what", "act"), raised, widths={"flags": 20, "what": 38, "act": 18})
    shell.table(("assumption",), ([one[shell.lang]] for one in body.get("assumptions", ())))
    if silent := body.get("silences"):
        shell.table(("silence", "what"), ((f"§{one['n']}", one[shell.lang]) for one in silent))


def banner(under: Json) -> Text:
    """By what somebody sees a case in which they take no part, and until when."""
    return in_lines(read_under(under))


def timeline(shell: Shell, acts: Iterable[Json]) -> None:
    """Every act with its statements: both clocks, who signed, the verdict, the effect."""
    acts = list(acts)
    copies = {act["mirrored"]["log"]: act["mirrored"] for act in acts if "mirrored" in act}
    signs = dict(zip(sorted(copies), map(_sign, range(len(copies))), strict=True))
    columns = ("#", "occurred", "recorded", "act", "author", "verdict", "effect")
    rows = (row for act in acts for row in _act_rows(shell, act, signs))
    console = shell.console()
    widths = _WIDE if console.is_terminal and console.width >= WIDTH else _NARROW
    shell.table(columns, rows, whole=("#",), widths=widths)
    for log, copy in sorted(copies.items()):
        shell.say(_copied(signs[log], copy))


def compact(shell: Shell, acts: Iterable[Json]) -> None:
    """One line an act, of the width of the terminal, `…` where a line had more; whole elsewhere."""
    console = shell.console()
    for act in acts:
        first = act["statements"][0]
        marks = [] if act["status"] == "effective" else [standing(act["status"], shell.lang)]
        marks += [shell.text(Message("(entered late)"))] if act.get("late") else []
        marks += [f"⚑{len(act['flags'])}"] if act.get("flags") else []
        parts = (
            f"{first['seq']:>3}",
            happened(act) or "–",
            *marks,
            shell.local(act, "act") or "",
            (first.get("signer") or {}).get("agency_name") or act.get("agency") or "",
        )
        line = "  ".join(filter(None, parts))
        shell.say(Wording(*[cut(line, console.width) if console.is_terminal else line] * 2))


def cut(line: str, width: int) -> str:
    """A line that fits, with a sign where it went on."""
    if cell_len(line) <= width:
        return line
    while cell_len(line) > width - 1:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _sign(number: int) -> str:
    """What stands before the indices of a lower log."""
    return "↓" * (number + 1)


def _below(copy: Json) -> Text:
    """A case of a lower log that a file shows with its own."""
    told = Message(
        "With it is shown {stream} of {log} (level {level}): {n} statements, taken in up to record"
        " {size}, as published there on {at}. Read it in the history.",
        stream=copy["stream"],
        log=copy["log"],
        level=level(copy["level"]),
        n=copy["statements"],
        size=copy["records"],
        at=when(copy["published_at"]),
    )
    return in_lines(told)


def _copied(sign: str, copy: Json) -> Text:
    """What acts are that were taken in from a lower log."""
    told = Message(
        "{sign} Verified copy from {log} (level {level}), which was taken in here; its newest act"
        " shown came on {at}. Each act of this log stands"
        " behind what its author had been shown.",
        sign=sign,
        log=copy["log"],
        level=level(copy["level"]),
        at=when(copy["taken_in_at"]),
    )
    return in_lines(told)


def part_of_case(shell: Shell, part: Json) -> None:
    """How much of the case its timeline was, for whoever was sent some acts of it."""
    shell.say(in_lines(part_shown(part)))


_FOUND_HERE: Final = Message("What does not hold here, by the records themselves")
_CHECKED_HERE: Final = Message(
    "Checked here: signatures, order and proofs, by the records byte for byte. The server's word:"
    " which keys the registry enrolled and ended, and what the rules refuse (socai log audit)."
)


def verification(shell: Shell, body: Json, bad: list[int], faults: Sequence[RecordFault]) -> None:
    """Every statement's verdict, what failed here, and what was not checked here.

    Args:
        shell: The reader's language.
        body: As the server says it.
        bad: Indices whose proof failed here.
        faults: What else did, of the records byte for byte.
    """
    columns = ("#", "seq", "act", "author", "kid", "verdict", "result")
    rows = (_verdict_row(shell, line, bad) for line in body["statements"])
    shell.table(columns, rows, whole=("#", "seq", "kid"), widths={"verdict": 13, "author": 28})
    counts = ", ".join(
        f"{n} {verdict(code, shell.lang)}" for code, n in sorted(body["counts"].items())
    )
    outcome = verdict(body["outcome"], shell.lang)
    shell.say(Message("Verdict: {outcome}", outcome=outcome))
    shell.say(Message("Reason: {reason}.", reason=Wording(**body["reason"])))
    shell.say(Message("Signatures: {counts}", counts=counts))
    every = len(body["statements"])
    waiting = sum("proof" not in line for line in body["statements"])
    proven = every - waiting - len(bad)
    shell.say(Message("Proofs checked here: {proven} of {every}", proven=proven, every=every))
    if waiting:
        shell.say(
            Message(
                "No checkpoint covers {waiting} of the records yet; check again later.",
                waiting=waiting,
            )
        )
    if faults:
        failed = (
            (f"#{f.index}", verdict(f.outcome, shell.lang), shell.text(f.reason)) for f in faults
        )
        title = shell.text(_FOUND_HERE)
        shell.table(("index", "verdict", "what"), failed, title=title, whole=("index",))
    shell.say(in_lines(_CHECKED_HERE))
    for sign_off in body["signed_off"]:
        shell.say(_sign_off(shell, sign_off))


def _sign_off(shell: Shell, line: Json) -> Text:
    """A supervisor's own word on it, which is an act."""
    said = verdict(str(line.get("verdict")), shell.lang)
    span = f"#{line.get('checked_from')}–#{line.get('checked_to')}"
    by, at = signed_by(shell, line).replace("\n", " "), when(line["recorded_at"])
    told = Message(
        "Signed off for {span}: {said} · {by} · {at} (#{index})",
        span=span,
        said=said,
        by=by,
        at=at,
        index=line["index"],
    )
    return in_lines(told)


_NO_DIFFERENCE: Final = Message("Nothing differs.")


def changes(
    shell: Shell, found: Iterable[Json], case: Json, nothing: Message = _NO_DIFFERENCE
) -> None:
    """What changed, a line a thing, with the acts that did it.

    Args:
        shell: Whose language.
        found: Changes as the API lists them, a leaf each.
        case: The case file, or the act, which names the things that the pointers lead to.
        nothing: Said where nothing did.
    """
    with understood():  # a pointer is a text, and not any text is one
        rows = [
            (
                one.title,
                one.old,
                one.new,
                "\n".join(touched_by(shell, act) for act in one.acts) or by_time(shell),
            )
            for one in changed_things(shell, found, case)
        ]
    shell.table(("field", "from", "to", "act"), rows, widths={"from": 20, "to": 20})
    if not rows:
        shell.say(nothing)


# -- the file ----------------------------------------------------------------------------------


def _whose(shell: Shell, act_id: str, named: Mapping[str, str]) -> str:
    """An act by its name where that is at hand, and how its id begins, for `act show`."""
    told = (act_title(shell, named.get(act_id)), act_id[:8])
    return "\n".join(part for part in told if part)


def _facts(shell: Shell, body: Json) -> Iterator[tuple[str, object]]:
    shown = ((member, valued(shell, member, body.get(member))) for member in FILE_FACTS)
    yield from ((shell.name(member), value) for member, value in shown if value is not None)
    for one in body.get("corrections", ()):
        yield shell.name("corrected"), valued(shell, "corrections", one)
    for path in body.get("complaint_paths", ()):
        yield shell.name("complaint"), path[shell.lang]


def _running(shell: Shell, body: Json) -> None:
    if subs := body.get("open_sub_processes"):
        rows = (
            (
                shell.local(s),
                standing(s["state"], shell.lang),
                when((s.get("opened_by") or {}).get("occurred_at")),
            )
            for s in subs
        )
        shell.table(("open_sub_processes", "state", "from"), rows)
    clocks = [c for c in body.get("clocks", ()) if c["status"] not in ENDED]
    if clocks:
        columns = ("clock", "due", "status", "source")
        named = acts_named(body)
        told = (_clock_row(shell, c, named) for c in clocks)
        shell.table(columns, told, whole=("due",), widths={"clock": 36})


def _clock_row(shell: Shell, clock: Json, named: Mapping[str, str]) -> tuple[object, ...]:
    due = when(clock.get("due"))
    status = word(clock["status"], shell.lang)
    told = f"{shell.local(clock)}\n{began(shell, clock, named)}"
    return told, due, status, source(shell, clock)


def _pending(shell: Shell, body: Json, in_vain: Mapping[str, Text]) -> None:
    rows = [
        (
            shell.local(act),
            "\n".join(
                (
                    str(signer.get("post_vi") or signer["post"]),
                    signer_role(shell, signer),
                    *(shell.text(in_vain[one]) for one in (signer["officer"],) if one in in_vain),
                )
            ),
        )
        for act in body.get("pending", ())
        for signer in act["waiting_for"]
    ]
    if rows:
        shell.table(("act", "waiting_for"), rows, widths={"act": 26, "waiting_for": 50})


# -- history -----------------------------------------------------------------------------------


def _act_rows(shell: Shell, act: Json, signs: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    title = act_heading(shell, act)
    sign = signs[act["mirrored"]["log"]] if "mirrored" in act else ""
    for n, line in enumerate(act["statements"]):
        yield (
            f"{line['seq']}\n{sign}#{line['index']}",
            happened(act) if n == 0 else "",
            when(line["recorded_at"]),
            "\n".join(title) if n == 0 else "↳",
            signed_by(shell, line),
            verdict(line["verdict"], shell.lang),
            effect(shell, line),
        )


def _verdict_row(shell: Shell, line: Json, bad: list[int]) -> tuple[object, ...]:
    said = verdict(line["verdict"], shell.lang)
    if line["outcome"] != "VALID":
        said = f"{said}: {line['reason'][shell.lang]}"
    proven = "✗" if line["index"] in bad else "✓" if "proof" in line else "…"
    return (
        line["index"],
        line["seq"],
        act_title(shell, line.get("act")),
        signed_by(shell, line),
        str(line.get("kid") or "")[:10],
        said,
        proven,
    )
