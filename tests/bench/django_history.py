"""A peer: Django with django-simple-history as it comes, on the same PostgreSQL, unsigned.

A case is a row that each act changes, and its history a row more, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import django
from django.conf import settings
from django.db import connection, models, transaction
from psycopg.conninfo import conninfo_to_dict

from tests.bench import workload
from tests.bench.crew import Hand
from tests.bench.enclave import new_uuid
from tests.bench.workload import Officer, SignedAct

POOL: Final = 20


@dataclass(frozen=True, slots=True)
class HistoryOpening:
    """Sets Django up in a process of a crew."""

    dsn: str
    officer: Officer
    origin: str

    def __call__(self) -> HistoryShop:
        """One Django a process."""
        return HistoryShop(_case(self.dsn), self.officer, self.origin)


def prepare(dsn: str) -> None:
    """Makes the tables of the model and of its history."""
    case = _case(dsn)
    with connection.schema_editor() as editor:
        editor.create_model(case)
        editor.create_model(case.history.model)
    connection.close()
    connection.close_pool()


@dataclass(slots=True)
class HistoryShop:
    """Saves the acts of the workload as changes of a case."""

    case: Any
    officer: Officer
    origin: str

    def hands(self, _first: int, count: int, items: int) -> list[Hand]:
        """Each hand with acts of its own cases."""
        return [
            Hand(_Saver(self.case).save, workload.same_again(self.officer, self.origin, items))
            for _ in range(count)
        ]


@dataclass(slots=True)
class _Saver:
    model: Any
    case: Any = field(default=None)

    def save(self, act: SignedAct) -> None:
        said = act.statement.payload.decode()
        if act.fresh or self.case is None:
            self.case = self.model(acts=0)
        self.case.acts += 1
        self.case.said = said
        with transaction.atomic():
            self.case.save()
        connection.close()  # back to the pool, as at the end of a request


def _case(dsn: str) -> Any:  # noqa: ANN401 - ships no types
    place = conninfo_to_dict(dsn)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": place["dbname"],
                "HOST": place["host"],
                "PORT": place["port"],
                "USER": place["user"],
                "PASSWORD": place["password"],
                "OPTIONS": {"pool": {"min_size": 1, "max_size": POOL}},
            }
        },
        INSTALLED_APPS=["simple_history", "tests.bench"],
        USE_TZ=True,
    )
    django.setup()
    from simple_history.models import HistoricalRecords  # noqa: PLC0415 - not before the set-up

    class Case(models.Model):  # type: ignore[misc]  # noqa: DJ008 - nobody prints one
        """A case as it stands."""

        id = models.UUIDField(primary_key=True, default=new_uuid)
        acts = models.IntegerField()
        said = models.TextField()
        history = HistoricalRecords(history_user_id_field=models.IntegerField(null=True))

        class Meta:
            app_label = "bench"

    return Case
