"""Policies with every construct that is evaluated, and worlds that know much, little, or nonsense."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741
NOW, DAY = 1_795_000_000_000, 86_400_000
TOWN = "did:web:town"


def at(ms: int) -> str:
    """An instant as a policy writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def atom(left: str, operator: str, right: object, **more: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


KIND = atom(H + "participantKind", "isAnyOf", [H + "municipality", H + "county"])
PURPOSE = atom("odrl:purpose", "isPartOf", H + "operations")
COUNT = atom("odrl:count", "lteq", "2")
DAILY = {"and": [COUNT, atom("odrl:timeInterval", "eq", "P1D")]}
ELAPSED = atom("odrl:elapsedTime", "lteq", "P2D")
UNTIL, FROM = atom("odrl:dateTime", "lt", at(NOW + DAY)), atom("odrl:dateTime", "gteq", at(NOW + 2 * DAY))
TODAY = atom("odrl:dateTime", "eq", at(NOW)[:10])
NOT_TODAY = atom("odrl:dateTime", "neq", at(NOW)[:10])
SIZE = atom("odrl:absoluteSize", "lteq", "1.5", unit="urn:mb")
ODD = atom("partner", "eq", "gold")
ATOMS = [KIND, PURPOSE, COUNT, DAILY, ELAPSED, UNTIL, FROM, TODAY, NOT_TODAY, SIZE, ODD, {"@id": "urn:c"}]
ATOMS += [atom(H + "memberOf", "isNoneOf", "urn:ikz"), atom("odrl:spatial", "hasPart", H + "operations")]
ATOMS += [UNTIL | {"ex:unless": "x"}]

CLAUSES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(
        lambda name, clauses, more: {name: clauses} | more,
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(inner, min_size=1, max_size=4),
        st.sampled_from([{}] * 9 + [{"ex:more": "x"}]),
    ),
    max_leaves=8,
)
_SOME = st.lists(CLAUSES, max_size=2)
_WHOM = st.sampled_from(
    [
        *([None] * 4),
        TOWN,
        "did:web:other",
        {"@type": "PartyCollection", "source": "urn:towns", "refinement": [KIND]},
        {"@type": "PartyCollection", "source": "urn:towns"},
        {"@type": "PartyCollection", "source": "urn:strangers"},
        {"@type": "PartyCollection"},
    ]
)
_LIMITS = [
    atom(H + "dueBy", "lt", at(NOW - DAY)),
    atom(H + "dueBy", "lteq", at(NOW + DAY)[:10]),
    *(
        atom(H + "dueWithin", "lteq", f"{anchor}+P1D")
        for anchor in ("agreement", "agreementEnd", "access", "violation")
    ),
    atom(H + "dueWithin", "lt", "firstAccess+PT1H"),
    atom(H + "dueBy", "lt", "soon"),
    atom(H + "kAnonymity", "gteq", "3"),
    atom("odrl:payAmount", "gteq", "5", unit="EUR"),
    UNTIL,
    FROM,
    ODD,
]
_DOINGS = ["odrl:compensate", "odrl:delete", "odrl:inform", "odrl:anonymize", H + "suppressCells", "ex:dance"]


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, [])}


DUTIES = st.recursive(
    st.fixed_dictionaries(
        {"action": st.sampled_from(_DOINGS), "constraint": st.lists(st.sampled_from(_LIMITS), max_size=2)}
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "action": st.sampled_from(_DOINGS),
            "constraint": st.lists(st.sampled_from(_LIMITS), max_size=2),
            "odrl:consequence": st.lists(st.one_of(inner, st.just({"action": H + "suspendAccess"})), max_size=2),
        }
    ),
    max_leaves=3,
).map(_without_none)
_ACTIONS = st.sampled_from(
    [
        *("use", "use", "odrl:distribute", "odrl:sell", "odrl:print", "ex:fly"),
        {"value": "use", "refinement": [KIND]},
        {"value": "odrl:distribute", "refinement": [PURPOSE]},
    ]
)
PERMISSIONS = st.fixed_dictionaries(
    {
        "action": _ACTIONS,
        "constraint": _SOME,
        "duty": st.lists(DUTIES, max_size=2),
        "assignee": _WHOM,
        "target": st.sampled_from([None, None, "urn:trees", {"@type": "AssetCollection", "source": "urn:greens"}]),
        "ex:unless": st.sampled_from([None] * 9 + ["x"]),
    }
).map(_without_none)
PROHIBITIONS = st.fixed_dictionaries(
    {
        "action": _ACTIONS,
        "constraint": _SOME,
        "odrl:remedy": st.lists(st.one_of(DUTIES, st.just({"action": H + "suspendAccess"})), max_size=2),
        "assignee": _WHOM,
    }
).map(_without_none)
POLICIES = st.fixed_dictionaries(
    {
        "@type": st.sampled_from(["Set", "Set", "Set", "Offer", "Policy", "Ticket"]),
        "permission": st.lists(PERMISSIONS, max_size=3),
        "prohibition": st.lists(PROHIBITIONS, max_size=2),
        "obligation": st.lists(DUTIES, max_size=2),
        "odrl:conflict": st.sampled_from(["odrl:prohibit", "odrl:perm", "odrl:invalid", None]),
        "assignee": st.sampled_from([None, None, TOWN, "did:web:other"]),
        "odrl:inheritFrom": st.sampled_from([None] * 9 + ["urn:parent"]),
    }
).map(_without_none)

CLOSURE = Closure(
    {
        H + "winterService": frozenset({H + "winterService", H + "operations"}),
        H + "operations": frozenset({H + "operations"}),
        **{H + name: frozenset({H + name}) for name in ("research", "municipality", "county", "company")},
    }
)


def _fact(*values: object) -> st.SearchStrategy[Any]:
    sources = st.sampled_from(["measured", "verified-credential", "declared"])
    return st.builds(
        Fact, st.sampled_from(values), sources, st.sampled_from(["", "vc:1"]), st.sampled_from(["", "urn:mb"])
    )


def _texts(*texts: str) -> frozenset[str]:
    return frozenset(texts)


_FACTS = st.fixed_dictionaries(
    {},
    optional={
        H + "participantKind": _fact(None, _texts(H + "municipality"), _texts(H + "company"), 7),
        H + "memberOf": _fact(None, _texts(), _texts("urn:ikz"), _texts("urn:a", "urn:ikz")),
        O + "absoluteSize": _fact(None, 1_000_000, 9_000_000, True, _texts("x")),
        O + "spatial": _fact(None, _texts(H + "operations"), _texts("EU")),
    },
)
_TIMES = st.sampled_from([None, NOW - 3 * DAY, NOW - DAY, NOW, NOW + DAY])
_DEEDS = st.builds(
    Deed,
    action=st.sampled_from([O + "compensate", O + "delete", O + "use", O + "distribute", "ex:dance", O + "print"]),
    at=st.sampled_from([NOW - 3 * DAY, NOW - DAY - 1, NOW - DAY, NOW - 1, NOW, NOW + 1]),
    party=st.sampled_from(["", TOWN]),
    rule=st.sampled_from(["", "", "/obligation/0", "/prohibition/0"]),
    values=st.sampled_from([{}, {H + "kAnonymity": 5}, {O + "payAmount": 6_000_000, H + "currency": _texts("EUR")}]),
)
WORLDS = st.builds(
    World,
    now=st.sampled_from([NOW, NOW, NOW + 2 * DAY, 0, -(10**18), 10**18]),
    participant=st.just(TOWN),
    action=st.sampled_from(["", "", O + "use", O + "distribute", O + "sell", "ex:fly"]),
    target=st.sampled_from(["", "urn:trees", "urn:graves"]),
    facts=_FACTS,
    parties=st.sampled_from([_texts(), _texts("urn:towns")]),
    assets=st.sampled_from([_texts(), _texts("urn:greens")]),
    purpose=st.sampled_from([None, H + "winterService", H + "research", "urn:new"]),
    purpose_source=st.sampled_from([None, "declared", "contractual"]),
    agreement_at=_TIMES,
    agreement_end=_TIMES,
    first_access=_TIMES,
    uses=st.sampled_from([{}, {"": 1}, {"": 3, "P1D": 1}, {"": 2, "P1D": 9, "P1M": 9}]),
    deeds=st.lists(_DEEDS, max_size=4).map(tuple),
    can=st.sampled_from([_texts(), _texts(O + "anonymize"), _texts(O + "anonymize", H + "suppressCells")]),
    closure=st.just(CLOSURE),
)
