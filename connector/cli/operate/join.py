"""`hanse join`: shows whose space it is, has its key compared by voice, applies, and waits if asked to.

The link is a secret until it is used, so it need not stand among the arguments, which other users of the machine and
the history of the shell see: it is asked for at a terminal, and read from standard input elsewhere.
"""

import base64
import sys
import time
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, named_file
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.cli.operate.space import sentence
from connector.cli.operate.space_rules import tell_rules
from connector.foundation.errors import Mistake

LARGEST = 131_072
"""Bytes of one document, and of all of them together (spec/spaces.md 3.2)."""
LONGEST = 1_023
"""Characters of a link, and more than any has."""
STEP_S = 2.0
MEDIA = {".pdf": "application/pdf", ".txt": "text/plain", ".png": "image/png", ".jpg": "image/jpeg"}


def register(top: Words, places: Any) -> None:
    join = top.command(places, "join")
    join.word("link", metavar="LINK", nargs="?", default="-")
    join.word("--as", dest="participant", required=True, metavar="SLUG")
    join.word("--fingerprint", metavar="DIGITS")
    join.word("--document", metavar="NAME=FILE", action="append", default=[])
    join.word("--wait", metavar="SECONDS", type=int, default=0)
    join.set_defaults(run=run, yes=False)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    link = _read(call) if args.link == "-" else args.link
    said = api.post("participants", args.participant, "spaces", "look", body={"link": link})
    call.tell("space.whose", name=said["name"], space=said["space"])
    tell_rules(call, said["rules"])
    fingerprint = args.fingerprint or _compared(call, said)
    if fingerprint is None:
        return REFUSED
    body = {
        "link": link,
        "fingerprint": fingerprint,
        "documents": [_document(one) for one in args.document],
    }
    one = api.post("participants", args.participant, "spaces", body=body)
    until = time.monotonic() + args.wait
    while one["state"] in ("applying", "pending") and time.monotonic() < until:
        time.sleep(STEP_S)
        one = api.post("participants", args.participant, "spaces", "progress", body={"space": one["space"]})
    call.result(one)
    call.tell("join.state", name=one["name"], state=call.say(f"join.{one['state']}"))
    if one["state"] == "refused":
        call.tell("join.why", reason=sentence(call, one["reason"]))
        return REFUSED
    if one["state"] in ("applying", "pending"):
        if one["reason"]:  # the authority answers, and decides nothing
            call.tell("join.why", reason=sentence(call, one["reason"]))
        call.tell("join.later", slug=args.participant)
    return OK


def _read(call: Call) -> str:
    """A line of standard input; raises Mistake if there is none, or if it is no text."""
    if sys.stdin is not None and sys.stdin.isatty():
        print(call.say("join.link"), end="", file=sys.stderr, flush=True)
    try:
        found = sys.stdin.readline(LONGEST).strip() if sys.stdin is not None else ""
    except UnicodeDecodeError as cause:
        raise Mistake("spaces.link") from cause
    if not found:
        raise Mistake("cli.join-no-link")
    return found


def _compared(call: Call, said: Any) -> str | None:
    """A person says that what she is read on the telephone is what she sees."""
    if call.args.json or not sys.stdin.isatty():
        raise Mistake("cli.join-fingerprint")
    call.tell("space.fingerprint", fingerprint=said["fingerprint"])
    return str(said["fingerprint"]) if call.sure("join.compare", name=said["name"]) else None


def _document(text: str) -> dict[str, str]:
    name, equals, place = text.partition("=")
    if not equals or not name or not place:
        raise Mistake("cli.join-document", text=text[:200])
    path = Path(place).expanduser()
    content = named_file(path, LARGEST + 1)
    if len(content) > LARGEST:
        raise Mistake("cli.join-large", path=path, most=LARGEST)
    media = MEDIA.get(path.suffix.lower(), "application/octet-stream")
    return {"name": name, "mediaType": media, "content": base64.urlsafe_b64encode(content).decode().rstrip("=")}
