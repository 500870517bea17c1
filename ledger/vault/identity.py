"""What R keeps of a reporter: how to reach them, and who they are, in two parts (formats.md §5).

The first opens for the vault, so that an answer reaches them; the second for two of three
custodians and nobody else. Both are sealed where the officer sits. Who may ask is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from keys import canonical
from keys.errors import KeysError, NotCanonical
from keys.hpke import SealingKey
from keys.sealed_identity import MOST_BYTES, Place, SealedPart, seal_part
from ledger.errors import Fault, Rejected
from ledger.message import Message, Text

CONTACT: Final = "contact"
IDENTITY: Final = "identity"
PARTS: Final = (CONTACT, IDENTITY)
SHOWN: Final = ("NAME", "ADDRESS", "PHONE", "EMAIL", "RECORDING", "WRITING")
"""What an identity may say; `shown` of a ReporterIdentityDisclosed names the same."""
Language = Literal["vi", "en"]
_MOST_ADDRESS: Final = 254
_MOST_LOCAL: Final = 64
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    re.ASCII,
)
_MOST_TEXT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a reporter.

    Attributes:
        email: Where; None: there is no way.
        consent: Whether they want to be written to.
        language: In which they are written to.
    """

    email: str | None = field(repr=False)
    consent: bool
    language: Language

    def encode(self) -> bytes:
        """The part's bytes."""
        email = {} if self.email is None else {"email": self.email}
        return canonical.encode({"v": 1, "consent": self.consent, "lang": self.language, **email})

    @classmethod
    def parse(cls, data: bytes) -> Contact:
        """The part of its bytes.

        Raises:
            Rejected: `malformed_identity`. Whoever sealed it was not bound to our form.
        """
        members = _members(data)
        email, language = members.pop("email", None), members.pop("lang", None)
        consent = members.pop("consent", None)
        if members or type(consent) is not bool or language not in ("vi", "en"):
            raise _malformed("", Message("not a contact of version 1"))
        if email is not None:
            require_address(email)
        return cls(email, consent, language)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a reporter is.

    Attributes:
        said: By names of `SHOWN`, text.
    """

    said: Mapping[str, str] = field(repr=False)

    def encode(self) -> bytes:
        """The part's bytes."""
        return canonical.encode({"v": 1, **self.said})

    @classmethod
    def parse(cls, data: bytes) -> Identity:
        """The part of its bytes. Raises: Rejected: `malformed_identity`."""
        members = _members(data)
        if not members or not members.keys() <= set(SHOWN):
            raise _malformed("", Message("not an identity of version 1"))
        if not all(isinstance(text, str) for text in members.values()):
            raise _malformed("", Message("not an identity of version 1"))
        return cls(members)

    def only(self, shown: tuple[str, ...]) -> Mapping[str, str]:
        """What an act says may be shown, and nothing else."""
        return {name: text for name, text in self.said.items() if name in shown}


@dataclass(frozen=True, slots=True)
class Keys:
    """The public halves of R: what is sealed to them, whoever seals cannot open.

    Attributes:
        contact: The vault's.
        identity: That of two of three custodians.
    """

    contact: SealingKey
    identity: SealingKey


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """What R is given.

    Attributes:
        item: uuid; `vault_item` of a ReporterIdentitySealed.
        token: `sealed:<uuid>`, random for this case and person.
        contact: Sealed.
        identity: Sealed.
    """

    item: str
    token: str
    contact: SealedPart
    identity: SealedPart


def told(said: Mapping[str, Any]) -> tuple[Contact, Identity]:
    """What an officer wrote down of a reporter, in its two parts.

    Args:
        said: Of `name`, `address`, `phone`, `email`, `recording`, `writing` those that are known;
            `contact_consent`, and `language` where it is not `vi`.

    Raises:
        Rejected: `malformed_identity`, naming the member and never what stands in it.
    """
    given = dict(said)
    consent, language = given.pop("contact_consent", None), given.pop("language", "vi")
    if type(consent) is not bool:
        raise _malformed("/contact_consent", Message("true or false"))
    if language not in ("vi", "en"):
        raise _malformed("/language", Message("vi or en"))
    identity = Identity(dict(_named(given)))
    if not given:
        raise _malformed("", Message("nothing is said of the reporter"))
    email = given.get("email")
    contact = Contact(None if email is None else require_address(email), consent, language)
    _require_room(contact, identity)
    return contact, identity


def _named(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    known = {name.lower(): name for name in SHOWN}
    for name, text in given.items():
        if name not in known:
            raise _malformed(f"/{name}", Message("no such member"))
        if not isinstance(text, str) or not text.strip() or len(text) > _MOST_TEXT:
            raise _malformed(f"/{name}", Message("text of at most 2000 characters"))
        yield known[name], text


def _require_room(*parts: Contact | Identity) -> None:
    for part in parts:
        try:
            size = len(part.encode())
        except NotCanonical as error:
            raise _malformed("", Message("not in Unicode NFC, or not text")) from error
        if size > MOST_BYTES:
            raise _malformed("", Message("longer than R keeps"))


def sealed(
    contact: Contact, identity: Identity, keys: Keys, *, origin: str, item: str, token: str
) -> SealedIdentity:
    """Both parts, sealed: from here on this process knows no way back."""
    return SealedIdentity(
        item,
        token,
        seal_part(contact.encode(), keys.contact, Place(origin, CONTACT, item, token)),
        seal_part(identity.encode(), keys.identity, Place(origin, IDENTITY, item, token)),
    )


def require_address(text: object) -> str:
    """One plain address of e-mail: no name beside it, no second one, nothing of a header.

    Raises:
        Rejected: `malformed_identity`, without the text.
    """
    plain = isinstance(text, str) and len(text) <= _MOST_ADDRESS and _ADDRESS.fullmatch(text)
    if not plain or len(str(text).rpartition("@")[0]) > _MOST_LOCAL:
        raise _malformed("/email", Message("one address, such as name@example.vn"))
    return str(text)


def _members(data: bytes) -> dict[str, Any]:
    try:
        members = canonical.parse(data)
    except KeysError as error:
        raise _malformed("", Message("not canonical JSON")) from error
    if type(members.pop("v", None)) is not int:
        raise _malformed("", Message("no version"))
    return members


def _malformed(pointer: str, what: Text) -> Rejected:
    return Rejected(
        "malformed_identity",
        Message("Nothing was kept: the identity does not have its form."),
        faults=[Fault(pointer, what)],
    )
