"""`hanse witness`: what the authority must list of us as a witness, the logs we know, and proofs of two histories."""

from typing import Any

from connector.cli.call import OK, REFUSED, Call
from connector.cli.client import Api
from connector.cli.words import Words


def register(top: Words, places: Any) -> None:
    command = top.command(places, "witness")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    """1 if a log is known to have two histories, so that a monitor notices."""
    found = Api(call.settings().api.socket).get("witness")
    call.result(found)
    call.tell("witness.url", url=found["url"])
    for vkey in found["vkeys"]:
        call.tell("witness.key", key=vkey)
    for log in found["logs"]:
        call.tell("witness.log", origin=log["origin"], size=log["size"], at=log["at"])
    if not found["logs"]:
        call.tell("witness.none")
    for alarm in found["alarms"]:
        call.tell(f"witness.{alarm['kind']}", origin=alarm["origin"], held=alarm["held"], offered=alarm["offered"])
    return REFUSED if found["alarms"] else OK
