"""`hanse participant close|delete`: a participant leaves; its evidence is on the operator's disk before it is gone.

Both may be called again: what is done is not done twice, and a file that is there as it was taken along is kept.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, UNDECIDED, Call, opened, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.cli.records.records import TYPES
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import Settings
from connector.foundation.small_files import replacing, synced

_UUID = re.compile(r"urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
ROUNDS = 4
"""How often is looked whether all files lie there as they were taken along, and nothing new was logged meanwhile."""
SHOWN = 20
"""Partners that are named at once."""


def register(group: Words, inner: Any) -> None:
    close = group.command(inner, "close")
    close.word("slug", metavar="SLUG")
    close.word("--reason", required=True, metavar="TEXT")
    close.word("--yes", action="store_true")
    close.set_defaults(run=run_close)
    delete = group.command(inner, "delete")
    delete.word("slug", metavar="SLUG")
    delete.word("--evidence", required=True, type=Path, metavar="FOLDER")
    delete.word("--abandon", action="store_true")
    delete.word("--despite-retention", action="store_true")
    delete.word("--yes", action="store_true")
    delete.set_defaults(run=run_delete)


def run_close(call: Call) -> int:
    """Says what will end, asks, and ends it; what cannot be ended yet goes on in the server."""
    args, api = call.args, Api(call.settings().api.socket)
    now = api.get("participants", args.slug, "leaving")
    if now["state"] == "active":
        call.tell("leaving.plan", **_counts(now))
        if not _sure(call, "leaving.ask-close", now):
            return _unsaid(call)
    now = api.post("participants", args.slug, "close", body={"reason": args.reason})
    call.result(now)
    call.tell(f"leaving.states.{now['state']}", **_counts(now))
    _waiting(call, now)
    if now["problem"]:
        call.tell("leaving.problem", why=now["problem"][call.lang])
    if now["state"] == "closed":
        call.tell("leaving.next", slug=args.slug, did=now["did"])
        return OK
    return UNDECIDED


def run_delete(call: Call) -> int:
    """Evidence first; the server deletes nothing before all of it was taken along."""
    args, api = call.args, Api(call.settings().api.socket)
    now = api.get("participants", args.slug, "leaving")
    if now["state"] == "closed":
        folder = _apart(call.settings(), args.slug, args.evidence.expanduser())
        _waiting(call, now)
        _retained(call, now)
        if not _sure(call, "leaving.ask-delete", now):
            return _unsaid(call)
        taken = _take_along(call, api, folder)
        call.tell("leaving.taken", count=taken, folder=str(args.evidence))
    if now["state"] != "deleted":  # the same command tells whether it is over
        wish = {"abandon": args.abandon, "despite_retention": args.despite_retention}
        now = api.post("participants", args.slug, "delete", body=wish)
    call.result(now)
    call.tell(f"leaving.states.{now['state']}", **_counts(now))
    if now["state"] != "deleted":
        return UNDECIDED
    call.tell("leaving.after", name=now["name"], did=now["did"])
    return OK


def _apart(settings: Settings, slug: str, folder: Path) -> Path:
    """The folder as it really lies; raises Mistake if it would be deleted together with the participant."""
    real = folder.resolve()
    for place in (settings.data.files, settings.data.received, settings.folder / "log"):
        if real.is_relative_to((place / slug).resolve()):
            raise Mistake("leaving.inside", folder=folder, slug=slug)
    return real


def _take_along(call: Call, api: Api, folder: Path) -> int:
    """How many files there are, one for each agreement; raises Mistake if one cannot be written or kept.

    It is over when a whole look at all of them, as they lie on the disk, found nothing to do.
    """
    try:
        new = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in new:
            synced(place.parent)
    except OSError as problem:
        raise unusable(folder, problem) from problem
    for _ in range(ROUNDS):
        count, written = _look(call.args.slug, api, folder)
        if not written:
            return count
    raise Mistake("leaving.moving", folder=folder)


def _look(slug: str, api: Api, folder: Path) -> tuple[int, int]:
    """Writes what is not there as it was taken along, before the server hears of it; how many there are, and those."""
    after, count, written = "", 0, 0
    while page := api.get("participants", slug, "leaving", "evidence", after=after)["agreements"]:
        for one in page:
            after, count = one["agreement"], count + 1
            place = folder / _file(one)
            if one["sha256"] is None or _digest(place) != one["sha256"]:
                body = {"agreement": after, "sha256": _write(api, slug, one, place), "records": one["records"]}
                api.post("participants", slug, "leaving", "evidence", body=body)
                written += 1
    return count, written


def _write(api: Api, slug: str, one: dict[str, Any], place: Path) -> str:
    """The SHA-256 of the file. By its whole id: a partner may have called another one as the UUID of this one."""
    if one["bundle"]:
        return _save(place, api.download("participants", slug, "agreements", one["agreement"], "evidence"))
    what = api.get("participants", slug, "leaving", "agreements", one["agreement"])
    return _save(place, [json.dumps(what, ensure_ascii=False, indent=1).encode()])


def _save(place: Path, chunks: Iterable[bytes]) -> str:
    """Whole or not at all, and there after a power failure; the draft is this command's alone."""
    digest = hashlib.sha256()
    try:
        with replacing(place) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
    except OSError as problem:
        raise unusable(place, problem) from problem
    return digest.hexdigest()


def _file(one: dict[str, Any]) -> str:
    """A partner chooses the ids of its agreements: two never share a file, and none leads out of the folder."""
    name = str(one["agreement"])
    found = _UUID.fullmatch(name)
    safe = found[1] if found else hashlib.sha256(name.encode()).hexdigest()
    return f"{safe}.{'zip' if one['bundle'] else 'json'}"


def _digest(place: Path) -> str | None:
    if not place.exists():
        return None
    try:
        with opened(place) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise unusable(place, problem) from problem


def tell_state(call: Call, one: dict[str, Any]) -> None:
    """In a list: that a participant is leaving."""
    if one.get("state") in ("closing", "closed"):
        call.tell(f"leaving.listed-{one['state']}", slug=one["slug"])


def _counts(now: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "slug", "contracts", "partners", "negotiations", "transfers", "offers", "holds")
    return {name: now[name] for name in names}


def _waiting(call: Call, now: dict[str, Any]) -> None:
    """Who has not been told everything, and who did not take it."""
    for did, count in list(now["waiting"].items())[:SHOWN]:
        call.tell("leaving.waits", partner=now["names"][did], count=count)
    if len(now["waiting"]) > SHOWN:
        call.tell("leaving.more", count=len(now["waiting"]) - SHOWN)
    for did in now["refused"][:SHOWN]:
        call.tell("leaving.refused", partner=now["names"][did])
    if now["elsewhere"] and now["state"] == "closed":
        call.tell("leaving.elsewhere", signer=now["elsewhere"])


def _retained(call: Call, now: dict[str, Any]) -> None:
    """What is still within its period of retention; raises Mistake, as the server would, unless the word was said."""
    for one in now["retained"]:
        type_ = call.say(f"records.types.{one['type']}") if one["type"] in TYPES else one["type"]
        until = call.say("leaving.retained-until", through=one["until"]) if one["until"] else None
        loose = call.say("leaving.retained-loose", count=one["loose"]) if one["loose"] else ""
        facts = {"type": type_, "count": one["count"], "loose": loose}
        call.tell("leaving.retained", until=until or call.say("leaving.retained-for-ever"), **facts)
    if now["retained"]:
        call.tell("leaving.retained-after")
    if not call.args.despite_retention:
        if now["doubted"]:
            raise Mistake("leaving.doubted", slug=call.args.slug)
        if now["retained"]:
            raise Mistake("leaving.retained", slug=call.args.slug)


def _sure(call: Call, question: str, now: dict[str, Any]) -> bool:
    """Asked on the terminal only; a script says `--yes`."""
    if call.args.yes:
        return True
    if call.args.json or not sys.stdin.isatty():
        return False
    print(call.say(question, name=now["name"]), end=" ", flush=True)
    return sys.stdin.readline().strip().lower() in ("j", "ja", "y", "yes")


def _unsaid(call: Call) -> int:
    call.note("leaving.unsaid")
    return REFUSED
