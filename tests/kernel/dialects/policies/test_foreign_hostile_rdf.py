"""From hostile Turtle to the decision: circles and bombs are refused with the place, all else is parsed and decided."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kernel.dialects.policies.foreign import read_rdf
from connector.kernel.policy.odrl.model import PHASES, PolicyError
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.protocol.shape import Malformed
from tests.kernel.policy.deciding import decide

HEAD = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix : <urn:x:> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
"""
BOUND = '[ odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand "3" ]'
WORLD = World(now=1_795_500_000_000, participant="did:web:a.example", uses={"": 1})


def permitted(turtle: str) -> list[bool]:
    """Read, parse, decide in every phase."""
    return [
        decide(parse(found.document), WORLD, phase).permit
        for found in read_rdf((HEAD + turtle).encode())
        for phase in PHASES
    ]


def rule(more: str) -> str:
    return f":policy a odrl:Set ; odrl:permission :rule . :rule odrl:action odrl:use ; {more} .\n"


CIRCLES = {
    "a clause in itself": rule("odrl:constraint :c") + ":c odrl:and :c .",
    "two in each other": rule("odrl:constraint :c") + ":c odrl:and ( :d ) . :d odrl:or ( :c ) .",
    "a list without end": rule("odrl:constraint :c") + f":c odrl:or :l . :l rdf:first {BOUND} ; rdf:rest :l .",
    "a longer one": rule("odrl:constraint :c")
    + f":c odrl:or :l . :l rdf:first {BOUND} ; rdf:rest :m . :m rdf:first {BOUND} ; rdf:rest :l .",
    "a punishment for itself": rule("odrl:duty :d") + ":d odrl:action odrl:inform ; odrl:consequence :d .",
    "two for each other": rule("odrl:duty :d")
    + ":d odrl:action odrl:inform ; odrl:consequence :e . :e odrl:action odrl:delete ; odrl:consequence :d .",
    "a collection of itself": rule("odrl:target :t")
    + ":t a odrl:AssetCollection ; odrl:source :t ; odrl:refinement :r . :r odrl:and ( :r ) .",
    "values without end": rule("odrl:constraint :c")
    + ":c odrl:leftOperand odrl:purpose ; odrl:operator odrl:isAnyOf ; odrl:rightOperand :l ."
    + ':l rdf:first "x" ; rdf:rest :l .',
}


@pytest.mark.parametrize("turtle", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_refused_with_its_place(turtle: str) -> None:
    """>> collections, clauses and duties that lead back to themselves  << refused, with where it closes."""
    with pytest.raises(Malformed) as refused:
        permitted(turtle)
    assert refused.value.pointer
    assert refused.value.code == "cycle"


def test_a_list_in_itself_is_a_name_and_grants_nothing() -> None:
    """>> a list whose first entry is the list  << kept as a reference that nobody understands."""
    turtle = rule("odrl:constraint :c") + ":c odrl:or :l . :l rdf:first :l ; rdf:rest rdf:nil ."
    assert permitted(turtle) == [False] * 4


@pytest.mark.threat("T45")
def test_a_few_lines_that_would_become_a_billion_clauses_are_refused() -> None:
    """>> thirty nodes, each with the next one twice  << refused before they are written out."""
    shared = "".join(f":c{n} odrl:and ( :c{n + 1} :c{n + 1} ) .\n" for n in range(30))
    with pytest.raises(Malformed):
        permitted(rule("odrl:constraint :c0") + shared + f":c30 odrl:and ( {BOUND} ) .")


LONG = "".join(f':l{n} rdf:first "{n}" ; rdf:rest :l{n + 1} .\n' for n in range(2_000))
SHARED = {
    "the tail of a list": "".join(
        f':h{n} rdf:first "h" ; rdf:rest :l0 . :c odrl:rightOperand :h{n} .\n' for n in range(2_000)
    )
    + f'{LONG}:l2000 rdf:first "x" ; rdf:rest rdf:nil .',
    "what is said about a clause": "".join(f":c odrl:and :d{n} . :d{n} odrl:or :e .\n" for n in range(2_000))
    + "".join(f':e :p{n} "x" .\n' for n in range(2_000)),
}


@pytest.mark.threat("T45")
@pytest.mark.parametrize("shared", SHARED.values(), ids=SHARED)
def test_what_thousands_share_is_not_written_out_for_each_of_them(shared: str) -> None:
    """>> 2 000 nodes that all lead to 2 000 values  << refused, instead of four million values."""
    with pytest.raises(Malformed) as refused:
        permitted(rule("odrl:constraint :c") + shared)
    assert refused.value.code == "too-much"


@pytest.mark.parametrize("count", [1, 262, 1_000])
def test_a_wide_policy_is_read_and_decided(count: int) -> None:
    assert permitted(rule(f"odrl:constraint [ odrl:or ( {BOUND * count} ) ]")) == [True] * 4


def test_ten_thousand_branches_are_refused() -> None:
    with pytest.raises((Malformed, PolicyError)) as refused:
        permitted(rule(f"odrl:constraint [ odrl:or ( {BOUND * 10_001} ) ]"))
    assert isinstance(refused.value, Malformed | PolicyError)


@pytest.mark.parametrize("depth", [60, 2_000])
def test_clauses_within_clauses_are_refused(depth: int) -> None:
    """>> more levels than anybody reads, as nested brackets  << refused by reader or parser, never a crash."""
    with pytest.raises((Malformed, PolicyError)):
        permitted(rule("odrl:constraint " + "[ odrl:and ( " * depth + BOUND + " ) ]" * depth))


NAMES = st.sampled_from([":policy", ":rule", ":c", ":d", ":l", "_:b", "rdf:nil", "odrl:use", "odrl:count", "odrl:Set"])
WORDS = """
a rdf:first rdf:rest odrl:permission odrl:prohibition odrl:obligation odrl:duty odrl:action odrl:constraint odrl:and
odrl:or odrl:xone odrl:andSequence odrl:leftOperand odrl:operator odrl:rightOperand odrl:consequence odrl:remedy
odrl:target odrl:assignee odrl:source odrl:refinement odrl:conflict odrl:unit :more
"""
LINKS = st.sampled_from(WORDS.split())
THINGS = st.one_of(NAMES, st.sampled_from(['"3"', '"x"@de', "7", "1.5", "true", f"( {BOUND} )", "()", BOUND, "[]"]))


@given(st.lists(st.tuples(NAMES.filter(lambda n: n[0] in ":_"), LINKS, THINGS), max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_graph_is_refused_or_decided(triples: list[tuple[Any, ...]]) -> None:
    """>> any few statements in the words of ODRL  << Malformed, PolicyError or decisions; nothing else."""
    turtle = ":policy a odrl:Set ; odrl:permission :rule .\n" + "".join(f"{s} {p} {o} .\n" for s, p, o in triples)
    with suppress(Malformed, PolicyError):
        assert all(isinstance(one, bool) for one in permitted(turtle))
