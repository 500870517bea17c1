"""What fails below is told at the terminal in the reader's language, with what to do."""

from __future__ import annotations

import pytest

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import FAILED, Refusal
from api.ops.embedded_postgres import EmbeddedError
from api.texts.catalogue import both
from keys.errors import KeysError, Malformed, Unsealable
from ledger.errors import Fatal, VerificationError


@pytest.mark.parametrize(
    ("error", "vi"),
    [
        (Unsealable("the key does not unwrap"), "sai mật khẩu"),
        (Malformed("my.socaikey is not a key file"), "tệp khóa không dùng được"),
        (VerificationError("entry_mismatch", "another hash", 7), "socai log audit"),
        (Fatal("the database is older than this program; run: socai migrate"), "không khớp nhau"),
        (EmbeddedError("initdb failed"), "PostgreSQL kèm theo"),
    ],
)
def test_a_failure_below_is_one_sentence_in_both_languages(error: Exception, vi: str) -> None:
    """The detail stays for who repairs it; the sentence says what was not done."""

    @guarded
    def command() -> None:
        raise error

    with pytest.raises(Refusal) as refused:
        command()
    said = both(refused.value.text)
    assert vi in said["vi"]
    assert said["vi"] != said["en"]
    assert str(error) in said["vi"]
    assert str(error) in said["en"]
    assert refused.value.exit_code == FAILED


def test_every_error_of_the_keys_has_a_sentence() -> None:
    """A new kind of error falls back on that of its package, never on a trace."""

    @guarded
    def command() -> None:
        raise KeysError("something new")

    with pytest.raises(Refusal):
        command()
