"""What would help: the least changes that turn a refusal into a permit, exact, and honest about who can make them."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.concepts import vocabulary as read
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.advice.advice import advise
from connector.kernel.policy.advice.what_if import MOST_CHANGES, Flip, counterfactual, flippable, permitted
from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.kernel.policy.wording.explain import explain
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import amount
from tests.kernel.policy.cases import KIND, NOW, ODD, ODRL, H, atom, firm, municipal, town, use
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.drafts import granting, policies

PURPOSE = atom("odrl:purpose", "isPartOf", H + "operations")
LATER, PAST = "2028-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"


def helping(document: Any, world: World) -> list[list[tuple[str, str]]]:
    """The ways as (what must become, who can bring it about)."""
    found = counterfactual(decide(parse(document), world, "access"), BUILT_IN)
    return [[(change.node.pointer, change.who) for change in way] for way in found]


CONSTRAINT = "/permission/0/constraint/0"


@pytest.mark.parametrize(
    ("document", "changes", "ways"),
    [
        (use(KIND), {}, [[(CONSTRAINT, "credential")]]),
        (use(PURPOSE), {}, [[(CONSTRAINT, "requester")]]),
        (use(atom("odrl:dateTime", "gteq", LATER)), {}, [[(CONSTRAINT, "time")]]),
        (use(atom("odrl:dateTime", "lt", PAST)), {}, [[(CONSTRAINT, "provider")]]),
        (use(atom("odrl:count", "lteq", "0")), {}, [[(CONSTRAINT, "provider")]]),
        (
            use(atom("odrl:count", "lteq", "0"), atom("odrl:timeInterval", "eq", "P1D")),
            {"uses": {"P1D": 1}},
            [[(CONSTRAINT, "time")]],
        ),
        (use(KIND, PURPOSE), {}, [[(CONSTRAINT, "credential"), ("/permission/0/constraint/1", "requester")]]),
        (
            use({"or": [KIND, PURPOSE]}),
            {},
            [[(CONSTRAINT + "/or/1", "requester")], [(CONSTRAINT + "/or/0", "credential")]],
        ),
        (
            use({"xone": [KIND, KIND]}),
            {},
            [[(CONSTRAINT + "/xone/0", "credential")], [(CONSTRAINT + "/xone/1", "credential")]],
        ),
        (use({"or": [{"and": [KIND, KIND]}, PURPOSE]}), {}, [[(CONSTRAINT + "/or/1", "requester")]]),
        (use(), {"action": ODRL + "sell"}, [[("/permission/0", "requester")]]),
        (
            use(permission={"action": "use", "duty": {"action": "odrl:compensate"}}),
            {},
            [[("/permission/0/duty/0", "requester")]],
        ),
        (
            use(permission={"action": "use", "duty": {"action": "odrl:anonymize"}}),
            {},
            [[("/permission/0/duty/0", "provider")]],
        ),
        (use(permission={"action": "use", "assignee": "did:web:x"}), {}, [[("/permission/0", "provider")]]),
        (use(assignee="did:web:x"), {}, [[("/assignee", "provider")]]),
        (use(ODD), {}, []),
        (use({"@id": "urn:c"}), {}, []),
        (use(permission={"action": "ex:fly"}), {}, []),
        (use(permission={"action": "use", "duty": {"action": "ex:dance"}}), {}, []),
        (use(profile="urn:p"), {}, []),
        (use(KIND, KIND, KIND, KIND), {}, []),
        ({}, {}, []),
    ],
    ids=str,
)
def test_what_helps_and_who_can_do_it(vocabulary: Vocabulary, document: Any, changes: Any, ways: Any) -> None:
    """Only what is understood is suggested, and nobody is told to change what is not his."""
    assert helping(document, firm(vocabulary, **changes)) == ways


def test_a_prohibition_is_avoided_by_its_circumstances(vocabulary: Vocabulary) -> None:
    """>> use forbidden to companies  << another kind of participant helps, and nothing else."""
    document = use(prohibition={"action": "use", "constraint": atom(H + "participantKind", "eq", H + "company")})
    assert helping(document, firm(vocabulary)) == [[("/prohibition/0/constraint/0", "credential")]]


def test_another_action_counts_with_its_own_prohibitions(vocabulary: Vocabulary) -> None:
    """>> sale asked for, use permitted but forbidden as well  << asking for use is not enough."""
    document = use(
        prohibition={"action": "use", "constraint": atom(H + "participantKind", "eq", H + "company")},
        **{"odrl:conflict": {"@id": "odrl:prohibit"}},
    )
    ways = helping(document, firm(vocabulary, action=ODRL + "sell"))
    assert ways == [[("/permission/0", "requester"), ("/prohibition/0/constraint/0", "credential")]]


def test_a_suspension_is_lifted_by_doing_the_duty(vocabulary: Vocabulary, german: Words) -> None:
    """>> not deleted in time  << the duty, by whoever owes it; done, the same request is permitted."""
    document = use(
        obligation={
            "action": "odrl:delete",
            "constraint": atom(H + "dueBy", "lt", "2026-11-01T00:00:00Z"),
            "odrl:consequence": {"action": H + "suspendAccess"},
        }
    )
    refused = decide(parse(document), firm(vocabulary), "access")
    assert advise(refused, german) == (
        "Was hilft: die Pflicht „Löschung“ erfüllt (das kann die anfragende Stelle ändern)"
    )
    late = Deed(action=ODRL + "delete", at=NOW - 1000, party="did:web:firm")
    assert decide(parse(document), firm(vocabulary, deeds=(late,)), "access").permit


def test_a_breached_prohibition_is_made_good_by_its_remedy(vocabulary: Vocabulary, german: Words) -> None:
    """>> passed on although forbidden, with suspension  << the remedy helps; without one nothing does."""
    suspend, delete = {"action": H + "suspendAccess"}, {"action": "odrl:delete"}
    breach = Deed(action=ODRL + "distribute", at=NOW - 2000, party="did:web:firm")
    for remedies, said in (
        ([suspend, delete], "Was hilft: die Abhilfe „Löschung“ geleistet (das kann die anfragende Stelle ändern)"),
        ([suspend], german.say("policy.whatif.none")),
    ):
        policy = parse(use(prohibition={"action": "odrl:distribute", "odrl:remedy": remedies}))
        refused = decide(policy, firm(vocabulary, deeds=(breach,)), "access")
        assert explain(refused, german) == [
            "Der Zugriff ist gesperrt, weil gegen das Verbot „Weitergabe“ verstoßen wurde."
        ]
        assert advise(refused, german) == said
    done = (breach, Deed(action=ODRL + "delete", at=NOW - 1000, party="did:web:firm"))
    policy = parse(use(prohibition={"action": "odrl:distribute", "odrl:remedy": [suspend, delete]}))
    assert decide(policy, firm(vocabulary, deeds=done), "access").permit


def test_following_the_advice_leads_to_a_permit(vocabulary: Vocabulary) -> None:
    """>> the purpose that was named as the only obstacle is changed  << permitted."""
    refused = decide(municipal(), town(vocabulary, purpose=H + "research"), "access")
    (way,) = counterfactual(refused, BUILT_IN)
    assert [(change.to, change.who) for change in way] == [("yes", "requester")]
    assert decide(municipal(), town(vocabulary), "access").permit


def test_the_advice_in_both_languages(vocabulary: Vocabulary, words: Words, lang: str) -> None:
    """A sentence with who can change what; of a permit nothing is said; and that nothing helps is said too."""
    said = {
        "de": "Was hilft: „Zweck liegt im Bereich Betrieb und Betriebssteuerung“ erfüllt",
        "en": "What would help: “purpose belongs to ",
    }
    assert advise(decide(parse(use(PURPOSE)), firm(vocabulary), "access"), words).startswith(said[lang][:20])
    assert advise(decide(parse(use()), firm(vocabulary), "access"), words) == ""
    none = advise(decide(parse(use(ODD)), firm(vocabulary), "access"), words)
    assert none == words.say("policy.whatif.none")


def test_a_huge_refusal_is_answered_too(vocabulary: Vocabulary, words: Words) -> None:
    """>> thousands of clauses, none of them met  << one pass, and nothing small helps."""
    decision = decide(parse(use({"and": [KIND] * 4500})), firm(vocabulary), "access")
    assert advise(decision, words) == words.say("policy.whatif.none")


def test_one_of_thousands_is_answered_without_trying_all_pairs(vocabulary: Vocabulary) -> None:
    """>> exactly one of 1000 clauses, five of them met  << too many changes; with two met, one of them too many."""
    county, company = (atom(H + "participantKind", "eq", H + kind) for kind in ("county", "company"))
    assert helping(use({"xone": [company] * 5 + [county] * 995}), firm(vocabulary)) == []
    ways = helping(use({"xone": [company] * 2 + [county] * 998}), firm(vocabulary))
    assert ways == [[(CONSTRAINT + "/xone/1", "credential")], [(CONSTRAINT + "/xone/0", "credential")]]


def test_a_second_clause_that_is_decided_later_may_lift_a_prohibition(vocabulary: Vocabulary) -> None:
    """>> forbidden if exactly one of three holds: one does, one is unknown, one is decided after the catalogue
    << shown there; refused once that one does not hold either, and the one that is unknown must come to hold."""
    member = atom(H + "memberOf", "eq", "urn:ikz")
    document = use(
        prohibition={"action": "use", "constraint": {"xone": [KIND, member, PURPOSE]}},
        **{"odrl:conflict": {"@id": "odrl:prohibit"}},
    )
    county = firm(vocabulary, claims={"participantKind": H + "county"}, purpose=H + "research")
    assert decide(parse(document), county, "catalog").permit
    refused = decide(parse(document), county, "negotiation")
    found = counterfactual(refused, BUILT_IN)
    assert not refused.permit
    assert all(permitted(refused, [Flip(change.node, change.to) for change in way]) for way in found)
    [[change]] = found
    assert (change.node.pointer, change.to) == ("/prohibition/0/constraint/0/xone/1", "yes")


def below(node: Node) -> list[Node]:
    return [node, *(inner for child in node.children for inner in below(child))]


def smaller(decision: Decision, size: int) -> bool:
    """Whether fewer changes than this are enough, tried one by one."""
    nodes = [node for node in below(decision.tree) if flippable(node)]
    flips = [Flip(node, "no" if node.state == "yes" else "yes") for node in nodes]
    flips += [Flip(node, "no") for node in nodes if node.state in ("unknown", "deferred")]
    return any(permitted(decision, chosen) for count in range(min(size, 3)) for chosen in combinations(flips, count))


worlds = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["county", "company", ""]),
        "purpose": st.sampled_from([H + "research", H + "winterService", None]),
        "action": st.sampled_from(["", ODRL + "distribute", ODRL + "use"]),
        "uses": st.sampled_from([{}, {"": 1}, {"": 9}]),
        "can": st.sampled_from([frozenset(), frozenset({ODRL + "anonymize"})]),
        "now": st.sampled_from([NOW, NOW + 10**11]),
    }
)


@settings(max_examples=amount(100, 200), deadline=None)
@given(document=granting | policies, asked=worlds, phase=st.sampled_from(PHASES))
def test_exactly_these_changes_permit_and_no_fewer(document: Any, asked: dict[str, Any], phase: Any) -> None:
    """Whatever policy and world: the tree explains the answer, each way permits, at the access none is too large."""
    kind = asked.pop("kind")
    facts = {H + "participantKind": Fact(frozenset({H + kind}), "verified-credential")} if kind else {}
    world = World(
        participant="did:web:firm",
        facts=facts,
        closure=read().closure,
        agreement_at=NOW - 6000,
        purpose_source="declared" if asked["purpose"] else None,
        **asked,
    )
    decision = decide(parse(document), world, phase)
    assert permitted(decision, ()) == decision.permit
    found = counterfactual(decision, BUILT_IN)
    sizes = {len(way) for way in found}
    assert len(sizes) <= 1
    for way in found:
        assert 0 < len(way) <= MOST_CHANGES
        assert permitted(decision, [Flip(change.node, change.to) for change in way])
    if not decision.permit and phase == "access":
        assert not smaller(decision, *(sizes or {MOST_CHANGES}))
