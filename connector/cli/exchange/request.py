"""`hanse request`: shows the terms of an offer, asks the person, then the provider, and waits for the outcome.

With `-o FILE` the data are fetched as soon as there is a contract.

What is asked for is what was shown: the request names its digest, and an offer that changed meanwhile is not asked for.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.exchange.get import fetched
from connector.cli.exchange.negotiate import MOST_SHOWN, approval, approving, terms
from connector.cli.exchange.waiting import waited
from connector.cli.frame.call import OK, REFUSED, UNDECIDED, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.data.catalogue import concepts
from connector.foundation.language.reasons import plain


def register(top: Words, places: Any) -> None:
    command = top.command(places, "request")
    command.word("dataset", metavar="DATASET")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--from", dest="provider", required=True, metavar="MEMBER")
    command.word("--purpose", required=True, metavar="PURPOSE")
    command.word("--action", metavar="ACTION")
    command.word("--policy", type=Path, metavar="FILE")
    command.word("--replaces", metavar="AGREEMENT")
    approving(command)
    command.word("-o", "--output", type=Path, metavar="FILE")
    command.word("--wait", type=int, default=30, metavar="SECONDS")
    command.sure()
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    dataset, slash, _ = args.dataset.partition("/offers/")
    purpose = concepts.purpose(args.purpose)
    body = {
        "provider": args.provider,
        "dataset": dataset,
        "offer": args.dataset if slash else None,
        "policy": None if args.policy is None else terms(args.policy),
        "purpose": purpose.iri,
        "action": args.action and concepts.action(args.action),
        "approval": approval(call),
        "replaces": args.replaces and args.replaces.removeprefix("urn:uuid:"),
    }
    shown = api.post("participants", args.participant, "terms", body=body)
    _show(call, shown, purpose.label[call.lang])
    if not call.sure("request.question"):
        return UNDECIDED
    body |= {"provider": shown["provider"], "dataset": shown["dataset"], "offer": shown["offer"]}
    body |= {"terms": shown["terms"], "data": shown["data"]}
    started = api.post("participants", args.participant, "negotiations", body=body)
    now = waited(api, args.wait, "participants", args.participant, "negotiations", started["id"])
    if args.output is not None and now["state"] == "FINALIZED":
        _outcome(call, now)
        return fetched(call, {"agreement": now["agreement"]})
    call.result(now)
    return _outcome(call, now)


def _show(call: Call, shown: Mapping[str, Any], purpose: str) -> None:
    """The terms, each with how far it is enforced; before anything is asked for."""
    call.tell("request.asked", title=shown["title"], partner=shown["partner"], purpose=purpose)
    # It is the provider's, and on one line, so that it cannot look like terms of ours.
    if shown["described"] and (text := plain(shown["described"]["description"], MOST_SHOWN)):
        call.tell("request.described", text=text)
    call.tell("request.terms")
    for clause in shown["clauses"]:
        call.tell("request.clause", text=clause["text"][call.lang], badge=call.say(f"badge.{clause['badge']}"))
    for note in shown.get("notes", {}).get(call.lang, ()):
        call.tell("policy.note", text=note)
    if not shown["clauses"]:
        call.tell("request.unworded", policy=json.dumps(shown["policy"], ensure_ascii=False, indent=2))
    if not shown["met"]:
        why = [(shown["reason"] or {}).get(call.lang, ""), shown.get("help", {}).get(call.lang, "")]
        call.tell("request.barred", reason=" ".join(text for text in why if text))


def _outcome(call: Call, now: Mapping[str, Any]) -> int:
    if now["steps"]:
        call.tell("request.steps", steps=" → ".join(one["text"][call.lang] for one in now["steps"]))
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
        case _:
            call.tell("request.open", state=now["status"]["text"][call.lang], id=now["id"])
            return UNDECIDED
