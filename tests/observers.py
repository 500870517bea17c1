"""All that somebody below gets of an enclave but by SQL: each way of asking is an observer.

Every route of the document as each officer and as nobody, every command that reads, the files of
the home and what is published, the metrics, the log lines. The enclave's own randomness is counted
and its time stands, so that what is told is compared to the byte. Exceptions, with their reasons:

- X1 the machine's time: `Date`, how long an answer took, when a process was started.
- X2 what is drawn beside the enclave's own randomness: the keys that records and files are sealed
  with, of which the length is compared, the id of a request, and the port of a test.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import Final
from unittest import mock

import orjson
from click.testing import CliRunner
from prometheus_client import REGISTRY

from api.cli.main import main
from api.ops.log_lines import JsonLines
from keys import sealed_segment
from keys.canonical import b64
from ledger.mirror import segment as segments
from tests.attack.test_denial_surface import NAMED, OF_EVERYBODY, OF_WHAT_IS_SEEN, SPEC
from tests.processes import free_port
from tests.two_levels import CASES, Step
from tests.whole_enclaves import FILES, Answer, LowerWhole, act_id_of, case_of, reader

Got = list[tuple[str, object]]
"""What was asked of whom, and what came."""

_OPEN: Final[Mapping[str, str]] = {
    "/logs/{name}/checkpoint": "/logs/acts/checkpoint",
    "/logs/{name}/tile/{tile}": "/logs/acts/tile/entries/000",
    "/logs/access/tile/{tile}": "/logs/access/tile/entries/000",
    "/problems/{code}": "/problems/not_found",
    "/spec/{page}": "/spec/access",
    "/spec/{page}/source": "/spec/access/source",
    "/v1/log/proof/inclusion": "/v1/log/proof/inclusion?index=0",
    "/v1/log/proof/consistency": "/v1/log/proof/consistency?from=1",
}
"""Of the routes that name nothing that is hidden, those with something to fill in."""
_STATIC: Final = re.compile("/(docs|openapi|spec|problems)")
"""What is a file, the same for everybody."""
_ASKING: Final = ("cv", "hotline")
"""Who takes part in what is registered, and who took it in."""
_COMMANDS: Final = (
    "case list --all", "case list --sort due --limit 3", "case show {case}", "case history {case}",
    "case who {case}", "case diff {case} 0", "case verify {case}", "case copies {case}",
    "case why {case} state", "worklist", "worklist --team", "search 2024/0001", "stats", "reads",
    "registry officers", "registry agencies", "registry openings", "record entries {act}",
    "attachment custody {act} {digest}",
)  # fmt: skip
"""Of an officer."""
_OPERATORS: Final = (
    "log status --server {url}", "log checkpoint", "log checkpoint --reads", "projection status",
    "mirror status", "mirror audit", "log audit --workers 1", "key epoch status",
)  # fmt: skip
_TIMES: Final = re.compile(r'"(ms|seconds|took_s|age_s)":[\d.]+|"boot":"[^"]*"')
_NOTED: Final = frozenset({"audited.json", "shown.json"})
"""What an operator's and an officer's own commands below leave: when, and of what."""
_MOMENT: Final = re.compile(rb'"at":(?:"[^"]*"|[\d.]+)')
_DRAWN: Final = re.compile(r"[0-9a-f]{32}")
_OF_THE_REQUEST: Final = frozenset({"timestamp", "ms", "trace_id"})
_BY_TIME: Final = re.compile(r"^(process|python)_|_created$|_seconds(_sum|_bucket|_total)?$")


@cache
def _nobodys_port() -> str:
    return str(free_port())


class Observed:
    """A lower enclave that is told a story, and what whoever is there gets of it.

    Args:
        lower: It.

    Attributes:
        got: In order.
    """

    def __init__(self, lower: LowerWhole) -> None:
        self.lower = lower
        self.got: Got = []

    def tell(
        self, story: str, lower: Sequence[Step], above: Callable[[int], None] = lambda _: None
    ) -> Observed:
        """What is done below, and behind each step what is done above; then everybody looks."""
        before = _metrics()
        with _lines() as said:
            for n, step in enumerate(lower):
                answers = self.lower.do(story, step)
                self.got += [(f"{step[0]}, step {n + 1}", self._plain(one)) for one in answers]
                above(n)
            self._routes(story)
            self._commands(story)
        self.got += [("log lines", line) for line in sorted(said)]
        for name, (value, counts) in _metrics().items():
            was = before.get(name, (0.0, counts))[0] if counts else 0.0
            self.got.append((f"metric {name}", value - was))
        self._files()
        return self

    # -- HTTP --------------------------------------------------------------------------------------

    def _routes(self, story: str) -> None:
        for path in _paths(story):
            for by in (None,) if _STATIC.match(path) else (*_ASKING, None):
                told = self._plain(self.lower.get(path, by))
                self.got.append((f"{by or 'nobody'} GET {path}", told))

    def _plain(self, answer: Answer) -> object:
        body = answer.body.decode("utf-8", "replace")
        if answer.status >= 400:
            body = _DRAWN.sub("X2", body)  # the id of the request
        headers = answer.headers
        if (timeless := _TIMES.sub("X1", body)) != body:  # whose tag is of the time, too
            headers = [(name, value) for name, value in headers if name != "etag"]
        return answer.status, headers, timeless

    # -- the command line --------------------------------------------------------------------------

    def _commands(self, story: str) -> None:
        url = self.lower.url
        key = f" --key {self.lower.settings.keys_dir}/cv.socaikey --server {url}"
        for words in (*(one + key for one in _COMMANDS), *_OPERATORS):
            self._command(words.format(**_names(story), url=url))

    def _command(self, words: str) -> None:
        # what names no server asks where nobody is, and not whoever serves on this machine
        env = {"COLUMNS": "80", "SOCAI_HOME": str(self.lower.settings.home), "SOCAI_LANG": "en",
               "SOCAI_PORT": _nobodys_port()}  # fmt: skip
        done = CliRunner().invoke(main, words.split(), env=env)
        told = (done.exit_code, self._mine(done.stdout), self._mine(done.stderr))
        self.got.append((f"socai {self._mine(words).partition(' --key')[0]}", told))

    def _mine(self, text: str) -> str:
        """Without the place of this home, and the port."""
        return text.replace(str(self.lower.settings.home), "HOME").replace(self.lower.url, "URL")

    # -- files -------------------------------------------------------------------------------------

    def _files(self) -> None:
        home = self.lower.settings.home
        for path in sorted(home.rglob("*")):
            status = path.stat()
            name, told = str(path.relative_to(home)), b""
            if name.startswith("seen/") and path.suffix == ".draft":
                continue  # a checkpoint before the last that was seen: which one is of the time
            if path.is_file() and not name.startswith("blobs"):
                told = path.read_bytes().replace(self.lower.service.database.name.encode(), b"X2")
            size = status.st_size if path.is_file() else 0
            if name in _NOTED:
                told = _MOMENT.sub(b"X1", told)
                size = len(told)
            self.got.append((f"file {name}", (oct(status.st_mode), size, told)))
        for path in sorted(self.lower.carried.glob("*")):
            told = path.read_bytes()
            self.got.append((f"published {path.name}", (len(told), _said(told))))


def _paths(story: str) -> Iterator[str]:
    """Every route that is asked with GET."""
    names = _names(story)
    for path, calls in SPEC["paths"].items():
        if "get" not in calls:
            continue
        if path in NAMED:
            for case in range(CASES):
                yield NAMED[path].format(**{**names, "case": case_of(story, case)})
                if "{case}" not in NAMED[path]:
                    break
        else:
            assert path in OF_EVERYBODY | OF_WHAT_IS_SEEN
            yield _OPEN.get(path, path)


def _names(story: str) -> dict[str, str]:
    """Of a case, an act of it and a file."""
    digest = f"sha-256:{b64(hashlib.sha256(FILES[0]).digest())}"
    return {"case": case_of(story, 0), "act": act_id_of(story, 0, "report"), "digest": digest}


def _said(data: bytes) -> object:
    head = sealed_segment.head_of(data)
    framed = sealed_segment.open_segment(data, [reader()])
    said = segments.parse(sealed_segment.unframe(framed))
    return len(head.slots), len(framed), replace(said, signature=b"")


def _metrics() -> dict[str, tuple[float, bool]]:
    """What Prometheus would be told of this process, but for times; and whether it is a count."""
    return {
        f"{one.name}{orjson.dumps(one.labels).decode()}": (one.value, family.type != "gauge")
        for family in REGISTRY.collect()
        for one in family.samples
        if not _BY_TIME.search(one.name) and "le" not in one.labels
    }


class _Kept(logging.Handler):
    """Keeps each line as the log file would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        """One line, without its time and its request's id."""
        told = orjson.loads(self.format(record))
        for name in _OF_THE_REQUEST & told.keys():
            told[name] = "X"
        self.lines.append(orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode())


@contextmanager
def _lines() -> Iterator[list[str]]:
    kept, ours = _Kept(), logging.getLogger("socai")
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(ours, "handlers", [kept]))
        stack.enter_context(mock.patch.object(ours, "propagate", new=False))
        for name in ("socai.http", "socai.log"):  # where Flask has one, it writes among commands
            stack.enter_context(mock.patch.object(logging.getLogger(name), "handlers", []))
        stack.callback(ours.setLevel, ours.level)
        ours.setLevel(logging.INFO)
        yield kept.lines
