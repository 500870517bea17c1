"""What errors from below mean to a person at the terminal: one sentence and a status.

Not: the refusals a command words itself (`shell.Refusal`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from api.cli.terminal.shell import FAILED, MISUSED, Refusal
from api.client.connection import OtherLog, Refused, Strange, Unreachable
from api.client.known_log import Unlike
from api.ops.embedded_postgres import EmbeddedError
from api.rehearsal.cast import UnknownAlias
from api.settings import Unfit
from api.texts.text import Text
from keys.errors import KeysError, Unsealable
from ledger.errors import Conflict, Doubt, Fatal, Rejected, Unavailable, VerificationError

F = TypeVar("F", bound=Callable[..., Any])


def guarded(command: F) -> F:
    """Turns what may go wrong below into a refusal; what may not go wrong stays a trace."""

    @functools.wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  any command's
        try:
            return command(*arguments, **named)
        except Exception as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal from error

    return cast("F", run)


def _refusal(error: Exception) -> Refusal | None:  # noqa: C901, PLR0911  one row an error
    match error:
        case Refused():
            said = _told(error)
            return Refusal(Text(said, said), FAILED, error.guard or error.code)
        case Unreachable():
            return _both(
                "Không có trả lời; gửi lại đúng nội dung này là an toàn. Chạy: socai serve",
                "There was no answer; sending the same again is safe. Run: socai serve",
                "unreachable",
            )
        case Strange():
            return _both(
                f"Địa chỉ này không phải máy chủ socai, hoặc là của phiên bản khác ({error}): chưa"
                " tin điều gì nó nói. Xem lại --server; gửi lại đúng nội dung đã gửi là an toàn.",
                f"This is no socai server, or one of another version ({error}): nothing it says is"
                " believed. Correct --server; sending the same again is safe.",
                "no_socai_server",
                MISUSED,
            )
        case OtherLog():
            return _both(
                f"Chưa ký, chưa gửi gì: máy chủ nói là sổ {error.said}, không phải {error.meant}.",
                f"Nothing was signed or sent: the server says it is of {error.said},"
                f" not of {error.meant}.",
                "other_log",
            )
        case Rejected() | Conflict() | Unavailable() | Unlike():
            return Refusal(Text(error.vi, error.en), FAILED, error.code)
        case UnknownAlias():
            known = ", ".join(error.known) or "–"
            return _both(
                f"Không có {error.alias} trong dàn vai; có: {known}. Chạy socai play trước.",
                f"The cast has no {error.alias}; there are: {known}. Run socai play first.",
                "unknown_alias",
                MISUSED,
            )
        case Unfit():
            return _both(
                f"Chưa làm gì: {error.vi}", f"Nothing was done: {error.en}", "usage", MISUSED
            )
        case (
            VerificationError() | Fatal() | EmbeddedError() | KeysError() | OSError(filename=str())
        ):
            return _stopped(error)
        case _:
            return None


#: What failed, by the class nearest to the error, and what to do; the detail is for who repairs it.
_STOPPED: Final[Mapping[type[Exception], tuple[str, str]]] = {
    Unsealable: (
        "Không mở được: sai mật khẩu, sai khóa, hoặc nội dung đã bị sửa; chưa làm gì",
        "It does not open: wrong passphrase, wrong key or changed bytes; nothing was done",
    ),
    KeysError: (
        "Khóa hoặc tệp khóa không dùng được; chưa làm gì, hãy kiểm tra tệp đã nêu",
        "The key or key file cannot be used; nothing was done, look at the file named",
    ),
    VerificationError: (
        "Nội dung lưu trữ không khớp với sổ; dừng lại và chạy: socai log audit",
        "What is stored does not agree with the log; stop, and run: socai log audit",
    ),
    Doubt: (
        "Sổ không phải sổ mà máy này đã thấy; chưa ký, chưa ghi gì, hãy chạy: socai log audit",
        "The log is not what this home has seen; nothing was signed or recorded: socai log audit",
    ),
    Fatal: (
        "Cơ sở dữ liệu và chương trình không khớp nhau; chưa ghi gì",
        "Database and program do not agree; nothing was recorded",
    ),
    OSError: (
        "Không dùng được một tệp hay thư mục; chưa làm xong, hãy sửa rồi chạy lại",
        "A file or folder cannot be used; this is not done, mend that and run it again",
    ),
    EmbeddedError: (
        "PostgreSQL kèm theo không chạy; chưa ghi gì, hãy xem nguyên nhân dưới đây",
        "The PostgreSQL that comes along does not run; nothing was recorded, see the cause",
    ),
}


def _stopped(error: Exception) -> Refusal:
    vi, en = next(_STOPPED[kind] for kind in type(error).__mro__ if kind in _STOPPED)
    said = error.vi if isinstance(error, Doubt) else error
    return _both(f"{vi} ({said}).", f"{en} ({error}).", type(error).__name__.lower())


def _told(error: Refused) -> str:
    """A problem in one line: its code, what is wrong and where, and what to do next."""
    problem = error.problem
    said = [_ended(error.detail or str(error))]
    faults = problem.get("errors")
    for fault in faults if isinstance(faults, list) else ():
        if not isinstance(fault, dict):
            continue
        place, detail = str(fault.get("pointer", "")).lstrip("/"), str(fault.get("detail", ""))
        if detail not in said[0]:
            said.append(_ended(f"{place}: {detail}" if place else detail))
    code, following = error.guard or error.code, str(problem.get("next") or "")
    return " ".join([*([f"{code}:"] if code else []), *said, following]).strip()


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _both(vi: str, en: str, code: str, status: int = FAILED) -> Refusal:
    return Refusal(Text(vi, en), status, code)
