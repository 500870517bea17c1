"""An act that is about to be signed, in words, read back from the bytes that the key will sign.

Never from the form that they were made of: what is shown is what is signed. A server says what
agencies, posts, cases and acts are called, and may lie: behind its words stands what is signed.
Not: who is asked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import click

from api.cli.terminal.act_tables import FIELD_WIDTHS, fact_rows
from api.cli.terminal.shell import Shell, in_lines, visible
from api.client.act_form import CIRCULATION
from api.client.connection import understood
from api.client.draft_sources import DraftSources, called
from api.texts import act_words
from api.texts.case_words import PRECISIONS, act_heading, ground, happened, signed_by, when
from api.texts.catalogue import both, shown
from api.texts.labels import role as role_word
from api.texts.labels import standing
from api.texts.lang import LANGS
from keys import canonical
from ledger.message import Message, Text, Wording, plural
from ledger.regulation import act_in_words
from ledger.regulation.acts.act import Act, Basis, known_act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.channels import channel_words
from ledger.regulation.acts.json_shape import UUID4
from ledger.regulation.words import labels, vocabulary

Json = Mapping[str, Any]
_CASE: Final = "case/"
_RESTRICTING: Final = ("COMPETENCE", "SUBSTANCE")
_ENDS: Final = ("end_at", "review_at")
_NECESSITY: Final = ("necessity", "milder_means", "speech_note")
_SINCE: Final = 20
"""The newest acts that were signed since; all are counted, and the history has them."""


def to_sign(
    shell: Shell,
    sources: DraftSources,
    payload: bytes,
    stand_in: Mapping[str, str] | None = None,
) -> None:
    """The sentence, then everything that the bytes say, then which bytes they are.

    Args:
        shell: The reader's language.
        sources: What a server calls things.
        payload: The bytes.
        stand_in: What the header says beside them, where one signs instead of an officer named.
    """
    act = known_act(canonical.parse(payload))
    kind = load().types.get(act.act)
    shell.note(in_lines(act_in_words.sentence(act, kind, sources)))
    tell_ahead(shell, act.act)
    if kind is not None and kind.restrictive:
        _restrictive(shell, act, sources)
    _table(shell, None, _head(shell, act, sources))
    _table(shell, Message("Grounds"), (_ground(shell, one) for one in act.basis))
    facts = [
        {
            "pointer": one.pointer,
            "labels": [both(label) for label in one.labels],
            **{lang: shown(one.value, lang) for lang in LANGS},
        }
        for one in act_in_words.facts(act, kind, sources)
    ]
    _table(
        shell, Message("What the act says"), fact_rows(shell, facts, _named(shell, act, sources))
    )
    _table(shell, Message("Files"), ((str(f["name"]), act_words.file(f)) for f in act.attachments))
    _table(shell, Message("Signatures"), _signers(shell, act, sources))
    if stand_in is not None:
        shell.note(instead(stand_in))
    digest = canonical.b64(hashlib.sha256(payload).digest())
    shell.note(
        Message("What is signed: {size} bytes, SHA-256 {digest}", size=len(payload), digest=digest)
    )


def tell_ahead(shell: Shell, act: str) -> None:
    """What comes of an act of this type that its facts do not say, before it is signed."""
    told = act_in_words.ahead(act)
    if told is not None:
        shell.note(in_lines(told))


def signed_since(shell: Shell, sources: DraftSources, act_id: str) -> None:
    """What came into the case after the author signed: whoever signs next answers for that too.

    Args:
        shell: The reader's language.
        sources: Of the case as it is now.
        act_id: Of the act that waits.
    """
    with understood():
        own = next((one["statements"][0] for one in sources.acts if one["act_id"] == act_id), None)
        last = [(one, one["statements"][-1]) for one in sources.acts if one["act_id"] != act_id]
        since = [(one, line) for one, line in last if own and line["seq"] > own["seq"]]
        since.sort(key=lambda found: int(found[1]["seq"]))
        if own is None or not since:
            return
        signed = when(own["recorded_at"])
    shell.note(
        plural(
            "Since the author signed, {at}, {n} act of this case was signed; look whether it"
            " changes what you sign: socai case history {case}",
            "Since the author signed, {at}, {n} acts of this case were signed; look whether they"
            " change what you sign: socai case history {case}",
            n=len(since),
            at=signed,
            case=(sources.called or sources.stream).removeprefix(_CASE),
        )
    )
    with understood():
        rows = [(f"#{line['seq']}", _since(shell, one, line)) for one, line in since[-_SINCE:]]
    _table(shell, None, rows)


def _since(shell: Shell, one: Json, line: Json) -> str:
    """An act that was signed since: what it is and how it stands; by whom and when, the last."""
    title = f"{'; '.join(act_heading(shell, one))} ({standing(one['status'], shell.lang)})"
    return "\n".join((title, signed_by(shell, line), str(when(line["recorded_at"]))))


def instead(stand_in: Mapping[str, str]) -> Message:
    """As what one signs who is not named: it stands in the header, and not in the act."""
    capacity = stand_in["capacity"]
    words = vocabulary("capacities").get(capacity, Wording(capacity, capacity))
    return Message(
        "You sign instead of an officer whom the act names: {post}, {capacity}.",
        post=stand_in["post"],
        capacity=words,
    )


def raw_bytes(payload: bytes) -> None:
    """The bytes themselves, for whoever asks to see them."""
    click.echo(visible(payload.decode()), err=True)


def _table(shell: Shell, title: Text | None, rows: Iterable[tuple[str, object]]) -> None:
    said = "" if title is None else shell.text(title)
    shell.table(("field", "value"), rows, title=said, widths=FIELD_WIDTHS, err=True)


def _head(shell: Shell, act: Act, sources: DraftSources) -> Iterator[tuple[str, object]]:
    to = (_addressee(shell, act, one, sources) for one in act.to)
    channel = None if act.channel is None else shell.text(channel_words(act.channel))
    inside = act.circulation == "INTERNAL"
    said = {
        "occurred": happened(act.signed),
        "precision": shell.text(PRECISIONS[act.precision]),
        "late_reason": act.late_reason,
        "disposition": _disposition(shell, act),
        "to": "\n".join(to) or None,
        "channel": channel,
        "document": None if act.document is None else act_words.paper(act.document),
        "circulation": None if inside else shell.text(CIRCULATION[act.circulation]),
        "stream": None if act.stream.startswith(_CASE) else act.stream,
        "case": None if not act.stream.startswith(_CASE) else _case(shell, act, sources),
        "refers_to": _act_named(shell, sources, act.refers_to),
        "corrects": _act_named(shell, sources, act.corrects),
    }
    yield from ((shell.name(name), value) for name, value in said.items() if value is not None)


def _addressee(shell: Shell, act: Act, to: str, sources: DraftSources) -> str:
    told = shell.text(act_in_words.addressee(to, act, sources))
    return called(told, to) if to.startswith(act_in_words.SEALED) else told


def _disposition(shell: Shell, act: Act) -> str | None:
    if act.disposition is None:
        return None
    told = labels("dispositions").get(act.disposition)
    return act.disposition if told is None else shell.text(told)


def _case(shell: Shell, act: Act, sources: DraftSources) -> str:
    named = shell.text(Message("a new case")) if sources.is_new else sources.called
    return called(named, act.stream.removeprefix(_CASE))


def _act_named(shell: Shell, sources: DraftSources, act_id: str | None) -> str | None:
    told = None if act_id is None else _act_called(shell, sources, act_id)
    return act_id if told is None else f"{told}\n{act_id}"


def _act_called(shell: Shell, sources: DraftSources, act_id: str) -> str | None:
    """Where an act stands in the case and what it is, as the server says."""
    found = next((one for one in sources.acts if one["act_id"] == act_id), None)
    if found is None:
        return None
    with understood():
        told = found["act_vi" if shell.lang == "vi" else "act_en"]
        return f"#{found['statements'][0]['seq']} {told}, {happened(found)}"


def _named(shell: Shell, act: Act, sources: DraftSources) -> Mapping[str, str]:
    """Acts and cases that the facts name, in words, by pointer."""
    kind = load().types.get(act.act)
    found = act_in_words.references(act, kind)
    told = [(one.pointer, _act_called(shell, sources, one.act_id)) for one in found]
    told += [
        (one.pointer, sources.case_called(one.value))
        for one in act_in_words.facts(act, kind, sources)
        if isinstance(one.value, str) and re.fullmatch(f"{_CASE}{UUID4}", one.value)
    ]
    return {pointer: text for pointer, text in told if text is not None}


def _ground(shell: Shell, one: Basis) -> tuple[str, str]:
    said = {name: getattr(one, name) for name in ("instrument", "article", "clause", "point")}
    return shell.text(act_in_words.BASIS_WORDS[one.role]), shell.text(ground(said))


def _signers(shell: Shell, act: Act, sources: DraftSources) -> Iterator[tuple[str, str]]:
    for one in act.signers:
        post = sources.post_of(one.officer, one.post)
        capacity = vocabulary("capacities").get(one.capacity or "")
        lines = [
            called(str(post.get("post_vi") or ""), one.post),
            str(post.get("agency_name", "")),
            one.officer,
            "" if capacity is None else shell.text(capacity),
        ]
        yield role_word(one.role, shell.lang), "\n".join(line for line in lines if line)


def _restrictive(shell: Shell, act: Act, sources: DraftSources) -> None:
    """What whoever restricts somebody looks at first (4.2, 4.3)."""
    grounds = [_ground(shell, one) for one in act.basis if one.role in _RESTRICTING]
    note = act.facts.get("proportionality")
    said = note if isinstance(note, Mapping) else {}
    ends = [when(str(act.facts[name])) for name in _ENDS if name in act.facts]
    parent = sources.agencies.get(act.agency, {}).get("parent")
    route = Message(
        "first to {agency}, then to {parent} or to court",
        agency=sources.name(act.agency, act.day),
        parent="–" if parent is None else sources.name(parent, act.day),
    )
    missing = shell.text(Message("NOTHING IS SAID"))
    _table(
        shell,
        Message("This act restricts somebody. Before you sign:"),
        [
            *(grounds or [(shell.text(Message("Grounds")), missing)]),
            (
                shell.text(Message("necessity")),
                "\n".join(str(said[n]) for n in _NECESSITY if n in said) or missing,
            ),
            (shell.text(Message("ends, or is reviewed")), "; ".join(map(str, ends)) or missing),
            (shell.text(Message("complaint")), shell.text(route)),
        ],
    )
