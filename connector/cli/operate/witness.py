"""`hanse witness`: what the authority must list of us as a witness, the logs we know, and proofs of two histories.

And how our own logs stand with the witnesses of others: how far they have vouched, and since when.
"""

from collections.abc import Mapping
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    command = top.command(places, "witness")
    command.word("--rotate", action="store_true")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    """1 if a log is known to have two histories, so that a monitor notices."""
    api = Api(call.settings().api.socket)
    if call.args.rotate:
        made = api.post("witness", "rotate", body={})
        call.result(made)
        call.tell("witness.rotated", until=made["until"])
        return OK
    found = api.get("witness")
    call.result(found)
    call.tell("witness.url", url=found["url"])
    for vkey in found["vkeys"]:
        call.tell("witness.key", key=vkey)
    for old in found["retiring"]:
        call.tell("witness.retiring", key=old["vkey"], until=old["until"])
    for log in found["logs"]:
        call.tell("witness.log", origin=log["origin"], size=log["size"], at=log["at"])
    if not found["logs"]:
        call.tell("witness.none")
    for own in found["own"]:
        call.tell(f"witness.own.{own['state']}", **facts(own))
        if own["restored"]:
            call.tell("witness.own.restored", **restored(own))
        for did in own["alone"]:
            call.tell("witness.own.alone", partner=did)
        for said in own["witnesses"]:
            call.tell("witness.own.said", name=said["name"], size=said["size"], at=said["at"])
    for alarm in found["alarms"]:
        call.tell(f"witness.{alarm['kind']}", origin=alarm["origin"], held=alarm["held"], offered=alarm["offered"])
    return REFUSED if found["alarms"] else OK


def facts(own: Mapping[str, Any]) -> dict[str, object]:
    """What the sentences about one of our logs name."""
    seen = own["vouched"] or {"size": 0, "at": ""}
    return {"participant": own["participant"], "size": own["size"], "seen": seen["size"], "at": seen["at"]}


def restored(own: Mapping[str, Any]) -> dict[str, object]:
    """What the sentences about a log with a new origin name."""
    found = own["restored"]
    return {"participant": own["participant"], "at": found["at"], "size": found["size"], "known": found["known"]}
