"""A command called wrongly, in one sentence of the reader's language, with where to read more.

Not: what a command refuses in its own words (`shell.misuse`).
"""

from __future__ import annotations

from difflib import get_close_matches

import click

from api.cli.terminal.shell import MISUSED, Language, Refusal
from api.texts.lang import LANGS
from ledger.message import Message, Text, meaning


class OptionTwice(click.UsageError):
    """An option that takes one value, its name the message, was given several: one is wrong."""


def told(error: click.UsageError) -> Refusal:
    """The refusal for click's own error; status 2, as click's."""
    place = "socai" if error.ctx is None else error.ctx.command_path
    why = _why(error)
    said = Message("Nothing was done: {why}. See: {place} --help", why=why, place=place)
    return Refusal(said, MISUSED, "usage")


def _why(error: click.UsageError) -> Text:
    match error:
        case click.MissingParameter():
            name = _name(error)
            return Message("{name} is missing", name=name)
        case click.BadParameter():
            return _bad(error)
        case click.NoSuchOption():
            near = ", ".join(error.possibilities or ())
            name = error.option_name
            if near:
                return Message("there is no option {name}; there is: {near}", name=name, near=near)
            return Message("there is no option {name}", name=name)
        case click.exceptions.NoSuchCommand():
            return _no_command(error)
        case _:
            return _other(error)


def _no_command(error: click.exceptions.NoSuchCommand) -> Text:
    """With those that are near: click knows those that are read already, and none of ours are."""
    name, group = error.command_name, error.ctx.command if error.ctx is not None else None
    known = group.list_commands(error.ctx) if isinstance(group, click.Group) and error.ctx else []
    near = ", ".join(get_close_matches(name, known))
    if near:
        return Message("there is no command {name}; there is: {near}", name=name, near=near)
    return Message("there is no command {name}", name=name)


def _bad(error: click.BadParameter) -> Text:
    """By the type that the parameter has: what it may be."""
    name = _name(error)
    match error.param.type if error.param is not None else None:
        case click.Choice() as kind:
            among = ", ".join(str(one) for one in kind.choices)
            return Message("{name} must be one of: {among}", name=name, among=among)
        case Language():
            return Message("{name} must be one of: {among}", name=name, among=", ".join(LANGS))
        case click.IntRange() as kind:
            low, high = kind.min, kind.max
            if high is None:
                return Message("{name} must be a whole number, {low} or more", name=name, low=low)
            return Message(
                "{name} must be a whole number from {low} to {high}", name=name, low=low, high=high
            )
        case click.Path() | click.File() as kind:
            return _no_path(name, kind)
        case _:
            detail = error.message.rstrip(".")  # without click's own words for the place
            return Message("{name} cannot be used: {detail}", name=name, detail=detail)


def _no_path(name: str, kind: click.Path | click.File) -> Text:
    """Of what is read that it is there; of what is made, which of the two it is."""
    match kind:
        case click.Path(exists=False, file_okay=False):
            return Message("{name} must be a folder, and no file", name=name)
        case click.Path(exists=False):
            return Message("{name} must be a file, and no folder", name=name)
        case click.Path(file_okay=False):
            return Message("{name} must be a folder that is there and can be read", name=name)
        case _:
            return Message("{name} must be a file that is there and can be read", name=name)


def _other(error: click.UsageError) -> Text:
    """Too many words, an option without its value or with two."""
    if isinstance(error, OptionTwice):
        return Message("{name} is said twice: say it once", name=error.message)
    message = _plain(error)
    if isinstance(error, click.BadOptionUsage):
        if "does not take a value" in message:
            return Message("{option_name} takes no value", option_name=error.option_name)
        return Message("{option_name} needs a value", option_name=error.option_name)
    if message.startswith("Got unexpected extra argument"):
        extra = message.partition("(")[2].partition(")")[0]
        return Message("too much: {extra}", extra=extra)
    if message.startswith("Missing command"):
        return Message("the name of a command is missing")
    return meaning("usage", "{detail}", detail=message[:1].lower() + message[1:])


def _name(error: click.BadParameter) -> str:
    """The option or argument, as `--help` calls it."""
    if error.param is None:
        return str(error.param_hint or "?")
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    if error.ctx is None:
        return str(error.param.name)
    # brackets say that it may be left out, also in `[FILES]...`
    return error.param.make_metavar(error.ctx).replace("[", "").replace("]", "")


def _plain(error: click.UsageError) -> str:
    return error.format_message().rstrip(".")
