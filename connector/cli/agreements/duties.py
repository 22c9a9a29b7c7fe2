"""`hanse duties`: what is owed under an agreement and by when, and marking a duty as done with a receipt in hand."""

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, opened, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake


def register(top: Words, places: Any) -> None:
    command = top.command(places, "duties")
    command.word("agreement", metavar="AGREEMENT")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--done", metavar="ACTION")
    command.word("--rule", metavar="NUMBER")
    command.word("--at", metavar="DAY")
    command.word("--value", action="append", default=[], metavar="NAME=VALUE")
    command.word("--evidence", metavar="FILE", type=Path)
    command.set_defaults(run=run)


def run(call: Call) -> int:
    """Without `--done` it lists; with it, it books and lists what stands then."""
    args, api = call.args, Api(call.settings().api.socket)
    where = ("participants", args.participant, "agreements", args.agreement, "duties")
    found = api.get(*where) if args.done is None else api.post(*where, body=_deed(args, _rule(api, where, args.rule)))
    call.result(found)
    for number, duty in enumerate(found["duties"], 1):
        _line(call, duty, number)
    if not found["duties"]:
        call.tell("duties.none")
    for deed in found["deeds"]:
        call.tell("duties.deed", at=rfc3339(deed["at"]), action=deed["label"][call.lang])
    return OK


def _rule(api: Api, where: tuple[str, ...], given: str | None) -> str | None:
    """The place in the policy of the duty with that number in the list; a place (JSON pointer) stays as it is."""
    if given is None or not given.isdecimal():
        return given
    listed = api.get(*where)["duties"]
    if not 1 <= int(given[:6]) <= len(listed):
        raise Mistake("cli.duty-number", number=given[:6], most=len(listed))
    return str(listed[int(given[:6]) - 1]["rule"])


def _deed(args: Any, rule: str | None) -> dict[str, object]:
    return {
        "action": args.done,
        "rule": rule,
        "at": args.at,
        "values": dict(_pair(text) for text in args.value),
        "evidence": None if args.evidence is None else _sha256(args.evidence),
    }


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Mistake("cli.duty-value", value=text[:80])
    return name, value


def _sha256(path: Path) -> str:
    """Of the receipt; the receipt itself stays where it is."""
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise unusable(path, problem) from problem


def _line(call: Call, duty: dict[str, Any], number: int) -> None:
    who = call.say("duties.us" if duty["owed"] else "duties.them")
    state = call.say(f"duties.state.{duty['state'] if duty['active'] else 'inactive'}")
    call.tell("duties.line", action=duty["label"][call.lang], who=who, state=state, number=number)
    if duty["due_at"] is not None:
        call.tell("duties.due", through=rfc3339(duty["due_at"]))
    if duty["blocks"]:
        call.tell("duties.blocks")
    if duty["owed"] and duty["active"] and duty["state"] in ("not-set", "violated"):
        name = shlex.quote(re.split("[/#:]", duty["action"])[-1])  # a partner chose it, and a person types it
        call.tell("duties.book", agreement=call.args.agreement, slug=call.args.participant, name=name)
