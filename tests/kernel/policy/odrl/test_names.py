"""Names of ODRL terms against the vocabulary itself, and which action speaks about which."""

import json
from itertools import product
from pathlib import Path

import pytest
from rdflib.namespace import ODRL2

from connector.kernel.policy.odrl.names import (
    ACTIONS,
    CONFLICTS,
    HANSE,
    LEFT_OPERANDS,
    LOGIC,
    ODRL,
    OPERATORS,
    PREFIXES,
    SAME,
    USE,
    action,
    covers,
    expand,
    member,
    reference,
)

CC = PREFIXES["cc"]


def test_every_term_is_one_of_the_vocabulary() -> None:
    """No operand, operator, action or strategy that ODRL 2.2 does not define."""
    names = LEFT_OPERANDS | OPERATORS | CONFLICTS | set(LOGIC)
    names |= {iri[len(ODRL) :] for iri in (*ACTIONS, *SAME) if iri.startswith(ODRL)}
    assert [name for name in sorted(names) if ODRL + name != str(ODRL2[name])] == []
    assert len(LEFT_OPERANDS) == 34
    assert len(OPERATORS) == 12


def test_the_context_of_the_protocol_says_the_same(shared: Path) -> None:
    """The DSP context names the 12 operators, the connectives and one action; bare words mean what it says."""
    terms = json.loads((shared / "dsp" / "context" / "odrl.jsonld").read_text())["@context"]
    known = {name: iri if isinstance(iri, str) else iri["@id"] for name, iri in terms.items()}
    assert {name for name in known if name in OPERATORS} == OPERATORS
    assert {name for name in known if name in LOGIC} == set(LOGIC)
    assert {name for name in known if ODRL + name in ACTIONS} == {"use"}
    for name, iri in known.items():
        assert member(iri) == name or name == "odrl"


def test_the_schema_of_the_protocol_has_our_operators_and_one_stray(shared: Path) -> None:
    """`term-lteq` in the enumeration is no ODRL operator: read as unknown, never written."""
    schema = json.loads((shared / "dsp" / "negotiation" / "contract-schema.json").read_text())
    assert set(schema["definitions"]["Operator"]["enum"]) == OPERATORS | {"term-lteq"}


def test_every_action_is_included_in_use_or_transfer() -> None:
    """The hierarchy has two tops and no cycle."""
    for iri in ACTIONS:
        seen = [iri]
        while above := ACTIONS[seen[-1]]:
            assert above not in seen
            seen.append(above)
        assert seen[-1] in (USE, ODRL + "transfer")


def test_who_speaks_about_whom() -> None:
    """A rule about an action speaks about what is included in it, and about nothing unknown."""
    pairs = {
        ("use", "read"): True,
        ("read", "use"): False,
        ("use", "use"): True,
        ("use", "extract"): True,
        ("reproduce", "extract"): True,
        ("play", "display"): True,
        ("transform", "translate"): False,
        ("modify", "move"): False,
        ("transfer", "sell"): True,
        ("use", "sell"): False,
        ("sell", "transfer"): False,
        ("use", "transfer"): False,
        ("use", "lend"): False,
        ("lend", "lend"): False,
    }
    for (rule, asked), answer in pairs.items():
        assert covers(ODRL + rule, ODRL + asked) is answer, (rule, asked)


def test_an_exact_match_is_the_same_action() -> None:
    """A rule in old words speaks about the new ones and the other way round, and read policies hold the new."""
    for (old, new), rule_is_old, asks_old in product(SAME.items(), (True, False), (True, False)):
        assert covers(old if rule_is_old else new, old if asks_old else new)
        assert covers(USE, old)
        assert action(old) == new in ACTIONS
        assert old not in ACTIONS
    assert covers(CC + "CommercialUse", ODRL + "commercialize")
    assert covers(ODRL + "copy", ODRL + "extract")


def test_covering_is_reflexive_and_transitive() -> None:
    """Over all pairs and chains of known actions."""
    below = {a: {b for b in ACTIONS if covers(a, b)} for a in ACTIONS}
    assert all(a in below[a] for a in ACTIONS)
    assert all(below[b] <= below[a] for a in ACTIONS for b in below[a])


@pytest.mark.parametrize("text", ["use", "odrl:use", USE])
def test_a_term_has_one_iri(text: str) -> None:
    """Bare, as a CURIE or in full."""
    assert expand(text) == action(text) == USE


@pytest.mark.parametrize("text", ["hanse:aiTraining", "aiTraining", "ex:use", "mailto:a", "odrl://x", "frobnicate", ""])
def test_what_nobody_declared_stays_as_it_is(text: str) -> None:
    """Our prefix is declared nowhere; inventing a meaning would let a peer sign what it does not read."""
    assert expand(text) == text


def test_members_have_one_name() -> None:
    """Terms of ODRL are bare, everything else is an IRI or as written."""
    assert member("permission") == member("odrl:permission") == member(ODRL + "permission") == "permission"
    assert member("rdf:value") == "value"
    assert member("dspace:timestamp") == "timestamp"
    assert member("dct:title") == PREFIXES["dct"] + "title"
    assert member(HANSE + "purpose") == HANSE + "purpose"


def test_a_reference_is_expanded_but_never_guessed() -> None:
    """`{"@id": "use"}` is a relative IRI, not the term."""
    assert reference("odrl:use") == USE
    assert reference("use") == "use"
    assert reference("did:web:a") == "did:web:a"
