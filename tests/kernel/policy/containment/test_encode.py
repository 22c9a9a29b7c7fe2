"""Clauses as statements: for every value they are satisfied and contradicted exactly where the evaluation says so."""

from itertools import product
from typing import Any

import pytest

from connector.kernel.policy.containment.encode import PARTICIPANT, TARGET, Encoder, Meaning, Use
from connector.kernel.policy.containment.logic import Budget, Every, Never, Some, Statement, together
from connector.kernel.policy.containment.regions import ABSENT, BOUND, Dimension, Leaf
from connector.kernel.policy.evaluation.checks import Sets, belonging
from connector.kernel.policy.odrl.clauses import clauses_of
from connector.kernel.policy.odrl.model import Atom, Collection
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.operators import BELONG, NO, UNKNOWN, YES
from connector.kernel.policy.odrl.values import Due, Span
from tests.fuzz.effort import in_turn
from tests.kernel.policy.compare import COMPARE
from tests.kernel.policy.small import CLOSURE, GROUPS, ODD, ROADS, STREETS, WATER, atom, policy

KIND = atom(H + "participantKind", "eq", H + "town")
OF_DUTIES = (H + "due", H + "kAnonymity")
K_ANONYMITY = atom(H + "kAnonymity", "gteq", "5")


def encoded(clause: dict[str, Any]) -> tuple[Encoder, Any]:
    """The clause as a condition of a permission, or, if only that gives it a value, of its duty."""
    duty = {"action": "odrl:compensate", "constraint": [clause]}
    terms = policy({"action": "use", "constraint": [clause], "duty": [duty]})
    [rule] = terms.permissions
    read = rule.duties[0] if str(clause.get("leftOperand")).startswith(OF_DUTIES) else rule
    return Encoder((terms,), CLOSURE, BUILT_IN), read.constraints[0]


def meaning(clause: dict[str, Any], use: Use = "forbid") -> Meaning:
    encoder, read = encoded(clause)
    return encoder.meaning(read, use)


def holds(statement: Statement, value: int | None, missing: int = ABSENT) -> bool:
    """What a statement about one operand means, said plainly; None: no value, for the reason `missing`."""
    if isinstance(statement, Leaf):
        if value is None:
            return bool(statement.others & missing)
        if statement.kind == "in":
            return any(start <= value < end for start, end in statement.spans)
        return bool(value & statement.mask) if statement.kind == "has" else not value & ~statement.mask
    if isinstance(statement, Never):
        return not holds(statement.part, value, missing)
    joined = all if isinstance(statement, Every) else any
    return joined(holds(part, value, missing) for part in statement.parts)


def answer(found: Meaning, value: int | None, missing: int = ABSENT) -> bool | None:
    yes, no = holds(found.yes, value, missing), holds(found.no, value, missing)
    assert not (yes and no)
    return True if yes else False if no else None


USES: dict[Use, Sets] = {"declare": "whole", "forbid": "any", "open": "open", "done": "whole"}


@pytest.mark.parametrize(("operator", "left"), in_turn(BELONG, [H + "memberOf", O + "purpose", O + "recipient"]))
def test_sets_of_texts(operator: str, left: str) -> None:
    """>> every operator, every set of texts that can be told apart << yes, no and unknown as in the evaluation."""
    for wanted, use in product([[GROUPS[0]], GROUPS, [STREETS], [ROADS, WATER], [ROADS, ODD]], USES):
        encoder, read = encoded(atom(left, operator, wanted if operator not in ("eq", "neq") else wanted[0]))
        found, concepts = encoder.meaning(read, use), encoder.concepts(left)
        judged = belonging(read, USES[use])
        for kept in product((False, True), repeat=len(concepts.members)):
            actual = frozenset(text for text, there in zip(concepts.members, kept, strict=True) if there)
            said = {True: YES, False: NO, None: UNKNOWN}[answer(found, concepts.among(actual))]
            assert said == judged(actual, CLOSURE), (wanted, use, actual)
        assert answer(found, None) is None, (wanted, use)


@pytest.mark.parametrize("operator", ["eq", "neq", "isAnyOf", "isNoneOf", "isAllOf", "isPartOf", "hasPart"])
def test_a_purpose_that_nobody_declared(operator: str) -> None:
    """>> no purpose << unknown; under the permission that binds the peer to the agreed ones: satisfied."""
    clause = atom(O + "purpose", operator, ROADS)
    uses: tuple[Use, ...] = ("permit", "forbid")
    for use, missing in product(uses, (ABSENT, BOUND)):
        bound = (use, missing) == ("permit", BOUND)
        assert answer(meaning(clause, use), None, missing) is (True if bound else None)


@pytest.mark.parametrize("operator", COMPARE)
def test_numbers(operator: str) -> None:
    """>> every comparison around its value << as in the evaluation; without value unknown."""
    found = meaning(atom(O + "count", operator, "3"))
    for value in range(1, 6):
        assert answer(found, value) is COMPARE[operator](value, Span(3, 4))
    assert answer(found, None) is None


@pytest.mark.parametrize(("operator", "last"), [("lt", -1), ("lteq", 0)])
def test_deadlines_from_an_anchor(operator: str, last: int) -> None:
    """>> within thirty days << until the millisecond before, or that millisecond included, and no longer."""
    encoder, read = encoded(atom(H + "dueWithin", operator, "agreementEnd+P30D"))
    assert isinstance(read.value, Due)
    found = encoder.meaning(read, "done")
    assert [answer(found, read.value.ms + more) for more in (last, last + 1)] == [True, False]


@pytest.mark.parametrize(
    ("clause", "use", "understood"),
    [
        ({"or": [KIND] * 65}, "forbid", True),
        ({"xone": [KIND] * 64}, "forbid", True),
        ({"xone": [KIND] * 65}, "forbid", False),
        ({"or": [KIND], "ex:more": "x"}, "forbid", False),
        (KIND | {"ex:unless": "x"}, "forbid", False),
        (K_ANONYMITY, "forbid", False),
        (K_ANONYMITY, "permit", False),
        (K_ANONYMITY, "done", True),
        (atom(H + "kAnonymity", "gteq", "some"), "done", False),
    ],
)
def test_what_is_not_understood_is_a_thing_of_its_own(clause: dict[str, Any], use: Use, understood: bool) -> None:
    """>> foreign members, an `xone` too wide, a parameter as a condition << told, and equal only to the same words."""
    encoder, read = encoded(clause)
    assert [*encoder.puzzles(read, use)] == ([] if understood else [read])
    yes = encoder.meaning(read, use).yes
    assert (isinstance(yes, Leaf) and yes.dimension.name.startswith("strange:")) is not understood


def met(*statements: Statement) -> bool:
    return together(statements, Budget()) is not None


def test_who_asks() -> None:
    """>> parties and collections << somebody is one of them, or is not, never both; an odd collection is its own."""
    encoder = Encoder((), CLOSURE, BUILT_IN)
    towns = encoder.whom(PARTICIPANT, (Collection(source="urn:towns"),))
    nameless, limited = Collection(source=""), Collection(source="urn:towns", extras=(("ex:unless", "x"),))
    for whom in ("did:web:one", nameless, limited):
        found = encoder.whom(PARTICIPANT, (whom,))
        assert met(found.yes)
        assert met(found.no)
        assert not met(found.yes, found.no)
        assert met(found.yes, towns.no)
        assert met(found.no, towns.yes)


def test_an_asset_that_is_not_named() -> None:
    """>> a request that names no asset << none of those of a rule, and the one that the whole policy is about."""
    encoder = Encoder((policy({"action": "use"}, target="urn:trees"),), CLOSURE, BUILT_IN)
    full = encoder.concepts(TARGET).full
    unnamed = Leaf(Dimension(TARGET, single=True), "has", mask=full, full=full).denied()
    assert not met(encoder.whom(TARGET, ("urn:trees",)).yes, unnamed)
    assert met(encoder.whom(TARGET, ("urn:trees",), unnamed=True).yes, unnamed)


def test_everything_that_a_policy_names_is_told_apart() -> None:
    """>> parties, assets and what describes the members of a collection << each a text of its own, or a clause."""
    members = {"@type": "AssetCollection", "source": "urn:all", "refinement": [KIND]}
    terms = policy({"action": "use", "target": ["urn:trees", "urn:graves"]}, {"action": "use", "target": members})
    encoder = Encoder((terms,), CLOSURE, BUILT_IN)
    named = encoder.concepts(TARGET)
    assert named.among(["urn:trees"]) != named.among(["urn:graves"]) != 0
    assert [clause.left for clause in clauses_of(terms) if isinstance(clause, Atom)] == [H + "participantKind"]
    assert H + "town" in encoder.concepts(H + "participantKind").members


def test_exactly_one() -> None:
    """>> exactly one of two numbers << satisfied by one, contradicted by none or both, else unknown."""
    small_, large = atom(O + "count", "lteq", "3"), atom(O + "count", "gteq", "2")
    found = meaning({"xone": [small_, large]})
    assert [answer(found, value) for value in (1, 2, 3, 4, None)] == [True, False, False, True, None]
    assert isinstance(found.yes, Some)
