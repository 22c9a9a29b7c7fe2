"""The restated contexts: every term that the kernel knows has its meaning, and nothing is fetched or copied."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld import contexts
from connector.kernel.dialects.jsonld.expansion import expand
from connector.kernel.policy.odrl.names import ACTIONS, LEFT_OPERANDS, ODRL, OPERATORS

W3C = "http://www.w3.org/ns/odrl.jsonld"


def expanded(context: Any, **members: Any) -> dict[str, Any]:
    (found,) = expand({"@context": context, **members}, contexts.POLICY_CONTEXTS)
    return dict(found)


@pytest.mark.parametrize("url", sorted(contexts.POLICY_CONTEXTS))
def test_each_context_is_given_anew(url: str) -> None:
    first = contexts.context(url)
    first["@context"]["odrl"] = "changed"
    assert contexts.context(url)["@context"].get("odrl") != "changed"


def test_any_other_context_is_unknown() -> None:
    with pytest.raises(KeyError):
        contexts.context("https://example.org/context.jsonld")


@pytest.mark.parametrize("name", sorted(LEFT_OPERANDS))
def test_left_operands(name: str) -> None:
    assert expanded(W3C, leftOperand=name) == {ODRL + "leftOperand": [{"@id": ODRL + name}]}


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_operators(name: str) -> None:
    assert expanded(W3C, operator=name) == {ODRL + "operator": [{"@id": ODRL + name}]}


@pytest.mark.parametrize("iri", sorted(iri for iri in ACTIONS if iri.startswith(ODRL)))
def test_actions(iri: str) -> None:
    assert expanded(W3C, action=iri.removeprefix(ODRL)) == {ODRL + "action": [{"@id": iri}]}


@pytest.mark.parametrize("name", sorted(contexts.CX_OPERANDS))
def test_operands_of_catena_x(name: str) -> None:
    found = expanded([contexts.CX + "odrl.jsonld", contexts.CX + "context.jsonld"], leftOperand=name)
    assert found == {ODRL + "leftOperand": [{"@id": contexts.CX + name}]}


def test_bare_words_under_the_context_of_edc_are_words_of_edc() -> None:
    found = expanded("https://w3id.org/edc/connector/management/v0.0.1", leftOperand="inForceDate", operator="eq")
    assert found[ODRL + "leftOperand"] == [{"@id": contexts.EDC + "inForceDate"}]
    assert found[ODRL + "operator"] == [{"@id": ODRL + "eq"}]


def test_messages_of_the_protocol_still_know_only_their_own_context() -> None:
    (found,) = expand({"@context": [W3C, {"x": "urn:x"}], "x": "y"})
    assert found == {"urn:x": [{"@value": "y"}]}
