"""The register of a case's classified documents (http.md §4)."""

from __future__ import annotations

from typing import Final

from api.http.schemas.base import StrictSchema, choice, maybe, several, text, texts
from ledger.regulation.guards.secrecy import SECRET

_LOSSES: Final = ("LOST", "LEAKED", "SUSPECTED")


class DocumentHolderSchema(StrictSchema):
    """Somebody to whom a document is named."""

    officer = text("Who: uuid.", required=True)
    post = maybe("In which post; null where the act names none.")
    agency = maybe("Of which agency, likewise.")
    post_vi = maybe("That post in Vietnamese.")
    agency_name = maybe("That agency's name today.")
    until = text("Until when, as the act says.", required=True)
    copies = texts("Numbers of the copies they have; empty where none is numbered.")
    return_by = maybe("Day by which they come back.")
    via = text("The act: uuid.", required=True)
    act = text("Its type.", required=True)
    ended_by = maybe("The act that took it back.")


class DocumentOutsideSchema(StrictSchema):
    """A permit to provide a document to somebody outside."""

    act_id = text("The permit: uuid.", required=True)
    requester = text("Who asked for it.", required=True)
    request_document = text("Their written request.", required=True)
    return_by = maybe("Day by which it comes back or is destroyed.")


class DocumentLossSchema(StrictSchema):
    """A report that a document was lost or leaked."""

    act_id = text("The report: uuid.", required=True)
    kind = choice(_LOSSES, "What is reported.", required=True)
    found_at = text("When it was found.", required=True)


class DocumentSchema(StrictSchema):
    """A classified document of a case, as its register has it."""

    unit = text("Its id: uuid.", required=True)
    classification = text("The act that classified it: uuid.", required=True)
    state = text("Of its classification: CLASSIFIED, EXTENDED, DECLASSIFIED …", required=True)
    level = choice(SECRET, "As it was assigned or adjusted last.", required=True)
    list_item = text("Item of the list of state secrets, likewise.", required=True)
    protect_until = text("Last day of protection, likewise.", required=True)
    register_entry = text("Its number in the register of documents.", required=True)
    holders = several(DocumentHolderSchema, "To whom it is named, in the order of the acts.")
    outside = several(DocumentOutsideSchema, "Permits to provide it to somebody outside.")
    losses = several(DocumentLossSchema, "Reports of loss or leak.")
