"""Custodians at the command line: make, split, recover, lose one (access.md K7, K12, K13)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home
from api.settings import Settings
from keys import canonical, envelope_encryption
from keys.custody import file
from keys.custody.kek_custody import on_token
from keys.envelope_encryption import Kek
from keys.hpke import OpeningKey, SealingKey
from keys.jwk import SoftwareSigner
from keys.shares import Named, Share, split
from ledger.regulation.acts.catalogue import load
from tests.attacks import attack
from tests.fixtures.app import found
from tests.fixtures.postgres import Database
from tests.fixtures.softhsm import KEK_TOKEN, PIN, SoftHsm
from tests.vector_files import rows

SAID = ("--device", "a laptop without a network, wiped afterwards", "--minutes", "12/BB")
ENTRY, ORIGIN = bytes(32), "x.example/ordinary"


class Room:
    """A host without a network, and who came.

    Args:
        folder: Where everything lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kek = Kek.generate()
        self.wrapped = envelope_encryption.wrap(self.kek, bytes(32), origin=ORIGIN, entry=ENTRY)
        file.write_kek(folder / "kek.socaikek", self.kek, b"of the kek")
        for n in range(1, 5):
            made = self.run("key", "new", f"{n}.socaikey", "--alg", "MLKEM768-X25519", typed=[n, n])
            assert made.exit_code == 0, made.output

    def run(
        self, *words: str, typed: Sequence[object] = (), lang: str = "en", **told: str
    ) -> Result:
        """One call; passphrases are typed in their order, paths are of the folder."""
        named = [
            str(self.folder / word) if (self.folder / word).exists() else word for word in words
        ]
        named = [
            str(self.folder / w) if w.endswith(_ENDINGS) and "/" not in w else w for w in named
        ]
        return CliRunner().invoke(
            main,
            ["--lang", lang, *named],
            env={"SOCAI_HOME": str(self.folder / "none"), **told},
            input="".join(f"{one}\n" for one in typed),
        )

    def split(self, *to: int, out: str = "one", **more: str) -> Result:
        """The KEK to these custodians."""
        (self.folder / out).mkdir(exist_ok=True)
        publics = [word for n in to for word in ("--to", f"{n}.pub")]
        words = ["key", "split", "kek.socaikek", *publics, "--out", out]
        return self.run(*words, "--act", f"{out}.json", *SAID, typed=["of the kek"], **more)

    def recover(
        self, shares: Sequence[str], keys: Sequence[int], *more: str, typed: Sequence[object] = ()
    ) -> Result:
        """By the shares, with these custodians' keys."""
        named = [word for n in keys for word in ("--key", f"{n}.socaikey")]
        words = ["key", "recover", *(str(self.folder / one) for one in shares), *named, *more]
        return self.run(*words, "--act", "recovered.json", *SAID, typed=[*keys, *typed])

    def opens(self, name: str, passphrase: bytes) -> bool:
        """Whether a KEK that was written opens what was wrapped before."""
        kek = file.read_kek(self.folder / name, passphrase)
        return bytes(32) == envelope_encryption.unwrap(
            kek, self.wrapped, origin=ORIGIN, entry=ENTRY
        )


_ENDINGS = (".socaikey", ".socaikek", ".pub", ".json")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """With four custodians' keys, and a KEK."""
    return Room(tmp_path)


def test_of_a_ceremony_that_cannot_be_noted_nothing_stays(room: Room) -> None:
    """Its shares opened the KEK as noted ones do, and were in the way of the next try."""
    (room.folder / "one").mkdir()
    publics = [word for n in (1, 2, 3) for word in ("--to", f"{n}.pub")]
    words = ["key", "split", "kek.socaikek", *publics, "--out", "one", *SAID]
    done = room.run(*words, "--act", "nowhere/act.json", typed=["of the kek"])
    assert (done.exit_code, "nowhere" in done.stderr) == (1, True), done.output
    assert list((room.folder / "one").iterdir()) == []
    assert room.split(1, 2, 3).exit_code == 0


def test_a_split_kek_comes_back_by_any_two(room: Room) -> None:
    """Three files of mode 0600, one for each custodian; the KEK itself stays where it was."""
    done = room.split(1, 2, 3)
    assert done.exit_code == 0, done.output
    files = sorted((room.folder / "one").iterdir())
    assert [path.name for path in files] == [f"kek-{n}.socaishare" for n in (1, 2, 3)]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    for n, (one, other) in enumerate(((1, 2), (1, 3), (2, 3))):
        (room.folder / "recovered.json").unlink(missing_ok=True)
        got = room.recover(
            [f"one/kek-{other}.socaishare", f"one/kek-{one}.socaishare"], [one, other],
            "--into", f"back{n}.socaikek", typed=["new", "new"],
        )  # fmt: skip
        assert got.exit_code == 0, got.output
        assert room.opens(f"back{n}.socaikek", b"new")


def test_the_ceremony_leaves_an_act_to_be_signed(room: Room) -> None:
    """With the ids of key and custodians and the statement on the device (access.md A21)."""
    room.split(1, 2, 3)
    draft = json.loads((room.folder / "one.json").read_text())
    kids = [canonical.parse((room.folder / f"{n}.pub").read_bytes()[:-1]) for n in (1, 2, 3)]
    assert draft["facts"]["key_ids"][0] == canonical.b64(room.kek.kek_id)
    assert len(draft["facts"]["key_ids"]) == 1 + len(kids)
    complete = {
        **draft,
        "v": 1,
        "act_id": "7f2cbe0a-7b6e-4a2c-9f0a-0f0d4b7a3c11",
        "occurred_at": "2024-06-04T08:12:00+07:00",
        "precision": "minute",
        "agency": "ubcv.hanoi",
        "post": "custodian",
        "capacity": "TRUC_TIEP",
        "basis": [{"instrument": "x", "article": "1", "role": "PROCEDURE"}],
        "circulation": "INTERNAL",
        "signers": [
            {"officer": "0b0f5b2e-5f0a-4d1e-8a51-0d6c0f9b9d01", "post": "a", "role": "AUTHOR"},
            {"officer": "0b0f5b2e-5f0a-4d1e-8a51-0d6c0f9b9d02", "post": "b", "role": "APPROVER"},
        ],
    }
    assert load().parse(complete).facts["kind"] == "SPLIT"


def test_a_lost_custodian_is_replaced_and_the_old_share_is_worthless(room: Room) -> None:
    """The drill of K13: two open, split anew to two old and one new; the KEK is on no disk."""
    room.split(1, 2, 3)
    (room.folder / "two").mkdir()
    again = room.recover(
        ["one/kek-1.socaishare", "one/kek-2.socaishare"], [1, 2],
        "--to", "1.pub", "--to", "2.pub", "--to", "4.pub", "--out", str(room.folder / "two"),
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    draft = json.loads((room.folder / "recovered.json").read_text())
    assert (draft["facts"]["kind"], len(draft["facts"]["key_ids"])) == ("RECOVER", 4)
    assert not list(room.folder.glob("back*"))
    (room.folder / "recovered.json").unlink()
    mixed = room.recover(
        ["one/kek-3.socaishare", "two/kek-1.socaishare"], [3, 1], "--into", "x.socaikek"
    )
    assert mixed.exit_code == 2
    assert "void" in mixed.stderr
    assert not (room.folder / "x.socaikek").exists()
    good = room.recover(
        ["two/kek-3.socaishare", "two/kek-1.socaishare"], [4, 1],
        "--into", "back.socaikek", typed=["new", "new"],
    )  # fmt: skip
    assert good.exit_code == 0, good.output
    assert room.opens("back.socaikek", b"new")


@attack(
    "one custodian alone, with every share that lies about",
    stopped_by="a share opens with its own custodian's key alone, and one gives nothing",
    noticed_by="the command's sentence",
)
@pytest.mark.parametrize(
    ("shares", "keys"),
    [
        (["one/kek-1.socaishare", "one/kek-1.socaishare"], [1, 1]),
        (["one/kek-1.socaishare", "one/kek-2.socaishare"], [1, 1]),
        (["one/kek-1.socaishare", "one/kek-2.socaishare"], [1, 4]),
        (["one/kek-1.socaishare", "one/kek-2.socaishare"], [1]),
    ],
)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_one_custodian_opens_nothing(
    room: Room, shares: list[str], keys: list[int], lang: str
) -> None:
    """One sentence, exit 2, and no file."""
    room.split(1, 2, 3)
    before = sorted(room.folder.rglob("*"))
    named = [word for n in keys for word in ("--key", f"{n}.socaikey")]
    words = [str(room.folder / one) for one in shares]
    done = room.run(
        "key", "recover", *words, *named, "--into", "x.socaikek", "--act", "a.json", *SAID,
        typed=keys, lang=lang,
    )  # fmt: skip
    assert done.exit_code == 2, done.output
    assert ("Chưa mở gì" if lang == "vi" else "Nothing was opened") in done.stderr
    assert sorted(room.folder.rglob("*")) == before


def test_a_share_that_was_changed_says_ask_the_third(room: Room) -> None:
    """What a stranger sealed into it is noticed before anything is written."""
    room.split(1, 2, 3)
    path = room.folder / "one" / "kek-1.socaishare"
    share = Share.parse(path.read_bytes()[:-1])
    members = json.loads(path.read_text())
    members["blobs"] = [canonical.b64(blob) for blob in share.blobs[::-1]]
    path.write_bytes(canonical.encode(members))
    done = room.recover(
        ["one/kek-1.socaishare", "one/kek-2.socaishare"], [1, 2], "--into", "x.socaikek"
    )
    assert done.exit_code == 2
    assert "third custodian" in done.stderr
    assert not (room.folder / "x.socaikek").exists()


@attack(
    "a KEK of a stranger's making comes back under the right id",
    stopped_by="the act of the split states its commitment, and what is not compared is said",
    noticed_by="the command's sentence",
)
def test_a_kek_of_a_strangers_making_is_not_kept(room: Room) -> None:
    """Two shares replaced by a split of the writer's own secret: the act knows the true ones."""
    room.split(1, 2, 3)
    stated = json.loads((room.folder / "one.json").read_text())["facts"]["device_statement"]
    commitment = stated.rpartition(" ")[2]
    publics = [
        SealingKey.from_jwk(canonical.parse((room.folder / f"{n}.pub").read_bytes()[:-1]))
        for n in (1, 2, 3)
    ]
    paths = [room.folder / "one" / f"kek-{n}.socaishare" for n in (1, 2)]
    given = [path.read_bytes() for path in paths]
    named = Named(file.KEK_ALG, canonical.b64(room.kek.kek_id))
    for path, share in zip(paths, split(bytes(32), named, publics), strict=False):
        path.write_bytes(share.data() + b"\n")
    words = ["one/kek-1.socaishare", "one/kek-2.socaishare"]
    kept = ["--into", "x.socaikek"]
    refused = room.recover(words, [1, 2], *kept, "--commitment", commitment)
    assert (refused.exit_code, "another split" in refused.stderr) == (2, True)
    assert not (room.folder / "x.socaikek").exists()
    told = room.recover(words, [1, 2], *kept, typed=["new", "new"])
    assert (told.exit_code, "Not checked" in told.stdout) == (0, True)
    (room.folder / "x.socaikek").unlink()
    (room.folder / "recovered.json").unlink()
    for path, data in zip(paths, given, strict=True):
        path.write_bytes(data)
    good = room.recover(words, [1, 2], *kept, "--commitment", commitment, typed=["new", "new"])
    assert (good.exit_code, "Not checked" in good.stdout) == (0, False), good.output
    assert room.opens("x.socaikek", b"new")


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    "words",
    [
        ("--to", "1.pub", "--to", "2.pub"),
        ("--to", "1.pub", "--to", "2.pub", "--to", "2.pub"),
        ("--to", "1.pub", "--to", "2.pub", "--to", "kek.socaikek"),
        ("--to", "1.pub", "--to", "2.pub", "--to", "printed.pub"),
    ],
)
def test_a_secret_is_split_to_three_persons(room: Room, words: tuple[str, ...], lang: str) -> None:
    """Not to two, not to one twice, not to a file that is none, not to a key that was printed."""
    (printed,) = (row for row in rows("hpke", "keys") if row["name"] == "custodian-1")
    own = OpeningKey(bytes.fromhex(printed["seed"]))
    (room.folder / "printed.pub").write_bytes(canonical.encode(own.public.jwk) + b"\n")
    (room.folder / "one").mkdir()
    done = room.run(
        "key", "split", "kek.socaikek", *words, "--out", "one", "--act", "a.json", *SAID, lang=lang
    )
    assert done.exit_code == 2, done.output
    assert ("Chưa chia gì" if lang == "vi" else "Nothing was split") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((room.folder / "one").iterdir())


def test_a_key_that_signs_is_not_split(room: Room) -> None:
    """It is enrolled anew instead; and nothing that is there is written over."""
    file.write_key(room.folder / "an.socaikey", SoftwareSigner.generate(), b"x")
    room.split(1, 2, 3)
    publics = [word for n in (1, 2, 3) for word in ("--to", f"{n}.pub")]
    told = ("--out", "one", "--act", "b.json", *SAID)
    signs = room.run("key", "split", "an.socaikey", *publics, *told)
    assert (signs.exit_code, "a key that signs" in signs.stderr) == (2, True)
    again = room.run("key", "split", "kek.socaikek", *publics, *told)
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)


def test_a_recovered_kek_goes_to_a_token_and_stays_there(room: Room, softhsm: SoftHsm) -> None:
    """How a KEK is both on a token and with custodians (K6, K7); from the token none is split."""
    room.split(1, 2, 3)
    pin = room.folder / "pin"
    pin.write_bytes(PIN)
    pin.chmod(0o600)
    told = {
        "SOCAI_PKCS11_MODULE": softhsm.module,
        "SOCAI_PKCS11_TOKEN": KEK_TOKEN,
        "SOCAI_PKCS11_PIN_FILE": str(pin),
    }
    shares = [str(room.folder / "one" / f"kek-{n}.socaishare") for n in (1, 3)]
    keys = ["--key", "1.socaikey", "--key", "3.socaikey"]
    done = room.run(
        "key", "recover", *shares, *keys, "--into", "held.socaikek", "--custody", "pkcs11",
        "--act", "a.json", *SAID, typed=[1, 3], **told,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    there = on_token(room.folder / "held.socaikek")
    assert there is not None
    assert there.kek_id == room.kek.kek_id
    publics = [word for n in (1, 2, 3) for word in ("--to", f"{n}.pub")]
    again = room.run(
        "key", "split", "held.socaikek", *publics, "--out", "one", "--act", "b.json", *SAID, **told
    )
    assert again.exit_code == 2
    assert "does not leave its token" in again.stderr or "is there already" in again.stderr


@dataclass
class Kept:
    """An enclave with a database, and shares of its KEK, or of another under its id."""

    settings: Settings
    folder: Path
    custodians: tuple[OpeningKey, ...] = field(
        default_factory=lambda: tuple(OpeningKey.generate() for _ in range(3))
    )

    def shares(self, kek: Kek) -> str:
        """Written, with the keys that open them; the commitment of the split."""
        named = Named("A256GCM", canonical.b64(kek.kek_id))
        made = split(kek.secret(), named, [one.public for one in self.custodians])
        for n, (share, key) in enumerate(zip(made, self.custodians, strict=True)):
            (self.folder / f"{n}.socaishare").write_bytes(share.data() + b"\n")
            path = self.folder / f"{n}.socaikey"
            path.unlink(missing_ok=True)
            passphrase = Home(self.settings).passphrase()
            file.write_opening_key(path, key, passphrase, t=1, p=1, m_kib=8)
        return made[0].commitment

    def recover(self, *more: str) -> Result:
        """By the first two, as JSON; into a file that is not there yet."""
        for name in ("back.socaikek", "act.json"):
            (self.folder / name).unlink(missing_ok=True)
        at = {n: str(self.folder / n) for n in ("0.socaishare", "1.socaishare")}
        keys = [word for n in (0, 1) for word in ("--key", str(self.folder / f"{n}.socaikey"))]
        into = [
            "--into",
            str(self.folder / "back.socaikek"),
            "--act",
            str(self.folder / "act.json"),
        ]
        words = ["key", "recover", *at.values(), *keys, *into, *SAID, "--json", *more]
        env = {"SOCAI_HOME": str(self.settings.home)}
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env)


@attack(
    "whoever can write the folder of shares puts a KEK of their own in them, under the right id,"
    " and the act of the split is not at hand",
    stopped_by="where the database is reachable the KEK has to open record 0",
    noticed_by="the command's sentence",
)
@pytest.mark.postgres
def test_a_recovered_kek_opens_what_lives_under_its_id(database: Database, tmp_path: Path) -> None:
    """The right one does; a stranger's is not kept, unless the act of the split names it."""
    kept = Kept(found(database, tmp_path / "home"), tmp_path)
    home = Home(kept.settings)
    kek = file.read_kek(home.key_path("kek"), home.passphrase())
    kept.shares(kek)
    told = json.loads(kept.recover().stdout)
    assert (told["opens_record_0"], told["unchecked"]) == (True, None)

    commitment = kept.shares(Kek(kek.kek_id, bytes(range(32))))
    refused = kept.recover()
    assert (refused.exit_code, "Nothing was kept" in refused.output) == (2, True), refused.output
    assert not (kept.folder / "back.socaikek").exists()
    assert not (kept.folder / "act.json").exists()
    named = kept.recover("--commitment", commitment)
    assert (named.exit_code, json.loads(named.stdout)["opens_record_0"]) == (0, False)

    commitment = kept.shares(Kek.generate())  # of an epoch that is over: nobody can say
    told = json.loads(kept.recover().stdout)
    assert (told["opens_record_0"], told["unchecked"]) == (None, commitment)
    assert told["record_0_under"] == canonical.b64(kek.kek_id) != told["kid"]
