"""For the supervisor: who may see a case and who is shut out of it, each an act signed here.

`grant` and `revoke` give and end one officer's access by name, `exclude` and `readmit` shut one
out and let in again. What is to be signed is shown first; then it is signed, sent, and its proof
checked as by `socai act submit`. What is lawful is the rules' to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import click

from api.cli.commands.officer import require_visible
from api.cli.commands.signer_options import identity, signer_of, signing_time
from api.cli.commands.writing.recording import send_signed
from api.cli.terminal.addresses import act_id, case_id
from api.cli.terminal.shell import dumped, fail, misuse, shell_of
from api.cli.terminal.typed_values import LAST_DAY, MOMENT, Typed
from api.client.client import Client
from api.client.connection import understood
from api.ops.machine import RealEntropy
from api.settings import Settings
from api.texts.copied import meant
from keys import canonical
from ledger.admission.genesis import REHEARSAL
from ledger.admission.registrar import Keeper, registry_act
from ledger.message import Message, Wording
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.exclusions import EXCLUDING, RESTORING
from ledger.regulation.registry.calendar import local_time

F = TypeVar("F", bound=Callable[..., Any])
Json = Mapping[str, Any]
GRANTING: Final = "ParticipationGranted"
REVOKING: Final = "ParticipationRevoked"
#: What the act rests on where nobody says more: the regulation's rule on who answers for a case,
#: and for a conflict of interest the law against corruption.
REGULATION: Final = {
    "instrument": "90/QĐ-UBND", "article": "4", "clause": "3", "role": "PROCEDURE",
}  # fmt: skip
CONFLICT: Final = {"instrument": "36/2018/QH14", "article": "23", "role": "SUBSTANCE"}
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT: Final = re.compile(r"[0-9a-f]{8}[0-9a-f-]*")
_BASIS: Final = re.compile(r"(\S+)\s+(\w+)(?:\.(\w+))?(?:\.(\w+))?")


def _provision(text: str) -> Json | None:
    """The instrument's number, then article, clause and point: `77/2015/QH13 28.1`."""
    found = _BASIS.fullmatch(text.strip())
    if found is None:
        return None
    named = dict(zip(("instrument", "article", "clause", "point"), found.groups(), strict=True))
    return {**{k: v for k, v in named.items() if v is not None}, "role": "PROCEDURE"}


PROVISION: Final = Typed(
    "provision",
    _provision,
    Message(
        "Nothing was signed: {value} is no provision; write the instrument and the"
        " article, e.g. --basis '77/2015/QH13 28.1'."
    ),
)


def signed_act(command: F) -> F:
    """The options that every command of this file has beside its own."""
    basis = click.option(
        "--basis",
        type=PROVISION,
        multiple=True,
        help="What it rests on, e.g. '77/2015/QH13 28.1', for the usual provisions.",
    )
    at = click.option("--at", type=MOMENT, default=None, help="The ledger's time; rehearsals only.")
    dry = click.option("--dry-run", is_flag=True, help="Show it and ask the rules; sign nothing.")
    return basis(at(dry(identity(command))))


@click.command()
@click.argument("case", metavar="CASE")
@click.argument("officer", metavar="OFFICER")
@click.option("--ground", required=True, help="Why; everybody who sees the case reads it.")
@click.option("--until", type=LAST_DAY, required=True, help="Its last day, or the time it ends.")
@click.option(
    "--may",
    type=click.Choice(["READ", "HANDLE", "APPROVE"]),
    default="READ",
    show_default=True,
    help="What it lets do.",
)
@signed_act
def grant(client: Client, case: str, officer: str, **said: Any) -> None:  # noqa: ANN401  options
    """Let one officer see a case, by name and until a day.

    CASE is a uuid or a case number; OFFICER an id, its beginning as `socai case who` shows it, or
    one of the cast. A supervisor of the agency that handles the case signs (before registration: of
    the one that took it in), and nobody for themselves.
    """
    facts = {
        "officer": officer_id(client, officer),
        "scope": "CASE",
        "may": said["may"],
        "ground": said["ground"],
        "until": local_time(said["until"]),
    }
    _record(client, GRANTING, case_id(client, case), facts, said, (REGULATION,))


@click.command()
@click.argument("case", metavar="CASE")
@click.argument("officer", metavar="OFFICER")
@click.option("--reason", required=True, help="Why; everybody who sees the case reads it.")
@click.option(
    "--grant", "named", default=None, metavar="ACT", help="Which grant, where several run."
)
@signed_act
def revoke(
    client: Client,
    case: str,
    officer: str,
    named: str | None,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """End a grant: the officer no longer sees the case by it.

    What acts gave an officer or an agency ends by its own rule and is not revoked; to keep one
    officer out altogether: socai exclude.
    """
    case, who = case_id(client, case), officer_id(client, officer)
    held = _grants(client, case, who)
    grant = None if named is None else act_id(client, named)
    chosen = [one for one in held if grant in (None, one)]
    if not chosen:
        misuse(
            Message(
                "Nothing was signed: no such grant of this officer runs in the case; who takes"
                " part: socai case who {case}",
                case=case,
            ),
        )
    if len(chosen) > 1:
        misuse(
            Message(
                "Nothing was signed: the officer has several grants; name one with --grant:"
                " {grants}.",
                grants=", ".join(chosen),
            ),
        )
    facts = {"grant": chosen[0], "officer": who, "reason": said["reason"]}
    _record(client, REVOKING, case, facts, said, (REGULATION,))


@click.command()
@click.argument("case", metavar="CASE")
@click.argument("officer", metavar="OFFICER")
@click.option(
    "--ground",
    type=click.Choice(load().types[EXCLUDING].facts["ground"]["enum"]),
    metavar="GROUND",
    required=True,
    help="CONFLICT_OF_INTEREST, RELATED_PERSON, EARLIER_PART, OWN_REQUEST or PARTIALITY.",
)
@click.option("--reason", required=True, help="In words, naming no person.")
@click.option("--until", type=LAST_DAY, default=None, help="Until let in again if left out.")
@signed_act
def exclude(
    client: Client,
    case: str,
    officer: str,
    until: datetime | None,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Shut one officer out of a case: they see nothing of it and sign nothing in it.

    For a conflict of interest or a recusal (36/2018/QH14 Art. 23). A supervisor of the officer's
    agency or of the one directly above signs.
    """
    facts = {
        "officer": officer_id(client, officer),
        "ground": said["ground"],
        "reason": said["reason"],
        **({} if until is None else {"until": local_time(until)}),
    }
    _record(client, EXCLUDING, case_id(client, case), facts, said, (CONFLICT, REGULATION))


@click.command()
@click.argument("case", metavar="CASE")
@click.argument("officer", metavar="OFFICER")
@click.option("--reason", required=True, help="Why; everybody who sees the case reads it.")
@signed_act
def readmit(client: Client, case: str, officer: str, **said: Any) -> None:  # noqa: ANN401  options
    """Let an officer who was shut out of a case in again."""
    case, who = case_id(client, case), officer_id(client, officer)
    body = client.participants(case)
    with understood():
        found = [one["act_id"] for one in body["excluded"] if one["officer"] == who]
    if not found:
        misuse(
            Message(
                "Nothing was signed: this officer is not shut out of the case; who takes part:"
                " socai case who {case}",
                case=case,
            ),
        )
    facts = {"exclusion": str(found[0]), "officer": who, "reason": said["reason"]}
    _record(client, RESTORING, case, facts, said, (CONFLICT, REGULATION))


def officer_id(client: Client, text: str) -> str:
    """The officer's id: as typed, by its beginning, or one of the cast by the key in SOCAI_HOME."""
    text = meant(text)
    if _UUID.fullmatch(text):
        return text
    if _SHORT.fullmatch(text):
        lines = client.whole("/v1/officers", "officers")["officers"]
        found = [str(line["officer"]) for line in lines if line["officer"].startswith(text)]
    elif client.origin.startswith(REHEARSAL):
        kid = signer_of(Settings.from_env(), text, None).kid
        keys = client.whole("/v1/keys", "keys")["keys"]
        found = [str(key["officer"]) for key in keys if key["kid"] == kid]
    else:
        found = []
    if len(found) != 1:
        misuse(
            Message(
                "Nothing was signed: {officer} is not one officer; give the id, or its first eight"
                " characters or more, as in: socai registry officers",
                officer=text,
            ),
        )
    return found[0]


def _grants(client: Client, case: str, officer: str) -> list[str]:
    """Grants by name that run in a case for an officer, oldest first."""
    body = client.participants(case)
    with understood():
        return [
            str(ground["act_id"])
            for one in body["participants"]
            if one["officer"] == officer
            for ground in one["grounds"]
            if ground["act"] == GRANTING
        ]


def _record(
    client: Client, act: str, case: str, facts: dict[str, Any], said: Json, usual: Sequence[Json]
) -> None:
    """Shows an act of one signer, signs it, sends it and tells the receipt."""
    _require_words(facts)
    chosen = drawn_up(client, act, case, facts, said, usual)
    if said["dry_run"]:
        shell_of().done(Message("The ledger would take it. Nothing was signed."), act=act)
        return
    sign_and_send(client, chosen, said["at"])


def drawn_up(
    client: Client,
    act: str,
    case: str,
    facts: dict[str, Any],
    said: Json,
    usual: Sequence[Json],
    **more: str,
) -> dict[str, Any]:
    """An act of one signer as the ledger would take it, shown; nothing is signed.

    Args:
        client: Of whoever will sign.
        act: Its type.
        case: uuid of the case.
        facts: What it says.
        said: Options `at` and `basis` of the command.
        usual: What it rests on where `basis` is empty.
        more: Other members, such as `refers_to`.
    """
    require_visible(facts)
    at = said["at"] or signing_time(client)
    stream, basis = f"case/{case}", [dict(one) for one in said["basis"] or usual]

    def made(post: Keeper) -> dict[str, Any]:
        new, by = str(RealEntropy().uuid()), [post]
        act_ = registry_act(act, act_id=new, stream=stream, at=at, facts=facts, signers=by)
        return {**act_, "basis": basis, **more}

    chosen = _lawful(client, act, [made(post) for post in _posts(client, act)], said["at"])
    click.echo(dumped(chosen), err=True)
    return chosen


def sign_and_send(client: Client, members: dict[str, Any], at: datetime | None) -> None:
    """Signs what `drawn_up` gave, sends it and tells the receipt."""
    when = at or signing_time(client)
    payload, stream = canonical.encode(members), str(members["stream"])
    send_signed(client, partial(client.sign, payload, stream=stream, iat=when), at=at)


def _lawful(
    client: Client, act: str, made: Sequence[dict[str, Any]], at: datetime | None
) -> dict[str, Any]:
    """The first that the ledger would take: whoever holds several posts signs in a fit one."""
    answers = [(members, client.check(members, at=at)) for members in made]
    if not answers:
        _fail_without_post(act)
    chosen = next((members for members, answer in answers if answer.get("ok")), None)
    if chosen is None:
        _, said = answers[0]
        code = str(said.get("code"))
        fail(
            Message("Nothing was signed. {error}", error=str(said.get("detail") or code)),
            str(said.get("guard") or code),
        )
    return chosen


def _require_words(facts: Json) -> None:
    """A reason of blanks is none."""
    for member in ("ground", "reason"):
        if member in facts and not str(facts[member]).strip():
            misuse(
                Message("Nothing was signed: say why with --{member}.", member=member),
            )


def _fail_without_post(act: str) -> NoReturn:
    roles, who = load().roles, load().types[act].who
    fail(
        Message(
            "Nothing was signed: this is done in the post of {roles}, and whoever asks holds none;"
            " name another key with --key.",
            roles=Wording(
                ", ".join(roles[code]["vi"] for code in who),
                ", ".join(roles[code]["en"] for code in who),
            ),
        ),
        "no_such_post",
    )


def _posts(client: Client, act: str) -> Iterable[Keeper]:
    """Posts that whoever asks holds today, of those in which the act is signed."""
    client.login()
    who: Collection[str] = load().types[act].who
    body = client.whole("/v1/officers", "officers", query={"officer": client.officer})
    with understood():
        return [
            Keeper(line["officer"], post["agency"], post["post"], post["capacities"])
            for line in body["officers"]
            for post in line["posts"]
            if post["on_day"] and set(who) & set(post["powers"])
        ]
