"""Duties under other terms: kept, kept more strictly, or lost; checked against the evaluation where it can tell."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Policy
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.policy.odrl.state_of_world import Deed, World
from tests.fuzz.effort import amount
from tests.kernel.policy import small

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


def test_the_order_of_consequences_decides_nothing() -> None:
    """>> to inform, else to delete and be suspended, and the same the other way round << kept."""
    after = [{"action": "delete"}, {"action": H + "suspendAccess"}]
    duties = [{"action": "inform", "consequence": list(turned)} for turned in (after, reversed(after))]
    assert compare(with_duty(duties[0]), with_duty(duties[1]))[0] == "compatible"


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


def pay(amount: str, *constraints: object) -> dict[str, Any]:
    return {"action": "odrl:compensate", "constraint": [atom("odrl:payAmount", "gteq", amount), *constraints]}


def done(action: str, day: float, **values: Any) -> Deed:
    known = {ODRL + name: value for name, value in values.items()}
    return Deed(action=ODRL + action, at=small.START + int(day * small.DAY), values=known)


def opens(asked: Policy, offer: Policy, day: float, *deeds: Deed, action: str = "use", **known: Any) -> bool:
    """Whether on that day, these things done, the asked terms permit what the offer does not."""
    world = World(
        now=small.START + int(day * small.DAY),
        participant="did:web:one",
        action=ODRL + action,
        deeds=deeds,
        agreement_at=small.START,
        closure=small.CLOSURE,
        **known,
    )
    granted, held = (compile(one).verdict(world, "access").permit for one in (asked, offer))
    return granted and not held


def test_two_fees_are_not_kept_by_one() -> None:
    """Bug: >> two payments of ten, asked for with one << agreed to, and half the fee was gone. One name is one fee."""
    for level in (lambda *duties: with_duty(*duties), lambda *duties: policy(FREE, obligation=list(duties))):
        assert compare(level(pay("10"), pay("10")), level(pay("10"), pay("10")))[0] == "compatible"
        assert compare(level(pay("10"), pay("10")), level(pay("10")))[0] == "unknown"
        assert compare(level(pay("10")), level(pay("10"), pay("10")))[0] == "compatible"


SEVEN = done("compensate", 1, payAmount=7_000_000)


@pytest.mark.threat("T62")
def test_a_payment_opens_nothing_that_it_is_not_for_under_the_offer() -> None:
    """Bug: >> two fees, of which the offer settles the other one first << agreed to, each fee being kept by itself."""
    for_water = {"action": "odrl:compensate", "constraint": [atom("odrl:purpose", "eq", small.WATER)]}
    offer = policy({"action": "use", "duty": [for_water]}, obligation=[pay("5")])
    asked = policy({"action": "use", "duty": [pay("5")]}, obligation=[pay("5")])
    assert opens(asked, offer, 2, SEVEN, purpose=small.WATER, purpose_source="declared")
    assert compare(offer, asked) == ("unknown", "duty", "/permission/0/duty/0")
    printing, selling = (
        {"action": action, "duty": [pay(amount)]} for action, amount in (("odrl:print", "7"), ("odrl:sell", "5"))
    )
    assert opens(policy(selling), policy(printing, selling), 2, SEVEN, action="sell")
    assert compare(policy(printing, selling), policy(selling)) == ("unknown", "duty", "/permission/0/duty/0")


def test_a_fee_of_each_access_is_kept_in_the_same_words_only() -> None:
    """Bug: >> a fee within three days of each access, asked for within one << paid late it was for another access."""
    offer, asked = (with_duty(pay("5", atom(H + "dueWithin", "lt", f"access+P{days}D"))) for days in (3, 1))
    assert opens(asked, offer, 5, done("use", 1), done("compensate", 3, payAmount=7_000_000))
    assert compare(offer, asked) == ("unknown", "duty", "/permission/0/duty/0")
    assert compare(offer, offer)[0] == "compatible"


def test_an_earlier_deadline_makes_no_more_good() -> None:
    """Bug: >> informed late, what follows done between the earlier deadline and the offered one << access again."""
    follows = [SUSPEND, {"action": "odrl:delete"}]
    late = [
        {**INFORM, "constraint": [atom(H + "dueWithin", "lt", f"agreement+P{days}D")], "consequence": follows}
        for days in (3, 1)
    ]
    offer, asked = (policy(FREE, obligation=[one]) for one in late)
    assert opens(asked, offer, 5, done("delete", 2), done("inform", 4))
    assert compare(offer, asked) == ("unknown", "obligation", "/obligation/0")
    assert compare(offer, policy(FREE, obligation=late))[0] == "compatible"


def test_what_cannot_be_done_is_due_all_the_same() -> None:
    """Bug: >> two recipients at once cannot be informed; asked without the deadline << kept, as nothing would do it."""
    nobody = [atom(H + "informedParty", "eq", one) for one in ("urn:g", "urn:h")]
    within = atom(H + "dueWithin", "lt", "agreement+P3D")
    offer, asked = (with_duty({**INFORM, "constraint": terms}) for terms in ([*nobody, within], nobody))
    assert opens(asked, offer, 5)
    assert compare(offer, asked) == ("conflict", "duty", "/permission/0/duty/0/constraint/2")


def forbidding(*remedies: Any, **more: Any) -> Policy:
    return policy(FREE, prohibition=[{"action": "odrl:distribute", "remedy": list(remedies), **more}])


def test_a_remedy_more_lifts_no_suspension() -> None:
    """Bug: >> passing on ends access; asked with a remedy that makes it good << agreed to, being one remedy more."""
    offer, asked = forbidding(SUSPEND), forbidding(SUSPEND, INFORM)
    assert opens(asked, offer, 5, done("distribute", 1), done("inform", 2))
    assert compare(offer, asked) == ("unknown", "remedy", "/prohibition/0/remedy/0")
    assert compare(forbidding(INFORM), forbidding(INFORM, SUSPEND))[0] == "compatible"


def test_of_several_that_forbid_the_same_the_one_that_keeps_most_is_told() -> None:
    """>> passing on ends access; asked twice, with no remedy and with one more << not known, whichever comes first."""
    bare, more = ({"action": "odrl:distribute", "remedy": remedies} for remedies in ([], [SUSPEND, INFORM]))
    for both in ([bare, more], [more, bare]):
        asked = policy(FREE, prohibition=both)
        assert compare(forbidding(SUSPEND), asked) == ("unknown", "remedy", "/prohibition/0/remedy/0")
    assert compare(forbidding(SUSPEND), policy(FREE, prohibition=[bare]))[0] == "conflict"


def test_a_wider_prohibition_does_not_hide_when_this_one_was_violated() -> None:
    """Bug: >> a prohibition without its condition, violated before and after << of three violations two are judged."""
    soon = {**INFORM, "constraint": [atom(H + "dueWithin", "lt", "violation+P1D")], "consequence": [SUSPEND]}
    for_water, wider = atom("odrl:purpose", "eq", small.WATER), forbidding(soon)
    offer = forbidding(soon, constraint=[for_water])
    passed_on = [
        done("distribute", day, purpose=frozenset({purpose}))
        for day, purpose in ((1, small.ROADS), (3, small.WATER), (4.5, small.ROADS))
    ]
    assert opens(wider, offer, 5, *passed_on, done("inform", 1.5))
    assert compare(offer, wider) == ("unknown", "remedy", "/prohibition/0/remedy/0/consequence/0")
    both = [{"action": "odrl:distribute", "remedy": [soon], "constraint": some} for some in ([], [for_water])]
    assert compare(offer, policy(FREE, prohibition=both))[0] == "compatible"


def test_a_deadline_among_the_refinements_is_none() -> None:
    """Bug: >> the offered deadline as a refinement of the action << taken for a deadline, and never over."""
    within = atom(H + "dueWithin", "lt", "agreement+P1D")
    refined = {"action": [{"rdf:value": {"@id": "odrl:inform"}, "refinement": [within]}], "consequence": [SUSPEND]}
    offer = policy(FREE, obligation=[{**INFORM, "constraint": [within], "consequence": [SUSPEND]}])
    asked = policy(FREE, obligation=[refined])
    assert {compare(offer, asked)[0], compare(asked, offer)[0]} == {"unknown"}
    assert not opens(asked, offer, 5)
    assert compare(asked, asked)[0] == "compatible"


BUSY = list(small.busy_worlds())


@settings(FREELY, max_examples=amount(25, 200))
@given(small.PAIRS)
def test_with_duties_compatible_terms_permit_nothing_more_and_owe_no_less(pair: tuple[Policy, Policy]) -> None:
    """>> policies with duties, remedies and obligations << who is permitted by compatible terms is so by the offer,
    which entails no action that the terms do not entail."""
    offer, asked = pair
    if narrower(offer, asked, small.CLOSURE).verdict != "compatible":
        return
    wide, narrow = compile(offer), compile(asked)
    for world in BUSY:
        if narrow.verdict(world, "access").permit:
            assert wide.verdict(world, "access").permit
            owed = {duty.action.iri for duty in narrow.examine(world, "access").duties}
            assert {duty.action.iri for duty in wide.examine(world, "access").duties} <= owed


def test_every_pair_of_duties_is_judged_as_the_evaluation_does() -> None:
    """>> each duty of the small world against each << kept only if nothing more is permitted, and by itself."""
    terms = [policy({"action": "use", "duty": [one]}) for one in small.DUTIES]
    allowed = [[compile(one).verdict(world, "access").permit for world in BUSY] for one in terms]
    for offer, wide in zip(terms, allowed, strict=True):
        for asked, narrow in zip(terms, allowed, strict=True):
            if narrower(offer, asked, small.CLOSURE).verdict == "compatible":
                assert all(w or not n for w, n in zip(wide, narrow, strict=True)), (offer, asked)
            else:
                assert asked is not offer, offer


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


@pytest.mark.parametrize("part", ["constraint", "wide", "action", "odd"])
def test_a_duty_that_is_not_understood_is_kept_word_by_word_only(part: str) -> None:
    """>> a strange or too wide condition, refinement or member of an offered duty, left out << unknown."""
    changes: dict[str, Any] = {
        "constraint": {"constraint": [STRANGE]},
        "wide": {"constraint": [{"xone": [EARLY] * 65}]},
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
