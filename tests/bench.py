"""`hanse bench`: the benchmarks of this checkout, listed or run.

A benchmark is a file `tests/load/NAME.py`; run as a program it prints one JSON object per figure and line (`name`,
`value`, `unit`, `reference`, `ratio`, `floor`, `goal`, `met`) and talks about its progress on standard error. `--quick`
asks it for a shorter run whose figures are less steady, `--ours` for what needs no other program and is soon measured.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.foundation.errors import Mistake
from connector.foundation.language import decimal

LOAD = Path(__file__).parent / "load"


def programs() -> Mapping[str, Path]:
    """The benchmarks of this checkout by name."""
    return {path.stem: path for path in sorted(LOAD.glob("[a-z]*.py")) if not path.stem.startswith("test_")}


def run(call: Call) -> int:
    found = programs()
    if call.args.name is None:
        return _listed(call, found)
    if call.args.name not in found:
        raise Mistake("cli.no-bench", name=call.args.name, names=", ".join(found))
    return _measured(call, found[call.args.name])


def _listed(call: Call, found: Mapping[str, Path]) -> int:
    about = {name: _first_line(path) for name, path in found.items()}
    call.result(about)
    for name, line in about.items():
        call.tell("bench.line", name=name, about=line)
    return OK


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _measured(call: Call, program: Path) -> int:
    """Run it with this interpreter; its lines are passed on or made into rows as they come."""
    call.tell("bench.head")
    met = True
    command = [sys.executable, str(program), *(f"--{word}" for word in ("quick", "ours") if getattr(call.args, word))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            figure = json.loads(line)
            met = met and figure.get("met") is not False
            print(line.rstrip() if call.args.json else _row(call, figure), flush=True)
    return OK if met and child.returncode == 0 else REFUSED


def _row(call: Call, figure: Mapping[str, Any]) -> str:
    def number(value: object) -> str:
        return decimal(value, call.lang, 3) if isinstance(value, int | float) else str(value or "–")

    met = ("yes" if figure["met"] else "no") if isinstance(figure["met"], bool) else "unknown"
    return call.say(
        "bench.row",
        name=figure["name"],
        value=number(figure["value"]),
        unit=figure["unit"],
        reference=number(figure["reference"]),
        ratio=number(figure["ratio"]),
        least=number(figure.get("least")),
        most=number(figure.get("most")),
        floor=number(figure.get("floor")),
        goal=number(figure["goal"]),
        met=call.say(f"bench.met.{met}"),
    )
