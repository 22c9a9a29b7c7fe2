"""No policy costs more than in proportion to its size: steps are counted as function calls, never timed.

Each shape is read, compiled, decided and explained at one size and at twice that size; a square would be four times the
steps (issue 5, bad input: evaluation is bounded).
"""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from connector.app.policy_engine import policy_engine
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.evaluation.matching import _covered
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.names import HANSE
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.kernel.policy.wording.badges import coverage
from tests.fuzz.effort import one_in
from tests.kernel.policy.deciding import decide

SIZE = 40
MOST = 2.1
"""Twice the policy may take this many times the steps."""


def atom(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


COUNT = atom("odrl:count", "lteq", "3")
PAST = atom("odrl:dateTime", "lt", "2000-01-01T00:00:00Z")
PURPOSE = atom("odrl:purpose", "isPartOf", [HANSE + "heatPlanning"])
DUTY = {"action": "odrl:inform", "constraint": [atom(HANSE + "dueWithin", "lteq", "agreement+P1D")]}
USE = {"action": "use"}


def nested(count: int) -> dict[str, Any]:
    """Many short chains of consequences."""
    duty: dict[str, Any] = {"action": "odrl:delete", "odrl:consequence": [{**DUTY, "odrl:consequence": [DUTY, DUTY]}]}
    return {"permission": [USE], "obligation": [{**duty, "constraint": DUTY["constraint"]}] * count}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "permissions": lambda n: {"permission": [{**USE, "constraint": [COUNT]}] * n},
    "prohibitions": lambda n: {"permission": [USE], "prohibition": [{**USE, "constraint": [PAST]}] * n},
    "both": lambda n: {"permission": [USE] * n, "prohibition": [{**USE, "constraint": [PAST]}] * n + [USE]},
    "both, with counts": lambda n: {
        "permission": [{**USE, "constraint": [COUNT]}] * n,
        "prohibition": [{"action": "odrl:distribute", "constraint": [COUNT]}] * n,
    },
    "both, unknown": lambda n: {
        "permission": [{"action": f"urn:x:{i}"} for i in range(n)],
        "prohibition": [{"action": f"urn:y:{i}"} for i in range(n)],
    },
    "clauses": lambda n: {"permission": [{**USE, "constraint": [COUNT, PURPOSE, PAST] * n}]},
    "alternatives": lambda n: {"permission": [{**USE, "constraint": [{"or": [COUNT, PURPOSE, PAST] * n}]}]},
    "exactly one": lambda n: {"permission": [{**USE, "constraint": [{"xone": [COUNT, PURPOSE, PAST] * n}]}]},
    "or of and": lambda n: {"permission": [{**USE, "constraint": [{"or": [{"and": [PAST, PURPOSE]}] * n}]}]},
    "duties": lambda n: {"permission": [{**USE, "duty": [DUTY] * n}]},
    "obligations": lambda n: {"permission": [USE], "obligation": [DUTY] * n},
    "consequences": nested,
    "remedies": lambda n: {"permission": [USE], "prohibition": [{"action": "odrl:sell", "odrl:remedy": [DUTY] * n}]},
    "parties": lambda n: {"permission": [{**USE, "assignee": [f"did:web:{i}.example" for i in range(n)]}]},
    "values": lambda n: {"permission": [{**USE, "constraint": [atom("odrl:purpose", "isNoneOf", ["urn:x"] * n)]}]},
    "shared clauses": lambda n: {"constraint": [COUNT] * 3, "permission": [USE] * n, "prohibition": [USE] * n},
}

WORLD = World(
    now=1_795_500_000_000,
    participant="did:web:a.example",
    agreement_at=1_700_000_000_000,
    uses={"": 1},
    facts={HANSE + "participantKind": Fact(frozenset({HANSE + "municipality"}), "verified-credential")},
    deeds=(Deed(action="http://www.w3.org/ns/odrl/2/sell", at=1_750_000_000_000),),
)


def steps(work: Callable[[], object]) -> int:
    """How many functions of Python this calls or resumes."""
    count = 0

    def told(_frame: object, event: str, _given: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(told)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def kernel(document: dict[str, Any]) -> None:
    """Everything that the engine does with a policy that comes in."""
    policy = parse({**document, "odrl:conflict": {"@id": "odrl:prohibit"}})
    digest(policy)
    coverage(policy)
    program = compile(policy)
    for phase in PHASES:
        program.verdict(WORLD, phase)
        program.examine(WORLD, phase)


@pytest.mark.threat("T45")
@pytest.mark.parametrize("shape", one_in(2, SHAPES))
def test_twice_the_policy_is_twice_the_work(shape: str) -> None:
    """>> a policy and one twice its size  << about twice the steps to read, compile, decide and cover."""
    kernel(SHAPES[shape](3))  # what is made once and kept must not count
    small, large = (steps(lambda n=n: kernel(SHAPES[shape](n))) for n in (SIZE, 2 * SIZE))
    assert large <= MOST * small, (small, large)


@pytest.mark.parametrize("shape", one_in(2, SHAPES))
def test_twice_the_policy_is_twice_the_words(shape: str) -> None:
    """>> the same  << sentences, badges, reasons, the tree and what would help grow in proportion, too."""
    engine = policy_engine()

    def words(count: int) -> None:
        document = {**SHAPES[shape](count), "odrl:conflict": {"@id": "odrl:prohibit"}}
        engine.clauses(document, "de")
        decision = decide(parse(document), WORLD, "access")
        engine.reasons(decision)
        engine.explain_tree(decision, "de")
        engine.what_if(decision, "de")

    words(3)
    small, large = (steps(lambda n=n: words(n)) for n in (SIZE, 2 * SIZE))
    assert large <= MOST * small, (small, large)


def owing(deadline: str, *consequences: dict[str, Any]) -> dict[str, Any]:
    within = atom(HANSE + "dueWithin", "lteq", deadline)
    return {"action": "odrl:inform", "constraint": [within], "odrl:consequence": list(consequences)}


def examining(document: dict[str, Any], deeds: list[Deed]) -> int:
    program, world = compile(parse(document)), replace(WORLD, deeds=tuple(deeds))
    program.examine(world, "access")  # what is made once and kept must not count
    return steps(lambda: program.examine(world, "access"))


INFORMED, USED = "http://www.w3.org/ns/odrl/2/inform", "http://www.w3.org/ns/odrl/2/use"


@pytest.mark.threat("T45")
@pytest.mark.parametrize("first", ["access", "agreement"])
def test_accesses_do_not_multiply_from_consequence_to_consequence(first: str) -> None:
    """>> a duty after each access, whose consequence is one after each access, ...  << no three times a level."""

    def chain(depth: int) -> int:
        duty = owing("access+PT1S")
        for level in range(depth - 1, -1, -1):
            duty = owing(f"{first if level == 0 else 'access'}+PT1S", duty)
        uses = [Deed(action=USED, at=WORLD.now - 90_000 + 10_000 * n) for n in range(5)]
        late = [Deed(action=INFORMED, at=WORLD.now - 40_000 + n) for n in range(3 * depth)]
        return examining({"permission": [USE], "obligation": [duty]}, [*uses, *late, Deed(action=USED, at=WORLD.now)])

    assert chain(14) <= 8 * chain(7)


@pytest.mark.threat("T45")
def test_deeds_and_consequences_are_not_held_against_each_other_twice() -> None:
    """>> twice the consequences and twice what was done  << four times the steps at most, not eight."""

    def wide(count: int) -> int:
        duty = owing("agreement+PT1S", *[{"action": "odrl:inform"}] * count)
        done = [Deed(action=INFORMED, at=WORLD.now - 1 - n) for n in range(count)]
        return examining({"permission": [USE], "obligation": [duty]}, done)

    assert wide(60) <= 4.5 * wide(30)


def test_names_of_strangers_are_not_kept() -> None:
    """>> policies with hundreds of actions nobody knows  << nothing of them is left in memory."""
    kernel(SHAPES["both, unknown"](3))
    before = _covered.cache_info().currsize
    kernel(SHAPES["both, unknown"](120))
    assert _covered.cache_info().currsize == before


def test_a_square_would_be_seen() -> None:
    """Otherwise the tests above could not fail."""

    def squares(count: int) -> None:
        for _ in range(count):
            sum(i for i in range(count))

    small, large = (steps(lambda n=n: squares(n)) for n in (SIZE, 2 * SIZE))
    assert large > 3.5 * small
