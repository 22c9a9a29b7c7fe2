"""`hanse space forks`, `fork-export`, `fork-check`, `fork-settle`: two lists of one number that one authority signed.

The check needs no server and no settings: whoever is handed the file may be anybody (spec/trust.md 4.8).
"""

import json
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, named_file, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words

MOST_LINES = 50


def register(group: Words, inner: Any) -> None:
    group.command(inner, "forks").set_defaults(run=run_forks)
    export = group.command(inner, "fork-export")
    export.word("authority", metavar="URN")
    export.word("-o", "--output", metavar="FILE", type=Path, required=True)
    export.set_defaults(run=run_export)
    check = group.command(inner, "fork-check")
    check.word("file", metavar="FILE", type=Path)
    check.set_defaults(run=run_check)
    settle = group.command(inner, "fork-settle")
    settle.word("authority", metavar="URN")
    settle.word("--list", metavar="NUMBER", type=int, required=True, dest="version")
    settle.sure()
    settle.set_defaults(run=run_settle)


def run_forks(call: Call) -> int:
    """1 while one is open, so that a monitor notices."""
    found = Api(call.settings().api.socket).get("trust", "forks")
    call.result(found)
    for one in found["forks"]:
        call.tell("space.fork", name=one["name"] or one["authority"], version=one["version"], at=one["found"])
        call.tell("space.fork-whose", authority=one["authority"], fingerprint=one["fingerprint"])
        if one["settled"]:
            call.tell("space.fork-settled", at=one["settled"])
        else:
            key = "space.fork-open" if one["current"] else "space.fork-unused"
            call.tell(key, authority=one["authority"], version=one["version"], current=one["current"])
    if not found["forks"]:
        call.tell("space.fork-none")
    return REFUSED if any(not one["settled"] for one in found["forks"]) else OK


def run_export(call: Call) -> int:
    args = call.args
    found = Api(call.settings().api.socket).get("trust", "forks", args.authority)
    place = args.output.expanduser()
    try:
        place.write_text(json.dumps(found), encoding="ascii")
    except OSError as problem:
        raise unusable(place, problem) from problem
    call.result({"file": str(place), "authority": found["authority"], "version": found["version"]})
    call.tell("space.fork-exported", place=str(place), version=found["version"])
    return OK


def run_check(call: Call) -> int:
    """1 if the file proves nothing."""
    from connector.dataspace.spaces.model import fingerprint  # most commands do not need what judges lists
    from connector.identity.trust.members import fork_proof

    data = named_file(call.args.file.expanduser(), fork_proof.MOST + 1)
    found = fork_proof.proven(data)
    digits = fingerprint(found.authority)
    lines = [
        {"did": one.did, "name": one.name, "one": one.one, "two": one.two} for one in found.differences[:MOST_LINES]
    ]
    call.result(
        {
            "proven": True,
            "authority": found.authority,
            "fingerprint": digits,
            "version": found.version,
            "space": found.space,
            "name": found.name,
            "issued": found.issued,
            "differences": lines,
        }
    )
    call.tell("space.fork-proven", name=found.name or found.authority, version=found.version)
    call.tell("space.fork-whose", authority=found.authority, fingerprint=digits)
    call.tell("space.fork-issued", one=found.issued[0], two=found.issued[1])
    for one in found.differences[:MOST_LINES]:
        stands = [call.say(f"space.fork-stands.{each}") for each in (one.one, one.two)]
        alike = one.one == one.two
        call.tell(
            f"space.fork-{'alike' if alike else 'differs'}", name=one.name, did=one.did, one=stands[0], two=stands[1]
        )
    if len(found.differences) > MOST_LINES:
        call.tell("space.fork-more", count=len(found.differences) - MOST_LINES)
    if not found.differences:
        call.tell("space.fork-elsewhere")
    return OK


def run_settle(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    one = _found(api.get("trust", "forks"), args.authority, args.version)
    if one is not None and not one["settled"]:
        key = "space.fork-settle-sure" if one["current"] else "space.fork-settle-unused"
        if not call.sure(key, version=args.version, current=one["current"]):
            return OK
    done = api.post("trust", "forks", "settle", body={"authority": args.authority, "version": args.version})
    call.result(done)
    one = _found(done, args.authority, args.version)
    current = 0 if one is None else one["current"]
    call.tell("space.fork-settle-done" if current else "space.fork-settle-done-unused", current=current)
    return OK


def _found(forks: dict[str, Any], authority: str, version: int) -> dict[str, Any] | None:
    return next((one for one in forks["forks"] if (one["authority"], one["version"]) == (authority, version)), None)
