"""`hanse countersign|confirm`: a person signs a contract that waits for it or has one seal, or states something."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.agreements.agreement import told_of_seal
from connector.cli.exchange.get import save
from connector.cli.exchange.negotiate import approval, approving
from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake

TEXT = "text-de.html"
SHOWN = 16
"""Digits of the digest that are told to be named."""
SIGNABLE = frozenset({"open", "refused", "failed", "unconfirmed"})
"""Steps of a countersignature at which a person may sign."""


def register(top: Words, places: Any) -> None:
    countersign = _about(top.command(places, "countersign"))
    countersign.word("--read", type=Path, metavar="FILE")
    countersign.word("--digest", metavar="SHA256")
    approving(countersign)
    countersign.set_defaults(run=run_countersign)
    confirm = _about(top.command(places, "confirm"))
    confirm.word("--statement", required=True, metavar="TEXT")
    confirm.word("--role", required=True, metavar="TEXT")
    confirm.word("--pseudonym", required=True, metavar="PSEUDONYM")
    confirm.set_defaults(run=run_confirm)


def _about(command: Words) -> Words:
    command.word("agreement", metavar="AGREEMENT")
    command.word("--as", dest="participant", required=True, metavar="SLUG")
    return command


def run_countersign(call: Call) -> int:
    """With `--read` only shows what there is to sign; else signs what was read."""
    if call.args.read is not None:
        return _read(call)
    by = approval(call)
    if by is None or call.args.digest is None:
        raise Mistake("cli.countersign-missing")
    ordered = _api(call).post(*_place(call), "countersignature", body={"digest": call.args.digest, "approval": by})
    call.result(ordered)
    call.tell("countersign.ordered", agreement=call.args.agreement, slug=call.args.participant)
    return OK


def run_confirm(call: Call) -> int:
    args = call.args
    said = {"role": args.role, "pseudonym": args.pseudonym, "statement": args.statement}
    made = _api(call).post(*_place(call), "confirmation", body=said)
    call.result(made)
    call.tell("confirm.done", pseudonym=made["pseudonym"], role=made["role"], at=made["at"])
    return OK


def _read(call: Call) -> int:
    """Saves the text as the provider sealed it, says the same rules in our words and what of all that is sealed is not
    ours, and whether it is to be signed."""
    file = call.args.read
    reading = _api(call).get(*_place(call), "reading")
    sha256 = save(file, _api(call).download(*_place(call), "text"), reading["files"][TEXT])
    clauses = _api(call).get(*_place(call), "clauses")["clauses"]
    life = _api(call).get(*_place(call), "life")
    call.result(
        {
            "file": str(file),
            "sha256": sha256,
            "clauses": clauses,
            "reading": reading,
            "countersigning": life["countersigning"],
        }
    )
    call.tell("countersign.saved", file=file)
    for clause in clauses:
        call.tell("countersign.clause", text=clause["text"][call.lang])
    if not clauses:
        call.tell("countersign.unworded")
    _compared(call, reading)
    step = life["countersigning"]["step"]
    if step in SIGNABLE:
        call.tell(
            "countersign.decide",
            agreement=call.args.agreement,
            slug=call.args.participant,
            digest=reading["digest"][:SHOWN],
        )
    elif step in ("given", "over"):
        call.tell(f"countersign.nothing.{life['state'] if step == 'given' else 'over'}")
    if step not in ("open", "given", "over"):
        told_of_seal(call, life)
    return OK


def _compared(call: Call, reading: Mapping[str, Any]) -> None:
    """Where the documents are not ours: in words, then line by line."""
    if not reading["objections"]:
        return
    call.tell("countersign.others")
    for one in reading["objections"]:
        call.tell("countersign.objection", name=one["name"], reason=one["reason"][call.lang])
    for found in reading["differences"]:
        call.tell("countersign.differs", name=found["name"])
        for mark in found["marks"]:
            call.tell(f"countersign.documents.{mark}")
        for line in found["lines"]:
            _line(call, line)
        if found["more"]:
            call.tell("countersign.more", count=found["more"])


def _line(call: Call, line: Mapping[str, Any]) -> None:
    marks = "".join(f" [{call.say(f'countersign.marks.{mark}')}]" for mark in line["marks"])
    cut = call.say("countersign.cut", count=line["more"]) if line["more"] else ""
    call.tell(f"countersign.{line['side']}", number=line["number"], text=line["text"], more=f"{cut}{marks}")


def _place(call: Call) -> tuple[str, ...]:
    return "participants", call.args.participant, "agreements", call.args.agreement.removeprefix("urn:uuid:")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
