"""What is named when terms are wider or nobody knows: the surest answer, the first place, the right rule of several."""

from typing import Any

import pytest

from connector.kernel.policy.containment.compare import RULES
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.asking import H, atom

FREE: dict[str, Any] = {"permission": [{"action": "use"}]}
DELETE, PAY = {"action": "odrl:delete"}, {"action": "odrl:compensate"}
SAME = ("compatible", "", "")


def few(most: int) -> dict[str, object]:
    return atom("odrl:count", "lteq", str(most))


def compared(offer: dict[str, Any], asked: dict[str, Any]) -> tuple[str, str, str]:
    answer = narrower(parse(FREE | offer), parse(FREE | asked), Closure())
    return answer.verdict, answer.ground, answer.pointer


# ---- the policies as a whole


@pytest.mark.parametrize("conflict", ["prohibit", "invalid"])
def test_letting_permissions_win_is_wider(conflict: str) -> None:
    """>> the same rules, but permissions are to win  << the prohibition that no longer counts, and who profits."""
    rules = {"permission": [{"action": "use", "constraint": [few(3)]}]}
    rules["prohibition"] = [
        {"action": "use", "constraint": [atom("odrl:count", operator, "2")]} for operator in ("gt", "lteq")
    ][:1]
    late = {"action": "use", "constraint": [atom("odrl:count", "gt", "9")]}
    rules["prohibition"] = [late, *rules["prohibition"]]
    offer, asked = (parse(rules | {"odrl:conflict": {"@id": "odrl:" + word}}) for word in (conflict, "perm"))
    answer = narrower(offer, asked, Closure())
    assert (answer.verdict, answer.ground, answer.pointer) == ("conflict", "forbidden", "/prohibition/1")
    assert answer.witness is not None
    assert compile(asked).verdict(answer.witness, "access").permit
    assert not compile(offer).verdict(answer.witness, "access").permit
    assert narrower(asked, offer, Closure()).verdict == "compatible"


@pytest.mark.parametrize(
    ("offered", "asked", "answer"),
    [
        ("", "", SAME),
        ("did:web:a", "did:web:a", SAME),
        ("did:web:a", "", SAME),
        ("", "did:web:a", SAME),
        ("did:web:a", "did:web:b", ("conflict", "party", "/assigner")),
    ],
)
def test_terms_of_another_provider_are_about_something_else(
    offered: str, asked: str, answer: tuple[str, str, str]
) -> None:
    """>> whoever grants, named in one, in both, or differently  << only another name is another provider."""
    members = [{"assigner": name} if name else {} for name in (offered, asked)]
    assert compared(*members) == answer


def test_who_grants_a_single_rule_must_have_granted_before() -> None:
    """>> a permission by the provider, by one who granted in the offer as well, by somebody else  << not the last."""

    def by(whom: str) -> dict[str, Any]:
        return {"permission": [{"action": "use", "assigner": whom}]}

    assert compared({"assigner": "did:web:a"}, by("did:web:a")) == SAME
    assert compared(by("did:web:a"), by("did:web:a")) == SAME
    assert compared({"assigner": "did:web:a"}, by("did:web:b")) == ("unknown", "party", "/assigner")


def test_another_profile_is_another_language() -> None:
    """>> a profile left out or added  << unknown, at the profile."""
    profile = {"profile": "https://w3id.org/hanse/v1"}
    assert compared(profile, profile) == SAME
    assert compared(profile, {}) == compared({}, profile) == ("unknown", "profile", "/profile")


def test_of_several_new_members_the_first_is_named() -> None:
    """>> two notes that the offer has not  << the first by name; a note left out changes nothing."""
    notes = {"dct:title": "x", "dct:description": "y"}
    assert compared({}, notes) == ("unknown", "term", "/http://purl.org/dc/terms/description")
    assert compared(notes, {"dct:title": "x"}) == SAME


def test_what_is_surely_wider_outweighs_what_nobody_knows() -> None:
    """>> another profile, and more uses than offered  << the uses, whatever the profile may mean."""
    profile = {"profile": "https://w3id.org/hanse/v1"}
    two, four = ({"permission": [{"action": "use", "constraint": [few(most)]}]} for most in (2, 4))
    assert compared(two, four | profile) == ("conflict", "clause", "/permission/0/constraint/0")
    assert compared(four, two | profile) == ("unknown", "profile", "/profile")


# ---- what is not understood


def test_a_rule_that_is_not_understood_is_kept_in_the_same_words() -> None:
    """>> a permission with a member that nobody knows, unchanged  << as offered; with another member, unknown."""
    odd = {"permission": [{"action": "use", "ex:odd": "x"}]}
    assert compared(odd, odd) == SAME
    assert compared({}, odd) == ("unknown", "term", "/permission/0")


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"permission": [{"action": "use", "duty": [{"action": "ex:dance"}]}]}, "/permission/0/duty/0"),
        (
            {"permission": [{"action": "use", "duty": [DELETE | {"odrl:consequence": [{"action": "ex:dance"}]}]}]},
            "/permission/0/duty/0/consequence/0",
        ),
        ({"obligation": [DELETE | {"odrl:consequence": [{"action": "ex:dance"}]}]}, "/obligation/0/consequence/0"),
        (
            {"prohibition": [{"action": "odrl:sell", "odrl:remedy": [{"action": "ex:dance"}]}]},
            "/prohibition/0/remedy/0",
        ),
    ],
)
def test_a_new_duty_that_nobody_knows_is_no_promise(members: dict[str, Any], place: str) -> None:
    """>> an unknown action as duty, consequence or remedy  << named where it stands."""
    assert compared({}, members) == ("unknown", "term", place)


# ---- duties and remedies


def test_a_duty_that_binds_somebody_may_bind_the_provider() -> None:
    """>> a permission with a new duty, which names who is to do it, or which the provider's plane would do
    << unknown; one of our own that names nobody is only stricter."""

    def owing(duty: dict[str, Any]) -> dict[str, Any]:
        return {"permission": [{"action": "use", "duty": [duty]}]}

    assert compared({}, owing(DELETE)) == SAME
    for duty in (DELETE | {"assignee": "did:web:a"}, {"action": "odrl:anonymize"}):
        assert compared({}, owing(duty)) == ("unknown", "burden", "/permission/0/duty/0")


def test_of_several_weaker_remedies_the_most_promising_is_told() -> None:
    """>> two prohibitions instead of one: a remedy that is another, and the same one but for a named party
    << unknown, because the second may do."""

    def forbidding(*remedies: dict[str, Any]) -> dict[str, Any]:
        return {"prohibition": [{"action": "use", "constraint": [few(3)], "odrl:remedy": [one]} for one in remedies]}

    other, named = DELETE, PAY | {"assignee": "did:web:a"}
    assert compared(forbidding(PAY), forbidding(other))[:2] == ("conflict", "remedy")
    assert compared(forbidding(PAY), forbidding(other, named))[:2] == ("unknown", "remedy")
    assert compared(forbidding(PAY), forbidding(named, other))[:2] == ("unknown", "remedy")


@pytest.mark.parametrize("kind", ["duty", "odrl:consequence"])
def test_duties_count_towards_what_is_too_large(kind: str) -> None:
    """>> as many duties as may be, and one more  << compared, and too large."""

    def owing(count: int) -> dict[str, Any]:
        if kind == "duty":
            return {"permission": [{"action": "use", "duty": [DELETE] * count}]}
        return {"obligation": [DELETE | {"odrl:consequence": [PAY] * (count - 1)}]}

    assert compared({}, owing(RULES - 2)) == SAME
    assert compared({}, owing(RULES - 1)) == ("unknown", "size", "")


def until(year: int) -> dict[str, object]:
    return atom(H + "dueBy", "lt", f"{year}-01-01T00:00:00Z")


def groups(least: int) -> dict[str, object]:
    return atom(H + "kAnonymity", "gteq", str(least))


BEFORE = atom("odrl:dateTime", "lt", "2030-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("offered", "asked", "answer"),
    [
        ([{"and": [until(2028), BEFORE]}], [until(2027), BEFORE], SAME),
        ([{"and": [until(2028)]}], [until(2029)], ("conflict", "obligation", "/obligation/0/constraint/0/and/0")),
        ([until(2028)], [{"and": [until(2027)]}], SAME),
        ([{"or": [until(2028), until(2029)]}], [until(2027)], ("unknown", "obligation", "/obligation/0")),
        ([{"or": [groups(3), BEFORE]}], [], ("unknown", "obligation", "/obligation/0")),
        ([{"or": [groups(5), groups(7)]}], [groups(6)], SAME),
        ([{"or": [groups(5), groups(7)]}], [groups(4)], ("conflict", "obligation", "/obligation/0/constraint/0")),
    ],
)
def test_how_a_duty_is_written_does_not_matter_but_what_it_says(
    offered: list[Any], asked: list[Any], answer: tuple[str, str, str]
) -> None:
    """>> deadlines, parameters and conditions, joined or not  << an outer `and` is a list; a deadline among
    alternatives, or a condition among parameters, is understood by nobody."""
    one, other = ({"obligation": [DELETE | {"constraint": clauses}]} for clauses in (offered, asked))
    assert compared(one, other) == answer


def test_one_duty_that_keeps_it_is_enough() -> None:
    """>> the same duty beside another one, before or after it  << kept."""
    for duties in ([PAY, DELETE], [DELETE, PAY], [PAY, DELETE | {"constraint": [until(2027)]}, DELETE]):
        assert compared({"obligation": [DELETE]}, {"obligation": duties}) == SAME
    assert compared({"obligation": [DELETE]}, {"obligation": [PAY]}) == ("conflict", "obligation", "/obligation/0")


# ---- rules and their surroundings


def test_a_policy_of_a_kind_that_nobody_knows_is_not_understood() -> None:
    """>> a ticket instead of an offer  << unknown, at its type; two tickets say the same."""
    ticket = {"@type": "Ticket"}
    assert compared({}, ticket) == ("unknown", "term", "/@type")
    assert compared(ticket, ticket) == SAME


@pytest.mark.parametrize("more", [{"source": "urn:g", "ex:but": "x"}, {}])
def test_a_collection_that_nobody_knows_makes_the_rule_unknown(more: dict[str, Any]) -> None:
    """>> for members of a collection with another member, or of none that is named  << only the same words keep it."""
    odd = {"permission": [{"action": "use", "assignee": {"@type": "PartyCollection"} | more}]}
    assert compared({}, odd) == ("unknown", "term", "/permission/0")
    assert compared(odd, odd) == SAME


def test_the_asset_of_a_policy_need_not_be_named_and_that_of_a_rule_must() -> None:
    """>> the same asset, once for the whole policy and once in its rule  << the rule is the narrower one."""
    whole, rule = {"target": "urn:x"}, {"permission": [{"action": "use", "target": ["urn:x", "urn:y"]}]}
    one = {"permission": [{"action": "use", "target": "urn:x", "duty": []}], "target": "urn:x"}
    assert compared(whole, rule | whole) == SAME
    assert compared(rule, whole)[:2] == ("conflict", "party")
    assert compared(one, one) == SAME


def test_a_number_below_one_is_no_count() -> None:
    """>> one more use asked for, of data of a resolution below nothing
    << wider all the same: only uses begin with one."""
    small = atom("odrl:resolution", "lt", "-5")
    two, three = ({"permission": [{"action": "use", "constraint": [small, few(most)]}]} for most in (2, 3))
    assert compared(two, three) == ("conflict", "clause", "/permission/0/constraint/1")


def test_the_fewest_uses_of_a_day_count_for_the_month() -> None:
    """>> any number of uses today but two, and at most two this month  << one of each is possible, so it is wider."""

    def windowed(operator: str, right: str, window: str) -> dict[str, Any]:
        return {"and": [atom("odrl:count", operator, right), atom("odrl:timeInterval", "eq", window)]}

    month, day = windowed("lteq", "2", "P1M"), windowed("neq", "2", "P1D")
    asked = {"permission": [{"action": "use", "constraint": [day, month]}]}
    offer = {"permission": [{"action": "use", "constraint": [windowed("gteq", "2", "P1D"), month]}]}
    assert compared(offer, asked) == ("conflict", "clause", "/permission/0/constraint/0/and/0")


def test_an_earlier_permission_of_the_wish_leaves_less_to_the_later() -> None:
    """>> towns are free in both, others owe a duty << what the first permission grants is asked for no duty."""
    town = {"action": "use", "constraint": [atom(H + "participantKind", "eq", H + "municipality")]}
    paying = {"action": "use", "duty": [{"action": "odrl:compensate"}]}
    assert compared({"permission": [town, paying]}, {"permission": [town, paying]}) == SAME
    kept = {"action": "use", "duty": [{"action": "odrl:compensate"}, {"action": "odrl:inform"}]}
    assert compared({"permission": [town, paying]}, {"permission": [town, kept]}) == SAME


def test_somebody_who_may_pay_or_not() -> None:
    """>> towns are free and pay in vain; an offer in which all pay << the wish loses the duty, first for the towns."""
    town = {"action": "use", "constraint": [atom(H + "participantKind", "eq", H + "municipality")]}
    paying = {"action": "use", "duty": [{"action": "odrl:compensate"}]}
    assert compared({"permission": [paying]}, {"permission": [town, paying]})[:2] == ("conflict", "duty")
    assert compared({"permission": [town, paying]}, {"permission": [town, {"action": "use"}]})[:2] == (
        "conflict",
        "duty",
    )
    assert compared({"permission": [paying]}, {"permission": [paying, town]})[:2] == ("conflict", "duty")


def lasting(left: str, operator: str, text: str) -> dict[str, Any]:
    return atom(f"odrl:{left}", operator, text)


def test_bug_more_time_of_use_than_has_passed_was_a_request() -> None:
    """>> only within five days after the agreement, and asked for besides: used for at most six or seven days
    << within the offer: nobody has used for longer than has passed. Five days offered are fewer than six."""
    week = lasting("elapsedTime", "lteq", "P5D")
    within = {"permission": [{"action": "use", "constraint": [week, lasting("meteredTime", "lteq", "P6D")]}]}
    around = {"permission": [{"action": "use", "constraint": [week, lasting("meteredTime", "lteq", "P7D")]}]}
    less = {"permission": [{"action": "use", "constraint": [week, lasting("meteredTime", "lteq", "P4D")]}]}
    assert compared(within, around) == SAME
    assert compared(less, within)[0] == "conflict"


def test_no_time_is_below_nothing() -> None:
    """>> a delay or a time of use of at least nothing, offered; any, asked for  << the same, once a value is known."""
    for left in ("delayPeriod", "meteredTime"):
        offer = {"permission": [{"action": "use", "constraint": [lasting(left, "gteq", "PT0S")]}]}
        asked = {"permission": [{"action": "use", "constraint": [lasting(left, "lteq", "P9D")]}]}
        assert compared(offer, asked) == SAME
        assert compared(asked, offer)[0] == "conflict"
