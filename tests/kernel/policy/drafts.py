"""Policies as Hypothesis makes them: every construct of the profile, understood and not, in the shapes of the wire."""

from typing import Any

from hypothesis import strategies as st

H = "https://w3id.org/hanse/v1#"
DAY, EARLIER, LATER = "2027-06-30", "2026-01-01T00:00:00+01:00", "2028-01-01T00:00:00+01:00"


def atom(left: str, operator: str, right: object, **more: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


KNOWN = [
    atom(H + "participantKind", "isAnyOf", [H + "county", H + "municipality"]),
    atom(H + "memberOf", "eq", "urn:ikz"),
    atom("odrl:purpose", "isPartOf", H + "operations"),
    atom("odrl:dateTime", "lt", LATER),
    atom("odrl:dateTime", "lt", EARLIER),
    atom("odrl:dateTime", "gteq", LATER),
    atom("odrl:dateTime", "lteq", DAY),
    atom("odrl:elapsedTime", "lteq", "PT5S"),
    atom("odrl:count", "lteq", "3"),
    atom(H + "avvHash", "eq", "abc"),
]
STRANGE = [
    atom("partner", "eq", "gold"),
    atom("odrl:count", "lteq", "viele"),
    atom(H + "participantKind", "eq", H + "county") | {"ex:unless": "x"},
    {"@id": "urn:constraint"},
]
WAYS = [
    atom(H + "dueBy", "lt", LATER),
    atom(H + "dueWithin", "lteq", "agreementEnd+P30D"),
    atom(H + "kAnonymity", "gteq", "3"),
    atom(H + "dueBy", "eq", "bald"),
]
ACTIONS = ["use", "odrl:distribute", H + "aiTraining", "ex:fly"]
DUTIES = ["odrl:delete", "odrl:compensate", "odrl:anonymize", H + "suspendAccess", H + "log", "ex:dance"]

leaves = st.sampled_from(KNOWN) | st.sampled_from(KNOWN + STRANGE)
clauses = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda operator, parts: {operator: parts},
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
whom = st.sampled_from(["did:web:firm", "did:web:other"]) | st.builds(
    lambda parts: {"@type": "PartyCollection", "source": "urn:ikz", "refinement": parts},
    st.lists(leaves, max_size=2),
)


def few(of: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=most)


def duty(consequences: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "action": st.sampled_from(DUTIES),
            "constraint": few(st.sampled_from(WAYS) | clauses),
            "odrl:consequence": consequences,
        }
    )


duties = duty(few(duty(st.just([])), 1))
plain_rules = st.fixed_dictionaries({"action": st.sampled_from(ACTIONS), "constraint": few(clauses, 3)})
permissions = st.fixed_dictionaries(
    {"action": st.sampled_from(ACTIONS), "constraint": few(clauses, 3), "duty": few(duties, 1)},
    optional={"assignee": whom, "ex:odd": st.just("x")},
)
prohibitions = st.fixed_dictionaries(
    {"action": st.sampled_from(ACTIONS), "constraint": few(clauses), "odrl:remedy": few(duties, 1)},
    optional={"assignee": whom},
)
policies = st.fixed_dictionaries(
    {
        "permission": few(permissions),
        "prohibition": few(prohibitions),
        "obligation": few(duties, 1),
        "odrl:conflict": st.sampled_from(["prohibit", "perm", "invalid"]).map(lambda word: {"@id": "odrl:" + word}),
    },
    optional={"profile": st.sampled_from(["https://w3id.org/hanse/v1", "urn:other"]), "ex:member": st.just("x")},
)
"""Whole policies of the wire."""

MET = [KNOWN[0], KNOWN[3], KNOWN[6], KNOWN[8], {"or": [KNOWN[0], KNOWN[1]]}, {"and": [KNOWN[3], KNOWN[8]]}]
"""Clauses that a county meets with its first use today."""
granting = st.fixed_dictionaries(
    {
        "permission": st.lists(
            st.fixed_dictionaries(
                {
                    "action": st.just("use"),
                    "constraint": few(st.sampled_from(MET) | leaves),
                    "duty": few(duties | st.just({"action": "odrl:anonymize"}), 1),
                }
            ),
            min_size=1,
            max_size=3,
        ),
        "prohibition": few(prohibitions, 1),
        "odrl:conflict": st.sampled_from(["prohibit", "perm"]).map(lambda word: {"@id": "odrl:" + word}),
    }
)
"""Policies about use that often permit it."""
