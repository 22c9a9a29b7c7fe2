"""What a backup says of itself: every file with size and SHA-256, written last. Pure.

`manifest.json` is proven by `manifest.seal`: a plain digest, so that damage shows to everybody, and a MAC under the
master key, which whoever bends a backup does not have. A backup without both is half and counts for nothing.
"""

import hmac
from hashlib import sha256

import msgspec

from connector.foundation.errors import Mistake

FILE, SEAL = "manifest.json", "manifest.seal"
MOST_BYTES = 256 << 20
FORM = 1


class Item(msgspec.Struct, frozen=True):
    """One file below the folder of the backup."""

    path: str
    size: int
    sha256: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The database that was copied; `schema` are the steps in its ledger, (name, phase)."""

    kind: str
    id: str
    schema: tuple[tuple[str, str], ...]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """How the half with the keys is opened: `share` is the random part that lies here, `salt` that of a passphrase."""

    file: str
    share: str
    salt: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: files that the database names and that lay nowhere when the copy was made."""

    v: int
    name: str
    made_at: str
    product: str
    database: Source
    keys: Keys
    files: tuple[Item, ...]
    missing: tuple[str, ...] = ()


class Seal(msgspec.Struct, frozen=True):
    sha256: str
    mac: str


def written(manifest: Manifest, key: bytes) -> tuple[bytes, bytes]:
    """The bytes of the manifest and of its seal."""
    body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    return body, msgspec.json.encode(Seal(sha256(body).hexdigest(), _mac(body, key)))


def read(body: bytes, seal: bytes) -> Manifest:
    """The manifest if it is whole; raises Mistake `backup.damaged`. Who wrote it is `proven`."""
    try:
        if msgspec.json.decode(seal, type=Seal).sha256 != sha256(body).hexdigest():
            raise Mistake("backup.damaged", file=FILE)
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise Mistake("backup.damaged", file=FILE) from problem
    if manifest.v != FORM:
        raise Mistake("backup.newer", form=manifest.v)
    paths, names = [item.path for item in manifest.files], (manifest.name, manifest.keys.file)
    lying = map(lies_at, paths)
    if len(set(paths)) != len(paths) or not all(map(_plain, (*lying, *names))) or any("/" in name for name in names):
        raise Mistake("backup.damaged", file=FILE)
    return manifest


def proven(body: bytes, seal: bytes, key: bytes) -> None:
    """Raises Mistake `backup.forged` unless it was written by a holder of the master key."""
    if not hmac.compare_digest(msgspec.json.decode(seal, type=Seal).mac.encode(), _mac(body, key).encode()):
        raise Mistake("backup.forged")


def lies_at(path: str) -> str:
    """Where the file lies in the folder of the backup.

    What a setting named by `../` was written under that name once: it lies beside `data/`, and may lie no further out.
    """
    up = path.startswith("data/../") and _plain(path.replace("/../", "/", 1))
    return path.removeprefix("data/../") if up else path


def goes_to(path: str) -> str:
    """Where the file at this path below `data/` goes in the new folder: `outside/` if it did not lie in the old one."""
    return f"outside/{path.removeprefix('../')}" if path.startswith("../") else path


def _mac(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, sha256).hexdigest()


def _plain(path: str) -> bool:
    """Relative, and never up: what is restored lies below the folder that was named."""
    return all(part not in ("", ".", "..") and "\x00" not in part for part in path.split("/"))
