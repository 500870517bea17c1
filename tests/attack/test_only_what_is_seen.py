"""Everything a caller gets is of what the caller sees: lists, counts, feeds, moments, tags.

One log, three officers: one takes part in a whole case, one was sent an act of it, one has a case
of their own and no part in it. What is told of a case is looked for by its ids, texts and times.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from ledger.regulation.acts.json_shape import fmt_time
from tests.attacks import attack
from tests.fixtures.compartments import DIGEST, PART, SECRET, STRANGER, WHOLE, Compartments

pytestmark = pytest.mark.postgres

EVERYBODY: Final = (WHOLE, PART, STRANGER)
REGISTRY: Final = ("/v1/agencies", "/v1/officers", "/v1/keys", "/v1/keys/jwks", "/v1/instruments")


def read(world: Compartments, path: str, by: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
    """A body."""
    answer = world.service.get(path, by, None, **query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def feed(world: Compartments, by: str, limit: int) -> Iterator[dict[str, Any]]:
    """The feed from its beginning, as `Link` leads on, until the end of the log."""
    path, last = f"/v1/feed?limit={limit}", world.service.size() - 1
    for _ in range(2 * world.service.size()):
        answer = world.service.client.get(path, headers=world.service.headers(by))
        assert answer.status_code == 200, answer.text
        yield from answer.get_json()
        path = answer.headers["Link"].partition("<")[2].partition(">")[0]
        if f"after={last}&" in path:
            return
    raise AssertionError("the feed does not lead on")


def every_list(world: Compartments) -> Iterator[str]:
    """Every list, count and figure that an officer may ask for."""
    yield from ("/v1/cases", "/v1/worklist", "/v1/worklist?team=true", "/v1/statistics")
    yield from ("/v1/statistics.csv", "/v1/feed?limit=200", *REGISTRY)
    for query in (
        "state=SCREENING", "agency=bacninh.stttt", "act=CompetenceDetermined", "sort=due",
        "q=2024/0187", f"q={world.hidden.case}", "q=phan+anh", "limit=1", "flag=COMPLAINT_LATE",
        "opened_from=2024-01-01", "due_before=2099-01-01T00:00:00%2B07:00",
    ):  # fmt: skip
        yield f"/v1/cases?{query}"
    for query in (
        "", "act=ReportReceived", "agency=bacninh.stttt", "pending=true", "clock=occurred",
        "flag=COMPLAINT_LATE", "late=true", "from=2024-01-01", "limit=1",
    ):  # fmt: skip
        yield f"/v1/acts?{query}"
    yield "/v1/statistics?agency=bacninh.stttt"
    yield f"/v1/verification?cases={world.own.case}"


@attack(
    "a stranger looks for a case in every list, search, count, file of figures and feed",
    stopped_by="row policies: rows are filtered first, then counted, ranked and paged (A2)",
    noticed_by="-",
)
def test_no_list_tells_a_stranger_of_the_case(compartments: Compartments) -> None:
    """Neither its id, its number, its acts, its file nor a word of it."""
    world = compartments
    tell_tales = (SECRET, "2024/0187", world.asked, world.pending.act_id, world.hidden.act, DIGEST)
    for path in every_list(world):
        answer = world.service.client.get(path, headers=world.service.headers(STRANGER))
        assert answer.status_code == 200, (path, answer.text)
        for word in tell_tales:
            assert word not in answer.text, (path, word)
        assert world.hidden.case not in answer.text, path
        assert world.hidden.case not in str(answer.headers), path
    for path in ("/v1/cases", "/v1/acts", "/v1/feed?limit=200", "/v1/worklist"):
        assert world.hidden.case in world.service.client.get(
            path, headers=world.service.headers(WHOLE)
        ).get_data(as_text=True), path


def test_figures_are_of_the_cases_one_sees(compartments: Compartments) -> None:
    """Each officer counts one case, in JSON, CSV and XLSX; who was sent an act counts none."""
    for by, total in ((WHOLE, 1), (STRANGER, 1), (PART, 0)):
        body = read(compartments, "/v1/statistics", by)
        assert body["total"] in ((None, total) if total else (0,))
        agencies = {one["key"] for one in body["volumes"]["agency"]}
        assert ("bacninh.stttt" in agencies) == (by == WHOLE)
        assert ("bacninh.h-g" in agencies) == (by == STRANGER)
        text = compartments.service.get("/v1/statistics.csv", by).get_data(as_text=True)
        assert ("bacninh.stttt" in text) == (by == WHOLE)
        book = compartments.service.get("/v1/statistics.xlsx", by).get_data()
        with zipfile.ZipFile(io.BytesIO(book)) as parts:
            sheet = b"".join(parts.read(name) for name in parts.namelist())
        assert (b"bacninh.stttt" in sheet) == (by == WHOLE)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_the_feed_leads_on_over_what_is_not_seen(compartments: Compartments, limit: int) -> None:
    """An empty batch leads on, nothing comes twice, and never another's index."""
    world = compartments
    theirs = world.times[world.stream]
    own = world.times[f"case/{world.own.case}"]
    registry = set(range(min(theirs)))
    for by, seen in (
        (WHOLE, registry | set(theirs) | {18}),
        (STRANGER, registry | set(own)),
    ):
        indices = [event["data"]["index"] for event in feed(world, by, limit)]
        assert indices == sorted(seen), by
    sent = [event["data"] for event in feed(world, PART, limit) if event["subject"] == world.stream]
    assert {event["act_id"] for event in sent} == {world.asked}
    assert {event["state"] for event in sent} == {None}


def test_who_was_sent_an_act_is_not_told_how_the_case_stands(compartments: Compartments) -> None:
    """The task says what is asked, until when and in which case; the rest follows from all of it.

    The number is the case's name: a letter is answered by it (D3). The intake's own is of its act.
    """
    world = compartments
    body = read(world, "/v1/worklist", PART)
    (task,) = [task for part in body.values() if isinstance(part, list) for task in part]
    assert (task["act_id"], task["code"]) == (world.asked, "ANSWER_VERIFICATION")
    assert task["state"] is None
    assert task["last_at"] is None
    assert (task["case_number"], task["register_no"]) == ("2024/0187", None)
    ours = read(world, "/v1/worklist", WHOLE, team="true").values()
    tasks = [one for part in ours if isinstance(part, list) for one in part if "stream" in one]
    assert all(one["register_no"] for one in tasks if one["stream"] == world.stream)
    acts = [read(world, f"/v1/acts/{world.asked}", PART)]
    acts += read(world, f"/v1/cases/{world.hidden.case}/acts", PART)["acts"]
    states = {one["state_after"] for act in acts for one in act["statements"]}
    assert states == {None}
    whole = read(world, f"/v1/acts/{world.asked}", WHOLE)
    assert {one["state_after"] for one in whole["statements"]} == {"SCREENING"}


@attack(
    "a supervisor asks for the work of a team, to see cases of others in it",
    stopped_by="work is of what the asker sees (A10)",
    noticed_by="-",
)
def test_work_of_a_team_is_of_cases_one_sees(compartments: Compartments) -> None:
    """`team=true` shows what waits for others of the agency, and nothing of another's case."""
    assert read(compartments, "/v1/worklist", "gd", team="true")["team"] == ["bacninh.stttt"]
    for by in (STRANGER, PART, WHOLE):
        body = read(compartments, "/v1/worklist", by, team="true")
        assert "bacninh.stttt" not in body["team"], by
        streams = {
            task["stream"] for part in body.values() if isinstance(part, list)
            for task in part if isinstance(task, dict)
        }  # fmt: skip
        if by == STRANGER:
            assert compartments.stream not in streams


@attack(
    "a stranger seeks the time of a hidden record through moments of the past",
    stopped_by="an index that is not seen stands for what is seen before it (N8)",
    noticed_by="-",
)
def test_an_index_never_tells_the_time_of_a_record_one_does_not_see(
    compartments: Compartments,
) -> None:
    """Binary search between an index and a time: `swapped`, `as_of`, participants, the registry.

    What a stranger learns of every index stays the same when it is compared with instants on both
    sides of each hidden record's time.
    """
    world = compartments
    base = f"/v1/cases/{world.own.case}"
    own = world.times[f"case/{world.own.case}"]
    for index, at in world.times[world.stream].items():
        before = max((seen for n, seen in own.items() if n < index), default=None)
        around = [at + timedelta(milliseconds=step) for step in (-1, 0, 1)]
        told = []
        for instant in around:
            text = fmt_time(instant.replace(microsecond=0))
            answer = world.service.get(
                f"{base}/diff", STRANGER, None, **{"from": index, "to": text}
            )
            reverse = world.service.get(
                f"{base}/diff", STRANGER, None, **{"from": text, "to": index}
            )
            told.append(
                (answer.status_code, answer.get_json().get("swapped", False), reverse.status_code)
            )
        assert len(set(told)) == 1, (index, told)
        for path in (base, f"{base}/participants"):
            answer = world.service.get(path, STRANGER, as_of=index)
            if before is None:
                assert answer.get_json()["code"] == "before_case"
            else:
                assert answer.status_code == 200, answer.text
                assert answer.get_json()["view"]["index"] in own
            assert _says(at) not in answer.text, (path, index)
        for path in REGISTRY:
            answer = world.service.get(path, STRANGER, as_of=index)
            earlier = world.service.get(path, STRANGER, as_of=min(world.times[world.stream]) - 1)
            if path != "/v1/keys/jwks":
                asked = {"index": None, "next": None}
                assert answer.get_json() | asked == earlier.get_json() | asked
            assert _says(at) not in answer.text


def _says(at: Any) -> str:  # noqa: ANN401  an instant
    return f"{at:%Y-%m-%dT%H:%M:%S}"


@attack(
    "a stranger watches tags, cursors and `Ledger-Index` while somebody works in a hidden case",
    stopped_by="a tag is over what its officer sees; a cursor is of its officer and sealed",
    noticed_by="-",
)
def test_cursors_and_tags_are_of_their_officer(compartments: Compartments) -> None:
    """One officer's cursor is nothing in another's hands, and says nothing readable."""
    world = compartments
    path = f"/v1/cases/{world.hidden.case}/acts"
    cursor = read(world, path, WHOLE, limit=1)["next"]
    other = world.service.get(path, PART, limit=1, cursor=cursor)
    assert other.status_code == 400
    assert other.get_json()["code"] == "bad_cursor"
    tags = {by: world.service.get("/v1/instruments", by).headers["ETag"] for by in EVERYBODY}
    assert len(set(tags.values())) == len(EVERYBODY)


def test_open_answers_tell_of_no_case(compartments: Compartments) -> None:
    """Health, metrics, facts and proofs without a session: no id, no number, no time."""
    world = compartments
    for path in (
        "/health/live", "/health/ready", "/metrics", "/v1/log", "/v1/log/recoveries",
        f"/v1/log/proof/inclusion?index={world.hidden.index}", "/logs/acts/checkpoint",
        "/problems/not_found", "/openapi.json",
    ):  # fmt: skip
        answer = world.service.client.get(path)
        for word in (world.hidden.case, world.hidden.act, world.asked, SECRET, DIGEST):
            assert word not in answer.text, path


@attack(
    "a stranger asks for the proof of a record in a hidden case",
    stopped_by="a proof is hashes, the same for everybody (A12)",
    noticed_by="-",
)
def test_a_proof_of_a_record_one_does_not_see_is_hashes(compartments: Compartments) -> None:
    """A12: what anybody gets from the tiles, and the same for everybody."""
    path = f"/v1/log/proof/inclusion?index={compartments.hidden.index}"
    answers = {
        compartments.service.client.get(path, headers=compartments.service.headers(by)).get_data()
        for by in (None, *EVERYBODY)
    }
    assert len(answers) == 1
    assert SECRET.encode() not in answers.pop()
