"""`hanse publish`: uploads a file and offers it under a rule template."""

import argparse
import os
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, opened, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.errors import Mistake


def register(top: Words, places: Any) -> None:
    command = top.command(places, "publish")
    command.word("file", metavar="FILE", type=Path)
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--title", required=True, metavar="TITLE")
    command.word("--rule", required=True, metavar="TEMPLATE")
    command.word("--set", dest="slots", action="append", default=[], metavar="SLOT=VALUE")
    command.word("--visibility", choices=("members", "eligible"))
    command.word("--countersignature", choices=("required", "preferred", "none"))
    command.word("--description", metavar="TEXT")
    command.word("--open-data", action="store_true")
    command.word("--classification", metavar="LEVEL", default="")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    slots = slots_of(args.slots)
    source = upload(api, args.participant, args.file)
    made = api.post("participants", args.participant, "datasets", body=_dataset(args, source["source"], slots))
    call.result(made)
    call.tell("publish.done", title=args.title, dataset=made["dataset"], offer=made["offer"])
    call.tell("publish.file", bytes=call.size(source["bytes"]), sha256=source["sha256"])
    for clause in made.get("clauses", ()):
        call.tell("publish.clause", text=clause["text"][call.lang], badge=call.say(f"badge.{clause['badge']}"))
    return OK


def upload(api: Api, participant: str, path: Path) -> Any:
    """Send the file as it is; the server names its source, size and SHA-256."""
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            return api.upload("participants", participant, "files", file=file, size=size, name=path.name)
    except OSError as problem:
        raise unusable(path, problem) from problem


def slots_of(pairs: list[str]) -> dict[str, object]:
    """`slot=value` pairs; a slot that is named more than once is a list."""
    slots: dict[str, object] = {}
    for pair in pairs:
        slot, equals, value = pair.partition("=")
        if not (slot and equals):
            raise Mistake("cli.slot", pair=pair)
        match slots.get(slot):
            case None:
                slots[slot] = value
            case list() as values:
                values.append(value)
            case first:
                slots[slot] = [first, value]
    return slots


def _dataset(args: argparse.Namespace, source: str, slots: dict[str, object]) -> dict[str, object]:
    return {
        "source": source,
        "title": args.title,
        "description": args.description,
        "rule": args.rule,
        "slots": slots,
        "visibility": args.visibility,
        "countersignature": args.countersignature,
        "open_data": args.open_data,
        "classification": args.classification,
    }
