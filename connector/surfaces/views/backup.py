"""How far a copy of the database is: one of these a line."""

import msgspec

from connector.surfaces.views.fields import Sentences


class BackupProgress(msgspec.Struct, frozen=True):
    """Pages that are copied, of how many."""

    done: int
    of: int


class BackupFailed(msgspec.Struct, frozen=True):
    """As a problem: nothing comes after it."""

    code: str
    status: int
    reason: Sentences


class BackupDone(msgspec.Struct, frozen=True):
    """`name` of the file in the server's folder for copies."""

    name: str
    copied: bool = True
