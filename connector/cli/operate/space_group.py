"""`hanse space group`: groups of a space, for its authority, for who keeps one, and for the towns that are asked.

A group is named by the last part of its IRI in one's own space, and by its IRI elsewhere.
"""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake


def register(top: Words, places: Any) -> None:
    group = top.command(places, "group")
    inner = group.commands("act")
    create = group.of_participant(inner, "create", run_create)
    create.word("name", metavar="NAME")
    create.word("--label", metavar="TEXT", required=True)
    create.word("--label-en", metavar="TEXT", default="")
    create.word("--kept-by", metavar="DID", default="")
    create.word("--add", metavar="DID", action="append", default=[])
    _who(create)
    end = group.of_participant(inner, "end", run_end)
    end.word("name", metavar="NAME")
    end.sure()
    _who(end)
    for name in ("add", "remove"):
        change = group.of_participant(inner, name, run_change)
        change.word("group", metavar="GROUP")
        change.word("did", metavar="DID")
        _who(change)
    for name in ("agree", "leave"):
        group.of_participant(inner, name, run_wish).word("group", metavar="IRI")
    group.of_participant(inner, "list", run_list)
    group.of_participant(inner, "joined", run_joined)


def _who(command: Words) -> None:
    """Needed where the operator's command line acts for the authority, not for a keeper elsewhere."""
    command.word("--who", of="space", metavar="LOGIN", default="")


def run_create(call: Call) -> int:
    args = call.args
    label = {"de": args.label, **({"en": args.label_en} if args.label_en else {})}
    body = {"name": args.name, "label": label, "keeper": args.kept_by, "who": args.who}
    one = _api(call).post("participants", args.participant, "space", "groups", body=body)
    place = ("participants", args.participant, "space", "groups", args.name, "members")
    for did in args.add:
        one = _api(call).post(*place, body={"did": did, "who": args.who})
    call.result(one)
    _tell(call, one)
    return OK


def run_end(call: Call) -> int:
    args = call.args
    if not call.sure("space.group-end-sure", name=args.name):
        return OK
    place = ("participants", args.participant, "space", "groups", args.name, "end")
    one = _api(call).post(*place, body={"who": args.who})
    call.result(one)
    _tell(call, one)
    return OK


def run_change(call: Call) -> int:
    args = call.args
    if "://" in args.group:
        return _wish(call, args.act, args.did)
    place = ["participants", args.participant, "space", "groups", args.group, "members"]
    place += [] if args.act == "add" else ["end"]
    one = _api(call).post(*place, body={"did": args.did, "who": args.who})
    call.result(one)
    _tell(call, one)
    return OK


def run_wish(call: Call) -> int:
    return _wish(call, call.args.act)


def _wish(call: Call, wish: str, did: str = "") -> int:
    args = call.args
    if "://" not in args.group:
        raise Mistake("cli.space-group-iri", group=args.group[:200])
    body = {"group": args.group, "wish": wish, "did": did}
    found = _api(call).post("participants", args.participant, "spaces", "groups", body=body)
    call.result(found)
    call.tell(f"space.group-said.{wish}", group=args.group, did=did)
    return OK


def run_list(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "space", "groups")
    call.result(found)
    for one in found["groups"]:
        _tell(call, one)
    if not found["groups"]:
        call.tell("space.group-none")
    return OK


def run_joined(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "spaces", "groups")
    call.result(found)
    for one in found["groups"]:
        state = call.say(f"space.group-is.{one['state'] or 'none'}")
        call.tell("space.group-standing", label=_label(call, one), group=one["group"], state=state)
        for did, state in one["members"].items():
            call.tell("space.group-asked", did=did, state=call.say(f"space.group-is.{state}"))
    for space in found["away"]:
        call.tell("space.group-away", space=space)
    if not found["groups"] and not found["away"]:
        call.tell("space.group-none")
    return OK


def _tell(call: Call, one: Any) -> None:
    call.tell("space.group-line", label=_label(call, one), group=one["group"], keeper=one["keeper"])
    if one["ended"]:
        call.tell("space.group-ended", day=one["ended"])
    for who in one["members"]:
        day, end = who["since"] or "–", who["until"] or "–"
        state = call.say(f"space.group-is.{who['state']}")
        call.tell("space.group-member", did=who["did"], state=state, day=day, through=end)


def _label(call: Call, one: Any) -> str:
    label: dict[str, str] = one["label"]
    return label.get(call.lang) or next(iter(label.values()), "")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
