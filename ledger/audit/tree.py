"""Rebuilds the tree from the entries and holds stored tiles and signed checkpoints against it.

Which side is wrong where two disagree is decided by the log's own signature: a checkpoint whose
signature is good and whose root comes out of the entries proves the entries; one whose root comes
out of the tiles proves the tiles. formats.md §4, §6, §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keys import note
from keys.errors import InvalidSignature, KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from keys.note import VKey
from ledger.audit.findings import Damage, Finding
from ledger.errors import VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, fold_peaks, subtree
from ledger.log.recovery import Recovery
from ledger.log.tiles import HEIGHT, WIDTH, width_at

_LEVELS: Final = 8
"""Levels that a tree below 2**63 has."""
_TILE_BYTES: Final = WIDTH * HASH_BYTES


class RawTile(NamedTuple):
    """One row of `tiles`, as stored."""

    level: int
    n: int
    width: int
    data: bytes


class RawCheckpoint(NamedTuple):
    """One row of `checkpoints`, as stored."""

    size: int
    root: bytes
    note: bytes


class PrunedTree(NamedTuple):
    """The one row of `pruned`.

    Attributes:
        upto: Below it no partial tile stands that a wider one begins with.
        kept: Checkpoints up to there.
    """

    upto: int
    kept: int


NOTHING_PRUNED: Final = PrunedTree(0, 0)


class Roots:
    """Roots of a growing tree at the sizes asked for, and every complete subtree a tile can hold.

    Args:
        sizes: Sizes whose roots are wanted.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self._wanted = sorted(set(sizes), reverse=True)
        self._tiled = Frontier()  # over the roots of whole tiles
        self._within = Frontier()  # over the leaves behind them, as far as a root was wanted
        self.levels: list[bytearray] = [bytearray()]
        self.at: dict[int, bytes] = {}
        self._note_roots(0)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return len(self.levels[0]) // HASH_BYTES

    def append(self, leaf_hash: bytes) -> None:
        """Adds one leaf hash."""
        self.extend(leaf_hash)

    def extend(self, leaves: bytes, tops: Sequence[bytes] = ()) -> None:
        """Adds leaf hashes.

        Args:
            leaves: Hashes, one behind the other.
            tops: Roots over each whole tile of them, where the tree ends with a whole tile now.
        """
        known = iter(tops)
        at = 0
        while at < len(leaves):
            piece = leaves[at : at + (WIDTH - self.size % WIDTH) * HASH_BYTES]
            at += len(piece)
            self.levels[0] += piece
            size = self.size
            whole = not size % WIDTH
            self._note_roots(size - 1 if whole else size)
            if whole:
                self._close_tile(size // WIDTH, next(known, None))
                self._note_roots(size)

    def _close_tile(self, tiles: int, top: bytes | None) -> None:
        """A level of tiles grows when 256 hashes of the level below are complete."""
        level, count = 1, tiles
        while True:
            if len(self.levels) == level:
                self.levels.append(bytearray())
            if top is None:
                below = self.levels[level - 1]
                top = subtree(bytes(below[(count - 1) * _TILE_BYTES : count * _TILE_BYTES]))
            self.levels[level] += top
            if level == 1:
                self._tiled.append(top)
            if count % WIDTH:
                break
            level, count, top = level + 1, count // WIDTH, None
        self._within = Frontier()

    def _note_roots(self, size: int) -> None:
        while self._wanted and self._wanted[-1] <= size:
            wanted = self._wanted.pop()
            self.at[wanted] = self._root(wanted) if wanted else EMPTY_ROOT

    def _root(self, size: int) -> bytes:
        """Root of a size in the last tile, or of all whole tiles."""
        whole, rest = divmod(size, WIDTH)
        for index in range(whole * WIDTH + self._within.size, whole * WIDTH + rest):
            self._within.append(self.leaf_at(index))
        return fold_peaks([*self._tiled.peaks, *self._within.peaks])

    def leaf_at(self, index: int) -> bytes:
        """Leaf hash of the record that stands at an index."""
        return bytes(self.levels[0][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The hashes a tile must hold; shorter where the tree does not reach."""
        if level >= len(self.levels):
            return b""
        start = n * _TILE_BYTES
        return bytes(self.levels[level][start : start + width * HASH_BYTES])


def covered(level: int, n: int, position: int = 0) -> int:
    """First leaf below a hash of a tile."""
    return (n * WIDTH + position) << (HEIGHT * max(level, 0))


class Tiles:
    """Stored tiles, and what they claim the leaves are.

    Args:
        rows: Every stored tile.
    """

    def __init__(self, rows: Iterable[RawTile]) -> None:
        self._rows = {(t.level, t.n, t.width): t.data for t in sorted(rows)}
        self._widest: dict[tuple[int, int], int] = {}
        for level, n, width in self._rows:
            self._widest[level, n] = max(width, self._widest.get((level, n), 0))

    def __iter__(self) -> Iterator[RawTile]:
        return (RawTile(*key, data) for key, data in self._rows.items())

    def has(self, level: int, n: int, width: int) -> bool:
        """Whether this very tile is stored."""
        return (level, n, width) in self._rows

    def widest(self, level: int, n: int) -> int:
        """The widest stored tile at a place, 0 where there is none."""
        return self._widest.get((level, n), 0)

    def claimed_leaf(self, index: int) -> bytes | None:
        """Leaf hash by the widest tile of level 0, if its bytes reach that far."""
        n, position = divmod(index, WIDTH)
        data = self._rows.get((0, n, self.widest(0, n)), b"")
        found = data[position * HASH_BYTES : (position + 1) * HASH_BYTES]
        return found if len(found) == HASH_BYTES else None


@dataclass(slots=True)
class ReadCheckpoints:
    """The stored checkpoints after reading.

    Attributes:
        findings: What is wrong with them.
        roots: Roots under a good log signature, by size.
        sizes: Sizes of all of them.
        newest: Size of the newest.
        count: How many.
    """

    findings: list[Finding] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    newest: int | None = None
    count: int = 0

    def add(self, other: ReadCheckpoints) -> None:
        """Takes in what was read of later sizes."""
        self.findings += other.findings
        self.roots |= other.roots
        self.sizes += other.sizes
        self.count += other.count
        if other.newest is not None:
            self.newest = max(other.newest, self.newest or 0)


def read_checkpoints(rows: Iterable[RawCheckpoint], keys: LogKeys, origin: str) -> ReadCheckpoints:
    """Verifies every stored note: form, name, both signatures by the keys of its size, columns.

    Its root is held against the tree later.
    """
    signed = ReadCheckpoints()
    for row in rows:
        signed.count += 1
        signed.sizes.append(row.size)
        signed.newest = max(row.size, signed.newest or 0)
        for kind, message in _check_note(row, keys, origin, signed.roots):
            text = f"checkpoint of size {row.size}: {message}"
            signed.findings.append(Finding(max(row.size - 1, 0), kind, text))
    return signed


def _check_note(
    row: RawCheckpoint, keys: LogKeys, origin: str, roots: dict[int, bytes]
) -> Iterator[tuple[Damage, str]]:
    try:
        parsed = note.parse_note(row.note)
        found = checkpoints.unmarshal(parsed.text)
    except (KeysError, VerificationError) as error:
        yield Damage.CHECKPOINT_MALFORMED, str(error)
        return
    if found.origin != origin:
        yield Damage.CHECKPOINT_NAME, f"it is of {found.origin}"
        return
    vkeys, own = known(keys.at(found.size)), (origin, note.TYPE_ED25519)
    fault = _check_signature(parsed, vkeys, own)
    if fault is not None:
        if _check_signature(parsed, known(keys.every), own) is None:
            yield Damage.CHECKPOINT_KEY, "the key that signed it does not sign this size"
        else:
            yield Damage.CHECKPOINT_SIGNATURE, fault
        return
    if any(v.name == f"{origin}/pq" for v in vkeys):
        yield from _check_pq(parsed, vkeys, f"{origin}/pq")
    if found.size != row.size:
        yield Damage.CHECKPOINT_SIZE, f"the note says {found.size}"
        return
    roots[row.size] = found.root
    if found.root != row.root:
        yield Damage.CHECKPOINT_ROOT, "the column is not the root of the note"


def _check_pq(parsed: note.Note, vkeys: Sequence[VKey], name: str) -> Iterator[tuple[Damage, str]]:
    if not any(s.name == name for s in parsed.signatures):
        yield Damage.CHECKPOINT_PQ_MISSING, f"{name} has not signed"
        return
    fault = _check_signature(parsed, vkeys, (name, note.TYPE_ML_DSA_44))
    if fault is not None:
        yield Damage.CHECKPOINT_PQ_SIGNATURE, fault


def _check_signature(
    parsed: note.Note, vkeys: Sequence[VKey], wanted: tuple[str, int]
) -> str | None:
    """None where a key of this name and type has signed and nothing under the name is bad."""
    good = False
    for vkey in (v for v in vkeys if (v.name, v.kind) == wanted):
        for signature in parsed.signatures:
            if (signature.name, signature.key_id) != (vkey.name, vkey.key_id):
                continue
            try:
                vkey.verify(signature.blob, parsed.text)
            except InvalidSignature:
                return f"the signature of {vkey.name} does not verify"
            good = True
    return None if good else f"{wanted[0]} has not signed with a known key"


def check_trusted(
    notes: Iterable[bytes],
    keys: LogKeys,
    recoveries: Sequence[Recovery],
    origin: str,
    roots: Mapping[int, bytes],
) -> Iterator[Finding | Checkpoint]:
    """Holds the log to checkpoints that somebody kept outside: a witness, or an earlier audit.

    Yields:
        What is wrong; and a checkpoint itself where a recovery says that it is lost.
    """
    ended = {vkey for one in recoveries for vkey in one.old_vkeys}
    for held in notes:
        try:
            vkeys = known([*keys.every, *sorted(ended - set(keys.every))])
            opened = checkpoints.open_checkpoint(held, vkeys, origin=origin)
        except VerificationError as error:
            yield Finding(
                0, Damage.CHECKPOINT_SIGNATURE, f"a checkpoint kept outside: {error.message}"
            )
            continue
        found, by = opened.checkpoint, {str(good.vkey) for good in opened.verified}
        ends = next((one for one in recoveries if by & set(one.old_vkeys)), None)
        if ends is None or found.size <= ends.size:
            yield from _against(found, roots)
        elif ends.explains(found):
            yield found
        else:
            message = (
                f"a checkpoint kept outside has size {found.size}, "
                f"the recovery at {ends.index} does not say that it is lost"
            )
            yield Finding(ends.size, Damage.TAIL_MISSING, message)


def check_recoveries(
    recoveries: Iterable[Recovery], roots: Mapping[int, bytes]
) -> Iterator[Finding]:
    """Holds what recoveries say was left against the tree."""
    for one in recoveries:
        if roots.get(one.size) != one.root:
            message = f"it names another root of the {one.size} records that were left"
            yield Finding(one.index, Damage.RECOVERY_ROOT, message)


def trusted_sizes(notes: Iterable[bytes]) -> set[int]:
    """Sizes of checkpoints kept outside, as they claim them."""
    sizes = set()
    for held in notes:
        try:
            sizes.add(checkpoints.unverified(held).size)
        except VerificationError:
            continue
    return sizes


def _against(found: Checkpoint, roots: Mapping[int, bytes]) -> Iterator[Finding]:
    root = roots.get(found.size)
    if root is None:
        message = f"a checkpoint kept outside has size {found.size}, the log is shorter"
        yield Finding(max(max(roots, default=0), 0), Damage.TAIL_MISSING, message)
    elif root != found.root:
        message = f"a checkpoint kept outside has another root at size {found.size}"
        yield Finding(max(found.size - 1, 0), Damage.CHECKPOINT_FORKED, message)


@dataclass(slots=True)
class Judgement:
    """Entries, tiles and checkpoints held against each other.

    Attributes:
        findings: What is wrong with tiles and checkpoints.
        replaced: Indices whose record is not the one the tree was signed over.
    """

    findings: list[Finding] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)


def judge(
    roots: Roots, tiles: Tiles, signed: ReadCheckpoints, pruned: PrunedTree | None = NOTHING_PRUNED
) -> Judgement:
    """Says, for every disagreement, which side is wrong.

    Args:
        roots: The tree of the stored entries, with the roots at every checkpoint's size.
        tiles: Stored tiles.
        signed: Checkpoints that have passed `read_checkpoints`.
        pruned: How far what is said twice was thrown away; None where nothing says so.
    """
    found = Judgement()
    wrong = {s for s, root in signed.roots.items() if roots.at.get(s, root) != root}
    proven = max((s for s in signed.roots if s in roots.at and s not in wrong), default=0)
    by_tiles = _roots_of(tiles, sorted(s for s in wrong if s > proven))
    # A later good root contains an earlier one: what differs below it was signed over another tree.
    forked = {s for s in wrong if s < proven or by_tiles.get(s) == roots.at[s]}
    differing = (
        [i for i in range(roots.size) if _differs(i, roots, tiles)] if _unlike(roots, tiles) else []
    )
    suspects = wrong - forked
    if suspects:
        limit = max(suspects)
        found.replaced = [i for i in differing if proven <= i < limit]
        if not found.replaced:
            forked |= suspects
    for size in sorted(forked):
        message = f"checkpoint of size {size}: well signed, over another tree than these entries"
        found.findings.append(Finding(max(size - 1, 0), Damage.CHECKPOINT_FORKED, message))
    replaced = set(found.replaced)
    if pruned is None:
        message = "the row that says how far the tree was pruned is gone"
        found.findings.append(Finding(max(roots.size - 1, 0), Damage.HEAD_WRONG, message))
        pruned = NOTHING_PRUNED
    found.findings += _check_pruned(signed, pruned)
    found.findings += _check_tiles(roots, tiles, signed, replaced, max(pruned.upto, 0))
    return found


def _check_pruned(signed: ReadCheckpoints, pruned: PrunedTree) -> Iterator[Finding]:
    """Below what was pruned no tile tells of a checkpoint that is gone: their number does."""
    upto, kept = pruned
    newest = signed.newest or 0
    if upto > newest:
        message = f"the tree was pruned up to {upto} records, the newest checkpoint is of {newest}"
        yield Finding(newest, Damage.CHECKPOINT_ROLLED_BACK, message)
    elif (stand := sum(size <= upto for size in signed.sizes)) != kept:
        message = f"of {kept} checkpoints kept up to {upto} records, {stand} are there"
        yield Finding(max(upto - 1, 0), Damage.CHECKPOINT_MISSING, message)


def _unlike(roots: Roots, tiles: Tiles) -> bool:
    """Whether any tile of level 0 differs from the entries at all.

    Cheap, since mostly none does.
    """
    return any(t.level == 0 and t.data != roots.tile(0, t.n, t.width) for t in tiles)


def _differs(index: int, roots: Roots, tiles: Tiles) -> bool:
    claimed = tiles.claimed_leaf(index)
    return claimed is not None and claimed != roots.leaf_at(index)


def _roots_of(tiles: Tiles, sizes: Sequence[int]) -> dict[int, bytes]:
    """Roots by the tiles' own leaves."""
    if not sizes:
        return {}
    rebuilt = Roots(sizes)
    for index in range(sizes[-1]):
        claimed = tiles.claimed_leaf(index)
        if claimed is None:
            break
        rebuilt.append(claimed)
    return rebuilt.at


def _check_tiles(
    roots: Roots, tiles: Tiles, signed: ReadCheckpoints, replaced: set[int], upto: int
) -> Iterator[Finding]:
    stored = {key for size in _growth(signed.sizes, roots.size, upto) for key in size}
    stored |= set(_whole(min(upto, roots.size)))
    yield from (_absent(tiles, *key) for key in sorted(stored) if not tiles.has(*key))
    ends = set(_ends(min(upto, roots.size)))
    yield from (_absent(tiles, *key) for key in sorted(ends) if tiles.widest(*key[:2]) < key[2])
    stored |= ends
    unasked: list[RawTile] = []
    for tile in tiles:
        if _is_inside(tile, roots.size) and (finding := _check_tile(tile, roots, tiles, replaced)):
            yield finding
        elif (tile.level, tile.n, tile.width) not in stored:
            unasked.append(tile)
    yield from _check_unasked(unasked, signed, roots.size, upto)


def _is_inside(tile: RawTile, size: int) -> bool:
    """Whether the tree reaches to the end of a tile of a possible form."""
    formed = 0 <= tile.level < _LEVELS and tile.n >= 0 and 0 < tile.width <= WIDTH
    return formed and _end(tile) <= size


def _end(tile: RawTile) -> int:
    """How far a tile reaches: the size of the tree it was stored with, at level 0."""
    return covered(tile.level, tile.n, tile.width)


def _check_unasked(
    tiles: Iterable[RawTile], signed: ReadCheckpoints, size: int, upto: int
) -> Iterator[Finding]:
    """Tiles that no stored checkpoint has brought: a checkpoint is gone, or somebody planted them.

    Where the tree was pruned there are none, and whatever stands is planted.

    A checkpointer that comes to a planted one with other bytes stops for good.
    """
    newest = signed.newest or 0
    behind, gone = newest, set[int]()
    for tile in tiles:
        if (
            tile.level
            or not _is_inside(tile, size)
            or (tile.width == WIDTH and _end(tile) <= newest)
            or _end(tile) <= upto
        ):
            message = f"{_named(tile)} is of no checkpoint"
            last = _end(tile) - 1 if 0 <= tile.level < _LEVELS else size
            yield Finding(max(last, 0), Damage.TILE_STRAY, message)
        elif _end(tile) > newest:
            behind = max(behind, _end(tile))
        else:
            gone.add(_end(tile))
    for one in sorted(gone - set(signed.sizes)):
        message = f"tiles were stored at size {one}, its checkpoint is gone"
        yield Finding(max(one - 1, 0), Damage.CHECKPOINT_MISSING, message)
    if behind > newest:
        message = f"tiles reach {behind} records, the newest checkpoint {newest}"
        yield Finding(newest, Damage.CHECKPOINT_ROLLED_BACK, message)


def _whole(upto: int) -> Iterator[tuple[int, int, int]]:
    """The full tiles of what was pruned."""
    for level in range(_LEVELS):
        yield from ((level, n, WIDTH) for n in range((upto >> (HEIGHT * level)) // WIDTH))


def _ends(upto: int) -> Iterator[tuple[int, int, int]]:
    """The partial tiles of a pruned tree: each, or a wider one in its place, stands."""
    for level in range(_LEVELS):
        n, width = divmod(upto >> (HEIGHT * level), WIDTH)
        if width:
            yield level, n, width


def _growth(
    sizes: Iterable[int], limit: int, upto: int
) -> Iterator[Iterator[tuple[int, int, int]]]:
    """Level, n and width of the tiles that each checkpoint stored: those that had grown."""
    old = upto
    for size in sorted({size for size in sizes if upto < size <= limit}):
        yield _grown(old, size)
        old = size


def _grown(old: int, size: int) -> Iterator[tuple[int, int, int]]:
    level = 0
    while (count := size >> (HEIGHT * level)) > (before := old >> (HEIGHT * level)):
        for n in range(before // WIDTH, -(-count // WIDTH)):
            yield level, n, width_at(level, n, size)
        level += 1


def _named(tile: RawTile) -> str:
    return f"tile {tile.level}/{tile.n} of width {tile.width}"


def _check_tile(tile: RawTile, roots: Roots, tiles: Tiles, replaced: set[int]) -> Finding | None:
    name = _named(tile)
    expected = roots.tile(tile.level, tile.n, tile.width)
    if len(tile.data) != tile.width * HASH_BYTES:
        width, rest = divmod(len(tile.data), HASH_BYTES)
        older = not rest and expected.startswith(tile.data) and tiles.has(tile.level, tile.n, width)
        kind = Damage.TILE_OLD if older else Damage.TILE_TRUNCATED
        message = f"{name} has {len(tile.data)} bytes"
        return Finding(covered(tile.level, tile.n, min(width, tile.width - 1)), kind, message)
    if tile.data == expected:
        return None
    for position in range(len(expected) // HASH_BYTES):
        at = slice(position * HASH_BYTES, (position + 1) * HASH_BYTES)
        first = covered(tile.level, tile.n, position)
        if tile.data[at] != expected[at] and not _below(first, tile.level, replaced):
            message = f"{name} holds another hash at {position} than the entries give"
            return Finding(first, Damage.TILE_WRONG, message)
    return None


def _below(first: int, level: int, replaced: set[int]) -> bool:
    """Whether a replaced record lies below a hash: then the tile is right and the record wrong."""
    if not level:
        return first in replaced
    return any(first <= i < first + (1 << (HEIGHT * level)) for i in replaced)


def _absent(tiles: Tiles, level: int, n: int, width: int) -> Finding:
    stored = tiles.widest(level, n)
    instead = f"; the widest stored there is {stored}" if stored else ""
    message = f"tile {level}/{n} of width {width} is gone{instead}"
    return Finding(covered(level, n, min(stored, width - 1)), Damage.TILE_MISSING, message)
