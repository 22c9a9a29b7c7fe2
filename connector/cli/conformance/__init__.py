"""`hanse conformance …`: how we stand against programs of others, resolved when asked for.

`dsp` runs the official kit of the Dataspace Protocol against a connector started for it, `edc` plays scenarios with
live Eclipse EDCs. Exit codes: 0 complete and green, 1 anything failed or the run was incomplete, 77 skipped because
something needed is missing; never 0 then.
"""

from pathlib import Path
from typing import Any

from connector.cli.call import Call
from connector.cli.words import Words


def register(top: Words, places: Any) -> None:
    group = top.command(places, "conformance")
    suites = group.commands("subcommand")
    dsp = group.command(suites, "dsp")
    dsp.word("--times", type=_count, default=1, metavar="N")
    dsp.word("--database", metavar="URL")
    dsp.word("--replicas", type=_count, default=1, metavar="N")
    dsp.word("--cache", type=Path, metavar="DIR")
    dsp.word("--keep", type=Path, metavar="DIR")
    dsp.word("--self-test", action="store_true")
    dsp.set_defaults(run=_dsp)
    edc = group.command(suites, "edc")
    edc.word("--cache", type=Path, metavar="DIR")
    edc.word("--keep", type=Path, metavar="DIR")
    edc.set_defaults(run=_edc)


def _dsp(call: Call) -> int:
    from connector.cli.conformance.dsp import run

    return run(call)


def _edc(call: Call) -> int:
    from connector.cli.conformance.edc.run import run

    return run(call)


def _count(text: str) -> int:
    """Zero runs would be a green result of nothing."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
