"""The files of one enclave: its facts, secrets and keys; refuses what others may read."""

from __future__ import annotations

import json
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from api.settings import APART, LEVELS, ORDINARY, Settings, SettingsError
from keys.custody.file import DRAWN, sync_folder, write_durably
from ledger.message import Message, system_fault

_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
SESSION_KEY: Final = "session.key"
TICKET_KEY: Final = "ticket.key"
BACKUP_PASSPHRASE: Final = "backup.passphrase"  # noqa: S105  the name of a file
VAULT_PASSPHRASE: Final = "vault.passphrase"  # noqa: S105  the name of a file
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_PASSWORD_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class EnclaveFacts:
    """What `init` wrote into `enclave.json`: the enclave's public identity and where its data lie.

    Attributes:
        origin: Origin of its log, formats.md §7.
        level: `ordinary`, `mat`, `toi-mat` or `tuyet-mat`.
        rehearsal: Whether record 0 says so for ever.
        genesis: Entry of record 0 in lower-case hex: where trust starts (formats.md §9).
        slug: Prefix of its roles, `<slug>_writer` and so on.
        database: `{host, port, dbname}`; host may be a socket folder, or several hosts between
            commas, and so may port.
    """

    origin: str
    level: str
    rehearsal: bool
    genesis: str
    slug: str
    database: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one enclave: public facts, secrets (mode 0600, else refused), keys."""

    settings: Settings

    @property
    def facts_path(self) -> Path:
        """`enclave.json`."""
        return self.settings.home / "enclave.json"

    def key_path(self, name: str) -> Path:
        """`keys/<name>.socaikey`; `kek` has the ending `.socaikek`.

        Where there is a folder `keys/<name>/` it lies in that: so each key can be a volume of its
        own, given only to the process that works with it.
        """
        ending = "socaikek" if name == "kek" else "socaikey"
        own = self.settings.keys_dir / name
        folder = own if own.is_dir() else self.settings.keys_dir
        return folder / f"{name}.{ending}"

    def seen_folder(self, role: str) -> Path:
        """What a role remembers of its log: `api`, `checkpointer` or `projector`."""
        return self.settings.seen_dir / role

    def facts(self) -> EnclaveFacts:
        """The enclave's facts.

        Raises:
            SettingsError: No enclave here, a damaged file, another level than `SOCAI_LEVEL`, or one
                that this profile must not hold.
        """
        try:
            facts = EnclaveFacts(**json.loads(self.facts_path.read_text("utf-8")))
        except FileNotFoundError:
            raise self._no_facts() from None
        except (ValueError, TypeError) as error:
            raise SettingsError(
                Message("{facts_path} is damaged: {error}", facts_path=self.facts_path, error=error)
            ) from error
        if facts.level not in LEVELS or not _SLUG.fullmatch(facts.slug):
            raise SettingsError(
                Message(
                    "{facts_path} names no known level or an unlawful slug",
                    facts_path=self.facts_path,
                ),
            )
        if self.settings.level not in (None, facts.level):
            raise SettingsError(
                Message(
                    "SOCAI_LEVEL is {level}, this home is {home}: a level is an enclave, never"
                    " a switch",
                    level=self.settings.level,
                    home=facts.level,
                ),
            )
        if facts.rehearsal != facts.origin.startswith("rehearsal."):
            raise SettingsError(
                Message("a rehearsal's origin, and no other, begins with 'rehearsal.'"),
            )
        require_profile(self.settings.profile, facts.level, rehearsal=facts.rehearsal)
        return facts

    def _no_facts(self) -> SettingsError:
        if self.key_path("log").exists():
            return facts_lost(self.settings)
        home = self.settings.home
        return SettingsError(Message("no enclave in {home}: run `socai init`", home=home))

    def write_facts(self, facts: EnclaveFacts) -> None:
        """Writes `enclave.json` in one step: whole or not at all."""
        self.facts_path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(facts), ensure_ascii=False, indent=1)  # noqa: TID251  never signed
        draft = self.facts_path.with_suffix(".draft")
        draft.write_text(text + "\n", "utf-8")
        draft.replace(self.facts_path)

    def password(self, role: str) -> str:
        """The database password of `role`, from `<secrets>/<role>.password`."""
        return self._secret(f"{role}.password").decode("utf-8").strip()

    def make_password(self, role: str) -> None:
        """Makes the database password of `role` where there is none yet."""
        self._make(f"{role}.password", secrets.token_urlsafe(_PASSWORD_BYTES))

    def has_password(self, role: str) -> bool:
        """Whether this machine has the database password of `role`."""
        return (self.settings.secrets_dir / f"{role}.password").exists()

    def passphrase(self) -> bytes:
        """The passphrase of the key files: `SOCAI_PASSPHRASE_FILE`, in a rehearsal the home's."""
        if self.settings.passphrase_file is not None:
            return read_private(self.settings.passphrase_file).strip(b"\r\n")
        if not self.facts().rehearsal:
            raise passphrase_needed()
        return self._secret("passphrase").strip(b"\r\n")

    def key_costs(self) -> Mapping[str, int]:
        """What a key file costs that is made under `passphrase`, as `keys.custody.file` takes it.

        Next to nothing under the home's own, which `init` drew at random for a rehearsal.
        """
        return DRAWN if self.settings.passphrase_file is None else {}

    def token_pin(self) -> bytes:
        """The PIN of the token that has the KEK: `SOCAI_PKCS11_PIN_FILE`."""
        if self.settings.pkcs11_pin_file is None:
            raise SettingsError(Message("name a file with the token's PIN: SOCAI_PKCS11_PIN_FILE"))
        return read_private(self.settings.pkcs11_pin_file).strip(b"\r\n")

    def session_key(self) -> bytes:
        """The HMAC key of tokens and cursors, 32 bytes as 64 hex digits in `session.key`."""
        return self._hex_key(SESSION_KEY)

    def ticket_key(self) -> bytes:
        """The key of tickets (access.md G13), 32 bytes as 64 hex digits in `ticket.key`."""
        return self._hex_key(TICKET_KEY)

    def make_key(self, name: str) -> None:
        """Makes `SESSION_KEY` or `TICKET_KEY` where there is none yet."""
        self._make(name, secrets.token_hex(32))

    def draft_ticket_key(self, secret: bytes) -> bytes:
        """Keeps a key that is to be the next one of tickets; one that waits already stays it.

        Returns:
            The next key.

        Raises:
            SettingsError: Nothing can be written there.
        """
        draft = self._next_ticket_key
        try:
            if draft.exists():
                if _HEX32.fullmatch(waits := draft.read_text("ascii", "replace")):
                    return bytes.fromhex(waits)
                draft.unlink()
            write_durably(draft, secret.hex().encode("ascii"))
        except OSError as error:
            raise _unwritable(draft, error) from error
        return secret

    def take_ticket_key(self) -> None:
        """Puts the next key of tickets in the place of the one there is, in one step.

        Raises:
            SettingsError: It cannot be, or not for good; which one is there, the file says.
        """
        path = self.settings.secrets_dir / TICKET_KEY
        try:
            self._next_ticket_key.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from error

    def drop_next_ticket_key(self) -> None:
        """Keeps no next key of tickets; one that cannot be taken away is the next turn's."""
        with suppress(OSError):
            self._next_ticket_key.unlink(missing_ok=True)

    @property
    def _next_ticket_key(self) -> Path:
        return (self.settings.secrets_dir / TICKET_KEY).with_suffix(".draft")

    def _hex_key(self, name: str) -> bytes:
        text = self._secret(name).decode("ascii", "replace").strip()
        if not _HEX32.fullmatch(text):
            raise SettingsError(
                Message("{name} must hold 64 lower-case hex digits", name=name),
            )
        return bytes.fromhex(text)

    def vault_passphrase(self) -> bytes:
        """What opens the vault's key file: a secret of its own (access.md G20)."""
        return self._secret(VAULT_PASSPHRASE).strip(b"\r\n")

    def make_vault_passphrase(self) -> None:
        """Makes it where there is none yet."""
        self._make(VAULT_PASSPHRASE, secrets.token_urlsafe(_PASSWORD_BYTES))

    def backup_passphrase(self, named: Path | None = None) -> bytes:
        """What opens the key of backups: a secret of its own, or one in a file that is named."""
        found = self._secret(BACKUP_PASSPHRASE) if named is None else read_private(named)
        return found.strip(b"\r\n")

    def make_backup_passphrase(self) -> None:
        """Makes it where there is none yet."""
        self._make(BACKUP_PASSPHRASE, secrets.token_urlsafe(_PASSWORD_BYTES))

    def mail_login(self) -> tuple[str, str] | None:
        """User and password of the mail server, from `mail.json`; None without it, or if it is {}.

        Raises:
            SettingsError: It can be read by everybody, or is not `{"user", "password"}`.
        """
        path = self.settings.secrets_dir / "mail.json"
        if not path.exists():
            return None
        try:
            told = json.loads(read_private(path))
            return (str(told["user"]), str(told["password"])) if told else None
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                Message("{path} must hold user and password, as JSON", path=path)
            ) from error

    def blob_options(self) -> dict[str, Any]:
        """Options of the object store that `SOCAI_BLOBS` names, from `blobs.json`; none without it.

        Raises:
            SettingsError: It can be read by everybody, or is no JSON object.
        """
        path = self.settings.secrets_dir / "blobs.json"
        if not path.exists():
            return {}
        try:
            options = json.loads(read_private(path))
        except ValueError as error:
            raise SettingsError(Message("{path} is not JSON", path=path)) from error
        if not isinstance(options, dict):
            raise SettingsError(Message("{path} must hold a JSON object", path=path))
        return options

    def _secret(self, name: str) -> bytes:
        return read_private(self.settings.secrets_dir / name)

    def _make(self, name: str, text: str) -> None:
        path = self.settings.secrets_dir / name
        if not path.exists():
            write_private(path, text.encode("ascii"))


def write_private(path: Path, data: bytes) -> None:
    """Writes a new secret file with mode 0600; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, data)


def read_private(path: Path) -> bytes:
    """A secret. Raises: SettingsError: It cannot be read, or others on the machine can read it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise SettingsError(
                Message("{path} can be read by everybody: chmod o-rwx {path}", path=path),
            )
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            Message(
                "cannot read the secret {path}: {strerror}", path=path, strerror=system_fault(error)
            ),
        ) from error


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        Message(
            "the key is not turned, since {path} cannot be written ({strerror}). Where secrets come"
            " from elsewhere, put a new ticket.key there, run socai migrate, then restart the API",
            path=path,
            strerror=system_fault(error),
        ),
    )


def require_profile(profile: str, level: str, *, rehearsal: bool) -> None:
    """Whether an enclave of a level may be here: real classified text in a network of its own.

    Raises:
        SettingsError: It may not (access.md §1).
    """
    if level != ORDINARY and not rehearsal and profile != APART:
        raise SettingsError(
            Message(
                "{level} is above ordinary: outside a network of its own (SOCAI_PROFILE=P2) only a"
                " rehearsal is made or started, and real classified text is never entered;"
                " SOCAI_PROFILE is {profile}",
                level=level,
                profile=profile,
            ),
        )


def facts_lost(settings: Settings) -> SettingsError:
    """What every command says where the keys of a log are there, and what they are of is not."""
    return SettingsError(
        Message(
            "{keys_dir} holds keys of a log, and {home} no enclave.json: bring it back, or move"
            " the keys away if that log was never founded",
            keys_dir=settings.keys_dir,
            home=settings.home,
        ),
    )


def passphrase_needed() -> SettingsError:
    """What a real enclave says where nobody told it its passphrase."""
    return SettingsError(
        Message("set SOCAI_PASSPHRASE_FILE: only a rehearsal keeps its passphrase"),
    )


def memory_needed(folder: Path) -> SettingsError:
    """What a process says that does not know how far its log has signed."""
    return SettingsError(
        Message(
            "no checkpoint seen is in {folder}: name the log's last known checkpoint, socai log"
            " remember FILE, or socai serve --checkpoint FILE",
            folder=folder,
        ),
    )
