"""A data folder belongs to one database: what lies beside it (`log/`, `witness/`) speaks of that one alone.

The database has an id, made with its schema; the folder notes it in a file at the first start. Of two databases one
gets the folder, and whoever comes with the other is refused before anything is migrated or written. Several folders may
belong to one database: replicas have their own (decision 0041).
"""

import asyncio
import os
import re
from pathlib import Path

from connector.foundation.errors import Defect, Mistake, Unavailable
from connector.foundation.language.system_words import system_words
from connector.foundation.small_files import content, created
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.foundation.storage.schema import IDENTITY

FILE = "database.id"
HALF = "restore.partial"
"""Lies in a folder whose restore has not come to its end (decision 0051)."""
_ID = re.compile(r"[0-9a-f]{32}\n?")
_LIMIT = 1_024


def owner(folder: Path) -> str | None:
    """The id of the database that the folder belongs to, None if to none yet; Mistake if its file says no id."""
    place = folder / FILE
    try:
        text = content(place, _LIMIT).decode("ascii")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise Mistake("storage.folder-unclear", file=place) from problem
    if _ID.fullmatch(text) is None:
        raise Mistake("storage.folder-unclear", file=place)
    return text.strip()


def whole(folder: Path) -> None:
    """Raises Mistake if a restore into this folder has not come to its end."""
    if os.path.lexists(folder / HALF):
        raise Mistake("storage.half-restored", folder=folder, file=folder / HALF)


def checked(folder: Path, noted: str | None, found: str | None) -> None:
    """Raises Mistake if the folder belongs to the database `noted`, and the one in use is another or none so far."""
    if noted is not None and noted != found:
        raise Mistake("storage.folder-of-another", folder=folder, file=folder / FILE)


async def settle(db: Database, folder: Path) -> None:
    """The folder belongs to this database from now on; raises Mistake if it belongs to another one."""
    await asyncio.to_thread(claim, folder, await db.read(PROCESS, identity))


def identity(tx: Tx) -> str:
    """The id of this database."""
    row = tx.one(IDENTITY)
    if row is None:
        raise Defect("storage.statement", reason="database_identity")
    return str(row["id"])


def claim(folder: Path, found: str) -> None:
    """Notes the id unless one is noted; whole or not at all, and of two at once one is first. Blocks.

    Raises Mistake if it is another one's, Unavailable if the folder cannot be written.
    """
    noted = owner(folder)
    if noted is None:
        try:
            created(folder / FILE, f"{found}\n".encode("ascii"))
        except OSError as problem:
            raise Unavailable("storage.folder-unwritable", folder=folder, why=system_words(problem)) from problem
        noted = owner(folder)
    checked(folder, noted, found)
