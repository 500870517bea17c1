"""For supervisors and inspectors: every case of a scope verified here, and signed off.

Of each case the records come byte for byte and are checked by this program (`case_check`); the
server's own verdict is told where it is worse. What was checked is signed off by an act that names
the checkpoint.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from api.cli.commands.record import give_signed, new_id, one_keeper
from api.cli.commands.signer_options import (
    identity,
    log_keys,
    signing_time,
    tell_whose_key,
    vkey_option,
)
from api.cli.commands.verify.progress import KeptProgress, Progress
from api.cli.terminal import addresses
from api.cli.terminal.shell import Shell, misuse, shell_of
from api.cli.terminal.typed_values import MOMENT, Typed
from api.client.case_check import OPEN, VALID, faults, keyring_of, worst
from api.client.client import Client
from api.client.connection import Refused, understood
from api.settings import Settings
from api.texts.labels import verdict
from api.version import VERSION
from keys import canonical
from keys.keyring import Keyring
from keys.note import VKey
from ledger.admission.registrar import registry_act
from ledger.log import checkpoint
from ledger.message import Message, plural

SIGN_OFF: Final = "VerificationSignedOff"
_SHOWN: Final = 20
_MOST_FAILURES: Final = 50
_SINCE: Final = "sign-off"


@click.group()
def verify() -> None:
    """Verify many cases here, trusting no server, and sign off what was verified."""


def _scope(agency: str | None, kid: str | None, since: str | None) -> dict[str, str]:
    asked = {"agency": agency, "kid": kid, "changed_since": since and since.replace("-", "_")}
    return {name: value for name, value in asked.items() if value is not None}


SINCE: Final = Typed(
    "index|sign-off",
    lambda text: text if text == _SINCE or (text.isascii() and text.isdigit()) else None,
    Message(
        "Nothing was verified: --since is an index of the log, or sign-off; {value} is neither."
    ),
)


@verify.command("all")
@click.option("--agency", default=None, help="Cases that it holds.")
@click.option("--kid", default=None, help="Cases in which this key signed.")
@click.option(
    "--since",
    type=SINCE,
    default=None,
    help="With something new behind that index, or the agency's last sign-off.",
)
@click.option("--restart", is_flag=True, help="From the beginning, whatever was verified before.")
@vkey_option
@identity
def verify_all(
    client: Client,
    agency: str | None,
    kid: str | None,
    since: str | None,
    vkey: VKey | None,
    *,
    restart: bool,
) -> None:
    """Check every record of all cases of a scope, as they came. Exit 1 unless all are VALID.

    Whatever is broken off goes on where it was when the same is called again. Cases that you do not
    see whole are not among them; how many records of the log were not seen is told, and no more.
    """
    shell = shell_of()
    named = None if agency is None else addresses.agency(client, agency)
    scope = _scope(named, None if kid is None else addresses.kid(client, kid), since)
    if not scope:
        misuse(Message("Nothing was verified: name --agency, --kid or --since."))
    if since == _SINCE and agency is None:
        misuse(Message("Nothing was verified: whose sign-off? Name --agency."))
    kept = _kept(client, scope)
    before = None if restart else kept.read()
    if before is not None and before.finished:
        before = None
    run = _Run(client, shell, kept, before or kept.begin(), vkey)
    if before is not None:
        shell.note(
            plural(
                "Goes on behind {n} case that was verified before; --restart begins anew.",
                "Goes on behind {n} cases that were verified before; --restart begins anew.",
                n=before.cases,
            )
        )
    run.over_all()
    _tell(shell, run.progress)
    tell_whose_key(client, vkey)
    sys.exit(0 if _verdict(run.progress) == VALID else 1)


def _kept(client: Client, scope: Mapping[str, str]) -> KeptProgress:
    client.login()
    return KeptProgress(Settings.from_env().home, client.origin, str(client.officer), scope)


class _Run:
    """One run over the pages of a scope."""

    def __init__(
        self,
        client: Client,
        shell: Shell,
        kept: KeptProgress,
        progress: Progress,
        vkey: VKey | None,
    ) -> None:
        self.progress = progress
        self._client = client
        self._shell = shell
        self._kept = kept
        self._unkept = False
        self._vkeys = log_keys(client, vkey)
        self._keyring = self._keys()

    def _keys(self) -> Keyring:
        body = self._client.whole("/v1/keys", "keys")
        with understood():
            return keyring_of(body["keys"])

    def over_all(self) -> None:
        """Case after case; what is verified is kept at each."""
        with self._shell.progress(transient=True) as bar:
            task = bar.add_task(self._shell.text(Message("cases")), total=None)
            for one in self._cases():
                self._check(one)
                bar.update(task, completed=self.progress.cases)

    def _cases(self) -> Iterator[Mapping[str, Any]]:
        progress, client = self.progress, self._client
        while True:
            query = {**progress.scope, "cursor": progress.cursor}
            body = client.verifications(query)
            with understood():
                if progress.cursor is None and not progress.note and "checkpoint" in body:
                    progress.note, progress.size = body["checkpoint"], _size(body)
                    progress.behind = body["changed_since"]
                cases, following = [*body["cases"]], body.get("next")
                places = [progress.after, *(str(one["id"]) for one in cases)]
                if places != sorted({*places}):
                    raise ValueError("a case is told of twice, or out of order")
            yield from (one for one in cases if one["id"] not in progress.done)
            progress.done, progress.cursor, progress.after = [], following, places[-1]
            progress.finished = following is None
            self._keep()
            if following is None:
                return

    def _check(self, said: Mapping[str, Any]) -> None:
        progress = self.progress
        with understood():
            case, number = said["id"], said["case_number"] or said["register_no"]
        records: list[dict[str, Any]] = []
        try:
            records = self._client.case_records(case)
        except Refused as refused:
            if refused.code not in ("not_found", "part_only"):
                raise  # else it was taken from the caller's sight meanwhile: nothing is shown of it
        with understood():
            found = faults(
                f"case/{case}",
                records,
                said,
                keyring=self._keyring,
                vkeys=self._vkeys,
                origin=self._client.origin,
            )
            first = 0 if progress.behind is None else progress.behind + 1
            progress.records += sum(first <= one["index"] < progress.size for one in records)
        outcome = worst(fault.outcome for fault in found)
        progress.cases += 1
        progress.outcomes = dict(Counter(progress.outcomes) + Counter([outcome]))
        progress.faults += [{"case": case, "number": number, **one.to_json()} for one in found]
        progress.done.append(case)
        self._keep()

    def _keep(self) -> None:
        try:
            self._kept.keep(self.progress)
        except OSError as error:
            if not self._unkept:
                self._shell.note(
                    Message(
                        "How far it has come could not be kept ({error}): what is broken off begins"
                        " anew, and nothing can be signed off.",
                        error=error,
                    )
                )
            self._unkept = True


def _size(body: Mapping[str, Any]) -> int:
    """Records that the checkpoint of a page covers: by them it is told how many were not shown.

    Raises:
        ValueError: The server says another size.
    """
    size = checkpoint.unverified(body["checkpoint"].encode()).size
    if size != body["size"]:
        raise ValueError("the size is not that of the checkpoint")
    return size


def _verdict(progress: Progress) -> str:
    """The worst outcome; without a checkpoint nothing is concluded."""
    return worst([*progress.outcomes, VALID if progress.note else OPEN])


def _root(progress: Progress, vkeys: list[VKey], origin: str) -> bytes:
    """Of the checkpoint of the run, whose signature is checked. Raises: VerificationError."""
    return checkpoint.open_checkpoint(progress.note.encode(), vkeys, origin=origin).checkpoint.root


def _tell(shell: Shell, progress: Progress) -> None:
    behind = -1 if progress.behind is None else progress.behind
    unseen = max(0, progress.size - behind - 1 - progress.records)
    if shell.json:
        shell.give(
            {
                "ok": _verdict(progress) == VALID,
                "outcome": _verdict(progress),
                "scope": progress.scope,
                "size": progress.size,
                "checkpoint": progress.note,
                "changed_since": progress.behind,
                "cases": progress.cases,
                "records": progress.records,
                "not_seen": unseen,
                "outcomes": progress.outcomes,
                "faults": progress.faults,
            }
        )
        return
    shell.say(
        plural(
            "{n} case verified here, up to a checkpoint of {size} records.",
            "{n} cases verified here, up to a checkpoint of {size} records.",
            n=progress.cases,
            size=progress.size,
        )
    )
    counts = ", ".join(f"{n} {verdict(code, shell.lang)}" for code, n in progress.outcomes.items())
    if counts:
        shell.say(Message("By outcome: {counts}", counts=counts))
    shell.say(
        plural(
            "{n} record of the log up to there is not of these cases, or not shown to you.",
            "{n} records of the log up to there are not of these cases, or not shown to you.",
            n=unseen,
        )
    )
    rows = (
        (one["number"] or one["case"], f"#{one['index']}", verdict(one["outcome"], shell.lang),
         one["reason"][shell.lang])
        for one in progress.faults[:_SHOWN]
    )  # fmt: skip
    if progress.faults:
        shell.table(("case", "index", "verdict", "what"), rows, whole=("case", "index"))
    if more := len(progress.faults[_SHOWN:]):
        shell.say(Message("… and {n} more: --json", n=more))


@verify.command("sign-off")
@click.option("--agency", required=True, help="Whose cases were verified.")
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@vkey_option
@identity
def sign_off(client: Client, agency: str, iat: datetime | None, vkey: VKey | None) -> None:
    """Sign what `socai verify all --agency` has verified; the statement is printed.

    It names the checkpoint that it covers, and from which record on; of what was verified since the
    last sign-off that. Send it by `socai act submit -`.
    """
    agency = addresses.agency(client, agency)
    since_last = {"agency": agency, "changed_since": "sign_off"}
    scopes = ({"agency": agency}, since_last)
    found = [one for scope in scopes if (one := _kept(client, scope).read()) is not None]
    finished = [one for one in found if one.finished and one.note]
    if not finished:
        misuse(
            Message(
                "Nothing was signed: no verification of {agency} has come to its end here; first:"
                " socai verify all --agency {agency}",
                agency=agency,
            )
        )
    run = max(finished, key=lambda one: one.size)
    root = _root(run, log_keys(client, vkey), client.origin)
    signer = one_keeper(client, "SUPERVISOR", "AUTHOR", client.officer)
    if signer.agency != agency:
        misuse(
            Message(
                "Nothing was signed: you supervise {own}, and not {agency}.",
                own=signer.agency,
                agency=agency,
            )
        )
    outcome = _verdict(run)
    failures = [
        f"{one['number'] or one['case']} #{one['index']}: {one['reason']['vi']}"
        for one in run.faults[:_MOST_FAILURES]
    ]
    facts: dict[str, Any] = {
        "scope": "LOG",
        "checked_from": 0 if run.behind is None else run.behind + 1,
        "checked_to": run.size - 1,
        "checkpoint_size": run.size,
        "root": canonical.b64(root),
        "verdict": "NOT_VALID" if outcome == "AGAINST_THE_RULES" else outcome,
        "program_version": f"socai {VERSION}",
        **({"failures": failures} if failures else {}),
    }
    at = iat or signing_time(client)
    stream = f"agency/{agency}"
    act = registry_act(
        SIGN_OFF, act_id=new_id(), stream=stream, at=at, facts=facts, signers=[signer]
    )
    give_signed(client, act, stream, at)
