"""An act that waits for a signature and is erased meanwhile: nobody signs it any more (K8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import orjson
import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.wiring.key_files import open_kek
from api.rehearsal.past_door import Smuggler
from keys import canonical
from ledger.regulation.acts.act import Act
from projections.views import worklist
from tests.attacks import attack
from tests.builders import an_act
from tests.fixtures.app import Service
from tests.fixtures.erasable import Erasable, opened_erasable

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def one(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasable]:
    """One enclave for the module; each test erases an act of its own."""
    with opened_erasable(postgres_server, tmp_path_factory.mktemp("pending") / "home") as made:
        yield made


_numbers = iter(range(2, 1_000))


@pytest.fixture
def waiting(one: Erasable) -> Erasable:
    """A request for verification in a new case: its author has signed it, its head has not."""
    return waiting_in(one.service)


def waiting_in(service: Service) -> Erasable:
    """The same, in another case."""
    case = Erasable.reported(service, next(_numbers))
    service.step(minutes=1)
    act = an_act("VerificationRequested", stream=case.act.stream, when=service.clock.now())
    service.say(act, "cv")
    return named(service, act)


def named(service: Service, act: Act) -> Erasable:
    """What there is of an act now, to be erased."""
    rows = service.records.act(UUID(act.act_id))
    entries = [{"index": row.index, "entry": canonical.b64(row.entry)} for row in rows]
    return Erasable(service, act, [row.index for row in rows], entries, "")


def error(told: Any) -> str:  # noqa: ANN401 - the result of a command
    """The code with which a command ends."""
    return str(orjson.loads(told.stdout)["error"]["code"])


def offered(service: Service, act: Act) -> bool:
    """Whether the head of the agency is told that an act waits, once the views know all."""
    service.enclave.queries.positions.wait(service.size() - 1, 120.0, worklist.NAME)
    told = service.get("/v1/worklist", by="gd").get_json()
    return act.act_id in {one["act_id"] for one in told["sign"]}


@attack(
    "what an erasure names is signed on, so that its content is recorded anew and stays",
    stopped_by="the door; which erasures are in force is checked inside the append",
    noticed_by="log shred: not_whole",
)
def test_nobody_signs_what_an_act_of_erasure_names(waiting: Erasable) -> None:
    """Refused wherever it is asked, also by a process that has not heard of the erasure yet.

    Signed, it would be recorded anew under a key of its own: nothing of it could go any more.
    """
    service, act = waiting.service, waiting.act
    # another signature: this process knows stream ledger as it stood before the erasure
    Erasable.reported(service, next(_numbers), "VerificationRequested")
    assert offered(service, act)
    head, erasure = service.head(act.stream), waiting.erase(attachments=[])
    signed = service.sign(act, "gd", role="APPROVER")
    refused = service.send(signed, "gd")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "act_erased"), refused.text
    assert refused.get_json()["params"] == {"erasure": erasure.act_id}
    fields = {"stream": act.stream, "act_id": act.act_id}
    parts = dict(zip(("protected", "payload", "signature"), signed.compact.split("."), strict=True))
    for path, asked in (
        ("prepare", {"act": fields, "role": "APPROVER"}),
        ("check", {"act": dict(act.signed)}),
        ("check", {"statement": parts}),
    ):
        told = service.client.post(
            f"/v1/acts/{path}", json=asked, headers=service.headers("gd")
        ).get_json()
        assert told["code"] == "act_erased", (path, told)
    assert service.head(act.stream) == head
    assert not offered(service, act)
    carried = waiting.shred(erasure)
    assert carried.exit_code == 0, carried.output
    assert waiting.audited().findings == ()


def test_what_is_to_go_is_returned_or_taken_back(one: Erasable, waiting: Erasable) -> None:
    """Neither says anything of it anew; the erasure is carried out, and the audit finds nothing.

    So it is where the act was returned before.
    """
    service, other, before = one.service, waiting_in(one.service), waiting_in(one.service)

    def back(name: str, by: str, of: Erasable) -> None:
        when, stream = service.step(minutes=1), of.act.stream
        service.say(an_act(name, by=by, stream=stream, when=when, refers_to=of.act.act_id), by)

    back("ActReturned", "gd", before)
    erasures = [one.erase(attachments=[]) for one in (waiting, other, before)]
    back("ActReturned", "gd", waiting)
    back("ActWithdrawn", "cv", other)
    for erasable, erasure in zip((waiting, other, before), erasures, strict=True):
        told = erasable.shred(erasure)
        assert told.exit_code == 0, told.output
    assert waiting.audited().findings == ()


def test_an_act_that_was_signed_meanwhile_is_named_whole(waiting: Erasable) -> None:
    """While an erasure waits nobody is kept from signing; then it names too little, and waits."""
    service, act, half = waiting.service, waiting.act, waiting.erasing(attachments=[])
    service.say(half, "ct")
    service.send(service.sign(act, "gd", role="APPROVER"), "gd")
    refused = service.send(service.sign(half, "ubgk", role="CHECKER"), "ubgk")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "act_in_part"), refused.text
    both = named(service, act)
    assert [one["index"] for one in both.entries][:1] == waiting.indices
    told = both.shred(both.erase(attachments=[]))
    assert told.exit_code == 0, told.output


def test_an_erasure_of_a_log_where_it_was_signed_all_the_same(waiting: Erasable) -> None:
    """It ends by a second act that names both statements; and the first says that nothing is left.

    So in a log of an older program, or by whoever has the writer's login.
    """
    service, act, facts = waiting.service, waiting.act, waiting.service.enclave.facts
    first = waiting.erase(attachments=[])
    with closing(service.database.appender()) as appender:
        kek = open_kek(service.settings)
        past = Smuggler(service.records, appender, kek, facts.origin, facts.level)
        past.put(service.sign(act, "gd", role="APPROVER"), service.clock.now())
    assert error(waiting.shred(first)) == "not_whole"
    both = named(service, act)
    told = both.shred(both.erase(attachments=[]))
    assert (told.exit_code, orjson.loads(told.stdout)["records"]) == (0, 2), told.output
    assert error(waiting.shred(first)) == "gone_before"
    assert both.audited().findings == ()
