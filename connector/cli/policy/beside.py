"""`hanse policy check A B`: two policies side by side, whether both can be in force, and which of them is narrower.

Ends with 0 if both can be in force together, 1 if one permits what the other forbids, if no request is permitted by
both, or if one cannot be read, and 2 if that cannot be told.
"""

from typing import Any

from connector.cli.frame.call import OK, REFUSED, UNDECIDED, Call
from connector.cli.policy.source import policy_engine, read, unparsed
from connector.foundation.errors import Mistake
from connector.kernel.policy.conflict.objections import named
from connector.kernel.policy.conflict.pair import Clash, Pair
from connector.kernel.policy.containment.compare import Answer
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError


def run(call: Call) -> int:
    """Compares the two files; each must hold one policy."""
    engine = policy_engine(call)
    names = (call.args.policy, call.args.other)
    first, second = (_one(call, engine, name) for name in names)
    found = engine.pair(first, second)
    told = _told(call, engine, found, names)
    call.result(told)
    call.tell(f"check.pair-{found.relation}", one=names[0], other=names[1])
    for text in (*told["wider"], *told["clashes"]):
        call.tell("check.pair-line", text=text)
    call.tell(f"check.pair-{_word(found.compatible)}")
    return {True: OK, False: REFUSED, None: UNDECIDED}[found.compatible]


def _one(call: Call, engine: PolicyEngine, name: str) -> dict[str, Any]:
    found = read(call, name)
    if len(found) != 1:
        raise Mistake("cli.policy-one", path=name, count=len(found))
    try:
        engine.policy(found[0].document)
    except PolicyError as fault:
        raise Mistake("cli.policy-file", path=name, why=unparsed(fault, call.lang)) from fault
    return found[0].document


def _word(compatible: bool | None) -> str:
    return {True: "together", False: "apart", None: "open"}[compatible]


def _told(call: Call, engine: PolicyEngine, found: Pair, names: tuple[str, str]) -> dict[str, Any]:
    """The second policy is held against the first in `within`, the first against the second in `around`."""
    one, other = names
    wider = [
        _wider(call, engine, answer, mine, theirs)
        for answer, mine, theirs in ((found.within, other, one), (found.around, one, other))
        if answer.verdict != "compatible"
    ]
    return {
        "relation": found.relation,
        "compatible": found.compatible,
        "together": found.together,
        "wider": wider,
        "clashes": [_clash(call, engine, clash, names) for clash in found.clashes],
        "places": [[c.permission.pointer, c.prohibition.pointer] for c in found.clashes],
    }


def _wider(call: Call, engine: PolicyEngine, answer: Answer, mine: str, theirs: str) -> str:
    what = named(answer.item, answer.pointer, engine.words(call.lang))
    key = "beyond" if answer.verdict == "conflict" else "unproven"
    return call.say(f"check.pair-{key}", one=mine, other=theirs, what=what)


def _clash(call: Call, engine: PolicyEngine, clash: Clash, names: tuple[str, str]) -> str:
    words = engine.words(call.lang)
    one, other = names if clash.first else names[::-1]
    permission, prohibition = (named(rule, "", words) for rule in (clash.permission, clash.prohibition))
    return call.say("check.pair-clash", one=one, other=other, permission=permission, prohibition=prohibition)
