"""`socai log void`: whose clock dates the signature, and who can sign second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from api.cli.commands import signer_options, voiding
from api.cli.terminal.shell import Refusal
from api.client.client import Client
from api.texts.catalogue import translate
from ledger.admission.registrar import Keeper

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
POST = {
    "agency": "bacninh.stttt",
    "post": "quan-tri-danh-ba",
    "on_day": True,
    "powers": ["REGISTRY_KEEPER"],
    "capacities": ["KT", "TRUC_TIEP"],
}


class _Clock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Told:
    """What a server says."""

    origin: str = "bacninh.example/ordinary"
    keys: Mapping[str, str] = field(default_factory=dict)
    one_person: frozenset[str] = frozenset()

    def log(self) -> dict[str, Any]:
        """A server that chooses when somebody has signed, and calls itself a rehearsal."""
        return {"now": "2001-01-01T00:00:00.000Z", "rehearsal": True}

    def whole(self, _path: str, rows: str, **_: object) -> dict[str, Any]:
        """Officers and keys."""
        if rows == "keys":
            lines = [{"officer": who, "status": status} for who, status in self.keys.items()]
            return {"keys": lines}
        # `keys` of an officer has every kid there ever was
        return {"officers": [{"officer": o, "posts": [POST], "keys": ["kid"]} for o in self.keys]}

    def check(self, act: Mapping[str, Any]) -> dict[str, Any]:
        """The ledger knows who is one person."""
        signers = {one["officer"] for one in act["signers"]}
        twins = signers <= self.one_person
        return {"ok": False, "guard": "DISTINCT_SIGNERS"} if twins else {"ok": True}

    def client(self) -> Client:
        """As the command sees it."""
        return cast("Client", self)


def test_no_server_says_when_a_registrar_has_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time counts in a rehearsal alone, and that is told by the log that is signed for."""
    monkeypatch.setattr(signer_options, "RealClock", _Clock)
    assert signer_options.signing_time(Told().client()) == NOW
    rehearsal = Told(origin="rehearsal.bacninh.example/ordinary").client()
    assert signer_options.signing_time(rehearsal).year == 2001


def _second(told: Told, named: str | None = None) -> list[str]:
    """Who signs second where `me` is the first."""
    found = voiding._registrars(told.client())
    me = found.pop("me")

    def made(signers: Any) -> dict[str, Any]:  # noqa: ANN401 - keepers
        return {"signers": [{"officer": one.officer} for one in signers]}

    others = list(found.values())
    return [one.officer for one in voiding._second(told.client(), made, me, others, named)]


def test_who_cannot_sign_is_not_named_as_the_second() -> None:
    """A revoked key signs nothing, and one person is never two: the choice is what is left."""
    keys = {"me": "ACTIVE", "gone": "REVOKED", "late": "EXPIRED", "good": "ACTIVE"}
    assert _second(Told(keys=keys)) == ["good"]
    twins = Told(keys={**keys, "twin": "ACTIVE"}, one_person=frozenset({"me", "twin"}))
    assert _second(twins) == ["good"]
    for named in ("gone", "twin", "nobody"):
        with pytest.raises(Refusal) as refused:
            _second(twins, named)
        assert refused.value.exit_code == 2
        assert translate(refused.value.text, "en").endswith("--approver: good.")
    several = Told(keys={**keys, "better": "ACTIVE"})
    with pytest.raises(Refusal, match="good, better"):
        _second(several)
    assert _second(several, "better") == ["better"]
    assert _second(Told(keys={"me": "ACTIVE", "gone": "REVOKED"})) == []


def test_a_registrar_signs_in_their_own_name() -> None:
    """Also where the list of capacities begins with another."""
    found = voiding._registrars(Told(keys={"me": "ACTIVE"}).client())
    assert found["me"] == Keeper("me", "bacninh.stttt", "quan-tri-danh-ba", ["KT", "TRUC_TIEP"])
    assert found["me"].capacity == "TRUC_TIEP"
