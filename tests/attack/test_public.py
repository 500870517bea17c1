"""What anybody reads without signing in: what acts say to everybody, and nothing else (A3, G6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from keys import canonical
from ledger.regulation.acts.act import Act
from projections.views import public_acts
from tests.a_ledger import appointment, enrolment
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.above import Above
from tests.fixtures.app import Service, listening
from tests.fixtures.compartments import Compartments
from tests.fixtures.erasable import Erasable

pytestmark = pytest.mark.postgres

RELEASE: Final = "OfficialInformationReleased"
SAID: Final = "Thong tin chinh thuc so mot ve viec gia dinh"
INTERNAL: Final = "Chi luu hanh trong co quan"
NAMED: Final = "nguyễn văn an đã đăng nội dung sai về việc này."


@dataclass
class Told:
    """A case of which some is public.

    Attributes:
        world: It.
        acts: By what a test calls them.
    """

    world: Compartments
    acts: dict[str, Act] = field(default_factory=dict)

    def say(self, called: str, name: str, *by: str, **more: Any) -> Act:  # noqa: ANN401
        """An act of the hidden case, signed by so many of its signers."""
        service = self.world.service
        when = service.step(minutes=1)
        with service.enclave.ledger._memory.fresh(self.world.stream) as current:
            act = an_act(name, when=when, within=current.state, **more)
        service.say(act, *by)
        self.acts[called] = act
        return act

    def id(self, called: str) -> str:
        """Of an act."""
        return self.acts[called].act_id

    def folded(self) -> None:
        """Waits until what is public has come to the last record."""
        _folded(self.world.service)

    def asked(self, path: str = "", **query: Any) -> Any:  # noqa: ANN401  JSON
        """What anybody is answered."""
        answer = self.world.service.get(f"/v1/public/acts{path}", None, **query)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def cli(self, *words: str, lang: str = "en") -> Result:
        """A command of somebody without a key."""
        with listening(self.world.service) as url:
            return CliRunner().invoke(
                main, ["--lang", lang, *words, "--server", url], env={"SOCAI_HOME": "/nowhere"}
            )


def _folded(service: Service) -> None:
    until = monotonic() + 60
    while service.enclave.queries.positions.index(public_acts.NAME) < service.size() - 1:
        assert monotonic() < until, "the view does not come on"
        sleep(0.05)


@pytest.fixture(scope="module")
def told(compartments: Compartments) -> Told:
    """Published, internal, waiting, withdrawn, and what seems to name somebody."""
    made, both = Told(compartments), ("cv", "ppn")
    service = compartments.service
    service.hire("ppn")
    powers = ["CONTENT_AUTHORITY", "SUPERVISOR"]
    service.say(appointment("pgd", service.clock.now(), powers=powers), "founder")
    service.say(enrolment("pgd", service.clock.now()), "founder")
    made.say("said", RELEASE, *both, circulation="PUBLIC", facts={"summary": SAID})
    made.say("internal", RELEASE, *both, circulation="INTERNAL", facts={"summary": INTERNAL})
    made.say("waits", RELEASE, "cv", circulation="PUBLIC", facts={"summary": "Dang cho ky"})
    made.say("gone", RELEASE, *both, circulation="PUBLIC", facts={"summary": "Se bi rut"})
    made.say("named", RELEASE, *both, circulation="PUBLIC", facts={"summary": NAMED})
    made.say("of a case", "ReportReceived", "hotline", circulation="PUBLIC")
    gone = {"withdrawn": [made.id("gone")]}
    made.say("withdrawal", "ContentWithdrawn", "pgd", "gd", by="pgd", also=["gd"], facts=gone)
    made.folded()
    return made


@attack(
    "somebody who has not signed in reads an act that is internal, waits, was withdrawn, names a"
    " person, or speaks to nobody outside",
    stopped_by="a view of what acts say to everybody, by types and facts that the rules name (A3)",
    noticed_by="-",
)
def test_nothing_is_public_but_what_says_so_and_is_effective(told: Told) -> None:
    """In the list and by its id; each of them answers what an absent one answers."""
    assert [one["act_id"] for one in told.asked()["acts"]] == [told.id("said")]
    get = told.world.service.get
    absent = get(f"/v1/public/acts/{an_id('nothing')}", None)
    assert absent.status_code == 404
    for called in ("internal", "waits", "gone", "named", "of a case", "withdrawal"):
        hidden = get(f"/v1/public/acts/{told.id(called)}", None)
        assert (hidden.status_code, hidden.get_json()["code"]) == (404, "not_found"), called
        trace = hidden.headers["X-Request-Id"], absent.headers["X-Request-Id"]
        assert hidden.text.replace(*trace) == absent.text, called
    assert get("/v1/public/acts/1", None).status_code == 404


def test_a_publication_tells_of_no_case_officer_or_record(told: Told) -> None:
    """No number, no source, no finding; no figure of how many there are."""
    one = told.asked(f"/{told.id('said')}")
    assert set(one["facts"]) == {
        "summary", "channels", "spokesperson_post", "verified", "text_digest"
    }  # fmt: skip
    assert one["facts"]["summary"] == SAID
    page = told.world.service.get("/v1/public/acts", None)
    for word in (told.world.hidden.case, "2024/0187", "index", "sources", "officer", "total"):
        assert word not in page.text, word
        assert word not in str(one), word
    assert set(page.get_json()) <= {"acts", "next", "rehearsal"}
    assert page.headers["Cache-Control"] == "public, no-cache"
    assert "Ledger-Index" not in page.headers
    again = {"If-None-Match": page.headers["ETag"]}
    assert told.world.service.get("/v1/public/acts", None, headers=again).status_code == 304


def test_filters_and_pages_are_of_what_is_public(told: Told) -> None:
    """A cursor is of its filters; an agency that there is not has published nothing."""
    assert told.asked(agency="bacninh.stttt")["acts"] == told.asked(act=RELEASE)["acts"]
    assert told.asked(agency="bacninh.nowhere")["acts"] == []
    assert told.asked(act="CorrectionPublished")["acts"] == []
    assert "next" not in told.asked(limit=1)
    bad = told.world.service.get("/v1/public/acts", None, cursor="AAAA")
    assert bad.get_json()["code"] == "bad_cursor"


@attack(
    "at a terminal without a key an internal act is asked for",
    stopped_by="the API's one answer (A3)",
    noticed_by="-",
)
def test_at_a_terminal_nobody_signs_in_and_nothing_internal_is_shown(told: Told) -> None:
    """What is published is; in both languages, and as JSON."""
    for lang in ("vi", "en"):
        listed = told.cli("public", lang=lang)
        assert listed.exit_code == 0, listed.output
        assert told.id("said") in listed.stdout
        for called in (told.id("said"), told.id("said")[:8]):
            assert SAID in told.cli("public", called, lang=lang).stdout
        none = told.cli("public", told.id("internal")[:8], lang=lang)
        assert (none.exit_code, none.stdout) == (2, ""), "as if there were none"
        for called in ("internal", "waits", "gone", "named"):
            assert told.id(called) not in listed.stdout
            refused = told.cli("public", told.id(called), lang=lang)
            assert (refused.exit_code, refused.stdout) == (1, ""), refused.output
            assert "Traceback" not in refused.stderr
    assert f'"{told.id("said")}"' in told.cli("public", "--json").stdout
    assert all(len(line) <= 80 for line in told.cli("public").stdout.splitlines())
    wrong = told.cli("public", "--act", "OfficialInformationRelease")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert RELEASE in wrong.stderr  # what is near


@attack(
    "whoever has the login that serves everybody reads anything else",
    stopped_by="grants: the columns of proj.public_acts, and which generation is read (G6)",
    noticed_by="-",
)
def test_the_public_login_reads_what_is_public_and_nothing_else(told: Told) -> None:
    """Not the stream that a row came from, either; and it writes nothing, anywhere."""
    database = told.world.service.database
    with psycopg.connect(database.dsn("public"), autocommit=True) as public:
        rows = public.execute("SELECT act_id FROM proj.public_acts").fetchall()
        assert rows == [(UUID(told.id("said")),)]
        for query in (
            "SELECT stream FROM proj.public_acts",
            "SELECT * FROM proj.public_acts",
            "SELECT payload FROM proj.acts",
            "SELECT body FROM proj.case_file",
            "SELECT position FROM proj.views",
            "SELECT state FROM log.records",
            "SELECT wrap FROM log.wraps",
            "SELECT name FROM log.streams",
            "SELECT officer FROM sec.members",
            "DELETE FROM proj.public_acts",
            "UPDATE proj.public_acts SET corrected = true",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                public.execute(query.encode())


def test_a_correction_shows_at_what_it_corrects(told: Told) -> None:
    """One that is internal marks it and is not named; a public one names it and is named."""
    told.say(
        "quietly", "CorrectionPublished", "cv", "ppn", also=["ppn"], circulation="INTERNAL",
        facts={"release": told.id("said")},
    )  # fmt: skip
    told.folded()
    one = told.asked(f"/{told.id('said')}")
    assert (one["corrected"], one["corrected_by"]) == (True, [])
    told.say(
        "aloud", "CorrectionPublished", "cv", "ppn", also=["ppn"], circulation="PUBLIC",
        facts={"release": told.id("said")},
    )  # fmt: skip
    told.folded()
    one = told.asked(f"/{told.id('said')}")
    assert (one["corrected"], one["corrected_by"]) == (True, [told.id("aloud")])
    assert told.asked(f"/{told.id('aloud')}")["corrects"] == told.id("said")
    first, rest = told.asked(limit=1), told.asked(limit=1, cursor=told.asked(limit=1)["next"])
    assert [a["act_id"] for a in (*first["acts"], *rest["acts"])] == [
        told.id("aloud"), told.id("said")
    ]  # fmt: skip
    assert "next" not in rest


def test_what_is_erased_is_public_no_more(service: Service) -> None:
    """As soon as the act of erasure is effective and folded, before the key is destroyed (A20)."""
    first = Erasable.made(service)
    service.hire("ppn")
    with service.enclave.ledger._memory.fresh(first.act.stream) as current:
        act = an_act(
            RELEASE, when=service.step(minutes=1), within=current.state, circulation="PUBLIC"
        )
    service.say(act, "cv", "ppn")
    _folded(service)
    path = f"/v1/public/acts/{act.act_id}"
    assert service.get(path, None).status_code == 200
    rows = service.records.act(UUID(act.act_id))
    service.known(service.size() - 1)
    entries = [{"index": row.index, "entry": canonical.b64(row.entry)} for row in rows]
    gone = Erasable(service, act, [row.index for row in rows], entries, "")
    gone.erase(attachments=None)
    _folded(service)
    assert service.get(path, None).status_code == 404
    assert service.get("/v1/public/acts", None).get_json()["acts"] == []


def test_above_ordinary_nothing_is_public(above: Above) -> None:
    """Signed in or not, as if the path were none."""
    assert above.service.get("/v1/public/acts", None).status_code == 401
    for path in ("/v1/public/acts", f"/v1/public/acts/{above.plain.act_id}"):
        assert above.service.get(path, "nst").status_code == 404
    with psycopg.connect(above.service.database.dsn("public")) as public:
        assert public.execute("SELECT count(*) FROM proj.public_acts").fetchone() == (0,)
