"""What a JSON-LD processor makes of policies in the DSP context: each pitfall of spec/policy.md 14.2 and 1.2, shown.

A member that the context does not explain is dropped, and with it a condition; a name that it does not explain becomes
a relative IRI, which means nothing. Our own wire shapes meet neither, and our reader refuses what does.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from pyld import jsonld

from connector.data.catalogue.templates.templates import Template, templates
from connector.kernel.dialects.jsonld import expansion
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.protocol.messages import CONTEXT
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.spellings import ABSENT, official, options
from tests.testkit.places import DSP

ODRL = "http://www.w3.org/ns/odrl/2/"
HANSE = "https://w3id.org/hanse/v1#"
Loader = Callable[[str, object], dict[str, Any]]


class Expanded(NamedTuple):
    """The agreement as a processor sees it, and the members that it left out without a word."""

    agreement: dict[str, Any]
    dropped: list[str | None]


def message(policy: dict[str, Any]) -> dict[str, Any]:
    deal = {"@id": "urn:uuid:4", "@type": "Agreement", "target": "urn:uuid:5"}
    parties = {"assigner": "did:web:a.example", "assignee": "did:web:b.example", "timestamp": "2026-11-24T20:00:00Z"}
    return {
        "@context": [CONTEXT],
        "@type": "ContractAgreementMessage",
        "@id": "urn:uuid:1",
        "providerPid": "urn:uuid:2",
        "consumerPid": "urn:uuid:3",
        "agreement": {**deal, **parties, **policy},
    }


@pytest.fixture(params=["ours", "official"])
def loader(request: pytest.FixtureRequest) -> Loader:
    """The context that we hold, and the official one: what is shown here is no quirk of our copy."""
    if request.param == "official" and not DSP.is_dir():
        pytest.skip(ABSENT)
    return official if request.param == "official" else expansion._load


def processed(policy: dict[str, Any], loader: Loader) -> Expanded:
    """What plain PyLD gives: without our reader, as a careless peer would use it."""
    dropped: list[str | None] = []
    document = jsonld.expand(message(policy), options(loader), on_property_dropped=dropped.append)
    return Expanded(document[0]["https://w3id.org/dspace/2025/1/agreement"][0], dropped)


def relative(value: Any) -> Iterator[str]:
    """Every reference that is no absolute IRI."""
    if isinstance(value, list):
        for item in value:
            yield from relative(item)
    elif isinstance(value, dict):
        named = value.get("@type", []) if "@value" not in value else []
        yield from (iri for iri in [value.get("@id", "x:"), *named] if ":" not in iri)
        yield from relative([item for key, item in value.items() if key not in ("@id", "@type", "@value")])


def lacks(member: str, value: Any) -> bool:
    return f"{ODRL}{member}" not in json.dumps(value)


BOUND = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}


@pytest.mark.parametrize("name", ["dateTime", "count", "purpose", "elapsedTime", "spatial"])
def test_a_bare_left_operand_becomes_a_relative_iri(loader: Loader, name: str) -> None:
    """>> `dateTime`, as in the specification's own example  << an IRI that names nothing; with `odrl:` it names it."""
    rule = {"action": "use", "constraint": [{**BOUND, "leftOperand": name}]}
    assert name in list(relative(processed({"permission": [rule]}, loader).agreement))
    rule["constraint"] = [{**BOUND, "leftOperand": f"odrl:{name}"}]
    said = processed({"permission": [rule]}, loader)
    assert (list(relative(said.agreement)), said.dropped) == ([], [])
    assert f"{ODRL}{name}" in json.dumps(said.agreement)


@pytest.mark.parametrize("name", ["distribute", "delete", "attribute", "anonymize", "compensate"])
def test_of_the_actions_only_use_is_safe_bare(loader: Loader, name: str) -> None:
    assert list(relative(processed({"prohibition": [{"action": name}]}, loader).agreement)) == [name]
    assert not list(relative(processed({"prohibition": [{"action": f"odrl:{name}"}]}, loader).agreement))
    assert not list(relative(processed({"prohibition": [{"action": "use"}]}, loader).agreement))


@pytest.mark.parametrize(
    ("member", "policy"),
    [
        ("consequence", {"obligation": [{"action": "odrl:delete", "consequence": [{"action": "odrl:inform"}]}]}),
        ("remedy", {"prohibition": [{"action": "odrl:distribute", "remedy": [{"action": "odrl:inform"}]}]}),
        ("refinement", {"permission": [{"action": {"@id": "odrl:use", "refinement": [BOUND]}}]}),
        ("conflict", {"conflict": "prohibit", "permission": [{"action": "use"}]}),
        ("unit", {"permission": [{"action": "use", "constraint": [{**BOUND, "unit": "urn:unit:day"}]}]}),
        ("dataType", {"permission": [{"action": "use", "constraint": [{**BOUND, "dataType": "xsd:integer"}]}]}),
        ("status", {"permission": [{"action": "use", "constraint": [{**BOUND, "status": "1"}]}]}),
        ("inheritFrom", {"inheritFrom": "urn:uuid:9", "permission": [{"action": "use"}]}),
        (
            "rightOperandReference",
            {"permission": [{"action": "use", "constraint": [{**BOUND, "rightOperandReference": "urn:x"}]}]},
        ),
    ],
)
def test_a_bare_member_is_dropped_without_a_word(loader: Loader, member: str, policy: dict[str, Any]) -> None:
    """>> a member of ODRL that the context does not have  << gone; with `odrl:` in front it stays."""
    lost = processed(policy, loader)
    assert lost.dropped == [member]
    assert lacks(member, lost.agreement)
    qualified = json.loads(json.dumps(policy).replace(f'"{member}":', f'"odrl:{member}":'))
    kept = processed(qualified, loader)
    assert kept.dropped == []
    assert not lacks(member, kept.agreement)


def test_the_prefix_hanse_is_declared_nowhere(loader: Loader) -> None:
    """>> `hanse:aiTraining`  << stays as it is, an IRI of the scheme `hanse`, which is not our term."""
    short = processed({"prohibition": [{"action": "hanse:aiTraining"}]}, loader)
    assert HANSE not in json.dumps(short.agreement)
    assert HANSE in json.dumps(processed({"prohibition": [{"action": f"{HANSE}aiTraining"}]}, loader).agreement)


def test_a_strategy_in_quotes_stays_a_literal(loader: Loader) -> None:
    """`odrl:conflict` has no type in the context: only the object form refers to `odrl:prohibit`."""
    found = processed({"odrl:conflict": "odrl:prohibit", "permission": [{"action": "use"}]}, loader)
    assert found.agreement[f"{ODRL}conflict"] == [{"@value": "odrl:prohibit"}]
    found = processed({"odrl:conflict": {"@id": "odrl:prohibit"}, "permission": [{"action": "use"}]}, loader)
    assert found.agreement[f"{ODRL}conflict"] == [{"@id": f"{ODRL}prohibit"}]


@pytest.mark.parametrize("iri", [f"{HANSE}municipality", "odrl:use", "did:web:a.example"])
def test_a_right_operand_in_quotes_stays_a_literal(loader: Loader, iri: str) -> None:
    """Even an IRI; therefore our operands compare both spellings alike (spec/policy.md 3.3)."""
    kinds = {"leftOperand": f"{HANSE}participantKind", "operator": "isAnyOf"}
    spelled = []
    for right in (iri, {"@id": iri}):
        rule = {"action": "use", "constraint": [{**kinds, "rightOperand": right}]}
        atom = processed({"permission": [rule]}, loader).agreement[f"{ODRL}permission"][0][f"{ODRL}constraint"][0]
        spelled.append(atom[f"{ODRL}rightOperand"])
    assert spelled[0] == [{"@value": iri}]
    assert spelled[1] == [{"@id": iri.replace("odrl:", ODRL)}]
    rules = [{"action": "use", "constraint": [{**kinds, "rightOperand": right}]} for right in (iri, {"@id": iri})]
    plain, reference = (parse({"permission": [rule]}).permissions[0].constraints[0] for rule in rules)
    assert plain.value == reference.value  # type: ignore[union-attr]


def test_the_stray_operator_of_the_schema_means_nothing(loader: Loader) -> None:
    """`term-lteq` stands in the official enum of operators and in no context."""
    rule = {"action": "use", "constraint": [{**BOUND, "operator": "term-lteq"}]}
    assert list(relative(processed({"permission": [rule]}, loader).agreement)) == ["term-lteq"]


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.id)
def test_no_template_meets_a_pitfall(loader: Loader, template: Template) -> None:
    """>> the body of each template, slots unfilled  << nothing dropped, no relative IRI, every name in full."""
    said = processed(template.body, loader)
    assert said.dropped == []
    assert list(relative(said.agreement)) == []
    assert "hanse:" not in json.dumps(said.agreement)
    assert said.agreement[f"{ODRL}conflict"] == [{"@id": f"{ODRL}prohibit"}]


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.id)
def test_no_rule_of_a_template_is_lost_on_the_way(loader: Loader, template: Template) -> None:
    """As many rules, duties, constraints and consequences after expansion as were written."""
    written, read = counted(template.body), counted(processed(template.body, loader).agreement)
    assert written == read
    assert written["action"] > 0


def counted(value: Any) -> dict[str, int]:
    """How often each member of a rule stands, whatever its spelling; a logical operand counts its clauses."""
    found = dict.fromkeys(("action", "leftOperand", "rightOperand", "consequence", "remedy", "duty", "and", "or"), 0)

    def walk(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                walk(item)
        elif isinstance(part, dict):
            for key, item in part.items():
                name = key.removeprefix(ODRL).removeprefix("odrl:")
                if name in found:
                    found[name] += len(item) if isinstance(item, list) and name in ("and", "or", "duty") else 1
                walk(item)

    walk(value)
    return found


@pytest.mark.parametrize("member", ["consequence", "remedy", "refinement", "conflict", "unit", "dataType"])
def test_our_reader_refuses_what_a_processor_would_drop(member: str) -> None:
    """>> a message that needs a processor, with a bare member  << refused by name, never a rule without it."""
    said = message({"permission": [{"action": "use", member: {"@id": "urn:x"}}]})
    with pytest.raises(Malformed) as caught:
        expansion.expand(said)
    assert caught.value.pointer.endswith(f"/{member}")


def _deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"urn:y": 1}
    for _ in range(levels):
        found = {"urn:x": found}
    return found


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    ("as_much", "more", "code"),
    [
        (_deep(expansion.DEPTH - 1), _deep(expansion.DEPTH), "depth"),
        ({"@context": [{}] * expansion.CONTEXTS}, {"@context": [{}] * (expansion.CONTEXTS + 1)}, "contexts"),
        *(
            (
                {"@context": {f"a{n}": "urn:a" for n in range(expansion.TERMS)}},
                {"@context": [{f"a{n}": "urn:a" for n in range(most)} for most in both]},
                "contexts",
            )
            for both in ((expansion.TERMS + 1,), (expansion.TERMS, 1))
        ),
    ],
    ids=["levels", "contexts", "terms", "terms of two"],
)
def test_each_bound_is_where_it_says(as_much: dict[str, Any], more: dict[str, Any], code: str) -> None:
    """>> as many levels, contexts and terms as there may be, one more << read; refused before a processor sees it."""
    expansion.expand({**as_much, "urn:z": 1})
    with pytest.raises(Malformed) as refused:
        expansion.expand({**more, "urn:z": 1})
    assert refused.value.code == code
