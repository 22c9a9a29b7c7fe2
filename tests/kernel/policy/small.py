"""A small world in which everything can be tried: few kinds, purposes, groups, days and uses, and every request."""

from collections.abc import Iterator
from itertools import combinations, pairwise, product
from typing import Any

from hypothesis import strategies as st

from connector.kernel.policy.containment.encode import COUNT
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.names import COMPARISONS, MEMBERSHIP
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World

KINDS = [H + "town", H + "county"]
STREETS, ROADS, WATER, ODD = H + "streets", H + "roads", H + "water", "urn:unheard:of"
PURPOSES = [STREETS, ROADS, WATER, ODD]
GROUPS = ["urn:g", "urn:h"]
DAYS = ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]
START, DAY = 1_798_761_600_000, 86_400_000
CLOSURE = Closure(
    {STREETS: frozenset({STREETS, ROADS}), **{iri: frozenset({iri}) for iri in (ROADS, WATER, *KINDS)}},
    {**dict.fromkeys((STREETS, ROADS, WATER), "purposeScheme"), **dict.fromkeys(KINDS, "participantKindScheme")},
)
USE = O + "use"
ACTIONS = [USE, O + "distribute", O + "transfer"]


def worlds() -> Iterator[World]:
    """Every request of the small world."""
    kinds = [None, set(), *({kind} for kind in KINDS), set(KINDS), {"urn:other"}]
    groups = [None, *(set(some) for n in range(4) for some in combinations([*GROUPS, "urn:other"], n))]
    purposes = [(None, None), (None, "contractual"), *((p, "declared") for p in [*PURPOSES, "urn:other"])]
    for kind, group, (purpose, source) in product(kinds, groups, purposes):
        facts = {"participantKind": kind, "memberOf": group}
        known = {H + name: Fact(frozenset(value)) for name, value in facts.items() if value is not None}
        for now, uses in product((START - 1, START, START + 1, START + DAY, START + 2 * DAY), (None, 1, 2, 3, 4)):
            yield World(
                now=now,
                participant="did:web:one",
                facts=known,
                purpose=purpose,
                purpose_source=source,
                uses={} if uses is None else {"": uses},
                closure=CLOSURE,
            )


def _atom(left: str, operators: list[str], rights: Any) -> st.SearchStrategy[dict[str, object]]:
    return st.builds(
        lambda operator, right: {"leftOperand": left, "operator": operator, "rightOperand": right},
        st.sampled_from(operators),
        rights,
    )


def _some(texts: list[str]) -> Any:
    return st.lists(st.sampled_from(texts), min_size=1, max_size=2, unique=True)


ATOMS = st.one_of(
    _atom(H + "participantKind", ["isAnyOf", "isNoneOf"], _some(KINDS)),
    _atom(H + "participantKind", ["eq", "neq"], st.sampled_from(KINDS)),
    _atom(O + "purpose", ["isAnyOf", "isNoneOf", "isPartOf", "hasPart", "isA"], _some(PURPOSES)),
    _atom(O + "purpose", ["eq", "neq", "isPartOf"], st.sampled_from(PURPOSES)),
    _atom(H + "memberOf", ["isAnyOf", "isNoneOf", "isAllOf"], _some(GROUPS)),
    _atom(H + "memberOf", ["eq", "neq"], st.sampled_from(GROUPS)),
    _atom(O + "dateTime", ["lt", "gteq", "gt", "lteq", "eq", "neq"], st.sampled_from(DAYS)),
    _atom(COUNT, ["lt", "lteq", "gt", "gteq", "eq", "neq"], st.sampled_from(["1", "2", "3"])),
)
CLAUSES = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda logic, parts: {logic: parts},
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)


def rules(clauses: Any = CLAUSES, most: int = 2) -> Any:
    rule = st.fixed_dictionaries(
        {"action": st.sampled_from(ACTIONS), "constraint": st.lists(clauses, max_size=2)},
        optional={"assignee": st.sampled_from(["did:web:one", "did:web:two"])},
    )
    return st.lists(rule, max_size=most)


WHO = [None, None, "did:web:one", ["did:web:one", "did:web:two"], ["did:web:two", "did:web:three"]]
POLICIES = st.builds(
    lambda permission, prohibition, conflict, who: parse(
        {"@type": "Set", "permission": permission, "prohibition": prohibition, "conflict": conflict}
        | ({} if who is None else {"assignee": who})
    ),
    rules(),
    rules(most=1),
    st.sampled_from(["perm", "prohibit", "invalid"]),
    st.sampled_from(WHO),
)


def atom(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def every_atom() -> dict[str, list[dict[str, object]]]:
    """By operand: each operator on each value, and where it may on two. (`isA` is read as `isPartOf`.)"""
    found = {}
    for left, values in ((O + "purpose", PURPOSES), (H + "memberOf", GROUPS)):
        found[left] = [
            atom(left, operator, right)
            for operator in sorted(MEMBERSHIP - {"isA"})
            for right in (values if operator in ("eq", "neq") else [*values, *map(list, pairwise(values))])
        ]
    for left, numbers in ((O + "dateTime", DAYS), (COUNT, ["1", "2", "3"])):
        found[left] = [atom(left, operator, right) for operator in sorted(COMPARISONS) for right in numbers]
    return found


def policy(*permission: dict[str, Any], prohibition: Any = (), **more: Any) -> Policy:
    return parse({"permission": list(permission), "prohibition": list(prohibition), **more})


# Duties


def _duty(action: str, *constraint: dict[str, object], **more: Any) -> dict[str, Any]:
    return {"action": action, "constraint": list(constraint), **more}


SUSPEND = {"action": H + "suspendAccess"}
DUTIES = [
    _duty("odrl:inform"),
    _duty("odrl:inform", atom(H + "dueWithin", "lteq", "agreement+P1D")),
    _duty("odrl:inform", atom(H + "dueWithin", "lt", "agreement+P2D"), consequence=[SUSPEND]),
    _duty("odrl:inform", atom(H + "dueWithin", "lt", "agreement+P2D"), consequence=[{"action": "odrl:delete"}]),
    _duty("odrl:inform", atom(H + "dueWithin", "lt", "agreement+P1D"), consequence=[{"action": "odrl:delete"}]),
    _duty("odrl:compensate"),
    _duty("odrl:compensate", atom(O + "payAmount", "gteq", "5")),
    _duty("odrl:compensate", atom(O + "payAmount", "gteq", "10")),
    _duty("odrl:compensate", atom(H + "dueWithin", "lt", "access+P1D")),
    _duty("odrl:compensate", atom(H + "dueWithin", "lt", "access+P2D")),
    _duty("odrl:compensate", atom(O + "purpose", "eq", WATER)),
    _duty("odrl:compensate", {"or": [atom(O + "purpose", "eq", WATER), atom(O + "purpose", "eq", ROADS)]}),
    _duty(H + "suppressCells", atom(H + "kAnonymity", "gteq", "3")),
    _duty(H + "suppressCells", atom(H + "kAnonymity", "gteq", "5")),
]
INFORM, PAY, DELETE = O + "inform", O + "compensate", O + "delete"


def busy_worlds() -> Iterator[World]:
    """Requests before and after deadlines, with what was done and what the plane can do."""
    deeds = [
        (),
        (Deed(action=INFORM, at=START + DAY // 2),),
        (Deed(action=INFORM, at=START + 2 * DAY + 1), Deed(action=DELETE, at=START + 2 * DAY + 2)),
        (Deed(action=INFORM, at=START + DAY + DAY // 2),),
        (Deed(action=DELETE, at=START + DAY + DAY // 2), Deed(action=INFORM, at=START + 2 * DAY + 1)),
        (Deed(action=USE, at=START + 1), Deed(action=PAY, at=START + DAY + DAY // 2)),
        (Deed(action=O + "distribute", at=START + 1), Deed(action=INFORM, at=START + DAY // 2)),
    ]
    paid = [(), *((Deed(action=PAY, at=START, values={O + "payAmount": n * 1_000_000}),) for n in (4, 7, 10))]
    for done, pay, purpose in product(deeds, paid, (None, WATER, ROADS, STREETS)):
        for now, can in product((START + DAY, START + 3 * DAY), (frozenset(), frozenset({H + "suppressCells"}))):
            yield World(
                now=now,
                participant="did:web:one",
                action=USE,
                purpose=purpose,
                agreement_at=START,
                can=can,
                purpose_source="declared" if purpose else None,
                deeds=(*done, *pay),
                closure=CLOSURE,
            )


def _bound(duties: list[dict[str, Any]]) -> st.SearchStrategy[Policy]:
    """Policies with some of these duties, each in any place."""
    some, purposes = st.sampled_from(duties), _atom(O + "purpose", ["eq", "neq"], st.sampled_from([WATER, ROADS]))
    permission = st.fixed_dictionaries(
        {"action": st.just("use"), "duty": st.lists(some, max_size=2)},
        optional={"constraint": st.lists(purposes, max_size=1)},
    )
    prohibition = st.fixed_dictionaries(
        {"action": st.just("odrl:distribute"), "remedy": st.lists(st.just(SUSPEND) | some, max_size=2)},
        optional={"constraint": st.lists(purposes, max_size=1)},
    )
    return st.builds(
        lambda permission, prohibition, obligation: parse(
            {"permission": permission, "prohibition": prohibition, "obligation": obligation, "conflict": "perm"}
        ),
        st.lists(permission, min_size=1, max_size=2),
        st.lists(prohibition, max_size=1),
        st.lists(some, max_size=1),
    )


PAIRS = st.lists(st.sampled_from(DUTIES), min_size=1, max_size=3).flatmap(
    lambda duties: st.tuples(_bound(duties), _bound(duties))
)
"""Two policies with some of the same duties."""
