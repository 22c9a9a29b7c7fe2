"""`hanse catalogue`: what is done with a catalogue in RDF: checked, taken in, asked about, repaired."""

from pathlib import Path
from typing import Any

from connector.cli.frame.call import Call
from connector.cli.frame.parser import Words
from connector.cli.metadata import harvest

PROFILES = ("ap", "de", "hvd", "all")


def register(top: Words, places: Any) -> None:
    group = top.command(places, "catalogue")
    inner = group.commands("subcommand")
    check = group.command(inner, "check")
    check.word("file", type=Path, metavar="FILE")
    check.word("--profile", choices=PROFILES, default="all")
    check.word("--shapes", type=Path, metavar="DIR")
    check.set_defaults(run=_check)
    harvest.register(group, inner)


def _check(call: Call) -> int:
    from connector.cli.metadata import check

    return check.run(call)
