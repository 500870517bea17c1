"""R over PostgreSQL and SMTP: what is put in, asked and opened (access.md A5, A18, K1, K2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealEntropy
from api.ops.vault.mail import SmtpLetters, SmtpServer
from keys import canonical, shares
from keys.errors import Unsealable
from keys.hpke import OpeningKey
from keys.sealed_identity import Place, open_part, seal_part
from ledger.errors import NotFound
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.vault.disclosure import digest_of
from ledger.vault.identity import SealedIdentity
from ledger.vault.request import Answer, Asked, Letter, Look, Request, look_bytes, look_label
from ledger.vault.share import give
from ledger.vault.vault import Vault
from tests.attacks import attack
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database, make_database
from tests.fixtures.vault import NOW, ORIGIN, Disclosed, Kept, MailServer

pytestmark = pytest.mark.postgres
TEXT = "Kính gửi ông/bà,\r\nBcc: người.khác@example.vn\r\n\r\nĐã xử lý xong."


@dataclass
class Scene:
    """An enclave's R with its vault, and a mail server."""

    database: Database
    mail: MailServer
    kept: Kept = field(default_factory=Kept)
    clock: StepClock = field(default_factory=lambda: StepClock(NOW))

    def __post_init__(self) -> None:
        self.compartment = PostgresCompartment(self.database.pool("writer"))
        self.store = PostgresVaultStore(self.database.pool("vault"))
        self.vault = self.started()

    def started(self, server: SmtpServer | None = None) -> Vault:
        """A vault, with nothing in its memory."""
        return Vault(
            self.store,
            self.kept.contact,
            SmtpLetters(server or self.mail.server, self.clock),
            clock=self.clock.now,
            origin=ORIGIN,
            rehearsal=False,
        )

    def put(self, act: Disclosed | None = None, **more: object) -> tuple[SealedIdentity, Disclosed]:
        """A reporter, and an act that would disclose them."""
        item = self.kept.item(**more)
        act = replace(act or Disclosed(item.token), token=item.token)
        assert self.compartment.put(item, act.comp)
        return item, act

    def ask(self, asked: Asked, request_id: str | None = None) -> Answer | None:
        """What the vault says to a request, at once."""
        name = request_id or str(RealEntropy().uuid())
        sealed = Request(asked, self.clock.now()).seal(
            self.kept.contact.public, origin=ORIGIN, request_id=name
        )
        assert self.compartment.ask(name, sealed, self.kept.contact.kek_id)
        while self.vault.step():
            pass
        return self.compartment.answer(name)

    def outcome(self, asked: Asked, request_id: str | None = None) -> str | None:
        """Its code."""
        answer = self.ask(asked, request_id)
        return None if answer is None else answer.outcome

    def look(self, act: Disclosed, by: int = 0) -> tuple[Answer, dict[str, Any] | None]:
        """What signer `by` sees."""
        own = OpeningKey.generate()
        signature = act.signers[by].sign(look_bytes(ORIGIN, act.act_id, own.public.raw))
        answer = self.ask(Look(act.act_id, own.public.raw, signature))
        assert answer is not None
        if answer.sealed is None:
            return answer, None
        return answer, canonical.parse(own.open(answer.sealed, info=look_label(ORIGIN, act.act_id)))

    def due(self) -> None:
        """Whatever was put off is due, and was asked long ago."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute("UPDATE r.requests SET due = clock_timestamp()")


@pytest.fixture(scope="module")
def founded(postgres_server: Embedded) -> Iterator[Scene]:
    """One R for this file: every test has reporters of its own."""
    database = make_database(postgres_server)
    with MailServer().running() as mail:
        scene = Scene(database, mail)
        scene.store.found(scene.kept.public)
        yield scene
    database.close()


@pytest.fixture
def scene(founded: Scene) -> Iterator[Scene]:
    """With an empty letter box, at the same hour."""
    founded.clock.set(NOW)
    founded.vault = founded.started()
    founded.mail.refuses = None
    founded.mail.arrived.clear()
    yield founded
    while founded.vault.step():
        pass


# -- contact --------------------------------------------------------------------------------------


def test_an_answer_reaches_the_reporter_and_the_address_nobody_else(scene: Scene) -> None:
    """Token and text in, "sent" out (access.md K2)."""
    item, act = scene.put()
    answer = scene.ask(Letter(item.token, str(act.comp), "Đã xử lý xong."), act.act_id)
    assert answer == Answer("sent")
    (arrived,) = scene.mail.arrived
    assert arrived.to == ["nguoi.bao@example.vn"]
    assert "Đã xử lý xong." in arrived.text
    assert str(arrived.letter["Subject"]) == "Trả lời phản ánh của ông/bà"


def test_one_act_is_one_letter(scene: Scene) -> None:
    """Asked again under its id, it is answered again and not sent again."""
    item, act = scene.put()
    letter = Letter(item.token, str(act.comp), "Một lần.")
    assert [scene.outcome(letter, act.act_id) for _ in range(2)] == ["sent", "sent"]
    assert len(scene.mail.arrived) == 1


def test_who_does_not_want_to_be_written_to_is_not(scene: Scene) -> None:
    """Consent stands in R, under the seal, where no handler changes it."""
    item, act = scene.put(contact_consent=False)
    assert scene.outcome(Letter(item.token, str(act.comp), "?")) == "no_consent"
    assert not scene.mail.arrived


def test_who_left_no_address_is_named_so(scene: Scene) -> None:
    """The officer may record that the reporter cannot be reached."""
    item, act = scene.put(email=None)
    assert scene.outcome(Letter(item.token, str(act.comp), "?")) == "no_address"


@attack(
    "a handler writes to a reporter of another case by their token",
    stopped_by="the vault, where the item names its case",
    noticed_by="-",
)
def test_a_token_of_another_case_reaches_nobody(scene: Scene) -> None:
    """Also with the token: it stands in one case alone."""
    item, _ = scene.put()
    other = Disclosed(item.token)
    assert scene.outcome(Letter(item.token, str(other.comp), "?")) == "unknown"
    assert not scene.mail.arrived


@attack(
    "headers of mail in the text of an answer, or in an address",
    stopped_by="the text is encoded, an address has one plain form",
    noticed_by="-",
)
def test_nothing_of_a_text_becomes_a_header(scene: Scene) -> None:
    """No second recipient, no other subject."""
    item, act = scene.put()
    assert scene.outcome(Letter(item.token, str(act.comp), TEXT)) == "sent"
    (arrived,) = scene.mail.arrived
    assert (arrived.to, arrived.letter["Bcc"]) == (["nguoi.bao@example.vn"], None)
    assert "Bcc: người.khác@example.vn" in arrived.text


@attack(
    "an address with a line break, sealed by a client of the attacker's own",
    stopped_by="the vault asks the form once more",
    noticed_by="the answer",
)
@pytest.mark.parametrize(
    "address", ["a@b.vn\r\nBcc: c@d.vn", "a@b.vn,c@d.vn", '"a b"@c.vn', "a@b.vn\0", "a@[1.2.3.4]"]
)
def test_an_address_that_is_none_is_written_to_by_nobody(scene: Scene, address: str) -> None:
    """Intake's own client refuses it too; a client is the attacker's to change."""
    item = scene.kept.item()
    body = canonical.encode({"v": 1, "consent": True, "lang": "vi", "email": address})
    place = Place(ORIGIN, "contact", item.item, item.token)
    item = replace(item, contact=seal_part(body, scene.kept.contact.public, place))
    act = Disclosed(item.token)
    assert scene.compartment.put(item, act.comp)
    assert scene.outcome(Letter(item.token, str(act.comp), "?")) == "malformed_identity"
    assert not scene.mail.arrived


@attack(
    "the mail server's refusal names the address to whoever asked",
    stopped_by="the vault tells a code and nothing else",
    noticed_by="-",
)
def test_a_server_that_refuses_tells_the_handler_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the answer, nor the table, nor a line of the log has the address."""
    item, act = scene.put()
    scene.mail.refuses = "550 no mailbox {to} here"
    with caplog.at_level(0):
        answer = scene.ask(Letter(item.token, str(act.comp), "?"), act.act_id)
    assert answer == Answer("refused")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("socai")]
    assert len(ours) == 1
    assert not any("nguoi.bao" in line for line in ours)
    assert b"nguoi.bao" not in _whole_schema(scene)


def test_a_server_that_asks_to_come_again_is_asked_again(scene: Scene) -> None:
    """Until it takes the letter: once."""
    item, act = scene.put()
    scene.mail.refuses = "451 later"
    letter = Letter(item.token, str(act.comp), "Sau.")
    assert scene.ask(letter, act.act_id) is None
    scene.mail.refuses = None
    scene.due()
    assert scene.outcome(letter, act.act_id) == "sent"
    assert len(scene.mail.arrived) == 1


def test_a_letter_that_no_server_takes_waits_for_a_day_and_then_its_act_says_so(
    scene: Scene,
) -> None:
    """vault.md: until then nothing is said of it; afterwards it is not sent any more."""
    item, act = scene.put()
    scene.mail.refuses = "451 later"
    letter = Letter(item.token, str(act.comp), "Sau.")
    assert scene.outcome(letter, act.act_id) is None
    for hours, said in ((23, None), (25, "unreachable")):
        with psycopg.connect(scene.database.admin) as admin:
            admin.execute(
                "UPDATE r.requests SET due = clock_timestamp(), asked_at = clock_timestamp()"
                " - make_interval(hours => %s) WHERE answer IS NULL",
                [hours],
            )
        assert scene.outcome(letter, act.act_id) == said
    scene.mail.refuses = None
    scene.due()
    assert scene.outcome(letter, act.act_id) == "unreachable"
    assert not scene.mail.arrived


def test_a_vault_that_died_over_a_letter_sends_it_no_second_time(scene: Scene) -> None:
    """Nobody knows whether it went out: that is what is said."""
    item, act = scene.put()
    letter = Letter(item.token, str(act.comp), "Có thể.")
    sealed = Request(letter, scene.clock.now()).seal(
        scene.kept.contact.public, origin=ORIGIN, request_id=act.act_id
    )
    assert scene.compartment.ask(act.act_id, sealed, scene.kept.contact.kek_id)
    assert scene.store.take() is not None  # and here it dies
    scene.vault = scene.started()
    assert scene.outcome(letter, act.act_id) == "unsure"
    assert not scene.mail.arrived


def test_nothing_is_sent_over_a_line_that_is_not_encrypted(scene: Scene) -> None:
    """STARTTLS is asked for unless the operator said otherwise: the letter waits."""
    scene.vault = scene.started(replace(scene.mail.server, security="starttls"))
    item, act = scene.put()
    assert scene.ask(Letter(item.token, str(act.comp), "?"), act.act_id) is None
    assert not scene.mail.arrived


# -- opening --------------------------------------------------------------------------------------


def test_two_of_three_custodians_open_what_the_act_says(scene: Scene) -> None:
    """Whichever two; the name alone, since the act says NAME; and the reporter is told."""
    for pair in ((0, 1), (2, 0), (1, 2)):
        _, act = scene.put()
        answers = [scene.ask(scene.kept.share(place, act)) for place in pair]
        assert answers == [Answer("one_of_two"), Answer("open", notice="sent", until=act.until)]
        assert scene.look(act)[1] == {"NAME": "Nguyễn Thị Người Báo"}
    assert len(scene.mail.arrived) == 3
    assert "Cơ quan điều tra" in scene.mail.arrived[0].text


def test_a_vault_that_is_started_again_has_forgotten_what_it_was_lent(scene: Scene) -> None:
    """vault.md: the first share is given again, and what was open is closed."""
    _, act = scene.put()
    assert scene.outcome(scene.kept.share(0, act)) == "one_of_two"
    scene.vault = scene.started()
    assert scene.outcome(scene.kept.share(1, act)) == "one_of_two"
    assert scene.look(act) == (Answer("closed"), None)
    assert scene.outcome(scene.kept.share(0, act)) == "open"
    assert scene.look(act)[1] is not None
    scene.vault = scene.started()
    assert scene.look(act) == (Answer("closed"), None)


def test_the_law_may_forbid_to_tell_the_reporter(scene: Scene) -> None:
    """Then the act names the ground, and nothing is sent."""
    _, act = scene.put()
    act = replace(act, facts={"reporter_told": False, "not_told_ground": "Điều 7 khoản 2"})
    for place in (0, 1):
        answer = scene.ask(scene.kept.share(place, act))
    assert answer is not None
    assert (answer.outcome, answer.notice) == ("open", "law_forbids")
    assert not scene.mail.arrived


@attack(
    "one custodian opens an identity alone, with two shares of their own",
    stopped_by="shares of a key, of which one says nothing",
    noticed_by="-",
)
def test_one_custodian_opens_nothing(scene: Scene) -> None:
    """The same share twice is one share; so is one that was made up beside it."""
    _, act = scene.put()
    alone = [scene.outcome(scene.kept.share(0, act)) for _ in range(2)]
    assert alone == ["one_of_two", "one_of_two"]
    made_up = shares.Lent(scene.kept.shares[1], (bytes(32), bytes(32)))
    given = replace(
        scene.kept.share(0, act),
        share=give(
            made_up,
            [one.kid for one in act.signed],
            scene.kept.contact.public,
            origin=ORIGIN,
            digest=digest_of(act.signed[0].payload),
        ),
    )
    assert scene.outcome(given) == "one_of_two"
    assert scene.look(act) == (Answer("closed"), None)
    # and what was made up keeps the second custodian from nothing
    assert scene.outcome(scene.kept.share(2, act)) == "open"


@attack(
    "an identity opened by an act with two of its three signatures",
    stopped_by="the vault checks the signatures itself",
    noticed_by="-",
)
def test_two_of_three_signatures_open_nothing(scene: Scene) -> None:
    """Nor one key that signs for two, nor a signature by another key than is named."""
    _, act = scene.put()
    two = replace(act, roles=("AUTHOR", "CHECKER"))
    twice = replace(act, signers=(act.signers[0], act.signers[1], act.signers[0]))
    other = scene.kept.share(0, act)
    other = replace(other, jwks=(*other.jwks[:2], twice.signers[0].jwk))
    for given in (scene.kept.share(0, two), scene.kept.share(0, twice), other):
        assert scene.outcome(given) == "not_signed"


@attack(
    "custodians' shares for one reporter used to open another",
    stopped_by="a share is sealed for the bytes of one act",
    noticed_by="-",
)
def test_shares_for_one_act_open_no_other(scene: Scene) -> None:
    """Whoever holds the API sends them with another act."""
    _, act = scene.put()
    _, wanted = scene.put()
    for place in (0, 1):
        given = scene.kept.share(place, act)
        moved = scene.kept.share(place, wanted)
        assert scene.outcome(replace(moved, share=given.share)) == "wrong_share"
    assert scene.look(wanted)[1] is None


@attack(
    "an act signed with keys that the custodians did not see",
    stopped_by="each custodian's share names the keys",
    noticed_by="-",
)
def test_an_act_signed_by_others_than_the_custodians_saw_opens_nothing(scene: Scene) -> None:
    """The same bytes, signed anew by keys of the attacker's."""
    _, act = scene.put()
    forged = Disclosed(act.token, case=act.case, act_id=act.act_id)
    for place in (0, 1):
        seen = [one.kid for one in act.signed]
        assert scene.outcome(scene.kept.share(place, forged, kids=seen)) == "wrong_share"


@attack(
    "an identity looked at after its time",
    stopped_by="the vault forgets it, and lets nobody open it anew",
    noticed_by="-",
)
def test_after_its_time_nothing_is_open(scene: Scene) -> None:
    """By the act's end, and after 24 hours whatever the act says."""
    _, act = scene.put()
    _, long = scene.put()
    long = replace(long, until=NOW + timedelta(days=30))
    for one in (act, long):
        assert [scene.outcome(scene.kept.share(place, one)) for place in (0, 1)][-1] == "open"
    scene.clock.step(hours=6)
    assert scene.look(act) == (Answer("closed"), None)
    assert scene.outcome(scene.kept.share(2, act)) == "over"
    scene.clock.step(hours=17, minutes=59)
    assert scene.look(long)[1] is not None
    scene.clock.step(minutes=1)
    assert scene.look(long) == (Answer("closed"), None)


def test_what_custodians_opened_of_a_reporter_who_was_erased_is_shown_no_more(
    scene: Scene,
) -> None:
    """It stands in the vault's memory until its time is over; of the others nothing changes."""
    (gone, act), (_, other) = scene.put(), scene.put()
    for one in (act, other):
        assert [scene.outcome(scene.kept.share(place, one)) for place in (0, 1)][-1] == "open"
    assert scene.look(act)[1] is not None
    with psycopg.connect(scene.database.admin) as admin:
        admin.execute("DELETE FROM r.items WHERE item = %s", [gone.item])
    assert scene.look(act) == (Answer("closed"), None)
    assert scene.look(other)[1] is not None


@attack(
    "another signer, or whoever holds the API, looks at what was opened",
    stopped_by="the answer goes to a key that the act's author signed for",
    noticed_by="-",
)
def test_nobody_but_the_author_sees_what_was_opened(scene: Scene) -> None:
    """The checker of the same act is told what everybody is told."""
    _, act = scene.put()
    for place in (0, 1):
        scene.outcome(scene.kept.share(place, act))
    assert scene.look(act, by=1) == (Answer("closed"), None)
    thief = OpeningKey.generate()
    signed = act.signers[0].sign(look_bytes(ORIGIN, act.act_id, bytes(32)))
    assert scene.outcome(Look(act.act_id, thief.public.raw, signed)) == "closed"


@attack(
    "what was opened, found in the database afterwards",
    stopped_by="it stands in the vault's memory alone",
    noticed_by="-",
)
def test_what_was_opened_stands_nowhere_in_the_database(scene: Scene) -> None:
    """A vault that starts again has to be lent anew."""
    _, act = scene.put()
    for place in (0, 1):
        scene.outcome(scene.kept.share(place, act))
    assert scene.look(act)[1] is not None
    assert "Nguyễn Thị".encode() not in _whole_schema(scene)
    scene.vault = scene.started()
    assert scene.look(act) == (Answer("closed"), None)


# -- by SQL ---------------------------------------------------------------------------------------


@attack(
    "intake reads back what it sealed, with every table and the vault's mail key",
    stopped_by="the parts are sealed to keys that no server has",
    noticed_by="-",
)
def test_the_vaults_own_key_opens_no_identity(scene: Scene) -> None:
    """Whoever takes over the vault reaches addresses; who a reporter is stays with custodians."""
    item, _ = scene.put()
    place = Place(ORIGIN, "identity", item.item, item.token)
    for key in (scene.kept.contact, *scene.kept.custodians, OpeningKey.generate()):
        with pytest.raises(Unsealable):
            open_part(item.identity, key, place)
    with pytest.raises(Unsealable):
        open_part(item.contact, scene.kept.identity, replace(place, part="contact"))


@attack(
    "the API's login reads, changes or takes away what lies in R",
    stopped_by="functions that put in and ask, and no right on a table",
    noticed_by="-",
)
def test_the_writer_puts_in_and_reads_nothing_back(scene: Scene) -> None:
    """Nor by putting in again: what stands is not written over."""
    item, act = scene.put()
    other = scene.kept.item()
    assert not scene.compartment.put(replace(other, token=item.token), act.comp)
    assert not scene.compartment.put(replace(other, item=item.item), act.comp)
    assert scene.compartment.put(item, act.comp)
    for login in ("writer", "reader", "projector", "auditor", "checkpointer"):
        with psycopg.connect(scene.database.dsn(login), autocommit=True) as connection:
            for query in (
                "SELECT * FROM r.items",
                "SELECT * FROM r.requests",
                "DELETE FROM r.items",
                "UPDATE r.items SET comp = item",
                "INSERT INTO r.keys VALUES ('contact', '', '')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(query.encode())


@attack(
    "the vault's login reads the log, its views or who takes part",
    stopped_by="grants: schema r and nothing else",
    noticed_by="-",
)
def test_the_vault_reads_nothing_of_the_log(scene: Scene) -> None:
    """Every relation of the other schemas, asked as the vault."""
    with psycopg.connect(scene.database.admin) as admin:
        names = [
            str(name)
            for (name,) in admin.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('r', 'pg_catalog', 'information_schema')"
            ).fetchall()
        ]
    assert len(names) > 20
    with psycopg.connect(scene.database.dsn("vault"), autocommit=True) as connection:
        for name in names:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT 1 FROM {name}".encode())  # noqa: S608  of the catalogue


@attack(
    "the vault asked by SQL, past the API, with bytes of the attacker's",
    stopped_by="the vault opens nothing that was not sealed to it for this request",
    noticed_by="the answer",
)
def test_a_request_moved_to_another_id_is_none(scene: Scene) -> None:
    """A letter caught in the table is sent for its own act only, and once."""
    item, act = scene.put()
    letter = Letter(item.token, str(act.comp), "?")
    sealed = Request(letter, NOW).seal(
        scene.kept.contact.public, origin=ORIGIN, request_id=act.act_id
    )
    for wrong in (sealed, b"\x01" * 2_000):
        name = str(RealEntropy().uuid())
        assert scene.compartment.ask(name, wrong, scene.kept.contact.kek_id)
        while scene.vault.step():
            pass
        assert scene.compartment.answer(name) == Answer("malformed_request")
    with pytest.raises(NotFound):
        scene.compartment.answer(str(RealEntropy().uuid()))
    assert not scene.mail.arrived


@attack(
    "the vault asked by SQL, past the API, for what it falls over, again at each start",
    stopped_by="what is asked, and the act that three keys signed, is of its form or refused",
    noticed_by="the answer",
)
def test_no_request_stops_the_vault(scene: Scene) -> None:
    """Whoever has the writer's login seals what they like to it, and signs an act with own keys."""
    item, act = scene.put()
    good = scene.kept.share(0, act)
    for comp in ("", "x", "\0"):
        assert scene.outcome(Letter(item.token, comp, "?")) == "malformed_request"
        assert scene.outcome(replace(good, comp=comp)) == "malformed_request"
    for token in ("", "sealed:0", "sealed:\0"):
        assert scene.outcome(Letter(token, str(act.comp), "?")) == "malformed_request"
    forged: dict[str, list[Any]] = {
        "until": ["2026-12-01", "2026-12-01T00:00:00", 1, "", []],
        "reporter": ["", "sealed:\0", 1, {}, []],
        "disclosed_to": [1, {}, []],
        "legal_ground": [1, {}, []],
    }
    for name, values in forged.items():
        for value in values:
            made = replace(Disclosed(item.token, case=act.case), facts={name: value})
            assert scene.outcome(scene.kept.share(0, made)) == "not_signed", (name, value)
    lent = shares.lend(scene.kept.shares[0], scene.kept.custodians[0])
    unnamed = replace(lent, share=replace(lent.share, secret=shares.Named(OpeningKey.alg, "?")))
    own = Disclosed(item.token, case=act.case)
    sealed = give(
        unnamed, [one.kid for one in own.signed], scene.kept.contact.public, origin=ORIGIN,
        digest=digest_of(own.signed[0].payload),
    )  # fmt: skip
    assert scene.outcome(replace(scene.kept.share(0, own), share=sealed)) == "wrong_share"
    nobody: Any = ["a list"]
    made = Disclosed(item.token, case=act.case, act_id=nobody)
    assert scene.outcome(scene.kept.share(0, made)) == "not_signed"
    assert scene.outcome(Letter(item.token, str(act.comp), "?")) == "sent"


def test_an_enclave_without_r_takes_no_identity(database: Database) -> None:
    """What is sealed to keys that nobody founded would be lost."""
    compartment = PostgresCompartment(database.pool("writer"))
    assert compartment.keys() is None
    act = Disclosed("sealed:0")
    assert not compartment.put(Kept().item(), act.comp)
    assert compartment.holds(str(RealEntropy().uuid()), f"sealed:{RealEntropy().uuid()}", act.comp)


def _whole_schema(scene: Scene) -> bytes:
    """Every byte of R's tables, as whoever owns the server sees them."""
    found = bytearray()
    with psycopg.connect(scene.database.admin) as admin:
        for table in ("items", "keys", "requests"):
            for row in admin.execute(f"TABLE r.{table}".encode()).fetchall():
                for value in row:
                    found += value if isinstance(value, bytes) else str(value).encode()
    return bytes(found)
