"""Each rule template: allowed to whom it is meant for, refused to others, and said completely in both languages."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.templates.templates import fill, templates
from connector.data.dataplane.treatments import plan
from connector.foundation.language import say as message
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.conflict.conflict import contradictions
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed
from connector.kernel.policy.wording.narrate import PASSING_ON
from tests.fuzz.effort import in_turn
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.filled import CAN, DAY, DEADLINE, NOW, PAID, SLOTS, town


def test_every_template_is_tried() -> None:
    """A new template needs its slots here, and with them every test below."""
    assert [template.id for template in templates()] == list(SLOTS)


@pytest.mark.parametrize("template", SLOTS)
def test_who_fits_is_allowed_in_every_phase(vocabulary: Vocabulary, template: str) -> None:
    """>> all that the template asks for, in time, first use  << permitted from the catalogue to the access."""
    policy = parse(fill(template, SLOTS[template]))
    assert [decide(policy, town(vocabulary, template), phase).permit for phase in PHASES] == [True] * 4


@pytest.mark.parametrize(
    ("template", "changes"),
    [
        ("open-attribution", {"action": O + "sell"}),
        ("municipalities-only", {"facts": {H + "participantKind": H + "company"}}),
        ("municipalities-only", {"facts": {H + "participantKind": None}}),
        ("municipal-purpose", {"facts": {H + "participantKind": H + "company"}}),
        ("municipal-purpose", {"purpose": H + "productDevelopment"}),
        ("municipal-purpose", {"now": 1_830_294_000_000, "agreement_at": 1_830_294_000_000}),
        ("municipal-purpose", {"agreement_at": NOW - 5001}),
        ("municipal-purpose", {"action": O + "distribute"}),
        ("municipal-purpose", {"action": H + "aiTraining"}),
        ("state-authorities", {"facts": {H + "adminLevel": H + "municipalLevel"}}),
        ("state-authorities", {"facts": {H + "participantLocation": H + "DE-BY"}}),
        ("state-authorities", {"facts": {H + "participantLocation": None}}),
        ("processor", {"facts": {H + "participantKind": H + "municipality"}}),
        ("processor", {"facts": {H + "onBehalfOf": "did:web:else"}}),
        ("processor", {"facts": {H + "avvHash": "00" * 32}}),
        ("processor", {"facts": {O + "spatial": None}}),
        ("processor", {"facts": {O + "spatial": "urn:elsewhere"}}),
        ("processor", {"action": O + "distribute"}),
        ("processor", {"action": H + "engageSubProcessor"}),
        ("research", {"facts": {H + "participantKind": H + "company"}}),
        ("research", {"purpose": H + "productDevelopment"}),
        ("research", {"action": "http://creativecommons.org/ns#CommercialUse"}),
        ("research", {"action": H + "reidentify"}),
        ("statistics", {"facts": {H + "participantKind": H + "municipality"}}),
        ("statistics", {"can": CAN - {H + "suppressCells"}}),
        ("statistics", {"action": H + "link"}),
        ("anonymised", {"facts": {H + "legalBasis": None}}),
        ("anonymised", {"facts": {H + "legalBasis": H + "consentBasis"}}),
        ("anonymised", {"can": CAN - {O + "anonymize"}}),
        ("anonymised", {"can": CAN - {H + "dropFields"}}),
        ("anonymised", {"action": H + "reidentify"}),
        ("no-ai-training", {"action": H + "aiTraining"}),
        ("ai-public-benefit", {"purpose": H + "productDevelopment"}),
        ("ai-public-benefit", {"purpose": None}),
        ("ai-public-benefit", {"action": O + "use"}),
        ("ai-public-benefit", {"action": O + "distribute"}),
        ("pilot", {"now": 1_795_129_199_999}),
        ("pilot", {"now": 1_796_079_600_000}),
        ("pilot", {"uses": {"": 3}}),
        ("api-quota", {"uses": {"": 3, "P1D": 3, "P1M": 3}}),
        ("api-quota", {"uses": {}}),
        ("api-quota", {"facts": {O + "virtualLocation": "https://api.town.example/other"}}),
        ("disaster", {"facts": {H + "eventState": H + "over"}}),
        ("disaster", {"facts": {H + "role": H + "auditOffice"}}),
        ("critical-infrastructure", {"participant": "did:web:stranger"}),
        ("critical-infrastructure", {"facts": {H + "securityProfile": H + "baseSecurity"}}),
        ("critical-infrastructure", {"facts": {O + "deliveryChannel": H + "download"}}),
        ("critical-infrastructure", {"can": CAN - {H + "generalise"}}),
        ("critical-infrastructure", {"action": O + "distribute"}),
        ("onward-chain", {"action": O + "sell"}),
        ("fee", {"deeds": ()}),
        ("participation", {"facts": {H + "participantKind": H + "company"}}),
        ("participation", {"facts": {H + "reciprocalAgreement": None}}),
        ("participation", {"facts": {H + "reciprocalAgreement": "urn:uuid:3"}}),
        ("participation", {"action": O + "distribute"}),
        ("state-authorities", {"action": O + "distribute"}),
        ("research", {"action": O + "distribute"}),
        ("statistics", {"action": O + "distribute"}),
        ("anonymised", {"action": O + "distribute"}),
        ("pilot", {"action": O + "distribute"}),
        ("api-quota", {"action": O + "distribute"}),
        ("disaster", {"action": O + "distribute"}),
        ("fee", {"action": O + "distribute"}),
        ("named-partners", {"action": O + "distribute"}),
        ("named-partners", {"participant": "did:web:stranger"}),
        ("county", {"action": O + "distribute"}),
        ("county", {"facts": {H + "regionalKey": "05554"}}),
        ("county", {"facts": {H + "regionalKey": None}}),
        ("county", {"facts": {H + "participantKind": H + "company"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_who_does_not_fit_is_refused(vocabulary: Vocabulary, template: str, changes: dict[str, Any]) -> None:
    """>> one fact differs  << refused at the access."""
    policy = parse(fill(template, SLOTS[template]))
    assert not decide(policy, town(vocabulary, template, **changes), "access").permit


@pytest.mark.parametrize(
    "values",
    [
        {O + "payAmount": 1_250_490_000},
        {H + "currency": frozenset({"CHF"})},
        {H + "feeStatute": frozenset({"Satzung von gestern"})},
    ],
    ids=str,
)
def test_the_fee_is_paid_only_as_agreed(vocabulary: Vocabulary, values: dict[str, Any]) -> None:
    """>> a cent less, another currency, another statute  << not fulfilled, so no access."""
    paid = Deed(action=PAID.action, at=PAID.at, values={**PAID.values, **values})
    policy = parse(fill("fee", SLOTS["fee"]))
    assert not decide(policy, town(vocabulary, deeds=(paid,)), "access").permit


def test_a_pilot_is_blocked_until_the_deletion_is_proved(vocabulary: Vocabulary) -> None:
    """>> a week after the end of the agreement  << suspended; >> deletion proved late  << lifted."""
    policy = parse(fill("pilot", {"from": "1.1.2026", "until": "31.12.2040"}))
    deadline = NOW + 7 * DAY + 1

    def access(now: int, *deeds: Deed) -> bool:
        return decide(policy, town(vocabulary, now=now, deeds=deeds, agreement_end=NOW), "access").permit

    late = Deed(action=O + "delete", at=deadline + DAY)
    assert access(deadline - 1)
    assert not access(deadline)
    assert access(deadline + 2 * DAY, late)
    assert access(deadline, Deed(action=O + "delete", at=deadline - 1))


@pytest.mark.parametrize("template", ["municipal-purpose", "participation"])
def test_the_deletion_a_month_after_the_end_is_watched(vocabulary: Vocabulary, template: str) -> None:
    """>> 1 February, 00:00  << violated, until the deletion is proved."""
    policy = parse(fill(template, SLOTS[template]))

    def state(now: int, *deeds: Deed) -> str:
        tree = decide(policy, town(vocabulary, template, now=now, deeds=deeds), "access").tree
        return next(node.deontic for node in tree.children if node.kind == "obligation")

    assert state(DEADLINE - 1) == "not-set"
    assert state(DEADLINE) == "violated"
    assert state(DEADLINE + DAY, Deed(action=O + "delete", at=DEADLINE + DAY)) == "healed"
    assert state(DEADLINE, Deed(action=O + "delete", at=DEADLINE - DAY)) == "fulfilled"


@pytest.mark.parametrize("template", SLOTS)
def test_our_data_plane_understands_every_duty_it_is_given(vocabulary: Vocabulary, template: str) -> None:
    """What is due during the transfer is a treatment down to its last parameter."""
    found = decide(parse(fill(template, SLOTS[template])), town(vocabulary, template), "access")
    treatments = plan(found.during)
    assert treatments is not None
    assert len(treatments) == {"statistics": 1, "anonymised": 2, "critical-infrastructure": 1}.get(template, 0)


@pytest.mark.parametrize("template", SLOTS)
def test_no_template_contradicts_itself_or_is_wider_than_itself(vocabulary: Vocabulary, template: str) -> None:
    """It may be published as it is, and a request for just these terms is a request for no more."""
    policy = parse(fill(template, SLOTS[template]))
    assert not contradictions(policy, vocabulary.closure, now=NOW)
    assert narrower(policy, policy, vocabulary.closure).verdict == "compatible"


def test_only_the_template_for_open_data_suits_open_data(vocabulary: Vocabulary) -> None:
    """>> a high-value dataset  << template 1 may be published, each other one restricts too much."""
    policies = {template: parse(fill(template, slots)) for template, slots in SLOTS.items()}
    suited = [id for id, policy in policies.items() if not contradictions(policy, vocabulary.closure, open_data=True)]
    assert suited == ["open-attribution"]


@pytest.fixture(scope="module")
def engine(vocabulary: Vocabulary) -> PolicyEngine:
    def words(lang: str) -> Callable[..., str]:
        return lambda key, /, **facts: message(key, lang, **facts)

    return PolicyEngine(
        vocabulary.closure, {lang: vocabulary.labels(lang) for lang in ("de", "en")}, vocabulary.digest, words
    )


@pytest.mark.parametrize("template", SLOTS)
def test_every_template_can_be_said_completely(engine: PolicyEngine, lang: str, template: str) -> None:
    """A sentence for each rule, clause and duty, one for passing on: what cannot be said is never summarised."""
    document = fill(template, SLOTS[template])
    policy = parse(document)
    said = engine.clauses(document, lang)
    own = [rule for rule in policy.prohibitions if rule.action.iri not in PASSING_ON]
    assert len(said) >= len(policy.permissions + policy.obligations) + len(own) + (own != [*policy.prohibitions])
    whole = {rule.action.iri for rule in policy.prohibitions} >= PASSING_ON
    assert any(("in jeder Form" if lang == "de" else "in any form") in sentence for sentence, _ in said) is whole
    assert not any("https://w3id.org" in sentence or "odrl" in sentence for sentence, _ in said)


COUNTS = st.integers(1, 40).map(str)
CHANGES: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "municipal-purpose": {
        "until": st.dates(date(2027, 1, 1), date(2029, 12, 31)).map(str),
        "purpose": st.sampled_from(["research", "testing", "research, testing", "heatPlanning"]),
        "valid-for": st.sampled_from(["", "PT5S", "P5D", "P1DT1S"]),
    },
    "state-authorities": {
        "area": st.sampled_from(["DE-NW", "DE-BY", "DE-NW, DE-BY"]),
        "levels": st.sampled_from(["stateLevel", "stateLevel, federalLevel"]),
    },
    "api-quota": {"count": COUNTS, "window": st.sampled_from(["P1D", "P1M"])},
    "statistics": {"cases": st.integers(3, 12).map(str)},
    "pilot": {"count": COUNTS, "delete-within": st.integers(1, 40).map("P{}D".format)},
    "fee": {"amount": st.integers(1, 400).map("{},5".format), "currency": st.sampled_from(["EUR", "CHF"])},
    "processor": {"delete-within": st.integers(14, 40).map("P{}D".format), "area": st.sampled_from(["EU", "DE"])},
}


@pytest.mark.parametrize(("template", "lang"), in_turn(CHANGES, ["de", "en"]), indirect=["lang"])
def test_sentences_and_rule_say_the_same(engine: PolicyEngine, lang: str, template: str) -> None:
    """>> two fillings of a template  << the same sentences if and only if the same rule (by digest)."""
    some = st.fixed_dictionaries(CHANGES[template])

    @settings(max_examples=40, deadline=None)
    @given(one=some, other=some)
    def alike(one: dict[str, str], other: dict[str, str]) -> None:
        named = [{name: text for name, text in slots.items() if text} for slots in (one, other)]
        documents = [fill(template, SLOTS[template] | slots | far(template)) for slots in named]
        first, second = (digest(parse(document)) for document in documents)
        assert (first == second) == (engine.clauses(documents[0], lang) == engine.clauses(documents[1], lang))

    alike()


def far(template: str) -> dict[str, str]:
    return {"delete-by": "31.12.2030"} if template == "municipal-purpose" else {}
