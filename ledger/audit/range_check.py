"""Parts of a log: runs of rows, read and checked by themselves.

A part is what an audit must remember of its rows to follow the log and to build the tree: of most
rows nothing but who signed what where. Which process does it is `workers`' to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final, NamedTuple
from uuid import UUID

from ledger.audit import content
from ledger.audit.content import Checked, CheckedRecord, Job, RawRecord
from ledger.audit.rules.rules import STANDS, RuleReplay, Ruling
from ledger.audit.rules.stream_folds import History
from ledger.audit.snapshot_port import ALONE, Evidence, StreamPartition
from ledger.log.merkle import HASH_BYTES, subtree
from ledger.log.record import leaf
from ledger.log.statement import ACT_TYP, AUTHOR, Statement
from ledger.log.tiles import WIDTH
from ledger.streams.event import TOPIC
from ledger.streams.names import is_case

ROWS: Final = WIDTH
"""Rows of a part: whole tiles, and so few that processes end together."""

CompactRow = tuple[int, float, int, int, str | None, str, bytes, int, str | None, tuple[str, ...]]
"""What is left of a sound act with one signer that changes nothing for an audit: index, time,
number of its stream, position, `prev`, digest, act id, number of its signer, and what it leaves for
others to ask about: state of the case after it, tokens that it names."""


class FullRow(NamedTuple):
    """A row that has to be looked at closer, without its seal; what it says, and the rules of it.

    Attributes:
        row: The row.
        said: What it says.
        statement: What was signed, where the rules have to be asked of it again.
        ruling: What the rules say; None where they have not been asked yet.
    """

    row: RawRecord
    said: CheckedRecord
    statement: Statement | None = None
    ruling: Ruling | None = None


class CheckedRange(NamedTuple):
    """Rows of an index range, checked by themselves.

    Attributes:
        start: First index of the range.
        streams: Id and name of the streams that slips are of.
        signers: Officer and kid that slips are signed by.
        slips: One a row in order.
        leaves: Leaf hashes of the rows in order.
        first: Entry of the row of index 0, where it is here.
    """

    start: int
    streams: tuple[tuple[bytes, str], ...]
    signers: tuple[tuple[str, str], ...]
    slips: list[CompactRow | FullRow]
    leaves: bytes
    first: bytes | None


@dataclass(frozen=True, slots=True)
class RangeChecker:
    """Where parts are read and checked.

    Attributes:
        source: The stored bytes.
        job: What the rows are checked with; None where they cannot be opened.
        replays: Whether the rules are asked.
        rules: What cases are judged by here, part after part in the order of the log; None where
            they are judged by whoever follows the log, as all other streams are.
        partition: The streams whose rows are read.
    """

    source: Evidence
    job: Job | None
    replays: bool = False
    rules: RuleReplay | None = None
    partition: StreamPartition = ALONE

    def part(self, start: int, end: int) -> CheckedRange:
        """The rows of indices [`start`, `end`), checked."""
        rows = self.source.records(start, end, self.partition)
        streams: dict[tuple[bytes, str], int] = {}
        signers: dict[tuple[str, str], int] = {}
        slips: list[CompactRow | FullRow] = []
        job = self.job
        # all of them before the first is judged, for the same reason as in `open_all`
        opened: list[Checked]
        if job is None:
            opened = [(CheckedRecord(row.at), None) for row in rows]
        else:
            opened = content.open_all(rows, job)
        rulings = self._rulings(rows, opened)
        for row, (said, statement), ruling in zip(rows, opened, rulings, strict=True):
            if _is_plain(row, said) and ruling is not None and ruling.plain:
                stream = streams.setdefault((row.stream_id, said.stream), len(streams))
                signer = signers.setdefault((said.signers[0][0], said.kid), len(signers))
                slips.append(
                    (row.at, row.recorded_ms, stream, said.seq, said.prev, said.digest, row.act_id,
                     signer, ruling.learned.state, said.tokens)
                )  # fmt: skip
            else:
                again = self.replays and (ruling is None or bool(ruling.asked))
                bare = row._replace(state=None, wraps=())
                slips.append(FullRow(bare, said, statement if again else None, ruling))
        return CheckedRange(
            start=start,
            streams=tuple(streams),
            signers=tuple(signers),
            slips=slips,
            leaves=b"".join([leaf(row.entry) for row in rows]),
            first=rows[0].entry if rows and rows[0].at == 0 else None,
        )

    def _rulings(
        self, rows: Sequence[RawRecord], opened: Sequence[Checked]
    ) -> Sequence[Ruling | None]:
        """What the rules say of each; None where they are asked later."""
        if not self.replays:
            return [STANDS] * len(rows)
        rules = self.rules
        if rules is None:
            return [None] * len(rows)
        cases = [n for n, row in enumerate(rows) if _is_of_case(row)]
        # all are parsed before the first is judged, as all are opened before
        acts = [
            rules.act_of(statement) if said.damage is None else None
            for said, statement in (opened[n] for n in cases)
        ]
        asked = [(rows[n], *opened[n], act) for n, act in zip(cases, acts, strict=True)]
        judged = dict(zip(cases, rules.follow_each(asked), strict=True))
        return [judged.get(n) for n in range(len(rows))]


def history(source: Evidence, job: Job) -> History:
    """How the rows of one stream are read again, their signatures not checked."""
    unsigned = replace(job, jwks={})

    def of_stream(stream_id: bytes, before: int) -> Iterator[tuple[RawRecord, Statement | None]]:
        for row in source.stream(stream_id, before):
            yield row, content.open_one(row, unsigned)[1]

    return of_stream


def in_order(
    parts: Sequence[CheckedRange],
) -> list[tuple[int, CheckedRange, CompactRow | FullRow, bytes]]:
    """The rows of parts of one range as they stand in the log, each with its leaf hash."""
    found = [
        (
            slip.row.at if isinstance(slip, FullRow) else slip[0],
            part,
            slip,
            part.leaves[n * HASH_BYTES : (n + 1) * HASH_BYTES],
        )
        for part in parts
        for n, slip in enumerate(part.slips)
    ]
    if len(parts) > 1:
        found.sort(key=itemgetter(0))
    return found


def _is_of_case(row: RawRecord) -> bool:
    return row.name is not None and is_case(row.name)


def _is_plain(row: RawRecord, said: CheckedRecord) -> bool:
    """Whether a slip says enough: nothing is wrong, nobody else signs, no later record needs it."""
    return (
        said.signed is True
        and said.damage is None
        and said.members is None
        and not said.attachments
        and not row.registry
        and said.typ == ACT_TYP
        and said.role == AUTHOR
        and len(said.signers) == 1
        and row.at > 0
    )


def tops(leaves: bytes) -> tuple[bytes, ...]:
    """Roots over whole tiles of leaf hashes."""
    wide = WIDTH * HASH_BYTES
    return tuple(subtree(leaves[at : at + wide]) for at in range(0, len(leaves) - wide + 1, wide))


def whole_of(part: CheckedRange, slip: CompactRow) -> FullRow:
    """A slip written out again, for whoever finds something wrong with it in its place."""
    at, recorded_ms, stream, seq, prev, digest, act_id, signer = slip[:8]
    stream_id, name = part.streams[stream]
    officer, kid = part.signers[signer]
    row = RawRecord(
        at=at,
        stream_id=stream_id,
        seq=seq,
        act_id=act_id,
        author=True,
        topic=TOPIC,
        recorded_ms=recorded_ms,
        entry=b"",
        state=None,
        wraps=(),
        name=name,
        registry=False,
    )
    said = CheckedRecord(
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
    return FullRow(row, said)
