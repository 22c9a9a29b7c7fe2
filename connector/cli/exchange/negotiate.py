"""`hanse negotiations|propose|accept|counter|decline`: what a person says in a negotiation."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, named_file
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain

MOST_TERMS = 1 << 20
"""Bytes of a policy."""
MOST_TITLE, MOST_SHOWN = 300, 2000
"""Characters of a title and a description: what is longer is in no contract that nobody reads."""


def register(top: Words, places: Any) -> None:
    _as(top.command(places, "negotiations")).set_defaults(run=run_list)
    propose = _as(top.command(places, "propose"))
    propose.word("offer", metavar="OFFER")
    propose.word("--to", dest="consumer", required=True, metavar="MEMBER")
    propose.set_defaults(run=run_propose)
    for name, run in (("accept", run_accept), ("counter", run_counter), ("decline", run_decline)):
        command = _as(top.command(places, name))
        command.word("negotiation", metavar="ID")
        if name == "accept":
            command.word("--terms", required=True, metavar="DIGEST")
            command.word("--unworded", action="store_true")
            approving(command)
        if name == "counter":
            command.word("--policy", required=True, type=Path, metavar="FILE")
        if name == "decline":
            command.word("--reason", required=True, metavar="TEXT")
        command.set_defaults(run=run)


def _as(command: Words) -> Words:
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    return command


def run_list(call: Call) -> int:
    """Newest first; what waits for a person says so."""
    found = _api(call).get("participants", call.args.participant, "negotiations")
    call.result(found)
    for one in found["negotiations"]:
        _line(call, one)
        if one["role"] == "consumer" and one["state"] == "OFFERED":
            _terms(call, one)
    if not found["negotiations"]:
        call.tell("negotiations.none")
    return OK


def run_propose(call: Call) -> int:
    body = {"offer": call.args.offer, "consumer": call.args.consumer}
    made = _api(call).post("participants", call.args.participant, "proposals", body=body)
    call.result(made)
    call.tell("negotiations.proposed", id=made["id"])
    return OK


def run_accept(call: Call) -> int:
    given = {"terms": call.args.terms, "unworded": call.args.unworded, "approval": approval(call)}
    return _said(call, "accept", given)


def approving(command: Words) -> None:
    """The words by which a person says in what capacity it decides."""
    command.word("--role", metavar="TEXT")
    command.word("--pseudonym", metavar="PSEUDONYM")
    command.word("--mandate", metavar="ID")
    command.word("--on-behalf-of", metavar="DID")


def approval(call: Call) -> dict[str, object] | None:
    """None if nobody is named; raises Mistake for a role without a pseudonym, or the other way round."""
    args = call.args
    given = {"mandate": args.mandate, "on_behalf_of": args.on_behalf_of}
    if args.role is None and args.pseudonym is None and not any(given.values()):
        return None
    if args.role is None or args.pseudonym is None:
        raise Mistake("cli.countersign-alone")
    return {"role": args.role, "pseudonym": args.pseudonym, **given}


def run_counter(call: Call) -> int:
    return _said(call, "counter", {"policy": terms(call.args.policy)})


def terms(place: Path) -> object:
    """The policy in a file; raises Mistake if it is not there or no JSON."""
    try:
        return json.loads(named_file(place, MOST_TERMS))
    except ValueError as cause:
        raise Mistake("cli.no-json", path=place) from cause


def run_decline(call: Call) -> int:
    return _said(call, "terminate", {"reason": call.args.reason})


def _said(call: Call, what: str, body: Mapping[str, object]) -> int:
    args = call.args
    now = _api(call).post("participants", args.participant, "negotiations", args.negotiation, what, body=body)
    call.result(now)
    _line(call, now)
    return OK


def _line(call: Call, one: Mapping[str, Any]) -> None:
    title, state = one["title"] or plain(one["dataset"], 120), one["status"]["text"][call.lang]
    call.tell("negotiations.about", id=one["id"], title=title, partner=one["partner"], state=state, at=one["changed"])
    if one["reason"]:
        call.tell("negotiations.reason", text=one["reason"][call.lang])


def _terms(call: Call, one: Mapping[str, Any]) -> None:
    about = one.get("described")
    if about is not None:
        title, text = plain(about["title"], MOST_TITLE), plain(about.get("description", ""), MOST_SHOWN)
        call.tell("negotiations.described", title=title, description=text)
    elif one["proposed"]:
        call.tell("negotiations.undescribed")
    for clause in one["clauses"]:
        call.tell("negotiations.clause", text=clause["text"][call.lang])
    if not one["clauses"]:
        call.tell("negotiations.unworded", policy=json.dumps(one["policy"], ensure_ascii=False, indent=2))
    more = "" if one["clauses"] else " --unworded"
    call.tell("negotiations.decide", id=one["id"], slug=call.args.participant, terms=one["terms"][:12], more=more)


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
