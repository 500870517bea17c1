"""Leaks from above, seeded one by one: whoever misses one would miss others (access.md V17).

Each is a mistake that wiring two enclaves could make, of a channel of access.md §8. It is put into
a world of `two_levels`, or into two whole enclaves in one process, and nowhere else: the product
has no switch for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from api.ops.mirror import slots
from api.ops.mirror.outbox import ENDING
from api.ops.readiness import ReadinessCheck
from keys import canonical
from ledger.errors import Rejected, Unavailable
from ledger.message import Message
from ledger.ports import Draft, NotAppended
from tests.two_levels import Higher, Step, World
from tests.whole_enclaves import HigherWhole, LowerWhole

Leak = Callable[[World, Higher], None]


def one_source_of_random_bytes(world: World, higher: Higher) -> None:
    """L1: what is drawn above is missing below, in every blind from there on."""
    del higher

    def after(_: Step) -> None:
        world.a.ledger.drafts._entropy.take(1)

    world.after_above = after


def one_index_of_act_ids(world: World, higher: Higher) -> None:
    """L2: an id that was taken above is taken below."""
    store, refuse = world.below.store, world.below.store._refuse

    def refused(draft: Draft, at: Any) -> None:  # noqa: ANN401
        if higher.a.stores.records.act(draft.act_id):
            raise NotAppended("taken", store.head())
        refuse(draft, at)

    store._refuse = refused  # type: ignore[method-assign]


def one_lock(world: World, higher: Higher) -> None:
    """L7: whoever writes below waits for who works above, and is sent away."""
    del higher
    busy: list[Step] = []
    send = world.a.send

    def sent(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if busy.pop() if busy else None:
            raise Unavailable("busy", Message("The server is busy."))
        return send(*arguments, **named)

    world.after_above = busy.append
    world.a.send = sent  # type: ignore[method-assign]


def a_file_that_is_above_is_not_sent_again(world: World, higher: Higher) -> None:
    """L16: bytes that were taken in above are left out of the next segment."""

    class Uploads(dict[str, bytes]):
        def get(self, *asked: Any) -> Any:  # noqa: ANN401
            return None if higher.store.files else super().get(*asked)

    world.below.files = Uploads(world.below.files)


def a_refusal_that_names_more(world: World, higher: Higher) -> None:
    """L8: an error below says that there is something above."""
    record = world.a.ledger.record

    def recorded(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        try:
            return record(*arguments, **named)
        except Rejected as refused:
            if higher.store.rows:
                raise Rejected(refused.code, Message("clearance required")) from refused
            raise

    world.a.ledger.record = recorded  # type: ignore[method-assign]


def one_checkpointer(world: World, higher: Higher) -> None:
    """L10: whatever is appended above has the log below signed anew."""
    del higher
    world.after_above = lambda _: world.below.checkpoint()


def a_segment_when_somebody_takes_it(world: World, higher: Higher) -> None:
    """L11: the next one goes out once the last one was taken in."""
    turn = world.outbox.turn

    def turned(at: int) -> None:
        if len(higher.taken) == len(list(world.carried.glob(f"*{ENDING}"))):
            turn(at)

    world.outbox.turn = turned  # type: ignore[method-assign]


def slots_that_are_used(world: World, higher: Higher) -> None:
    """L12: no key of nobody beside those of somebody."""
    del higher
    path, turn = world.home / "mirror" / "slots.json", world.outbox.turn
    members = canonical.parse(path.read_bytes().strip())
    path.write_bytes(canonical.encode({**members, "slots": members["slots"][:2]}))

    def turned(at: int) -> None:
        with pytest.MonkeyPatch.context() as changed:
            changed.setitem(slots.SLOTS, "ordinary", 2)
            turn(at)

    world.outbox.turn = turned  # type: ignore[method-assign]


def an_answer_to_a_segment(world: World, higher: Higher) -> None:
    """L12: what was taken in is acknowledged where the carrier fetches."""

    def after(step: Step) -> None:
        if step[0] == "import":
            (world.carried / "taken").write_text(str(len(higher.taken)))

    world.after_above = after


def one_clock(world: World, higher: Higher) -> None:
    """L6: time goes by below while somebody works above."""
    del higher
    world.after_above = lambda _: world.a.clock.step(seconds=1)


def one_log_of_the_processes(world: World, higher: Higher) -> None:
    """L18: what is refused above is said in a file below."""
    del higher

    def after(step: Step) -> None:
        if step[0] == "damaged":
            (world.home / "mirror" / "refused.jsonl").write_text("{}\n")

    world.after_above = after


def an_act_that_is_held_back(world: World, higher: Higher) -> None:
    """L20: a case that was classified above takes nothing below, and nobody says why."""
    send = world.a.send

    def sent(statement: Any, **named: Any) -> Any:  # noqa: ANN401
        named_above = higher.a.stores.records.head().size > 7
        if named_above and statement.members["act"] == "CompetenceDetermined":
            raise Rejected("guard", Message("Reason withheld."))
        return send(statement, **named)

    world.a.send = sent  # type: ignore[method-assign]


def one_directory_of_officers(world: World, higher: Higher) -> None:
    """L21: who is enrolled above has a key below."""
    theirs = higher.a.ledger.follower.catch_up().registry.keyring
    world.a.ledger.follower.catch_up().registry.keyring._lines.update(theirs._lines)


# -- what two whole enclaves could share, seen by those who ask a served one ----------------------


def one_process(lower: LowerWhole, higher: HigherWhole) -> None:
    """L18: metrics and log lines of both come out of one place; nothing more is needed."""
    del lower, higher


def one_key_of_tags(lower: LowerWhole, higher: HigherWhole) -> None:
    """L8: the tag of an answer changes with what stands above."""
    box = lower.service.enclave.token_box
    mac = box.mac

    def tagged(label: str, data: bytes) -> bytes:
        return mac(label, data + str(higher.done).encode() if label == "etag" else data)

    box.mac = tagged  # type: ignore[method-assign]


def one_table_of_figures(lower: LowerWhole, higher: HigherWhole) -> None:
    """L3: small cells are shown where enough is counted above."""
    figures = lower.service.enclave.queries.figures
    statistics = figures.statistics

    def counted(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        more = {"smallest": 1} if higher.done else {}
        return statistics(*arguments, **{**named, **more})

    figures.statistics = counted  # type: ignore[method-assign]


def one_search(lower: LowerWhole, higher: HigherWhole) -> None:
    """L4: a page is short of what was left out after it was found."""
    cases = lower.service.enclave.queries.cases
    page = cases.page

    def listed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        index, lines = page(*arguments, **named)
        return index, lines[:-1] if higher.done else lines

    cases.page = listed  # type: ignore[method-assign]


def one_store_of_files(lower: LowerWhole, higher: HigherWhole) -> None:
    """L16: bytes that are kept above are not kept again below."""
    files = lower.service.enclave.attachments
    keep, above = files._keep, higher.service.enclave.attachments
    kept: set[str] = set()
    keep_above = above._keep

    def noted(name: Any, dek: Any, file: Any, *rest: Any) -> Any:  # noqa: ANN401
        kept.add(file.digest)
        return keep_above(name, dek, file, *rest)

    def known(name: Any, dek: Any, file: Any, *rest: Any) -> Any:  # noqa: ANN401
        return file if file.digest in kept else keep(name, dek, file, *rest)

    above._keep = noted  # type: ignore[method-assign, assignment]
    files._keep = known  # type: ignore[method-assign, assignment]


def one_badge(lower: LowerWhole, higher: HigherWhole) -> None:
    """L19, L20: work waits in the secure room, says the worklist below."""
    worklists = lower.service.enclave.queries.worklists
    worklist = worklists.of

    def waiting(officer: str, at: Any, **of: Any) -> Any:  # noqa: ANN401
        index, tasks = worklist(officer, at, **of)
        busy = higher.done
        return index, replace(tasks, cases=[*tasks.cases, *tasks.due]) if busy else tasks

    worklists.of = waiting  # type: ignore[method-assign]


def one_series_of_numbers(lower: LowerWhole, higher: HigherWhole) -> None:
    """L15: the number that a case is given goes on behind those of what was entered above."""
    cases = lower.service.enclave.ledger._cases
    number = cases.number

    def given(*arguments: Any) -> Any:  # noqa: ANN401
        told = number(*arguments)
        return told and f"{told[:-1]}{higher.done}"

    cases.number = given  # type: ignore[method-assign, assignment]


def one_disk(lower: LowerWhole, higher: HigherWhole) -> None:
    """L17: readiness says how much is free, of which whoever is above takes some."""
    readiness = lower.service.enclave.readiness

    def room() -> ReadinessCheck:
        told = Message("{least} MiB or more are free", least=1_000 - higher.done)
        return ReadinessCheck("disk", ok=True, detail=told)

    readiness._disk = room  # type: ignore[method-assign]


def a_question_when_acting(lower: LowerWhole, higher: HigherWhole) -> None:
    """L13: whether a key is still good is asked below, whenever somebody signs above."""
    post = higher.post

    def asked(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        lower.get("/v1/keys", None)
        return post(*arguments, **named)

    higher.post = asked  # type: ignore[method-assign]


def _named(leak: Callable[..., None]) -> str:
    return f"{(leak.__doc__ or '').partition(':')[0]} {leak.__name__.replace('_', ' ')}"


WHOLE: Final[Mapping[str, Callable[[LowerWhole, HigherWhole], None]]] = {
    _named(leak): leak
    for leak in (
        one_process,
        one_key_of_tags,
        one_table_of_figures,
        one_search,
        one_store_of_files,
        one_badge,
        one_series_of_numbers,
        one_disk,
        a_question_when_acting,
    )
}
LEAKS: Final[Mapping[str, Leak]] = {
    _named(leak): leak
    for leak in (
        one_source_of_random_bytes,
        one_index_of_act_ids,
        one_clock,
        one_lock,
        a_refusal_that_names_more,
        one_checkpointer,
        a_segment_when_somebody_takes_it,
        slots_that_are_used,
        an_answer_to_a_segment,
        one_log_of_the_processes,
        an_act_that_is_held_back,
        one_directory_of_officers,
        a_file_that_is_above_is_not_sent_again,
    )
}
