"""`hanse participant close|delete`: a participant leaves; its evidence is on the operator's disk before it is gone.

Both may be called again: what is done is not done twice, and a file that is there as it was taken along is kept.
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from connector.cli.call import OK, REFUSED, UNDECIDED, Call, unusable
from connector.cli.client import Api
from connector.cli.get import save
from connector.cli.words import Words

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
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
        _waiting(call, now)
        if not _sure(call, "leaving.ask-delete", now):
            return _unsaid(call)
        taken = _take_along(call, api, args.evidence.expanduser())
        call.tell("leaving.taken", count=taken, folder=str(args.evidence))
    now = api.post("participants", args.slug, "delete", body={"abandon": args.abandon})
    call.result(now)
    call.tell(f"leaving.states.{now['state']}", **_counts(now))
    if now["state"] != "deleted":
        return UNDECIDED
    call.tell("leaving.after", name=now["name"], did=now["did"])
    return OK


def _take_along(call: Call, api: Api, folder: Path) -> int:
    """A file for each agreement, written whole before the server hears of it; raises Mistake if one cannot be."""
    slug, after, count = call.args.slug, "", 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise unusable(folder, problem) from problem
    while page := api.get("participants", slug, "leaving", "evidence", after=after)["agreements"]:
        for one in page:
            after, count = one["agreement"], count + 1
            place = folder / _file(one)
            if one["sha256"] is None or _digest(place) != one["sha256"]:
                taken = _write(api, slug, one, place)
                body = {"agreement": one["agreement"], "sha256": taken}
                api.post("participants", slug, "leaving", "evidence", body=body)
    return count


def _write(api: Api, slug: str, one: dict[str, Any], place: Path) -> str:
    """The SHA-256 of the file; it lies on the disk, not only in memory."""
    name = str(one["agreement"]).removeprefix("urn:uuid:")
    if one["bundle"]:
        digest = save(place, api.download("participants", slug, "agreements", name, "evidence"))
    else:
        what = api.get("participants", slug, "leaving", "agreements", name)
        digest = save(place, [json.dumps(what, ensure_ascii=False, indent=1).encode()])
    try:
        with place.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as problem:
        raise unusable(place, problem) from problem
    return digest


def _file(one: dict[str, Any]) -> str:
    """A partner chooses the ids of its agreements: what is no UUID does not become the name of a file."""
    name = str(one["agreement"]).removeprefix("urn:uuid:")
    safe = name if _UUID.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()
    return f"{safe}.{'zip' if one['bundle'] else 'json'}"


def _digest(place: Path) -> str | None:
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
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
        call.tell("leaving.waits", did=did, count=count)
    if len(now["waiting"]) > SHOWN:
        call.tell("leaving.more", count=len(now["waiting"]) - SHOWN)
    for did in now["refused"][:SHOWN]:
        call.tell("leaving.refused", did=did)
    if now["elsewhere"] and now["state"] == "closed":
        call.tell("leaving.elsewhere", signer=now["elsewhere"])


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
