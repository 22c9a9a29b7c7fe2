"""Files that a steward hands over: streamed to disk, hashed on the way, kept by hash in the participant's folder.

Nothing is registered before its bytes are safely on disk; the name is kept as a label and never used as a path.
"""

import asyncio
import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from connector.catalogue.model import Source
from connector.catalogue.service import media_type
from connector.errors import Mistake, Unavailable
from connector.ids import new_uuid

PIECE = 1 << 20


class Incoming(Protocol):
    """A body as it comes in."""

    async def read(self, n: int = -1) -> bytes: ...


class Uploads:
    """`folder` is `<data>/files`; each participant has its own below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, slug: str) -> Path:
        """Where the participant's files lie; made if it is not there."""
        place = self._folder / slug
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place

    async def take(self, slug: str, name: str, incoming: Incoming) -> Source:
        """The file as a source; raises Mistake without a name, Unavailable if the disk is full."""
        label = Path(name.replace("\\", "/")).name.strip()
        if label in ("", "..") or not label.isprintable() or len(label) > 200:
            raise Mistake("catalogue.file-name", name=name[:80])
        draft = self.folder(slug) / f".{new_uuid()}.part"
        try:
            digest, size = await _store(draft, incoming)
            place = await asyncio.to_thread(_keep, draft, self.folder(slug), digest)
        except OSError as cause:
            raise Unavailable("catalogue.disk", problem=cause.strerror or "") from cause
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        return Source(
            id=new_uuid(),
            kind="file",
            location=place,
            name=label,
            media_type=media_type(label),
            bytes=size,
            sha256=digest,
        )

    def live(self, wish: dict[str, Any]) -> Source:
        """A live source at an https address; its bytes are not pinned. Raises Mistake."""
        url, name = str(wish.get("url", "")), str(wish.get("name", "")).strip()
        if not url.startswith("https://") or not name:
            raise Mistake("catalogue.live-source", url=url[:200])
        kind = str(wish.get("media_type") or media_type(name))
        return Source(id=new_uuid(), kind="http", location=url, name=name, media_type=kind, bytes=None, sha256=None)


async def _store(draft: Path, incoming: Incoming) -> tuple[str, int]:
    digest, size = sha256(), 0
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        while piece := await incoming.read(PIECE):
            await asyncio.to_thread(_write, file, piece)
            digest.update(piece)
            size += len(piece)
        await asyncio.to_thread(os.fsync, file.fileno())
    return digest.hexdigest(), size


def _write(file: Any, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _keep(draft: Path, folder: Path, digest: str) -> str:
    """The same bytes twice are one file."""
    os.replace(draft, folder / digest)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return digest
