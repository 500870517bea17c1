"""The writer's login and the KEK, taken from a ledger or a service of a test."""

from __future__ import annotations

from api.ops.wiring.key_files import open_kek
from api.rehearsal.past_door import Smuggler
from tests.a_ledger import ALedger
from tests.fixtures.app import Service


def smuggler_of(a: ALedger) -> Smuggler:
    """Into a ledger of a test."""
    return Smuggler(a.stores.records, a.stores.appender, a.keys.kek, a.origin)


def smuggler_into(service: Service) -> Smuggler:
    """Into a service, with a connection of the writer's own."""
    kek = open_kek(service.settings)
    appender = service.database.appender()
    return Smuggler(service.records, appender, kek, service.enclave.facts.origin)
