"""The keeper's login in other hands, and acts of erasure that are none (access.md A20, G8, K8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.wiring.key_files import open_kek
from api.rehearsal.past_door import Smuggler
from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.audit.findings import Damage
from ledger.errors import Conflict, Rejected, Unavailable, VerificationError
from ledger.log.statement import make
from ledger.postgres.keeping.keeper import PostgresKeeper
from ledger.regulation.acts.act import Act
from projections.queries.row_evidence import RowEvidence
from projections.views import acts
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.erasable import Erasable, opened_erasable
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def one(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasable]:
    """One enclave for the module; each test erases a report of its own."""
    with opened_erasable(postgres_server, tmp_path_factory.mktemp("forged") / "home") as made:
        yield made


_numbers = iter(range(2, 1_000))


@pytest.fixture
def fresh(one: Erasable) -> Erasable:
    """Another report."""
    return Erasable.reported(one.service, next(_numbers))


def keeper(service: Service) -> PostgresKeeper:
    """The keeper's login in a thief's hands."""
    return PostgresKeeper(service.database.pool("keeper", most=1))


def envelopes(service: Service, act: Act) -> list[bytes]:
    """Of the statements of an act, as everybody reads them who reads stream ledger."""
    return [service.reader.open(row).envelope for row in service.records.act(UUID(act.act_id))]


def wraps(service: Service) -> int:
    """How many wraps there are."""
    return keeper(service).count()


def covered(service: Service) -> None:
    """Waits until a checkpoint covers every record."""
    assert service.enclave.proofs.wait(service.size() - 1, 120.0) is not None


@attack(
    "a taken keeper's login shreds what no act of erasure names: with made-up bytes, another act,"
    " too few signatures, or in another order",
    stopped_by="log.shred reads the act from envelopes that hash to entries of the tree",
    noticed_by="log audit: a key that is gone without an act",
)
def test_nothing_goes_but_what_an_act_of_three_names(fresh: Erasable) -> None:
    """Whatever is handed in, nothing is believed that the log does not hold."""
    service = fresh.service
    act = fresh.erase()
    good, thief, before = envelopes(service, act), keeper(service), wraps(service)
    report = envelopes(service, fresh.act)
    forged = good[0].replace(b'"v":1', b'"v":2')
    tries: list[tuple[str, Sequence[bytes], Sequence[UUID]]] = [
        (act.act_id, [forged, *good[1:]], []),
        (act.act_id, good[:2], []),
        (act.act_id, [good[0]] * 3, []),
        (act.act_id, list(reversed(good)), []),
        (act.act_id, [], []),
        (act.act_id, [*good, good[2]], []),
        (fresh.act.act_id, report, []),
        (fresh.act.act_id, good, []),
        (str(UUID(int=7 << 76 | 4 << 76)), good, []),
    ]
    for act_id, said, files in tries:
        with pytest.raises(Rejected) as refused:
            thief.shred(UUID(act_id), said, files)
        assert refused.value.code == "not_shredded"
    assert wraps(service) == before
    assert thief.shred(UUID(act.act_id), good, []) == len(fresh.indices)


@attack(
    "an act of erasure is carried out a second time, or again for what another act erased",
    stopped_by="log.shreds: each act once, each record once",
    noticed_by="-",
)
def test_an_act_is_used_once(fresh: Erasable) -> None:
    """By SQL refused; by command the same receipt; by another act nothing goes again."""
    service = fresh.service
    act = fresh.erase()
    first = fresh.shred(act)
    assert first.exit_code == 0, first.output
    with pytest.raises(Conflict):
        keeper(service).shred(UUID(act.act_id), envelopes(service, act), [])
    again = fresh.shred(act)
    assert orjson.loads(again.stdout) == orjson.loads(first.stdout)
    other, before = fresh.erase(), wraps(service)
    told = fresh.shred(other)
    said = orjson.loads(told.stdout)
    assert (said["records"], said["files"]) == (0, 0), told.output
    assert (said["gone_before"], wraps(service)) == (list(fresh.indices), before)


@attack(
    "a slip of the finger names another act of erasure that officers have signed",
    stopped_by="socai log shred shows the act and asks; unasked it takes a whole id alone",
    noticed_by="-",
)
def test_nothing_is_erased_that_nobody_said_yes_to(fresh: Erasable) -> None:
    """Neither by how an id begins nor by all of it; what was carried out is asked no more."""
    act = fresh.erase()
    before, begins = wraps(fresh.service), act.act_id[:8]
    for words, typed, why in (
        ([begins], "n\n", "Nothing was erased"),
        ([begins], "", "--yes and the whole id"),
        ([act.act_id], "", "--yes and the whole id"),
        ([begins, "--yes"], "y\n", f"{begins} is how one begins"),
        ([act.act_id[:-1], "--yes"], "", "is how one begins"),
        (["0" * 6], "y\n", "no act of the ledger begins with 000000"),
    ):
        told = fresh.socai("log", "shred", *words, typed=typed)
        assert (told.exit_code, why in told.output) == (2, True), told.output
        assert wraps(fresh.service) == before
    shown = fresh.socai("log", "shred", begins, typed="n\n").stderr
    for part in (act.act_id, "personal data", ", ".join(map(str, fresh.indices))):
        assert part in shown
    plain = act.act_id.replace("-", "").upper()
    said = orjson.loads(fresh.socai("log", "shred", plain, "--yes", "--json").stdout)
    assert (said["records"], wraps(fresh.service) < before) == (len(fresh.indices), True)
    assert fresh.socai("log", "shred", begins).exit_code == 0


@attack(
    "an act of erasure names one record that another act erased, so that the rest of what it names"
    " can never be erased",
    stopped_by="log.shred: what is gone is left out, and told; the rest goes",
    noticed_by="the receipt",
)
def test_acts_that_overlap_are_both_carried_out(fresh: Erasable) -> None:
    """The second takes what the first left, with its file; the audit has both."""
    service, more = fresh.service, Erasable.reported(fresh.service, next(_numbers))
    first = fresh.erase()
    second = fresh.erase(
        entries=[*fresh.entries, *more.entries],
        attachments=[fresh.digest, more.digest],
        registered=[*fresh.registered, *more.registered],
    )
    assert fresh.shred(first).exit_code == 0
    assert service.get(more.path, by="hotline").status_code == 200
    told = fresh.shred(second)
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert (said["records"], said["files"]) == (len(more.indices), 1)
    assert said["gone_before"] == list(fresh.indices)
    assert service.get(more.path, by="hotline").status_code == 404
    damaged = {one.index for one in fresh.audited().findings}
    assert not damaged & {*fresh.indices, *more.indices}


@attack(
    "a taken keeper's login lets more files go than the act names",
    stopped_by="log.shred counts them by what they are found by",
    noticed_by="log audit: a file that an act lists has no key",
)
def test_no_more_files_go_than_the_act_names(fresh: Erasable) -> None:
    """Neither others nor some that are not there."""
    service = fresh.service
    with psycopg.connect(service.database.dsn("reader")) as connection:
        every = [row[0] for row in connection.execute("SELECT name FROM log.files").fetchall()]
    act = fresh.erase(attachments=[fresh.digest])
    assert len(every) > len(fresh.indices)
    for files in (every, [UUID(int=1)]):
        with pytest.raises(Rejected):
            keeper(service).shred(UUID(act.act_id), envelopes(service, act), files)
    reporters = [UUID(int=n) for n in range(len(fresh.indices) + 1)]
    with pytest.raises(Rejected, match="more reporters"):
        keeper(service).shred(UUID(act.act_id), envelopes(service, act), [], items=reporters)
    # each file once for each act, however many have signed that
    signed = Erasable.reported(service, next(_numbers), "CompetenceDetermined")
    stream = service.records.act(UUID(signed.act.act_id))[0].stream_id
    every_act = [service.records.act(row.act_id) for row in service.records.stream(stream)]
    two = next(rows for rows in every_act if len(rows) > 1)
    named = [{"index": row.index, "entry": canonical.b64(row.entry)} for row in two]
    act = fresh.erase(entries=named, attachments=[signed.digest])
    with pytest.raises(Unavailable):  # who lists them was asked when the log was shorter
        keeper(service).shred(UUID(act.act_id), envelopes(service, act), [], service.size() - 1)
    assert not keeper(service).carried_out(UUID(act.act_id))
    with pytest.raises(Rejected, match="more files"):
        keeper(service).shred(UUID(act.act_id), envelopes(service, act), every[:2])
    assert fresh.audited().files is not None


@attack(
    "the key of a record is taken away first, so that its files outlive the erasure, and the"
    " receipt says that all of it went",
    stopped_by="socai log shred: what no act erased must open before anything goes",
    noticed_by="log audit: a key that is gone without an act",
)
def test_a_record_that_does_not_open_is_not_taken_for_erased(fresh: Erasable) -> None:
    """Refused by its index; with the key put back, record and file go."""
    service, index = fresh.service, fresh.indices[0]
    act = fresh.erase()
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        kept = admin.execute(
            "DELETE FROM log.wraps WHERE index = %s RETURNING *", [index]
        ).fetchone()
        assert kept is not None
        admin.commit()
        told = fresh.shred(act)
        admin.execute("INSERT INTO log.wraps VALUES (%s, %s, %s, %s, %s)", kept)
        admin.commit()
    error = orjson.loads(told.stdout)["error"]
    assert (told.exit_code, error["code"]) == (1, "record_shut"), told.output
    assert f"record {index} does not open" in told.output
    assert not keeper(service).carried_out(UUID(act.act_id))
    assert orjson.loads(fresh.shred(act).stdout)["files"] == 1


@attack(
    "an officer writes the digest of a file into a text, so that the file outlives its erasure",
    stopped_by="socai log shred: an act lists a file by its attachments alone",
    noticed_by="the receipt: no file went",
)
def test_a_digest_in_a_text_keeps_no_file(fresh: Erasable) -> None:
    """Of the same author, who alone could list the upload again."""
    service = fresh.service
    content = [{**builders.CONTENT[0], "title": f"Xem {fresh.digest}"}]
    said = an_act(
        "ReportReceived", by="hotline", when=service.clock.now(),
        stream=f"case/{an_id(f'text {fresh.digest}')}",
        facts={**builders.FACTS["ReportReceived"], "content": content},
    )  # fmt: skip
    service.known(service.say(said, "hotline")["index"])
    told = fresh.shred(fresh.erase())
    receipt = orjson.loads(told.stdout)
    assert (receipt["files"], receipt["staying"]) == (1, []), told.output


@attack(
    "an act of erasure names a file that another act lists too, so that it is taken for gone",
    stopped_by="- ; it stays where another act lists it",
    noticed_by="the receipt: which file stays, and by which record",
)
def test_a_file_that_stays_is_told(fresh: Erasable) -> None:
    """The same author sent it to another case: nothing of it went, and the receipt says so."""
    service = fresh.service
    again = an_act(
        "ReportReceived", by="hotline", when=service.step(minutes=1),
        stream=f"case/{an_id(f'again {fresh.digest}')}",
        attachments=list(fresh.act.attachments),
    )  # fmt: skip
    index = service.say(again, "hotline")["index"]
    service.known(index)
    told = orjson.loads(fresh.shred(fresh.erase()).stdout)
    assert told["files"] == 0
    assert told["staying"] == [{"digest": fresh.digest, "listed_by": index}]


@attack(
    "a report is erased, and with it a file that somebody else's act of its case lists",
    stopped_by="socai log shred: it stays where another act of the case lists it, whoever's it is",
    noticed_by="the receipt: which file stays, and by which record",
)
def test_a_file_that_another_officers_act_of_the_case_lists_stays(fresh: Erasable) -> None:
    """Its author never sent it, the case had it: whoever reads that act opens it afterwards."""
    service = fresh.service
    with service.enclave.ledger._memory.fresh(fresh.act.stream) as current:
        other = an_act(
            "CompetenceDetermined", by="cv", when=service.step(minutes=1), within=current.state,
            attachments=list(fresh.act.attachments),
        )  # fmt: skip
    index = service.say(other, "cv")["index"]
    service.known(index)
    path = fresh.path.replace(fresh.act.act_id, other.act_id)
    data = service.get(path, "cv").data
    act, before = fresh.erase(), wraps(service)
    refused = fresh.shred(act)
    assert (refused.exit_code, wraps(service)) == (1, before)
    assert "files_shared" in refused.output
    sent = {**service.headers("cv"), "Content-Type": "application/pdf"}
    assert service.client.post("/v1/attachments", data=data, headers=sent).status_code == 201
    told = orjson.loads(fresh.shred(act).stdout)
    assert (told["files"], told["staying"]) == (1, [{"digest": fresh.digest, "listed_by": index}])
    assert service.get(path, "cv").data == data
    rows = service.records.act(UUID(other.act_id))
    named = [{"index": row.index, "entry": canonical.b64(row.entry)} for row in rows]
    gone = fresh.shred(fresh.erase(entries=named, registered=[]))
    assert gone.exit_code == 0, gone.output
    told = orjson.loads(gone.stdout)
    assert (told["files"], told["staying"]) == (1, [])


@attack(
    "officers name one signature of an act, and its content stays with the other",
    stopped_by="the door; behind it socai log shred, and log.shred: whole acts go or none",
    noticed_by="the receipt",
)
def test_no_signature_is_left_with_the_content_of_another(fresh: Erasable) -> None:
    """Each signature holds the whole payload; nor is a file left that the act does not name."""
    service = fresh.service
    fresh = Erasable.reported(service, next(_numbers), "CompetenceDetermined")
    two = next(
        row
        for row in service.records.stream(service.records.act(UUID(fresh.act.act_id))[0].stream_id)
        if len(service.records.act(row.act_id)) > 1
    )
    half = fresh.erasing(entries=[{"index": two.index, "entry": canonical.b64(two.entry)}])
    refused = service.send(service.sign(half, "ct"), "ct")
    assert refused.get_json()["code"] == "act_in_part"
    with closing(service.database.appender()) as appender:  # as by a program of before
        facts, kek = service.enclave.facts, open_kek(service.settings)
        past = Smuggler(service.records, appender, kek, facts.origin, facts.level)
        for alias, signer in zip(("ct", "ubgk", "giamsat"), half.signers, strict=True):
            past.put(service.sign(half, alias, role=signer.role), service.clock.now())
    covered(service)
    told = fresh.shred(half)
    assert told.exit_code == 1
    assert orjson.loads(told.stdout)["error"]["code"] == "not_whole"
    with pytest.raises(Rejected):
        keeper(service).shred(UUID(half.act_id), envelopes(service, half), [])
    unnamed = fresh.erase(attachments=["sha-256:" + "A" * 43])
    told = fresh.shred(unnamed)
    assert orjson.loads(told.stdout)["error"]["code"] == "files_left"


@attack(
    "an act of erasure is carried out before all have signed, or before anybody outside knows it",
    stopped_by="socai log shred, and log.shred: three statements under a checkpoint",
    noticed_by="-",
)
def test_a_pending_act_erases_nothing(fresh: Erasable) -> None:
    """Two of three signatures; and all three before a checkpoint covers them."""
    service = fresh.service
    act = fresh.erasing()
    service.say(act, "ct", "ubgk")
    told = fresh.shred(act)
    assert orjson.loads(told.stdout)["error"]["code"] == "not_effective"
    said = envelopes(service, act)
    with pytest.raises(Rejected):
        keeper(service).shred(UUID(act.act_id), said, [])
    service.halt()
    try:
        service.send(
            service.sign(act, "giamsat", role="APPROVER"), "giamsat", {"Prefer": "respond-async"}
        )
        with pytest.raises(Rejected, match="no checkpoint"):
            keeper(service).shred(UUID(act.act_id), envelopes(service, act), [])
    finally:
        service.start()


@attack(
    "whoever may write a view hides a record, as erased by an act that two of three have signed",
    stopped_by="RowEvidence: the act must stand by the rules and have all of its signatures",
    noticed_by="whoever reads the act: the view says something else than the log",
)
def test_a_view_that_names_a_pending_act_of_erasure_is_not_believed(fresh: Erasable) -> None:
    """With the third signature the same row is taken."""
    service = fresh.service
    act = fresh.erasing()
    service.say(act, "ct", "ubgk")
    service.known(service.size() - 1)
    with psycopg.connect(service.database.dsn("projector")) as connection:
        rows = acts.act_rows(connection, fresh.act.act_id)
    none: dict[str, Any] = dict.fromkeys(("protected", "payload", "signature", "kid", "act"))
    hidden = [replace(row, **none, status="erased", erased_by=act.act_id) for row in rows]
    evidence = RowEvidence(
        service.records,
        service.reader,
        service.enclave.facts.origin,
        lambda: service.enclave.ledger.follower,
    )
    assert hidden
    with pytest.raises(VerificationError, match="view"):
        evidence.hold_act(fresh.act.act_id, hidden, lambda _: True)
    last = service.send(service.sign(act, "giamsat", role="APPROVER"), "giamsat")
    assert last.status_code == 201, last.text
    evidence.hold_act(fresh.act.act_id, hidden, lambda _: True)


@attack(
    "the registry is erased, so that nobody can tell any more whose key was good",
    stopped_by="guard ERASURE_KEEPS_REGISTRY at the door, log.shred behind it",
    noticed_by="log audit: a record that is set aside",
)
def test_the_registry_is_never_erased(fresh: Erasable) -> None:
    """Neither record 0 nor an enrolment, nor an act of erasure itself."""
    service = fresh.service
    rows = service.records.read(0, service.size())
    for row in (rows[0], next(row for row in rows if row.stream.startswith("officer/"))):
        named = [{"index": row.index, "entry": canonical.b64(row.entry)}]
        act = fresh.erasing(entries=named, attachments=["sha-256:" + "A" * 43])
        response = service.send(service.sign(act, "ct"), "ct")
        assert response.get_json()["guard"] == "ERASURE_KEEPS_REGISTRY"


@attack(
    "whoever may not erase signs an act of erasure, and the operator carries it out",
    stopped_by="the door; and socai log shred, which asks the rules",
    noticed_by="log audit",
)
def test_an_act_that_the_rules_do_not_take_is_not_carried_out(fresh: Erasable) -> None:
    """By the API refused, and past the door, by a taken writer's login, set aside."""
    service = fresh.service
    act = an_act(
        "RecordErased", by="cv", also=["tp", "hotline"], when=service.clock.now(),
        facts={"entries": fresh.entries, "attachments": [fresh.digest]},
    )  # fmt: skip
    assert service.send(service.sign(act, "cv"), "cv").status_code == 422


@attack(
    "taken logins of writer and keeper together: three made-up signatures erase a record",
    stopped_by="-",
    noticed_by="log audit: the act is set aside, and the key is gone without one that stands",
)
def test_a_shred_by_a_forged_act_is_damage(
    postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What no key of the registry signed covers no missing key, whatever the database believed."""
    database = make_database(postgres_server)
    service = open_service(found(database, tmp_path_factory.mktemp("f") / "home"), database)
    service.start()
    try:
        one = Erasable.made(service)
        act, facts = one.erasing(), service.enclave.facts
        thieves = [SoftwareSigner.generate("Ed25519") for _ in range(3)]
        with closing(service.database.appender()) as appender:
            smuggler = Smuggler(
                service.records, appender, open_kek(service.settings), facts.origin, facts.level
            )
            for key, signer in zip(thieves, act.signers, strict=True):
                at = service.records.head().recorded_at or service.clock.now()
                made = make(
                    canonical.encode(dict(act.signed)), key, iat=int(at.timestamp()),
                    log=facts.origin, seq=_last(service) + 1,
                    prev=service.head("ledger")[1], role=signer.role,
                )  # fmt: skip
                smuggler.put(made, at)
        covered(service)
        told = one.shred(act)
        assert orjson.loads(told.stdout)["error"]["code"] == "set_aside", told.output
        said = [service.reader.open(row).envelope for row in service.records.act(UUID(act.act_id))]
        keeper(service).shred(UUID(act.act_id), said, [])
        report = one.audited()
        assert Damage.WRAP_MISSING in {f.kind for f in report.findings if f.index in one.indices}
        assert report.erased == 0
    finally:
        service.stop()
        database.close()


def _last(service: Service) -> int:
    ledger = next(row for row in service.records.read(0, 1)).stream_id
    return max(row.seq for row in service.records.stream(ledger))


@attack(
    "a record that was erased is put back from a backup of the wraps",
    stopped_by="-",
    noticed_by="log audit: the key of an erased record is there",
)
def test_an_erased_record_that_is_put_back_is_noticed(fresh: Erasable) -> None:
    """The act stands, and so does what it erased."""
    service = fresh.service
    index = fresh.indices[0]
    with psycopg.connect(service.database.admin) as admin:
        kept = admin.execute(
            "SELECT index, kek_id, stream_id, unit, wrap FROM log.wraps WHERE index = %s", [index]
        ).fetchone()
        assert kept is not None
        assert fresh.shred(fresh.erase()).exit_code == 0
        admin.execute("SET session_replication_role = replica")
        admin.execute("INSERT INTO log.wraps VALUES (%s, %s, %s, %s, %s)", kept)
        admin.commit()
        found = {(f.index, f.kind) for f in fresh.audited().findings}
        admin.execute("DELETE FROM log.wraps WHERE index = %s", [index])
    assert (index, Damage.WRAP_RESTORED) in found
