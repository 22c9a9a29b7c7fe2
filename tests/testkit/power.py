"""A disk that loses its power: what was not synced is there, or not, or in part.

Every write, truncation and sync that SQLite makes is heard where SQLite calls its operating system (its VFS), and the
syncs of the product where it has them from a port. Of each file this knows what is certainly on the disk, and what was
written since. `cut` gives the files as they may be after the power went now: of each write since, none, all, or some
sectors of 512 bytes, in any combination. What SQLite keeps in memory beside the file (`-shm`) is gone.
"""

import _sqlite3
import ctypes
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any

SECTOR = 512


class _File(ctypes.Structure):
    _fields_ = (("methods", c_void_p),)


_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(_File), c_int, POINTER(c_int))
_WRITE = CFUNCTYPE(c_int, POINTER(_File), c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, POINTER(_File), c_int64)
_SYNC = CFUNCTYPE(c_int, POINTER(_File), c_int)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, as far as it is needed."""

    _fields_ = (
        ("version", c_int),
        ("size", c_int),
        ("longest", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("rest", c_void_p * 13),
    )


class Medium:
    """One file: what is on the disk for certain, and what was done to it since, in order."""

    def __init__(self, content: bytes) -> None:
        self.certain = bytearray(content)
        self.since: list[tuple[int, bytes] | int] = []
        """(offset, data) that was written, or the size it was cut to."""
        self._before = 0

    @property
    def done(self) -> int:
        """How many things were done to it so far."""
        return self._before + len(self.since)

    def synced(self, done: int) -> None:
        """The first `done` things that were done to it are certain, whichever of two syncs at once ends first."""
        count = max(0, done - self._before)
        for one in self.since[:count]:
            _do(self.certain, one)
        del self.since[:count]
        self._before += count

    def maybe(self, dice: random.Random) -> bytes:
        """As it may be found when the power is back."""
        found = bytearray(self.certain)
        for one in self.since:
            fate = dice.choice(("none", "all", "all", "torn"))
            if fate == "all" or (fate == "torn" and isinstance(one, int)):
                _do(found, one)
            elif fate == "torn" and not isinstance(one, int):
                for at in range(0, len(one[1]), SECTOR):
                    if dice.random() < 0.5:
                        _do(found, (one[0] + at, one[1][at : at + SECTOR]))
        return bytes(found)


def _do(content: bytearray, one: tuple[int, bytes] | int) -> None:
    if isinstance(one, int):
        del content[one:]
        content.extend(bytes(one - len(content)))
        return
    offset, data = one
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class Disk:
    """The files of one folder. `heard` is called after each thing that SQLite did, with its name: write, sync…"""

    def __init__(self, folder: Path, heard: Callable[[str], None] = lambda _: None) -> None:
        self._folder = str(folder)
        self._media: dict[str, Medium] = {}
        self.heard = heard
        self.alone = threading.RLock()
        """Held for each write, and for a cut: several threads write, and the power goes at one moment for all files.

        Whoever dies by it keeps it from before `lose` until its end: nothing is written behind that."""
        self.refuses = 0
        """So many of SQLite's syncs fail from now on; what was written stays uncertain."""

    def of(self, path: str) -> Medium | None:
        """None for what is not watched: temporary files, and what is rebuilt."""
        if not path.startswith(self._folder) or path.endswith("-shm"):
            return None
        if path not in self._media:
            self._media[path] = Medium(Path(path).read_bytes() if Path(path).exists() else b"")
        return self._media[path]

    def opens(self, path: str) -> bool:
        """Whether this file is watched; one that was deleted meanwhile begins anew."""
        if not Path(path).exists():
            self._media.pop(path, None)
        return self.of(path) is not None

    def sync(self, file: int) -> None:
        """The port of the product: like `fdatasync`, and certain is what was written before it began."""
        medium = self.of(os.readlink(f"/proc/self/fd/{file}"))
        assert medium is not None
        with self.alone:
            done = medium.done
        self.heard("product")
        with self.alone:
            medium.synced(done)

    def cut(self, dice: random.Random) -> dict[str, bytes]:
        """The files, by name, as they may be if the power goes now."""
        with self.alone:
            there = {path: medium for path, medium in self._media.items() if Path(path).exists()}
            return {Path(path).name: medium.maybe(dice) for path, medium in there.items()}

    def forget(self) -> None:
        """Nobody writes to it any more; what C may call lives for ever, and this with it."""
        self._media.clear()
        self.heard = lambda _: None

    def lose(self, dice: random.Random) -> None:
        """Puts the files into that state; whoever has them open may not go on."""
        for name, content in self.cut(dice).items():
            (Path(self._folder) / name).write_bytes(content)
        for left in Path(self._folder).glob("*-shm"):
            left.unlink()


_library = ctypes.CDLL(_sqlite3.__file__)
_kept: list[Any] = []
"""What C calls has to stay for as long as a connection may be open."""


@contextmanager
def watched(disk: Disk) -> Iterator[Disk]:
    """Connections that are opened within it write to this disk."""
    sqlite3.connect(":memory:").close()
    _library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    vfs = _library.sqlite3_vfs_find(None).contents
    before = vfs.open
    open_ = _opener(disk, _OPEN(before))
    _kept.append(open_)
    vfs.open = ctypes.cast(open_, c_void_p).value
    try:
        yield disk
    finally:
        vfs.open = before
        disk.forget()


def _opener(disk: Disk, original: Any) -> Any:
    tables: dict[int, _Methods] = {}
    paths: dict[int, str] = {}

    def opened(vfs: int, name: int | None, file: Any, flags: int, out: Any) -> int:
        """The name is passed on as it came: parameters stand behind its end in memory."""
        path = ctypes.string_at(name).decode() if name else ""
        meant = bool(path) and disk.opens(path)
        code: int = original(vfs, name, file, flags, out)
        address = ctypes.addressof(file.contents)
        paths.pop(address, None)
        if code == 0 and meant:
            paths[address] = path
            methods = file.contents.methods
            if methods not in tables:
                tables[methods] = _hooked(disk, methods, paths)
            file.contents.methods = ctypes.addressof(tables[methods])
        return code

    _kept.append(tables)
    return _OPEN(opened)


def _hooked(disk: Disk, methods: int, paths: dict[int, str]) -> _Methods:
    real = _Methods.from_address(methods)
    table = _Methods.from_buffer_copy(real)
    write_, truncate_, sync_ = _WRITE(real.write), _TRUNCATE(real.truncate), _SYNC(real.sync)

    def medium(file: Any) -> Medium:
        found = disk.of(paths[ctypes.addressof(file.contents)])
        assert found is not None
        return found

    def write(file: Any, data: int, count: int, offset: int) -> int:
        with disk.alone:
            medium(file).since.append((offset, ctypes.string_at(data, count)))
            code: int = write_(file, data, count, offset)
        disk.heard("write")
        return code

    def truncate(file: Any, size: int) -> int:
        with disk.alone:
            medium(file).since.append(size)
            code: int = truncate_(file, size)
        disk.heard("truncate")
        return code

    def sync(file: Any, flags: int) -> int:
        one = medium(file)
        with disk.alone:
            done = one.done
        disk.heard("sync")
        if disk.refuses > 0:
            disk.refuses -= 1
            return sqlite3.SQLITE_IOERR_FSYNC
        code: int = sync_(file, flags)
        with disk.alone:
            one.synced(done)
        return code

    hooks = (_WRITE(write), _TRUNCATE(truncate), _SYNC(sync))
    _kept.append(hooks)
    table.write, table.truncate, table.sync = (ctypes.cast(hook, c_void_p).value for hook in hooks)
    return table
