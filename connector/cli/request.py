"""`hanse request`: asks a provider for a contract and waits for the outcome."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.call import OK, REFUSED, UNDECIDED, Call, concept
from connector.cli.client import Api
from connector.cli.negotiate import approval, approving, terms
from connector.cli.words import Words

ENDS = ("FINALIZED", "TERMINATED", "COMPLETED")
POLL_S = 30  # the longest the server is asked to hold one answer back


def register(top: Words, places: Any) -> None:
    command = top.command(places, "request")
    command.word("dataset", metavar="DATASET")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--from", dest="provider", required=True, metavar="DID")
    command.word("--purpose", required=True, metavar="PURPOSE")
    command.word("--action", metavar="ACTION")
    command.word("--policy", type=Path, metavar="FILE")
    command.word("--replaces", metavar="AGREEMENT")
    approving(command)
    command.word("--wait", type=int, default=30, metavar="SECONDS")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    dataset, slash, _ = args.dataset.partition("/offers/")
    body = {
        "provider": args.provider,
        "dataset": dataset,
        "offer": args.dataset if slash else None,
        "policy": None if args.policy is None else terms(args.policy),
        "purpose": concept(args.purpose),
        "action": args.action and concept(args.action),
        "approval": approval(call),
        "replaces": args.replaces and args.replaces.removeprefix("urn:uuid:"),
    }
    started = api.post("participants", args.participant, "negotiations", body=body)
    now = waited(api, args.wait, "participants", args.participant, "negotiations", started["id"])
    call.result(now)
    return _outcome(call, now)


def waited(api: Api, seconds: int, *parts: str) -> Mapping[str, Any]:
    """The state of a negotiation or transfer once it is final, else as it is after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        left = max(0, min(POLL_S, round(until - time.monotonic())))
        now: Mapping[str, Any] = api.get(*parts, wait=left)
        if left == 0 or now["state"] in ENDS or now.get("outcome") or ours_to_say(now):
            return now


def ours_to_say(now: Mapping[str, Any]) -> bool:
    """An offer of other terms lies before us."""
    return now["state"] == "OFFERED" and now.get("role") == "consumer"


def _outcome(call: Call, now: Mapping[str, Any]) -> int:
    if now.get("states"):
        call.tell("request.states", states=" → ".join(now["states"]))
    match now["state"]:
        case "FINALIZED":
            call.tell("request.signed", agreement=now["agreement"])
            return OK
        case "TERMINATED":
            call.tell("request.refused", reason=(now.get("reason") or {}).get(call.lang, ""))
            return REFUSED
        case "OFFERED":
            call.tell("request.offered", id=now["id"])
            return UNDECIDED
        case state:
            call.tell("request.open", state=state, id=now["id"])
            return UNDECIDED
