"""JSON-LD made to hurt: refused within a counted amount of work, whatever it is, and nothing is ever fetched."""

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from connector.kernel.dialects.jsonld import expansion, names, reading
from connector.kernel.dialects.jsonld.explain import UnreadableMessage
from connector.kernel.dialects.jsonld.grammar import TYPE_IRIS
from connector.kernel.protocol import messages as m

DSPACE = "https://w3id.org/dspace/2025/1/"
BASE: dict[str, Any] = {
    "@context": [m.CONTEXT],
    "@type": "ContractRequestMessage",
    "consumerPid": "urn:c",
    "callbackAddress": "https://b.example",
    "offer": {"@id": "o", "@type": "Offer", "target": "t", "permission": [{"action": "use"}]},
}
CALLS = 600_000
"""Calls of functions that one document may cost, PyLD's included: about a tenth of a second of this interpreter."""


def with_context(*entries: Any, **members: Any) -> dict[str, Any]:
    return {**BASE, "@context": [m.CONTEXT, *entries], **members}


def deep(levels: int, name: str = "and") -> Any:
    value: Any = {"leftOperand": "a", "operator": "eq", "rightOperand": "b"}
    for _ in range(levels):
        value = {name: value}
    return value


def constrained(constraint: Any) -> dict[str, Any]:
    return {**BASE["offer"], "permission": {"action": "use", "constraint": constraint}}


CHAIN = {f"t{number}": f"t{number + 1}:x" for number in range(120)}
HOSTILE: dict[str, Any] = {
    "a context that scopes another": with_context({"offer": {"@id": "urn:o", "@context": {"x": "urn:x"}}}),
    "a context that imports": with_context({"@import": "https://evil.example/context.jsonld"}),
    "a context that imports ours": with_context({"@import": m.CONTEXT}),
    "a base": with_context({"@base": "https://evil.example/"}),
    "no propagation": with_context({"@propagate": False, "x": "urn:x:"}),
    "a reverse term": with_context({"x": {"@reverse": "urn:x"}}),
    "a nested term": with_context({"x": "@nest"}, x={"consumerPid": "urn:other"}),
    "an alias for graphs": with_context({"x": "@graph"}, x=[BASE]),
    "an index container": with_context({"x": {"@id": "urn:x", "@container": "@index"}}),
    "a graph container": with_context({"x": {"@id": "urn:x", "@container": ["@graph", "@id"]}}),
    "a term that redefines itself": with_context({"consumerPid": "https://evil.example/pid"}, **{"@type": "Catalog"}),
    "a protected type redefined": with_context({"ContractRequestMessage": "urn:evil"}),
    "a protected prefix redefined": with_context({"odrl": "https://evil.example/odrl#"}),
    "a prefix redefined by a term": with_context({"odrl": {"@id": "https://evil.example/odrl#", "@prefix": True}}),
    "the known context taken away": with_context(None),
    "a circle of terms": with_context({"a": "b:x", "b": "a:x"}, **{"a:y": 1}),
    "a vocabulary taken away": with_context({"@vocab": None}),
    "a language taken away": with_context({"@language": None}),
    "a version of the future": with_context({"@version": 2}),
    "a context of numbers": with_context(1),
    "a context of lists": with_context([[m.CONTEXT]]),
    "a thousand contexts": with_context(*[f"https://evil.example/{number}" for number in range(1000)]),
    "a thousand prefixes": with_context({f"p{number}": f"urn:{number}:" for number in range(1000)}),
    "a thousand terms": with_context({f"p{number}": {"@id": f"urn:{number}"} for number in range(1000)}),
    "a context in every node": {
        **BASE,
        "offer": {**BASE["offer"], "permission": [{"@context": {}, "action": "use"} for _ in range(2000)]},
    },
    "many nodes for a processor": with_context(
        {"id": "@id"},
        offer={**BASE["offer"], "permission": [{"action": "use", "constraint": [deep(3)]} for _ in range(900)]},
    ),
    "a condition that the context drops": with_context(
        {"id": "@id"},
        offer={**BASE["offer"], "permission": {"action": {"id": "odrl:use", "refinement": [deep(1)]}}},
    ),
    "a member that the context drops": with_context({"id": "@id"}, remedy=1),
    "a graph": {"@context": m.CONTEXT, "@graph": [BASE]},
    "included": {**BASE, "@included": [BASE]},
    "reversed": {**BASE, "@reverse": {"offer": BASE}},
    "nested": {**BASE, "@nest": {"consumerPid": "urn:other"}},
    "indexed": {**BASE, "@index": "x"},
    "two messages": [BASE, BASE],
    "a keyword nobody knows": {**BASE, "@unknown": 1},
    "a value like a keyword": with_context({"id": "@id"}, **{"x": "@unknown"}),
    "deep": {**BASE, "offer": constrained(deep(180))},
    "deep for a processor": with_context({"id": "@id"}, offer=constrained(deep(180))),
    "deep elsewhere": {**BASE, "@type": ["ContractRequestMessage"], "ex:x": deep(190)},
    "deep operands": {**BASE, "offer": constrained({"leftOperand": "a", "operator": "x", "rightOperand": deep(150)})},
    "twice": {**BASE, "dspace:consumerPid": "urn:other"},
    "twice by IRI": {**BASE, DSPACE + "offer": BASE["offer"]},
    "two types": {**BASE, "@type": ["ContractRequestMessage", "ContractOfferMessage"]},
    "an older protocol": {**BASE, "@context": {"dspace": "https://w3id.org/dspace/v0.8/"}},
    "bare names without the context": {**BASE, "@context": {"ex": "https://example.org/"}},
    "bare names under an unknown context": {**BASE, "@context": "https://evil.example/context.jsonld"},
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Whoever looks up a name or connects is noted, and fails."""
    asked: list[object] = []

    def refuse(*where: object, **_more: object) -> None:
        asked.append(where)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield asked
    assert asked == []


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Importing is no work of the document."""
    expansion.expand({"@context": {"id": "@id"}, "id": "urn:x", "urn:y": 1})
    with pytest.raises(UnreadableMessage):
        reading.read(m.CatalogError, {})


def calls(value: Any) -> tuple[int, UnreadableMessage | None]:
    """How many functions were called, in Python and in C, until the document was read or refused."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        reading.read(m.ContractRequestMessage, value)
    except UnreadableMessage as said:
        return count, said
    finally:
        sys.setprofile(None)
    return count, None


@pytest.mark.threat("T13")
@pytest.mark.threat("T03")
@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_within_counted_work(name: str) -> None:
    """A 400 with a place and a sentence, and no more work than its size allows."""
    count, said = calls(HOSTILE[name])
    assert said is not None
    assert said.status == 400
    assert said.findings[0].pointer or said.findings[0].code in ("json-ld", "too-much", "not-object")
    assert count < CALLS
    again, _ = calls(HOSTILE[name])
    assert again <= count


@pytest.mark.threat("T13")
@pytest.mark.parametrize("place", ["target", "profile", "assigner"])
@pytest.mark.parametrize("type", [[], ["urn:x"], [{}], {"urn:x": 1}], ids=str)
def test_bug_a_name_whose_type_is_a_list_was_a_failure_of_ours(place: str, type: Any) -> None:
    """>> an asset, a profile or a party as a node with several types or an odd one << an offer, or 400."""
    _, said = calls({**BASE, "offer": {**BASE["offer"], place: {"@type": type}}})
    assert said is None or said.status == 400
    assert place != "target" or said is not None


TERMS = {"id": "@id", **{f"p{number}": {"@id": f"urn:{number}", "@type": "@id"} for number in range(100)}}
TYPES = sorted(name for name in TYPE_IRIS if name.startswith(("Contract", "Transfer")) and name != "TransferError")


def typed(number: int, levels: int) -> Any:
    """Nodes in nodes, each with two types: every type brings terms of its own."""
    value: Any = "x"
    for level in range(levels):
        some = [TYPES[(number * step + level * (step + 1)) % len(TYPES)] for step in (1, 2)]
        value = {"@type": sorted(set(some)), "urn:x": value}
    return value


DEAR: dict[str, Any] = {
    "as many terms as may be": with_context(
        TERMS, offer={**BASE["offer"], "permission": [{"action": "use", "p1": "x", "p2": ["y"]} for _ in range(180)]}
    ),
    "a chain of terms": with_context(CHAIN, **{"t0:y": 1}),
    "two types in every node": with_context(TERMS, **{"urn:z": [typed(number, 17) for number in range(11)]}),
    "no processor, many values": {**BASE, "offer": {**BASE["offer"], "permission": [{"odrl:action": "use"}] * 3000}},
}


@pytest.mark.parametrize("name", DEAR)
def test_what_may_be_read_costs_no_more(name: str) -> None:
    """At the bounds of what the processor gets, and the walk without it."""
    count, said = calls(DEAR[name])
    assert count < CALLS
    assert said is None or said.findings[0].code == "redefined"


@pytest.mark.parametrize(
    "extra",
    [{"purpose": "https://evil.example/purpose"}, {"@vocab": "https://evil.example/"}, {"dateTime": "urn:evil:"}],
)
def test_a_context_cannot_make_a_bare_word_mean_something_else_unseen(extra: dict[str, str]) -> None:
    """What the sender's own context says of a left operand is what we read: here, something that we do not know."""
    word = next((name for name in extra if not name.startswith("@")), "dateTime")
    atom = {"leftOperand": word, "operator": "eq", "rightOperand": "x"}
    value = with_context(extra, offer={**BASE["offer"], "permission": [{"action": "use", "constraint": [atom]}]})
    offer = reading.read(m.ContractRequestMessage, {**value, "consumerPid": {"@id": "urn:c"}}).offer
    (found,) = offer["permission"][0]["constraint"]
    assert found["leftOperand"].startswith(("https://evil.example/", "urn:evil:"))


def test_an_unknown_context_changes_nothing() -> None:
    """It is neither fetched nor trusted: the message is the same with it and without."""
    value = with_context("https://evil.example/a", "https://w3id.org/edc/dspace/v0.0.1")
    assert reading.read(m.ContractRequestMessage, {**value, "@type": ["ContractRequestMessage"]}) == reading.read(
        m.ContractRequestMessage, BASE
    )


def test_only_so_much_is_remembered() -> None:
    """However many different documents come, and however large."""
    for number in range(reading.REMEMBERED * 2):
        reading.read(m.ContractRequestMessage, {**BASE, "@id": f"urn:{number}"})
    large = {**BASE, "offer": {**BASE["offer"], "permission": [{"action": "use"}] * 9000}}
    reading.read(m.ContractRequestMessage, large)
    kept = reading._REMEMBERED._texts
    assert len(kept) == reading.REMEMBERED
    assert max(len(text) for text in kept.values() if isinstance(text, bytes)) <= reading.LARGEST
    assert len(json.dumps(large)) > reading.LARGEST
    assert names.TERMS < 1000
