"""For the officer: keys, signing acts here, sending them, a token, files.

The private key is read from its file, used and forgotten; it is never sent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import click
import httpx
import orjson

from api.cli.commands.reading.statement_proofs import bad_proofs, proven
from api.cli.commands.signer_options import (
    client_at,
    identity,
    kept_or_asked,
    log_keys,
    log_option,
    opened_key,
    origin_of,
    passphrase,
    rehearsed,
    server_option,
    signer_of,
    vkey_option,
    whose_key,
)
from api.cli.commands.token_option import (
    TokenName,
    TokenUri,
    new_on_token,
    pin_option,
    signer_on_token,
)
from api.cli.commands.writing.judging import TURN, judged, refuse, waits_no_more
from api.cli.terminal import act_tables
from api.cli.terminal.addresses import act_id, act_path
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.late_commands import Late, LateGroup
from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.places import PUBLIC, require_private
from api.cli.terminal.shell import (
    FAILED,
    MISUSED,
    Refusal,
    dumped,
    fail,
    misuse,
    options,
    shell_of,
    visible,
)
from api.cli.terminal.typed_values import (
    MOMENT,
    SERVER_URL,
    SIGNED,
    SIGNED_ALREADY,
    saved_text,
)
from api.cli.terminal.writing import act_shown
from api.client.client import WAIT_S, Client, verify
from api.client.connection import Refused, Unreachable, understood
from api.client.draft_sources import DraftSources
from api.ops.home_notes import running_url
from api.ops.machine import RealEntropy
from api.settings import Settings
from api.texts.catalogue import in_each, translate
from api.texts.copied import composed
from api.texts.labels import role as role_word
from api.texts.labels import standing
from keys import canonical, unambiguous_json
from keys.custody.file import (
    OPENING_ALG,
    public_part,
    read_opening_key,
    write_durably,
    write_key,
    write_opening_key,
)
from keys.errors import Carried, KeysError, NotCanonical
from keys.hpke import OpeningKey, SealingKey
from keys.jwk import SoftwareSigner
from keys.note import VKey
from keys.signer import Signer
from ledger.errors import Rejected, VerificationError
from ledger.log import statement as statements
from ledger.log.record import entry, parse_envelope
from ledger.log.statement import Statement
from ledger.message import Message, Text, Wording
from ledger.regulation.acts import invisible_characters
from ledger.regulation.acts.act import parse_act

ALGS: Final = ("Ed25519", "ES256", "ML-DSA-65")
ON_TOKENS: Final = ("Ed25519", "ES256")
ROLES: Final = ("AUTHOR", "CHECKER", "APPROVER", "RETURNER")
clean_option: Final = click.option(
    "--clean", is_flag=True, help="Sign without characters that nobody sees, and in NFC."
)
#: What a person may write in an act that has no canonical form, by how `canonical` begins to say it
_FORMLESS: Final[Mapping[str, Message]] = {
    "null": Message("a member is null, which an act never holds: leave it out"),
    "a number": Message("a number is not whole, or is beyond 2^53-1"),
    "no canonical form: Integer": Message("a number is not whole, or is beyond 2^53-1"),
    "nested": Message("members lie deeper in each other than an act may have them"),
}


_HIDDEN: Final[Mapping[bool, Message]] = {
    True: Message(
        "Nothing was signed: there are characters that nobody sees ({what}). Add --clean to sign"
        " the text without them."
    ),
    False: Message(
        "Nothing was signed: there are characters that nobody sees ({what}). Type that word anew:"
        " what is pasted brings them along."
    ),
}
"""By whether the command can leave them out itself."""
ABSENT: Final = "not_found"
NOT_THERE: Final = Message(
    "Nothing was recorded: what this was signed for is not there, or you do not see it, or no more."
    " What you see: socai case list"
)


@click.group(
    cls=LateGroup,
    table={
        "new": Late("api.cli.commands.officer:new_key", Message("Make a key.")),
        "show": Late("api.cli.commands.officer:show_key", Message("The public part of a key.")),
        "enrol": Late(
            "api.cli.commands.writing.appointing:enrol",
            Message("Enrol an officer's key, as a registrar."),
        ),
        "split": Late(
            "api.cli.commands.key.custodians:split", Message("Split a secret to three custodians.")
        ),
        "recover": Late(
            "api.cli.commands.key.custodians:recover", Message("Open a secret by two custodians.")
        ),
        "epoch": Late(
            "api.cli.commands.key.epoch:epoch", Message("The enclave's KEK: turn it, its turns.")
        ),
    },
)
def key() -> None:
    """Keys: an officer's own, a custodian's, and the secrets that custodians keep."""


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--token", type=TokenUri(), default=None, help="Make it on a token instead.")
@pin_option
@click.option(
    "--alg",
    type=click.Choice([*ALGS, OPENING_ALG]),
    default="Ed25519",
    show_default=True,
    help="MLKEM768-X25519 is a custodian's, and signs nothing.",
)
@options
@guarded
def new_key(file: Path | None, token: TokenName | None, alg: str) -> None:
    """Make a key in FILE; its passphrase comes from SOCAI_PASSPHRASE_FILE or is asked for.

    A custodian's public half is written beside it, with the ending .pub. On a token (--token) it is
    an officer's, of Ed25519 or ES256, and never leaves it.
    """
    settings = Settings.from_env()
    if token is not None and file is None:
        if alg not in ON_TOKENS:
            misuse(Message("No key was made: on a token it is of Ed25519 or ES256."))
        _show_key(None, new_on_token(settings, token, alg))
        return
    if file is None or token is not None:
        misuse(Message("No key was made: name FILE, or --token."))
    beside = []
    if alg == OPENING_ALG:
        require_private(file)
        beside = [file.with_suffix(PUBLIC)]
    for path in (file, *beside):
        if path.exists():
            misuse(
                Message(
                    "No key was made: {file} is there already; choose another name.", file=path
                ),
            )
    if alg == OPENING_ALG:
        opening = OpeningKey.generate()
        write_opening_key(file, opening, passphrase(settings, file))
        write_durably(beside[0], canonical.encode(opening.public.jwk) + b"\n")
        _show_key(file, opening.public)
        return
    signer = SoftwareSigner.generate(alg)
    write_key(file, signer, passphrase(settings, file))
    _show_key(file, signer)


@click.command("show")
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)
@click.option("--token", type=TokenUri(), default=None, help="The key is on a token.")
@pin_option
@options
@guarded
def show_key(file: Path | None, token: TokenName | None) -> None:
    """The public part of a key: what the registrar enrols."""
    settings = Settings.from_env()
    if token is not None and file is None:
        _show_key(None, signer_on_token(settings, token))
        return
    if file is None or token is not None:
        misuse(Message("Nothing was shown: name FILE, or --token."))
    if public_part(file).alg == OPENING_ALG:
        _show_key(file, kept_or_asked(settings, file, read_opening_key).public)
        return
    if public_part(file).alg not in (*ALGS, "ML-DSA-44"):
        misuse(Message("{file} holds no signing key.", file=file))
    _show_key(file, opened_key(settings, file))


@click.group(
    cls=LateGroup,
    table={
        "new": Late(
            "api.cli.commands.writing.new:new",
            Message("Record an act in one step: asked for, checked, shown, signed, sent."),
        ),
        "show": Late("api.cli.commands.officer:show_act", Message("One act, whole.")),
        "sign": Late("api.cli.commands.officer:sign", Message("Sign an act from its members.")),
        "submit": Late("api.cli.commands.officer:submit", Message("Send a signed statement.")),
    },
)
def act() -> None:
    """Acts: recorded in one step, or signed here and sent as signed."""


@click.command("sign")
@click.argument("file", type=click.File("rb", lazy=True), required=False)
@click.option(
    "--countersign", default=None, metavar="ACT", help="Sign this pending act's own bytes."
)
@click.option(
    "--role", type=click.Choice(ROLES), default=None, help="AUTHOR, or APPROVER to countersign."
)
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@clean_option
@identity
def sign(
    client: Client,
    file: IO[bytes] | None,
    countersign: str | None,
    role: str | None,
    iat: datetime | None,
    *,
    clean: bool,
) -> None:
    """Sign an act: FILE holds its members (/spec/formats#s2); `-` reads standard input.

    Prints the statement (a flattened JWS) to be sent by `socai act submit`. `act_id` is made where
    FILE has none, and above ordinary `facts.seen`: how far each lower log was taken in. What the
    ledger would refuse is not signed; what is signed is shown first, on standard error. An act that
    waits for another officer is countersigned by the post's next holder, or by whoever that officer
    let sign: then it is shown as what you sign, and likewise what was signed in the case since.
    """
    if (file is None) == (countersign is None):
        misuse(
            Message("Nothing was signed: name FILE or --countersign."),
        )
    data = saved_text(file.read()) if file is not None else b""
    if countersign:
        payload = payload_of(client, act_id(client, countersign))
    else:
        members = _members(data, clean=clean)
        payload = encoded(dict(client.with_seen(members)))
    members = canonical.parse(payload)
    shell, chosen = shell_of(), role or ("APPROVER" if countersign else "AUTHOR")
    verdict = judged(client, members, rehearsed(client, iat), shell.lang)
    if countersign and verdict.code == TURN:
        fail(waits_no_more(str(members["act_id"])), TURN)
    if not verdict.ok:
        refuse(verdict)
    instead = client.stand_in(members, role=chosen) if countersign else None
    made = client.sign(
        payload, stream=str(members["stream"]), role=chosen, iat=iat, stand_in=instead
    )
    click.echo(dumped(members), err=True)
    act_shown.tell_ahead(shell, str(members["act"]))
    if countersign:
        sources = DraftSources(client, str(members["stream"]), rehearsed(client, iat))
        act_shown.signed_since(shell, sources, str(members["act_id"]))
    if instead is not None:
        shell.note(act_shown.instead(instead))
    click.echo(orjson.dumps(statements.flattened(made)).decode())


@click.command("show")
@click.argument("named", metavar="ACT")
@vkey_option
@identity
def show_act(client: Client, named: str, vkey: VKey | None) -> None:
    """One act, whole: what was done, on which grounds, who signed, what it changed, and its proofs.

    ACT is its id or how that begins, CASE#PLACE as `socai case history` shows it: 2024/0187#3, or a
    row of `socai acts`. Every proof is checked here. Exit 1 unless all are there and hold.
    """
    shell = shell_of()
    body = client.act(act_path(client, named))
    bad = list(bad_proofs(client, body, vkey))
    ok = proven(body) and not bad
    if shell.json:
        shell.give({**body, "ok": ok, "proofs_failed": bad})
    else:
        act_tables.act(shell, body, bad)
    sys.exit(0 if ok else 1)


@click.command("submit")
@click.argument("file", type=click.File("rb", lazy=True))
@click.option(
    "--at",
    type=MOMENT,
    default=None,
    help="The ledger's time of this request; rehearsals only.",
)
@click.option("--no-wait", is_flag=True, help="Return when durable, before the proof.")
@vkey_option
@identity
def submit(
    client: Client, file: IO[bytes], at: datetime | None, vkey: VKey | None, *, no_wait: bool
) -> None:
    """Send a signed statement and check the proof that comes back. Sending it again is safe."""
    made = _statement(saved_text(file.read()).strip())
    if vkey is not None:
        _require_known(client, vkey)
    send(client, made, at=at, vkey=vkey, wait=not no_wait)


def send(
    client: Client,
    made: Statement,
    *,
    at: datetime | None = None,
    vkey: VKey | None = None,
    wait: bool = True,
) -> None:
    """Sends a signed statement, checks the proof that comes back, and tells the receipt."""
    shell = shell_of()
    try:
        sent = client.submit(made, at=at, wait=wait)
    except Refused as refused:
        if refused.code != ABSENT:
            raise
        fail(NOT_THERE, ABSENT)
    receipt = sent.receipt
    if wait:
        _require_proof(client, receipt, made, vkey)
    if shell.json:
        shell.give(receipt)
        return
    shell.say(
        Message(
            "Recorded at index {index}: {status}{again}",
            index=receipt["index"],
            status=in_each(lambda lang: standing(receipt["status"], lang)),
            again="" if sent.created else Message(" (it was there already)"),
        )
    )
    if "number" in receipt:
        shell.say(Message("Its number: {number}", number=receipt["number"]))
    for role, post in _awaited(client, receipt["waiting_for"]):
        shell.say(Message("Waits for: {role} {post}", role=role, post=post))
    if wait:
        shell.say(Message("The proof holds. To see the act whole:"))
        click.echo(f"  socai act show {visible(str(receipt['act_id']))}")


def _awaited(client: Client, signers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Text, str]]:
    """Role and post of each who has yet to sign; a post by its code where nobody says its name.

    The act is recorded by then: that it cannot be told in words is no failure.
    """
    for one in signers:
        post = one["post"]
        role = Wording(role_word(one["role"], "vi"), role_word(one["role"], "en"))
        with suppress(Carried):
            post = PostNames(client, one["officer"]).held(one["officer"], post)
        yield role, post


@click.command()
@click.option(
    "--as", "alias", required=True, metavar="ALIAS", help="One of the cast in SOCAI_HOME."
)
@server_option
@options
@guarded
def token(alias: str, server: str | None) -> None:
    """Sign in as one of the cast; prints the bearer token alone on its line."""
    settings = Settings.from_env()
    signer = signer_of(settings, alias, None)
    with closing(client_at(server or running_url(settings), signer, origin_of(settings))) as client:
        bearer, officer = client.login(), client.officer
    shell = shell_of()
    if shell.json:
        shell.give({"access_token": bearer, "token_type": "Bearer", "officer": officer})
    else:
        click.echo(visible(bearer))


PAGE: Final = "/dang-nhap"
"""Where the pages ask who one is."""


@click.command("sign-in")
@click.argument("url", metavar="URL", type=SERVER_URL)
@whose_key
@log_option
@options
@guarded
def sign_in(
    url: str,
    alias: str | None,
    key_file: Path | None,
    token: TokenName | None,
    log: str | None,
) -> None:
    """A line that signs you in to the pages at URL; paste it there within two minutes."""
    settings = Settings.from_env()
    signer = signer_of(settings, alias, key_file, token)
    server = str(httpx.URL(url).join("/"))  # also where the address of the page was copied
    with closing(client_at(server, signer, log or origin_of(settings))) as client:
        answer = client.sign_in_answer()
    shell = shell_of()
    if shell.json:
        shell.give(answer)
        return
    click.echo(orjson.dumps(answer, option=orjson.OPT_SORT_KEYS).decode())
    page = url if httpx.URL(url).path == PAGE else str(httpx.URL(server).join(PAGE))
    shell.note(Message("Paste this line at {url}; it is good once, for two minutes.", url=page))


def _statement(data: bytes) -> Statement:
    try:
        return statements.parse_flattened(data)
    except Rejected as error:
        told = Message(
            "Nothing was sent. This file is no signed statement ({what}). It is made by: socai act"
            " sign FILE; a draft that lacks members, or is YAML, is recorded by: socai act new"
            " --from FILE",
            what=next((one.text for one in error.faults), error.text),
        )
        raise Refusal(told, MISUSED, error.code) from error


def _members(data: bytes, *, clean: bool) -> dict[str, Any]:
    try:
        members = unambiguous_json.read(data)
    except orjson.JSONDecodeError as error:
        misuse(
            Message(
                "Nothing was signed: this is no JSON (line {line}). What lacks members or is YAML"
                " is recorded by: socai act new --from FILE",
                line=error.lineno,
            )
        )
    except unambiguous_json.SaidTwice as error:
        misuse(Message("Nothing was signed: the act says {member} twice.", member=error.member))
    if not isinstance(members, dict):
        misuse(Message("Nothing was signed: a JSON object is needed."))
    if members.keys() == SIGNED:
        misuse(SIGNED_ALREADY)
    members = cleaned(members) if clean else members
    require_visible(members)
    members.setdefault("v", 1 if "capacity" in members else 2)
    members.setdefault("act_id", str(RealEntropy().uuid()))
    return members


def encoded(members: Mapping[str, Any]) -> bytes:
    """The bytes that are signed; what has none, or too many, ends the command."""
    try:
        payload = canonical.encode(members)
    except NotCanonical as error:
        told = Message(
            "Nothing was signed: {error}. Correct the act, then sign it.", error=_formless(error)
        )
        if composed(members) != members:
            told = Message(
                "Nothing was signed: letters of the act are written as several characters, as a Mac"
                " may write them. Add --clean to sign the same text in NFC."
            )
        raise Refusal(told, MISUSED, "not_canonical") from error
    if len(payload) > canonical.LIMIT_BYTES:
        raise Refusal(
            Message(
                "Nothing was signed: the act is {size} bytes long, and {most} at most are taken."
                " Shorten it, or put the long text into a file that the act lists.",
                size=len(payload),
                most=canonical.LIMIT_BYTES,
            ),
            MISUSED,
            "too_long",
        )
    return payload


def _formless(error: NotCanonical) -> Text:
    """Why an act has no bytes to be signed; what no program of ours writes stays as it is said."""
    said = str(error)
    found = (text for begins, text in _FORMLESS.items() if said.startswith(begins))
    return next(found, Wording(said, said))


def cleaned(members: Mapping[str, Any]) -> dict[str, Any]:
    """An act without what nobody sees, and in NFC."""
    return dict(composed(invisible_characters.without(members)))


def require_visible(members: dict[str, Any]) -> None:
    """What the server would refuse is not signed in the first place."""
    found = invisible_characters.faults(members)
    if found:
        what = in_each(
            lambda lang: "; ".join(f"{one.pointer}: {translate(one.text, lang)}" for one in found)
        )
        misuse(_HIDDEN[takes_clean()].filled(what=what))


def takes_clean() -> bool:
    """Whether the command that runs has `--clean`."""
    context = click.get_current_context(silent=True)
    return context is not None and "clean" in context.params


def payload_of(client: Client, act_id: str) -> bytes:
    """The bytes the author signed: a countersigner signs these and no others.

    What they say is shown by members of formats.md §2: bytes with others are no act to be signed.
    """
    body = client.read(f"/v1/acts/{act_id}/raw", wait_s=WAIT_S).body
    with understood():
        kept = [record["envelope"] for record in body["records"] if "envelope" in record]
    if not kept:
        fail(Message("Nothing was signed: the content is erased."), "erased")
    with understood():
        envelope = parse_envelope(canonical.unb64(kept[0]))
    try:
        statement = statements.parse_compact(envelope.statement)
        given = parse_act(statement.members, level=client.origin.rpartition("/")[2])
    except Rejected as error:
        told = Message(
            "Nothing was signed: what the server gave as {act_id} is no act that this program"
            " shows whole ({error}). Sign it with the newest version of this program, or not at"
            " all.",
            act_id=act_id,
            error="; ".join(one.pointer for one in error.faults) or error.code,
        )
        fail(told, "other_bytes")
    if given.act_id != act_id:
        fail(
            Message(
                "Nothing was signed: the server gave another act than {act_id}.", act_id=act_id
            ),
            "other_bytes",
        )
    return statement.payload


def _require_known(client: Client, vkey: VKey) -> None:
    """A key that is typed is one of the log's, where the log is known already."""
    every = client.known.keys.every if client.known is not None else ()
    if every and str(vkey) not in every:
        fail(
            Message("Nothing was sent: --vkey is no key of this log as it is known here."),
            "other_key",
        )


def _require_proof(
    client: Client, receipt: dict[str, Any], made: Statement, vkey: VKey | None
) -> None:
    """Whatever is answered to who asks for the proof, the act is recorded all the same."""
    try:
        _check_proof(client, receipt, made, log_keys(client, vkey))
    except Carried as error:
        told = Message(
            "The server says it is recorded at index {index}, and its proof could not be checked"
            " ({error}). Send the signed statement again to have it checked.",
            index=receipt["index"],
            error=Message("no answer from {where}", where=error.where)
            if isinstance(error, Unreachable)
            else error,
        )
        raise Refusal(told, FAILED, "proof_unchecked") from error


def _check_proof(
    client: Client, receipt: dict[str, Any], made: Statement, keys: Sequence[VKey]
) -> None:
    """The receipt's entry must be of these bytes, and the signed tree must hold it."""
    raw = client.read(f"/v1/acts/{receipt['act_id']}/raw", wait_s=WAIT_S).body
    with understood():
        kept = {line["index"]: line.get("envelope") for line in raw["records"]}
        shown = kept.get(receipt["index"])
        data = b"" if shown is None else canonical.unb64(shown)
    if shown is None:
        fail(
            Message(
                "The server says it is recorded at index {index}, and does not show it: its proof"
                " was not checked. It may have been erased since; keep the signed statement.",
                index=receipt["index"],
            ),
            "not_shown",
        )
    if parse_envelope(data).statement != made.compact:
        fail(
            Message("The ledger holds other bytes than were signed; tell the operator."),
            "other_bytes",
        )
    try:
        verify(receipt, keys, origin=client.origin, entry=entry(data))
    except (KeysError, VerificationError) as error:
        index = receipt["index"]
        fail(
            Message(
                "The server says it is recorded at index {index}, but its proof fails"
                " ({error}). Keep the signed statement, tell the operator, and check the log's"
                " key.",
                index=index,
                error=error,
            ),
            "proof_fails",
        )


def _show_key(file: Path | None, signer: Signer | SealingKey) -> None:
    """Of a key on a token there is no file to name."""
    shell = shell_of()
    shown = {"kid": signer.kid, "alg": signer.alg, "jwk": dict(signer.jwk)}
    if file is not None:
        shown = {"file": str(file), **shown}
    if shell.json:
        shell.give(shown)
    else:
        shown["jwk"] = dumped(signer.jwk)  # as it is handed on
        shell.table(("name", "value"), list(shown.items()))
