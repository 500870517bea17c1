"""Above ordinary an annex and what is made of it are not there for whoever it does not name.

Whoever takes part in the whole case, whoever holds another annex of it, and a stranger try every
route of the document and the commands, by the ids of an annex and of its file: hidden and absent
answer alike to the byte (access.md A1, A2, N1-N10), and what is made of the case says nothing of it
(NI3, but for D1 and D2). On a push each route in a share of the forms, in `make attack` in all.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from api.cli.main import main
from api.home import write_private
from api.http.pages import files
from keys.canonical import b64
from keys.custody.file import write_key
from ledger.regulation.acts.act import Act
from tests import builders
from tests.attack.test_denial_surface import (
    METHODS,
    NAMED,
    OF_WHAT_IS_SEEN,
    SPEC,
    Asked,
    alike,
    ask,
    named,
    reading,
)
from tests.attacks import attack
from tests.builders import CAST, an_act, an_id, at, officer
from tests.examples import share
from tests.fixtures.above import (
    DIGEST,
    FILE,
    FILE_NAME,
    HOLDER,
    OTHER,
    PROTECTED_UNTIL,
    SECRET,
    STRANGER,
    UNITS,
    WHOLE,
    Above,
    holder,
)
from tests.fixtures.app import listening
from tests.fixtures.compartments import Compartments, Ids
from tests.fixtures.page_reader import PageReader, walked

pytestmark = pytest.mark.postgres

_NOT_NAMED: Final = (WHOLE, OTHER, STRANGER)
_READS: Final = [name for name in NAMED if "get" in SPEC["paths"][name]]
#: Paths that name an act or a file of it, and what is sent to those that are written to.
_OF_ACTS: Final = [name for name in NAMED if "{act_id}" in name]
#: Where somebody who sees another part of the case is answered, and what is asked for is missing.
_ANSWERED: Final = ("/v1/streams/{stream}/head", "/v1/verification")


@pytest.fixture(scope="module")
def world(above: Above) -> Compartments:
    """As `of_annex`."""
    return of_annex(above)


def of_annex(above: Above) -> Compartments:
    """The annex, its file and its record as what is hidden; as `test_denial_surface` asks."""
    annex, service = above.annexes[0], above.service
    with psycopg.connect(service.database.admin) as admin:
        found = admin.execute(
            "SELECT index FROM log.records WHERE act_id = %s AND author", [annex.act_id]
        ).fetchone()
    assert found is not None
    hidden = Ids(above.case, annex.act_id, DIGEST, found[0])
    own = Ids(above.case, above.plain.act_id, DIGEST, service.size() - 1)
    return Compartments(service, hidden, own, above.plain.act_id, above.plain, {})


def _absent(world: Compartments, by: str) -> Ids:
    """Ids that were never given; of the same case for whoever sees a part of it."""
    absent = world.absent()
    return absent if by == STRANGER else replace(absent, case=world.hidden.case)


def _queries(world: Compartments, name: str) -> Iterator[str]:
    known = {one["name"] for one in SPEC["paths"][name]["get"].get("parameters", ())}
    index, last = world.hidden.index, world.service.size() - 1
    values = {"as_of": (0, index, index + 1, last, last + 99), "to": (index, last), "limit": (1,)}
    yield ""
    for parameter, given in values.items():
        if parameter in known:
            yield from (f"{parameter}={value}" for value in given)


# -- by id ----------------------------------------------------------------------------------------


@attack(
    "an officer to whom an annex is not named asks for it, its bytes, its file and who read that",
    stopped_by="named units by row policies and once more by the records; one answer for both (N1)",
    noticed_by="the log of reads",
)
@pytest.mark.parametrize(
    ("name", "by"),
    # who sees another part of the case is told of that: below
    [(name, by) for name in _READS for by in _NOT_NAMED if by == STRANGER or name in _OF_ACTS],
)
def test_hidden_and_absent_annexes_are_one_answer(world: Compartments, name: str, by: str) -> None:
    """Each route and query, GET and HEAD; to its holder it is there."""
    about_act = name in _OF_ACTS
    template = NAMED[name]
    if about_act and name != "/v1/acts/{act_id}/identity":
        told = ask(world, Asked(named(template, world.hidden)), HOLDER)
        assert told.status_code == 200, told.text
    forms = list(product(_queries(world, name), ("GET", "HEAD")))
    for query, method in share(forms, 12, f"{name} {by}"):
        made = reading(template, query, method)
        status, _, body = alike(world, made, _absent(world, by), by=by)
        assert status >= 400 or name in _ANSWERED, (query, status, body)


@attack(
    "an officer tries other methods, a copy, a letter or a share of an annex not named to them",
    stopped_by="what is not seen is not there, whatever is to be done with it (N2, N9)",
    noticed_by="-",
)
@pytest.mark.parametrize("by", _NOT_NAMED)
@pytest.mark.parametrize("name", _OF_ACTS)
def test_nothing_can_be_done_with_a_hidden_annex(world: Compartments, name: str, by: str) -> None:
    """With bodies that would do for what one sees, with and without conditions."""
    bodies = (
        None,
        b"{}",
        orjson.dumps({"permit": an_id("a permit"), "copy": "1"}),
        orjson.dumps({"kind": "letter", "recipient": "age1", "share": "x", "purpose": "x"}),
    )

    def asked(method: str, body: bytes | None, ids: Ids) -> Asked:
        return Asked(named(NAMED[name], ids), method, {"Content-Type": "application/json"}, body)

    forms = list(product(("HEAD", "OPTIONS", *METHODS), bodies))
    for method, body in share(forms, 20, f"{name} {by}"):
        status, _, _ = alike(world, partial(asked, method, body), _absent(world, by), by=by)
        assert status >= 400 or method == "OPTIONS", (method, body)
    for headers in (
        {"If-None-Match": "*"},
        {"Range": "bytes=0-0"},
        {"Prefer": "wait=1"},
        {"X-Rehearsal-Time": "2026-10-18T08:00:00+07:00"},
    ):
        alike(world, reading(NAMED[name], headers=headers), _absent(world, by), by=by)


@attack(
    "an annex not named to an officer asked for as if to sign it too",
    stopped_by="bytes to sign of an act that stands are for whom it names, or who sees it",
    noticed_by="-",
)
@pytest.mark.parametrize("by", _NOT_NAMED)
def test_nobody_is_handed_the_bytes_of_a_hidden_annex_to_sign(world: Compartments, by: str) -> None:
    """By its id, in every role that signs after the author: as one that is not there."""

    def asked(role: str, ids: Ids) -> Asked:
        fields = {"stream": f"case/{ids.case}", "act_id": ids.act}
        body = orjson.dumps({"act": fields, "role": role})
        return Asked("/v1/acts/prepare", "POST", {"Content-Type": "application/json"}, body)

    for role in ("CHECKER", "APPROVER"):
        status, _, _ = alike(world, partial(asked, role), _absent(world, by), by=by)
        assert status == 404


@attack(
    "whoever knows the digest of a hidden annex's file asks for it through an act of their own",
    stopped_by="a file is opened through an act that the caller sees and that lists it",
    noticed_by="-",
)
@pytest.mark.parametrize("by", _NOT_NAMED)
@pytest.mark.parametrize("behind", ["", "/custody"])
def test_the_digest_of_a_hidden_annex_opens_nothing(
    world: Compartments, above: Above, by: str, behind: str
) -> None:
    """By an act of the case, of the other annex, and of none; uploaded again it tells nothing."""
    nothing = replace(world.absent(), digest=f"sha-256:{b64(bytes(32))}")
    for act in (above.plain.act_id, above.annexes[1].act_id, an_id("no act")):
        path = f"/v1/acts/{act}/attachments/{{digest}}{behind}"
        status, _, _ = alike(world, reading(path), nothing, by=by)
        assert status == 404
    sent = {"Content-Type": "application/pdf"}
    answers = [
        ask(world, Asked("/v1/attachments", "POST", sent, data), by) for data in (FILE, FILE[::-1])
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert {one.get_json()["size"] for one in answers} == {len(FILE)}


# -- by what is made of it ------------------------------------------------------------------------


def _marks(above: Above, hidden: int) -> dict[str, str]:
    """What tells of an annex, wherever it stands."""
    annex, service = above.annexes[hidden], above.service
    found = {
        "act": annex.act_id,
        "unit": UNITS[hidden],
        "end of its protection": PROTECTED_UNTIL,
        "when its extension is due": "2027-07-17",
        "type": "ClassificationAssigned",
        "text": SECRET,
        "day of its acts": "2026-10-14",
    }
    if hidden == 0:
        found |= {"digest": DIGEST[8:], "file": FILE_NAME}
    with psycopg.connect(service.database.admin) as admin:
        rows = admin.execute(
            "SELECT entry, recorded_at FROM log.records WHERE act_id = %s", [annex.act_id]
        ).fetchall()
    for n, (entry, recorded_at) in enumerate(rows):
        found[f"entry {n}"] = b64(entry)
        found[f"time {n}"] = recorded_at.strftime("%Y-%m-%dT%H:%M:%S")
    return found


def _text(data: bytes) -> str:
    """What an answer says; of a workbook what is in it."""
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "\n".join(book.read(one).decode("utf-8", "replace") for one in book.namelist())


def every_read(world: Compartments) -> Iterator[str]:
    """Every read that is not by the annex's id."""
    for name in _READS:
        if name not in _OF_ACTS:
            for query in _queries(world, name):
                path = named(NAMED[name], world.hidden)
                yield path + ("&" if "?" in path else "?") + query
    for name in sorted(OF_WHAT_IS_SEEN):
        yield f"{name}?limit=200" if name == "/v1/feed" else name
    yield "/v1/worklist?team=true"
    for field in ("clocks", "officers", "acts", "due_at", "flags", "sub_processes"):
        yield f"/v1/cases/{world.hidden.case}/fields/{field}/history"
    yield from (f"/v1/cases?sort={sort}" for sort in ("due", "-last_act"))
    yield f"/v1/cases?due_before={PROTECTED_UNTIL}T00:00:00%2B07:00"
    yield "/v1/cases?q=gia+dinh"
    yield "/v1/cases?act=ClassificationAssigned"


@attack(
    "whoever takes part in a case reads off its list, deadlines and counts that it has an annex",
    stopped_by="rows of the whole case are made without what is of a named unit (A1, A2)",
    noticed_by="-",
)
def test_what_is_made_of_a_case_says_nothing_of_its_annexes(
    world: Compartments, above: Above
) -> None:
    """Every read that is not by the annex's id; of whoever sees the whole case all is answered."""
    told = {}
    for path in every_read(world):
        answer = ask(world, Asked(path), WHOLE)
        told[path] = answer.status_code
        text = _text(answer.get_data())
        for hidden in (0, 1):
            for what, mark in _marks(above, hidden).items():
                assert mark not in text.replace(path, ""), (path, what)
    assert sum(status == 200 for status in told.values()) > 25, told
    (line,) = ask(world, Asked("/v1/cases"), WHOLE).get_json()["cases"]
    assert line["due_at"] == "2026-10-16T09:00:00+07:00"  # of the loss, which is of the case
    assert ask(world, Asked("/v1/cases"), HOLDER).get_json()["cases"] == []


MARK: Final = "mat; not real data"


def test_every_answer_of_a_rehearsal_above_ordinary_says_that_it_is_none(
    world: Compartments, above: Above
) -> None:
    """access.md §1: what is shown and what is hidden, page, tile, file, refusal, 304 and options.

    A table that is saved and a page that is printed say so in their own words too.
    """
    service, paths = above.service, [*every_read(world), "/docs", "/spec", "/openapi.json", "/no"]
    answers: list[tuple[str, str | None, TestResponse]] = [
        (path, by, ask(world, Asked(path), by)) for path in paths for by in (HOLDER, WHOLE)
    ]
    client, headers = service.client, service.headers(WHOLE)
    for path in ("/logs/acts/checkpoint", "/logs/acts/tile/0/000.p/1", "/health/live"):
        answers += [
            (path, None, client.get(path)),
            (path, WHOLE, client.head(path, headers=headers)),
        ]
        answers.append((path, WHOLE, client.options(path, headers=headers)))
    tagged = client.get("/v1/cases", headers=headers)
    again = {**headers, "If-None-Match": tagged.headers["ETag"]}
    answers.append(("304", WHOLE, client.get("/v1/cases", headers=again)))
    answers.append(("refused", WHOLE, client.post("/v1/acts", data=b"{", headers=headers)))
    assert {200, 304, 401, 404} <= {answer.status_code for _, _, answer in answers}
    silent = [(path, by) for path, by, one in answers if one.headers.get("Demonstration") != MARK]
    assert not silent
    english = {**headers, "Accept-Language": "en"}
    assert "REHEARSAL" in client.get("/v1/statistics.csv", headers=english).text
    for page in ("/docs", "/problems", "/spec/access"):
        assert "REHEARSAL: not real data" in client.get(page, headers=english).text, page


@attack(
    "whoever holds one annex of a case looks for the other in what is told of theirs",
    stopped_by="rows are shown by act to whom it names (A1)",
    noticed_by="-",
)
@pytest.mark.parametrize(("by", "hidden"), [(OTHER, 0), (HOLDER, 1)])
def test_a_holder_is_told_nothing_of_another_annex(
    world: Compartments, above: Above, by: str, hidden: int
) -> None:
    """But what both say, being of one day and kind."""
    own = _marks(above, 1 - hidden).values()
    marks = {what: mark for what, mark in _marks(above, hidden).items() if mark not in own}
    assert {"act", "unit", "entry 0"} <= set(marks)
    for path in every_read(world):
        text = _text(ask(world, Asked(path), by).get_data()).replace(path, "")
        for what, mark in marks.items():
            assert mark not in text, (path, what)


@attack(
    "whoever takes part in a case reads of an annex in the register of what may leave the case",
    stopped_by="a permit is of the annex whose file it lets out; the register is of the case alone",
    noticed_by="-",
)
@pytest.mark.parametrize("naming", ["refers_to", "records"])
def test_a_permit_for_an_annex_is_told_to_whom_the_annex_is(
    world: Compartments, above: Above, naming: str
) -> None:
    """By either way in which it may name the act that lists the file."""
    service, annex = above.service, above.annexes[0].act_id
    agency, post = CAST[HOLDER]
    until = at("2026-12-30 17:00").isoformat(timespec="seconds")
    facts = {
        "holder": {"officer": officer(HOLDER), "agency": agency, "post": post, "until": until},
        "purpose": "Dua ban ve di gia dinh", "copies": 1, "copy_nos": ["1"], "records": [],
    }  # fmt: skip
    if naming == "records":
        facts["records"] = [annex]
    permit = an_act(
        "ExportPermitted", by="nst", also=["ctq"], level="mat", stream=above.stream,
        when=at("2026-10-17 09:00"), facts=facts, act_id=an_id(f"a permit by {naming}"),
        refers_to=annex if naming == "refers_to" else None,
    )  # fmt: skip
    service.clock.set(max(at("2026-10-17 10:00"), service.clock.now()))
    service.known(service.say(permit, "nst", "ctq")["index"])
    above.fold()
    assert ask(world, Asked(f"/v1/acts/{permit.act_id}"), HOLDER).status_code == 200
    for path in (f"/v1/cases/{above.case}/copies", f"/v1/cases/{above.case}/acts", "/v1/feed"):
        told = ask(world, Asked(path), WHOLE)
        assert told.status_code == 200, told.text
        for mark in (permit.act_id, annex, "Dua ban ve"):
            assert mark not in told.text, path
    (status, _, _) = alike(
        world, lambda ids: Asked(f"/v1/acts/{ids.act}"), _absent(world, WHOLE), by=WHOLE
    )
    assert status == 404


@attack(
    "whoever takes part in a case sees its list move while somebody works on an annex",
    stopped_by="when a case was last moved is told by what is of the case (A2, N8)",
    noticed_by="-",
)
def test_work_on_an_annex_moves_nothing_but_the_place(world: Compartments, above: Above) -> None:
    """Last, since it leaves records: an annex is reported lost; to the case it is a position."""
    service, case = above.service, above.case
    paths = ("/v1/cases", f"/v1/cases/{case}", "/v1/worklist?team=true", "/v1/statistics",
             f"/v1/cases/{case}/participants")  # fmt: skip

    def seen() -> list[str]:
        found = []
        for path in paths:
            text = _text(ask(world, Asked(path), WHOLE).get_data())
            text = re.sub(r'"(?:index|seq|statements|head)":(?:\d+|"[^"]*")', "", text)
            found.append(text)
        return found

    service.clock.set(at("2026-10-19 10:00"))
    before = seen()
    lost = an_act(
        "SecretLossReported", by="nst", also=[], level="mat", stream=above.stream,
        when=at("2026-10-19 09:00"), refers_to=above.annexes[0].act_id,
        facts={"unit": UNITS[0], "classification": above.annexes[0].act_id},
    )  # fmt: skip
    service.known(service.say(lost, "nst")["index"])
    above.fold()
    assert seen() == before


@attack(
    "whoever takes part in a case has acts checked, to be told by a guard what its annexes are",
    stopped_by="a guard hears of no document but those that the act speaks of (A1)",
    noticed_by="-",
)
def test_no_check_tells_of_an_annex(world: Compartments, above: Above) -> None:
    """What waits there, which terms run, who holds it, which file and which number it has.

    Leaves records: the level of an annex waits to be adjusted, and a letter about it is reported.
    """
    service, annex = above.service, above.annexes[0].act_id
    made = partial(an_act, level="mat", stream=above.stream, when=service.clock.now())
    two: dict[str, Any] = {"also": ["ctq"], "capacities": ["TRUC_TIEP"] * 2}
    letter = {"type": "BC", "symbol": "SVHTTDL", "date": service.clock.now().date().isoformat()}

    def loss(by: str, number: str, abstract: str, about: str | None = None) -> Act:
        document = letter | {"number": number, "abstract": abstract}
        facts = dict(above.plain.facts)
        return made("SecretLossReported", by=by, also=[], exact=True, facts=facts,
                    document=document, refers_to=about)  # fmt: skip

    def checked(act: Act) -> bytes:
        sent = {"Content-Type": "application/json"}
        body = orjson.dumps({"act": dict(act.members)})
        answer = ask(world, Asked("/v1/acts/check", "POST", sent, body), WHOLE)
        assert answer.status_code == 200, answer.text
        return answer.get_data()

    def permit(alias: str) -> bytes:
        named = holder(alias, at("2026-12-30 17:00").isoformat(timespec="seconds"))
        facts = {"holder": named, "copies": 1, "copy_nos": ["1"], "records": []}
        return checked(made("ExportPermitted", by=WHOLE, facts=facts, **two))

    def stub(commitment: str) -> bytes:
        facts = {"commitment": commitment, "salted": True}
        return checked(made("StubReleased", by=WHOLE, facts=facts, **two))

    adjusted = made("ClassificationAdjusted", by="nst", facts={"classification": annex}, **two)
    service.known(service.say(loss("npgd", "77", "Ve phu luc", annex), "npgd")["index"])
    service.known(service.say(adjusted, "nst")["index"])
    assert permit(HOLDER) == permit(STRANGER) != permit(WHOLE)
    assert stub(DIGEST[8:]) == stub(b64(bytes(32)))
    assert checked(loss(WHOLE, "77", "Ve ho so")) == checked(loss(WHOLE, "78", "Ve ho so"))
    assert b"/facts/pending" not in checked(made("CaseClosed", by=WHOLE, also=[]))
    told = orjson.loads(checked(made("CaseCustodyTransferred", by=WHOLE, also=[])))["errors"]
    (running,) = (one["detail"] for one in told if one["pointer"] == "/facts/open_clocks")
    assert "gia hạn bảo vệ" not in running.lower()  # SECRET_EXTEND is the annex's


@attack(
    "whoever takes part in a case names an officer in acts that they may not write, to be told by a"
    " fault that comes behind whether that officer works in an annex",
    stopped_by="behind a refusal every guard hears of the act's own documents alone (A1)",
    noticed_by="-",
)
def test_no_fault_behind_a_refusal_tells_who_works_in_an_annex(
    world: Compartments, above: Above
) -> None:
    """Of one officer before and after they sign there. Leaves a record."""
    service, annex = above.service, above.annexes[0].act_id
    made = partial(an_act, level="mat", stream=above.stream)

    def told() -> dict[str, list[str]]:
        found = {}
        for name in ("ReporterIdentityDisclosed", "ReviewDecided", "HandlingDecided"):
            act = made(name, by=WHOLE, also=["hd", HOLDER], when=at("2026-10-20 09:00"),
                       act_id=an_id(f"in vain: {name}"))  # fmt: skip
            sent = {"Content-Type": "application/json"}
            body = orjson.dumps({"act": dict(act.signed)})
            answer = ask(world, Asked("/v1/acts/check", "POST", sent, body), WHOLE).get_json()
            assert answer["ok"] is False
            found[name] = [one["pointer"] + one["detail"] for one in answer["errors"]]
        return found

    service.clock.set(max(at("2026-10-20 10:00"), service.clock.now()))
    before = told()
    lost = made("SecretLossReported", by=HOLDER, also=[], when=at("2026-10-20 09:30"),
                refers_to=annex, facts={"unit": UNITS[0], "classification": annex})  # fmt: skip
    service.known(service.say(lost, HOLDER)["index"])
    assert told() == before


@attack(
    "whoever takes part in a case reads in the custody of a file that an act of it lists, and an"
    " annex as well, who holds the annex and when they read it",
    stopped_by="a read is told to whoever sees the act through which the file was read (A1, NI3)",
    noticed_by="-",
)
def test_the_custody_of_a_file_tells_of_no_act_that_lists_it_too(
    world: Compartments, above: Above
) -> None:
    """Leaves records: the file of the annex is listed by an act of the case."""
    service, annex, now = above.service, above.annexes[0], above.service.step(minutes=1)
    also = an_act(
        "SecretLossReported", by="nst", also=[], level="mat", stream=above.stream, when=now,
        exact=True, facts=dict(above.plain.facts), attachments=list(annex.attachments),
    )  # fmt: skip
    service.known(service.say(also, "nst")["index"])
    above.fold()
    file = f"/attachments/{DIGEST}"
    for act, by in ((annex, HOLDER), (annex, "npgd"), (also, WHOLE)):
        assert ask(world, Asked(f"/v1/acts/{act.act_id}{file}"), by).status_code == 200

    def readers(act: Act, by: str) -> list[tuple[str, str]]:
        told = ask(world, Asked(f"/v1/acts/{act.act_id}{file}/custody"), by)
        events = told.get_json()["events"]
        return [(one["officer"], one["act_id"]) for one in events if one["event"] == "READ"]

    assert readers(also, WHOLE) == [(officer(WHOLE), also.act_id)]
    assert set(readers(annex, HOLDER)) == {(officer(by), annex.act_id) for by in (HOLDER, "npgd")}
    assert len(readers(also, "nst")) >= 3, "who sees both is told of both"


# -- at a terminal --------------------------------------------------------------------------------


@attack(
    "an officer asks at a terminal for a file, a copy or the records of an annex not named to them",
    stopped_by="the API's one answer to what is hidden and what is not there (N1)",
    noticed_by="-",
)
def test_no_command_tells_a_hidden_annex_from_none(
    world: Compartments, above: Above, tmp_path: Path
) -> None:
    """Exit, words and JSON are the same but for the ids that were typed."""
    phrase, out = tmp_path / "phrase", tmp_path / "out"
    write_private(phrase, b"of one officer")
    env = {"SOCAI_PASSPHRASE_FILE": str(phrase), "SOCAI_HOME": str(tmp_path / "home"),
           "COLUMNS": "200"}  # fmt: skip
    absent = replace(world.absent(), case=above.case)
    commands = (
        ("attachment", "get", "{act}", "{digest}", "--out", str(out)),
        ("attachment", "custody", "{act}", "{digest}"),
        ("attachment", "export", "{act}", "{digest}", "--permit", an_id("p"), "--copy", "1",
         "--out", str(out)),
        ("record", "entries", "{act}"),
        ("reporter", "show", "{act}"),
    )  # fmt: skip
    with listening(above.service) as url:
        for by in (WHOLE, STRANGER):
            key = tmp_path / f"{by}.socaikey"
            write_key(key, builders.key(by), b"of one officer", t=1, p=1, m_kib=64)
            who = ["--key", str(key), "--server", url]
            who += ["--log", above.service.enclave.facts.origin]
            for command in commands:
                told = []
                for ids in (world.hidden, absent):
                    words = [one.format(act=ids.act, digest=ids.digest) for one in command]
                    ran = CliRunner().invoke(main, ["--lang", "en", *words, *who], env=env)
                    text = ran.output.replace(ids.act, "ACT").replace(ids.digest, "DIGEST")
                    text = re.sub(r'"(?:trace_id|instance)":\s*"[^"]*"', "", text)
                    told.append((ran.exit_code, text))
                assert told[0] == told[1], (by, command)
                assert told[0][0] != 0, (by, command, told)
                assert "Traceback" not in told[0][1]
                assert not out.exists()
    assert officer(HOLDER) not in told[0][1]


@attack(
    "the pages asked above ordinary by a stranger, and by an officer who takes no part in a case",
    stopped_by="the log tells a stranger nothing of itself; what is hidden is one page",
    noticed_by="-",
)
def test_pages_above_tell_a_stranger_nothing(above: Above, world: Compartments) -> None:
    """Neither origin nor genesis, on no page; nothing is stored; hidden and absent are one."""
    facts = above.service.enclave.facts
    reader = PageReader(above.service, base="http://localhost")
    for path in ("/", "/dang-nhap", "/ho-so"):
        page = reader.get(path)
        assert facts.origin not in page.text, path
        assert facts.genesis[:16] not in page.text, path
        assert page.headers["Cache-Control"] == "no-store", path
    assert "ENVIRONMENT OF LEVEL MAT" in reader.get("/").text
    assert reader.get(files.address("socai.css")).headers["Cache-Control"] == "no-store"
    reader.sign_in(STRANGER)
    for path in ("", "/dien-bien", "/lan-ghi/1", "/so-sanh?tu=1", "/kiem-chung"):
        answers = [reader.get(f"/ho-so/{ids.case}{path}") for ids in (world.hidden, world.absent())]
        assert {one.status_code for one in answers} == {404}
        assert answers[0].data == answers[1].data, path
        assert answers[0].headers["Cache-Control"] == "no-store"


def test_pages_above_are_read_by_whom_a_document_names(above: Above) -> None:
    """Whoever sees the case, every page; a holder the acts and register of theirs; none stored."""
    case = f"/ho-so/{above.case}"
    reader = PageReader(above.service).sign_in(WHOLE)
    n, *_ = re.findall(r'"lan-ghi/(\d+)"', reader.get(f"{case}/dien-bien").text)
    beside = re.findall(
        r'rel="(prev|next)" href="([^"#]+)', reader.get(f"{case}/dien-bien?lan={n}").text
    )
    assert [way for way, _ in beside] == ["next"], "statements that are withheld are none"
    assert reader.get(f"{case}/dien-bien{html.unescape(beside[0][1])}").status_code == 200
    for path in ("", f"/dien-bien?lan={n}", "/dien-bien?xem=chi-tiet", f"/lan-ghi/{n}",
                 f"/so-sanh?tu={n}", "/kiem-chung"):  # fmt: skip
        page = reader.get(f"{case}{path}")
        assert page.status_code == 200, (path, page.text)
        assert page.headers["Cache-Control"] == "no-store", path
        assert ">None<" not in page.text, "a case above has no state of its own"
    assert ">None<" not in reader.get("/ho-so").text, "nor an agency in the list"
    refused = reader.get("/dien-bien")
    assert refused.status_code == 403
    assert "open it in the list" in refused.text
    assert "GET /v1" not in refused.text
    holder = PageReader(above.service).sign_in(HOLDER)
    timeline = holder.get(f"{case}/dien-bien")
    assert timeline.status_code == 200
    assert "This is a part of the case" in timeline.text
    assert "Classified documents that are named to you" in timeline.text
    assert "Nothing is printed from the browser" in timeline.text
    assert holder.get(case).headers["Location"] == f"{case}/dien-bien"


@pytest.mark.parametrize("alias", [WHOLE, HOLDER])
def test_no_link_above_leads_to_a_refusal(above: Above, alias: str) -> None:
    """Not in the menu, nor on a page: what is not told above is not offered there."""
    found = walked(PageReader(above.service).sign_in(alias), "/ho-so", f"/ho-so/{above.case}")
    assert len(found) > 20
    assert {path: status for path, status in found.items() if status >= 400} == {}
