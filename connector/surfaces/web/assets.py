"""Files that pages load: served by ourselves, compressed, under an address that names their content (spec/desk.md 1.6).

What came from npm lies in `frame/packages`, put there by the build; our own in `frame/static`. Where nothing came, our
fallback style stands in for KERN, and pages work without htmx and Leaflet.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "frame"
MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED: Final = (".css", ".js", ".svg", ".txt")


class Asset(Struct, frozen=True):
    """`body` is gzip if `packed`; `digest` is that of the file."""

    name: str
    media: str
    digest: str
    body: bytes
    packed: bool


class Assets(Struct, frozen=True):
    """By name; read once, and kept in the form in which most browsers get them."""

    found: Mapping[str, Asset]

    def has(self, name: str) -> bool:
        return name in self.found

    def href(self, name: str) -> str:
        return f"/static/{self.found[name].digest}/{name}"


@cache
def load() -> Assets:
    """Style sheets that name a file beside them find it, because all have one folder."""
    found = {}
    digest = sha256()
    files = [path for folder in ("packages", "static") for path in sorted((FOLDER / folder).rglob("*"))]
    kept = [(path, path.read_bytes()) for path in files if path.suffix in MEDIA]
    for path, body in kept:
        digest.update(path.name.encode() + b"\0" + sha256(body).digest())
    edition = digest.hexdigest()[:16]
    for path, body in kept:
        packed = path.suffix in _PACKED
        found[path.name] = Asset(
            path.name, MEDIA[path.suffix], edition, gzip.compress(body, 9, mtime=0) if packed else body, packed
        )
    return Assets(found)
