"""A registrar enters a province's agencies from a table; a second officer signs."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from tests import builders
from tests.e2e.test_edition_adopted import Hands
from tests.fixtures.app import Service, listening

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
FILE = Path(__file__).parents[2] / "docs" / "operate" / "registry" / "bac-ninh.csv"
ALL = ("registry", "agencies", "--all", "--json")
DOCUMENT = "Quyết định về danh bạ"


def _import(hands: Hands, file: Path, second: str, at: str, *more: str) -> tuple[int, str, str]:
    words = ("registry", "import", str(file), "--document", DOCUMENT, "--approver", second)
    done = hands.by("founder", *words, "--iat", at, "--json", *more)
    return done.exit_code, done.stdout, done.stderr


def test_agencies_of_a_table_are_in_the_registry_once_two_have_signed(
    service: Service, tmp_path: Path
) -> None:
    """Shown first; each act waits for the second; again, there is nothing left to enter."""
    service.hire("cv", "keeper")
    second = builders.officer("keeper")
    with listening(service) as url:
        hands = Hands(service, url, tmp_path, more=("keeper",))
        bad = tmp_path / "xau.csv"
        bad.write_text(FILE.read_text("utf-8-sig").replace("bacninh2025.ubnd", "khong.co", 1))
        size, at = service.size(), service.step(minutes=1).isoformat()
        code, said, _ = _import(hands, bad, second, at, "--yes")
        told = orjson.loads(said)
        assert (code, told["error"]["code"], service.size()) == (1, "registry_faults", size)
        assert [(one["file"], one["line"]) for one in told["faults"]] == [(str(bad), 2)]

        code, _, shown = _import(hands, FILE, second, at, "--check")
        assert (code, service.size()) == (0, size)
        assert shown.count("Ủy ban nhân dân phường") == 33

        code, said, shown = _import(hands, FILE, second, at, "--yes")
        assert code == 0, said
        acts = re.findall(r'"act_id": "([0-9a-f-]{36})"', said)
        assert len(acts) == service.size() - size == 2
        assert "bacninh2025.p-vu-ninh" not in hands.by("cv", *ALL).stdout
        for act in acts:
            sign = ("act", "sign", "--countersign", act, "--role", "APPROVER", "--iat", at)
            signed = hands.by("keeper", *sign)
            assert signed.exit_code == 0, signed.output
            sent = hands.by("keeper", "act", "submit", "-", "--at", at, stdin=signed.stdout_bytes)
            assert sent.exit_code == 0, sent.output
        service.enclave.queries.positions.wait(service.size() - 1, 120.0, "acts")
        assert "bacninh2025.p-vu-ninh" in hands.by("cv", *ALL).stdout
        code, said, _ = _import(hands, FILE, second, at, "--yes")
        assert (code, orjson.loads(said)["acts"]) == (0, 0)
