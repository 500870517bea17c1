"""A log that lost its tail: it goes on under a new key and two registrars, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from api.embedded import Embedded
from tests import restored
from tests.restored import REGISTRARS, Restored

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def loss(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    """The loss that every test here starts from; nobody changes it."""
    return restored.lose(postgres_server, tmp_path_factory.mktemp("lost") / "home")


@pytest.fixture
def lost(loss: Restored, tmp_path: Path) -> Iterator[Restored]:
    """The same for one test alone."""
    with restored.again(loss, tmp_path / "home") as mine:
        yield mine


def test_without_a_key_it_says_what_is_lost_and_changes_nothing(loss: Restored) -> None:
    """Exit 1; sizes, when the lost tree was signed, and each act whose receipt was kept."""
    told = loss.recover()
    assert told.exit_code == 1, told.output
    said = orjson.loads(told.stdout)
    assert said["left"]["size"] == loss.size
    assert said["lost"]["acts"] == [receipt["index"] for receipt in loss.receipts]
    assert said["lost"]["records"] == len(loss.receipts)
    assert said["lost"]["signed_at"]
    assert loss.recover().stdout == told.stdout


def test_two_registrars_go_on_from_what_is_left(lost: Restored) -> None:
    """The act is the first record behind; the service starts, and seals under the new key."""
    told = lost.recover(*REGISTRARS)
    assert told.exit_code == 0, told.output
    done = orjson.loads(told.stdout)
    assert (done["size"], done["index"]) == (lost.size, lost.size + 1)
    with lost.served() as service:
        facts = service.get("/v1/log", by=None).get_json()
        assert facts["vkeys"] == done["new_vkeys"]
        assert [span["from"] for span in facts["keys"]] == [0, lost.size + 1]
        evidence = service.get("/v1/log/recoveries", by=None)
        assert evidence.status_code == 200, evidence.text
