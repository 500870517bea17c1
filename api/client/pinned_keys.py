"""R's public keys as this machine first saw them: a server that names others is refused.

Whoever answered in the server's place could name a key of its own, and read what is sealed to it.
So the first word is kept, in a file that can be compared with the minutes of the key ceremony: by
whoever seals an identity, and by a custodian who gives a share. A turned key is taken up by
deleting it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ledger.errors import Rejected
from ledger.message import Message
from ledger.vault.identity import Keys


def fingerprint(keys: Keys) -> str:
    """The thumbprints of both, as minutes and files write them."""
    return f"{keys.contact.kid} {keys.identity.kid}"


def pinned(home: Path, origin: str, keys: Keys) -> Keys:
    """The keys, if they are those that were seen before; the first are kept.

    Args:
        home: `SOCAI_HOME` of the officer's machine.
        origin: Origin of the log.
        keys: As the server says.

    Raises:
        Rejected: `keys_of_r_changed`: another key than before.
        OSError: They cannot be kept.
    """
    name = hashlib.sha256(origin.encode()).hexdigest()[:32]
    path = home / "known" / f"{name}.reporters"
    said = fingerprint(keys)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{said}\n", "ascii")
    elif path.read_text("ascii").strip() != said:
        raise Rejected(
            "keys_of_r_changed",
            Message(
                "Nothing was sealed or given: the server names other keys of R than this machine"
                " has seen: {said}. Where they were turned, the minutes of that ceremony have the"
                " same: then delete {path}, and run this again. Else tell whoever operates the"
                " enclave.",
                said=said,
                path=path,
            ),
        )
    return keys
