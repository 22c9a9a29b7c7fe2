"""`hanse get`: has the data of an agreement transferred and saves it under the chosen name, SHA-256 checked."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from connector.cli.exchange.waiting import waited
from connector.cli.frame.call import OK, REFUSED, UNDECIDED, Call, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake, Unavailable


def register(top: Words, places: Any) -> None:
    command = top.command(places, "get")
    command.word("agreement", metavar="AGREEMENT")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("-o", "--output", required=True, type=Path, metavar="FILE")
    command.word("--purpose", metavar="PURPOSE")
    command.word("--push", action="store_true")
    command.word("--wait", type=int, default=600, metavar="SECONDS")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args = call.args
    mode = "push" if args.push else "pull"
    purpose = args.purpose and concepts.purpose(args.purpose).iri
    return fetched(call, {"agreement": args.agreement, "purpose": purpose, "mode": mode})


def fetched(call: Call, body: Mapping[str, object]) -> int:
    """Has the data transferred and saves them to `--output`; waits `--wait` seconds at most. The exit code."""
    args, api = call.args, Api(call.settings().api.socket)
    started = api.post("participants", args.participant, "transfers", body=body)
    place = ("participants", args.participant, "transfers", started["id"])
    now = waited(api, args.wait, *place)
    if now.get("file"):
        save(args.output, api.download(*place, "content"), now["sha256"])
    call.result(now)
    return _outcome(call, now)


_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC
"""Never waits for whoever reads a pipe of that name."""


def save(output: Path, chunks: Iterable[bytes], sha256: str | None = None) -> str:
    """Write the file whole and as expected, or not at all; returns the SHA-256 of what was written, in hex."""
    if output.is_dir():
        raise Mistake("cli.folder", path=output)
    draft = output.with_name(output.name + ".part")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(draft, _DRAFT, 0o666), "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if sha256 not in (None, digest.hexdigest()):
            raise Unavailable("cli.broken-off")
        draft.replace(output)
    except OSError as problem:
        raise unusable(output, problem) from problem
    finally:
        with suppress(OSError):  # gone already, or never there: a read-only disk says so of both
            draft.unlink()
    return digest.hexdigest()


def _outcome(call: Call, now: Mapping[str, Any]) -> int:
    if now.get("file"):
        call.tell("get.done", file=call.args.output, bytes=call.size(now["bytes"]), sha256=now["sha256"])
        return OK
    if now["state"] == "TERMINATED" or now.get("outcome"):
        call.tell("get.refused", reason=(now.get("reason") or {}).get(call.lang, ""))
        return REFUSED
    call.tell("get.open", state=now["status"]["text"][call.lang], id=now["id"])
    return UNDECIDED
