"""The properties of spec/policy.md 5.3, for policies and worlds that nobody chose.

Those that take long, `test_program.py` proves too, with fewer policies that have every construct.
"""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.fuzz.effort import amount
from tests.kernel.policy.asking import COUNT, ELAPSED, FROM, KIND, NOW, ODD, PURPOSE, UNTIL, H, O, ask, atom, world

ATOMS = st.sampled_from([KIND, PURPOSE, COUNT, ELAPSED, UNTIL, FROM, ODD, atom(H + "memberOf", "isNoneOf", "urn:ikz")])
CLAUSES = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda name, clauses: {name: clauses},
        st.sampled_from(["and", "or", "xone"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
RULES = st.fixed_dictionaries(
    {"action": st.sampled_from(["use", "odrl:distribute", "odrl:sell"]), "constraint": st.lists(CLAUSES, max_size=2)}
)
POLICIES = st.fixed_dictionaries(
    {
        "permission": st.lists(RULES, min_size=1, max_size=3),
        "prohibition": st.lists(RULES, max_size=2),
        "odrl:conflict": st.sampled_from(["odrl:prohibit", "odrl:perm"]),
    }
)
WORLDS = st.builds(
    world,
    kind=st.sampled_from([H + "municipality", H + "company", None]),
    groups=st.sampled_from([frozenset(), frozenset({"urn:ikz"}), None]),
    purpose=st.sampled_from([H + "winterService", H + "research", None]),
    action=st.sampled_from(["", O + "distribute"]),
    uses=st.sampled_from([1, 3, None]),
    agreement_at=st.sampled_from([NOW, NOW - 9000, None]),
)
ANY_PHASE = st.sampled_from(PHASES)


@pytest.mark.long
@given(POLICIES, RULES, WORLDS)
def test_adding_a_permission_never_denies(document: dict[str, Any], rule: dict[str, Any], asker: World) -> None:
    """More permissions permit at least as much, under `prohibit` and `perm`."""
    more = document | {"permission": [rule, *document["permission"]]}
    assert ask(more, asker=asker).permit >= ask(document, asker=asker).permit


@pytest.mark.long
@given(POLICIES, RULES, WORLDS, ANY_PHASE)
def test_adding_a_prohibition_never_allows(
    document: dict[str, Any], rule: dict[str, Any], asker: World, phase: str
) -> None:
    """More prohibitions permit at most as much, in every phase."""
    more = document | {"prohibition": [rule, *document["prohibition"]]}
    assert ask(more, phase, asker).permit <= ask(document, phase, asker).permit


@pytest.mark.long
@given(POLICIES, WORLDS, ANY_PHASE)
def test_order_never_changes_the_answer(document: dict[str, Any], asker: World, phase: str) -> None:
    """Rules, constraints and operands may come in any order."""

    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turned(entry) for entry in reversed(value)]
        return {k: turned(v) for k, v in reversed(value.items())} if isinstance(value, dict) else value

    assert ask(turned(document), phase, asker).permit == ask(document, phase, asker).permit


@given(POLICIES, WORLDS, ANY_PHASE)
def test_names_that_no_clause_mentions_do_not_matter(document: dict[str, Any], asker: World, phase: str) -> None:
    """Two participants with equal claims get the same answer."""
    other = replace(asker, participant="did:web:twin")
    assert ask(document, phase, asker).permit == ask(document, phase, other).permit


@pytest.mark.threat("T22")
@settings(max_examples=amount(40, 300))
@given(POLICIES, WORLDS, ANY_PHASE, st.data())
def test_an_unknown_constraint_never_widens_access(
    document: dict[str, Any], asker: World, phase: str, data: Any
) -> None:
    """Whatever a peer adds that we do not know, into whichever rule: nobody gets more than before."""
    kind = data.draw(st.sampled_from([name for name in ("permission", "prohibition") if document[name]]))
    index = data.draw(st.integers(0, len(document[kind]) - 1))
    unknown = data.draw(st.sampled_from([ODD, {"@id": "urn:x"}, {"or": [ODD]}, UNTIL | {"ex:unless": "x"}]))
    rule = document[kind][index]
    rules = [
        *document[kind][:index],
        rule | {"constraint": [*rule["constraint"], unknown]},
        *document[kind][index + 1 :],
    ]
    assert ask(document | {kind: rules}, phase, asker).permit <= ask(document, phase, asker).permit


def _turning(value: Any, inside: bool = False) -> bool:
    """Whether an `xone` contains another connective, whose "no" may be its "yes"."""
    if isinstance(value, dict):
        return (inside and "leftOperand" not in value) or any(
            _turning(v, inside or k == "xone") for k, v in value.items()
        )
    return isinstance(value, list) and any(_turning(entry, inside) for entry in value)


@given(POLICIES, WORLDS)
def test_what_access_permits_no_earlier_phase_refuses(document: dict[str, Any], asker: World) -> None:
    """Deferral never hides an offer that could be used.

    In a connective within an `xone` something unknown may cease to matter once a deferred clause is contradicted; until
    then it refuses, which is the safe side.
    """
    if not _turning(document) and ask(document, asker=asker).permit:
        assert all(ask(document, phase, asker).permit for phase in PHASES)


LATER = [ELAPSED, COUNT, PURPOSE]
"""Clauses that the catalogue cannot decide; the negotiation can decide the last of them."""
EARLIER = [KIND, ODD, atom(H + "memberOf", "eq", "urn:ikz"), UNTIL]


@pytest.mark.parametrize("logic", ["", "and", "or", "xone", "andSequence"])
def test_bug_a_prohibition_half_of_which_is_known_at_access_alone(logic: str) -> None:
    """>> forbidden by two clauses or three, each known, unknown or decided later; every connective and request
    << whatever access permits no earlier phase refuses, and what is in force anyway is refused at once."""
    askers = [
        world(kind=kind, groups=group, uses=uses, agreement_at=at, purpose=purpose)
        for kind in (H + "municipality", H + "company")
        for group in (frozenset({"urn:ikz"}), None)
        for uses, at in ((1, NOW - 3000), (3, NOW - 9000), (None, None))
        for purpose in (H + "winterService", H + "research")
    ]
    early = 0
    for early_one, late_one, third in product(EARLIER, LATER, [*EARLIER, *LATER, None]):
        clauses = [one for one in (early_one, late_one, third) if one is not None]
        rule = {"action": "use", "constraint": [{logic: clauses}] if logic else clauses}
        document = {"permission": [{"action": "use"}], "prohibition": [rule], "odrl:conflict": "odrl:prohibit"}
        program = compile(parse(document))
        for asker in askers:
            answers = [program.verdict(asker, phase).permit for phase in PHASES]
            assert answers == [program.examine(asker, phase).permit for phase in PHASES], (rule, asker)
            assert all(answers) if answers[-1] else True, (rule, asker)
            early += not answers[1] and not answers[-1]
    assert early, "a prohibition that is surely in force is not left to the access"
