"""Whether the file of a SQLite database is whole, and whether the log beside it is its own; looked at before serving.

SQLite plays back whatever write-ahead log lies beside a file: a backup that was copied over `hanse.db` beside the log
of a crashed process becomes a broken mixture, and nothing in either file says so. Each start therefore stamps the
header of the file (`user_version`, written through to the file itself) and notes the stamp in the name of a file beside
it, `<db>.stamp-<stamp>`; a log that is to be played back into a file with another stamp is refused (decision 0051). In
the name, because a folder of before that is copied over this one would otherwise replace the note along with the file.
"""

import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from connector.foundation.errors import Mistake
from connector.foundation.small_files import replaced, synced
from connector.foundation.storage.sqlite.lock import only_process
from connector.foundation.storage.sqlite.tx import connect, translate

_MAGIC = b"SQLite format 3\x00"
_STAMP = slice(60, 64)
"""Where the header holds `user_version` (SQLite file format, section 1.3)."""
_HEADER_BYTES = 100
_WAL_HEADER = 32
_NOTE = ".stamp-"
_STEPS = 50_000
"""Instructions of SQLite between two looks at the clock."""


def check(path: Path, seconds: float) -> bool:
    """Raises Mistake if the database is broken or the log beside it is another's. Blocks.

    Nothing is played back before the log is known to be this file's own. False: of a large one a part was looked at,
    since there was no time for more.
    """
    with only_process(path):
        own_log(path)
        return not path.exists() or quick(path, seconds)


def quick(path: Path, seconds: float, *, read_only: bool = False) -> bool:
    """Whether SQLite's `quick_check` came to its end in this time; raises Mistake if it found something."""
    try:
        with closing(_read_only(path) if read_only else connect(path)) as connection:
            began = time.monotonic()
            connection.set_progress_handler(lambda: time.monotonic() - began > seconds, _STEPS)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return False
        raise translate(error) from error
    except sqlite3.DatabaseError as error:
        raise Mistake("storage.broken", path=path, problem=error) from error
    if found != "ok":
        raise Mistake("storage.broken", path=path, problem=str(found).partition("\n")[0])
    return True


def _read_only(path: Path) -> sqlite3.Connection:
    """Nothing is written, nor moved out of the log, when it closes."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def own_log(path: Path) -> None:
    """Raises Mistake if a log waits to be played back into a file that is not the one it was written for."""
    wal = path.with_name(path.name + "-wal")
    if not wal.is_file() or wal.stat().st_size <= _WAL_HEADER:
        return
    if not path.exists():
        raise Mistake("storage.foreign-log", path=path, log=wal)
    if not all(stamp(path) in _stamps(path, note) for note in notes(path)):
        raise Mistake("storage.foreign-log", path=path, log=wal)


def stamp(path: Path) -> str:
    """The stamp in the file's own header, whatever the log says; empty if this is no database yet."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    return header[_STAMP].hex() if header.startswith(_MAGIC) else ""


def stamp_anew(path: Path, connection: sqlite3.Connection) -> None:
    """A new stamp for what is written from now on; `connection` is the only one, by the process lock. Blocks.

    Old and new are both noted while the header changes, so that a crash in between accuses nobody.
    """
    fresh, old = _fresh(), stamp(path)
    new = fresh.to_bytes(4).hex()
    _emptied(connection)
    _note(path, f"{old}-{new}")
    connection.execute(f"PRAGMA user_version = {fresh}").close()
    if _emptied(connection):
        _note(path, new)


def stamp_alone(path: Path) -> None:
    """A new stamp for a copy that nobody has open: a log of the original is not played back into it. Blocks."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {_fresh()}").close()


def _fresh() -> int:
    return secrets.randbelow(2**31 - 1) + 1


def _emptied(connection: sqlite3.Connection) -> bool:
    """Whether all of the log is in the file now."""
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def notes(path: Path) -> list[Path]:
    """One but for a moment; two if a folder of another run was copied over this one, and each names its own stamp.

    None: a database from a release before, or one that was never served here.
    """
    return [one for one in path.parent.iterdir() if one.name.startswith(path.name + _NOTE)]


def _note(path: Path, stamps: str) -> None:
    """This note and no other; the others are gone for good before the header changes."""
    place = path.with_name(f"{path.name}{_NOTE}{stamps}")
    replaced(place, b"")
    for one in notes(path):
        if one != place:
            one.unlink(missing_ok=True)
    synced(path.parent)


def _stamps(path: Path, note: Path) -> list[str]:
    return note.name.removeprefix(path.name + _NOTE).split("-")
