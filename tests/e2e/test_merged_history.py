"""A case of a lower log in the history of one above, for whom a grant there names it (F5, F13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from api.cli.main import main
from api.ops.embedded_postgres import Embedded
from api.ops.keeper.asking import KeeperLine, KeeperRefused
from api.ops.wiring.key_files import open_kek
from keys.canonical import b64
from keys.custody.file import write_key
from keys.envelope_encryption import unwrap
from ledger.log.moment import stamp
from ledger.log.statement import parse_flattened
from ledger.mirror.taking_in import Mirror, TakenIn
from ledger.mirror.unit import ref_of
from ledger.postgres.mirror.mirrored import PostgresMirror, trust
from ledger.reads.access_logged import AccessRow, WrapsRow
from ledger.reads.read import ReadBy
from ledger.regulation.acts.act import parse_act
from ledger.streams.record_reader import Reader
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.attacks import attack
from tests.builders import an_act, an_id, officer
from tests.fixtures.above import OTHER, STRANGER, WHOLE, Above, holder, opened
from tests.fixtures.app import listening
from tests.fixtures.page_reader import PageReader
from tests.fixtures.under_order import noted
from tests.mirrored import Above as Taking
from tests.mirrored import Below

pytestmark = pytest.mark.postgres
GRANTED = "npgd"
"""Holds the first annex, and is granted the case below by the case above."""


class Joined:
    """A case above, and one below that a grant in it names.

    Attributes:
        above: The enclave above with its case.
        below: The log below.
        first: Index of the first record of the case below.
        files: What that lists: one that comes, and one that is lost below.
        taking: What takes its segments in there.
    """

    def __init__(self, above: Above) -> None:
        self.above, self.below = above, Below.founded()
        self._story = builders.Story(
            f"case/{an_id('a case below')}", start=self.below.a.clock.now()
        )
        self.files = [self.below.upload(b"a scan of the report"), self.below.upload(b"lost")]
        del self.below.files[self.files[1]["digest"]]
        for name in ("ReportReceived", "CaseRegistered", "CompetenceDetermined"):
            oral = {"attachments": self.files, "channel": "PHONE"}
            self._story.then(name, **(oral if name == "ReportReceived" else {}))
        self.first = self.below.tell(self._story, upto=2)
        self.taking, service = Taking(self.below), above.service
        lower, database = self.below.lower, service.database
        trust(database.pool("migrator"), lower.origin, lower.level, lower.genesis)
        self.store = PostgresMirror(database.pool("importer"), lower.origin)
        self.kek = open_kek(service.settings)

    @property
    def case(self) -> str:
        """Name of the case below."""
        return self.below.read(self.first, 1)[0].stream

    def more(self) -> None:
        """What happens next in the case below: two statements."""
        self.below.tell(self._story, after=2)

    def withdraw(self, act_id: str) -> str:
        """Withdraws content below, on a ground of the common list; the act."""
        for alias in ("gd", "pgd"):
            powers, now = ["CONTENT_AUTHORITY", "SUPERVISOR"], self.below.a.clock.now()
            self.below.a.say(appointment(alias, now, powers=powers), "founder")
            if alias == "pgd":
                self.below.a.say(enrolment(alias, now), "founder")
        self._story.later(hours=1)
        facts = {"withdrawn": [act_id], "ground": "NOT_FOR_THIS_LOG"}
        entry = self._story.then("ContentWithdrawn", facts=facts)
        self.below.tell(self._story, after=2)
        return entry.act.act_id

    def whole_below(self) -> str:
        """Everything that the log below says, in one text."""
        a = self.below.a
        rows = self.below.read(0, a.stores.records.head().size)
        reader = Reader(self.below.store, a.keys.kek, a.origin, "ordinary")
        opened = [reader.open(row).statement for row in rows if row.wrap is not None]
        return " ".join(orjson.dumps(one.members).decode() for one in opened if one is not None)

    def bring(self) -> TakenIn:
        """Publishes what is new below, and takes it in above."""
        mirror = Mirror(self.store, self.kek, self.below.lower, "mat", self.taking.now)
        return mirror.take(self.taking.opened(self.below.publish()))

    def grant(self, alias: str, *, stream: str | None = None, index: int | None = None) -> str:
        """A grant above by which somebody is shown the case below; its id."""
        service = self.above.service
        named = self.below.read(self.first if index is None else index, 1)[0]
        facts = {
            "officer": officer(alias),
            "until": (service.clock.now() + timedelta(days=30)).isoformat(timespec="seconds"),
            "low_ref": {"log": self.below.a.origin, "act_id": str(named.act_id)},
        }  # fmt: skip
        return self.say(
            "ParticipationGranted", "nst", "ca", facts={"scope": "CASE", **facts}, stream=stream
        )

    def say(self, name: str, *by: str, stream: str | None = None, **more: Any) -> str:  # noqa: ANN401 - members of an act
        """An act above by its signers, two if left out; its id."""
        service = self.above.service
        author, *also = by or ("nst", "ctq")
        now = service.clock.now()
        act = an_act(
            name, by=author, also=also, level="mat", when=now,
            stream=stream or self.above.stream, act_id=an_id(f"{name} {service.size()}"), **more,
        )  # fmt: skip
        service.step(minutes=1)
        service.known(service.say(act, author, *also)["index"])
        self.above.fold()
        return act.act_id

    def seen(self) -> list[dict[str, Any]]:
        """What an author above is shown of the lower log."""
        found = self.get("/v1/lower-logs", STRANGER)
        assert found.status_code == 200, found.text
        return [
            {name: one[name] for name in ("log", "size", "root")}
            for one in found.get_json()["logs"]
        ]

    def get(self, path: str, by: str | None) -> TestResponse:
        """What somebody is answered."""
        service = self.above.service
        return service.client.get(path, headers=service.headers(by), buffered=True)

    def history(self, by: str = GRANTED) -> list[dict[str, Any]]:
        """The timeline of the case above."""
        found = self.get(f"/v1/cases/{self.above.case}/acts", by)
        assert found.status_code == 200, found.text
        acts: list[dict[str, Any]] = found.get_json()["acts"]
        return acts

    def rows(self, alias: str) -> list[AccessRow]:
        """What is noted of somebody's reads of the case below."""
        every = [row for row in noted(self.above.service) if row.read.stream == self.case]
        return [row for row in every if row.read.session.officer == officer(alias)]


@pytest.fixture
def joined(postgres_server: Embedded, tmp_path: Path) -> Iterator[Joined]:
    """Both enclaves, with nothing brought up and nobody let in."""
    with opened(postgres_server, tmp_path / "home", "mat") as above:
        yield Joined(above)


def _kinds(acts: list[dict[str, Any]]) -> list[str]:
    return [f"{'↓' if 'mirrored' in one else ''}{one['act']}" for one in acts]


def test_the_history_above_shows_the_case_below_with_its_mark(joined: Joined) -> None:
    """What came before an act above stands before it, what came later behind it."""
    joined.bring()
    granted = joined.grant(GRANTED)
    seen = joined.seen()
    joined.say("SecretLossReported", "nst", facts={"kind": "SUSPECTED", "seen": seen})
    joined.more()
    taken = joined.bring()
    low = ["↓ReportReceived", "↓CaseRegistered"]
    later = ["SecretLossReported", "↓CompetenceDetermined"]
    own = ["ClassificationAssigned", "SecretLossReported", *["ParticipationGranted"] * 2]
    assert _kinds(joined.history()) == [*own, *low, *later]
    copies = [one for one in joined.history() if "mirrored" in one]
    segments = joined.store.segments()
    for one, segment in zip(copies, (segments[0], segments[0], segments[-1]), strict=True):
        mark = one["mirrored"]
        assert (mark["log"], mark["level"], mark["shown_by"]) == (
            joined.below.a.origin, "ordinary", granted,
        )  # fmt: skip
        assert mark["taken_in_at"] == stamp(segment.taken_at)
        assert one["stream"] == joined.case
        assert [line["verdict"] for line in one["statements"]] == ["VALID"] * len(one["statements"])
    assert [one["flags"] for one in copies] == [["ORAL_UNCONFIRMED"], [], []]
    assert copies[0]["statements"][0]["index"] == joined.first
    assert copies[-1]["statements"][-1]["effect"]
    assert copies[-1]["statements"][-1]["state_after"] == "VERIFYING"
    file = joined.get(f"/v1/cases/{joined.above.case}", GRANTED).get_json()
    (case,) = file["mirrored"]
    assert (case["stream"], case["statements"], case["records"]) == (joined.case, 4, taken.size)


def test_pages_are_of_one_moment_whatever_is_brought_between(joined: Joined) -> None:
    """Nothing twice and nothing left out, where a segment is taken in between two pages."""
    joined.bring()
    joined.grant(GRANTED)
    whole = [one["act_id"] for one in joined.history()]
    path, found = f"/v1/cases/{joined.above.case}/acts?limit=2", list[str]()
    page = joined.get(path, GRANTED).get_json()
    joined.more()
    joined.bring()
    while True:
        found += [one["act_id"] for one in page["acts"]]
        if "next" not in page:
            break
        page = joined.get(f"{path}&cursor={page['next']}", GRANTED).get_json()
    assert found == whole


def test_an_agency_of_the_lower_log_alone_is_one_to_filter_by(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeline offers it, and the registry here may not know it; a mistyped one is refused."""
    joined.bring()
    joined.grant(GRANTED)
    known = joined.above.service.enclave.queries.registries.at().registry
    theirs, _ = builders.CAST["hotline"]
    monkeypatch.delitem(known.agencies._agencies, theirs)
    path = f"/v1/cases/{joined.above.case}/acts?agency="
    assert theirs in joined.get(f"{path}{theirs}", GRANTED).get_json()["agencies"]
    assert _kinds(joined.get(f"{path}{theirs}", GRANTED).get_json()["acts"]) == [
        "↓ReportReceived", "↓CaseRegistered",
    ]  # fmt: skip
    assert joined.get(f"{path}bacninh.nobody", GRANTED).status_code == 400


@attack(
    "the case below is looked for above by whom no grant there names it to",
    stopped_by="row policies of the mirror, asked once more by the records of the case above (F13)",
    noticed_by="-",
)
def test_whom_no_grant_names_is_told_what_is_told_of_nothing(joined: Joined) -> None:
    """Byte for byte as where nothing was brought up (N1): timeline, file, and both ids."""
    paths = [f"/v1/cases/{joined.above.case}{part}" for part in ("", "/acts", "/verification")] + [
        f"/v1/cases/{joined.case.partition('/')[2]}{part}" for part in ("", "/acts")
    ]
    paths += [f"/v1/acts/{joined.below.read(joined.first, 1)[0].act_id}", "/v1/cases"]
    joined.grant(GRANTED)  # it names what is not here yet

    def told() -> list[tuple[int, bytes]]:
        answers = [joined.get(path, by) for by in (WHOLE, OTHER, STRANGER) for path in paths]
        return [(one.status_code, _plain(one.data)) for one in answers]

    before = told()
    joined.bring()
    assert told() == before
    assert "↓ReportReceived" in _kinds(joined.history())
    assert not joined.rows(WHOLE)


def _plain(body: bytes) -> bytes:
    """Without what names the request."""
    told = orjson.loads(body)
    told.pop("trace_id", None)
    told.pop("checkpoint", None)
    return orjson.dumps(told)


def test_each_look_at_it_is_a_row_of_the_reader_s_own_log(joined: Joined) -> None:
    """By which grant, for which ground, of which case below (U1, F7)."""
    joined.bring()
    granted = joined.grant(GRANTED)
    joined.history()
    joined.get(f"/v1/cases/{joined.above.case}", GRANTED)
    rows = joined.rows(GRANTED)
    assert [row.read.kind for row in rows] == ["RECORD", "CASE_FILE"]
    assert {(row.read.rule, row.read.via, row.read.records) for row in rows} == {
        ("A7", granted, ())
    }
    assert all(row.read.purpose for row in rows)


def test_a_grant_that_is_revoked_or_of_another_case_shows_nothing(joined: Joined) -> None:
    """At once; and what a grant in one case shows stands in no other."""
    joined.bring()
    granted = joined.grant(GRANTED)
    assert "↓ReportReceived" in _kinds(joined.history())
    facts = {"grant": granted, "officer": officer(GRANTED)}
    joined.say("ParticipationRevoked", "ca", facts=facts)
    assert "↓ReportReceived" not in _kinds(joined.history())


@attack(
    "a row of the audience is planted that shows a case of the mirror",
    stopped_by="asked once more by the records of the case above (access.md G17)",
    noticed_by="log audit",
)
def test_a_planted_row_shows_no_case_below(joined: Joined) -> None:
    """By whoever has the projector's login; the database shows it, and the answer does not."""
    joined.bring()
    granted = joined.grant(GRANTED)
    with joined.above.service.database.pool("projector").connection() as connection:
        connection.execute(
            "INSERT INTO sec.audience SELECT gen, comp, %s, act, via, opened, until"
            " FROM sec.audience WHERE act = %s",
            [UUID(officer(WHOLE)), ref_of(joined.below.a.origin, _first_act(joined))],
        )
    assert granted
    assert "↓ReportReceived" not in _kinds(joined.history(WHOLE))
    assert not joined.rows(WHOLE)


def _first_act(joined: Joined) -> str:
    return str(joined.below.read(joined.first, 1)[0].act_id)


def _file_path(joined: Joined, n: int = 0, *, act: str | None = None) -> str:
    named, digest = act or _first_act(joined), joined.files[n]["digest"]
    return f"/v1/cases/{joined.above.case}/lower-acts/{named}/attachments/{digest}"


def test_a_case_below_is_opened_with_its_files(joined: Joined) -> None:
    """Byte for byte, for whom the grant names and nobody else; each read a row of its own (F13)."""
    joined.bring()
    granted = joined.grant(GRANTED)
    found = joined.get(_file_path(joined), GRANTED)
    assert (found.status_code, found.data) == (200, b"a scan of the report")
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["Demonstration"]
    assert "bien-ban.pdf" in found.headers["Content-Disposition"]
    (row,) = joined.rows(GRANTED)
    assert (row.read.kind, row.read.rule, row.read.via) == ("ATTACHMENT", "A7", granted)
    for path, by in (
        (_file_path(joined), WHOLE),
        (_file_path(joined), STRANGER),
        (_file_path(joined, 1), WHOLE),
        (_file_path(joined, act=an_id("nothing")), GRANTED),
        (_file_path(joined).replace(joined.above.case, an_id("another case")), GRANTED),
    ):
        hidden = joined.get(path, by)
        assert (hidden.status_code, hidden.get_json()["code"]) == (404, "not_found"), path
    assert not joined.rows(WHOLE)
    lost = joined.get(_file_path(joined, 1), GRANTED)
    assert (lost.status_code, lost.get_json()["code"]) == (404, "file_left_out")
    assert joined.files[1]["digest"] in lost.get_json()["detail"]
    reported, *others = [one["mirrored"] for one in joined.history() if "mirrored" in one]
    assert reported["left_out"] == [joined.files[1]["digest"]]
    assert {one for other in others for one in other["left_out"]} == set()
    pages = PageReader(joined.above.service).sign_in(GRANTED)
    shown = pages.get(f"/ho-so/{joined.above.case}/tai-lieu").text
    assert shown.count("did not come with its act: ask whoever keeps the lower log") == 1
    assert joined.files[1]["digest"] in shown
    assert f"tep-cap-duoi/{_first_act(joined)}/{joined.files[0]['digest']}" in shown
    facts = {"grant": granted, "officer": officer(GRANTED)}
    joined.say("ParticipationRevoked", "ca", facts=facts)
    assert joined.get(_file_path(joined), GRANTED).status_code == 404


def test_a_file_below_is_opened_against_a_row_that_names_its_record(joined: Joined) -> None:
    """Its key is its record's, so the keeper opens nothing new; a changed file is never sent."""
    joined.bring()
    joined.grant(GRANTED)
    with psycopg.connect(joined.above.service.database.admin, autocommit=True) as owner:
        owner.execute("ALTER TABLE mirror.files DISABLE TRIGGER USER")
        owner.execute(
            "UPDATE mirror.files SET state = set_byte(state, 20, get_byte(state, 20) # 1)"
            " WHERE n = 0"
        )
    assert joined.get(_file_path(joined), GRANTED).get_json()["code"] == "evidence_fails"


def test_an_erasure_below_takes_the_file_above_with_it(joined: Joined) -> None:
    """The key with the record's, and the bytes in the same transaction (F15)."""
    joined.bring()
    joined.grant(GRANTED)
    assert joined.get(_file_path(joined), GRANTED).status_code == 200
    joined.below.erase(joined.first)
    joined.bring()
    assert joined.get(_file_path(joined), GRANTED).status_code == 404
    with psycopg.connect(joined.above.service.database.admin) as owner:
        assert owner.execute("SELECT count(*) FROM mirror.files").fetchone() == (0,)


def test_an_erasure_below_takes_the_content_out_of_the_history(joined: Joined) -> None:
    """The place stays, with the act that erased it (F15)."""
    joined.bring()
    joined.grant(GRANTED)
    act = joined.below.erase(joined.first)
    joined.bring()
    erased, kept = (one for one in joined.history() if "mirrored" in one)
    assert (erased["payload"], erased["act"], erased["erased_by"]) == (None, None, str(act))
    assert [line["verdict"] for line in erased["statements"]] == ["ERASED"]
    assert kept["act"] == "CaseRegistered"


def test_the_history_at_a_terminal_says_what_is_a_copy(joined: Joined, tmp_path: Path) -> None:
    """Its marks, in both languages; the words below the table in 80 columns."""
    joined.bring()
    joined.grant(GRANTED)
    with listening(joined.above.service) as url:
        for lang, words, lost in (
            ("vi", "Bản sao đã kiểm chứng", "(thiếu"),
            ("en", "Verified copy", "(without"),
        ):
            case = joined.above.case
            told = _typed(joined, tmp_path, url, lang, GRANTED, "case", "history", case)
            into = tmp_path / f"{lang}.pdf"
            named = (_first_act(joined), joined.files[0]["digest"], "--output", str(into))
            _typed(
                joined, tmp_path, url, lang, GRANTED, "attachment", "get", "--case", case, *named
            )
            assert into.read_bytes() == b"a scan of the report"
            assert words in " ".join(told.split())
            assert lost in " ".join(told.split())
            assert f"↓#{joined.first}" in told
            _, _, mark = told.partition("↓ ")
            assert max(map(len, mark.partition(".\n")[0].splitlines())) <= 80


@attack(
    "an API process that was taken over has what is mirrored opened, unnoted or by another row",
    stopped_by="the keeper opens of a lower log what a row names of that log (U3)",
    noticed_by="the keeper's log",
)
def test_a_lower_log_is_opened_against_a_row_that_names_it(joined: Joined) -> None:
    """As a record that everybody reads, and by a row that names the same index of the own log."""
    joined.bring()
    service, origin, first = joined.above.service, joined.below.a.origin, joined.first
    (row,) = joined.store.read(first, 1)
    key = unwrap(joined.kek, row.wrap or b"", origin=origin, entry=row.entry)
    by = ReadBy(officer(GRANTED), builders.key(GRANTED).kid)
    places = service.enclave.access_log.noting.note_opens(
        [WrapsRow((first,), by, log=log) for log in (None, origin)]
    )
    with closing(KeeperLine(service.settings.keeper_socket, patience_s=0)) as line:
        with pytest.raises(KeeperRefused, match="against a row alone"):
            line.ask(op="registry", indices=[first], log=origin)
        told = []
        for place in places:
            asked = [[str(place.stream_id), place.seq]]
            answer = line.ask(op="open", places=asked, by=[by.officer, by.kid])
            told.append(answer["keys"][0][1])
    assert told[0] != b64(key)
    assert told[1] == b64(key)


def test_an_act_above_says_what_its_author_was_shown(joined: Joined, tmp_path: Path) -> None:
    """Filled in by the server's draft and by `socai act sign`; held to what was taken in."""
    joined.bring()
    (seen,) = joined.seen()
    service = joined.above.service
    now, stream = service.step(minutes=1), joined.above.stream
    draft = an_act("SecretLossReported", by="nst", also=[], level="mat", when=now, stream=stream)
    fields: dict[str, Any] = dict(draft.members)
    kid = builders.key("nst").kid
    headers = service.headers("nst")
    asked = {"act": fields, "kid": kid}
    drafted = service.client.post("/v1/acts/prepare", json=asked, headers=headers).get_json()
    assert drafted["shown"]["facts"]["seen"] == [seen]
    (tmp_path / "act.json").write_bytes(orjson.dumps(fields))
    with listening(service) as url:
        signed = _typed(joined, tmp_path, url, "en", "nst", "act", "sign", f"{tmp_path}/act.json")
    statement = parse_flattened(signed.splitlines()[-1].encode())
    assert statement.members["facts"]["seen"] == [seen]
    for wrong in ({"size": seen["size"] + 1}, {"log": "b.example/ordinary"}):
        told = {**fields, "act_id": an_id(f"{wrong}")}
        told["facts"] = {**fields["facts"], "seen": [{**seen, **wrong}]}
        act = parse_act(told, level="mat")
        size = service.size()
        refused = service.send(service.sign(act, "nst"), "nst")
        assert (refused.status_code, refused.get_json()["code"]) == (422, "lower_log_unknown")
        assert service.size() == size


def _typed(joined: Joined, folder: Path, url: str, lang: str, by: str, *words: str) -> str:
    phrase, key = folder / "phrase", folder / "one.socaikey"
    phrase.write_bytes(b"of one officer")
    phrase.chmod(0o600)
    key.unlink(missing_ok=True)
    write_key(key, builders.key(by), b"of one officer", t=1, p=1, m_kib=64)
    env = {"SOCAI_PASSPHRASE_FILE": str(phrase), "SOCAI_HOME": str(folder / "none"),
           "COLUMNS": "80"}  # fmt: skip
    command = ["--lang", lang, *words, "--key", str(key)]
    command += ["--server", url, "--log", joined.above.service.enclave.facts.origin]
    found = CliRunner().invoke(main, command, env=env)
    assert found.exit_code == 0, found.output
    return found.stdout


@attack(
    "whoever is below learns from a withdrawal that its content was raised",
    stopped_by="one act and common grounds for every withdrawal; two acts in two logs (A16)",
    noticed_by="-",
)
def test_what_was_entered_too_low_is_withdrawn_below_and_entered_above(joined: Joined) -> None:
    """A16: two acts by people with a session in each; below nothing says that it was raised."""
    joined.bring()
    joined.grant(GRANTED)
    low = joined.below.read(joined.first, 1)[0]
    named = {"log": joined.below.a.origin, "act_id": str(low.act_id)}
    raised = joined.say("ClassificationAssigned", facts=_raised(joined, named))
    held = joined.get(f"/v1/acts/{raised}", GRANTED).get_json()["payload"]
    assert held["facts"]["low_ref"] == named

    withdrawn = joined.withdraw(str(low.act_id))
    taken = joined.bring()
    shown = next(one for one in joined.history() if one["act_id"] == str(low.act_id))
    assert (taken.erased, shown["act"]) == (0, "ReportReceived")  # withdrawn, and not erased yet
    assert "↓ContentWithdrawn" in _kinds(joined.history())

    joined.below.erase(joined.first)
    assert joined.bring().erased == 1
    first, *_ = (one for one in joined.history() if "mirrored" in one)
    assert (first["act_id"], first["payload"]) == (str(low.act_id), None)
    kept = joined.get(f"/v1/acts/{raised}", GRANTED).get_json()["payload"]
    assert kept["facts"]["reason"] == held["facts"]["reason"] == RAISED

    # V7: whatever is below has nothing of what was written above
    told = joined.whole_below()
    assert withdrawn in told
    (line, *_) = joined.get(f"/v1/acts/{raised}", GRANTED).get_json()["statements"]
    facts = held["facts"]
    minted = [held["act_id"], held["stream"][5:], held["occurred_at"], line["entry"], line["kid"]]
    for text in (*minted, facts["unit"], facts["reason"], facts["first_holders"][0]["until"]):
        assert text not in told, text


RAISED = "Nội dung này thuộc mục của danh mục, đã ghi nhầm ở sổ thấp hơn"


def _raised(joined: Joined, named: dict[str, str]) -> dict[str, Any]:
    """What enters above what stands below, as a document of its own."""
    end = joined.above.service.clock.now() + timedelta(days=60)
    until = end.isoformat(timespec="seconds")
    return {
        "unit": an_id("what was entered too low"), "level": "MAT", "reason": RAISED,
        "assigned_on": "2026-10-20", "protect_until": "2030-01-01",
        "first_holders": [holder(GRANTED, until)], "low_ref": named,
    }  # fmt: skip
