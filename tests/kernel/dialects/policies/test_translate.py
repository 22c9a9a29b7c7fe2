"""The dialects of EDC, sovity and Catena-X: read as their partners mean them, every translation listed."""

from typing import Any

import pytest

from connector.kernel.dialects.jsonld.contexts import CONTRACTUAL, CX, EDC, TX
from connector.kernel.dialects.policies.translate import understood
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from tests.kernel.dialects.outsiders import CX_CONTEXTS, ODRL_CONTEXT, H, T, atoms, compare, only, policy, told

CONTEXT = [ODRL_CONTEXT, {"edc": EDC}]
IN_FORCE = compare("edc:inForceDate", "lteq", T)
DCT_TITLE, RDFS = "http://purl.org/dc/terms/title", "http://www.w3.org/2000/01/rdf-schema#"

# ---- EDC


@pytest.mark.parametrize(
    ("right", "operand", "value"),
    [
        ("contractAgreement+365d", "elapsedTime", "P365D"),
        ("contractAgreement+0s", "elapsedTime", "PT0S"),
        ("contractAgreement+12h", "elapsedTime", "PT12H"),
        ("contractagreement+90m", "elapsedTime", "PT90M"),
        (T, "dateTime", T),
    ],
)
def test_in_force_date_becomes_a_time_or_a_time_since_the_agreement(right: str, operand: str, value: str) -> None:
    found = only(policy([ODRL_CONTEXT, {"edc": EDC}], compare("edc:inForceDate", "lteq", right)))
    assert found.dialect == "edc"
    assert atoms(found) == [(operand, "lteq", [value])]
    assert told(found) == [("operand", f"inForceDate lteq {right}", f"{operand} lteq {value}")]


@pytest.mark.parametrize("right", ["contractAgreement-5d", "contractAgreement+5y", "soon", ""])
def test_an_in_force_date_of_another_form_stays_and_is_told(right: str) -> None:
    found = only(policy([ODRL_CONTEXT, {"edc": EDC}], compare("edc:inForceDate", "lteq", right)))
    assert atoms(found) == [("inForceDate", "lteq", [right])]
    assert [note.code for note in found.notes] == ["kept"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("EQ", "eq"), ("NEQ", "neq"), ("GEQ", "gteq"), ("LEQ", "lteq"), ("IN", "isAnyOf"), ("IS_NONE_OF", "isNoneOf")],
)
@pytest.mark.parametrize("spelled", ["{}", "odrl:{}", "http://www.w3.org/ns/odrl/2/{}"])
def test_the_operators_of_edc_are_read_by_their_meaning(theirs: str, ours: str, spelled: str) -> None:
    rule = {"action": "use", "constraint": [compare("odrl:language", spelled.format(theirs), "de")]}
    found = only({"permission": [rule]})
    assert atoms(found) == [("language", ours, ["de"])]
    assert told(found) == [("operator", theirs, ours)]


def test_is_part_of_is_a_list_for_edc_and_a_hierarchy_for_everybody_else() -> None:
    clause = compare("odrl:industry", "isPartOf", ["a", "b"])
    assert atoms(only(policy(ODRL_CONTEXT, clause))) == [("industry", "isPartOf", ["a", "b"])]
    for theirs in (IN_FORCE, compare("odrl:language", "IS_ANY_OF", "de")):
        assert atoms(only(policy(CONTEXT, clause, theirs)))[0] == ("industry", "isAnyOf", ["a", "b"])


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    "said",
    [
        {},
        {DCT_TITLE: "like edc:inForceDate"},
        {RDFS + "comment": f"{EDC} {CX}"},
        {DCT_TITLE: "REFERRING_CONNECTOR"},
        {RDFS + "label": "IN"},
        {DCT_TITLE: {"leftOperand": EDC + "x"}},
        {RDFS + "label": {"profile": CX + "p"}},
        {DCT_TITLE: {"@id": "urn:z", DCT_TITLE: {"operator": "IN"}}},
    ],
)
def test_bug_the_prefix_of_edc_or_its_name_in_a_comment_made_a_list_of_a_hierarchy(said: dict[str, Any]) -> None:
    """>> `edc` is declared and never used, or a title speaks of it << nobody's dialect, and `isPartOf` stays as
    it is, in files and in offers of messages."""
    clause = compare("odrl:industry", "isPartOf", ["a", "b"])
    for context in (CONTEXT, [ODRL_CONTEXT, {"edc": EDC, "tx": TX, "cx-policy": CX}]):
        found = only({**policy(context, clause), **said})
        assert (found.dialect, found.notes) == ("json-ld", ())
        assert atoms(found) == [("industry", "isPartOf", ["a", "b"])]
    offer = understood({"permission": [{"action": "use", "constraint": [clause]}], **said})
    assert (offer.dialect, offer.notes) == ("wire", ())


@pytest.mark.parametrize(
    ("left", "operator", "dialect"),
    [
        ("edc:inForceDate", "lteq", "edc"),
        ("tx:anything", "eq", "edc"),
        (EDC + "inForceDate", "lteq", "edc"),
        ("odrl:language", "odrl:IN", "edc"),
        ("REFERRING_CONNECTOR", "eq", "sovity"),
        ("cx-policy:Membership", "eq", "cx"),
        (CX + "Membership", "eq", "cx"),
        ("odrl:language", "eq", "wire"),
    ],
)
def test_a_dialect_is_known_by_the_words_that_a_policy_is_written_with(left: str, operator: str, dialect: str) -> None:
    rule = {"action": "use", "constraint": [{"or": [{"and": [compare(left, operator, "x")]}]}]}
    assert only({"obligation": [{"action": "odrl:inform"}], "permission": [rule]}).dialect == dialect


@pytest.mark.parametrize("spelled", ["prohibition", "odrl:prohibition", "http://www.w3.org/ns/odrl/2/prohibition"])
def test_in_a_prohibition_nothing_is_read_as_less_than_it_may_mean(spelled: str) -> None:
    """A list instead of a hierarchy, or an end instead of no end, would forbid less than what was written."""
    clauses = [
        compare("odrl:industry", "isPartOf", ["a"]),
        compare("cx-policy:DataUsageEndDate", "eq", T),
        compare("cx-policy:DataUsageEndDurationDays", "eq", "3"),
    ]
    for clause in clauses:
        rule = {"action": "use", "constraint": [clause]}
        found = only({"@context": [*CX_CONTEXTS, {"edc": EDC}], "@type": "Set", spelled: [rule]})
        assert [atom[1] for atom in atoms(found)] == [clause["operator"]]
        assert [note.code for note in found.notes] in ([], ["kept"])


def test_our_own_concepts_keep_their_hierarchy_on_the_way_through_edc() -> None:
    found = only(policy(CONTEXT, compare("purpose", "isPartOf", H + "research"), IN_FORCE))
    assert atoms(found)[0] == ("purpose", "isPartOf", [H + "research"])


def test_a_list_that_edc_turned_into_text_is_a_list_again() -> None:
    text = '[{"@value":"https://example.org/a"},{"@value":"https://example.org/b"}]'
    found = only({"permission": [{"action": "use", "constraint": [compare(H + "memberOf", "isAnyOf", text)]}]})
    assert atoms(found)[0][2] == ["https://example.org/a", "https://example.org/b"]


@pytest.mark.parametrize("text", ["[", "[]", "[1, {}]", '[["a"]]', "[" * 5000, '["' + "a" * 70_000 + '"]'])
def test_a_text_that_is_no_list_stays_a_text(text: str) -> None:
    rule = {"action": "use", "constraint": [compare(H + "memberOf", "isAnyOf", text)]}
    assert only({"permission": [rule]}).document["permission"] == [rule]


STRANGE: list[dict[str, str]] = [
    {"@language": "de"},
    {"@type": "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"},
    {"@type": "https://example.org/list"},
    {"@type": "xsd:integer"},
    {"@type": "xsd:anyURI"},
]


@pytest.mark.threat("T63")
@pytest.mark.parametrize("more", STRANGE)
@pytest.mark.parametrize("operator", ["isAnyOf", "isAllOf", "isNoneOf"])
def test_bug_text_of_a_language_that_looks_like_a_list_was_read_as_one(operator: str, more: dict[str, str]) -> None:
    """>> '["did:web:…"]'@de, or of a datatype that is no text << no list, and nothing that is understood: nothing is
    permitted by it, and what is forbidden stays so. With the datatype of a text it is the list."""
    text, who = '["did:web:a.example"]', H + "participant"
    for kind in ("permission", "prohibition"):
        for right in ({"@value": text, **more}, {"@id": text}):
            rule = {"action": "use", "constraint": [compare(who, operator, right)]}
            found = only({"permission": [{"action": "use"}], "odrl:conflict": "odrl:prohibit", kind: [rule]})
            assert found.notes == ()
            asked = World(now=1_795_500_000_000, participant="did:web:a.example", target="urn:x", action=ODRL + "use")
            assert not compile(parse(found.document)).verdict(asked, "access").permit
    literal = {"@value": text, "@type": "xsd:string"}
    found = only({"permission": [{"action": "use", "constraint": [compare(who, operator, literal)]}]})
    assert atoms(found)[0][2] == ["did:web:a.example"]


@pytest.mark.threat("T63")
@pytest.mark.parametrize("more", STRANGE[:3])
def test_bug_text_of_a_language_was_a_word_of_a_dialect(more: dict[str, str]) -> None:
    """>> an operand, operator, action or end of EDC and Catena-X as text with a language or an odd type << no word."""
    strange = [
        compare({"@value": "edc:inForceDate", **more}, "lteq", T),
        compare("odrl:language", {"@value": "IN", **more}, "de"),
        compare("edc:inForceDate", "lteq", {"@value": "contractAgreement+5d", **more}),
        compare("cx-policy:DataUsageEndDurationDays", "eq", {"@value": "3", **more}),
    ]
    for clause in strange:
        found = only({"permission": [{"action": "use", "constraint": [clause]}]})
        assert [note.code for note in found.notes] in ([], ["kept"])
        assert found.document["permission"][0]["constraint"] == [clause]
    action = {"@value": "USE", **more}
    assert only({"permission": [{"action": action}]}).document["permission"][0]["action"] == {**action, "value": "_:"}


@pytest.mark.parametrize("action", ["USE", {"odrl:type": "USE"}, {"type": "http://www.w3.org/ns/odrl/2/USE"}])
def test_an_action_as_old_edc_wrote_it(action: Any) -> None:
    found = only({"permission": [{"action": action}]})
    assert found.document["permission"][0]["action"] == "use"
    assert [note.code for note in found.notes] == ["action"]


def test_a_policy_definition_of_edc_with_a_default_vocabulary() -> None:
    found = only(
        {
            "@context": {"@vocab": EDC, "odrl": "http://www.w3.org/ns/odrl/2/"},
            "@type": "PolicyDefinition",
            "policy": {
                "@type": "odrl:Set",
                "odrl:permission": {
                    "odrl:action": {"odrl:type": "USE"},
                    "odrl:constraint": {
                        "@type": "LogicalConstraint",
                        "odrl:and": [
                            {
                                "odrl:leftOperand": {"@id": EDC + "inForceDate"},
                                "odrl:operator": {"@id": "odrl:gteq"},
                                "odrl:rightOperand": T,
                            }
                        ],
                    },
                },
            },
        }
    )
    assert parse(found.document).permissions[0].action.iri.endswith("/use")
    assert atoms(found) == [("dateTime", "gteq", [T])]


# ---- sovity


def test_the_two_operands_of_sovity() -> None:
    found = only(
        {
            "permission": [
                {
                    "action": "USE",
                    "constraint": [
                        compare("REFERRING_CONNECTOR", "IN", '["did:web:a","did:web:b"]'),
                        compare("POLICY_EVALUATION_TIME", "LT", T),
                    ],
                }
            ]
        }
    )
    assert found.dialect == "sovity"
    assert atoms(found) == [("v1#participant", "isAnyOf", ["did:web:a", "did:web:b"]), ("dateTime", "lt", [T])]


def test_not_this_connector_is_never_read_as_everybody_else() -> None:
    found = only({"permission": [{"action": "use", "constraint": [compare("REFERRING_CONNECTOR", "NEQ", "MDSL1")]}]})
    (atom,) = parse(found.document).permissions[0].constraints
    assert isinstance(atom, Atom)
    assert atom.value is None


# ---- Catena-X


def test_catena_x_ends_mean_until() -> None:
    found = only(
        policy(CX_CONTEXTS, compare("DataUsageEndDate", "eq", T), compare("DataUsageEndDurationDays", "eq", 30))
    )
    assert found.dialect == "cx"
    assert atoms(found) == [("dateTime", "lteq", [T]), ("elapsedTime", "lt", ["P30D"])]
    assert [note.code for note in found.notes] == ["operand", "operand"]


def test_an_end_that_is_compared_otherwise_stays_as_it_is() -> None:
    found = only(
        policy(CX_CONTEXTS, compare("DataUsageEndDate", "gt", T), compare("DataUsageEndDurationDays", "eq", "x"))
    )
    assert [note.code for note in found.notes] == ["kept", "kept"]
    assert all(
        atom.value is None for atom in parse(found.document).permissions[0].constraints if isinstance(atom, Atom)
    )


@pytest.mark.parametrize("name", sorted(CONTRACTUAL))
def test_a_placeholder_of_catena_x_is_shown_as_contractual_and_permits_nothing(name: str) -> None:
    found = only(policy(CX_CONTEXTS, compare(name, "eq", "cx.core.base:1")))
    assert told(found) == [("contractual", name, "")]
    (atom,) = parse(found.document).permissions[0].constraints
    assert isinstance(atom, Atom)
    assert atom.value is None


@pytest.mark.parametrize("name", ["Membership", "FrameworkAgreement", "BusinessPartnerGroup", "Dismantler"])
def test_a_credential_of_catena_x_is_left_alone(name: str) -> None:
    found = only(policy(CX_CONTEXTS, compare(name, "eq", "active")))
    assert [note.code for note in found.notes] == ["credential"]


@pytest.mark.parametrize(
    ("operator", "value", "left"),
    [
        ("isAnyOf", "did:web:a", "v1#participant"),
        ("isAnyOf", "BPNL000000000001", "BusinessPartnerNumber"),
        ("isNoneOf", "did:web:a", "BusinessPartnerNumber"),
    ],
)
def test_a_business_partner_is_a_participant_only_by_did_and_only_if_named(
    operator: str, value: str, left: str
) -> None:
    rule = {"action": "use", "constraint": [compare("tx:BusinessPartnerNumber", operator, [value])]}
    (atom,) = atoms(only({"permission": [rule]}))
    assert atom[0].removeprefix("tx:") == left


def test_a_bare_word_of_catena_x_without_its_context_could_be_anybodys() -> None:
    found = only({"permission": [{"action": "use", "constraint": [compare("DataUsageEndDate", "eq", T)]}]})
    assert atoms(found) == [("DataUsageEndDate", "eq", [T])]
    assert not found.notes


# ---- times


def test_times_without_a_zone_and_bare_days_are_told() -> None:
    clauses = [compare("odrl:dateTime", "lt", value) for value in ("2027-01-01T00:00:00", "2027-12-31", T)]
    found = only({"permission": [{"action": "use", "constraint": clauses}]})
    assert told(found) == [("no-offset", "2027-01-01T00:00:00", ""), ("whole-day", "2027-12-31", "")]
