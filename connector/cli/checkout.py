"""Commands of a checkout: `hanse test`, `bench`, `conformance` and `policy suite`.

Their programs stand in `tests/`, which no wheel holds; installed without it, each says so in one sentence.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import connector
from connector.cli.frame.call import Call
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake

INSTALLATIONS = ("wheel", "lowest", "python")
CHECKOUT = Path(connector.__file__).parent.parent


def program(name: str) -> ModuleType:
    """The module `tests.<name>`; raises `Mistake` where there is no checkout."""
    if not (CHECKOUT / "tests" / "testkit").is_dir():
        raise Mistake("cli.only-in-checkout")
    return import_module(f"tests.{name}")


def register(top: Words, places: Any) -> None:
    _conformance(top, places)
    bench = top.command(places, "bench")
    bench.word("name", nargs="?", metavar="NAME")
    bench.word("--quick", action="store_true")
    bench.word("--ours", action="store_true")
    bench.set_defaults(run=lambda call: program("bench").run(call))
    test = top.command(places, "test")
    test.word("rest", nargs="*", metavar="…")
    test.set_defaults(run=_test)


def _conformance(top: Words, places: Any) -> None:
    group = top.command(places, "conformance")
    suites = group.commands("subcommand")
    dsp = group.command(suites, "dsp")
    dsp.word("--times", type=_count, default=1, metavar="N")
    dsp.word("--database", metavar="URL")
    dsp.word("--replicas", type=_count, default=1, metavar="N")
    dsp.word("--cache", type=Path, metavar="DIR")
    dsp.word("--keep", type=Path, metavar="DIR")
    dsp.word("--self-test", action="store_true")
    dsp.set_defaults(run=lambda call: program("conformance.dsp").run(call))
    edc = group.command(suites, "edc")
    edc.word("--cache", type=Path, metavar="DIR")
    edc.word("--keep", type=Path, metavar="DIR")
    edc.set_defaults(run=lambda call: program("conformance.edc.run").run(call))
    installation = group.command(suites, "installation")
    installation.word("case", nargs="*", type=_installation, metavar="CASE")
    installation.word("--quick", action="store_true")
    installation.set_defaults(run=lambda call: program("conformance.installation").run(call))


def _count(text: str) -> int:
    """Zero runs would be a green result of nothing."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _installation(text: str) -> str:
    if text not in INSTALLATIONS:
        raise ValueError(text)
    return text


def _test(call: Call) -> int:
    script = CHECKOUT / "hanse"
    if not script.is_file():
        raise Mistake("cli.only-in-checkout")
    os.execv(script, [str(script), "test", *call.args.rest])  # noqa: S606
