"""One act that is being written at a terminal: from questions, from a file, or from both.

One way for all act types: what is asked comes from the served catalogue. Not: how it is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import orjson

from api.cli.commands.access import officer_id
from api.cli.commands.signer_options import signing_time
from api.cli.commands.writing.judging import CheckAnswer, judged
from api.cli.commands.writing.recording import Recording, keep, no_post
from api.cli.terminal.addresses import agency as agency_id
from api.cli.terminal.addresses import case_id
from api.cli.terminal.error_messages import refusal_of
from api.cli.terminal.shell import Refusal, Shell, dumped, fail, misuse
from api.cli.terminal.writing import draft_files
from api.cli.terminal.writing.answers import (
    NAMED_ONCE,
    OWN,
    Answers,
    Misread,
    Option,
    is_text,
    kind_of,
    misshapen,
)
from api.cli.terminal.writing.questions import Back, Questions
from api.client.act_form import FormField, fields_of
from api.client.connection import Refused, understood
from api.client.draft import ActDraft, able, keeper, roles_of
from api.client.draft_sources import DraftSources
from api.ops.machine import RealEntropy
from api.texts.catalogue import both, translate
from api.texts.labels import role as role_word
from keys.errors import Carried, KeysError
from ledger.admission.registrar import Keeper
from ledger.log.statement import AUTHOR
from ledger.message import Message, Text, Wording
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.json_shape import UUID4
from ledger.regulation.words import vocabulary

Json = Mapping[str, Any]
SECOND: Final = ("CHECKER", "APPROVER")
PLACE: Final = ("act", "case", "stream", "agency", "post", "capacity", "checker", "approver")
"""Members of a file that say where, by whom and for whom."""
_AS_IT_STANDS: Final = ("act_id", "v", "signers")
"""Members of a file that are taken as they are."""
_SHOWN: Final = 12
DRAFTS: Final = "drafts"
"""Where a home keeps what was typed and could not be recorded."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was said at the command's call, or by the file's first lines.

    Attributes:
        act: The type; None: it is asked for.
        case: A case by number or uuid.
        stream: A stream by its name.
        post: In which the author writes.
        signers: Who signs after, by role: an id, its beginning or an alias.
        agency: Of that post.
        capacity: In which the author signs: a code or its words.
    """

    act: str | None
    case: str | None
    stream: str | None
    post: str | None
    signers: Mapping[str, str]
    agency: str | None = None
    capacity: str | None = None


class Drafting:
    """One act that is being written at a terminal.

    Args:
        recording: Who signs, and how it is recorded.
        wanted: What was said beforehand.
        asking: Whether a person is asked for what is missing.
    """

    def __init__(self, recording: Recording, wanted: Wanted, *, asking: bool) -> None:
        self._recording = recording
        self._client = recording.client
        self._shell: Shell = recording.shell
        self._asking = asking
        self._client.login()
        self._wanted = wanted
        named = wanted.agency
        self._agency = None if named in (None, OWN) else agency_id(self._client, named)
        self._at = recording.at or signing_time(self._client)
        self._sources = DraftSources(self._client, self._stream(), recording.at, wanted.case or "")
        self._kind = self._chosen_kind()
        self._require_roles()
        self._draft = ActDraft(
            self._kind,
            self._sources.stream,
            _fresh(),
            self._at,
            int(self._sources.catalogue["edition"]["form"]),
        )
        self._draft.signers.append((self._author(), AUTHOR))
        self._file = draft_files.DraftFile({})

    @cached_property
    def _fields(self) -> list[FormField]:
        return fields_of(self._kind, self._sources.catalogue)

    @cached_property
    def _answers(self) -> Answers:
        return Answers(
            self._sources,
            self._shell.lang,
            self._at,
            fresh=_fresh,
            attach=lambda path: self._client.attach(path, at=self._recording.at),
            case=lambda text: case_id(self._client, text),
        )

    @cached_property
    def _questions(self) -> Questions:
        return Questions(self._shell, self._answers)

    # -- where, what, by whom

    def _stream(self) -> str:
        wanted = self._wanted
        if wanted.stream is not None and wanted.case is not None:
            misuse(Message("Nothing was signed: name the case or the stream, not both."))
        if wanted.case is not None:
            return f"case/{case_id(self._client, wanted.case)}"
        if wanted.stream is not None:
            return wanted.stream
        kinds = load().types[wanted.act].streams if wanted.act is not None else ("case",)
        if "ledger" in kinds and "case" not in kinds:
            return "ledger"
        if "agency" in kinds and "case" not in kinds:
            return f"agency/{self._own_agency()}"
        if "case" not in kinds:
            misuse(
                Message(
                    "Nothing was signed: say with --stream where it stands, e.g. {example}.",
                    example=kinds[0] + "/…",
                )
            )
        return f"case/{_fresh()}"

    def _own_agency(self) -> str:
        body = self._client.whole(
            "/v1/officers", "officers", query={"officer": self._client.officer}
        )
        with understood():
            found = [
                post["agency"]
                for line in body["officers"]
                for post in line["posts"]
                if post["on_day"] and self._agency in (None, post["agency"])
            ]
        if not found:
            self._no_post(())
        return str(found[0])

    def _chosen_kind(self) -> Json:
        if not self._sources.posts:
            self._no_post(())
        if self._wanted.case is not None and self._sources.is_new:
            misuse(
                Message(
                    "Nothing was signed: no case {case} was found, or you may not see it. The"
                    " cases: socai case list. Where a new one is to begin, name none.",
                    case=self._wanted.case,
                )
            )
        act, known = self._wanted.act, self._sources.open
        if act is None:
            act = self._ask_kind(self._by_state() if known is None else known)
        if act not in self._sources.kinds:
            misuse(Message("Nothing was signed: the rules of this log have no act {act}.", act=act))
        if known is not None and act not in known:
            self._not_open(self._sources.kinds[act], known)
        return self._sources.kinds[act]

    def _by_state(self) -> Mapping[str, Json]:
        """Where the server does not say: the types that this stream takes in this state."""
        kind, state = self._sources.stream.partition("/")[0], self._sources.head.get("state")
        return {
            name: one
            for name, one in self._sources.kinds.items()
            if kind in one["streams"]
            and (one["states_from"] is None or state in one["states_from"])
        }

    def _ask_kind(self, known: Mapping[str, Json]) -> str:
        if not known:
            fail(Message("Nothing was signed: nothing may be begun here now."), "nothing_open")
        if not self._asking:
            misuse(
                Message(
                    "Nothing was signed: name the ACT. What may be begun here now: {acts}.",
                    acts=", ".join(known),
                )
            )
        order = sorted(known, key=lambda one: self._sources.kinds[one]["states_from"] is None)
        options = [Option(one, f"{known[one][self._shell.lang]} ({one})") for one in order]
        self._questions.say(Message("What may be begun here now:"))
        label = self._shell.text(Message("Which act: its number, or a part of its name"))
        return str(self._questions.choose(label, options))

    def _not_open(self, kind: Json, known: Mapping[str, Json]) -> NoReturn:
        state = self._sources.head.get("state")
        there = self._sources.catalogue["states"].get(state) if state else None
        fail(
            Message(
                "Nothing was signed: you may not begin {act} here now ({state}). What you may:"
                " {acts}.",
                act=Wording(kind["vi"], kind["en"]),
                state=Message("no case has begun")
                if there is None
                else Wording(there["vi"], there["en"]),
                acts=", ".join(list(known)[:_SHOWN]) or "–",
            ),
            "not_open",
        )

    def _require_roles(self) -> None:
        """Who was named to sign signs, or it is said: left out, nobody would notice."""
        variants = self._kind.get("signature_variants", ())  # an older server tells none
        roles = {one for told in (self._kind, *variants) for one in told["signer_roles"]}
        for role in self._wanted.signers:
            if role not in roles:
                misuse(
                    Message(
                        "Nothing was signed: nobody signs {act} as {role}; leave {option} out.",
                        act=Wording(self._kind["vi"], self._kind["en"]),
                        role=Wording(role_word(role, "vi"), role_word(role, "en")),
                        option=role.lower(),
                    )
                )

    def _author(self) -> Keeper:
        told = (self._sources.open or {}).get(self._kind["act"], {})
        wanted, posts = (self._wanted.post, self._agency), self._sources.posts
        held = [
            one
            for one in posts
            if wanted[0] in (None, one["post"]) and wanted[1] in (None, one["agency"])
        ]
        if not held:
            self._no_post(posts)
        first = [
            one
            for one in held
            if (one["agency"], one["post"]) == (told.get("agency"), told.get("post"))
        ]
        chosen = keeper((first or held)[0], str(self._client.officer))
        if self._wanted.capacity is None:
            return chosen
        return replace(chosen, capacities=[self._capacity(chosen, self._wanted.capacity)])

    def _capacity(self, author: Keeper, text: str) -> str:
        words = [
            Option(one, *both(vocabulary("capacities").get(one, Wording(one, one))).values())
            for one in sorted(author.capacities)
        ]
        try:
            return str(self._answers.chosen(words, text, numbered=False))
        except Misread:
            said = ", ".join(
                f"{one.value} ({one.label if self._shell.lang == 'vi' else one.other})"
                for one in words
            )
            misuse(
                Message(
                    "Nothing was signed: in the post {post} you do not sign as {capacity}, but as:"
                    " {capacities}.",
                    post=author.post,
                    capacity=text,
                    capacities=said,
                )
            )

    def _no_post(self, posts: Sequence[Json]) -> NoReturn:
        if posts:
            held = ", ".join(f"{one['post']} ({one['agency']})" for one in posts)
            misuse(
                Message(
                    "Nothing was signed: you hold no such post today; you hold: {posts}.",
                    posts=held,
                )
            )
        fail(no_post(self._client), "no_post")

    # -- what it says

    def template(self) -> str:
        """A draft to be filled in, with what is known."""
        known = {"act": self._kind["act"], "post": self._draft.signers[0][0].post}
        if not self._sources.is_new or self._sources.stream == "ledger":
            known["stream"] = self._sources.stream
        told = [self._shell.text(Message("socai act new --from FILE records it."))]
        usual = {field.path: self._usual(field) for field in self._fields if field.required}
        return draft_files.template(
            self._kind, known, self._fields, self._shell.lang, told=told, usual=usual
        )

    def _usual(self, field: FormField) -> str:
        """What is said nearly always, or alone may be; an act by its place. Else nothing."""
        if "default" in field.schema:
            return str(field.schema["default"])
        schema = field.schema.get("items", field.schema)
        options = self._answers.options(schema)
        if len(options) != 1:
            return ""
        ref = kind_of(schema) == "ref"
        return str(options[0].label.split()[0] if ref else options[0].value)

    def attach(self, files: Sequence[Path]) -> None:
        """Sends files, and lists them in the act."""
        listed = [self._client.attach(path, at=self._recording.at) for path in files]
        if listed:
            path = ("attachments",)
            self._draft.values[path] = [*self._draft.values.get(path, ()), *listed]

    def take(self, draft: draft_files.DraftFile) -> None:
        """What a file says; blank members are as if they were not there."""
        self._file, document = draft, draft.members
        fields = {field.path: field for field in self._fields}
        facts = document.get("facts")
        facts = {} if facts is None else facts
        if not isinstance(facts, Mapping):
            misuse(Message("Nothing was signed: {member} must hold members.", member="facts"))
        said: dict[tuple[str, ...], Any] = {
            (name,): one for name, one in document.items() if name not in (*PLACE, "facts")
        }
        said |= {("facts", str(name)): one for name, one in facts.items()}
        for path, value in said.items():
            if path[0] in _AS_IT_STANDS and value is not None:
                self._take_as_it_stands(path[0], value)
            elif path not in fields:
                self._no_member(path, list(fields))
            elif value == [] and fields[path].required:
                self._draft.values[path] = []
            elif (read := self._read(fields[path].schema, value, "/".join(path))) is not None:
                self._draft.values[path] = read
        self._list_files()

    def _take_as_it_stands(self, name: str, value: Any) -> None:  # noqa: ANN401  JSON
        if name == "act_id":
            self._draft.act_id = str(value)
            self._require_new(self._draft.act_id)
        else:
            self._draft.values[(name,)] = value

    def _require_new(self, act_id: str) -> None:
        """A draft that was sent before is not signed again, under this id or another."""
        if re.fullmatch(UUID4, act_id) is None:
            return
        try:
            self._client.read(f"/v1/acts/{act_id}")
        except Refused as refused:
            if refused.code == "not_found":
                return
            raise
        fail(
            Message(
                "Nothing was signed: {act_id} names an act that is recorded already. Where it is"
                " this draft, sent before, nothing is left to do; else give the draft another"
                " act_id. To see it: socai act show {act_id}",
                act_id=act_id,
            ),
            "taken",
        )

    def _no_member(self, path: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> NoReturn:
        beside = [one[-1] for one in known if len(one) == len(path)]
        beside += [*PLACE, "facts"] if len(path) == 1 else []
        near = ", ".join(get_close_matches(path[-1], beside)) or "–"
        misuse(
            Message(
                "Nothing was signed: {act} has no member {member}; near it: {near}.",
                act=self._kind["act"],
                member="/".join(path),
                near=near,
            )
        )

    def _read(self, schema: Json, value: Any, place: str) -> Any:  # noqa: ANN401  JSON
        """A value of a file; None where it is blank. Of another shape than asked it is refused."""
        if value not in (None, "") and (asked := misshapen(schema, value)) is not None:
            self._misread(place, asked)
        if isinstance(value, int) and is_text(schema):  # true and false too
            written = orjson.dumps(value).decode()
            self._misread(
                place, Message('a text is asked for: put it in quotes, "{value}"', value=written)
            )
        match value:
            case None | "":
                return None
            case list():
                items = schema.get("items", {})
                found = [self._read(items, one, f"{place}/{n}") for n, one in enumerate(value)]
                found = [one for one in found if one is not None]
                if kind_of(items) in NAMED_ONCE:
                    found = [one for n, one in enumerate(found) if one not in found[:n]]
                return found or None
            case Mapping():
                members = schema.get("properties", {})
                told = {
                    str(name): self._read(members.get(name, {}), one, f"{place}/{name}")
                    for name, one in value.items()
                }
                return {name: one for name, one in told.items() if one is not None} or None
            case str():
                return self._read_text(schema, value, place)
            case _:
                return value

    def _read_text(self, schema: Json, value: str, place: str) -> Any:  # noqa: ANN401  JSON
        try:
            return self._answers.read(schema, value)
        except Misread as misread:
            self._misread(place, misread.text)

    def _misread(self, place: str, what: Text) -> NoReturn:
        """Says in which line of the file."""
        line = self._file.line(*place.split("/"))
        misuse(
            Message("Nothing was signed: {place}{line}: {what}.", place=place, line=line, what=what)
        )

    def _list_files(self) -> None:
        """What was named by its path stands among the act's files."""
        path = ("attachments",)
        listed = [*self._draft.values.get(path, ())]
        there = {one.get("digest") for one in listed}
        more = [one for digest, one in self._answers.files.items() if digest not in there]
        if listed or more:
            self._draft.values[path] = [*listed, *more]

    # -- asking

    def record(self) -> None:
        """Asks for what is missing, and records it; what was typed is lost by no failure."""
        said = deepcopy(self._draft.values)
        try:
            if self._asking:
                self._ask()
            else:
                self._sign_after()
            edit = None if self._recording.yes else self._edit
            self._recording.record(self._draft.members, self._sources, edit)
        except (Refusal, Carried, KeysError, OSError) as error:
            refusal = error if isinstance(error, Refusal) else refusal_of(error)
            if refusal is None or self._draft.values == said or _given_up(refusal):
                raise
            raise self._kept(refusal) from error

    def _kept(self, refusal: Refusal) -> Refusal:
        """The same refusal, and where what was typed is: above ordinary in no file of this home."""
        members, name = self._typed(), self._draft.act_id
        path = None if self._client.closed else keep(DRAFTS, name, dumped(members).encode())
        told = Message("{said} What you typed is kept; to go on: socai act new --from {file}")
        if path is None:
            click.echo(dumped(members))
            told = Message(
                "{said} What you typed is printed above; to go on, put it in a file: socai act new"
                " --from FILE"
            )
        text = told.filled(said=refusal.text, file=path or "")
        return Refusal(text, refusal.exit_code, refusal.code, refusal.found)

    def _typed(self) -> dict[str, Any]:
        """What was said of the act so far, as a file says it."""
        (author, _), *after = self._draft.signers
        members: dict[str, Any] = {
            "act": self._kind["act"],
            "act_id": self._draft.act_id,
            "stream": self._draft.stream,
            "agency": author.agency,
            "post": author.post,
            "capacity": author.capacity,
            **{role.lower(): one.officer for one, role in after},
        }
        for path, value in self._draft.values.items():
            place = members
            for name in path[:-1]:
                place = place.setdefault(name, {})
            place[path[-1]] = value
        return members

    def _sign_after(self) -> None:
        """Whoever signs after the author: as named, or the only one who may."""
        author = self._draft.signers[0][0]
        del self._draft.signers[1:]
        for role in self._roles()[1:]:
            one = self._second(role, author)
            if one is not None:
                self._draft.signers.append((one, role))

    def _roles(self) -> Sequence[str]:
        """As what it is signed, by what it says so far."""
        return roles_of(self._kind, self._draft.members()["facts"])

    def _sign_anew(self, before: Sequence[str]) -> None:
        """Where what was said meanwhile asks for others to sign."""
        if self._roles() != before:
            self._sign_after()

    def _second(self, role: str, author: Keeper) -> Keeper | None:
        fit = able(self._sources, self._kind, role, author)
        named = self._wanted.signers.get(role)
        if named is not None:
            officer = officer_id(self._client, named)
            held = [keeper(post, who) for post, who in self._sources.holders() if who == officer]
            return next((one for one in fit if one.officer == officer), held[0] if held else None)
        if len(fit) == 1 or not fit:
            return fit[0] if fit else None
        if not self._asking:
            self._refuse_to_guess(role, fit)
        label = role_word(role, self._shell.lang)
        self._questions.tell(label)
        chosen: Keeper = self._questions.choose(label, [self._option(one) for one in fit])
        return chosen

    def _refuse_to_guess(self, role: str, fit: Sequence[Keeper]) -> NoReturn:
        """Nobody is guessed: who signs is said, or there is one alone who may."""
        misuse(
            Message(
                "Nothing was signed: name who signs as {role} with --{option}, one of: {officers}.",
                role=Wording(role_word(role, "vi"), role_word(role, "en")),
                option=role.lower(),
                officers="; ".join(self._option(one).label for one in fit[:_SHOWN]),
            )
        )

    def _option(self, one: Keeper) -> Option:
        told = self._sources.post_of(one.officer, one.post)
        return Option(
            one, f"{told.get('post_vi') or one.post}, {told.get('agency_name')} ({one.officer[:8]})"
        )

    def _ask(self) -> None:
        """What is needed, one after the other, then what may be said beside it."""
        author = self._author_words()
        self._questions.tell(f"{self._kind[self._shell.lang]} — {author}")
        self._questions.say(
            Message("? explains a question, < goes back, Ctrl-C ends without a record.")
        )
        values = self._draft.values
        open_ = [field for field in self._fields if field.required and field.path not in values]
        self._questions.walk(open_, values, self._faults_of)
        self._sign_after()
        roles = self._roles()
        self._offer([field for field in self._fields if not field.required])
        self._sign_anew(roles)

    def _author_words(self) -> str:
        return self._option(self._draft.signers[0][0]).label

    def _faults_of(self, field: FormField) -> tuple[list[str], list[str]]:
        """What the server finds wrong with one member, or doubts, as the act stands so far."""
        self._list_files()
        if field.path not in self._draft.values:
            return [], []
        verdict = judged(self._client, self._draft.members(), self._recording.at, self._shell.lang)
        wrong = [self._shell.text(one.text) for one in verdict.faults if field.holds(one.pointer)]
        named = dict.fromkeys(said for pointer, said in verdict.warnings if field.holds(pointer))
        told = [Message("A person seems to be named here: {what}", what=what) for what in named]
        return wrong, [self._shell.text(one) for one in told]

    def _offer(self, fields: Sequence[FormField]) -> None:
        """Members that may be left out: by number, until nothing is chosen."""
        values = self._draft.values
        while True:
            options = [
                Option(
                    field, f"{field.label(self._shell.lang)}{' ✓' if field.path in values else ''}"
                )
                for field in fields
            ]
            told = Message("What else is to be said? Its number, or Enter to go on")
            field = self._questions.choose(self._shell.text(told), options, required=False)
            if field is None:
                return
            try:
                self._questions.one(field, values, self._faults_of)
            except Back:
                continue

    def _edit(self, verdict: CheckAnswer) -> None:
        """Asks again for what is wrong; where that is told of no member, for one that is chosen."""
        wrong = [
            field
            for field in self._fields
            if any(field.holds(fault.pointer) for fault in verdict.faults)
        ]
        told = {
            (self._label(fault.pointer), translate(fault.text, self._shell.lang))
            for fault in verdict.faults
        }
        for label, text in sorted(told):
            self._questions.tell(f"  {label}" if text == verdict.detail else f"  {label}: {text}")
        if any(fault.pointer.startswith("/signers") for fault in verdict.faults):
            self._sign_after()
        roles = self._roles()
        if wrong:
            self._questions.walk(wrong, self._draft.values, self._faults_of)
        else:
            self._offer(self._fields)
        self._sign_anew(roles)

    def _label(self, pointer: str) -> str:
        """What the member is called that a fault is of."""
        found = (field.label(self._shell.lang) for field in self._fields if field.holds(pointer))
        return next(found, pointer)


def _given_up(refusal: Refusal) -> bool:
    """Whether a person said no, or what was signed is kept already."""
    return refusal.code == "usage" or "act_id" in refusal.found


def _fresh() -> str:
    return str(RealEntropy().uuid())
