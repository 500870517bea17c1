"""What judging costs: the rulebook beside a signature check, over the acts of the scenarios."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.log.statement import AUTHOR, Statement, check_signature, make
from ledger.regulation.acts.act import parse_act
from ledger.regulation.decide import decide
from tests.bench.row import Row
from tests.bench.run import Run, each_us, median
from tests.play_pure import player_for, scenario, steps

GROUP = "rules"
_SCENARIOS: Final = ("SC1", "SC2", "SC4", "SC6")
_LOAD: Final = """
import time; begun = time.perf_counter()
from ledger.regulation.acts.catalogue import load
imported = time.perf_counter(); load()
print(1000 * (time.perf_counter() - imported), 1000 * (time.perf_counter() - begun))
"""


def rows(run: Run) -> Iterator[Row]:
    """Judges every step of some scenarios many times before it is taken."""
    run.tell("rules: scenarios")
    checks, signatures, parses = _judged(10 if run.quick else 40)
    slow = max(checks)
    yield Row(
        GROUP, "rulebook check of an act (decide), p50", median(checks), "µs",
        "Ed25519 signature check", median(signatures), sense="<=", goal=1.0,
        note=f"{len(checks)} acts of {', '.join(_SCENARIOS)}; slowest {slow:.0f} µs",
    )  # fmt: skip
    yield Row(
        GROUP, "rulebook check of an act (decide), p50", median(checks), "µs", sense="<=", goal=150
    )
    yield Row(GROUP, "parsing an act, all faults looked for, p50", median(parses), "µs")
    loads = [_load_ms() for _ in range(3 if run.quick else 5)]
    yield Row(
        GROUP, "catalogue load (with edition and registry data)", median(a for a, _ in loads), "ms",
        sense="<=", goal=100, note=f"with imports {median(b for _, b in loads):.0f} ms",
    )  # fmt: skip


def _judged(times: int) -> tuple[list[float], list[float], list[float]]:
    checks: list[float] = []
    signatures: list[float] = []
    parses: list[float] = []
    for name in _SCENARIOS:
        player, aliases = player_for(scenario(name))
        for step in steps(scenario(name)):
            act = player.act_of(step, aliases)
            who = player.cast[step["author"]]
            at = datetime.fromisoformat(step.get("signed_at") or step["at"])
            took = []
            for _ in range(times):
                question = player.question(act, who.officer, AUTHOR, at, who.key.kid)
                begun = time.perf_counter()
                decide(question)
                took.append(time.perf_counter() - begun)
            checks.append(1e6 * statistics.median(took))
            members = dict(act.signed)
            signed = _signed(members, step["act"], who.key, int(at.timestamp()))
            key = player.registry.keyring.key(who.key.kid)
            signatures.append(each_us(partial(check_signature, signed, key), 8))
            parses.append(each_us(partial(parse_act, members), 8))
            player.acts[step["n"]] = act.act_id
            role = "RETURNER" if step["act"] == "ActReturned" else AUTHOR
            player.sign(act, who.officer, role, at, who.key.kid)
            for other in step["countersigners"]:
                if "at" in other:
                    by = player.cast[other["by"]]
                    when = datetime.fromisoformat(other["at"])
                    player.sign(act, by.officer, other["role"], when, by.key.kid)
    return checks, signatures, parses


def _signed(members: dict[str, Any], name: str, key: SoftwareSigner, iat: int) -> Statement:
    role = "RETURNER" if name == "ActReturned" else AUTHOR
    return make(
        canonical.encode(members), key, iat=iat, log="bench.example/ordinary", seq=1, prev=None,
        role=role,
    )  # fmt: skip


def _load_ms() -> tuple[float, float]:
    told = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True)
    loaded, both = told.stdout.split()
    return float(loaded), float(both)
