"""Policies of somebody who wants more than they say: the answer of each was written down before it was asked."""

from typing import Any

import pytest

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.answers import ALICE, CITY, COUNTY, NOON, X
from tests.kernel.dialects.outsiders import ODRL_CONTEXT

DAY = 86_400_000
KEYS = frozenset({"05", "055", "05515", "055150000", "055150000000"})
WORLD = World(
    now=NOON,
    participant=ALICE,
    action=O + "use",
    target=X,
    uses={"": 2},
    agreement_at=NOON - 3 * DAY,
    closure=vocabulary().closure,
    facts={
        H + "participantKind": Fact(frozenset({CITY}), "verified-credential"),
        H + "memberOf": Fact(frozenset({"urn:g:1"}), "verified-credential"),
        H + "regionalKey": Fact(KEYS, "verified-credential"),
    },
)
USE = {"action": "use"}
OPEN = {"@type": "Set", "permission": [USE]}
FORBIDDEN = {**OPEN, "conflict": "odrl:prohibit"}


def clause(left: str, operator: str, right: Any, **more: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


def only(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "Set", "permission": [{**USE, "constraint": list(clauses)}]}


def owed(due: str) -> dict[str, Any]:
    duty = {"action": "odrl:delete", "constraint": [clause(H + "dueWithin", "lteq", due)]}
    return {"@type": "Set", "permission": [{**USE, "duty": [duty]}]}


def under(declared: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {"@context": [ODRL_CONTEXT, declared], **document}


KIND = H + "participantKind"
FOR_COUNTIES = only(clause(KIND, "eq", COUNTY))
LISTED = f"odrl:leftOperand <{KIND}> ; odrl:operator odrl:isAnyOf ; odrl:rightOperand"
BOXED = {"@context": {"constraint": None}}
NO: dict[str, Any] = {
    "a nest that holds a prohibition": under({"box": "@nest"}, {**OPEN, "box": {"prohibition": [USE]}}),
    "a prohibition in what is included": {
        "@context": ODRL_CONTEXT,
        "@id": "urn:p",
        **OPEN,
        "@included": [{"@id": "urn:p", "prohibition": [USE]}],
    },
    "a term that takes the conditions with it": under({"permission": {"@id": O + "permission", **BOXED}}, FOR_COUNTIES),
    "a class that makes prohibitions notes": under(
        {"Set": {"@id": O + "Set", "@context": {"prohibition": "https://example.org/x"}}},
        {**OPEN, "prohibition": [USE]},
    ),
    "a map of languages": under(
        {"rightOperand": {"@id": O + "rightOperand", "@container": "@language"}}, only(clause(KIND, "eq", {"de": CITY}))
    ),
    "a list within JSON": {
        "@context": ODRL_CONTEXT,
        **only(clause(KIND, "isAnyOf", {"@value": [CITY], "@type": "@json"})),
    },
    "words of another vocabulary": {"@context": {"@vocab": "https://example.org/"}, **OPEN},
    "a prohibition of https": {**OPEN, "https://www.w3.org/ns/odrl/2/prohibition": [USE]},
    "a prohibition with a blank of no width": {**OPEN, "prohib\u200bition": [USE]},
    "a prohibition in capitals": {**OPEN, "Prohibition": [USE]},
    "a list without an end": f"{LISTED} [ rdf:first <{CITY}> ]",
    "a list that is its own rest": (
        f"{LISTED} _:l ] ] . _:l rdf:first <{CITY}> ; rdf:rest _:l . ex:a ex:b [ ex:c [ ex:d ex:e"
    ),
    "a comparison beside a connective": only({"or": [clause(KIND, "eq", CITY)], **clause(KIND, "eq", COUNTY)}),
    "one connective in two spellings": only(
        {"or": [clause(KIND, "eq", CITY)], "odrl:or": [clause(KIND, "eq", COUNTY)]}
    ),
    "a digit in percent": only(clause(H + "memberOf", "isNoneOf", ["urn:g:%31"])),
    "a scheme in capitals": only(clause(H + "memberOf", "isNoneOf", ["URN:g:1"])),
    "a name that reads backwards": only(clause(H + "memberOf", "isNoneOf", ["urn:g:1\u202e"])),
    "digits of another script": only(clause("odrl:dateTime", "lt", "٢٠٣٠-01-01T00:00:00Z")),
    "a leap second": only(clause("odrl:dateTime", "lt", "2030-12-31T23:59:60Z")),
    "a year as a date": only(clause("odrl:dateTime", "lt", {"@value": "2030-01-01", "@type": "xsd:gYear"})),
    "a number with an exponent": only(clause("odrl:count", "lteq", "1e9")),
    "a number that no double holds": only(clause("odrl:count", "lteq", "9007199254740993")),
    "a deadline in months": owed("agreement+P1M"),
    "a deadline before its beginning": owed("agreement-P1D"),
    "a deadline of a day that nobody knows": owed("birthday+P900D"),
    "half a key": only(clause(H + "regionalKey", "isAnyOf", "0551")),
    "outside of the county, as a permission": only(clause(H + "regionalKey", "isNoneOf", "05515")),
}
YES: dict[str, Any] = {
    "a prohibition outside of the county": {
        **FORBIDDEN,
        "prohibition": [{**USE, "constraint": [clause(H + "regionalKey", "isNoneOf", "05515")]}],
    },
    "a prohibition of which one part is no": {
        **FORBIDDEN,
        "prohibition": [{**USE, "constraint": [{"and": [clause("urn:mood", "eq", "x"), clause(KIND, "eq", COUNTY)]}]}],
    },
    "one yes beside what nobody knows": only({"or": [clause("urn:mood", "eq", "x"), clause(KIND, "eq", CITY)]}),
    "a list of one": f"{LISTED} ( <{CITY}> )",
    "a deadline to come": owed("agreement+P10D"),
}


def permitted(policy: Any) -> bool:
    try:
        read = read_rdf(_turtle(policy)) if isinstance(policy, str) else read_json(policy)
        programs = [compile(parse(one.document)) for one in read]
    except (Malformed, PolicyError):
        return False
    return any(program.verdict(WORLD, "access").permit for program in programs)


def _turtle(constraint: str) -> bytes:
    prefixes = {"odrl": O, "ex": "https://example.org/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    head = "".join(f"@prefix {name}: <{iri}> . " for name, iri in prefixes.items())
    rule = f"[ odrl:action odrl:use ; odrl:constraint [ {constraint} ] ]"
    return f"{head}<urn:p> a odrl:Set ; odrl:permission {rule} .".encode()


@pytest.mark.threat("T63")
@pytest.mark.parametrize("case", NO)
def test_what_only_looks_like_a_permission_permits_nothing(case: str) -> None:
    assert not permitted(NO[case])


@pytest.mark.parametrize("case", YES)
def test_what_is_odd_but_clear_permits(case: str) -> None:
    """The world of these tests can permit: what the others refuse is refused for what stands there."""
    assert permitted(YES[case])
