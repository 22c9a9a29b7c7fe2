"""Reading policies: every spelling a peer may use, nothing dropped, structure checked; and the digest (threat T22)."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.language import LANGUAGES, catalogue
from connector.policy.digest import digest
from connector.policy.evaluate import decide
from connector.policy.model import Atom, Logic, Odd, PolicyError
from connector.policy.parse import parse
from connector.policy.world import World

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741

OFFER: dict[str, Any] = {
    "@id": "urn:uuid:1",
    "@type": "Offer",
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        {
                            "leftOperand": H + "participantKind",
                            "operator": "isAnyOf",
                            "rightOperand": [H + "county", H + "company"],
                        },
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2028-01-01T00:00:00+01:00"},
                        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5"},
                    ]
                }
            ],
            "duty": [
                {
                    "action": "odrl:attribute",
                    "constraint": [{"leftOperand": H + "attributionText", "operator": "eq", "rightOperand": "Stadt"}],
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}, {"action": H + "aiTraining"}],
    "obligation": [{"action": "odrl:delete"}],
}


def variant(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(OFFER) | changes


def reserialised(value: Any) -> Any:
    """Full IRIs, value objects, single objects for one-element arrays, reversed order: what a JSON-LD peer may do."""
    if isinstance(value, list):
        entries = [reserialised(entry) for entry in reversed(value)]
        return entries[0] if len(entries) == 1 else entries
    if isinstance(value, dict):
        return {respelt(key): leaf(key, entry) for key, entry in value.items()}
    return value


def respelt(key: str) -> str:
    return key if key.startswith("@") else O + key.removeprefix("odrl:")


def leaf(key: str, entry: Any) -> Any:
    if key in ("action", "operator", "leftOperand", "profile"):
        full = entry.replace("odrl:", O) if ":" in entry else O + entry
        return [{"@id": full}]
    if key == "rightOperand" and isinstance(entry, str):
        return [{"@value": {"5": 5}.get(entry, entry)}]
    return entry if key.startswith("@") else reserialised(entry)


def test_every_spelling_is_the_same_policy() -> None:
    """What a JSON-LD peer makes of our offer has the digest of our offer."""
    foreign = reserialised(OFFER)
    assert O + "permission" in foreign
    assert foreign != OFFER
    assert digest(parse(foreign)) == digest(parse(OFFER))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("2028-01-01T00:00:00+01:00", "2027-12-31T23:00:00Z"),
        ("2028-01-01T00:00:00+01:00", {"@value": "2027-12-31T23:00:00.000Z", "@type": "xsd:dateTime"}),
    ],
)
def test_the_digest_is_typed(ours: str, theirs: object) -> None:
    """The same instant in another offset or as a typed literal is the same deal."""
    text = json.dumps(OFFER)
    assert ours in text
    assert digest(parse(json.loads(text.replace(json.dumps(ours), json.dumps(theirs))))) == digest(parse(OFFER))


def test_the_digest_ignores_what_names_one_deal() -> None:
    """An agreement has the digest of the offer it was made from."""
    agreement = variant(**{"@id": "urn:uuid:2", "@type": "Agreement", "target": "urn:t", "assigner": "did:web:a"})
    agreement |= {"assignee": "did:web:b", "timestamp": "2026-11-24T20:00:00.123456789Z"}
    assert digest(parse(agreement)) == digest(parse(OFFER))
    assert parse(agreement).timestamp == "2026-11-24T20:00:00.123456789Z"


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all leaves and lists of a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [place for key, entry in entries for place in places(entry, (*path, key))]
    return inner + ([path] if path and not isinstance(value, dict) else [])


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


@pytest.mark.threat("T22")
@pytest.mark.parametrize("path", [place for place in places(OFFER) if place[0] not in ("@id", "@type")], ids=str)
def test_changing_any_field_of_an_offer_changes_its_digest(path: tuple[Any, ...]) -> None:
    """A peer that alters one member of our offer does not come back with the same digest."""
    changed = copy.deepcopy(OFFER)
    holder, key = at(changed, path[:-1]), path[-1]
    old = holder[key]
    holder[key] = old[:-1] if isinstance(old, list) else "neq" if key == "operator" else old + "1"
    assert digest(parse(changed)) != digest(parse(OFFER))


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    "path", [(), ("permission", 0), ("prohibition", 0), ("obligation", 0), ("permission", 0, "duty", 0)]
)
@pytest.mark.parametrize("name", ["odrl:inheritFrom", "ex:unless", "https://example.org/terms#x", "scope"])
def test_an_added_member_is_kept_and_changes_the_digest(path: tuple[Any, ...], name: str) -> None:
    """Unknown members are part of the policy, wherever they stand."""
    changed = copy.deepcopy(OFFER)
    at(changed, path)[name] = "y"
    assert digest(parse(changed)) != digest(parse(OFFER))


@pytest.mark.threat("T22")
def test_the_order_of_a_sequence_counts() -> None:
    """`andSequence` is the only list whose order is part of the deal."""

    def offer(operator: str, reverse: bool) -> str:
        atoms = [{"leftOperand": "odrl:count", "operator": "eq", "rightOperand": n} for n in ("1", "2")]
        constraint = [{operator: atoms[::-1] if reverse else atoms}]
        return digest(parse(variant(permission=[{"action": "use", "constraint": constraint}])))

    assert offer("andSequence", False) != offer("andSequence", True)
    assert all(offer(operator, False) == offer(operator, True) for operator in ("and", "or", "xone"))


def only(constraint: Any) -> Any:
    return parse({"permission": {"action": "use", "constraint": constraint}}).permissions[0].constraints[0]


def test_shapes_of_values() -> None:
    """References, typed literals, lists and plain strings of one operand read alike."""
    kind = {"leftOperand": H + "participantKind", "operator": "isAnyOf"}
    shapes: list[Any] = ["urn:a", ["urn:a"], {"@id": "urn:a"}, [{"@value": "urn:a"}], {"@list": ["urn:a"]}]
    assert {only(kind | {"rightOperand": shape}).value for shape in shapes} == {frozenset({"urn:a"})}


@pytest.mark.parametrize(
    "constraint",
    [
        {"leftOperand": "partner", "operator": "eq", "rightOperand": "gold"},
        {"leftOperand": "odrl:spatial", "operator": "eq", "rightOperand": "DE"},
        {"leftOperand": "odrl:dateTime", "operator": "term-lteq", "rightOperand": "2027-01-01"},
        {"leftOperand": "odrl:dateTime", "operator": "isAnyOf", "rightOperand": "2027-01-01"},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "soon"},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": []},
        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": ["2027-01-01", "2028-01-01"]},
        {
            "leftOperand": "odrl:dateTime",
            "operator": "lt",
            "rightOperand": {"@value": "2027-01-01", "@type": "xsd:int"},
        },
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "unit": "urn:dozen"},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": 1.5},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": True},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5", "ex:unless": "x"},
        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperandReference": {"@id": "urn:x"}},
        {"leftOperand": H + "memberOf", "operator": "eq", "rightOperand": ["urn:a", "urn:b"]},
        {"leftOperand": H + "memberOf", "operator": "isAllOf", "rightOperand": []},
        {"leftOperand": "hanse:participantKind", "operator": "eq", "rightOperand": H + "county"},
        {"leftOperand": "dct:purpose", "operator": "eq", "rightOperand": H + "research"},
    ],
    ids=lambda c: f"{c['leftOperand']} {c['operator']} {c.get('rightOperand')}",
)
def test_what_is_not_understood_is_kept_and_marked(constraint: dict[str, Any]) -> None:
    """Operand, operator, type, unit or an extra member: the clause stays, its value is None."""
    atom = only(constraint)
    assert isinstance(atom, Atom)
    assert atom.value is None


def test_a_constraint_by_reference_is_kept() -> None:
    """A constraint that is only an IRI cannot be read and is not dropped."""
    assert isinstance(only({"@id": "urn:constraint:1"}), Odd)


def test_policy_level_constraints_reach_every_rule() -> None:
    """Compact policies: what stands on the policy holds for its rules."""
    atom = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5"}
    policy = parse({"constraint": atom, "permission": {"action": "use"}, "prohibition": {"action": "odrl:sell"}})
    assert [len(rule.constraints) for rule in policy.permissions + policy.prohibitions] == [1, 1]


def test_several_actions_are_several_rules() -> None:
    """A rule with two actions is read as two rules."""
    policy = parse({"permission": {"action": ["use", "odrl:distribute"]}})
    assert [rule.action.iri for rule in policy.permissions] == [O + "use", O + "distribute"]


ATOM = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5"}
CLAUSE = "/permission/0/constraint/0"


def with_clause(**members: Any) -> dict[str, Any]:
    return {"permission": {"action": "use", "constraint": members}}


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ([], "", "policy.not-an-object"),
        ("use", "", "policy.not-an-object"),
        ({"permission": "use"}, "/permission/0", "policy.not-an-object"),
        ({"permission": [{}]}, "/permission/0", "policy.action-missing"),
        ({"permission": [{"action": 5}]}, "/permission/0/action/0", "policy.not-a-term"),
        ({"permission": [], "odrl:permission": []}, "/odrl:permission", "policy.twice"),
        (with_clause(), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": [ATOM], "or": [ATOM]}), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": [ATOM]}, **ATOM), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": []}), CLAUSE, "policy.logic-empty"),
        (with_clause(leftOperand="odrl:count"), CLAUSE + "/operator", "policy.not-a-term"),
        (with_clause(leftOperand="odrl:count", operator="eq"), CLAUSE, "policy.right-operand-missing"),
        ({"target": 5, "permission": {"action": "use"}}, "/target", "policy.not-an-identifier"),
        (
            {"@type": "Agreement", "permission": {"action": "use", "target": "urn:x"}},
            "/permission/0/target",
            "policy.rule-target",
        ),
    ],
)
def test_structural_errors_name_their_place(document: object, pointer: str, code: str) -> None:
    """What is no policy at all is refused with a pointer and a message key that both languages have."""
    with pytest.raises(PolicyError) as caught:
        parse(document)
    assert (caught.value.pointer, caught.value.code) == (pointer, code)
    assert all(f"error.{code}" in catalogue(lang) for lang in LANGUAGES)


@pytest.mark.parametrize("name", ["and", "consequence"])
def test_deep_nesting_is_refused(name: str) -> None:
    """A thousand levels end in a clear error, not in a RecursionError."""
    inner: dict[str, Any] = ATOM if name == "and" else {"action": "odrl:delete"}
    for _ in range(1000):
        inner = {"and": [inner]} if name == "and" else {"action": "odrl:delete", "consequence": [inner]}
    document = {"permission": {"action": "use", "constraint": inner}} if name == "and" else {"obligation": inner}
    with pytest.raises(PolicyError, match="too-deep"):
        parse(document)


def test_a_policy_can_be_a_key() -> None:
    """Parsed policies are frozen and hashable, so callers may cache by them."""
    assert {parse(OFFER): 1}[parse(copy.deepcopy(OFFER))] == 1
    assert isinstance(parse(OFFER).permissions[0].constraints[0], Logic)


def test_an_empty_policy_permits_nothing() -> None:
    """No implicit permit."""
    assert not decide(parse({}), World(now=0, participant="did:web:a"), "access").permit


KEYS = st.sampled_from(
    [
        *(
            "permission",
            "prohibition",
            "obligation",
            "action",
            "constraint",
            "duty",
            "and",
            "or",
            "@id",
            "@value",
            "@type",
        ),
        *("leftOperand", "operator", "rightOperand", "target", "profile", "conflict", "refinement", "@list", "ex:x"),
        *("odrl:consequence", "odrl:remedy", "assignee", "unit", "dataType", "timestamp"),
    ]
)
TEXTS = st.sampled_from(
    ["use", "odrl:count", "eq", "5", "Agreement", "odrl:prohibit", "2027-12-31", H + "county", "", "ä"]
)
JSON = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**30)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=25,
)


@settings(max_examples=400)
@given(JSON)
def test_whatever_json_a_peer_sends_is_a_policy_or_a_policy_error(document: object) -> None:
    """No other exception leaves the parser, and what it takes can be digested and decided."""
    try:
        policy = parse(document)
    except PolicyError:
        return
    assert len(digest(policy)) == 64
    decide(policy, World(now=0, participant="did:web:a"), "access")
