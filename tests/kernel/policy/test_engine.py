"""The engine: documents in, decisions and words out, with our vocabulary, our operands and what the house can do."""

import json
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import fill
from connector.foundation.language import LANGUAGES
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.policy.odrl.model import PHASES, Closure, PolicyError
from connector.kernel.policy.odrl.names import COMPARISONS
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Fact, Value, World
from connector.kernel.policy.odrl.values import Type
from connector.kernel.policy.plan import LARGE, LARGE_KEPT
from connector.kernel.policy.wording.badges import Badge
from connector.kernel.policy.wording.figures import Say
from tests.kernel.policy.cases import KIND, NOW, ODD, ODRL, H, atom, use
from tests.kernel.policy.deciding import catalogue_of, judge_of

FIRM = Requester(did="did:web:firm", kind=H + "company")
TOWN = Requester(did="did:web:town", kind=H + "municipality")


@pytest.fixture
def engine(vocabulary: Vocabulary) -> PolicyEngine:
    return judge_of(vocabulary)


def template_3() -> dict[str, Any]:
    return fill("municipal-purpose", {"until": "31.12.2027"})


def test_the_short_way_from_a_document_to_an_answer(engine: PolicyEngine) -> None:
    """>> template 3, a municipality and a company  << permitted and refused, with reasons in both languages."""
    assert engine.decide(template_3(), TOWN, "negotiation", NOW, purpose=H + "winterService").permit
    refused = engine.decide(template_3(), FIRM, "negotiation", NOW, purpose=H + "winterService")
    reasons = engine.reasons(refused)
    assert [len(reasons[lang]) for lang in LANGUAGES] == [1, 1]
    assert "Unternehmen" in reasons["de"][0]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("purpose", [None, "winterService", "research"])
@pytest.mark.parametrize("requester", [TOWN, FIRM], ids=["town", "firm"])
def test_whether_is_answered_as_why(
    engine: PolicyEngine, phase: Any, purpose: str | None, requester: Requester
) -> None:
    """>> template 3 in each phase, before and after its end  << the answer without reasons is the one with them."""
    wanted = None if purpose is None else H + purpose
    for now in (NOW, NOW + 2 * 366 * 86_400_000):
        why = engine.decide(template_3(), requester, phase, now, purpose=wanted)
        assert engine.permits(template_3(), requester, phase, now, purpose=wanted) is why.permit


def test_a_prepared_world_is_judged_by_our_vocabulary(engine: PolicyEngine) -> None:
    """>> a world that brings a vocabulary of its own  << ours decides, unless an agreement pinned another."""
    document = use(atom("odrl:purpose", "isPartOf", H + "operations"))
    cheat = Closure({H + "research": frozenset({H + "research", H + "operations"}), H + "operations": frozenset()})
    world = World(now=NOW, participant="did:web:firm", purpose=H + "research", purpose_source="declared", closure=cheat)
    assert not engine.rule(document, world, "access").permit
    assert engine.rule(document, world, "access", cheat).permit


def test_verified_claims_of_the_seeker_are_facts(engine: PolicyEngine) -> None:
    """>> a state authority by its credential  << rules about the level see it; without it nobody knows."""
    document = use(atom(H + "adminLevel", "eq", H + "stateLevel"))
    level = (H + "adminLevel", Fact(frozenset({H + "stateLevel"}), "verified-credential"))
    known = Requester(did="did:web:land", kind=H + "company", facts=(level,))
    assert engine.decide(document, known, "catalog", NOW).permit
    assert not engine.decide(document, FIRM, "catalog", NOW).permit


def test_no_kind_is_no_value(engine: PolicyEngine) -> None:
    """>> a seeker of whom no kind is known  << "none of these" is not proved by absence."""
    document = use(atom(H + "participantKind", "isNoneOf", [H + "company"]))
    assert not engine.decide(document, Requester(did="did:web:x", kind=""), "catalog", NOW).permit
    assert engine.decide(document, TOWN, "catalog", NOW).permit


def test_the_whole_explanation_in_one_call(engine: PolicyEngine) -> None:
    """The tree as text ends with what would help; as JSON it is serialisable; of a permit nothing would help."""
    refused = engine.decide(template_3(), FIRM, "negotiation", NOW, purpose=H + "winterService")
    for lang, what in (("de", "Was hilft: "), ("en", "What would help: ")):
        assert engine.explain_text(refused, lang).split("\n")[-1] == "+- " + engine.what_if(refused, lang)
        assert engine.what_if(refused, lang).startswith(what)
    assert json.loads(json.dumps(engine.explain_tree(refused, "de")))["kind"] == "policy"
    permitted = engine.decide(template_3(), TOWN, "negotiation", NOW, purpose=H + "winterService")
    assert engine.what_if(permitted, "de") == ""


def test_an_offer_and_its_agreement_read_alike(engine: PolicyEngine) -> None:
    """Sentences, badges and coverage do not depend on the names of one deal."""
    offer = template_3() | {"@type": "Offer", "@id": "urn:offer"}
    deal = {"@type": "Agreement", "@id": "urn:a", "target": "urn:d", "assigner": "did:web:a", "assignee": "did:web:b"}
    agreement = template_3() | deal
    assert engine.clauses(offer, "de") == engine.clauses(agreement, "de") != ()
    assert engine.coverage(offer) == engine.coverage(agreement)
    assert [row["badge"] for row in engine.coverage(offer) if row["kind"] == "obligation"] == ["monitored"]


def test_a_badge_says_what_it_rests_on(engine: PolicyEngine) -> None:
    """Not only that deletion is monitored, but what happens if it does not take place; levels show what belongs."""
    said = engine.statements(template_3(), "de")
    deletion = next(one for one in said if "Löschung" in one.sentence)
    assert engine.notes(deletion, "de") == ["ein Verstoß sperrt den Zugriff"]
    assert engine.notes(deletion, "en") == ["a breach suspends access"]
    assert [one.level for one in said] == [0, 1, 1, 1, *[0] * 3, 1, 0]


@pytest.mark.parametrize("document", [use(ODD), use(**{"@type": "Ticket"}), use(profile="urn:p"), {}], ids=str)
def test_what_cannot_be_said_has_no_clauses(engine: PolicyEngine, document: dict[str, Any]) -> None:
    """No clauses: such a policy is neither accepted nor signed without a person."""
    assert engine.clauses(document, "de") == engine.clauses(document, "en") == ()


def test_a_bad_document_is_refused_with_its_place(engine: PolicyEngine) -> None:
    """>> a permission that is a number  << the place, not an answer."""
    with pytest.raises(PolicyError) as caught:
        engine.policy({"permission": 7})
    assert caught.value.pointer.startswith("/permission")


def badge(engine: PolicyEngine, document: dict[str, Any], word: str) -> Badge:
    return next(badge for sentence, badge in engine.clauses(document, "de") if word in sentence)


def test_badges_follow_what_this_house_can_do(vocabulary: Vocabulary) -> None:
    """>> a data plane that anonymises, and one that does not  << technically enforced here, by contract there."""
    document = use(permission={"action": "use", "duty": {"action": "odrl:anonymize"}})
    assert badge(judge_of(vocabulary), document, "Anonymisierung") == "contractual"
    assert badge(judge_of(vocabulary, can={ODRL + "anonymize"}), document, "Anonymisierung") == "enforced"
    assert badge(judge_of(vocabulary, supplied=set()), use(KIND), "Teilnehmerart") == "contractual"


def test_operands_of_plug_ins_are_decided_and_said(vocabulary: Vocabulary) -> None:
    """>> an operand that a plug-in brings, with its words  << decided, explained, and with a badge by its source."""
    iri = "https://example.org/terms#gauge"

    def gauge(_world: World) -> Value:
        return 7

    operand = left_operand(iri, type=Type.INTEGER, source="measured", phases=["access"], operators=COMPARISONS)(gauge)
    words = {"policy.operand.gauge": "Pegel in Zentimetern"}

    def with_words(lang: str) -> Say:
        own = catalogue_of(lang)
        return lambda key, /, **facts: words[key] if key in words else own(key, **facts)

    labels = {lang: vocabulary.labels(lang) for lang in LANGUAGES}
    registry = BUILT_IN.with_([operand])
    engine = PolicyEngine(vocabulary.closure, labels, vocabulary.digest, with_words, registry=registry)
    low, high = use(atom(iri, "lt", "5")), use(atom(iri, "lt", "9"))
    assert engine.decide(high, FIRM, "access", NOW).permit
    refused = engine.decide(low, FIRM, "access", NOW)
    assert engine.reasons(refused)["de"] == [
        "Bedingung „Pegel in Zentimetern weniger als 5“ nicht erfüllt: Festgestellt ist 7."
    ]
    assert badge(engine, low, "Pegel") == "enforced"
    assert judge_of(vocabulary).clauses(low, "de") == ()


def test_operands_that_a_policy_uses_are_defined(engine: PolicyEngine) -> None:
    """The profile that both sides sign says of each operand what type it has and who vouches for it."""
    assert engine.operands(use(KIND, atom("odrl:purpose", "eq", H + "research"), ODD)) == {
        ODRL + "purpose": {"source": "declared", "type": "concept"},
        H + "participantKind": {"source": "verified-credential", "type": "concept"},
    }


def test_the_end_and_the_signature_of_an_agreement(engine: PolicyEngine) -> None:
    """In milliseconds; without a zone the timestamp counts as UTC, and one that is no time as the beginning."""
    assert engine.signed_at({"timestamp": "2026-11-24T20:00:00Z"}) == 1_795_550_400_000
    assert engine.signed_at({"timestamp": "2026-11-24T20:00:00"}) == 1_795_550_400_000
    assert engine.signed_at({"timestamp": "gestern"}) == 0
    assert engine.signed_at({"timestamp": "2026-11-24T20:00:00" + "0" * 100_000}) == 0
    assert engine.expires_at(template_3(), NOW) == 1_830_294_000_000
    assert engine.expires_at(use(), NOW) is None


def test_few_large_policies_are_kept_and_many_small_ones(engine: PolicyEngine) -> None:
    """>> huge policies of a stranger, one after the other  << answered, but they do not fill the memory."""

    def huge(number: int) -> dict[str, Any]:
        return use(*[atom(H + "participantKind", "eq", H + "county")] * (300 + number))

    first, small = engine.program(huge(0)), engine.program(use(KIND))
    assert len(json.dumps(huge(0))) > LARGE
    assert engine.program(huge(0)) is first
    for number in range(1, LARGE_KEPT + 1):
        engine.program(huge(number))
    assert engine.program(huge(0)) is not first
    assert engine.program(use(KIND)) is small
    assert len(engine.clauses(huge(0), "de")) == len(engine.clauses(huge(0), "en")) == 301
