"""Which steps make up the schema of this release, and whether a database is at them.

Steps are numbered files `NNNN_pre|post_name[.postgres|.sqlite].sql`. `pre` steps run before the rollout and suit the
previous release too; `post` steps run after it. So a database with an unknown `pre` step is usable, one with an unknown
`post` step is not.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Dialect, Tx

MIGRATIONS = Path(__file__).parent / "migrations"
Phase = Literal["pre", "post"]

_NAME = re.compile(
    r"(?P<name>(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+)(?:\.(?P<dialect>postgres|sqlite))?\.sql"
)
SESSIONS = frozenset({"desk_session", "one_time_secret", "sign_in_attempt"})
"""Tables that no backup holds: who is signed in now is nobody's business later."""
IDENTITY = "SELECT id FROM database_identity"
_LEDGER_EXISTS: dict[Dialect, str] = {
    "sqlite": "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
    "postgres": "SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema AND tablename = 'schema_version'",
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One migration: its general file and the one for the dialect, if any, in that order."""

    name: str
    number: int
    phase: Phase
    files: tuple[Path, ...]


class Session(Protocol):
    """What a migration needs of a connection: scripts of several statements, and a transaction around them."""

    def script(self, sql: str) -> None:
        """Run several statements."""

    def applied(self) -> list[tuple[str, str]]:
        """Names and phases of the steps in the ledger."""

    def record(self, step: Step, at: int) -> None:
        """Enter a step in the ledger."""

    def identity(self) -> str | None:
        """The id of the database (decision 0041); None before the step that gives it one."""


def steps(dialect: Dialect, folder: Path = MIGRATIONS) -> list[Step]:
    """All steps of this release for a dialect, in order."""
    files: dict[str, list[Path]] = {}
    found: dict[str, tuple[int, Phase]] = {}
    for path in sorted(folder.glob("*.sql"), key=lambda path: (path.name.split(".")[0], path.name.count("."))):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise Mistake("storage.migration-name", name=path.name)
        if match["dialect"] in (None, dialect):
            found[match["name"]] = (int(match["number"]), "pre" if match["phase"] == "pre" else "post")
            files.setdefault(match["name"], []).append(path)
    return [
        Step(name=name, number=number, phase=phase, files=tuple(files[name])) for name, (number, phase) in found.items()
    ]


def known_steps(dialect: Dialect, folder: Path = MIGRATIONS) -> Sequence[Step]:
    """As `steps`; those of this release are read once, since its files stay as they are while it runs."""
    return _of_this_release(dialect) if folder == MIGRATIONS else steps(dialect, folder)


@cache
def _of_this_release(dialect: Dialect) -> Sequence[Step]:
    return tuple(steps(dialect))


def check(tx: Tx, folder: Path = MIGRATIONS) -> None:
    """A unit that raises `Mistake` if the schema is older than this release needs or newer than it understands."""
    known = known_steps(tx.dialect, folder)
    exists = tx.one(_LEDGER_EXISTS[tx.dialect]) is not None
    applied = tx.all("SELECT name, phase FROM schema_version") if exists else []
    names = {row["name"] for row in applied}
    missing = [step.name for step in known if step.phase == "pre" and step.name not in names]
    if missing:
        raise Mistake("storage.schema-old", step=missing[0])
    refuse_newer([(row["name"], row["phase"]) for row in applied], known)


def refuse_newer(applied: Iterable[tuple[str, str]], known: Iterable[Step]) -> None:
    """Raises `Mistake` if one of these steps (name, phase) is of a release that this one does not understand."""
    ours = {step.name for step in known}
    for name, phase in applied:
        if phase == "post" and name not in ours:
            raise Mistake("storage.schema-new", step=name)
