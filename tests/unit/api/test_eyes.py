"""What an officer sees is what the API answers: hidden is absent, and all else is said."""

from __future__ import annotations

from typing import Any, cast

import pytest

from api.cli.terminal import seen_tables
from api.cli.terminal.shell import Shell
from api.client.client import Client
from api.client.connection import Refused
from api.rehearsal.eyes import SeenCase, Sight, seen_by
from api.texts.lang import Lang

WHOLE, PART, NOTHING = "whole", "part", "nothing"


class Told:
    """A server as the client tells it: one case is seen whole, of one an act, one not at all."""

    def __init__(self, code: str = "not_found") -> None:
        self.code = code

    def log(self) -> dict[str, Any]:
        """As of three records."""
        return {"records": 3}

    def whole(self, _path: str, rows: str, *, at_least: int) -> dict[str, Any]:
        """Lists need the whole case."""
        return {rows: [{"id": WHOLE}] if at_least == 2 else []}

    def case(self, case: str) -> dict[str, Any]:
        """The file."""
        if case != WHOLE:
            raise self.refused()
        return {"id": case}

    def case_acts(self, case: str) -> dict[str, Any]:
        """The timeline."""
        if case == NOTHING:
            raise self.refused()
        return {"acts": [{"act_id": "one"}]}

    def refused(self) -> Refused:
        """The answer where there is nothing for whoever asks."""
        return Refused(404, {"code": self.code, "detail": ""})

    def client(self) -> Client:
        """As `seen_by` sees it."""
        return cast("Client", self)


def test_hidden_is_absent() -> None:
    """A case that is answered with 404 is as one that there is not."""
    seen = seen_by(Told().client(), [WHOLE, PART, NOTHING])
    assert seen == Sight(
        [{"id": WHOLE}],
        {
            WHOLE: SeenCase({"id": WHOLE}, [{"act_id": "one"}]),
            PART: SeenCase(None, [{"act_id": "one"}]),
        },
    )
    assert seen_by(Told().client(), [NOTHING]).cases == {}


def test_what_is_not_hidden_but_refused_is_said() -> None:
    """An audience that is late is no empty list: the command ends with the refusal."""
    with pytest.raises(Refused):
        seen_by(Told("audience_late").client(), [PART])


@pytest.mark.parametrize(("lang", "said"), [("vi", "không xem được hồ sơ nào"), ("en", "no case")])
def test_a_stranger_reads_one_sentence(
    capsys: pytest.CaptureFixture[str],
    lang: Lang,
    said: str,
) -> None:
    """Nothing is drawn over an empty state."""
    seen_tables.seen(Shell(lang), "nm", [], {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert said in lines[1]


def test_how_much_is_seen_is_said_in_words() -> None:
    """The whole, a number of acts, or nothing."""
    shell, act = Shell("en"), {"act_id": "one"}
    assert shell.text(seen_tables.part({"id": WHOLE}, [act, act])) == "the whole case: 2 acts"
    assert shell.text(seen_tables.part(None, [act])) == "1 act"
    assert shell.text(seen_tables.part(None, [])) == "nothing"
