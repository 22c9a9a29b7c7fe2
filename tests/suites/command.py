"""`hanse policy suite DIR`: runs a public suite from any folder and says honestly how far we agree with it.

Ends with 0 if all cases agree on activation and every other difference is a case with dangling references, else with 1.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain
from tests.suites import force, oval, w3c
from tests.suites.municipal.suite import generated
from tests.suites.outcome import Outcome, Tally, tally

_Reader = Callable[[Path, frozenset[str]], Iterator[Outcome]]
_READERS: Mapping[str, _Reader] = {"force": force.run, "w3c": w3c.run, "oval": oval.run}
_LINES = 12
"""Differences of one case that are printed; `--json` has all."""


def run(call: Call) -> int:
    folder = call.args.folder
    if not folder.is_dir():
        raise Mistake("cli.no-file", path=folder)
    with generated(folder) as place:
        found = tally(list(_READERS[call.args.format](place, frozenset(call.args.profiles))))
    call.result(_plain(found))
    if not call.args.json:
        _print(call, found)
    return OK if found.good else REFUSED


def _plain(found: Tally) -> dict[str, Any]:
    return {
        "total": found.total,
        "activation": found.activation,
        "premises": found.premises,
        "repaired": sum(outcome.repaired for outcome in found.outcomes),
        "agrees": found.good,
        "profiles": list(_profiles(found)),
        "cases": [_case(one) for one in found.outcomes],
    }


def _profiles(found: Tally) -> tuple[str, ...]:
    """The profiles that nobody knows: a policy under one of them permits nothing."""
    return tuple(dict.fromkeys(name for outcome in found.outcomes for name in outcome.profiles))


def _case(one: Outcome) -> dict[str, Any]:
    return {
        "name": one.name,
        "activation": one.activation,
        "premises": one.premises,
        "result": one.result,
        "differences": list(one.differences),
        "dangling": list(one.dangling),
        "repairs": list(one.repairs),
        "repaired": one.repaired,
        "problem": one.problem,
    }


def _print(call: Call, found: Tally) -> None:
    for one in found.outcomes:
        if one.problem:
            call.tell("suite.problem", name=one.name, problem=plain(one.problem, 300))
        elif one.repaired:
            call.tell("suite.repaired", name=one.name, how=plain("; ".join(one.repairs), 300))
        elif not (one.activation and one.premises and one.result):
            _differs(call, one)
        elif one.repairs:
            call.tell("suite.mended", name=one.name, how=plain("; ".join(one.repairs), 300))
    for name in _profiles(found):
        call.tell("suite.profile", profile=plain(name, 200))
    call.tell("suite.figures", activation=found.activation, premises=found.premises, total=found.total)
    if repaired := sum(outcome.repaired for outcome in found.outcomes):
        call.tell("suite.with-repair", premises=found.premises + repaired, total=found.total)


def _differs(call: Call, one: Outcome) -> None:
    if one.activation and one.result and one.dangling:
        call.tell("suite.defect", name=one.name, many=len(one.dangling), first=plain(one.dangling[0], 200))
        return
    call.tell("suite.differs", name=one.name)
    for line in one.differences[:_LINES]:
        call.tell("suite.line", text=plain(line, 300))
