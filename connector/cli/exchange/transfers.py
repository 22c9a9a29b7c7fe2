"""`hanse transfers|suspend|resume|stop`: what a person says about transfers that run."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    listing = _as(top.command(places, "transfers"))
    listing.word("--agreement", metavar="AGREEMENT")
    listing.set_defaults(run=run_list)
    for name, run in (("suspend", run_suspend), ("resume", run_resume), ("stop", run_stop)):
        command = _as(top.command(places, name))
        command.word("transfer", metavar="TRANSFER")
        if name != "resume":
            command.word("--reason", metavar="TEXT")
        command.set_defaults(run=run)


def _as(command: Words) -> Words:
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    return command


def run_list(call: Call) -> int:
    """Newest first; of those that rest or have ended, why."""
    args, query = call.args, {} if call.args.agreement is None else {"agreement": call.args.agreement}
    found = _api(call).get("participants", args.participant, "transfers", **query)
    call.result(found)
    for one in found["transfers"]:
        _line(call, one)
    if not found["transfers"]:
        call.tell("transfers.none")
    return OK


def run_suspend(call: Call) -> int:
    return _said(call, "suspend", {"reason": call.args.reason})


def run_resume(call: Call) -> int:
    return _said(call, "resume", {})


def run_stop(call: Call) -> int:
    return _said(call, "terminate", {"reason": call.args.reason})


def _said(call: Call, what: str, body: dict[str, object]) -> int:
    args = call.args
    now = _api(call).post("participants", args.participant, "transfers", args.transfer, what, body=body)
    call.result(now)
    _line(call, now)
    return OK


def _line(call: Call, one: dict[str, Any]) -> None:
    title, state = one["title"] or one["agreement"], one["status"]["text"][call.lang]
    way = call.say(f"way.{one['format'].rpartition('-')[2].lower()}-{one['role']}")
    call.tell(
        "transfers.about",
        id=one["id"],
        title=title,
        partner=one["partner"],
        state=state,
        way=way,
        bytes=call.size(one["bytes"]),
        at=one["created"],
    )
    if one["reason"]:
        call.tell("transfers.reason", text=one["reason"][call.lang])


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
