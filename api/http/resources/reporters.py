"""The reporters' compartment: sealing in, writing to, opening (http.md §3; access.md A5, A18)."""

from __future__ import annotations

from typing import Any, Final

from flask import Response

from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import caller, malformed, now, require_uuid, wait_s
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.schemas.act import EXAMPLE_ACT
from api.http.schemas.base import UUID
from api.http.schemas.reporter import (
    LetterSchema,
    LookRequestSchema,
    LookSchema,
    OpeningSchema,
    ReporterKeptSchema,
    ReporterKeysSchema,
    ReporterRequestSchema,
    ShareRequestSchema,
)
from api.problems.problem import Problem
from api.texts.catalogue import translate
from api.texts.vault import LETTERS
from keys.canonical import b64, unb64
from keys.errors import KeysError
from keys.sealed_identity import SealedPart
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.reads.read import ReadBy
from ledger.reads.shown import shows_nothing
from ledger.vault import desk as desks
from ledger.vault.identity import SealedIdentity
from ledger.vault.request import Answer

reporters = Resource(
    "reporters", __name__, url_prefix="/v1", description="Người phản ánh · Reporters"
)
_ID: Final = in_path("act_id", "uuid of the act.", example=EXAMPLE_ACT, pattern=f"^{UUID}$")
_HEAVY: Final = Heavy("writing")
_WAIT_S: Final = 5
_ASKED: Final = (
    "not_found", "not_yours", "not_disclosed", "vault_not_founded", "vault_late", "read_not_logged",
    "database_unavailable", "not_a_rehearsal",
)  # fmt: skip
_SEALED_BY_CLIENT: Final = frozenset({"item", "token", "contact", "identity"})
_PRIVATE: Final = {"Cache-Control": "no-store"}


@reporters.call(
    "/reporters/keys",
    answers=ReporterKeysSchema,
    problems=("vault_not_founded", "database_unavailable"),
    of_cases=False,
)
def get_reporter_keys() -> Response:
    """Khóa để niêm phong · What intake seals an identity to, so that no server reads it.

    Compare it with the minutes of the key ceremony: whoever answers in the server's place could
    name a key of its own.
    """
    keys = enclave().desk.keys()
    return answer({"contact": dict(keys.contact.jwk), "identity": dict(keys.identity.jwk)})


@reporters.call(
    "/reporters",
    method="POST",
    body=ReporterRequestSchema,
    answers=ReporterKeptSchema,
    status=201,
    problems=(
        "malformed_identity", "identity_taken", "vault_not_founded", "database_unavailable",
    ),
    heavy=_HEAVY,
    of_cases=False,
)  # fmt: skip
def add_reporter(params: dict[str, Any]) -> Response:
    """Niêm phong danh tính · Keep an identity in R; nobody at intake reads it back.

    The client seals it and sends the parts; what is sent in the open (`said`) is sealed before it
    is kept, and forgotten. ReporterIdentitySealed then names item and token. Sending it again is
    safe.
    """
    stream = f"case/{params.pop('case')}"
    if params.keys() == {"said"}:
        item = enclave().desk.seal(params["said"], stream)
    elif params.keys() == _SEALED_BY_CLIENT:
        item = SealedIdentity(
            params["item"], params["token"], _part(params, "contact"), _part(params, "identity")
        )
        enclave().desk.take(item, stream)
    else:
        raise malformed("", Message("send item, token, contact and identity, or said alone"))
    return answer({"item": item.item, "token": item.token}, status=201, headers=_PRIVATE)


@reporters.call(
    "/acts/<act_id>/letter",
    method="POST",
    answers=LetterSchema,
    also={202: "It waits for the vault or the mail server; ask again for what became of it."},
    parameters=(_ID,),
    problems=(*_ASKED, "nothing_to_send"),
    heavy=_HEAVY,
)
def create_letter(act_id: str) -> Response:
    """Gửi trả lời cho người phản ánh · Have the vault send what ReporterInformed says was told.

    One act is one letter, however often it is asked for. The answer says `sent` or why not, and
    nothing of where to. Asked by the act's author.
    """
    shows_nothing()  # what the vault opens is noted by itself
    request = enclave().desk.write(require_uuid(act_id), _by(), now())
    found = _answered(request)
    outcome = "waits" if found is None else found.outcome
    said = LETTERS.get(outcome, LETTERS["unreadable"])
    body = {
        "act_id": act_id,
        "outcome": outcome if outcome in LETTERS else "unreadable",
        "outcome_vi": translate(said, "vi"),
        "outcome_en": translate(said, "en"),
    }
    return answer(body, status=202 if found is None else 200, headers=_PRIVATE)


@reporters.call(
    "/acts/<act_id>/shares",
    method="POST",
    body=ShareRequestSchema,
    answers=OpeningSchema,
    parameters=(_ID,),
    problems=(*_ASKED, "opening_over", "share_refused"),
    heavy=_HEAVY,
)
def add_share(params: dict[str, Any], act_id: str) -> Response:
    """Trao phần khóa · A custodian's share for one disclosing act; the second opens the identity.

    For at most 24 hours, and as long as the act says. This server cannot read the share.
    """
    shows_nothing()  # what the vault opens is noted by itself
    share = _bytes("share", params["share"])
    found = _answered(enclave().desk.lend(require_uuid(act_id), share, _by(), now()))
    if found is None:
        raise desks.late()
    if found.outcome == "over":
        raise Problem("opening_over")
    if found.outcome not in ("one_of_two", "open"):
        raise Problem("share_refused")
    body: dict[str, Any] = {"act_id": act_id, "outcome": found.outcome}
    if found.until is not None:
        body["until"] = stamp(found.until)
    if found.notice is not None:
        body["notice"] = found.notice
    return answer(body, headers=_PRIVATE)


@reporters.call(
    "/acts/<act_id>/identity",
    method="POST",
    body=LookRequestSchema,
    answers=LookSchema,
    parameters=(_ID,),
    problems=(*_ASKED, "opening_over"),
    heavy=_HEAVY,
)
def read_identity(params: dict[str, Any], act_id: str) -> Response:
    """Xem danh tính được mở · What a disclosing act opened, for its author alone.

    Noted in the log of reads first. It comes sealed to the key of this look.
    """
    shows_nothing()  # what the vault opens is noted by itself
    key, signature = (_bytes(name, params[name]) for name in ("key", "signature"))
    request = enclave().desk.look(require_uuid(act_id), key, signature, _by(), now())
    found = _answered(request)
    if found is None:
        raise desks.late()
    if found.sealed is None or found.until is None:
        raise Problem("opening_over")
    body = {"act_id": act_id, "sealed": b64(found.sealed), "until": stamp(found.until)}
    return answer(body, headers=_PRIVATE)


def _answered(request_id: str) -> Answer | None:
    longest = wait_s()
    return enclave().desk.answer(request_id, _WAIT_S if longest is None else longest)


def _by() -> ReadBy:
    who = caller()
    return ReadBy(who.officer, who.kid)


def _part(params: dict[str, Any], name: str) -> SealedPart:
    part = params[name]
    return SealedPart(_bytes(name, part["state"]), _bytes(name, part["wrap"]))


def _bytes(name: str, said: str) -> bytes:
    try:
        return unb64(said)
    except KeysError as error:
        raise malformed(name, Message("not strict base64url")) from error
