"""`hanse group`: groups that a participant keeps itself, for rules of its own offers ("our five partner towns")."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    group = top.command(places, "group")
    inner = group.commands("act")
    create = group.of_participant(inner, "create", run_create)
    create.word("name", metavar="NAME")
    create.word("--label", metavar="TEXT", required=True)
    create.word("--label-en", metavar="TEXT", default="")
    for name in ("add", "remove"):
        change = group.of_participant(inner, name, run_change)
        change.word("name", metavar="NAME")
        change.word("did", metavar="DID")
    group.of_participant(inner, "list", run_list)
    group.of_participant(inner, "show", run_show).word("name", metavar="NAME")
    end = group.of_participant(inner, "end", run_end)
    end.word("name", metavar="NAME")
    end.sure()


def run_create(call: Call) -> int:
    args = call.args
    label = {"de": args.label, **({"en": args.label_en} if args.label_en else {})}
    return _shown(call, _api(call).post(*_place(call), body={"name": args.name, "label": label}))


def run_change(call: Call) -> int:
    args = call.args
    last = ("members",) if args.act == "add" else ("members", "end")
    return _shown(call, _api(call).post(*_place(call), args.name, *last, body={"did": args.did}))


def run_show(call: Call) -> int:
    return _shown(call, _api(call).get(*_place(call), call.args.name))


def run_end(call: Call) -> int:
    if not call.sure("group.end-sure", name=call.args.name):
        return OK
    return _shown(call, _api(call).post(*_place(call), call.args.name, "end", body={}))


def run_list(call: Call) -> int:
    found = _api(call).get(*_place(call))
    call.result(found)
    for one in found["groups"]:
        count = sum(who["until"] is None for who in one["members"])
        call.tell("group.line", name=one["name"], label=_label(call, one), group=one["group"], count=count)
    if not found["groups"]:
        call.tell("group.none")
    return OK


def _shown(call: Call, one: Any) -> int:
    call.result(one)
    call.tell("group.head", label=_label(call, one), group=one["group"])
    if one["ended"]:
        call.tell("group.ended", day=one["ended"])
    for who in one["members"]:
        call.tell("group.member", did=who["did"], day=who["since"], through=who["until"] or "–")
    return OK


def _label(call: Call, one: Any) -> str:
    label: dict[str, str] = one["label"]
    return label.get(call.lang) or next(iter(label.values()), "")


def _place(call: Call) -> tuple[str, str, str]:
    return "participants", call.args.participant, "groups"


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
