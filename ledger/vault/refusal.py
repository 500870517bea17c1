"""What the vault does not do, as a code: it has nobody to explain it to (`Answer.outcome`)."""

from __future__ import annotations


class VaultRefusal(Exception):
    """Nothing was opened or sent.

    Args:
        outcome: `not_signed`: not three good signatures of three keys over one disclosing act;
            `wrong_share`: no share of R's key for this act, or its custodian saw other signatures;
            `unreadable`: what R keeps does not open; `malformed_request`: nothing the vault knows.
    """

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome
