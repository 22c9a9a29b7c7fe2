"""`hanse participant receive|export|import|hand-over|stay|begin|give-up`: a participant moves to another operator.

Every command may be called again. What travels between the two operators are three short texts and one file.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from connector.cli.frame.call import OK, Call, named_file, opened, unusable
from connector.cli.frame.client import Api, Problem
from connector.cli.frame.parser import Words
from connector.cli.operate import namesakes
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.small_files import replaced, replacing

PATIENCE_S = 7_200.0
"""How long an archive may be checked at the other end of the socket."""
EVERY_S = 2.0
MOST_TEXT = 8_000


def register(group: Words, inner: Any) -> None:
    receive = group.command(inner, "receive")
    receive.word("slug", metavar="SLUG")
    receive.word("--root", metavar="URL")
    receive.word("-o", "--output", metavar="FILE", type=Path)
    receive.set_defaults(run=run_receive)
    export = group.command(inner, "export")
    export.word("slug", metavar="SLUG")
    export.word("--to", metavar="FILE", type=Path)
    export.word("--fingerprint", metavar="DIGITS")
    export.word("-o", "--output", metavar="FILE", type=Path)
    export.word("--dry-run", action="store_true")
    export.set_defaults(run=run_export)
    take = group.command(inner, "import")
    take.word("slug", metavar="SLUG")
    take.word("archive", metavar="FILE", type=Path)
    take.word("-o", "--output", metavar="FILE", type=Path)
    take.set_defaults(run=run_import)
    hand = group.command(inner, "hand-over")
    hand.word("slug", metavar="SLUG")
    hand.word("receipt", metavar="FILE", type=Path)
    hand.word("-o", "--output", metavar="FILE", type=Path)
    hand.set_defaults(run=run_hand_over)
    stay = group.command(inner, "stay")
    stay.word("slug", metavar="SLUG")
    stay.word("-o", "--output", metavar="FILE", type=Path)
    stay.set_defaults(run=run_stay)
    begin = group.command(inner, "begin")
    begin.word("slug", metavar="SLUG")
    begin.word("statement", metavar="FILE", type=Path)
    begin.set_defaults(run=run_begin)
    give_up = group.command(inner, "give-up")
    give_up.word("slug", metavar="SLUG")
    give_up.word("--statement", metavar="FILE", type=Path)
    give_up.set_defaults(run=run_give_up)


def run_receive(call: Call) -> int:
    body = {"slug": call.args.slug, "root": call.args.root}
    found = Api(call.settings().api.socket).post("arrivals", body=body)
    call.result(found)
    call.tell("moving.expected", did=found["did"], fingerprint=found["fingerprint"])
    _given(call, found["address"])
    return OK


def run_export(call: Call) -> int:
    """Says what there is; then lays it to rest and writes the file, whole or not at all."""
    args, api = call.args, Api(call.settings().api.socket, PATIENCE_S)
    if args.dry_run:
        found = api.get("participants", args.slug, "move")
        call.result(found)
        call.tell("moving.plan", **_counts(call, found))
        return OK
    if args.to is None or args.fingerprint is None or args.output is None:
        raise Mistake("moving.which")
    body = {"to": _text(args.to), "fingerprint": args.fingerprint}
    api.post("participants", args.slug, "move", body=body)
    _saved(args.output, _told(call, api.download("participants", args.slug, "move", "archive")))
    found = api.get("participants", args.slug, "move")
    call.result(found)
    call.tell("moving.exported", file=args.output, to=found["to"], **_counts(call, found))
    return OK


def run_import(call: Call) -> int:
    args, api = call.args, Api(call.settings().api.socket, PATIENCE_S)
    with opened(args.archive) as file, _watched(call, args.slug):
        found = api.upload("arrivals", args.slug, "archive", file=file, size=os.fstat(file.fileno()).st_size)
    call.result(found)
    call.tell("moving.imported", name=found["name"], agreements=found["agreements"], records=found["records"])
    namesakes.tell(call, found)
    _given(call, found["receipt"])
    return OK


def run_hand_over(call: Call) -> int:
    body = {"receipt": _text(call.args.receipt)}
    found = Api(call.settings().api.socket).post("participants", call.args.slug, "move", "hand-over", body=body)
    call.result(found)
    call.tell("moving.handed", slug=call.args.slug)
    _given(call, found["statement"])
    return OK


def run_stay(call: Call) -> int:
    found = Api(call.settings().api.socket).post("participants", call.args.slug, "move", "stay", body={})
    call.result(found)
    call.tell("moving.stays", slug=call.args.slug)
    _given(call, found["statement"])
    return OK


def run_begin(call: Call) -> int:
    body = {"statement": _text(call.args.statement)}
    found = Api(call.settings().api.socket).post("arrivals", call.args.slug, "begin", body=body)
    call.result(found)
    call.tell("moving.arrived", name=found["name"], did=found["did"], origin=found["origin"])
    namesakes.tell(call, found)
    return OK


def run_give_up(call: Call) -> int:
    body = {"statement": None if call.args.statement is None else _text(call.args.statement)}
    call.result(Api(call.settings().api.socket).post("arrivals", call.args.slug, "give-up", body=body))
    call.tell("moving.given-up", slug=call.args.slug)
    return OK


def _given(call: Call, text: str) -> None:
    """A text for the other operator: into the file that was named, else onto the screen."""
    if call.args.output is None:
        call.tell("moving.text", text=text)
        return
    try:
        replaced(call.args.output, f"{text}\n".encode("ascii"))
    except OSError as problem:
        raise unusable(call.args.output, problem) from problem
    call.tell("moving.written", file=call.args.output)


def _text(place: Path) -> str:
    return named_file(place, MOST_TEXT).decode("utf-8", "replace").strip()


def _saved(place: Path, chunks: Iterable[bytes]) -> None:
    try:
        with replacing(place) as file:
            for chunk in chunks:
                file.write(chunk)
    except OSError as problem:
        raise unusable(place, problem) from problem


def _told(call: Call, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Says now and then how much has been written."""
    done, last = 0, time.monotonic()
    for chunk in chunks:
        done += len(chunk)
        if time.monotonic() - last >= EVERY_S:
            last = time.monotonic()
            call.note("moving.writes", bytes=call.size(done))
        yield chunk


@contextmanager
def _watched(call: Call, slug: str) -> Iterator[None]:
    """Says now and then how far the server is, which answers when all of it is checked."""
    over = Event()
    watching = Thread(target=tell_progress, args=(call, slug, over), daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join(EVERY_S)


def tell_progress(call: Call, slug: str, over: Event) -> None:
    """A line for each pause until `over`; whoever cannot say anything now says it later."""
    api, told = Api(call.settings().api.socket), -1
    while not over.wait(EVERY_S):
        with suppress(Problem, HanseError):
            found = api.get("arrivals", slug)["rows"]
            if found != told and not over.is_set():
                told = found
                call.note("moving.takes" if found else "moving.reads", rows=found)


def _counts(call: Call, found: dict[str, Any]) -> dict[str, Any]:
    names = ("slug", "agreements", "records", "files")
    return {**{name: found[name] for name in names}, "bytes": call.size(found["bytes"])}
