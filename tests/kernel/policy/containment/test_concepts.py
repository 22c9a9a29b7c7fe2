"""Classes of concepts: nothing that a vocabulary tells apart is taken together, and nothing else is kept apart."""

from typing import Any

import pytest

from connector.kernel.policy.containment.concepts import Concepts
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import expand
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from tests.kernel.policy.asking import atom

CLOSURE = Closure(
    {
        "roads": frozenset({"roads"}),
        "streets": frozenset({"streets", "roads"}),
        "lanes": frozenset({"lanes", "roads"}),
        "alley": frozenset({"alley", "lanes", "roads"}),
        "water": frozenset({"water"}),
    }
)


def classes(*named: str) -> Concepts:
    return Concepts(frozenset(named), CLOSURE)


def members(of: Concepts, mask: int) -> list[str]:
    return [member for index, member in enumerate(of.members) if mask >> index & 1]


def test_one_stands_for_all_that_have_the_same_kin() -> None:
    """>> roads named  << roads, one of those below it, one beside it, and a stranger."""
    found = classes("roads")
    assert found.members == ("roads", "streets", "water", "urn:any:other")
    assert found.full == 0b1111
    assert classes("lanes").members == ("lanes", "roads", "streets", "alley", "urn:any:other")
    assert classes().members == ("roads", "urn:any:other")


def test_a_stranger_is_a_stranger() -> None:
    """>> its name named, or in the vocabulary  << another name stands for what nobody knows."""
    assert classes("urn:any:other", "urn:any:other--").members[-1] == "urn:any:other-"
    known = Closure({"urn:any:other": frozenset({"urn:any:other"})})
    assert Concepts(frozenset({"urn:any:other-"}), known).members[-1] == "urn:any:other--"


@pytest.mark.parametrize(
    ("texts", "there"), [((), []), (("roads",), ["roads"]), (("roads", "urn:x"), ["roads"]), (("urn:x",), [])]
)
def test_the_classes_of_texts(texts: tuple[str, ...], there: list[str]) -> None:
    """Of what was not named nothing is said."""
    found = classes("roads")
    assert members(found, found.among(texts)) == there


@pytest.mark.parametrize(
    ("parts", "answer", "upwards", "there"),
    [
        (("roads",), True, False, ["roads", "streets"]),
        (("roads",), False, False, ["water"]),
        (("roads", "water"), True, False, ["roads", "streets", "water"]),
        (("roads", "water"), False, False, []),
        (("roads", "urn:x"), False, False, []),
        (("streets",), True, True, ["streets", "roads"]),
        (("streets",), False, True, ["lanes"]),
        ((), True, False, []),
    ],
)
def test_what_surely_lies_within(parts: tuple[str, ...], answer: bool, upwards: bool, there: list[str]) -> None:
    """Surely yes and surely no leave out what the vocabulary does not know."""
    found = classes(*parts)
    assert sorted(members(found, found.surely(parts, answer, upwards=upwards))) == sorted(there)


def test_downwards_unless_said_otherwise() -> None:
    """>> roads, without more << what lies within them, not what they lie within."""
    found = classes("streets", "roads")
    assert members(found, found.surely(("roads",), True)) == ["roads", "streets", "lanes"]


def using(*constraint: Any, **more: Any) -> Policy:
    return parse({"permission": [{"action": "use", "constraint": list(constraint)}], **more})


@pytest.mark.parametrize(
    ("left", "one", "other", "third"),
    [
        ("odrl:language", "fr", "de", "en"),
        ("odrl:recipient", "did:web:one", "did:web:other", "did:web:third"),
        (H + "memberOf", "urn:one", "urn:other", "urn:third"),
        (H + "onBehalfOf", "did:web:one", "did:web:other", "did:web:third"),
    ],
)
def test_a_name_that_no_policy_mentions_makes_no_wider_terms_compatible(
    left: str, one: str, other: str, third: str
) -> None:
    """>> offered: exactly this one; asked: this one, others beside it, but not that one  << wider, by a third."""
    offer = using(atom(left, "eq", one))
    asked = using(
        atom(left, "isAnyOf", [one]),
        prohibition=[{"action": "use", "constraint": [atom(left, "eq", other)]}],
    )
    iri = expand(left)
    value = Fact(frozenset({one, third}), "verified-credential")
    request = World(now=0, participant="did:web:me", action=expand("use"), facts={iri: value})
    assert compile(asked).verdict(request, "access").permit
    assert not compile(offer).verdict(request, "access").permit
    assert narrower(offer, asked, CLOSURE).verdict == "conflict"


def test_a_claim_that_nobody_understands_makes_no_wider_terms_compatible() -> None:
    """>> offered: this group or surely not this one; asked: another one  << wider, by an odd claim."""
    group = H + "memberOf"
    either = {"or": [atom(group, "isAnyOf", ["urn:one"]), atom(group, "isNoneOf", ["urn:one"])]}
    offer = using(either)
    asked = using(atom(group, "isAnyOf", ["urn:two"]))
    value = Fact(frozenset({"urn:two", "hanse:odd"}), "verified-credential")
    request = World(now=0, participant="did:web:me", action=expand("use"), facts={group: value})
    assert compile(asked).verdict(request, "access").permit
    assert not compile(offer).verdict(request, "access").permit
    assert narrower(offer, asked, CLOSURE).verdict == "conflict"
