"""Who paid what for which duty: strangers fulfil nothing, and one payment settles one fee."""

from random import Random
from typing import Any

import pytest

from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.digest import deal
from connector.kernel.policy.evaluation.payments import allotted
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact
from tests.kernel.policy.duties import HOUR, SUSPEND, ask, deed, duty, found, obliging, owing
from tests.kernel.policy.worlds import CLOSURE, DAY, NOW, TOWN, at, atom

STRANGER = "did:web:stranger"
EUR, USD = "urn:eur", "urn:usd"


def fee(amount: int, *constraints: object, operator: str = "gteq", **members: Any) -> dict[str, Any]:
    return duty("odrl:compensate", atom(O + "payAmount", operator, str(amount), unit=EUR), *constraints, **members)


def paid(amount: int, ago: int = 1, *, currency: str = EUR, **members: Any) -> Deed:
    values = {O + "payAmount": amount * 1_000_000, H + "currency": frozenset({currency})}
    return Deed(action=O + "compensate", at=NOW - ago, values=values, **({"party": TOWN} | members))


def may(document: dict[str, Any], *deeds: Deed, **changes: Any) -> bool:
    return ask(document, deeds=deeds, **changes).permit


@pytest.mark.threat("T62")
def test_a_strangers_deed_fulfils_no_duty() -> None:
    """>> somebody else paid, or deleted in time  << only whoever owes it can, unless the duty names another."""
    assert may(owing(fee(10)), paid(10))
    assert not may(owing(fee(10)), paid(10, party=STRANGER))
    assert may(owing(fee(10, assignee=STRANGER)), paid(10, party=STRANGER))
    assert not may(owing(fee(10, assignee=STRANGER)), paid(10))
    late = duty("odrl:delete", atom(H + "dueBy", "lt", "2020-01-01T00:00:00Z"), **{"odrl:consequence": [SUSPEND]})
    done = Deed(action=O + "delete", at=0)
    assert may(obliging(late), Deed(action=O + "delete", at=0, party=TOWN), done)
    assert not may(obliging(late), Deed(action=O + "delete", at=0, party=STRANGER))


def test_under_an_agreement_the_assignee_owes() -> None:
    """>> a policy for one participant  << its deed counts, a stranger's does not; of a group's the one who asks."""
    assert may(owing(fee(10), assignee=TOWN), paid(10))
    assert not may(owing(fee(10), assignee=TOWN), paid(10, party=STRANGER))
    assert may(owing(fee(10), assignee="urn:towns"), paid(10), parties=frozenset({"urn:towns"}))


@pytest.mark.threat("T62")
def test_one_payment_settles_one_fee() -> None:
    """>> fees of ten and of twenty, and a payment of twenty  << one is open; two payments settle both, in any order."""
    both = owing(fee(10), fee(20))
    assert not may(both, paid(20))
    assert not may(both, paid(20), paid(5))
    assert may(both, paid(20), paid(10))
    assert may(both, paid(10), paid(20, 0))
    assert may(both, paid(30), paid(20))
    assert not may(both, paid(10), paid(10))


def test_a_payment_that_let_one_access_through_lets_no_other_one_through() -> None:
    """>> ten for use, twenty for selling; twenty paid  << it is for the dear one, whichever is asked for first."""
    document = {
        "permission": [{"action": "use", "duty": [fee(10)]}, {"action": "odrl:sell", "duty": [fee(20)]}],
        "odrl:conflict": "odrl:prohibit",
    }
    asked = [may(document, paid(20), action=action) for action in ("", O + "sell", "")]
    assert asked == [False, True, False]
    assert may(document, paid(20), paid(10))
    assert may(document, paid(20, rule="/permission/0/duty/0"))
    assert not may(document, paid(20, rule="/permission/0/duty/0"), action=O + "sell")


@pytest.mark.threat("T62")
def test_equally_dear_fees_are_settled_the_same_however_they_are_written() -> None:
    """Bug: >> ten to print, ten to sell, in either order; ten paid  << one deal, and each order opened another one."""
    rules = [{"action": action, "duty": [fee(10)]} for action in ("odrl:print", "odrl:sell")]
    written, turned = {"permission": rules}, {"permission": rules[::-1]}
    assert deal(parse(written)) == deal(parse(turned))
    for action in ("print", "sell"):
        assert may(written, paid(10), action=O + action) == may(turned, paid(10), action=O + action)
    assert narrower(parse(written), parse(turned), Closure()).verdict == "compatible"


def test_fees_for_others_take_no_payment() -> None:
    """>> counties and towns pay ten each by permissions of their own  << a town's payment is not spent on the other."""
    kinds = [
        {"action": "use", "constraint": [atom(H + "participantKind", "eq", H + kind)], "duty": [fee(10)]}
        for kind in ("county", "municipality")
    ]
    town = {H + "participantKind": Fact(frozenset({H + "municipality"}), "verified-credential")}
    assert may({"permission": kinds}, paid(10), facts=town, closure=CLOSURE)


def test_one_duty_of_several_actions_is_owed_once() -> None:
    """>> ten for using and passing on, one rule  << paid once for both."""
    document = {"permission": [{"action": ["use", "odrl:distribute"], "duty": [fee(10)]}]}
    assert may(document, paid(10))
    assert may(document, paid(10), action=O + "distribute")


def test_one_duty_of_several_actions_takes_one_payment() -> None:
    """>> twenty for using and passing on, one rule, ten for selling; two payments of twenty  << all of it is paid."""
    rule = {"action": ["use", "odrl:distribute"], "duty": [fee(20)]}
    document = {"permission": [rule, {"action": "odrl:sell", "duty": [fee(10)]}]}
    assert [may(document, paid(20), paid(20), action=O + action) for action in ("use", "distribute", "sell")] == [
        True
    ] * 3


def test_the_dearest_fee_is_the_one_that_asks_for_most() -> None:
    """>> at least five and at least thirty to sell, twenty to print; forty paid  << it is for selling."""
    dear = duty("odrl:compensate", *(atom(O + "payAmount", "gteq", amount, unit=EUR) for amount in ("30", "5")))
    rules = [{"action": "odrl:print", "duty": [fee(20)]}, {"action": "odrl:sell", "duty": [dear]}]
    assert [may({"permission": rules}, paid(40), action=O + action) for action in ("print", "sell")] == [False, True]


def test_two_fees_of_one_name_are_two() -> None:
    """>> one duty that two rules call by its name, and two that differ under one name  << one payment, and two."""

    def selling(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        return {"permission": [{"action": "use", "duty": [one, other]}]}

    named = {"@id": "urn:d"}
    assert may(selling(fee(10) | named, fee(10) | named), paid(10))
    assert not may(selling(fee(10) | named, fee(20) | named), paid(20))


@pytest.mark.threat("T62")
def test_names_and_merged_rules_make_no_two_fees_one_unseen() -> None:
    """>> ten to print, ten to pass on; asked with one name for both, or as one rule  << other terms, not narrower."""
    offer = {"permission": [{"action": one, "duty": [fee(10)]} for one in ("odrl:print", "odrl:distribute")]}
    named = {"permission": [{**rule, "duty": [fee(10) | {"@id": "urn:d"}]} for rule in offer["permission"]]}
    merged = {"permission": [{"action": ["odrl:print", "odrl:distribute"], "duty": [fee(10)]}]}
    assert not may(offer, paid(10), action=O + "distribute")
    for asked in (named, merged):
        assert may(asked, paid(10), action=O + "distribute")
        assert deal(parse(asked)) != deal(parse(offer))
        assert narrower(parse(offer), parse(asked), Closure()).verdict == "unknown"
        assert narrower(parse(asked), parse(asked), Closure()).verdict == "compatible"
    alone = {
        "permission": [{**rule, "duty": [fee(10) | {"@id": f"urn:{n}"}]} for n, rule in enumerate(offer["permission"])]
    }
    assert deal(parse(alone)) == deal(parse(offer))


def test_a_fee_that_nobody_understands_may_be_what_was_paid_for() -> None:
    """>> an odd fee to use, and twenty to sell; twenty paid  << not known for what, unless it says so."""
    odd = duty("odrl:compensate", atom(O + "payAmount", "gteq", "twenty", unit=EUR))
    document = {"permission": [{"action": "use", "duty": [odd]}, {"action": "odrl:sell", "duty": [fee(20)]}]}
    assert not may(document, paid(20), action=O + "sell")
    assert may(document, paid(20, rule="/permission/1/duty/0"), action=O + "sell")
    assert not may(document, paid(20, rule="/permission/1/duty/0"))


def test_every_access_has_its_own_payment() -> None:
    """>> ten within an hour of each access; two accesses  << two payments, and a late one heals only one of them."""
    each = fee(10, atom(H + "dueWithin", "lt", "access+PT1H"), **{"odrl:consequence": [SUSPEND]})
    uses = [deed("use", NOW - DAY), deed("use", NOW - DAY + 60_000)]
    in_time = [paid(10, DAY - n * 60_000) for n in (2, 3)]
    assert not may(obliging(each), *uses, in_time[0])
    assert may(obliging(each), *uses, *in_time)
    assert not may(obliging(each), *uses, paid(10, HOUR))
    assert may(obliging(each), *uses, in_time[0], paid(10, HOUR))


@pytest.mark.parametrize(
    ("deeds", "state"),
    [
        ([paid(20)], "healed"),
        ([paid(19)], "violated"),
        ([paid(20, currency=USD)], "violated"),
        ([paid(20, party=STRANGER)], "violated"),
        ([paid(20, 2 * DAY)], "violated"),
        ([Deed(action=O + "compensate", at=NOW - 1, party=TOWN)], "violated"),
    ],
    ids=["paid", "too little", "another currency", "a stranger", "before the breach", "nobody knows how much"],
)
@pytest.mark.threat("T62")
def test_a_remedy_is_made_good_by_its_amount_alone(deeds: list[Deed], state: str) -> None:
    """>> forbidden, and done; the remedy is twenty euro  << amount, currency, payer and time are compared."""
    prohibition = {"action": "odrl:distribute", "odrl:remedy": [SUSPEND, fee(20)]}
    document = {"permission": [{"action": "use"}], "prohibition": [prohibition], "odrl:conflict": "odrl:prohibit"}
    decision = ask(document, deeds=(deed("distribute", NOW - DAY), *deeds))
    assert found(decision.tree, "prohibition").deontic == state
    assert decision.permit is (state == "healed")


@pytest.mark.parametrize(("amount", "permit"), [(20, True), (19, False)])
def test_a_consequence_is_done_by_its_amount_alone(amount: int, permit: bool) -> None:
    """>> deleted late; then twenty euro and access again  << not for less."""
    delete = duty("odrl:delete", atom(H + "dueWithin", "lteq", "agreement+P1D"))
    late = delete | {"odrl:consequence": [SUSPEND, fee(20)]}
    deeds = (deed("delete", NOW - DAY), paid(amount))
    assert may(obliging(late), *deeds, agreement_at=NOW - 5 * DAY) is permit


REMEDY = {"action": "odrl:distribute", "odrl:remedy": [SUSPEND, fee(20)]}
BREACH = deed("distribute", NOW - DAY)


def test_a_payment_settles_no_fee_and_remedy_at_once() -> None:
    """>> a fee of twenty, and a remedy of twenty for a breach  << two payments."""
    document = owing(fee(20), prohibition=[REMEDY])
    assert not may(document, BREACH, paid(20))
    assert may(document, BREACH, paid(20), paid(20, 2))


@pytest.mark.threat("T62")
def test_a_payment_makes_good_for_one_remedy() -> None:
    """Bug: >> remedies of twenty and of ten, and nothing else is owed; twenty paid  << both were settled by it."""
    remedies = {**REMEDY, "odrl:remedy": [SUSPEND, fee(20), fee(10)]}
    document = {"permission": [{"action": "use"}], "prohibition": [remedies], "odrl:conflict": "odrl:prohibit"}
    assert not may(document, BREACH, paid(20))
    assert may(document, BREACH, paid(20), paid(10))


def test_a_payment_makes_good_for_one_consequence() -> None:
    """>> deleted late; then twenty and ten, or a fee of ten beside it  << a payment for each."""
    delete = duty("odrl:delete", atom(H + "dueWithin", "lteq", "agreement+P1D"))
    agreed = {"agreement_at": NOW - 5 * DAY}
    done = deed("delete", NOW - DAY)
    for document in (
        obliging(delete | {"odrl:consequence": [SUSPEND, fee(20), fee(10)]}),
        owing(fee(10), obligation=[delete | {"odrl:consequence": [SUSPEND, fee(20)]}]),
    ):
        assert not may(document, done, paid(20), **agreed)
        assert may(document, done, paid(20), paid(10), **agreed)


def test_a_lone_fee_is_paid_for_each_breach() -> None:
    """>> a remedy within an hour of each breach, else a report; two breaches, each paid for in time  << made good."""
    soon = fee(20, atom(H + "dueWithin", "lt", "violation+PT1H"), **{"odrl:consequence": [duty("odrl:inform")]})
    prohibition = {**REMEDY, "odrl:remedy": [SUSPEND, soon]}
    document = {"permission": [{"action": "use"}], "prohibition": [prohibition], "odrl:conflict": "odrl:prohibit"}
    breaches = [BREACH, deed("distribute", NOW - HOUR // 2)]
    assert may(document, *breaches, paid(20, DAY - 60_000), paid(20))
    assert not may(document, *breaches, paid(20))


def test_a_fee_leaves_to_others_what_they_need() -> None:
    """>> a fee of ten, and a remedy of twenty  << the fee takes what names it, else the smaller one, not the first."""
    document = owing(fee(10), prohibition=[REMEDY])
    assert may(document, BREACH, paid(20, 5), paid(10, 2))
    assert may(document, BREACH, paid(20), paid(30, rule="/permission/0/duty/0"))


@pytest.mark.parametrize("late", [0, HOUR], ids=["in the very millisecond", "later"])
def test_who_can_be_paid_in_time_is_not_paid_late(late: int) -> None:
    """>> a fee due by then, else a report, and one of any time; paid once in time and once not  << each as it fits."""
    due = atom(H + "dueBy", "lt", at(NOW - DAY))
    timed = fee(10, due, **{"odrl:consequence": [SUSPEND, duty("odrl:inform")]})
    payments = [paid(12, DAY + 1), paid(10, DAY - late)]
    assert may(owing(fee(5), obligation=[timed]), *payments)


def test_as_many_as_possible_are_served_and_nobody_who_came_first_loses() -> None:
    """Against every choice there is, for a hundred small cases."""

    def best(wishes: list[list[int]], taken: frozenset[int] = frozenset()) -> int:
        if not wishes:
            return 0
        served = [1 + best(wishes[1:], taken | {thing}) for thing in wishes[0] if thing not in taken]
        return max([best(wishes[1:], taken), *served])

    for number in range(100):
        rng = Random(number)
        wishes = [rng.sample(range(5), rng.randint(0, 3)) for _ in range(rng.randint(0, 5))]
        holder = allotted(wishes)
        assert all(thing in wishes[who] for thing, who in holder.items())
        assert len(set(holder.values())) == len(holder) == best(wishes)
        for first in range(len(wishes)):
            assert set(allotted(wishes[:first]).values()) <= set(holder.values())
