"""Hostile documents at the parser: a policy or a PolicyError with its place, never anything else, in linear work."""

import json
import sys
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl import reader
from connector.kernel.policy.odrl.constraints import clause
from connector.kernel.policy.odrl.model import Clause, Collection, Duty, Logic, Policy, PolicyError, Rule
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.reader import CLAUSES, DEPTH, NODES, SIZE, TEXT, VALUES, Reader, screen
from tests.fuzz.effort import amount
from tests.kernel.policy.rich import COUNT, RICH, atom, places, put

KINDS: list[Any] = [
    *(None, True, False, 0, -1, 3, 10**30, 1.5, -0.0, 1e300, "", "x", "5", "\x00", "ä\u202e", "odrl:use", "2028-01-01"),
    *(
        [],
        [None],
        [[]],
        [["x"]],
        ["x", "x"],
        [{}],
        {},
        {"x": "y"},
        {"@id": "urn:x"},
        {"@id": 5},
        {"@id": "urn:x", "x": 1},
    ),
    *({"@value": "5"}, {"@value": None}, {"@value": {}}, {"@value": "5", "@type": 7}, {"@value": "5", "@language": {}}),
    *({"@list": []}, {"@list": {"@list": []}}, {"@set": None}, {"@list": [1], "x": 2}, {"@reverse": {}}, {"": ""}),
    *(COUNT, {"and": []}, {"and": [COUNT], "or": [COUNT]}, {"action": "use"}, {"source": 5}, {"refinement": 5}),
]
"""One value of every kind, the special shapes of JSON-LD, and parts of policies where they do not belong."""


WORDS = frozenset.intersection(*(frozenset(catalogue(lang)) for lang in LANGUAGES))


PLACES, GIVEN = places(RICH), repr((RICH, KINDS))


def read(document: Any) -> Policy | PolicyError:
    try:
        return parse(document)
    except PolicyError as error:
        return error


def outcome(document: Any) -> Policy | PolicyError:
    found = read(document)
    if isinstance(found, PolicyError):
        assert f"error.{found.code}" in WORDS
        assert found.pointer == "" or found.pointer.startswith("/")
    else:
        assert len(digest(found)) == 64
    return found


def size(policy: Policy) -> int:
    """How many rules, duties, constraints and parties an evaluation may walk over."""

    def of(item: Clause | Duty | Rule) -> int:
        if isinstance(item, Logic):
            return 1 + sum(map(of, item.clauses))
        if isinstance(item, Duty | Rule):
            below: list[Any] = [*item.constraints, *item.action.refinements]
            below += [c for w in (*item.parties, *item.targets) if isinstance(w, Collection) for c in w.refinements]
            below += item.consequences if isinstance(item, Duty) else item.duties + item.remedies
            return 1 + sum(map(of, below)) + len(item.parties) + len(item.targets)
        return 1

    return sum(map(of, (*policy.permissions, *policy.prohibitions, *policy.obligations)))


EACH_FOURTH_AND_ALL = pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])


@EACH_FOURTH_AND_ALL
@pytest.mark.parametrize("path", PLACES, ids=lambda path: "/".join(map(str, path)))
def test_every_kind_of_value_in_every_place(path: tuple[Any, ...], step: int) -> None:
    """Each place of a policy with every construct takes each kind of value: read, kept as unknown, or refused.

    One place each fourth of them, the next places the others.
    """
    for value in KINDS[PLACES.index(path) % step :: step]:
        outcome(put(RICH, path, value))
    assert repr((RICH, KINDS)) == GIVEN, "the parser changes what it is given"


@pytest.mark.parametrize("value", KINDS, ids=str)
def test_every_kind_of_value_as_a_policy(value: Any) -> None:
    """Only an object is a policy, and one without permissions permits nothing."""
    found = outcome(value)
    assert isinstance(found, PolicyError) or not found.permissions


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["use", "eq"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.sampled_from(sorted({str(p[-1]) for p in places(RICH)}))),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=amount(150, 300))
@given(st.sampled_from(PLACES), JSON)
def test_arbitrary_json_in_any_place(path: tuple[Any, ...], value: Any) -> None:
    """Whatever a peer puts where, nothing but a PolicyError leaves the parser."""
    outcome(put(RICH, path, value))


OPERANDS = list(BUILT_IN.operands.values())


@EACH_FOURTH_AND_ALL
@pytest.mark.parametrize("operand", OPERANDS, ids=lambda operand: operand.name)
def test_right_operands_of_every_kind(operand: Any, step: int) -> None:
    """Every operand with every operator: a value of its type, or None; no list where one value is meant."""
    cases = [*product((*operand.operators, "isAnyOf", "term-lteq"), KINDS)]
    for operator, value in cases[OPERANDS.index(operand) % step :: step]:
        document = {"obligation": {"action": "odrl:delete", "constraint": atom(operand.iri, operator, value)}}
        found = outcome(document)
        if isinstance(found, Policy):
            read = found.obligations[0].constraints[0]
            understood = getattr(read, "value", None) is not None
            assert not understood or operator in operand.operators


def refused(document: Any) -> PolicyError:
    found = outcome(document)
    assert isinstance(found, PolicyError)
    return found


def permission(**members: Any) -> dict[str, Any]:
    return {"permission": {"action": "use"} | members}


def test_a_policy_of_262_branches_is_read() -> None:
    """The widest policy of the public suite."""
    branches = [{"and": [COUNT, COUNT]} for _ in range(262)]
    found = outcome(permission(constraint={"or": branches}))
    assert isinstance(found, Policy)
    assert size(found) == 1 + 1 + 262 * 3


def test_ten_thousand_branches_are_one_too_many() -> None:
    """The limit is over the whole policy, and the place is that of the clause that is too much."""
    fits = permission(constraint={"or": [COUNT] * (CLAUSES - 2)})
    assert isinstance(outcome(fits), Policy)
    error = refused(permission(constraint={"or": [COUNT] * (CLAUSES - 1)}))
    assert (error.code, error.pointer) == ("policy.too-large", f"/permission/0/constraint/0/or/{CLAUSES - 2}")


def bomb(levels: int) -> dict[str, Any]:
    duty: dict[str, Any] = {"action": "odrl:delete"}
    for _ in range(levels):
        duty = {"action": ["odrl:delete", "odrl:inform"], "consequence": duty}
    return {"obligation": duty}


@pytest.mark.parametrize(
    "document",
    [
        {"constraint": [COUNT] * 5000, "permission": [{"action": "use"}] * 5000},
        {"target": ["urn:a"] * 1000, "prohibition": [{"action": "use"}] * 5000},
        {"assignee": ["urn:a"] * 1000, "obligation": [{"action": "use"}] * 5000},
        permission(action=["use"] * 1000, constraint=[COUNT] * 100),
        permission(action=["use"] * 1000, target=["urn:a"] * 1000),
        permission(action=["use"] * 1000, duty=[{"action": ["use"] * 100}]),
        {"action": ["use"] * 1000, "permission": [{}] * 1000},
        bomb(20),
    ],
    ids=[
        "constraints",
        "targets",
        "assignees",
        "actions",
        "action x target",
        "duties",
        "shared actions",
        "consequences",
    ],
)
def test_what_multiplies_is_counted(document: Any) -> None:
    """A short document never becomes a long evaluation: what stands for several is counted as several."""
    assert refused(document).code == "policy.too-large"


@pytest.mark.parametrize(
    "document",
    [
        {"constraint": [COUNT] * 90, "permission": [{"action": "use"}] * 100},
        permission(action=["use"] * 90, constraint=[COUNT] * 100),
        bomb(10),
    ],
    ids=["constraints", "actions", "consequences"],
)
def test_what_is_read_is_no_larger_than_the_limit(document: Any) -> None:
    """What an evaluation walks over is bounded by what was counted."""
    found = outcome(document)
    assert isinstance(found, Policy)
    assert 1000 < size(found) <= CLAUSES


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40), st.integers(0, 4))
def test_the_count_is_at_least_the_size(actions: int, rules: int, clauses: int, levels: int) -> None:
    """For any shape of shared and multiplied parts."""
    rule = {"action": ["use"] * actions, "constraint": [COUNT] * clauses, "duty": bomb(levels)["obligation"]}
    shared = {"xone": [{"and": [COUNT] * levels}] * (clauses // 4 + 1)} if levels else COUNT
    towns = {"source": "urn:a", "refinement": shared}
    found = outcome(
        {"constraint": shared, "assignee": [towns, "urn:b"], "permission": [rule] * rules, "obligation": rule}
    )
    assert isinstance(found, PolicyError) or size(found) <= CLAUSES


@pytest.mark.parametrize(
    ("wrap", "levels"),
    [
        (lambda inner: {"and": [inner]}, DEPTH),
        (lambda inner: {"and": inner}, DEPTH),
        (lambda inner: {"or": {"@list": [inner]}}, DEPTH),
        (lambda inner: atom("odrl:count", "eq", [inner]), 2 * DEPTH),
        (lambda inner: {"ex:deep": [inner]}, 2 * DEPTH),
        (lambda inner: [inner], 4 * DEPTH),
    ],
    ids=["and", "and without list", "@list", "right operand", "extra", "lists"],
)
def test_depth_is_bounded(wrap: Any, levels: int) -> None:
    """Just below the bound nothing breaks, above it the answer is a clear error, also where recursion would end."""
    for count, allowed in ((levels // 2, True), (levels + 8, False), (10 * sys.getrecursionlimit(), False)):
        inner: Any = COUNT
        for _ in range(count):
            inner = wrap(inner)
        found = outcome(permission(constraint=inner))
        if allowed:
            assert not (isinstance(found, PolicyError) and found.code == "policy.too-deep")
        else:
            assert isinstance(found, PolicyError)
            assert found.code == "policy.too-deep"
        while isinstance(inner, dict | list):  # Taken apart from above, so that freeing it does not recurse either.
            entries = list(inner.values() if isinstance(inner, dict) else inner)
            inner = next((e for e in entries if isinstance(e, dict | list)), None)


def test_deep_consequences_and_refinements_are_refused() -> None:
    """Everything that nests is bounded, not only logic."""
    duty: dict[str, Any] = {"action": "odrl:delete"}
    for _ in range(DEPTH + 1):
        duty = {"action": "odrl:delete", "consequence": [duty]}
    assert refused({"obligation": duty}).code == "policy.too-deep"
    assert refused({"prohibition": {"action": "use", "remedy": duty}}).code == "policy.too-deep"


def test_cyclic_objects_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON has no cycles, but a caller in Python may have: bounded by depth and number."""
    monkeypatch.setattr(reader, "NODES", 10_000)
    rule: dict[str, Any] = {"action": "use"}
    rule["constraint"] = {"and": [rule]}
    logic: dict[str, Any] = {}
    logic["and"] = [logic, logic]
    party: dict[str, Any] = {"source": "urn:a"}
    party["refinement"] = party
    wide: list[Any] = []
    wide.extend([wide] * 1000)
    for value in (rule, logic, party, wide):
        for name in ("constraint", "assignee", "ex:x"):
            assert refused(permission(**{name: value})).code in ("policy.too-deep", "policy.too-large")


LIST, LONG = ["urn:a"] * (VALUES + 1), "x" * (TEXT + 1)


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (
            permission(constraint=atom("odrl:purpose", "isAnyOf", LIST)),
            "/permission/0/constraint/0/rightOperand",
            "large",
        ),
        (permission(target=LIST), "/permission/0/target", "large"),
        (permission(action=LIST), "/permission/0/action", "large"),
        ({"profile": LIST}, "/profile", "large"),
        (permission(constraint=atom("odrl:purpose", "eq", LONG)), "/permission/constraint/rightOperand", "long"),
        ({LONG: 1}, "", "long"),
        ({"ex:a/b~c": LONG}, "/ex:a~1b~0c", "long"),
        ({"ex:x": 2**2000}, "/ex:x", "long"),
        ({"ex:x": [0] * NODES}, "/ex:x", "large"),
        ({"ex:x": ["x" * TEXT] * (SIZE // TEXT + 1)}, "/ex:x", "large"),
        ({"ex:x": float("nan")}, "/ex:x", "json"),
        ({"ex:x": float("inf")}, "/ex:x", "json"),
        ({"ex:x": "\ud800"}, "/ex:x", "json"),
        ({"ex:x": {1: 2}}, "/ex:x", "json"),
        ({"ex:x": {"a"}}, "/ex:x", "json"),
        ({"ex:x": b"a"}, "/ex:x", "json"),
        ({"ex:x": ...}, "/ex:x", "json"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_limits_name_the_place(document: Any, pointer: str, code: str) -> None:
    """Lists, strings, numbers and values that JSON does not have."""
    error = refused(document)
    assert error.code == {"json": "policy.not-json"}.get(code, f"policy.too-{code}")
    assert error.pointer.startswith(pointer)


def test_just_within_the_limits() -> None:
    """The largest list and the longest string are read."""
    values = [f"urn:{n}" for n in range(VALUES)]
    found = outcome(permission(constraint=atom("odrl:purpose", "isAnyOf", values), target=values))
    assert isinstance(found, Policy)
    assert len(found.permissions[0].constraints[0].value) == VALUES  # type: ignore[union-attr, arg-type]
    assert isinstance(outcome({"dct:title": "x" * TEXT}), Policy)


def test_the_work_is_linear() -> None:
    """Twice the branches are twice the clauses read, and not one more."""
    counted = []
    for branches in (1000, 2000, 4000):
        reading = Reader(BUILT_IN)
        clause(reading, {"or": [{"and": [COUNT]} for _ in range(branches)]}, "", in_duty=False)
        counted.append(reading.clauses)
    assert counted == [2001, 4001, 8001]


def test_a_document_is_screened_before_it_is_read() -> None:
    """So nothing recurses into what is too deep, and a document that passes survives a round trip through JSON."""
    screen(RICH)
    assert parse(json.loads(json.dumps(RICH))) == parse(RICH)
