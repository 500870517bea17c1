"""A command called wrongly, in one sentence of the reader's language, with where to read more.

Not: what a command refuses in its own words (`shell.misuse`).
"""

from __future__ import annotations

import click

from api.cli.terminal.shell import MISUSED, Refusal
from api.texts.text import Text


def told(error: click.UsageError) -> Refusal:
    """The refusal for click's own error; status 2, as click's."""
    place = "socai" if error.ctx is None else error.ctx.command_path
    why = _why(error)
    said = Text(
        f"Chưa làm gì: {why.vi}. Xem: {place} --help",
        f"Nothing was done: {why.en}. See: {place} --help",
    )
    return Refusal(said, MISUSED, "usage")


def _why(error: click.UsageError) -> Text:
    match error:
        case click.MissingParameter():
            name = _name(error)
            return Text(f"thiếu {name}", f"{name} is missing")
        case click.BadParameter():
            return _bad(error)
        case click.NoSuchOption():
            near = ", ".join(error.possibilities or ())
            return Text(
                f"không có tùy chọn {error.option_name}" + (f"; có: {near}" if near else ""),
                f"there is no option {error.option_name}" + (f"; there is: {near}" if near else ""),
            )
        case click.exceptions.NoSuchCommand():
            name = error.command_name
            return Text(f"không có lệnh {name}", f"there is no command {name}")
        case _:
            return _other(error)


def _bad(error: click.BadParameter) -> Text:
    """By the type that the parameter has: what it may be."""
    name = _name(error)
    match error.param.type if error.param is not None else None:
        case click.Choice() as kind:
            among = ", ".join(str(one) for one in kind.choices)
            return Text(f"{name} phải là một trong: {among}", f"{name} must be one of: {among}")
        case click.IntRange() as kind:
            low, high = kind.min, kind.max
            if high is None:
                return Text(
                    f"{name} phải là số nguyên từ {low} trở lên",
                    f"{name} must be a whole number, {low} or more",
                )
            return Text(
                f"{name} phải là số nguyên từ {low} đến {high}",
                f"{name} must be a whole number from {low} to {high}",
            )
        case click.Path() | click.File():
            return Text(
                f"{name} phải là một tệp đang có và đọc được",
                f"{name} must be a file that is there and can be read",
            )
        case _:
            return Text(f"{name} không dùng được", f"{name} cannot be used: {_plain(error)}")


def _other(error: click.UsageError) -> Text:
    """Too many words, an option without its value."""
    message = _plain(error)
    if isinstance(error, click.BadOptionUsage):
        return Text(f"{error.option_name} cần một giá trị", f"{error.option_name} needs a value")
    if message.startswith("Got unexpected extra argument"):
        extra = message.partition("(")[2].partition(")")[0]
        return Text(f"thừa: {extra}", f"too much: {extra}")
    if message.startswith("Missing command"):
        return Text("thiếu tên lệnh con", "the name of a command is missing")
    return Text("lệnh không đúng", message[:1].lower() + message[1:])


def _name(error: click.BadParameter) -> str:
    """The option or argument, as `--help` calls it."""
    if error.param is None:
        return str(error.param_hint or "?")
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return error.param.make_metavar(error.ctx) if error.ctx is not None else str(error.param.name)


def _plain(error: click.UsageError) -> str:
    return error.format_message().rstrip(".")
