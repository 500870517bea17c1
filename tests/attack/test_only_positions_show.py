"""Above ordinary: whatever is done in an annex shows as positions of its case, and no more (NI3).

An enclave is copied twice. In both copies as many statements of an annex are recorded at the same
moments: of other kinds, by other people, drawn by chance, and the annex is read meanwhile. Whoever
it is not named to then asks every route by which something is read, but for pages, and has an act
of each type checked. All answers are compared, with status, headers and body: so many positions are
told (D1), so many records (D2), and nothing by which the two copies differ.

Not compared is what is drawn (X2): hashes, proofs, tags and cursors, of which the length is.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from api.ops.embedded_postgres import Embedded
from ledger.errors import Rejected
from ledger.log.statement import AUTHOR, RETURNER
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import load
from tests.attack.test_denial_above_ordinary import every_read, of_annex
from tests.attacks import attack
from tests.builders import CAST, an_act, an_id, at, officer
from tests.examples import share
from tests.fixtures.above import (
    APPROVER,
    DIGEST,
    HOLDER,
    OTHER,
    STRANGER,
    UNITS,
    WHOLE,
    Above,
    classification,
    holder,
    opened,
)
from tests.parts import Part

pytestmark = pytest.mark.postgres

LEVEL: Final = "mat"
STATEMENTS: Final = 6
PAIRS: Final = 100
SEED: Final = 117
_BEGUN: Final = at("2026-10-20 10:00")
_LOOKED: Final = at("2026-10-21 09:00")
_NOT_NAMED: Final = (WHOLE, OTHER, STRANGER, "founder")
_BY: Final = {
    "SecretLossReported": ("nst", "npgd", HOLDER),
    **dict.fromkeys(("ClassificationAdjusted", "ClassificationExtended"), ("nst",)),
    **dict.fromkeys(("ParticipationGranted", "ExportPermitted"), ("nst",)),
    "SecretProvisionPermitted": ("npgd",),
    "Declassified": ("nst",),
}
"""What is drawn of an annex, and by whom; the last ends it."""
_SIGNING: Final = ("nst", "npgd", HOLDER, "ca", "hd", APPROVER[LEVEL])
_CASE_TYPES: Final = sorted(name for name, one in load().types.items() if one.stream == "case")
_DRAWN: Final = re.compile(
    r"(?<=cursor=)[\w%.-]+|(?<=\\n)[\w+/]{43}=|(?<![\w+/])[\w+/]{43}=|(?<![\w+/-])[\w+/-]{60,}={0,2}"
    r"|(?<![\w+/-])[\w-]{43}(?![\w+/-])|\b[0-9a-f]{32}\b|\b[0-9a-f]{64}\b"
)
_SENT: Final = re.compile(r'"(?:trace_id|instance|payload|protected|signing_input)":\s*"[^"]*"')
_OF_ANY_ANSWER: Final = frozenset({"Date", "ETag", "X-Request-Id"})
Answers = dict[tuple[str, str], tuple[int, list[tuple[str, str]], str]]


@dataclass
class _Copy:
    """One of two copies.

    Attributes:
        above: It.
        chance: What is done in it.
        done: Acts of the annex so far.
        waiting: Those that wait, each with the place of whoever signs next.
    """

    above: Above
    chance: random.Random
    done: list[str] = field(default_factory=list)
    waiting: list[tuple[Act, int]] = field(default_factory=list)

    def work(self) -> None:
        """As many statements as in the other copy, each at the same moment as there."""
        service, recorded = self.above.service, 0
        self.done.append(self.above.annexes[0].act_id)
        for tries in range(1_000):
            if recorded == STATEMENTS:
                break
            now = _BEGUN + recorded * timedelta(minutes=10)
            service.clock.set(now + timedelta(minutes=5))
            act, place = self._next(now, last=recorded == STATEMENTS - 1, plain=tries > 100)
            if act is not None and self._taken(act, place):
                recorded += 1
                self._read()
        assert recorded == STATEMENTS
        service.clock.set(_LOOKED)
        self.above.fold()

    def _next(self, now: datetime, *, last: bool, plain: bool) -> tuple[Act | None, int]:
        if plain or self.chance.random() < 0.1:
            unit = an_id(f"a document {self.chance.random()}")
            named = [holder(self._reader(), self._end(now))]
            return classification(LEVEL, self.above.stream, unit, named, now), 0
        if self.waiting and self.chance.random() < 0.5:
            act, place = self.waiting.pop()
            return (act, place) if self.chance.random() < 0.7 else (self._ended(act, now), 0)
        kinds = list(_BY) if last else list(_BY)[:-1]
        return self._drawn(self.chance.choice(kinds), now), 0

    def _ended(self, act: Act, now: datetime) -> Act | None:
        """Taken back by its author, or given back by whoever is next."""
        kind, by = self.chance.choice((("ActWithdrawn", 0), ("ActReturned", 1)))
        alias = next(one for one in CAST if officer(one) == act.signers[by].officer)
        return self._made(kind, alias, [], now, about=act.act_id)

    def _drawn(self, name: str, now: datetime) -> Act | None:
        also = {"SecretLossReported": [], "Declassified": ["hd", "ca"]}.get(name, [APPROVER[LEVEL]])
        return self._made(name, self.chance.choice(_BY[name]), also, now)

    def _made(
        self, name: str, by: str, also: list[str], now: datetime, about: str | None = None
    ) -> Act | None:
        memory, annex = self.above.service.enclave.ledger._memory, self.above.annexes[0].act_id
        with memory.fresh(self.above.stream) as current, suppress(KeyError, Rejected):
            return an_act(
                name, by=by, also=also, level=LEVEL, when=now, within=current.state,
                facts=self._facts(name, now), act_id=an_id(f"{name} {self.chance.random()}"),
                refers_to=about or annex, capacities=["TRUC_TIEP"] * (1 + len(also)),
            )  # fmt: skip
        return None

    def _facts(self, name: str, now: datetime) -> dict[str, Any]:
        spec, facts = load().type(name).facts, dict[str, Any]()
        if "unit" in spec:
            facts["unit"] = UNITS[0]
        if "classification" in spec:
            facts["classification"] = self.above.annexes[0].act_id
        if "holder" in spec:
            facts["holder"] = holder(self._reader(), self._end(now))
        if name == "ParticipationGranted":
            facts |= {"officer": officer(self._reader()), "scope": "UNIT", "until": self._end(now)}
        if name == "ExportPermitted":
            facts |= {"copies": 1, "copy_nos": ["1"], "records": [], "purpose": "Dua di hop"}
        return facts

    def _reader(self) -> str:
        return self.chance.choice(("npgd", HOLDER))

    def _end(self, now: datetime) -> str:
        return (now + timedelta(days=self.chance.randrange(3, 60))).isoformat(timespec="seconds")

    def _taken(self, act: Act, place: int) -> bool:
        service, signer = self.above.service, act.signers[place]
        alias = next((one for one in _SIGNING if officer(one) == signer.officer), None)
        if alias is None:
            return False
        role = RETURNER if act.act == "ActReturned" else signer.role
        made = service.sign(act, alias, role=role)
        answer = service.send(made, alias, {"Prefer": "respond-async"})
        assert answer.status_code < 500, answer.text
        if answer.status_code != HTTPStatus.ACCEPTED:
            return False
        service.known(answer.get_json()["index"])
        if role in (AUTHOR, RETURNER):
            self.done.append(act.act_id)
        if place + 1 < len(act.signers):
            self.waiting.append((act, place + 1))
        return True

    def _read(self) -> None:
        """By those whom it is named to, in one copy more often than in the other."""
        annex, service = self.above.annexes[0].act_id, self.above.service
        for _ in range(self.chance.randrange(3)):
            for path in (f"/v1/acts/{annex}", f"/v1/acts/{annex}/attachments/{DIGEST}"):
                assert service.get(path, self._reader()).status_code == HTTPStatus.OK

    # -- what others are told ------------------------------------------------------------------

    def answers(self, pair: int) -> Answers:
        """Every answer to those whom the annex is not named to."""
        service, got = self.above.service, Answers()
        for by in _NOT_NAMED:
            headers = {**service.headers(by, _LOOKED), "X-Request-Id": "x"}
            for path in share(list(self._paths(by)), 12, f"{pair} {by}"):
                found = service.ask(path, headers)
                got[by, path] = _plain(found)
            for act in share(list(self._acts(by)), 12, f"{pair} {by}"):
                found = service.client.post(
                    "/v1/acts/check", json={"act": dict(act.signed)}, headers=headers
                )
                got[by, f"a check of {act.act}"] = _plain(found)
        return got

    def _paths(self, by: str) -> Iterator[str]:
        above, case = self.above, self.above.case
        yield from every_read(of_annex(above))
        yield from ("/v1/acts?limit=1", "/v1/acts?pending=true", "/v1/openings", "/v1/log")
        yield from ("/health/ready", "/v1/officers?limit=200", "/v1/keys?limit=200")
        yield from (f"/v1/cases/{case}/acts/{n}" for n in range(1, 8 + STATEMENTS))
        act = above.annexes[1] if by == OTHER else above.plain
        yield from (f"/v1/acts/{act.act_id}", f"/v1/acts/{act.act_id}/raw")

    def _acts(self, by: str) -> Iterator[Act]:
        """Of each type, in the case and naming what this officer sees of it."""
        about = {WHOLE: self.above.plain, OTHER: self.above.annexes[1]}.get(by)
        for name in _CASE_TYPES if by in CAST else ():
            with suppress(KeyError, Rejected):
                yield an_act(
                    name, by=by, level=LEVEL, stream=self.above.stream, when=_LOOKED,
                    refers_to=None if about is None else about.act_id,
                    act_id=an_id(f"{name} by {by}"),
                )  # fmt: skip


def _plain(response: TestResponse) -> tuple[int, list[tuple[str, str]], str]:
    data = response.get_data()
    text = data.decode("utf-8", "replace")
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            text = "\n".join(book.read(one).decode("utf-8", "replace") for one in book.namelist())
    headers = [(name, _DRAWN.sub(_long, value)) for name, value in response.headers
               if name not in _OF_ANY_ANSWER]  # fmt: skip
    return response.status_code, headers, _DRAWN.sub(_long, _SENT.sub(_long, text))


def _long(found: re.Match[str]) -> str:
    return f"<{len(found[0])}>"


def _compare(server: Embedded, folder: Path, pair: int) -> None:
    """A pair of histories. Raises: AssertionError: they can be told apart."""
    got, kinds = list[Answers](), list[set[str]]()
    for n in (1, 2):
        with opened(server, folder / f"{pair}-{n}", LEVEL) as above:
            copy = _Copy(above, random.Random(f"{SEED} {pair} {n}"))  # noqa: S311  a story
            copy.work()
            kinds.append({*copy.done})
            got.append(copy.answers(pair))
    assert kinds[0] != kinds[1]
    one, other = got
    assert one.keys() == other.keys()
    assert {status for status, _, _ in one.values()} > {200, 404}
    apart = [asked for asked in one if one[asked] != other[asked]]
    assert not apart, (pair, apart, one[apart[0]], other[apart[0]])


@attack(
    "whoever an annex is not named to tells from any answer what is done in it, by whom it is read,"
    " what waits or runs there",
    stopped_by="it is not there for them but as positions (D1, NI3)",
    noticed_by="-",
)
def test_what_is_done_in_an_annex_shows_as_positions_alone(
    postgres_server: Embedded, tmp_path: Path
) -> None:
    """One pair, of each officer a share of what they may ask; all of it in `make attack`."""
    _compare(postgres_server, tmp_path, PAIRS)


@pytest.mark.soak
def test_a_hundred_annexes_show_as_positions_alone(
    postgres_server: Embedded, tmp_path: Path, part: Part
) -> None:
    """All that may be asked, of a hundred pairs."""
    for pair in part.of(PAIRS):
        _compare(postgres_server, tmp_path, pair)
