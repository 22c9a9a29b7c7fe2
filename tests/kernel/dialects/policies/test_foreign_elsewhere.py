"""What a document says elsewhere about a party, an asset or an action counts alike in plain JSON and in RDF (0043)."""

import json
from itertools import product
from typing import Any

import pyoxigraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.protocol.shape import Malformed
from tests.kernel.dialects.answers import ALICE, BOB, TITLE, TOWNS, Answer, X, Y, answers, worlds
from tests.kernel.dialects.notations import CONTEXTS, EX, _compacted, _loaded, expanded
from tests.kernel.dialects.spellings import options

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
COUNT = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "1"}
FREE: dict[str, Any] = {"@id": "urn:p", "@type": "Set", "permission": [{"action": "use"}]}


def forbidding(**rule: Any) -> dict[str, Any]:
    return {**FREE, "odrl:conflict": "odrl:prohibit", "prohibition": [{"action": "use", **rule}]}


def allowing(**rule: Any) -> dict[str, Any]:
    return {**FREE, "permission": [{"action": "use", **rule}]}


def turtle(documents: list[Any]) -> bytes:
    quads = jsonld.to_rdf(documents, {**options(_loaded), "format": "application/n-quads"})
    triples = [quad.triple for quad in pyoxigraph.parse(quads.encode(), format=pyoxigraph.RdfFormat.N_QUADS)]
    return bytes(pyoxigraph.serialize(triples, format=pyoxigraph.RdfFormat.TURTLE) or b"")


def every(policy: dict[str, Any], *beside: dict[str, Any]) -> Answer:
    """What plain JSON (in three arrangements), expanded and compacted JSON-LD and Turtle answer: one answer."""
    plain = json.loads(json.dumps([policy, *beside]))
    full = [expanded(one) for one in plain]
    readers = [
        lambda: read_json(plain),
        lambda: read_json(plain[::-1]),
        lambda: read_json({"@graph": plain}),
        lambda: read_json(full),
        lambda: read_json([_compacted(one, CONTEXTS["prefixes"]) for one in full]),
        lambda: read_rdf(turtle(full)),
    ]
    found: list[Answer] = []
    for reader in readers:
        try:
            found.append(answers([one.document for one in reader()], worlds()))
        except Malformed:
            found.append("refused")
    assert len(set(found)) == 1, found
    return found[0]


REFINED = {"@id": TOWNS, "odrl:source": EX + "all", "odrl:refinement": [COUNT]}


@pytest.mark.threat("T63")
@pytest.mark.parametrize("place", ["target", "assignee"])
def test_bug_a_collection_that_is_described_elsewhere_was_a_mere_name_in_plain_json(place: str) -> None:
    """>> a prohibition about C; beside the policy: C has a source, a refinement << its members may be meant, nobody is
    known to be outside of it. In plain JSON it forbade nothing."""
    assert any(every(forbidding(**{place: TOWNS}))) is (place == "target")
    for said in ({"odrl:source": EX + "all"}, {"source": EX + "all"}, {"odrl:refinement": [COUNT]}, REFINED):
        assert not any(every(forbidding(**{place: TOWNS}), {"@id": TOWNS, **said}))
        assert not any(every(allowing(**{place: TOWNS}), {"@id": TOWNS, **said}))


@pytest.mark.threat("T63")
@pytest.mark.parametrize("place", ["target", "assignee"])
def test_a_condition_on_a_party_or_asset_counts_wherever_it_is_said(place: str) -> None:
    """>> a refinement, a role, a whole, said beside the policy of whom or what a rule names << nothing is permitted by
    that rule, and what it forbids stays so; a title and whose policy it is change nothing."""
    name = {"target": X, "assignee": ALICE}[place]
    alone = every(allowing(**{place: name}))
    assert any(alone)
    for said in ({"odrl:refinement": [COUNT]}, {EX + "role": "admin"}, {"odrl:partOf": {"@id": TOWNS}}):
        assert not any(every(allowing(**{place: name}), {"@id": name, **said}))
        assert not any(every(forbidding(**{place: name}), {"@id": name, **said})[:4])
    for said in ({TITLE: "Titel"}, {LABEL: "Titel"}, {"@type": EX + "Thing"}, {"hasPolicy": {"@id": "urn:other"}}):
        assert every(allowing(**{place: name}), {"@id": name, **said}) == alone


@pytest.mark.threat("T63")
def test_bug_a_name_of_parties_and_of_assets_was_one_collection_in_plain_json() -> None:
    """>> C is among the assignees and is the target of a second rule; beside the policy: B is part of C << two
    collections by one name, and nothing is permitted. In plain JSON the first rule permitted."""
    both = {**FREE, "permission": [{"action": "use"}, {"action": "use", "target": TOWNS}], "assignee": [ALICE, TOWNS]}
    assert any(every(both))
    assert not any(every(both, {"@id": BOB, "odrl:partOf": {"@id": TOWNS}}))


@pytest.mark.threat("T63")
@pytest.mark.parametrize("action", ["use", "odrl:use", {"@id": ODRL + "use"}])
def test_bug_a_label_of_an_action_refused_in_rdf(action: Any) -> None:
    """>> a label or note of `odrl:use`, in which one it is included, that it is an action << the action; a condition of
    it is not understood, in any notation."""
    plain, forbidden = every(allowing(action=action)), every(forbidding(action=action))
    assert any(plain)
    for said in ({LABEL: "nutzen"}, {TITLE: "nutzen"}, {"@type": "Action"}):
        assert every(allowing(action=action), {"@id": ODRL + "use", **said}) == plain
        assert every(allowing(action={"@id": ODRL + "use", **said})) == plain
        assert every(forbidding(action=action), {"@id": ODRL + "use", **said}) == forbidden
    for said in ({EX + "but": "sundays"}, {"odrl:refinement": [COUNT]}):
        assert not any(every(allowing(action=action), {"@id": ODRL + "use", **said}))
        assert not any(every(forbidding(action=action), {"@id": ODRL + "use", **said}))


def test_what_a_catalogue_says_of_a_dataset_does_not_change_whose_offer_it_is() -> None:
    """>> the entry of a catalogue in the protocol's form << its offer is about that dataset, and permits."""
    dataset = {"@id": X, "@type": "Dataset", "distribution": [{"@type": "Distribution", "format": "csv"}], TITLE: "A"}
    (found,) = read_json({"@type": "Catalog", "dataset": [{**dataset, "hasPolicy": [FREE]}]})
    assert any(answers([found.document], worlds()))


# ---- random statements


NAMES = [ALICE, BOB, X, Y, TOWNS, ODRL + "use", ODRL + "print"]
STATEMENTS: list[dict[str, Any]] = [
    {TITLE: "Titel"},
    {LABEL: "Titel"},
    {EX + "role": "admin"},
    {"odrl:source": EX + "all"},
    {"@type": EX + "Thing"},
    {"odrl:refinement": [COUNT]},
    {"odrl:partOf": {"@id": TOWNS}},
    {"http://purl.org/dc/terms/valid": "2020"},
]
SAID = st.lists(
    st.builds(lambda name, said: (name, said), st.sampled_from(NAMES), st.sampled_from(STATEMENTS)),
    max_size=3,
    unique_by=lambda one: one[0],
)
RULE = st.fixed_dictionaries(
    {"action": st.sampled_from(["use", "odrl:print", ODRL + "use"])},
    optional={
        "assignee": st.sampled_from([ALICE, TOWNS, [ALICE, BOB]]),
        "target": st.sampled_from([X, TOWNS, [X, Y]]),
        "constraint": st.sampled_from(
            [
                [{"leftOperand": "odrl:purpose", "operator": operator, "rightOperand": right}]
                for operator, right in product(
                    ["isAnyOf", "isNoneOf"],
                    [
                        {"@value": '["https://w3id.org/hanse/v1#research"]', "@language": "de"},
                        {"@value": '["https://w3id.org/hanse/v1#research"]', "@type": EX + "list"},
                        '["https://w3id.org/hanse/v1#research"]',
                    ],
                )
            ]
        ),
    },
)
POLICY = st.fixed_dictionaries(
    {
        "@id": st.just("urn:p"),
        "@type": st.sampled_from(["Set", "Offer"]),
        "permission": st.lists(RULE, min_size=1, max_size=2),
        "odrl:conflict": st.sampled_from(["perm", "odrl:prohibit"]),
    },
    optional={
        "prohibition": st.lists(RULE, min_size=1, max_size=2),
        "assignee": st.sampled_from([ALICE, [ALICE, BOB], [ALICE, TOWNS]]),
        "target": st.sampled_from([X, [X, Y], TOWNS]),
        "http://purl.org/dc/terms/valid": st.just("2020"),
        EX + "prohibition": st.just("x"),
    },
)


@pytest.mark.threat("T63")
@settings(max_examples=25, deadline=None)
@given(policy=POLICY, said=SAID)
def test_no_statement_beside_a_policy_counts_in_one_notation_alone(policy: dict[str, Any], said: Any) -> None:
    """>> a policy with names for all its rules, and statements about its parties, assets and actions << one decision
    for every request in every phase."""
    every(policy, *({"@id": name, **one} for name, one in said))
