"""Everything that is asked of the views of one enclave, by what it is asked of.

Each question has a connection of its own. Who may ask is not decided here.
"""

from __future__ import annotations

from projections.queries.acts.cloud_events import Feed
from projections.queries.acts.key_uses import KeyUses
from projections.queries.acts.shown_acts import ShownActs
from projections.queries.acts.verifications import Verifications
from projections.queries.cases.case_list import CaseList
from projections.queries.cases.mirrored import LowerCases, Mirrored
from projections.queries.cases.one_case import OneCase
from projections.queries.cases.relations import RelatedCases
from projections.queries.figures import Figures
from projections.queries.past.as_of import Past
from projections.queries.registry_as_of import Registries
from projections.queries.sources import Sources
from projections.queries.view_positions import ViewPositions
from projections.queries.visibility import Visibility
from projections.queries.ways import Ways
from projections.queries.worklists import Worklists


class Queries:
    """Every reading of the views, for one enclave: each noun answers what is asked of it.

    Args:
        over: What every question is asked over.
        mirrored: What is told of lower logs.

    Attributes:
        positions: How far the views are folded.
        registries: The registry, now and as it stood.
        visibility: How much whoever asks sees.
        past: Cases as of a moment, and what changed.
        acts: Statements of streams, and single acts.
        verifications: What the statements of streams are worth.
        keys: What a key signed.
        cases: Which cases there are.
        case: One of them as it stands.
        related: Other cases that it has to do with.
        lower: Cases of lower logs.
        worklists: What waits for an officer.
        figures: Counts.
        feed: What happened, record by record.
    """

    def __init__(self, over: Sources, mirrored: Mirrored) -> None:
        ways = Ways()
        self.positions = ViewPositions(over.connecting, over.lending_whole)
        self.registries = Registries(over.connecting, over.registries)
        self.visibility = Visibility(over)
        self.past = Past(over, self.visibility)
        self.acts = ShownActs(over, self.visibility, self.past, ways)
        self.verifications = Verifications(over, self.visibility, self.acts)
        self.keys = KeyUses(over, self.visibility, self.registries)
        self.cases = CaseList(over, self.visibility, ways)
        self.case = OneCase(over, self.visibility, self.past, self.acts, self.verifications)
        self.related = RelatedCases(over, self.visibility, self.past)
        self.lower = LowerCases(over, mirrored)
        self.worklists = Worklists(over, self.visibility, self.verifications)
        self.figures = Figures(over)
        self.feed = Feed(over, self.visibility)
