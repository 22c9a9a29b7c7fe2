"""`hanse trace`: the transcript of a negotiation or transfer, why it stands where it stands, and what to do.

Ends with 0 if it is over, 2 while it is open, 4 if what is missing is that somebody can be reached.
"""

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.cli.frame.call import OK, PEER_UNAVAILABLE, UNDECIDED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.language import say
from connector.foundation.zone import SPACE

WIDTH = 79
PAGES = 20
_ARROWS = {"in": "<<", "out": ">>", "own": "--"}


def register(top: Words, places: Any) -> None:
    command = top.command(places, "trace")
    command.word("pid", metavar="PID")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--check", action="store_true")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    found: dict[str, Any] = api.get("participants", args.participant, "trace", args.pid, check=int(args.check) or None)
    for _ in range(PAGES):
        if found["next"] is None:
            break
        more = api.get("participants", args.participant, "trace", args.pid, after=found["next"])
        found["events"] += more["events"]
        found["next"] = more["next"]
    call.result(found)
    if not args.json:
        _show(call, found)
    return _outcome(found["diagnosis"])


def _outcome(diagnosis: list[Mapping[str, Any]]) -> int:
    if diagnosis[0]["code"].startswith("over-"):
        return OK
    return PEER_UNAVAILABLE if diagnosis[0]["waits"] == "reach" else UNDECIDED


def _show(call: Call, found: Mapping[str, Any]) -> None:
    _head(call, found)
    day = ""
    for event in found["events"]:
        moment = datetime.fromtimestamp(event["at"] / 1000, SPACE)
        if moment.strftime("%Y-%m-%d %Z") != day:
            day = moment.strftime("%Y-%m-%d %Z")
            facts = {"at": moment, "year": moment.year}
            zone = say(f"policy.zone.{moment:%Z}", call.lang)
            print(f"\n{say('policy.format.day', call.lang, **facts)} ({zone})")
        time = moment.strftime("%H:%M:%S.%f")[:12]
        _line(call, "trace.line", 17, time=time, arrow=_ARROWS[event["direction"]], text=event["text"][call.lang])
    print()
    if found["next"] is not None:
        _line(call, "trace.more", left=found["total"] - found["next"], next=found["next"])
    for one in found["related"]:
        _line(call, "trace.related", noun=call.say(f"trace.noun.{one['noun']}"), id=one["id"], state=one["state"])
    _checked(call, found["check"])
    _diagnosed(call, found["diagnosis"])


def _head(call: Call, found: Mapping[str, Any]) -> None:
    process = found["process"]
    if process is None:
        if not found["matches"]:
            _line(call, "trace.stranger", pid=found["pid"])
        for one in found["matches"]:
            facts = {**one, "noun": call.say(f"trace.noun.{one['noun']}")}
            _line(call, "trace.several", **facts)
        return
    _line(call, f"trace.{process['noun']}", id=process["id"])
    role = call.say(f"trace.role.{process['role']}")
    _line(call, "trace.state", state=process["state"], role=role, counterparty=process["partner"])
    if process["peer_pid"]:
        _line(call, "trace.peer-pid", pid=process["peer_pid"])
    if process["agreement"]:
        _line(call, "trace.agreement", agreement=process["agreement"])


def _checked(call: Call, check: Mapping[str, Any] | None) -> None:
    if check is None:
        return
    for side in (check["ours"], check["theirs"]):
        reason = (side["reason"] or {}).get(call.lang, "")
        _line(call, "trace.reached" if side["ok"] else "trace.unreached", url=side["url"], reason=reason)
    _line(call, "trace.own-view")


def _diagnosed(call: Call, diagnosis: list[Mapping[str, Any]]) -> None:
    first, *others = diagnosis
    _line(call, "trace.why", text=first["cause"][call.lang])
    _line(call, "trace.do", text=first["action"][call.lang])
    for other in others:
        _line(call, "trace.also", text=f"{other['cause'][call.lang]} {other['action'][call.lang]}")


def _line(call: Call, key: str, indent: int = 2, /, **facts: object) -> None:
    """One sentence in as many lines as it takes; ids stay whole, so that they can be copied."""
    text = call.say(key, **facts)
    print(textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False))
