"""The keeper's socket: answers whoever may reach the file, one thread a connection.

Who that is decides the file system: the socket lies in a folder of the enclave's own user. What is
opened is decided by `ledger.keeper`; here words become calls, and faults become words.
"""

from __future__ import annotations

import logging
import socketserver
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, Final
from uuid import UUID

from api.ops.keeper import words
from api.ops.keeper.words import Broken, Json
from keys.canonical import unb64
from keys.errors import KeyAway, KeysError, Unsealable
from ledger.errors import LedgerError
from ledger.keeper.keeper import NotOpened, WrapKeeper
from ledger.reads.read import ReadBy
from ledger.reads.writer import RowPlace

_log = logging.getLogger("socai.keeper")


class KeeperSocket:
    """Listens until it is closed.

    Args:
        path: Of the socket; one that is left there is taken away.
        keeper: Who answers.

    Raises:
        OSError: Nobody can listen there.
    """

    def __init__(self, path: Path, keeper: WrapKeeper) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._server = _Server(str(path), _Handler)
        self._server.keeper = keeper
        path.chmod(0o600)
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answers nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    keeper: WrapKeeper


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answers one connection until it ends."""
        try:
            while (asked := words.receive(self.request)) is not None:
                words.send(self.request, answer(self.server.keeper, asked))
        except (OSError, Broken):
            return  # whoever asked is gone, and asks again elsewhere


def answer(keeper: WrapKeeper, asked: Json) -> Json:
    """What the keeper answers; nobody learns why it failed but from its own log."""
    try:
        return _CALLS[asked["op"]](keeper, asked)
    except NotOpened as refused:
        _log.warning("not opened: %s", refused)
        return {"refused": str(refused)}
    except Unsealable as error:
        return {"unsealable": str(error)}
    except (KeyAway, LedgerError, KeysError, LookupError, TypeError, ValueError):
        _log.exception("the keeper cannot answer")
        return {"failed": True}


def _by(asked: Json) -> ReadBy | None:
    return None if asked["by"] is None else ReadBy(*asked["by"])


def _place(said: tuple[str, int]) -> RowPlace:
    stream_id, seq = said
    return RowPlace(UUID(stream_id), seq)


def _keys(found: Mapping[int, bytes | None]) -> Json:
    return {"keys": [[index, words.text(key)] for index, key in found.items()]}


def _open(keeper: WrapKeeper, asked: Json) -> Json:
    return _keys(keeper.open([_place(one) for one in asked["places"]], _by(asked)))


def _registry(keeper: WrapKeeper, asked: Json) -> Json:
    return _keys(keeper.open_registry(asked["indices"], asked["log"]))


def _event(keeper: WrapKeeper, asked: Json) -> Json:
    return {"key": words.text(keeper.open_event(UUID(asked["name"]), asked["seq"]))}


def _file(keeper: WrapKeeper, asked: Json) -> Json:
    by = _by(asked)
    if by is None:
        raise NotOpened("a file is opened for somebody")
    name, entry = UUID(asked["name"]), unb64(asked["entry"])
    return {"key": words.text(keeper.open_file(_place(asked["place"]), by, name, entry))}


def _unwrap(keeper: WrapKeeper, asked: Json) -> Json:
    wrap, entry = unb64(asked["wrap"]), unb64(asked["entry"])
    return {"key": words.text(keeper.unwrapped(wrap, asked["origin"], entry))}


def _wrap(keeper: WrapKeeper, asked: Json) -> Json:
    key, entry = unb64(asked["key"]), unb64(asked["entry"])
    return {"wrap": words.text(keeper.wrapped(key, asked["origin"], entry))}


def _status(keeper: WrapKeeper, _: Json) -> Json:
    return {"well": keeper.doubt is None}


_CALLS: Final[Mapping[Any, Callable[[WrapKeeper, Json], Json]]] = {
    "open": _open,
    "registry": _registry,
    "event": _event,
    "file": _file,
    "unwrap": _unwrap,
    "wrap": _wrap,
    "status": _status,
}
