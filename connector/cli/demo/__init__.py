"""`hanse demo`: two towns and a firm exchange a dataset on this computer, between two real server processes.

With `--space` a county keeps a data space for towns at other operators: three processes that share no list.
"""

from pathlib import Path
from typing import Any

from connector.cli.frame.call import Call
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    demo = top.command(places, "demo")
    demo.word("--space", action="store_true")
    demo.word("--once", action="store_true")
    demo.word("--file", type=Path, metavar="FILE")
    demo.word("--keep", type=Path, metavar="DIR")
    demo.word("--browser", action="store_true")
    demo.set_defaults(run=_run)


def _run(call: Call) -> int:
    from connector.cli.demo.run import run

    return run(call)
