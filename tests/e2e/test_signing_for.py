"""An officer signs instead of the one that an act names, by the client and by the API alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from api.client.client import Client
from api.client.connection import Refused
from keys import canonical
from ledger.regulation.acts.act import Act
from ledger.streams.names import stream_id
from tests import builders
from tests.a_ledger import appointment, approved, ending
from tests.builders import T0, Story, a_case_in, an_act
from tests.fixtures.app import Service
from tests.fixtures.page_reader import PageReader

AGENCY = "bacninh.stttt"


def _client(service: Service, alias: str) -> Client:
    return Client(
        "http://socai.test", builders.key(alias), now=service.clock.now, http=service.http()
    )


def _folded(service: Service) -> None:
    """Waits until pages show all of the log."""
    last = service.size() - 1
    for path in ("/v1/cases", "/v1/worklist"):
        wait = {"Prefer": "wait=20"}
        assert service.get(path, "cv", headers=wait, at_least=last).status_code == 200


def _lets_sign(service: Service, giver: str, taker: str, **facts: str) -> Mapping[str, object]:
    """A delegation in form 2, as a clerk's file holds it."""
    now = service.clock.now().astimezone(T0.tzinfo)
    said = {
        "officer": builders.officer(taker), "post": builders.CAST[taker][1], "capacity": "GQ",
        "ground": "LEAVE", "scope": "Ký các hồ sơ của Sở khi Giám đốc nghỉ phép.",
        "valid_from": now.date().isoformat(),
        "valid_to": (now + timedelta(days=10)).date().isoformat(), "basis_document": "QĐ 12",
    } | facts  # fmt: skip
    return an_act(
        "DelegationGiven", by=giver, also=[], when=now, stream=f"agency/{AGENCY}", facts=said,
        exact=True, capacities=["TRUC_TIEP"],
    ).signed  # fmt: skip


def test_a_deputy_signs_what_waits_for_the_director(service: Service) -> None:
    """Drafted by the server, shown, signed here; the receipt, the act and the file say by whom."""
    service.hire("hotline", "cv", "pgd", "gd")
    case = a_case_in("SCREENING")
    service.tell(case)
    case.now = service.clock.now().astimezone(T0.tzinfo)
    act = case.act("CompetenceDetermined", also=["gd"], capacities=["TRUC_TIEP", "TRUC_TIEP"])
    clerk, deputy, director = (_client(service, alias) for alias in ("cv", "pgd", "gd"))
    pending = clerk.record(dict(act.signed), at=service.clock.now()).receipt
    assert pending["waiting_for"] == [
        {"officer": builders.officer("gd"), "post": "giam-doc", "role": "APPROVER",
         "capacity": "TRUC_TIEP"}
    ]  # fmt: skip
    payload, at = canonical.encode(act.signed), service.clock.now()
    service.known(pending["index"])

    assert director.stand_in(act.signed, role="APPROVER") is None
    assert deputy.stand_in(act.signed, role="APPROVER", at=at) is None
    with pytest.raises(Refused) as refused:
        deputy.submit(deputy.sign(payload, stream=act.stream, role="APPROVER"), at=at)
    assert refused.value.guard == "SIGNER_ORDER"
    instead = {"officer": builders.officer("pgd"), "post": "pho-giam-doc", "capacity": "GQ"}
    with pytest.raises(Refused) as refused:
        deputy.submit(
            deputy.sign(payload, stream=act.stream, role="APPROVER", stand_in=instead), at=at
        )
    assert refused.value.guard == "STAND_IN_ENTITLED"

    given = director.record(dict(_lets_sign(service, "gd", "pgd")), at=at).receipt
    assert given["status"] == "effective"
    assert deputy.stand_in(act.signed, role="APPROVER", at=at) == instead
    made = deputy.sign(payload, stream=act.stream, role="APPROVER", stand_in=instead)
    receipt = deputy.submit(made, at=at).receipt
    assert (receipt["status"], receipt["waiting_for"]) == ("effective", [])

    told = deputy.read(f"/v1/acts/{act.act_id}", at_least=receipt["index"]).body
    assert [
        (one["signer"]["officer"], one["signer"]["capacity"], one["signer"]["stands_in"],
         one["verdict"])
        for one in told["statements"]
    ] == [
        (builders.officer("cv"), "TRUC_TIEP", False, "VALID"),
        (builders.officer("pgd"), "GQ", True, "VALID"),
    ]  # fmt: skip
    _page_says_by_which_power(service, act.act_id)
    # the same bytes again bring the same receipt
    assert deputy.submit(made, at=at).receipt["index"] == receipt["index"]


def _page_says_by_which_power(service: Service, act_id: str) -> None:
    for lang, said in (("vi", "giao quyền"), ("en", "by delegation of the power itself")):
        page = PageReader(service, lang).sign_in("cv").get(f"/lan-ghi/{act_id}").text
        assert said in page.partition("<details>")[0]


def _appoint(service: Service, alias: str, **facts: Any) -> None:  # noqa: ANN401  facts of an act
    """To a post from today on, as pages show it."""
    now = service.step(minutes=5)
    line = appointment(alias, now, valid_from=now.date().isoformat(), **facts)
    service.say(approved(line, "keeper"), "founder", "keeper")
    _folded(service)


def test_what_waits_for_who_has_left_is_told_seen_and_signed_by_who_comes_next(
    service: Service,
) -> None:
    """Moved in the middle: they are signed out, the file says it, the next holder signs it."""
    service.hire("hotline", "cv", "gd", "pgd", "keeper")
    case = a_case_in("SCREENING")
    service.tell(case)
    case.now = service.clock.now().astimezone(T0.tzinfo)
    act = case.act("CompetenceDetermined", also=["gd"])
    service.send(service.sign(act, "cv"), "cv")
    service.step(days=2)
    file = f"/ho-so/{act.stream.removeprefix('case/')}"
    gone, clerk, next_one = (PageReader(service).sign_in(alias) for alias in ("gd", "cv", "pgd"))
    _folded(service)
    told = "no longer holds this post"
    assert (gone.get("/viec-can-lam").status_code, told in clerk.get(file).text) == (200, False)

    now = service.step(minutes=5)
    ended = approved(ending("gd", now, act.day), "keeper")
    service.say(ended, "founder", "keeper")
    _folded(service)
    assert gone.get(file).headers["Location"].startswith("/dang-nhap?")
    assert told in clerk.get(file).text
    assert told in clerk.get("/viec-can-lam").text
    assert act.act_id not in next_one.get("/viec-can-lam").text

    _appoint(service, "gd", agency="bacninh.skhcn", powers=[])
    assert told in clerk.get(file).text, "a post of that name elsewhere is another one"

    _appoint(service, "pgd", post="giam-doc", capacities=["TRUC_TIEP"])
    assert act.act_id in next_one.get("/viec-can-lam").text
    at, director = _told_to_sign_instead(service), _client(service, "pgd")
    instead = director.stand_in(act.signed, role="APPROVER", at=at)
    assert instead is not None
    made = director.sign(
        canonical.encode(act.signed), stream=act.stream, role="APPROVER", stand_in=instead
    )
    assert director.submit(made, at=at).receipt["status"] == "effective"


def _told_to_sign_instead(service: Service) -> datetime:
    """Whoever signs in the place of one who left is not told that it waits in vain; now."""
    assert (_in_vain(service, "pgd", "sign"), _in_vain(service, "cv", "started")) == (
        [None],
        ["LEFT"],
    )
    return service.clock.now()


def _in_vain(service: Service, alias: str, part: str) -> list[str | None]:
    """Why each line of a worklist waits in vain."""
    return [one["in_vain"] for one in service.get("/v1/worklist", alias).get_json()[part]]


def _waiting_for_the_deputy(service: Service) -> tuple[Story, Act]:
    """A case with an act of the clerk that the deputy is to sign."""
    service.hire("hotline", "cv", "gd", "pgd")
    case = a_case_in("SCREENING")
    service.tell(case)
    case.now = service.clock.now().astimezone(T0.tzinfo)
    act = case.act("CompetenceDetermined", also=["pgd"])
    service.send(service.sign(act, "cv"), "cv")
    return case, act


def test_what_waits_for_who_is_shut_out_is_told_in_the_file(service: Service) -> None:
    """They may not even see it, and its author was told for ever that it waits for them."""
    case, act = _waiting_for_the_deputy(service)
    file, clerk = f"/ho-so/{act.stream.removeprefix('case/')}", PageReader(service).sign_in("cv")
    _folded(service)
    assert "is shut out of this case" not in clerk.get(file).text
    assert _in_vain(service, "cv", "started") == [None]
    facts = {"officer": builders.officer("pgd")}
    service.say(case.act("ParticipationExcluded", facts=facts), "gd")
    _folded(service)
    assert "is shut out of this case" in clerk.get(file).text
    assert _in_vain(service, "cv", "started") == ["SHUT_OUT"]
    team = service.get("/v1/worklist", "gd", team="true").get_json()["sign"]
    assert [(one["officer"], one["in_vain"]) for one in team] == [
        (builders.officer("pgd"), "SHUT_OUT")
    ]


def test_a_case_that_is_harmed_takes_nobody_s_list_away(service: Service) -> None:
    """Its own page says that its evidence fails; all else that waits is told as before."""
    _, act = _waiting_for_the_deputy(service)
    _folded(service)
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        gone = "DELETE FROM log.records WHERE stream_id = %s AND seq = 2"
        of = stream_id(service.enclave.facts.origin, act.stream)
        assert connection.execute(gone, [of]).rowcount == 1
    service.enclave.rights.forget()
    assert _in_vain(service, "cv", "started") == [None]


def test_a_thin_client_is_given_what_it_signs(service: Service) -> None:
    """Form 2 where no capacity stands beside the signers, a stand-in where there is a right."""
    service.hire("hotline", "cv", "pgd", "gd")
    case = a_case_in("SCREENING")
    service.tell(case)
    case.now = service.clock.now().astimezone(T0.tzinfo)
    fields = {
        name: value
        for name, value in case.act("CompetenceDetermined", also=["gd"]).signed.items()
        if name not in ("v", "act_id", "signers", "capacity")
    }
    clerk = _client(service, "cv")
    clerk.login()
    made = clerk.prepare(fields, at=service.clock.now())["shown"]
    assert (made["v"], made["signers"][0]["capacity"]) == (2, "TRUC_TIEP")
    old = clerk.prepare({**fields, "capacity": "TRUC_TIEP"}, at=service.clock.now())["shown"]
    assert (old["v"], old["signers"][0].keys()) == (1, {"officer", "post", "role"})
    act = case.act("CompetenceDetermined", also=["gd"])
    clerk.record(dict(act.signed), at=service.clock.now())
    _client(service, "gd").record(dict(_lets_sign(service, "gd", "pgd")), at=service.clock.now())
    deputy = _client(service, "pgd")
    deputy.login()
    body = deputy.prepare(
        {"stream": act.stream, "act_id": act.act_id}, role="APPROVER", at=service.clock.now()
    )
    header = orjson.loads(canonical.unb64(body["protected"]))
    assert header["stand_in"]["officer"] == builders.officer("pgd")
    signature = canonical.b64(builders.key("pgd").sign(body["signing_input"].encode()))
    flat = {"payload": body["payload"], "protected": body["protected"], "signature": signature}
    answer = service.post(orjson.dumps(flat), "pgd", service.clock.now())
    assert (answer.status_code, answer.get_json()["status"]) == (201, "effective")
