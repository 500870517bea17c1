"""The pages of docs/ are held against the program: commands, vectors, calls, what is generated."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import click
import orjson
import pytest
import yaml  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from prometheus_client import REGISTRY

from api.cli.main import main
from api.http.framework import spec_html
from api.ops import telemetry
from api.ops.backup.metrics import backup_metrics
from api.ops.epoch.given_up import given_up_path
from api.ops.machine import RealClock
from api.ops.mirror.metrics import mirror_metrics
from api.ops.vault.metrics import VaultMetrics
from keys.custody.key_files import next_path, old_path
from ledger.regulation.docs.catalogue_page import KINDS
from tests.messages import stored
from tests.rows import each, of

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ALERTS: Final = ROOT / "docs" / "operate" / "alerts"
SPEC: Final = ROOT / "docs" / "spec"
_THROUGH: Final = re.compile(
    r"(?:[A-Z_]+=\S+ )*"
    r"(?:socai|docker compose run --rm(?: -T| -[vwe] \S+)* (?:migrate|rehearsal)) (.*)"
)
_SET: Final = re.compile(r'(\w+)="((?:[^"`$]|\$\w)*)"(?: +#.*)?')
_SPANS: Final = re.compile(r"`(socai [a-z][^`]*)`")
_PLACEHOLDER: Final = re.compile(r"[…\[]|\.\.\.")
_CHANGED: Final = ("CHANGELOG.md",)


def _commands() -> Iterator[tuple[str, str]]:
    """(page, command line) for every command of the program that a page tells to type."""
    for path in PAGES:
        if path.name in _CHANGED or path.name == "catalogue.md":
            continue
        text, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
        for line in _filled(text):
            typed = _THROUGH.fullmatch(line)
            if typed:
                yield name, f"socai {typed[1]}"
        for span in _SPANS.findall(text):
            if not _PLACEHOLDER.search(span):
                yield name, span


def _filled(text: str) -> Iterator[str]:
    """Lines of a page's shell blocks, with what lines above put into variables filled in."""
    words: dict[str, str] = {}
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            put = _SET.fullmatch(line.strip())
            if put:
                words[put[1]] = put[2]
            # any other variable stays one word
            yield re.sub(r"\$(\w+)", lambda found: words.get(found[1], found[0]), line.strip())


COMMANDS: Final = sorted(set(_commands()))


def test_pages_tell_what_to_type() -> None:
    """Else the next test would hold nothing."""
    assert len(COMMANDS) > 60
    assert {name for name, _ in COMMANDS} >= {
        "README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/operate/doubt.md"
    }  # fmt: skip


def test_every_command_on_a_page_is_one_of_the_program() -> None:
    """Whoever is called at night types what stands there: names, options and their values parse."""
    for page, typed in each(COMMANDS):
        with of((page, typed)):
            words = shlex.split(re.split(r" [>&|<#]", typed)[0])[1:]
            _parse(click.Context(main, info_name="socai"), main, words)


_FIGURES: Final = (
    ("README.md", "processors it may use, at most 4", "api.settings:_MOST_WORKERS", 4),
    ("docs/threat-model.md", "30 minutes idle, ", "api.page_sessions:IDLE_S", 30 * 60),
    ("docs/threat-model.md", " 8 hours in all", "api.page_sessions:WHOLE_S", 8 * 3600),
    ("docs/threat-model.md", "a challenge is good once, for two minutes",
     "api.auth:CHALLENGE_TTL_S", 120),
    ("docs/threat-model.md", "keeps up 4,800 attempts at signing in a minute (as set)",
     "api.auth:_ADDRESS_FACTOR", 4_800 / 120),
    ("monitoring.md", "and `not_ready`, within two seconds", "api.ops.readiness:_MOST_S", 1.8),
    ("monitoring.md", "covers has waited for ten seconds, by the database's clock",
     "api.ops.readiness:_PATIENCE_S", 10),
    ("monitoring.md", "or ten seconds from the database's clock", "api.ops.readiness:_APART_S", 10),
    ("monitoring.md", "hangs `socai serve` says so after fifteen seconds",
     "api.ops.service.database_watch:_SILENT_S", 15),
    ("monitoring.md", "requests `waiting` for one; every five seconds",
     "api.http.wsgi:_POOLS_S", 5),
    ("monitoring.md", "textfile collector, every 15 seconds", "api.ops.vault.metrics:EVERY_S", 15),
    ("install.md", "a part of it is not well for a minute",
     "api.cli.commands.operator:_READY_S", 60),
    ("install.md", "PostgreSQL 15 or newer with", "api.ops.database:_OLDEST", 15),
    ("retention.md", "by itself, every ten seconds,",
     "ledger.checkpoints.checkpointer:PRUNE_S", 10),
    ("doubt.md", "against the log of reads every hour", "ledger.keeper.keeper:EVERY",
     timedelta(hours=1)),
    ("keys.md", "It waits two minutes for every transaction",
     "ledger.postgres.keeping.sweep:_OLDER_S", 120),
    ("keys.md", "is waited for, two minutes at most", "ledger.postgres.keeping.sweep:_KEPT_S", 120),
    ("mirror.md", "to the next, five seconds later", "api.ops.mirror.inbox:_LOOK_S", 5),
    ("mirror.md", "is closed after five minutes", "api.ops.mirror.inbox:_PATIENCE_S", 5 * 60 / 10),
    ("mirror.md", "come that fit into 8 MiB", "ledger.mirror.segment:MOST_FILE_BYTES", 8 << 20),
    ("mirror.md", "is more than an hour ahead", "ledger.mirror.taking_in:AHEAD_S", 3600),
    ("upgrade.md", "waits for a lock for at most five seconds",
     "ledger.postgres.migrate:_PATIENCE",
     "SET lock_timeout = '5s'; SET statement_timeout = '30min'"),
    ("upgrade.md", "it would keep it for five seconds", "projections.engine.lease:LEASE_S", 5),
    ("capacity.md", "two pools of 12, and 4;", "api.ops.wiring.logins:POOL_MOST", 12),
    ("capacity.md", "two pools of 12, and 4;", "api.ops.wiring.connections:_BESIDE_POOLS", 4),
    ("rules.md", "at most ten days in a row are without work",
     "ledger.regulation.registry.own_edition:LONGEST_REST", 10),
)  # fmt: skip


def test_figures_on_the_pages_are_those_of_the_program() -> None:
    """Whoever waits, plans or sets an alarm by a page finds it so."""
    for page, told, constant, meant in each(_FIGURES):
        with of((page, told)):
            path = ROOT / page if "/" in page or page == "README.md" else ALERTS.parent / page
            assert told in " ".join(path.read_text("utf-8").split())
            assert resolve_name(constant) == meant


def test_the_files_of_a_turn_are_called_as_their_pages_call_them() -> None:
    """They are looked for by hand, and never to be deleted."""
    kek, vault = Path("kek.socaikek"), Path("vault.socaikey")
    called = {
        "keys.md": (next_path(kek), old_path(kek), given_up_path(kek)),
        "vault.md": (next_path(vault), old_path(vault)),
    }
    for page, paths in called.items():
        told = (ALERTS.parent / page).read_text("utf-8")
        assert [path.name for path in paths if f"`{path.name}`" not in told] == [], page


_COMPOSE: Final = re.compile(r"docker compose (?:--(?:profile|env-file) \S+ )?(\w+)(.*)")
_VALUED: Final = frozenset({"-v", "-w", "-e", "--entrypoint", "--name"})
_OF_SERVICES: Final = frozenset({"up", "run", "exec", "logs", "restart", "stop", "build", "down"})


def test_services_and_targets_on_a_page_are_those_that_there_are() -> None:
    """What is typed beside the program's own commands: a name that is none ends in an error."""
    services = {*yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]}
    targets = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)}
    typed = [line for path in PAGES for line in _filled(path.read_text("utf-8"))]
    made = [line.split()[1] for line in typed if line.startswith("make ")]
    named = [name for line in typed for name in _services_of(line)]
    assert set(made) <= targets
    assert set(named) <= services
    assert (len(made) > 5, len(named) > 40) == (True, True)


def _services_of(line: str) -> list[str]:
    """Whom a line of `docker compose` is about."""
    called = _COMPOSE.search(line)
    if called is None:
        return []
    words = shlex.split(re.split(r" [>&|<#]|;", called[2])[0])
    if called[1] == "cp":
        return [word.partition(":")[0] for word in words if ":" in word]
    assert called[1] in _OF_SERVICES, line
    valued = {at + 1 for at, word in enumerate(words) if word in _VALUED}
    found = [w for at, w in enumerate(words) if at not in valued and not w.startswith("-")]
    return found[:1] if called[1] in ("run", "exec") else found


#: What the operator types; the other commands are officers' and clients', whose page is their help.
_OPERATORS: Final = (
    "init", "serve", "migrate", "turn-ticket-key", "health", "log", "projection", "key epoch",
    "key split", "key recover", "backup", "restore", "mirror", "vault",
)  # fmt: skip
_ON_NO_PAGE: Final = {
    "--lang": "every command has it, as the first page says",
    "--json": "the same",
    "--as": "whoever asks as an officer says who they are: recording.md",
    "--token": "the same",
    "--pin-fd": "the same",
    "--log": "the same: install.md, another level",
    "--server": "the same",
    "--approver": "who signs next is asked for",
    "--iat": "a statement made elsewhere says when; nobody types it",
}


def test_every_option_of_the_operators_commands_stands_on_a_page() -> None:
    """On one that names its command; whoever is called at night does not read every --help."""
    pages = [path.read_text("utf-8") for path in (ROOT / "docs" / "operate").glob("*.md")]
    untold = []
    for name, command in _below(main, click.Context(main, info_name="socai"), ""):
        if not name.startswith(_OPERATORS):
            continue
        about = [text for text in pages if re.search(rf"(?<![\w-]){name}(?![\w-])", text)]
        untold += [name] * (not about)
        for param in command.params:
            if isinstance(param, click.Option) and not _ON_NO_PAGE.keys() & {*param.opts}:
                told = rf"(?<![\w-])(?:{'|'.join(param.opts)})(?![\w-])"
                if not any(re.search(told, text) for text in about):
                    untold.append(f"{name} {param.opts[-1]}")
    assert untold == []


def _below(
    group: click.Group, context: click.Context, name: str
) -> Iterator[tuple[str, click.Command]]:
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _below(command, click.Context(command, context), f"{name} {word}".lstrip())
        else:
            yield f"{name} {word}".lstrip(), command


def _parse(context: click.Context, group: click.Group, words: list[str]) -> None:
    """Parses as click would and calls nothing; a command that is only named is looked up."""
    name, command, rest = group.resolve_command(context, words)
    assert command is not None, name
    below = click.Context(command, parent=context, info_name=name)
    if isinstance(command, click.Group):
        if rest:
            _parse(below, command, rest)
        return
    values, left, _ = command.make_parser(below).parse_args(args=list(rest))
    assert left == [], left
    for param in command.params:
        # a file that is named as an example is not there; a choice must be one
        value = values.get(param.name or "")
        if isinstance(param.type, click.Choice) and isinstance(value, str):
            param.type.convert(value, param, below)


def test_every_metric_stands_on_the_operators_page() -> None:
    """And no other: an alarm on a name that is not there never rings."""
    text = (ROOT / "docs" / "operate" / "monitoring.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(socai_\w+)`", text, re.MULTILINE))
    assert told == _metrics()


def _metrics() -> set[str]:
    """Every metric of the program."""
    assert telemetry.LOG_SIZE is not None  # what is collected is registered by that module
    of_vault = VaultMetrics(Path("vault.prom"), lambda: 0.0, RealClock()).registry
    at = RealClock().now()
    of_commands = [*backup_metrics((), (), at).collect(), *mirror_metrics((), (), at).collect()]
    every = [*REGISTRY.collect(), *of_vault.collect(), *of_commands]
    there = {f"{f.name}_total" if f.type == "counter" else f.name for f in every}
    return {name for name in there if name.startswith("socai_")}


@pytest.mark.parametrize("name", ["rules.yml", "rules.test.yml", "dashboard.json"])
def test_alerts_and_dashboard_ask_for_metrics_that_there_are(name: str) -> None:
    """An expression over a name that is not there is silent for ever."""
    text = (ALERTS / name).read_text("utf-8")
    asked = {re.sub("_(bucket|count)$", "", one) for one in re.findall(r"\bsocai_\w+", text)}
    assert asked
    assert asked <= _metrics()


def test_the_dashboard_times_acts_and_not_lists_of_them() -> None:
    """`GET /v1/acts` is a call of the same name, and many of them hide how long an act takes."""
    panels = orjson.loads((ALERTS / "dashboard.json").read_bytes())["panels"]
    every = [target["expr"] for panel in panels for target in panel["targets"]]
    timed = re.findall(r'socai_statement_seconds_bucket\{until="(\w+)"', " ".join(every))
    assert set(timed) == {"durable", "proven"}
    assert [one for one in every if 'call="' in one and 'method="' not in one] == []


def test_every_alert_has_what_to_do_on_its_page() -> None:
    """And with the severity that it has."""
    text = (ALERTS / "rules.yml").read_text("utf-8")
    rules = re.findall(r"alert: (\w+)\n.*?severity: (\w+)", text, re.DOTALL)
    page = (ALERTS.parent / "alerts.md").read_text("utf-8")
    assert rules == re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    assert len(rules) == text.count("- alert:") > 0


def test_alerts_ring_where_they_should_and_nowhere_else() -> None:
    """As Prometheus itself judges them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on this machine")
    for words in (("check", "rules", "rules.yml"), ("test", "rules", "rules.test.yml")):
        done = subprocess.run([promtool, *words], cwd=ALERTS, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_readiness_check_stands_on_the_operators_page() -> None:
    """The name that `/health/ready` answers is what the operator looks for."""
    text = (ROOT / "docs" / "operate" / "monitoring.md").read_text("utf-8")
    source = next((ROOT / "api").rglob("readiness.py")).read_text("utf-8")
    named = set(re.findall(r'Check\(\s*"(\w+)"', source))
    assert named
    assert named == set(re.findall(r"^\| `((?!socai_)\w+)` \|", text, re.MULTILINE))


def test_sentences_of_doubt_are_those_of_the_program_in_both_languages() -> None:
    """What stands in the mark and in the log is what the operator looks for on the page."""
    text = (ROOT / "docs" / "operate" / "doubt.md").read_text("utf-8")
    rows = re.findall(r"^\| `([^`]+)` · `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\| `", text, re.MULTILINE)) > 0
    said = {message.id: message.string for message in stored()}
    assert rows == [(english, said.get(english)) for english, _ in rows]
    doubts = {
        message.id
        for message in stored()
        if any("checkpoints/seen_checkpoint" in place for place, _ in message.locations)
    }
    # one is what two processes of one home say to each other, one is around those of the table
    assert {i for i in doubts - {english for english, _ in rows} if "{what}" not in i} == {
        "a checkpoint seen of a log is kept already"
    }


def test_every_vector_file_is_named_by_a_section_and_each_named_one_is_there() -> None:
    """Who implements a section has to know what to hold it against."""
    files = {path.name for path in (ROOT / "tests" / "vectors").glob("*.json")}
    text = (SPEC / "formats.md").read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    named: set[str] = set()
    for section in sections:
        lines = re.findall(r"^Vectors: (.*)$", section, re.MULTILINE)
        named |= set(re.findall(r"`tests/vectors/(\w+\.json)`", " ".join(lines)))
    assert named == files
    assert files


def test_the_example_of_a_note_is_the_vector() -> None:
    """Line by line: what the page shows is what a program signed, whole or up to the ellipsis."""
    text = (SPEC / "formats.md").read_text("utf-8").partition("An example, `with-pq`")[2]
    table = text.partition("|---|---|\n")[2].partition("\n\n")[0]
    shown = [re.sub(r"^\| (?:\(empty\)|`([^`]*)`) \|.*$", r"\1", row) for row in table.splitlines()]
    vectors = orjson.loads((ROOT / "tests" / "vectors" / "checkpoint.json").read_bytes())
    note = next(one["note"] for one in vectors["accept"] if one["name"] == "with-pq")
    lines = note.removesuffix("\n").split("\n")
    assert len(shown) == len(lines)
    for row, line in zip(shown, lines, strict=True):
        begin, cut, end = row.partition("…")
        assert row == line or (cut and line.startswith(begin) and line.endswith(end)), row


def test_every_call_of_the_http_page_is_served_or_said_not_to_be_built() -> None:
    """A page that promises a call is a contract; what only the server knows is none."""
    paths = orjson.loads((ROOT / "docs" / "reference" / "openapi.json").read_bytes())["paths"]
    served = {
        (method.upper(), _plain(path))
        for path, calls in paths.items()
        for method in calls
        if method != "parameters"
    }
    told: set[tuple[str, str]] = set()
    for row in (SPEC / "http.md").read_text("utf-8").splitlines():
        cells = re.split(r"(?<!\\)\|", row)
        call = re.match(r" `(GET|POST) /", cells[1]) if len(cells) > 2 else None
        if call is None:
            continue
        for path in re.findall(r"/(?:v1|logs|witness)/[^`?\s]*", cells[1]):
            told.add((call[1], _plain(path)))
            assert ((call[1], _plain(path)) in served) == ("*not built yet*" not in cells[2]), path
    unsaid = {(method, path) for method, path in served - told if path.startswith("/v1")}
    assert unsaid == {("POST", "/v1/auth/challenge"), ("POST", "/v1/auth/token")}  # in §2


def _plain(path: str) -> str:
    path = re.sub(r"/tile/.*", "/tile/{}", path)
    return re.sub(r"\{\w+\}", "{}", path)


@pytest.mark.parametrize("page", spec_html.PAGES)
def test_every_page_of_the_specification_is_versioned_and_bilingual(page: str) -> None:
    """A version line, a list of changes, headings in both languages under anchors that stay."""
    text = (SPEC / f"{page}.md").read_text("utf-8")
    headings = re.findall(r"^#{1,3} (.*)$", text, re.MULTILINE)
    assert headings
    assert all(" · " in heading for heading in headings)
    assert "**Version" in text.partition("## ")[0]
    assert all(re.match(r'<a id="[a-z0-9_-]+"></a>', heading) for heading in headings[1:])
    anchors = re.findall(r'<a id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors))
    for heading in headings[1:]:
        number = re.search(r"</a>(\d+)\. ", heading)
        assert number is None or f'id="s{number[1]}"' in heading
    if page != "life-cycle":
        assert anchors[-1] == "changes"


@pytest.mark.parametrize("page", ["README", *spec_html.PAGES])
def test_a_page_has_no_markup_but_anchors_and_whole_tables(page: str) -> None:
    """The pages are rendered as trusted text: raw HTML in them is anchors and nothing else."""
    text = (SPEC / f"{page}.md").read_text("utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    raw = [t for t in tokens if t.type == "html_block"]
    inner = [c for t in tokens for c in t.children or () if c.type == "html_inline"]
    assert raw == []
    assert all(re.fullmatch(r'<a id="[a-z0-9_-]+">|</a>', c.content) for c in inner)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table.splitlines()[0]


def test_what_is_generated_is_marked_and_packed_files_are_named() -> None:
    """Reviews fold what a program made; a wheel and an image have the pages that they serve."""
    marked = re.findall(
        r"^(\S+)\s+linguist-generated$", (ROOT / ".gitattributes").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(marked) == [
        "docs/reference/catalogue.md",
        "docs/reference/licences.md",
        "docs/reference/openapi.json",
        "docs/spec/life-cycle.md",
    ]
    assert all((ROOT / name).is_file() for name in marked)
    assert '"docs/spec" = "api/spec"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert "COPY docs/spec docs/spec" in (ROOT / "Dockerfile").read_text("utf-8")
    assert "!docs/spec" in (ROOT / ".dockerignore").read_text("utf-8").split()


def test_the_catalogue_has_a_chapter_for_each_kind() -> None:
    """`socai catalogue KIND` and the page are one; articles are read in each language."""
    text = (ROOT / "docs" / "reference" / "catalogue.md").read_text("utf-8")
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == len(KINDS) + 1


def test_every_adr_is_on_the_index_and_numbered_once() -> None:
    """ADR 14 is one file."""
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text("utf-8")
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    numbers = [int(name[:4]) for name in files]
    assert len(set(numbers)) == len(numbers)
    assert set(range(1, 74)) <= set(numbers)
    assert re.findall(r"^\| \[(\d+)\]\(([\w.-]+)\)", index, re.MULTILINE) == [
        (str(n), name) for n, name in zip(numbers, files, strict=True)
    ]
    for n, name in zip(numbers, files, strict=True):
        assert (folder / name).read_text("utf-8").startswith(f"# ADR {n}: ")
