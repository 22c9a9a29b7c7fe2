"""Whether anybody could be permitted anything: shown by a request, refused with the reason (spec/policy.md 5.2)."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.concepts import vocabulary
from connector.data.catalogue.templates.templates import sample, template, templates
from connector.kernel.policy.conflict.conflict import contradictions
from connector.kernel.policy.conflict.model import HINDRANCES, Means
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from tests.fuzz.effort import amount
from tests.kernel.policy.cases import atom
from tests.kernel.policy.filled import NOW
from tests.kernel.policy.worlds import CLOSURE, POLICIES

ENGINE = policy_engine()
LATER = {5: "unsupplied", 7: "untreated", 8: "unsupplied", 13: "unsupplied", 14: "unsupplied", 17: "unsupplied"}
"""Templates that wait for credentials, event feeds or treatments which this installation does not have."""


@pytest.mark.parametrize("number", range(1, 18))
def test_templates_that_could_permit_nobody_here_are_named_with_the_reason(number: int) -> None:
    """>> each template with samples in its slots  << refused exactly where nobody could ever be let in."""
    chosen = next(one for one in templates() if one.number == number)
    found = [one.fault for one in ENGINE.contradictions(sample(chosen), now=NOW)]
    assert found == ([LATER[number]] if number in LATER else [])


def faults(document: dict[str, Any], means: Means) -> list[tuple[str, str]]:
    found = contradictions(parse(document), vocabulary().closure, now=NOW, means=means)
    return [(one.fault, one.pointer) for one in found]


def use(*constraints: object, **more: object) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints), **more}]}


ROLE = atom(H + "role", "eq", H + "emergencyService")
KIND = atom(H + "participantKind", "eq", H + "municipality")
HERE = Means(frozenset({H + "participantKind", O + "dateTime", O + "count"}), frozenset({O + "anonymize"}))
CONSTRAINT = "/permission/0/constraint/0"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (use(ROLE), [("unsupplied", CONSTRAINT)]),
        (use({"or": [ROLE, KIND]}), []),
        (use({"and": [KIND, ROLE]}), [("unsupplied", CONSTRAINT + "/and/1")]),
        (use(atom(H + "role", "isNoneOf", [H + "emergencyService"])), [("unsupplied", CONSTRAINT)]),
        (use(duty={"action": "odrl:anonymize"}), []),
        (use(duty={"action": H + "suppressCells"}), [("untreated", "/permission/0/duty/0")]),
        (use(duty={"action": H + "suppressCells", "constraint": KIND}), []),
        (use(duty={"action": "odrl:compensate"}), []),
        ({"permission": [*use(ROLE)["permission"], *use(KIND)["permission"]]}, []),
        (
            use() | {"prohibition": [{"action": "use", "constraint": ROLE}], "odrl:conflict": "odrl:prohibit"},
            [("unsupplied", "/prohibition/0/constraint/0")],
        ),
        (
            use()
            | {"prohibition": [{"action": "odrl:distribute", "constraint": ROLE}], "odrl:conflict": "odrl:prohibit"},
            [],
        ),
        (use(atom("odrl:dateTime", "gteq", "2090-01-01")), []),
        (use(atom("odrl:count", "lteq", "3")), []),
    ],
)
def test_what_this_house_cannot_know_or_do_lets_nobody_in(
    document: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """>> an operand without a source, a treatment without a plane << refused, unless another way remains."""
    assert faults(document, HERE) == expected
    assert faults(document, Means()) == []


def test_publishing_says_why_in_both_languages() -> None:
    """>> the template for disasters  << which value has no source here."""
    (found,) = ENGINE.contradictions(sample(template("disaster")), now=NOW)
    assert "Für „Stand des Ereignisses ist genau andauernd“ gibt es hier keine Quelle" in found.reasons["de"]
    assert "there is no source here that vouches for its value" in found.reasons["en"]


@settings(max_examples=amount(60, 200), deadline=None, suppress_health_check=list(HealthCheck))
@given(document=POLICIES)
def test_whatever_policy_the_question_ends_with_an_answer(document: dict[str, Any]) -> None:
    """Random policies: never an error, and a hindrance is told alone or not at all."""
    found = [one.fault for one in contradictions(parse(document), CLOSURE, now=NOW, means=HERE)]
    assert not HINDRANCES & set(found) or len(found) == 1


GROUPS = [f"https://space.example/groups/{name}" for name in ("empty", "full")]
NAMES = {H + "memberOf": frozenset({GROUPS[1]}), H + "participant": frozenset({"did:web:a.example"})}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (use(atom(H + "memberOf", "eq", GROUPS[0])), [("unheld", CONSTRAINT)]),
        (use(atom(H + "memberOf", "isAnyOf", GROUPS)), []),
        (use(atom(H + "memberOf", "isAllOf", GROUPS)), [("unheld", CONSTRAINT)]),
        (use(atom(H + "memberOf", "isAllOf", GROUPS[1:])), []),
        (use(atom(H + "memberOf", "isNoneOf", [GROUPS[0]])), []),
        (use(atom(H + "participant", "isAnyOf", ["did:web:b.example"])), [("unheld", CONSTRAINT)]),
        (use({"or": [atom(H + "memberOf", "eq", GROUPS[0]), KIND]}), []),
        (use({"or": [atom(H + "memberOf", "eq", name) for name in GROUPS]}), []),
        (use({"and": [KIND, atom(H + "memberOf", "eq", GROUPS[0])]}), [("unheld", CONSTRAINT + "/and/1")]),
        (
            {
                "permission": [{"action": "use"}],
                "prohibition": [{"action": "use", "constraint": atom(H + "memberOf", "eq", GROUPS[0])}],
                "odrl:conflict": "odrl:prohibit",
            },
            [],
        ),
    ],
    ids=str,
)
def test_a_rule_may_name_only_whom_there_is(document: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """>> a group without members, a DID that is on no list << nobody; >> beside one that is there << somebody."""
    assert faults(document, Means(held=NAMES)) == expected
    assert faults(document, Means()) == []


def test_a_rule_that_leaves_one_participant_out_can_be_used_by_others() -> None:
    assert faults(use(atom(H + "participant", "neq", "did:web:a.example")), Means()) == []
