"""A backup that was stolen, bent, mixed up or is half: neither half opens anything, and nothing bent is taken."""

import os
import re
import shutil
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from connector.continuity.backup import create, examine, keys, manifest, restore
from connector.continuity.backup.create import Made
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import load, master_key
from tests.continuity.backup.conftest import PASSPHRASE, backed_up, quiet

pytestmark = pytest.mark.threat("T73")


def put_back(folder: Path, target: Path, half: Path | None = None, passphrase: str | None = None) -> None:
    backup = examine.read(folder)
    examine.whole(backup, quiet)
    _, held = examine.opened(backup, half, passphrase)
    restore.restore(backup, held, target, {}, quiet)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_neither_half_holds_a_key_that_opens_something(town: Path, made: Made) -> None:
    """>> what a thief has of one half << no master key, no private key, no TLS key, in no spelling."""
    master = master_key(load(town, {}))
    secrets = [master, master.hex().encode(), b"PRIVATE KEY", b'"d":']
    for half in (everything(made.folder), made.keys.read_bytes()):
        assert [secret for secret in secrets if secret in half] == []
    assert made.keys.stat().st_mode & 0o777 == 0o600
    assert made.folder.stat().st_mode & 0o777 == 0o700


def test_a_passphrase_closes_the_keys_within_the_backup(town: Path) -> None:
    """>> --passphrase-file << one folder; without or with a wrong one nothing is put back."""
    made = backed_up(town, keys_to=None, passphrase=PASSPHRASE)
    assert made.keys.parent == made.folder
    target = town.with_name("fresh")
    for wrong, code in ((None, "passphrase-missing"), ("zwölf Boxkämpfer jagen Viktoria", "keys-shut")):
        with pytest.raises(Mistake, match=code):
            put_back(made.folder, target, passphrase=wrong)
        assert not target.exists()
    put_back(made.folder, target, passphrase=PASSPHRASE)
    assert (target / "trust" / "master.key").read_text() == (town / "trust" / "master.key").read_text()


def test_a_short_passphrase_is_none(town: Path) -> None:
    with pytest.raises(Mistake, match="passphrase-short"):
        backed_up(town, passphrase="x" * (keys.SHORTEST - 1))
    with pytest.raises(Mistake, match="keys-where"):
        backed_up(town, keys_to=None)


@pytest.mark.parametrize("where", [".", "keys", "hanse-keys/deep"])
def test_both_halves_never_lie_in_one_folder_without_a_passphrase(town: Path, where: str) -> None:
    """>> the keys to the very folder of the backups, or below it << asked where they are to go; nothing written."""
    to = town.with_name("backups")
    with pytest.raises(Mistake, match="keys-where"):
        backed_up(town, keys_to=to / where)
    assert not to.exists()
    backed_up(town, keys_to=to / where, passphrase=PASSPHRASE)


def test_bug_one_installation_overwrote_the_keys_of_another(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two by the clock, in one second, with one folder for the keys of both << each backup opens with its own."""
    monkeypatch.setattr(create, "_name", lambda to: "hanse-20261127T020000Z")
    both = [backed_up(town, to=town.with_name(name)) for name in ("backups-a", "backups-b")]
    for made in both:
        assert examine.opened(examine.read(made.folder), made.keys.parent, None)[0] == made.keys


def test_one_flipped_bit_in_any_file_is_found(town: Path, made: Made) -> None:
    """>> every file of both halves, one bit at three places << refused, and nothing was put anywhere."""
    target = town.with_name("fresh")
    paths = [path for path in sorted(made.folder.rglob("*")) if path.is_file()] + [made.keys]
    assert {"hanse.db", "manifest.json", "manifest.seal", "hanse.toml"} <= {path.name for path in paths}
    for path in paths:
        good = path.read_bytes()
        for place in {0, len(good) // 2, len(good) - 1} if good else set():
            path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            with pytest.raises(Mistake, match=r"backup\.(damaged|keys-damaged|forged|newer)"):
                put_back(made.folder, target, made.keys)
            assert not target.exists()
        path.write_bytes(good)
    put_back(made.folder, target, made.keys)


def test_what_was_bent_with_its_checksums_is_known_by_the_master_key(town: Path, made: Made) -> None:
    """>> a thief exchanges a file and writes manifest and digest anew << forged: he lacks the master key."""
    path = made.folder / "data" / "hanse.toml"
    path.write_bytes(path.read_bytes() + b"# of a stranger\n")
    body = (made.folder / manifest.FILE).read_text()
    was = next(item for item in made.manifest.files if item.path == "data/hanse.toml")
    now = sha256(path.read_bytes()).hexdigest()
    body = body.replace(was.sha256, now)
    body = re.sub(rf'("data/hanse\.toml",\s+"size": ){was.size}', rf"\g<1>{was.size + 16}", body)
    (made.folder / manifest.FILE).write_text(body)
    seal = msgspec.json.decode((made.folder / manifest.SEAL).read_bytes(), type=manifest.Seal)
    forged = manifest.Seal(sha256(body.encode()).hexdigest(), seal.mac)
    (made.folder / manifest.SEAL).write_bytes(msgspec.json.encode(forged))
    examine.whole(examine.read(made.folder), quiet)
    with pytest.raises(Mistake, match=r"backup\.forged"):
        put_back(made.folder, town.with_name("fresh"), made.keys)
    assert not town.with_name("fresh").exists()


@pytest.mark.parametrize("path", ["../evil", "data/../../evil", "/etc/evil", "data//x", "data/./x", ""])
def test_a_manifest_names_nothing_outside_its_folder(path: str, made: Made) -> None:
    bent = msgspec.structs.replace(made.manifest, files=(manifest.Item(path, 0, ""),))
    body, seal = manifest.written(bent, b"x" * 32)
    with pytest.raises(Mistake, match=r"backup\.damaged"):
        manifest.read(body, seal)


def test_links_pipes_and_strangers_in_a_backup_are_refused(town: Path, made: Made) -> None:
    """>> a file of the backup is a link to the same bytes, or a file more << refused."""
    target = town.with_name("fresh")
    stranger = made.folder / "data" / "more"
    stranger.write_text("x")
    with pytest.raises(Mistake, match=r"backup\.stranger"):
        put_back(made.folder, target, made.keys)
    stranger.unlink()
    settings = made.folder / "data" / "hanse.toml"
    settings.rename(elsewhere := made.folder.with_name("hanse.toml"))
    settings.symlink_to(elsewhere)
    with pytest.raises(Mistake, match=r"backup\.damaged"):
        put_back(made.folder, target, made.keys)
    settings.unlink()
    os.mkfifo(settings)
    with pytest.raises(Mistake, match=r"backup\.damaged"):
        put_back(made.folder, target, made.keys)
    assert not target.exists()


def test_the_keys_of_another_backup_open_nothing(town: Path, made: Made) -> None:
    other = backed_up(town)
    with pytest.raises(Mistake, match="keys-damaged"):
        put_back(made.folder, town.with_name("fresh"), other.keys)


def test_without_its_manifest_it_is_half(town: Path, made: Made) -> None:
    (made.folder / "manifest.seal").unlink()
    with pytest.raises(Mistake, match=r"backup\.half"):
        examine.read(made.folder)
    shutil.rmtree(made.folder)
    with pytest.raises(Mistake, match=r"backup\.none"):
        examine.read(made.folder)


def test_settings_that_hold_a_secret_go_with_the_keys(town: Path) -> None:
    """>> a password in `hanse.toml` itself << the file is in the half with the keys, and comes back."""
    with (town / "hanse.toml").open("a") as file:
        file.write('\n[signers]\ncsc_token = "hunter2-hunter2-hunter2-hunter2"\n')
    made = backed_up(town)
    assert b"hunter2" not in everything(made.folder)
    target = town.with_name("fresh")
    put_back(made.folder, target, made.keys)
    assert (target / "hanse.toml").read_bytes() == (town / "hanse.toml").read_bytes()
