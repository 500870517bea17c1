"""The registry over time (http.md §4): agencies, officers, keys, instruments."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AS_OF,
    UUID,
    Answer,
    Listing,
    Page,
    Projected,
    Strict,
    choice,
    maybe,
    pattern,
    text,
)
from api.http.schemas.statement import KeyShown
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


def _recorded() -> fields.Integer:
    return fields.Integer(
        allow_none=True,
        metadata={"description": "Record that set it; null: shipped with the rulebook."},
    )


class NameShown(Strict):
    """A name and when it was used."""

    vi = text("Name.", required=True)
    abbr = maybe("Short form.")
    valid_from = maybe("First day.")
    valid_to = maybe("Last day.")


class AgencyLine(Strict):
    """One agency on a day."""

    agency = text("Agency id.", required=True)
    kind = text("Kind of body.", required=True)
    name = text("Name on the day.", required=True)
    label = text("Name then and who carries on.", required=True)
    names = fields.List(fields.Nested(NameShown), required=True)
    exists = fields.Boolean(
        required=True, metadata={"description": "Whether it existed on the day."}
    )
    territory = maybe("Territory it is competent for.")
    parent = maybe("Agency above it.")
    valid_from = maybe("First day it existed.")
    valid_to = maybe("Last day it existed.")
    functions = fields.List(fields.String(), required=True)
    carried_on_by = maybe("Agency that carries on for one that is gone.")
    posts = fields.List(fields.String(), required=True)
    certainty = maybe("How sure the source is.")
    fictitious = fields.Boolean(metadata={"description": "Made up, for a rehearsal."})
    index = _recorded()


class Agencies(Listing):
    """Agencies in the order of the registry."""

    agencies = fields.List(fields.Nested(AgencyLine), required=True)


class PostLine(Strict):
    """A post and when it was held."""

    agency = text("Agency id.", required=True)
    agency_name = text("Its name on the day.", required=True)
    post = text("Post.", required=True)
    post_vi = text("The post in Vietnamese.", required=True)
    powers = fields.List(fields.String(), required=True)
    capacities = fields.List(fields.String(), required=True)
    valid_from = maybe("First day; null: from record 0 on.")
    valid_to = maybe("Last day; null: no end.")
    on_day = fields.Boolean(
        required=True,
        metadata={"description": "Whether it was held on the day, and its agency was there."},
    )
    index = _recorded()


class OfficerLine(Strict):
    """One officer: an id and posts, never a name."""

    officer = text("uuid.", required=True)
    posts = fields.List(fields.Nested(PostLine), required=True)
    in_post = fields.Boolean(
        required=True, metadata={"description": "Whether any post was held on the day."}
    )
    keys = fields.List(
        fields.String(), required=True, metadata={"description": "kid of every key."}
    )


class Officers(Listing):
    """Officers in the order in which they became known."""

    officers = fields.List(fields.Nested(OfficerLine), required=True)


class Keys(Listing):
    """Keys in the order of enrolment."""

    keys = fields.List(fields.Nested(KeyShown), required=True)


class InstrumentLine(Strict):
    """One legal instrument."""

    instrument = text("Number and symbol.", required=True)
    title = maybe("Title.")
    kind = text("Kind of instrument.", required=True)
    in_force_from = maybe("First day.")
    in_force_to = maybe("Last day.")
    in_force = fields.Boolean(required=True, metadata={"description": "On the day."})
    replaced_by = maybe("Instrument that replaced it.")
    certainty = maybe("How sure the source is.")
    index = _recorded()


class Instruments(Listing):
    """Legal instruments the registry knows."""

    instruments = fields.List(fields.Nested(InstrumentLine), required=True)


class JwkShown(KeyShown):
    """A public key (RFC 7517) and, beside its members, its history; what is null is left out."""

    class Meta(KeyShown.Meta):
        """Its public members stand beside its history."""

        exclude = ("jwk",)

    kty = text("OKP, EC or AKP.", required=True)
    crv = text("Ed25519 or P-256.")
    x = text("base64url.")
    y = text("base64url; of P-256 only.")
    alg = text("ML-DSA-65; of AKP only.")
    pub = text("base64url; of AKP only.")
    use = choice(("sig",), "Signatures.", required=True)


class JwkSet(Answer):
    """RFC 7517; each key carries its history beside the public members."""

    keys = fields.List(fields.Nested(JwkShown), required=True)
