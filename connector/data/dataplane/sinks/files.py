"""A received file: written beside its place as `<name>.part`, hashed on the way, moved into place only when right.

The version (ETag) of the partial bytes lies beside them, so that a new process can resume what an old one began.
One sink belongs to one flow and its folder: two flows never share a name. Methods block: call them in a thread.
"""

import errno
import os
import re
import shutil
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.normal_form import normal_form
from connector.foundation.small_files import synced

_PIECE = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_LONGEST_NAME = 200
_UNFINISHED = (".part", ".part.version", ".partial")
"""Endings of what is not finished: nobody is shown such a file, and no backup takes it along."""


class FileSink:
    """The file `name` (made safe) in `folder`; at most `limit` bytes are taken, and `free` of the disk are not."""

    def __init__(self, folder: Path, name: str, *, limit: int | None = None, free: int = 0) -> None:
        self.path = folder / safe_name(name)
        self.size = 0
        self.version: str | None = None
        self._limit, self._free = limit, free
        self._part = self.path.with_name(self.path.name + ".part")
        self._note = self.path.with_name(self.path.name + ".part.version")
        self._digest = sha256()
        self._file: BinaryIO | None = None
        self._writing = threading.Lock()
        """Nobody closes the file while it is written: its number may be another file's a moment later."""

    def open(self) -> None:
        """Takes up what is there: `size` bytes of `version`. Without a known version there is nothing to resume."""
        with room():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(self._part, _FLAGS, 0o600), "r+b", buffering=0)
            self.version = self._note.read_text(encoding="utf-8") if self._note.is_file() else None
        if self.version is None:
            self.restart(None)
            return
        while piece := self._opened().read(_PIECE):
            self._digest.update(piece)
            self.size += len(piece)

    def restart(self, version: str | None) -> None:
        """Forgets the partial bytes; those that come are of `version` (None: cannot be resumed)."""
        with room():
            self._opened().seek(0)
            self._opened().truncate()
            self._note.unlink(missing_ok=True)
            if version is not None:
                self._note.write_text(version, encoding="utf-8")
        self.size, self.version, self._digest = 0, version, sha256()

    def write(self, piece: bytes | bytearray) -> None:
        """Appends; PeerError beyond the limit, Unavailable when the disk is full but for what stays free."""
        if self._limit is not None and self.size + len(piece) > self._limit:
            raise PeerError("dataplane.too-large", limit=self._limit)
        with room():
            if self._free and shutil.disk_usage(self.path.parent).free - len(piece) < self._free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._put(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def _put(self, piece: bytes | bytearray) -> None:
        left = memoryview(piece)
        with self._writing:
            while left:
                left = left[self._opened().write(left) :]

    def digest(self) -> str:
        """SHA-256 of what is there, lower-case hex."""
        return self._digest.hexdigest()

    def keep(self) -> Path:
        """Makes the bytes durable and gives them their name."""
        with room():
            os.fsync(self._opened().fileno())
            os.replace(self._part, self.path)
            self._note.unlink(missing_ok=True)
            synced(self.path.parent)
        self.close()
        return self.path

    def drop(self) -> None:
        """Removes the partial bytes."""
        self.close()
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Leaves the partial bytes for a later resume."""
        with self._writing:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _opened(self) -> BinaryIO:
        assert self._file is not None
        return self._file


@contextmanager
def room() -> Iterator[None]:
    """Turns what the disk says into Unavailable."""
    try:
        yield
    except OSError as error:
        code = "dataplane.disk-full" if error.errno in _NO_ROOM else "dataplane.disk"
        raise Unavailable(code) from error


def safe_name(name: str) -> str:
    """At most 200 bytes of UTF-8; 'data' if nothing is left. Umlauts stay."""
    visible = "".join(_visible(sign) for sign in normal_form("NFC", name))
    plain = _FORBIDDEN.sub("_", visible).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 16:
        stem, suffix = plain, ""
    ending = f".{suffix}" if suffix else ""
    short = stem.encode()[: _LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending
    if short.lower().endswith(_UNFINISHED):
        short = f"{short}_" if len(short.encode()) < _LONGEST_NAME else f"{short[:-1]}_"
    return f"_{short}" if _RESERVED.fullmatch(short) else short or "data"


def _visible(sign: str) -> str:
    kind = unicodedata.category(sign)[0]
    return "" if kind == "C" else " " if kind == "Z" else sign
