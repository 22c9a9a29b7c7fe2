"""`hanse backup` and `hanse restore`: an installation as it was at one moment, and that back in an empty place.

A running server copies its SQLite database itself, because only one process has that open; everything else is done
here. A restore asks no server: it makes the folder that one may be started in.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, named_file
from connector.cli.frame.client import Api, Problem
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.settings.load import Settings, database_place, database_url

MOST_PASSPHRASE = 4_096
EVERY_S = 2.0
MOST_NAMED = 20


def register(top: Words, places: Any) -> None:
    backup = top.command(places, "backup")
    backup.word("--to", metavar="DIR", type=Path)
    backup.word("--keys-to", metavar="DIR", type=Path)
    backup.word("--passphrase-file", metavar="FILE", type=Path)
    backup.word("--without-received", action="store_true")
    backup.word("--check", action="store_true")
    backup.set_defaults(run=run_backup)
    restore = top.command(places, "restore")
    restore.word("backup", metavar="DIR", type=Path)
    restore.word("--keys", metavar="FILE", type=Path)
    restore.word("--passphrase-file", metavar="FILE", type=Path)
    restore.word("--old", metavar="DIR", type=Path)
    restore.word("--check", action="store_true")
    restore.set_defaults(run=run_restore)


def run_backup(call: Call) -> int:
    from connector.continuity.backup import create, examine

    args, settings = call.args, call.settings()
    to = (args.to or settings.folder.with_name(f"{settings.folder.name}-backups")).absolute()
    passphrase = _passphrase(args.passphrase_file)
    apart = args.keys_to.absolute() if args.keys_to else None if passphrase else examine.beside(to)
    wish = create.Wish(to, apart, passphrase, not args.without_received, args.check)
    with _progress(call) as told:
        made = create.make(settings, wish, _copy(settings), told)
    found = made.manifest
    call.result(
        {
            "folder": str(made.folder),
            "keys": str(made.keys),
            "files": len(found.files),
            "bytes": _bytes(found),
            "missing": list(found.missing),
            **_plain(made.examined),
        }
    )
    call.tell("backup.made", folder=made.folder, files=len(found.files), bytes=call.size(_bytes(found)))
    call.tell("backup.keys-apart" if apart else "backup.keys-inside", keys=made.keys)
    for path in found.missing[:MOST_NAMED]:
        call.tell("backup.missing", path=path)
    # Whoever calls this at night reads the exit code alone.
    return max(_judged(call, made.examined), REFUSED if found.missing else OK)


def run_restore(call: Call) -> int:
    from connector.continuity.backup import examine
    from connector.continuity.backup import restore as restoring

    args, passphrase = call.args, _passphrase(call.args.passphrase_file)
    with _progress(call) as told:
        backup = examine.read(args.backup.absolute())
        examine.whole(backup, told)
        if args.check:
            return _check(call, backup, passphrase, told)
        _, held = examine.opened(backup, args.keys, passphrase)
        old = args.old.absolute() if args.old else None
        done = restoring.restore(backup, held, call.folder, call.environ, told, old)
    call.result(
        {
            "folder": str(call.folder),
            "outside": list(done.outside),
            "missing": list(done.missing),
            **_plain(done.examined),
        }
    )
    call.tell("restore.done", folder=call.folder, made=backup.manifest.made_at)
    for path in done.outside:
        call.tell("restore.outside", path=path)
    for path in done.missing[:MOST_NAMED]:
        call.tell("backup.missing", path=path)
    call.tell("restore.next", folder=call.folder)
    return _judged(call, done.examined)


def _check(call: Call, backup: Any, passphrase: str | None, told: Any) -> int:
    """Files and manifest always; the keys where they are at hand; seals and logs where the copy can be read."""
    from connector.continuity.backup import create, examine
    from connector.foundation.storage.postgres import dump
    from connector.foundation.storage.sqlite import snapshot

    try:
        examine.opened(backup, call.args.keys, passphrase)
        opened = "restore.check-keys"
    except Mistake as problem:
        if problem.code not in ("backup.keys-missing", "backup.passphrase-missing"):
            raise
        opened = "restore.check-no-keys"
    examined = None
    if backup.manifest.database.kind == "sqlite":
        snapshot.sound(backup.folder / create.SQLITE)
        with snapshot.reading(backup.folder / create.SQLITE) as tx:
            examined = examine.examined(tx, told)
    else:
        dump.readable(backup.folder / create.POSTGRES)
    found = backup.manifest
    call.result(
        {
            "name": found.name,
            "made_at": found.made_at,
            "files": len(found.files),
            "bytes": _bytes(found),
            "keys": opened == "restore.check-keys",
            "missing": list(found.missing),
            **_plain(examined),
        }
    )
    call.tell("restore.check-files", files=len(found.files), bytes=call.size(_bytes(found)), made=found.made_at)
    call.tell(opened)
    if examined is None:
        call.tell("restore.check-later")
    return _judged(call, examined)


def _copy(settings: Settings) -> Any:
    """How the SQLite database is copied: by the server that has it open, or here where none runs."""
    from connector.continuity.backup import create

    if not database_url(settings).startswith("sqlite:"):
        _same(settings)
        return None
    return _by_server(settings) if _same(settings) else create.offline(settings)


def _same(settings: Settings) -> bool:
    """Whether a server answers; raises Mistake if it serves another database than our environment names."""
    try:
        serves = Api(settings.api.socket).get("process")
    except Unavailable as problem:
        if problem.code == "cli.no-server":
            return False
        raise
    for mine, theirs in (
        (database_place(database_url(settings)), serves["database"]["place"]),
        (str(settings.data.files), serves["files"]),
    ):
        if mine != theirs:
            raise Mistake("backup.other-settings", server=theirs, here=mine)
    return True


def _by_server(settings: Settings) -> Any:
    """It copies into a folder of its own; from there the copy is taken by the name alone that it says."""
    from connector.foundation.storage import sqlite_path
    from connector.foundation.storage.sqlite import own_copies

    def copy(target: Path, told: Any) -> None:
        for line in Api(settings.api.socket).lines("backup", "database", body={}):
            if "reason" in line:
                raise Problem(int(line["status"]), line)
            told("database", int(line.get("done", 0)), int(line.get("of", 0)))
            if line.get("copied"):
                own_copies.take(sqlite_path(database_url(settings)), str(line.get("name")), target)
                return
        raise Unavailable("cli.broken-off")

    return copy


def _passphrase(path: Path | None) -> str | None:
    """The first line of the file."""
    if path is None:
        return None
    text = named_file(path, MOST_PASSPHRASE).decode("utf-8", errors="replace").partition("\n")[0].strip("\r")
    if not text:
        raise Mistake("backup.passphrase-empty", file=path)
    return text


@contextmanager
def _progress(call: Call) -> Iterator[Any]:
    """A line on standard error every two seconds, for people alone."""
    last = time.monotonic()

    def told(what: str, done: int, of: int) -> None:
        nonlocal last
        if call.args.json or time.monotonic() - last < EVERY_S:
            return
        last = time.monotonic()
        share = f"{100 * done // of} %" if of else call.size(done)
        print(call.say(f"backup.progress.{what}", share=share), file=sys.stderr, flush=True)

    yield told


def _plain(examined: Any) -> dict[str, object]:
    if examined is None:
        return {"checked": None}
    wrong = [{"participant": one.participant, "what": one.what, "why": one.why} for one in examined.wrong]
    return {"checked": {"agreements": examined.agreements, "states": examined.states, "wrong": wrong}}


def _judged(call: Call, examined: Any) -> int:
    if examined is None:
        return OK
    call.tell("backup.examined", agreements=examined.agreements, states=examined.states)
    for one in examined.wrong[:MOST_NAMED]:
        call.tell("backup.wrong", participant=one.participant, what=one.what, why=one.why)
    return REFUSED if examined.wrong else OK


def _bytes(found: Any) -> int:
    return sum(item.size for item in found.files)
