"""The registry of left operands: complete, and nothing in it without source, phase and operators."""

import json
from typing import Any

import pytest

from connector.app.policy_engine import policy_engine
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.record import record
from connector.kernel.policy.odrl.identifiers import well_formed
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.names import HANSE, LEFT_OPERANDS, ODRL, OPERATORS
from connector.kernel.policy.odrl.operands import BUILT_IN, REGISTRY, Registry, left_operand
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, Value, World
from connector.kernel.policy.odrl.values import Span, Type
from connector.kernel.policy.wording.explain import report, tree
from connector.kernel.policy.wording.outline import outline

NEW: dict[str, Any] = {
    "iri": HANSE + "new",
    "type": Type.IRI,
    "source": "declared",
    "phases": ["access"],
    "operators": ["eq"],
}


def world(**known: Any) -> World:
    return World(now=1000, participant="did:web:a", **known)


def nobody(_world: World) -> Value:
    return None


def test_all_operands_of_odrl_are_registered() -> None:
    """All 34 are known, whether or not anybody supplies a value."""
    assert {o.name for o in REGISTRY.values() if o.iri.startswith(ODRL)} == LEFT_OPERANDS


def test_the_own_operands() -> None:
    """Those of spec/policy.md 2.5, 4.2."""
    assert {o.name for o in REGISTRY.values() if o.iri.startswith(HANSE)} == {
        *("participantKind", "adminLevel", "participant", "memberOf", "role", "participantLocation"),
        *("securityProfile", "onBehalfOf", "connector", "consent", "classification", "legalBasis", "avvHash"),
        *("consentingParty", "regionalKey", "licence"),
        *("reciprocalAgreement", "eventState", "state", "artifactState"),
        *("attributionText", "fields", "currency", "feeStatute", "kAnonymity", "epsilon", "method"),
        *("aggregationLevel", "logLevel", "policyRef", "informedParty", "dueBy", "dueWithin"),
    }


@pytest.mark.parametrize(
    ("phase", "names"),
    [
        ("catalog", "dateTime resolution relativeSize absoluteTemporalPosition"),
        ("negotiation", "purpose industry product media language"),
        ("transfer", "systemDevice system device spatial spatialCoordinates virtualLocation deliveryChannel"),
        ("transfer", "fileFormat absoluteSize version recipient"),
        ("access", "elapsedTime delayPeriod timeInterval meteredTime event count unitOfCount percentage payAmount"),
    ],
)
def test_the_first_phase_that_decides(phase: str, names: str) -> None:
    """As the table of spec/policy.md 4.2 has it."""
    assert {PHASES[REGISTRY[ODRL + name].first] for name in names.split()} == {phase}


def test_credentials_are_known_in_the_catalogue() -> None:
    """Who somebody is can be seen before anything is negotiated."""
    names = "participantKind adminLevel participant memberOf role participantLocation securityProfile onBehalfOf"
    for operand in (REGISTRY[HANSE + name] for name in names.split()):
        assert (operand.first, operand.source) == (0, "verified-credential")


@pytest.mark.parametrize(
    "change",
    [
        {"phases": []},
        {"phases": ["sometime"]},
        {"operators": []},
        {"operators": ["eq", "like"]},
        {"source": ""},
        {"source": "contractual"},
        {"iri": "new"},
    ],
    ids=str,
)
def test_nothing_undeclared_is_registered(change: dict[str, Any]) -> None:
    """What may be promised about a clause depends on source, phases and operators, so none may be left open."""
    with pytest.raises(ValueError, match=r"new|sometime|tuple"):
        left_operand(**NEW | change)


def test_a_registry_is_extended_as_a_copy() -> None:
    """A plug-in's operand is in the longer list only, and no name has two owners."""
    operand = left_operand(**NEW)(nobody)
    longer = BUILT_IN.with_([operand])
    assert longer.get(HANSE + "new") is operand
    assert BUILT_IN.get(HANSE + "new") is None
    for taken in (operand, REGISTRY[HANSE + "memberOf"]):
        with pytest.raises(ValueError, match="hanse"):
            longer.with_([taken])
    with pytest.raises(TypeError):
        longer.operands[HANSE + "other"] = operand  # type: ignore[index]


def test_the_digest_tells_registries_apart() -> None:
    """Every declaration counts, the order of registration does not."""
    variants: list[dict[str, Any]] = [
        {},
        {"source": "measured"},
        {"phases": ["catalog"]},
        {"type": Type.TEXT},
        {"operators": ["neq"]},
        {"role": "parameter"},
        {"in_duty": "parameter"},
        {"units": True},
        {"iri": HANSE + "newer"},
    ]
    digests = {BUILT_IN.with_([left_operand(**NEW | change)(nobody)]).digest for change in variants}
    assert len(digests | {BUILT_IN.digest}) == len(variants) + 1
    assert Registry(reversed(list(REGISTRY.values()))).digest == BUILT_IN.digest


def test_a_policy_is_read_with_the_registry_it_is_given() -> None:
    """Without the plug-in its operand is unknown, with it the clause has a value."""
    atom = {"leftOperand": HANSE + "new", "operator": "eq", "rightOperand": "urn:a"}
    document = {"permission": {"action": "use", "constraint": atom}}
    longer = BUILT_IN.with_([left_operand(**NEW)(nobody)])
    values = [parse(document, one).permissions[0].constraints[0].value for one in (BUILT_IN, longer)]  # type: ignore[union-attr]
    assert values == [None, frozenset({"urn:a"})]


@pytest.mark.parametrize("operand", REGISTRY.values(), ids=lambda operand: operand.name)
def test_without_a_fact_nobody_knows(operand: Any) -> None:
    """Only the clock and the requester's own name need nobody to supply them."""
    found = operand.value(world())
    known = {ODRL + "dateTime": 1000, HANSE + "participant": frozenset({"did:web:a"})}
    assert found == known.get(operand.iri)
    assert operand.operators <= OPERATORS


def test_facts_answer_by_operand() -> None:
    """Each condition reads the fact of its own name; parameters, deadlines and windows read nothing."""
    computed = {"dateTime", "elapsedTime", "count", "purpose", "participant", "device", "system"}
    for operand in REGISTRY.values():
        if operand.name in computed:
            continue
        value = frozenset({"de"}) if operand.type is Type.LANGUAGE else 7
        read = operand.value(world(facts={operand.iri: Fact(value)}))
        assert read == (value if operand.role == "condition" else None), operand.iri


def test_computed_operands() -> None:
    """From the fields of the world that exist for them."""

    def of(name: str, **known: Any) -> Value:
        return REGISTRY[ODRL + name].value(world(**known))

    assert of("elapsedTime", agreement_at=400) == 600
    assert of("count", uses={"": 3, "P1D": 1}) == 3
    assert of("count", uses={"P1D": 1}) is None
    assert of("purpose", purpose="urn:p") == frozenset({"urn:p"})
    device = {"facts": {ODRL + "systemDevice": Fact(frozenset({"urn:d"}))}}
    assert of("device", **device) == of("system", **device) == of("systemDevice", **device) == frozenset({"urn:d"})
    assert of("language", facts={ODRL + "language": Fact(frozenset({"de-DE"}))}) == frozenset({"de-de"})
    assert of("language", facts={ODRL + "language": Fact(7)}) is None


def test_an_operand_may_have_another_role_in_a_duty() -> None:
    """An amount is a condition of a permission and a parameter of the payment."""
    amount = {"leftOperand": "odrl:payAmount", "operator": "eq", "rightOperand": "12.50", "unit": "urn:eur"}
    duty = {"action": "odrl:compensate", "constraint": amount}
    rule = parse({"permission": {"action": "use", "constraint": amount, "duty": duty}}).permissions[0]
    inside, outside = rule.duties[0].constraints[0], rule.constraints[0]
    assert (outside.role, inside.role) == ("condition", "parameter")  # type: ignore[union-attr]
    assert inside.value == outside.value == Span(12_500_000, 12_500_001)  # type: ignore[union-attr]


ODD = [
    True,
    1.5,
    "x",
    [1],
    {"a"},
    frozenset({1}),
    frozenset({1, "a"}),
    frozenset({None}),
    frozenset({"\ud800"}),
    10**400,
]


@pytest.mark.parametrize("answer", ODD, ids=lambda answer: type(answer).__name__)
@pytest.mark.parametrize("type_", [Type.INTEGER, Type.INSTANT, Type.TEXT])
def test_what_a_plug_in_answers_is_a_value_or_unknown(type_: Type, answer: Any) -> None:
    """>> an operand that answers with something that is no value  << unknown, and it can be told and recorded."""
    made = left_operand("urn:x:w", type=type_, source="measured", phases=PHASES, operators=OPERATORS)(lambda _: answer)
    registry = BUILT_IN.with_([made])
    clause = {"leftOperand": "urn:x:w", "operator": "neq", "rightOperand": "2027-01-01" if type_ == "instant" else "3"}
    document = {"permission": [{"action": "use", "constraint": [clause]}]}
    decision = compile(parse(document, registry), registry).examine(world(), "access")
    words = policy_engine().words("de")
    assert decision.tree.children[0].state == "unknown"
    assert outline(decision, words)
    assert json.dumps([tree(decision.tree, words), report(decision)])
    assert record(decision, world(), document, vocabulary="", registry=registry)["permit"] is False


def test_a_regional_key_is_compared_as_a_whole_and_among_several() -> None:
    """>> the digits of state, district, county, association, municipality  << keys; >> other lengths, other signs  <<
    none. A seat lies in several at once, so nothing is equal to it."""
    operand = REGISTRY[HANSE + "regionalKey"]
    assert operand.operators == {"isAnyOf", "isNoneOf"}
    assert operand.source == "verified-credential"
    keys = ("05", "055", "05515", "055150000", "055150000000")
    assert all(well_formed(operand.range, key) for key in keys)
    others = ("", "0", "0551", "055150", "05515000000", "0551500000000", "0551x", "٠٥", " 05")
    assert not [other for other in others if well_formed(operand.range, other)]
