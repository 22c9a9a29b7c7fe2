"""`hanse policy audience`: who could use data under a rule today, and what three invented requesters would get.

Ends with 1 if the rule could permit nobody anything, for a reason that no requester can change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.frame.client import Api
from connector.cli.policy.templates import slots
from connector.foundation.language import local_end
from connector.kernel.policy.odrl.values import instant

MOST = 20
"""Members that are named behind one number."""


def run(call: Call) -> int:
    args = call.args
    offer = "://" in args.rule
    body = {"offer": args.rule} if offer else {"rule": args.rule, "slots": slots(args.slots)}
    found = Api(call.settings().api.socket).post("participants", args.participant, "audience", body=body)
    call.result(found)
    _print(call, found)
    return OK if found["hindered"] is None else REFUSED


def _print(call: Call, found: Mapping[str, Any]) -> None:
    lang = call.lang
    if found["hindered"] is not None:
        call.tell("audience.hindered", text=found["hindered"][lang])
    else:
        call.tell("audience.today", text=found["text"][lang])
    for kind in found["kinds"]:
        call.tell("audience.kind", text=kind["text"][lang], names=_names(call, kind["members"], kind["count"]))
    if (end := instant(found["ends"] or "")) is not None:
        call.tell("audience.ends", until=local_end(end.start, lang))
    call.tell("audience.examples")
    for one in found["examples"]:
        call.tell("audience.example", who=one["who"][lang], text=one["text"][lang])


def _names(call: Call, members: Sequence[Mapping[str, str]], count: int) -> str:
    shown = ", ".join(one["name"] for one in members[:MOST])
    if not shown:
        return call.say("audience.nobody")
    return call.say("audience.more", names=shown, more=count - MOST) if count > MOST else shown
