"""Duties under other terms: kept, kept more strictly, or lost; checked against the evaluation where it can tell."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from connector.policy.containment.narrow import narrower
from connector.policy.evaluation.program import compile
from connector.policy.odrl.model import Policy
from connector.policy.odrl.names import HANSE as H
from tests.policy import small

policy, atom = small.policy, small.atom
FREELY = settings(deadline=None, suppress_health_check=list(HealthCheck))


def compare(offer: Policy, asked: Policy) -> tuple[str, str, str]:
    answer = narrower(offer, asked, small.CLOSURE)
    return answer.verdict, answer.ground, answer.pointer


FREE = {"action": "use"}
INFORM = {"action": "odrl:inform"}
DELETE = {
    "action": "odrl:delete",
    "constraint": [atom(H + "dueWithin", "lteq", "agreementEnd+P30D")],
    "consequence": [{"action": H + "suspendAccess"}],
}


def due(within: str, **more: Any) -> dict[str, Any]:
    return {**DELETE, "constraint": [atom(H + "dueWithin", "lteq", within)], **more}


STRANGE = {"leftOperand": "https://elsewhere.example/ns#fee", "operator": "eq", "rightOperand": "1"}
EARLY = atom("odrl:dateTime", "lt", "2027-01-01")
SUSPEND = {"action": H + "suspendAccess"}
COMPATIBLE = ("compatible", "", "")


@pytest.mark.parametrize(
    ("offer", "asked", "place"),
    [
        ([], [DELETE], None),
        ([DELETE], [DELETE], None),
        ([DELETE], [due("agreementEnd+P7D")], None),
        ([DELETE], [INFORM, due("agreementEnd+P7D")], None),
        ([DELETE], [due("agreementEnd+P30D", consequence=[SUSPEND, INFORM])], None),
        ([{**INFORM, "constraint": [EARLY]}], [INFORM], None),
        ([DELETE], [], "/obligation/0"),
        ([DELETE], [INFORM], "/obligation/0"),
        ([INFORM], [{**INFORM, "constraint": [EARLY]}], "/obligation/0"),
        ([DELETE], [due("agreementEnd+P31D")], "/obligation/0/constraint/0"),
        ([DELETE], [due("agreement+P7D")], "/obligation/0/constraint/0"),
        ([DELETE], [{"action": "odrl:delete"}], "/obligation/0/constraint/0"),
        ([DELETE], [due("agreementEnd+P30D", consequence=[])], "/obligation/0/consequence/0"),
    ],
)
def test_obligations_are_kept_or_named(offer: Any, asked: Any, place: str | None) -> None:
    """>> obligations: the same, earlier, later, without consequence, missing, applying less << kept, or the place."""
    expected = COMPATIBLE if place is None else ("conflict", "obligation", place)
    assert compare(policy(FREE, obligation=offer), policy(FREE, obligation=asked)) == expected


def with_duty(*duties: Any) -> Policy:
    return policy({"action": "use", "duty": list(duties)})


@pytest.mark.parametrize(
    ("offer", "asked", "verdict"),
    [
        (["gteq", "3"], ["gteq", "3"], "compatible"),
        (["gteq", "3"], ["gteq", "5"], "compatible"),
        (["gteq", "3"], ["eq", "4"], "compatible"),
        (["gteq", "3"], ["gt", "2"], "compatible"),
        (["gteq", "3"], ["gteq", "2"], "conflict"),
        (["gteq", "3"], ["lteq", "9"], "conflict"),
        (["eq", "3"], ["gteq", "3"], "conflict"),
    ],
)
def test_how_a_duty_is_done_may_only_become_stricter(offer: list[str], asked: list[str], verdict: str) -> None:
    """>> cells of at least three, of at least five, of two << what the new way allows the old way must allow."""
    duties = [{"action": H + "suppressCells", "constraint": [atom(H + "kAnonymity", *how)]} for how in (offer, asked)]
    assert compare(with_duty(duties[0]), with_duty(duties[1]))[0] == verdict


def test_the_text_of_a_credit_line_is_kept() -> None:
    """>> credit under one name, the same with more duties, under another name << only the same name is kept."""

    def credit(text: str, *more: Any) -> Policy:
        named = {"action": "odrl:attribute", "constraint": [atom(H + "attributionText", "eq", text), *more]}
        return policy(FREE, obligation=[named])

    by = atom(H + "dueBy", "lt", "2027-01-01")
    assert compare(credit("Musterstadt"), credit("Musterstadt", by))[0] == "compatible"
    lost = ("conflict", "obligation", "/obligation/0/constraint/0")
    assert compare(credit("Musterstadt"), credit("Nachbardorf")) == lost
    assert compare(credit("Musterstadt", by), credit("Nachbardorf", by))[0] == "conflict"


def test_two_fees_are_not_kept_by_one() -> None:
    """Bug: >> two payments of ten, asked for with one << agreed to, and half the fee was gone. One name is one fee."""
    pay = {"action": "odrl:compensate", "constraint": [atom("odrl:payAmount", "eq", "10")]}
    for level in (lambda *duties: with_duty(*duties), lambda *duties: policy(FREE, obligation=list(duties))):
        assert compare(level(pay, pay), level(pay, pay))[0] == "compatible"
        assert compare(level(pay, pay), level(pay, pay, pay))[0] == "compatible"
        assert compare(level(pay, pay), level(pay))[0] == "conflict"


BUSY = list(small.busy_worlds())


@settings(FREELY, max_examples=200)
@given(small.BOUND_POLICIES, small.BOUND_POLICIES)
def test_with_duties_compatible_terms_permit_nothing_more_and_owe_no_less(offer: Policy, asked: Policy) -> None:
    """>> policies with duties and obligations << who is permitted by compatible terms is so by the offer, which
    entails no action that the terms do not entail."""
    if narrower(offer, asked, small.CLOSURE).verdict != "compatible":
        return
    wide, narrow = compile(offer), compile(asked)
    for world in BUSY:
        if narrow.verdict(world, "access").permit:
            assert wide.verdict(world, "access").permit
            owed = {duty.action.iri for duty in narrow.examine(world, "access").duties}
            assert {duty.action.iri for duty in wide.examine(world, "access").duties} <= owed


@pytest.mark.parametrize("one", small.DUTIES)
def test_every_pair_of_duties_is_judged_as_the_evaluation_does(one: Any) -> None:
    """>> each duty of the small world against this one << kept only if nothing more is permitted, and by itself."""
    offer = policy({"action": "use", "duty": [one]})
    wide = [compile(offer).verdict(world, "access").permit for world in BUSY]
    kept = []
    for other in small.DUTIES:
        asked = policy({"action": "use", "duty": [other]})
        narrow = [compile(asked).verdict(world, "access").permit for world in BUSY]
        if narrower(offer, asked, small.CLOSURE).verdict == "compatible":
            kept.append(other)
            assert all(w or not n for w, n in zip(wide, narrow, strict=True))
    assert one in kept


def test_a_duty_of_the_permission_that_applies_is_kept() -> None:
    """>> two permissions, the first with a duty << asking only for the second does not shake the duty off."""
    bound, free = {"action": "use", "duty": [INFORM]}, {"action": "use"}
    assert compare(policy(bound, free), policy(free)) == ("conflict", "duty", "/permission/0/duty/0")
    assert compare(policy(free, bound), policy(free))[0] == "compatible"
    assert compare(policy(free, bound), policy(bound))[0] == "compatible"
    assert compare(with_duty(INFORM), with_duty(INFORM, {"action": "odrl:attribute"}))[0] == "compatible"


def test_a_duty_may_not_be_laid_upon_a_named_party() -> None:
    """>> a new duty that names who must fulfil it << unknown: it may be us."""
    new = policy(FREE, obligation=[{**INFORM, "assignee": "did:web:provider"}])
    assert compare(policy(FREE), new) == ("unknown", "burden", "/obligation/0")


def test_a_new_duty_in_the_stream_would_be_ours() -> None:
    """>> suppressing cells, where the offer does not << unknown; stricter than the offer does << compatible."""
    suppress, stricter = (
        {"action": H + "suppressCells", "constraint": [atom(H + "kAnonymity", "gteq", n)]} for n in ("3", "5")
    )
    assert compare(policy(FREE), with_duty(suppress)) == ("unknown", "burden", "/permission/0/duty/0")
    assert compare(with_duty(suppress), with_duty(stricter))[0] == "compatible"


def test_a_burden_is_found_among_consequences_and_after_others() -> None:
    """>> new duties without a name, then one whose consequence names somebody << that consequence."""
    named = {**INFORM, "assignee": "did:web:provider"}
    one = {"action": "odrl:delete", "consequence": [{"action": "odrl:compensate"}, named]}
    asked = policy(FREE, obligation=[{"action": "odrl:attribute"}, one])
    assert compare(policy(FREE), asked) == ("unknown", "burden", "/obligation/1/consequence/1")
    assert compare(asked, asked)[0] == "compatible"


@pytest.mark.parametrize("part", ["constraint", "action", "odd"])
def test_a_duty_that_is_not_understood_is_kept_word_by_word_only(part: str) -> None:
    """>> a strange condition, refinement or member of an offered duty, left out << unknown, not compatible."""
    changes: dict[str, Any] = {
        "constraint": {"constraint": [STRANGE]},
        "action": {"action": [{"rdf:value": {"@id": "odrl:inform"}, "refinement": [STRANGE]}]},
        "odd": {"https://elsewhere.example/ns#note": "1"},
    }
    offer = policy(FREE, obligation=[{**INFORM, **changes[part]}])
    assert compare(offer, policy(FREE, obligation=[INFORM])) == ("unknown", "obligation", "/obligation/0")
    assert compare(offer, offer)[0] == "compatible"


def test_the_first_duty_that_is_lost_is_named() -> None:
    """>> three duties, two of them missing << the first of the two."""
    three = with_duty({"action": "odrl:attribute"}, INFORM, {"action": "odrl:delete"})
    assert compare(three, with_duty({"action": "odrl:attribute"})) == ("conflict", "duty", "/permission/0/duty/1")


def test_remedies_are_kept() -> None:
    """>> a prohibition with a remedy, asked without << conflict; with one more << compatible."""

    def forbidding(*remedies: Any) -> Policy:
        return policy(FREE, prohibition=[{"action": "odrl:distribute", "remedy": list(remedies)}])

    assert compare(forbidding(INFORM), forbidding()) == ("conflict", "remedy", "/prohibition/0/remedy/0")
    assert compare(forbidding(INFORM), forbidding(INFORM, DELETE))[0] == "compatible"
    assert compare(forbidding(), forbidding(INFORM))[0] == "compatible"


def test_a_new_remedy_may_be_a_burden_as_well() -> None:
    """>> a new prohibition with a remedy that names somebody << unknown."""
    named = {**INFORM, "assignee": "did:web:provider"}
    asked = policy(FREE, prohibition=[{"action": "odrl:print", "remedy": [named]}])
    assert compare(policy(FREE), asked) == ("unknown", "burden", "/prohibition/0/remedy/0")


def test_a_duty_among_others_is_kept_by_the_one_that_fits() -> None:
    """>> the same duty beside one that fits less << kept, in whatever order they stand."""
    for others in ([DELETE, due("agreementEnd+P90D")], [due("agreementEnd+P90D"), DELETE], [INFORM, DELETE]):
        assert compare(policy({**FREE, "duty": [DELETE]}), policy({**FREE, "duty": others})) == COMPATIBLE
