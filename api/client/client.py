"""An officer's HTTP client: signs here, sends safely, waits for the proof and checks it.

The private key never leaves this process. A statement is signed once, and sent by `connection.py`
until the ledger has it. What the server says is believed only as far as the log's key covers it:
`verify` checks a receipt's proof against a vkey the caller brings.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from mimetypes import guess_type
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import httpx
import orjson

from api.client.connection import (
    JOSE,
    AnsweredObject,
    Connection,
    OtherLog,
    Unreachable,
    read_json,
    read_object,
    understood,
    where,
)
from api.client.known_log import CONSISTENCY, INCLUSION, KnownLog
from keys import canonical, unambiguous_json
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof, statement, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.moment import unstamp
from ledger.log.recovery import Recovery
from ledger.log.statement import Statement

_CREATED: Final = 201
_PART_BYTES: Final = 1 << 16
_DIGEST_BYTES: Final = 32
MOST_ROWS: Final = 200
"""Of a page of a listing (http.md §1): whoever reads all of a long one asks for as many."""


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
"""What a folder takes in the name of a file, and no line of a list shows as it is."""
_ENTRY_BYTES: Final = 32
WAIT_S: Final = 20
"""How long an answer of what was recorded just now is waited for."""
_KNOCKING: Final = ("ComplaintReceived", "ActReturned", "RecordVoided")
"""Acts by which somebody may write in a case that they do not see (access.md W2)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that the ledger has.

    Attributes:
        receipt: formats.md §8; without `proof` where the proof was not waited for.
        created: False where this statement had been recorded before.
        statement: What was sent.
    """

    receipt: dict[str, Any]
    created: bool
    statement: Statement

    @property
    def index(self) -> int:
        """Leaf index."""
        return int(self.receipt["index"])


@dataclass(frozen=True, slots=True)
class Read:
    """An answer of a view.

    Attributes:
        body: The JSON.
        index: Index the view had folded; None where the call is not answered from a view.
        etag: For the next conditional read.
        under: `Read-Under`: by which order or opening alone it is shown; None where by none.
    """

    body: dict[str, Any]
    index: int | None
    etag: str | None
    under: str | None = None


_SHOWN_OF_A_LOG: Final = ("log", "size", "root")


class Client(Connection):
    """What an officer asks of one enclave and sends to it; without a signer, any reader.

    Attributes:
        remember: What was seen of the log of an origin, where this client is to notice another
            history: every checkpoint that an answer carries is held against it.
    """

    remember: Callable[[str], KnownLog] | None = None

    @cached_property
    def known(self) -> KnownLog | None:
        """What was seen of this log. Raises: OtherLog."""
        return None if self.remember is None else self.remember(self.origin)

    # Writing

    def head(
        self, stream: str, *, act: Mapping[str, Any] | None = None, at: datetime | None = None
    ) -> tuple[int, str | None]:
        """`seq` and `prev` of the stream's next statement.

        Args:
            stream: Its name.
            act: What is to be signed there. Whoever does not see a case may complain of an act of
                it, return one that waits for them, or as registrar void what is set aside: then
                the act's own bytes tell the place.
            at: The ledger's time of this request; rehearsals only.
        """
        body = self.json("GET", f"/v1/streams/{stream}/head", at=at)
        with understood():
            seq, prev = int(body["seq"]), body.get("prev")
        if act is None or seq > 1 or act.get("act") not in _KNOCKING:
            return seq, prev
        prepared = self.prepare(act, at=at)
        with understood():
            header = unambiguous_json.read(canonical.unb64(prepared["protected"]))
            return int(header["seq"]), header.get("prev")

    def with_seen(self, act: Mapping[str, Any], *, at: datetime | None = None) -> Mapping[str, Any]:
        """An act to be with what its author is shown of lower logs (access.md F5), or as it is.

        Above ordinary an act of a case says in `facts.seen` how far each lower log was taken in
        when its author looked; what the act says of that already stays.

        Args:
            act: Its members.
            at: The ledger's time of the question; rehearsals only.
        """
        facts, stream = act.get("facts"), act.get("stream")
        of_case = isinstance(stream, str) and stream.startswith("case/")
        if not of_case or not isinstance(facts, Mapping) or "seen" in facts:
            return act
        if self.origin.endswith("/ordinary"):
            return act
        body = self.json("GET", "/v1/lower-logs", at=at)
        with understood():
            seen = [{name: one[name] for name in _SHOWN_OF_A_LOG} for one in body["logs"]]
        return {**act, "facts": {**facts, "seen": seen}} if seen else act

    def sign(  # noqa: PLR0913 - what a header says
        self,
        payload: bytes,
        *,
        stream: str,
        role: str = statement.AUTHOR,
        iat: datetime | None = None,
        at_head: tuple[int, str | None] | None = None,
        at: datetime | None = None,
        stand_in: Mapping[str, str] | None = None,
    ) -> Statement:
        """Signs canonical payload bytes upon the stream's head; nothing is sent yet.

        Args:
            payload: The act's bytes, as the first signer's client made them.
            stream: The act's stream.
            role: `AUTHOR`, `CHECKER`, `APPROVER` or `RETURNER`.
            iat: When the officer signs; the clock's time by default.
            at_head: `seq` and `prev`; asked of the server by default.
            at: The ledger's time of that question; rehearsals only.
            stand_in: What `stand_in` answers, where one signs instead of an officer named.
        """
        if at_head is None:
            at_head = self.head(stream, act=canonical.parse(payload), at=at)
        seq, prev = at_head
        return statement.make(
            payload,
            self.require_signer(),
            iat=int((iat or self._time()).timestamp()),
            log=self.origin,
            seq=seq,
            prev=prev,
            role=role,
            stand_in=stand_in,
        )

    def stand_in(
        self, act: Mapping[str, Any], *, role: str, at: datetime | None = None
    ) -> Mapping[str, str] | None:
        """As what one signs an act that waits for another officer (formats.md §3).

        None where the act names whoever is signed in, or where the server knows of no right.

        Args:
            act: The act's members.
            role: In which is signed.
            at: The ledger's time of the question; rehearsals only.
        """
        if role not in statement.COUNTERSIGNERS:
            return None
        self.login()
        if self.officer in {signer["officer"] for signer in act["signers"]}:
            return None
        named = {"stream": act["stream"], "act_id": act["act_id"]}
        made = self.prepare(named, role=role, at=at)
        with understood():
            header = canonical.parse(canonical.unb64(made["protected"]))
            instead = header.get("stand_in")
            if instead is not None and instead["officer"] != self.officer:
                raise ValueError("a stand-in that is somebody else")
        return instead

    def submit(self, signed: Statement, *, at: datetime | None = None, wait: bool = True) -> Sent:
        """Sends a statement until the ledger has it; the same bytes at every attempt.

        Args:
            signed: The statement.
            at: The ledger's time of this request; rehearsals only.
            wait: Whether to wait until a checkpoint covers the record.

        Raises:
            Refused: The ledger does not take it; nothing was recorded (or `recorded` says so).
            Unreachable: No answer.
            Unlike: The receipt is of another history than was seen before.
        """
        response = self.answer(
            "POST",
            "/v1/acts",
            content=orjson.dumps(statement.flattened(signed)),
            media=JOSE,
            at=at,
            headers={} if wait else {"Prefer": "respond-async"},
        )
        with understood():
            sent = Sent(read_object(response), response.status_code == _CREATED, signed)
            note = sent.receipt["proof"]["checkpoint"] if "proof" in sent.receipt else None
        if note is not None:
            self._meet(note)
        return sent

    def record(
        self,
        act: Mapping[str, Any],
        *,
        role: str = statement.AUTHOR,
        iat: datetime | None = None,
        at: datetime | None = None,
        wait: bool = True,
    ) -> Sent:
        """Signs an act (formats.md §2) and sends it."""
        payload = canonical.encode(act)
        signed = self.sign(payload, stream=str(act["stream"]), role=role, iat=iat or at, at=at)
        return self.submit(signed, at=at, wait=wait)

    def check(self, act: Mapping[str, Any], *, at: datetime | None = None) -> dict[str, Any]:
        """What the ledger would say to this act, without recording it."""
        return self.json("POST", "/v1/acts/check", body={"act": dict(act)}, at=at)

    def prepare(
        self, act: Mapping[str, Any], *, role: str = statement.AUTHOR, at: datetime | None = None
    ) -> dict[str, Any]:
        """The bytes to sign, built by the server: show them before signing."""
        return self.json("POST", "/v1/acts/prepare", body={"act": dict(act), "role": role}, at=at)

    # Reading

    def read(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        at_least: int | None = None,
        wait_s: int | None = None,
        at: datetime | None = None,
    ) -> Read:
        """A view, at least as new as index `at_least`; or one act of just now, waited for."""
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        headers = {}
        if at_least is not None:
            asked["at_least"] = at_least
            wait_s = WAIT_S if wait_s is None else wait_s
        if wait_s is not None:
            headers["Prefer"] = f"wait={wait_s}"
        response = self.answer("GET", path, query=asked, at=at, headers=headers)
        index = response.headers.get("Ledger-Index")
        with understood():
            body, folded = read_object(response), None if index is None else int(index)
        return Read(body, folded, response.headers.get("ETag"), response.headers.get("Read-Under"))

    def public(self, path: str, *, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What anybody may read, asked for without signing in."""
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        response = self.answer("GET", path, query=asked, signed_in=False)
        with understood():
            return read_object(response)

    def feed(self, after: int) -> tuple[list[AnsweredObject], int]:
        """What the caller sees of the records behind an index, and up to which that is.

        Raises:
            Refused: `malformed_request`: the log does not reach this index.
        """
        accept, query = "application/cloudevents-batch+json", {"after": after, "limit": MOST_ROWS}
        response = self.answer("GET", "/v1/feed", query=query, accept=accept)
        with understood():
            found = re.search(r"[?]after=([0-9]+)", response.headers["Link"])
            events = [AnsweredObject(one) for one in read_json(response)]
            return events, after if found is None else int(found[1])

    def pages(
        self, path: str, *, query: Mapping[str, Any] | None = None, at_least: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every page of a listing, one snapshot."""
        asked = dict(query or {})
        while True:
            body = self.read(path, query=asked, at_least=at_least).body
            yield body
            if "next" not in body:
                return
            asked["cursor"] = body["next"]

    def whole(
        self,
        path: str,
        rows: str,
        *,
        query: Mapping[str, Any] | None = None,
        at_least: int | None = None,
    ) -> dict[str, Any]:
        """A listing as one answer: all pages' `rows` in the body of the first, without `next`."""
        pages = self.pages(path, query=query, at_least=at_least)
        body = next(pages)
        with understood():
            found = [*body[rows]]
        for page in pages:
            with understood():
                found += page[rows]
        body.pop("next", None)
        return {**body, rows: found}

    def case(
        self,
        case: str,
        *,
        as_of: str | None = None,
        clock: str | None = None,
        at_least: int | None = None,
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """The case file of `case` (a uuid)."""
        query = {"as_of": as_of, "clock": clock}
        return self.read(f"/v1/cases/{case}", query=query, at_least=at_least, at=at).body

    def durations(
        self,
        case: str,
        *,
        as_of: str | None = None,
        clock: str | None = None,
        at_least: int | None = None,
    ) -> dict[str, Any]:
        """How long each state and step of a case took, against deadline and rule."""
        query = {"as_of": as_of, "clock": clock}
        return self.read(f"/v1/cases/{case}/durations", query=query, at_least=at_least).body

    def relations(self, case: str, *, at_least: int | None = None) -> dict[str, Any]:
        """What a case has to do with others that are seen, and the way of each referral."""
        return self.read(f"/v1/cases/{case}/relations", at_least=at_least).body

    def case_acts(self, case: str, *, at_least: int | None = None) -> dict[str, Any]:
        """The whole timeline of a case, in its longest pages: each folds the case anew."""
        query = {"limit": MOST_ROWS}
        return self.whole(f"/v1/cases/{case}/acts", "acts", query=query, at_least=at_least)

    def participants(
        self, case: str, *, as_of: str | None = None, at_least: int | None = None
    ) -> dict[str, Any]:
        """Who takes part in a case: by which act, since and until when, and who is shut out."""
        path = f"/v1/cases/{case}/participants"
        return self.read(path, query={"as_of": as_of}, at_least=at_least).body

    def act(self, path: str) -> dict[str, Any]:
        """One act, whole, by its id or its place in a case; its proofs are to be checked."""
        body = self.read(path).body
        if "checkpoint" in body:
            self._meet(body["checkpoint"])
        return body

    def verification(self, case: str, *, at_least: int | None = None) -> dict[str, Any]:
        """The server's verdicts on a case: a report, to be checked against the proofs it names."""
        body = self.read(f"/v1/cases/{case}/verification", at_least=at_least).body
        if "checkpoint" in body:
            self._meet(body["checkpoint"])
        return body

    def verifications(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the server's verdicts on all cases of a scope."""
        body = self.read("/v1/verification", query=query).body
        if "checkpoint" in body:
            with understood():
                self._meet(body["checkpoint"])
        return body

    def case_records(self, case: str) -> list[dict[str, Any]]:
        """Every record of a case byte for byte, unchecked but for the checkpoints of its proofs.

        Raises:
            Unlike: A record is proven into another history than was seen of the log.
        """
        body = self.read(f"/v1/cases/{case}/raw").body
        with understood():
            records: list[dict[str, Any]] = [AnsweredObject(one) for one in body["records"]]
            notes = {one["proof"]["checkpoint"] for one in records if "proof" in one}
        for note in sorted(notes):
            self._meet(note)
        return records

    # Files

    def attach(
        self, file: Path, *, media_type: str | None = None, at: datetime | None = None
    ) -> dict[str, Any]:
        """Sends a file in constant memory; what an act lists of it (formats.md §2).

        Args:
            file: The file; it is read twice, for its digest and to be sent.
            media_type: What it is; by its name where left out.
            at: The ledger's time of this request; rehearsals only.

        Raises:
            Refused: Too large, or changed while it was being sent; nothing was kept.
        """
        body = FileBody(file)
        digest, size = body.measure()
        media = media_type or guess_type(file.name)[0] or "application/octet-stream"
        headers = {
            "Content-Digest": f"sha-256=:{canonical.b64std(digest)}:",
            "Content-Length": str(size),
        }
        response = self.answer(
            "POST", "/v1/attachments", content=body, media=media, headers=headers, at=at
        )
        with understood():
            told = read_object(response)
            taken, media = (told["digest"], told["size"]), str(told["media_type"])
        if taken != (_file_digest(digest), size):
            raise VerificationError("attachment", "the server took another file than was sent")
        return {
            "digest": _file_digest(digest),
            "media_type": media,
            "size": size,
            "name": _CONTROL.sub(" ", unicodedata.normalize("NFC", file.name)),
        }

    def attachment(
        self, act_id: str, digest: str, into: Path, *, at: datetime | None = None
    ) -> int:
        """A file of an act, in constant memory; `into` appears only once all of it is checked.

        Returns:
            Its size in bytes.

        Raises:
            VerificationError: What came is not what the act names.
        """
        path = f"/v1/acts/{act_id}/attachments/{digest}"
        return self._fetched(path, digest, into, at)

    def lower_attachment(
        self, case: str, act_id: str, digest: str, into: Path, *, at: datetime | None = None
    ) -> int:
        """A file of an act of a lower log that a grant in a case shows; as `attachment`."""
        path = f"/v1/cases/{case}/lower-acts/{act_id}/attachments/{digest}"
        return self._fetched(path, digest, into, at)

    def take_copy(
        self, act_id: str, digest: str, permit: str, into: Path, *, at: datetime | None = None
    ) -> tuple[int, str]:
        """A copy of a file that leaves by a permit (access.md A23); as `attachment`.

        It is asked for once: a number that was given is not given again.

        Returns:
            Its size in bytes, and its mark as the server says it.

        Raises:
            Refused: `export_not_permitted` or `permit_over`; nothing left.
            VerificationError: What came is not what the act names.
        """
        path = f"/v1/acts/{act_id}/attachments/{digest}/copies"
        content = orjson.dumps({"permit": permit})

        def asked() -> tuple[httpx.Response, str]:
            answered = self.answer(
                "POST", path, content=content, at=at, accept="*/*", stream=True, once=True
            )
            return answered, digest

        size, response = self._saved(into, asked, once=True)
        return size, response.headers.get("Copy-Mark", "")

    def copies(self, case: str) -> dict[str, Any]:
        """What may leave a case by its permits, and what has left it."""
        return self.read(f"/v1/cases/{case}/copies").body

    def print_case(
        self,
        case: str,
        permit: str,
        into: Path,
        *,
        at: datetime | None = None,
    ) -> tuple[int, str, str]:
        """A print of a case that leaves by a permit (access.md A23); asked for once, as a copy.

        Returns:
            Its size in bytes, its digest, and its mark as the server says it.

        Raises:
            Refused: `export_not_permitted` or `permit_over`; nothing left.
            VerificationError: What came is not what the server says that it sent.
        """
        path, query = f"/v1/cases/{case}/print.pdf", {"permit": permit}
        digests: list[str] = []

        def asked() -> tuple[httpx.Response, str]:
            answered = self.answer(
                "GET", path, query=query, at=at, accept="application/pdf", stream=True, once=True
            )
            with understood():
                stated = answered.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
                digests.append(_file_digest(canonical.unb64std(stated)))
            return answered, digests[0]

        size, response = self._saved(into, asked, once=True)
        return size, digests[0], response.headers.get("Copy-Mark", "")

    def _fetched(self, path: str, digest: str, into: Path, at: datetime | None) -> int:
        def asked() -> tuple[httpx.Response, str]:
            return self.answer("GET", path, at=at, accept="*/*", stream=True), digest

        return self._saved(into, asked)[0]

    def _saved(
        self, into: Path, asked: Callable[[], tuple[httpx.Response, str]], *, once: bool = False
    ) -> tuple[int, httpx.Response]:
        """A file that is sent, at its place once all of it is checked.

        It is asked for once there is a place to write to: the number of a copy is given once.

        Args:
            into: Its place.
            asked: Asks; the answer, and the digest that it must have.
            once: Whether asking again does it once more.

        Raises:
            Unreachable: It was cut off on its way.
            OSError: It cannot be written at its place, which is named.
            VerificationError: It is not what it must be.
        """
        draft = into.with_name(f".socai-{token_hex(8)}.part")
        sha, size = hashlib.sha256(), 0
        try:
            with open(draft, "xb", opener=_for_oneself) as out:
                response, digest = asked()
                with closing(response):
                    for part in response.iter_bytes():
                        sha.update(part)
                        size += out.write(part)
            if _file_digest(sha.digest()) != digest:
                raise VerificationError("attachment", "what came is not what the act names")
            draft.replace(into)
        except httpx.HTTPError as error:
            raise Unreachable(where(error.request.url), unended=True, once=once) from error
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(into)) from error
        finally:
            draft.unlink(missing_ok=True)
        return size, response

    def custody(self, act_id: str, digest: str) -> dict[str, Any]:
        """Who added, attached, read and exported a file of an act, and when."""
        return self.read(f"/v1/acts/{act_id}/attachments/{digest}/custody").body

    # The log

    def log(self) -> dict[str, Any]:
        """Which log this is, as the server says; trust starts from the genesis digest.

        Raises:
            Strange: Something that every ledger says is not said, or not in its form.
            OtherLog: It is not the log that is meant.
        """
        said = self.json("GET", "/v1/log", signed_in=self.closed)
        with understood():
            _require_log(said)
        if self.closed and said["origin"] != self.origin:
            raise OtherLog(str(said["origin"]), self.origin)
        return said

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint. Raises: Unlike."""
        response = self.answer("GET", "/logs/acts/checkpoint", signed_in=self.closed, accept="*/*")
        self._meet(response.text)
        return response.content

    def reads_checkpoint(self) -> bytes:
        """The newest checkpoint of the log of reads, as the server has it, unchecked.

        Raises:
            Refused: `not_found`: there is none, for whoever is no auditor of an overseer.
        """
        return self.answer("GET", "/logs/access/checkpoint", accept="*/*").content

    def entry(self, index: int) -> bytes | None:
        """The entry of a record, as the log's tiles have it; None: no checkpoint covers it yet.

        Raises:
            Strange: What the server says is no entry bundle.
        """
        size, n = int(self.log()["size"]), index // tiles.WIDTH
        if index >= size:
            return None
        tile = tiles.TileId(tiles.ENTRIES, n, tiles.width_at(0, n, size))
        answer = self.answer("GET", f"/logs/acts/{tile.path}", signed_in=self.closed, accept="*/*")
        with understood():
            found = tiles.parse_bundle(answer.content)[index % tiles.WIDTH]
            if len(found) != _ENTRY_BYTES:
                raise ValueError("no entry")
            return found

    def inclusion(self, index: int, size: int | None = None) -> dict[str, Any]:
        """An inclusion proof, unchecked but for its checkpoint. Raises: Unlike."""
        query = {"index": index} | ({} if size is None else {"size": size})
        return self._met(self.prove(INCLUSION, query))

    def consistency(self, old: int, new: int) -> dict[str, Any]:
        """A consistency proof, unchecked but for its checkpoint. Raises: Unlike."""
        return self._met(self.prove(CONSISTENCY, {"from": old, "to": new}))

    def prove(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """A proof as formats.md §6 has it: without the mark that a rehearsal puts on answers."""
        found = self.json("GET", path, query=query, signed_in=self.closed)
        found.pop("rehearsal", None)
        return found

    def recoveries(self) -> Sequence[Recovery]:
        """Every recovery of the log, proven; none where nothing is remembered of it.

        Raises:
            VerificationError: What the server shows of them does not hold.
            Unlike: What was seen of the log is spoilt.
        """
        return () if self.known is None else self.known.recoveries(self)

    def _met(self, proof: dict[str, Any]) -> dict[str, Any]:
        with understood():
            note = proof["checkpoint"]
        self._meet(note)
        return proof

    def _meet(self, note: str) -> None:
        with understood():
            data = note.encode()
        if self.known is not None:
            self.known.meet(data, self)

    def _time(self) -> datetime:
        if self._now is None:
            raise ValueError("state a time, or give the client a clock")
        return self._now()


def _for_oneself(path: str, flags: int) -> int:
    """Of mode 0600: what a case says is no matter of the machine's other accounts."""
    return os.open(path, flags, 0o600)


def _require_log(said: Mapping[str, Any]) -> None:
    """The form of what a ledger says of itself (http.md). Raises: as `understood` takes."""
    unstamp(said["now"])
    numbers = [said["size"], said["records"], *said.get("set_aside", ())]
    for one in said["recoveries"]:
        numbers += [one["index"], one["size"], *_sizes(one["lost"])]
    texts = [said["origin"], *(said["vkeys"] or [None])]
    if len(bytes.fromhex(said["genesis"])) != _DIGEST_BYTES:
        raise ValueError("the genesis is no digest")
    if not (all(type(n) is int for n in numbers) and all(isinstance(t, str) for t in texts)):
        raise TypeError("a number or a text is none")


def _sizes(lost: Iterable[Mapping[str, Any]]) -> list[int]:
    """Of the checkpoints that a recovery names: at least one."""
    sizes = [one["size"] for one in lost]
    if not sizes:
        raise ValueError("a recovery lost nothing")
    return sizes


def verify(
    sent: Mapping[str, Any], vkeys: Iterable[VKey], *, origin: str, entry: bytes
) -> Checkpoint:
    """Checks a receipt's proof: the checkpoint's signature, then inclusion of the entry.

    Args:
        sent: A receipt with its proof.
        vkeys: The log's keys, from somewhere better than the server that is being checked.
        origin: The log it must be of.
        entry: 32 bytes; for one's own record, recomputed from its envelope.

    Raises:
        VerificationError: The evidence fails.
    """
    if sent.get("log") != origin:
        raise VerificationError("wrong_log", f"the receipt is of {sent.get('log')}, not {origin}")
    given = proof.inclusion_from_json(sent["proof"])
    if given.index != sent["index"]:
        raise VerificationError("wrong_index", "the proof is for another index than the receipt")
    return proof.verify_inclusion(given, entry, vkeys, origin=origin)


class FileBody:
    """A file as the body of a request: read anew each time it is sent.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                yield part

    def measure(self) -> tuple[bytes, int]:
        """SHA-256 and size."""
        sha, size = hashlib.sha256(), 0
        for part in self:
            sha.update(part)
            size += len(part)
        return sha.digest(), size


def _file_digest(raw: bytes) -> str:
    return f"sha-256:{canonical.b64(raw)}"
