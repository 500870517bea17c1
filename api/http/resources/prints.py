"""A case as a PDF that leaves by a permit of it (access.md A23), numbered on every sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from flask import Response, request

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import IN_WORDS, Resource, in_path
from api.http.framework.request_context import caller, context, now, require_uuid
from api.http.resources import verdicts
from api.http.resources.common.copy_mark import COPY_MARK, copy_mark
from api.http.resources.common.served import enclave
from api.http.resources.common.told_act import told_act
from api.http.schemas.base import UUID
from api.http.schemas.case import EXAMPLE_CASE
from api.http.schemas.copies import PrintQuerySchema
from api.problems.problem import Problem
from api.texts.lang import Lang
from keys import canonical
from ledger.files.attachments import text_digest
from ledger.log import checkpoint
from ledger.log.moment import stamp
from ledger.log.sheet import Sheet
from ledger.reads.copies import MOST_COPIES
from ledger.reads.read import MOST_PURPOSE, MOST_RECORDS, Copy, NotedRead, ReadBy
from ledger.regulation.case.permits import Permit, require_permit
from ledger.regulation.registry.calendar import local_day
from projections.queries.acts.told_act import CaseInFull
from projections.queries.limits import TooMuch

prints = Resource("prints", __name__, url_prefix="/v1", description="Bản in hồ sơ · Printed cases")
PDF: Final = "application/pdf"
_WAIT_S: Final = 5.0
"""For the newest record to be folded and proven."""
_OF_THE_NAMED: Final = ("act", "act_vi", "act_en", "index", "seq")
"""What an act says of one that it names, beside the id that was signed."""
_CASE: Final = in_path("case", "uuid of the case.", example=EXAMPLE_CASE, pattern=f"^{UUID}$")


@prints.call(
    "/cases/<case>/print.pdf",
    query=PrintQuerySchema,
    answers={"type": "string", "format": "binary"},
    produces=PDF,
    projected=True,
    parameters=(_CASE,),
    headers=("Content-Disposition", "Repr-Digest", COPY_MARK, *IN_WORDS),
    problems=(
        "not_found", "export_not_permitted", "permit_over", "too_much_asked", "log_in_doubt",
    ),
    heavy=Heavy("print"),
)  # fmt: skip
def read_case_print(params: dict[str, Any], case: str) -> Response:
    """Bản in hồ sơ · The case for court: A4, complete, numbered, with digest and QR on each sheet.

    A copy that leaves, by an ExportPermitted of the case in the caller's name: each answer takes
    the permit's next number, and the row with it is committed before the first byte. The bytes
    follow from the case, what the caller sees of it, the checkpoint, the copy's mark and the
    language. What the permit or the rules of access leave out is named by its place alone.
    """
    stream, at, who = f"case/{require_uuid(case)}", now(), caller()
    if request.method == "HEAD":  # it would take a number for nothing
        raise Problem("method_not_allowed", headers={"Allow": "GET"})
    enclave().watch.require()  # no paper says for good what nobody may rely on
    freshness.require(params, "acts")
    newest = enclave().queries.positions.index()
    if enclave().queries.positions.wait(newest, _WAIT_S, "acts") < newest:  # a print is complete
        raise freshness.late()
    found = enclave().queries.case.printed(stream, at)

    def permitted() -> Permit:
        return require_permit(
            enclave().rights.case(stream),
            params["permit"],
            officer=who.officer,
            act_id=None,
            at=now(),
            registry=enclave().ledger.follower.current.registry,
        )

    permit = permitted()
    leaving = _Leaving(case, found, permit, context().lang)
    given: dict[str, bytes] = {}

    def noted(number: str) -> NotedRead:
        data = given[number] = leaving.pdf(number)
        permitted()  # what ended while the sheets were made lets nothing out
        enclave().rights.require(stream, leaving.acts, whole=leaving.whole)
        return NotedRead(
            "A23",
            permit.purpose[:MOST_PURPOSE],
            "EXPORT",
            ReadBy(who.officer, who.kid),
            via=permit.act_id,
            stream=stream,
            records=leaving.records,
            copy=Copy(number, text_digest(hashlib.sha256(data).digest())),
            agencies=frozenset({permit.agency}),
        )

    number = enclave().access_log.copies.take(permit.act_id, permit.numbers[:MOST_COPIES], noted)
    data = given[number]
    digest = canonical.b64std(hashlib.sha256(data).digest())
    response = Response(data, content_type=PDF)  # without ETag: no copy is the one before
    response.headers.extend(
        {
            "Ledger-Index": str(found.index),
            COPY_MARK: copy_mark(number, permit, stream, stamp(at)),
            "Content-Disposition": f'attachment; filename="{case}.pdf"',
            "Repr-Digest": f"sha-256=:{digest}:",
            "Cache-Control": "no-store",
            "Content-Language": context().lang,
            "Vary": "Accept-Language",
        }
    )
    return response


class _Leaving:
    """What of a case leaves by a permit."""

    def __init__(self, case: str, found: CaseInFull, permit: Permit, lang: Lang) -> None:
        self._case, self._permit, self._lang = case, permit, lang
        self.whole = found.file is not None and permit.covers_all
        self._found = found
        self._acts = [
            one for one in found.acts if permit.covers(one.statements[0].row.act_id)
        ]  # fmt: skip
        if not self._acts:
            raise Problem("export_not_permitted")
        rows = [one.row for act in self._acts for one in act.statements]
        self.acts = {row.act_id for row in rows}
        self.records: tuple[int, ...] = (
            () if self.whole else tuple(sorted(row.index for row in rows))
        )
        if len(self.records) > MOST_RECORDS:
            raise TooMuch
        read = [row for row in rows if row.digest is not None]
        if not read:  # of what is erased nobody knows the digest: no sheet could be checked by it
            raise Problem("export_not_permitted")
        self._last = max(read, key=lambda row: row.seq)
        erased_by = dict.fromkeys(row.erased_by for row in rows if row.erased_by is not None)
        acts = enclave().queries.acts
        self._erasures = {by: told_act(acts.told(by, now()), None) for by in erased_by}
        self._shown = {row.seq for row in rows}
        latest = _covering(max(row.index for row in rows))
        self._note = latest[1].decode("utf-8")
        self._checkpoint = checkpoint.unverified(latest[1])

    def pdf(self, number: str) -> bytes:
        """The copy of this number."""
        from api.printed.case_sheets import CopyMark, PrintedCase, case_pdf  # noqa: PLC0415  not on every start

        facts, permit, found, last = enclave().facts, self._permit, self._found, self._last
        covered = self._checkpoint
        judged = found.verification
        return case_pdf(
            PrintedCase(
                sheet=Sheet(
                    facts.origin,
                    self._case,
                    last.seq,
                    str(last.digest),
                    covered.size,
                    canonical.b64(covered.root),
                ),
                level=facts.level,
                rehearsal=facts.rehearsal,
                mark=CopyMark(number, permit.act_id, permit.purpose, self._taken_by()),
                checkpoint=self._note,
                genesis=facts.genesis,
                file=found.file if self.whole else None,
                durations=found.durations if self.whole else None,
                verdict=(
                    _verdict(verdicts.conclude(judged, covered.size))
                    if self.whole and judged is not None
                    else None
                ),
                acts=[self._of_print(told_act(one, None)) for one in self._acts],
                withheld=self._withheld(),
                erasures=self._erasures,
            ),
            self._lang,
        )

    def _taken_by(self) -> str:
        """The post in which it is taken, as people call it, and as the register does."""
        post, agency, day = self._permit.post, self._permit.agency, local_day(now())
        registry = enclave().ledger.follower.current.registry
        named = f"{registry.post_name(agency, post)}, {registry.name(agency, day)}"
        return f"{named} ({post}, {agency})"

    def _of_print(self, body: dict[str, Any]) -> dict[str, Any]:
        """What follows from the whole case, or says more of acts left out, is not of a part."""
        if self.whole:
            return body
        there = {act.statements[0].row.act_id for act in self._acts}
        names = [
            one if one["act_id"] in there else one | dict.fromkeys(_OF_THE_NAMED)
            for one in body["names"]
        ]
        return {**body, "changes": [], "named_by": [], "names": names}

    def _withheld(self) -> Sequence[int]:
        """Places that are not in it, of all that the case has."""
        part = self._found.part
        last = max(one.row.seq for act in self._found.acts for one in act.statements)
        positions = last if part is None else part.positions
        return [seq for seq in range(1, positions + 1) if seq not in self._shown]


def _covering(index: int) -> tuple[int, bytes]:
    """The newest checkpoint, which covers a record. Raises: Problem."""
    enclave().proofs.wait(index, _WAIT_S)
    latest = enclave().checkpoints.latest()
    if latest is None or latest[0] <= index:
        raise freshness.late()
    return latest


def _verdict(found: verdicts.Conclusion) -> dict[str, Any]:
    return {"outcome": found.outcome, "reason": found.reason}
