"""The registry over time (api.md §4): agencies, officers, keys, instruments."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import UUID, Answer, Listing, Page, Projected, choice, pattern, text
from api.schemas.case import AS_OF, Shown, maybe
from ledger.regulation.edition import load_edition


class RegistryQuery(Page):
    """A moment of the registry."""

    as_of = pattern(
        AS_OF,
        "An index, a time or a day: the registry as the log stood then, on that day; now by"
        " default.",
    )


class OfficerQuery(RegistryQuery):
    """Whose keys or posts."""

    officer = pattern(UUID, "uuid of an officer.")


class AgencyQuery(RegistryQuery):
    """Which agencies."""

    function = choice(
        tuple(line["code"] for line in load_edition().registry["functions"]),
        "Holds this function then.",
    )


class JwksQuery(Projected):
    """A moment of the key set."""

    as_of = pattern(AS_OF, "An index, a time or a day; now by default.")


class NameShown(Shown):
    """A name and when it was used."""

    vi = text("Name.")
    valid_from = maybe("First day.")
    valid_to = maybe("Last day.")


class AgencyLine(Shown):
    """One agency on a day."""

    agency = text("Agency id.", required=True)
    name = text("Name on the day.")
    label = text("Name then and who carries on.")
    names = fields.List(fields.Nested(NameShown))
    exists = fields.Boolean(metadata={"description": "Whether it existed on the day."})
    parent = maybe("Agency above it.")
    functions = fields.List(fields.String())
    posts = fields.List(fields.String())


class Agencies(Listing):
    """Agencies in the order of the registry."""

    agencies = fields.List(fields.Nested(AgencyLine), required=True)


class PostLine(Shown):
    """A post and when it was held."""

    agency = text("Agency id.")
    agency_name = text("Its name on the day.")
    post = text("Post.")
    post_vi = text("The post in Vietnamese.")
    on_day = fields.Boolean(
        metadata={"description": "Whether it was held on the day, and its agency was there."}
    )
    powers = fields.List(fields.String())
    valid_from = maybe("First day.")
    valid_to = maybe("Last day.")


class OfficerLine(Shown):
    """One officer: an id and posts, never a name."""

    officer = text("uuid.", required=True)
    posts = fields.List(fields.Nested(PostLine))
    keys = fields.List(fields.String())


class Officers(Listing):
    """Officers in the order in which they became known."""

    officers = fields.List(fields.Nested(OfficerLine), required=True)


class KeyLine(Shown):
    """One key with its history."""

    kid = text("Thumbprint.", required=True)
    jwk = fields.Dict(metadata={"description": "Public JWK."})
    officer = maybe("uuid; null: a service key.")
    custody = text("SOFTWARE, BROWSER, PKCS11 or SERVICE.")
    status = choice(("ACTIVE", "NOT_YET_VALID", "EXPIRED", "REVOKED"), "At that moment.")
    valid_from = maybe("First instant; null: from record 0 on.")
    valid_to = maybe("First instant after.")
    enrolled_index = fields.Integer()
    revoked_index = fields.Integer(allow_none=True)
    invalid_from = maybe("From when it is not to be trusted.")
    reason = maybe("Why it was revoked.")


class Keys(Listing):
    """Keys in the order of enrolment."""

    keys = fields.List(fields.Nested(KeyLine), required=True)


class InstrumentLine(Shown):
    """One legal instrument."""

    instrument = text("Number and symbol.", required=True)
    title = maybe("Title.")
    in_force = fields.Boolean(metadata={"description": "On the day."})
    in_force_from = maybe("First day.")
    in_force_to = maybe("Last day.")


class Instruments(Listing):
    """Legal instruments the registry knows."""

    instruments = fields.List(fields.Nested(InstrumentLine), required=True)


class JwkSet(Answer):
    """RFC 7517; each key carries its history beside the public members."""

    keys = fields.List(fields.Dict(), required=True)
