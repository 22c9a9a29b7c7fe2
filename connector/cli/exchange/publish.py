"""`hanse publish`: a file, data that lie elsewhere, or an announcement alone, with its description and its rule."""

import os
from pathlib import Path
from typing import Any

from connector.cli.exchange import answers
from connector.cli.frame.call import OK, Call, opened, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import HanseError, Mistake

SMALL = 1 << 16
"""Bytes of a file that may have no row."""


def register(top: Words, places: Any) -> None:
    command = top.command(places, "publish")
    command.word("file", metavar="FILE", type=Path, nargs="?")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    command.word("--rule", metavar="TEMPLATE")
    command.word("--set", dest="slots", action="append", default=[], metavar="SLOT=VALUE")
    command.word("--visibility", choices=("members", "eligible"))
    command.word("--countersignature", choices=("required", "preferred", "none"))
    answers.register(command)
    command.word("--open-data", action="store_true")
    command.word("--classification", metavar="LEVEL", default="")
    command.word("--ask", action="store_true")
    command.sure()
    command.set_defaults(run=run)


def run(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket)
    slots, said = slots_of(args.slots), answers.said(args)
    if args.file is None and not said.get("files") and said.get("access") != "announced":
        raise Mistake("cli.publish-nothing")
    if args.file is not None:
        with opened(args.file):  # whoever names a file that is none is told before the first question
            pass
    name = args.file.name if args.file is not None else _name_of(said)
    said = _complete(call, name, said)
    source = None if args.file is None else upload(api, args.participant, args.file)
    remarks = {} if args.file is None else remarks_on(call, args.file)
    wish = {
        **said,
        "rule": args.rule,
        "slots": slots,
        "visibility": args.visibility,
        "countersignature": args.countersignature,
        "open_data": args.open_data,
        "classification": args.classification,
        "source": None if source is None else source["source"],
    }
    made = api.post("participants", args.participant, "datasets", body=wish)
    call.result(made | remarks)
    _tell(call, made, said["title"], source)
    return OK


def _complete(call: Call, name: str, said: dict[str, Any]) -> dict[str, Any]:
    """With the answers of somebody at a terminal; elsewhere a file's name is title enough. Raises Mistake."""
    from connector.cli.exchange import questions  # reads lists, which most commands do not need

    args = call.args
    if answers.interactive(call) and not args.yes and (args.ask or not _settled(said, args.rule)):
        said = questions.asked(call, name, said, args.rule)
    questions.require_rule(call, said.get("access"), args.rule)
    return said if "title" in said else {**said, "title": questions.Proposal(name).title}


def _settled(said: dict[str, Any], rule: str | None) -> bool:
    """Whether the options say what it is and who gets it: then a line that was pasted waits for nobody."""
    access = said.get("access")
    terms = rule or access == "announced" or (access == "open" and "licence" in said)
    return "title" in said and bool(terms)


def _name_of(said: dict[str, Any]) -> str:
    """What stands for a file's name where there is none."""
    return said["files"][0]["url"].partition("?")[0] if said.get("files") else str(said.get("title", ""))


def _tell(call: Call, made: Any, title: str, source: Any) -> None:
    if made["offer"] is None:
        call.tell("publish.noted", title=title, dataset=made["dataset"])
    else:
        call.tell("publish.done", title=title, dataset=made["dataset"], offer=made["offer"])
    if source is not None:
        call.tell("publish.file", bytes=call.size(source["bytes"]), sha256=source["sha256"])
    if made.get("download"):
        call.tell("publish.download", address=made["download"])
    if made.get("page"):
        call.tell("publish.page", address=made["page"])
    for clause in made.get("clauses", ()):
        call.tell("publish.clause", text=clause["text"][call.lang], badge=call.say(f"badge.{clause['badge']}"))
    if made.get("audience"):
        call.tell("audience.today", text=made["audience"][call.lang])


def remarks_on(call: Call, path: Path) -> dict[str, list[str]]:
    """Tells of a file of headings alone that it has no row; what `--json` says of it. Raises Mistake for no file.

    Only what may be one is read: a single line, or a small workbook. All else is the desk's to show.
    """
    with opened(path) as file:
        head = file.read(SMALL + 1)
    if len(head) > SMALL or not (head.startswith(b"PK") or b"\n" not in head.strip()):
        return {}
    from connector.kernel.reading import reader

    try:
        remarks = reader.read(path).remarks
    except HanseError:  # no table: it goes out as it is
        return {}
    if "no-rows" not in remarks:
        return {}
    call.note("publish.no-rows", file=path)
    return {"remarks": ["no-rows"]}


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
