"""Advice is what helps: applied and decided again before it is said, in words that say what would have to be."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.advice.advice import Help, advise, helping
from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.program import Program, compile
from connector.kernel.policy.odrl.model import PHASES, Atom, Duty, Phase, Policy
from connector.kernel.policy.odrl.names import SAME, expand
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import whole
from tests.kernel.policy.cases import NOW, ODRL, H, atom, firm, use
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.drafts import granting
from tests.kernel.policy.worlds import POLICIES, WORLDS

EXAMPLES = whole(120, 10_000)
PROHIBIT = {"odrl:conflict": {"@id": "odrl:prohibit"}}


def test_advice_names_the_kind_one_must_not_be_in_positive_words(vocabulary: Vocabulary, german: Words) -> None:
    """>> a company, and companies are forbidden  << to be none, not "„Teilnehmerart ist Unternehmen“ nicht erfüllt"."""
    company = atom(H + "participantKind", "eq", H + "company")
    document = use(prohibition={"action": "use", "constraint": company}, **PROHIBIT)
    said = advise(decide(parse(document), firm(vocabulary), "access"), german)
    assert said == "Was hilft: „Teilnehmerart ist nicht Unternehmen“ erfüllt (dazu braucht es einen anderen Nachweis)"


def test_advice_names_only_those_of_several_values_that_help(vocabulary: Vocabulary, german: Words) -> None:
    """>> municipalities and counties may, counties may not  << be a municipality: as a county one is still refused."""
    both = atom(H + "participantKind", "isAnyOf", [H + "municipality", H + "county"])
    ban = {"action": "use", "constraint": atom(H + "participantKind", "isAnyOf", [H + "county"])}
    document = {"permission": [{"action": "use", "constraint": [both]}], "prohibition": [ban]} | PROHIBIT
    said = advise(decide(parse(document), firm(vocabulary), "access"), german)
    assert "„Teilnehmerart ist Kommune“" in said
    assert "Kreis" not in said


_WITHOUT_MATCH = ("lend", "lease", "secondaryUse", "adHocShare", "extractChar", "preview", "ex:dance")


@pytest.mark.parametrize("word", [*(old.removeprefix(ODRL) for old in SAME), *_WITHOUT_MATCH])
def test_bug_an_old_action_is_the_one_that_it_matches(vocabulary: Vocabulary, german: Words, word: str) -> None:
    """>> each deprecated action, asked for where use, its match, or something else is permitted or forbidden
    << the answer of its match, with an advice; the advice to a request for `odrl:copy` was an error."""
    old = expand("odrl:" + word if ":" not in word else word)
    new = SAME.get(old, old)
    permissions = [{"action": "use"}, {"action": new}, {"action": "odrl:sell"}]
    prohibitions = [None, {"action": new}, {"action": "odrl:sell"}]
    for permission, prohibition, phase in product(permissions, prohibitions, PHASES):
        document = {"permission": [permission], **({"prohibition": [prohibition]} if prohibition else {})} | PROHIBIT
        known, asked = (decide(parse(document), firm(vocabulary, action=a), phase) for a in (new, old))
        assert (asked.permit, advise(asked, german)) == (known.permit, advise(known, german))
        assert bool(advise(asked, german)) is not asked.permit


def test_bug_an_old_name_of_a_deed_is_a_violation_as_well(vocabulary: Vocabulary) -> None:
    """>> copying is forbidden, and somebody reported "copy" or "reproduce"  << violated, access suspended."""
    ban = {"action": "odrl:copy", "odrl:remedy": [{"action": H + "suspendAccess"}]}
    document = use(prohibition=ban, **PROHIBIT)
    for name in ("copy", "reproduce"):
        asker = firm(vocabulary, deeds=(Deed(action=ODRL + name, at=NOW - 1),))
        assert not decide(parse(document), asker, "access").permit


def test_a_missed_duty_alone_is_no_advice_where_its_consequence_is_owed_too(
    vocabulary: Vocabulary, german: Words
) -> None:
    """>> information is overdue, its consequence is to pay  << informing late and paying, not informing alone."""
    limit = atom(H + "dueBy", "lt", "2026-11-01T00:00:00Z")
    pay = {"action": "odrl:compensate"}
    inform = {"action": "odrl:inform", "constraint": limit, "odrl:consequence": pay}
    policy = parse(use(permission={"action": "use", "duty": inform}))
    said = advise(decide(policy, firm(vocabulary), "access"), german)
    assert said == (
        "Was hilft: die versäumte Pflicht „Benachrichtigung“ nachgeholt und ihre Folge erfüllt (Bezahlung)"
        " (das kann die anfragende Stelle ändern)"
    )
    late, paid = (Deed(action=ODRL + name, at=NOW - 5, party="did:web:firm") for name in ("inform", "compensate"))
    assert not decide(policy, firm(vocabulary, deeds=(late,)), "access").permit
    assert decide(policy, firm(vocabulary, deeds=(late, paid)), "access").permit
    said = advise(decide(policy, firm(vocabulary, deeds=(late,)), "access"), german)
    assert said.startswith("Was hilft: die Folge der versäumten Pflicht „Benachrichtigung“ erfüllt (Bezahlung)")


def test_what_is_over_is_no_advice(vocabulary: Vocabulary, german: Words) -> None:
    """>> a term that has ended, uses that are used up  << nothing helps; nobody asks in the past."""
    over = german.say("policy.whatif.over", since="01.01.2026")
    for clause, said in (
        (atom("odrl:dateTime", "lt", "2026-01-01T00:00:00+01:00"), over),
        (atom("odrl:count", "lteq", "1"), german.say("policy.whatif.none")),
    ):
        refused = decide(parse(use(clause)), firm(vocabulary, uses={"": 9}), "access")
        assert advise(refused, german) == said


def test_bug_a_fee_was_advised_without_what_it_costs(vocabulary: Vocabulary, words: Words, lang: str) -> None:
    """>> a fee of an amount by a statute; one of neither << both named; that it names neither, and who can."""
    amount = atom("odrl:payAmount", "eq", "12.5")
    statute = atom(H + "feeStatute", "eq", "Satzung A")
    for constraints, parts in (
        ([amount, statute], {"de": ["12,50", "„Satzung A“"], "en": ["12.50", "“Satzung A”"]}),
        ([], {"de": ["weder Betrag noch Satzung"], "en": ["neither amount nor fee statute"]}),
    ):
        fee = {"action": "odrl:compensate", "constraint": constraints}
        refused = decide(parse(use(permission={"action": "use", "duty": fee})), firm(vocabulary), "access")
        assert all(part in advise(refused, words) for part in parts[lang])


def test_bug_an_offer_was_no_rule_that_anybody_understands(vocabulary: Vocabulary, german: Words) -> None:
    """>> access under an offer alone << what helps is a contract, first of all."""
    refused = decide(parse(use(**{"@type": "Offer"})), firm(vocabulary), "access")
    assert advise(refused, german) == german.say("policy.whatif.contract")


def test_waiting_is_advice_only_if_nothing_else_ends_meanwhile(vocabulary: Vocabulary, german: Words) -> None:
    """>> from 2028 on  << wait; from 2028 on and until 2027  << nothing helps."""
    later = atom("odrl:dateTime", "gteq", "2028-01-01T00:00:00+01:00")
    ended = atom("odrl:dateTime", "lt", "2027-01-01T00:00:00+01:00")
    assert "das ändert nur die Zeit" in advise(decide(parse(use(later)), firm(vocabulary), "access"), german)
    refused = decide(parse(use(later, ended)), firm(vocabulary), "access")
    assert advise(refused, german) == german.say("policy.whatif.none")


@pytest.mark.parametrize(
    ("clause", "changes", "said"),
    [
        (atom("odrl:count", "gteq", "2"), {"uses": {"": 5}}, "weniger als 2"),
        (atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00"), {}, "Zugriff ab 01.01.2028"),
        (atom("odrl:purpose", "isPartOf", H + "research"), {"purpose": H + "research"}, "liegt nicht im Bereich"),
    ],
)
def test_what_must_not_hold_is_said_as_what_must(
    vocabulary: Vocabulary, german: Words, clause: Any, changes: dict[str, Any], said: str
) -> None:
    """Of forbidden circumstances the opposite is said; uses that cannot be undone are no advice."""
    document = use(prohibition={"action": "use", "constraint": clause}, **PROHIBIT)
    found = advise(decide(parse(document), firm(vocabulary, **changes), "access"), german)
    assert said in found or found == german.say("policy.whatif.none")
    assert "nicht erfüllt" not in found
    if "uses" not in changes:
        assert said in found


# ---- the property: whatever policy and request


def steps(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from steps(child)


def same_answer(program: Program, world: World, phase: Phase) -> Decision:
    """Both ways of asking answer alike, with the same rule and counters."""
    short, long = program.verdict(world, phase), program.examine(world, phase)
    assert (short.permit, short.rule, short.counters) == (long.permit, long.rule, long.counters)
    return long


def only_what_was_said(found: Help, before: World) -> None:
    """The world differs from that of the request in what the steps name, and nothing that happened is undone."""
    after = found.world
    items = [step.change.node.item for step in found.steps]
    lefts = {item.left for item in items if isinstance(item, Atom)}
    waited = after.now != before.now
    assert after.now >= before.now
    assert not waited or lefts & {ODRL + "dateTime", ODRL + "elapsedTime", ODRL + "count"}
    assert after.deeds[: len(before.deeds)] == before.deeds
    assert len(after.deeds) == len(before.deeds) or any(not isinstance(item, Atom) for item in items)
    assert all(deed.at == after.now or waited for deed in after.deeds[len(before.deeds) :])
    assert {name for name in after.facts if after.facts[name] != before.facts.get(name)} <= lefts
    assert after.purpose == before.purpose or ODRL + "purpose" in lefts
    kinds = {step.change.node.kind for step in found.steps}
    assert after.participant == before.participant or "party" in kinds or H + "participant" in lefts
    assert after.action == before.action or "action" in kinds
    assert after.can == before.can or any(isinstance(item, Duty) for item in items)
    assert waited or all(after.uses.get(window, 0) >= uses for window, uses in before.uses.items())
    assert (after.agreement_at, after.agreement_end, after.closure) == (
        before.agreement_at,
        before.agreement_end,
        before.closure,
    )


@pytest.mark.threat("T64")
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=POLICIES | granting, world=WORLDS, phase=st.sampled_from(PHASES))
def test_no_advice_that_does_not_help_and_no_two_answers(document: Any, world: World, phase: Phase) -> None:
    """Random policies and requests: `verdict` and `examine` agree, and whoever follows the advice is permitted."""
    policy: Policy = parse(document)
    program = compile(policy)
    decision = same_answer(program, world, phase)
    found = list(helping(decision, BUILT_IN))
    assert not (decision.permit and found)
    for one in found:
        only_what_was_said(one, world)
        again = same_answer(program, one.world, phase)
        assert again.permit
        new = {node.pointer: node for node in steps(again.tree) if isinstance(node.item, Atom)}
        for step in one.steps:
            node = step.change.node
            if isinstance(node.item, Atom) and node.pointer in new and len(one.steps) == 1:
                assert step.change.to == "no" or new[node.pointer].state in ("yes", "deferred")


@pytest.mark.parametrize(
    ("left", "declared"),
    [("odrl:language", "de"), ("odrl:recipient", "did:web:other.example"), (H + "memberOf", "urn:g")],
)
def test_advice_tells_whoever_is_excluded_by_name_to_be_another(left: str, declared: str) -> None:
    """>> none of these languages, parties or groups, and one of them is declared  << another one helps."""
    operand = expand(left)
    policy = parse({"permission": [{"action": "use", "constraint": [atom(left, "isNoneOf", [declared])]}]})
    facts = {operand: Fact(frozenset({declared}), "verified-credential")}
    refused = decide(policy, World(now=NOW, participant="did:web:me", action=ODRL + "use", facts=facts), "access")
    assert not refused.permit
    assert [help.world.facts[operand].value for help in helping(refused, BUILT_IN)] != []
