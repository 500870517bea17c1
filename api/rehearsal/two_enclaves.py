"""One history in an ordinary enclave and in one above it, each with a cluster of its own.

What happens below goes up in segments before anybody above acts on it. Beside them lies a copy of
the ordinary enclave as it was founded: it is sent the same statements with nobody above, so that
what whoever is below can get may be compared. Nothing is shown here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from api.client.client import Client
from api.client.connection import Refused
from api.home import EnclaveFacts
from api.ops import database
from api.ops.init_enclave import Plan, found
from api.ops.machine import RealClock, RealEntropy
from api.ops.mirror import inbox, slots
from api.ops.mirror.outbox import ENDING, Outbox, into_folder
from api.rehearsal.cast import Cast, EditionDirectory
from api.rehearsal.enclaves import levels_of, name_of, opening, served, venue_of
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Outcome, Player, Registrar
from api.rehearsal.scenario import Play
from api.settings import Settings
from api.texts.catalogue import translate
from api.texts.labels import name
from api.texts.lang import Lang
from keys import canonical
from keys.custody.file import read_key
from keys.jwk import SoftwareSigner
from ledger.log.statement import AUTHOR, Statement
from ledger.message import Message
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.taking_in import TakenIn
from ledger.regulation.edition import load_edition

_APPROVER: Final = "APPROVER"
_GROUND: Final = Message("The annex is compared with the file at the ordinary level")
"""Signed, and so in one language for all."""
_THREADS: Final = 12
Went = Callable[[int, int], None]
"""Called with how many steps are done, and how many there are."""
_DRAWN: Final = frozenset({"entry", "proof", "checkpoint", "trace_id"})
"""Members that are made of what each record is blinded with, or of the request: they differ between
any two logs, and are left out where two are compared."""


_LISTS: Final = (
    "cases", "worklist?team=true", "statistics", "feed?after=-1", "agencies", "officers", "keys",
    "lower-logs",
)  # fmt: skip


class SentBelow(NamedTuple):
    """A statement that the ordinary enclave was sent, or a segment that it published between."""

    statement: Statement | None
    signer: SoftwareSigner | None
    at: datetime


class _Recording(HttpLedger):
    """A ledger behind HTTP that keeps what it was sent."""

    sent: list[SentBelow]

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Sends a statement, and keeps it."""
        receipt = super().submit(made, signer, at)
        self.sent.append(SentBelow(made, signer, at))
        return receipt


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, while it is served.

    Attributes:
        settings: Of its home.
        facts: Of its enclave.
        url: Base of its API.
        desk: What its play is sent to.
        player: Plays there.
        outcome: What comes of the play.
    """

    settings: Settings
    facts: EnclaveFacts
    url: str
    desk: HttpLedger
    player: Player
    outcome: Outcome

    def client(self, alias: str) -> Client:
        """Whoever is named, signed in. Raises: KeyError: nobody of that name is enrolled."""
        return self.desk.client(self.player.signer(self.outcome, alias))

    def case(self, alias: str) -> str:
        """Id of a case of the play."""
        return self.outcome.threads.cases[alias]


@dataclass(slots=True)
class Difference:
    """What was compared, and where the first difference is.

    Attributes:
        compared: How many answers and segments.
        size: How many bytes of them.
        where: Names of those that differ.
    """

    compared: int = 0
    size: int = 0
    where: list[str] = field(default_factory=list)


class TwoEnclaves:
    """The two homes of one play, and the copy beside them.

    Args:
        folder: Where they are made.
        play: With steps of two levels.
        lang: Of what the enclaves say.
    """

    def __init__(self, folder: Path, play: Play, lang: Lang) -> None:
        self.play = play
        self._lang = lang
        self._levels = levels_of(play)
        lower, upper = (_at(folder / name_of(play, level)) for level in self._levels)
        self.lower, self.upper, self.alone = lower, upper, _at(folder / f"{play.id}-alone")
        self._carried = self.upper.home / "carried"
        self._sent: list[SentBelow] = []
        self._turn = 0

    def make(self) -> None:
        """Founds both, on two clusters, and has the upper one trust the lower."""
        at = opening(self.play)
        deployment = self.play.deployment
        below = found(self.lower, Plan(deployment, self._levels[0], rehearsal=True, at=at)).facts
        database.stop_database(self.lower)
        _copy(self.lower.home, self.alone.home)
        found(self.upper, Plan(deployment, self._levels[1], rehearsal=True, at=at))
        _, key = inbox.make_key(self.upper)
        slots.put(self.lower, self._levels[0], [key.public])
        inbox.add_log(self.upper, below.origin, bytes.fromhex(below.genesis))

    @contextmanager
    def served(self) -> Iterator[tuple[Side, Side]]:
        """Both, each with a player, the lower first, until the block ends."""
        with ExitStack() as stack:
            yield (
                self._side(stack, self.lower, recording=True),
                self._side(stack, self.upper, recording=False),
            )

    def _side(self, stack: ExitStack, settings: Settings, *, recording: bool) -> Side:
        url = stack.enter_context(served(settings))
        venue = venue_of(settings, url, None)
        signer = read_key(venue.registrar_file, venue.passphrase)
        kind = _Recording if recording else HttpLedger
        desk = stack.enter_context(kind(url, self._lang, log=venue.log, signer=signer))
        if isinstance(desk, _Recording):
            desk.sent = self._sent
        registrar = desk.client(signer)
        registrar.login()
        player = Player(
            desk,
            Registrar(str(registrar.officer), signer),
            Cast(desk.origin, venue.safe),
            EditionDirectory(load_edition()),
            new_uuid=RealEntropy().uuid,
            name=lambda member: name(member, self._lang),
        )
        facts = database.running_facts(settings)
        return Side(settings, facts, url, desk, player, player.begun(self.play))

    def run(self, lower: Side, upper: Side, went: Went) -> None:
        """Plays to the end: before each turn of the upper one, what happened below is brought."""
        going = {side.desk.level: side.player.going(side.outcome) for side in (lower, upper)}
        before = ""
        for n, step in enumerate(self.play.steps):
            if step.level == upper.desk.level != before:
                self.bring()
            before = step.level
            next(going[step.level], None)
            went(n + 1, len(self.play.steps))
        for each in going.values():
            for _ in each:  # what a case must look like at its end
                pass
        self.bring()

    def bring(self) -> list[TakenIn]:
        """Publishes what is new below, carries it up and takes it in."""
        self._turn = max(self._turn + 1, int(RealClock().now().timestamp()))
        at = datetime.fromtimestamp(self._turn, UTC)
        Outbox(self.lower, into_folder(self._carried), _Then(at)).once()
        self._sent.append(SentBelow(None, None, at))
        with inbox.open_inbox(self.upper) as box:
            path = self._segments(self._carried)[-1]
            return [box.take(inbox.read_segment(path), path.name)]

    def bring_damaged(self) -> tuple[str, SegmentRefused]:
        """Brings the next segment with one bit turned on its way: how it is refused."""
        self._turn += 1
        at = datetime.fromtimestamp(self._turn, UTC)
        Outbox(self.lower, into_folder(self._carried), _Then(at)).once()
        self._sent.append(SentBelow(None, None, at))
        path = self._segments(self._carried)[-1]
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        with inbox.open_inbox(self.upper) as box:
            try:
                box.take(bytes(data), path.name)
            except SegmentRefused as refused:
                return path.name, refused
        raise AssertionError("a damaged segment was taken in")

    def grant(self, lower: Side, upper: Side, alias: str, case: str, step: int) -> int:
        """A case above shows somebody the case below that the act of a step is of, by two signers.

        Returns:
            Index of the record by which it does.

        Raises:
            Refused: The ledger takes it not.
        """
        at = max(step.signed for step in self.play.steps) + timedelta(days=1)
        author, approver = (upper.outcome.threads.officers[one] for one in ("nst", "ca"))
        act = {
            "v": 1,
            "act": "ParticipationGranted",
            "act_id": str(RealEntropy().uuid()),
            "stream": f"case/{upper.case(case)}",
            "occurred_at": at.isoformat(timespec="seconds"),
            "precision": "minute",
            "agency": author.part.agency,
            "post": author.part.post,
            "capacity": "TRUC_TIEP",
            "basis": [
                {"instrument": "117/2025/QH15", "article": "12", "role": "COMPETENCE"},
                {"instrument": "63/2026/NĐ-CP", "article": "8", "role": "PROCEDURE"},
            ],
            "circulation": "INTERNAL",
            "facts": {
                "officer": upper.outcome.threads.officers[alias].officer,
                "scope": "CASE",
                "may": "READ",
                "ground": translate(_GROUND, "vi"),
                "until": (at + timedelta(days=30)).isoformat(timespec="seconds"),
                "low_ref": {"log": lower.facts.origin, "act_id": lower.outcome.threads.acts[step]},
            },
            "signers": [
                {"officer": one.officer, "post": one.part.post, "role": role}
                for one, role in ((author, AUTHOR), (approver, _APPROVER))
            ],
        }  # fmt: skip
        payload = canonical.encode(dict(upper.client("nst").with_seen(act, at=at)))
        index = -1
        for one, role in (("nst", AUTHOR), ("ca", _APPROVER)):
            client = upper.client(one)
            made = client.sign(payload, stream=str(act["stream"]), role=role, iat=at, at=at)
            index = client.submit(made, at=at).index
        return index

    # -- with and without the other ------------------------------------------------------------

    def without(self, lower: Side, went: Went) -> Difference:
        """Sends the copy what the ordinary enclave was sent, with nobody above, and compares.

        Answers to each of the cast who is enrolled there and to the registrar, and segments by
        their names and lengths: they are sealed to keys drawn at random.
        """
        folder = self.alone.home / "carried"
        with ExitStack() as stack:
            url = stack.enter_context(served(self.alone))
            venue = venue_of(self.alone, url, None)
            registrar = read_key(venue.registrar_file, venue.passphrase)
            desk = stack.enter_context(HttpLedger(url, self._lang, log=venue.log, signer=registrar))
            for n, (statement, signer, at) in enumerate(self._sent):
                if statement is None or signer is None:
                    Outbox(self.alone, into_folder(folder), _Then(at)).once()
                else:
                    desk.submit(statement, signer, at)
                went(n + 1, len(self._sent))
            asking = [
                lower.player.signer(lower.outcome, one) for one in lower.outcome.threads.officers
            ]
            found = Difference()
            for signer in (registrar, *asking):
                told = (_told(one.client(signer), lower) for one in (lower.desk, desk))
                for (path, first), (_, second) in zip(*told, strict=True):
                    found.compared += 1
                    found.size += len(first)
                    if first != second:
                        found.where.append(path)
        carried = [
            {one.name: one.stat().st_size for one in self._segments(each)}
            for each in (self._carried, folder)
        ]
        found.compared += len(carried[0])
        found.where += ["segments"] if carried[0] != carried[1] else []
        return found

    @staticmethod
    def _segments(folder: Path) -> list[Path]:
        return sorted(folder.glob(f"*{ENDING}"))


class _Then:
    """A clock that stands."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """That instant."""
        return self._at


def _told(client: Client, lower: Side) -> Iterator[tuple[str, bytes]]:
    """Everything that one officer is answered, but for what is drawn at random."""
    cases = lower.outcome.threads.cases.values()
    parts = ("", "/acts", "/participants", "/verification")
    paths = ["log", *_LISTS, *(f"cases/{case}{part}" for case in cases for part in parts)]
    newest = int(client.log()["records"]) - 1
    for path in paths:
        try:
            body: Any = client.read(f"/v1/{path}", at_least=newest).body
        except Refused as refused:
            body = {"code": refused.code, "status": refused.status}
        yield path, orjson.dumps(_plain(body))


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if name not in _DRAWN}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _copy(home: Path, to: Path) -> None:
    """A home as it lies, whose files stay whose they are: the server's are not root's."""
    shutil.copytree(home, to, symlinks=True)
    for path in (to, *to.rglob("*")):
        of = (home / path.relative_to(to)).lstat()
        if (of.st_uid, of.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(path, of.st_uid, of.st_gid, follow_symlinks=False)


def _at(home: Path) -> Settings:
    return replace(Settings.at(home), workers=1, threads=_THREADS)
