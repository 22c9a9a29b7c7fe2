"""Random policies of any form, for properties of all readers: `POLICY` is plain JSON, `several` writes values beside
each other and as lists."""

from typing import Any

from hypothesis import strategies as st

from tests.kernel.dialects.answers import ALICE, BOB, CITY, COUNTY, SKOS, TITLE, TOWNS, XSD, O, X, Y, literal
from tests.kernel.dialects.notations import EX
from tests.kernel.dialects.outsiders import H

WHEN = st.sampled_from(
    ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00", literal("2030-01-01T00:00:00Z", type=XSD + "dateTime")]
)
NUMBER = st.sampled_from(["1", "3", literal("3", type=XSD + "integer"), literal("3", type=EX + "number"), "viele"])
KIND = st.sampled_from(
    [
        CITY,
        COUNTY,
        {"@id": CITY},
        {"@id": COUNTY},
        literal("Stadt", language="de"),
        {},
        {EX + "a": "b"},
        {"@id": CITY, TITLE: "Stadt"},
        {"@id": CITY, "@type": SKOS + "Concept", SKOS + "prefLabel": "Stadt"},
        {"@id": COUNTY, EX + "but": "sundays"},
    ]
)
WORTH = st.one_of(WHEN, NUMBER, KIND)
COMPARED = st.sampled_from(
    [
        *("eq", "neq", "lt", "lteq", "gt", "gteq", "isAnyOf", "isNoneOf", "isAllOf", "isPartOf", "isA"),
        {"@id": O + "gteq", TITLE: "mindestens"},
        {"@id": O + "isA", EX + "but": "sundays"},
    ]
)


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    many = st.lists(one, min_size=2, max_size=3)
    return st.one_of(one, many, many.map(lambda values: {"@list": values}), st.just({"@list": []}))


def atom(left: Any, right: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = {"leftOperand": st.just(left), "operator": COMPARED, "rightOperand": right}
    return st.fixed_dictionaries(members, optional={"@type": st.sampled_from(["Constraint", "Permission"])})


ATOM = st.one_of(
    atom("odrl:dateTime", WHEN),
    atom("odrl:dateTime", WHEN),
    atom("odrl:count", NUMBER),
    atom({"@id": O + "count", TITLE: "Zahl"}, NUMBER),
    atom({"@id": O + "dateTime", EX + "but": "sundays"}, WHEN),
    atom(H + "participantKind", several(KIND)),
    atom("odrl:purpose", several(st.sampled_from([H + "research", H + "statistics", {"@id": H + "research"}]))),
    atom(EX + "mood", WORTH),
)
CLAUSE = st.recursive(
    ATOM,
    lambda inner: st.builds(
        lambda name, clauses: {name: clauses},
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
CLAUSES = st.lists(CLAUSE, max_size=2).map(lambda found: {"constraint": found} if found else {})
ACTION = st.sampled_from(
    [
        "use",
        "odrl:use",
        "odrl:print",
        "odrl:sell",
        EX + "dream",
        {"@id": O + "use"},
        {"value": "odrl:print", "refinement": [{"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]},
        {"@id": O + "print", "refinement": [{"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}]},
        {"http://purl.org/dc/terms/subject": {"@id": EX + "s"}},
        {},
    ]
)
SUBJECT = {"http://purl.org/dc/terms/subject": {"@id": EX + "s"}}


def whom(kind: str, *names: str) -> st.SearchStrategy[Any]:
    shapes: list[Any] = [*names, {"@id": names[0]}, {"@id": names[0], "http://purl.org/dc/terms/title": "Titel"}]
    shapes += [SUBJECT, {}, {"@id": names[0], **SUBJECT}, {"@id": names[0], EX + "role": "admin"}]
    shapes += [{"@id": names[0], "odrl:partOf": {"@id": TOWNS}}, {"@id": names[0], "@type": "Permission"}]
    shapes += [{"@id": TOWNS, "@type": kind}, {"@type": kind, "odrl:source": TOWNS}, literal(names[0], language="de")]
    shapes += [TOWNS, {"@id": names[0], "dct:isPartOf": {"@id": TOWNS}}]
    return several(st.sampled_from(shapes))


PARTIES, ASSETS = whom("PartyCollection", ALICE, BOB), whom("AssetCollection", X, Y)
COMMON = {"assignee": PARTIES, "target": ASSETS, "assigner": PARTIES}
TYPES = st.sampled_from(["Permission", "Prohibition", "Duty", ["Permission", "Prohibition"], EX + "Rule"])


def rule(more: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.fixed_dictionaries({"action": ACTION}, optional={**COMMON, "@type": TYPES, **more})
    return st.builds(lambda made, found: {**made, **found}, members, CLAUSES)


DONE = st.fixed_dictionaries({"action": st.sampled_from(["odrl:attribute", "odrl:compensate", EX + "sing", {}])})
DUTY = st.builds(
    lambda duty, found, then: {**duty, **found, **({"consequence": then} if then else {})},
    DONE,
    CLAUSES,
    st.lists(DONE, max_size=1),
)
ID = {"@id": st.sampled_from(["urn:rule:", "urn:rule:", "_:rule"])}
SPOKEN_OF = st.sampled_from(["urn:policy", "urn:rule:1", "_:rule1", ALICE, X, O + "use", O + "count", O + "lt", CITY])
BESIDE = st.builds(lambda name, more: {"@id": name, **more}, SPOKEN_OF, st.sampled_from([{}, {EX + "but": "sundays"}]))
"""What a note says of something that has its name elsewhere in the policy."""


def numbered(document: dict[str, Any]) -> dict[str, Any]:
    """Rules with names have one each."""
    number = 0
    for kind in ("permission", "prohibition"):
        for one in document.get(kind, []):
            number += 1
            if "@id" in one:
                one["@id"] += str(number)
    return document


POLICY = st.fixed_dictionaries(
    {
        "@type": st.sampled_from(["Set", "Agreement", "Offer", ["Offer", "Agreement"], ["Set", "Policy"], "Ticket"]),
        "permission": st.lists(rule({"duty": st.lists(DUTY, min_size=1, max_size=2), **ID}), min_size=1, max_size=2),
    },
    optional={
        "@id": st.just("urn:policy"),
        "prohibition": st.lists(rule({"remedy": st.lists(DUTY, min_size=1, max_size=1), **ID}), min_size=1, max_size=2),
        "obligation": st.lists(DUTY, min_size=1, max_size=1),
        "conflict": st.sampled_from(["perm", "odrl:prohibit", "invalid", EX + "dice"]),
        "profile": st.sampled_from(
            ["https://w3id.org/hanse/v1", EX + "profile", {"@id": EX + "profile", EX + "a": "b"}]
        ),
        "inheritFrom": st.just("urn:other"),
        "http://purl.org/dc/terms/isReplacedBy": st.just({"@id": "urn:newer"}),
        "http://purl.org/dc/terms/title": st.just("Titel"),
        "http://purl.org/dc/terms/relation": BESIDE,
        **COMMON,
    },
).map(numbered)
