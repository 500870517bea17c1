"""Questions to a person at a terminal, one a member of the act, from its schema and label.

Everything is asked on standard error: standard output is for what was recorded. Not: what an answer
means, and whether the act may stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from api.cli.terminal.shell import Shell, folded, typed, visible
from api.cli.terminal.writing.answers import (
    FRESH,
    NAMED_ONCE,
    Answers,
    Misread,
    Option,
    kind_of,
)
from api.client.act_form import FormField, label_of
from api.texts.catalogue import translate
from ledger.message import Message, Text, meaning
from ledger.regulation.acts.invisible_characters import without

Json = Mapping[str, Any]
Check = Callable[[FormField], tuple[Sequence[str], Sequence[str]]]
"""What is wrong with a member, and what is to be looked at, by those who judge the act."""
BACK: Final = "<"
HELP: Final = "?"
_WIDTH: Final = 76
_SHORT: Final = 48
_NEEDED: Final = Message("This is needed; < goes back, Ctrl-C ends without a record.")
_BASIS_HINT: Final = Message("e.g. 15/2012/QH13 66.1.a competence, or substance, procedure")


class Back(Exception):
    """The person wants the question before this one again."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question with one answer; attributes as the arguments of `Questions.value`."""

    schema: Json
    label: str
    required: bool
    current: Any
    listed: bool


class Questions:
    """Asks for members of one act.

    Args:
        shell: The reader's language.
        answers: What is written, understood.
    """

    def __init__(self, shell: Shell, answers: Answers) -> None:
        self._shell = shell
        self._answers = answers

    def walk(
        self, fields: Sequence[FormField], values: dict[tuple[str, ...], Any], check: Check
    ) -> None:
        """Asks for each in turn; `<` leads back to the one before."""
        n = 0
        while n < len(fields):
            field, count = fields[n], Message("{n}/{of}", n=n + 1, of=len(fields))
            try:
                self.one(field, values, check, f"{self._shell.text(count)} ")
            except Back:
                n = max(0, n - 1)
            else:
                n += 1

    def one(
        self,
        field: FormField,
        values: dict[tuple[str, ...], Any],
        check: Check,
        count: str = "",
    ) -> None:
        """Asks for one member until it is as it is to be, or left out. Raises: Back."""
        label = f"{count}{field.label(self._shell.lang)}"
        while True:
            current = values.get(field.path)
            value = self.value(field.schema, label, required=field.required, current=current)
            if value is None:
                values.pop(field.path, None)
            else:
                values[field.path] = value
            wrong, doubted = check(field)
            for line in (*wrong, *doubted):
                self.tell(f"  {line}")
            if not wrong and (not doubted or self._kept()):
                return
            if wrong and (seen := without(value)) != value:
                values[field.path] = seen
                self.say(Message("Enter takes it without the characters that nobody sees."))

    def value(
        self,
        schema: Json,
        label: str,
        *,
        required: bool,
        current: Any = None,  # noqa: ANN401  JSON
        listed: bool = True,
    ) -> Any:  # noqa: ANN401  JSON
        """One value; None where it is left out. Raises: Back.

        Args:
            schema: What is asked for.
            label: What it is called.
            required: Whether it is needed.
            current: What was answered before: Enter keeps it.
            listed: Whether choices are listed above the question.
        """
        match kind_of(schema):
            case "list":
                return self._list(schema, label, required=required, current=current)
            case "object":
                return self._object(schema, label, required=required, current=current)
            case _:
                asked = _Asked(schema, label, required, current, listed)
                return self._plain(asked)

    def choose(self, label: str, options: Sequence[Option], *, required: bool = True) -> Any:  # noqa: ANN401  JSON
        """One of those that are listed; None where nothing is typed and nothing is needed."""
        if required:
            self._list_options(options)
        else:  # a clerk reads past this one most of the time
            self.tell("   ".join(f"{n} {one.label}" for n, one in enumerate(options, 1)))
        while True:
            text = self.line(f"{label} [1-{len(options)}]")
            if not text and not required:
                return None
            if not text:
                self.say(_NEEDED)
                continue
            try:
                return self._answers.chosen(options, text)
            except Misread as misread:
                self._misread(misread)

    def say(self, text: Text) -> None:
        """A line between questions."""
        self.tell(self._shell.text(text))

    def tell(self, text: str) -> None:
        """The same, in words that are the reader's already."""
        click.echo(visible(folded(text, _WIDTH)), err=True)

    def line(self, prompt: str) -> str:
        """What the person types; empty for nothing."""
        return typed(folded(prompt, _WIDTH)).strip()

    def _plain(self, asked: _Asked) -> Any:  # noqa: ANN401  JSON
        options = self._answers.options(asked.schema)
        usual = self._usual(asked, options)
        if asked.listed and (len(options) > 1 or (options and not asked.required)):
            self._list_options(options)
        prompt = f"{asked.label}{self._hint(asked, options, usual)}"
        while True:
            text = self.line(prompt)
            if text == BACK:
                raise Back
            if text == HELP:
                self.say(_EXPLAINED.get(kind_of(asked.schema), _EXPLAINED["text"]))
            elif text:
                try:
                    return self._answers.read(asked.schema, text)
                except Misread as misread:
                    self._misread(misread)
            elif usual is not None or not asked.required:
                return None if usual is None else usual.value
            else:
                self.say(_NEEDED)

    def _usual(self, asked: _Asked, options: Sequence[Option]) -> Option | None:
        """What Enter alone stands for: an answer given before, a usual one, or the only one."""
        if asked.current is not None:
            label = next((o.label for o in options if o.value == asked.current), str(asked.current))
            return Option(asked.current, label[:_SHORT])
        if not asked.required:
            return None
        if "default" in asked.schema:
            return Option(asked.schema["default"], str(asked.schema["default"]))
        return options[0] if len(options) == 1 else None

    def _list(
        self,
        schema: Json,
        label: str,
        *,
        required: bool,
        current: Any,  # noqa: ANN401  JSON
    ) -> list[Any] | None:
        """Items until none is typed; Enter at the first one keeps those that were answered."""
        found: list[Any] = []
        choices = self._answers.options(schema["items"])
        if current:
            self.say(Message("Answered: {n}. Enter keeps them.", n=len(current)))
        while True:
            told = f"{label} ({len(found) + 1})"
            needed = required and len(found) < schema.get("minItems", 0) and not current
            value = self.value(schema["items"], told, required=needed, listed=not found)
            if value is None and not found and current:
                return list(current)
            if value is None:
                return found if required else found or None
            if value in found and kind_of(schema["items"]) in NAMED_ONCE:
                self.say(Message("That one is there already; Enter goes on."))
                continue
            found.append(value)
            if choices and all(one.value in found for one in choices):
                return found  # there is nothing more to choose

    def _object(
        self,
        schema: Json,
        label: str,
        *,
        required: bool,
        current: Any,  # noqa: ANN401  JSON
    ) -> dict[str, Any] | None:
        """Each member in turn; one that is not needed begins with whether there is any."""
        if not required and not self._wanted(label):
            return current or None
        needed = set(schema.get("required", ()))
        before = current if isinstance(current, Mapping) else {}
        found: dict[str, Any] = {}
        order = sorted(schema["properties"], key=lambda name: name not in needed)
        for name in order:
            member = schema["properties"][name]
            told = f"{label} · {label_of(member, self._shell.lang, name)}"
            known = before.get(name)
            value = self.value(member, told, required=name in needed, current=known)
            if value is not None:
                found[name] = value
        return found

    def _kept(self) -> bool:
        return self._agreed(self._shell.text(Message("Keep it so? y/n, Enter to write it again")))

    def _wanted(self, label: str) -> bool:
        told = self._shell.text(Message("one more? y/n, Enter for no"))
        return self._agreed(f"{label}: {told}")

    def _agreed(self, prompt: str) -> bool:
        while True:
            text = self.line(prompt)
            if text == BACK:
                raise Back
            try:
                return bool(text) and bool(self._answers.read({"type": "boolean"}, text))
            except Misread as misread:
                self._misread(misread)

    def _list_options(self, options: Sequence[Option]) -> None:
        for n, one in enumerate(options, 1):
            self.tell(f"  {n:>2}  {one.label}")

    def _hint(self, asked: _Asked, options: Sequence[Option], usual: Option | None) -> str:
        told = _HINTS.get(kind_of(asked.schema))
        if "role" in asked.schema.get("properties", ()):
            told = _BASIS_HINT
        parts = [f"1-{len(options)}"] if len(options) > 1 else []
        parts += [self._shell.text(told)] if told is not None else []
        if usual is not None:
            parts = [f"Enter: {usual.label}"]
        elif not asked.required:
            parts.append(self._shell.text(Message("Enter: none")))
        return f" [{', '.join(parts)}]" if parts else ""

    def _misread(self, misread: Misread) -> None:
        self.tell(f"  {translate(misread.text, self._shell.lang)}")


_HINTS: Final[Mapping[str, Text]] = {
    "boolean": Message("y/n"),
    "date": Message("dd/mm/yyyy"),
    "date-time": Message("dd/mm/yyyy hh:mm, or now"),
    "end": Message("dd/mm/yyyy hh:mm, or a day: to its end"),
    "happened": Message("dd/mm/yyyy hh:mm, now, or a day alone"),
    "integer": meaning("hint", "number"),
    "agency": Message("a part of its name; . is your own"),
    "addressee": Message("a part of its name; . is your own"),
    "officer": Message("a part of post or id"),
    "provision": Message("e.g. 15/2012/QH13 66.1.a"),
    "file": Message("path of the file"),
    "digest": Message("path of the file"),
    "stream": Message("case number"),
    "token": Message("{fresh} for a new one", fresh=FRESH),
}
_EXPLAINED: Final[Mapping[str, Text]] = {
    "text": Message("Words as they will stand in the act; name no person in them."),
    "code": Message("The number in the list, the code, or the beginning of the words."),
    "ref": Message("The number in the list, #3 for the act at that place of the case, or its id."),
    "date": Message("A day: 04/06/2024, 4/6 for this year, or today."),
    "date-time": Message("A day and a time: 04/06/2024 08:12, 8:12 for today, or now."),
    "end": Message("A day and a time: 04/06/2024 17:00. A day alone, 4/6, means its last second."),
    "happened": Message(
        "A day and a time: 04/06/2024 08:12, 8:12 for today, or now. A day alone, 4/6, is recorded"
        " as known to the day."
    ),
    "token": Message("Who is sealed: one that the case has, or + for a new one."),
    "agency": Message("A part of the agency's name, with or without marks, or its id."),
    "addressee": Message(
        "A part of the agency's name, with or without marks, or its id; + for a person who is"
        " sealed."
    ),
    "officer": Message("A part of the post or agency, the id or its first characters."),
    "provision": Message("The instrument, then article, clause and point: 15/2012/QH13 66.1.a"),
    "digest": Message("The path of the file: it is sent, listed in the act, and named here."),
    "file": Message("The path of the file: it is sent and listed in the act."),
}
