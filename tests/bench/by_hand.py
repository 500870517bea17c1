"""What a user would build in a week: eventsourcing with signatures and a hash chain by hand.

The same flattened JWS that the ledger takes, signed before the clock starts; its signature is
checked by the same verifier, `prev` against the head of its case, and the aggregate is saved. No
rules, no registry, no sealing, no tree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from keys import canonical
from keys import signer as signers
from keys.signer import PublicKey
from tests.bench import workload
from tests.bench.crew import Hand
from tests.bench.stock import environment
from tests.bench.workload import Officer, SignedAct


class SignedCase(Aggregate):
    """A case as its signed statements, each naming the one before."""

    @event("Opened")
    def __init__(self, said: dict[str, str], digest: str) -> None:
        self.said = [said]
        self.head = digest

    @event("Added")
    def add(self, said: dict[str, str], digest: str) -> None:
        """One more."""
        self.said.append(said)
        self.head = digest


class SignedCases(Application[UUID]):
    """Application of signed cases."""

    name = "signed"
    is_snapshotting_enabled = False


def prepare(dsn: str) -> None:
    """Makes the application's tables."""
    SignedCases(environment(dsn, create=True)).close()


@dataclass(frozen=True, slots=True)
class SignedOpening:
    """Opens the application in a process of a crew."""

    dsn: str
    officer: Officer
    origin: str

    def __call__(self) -> SignedShop:
        """One application a process."""
        return SignedShop(SignedCases(environment(self.dsn)), self.officer, self.origin)


@dataclass(slots=True)
class SignedShop:
    """Checks, chains and saves."""

    app: SignedCases
    officer: Officer
    origin: str

    def hands(self, _first: int, count: int, items: int) -> list[Hand]:
        """Each hand with acts of its own cases."""
        key = signers.load_public(signers.ED25519, self.officer.signer.public)
        return [
            Hand(_Saver(self.app, key).save, workload.same_again(self.officer, self.origin, items))
            for _ in range(count)
        ]


@dataclass(slots=True)
class _Saver:
    app: SignedCases
    key: PublicKey
    case: SignedCase | None = field(default=None)

    def save(self, act: SignedAct) -> None:
        said = orjson.loads(act.body)
        signed = f"{said['protected']}.{said['payload']}"
        self.key.verify(canonical.unb64(said["signature"]), signed.encode())
        header = orjson.loads(canonical.unb64(said["protected"]))
        digest = canonical.b64(hashlib.sha256(f"{signed}.{said['signature']}".encode()).digest())
        if header["seq"] == 1 or self.case is None:
            self.case = SignedCase(said, digest)
        elif header["prev"] == self.case.head:
            self.case.add(said, digest)
        else:
            raise ValueError("it does not follow")
        self.app.save(self.case)
