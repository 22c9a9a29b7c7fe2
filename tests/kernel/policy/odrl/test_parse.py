"""Reading policies: every spelling a peer may use, nothing dropped, structure checked, IM 2.7 written out."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.model import Collection, PolicyError
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.fuzz.effort import amount
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.rich import COUNT, RICH, first

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741


def test_policy_level_constraints_reach_every_rule() -> None:
    """Compact policies: what stands on the policy holds for its rules."""
    atom = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5"}
    policy = parse({"constraint": atom, "permission": {"action": "use"}, "prohibition": {"action": "odrl:sell"}})
    assert [len(rule.constraints) for rule in policy.permissions + policy.prohibitions] == [1, 1]


def test_several_actions_are_several_rules() -> None:
    """A rule with two actions is read as two rules."""
    policy = parse({"permission": {"action": ["use", "odrl:distribute"]}})
    assert [rule.action.iri for rule in policy.permissions] == [O + "use", O + "distribute"]


CLAUSE = "/permission/0/constraint/0"


def with_clause(**members: Any) -> dict[str, Any]:
    return {"permission": {"action": "use", "constraint": members}}


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ([], "", "policy.not-an-object"),
        ("use", "", "policy.not-an-object"),
        ({"permission": "use"}, "/permission/0", "policy.not-an-object"),
        ({"permission": [{}]}, "/permission/0", "policy.action-missing"),
        ({"permission": [{"action": 5}]}, "/permission/0/action/0", "policy.not-a-term"),
        ({"permission": [], "odrl:permission": []}, "/odrl:permission", "policy.twice"),
        (with_clause(), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": [COUNT], "or": [COUNT]}), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": [COUNT]}, **COUNT), CLAUSE, "policy.neither-atom-nor-logic"),
        (with_clause(**{"and": []}), CLAUSE, "policy.logic-empty"),
        (with_clause(leftOperand="odrl:count"), CLAUSE + "/operator", "policy.not-a-term"),
        (with_clause(leftOperand="odrl:count", operator="eq"), CLAUSE, "policy.right-operand-missing"),
        ({"target": 5, "permission": {"action": "use"}}, "/target", "policy.not-an-identifier"),
        (
            {"@type": "Agreement", "permission": {"action": "use", "target": "urn:x"}},
            "/permission/0/target",
            "policy.rule-target",
        ),
    ],
)
def test_structural_errors_name_their_place(document: object, pointer: str, code: str) -> None:
    """What is no policy at all is refused with a pointer and a message key that both languages have."""
    with pytest.raises(PolicyError) as caught:
        parse(document)
    assert (caught.value.pointer, caught.value.code) == (pointer, code)
    assert all(f"error.{code}" in catalogue(lang) for lang in LANGUAGES)


def test_names_and_places_are_kept() -> None:
    """What a report calls a rule, a duty or a constraint, and where a person finds it in the document."""
    duty = {"@id": "urn:d", "action": "odrl:attribute", "constraint": COUNT | {"uid": "urn:c"}}
    rule = first({"permission": [{"uid": {"@id": "urn:p"}, "action": "use", "duty": [duty]}]})
    assert (rule.id, rule.pointer) == ("urn:p", "/permission/0")
    assert (rule.duties[0].id, rule.duties[0].pointer) == ("urn:d", "/permission/0/duty/0")
    atom = rule.duties[0].constraints[0]
    assert (atom.id, atom.pointer) == ("urn:c", "/permission/0/duty/0/constraint/0")


def test_two_names_of_one_node_are_refused() -> None:
    """A report could name either."""
    with pytest.raises(PolicyError, match=r"policy.twice at /permission/0/uid"):
        parse({"permission": {"action": "use", "@id": "urn:a", "uid": "urn:b"}})


@pytest.mark.parametrize(
    ("who", "source"),
    [
        ({"@type": "PartyCollection", "source": "urn:towns"}, "urn:towns"),
        ({"@type": "PartyCollection", "@id": "urn:towns"}, "urn:towns"),
        ({"@type": "odrl:PartyCollection", "uid": "urn:x", "source": {"@id": "urn:towns"}}, "urn:towns"),
        ({"@id": "urn:towns", "refinement": [COUNT]}, "urn:towns"),
        ({"refinement": [COUNT]}, ""),
        ({"@id": ""}, ""),
        ({}, ""),
    ],
)
def test_collections(who: dict[str, Any], source: str) -> None:
    """Members of a source; without one it may be anybody, and the empty source says so."""
    for name, members in (("assignee", "parties"), ("target", "targets")):
        found = getattr(first({"permission": {"action": "use", name: [who]}}), members)[0]
        assert isinstance(found, Collection)
        assert (found.source, len(found.refinements)) == (source, len(who.get("refinement", [])))
        assert found.pointer == f"/permission/0/{name}/0"


def test_a_claimed_membership_is_not_believed() -> None:
    """A document that says whose member a party is has not proved it: the party is kept as not understood."""
    who = {"@id": "did:web:b", "odrl:partOf": "urn:towns"}
    found = first({"permission": {"action": "use", "assignee": who}}).parties[0]
    assert found.extras == (("partOf", '"urn:towns"'),)


@pytest.mark.parametrize(("name", "kind"), [("assignee", "Party"), ("target", "Asset")])
def test_a_party_by_its_iri(name: str, kind: str) -> None:
    """A typed node without more is its IRI."""
    shapes: list[Any] = ["urn:a", {"@id": "urn:a"}, {"@id": "urn:a", "@type": kind}, {"uid": "urn:a"}]
    for shape in shapes:
        rule = first({"permission": {"action": "use", name: shape}})
        assert rule.parties + rule.targets == ("urn:a",)


@pytest.mark.parametrize("bad", [5, None, True, "", {"@id": 5}, [[]], 1.5], ids=str)
@pytest.mark.parametrize("name", ["assignee", "target", "assigner"])
def test_a_party_that_is_nobody_is_refused(name: str, bad: Any) -> None:
    """An empty or impossible name must not read as "everyone"."""
    for document in ({name: bad, "permission": {"action": "use"}}, {"permission": {"action": "use", name: bad}}):
        with pytest.raises(PolicyError):
            parse(document)


def test_one_party_of_the_policy_is_that_of_the_deal() -> None:
    """It stays on the policy, where an agreement has it."""
    policy = parse({"assignee": {"@id": "did:web:b"}, "target": "urn:t", "permission": {"action": "use"}})
    assert (policy.assignee, policy.target) == ("did:web:b", "urn:t")
    assert policy.permissions[0].parties == policy.permissions[0].targets == ()


def test_several_parties_of_the_policy_are_those_of_its_rules() -> None:
    """IM 2.7: what stands on the policy holds for each rule."""
    towns = {"@type": "PartyCollection", "source": "urn:towns"}
    document = {
        "assignee": ["did:web:b", towns],
        "target": ["urn:t", "urn:u"],
        "action": "use",
        "permission": {},
        "prohibition": {"action": "odrl:sell", "target": "urn:v"},
        "obligation": {"action": "odrl:delete"},
    }
    policy = parse(document)
    assert (policy.assignee, policy.target) == ("", "")
    permission, prohibition, duty = policy.permissions[0], policy.prohibitions[0], policy.obligations[0]
    assert permission.action.iri == O + "use"
    assert permission.targets == duty.targets == ("urn:t", "urn:u")
    assert [getattr(p, "source", p) for p in permission.parties] == ["did:web:b", "urn:towns"]
    # A prohibition takes both its own and the policy's, a permission or duty only its own: never wider.
    assert [rule.action.iri for rule in policy.prohibitions] == [O + "sell", O + "use"]
    assert prohibition.targets == ("urn:v", "urn:t", "urn:u")
    own = parse(document | {"permission": {"action": "odrl:read", "target": "urn:w"}}).permissions
    assert [(rule.action.iri, rule.targets) for rule in own] == [(O + "read", ("urn:w",))]


def test_conditions_of_the_policy_reach_obligations() -> None:
    """An obligation is a rule too; inside it an amount is a parameter."""
    amount = {"leftOperand": "odrl:payAmount", "operator": "eq", "rightOperand": "5"}
    policy = parse({"constraint": amount, "permission": {"action": "use"}, "obligation": {"action": "odrl:delete"}})
    assert [r.constraints[0].role for r in policy.permissions] == ["condition"]  # type: ignore[union-attr]
    assert [r.constraints[0].role for r in policy.obligations] == ["parameter"]  # type: ignore[union-attr]


def test_an_agreement_names_one_deal() -> None:
    """Its parties and its target are one each, by their IRI."""
    for name in ("assignee", "assigner", "target"):
        for several in (["urn:a", "urn:b"], {"@id": "urn:a", "refinement": [COUNT]}, {"@type": "PartyCollection"}, []):
            with pytest.raises(PolicyError, match=f"policy.not-an-identifier at /{name}"):
                parse({"@type": "Agreement", name: several, "permission": {"action": "use"}})


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        ([], ""),
        ("Offer", "Offer"),
        ("odrl:Offer", "Offer"),
        (["Policy", "Offer"], "Offer"),
        (["Policy", "Ticket"], "Ticket"),
        (["ex:Policy", "Agreement"], "Agreement"),
        (["Offer", "Agreement"], "Agreement Offer"),
        ("Policy", "Policy"),
        ("ex:Contract", "ex:Contract"),
    ],
)
def test_the_kind_of_a_policy(types: Any, kind: str) -> None:
    """The one ODRL class; two that exclude each other are kept as what is neither."""
    assert parse({"@type": types}).kind == kind


def test_a_foreign_context_is_no_part_of_what_we_read() -> None:
    """Only the protocol's own context is known to change nothing."""
    dsp = "https://w3id.org/dspace/2025/1/context.jsonld"
    assert parse({"@context": dsp}).extras == parse({"@context": [dsp]}).extras == ()
    for foreign in (["https://example.org/c"], [dsp, {"use": "ex:abuse"}], {"use": "ex:abuse"}):
        assert [name for name, _ in parse({"@context": foreign}).extras] == ["@context"]
        rule = first({"permission": {"action": "use", "@context": dsp}})
        assert [name for name, _ in rule.extras] == ["@context"]


@pytest.mark.parametrize(
    ("place", "fits", "contradicts"),
    [
        ("permission", "Permission", "Prohibition"),
        ("prohibition", "odrl:Prohibition", "odrl:Permission"),
        ("obligation", ["Duty", "ex:Task"], ["Duty", "Permission"]),
        ("constraint", "Constraint", "LogicalConstraint"),
        ("and", "LogicalConstraint", "Permission"),
        ("action", "Action", "Asset"),
        ("assignee", "Party", "AssetCollection"),
        ("target", "ex:Dataset", O + "PartyCollection"),
        ("assignee of all", "Party", "Asset"),
        ("policy", ["Policy", "Set"], ["Set", "Permission"]),
        ("permission", "ex:Prohibition", 5),
    ],
    ids=str,
)
def test_a_node_that_claims_to_be_something_else_is_not_understood(place: str, fits: Any, contradicts: Any) -> None:
    """Whoever reads the document as RDF sees the class it claims; the member it stands in says another."""

    def extra(types: Any) -> bool:
        of: dict[str, Any] = {place: {"@type": types}}
        atom = COUNT | of.get("constraint", {})
        constraint = {"and": [atom]} | of["and"] if "and" in of else atom
        rule = {"action": {"value": "use"} | of.get("action", {}), "constraint": constraint}
        rule |= {name: {"@id": "urn:a"} | of[name] for name in ("assignee", "target") if name in of}
        document = {name: rule | of.get(name, {}) for name in ("permission", "prohibition", "obligation")}
        document |= {"assignee": {"@id": "urn:a"} | of["assignee of all"]} if "assignee of all" in of else {}
        return "@type" in str(parse(document | of.get("policy", {})))

    assert not extra(fits)
    assert extra(contradicts)


def test_a_keyword_has_no_prefix() -> None:
    """`odrl:@type` is an unknown member, not `@type` in disguise."""
    rule = first({"permission": {"action": "use", "odrl:@id": "urn:a"}})
    assert (rule.id, rule.extras) == ("", ((O + "@id", '"urn:a"'),))


def test_a_pointer_is_no_way_to_be_repeated() -> None:
    """What a peer made long is cut in the answer to it; what it made odd is escaped."""
    deep: Any = 1
    for _ in range(200):
        deep = {"x" * 4000: deep}
    for document in ({"ex:x": deep}, {"x" * 3999: {}, "permission": [{"y" * 3999: "x" * 5000}]}):
        with pytest.raises(PolicyError) as caught:
            parse(document)
        assert len(caught.value.pointer) <= 500
        assert len(str(caught.value)) < 600
    twice = {"odrl:permission": [], O + "permission": []}
    with pytest.raises(PolicyError) as caught:
        parse(twice)
    assert caught.value.pointer == "/http:~1~1www.w3.org~1ns~1odrl~12~1permission"
    with pytest.raises(PolicyError) as caught:
        parse({O + "permission": [{"action": "x" * 5000}]})
    assert caught.value.pointer == "/permission/0/action"


def test_a_parent_is_kept() -> None:
    """Nobody resolves `inheritFrom`, so it makes the policy unknown and is part of the deal."""
    assert parse({"inheritFrom": "urn:parent"}).extras == (("inheritFrom", '"urn:parent"'),)


def test_duties_stand_where_odrl_has_them() -> None:
    """A duty on a prohibition or a remedy on a permission is a member nobody understands."""
    duty = {"action": "odrl:delete"}
    assert [name for name, _ in first({"permission": {"action": "use", "remedy": duty}}).extras] == ["remedy"]
    rule = first({"prohibition": {"action": "use", "duty": duty}}, "prohibition")
    assert [name for name, _ in rule.extras] == ["duty"]
    assert [name for name, _ in first({"obligation": duty | {"duty": duty}}, "obligation").extras] == ["duty"]


def test_old_names_of_actions() -> None:
    """Deprecated terms with an exact match are read as that; the others stay what they are."""
    actions = ["odrl:copy", "odrl:commercialize", "odrl:lend"]
    rules = parse({"prohibition": {"action": actions}}).prohibitions
    cc = "http://creativecommons.org/ns#"
    assert [rule.action.iri for rule in rules] == [O + "reproduce", cc + "CommercialUse", O + "lend"]


@pytest.mark.parametrize("name", ["and", "consequence"])
def test_deep_nesting_is_refused(name: str) -> None:
    """A thousand levels end in a clear error, not in a RecursionError."""
    inner: dict[str, Any] = COUNT if name == "and" else {"action": "odrl:delete"}
    for _ in range(1000):
        inner = {"and": [inner]} if name == "and" else {"action": "odrl:delete", "consequence": [inner]}
    document = {"permission": {"action": "use", "constraint": inner}} if name == "and" else {"obligation": inner}
    with pytest.raises(PolicyError, match="too-deep"):
        parse(document)


def test_a_policy_can_be_a_key() -> None:
    """Parsed policies are frozen and hashable, so callers may cache by them."""
    assert {parse(RICH): 1}[parse(copy.deepcopy(RICH))] == 1


def test_an_empty_policy_permits_nothing() -> None:
    """No implicit permit."""
    assert not decide(parse({}), World(now=0, participant="did:web:a"), "access").permit


KEYS = st.sampled_from(
    [
        *(
            "permission",
            "prohibition",
            "obligation",
            "action",
            "constraint",
            "duty",
            "and",
            "or",
            "@id",
            "@value",
            "@type",
        ),
        *("leftOperand", "operator", "rightOperand", "target", "profile", "conflict", "refinement", "@list", "ex:x"),
        *("odrl:consequence", "odrl:remedy", "assignee", "unit", "dataType", "timestamp"),
    ]
)
TEXTS = st.sampled_from(
    ["use", "odrl:count", "eq", "5", "Agreement", "odrl:prohibit", "2027-12-31", H + "county", "", "ä"]
)
JSON = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**30)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=25,
)


@settings(max_examples=amount(200, 400))
@given(JSON)
def test_whatever_json_a_peer_sends_is_a_policy_or_a_policy_error(document: object) -> None:
    """No other exception leaves the parser, and what it takes can be digested and decided."""
    try:
        policy = parse(document)
    except PolicyError:
        return
    assert len(digest(policy)) == 64
    decide(policy, World(now=0, participant="did:web:a"), "access")
