"""`hanse space recovery`, `recover`: what an authority signed and its database does not know (spec/spaces.md 4.8)."""

from collections.abc import Callable
from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words

Command = Callable[[str, Callable[[Call], int]], Words]


def register(command: Command, who: Callable[[Words], None]) -> None:
    """`command` makes one of a participant, by its name and what runs; `who` adds the person that decides."""
    command("recovery", run_recovery)
    recover = command("recover", run_recover)
    recover.word("--list", metavar="NUMBER", type=int, required=True, dest="version")
    recover.word("--incomplete", action="store_true")
    recover.sure()
    who(recover)


def run_recovery(call: Call) -> int:
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "space", "recovery")
    call.result(found)
    _tell(call, found)
    return OK


def run_recover(call: Call) -> int:
    """Shows what changes before it asks, and sends what was shown."""
    args, api = call.args, Api(call.settings().api.socket)
    _tell(call, api.get("participants", args.participant, "space", "recovery"))
    if not call.sure("space.recover-sure", version=args.version):
        return OK
    body = {"version": args.version, "incomplete": args.incomplete, "who": args.who}
    found = api.post("participants", args.participant, "space", "recovery", body=body)
    call.result(found)
    call.tell("space.recovered", floor=found["floor"])
    return OK


def _tell(call: Call, found: Any) -> None:
    facts = {name: found[name] for name in ("own", "found", "answered", "floor")}
    call.tell(f"space.recovery-{found['state']}", **facts, away=len(found["away"]))
    if found["state"] not in ("asking", "found"):
        return
    for did in found["away"]:
        call.tell("space.recovery-away", did=did)
    for one in found["changes"]:
        call.tell(f"space.recovery-change-{one['what']}", name=one["name"], did=one["did"])
    if found["state"] == "found":
        call.tell("space.recovery-also")
    call.tell("space.recovery-blind")
    call.tell("space.recovery-lost")
