"""One program at three levels: whatever is told to whom, each is shown what the rules say (V9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from api.ops.embedded_postgres import Embedded
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.viewpoint import Viewpoint
from tests.builders import an_act, an_id, officer
from tests.examples import examples
from tests.fixtures.above import APPROVER, Above, classification, holder, opened

pytestmark = pytest.mark.postgres

READERS = ("bm", "chutri", "ncv", "xcv", "npgd")
UNITS = (an_id("annex a"), an_id("annex b"))
#: What is done, to whom, about which annex, until how many days later. Few days: an enclave's time
#: never goes back, and a soak's hundred cases are to end before the keys of their authors do.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("CLASSIFY", "GRANT_UNIT", "GRANT_CASE", "REPORT")),
        st.sampled_from(READERS),
        st.sampled_from(UNITS),
        st.sampled_from((3, 9)),
    ),
    min_size=2,
    max_size=5,
)
_cases = iter(range(10**6))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("mat", marks=pytest.mark.soak),
        pytest.param("toi-mat", marks=pytest.mark.soak),
        "tuyet-mat",
    ],
)
def enclave(
    request: pytest.FixtureRequest,
    postgres_server: Embedded,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Above]:
    """An enclave of each level above ordinary; on a push of the highest, else in `make soak`."""
    home = tmp_path_factory.mktemp("level") / "home"
    with opened(postgres_server, home, request.param) as made:
        yield made


def told(enclave: Above, steps: list[tuple[str, str, str, int]]) -> str:
    """A case of these steps, through the door; its stream."""
    service, level = enclave.service, enclave.service.enclave.facts.level
    stream = f"case/{an_id(f'a generated case {level} {next(_cases)}')}"
    begun = [("CLASSIFY", "bm", UNITS[0], 9), *steps]
    for kind, alias, unit, days in begun:
        now = service.clock.now()
        until = (now + timedelta(days=days)).isoformat(timespec="seconds")
        approver = APPROVER[level]
        if kind == "CLASSIFY":
            act = classification(level, stream, unit, [holder(alias, until)], now)
        else:
            facts, also = _facts(kind, alias, unit, until), [] if kind == "REPORT" else [approver]
            name = "SecretLossReported" if kind == "REPORT" else "ParticipationGranted"
            act = an_act(
                name, by="nst", also=also, level=level, stream=stream, when=now, facts=facts
            )
        service.say(act, "nst", approver)
        service.step(minutes=5)
    service.known(service.size() - 1)
    return stream


def _facts(kind: str, alias: str, unit: str, until: str) -> dict[str, Any]:
    if kind == "REPORT":
        return {"classification": None, "unit": unit}
    scope = {"scope": "UNIT", "unit": unit} if kind == "GRANT_UNIT" else {"scope": "CASE"}
    return {"officer": officer(alias), "until": until, **scope}


def _asked(enclave: Above, alias: str, at: datetime, path: str) -> TestResponse:
    """The answer, once the reader's budget reaches: on a busy machine one read is much work."""
    while True:
        headers = enclave.service.headers(alias, at)
        found = enclave.service.client.get(path, headers=headers, buffered=True)
        if found.status_code != 429:
            return found
        Event().wait(int(found.headers["Retry-After"]))


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, later=st.sampled_from((0, 5, 10)))
def test_each_is_shown_at_every_level_what_the_rules_say(
    enclave: Above, steps: list[tuple[str, str, str, int]], later: int
) -> None:
    """By the API, act by act, now and once grants have ended; and what is shown is noted."""
    service = enclave.service
    stream = told(enclave, steps)
    service.step(days=later)
    state = service.enclave.rights.case(stream)
    at = service.clock.now()
    registry = service.enclave.ledger.follower.current.registry
    case = Viewpoint(state, registry, at, service.enclave.facts.level)
    for alias in READERS:
        may = reach(officer(alias), case)
        for act_id in state.entries:
            found = _asked(enclave, alias, at, f"/v1/acts/{act_id}")
            expected = 200 if may.shows([act_id]) else 404
            assert found.status_code == expected, (alias, act_id, found.text)
