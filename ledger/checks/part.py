"""Parts of a log: runs of rows, read and checked by themselves.

A part is what an audit must remember of its rows to follow the log and to build the tree: of most
rows nothing but who signed what where. Which process does it is `workers`' to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from ledger.checks import content
from ledger.checks.content import Checked, Job, RawRecord
from ledger.checks.evidence import Evidence
from ledger.checks.rules import Rules, Ruling
from ledger.log.merkle import HASH_BYTES, subtree
from ledger.log.record import leaf
from ledger.log.statement import ACT_TYP, AUTHOR
from ledger.log.tiles import WIDTH

ROWS: Final = WIDTH
"""Rows of a part: whole tiles, and so few that processes end together."""

Slip = tuple[int, float, int, int, str | None, str, bytes, int]
"""What is left of a sound act with one signer that changes nothing for an audit: index, time,
number of its stream, position, `prev`, digest, act id, number of its signer."""


class Whole(NamedTuple):
    """A row that has to be looked at closer, without its seal; what it says, and the rules of it.

    `ruling` is None where the rules were not asked.
    """

    row: RawRecord
    said: Checked
    ruling: Ruling | None = None


class Part(NamedTuple):
    """Rows of an index range, checked by themselves.

    Attributes:
        start: First index of the range.
        dense: Whether its rows are `start`, `start` + 1, …, each once.
        leaves: Leaf hashes of the rows in order.
        tops: Roots over whole tiles of them, where dense.
        streams: Id and name of the streams that slips are of.
        signers: Officer and kid that slips are signed by.
        slips: One a row in order.
        first: Entry of the row of index 0, where it is here.
    """

    start: int
    dense: bool
    leaves: bytes
    tops: tuple[bytes, ...]
    streams: tuple[tuple[bytes, str], ...]
    signers: tuple[tuple[str, str], ...]
    slips: list[Slip | Whole]
    first: bytes | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where parts are read and checked.

    Attributes:
        source: The stored bytes.
        job: What the rows are checked with; None where they cannot be opened.
        rules: What they are judged by, part after part in the order of the log; None where the
            rules are not asked.
    """

    source: Evidence
    job: Job | None
    rules: Rules | None = None

    def part(self, start: int, end: int) -> Part:
        """The rows of indices [`start`, `end`), checked."""
        rows = self.source.records(start, end)
        streams: dict[tuple[bytes, str], int] = {}
        signers: dict[tuple[str, str], int] = {}
        slips: list[Slip | Whole] = []
        for row in rows:
            said, statement = Checked(row.at), None
            if self.job is not None:
                said, statement = content.open_one(row, self.job)
            ruling = None if self.rules is None else self.rules.follow(row, said, statement)
            if _is_plain(row, said) and (ruling is None or ruling.plain):
                stream = streams.setdefault((row.stream_id, said.stream), len(streams))
                signer = signers.setdefault((said.signers[0][0], said.kid), len(signers))
                slips.append(
                    (row.at, row.recorded_ms, stream, said.seq, said.prev, said.digest, row.act_id,
                     signer)
                )  # fmt: skip
            else:
                slips.append(Whole(row._replace(state=None, wraps=()), said, ruling))
        dense = all(row.at == at for at, row in enumerate(rows, start))
        leaves = b"".join([leaf(row.entry) for row in rows])
        return Part(
            start=start,
            dense=dense,
            leaves=leaves,
            tops=_tops(leaves) if dense else (),
            streams=tuple(streams),
            signers=tuple(signers),
            slips=slips,
            first=rows[0].entry if rows and rows[0].at == 0 else None,
        )


def _is_plain(row: RawRecord, said: Checked) -> bool:
    """Whether a slip says enough: nothing is wrong, nobody else signs, no later record needs it."""
    return (
        said.signed is True
        and said.damage is None
        and said.members is None
        and not row.registry
        and said.typ == ACT_TYP
        and said.role == AUTHOR
        and len(said.signers) == 1
        and row.at > 0
    )


def _tops(leaves: bytes) -> tuple[bytes, ...]:
    wide = WIDTH * HASH_BYTES
    return tuple(subtree(leaves[at : at + wide]) for at in range(0, len(leaves) - wide + 1, wide))


def whole_of(part: Part, slip: Slip) -> Whole:
    """A slip written out again, for whoever finds something wrong with it in its place."""
    at, recorded_ms, stream, seq, prev, digest, act_id, signer = slip
    stream_id, name = part.streams[stream]
    officer, kid = part.signers[signer]
    row = RawRecord(
        at=at,
        stream_id=stream_id,
        seq=seq,
        act_id=act_id,
        author=True,
        topic=content.TOPIC,
        recorded_ms=recorded_ms,
        entry=b"",
        state=None,
        wraps=(),
        name=name,
        registry=False,
    )
    said = Checked(
        at=at,
        stream=name,
        seq=seq,
        prev=prev,
        digest=digest,
        act_id=str(UUID(bytes=act_id)),
        typ=ACT_TYP,
        role=AUTHOR,
        kid=kid,
        recorded_ms=int(recorded_ms),
        signed=True,
        signers=((officer, AUTHOR),),
    )
    return Whole(row, said)
