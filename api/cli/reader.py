"""For whoever reads: cases, work, statistics, search, registry.

Every answer comes from the API; none is made here but the check of proofs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import click

from api.cli.shell import Shell, misuse, shell_of
from api.cli.who import identity
from api.cli.words import Text
from api.client import Client
from keys import canonical
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof
from ledger.regulation.deadline import VIETNAM

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LIST: Final = ("number", "state", "outcome", "agency", "due", "flags", "case")
_TASKS: Final = ("kind", "case", "act", "due", "status", "clock", "source")
_PARTS: Final = ("sign", "overdue", "due", "running", "referrals", "returned", "later", "cases")


@click.group()
def case() -> None:
    """Cases: what they are, how they came to be, and whether every signature holds."""


@case.command("list")
@click.option("--state", default=None)
@click.option("--agency", default=None, help="Agency that holds the case.")
@click.option("--outcome", default=None)
@click.option("--act", default=None, help="Has an effective act of this type.")
@click.option("--flag", default=None)
@click.option("--due-before", default=None, metavar="TIME")
@click.option("--opened-from", default=None, metavar="DAY")
@click.option("--opened-to", default=None, metavar="DAY")
@click.option(
    "--sort", default=None, help="opened_at, due, last_act, case_number; - turns it round."
)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@identity
def list_cases(client: Client, **asked: str | int | None) -> None:
    """Cases by filter, newest first."""
    shell = shell_of()
    body = client.read("/v1/cases", query=asked).body
    if shell.json:
        shell.give(body)
        return
    _case_lines(shell, body["cases"])
    if "next" in body:
        shell.say(
            Text(
                "Còn nữa: thu hẹp bộ lọc hoặc tăng --limit.",
                "There are more: narrow the filter or raise --limit.",
            )
        )


@case.command("show")
@click.argument("id_", metavar="CASE")
@click.option("--as-of", default=None, metavar="TIME|INDEX")
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
@identity
def show_case(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    """The case file. CASE is a uuid or a case number."""
    _show(client, id_, as_of, clock)


@case.command("as-of")
@click.argument("id_", metavar="CASE")
@click.argument("moment", metavar="TIME|INDEX")
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
@identity
def as_of_case(client: Client, id_: str, moment: str, clock: str | None) -> None:
    """The case file as it stood: by when acts were recorded, or by when they happened."""
    _show(client, id_, moment, clock)


@case.command("history")
@click.argument("id_", metavar="CASE")
@identity
def history(client: Client, id_: str) -> None:
    """Every act with its statements: both clocks, who signed, the verdict, the effect."""
    shell = shell_of()
    acts = client.case_acts(_id(client, id_))
    if shell.json:
        shell.give({"acts": acts})
        return
    timeline(shell, acts)


@case.command("verify")
@click.argument("id_", metavar="CASE")
@click.option(
    "--vkey", default=None, help="The log's key as published; the server's word if left out."
)
@identity
def verify_case(client: Client, id_: str, vkey: str | None) -> None:
    """Every statement's verdict, and every proof checked here. Exit 1 unless VALID."""
    shell = shell_of()
    body = client.verification(_id(client, id_))
    bad = list(bad_proofs(client, body, vkey))
    ok = body["outcome"] == "VALID" and not bad
    if shell.json:
        shell.give({**body, "ok": ok, "proofs_failed": bad})
    else:
        verification(shell, body, bad)
    sys.exit(0 if ok else 1)


@case.command("diff")
@click.argument("id_", metavar="CASE")
@click.argument("from_", metavar="FROM")
@click.argument("to", required=False)
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
@identity
def diff(client: Client, id_: str, from_: str, to: str | None, clock: str | None) -> None:
    """What changed between two moments (TIME or INDEX), and which acts changed it."""
    query = {"from": from_, "to": to, "clock": clock}
    _changes(client.read(f"/v1/cases/{_id(client, id_)}/diff", query=query).body)


@case.command("why")
@click.argument("id_", metavar="CASE")
@click.argument("pointer", metavar="FIELD")
@identity
def why(client: Client, id_: str, pointer: str) -> None:
    """Why a field has its value: the acts and signers. FIELD is e.g. state, handler/agency."""
    path = f"/v1/cases/{_id(client, id_)}/fields/{pointer.lstrip('/')}/history"
    _changes(client.read(path).body)


@click.command()
@click.option("--team", is_flag=True, help="The whole agency's, for supervisors.")
@identity
def worklist(client: Client, *, team: bool) -> None:
    """What waits for the caller: to sign, due, overdue, with the clock and its source."""
    shell = shell_of()
    body = client.read("/v1/worklist", query={"team": "true"} if team else None).body
    if shell.json:
        shell.give(body)
        return
    rows = [(part, line) for part in _PARTS for line in body.get(part, ())]
    shell.table(_TASKS, (_task_row(shell, part, line) for part, line in rows))
    if not rows:
        shell.say(Text("Không có việc nào đang chờ.", "Nothing waits."))


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@identity
def search(client: Client, words: tuple[str, ...], limit: int) -> None:
    """Search cases: tones, case and đ make no difference ("ho so" finds "hồ sơ")."""
    shell = shell_of()
    body = client.read("/v1/cases", query={"q": " ".join(words), "limit": limit}).body
    if shell.json:
        shell.give(body)
    else:
        _case_lines(shell, body["cases"])


@click.command()
@click.option("--from", "from_", default=None, metavar="DAY")
@click.option("--to", default=None, metavar="DAY")
@click.option("--agency", default=None)
@identity
def stats(client: Client, from_: str | None, to: str | None, agency: str | None) -> None:
    """Figures of a period and the oversight indicators; cells too small to tell are left out."""
    shell = shell_of()
    query = {"from": from_, "to": to, "agency": agency}
    body = client.read("/v1/statistics", query=query).body
    if shell.json:
        shell.give(body)
        return
    shell.say(
        Text(
            f"Từ {body['from']} đến {body['to']}: {_cell(body['total'])} hồ sơ",
            f"{body['from']} to {body['to']}: {_cell(body['total'])} cases",
        )
    )
    shell.table(
        ("code", "what", "number"),
        ((f["code"], _local(shell, f), _cell(f["count"])) for f in body["figures"]),
    )
    for kind, cells in body["volumes"].items():
        shell.table(("what", "number"), ((c["key"], _cell(c["count"])) for c in cells), title=kind)


@click.command()
@click.argument("what", type=click.Choice(["agencies", "officers", "keys", "instruments"]))
@click.option("--as-of", default=None, metavar="TIME|INDEX")
@identity
def registry(client: Client, what: str, as_of: str | None) -> None:
    """Agencies, officers, keys or instruments, now or as of a moment."""
    shell = shell_of()
    lines = [
        line
        for page in client.pages(f"/v1/{what}", query={"as_of": as_of} if as_of else None)
        for line in page[what]
    ]
    if shell.json:
        shell.give({what: lines})
    else:
        columns, row = _REGISTRY[what]
        shell.table(columns, (row(line) for line in lines))


def _show(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    shell = shell_of()
    body = client.case(_id(client, id_), as_of=as_of, clock=clock)
    if shell.json:
        shell.give(body)
    else:
        case_file(shell, body)


def case_file(shell: Shell, body: Mapping[str, Any]) -> None:
    """A case file for a person."""
    handler = body.get("handler") or {}
    state = body.get(f"state_{shell.lang}") or "–"
    number = body.get("case_number") or body.get("register_no") or body["id"]
    shell.say(
        Text(
            f"Hồ sơ {number} · {state} ({body['state']})",
            f"Case {number} · {state} ({body['state']})",
        )
    )
    lines = [
        ("outcome", body.get("outcome")),
        ("agency", handler.get("label")),
        ("occurred", _when(body.get("opened_at"))),
        ("statements", body.get("statements")),
    ]
    shell.table(
        ("field", "value"),
        [(shell.name(label), value) for label, value in lines if value is not None],
    )
    subs = body.get("open_sub_processes") or ()
    if subs:
        shell.table(
            ("open_sub_processes", "state", "from"),
            (
                (_local(shell, s), s["state"], _when((s.get("opened_by") or {}).get("occurred_at")))
                for s in subs
            ),
        )
    clocks = [c for c in body.get("clocks", ()) if c["status"] != "STOPPED"]
    if clocks:
        shell.table(
            ("clock", "due", "status", "source"),
            ((c["code"], _when(c.get("due")), c["status"], c.get("source")) for c in clocks),
        )
    for flag in body.get("flags", ()):
        shell.say(Text(f"⚑ {flag['code']}: {flag['vi']}", f"⚑ {flag['code']}: {flag['en']}"))
    for assumed in body.get("assumptions", ()):
        shell.say(Text(f"Giả định: {assumed['vi']}", f"Assumed: {assumed['en']}"))
    for silent in body.get("silences", ()):
        shell.say(Text(f"§ {silent['vi']}", f"§ {silent['en']}"))


def timeline(shell: Shell, acts: Iterable[Mapping[str, Any]]) -> None:
    """A case's history for a person."""
    columns = ("index", "occurred", "recorded", "act", "author", "verdict", "effect")
    shell.table(columns, (row for act in acts for row in _act_rows(shell, act)))


def verification(shell: Shell, body: Mapping[str, Any], bad: list[int]) -> None:
    """A verification for a person."""
    columns = ("index", "seq", "act", "what", "kid", "verdict", "result")
    shell.table(columns, (_verdict_row(shell, line, bad) for line in body["statements"]))
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(body["counts"].items()))
    shell.say(
        Text(f"Kết luận: {body['outcome']} ({counts})", f"Verdict: {body['outcome']} ({counts})")
    )
    proven = len(body["statements"]) - len(bad)
    shell.say(
        Text(
            f"Chứng minh đã kiểm tại đây: {proven}/{len(body['statements'])}",
            f"Proofs checked here: {proven} of {len(body['statements'])}",
        )
    )


def _case_lines(shell: Shell, lines: Iterable[Mapping[str, Any]]) -> None:
    rows = [
        (
            line.get("case_number") or line.get("register_no"),
            line.get("state"),
            line.get("outcome"),
            line.get("handler_label") or line.get("agency"),
            _when(line.get("due_at")),
            line.get("flags") or "",
            line["id"],
        )
        for line in lines
    ]
    shell.table(_LIST, rows)
    if not rows:
        shell.say(Text("Không có hồ sơ nào.", "There is no such case."))


def _act_rows(shell: Shell, act: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    title = act.get(f"act_{shell.lang}") or act["status"]
    for n, line in enumerate(act["statements"]):
        effect = line.get("state_after") if line.get("effect") else "…"
        yield (
            line["index"],
            _when(act.get("occurred_at")) if n == 0 else "",
            _when(line["recorded_at"]),
            title if n == 0 else "↳",
            f"{line.get('role') or '–'} {str(line.get('officer') or '')[:8]}",
            line["verdict"],
            effect or "✓",
        )


def _verdict_row(shell: Shell, line: Mapping[str, Any], bad: list[int]) -> tuple[object, ...]:
    return (
        line["index"],
        line["seq"],
        line.get("act"),
        line.get("role"),
        str(line.get("kid") or "")[:10],
        f"{line['verdict']}: {line['reason'][shell.lang]}"
        if line["outcome"] != "VALID"
        else line["verdict"],
        "✗" if line["index"] in bad else "✓",
    )


def bad_proofs(client: Client, body: Mapping[str, Any], vkey: str | None) -> Iterable[int]:
    """Indices whose proof does not lead from their entry to a signed checkpoint."""
    key = VKey.parse(vkey or client.log()["vkeys"][0])
    for line in body["statements"]:
        path = line.get("proof")
        if path is None:
            yield line["index"]
            continue
        given = {**path, "checkpoint": body["checkpoint"]}
        try:
            proof.verify_inclusion(
                proof.inclusion_from_json(given),
                canonical.unb64(line["entry"]),
                [key],
                origin=client.origin,
            )
        except VerificationError:
            yield line["index"]


def _changes(body: Mapping[str, Any]) -> None:
    shell = shell_of()
    if shell.json:
        shell.give(body)
        return
    shell.table(
        ("field", "from", "to", "act"),
        (
            (
                change["pointer"],
                change["old"],
                change["new"],
                [_touch(shell, act) for act in change["acts"]],
            )
            for change in body["changes"]
        ),
    )


def _touch(shell: Shell, act: Mapping[str, Any]) -> str:
    title = act.get(f"act_{shell.lang}") or act.get("act")
    return f"#{act['index']} {title} ({str(act.get('officer') or '–')[:8]})"


def _task_row(shell: Shell, part: str, line: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        part,
        line.get("case_number") or str(line["stream"]).rpartition("/")[2][:8],
        line.get(f"act_{shell.lang}"),
        _when(line.get("due_at")),
        line.get("status"),
        line.get("code"),
        line.get("source"),
    )


def _agency(line: Mapping[str, Any]) -> tuple[object, ...]:
    return line["agency"], line.get("label") or line.get("name"), line.get("functions") or ""


def _officer(line: Mapping[str, Any]) -> tuple[object, ...]:
    posts = [f"{post['post']} · {post['agency']}" for post in line.get("posts", ())]
    return line["officer"], posts, [kid[:10] for kid in line.get("keys", ())]


def _key(line: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        line["kid"],
        str(line.get("officer") or "–")[:8],
        line.get("custody"),
        line.get("status"),
        line.get("enrolled_index"),
    )


def _instrument(line: Mapping[str, Any]) -> tuple[object, ...]:
    return line["instrument"], line.get("title"), line.get("in_force_from"), line.get("in_force_to")


_REGISTRY: Final = {
    "agencies": (("agency", "name", "what"), _agency),
    "officers": (("author", "post", "kid"), _officer),
    "keys": (("kid", "author", "kind", "status", "index"), _key),
    "instruments": (("number", "name", "from", "to"), _instrument),
}


def _id(client: Client, text: str) -> str:
    """The uuid of a case named by uuid or by its number."""
    if _UUID.fullmatch(text):
        return text
    found = client.read("/v1/cases", query={"q": text}).body["cases"]
    exact = [
        line["id"] for line in found if text in (line.get("case_number"), line.get("register_no"))
    ]
    if len(exact) != 1:
        misuse(
            f"Không có đúng một hồ sơ số {text}; dùng mã trong: socai case list",
            f"There is not exactly one case {text}; take the id from: socai case list",
        )
    return str(exact[0])


def _local(shell: Shell, line: Mapping[str, Any]) -> object:
    return line.get(shell.lang) or line.get("code") or line.get("name")


def _when(text: str | None) -> str | None:
    """Times as a person reads them: an act's own as signed, the server's in Vietnam's."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    shown = moment.astimezone(VIETNAM) if text.endswith("Z") else moment
    return f"{shown:%d/%m/%Y %H:%M}"


def _cell(count: object) -> str:
    return "<" if count is None else str(count)
