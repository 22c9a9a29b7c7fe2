"""`hanse participant`: who is hosted by the running server, and the rotation of their keys."""

from typing import Any

from connector.cli.call import OK, Call, concept
from connector.cli.client import Api
from connector.cli.words import Words

PURPOSES = ("peer", "seal", "log")


def register(top: Words, places: Any) -> None:
    group = top.command(places, "participant")
    inner = group.commands("subcommand")
    add = group.command(inner, "add")
    add.word("slug", metavar="SLUG")
    add.word("--name", required=True, metavar="NAME")
    add.word("--kind", required=True, metavar="KIND")
    add.word("--root", metavar="URL")
    add.set_defaults(run=run_add)
    group.command(inner, "list").set_defaults(run=run_list)
    rotate = group.command(inner, "rotate-key")
    rotate.word("slug", metavar="SLUG")
    rotate.word("purpose", choices=PURPOSES)
    rotate.set_defaults(run=run_rotate)


def run_add(call: Call) -> int:
    args = call.args
    body = {"slug": args.slug, "name": args.name, "kind": concept(args.kind), "root": args.root}
    made = Api(call.settings().api.socket).post("participants", body=body)
    call.result(made)
    call.tell("participant.added", name=args.name, did=made["did"], root=made["root"])
    return OK


def run_list(call: Call) -> int:
    answer = Api(call.settings().api.socket).get("participants")
    found = answer["participants"] if isinstance(answer, dict) else answer
    call.result(found)
    for one in found:
        call.tell("participant.line", slug=one["slug"], name=one["name"], did=one["did"])
    if not found:
        call.tell("participant.none")
    return OK


def run_rotate(call: Call) -> int:
    args = call.args
    made = Api(call.settings().api.socket).post("participants", args.slug, "keys", args.purpose, "rotate", body={})
    call.result(made)
    call.tell("participant.rotated", slug=args.slug, purpose=args.purpose)
    return OK
