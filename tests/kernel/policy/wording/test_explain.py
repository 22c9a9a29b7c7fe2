"""Sentences about decisions: why a request failed, in both languages, the tree as JSON and the wordless report."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.identity.trust.members.claims import regional_keys
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.evaluation.decision import leaves
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact
from connector.kernel.policy.odrl.values import MILLION
from connector.kernel.policy.wording.explain import MOST_REASONS, explain, report, tree
from connector.kernel.policy.wording.outline import outline
from connector.kernel.policy.wording.words import Words
from tests.kernel.policy.asking import TOWN
from tests.kernel.policy.cases import KIND, NOW, ODD, ODRL, H, atom, firm, municipal, town, use, words_of
from tests.kernel.policy.deciding import decide

PAST = "2026-11-01T00:00:00Z"
POUNDS = Fact(5 * MILLION, unit="urn:pound")
SIZE_OF = ODRL + "absoluteSize"
SIZE = atom("odrl:absoluteSize", "lteq", "10", unit="http://qudt.org/vocab/unit/BYTE")
FEE = {
    "action": "odrl:compensate",
    "constraint": [
        atom("odrl:payAmount", "eq", "12.5", unit="http://dd.eionet.europa.eu/vocabulary/eurostat/unit/EUR"),
        atom(H + "feeStatute", "eq", "Satzung A"),
    ],
}
TWO = Fact(frozenset({"urn:a", "urn:A"}), "verified-credential")
SUSPENDED = {"action": "odrl:delete", "constraint": atom(H + "dueBy", "lt", PAST)}


def test_the_firm_is_refused_with_the_failed_clause_in_german(vocabulary: Vocabulary, german: Words) -> None:
    """>> a company asks for an offer to municipalities  << one sentence that names the clause and the fact."""
    asker = firm(vocabulary, purpose=H + "winterService")
    assert explain(decide(municipal(), asker, "negotiation"), german) == [
        "Bedingung „Teilnehmerart ist Kommune, Kreis oder Zweckverband“ nicht erfüllt:"
        " Die anfragende Stelle ist als „Unternehmen“ geführt."
    ]


def test_access_after_five_seconds_is_refused_with_the_time(vocabulary: Vocabulary, german: Words) -> None:
    """>> access six seconds after the agreement  << the clause, and how much time has passed."""
    decision = decide(municipal(**{"valid-for": "PT5S"}), town(vocabulary), "access")
    assert explain(decision, german) == [
        "Bedingung „Zeit seit Vertragsschluss höchstens 5 Sekunden“ nicht erfüllt:"
        " Abgelaufen seit 18.11.2026, 12:06:45 Uhr (MEZ); seit Vertragsschluss sind 6 Sekunden vergangen."
    ]


@pytest.mark.parametrize(
    ("seats", "german_says", "english_says"),
    [
        (["091840005004"], "Regionalschlüssel 091840005004", "regional key 091840005004"),
        (["091840000000"], "Regionalschlüssel 091840000000", "regional key 091840000000"),
        (
            ["091840000000", "095640000000"],
            "Regionalschlüssel 091840000000 und 095640000000",
            "regional key 091840000000 and 095640000000",
        ),
    ],
    ids=["a town", "a county", "two seats"],
)
def test_bug_a_seat_was_a_row_of_digits(
    vocabulary: Vocabulary, german: Words, seats: list[str], german_says: str, english_says: str
) -> None:
    """>> from outside of a county << the key of the seat, by its name; not each area that it lies in, without one."""
    keys = frozenset[str]().union(*map(regional_keys, seats))
    asker = replace(TOWN, facts={H + "regionalKey": Fact(keys, "verified-credential")})
    decision = decide(parse(use(atom(H + "regionalKey", "isAnyOf", ["05515"]))), asker, "access")
    assert explain(decision, german) == [
        "Bedingung „Gebiet des Sitzes nach dem Amtlichen Regionalschlüssel ist „05515““ nicht erfüllt:"
        f" Die anfragende Stelle ist unter {german_says} geführt."
    ]
    english = words_of(vocabulary, "en")
    assert explain(decision, english) == [
        "Condition “area of the seat by the official regional key is “05515”” not met:"
        f" the requester is listed under {english_says}."
    ]
    assert f"; festgestellt: {german_says} (Nachweis)" in outline(decision, german, "")
    assert f"; found: {english_says} (credential)" in outline(decision, english, "")


@pytest.mark.parametrize(
    ("document", "changes", "fragment"),
    [
        (use(ODD), {}, "partner ist genau gold"),
        (use({"@id": "urn:c"}), {}, "urn:c"),
        (use(KIND), {"facts": {}}, "keine Angabe"),
        (use(KIND), {}, "Unternehmen"),
        (use(atom("odrl:purpose", "isPartOf", H + "operations")), {"purpose": "urn:new"}, "in keinem Verzeichnis"),
        (
            use(atom("odrl:dateTime", "lt", "2026-01-01T00:00:00+01:00")),
            {},
            "Abgelaufen seit 01.01.2026; der Zeitpunkt ist 18.11.2026, 12:06:46 Uhr (MEZ)",
        ),
        (use(atom("odrl:count", "lteq", "2")), {"uses": {"": 1003}}, "Nutzung Nummer 1.003"),
        (use(atom(H + "memberOf", "eq", "urn:ikz")), {"claims": {"memberOf": ""}}, "keiner Gruppe"),
        (use(atom(H + "participant", "eq", "did:web:x")), {}, "Angefragt hat did:web:firm"),
        (
            use(atom(H + "adminLevel", "eq", H + "stateLevel")),
            {"claims": {"adminLevel": H + "countyLevel"}},
            "Kreisebene",
        ),
        (
            use(atom(H + "role", "eq", H + "auditOffice")),
            {"claims": {"role": H + "emergencyService"}},
            "Festgestellt ist ",
        ),
        (use({"or": [KIND, atom("odrl:count", "lt", "1")]}), {}, "mindestens eine der Bedingungen gilt"),
        (use({"xone": [KIND, KIND]}), {}, "genau eine der Bedingungen gilt"),
        (use(), {"action": "http://www.w3.org/ns/odrl/2/sell"}, "„Verkauf“ ist nicht erlaubt; erlaubt ist „Nutzung“"),
        (use(permission={"action": "ex:fly"}), {}, "„ex:fly“ wird nicht verstanden"),
        (use(prohibition={"action": "use"}), {}, "„Nutzung“ ist verboten"),
        (
            use(permission={"action": "use", "duty": {"action": "odrl:compensate"}}),
            {},
            "„Bezahlung“ (die Regel nennt weder Betrag",
        ),
        (
            use(permission={"action": "use", "duty": FEE}),
            {},
            "„Bezahlung“ (Betrag ist genau 12,50 Euro; Gebührensatzung ist genau „Satzung A“) muss vor",
        ),
        (use(permission={"action": "use", "duty": {"action": "odrl:anonymize"}}), {}, "„Anonymisierung“ kann bei"),
        (use(permission={"action": "use", "duty": SUSPENDED}), {}, "„Löschung“ wurde nicht rechtzeitig"),
        (use(permission={"action": "use", "assignee": "did:web:x"}), {}, "für einen anderen Teilnehmer"),
        (use(obligation=SUSPENDED | {"odrl:consequence": {"action": H + "suspendAccess"}}), {}, "ist gesperrt, weil"),
        (use(profile="urn:p"), {}, "Regelprofil „urn:p“"),
        (use(inheritFrom="urn:parent"), {}, "übernimmt andere Regeln"),
        (use(**{"ex:unless": "x"}), {}, "„ex:unless“ wird nicht verstanden"),
        (use(**{"odrl:conflict": "ex:coin"}), {}, "Konfliktregel „ex:coin“"),
        (use(**{"@type": "Ticket"}), {}, "Regelart „Ticket“"),
        (use(**{"@type": "Offer"}), {}, "Dies ist ein Angebot und noch kein Vertrag;"),
        (use(**{"@type": "Request"}), {}, "Dies ist eine Anfrage und noch kein Vertrag;"),
        (
            use(SIZE),
            {"facts": {SIZE_OF: Fact(5000 * MILLION)}},
            "Dem Wert 5.000 fehlt die Einheit; verglichen wird in der Einheit Byte",
        ),
        (use(SIZE), {"facts": {SIZE_OF: POUNDS}}, "Der Wert 5 urn:pound hat eine andere Einheit"),
        (use(SIZE | {"unit": ""}), {"facts": {SIZE_OF: POUNDS}}, "die Bedingung nennt keine"),
        (
            use(KIND),
            {"facts": {H + "participantKind": Fact(frozenset({H + "county"}), "declared")}},
            "nur die Selbstauskunft „Kreis“",
        ),
        (use(atom("odrl:purpose", "isPartOf", "urn:mine")), {}, "Sie selbst nennt einen Wert"),
        (use(atom(H + "memberOf", "eq", "urn:a")), {"facts": {H + "memberOf": TWO}}, "lässt sich nicht feststellen"),
        (use(assignee="did:web:other"), {}, "nicht für did:web:firm"),
        (use(target="urn:a"), {"target": "urn:b"}, "nicht für urn:b"),
        ({}, {}, "enthält keine Erlaubnis"),
    ],
    ids=str,
)
def test_every_reason_has_a_sentence(
    vocabulary: Vocabulary, german: Words, document: dict[str, Any], changes: dict[str, Any], fragment: str
) -> None:
    """A refusal is never silent, and both languages give the same number of sentences."""
    decision = decide(parse(document), firm(vocabulary, **changes), "access")
    assert not decision.permit
    said = explain(decision, german)
    assert len(said) == 1
    assert fragment in said[0]
    english = explain(decision, words_of(vocabulary, "en"))
    assert len(english) == 1
    assert english != said


def test_a_permit_has_no_reasons_against(vocabulary: Vocabulary, words: Words) -> None:
    """>> a municipality, the agreed purpose  << permitted, nothing to explain."""
    assert explain(decide(municipal(), town(vocabulary), "access"), words) == []


def test_a_prohibition_is_named_only_if_it_is_the_reason(vocabulary: Vocabulary, german: Words) -> None:
    """Who fails the condition anyway reads only that."""
    policy = parse(use(KIND, prohibition={"action": "odrl:distribute"}))
    asker = firm(vocabulary, action=ODRL + "distribute")
    assert "Unternehmen" in "".join(explain(decide(policy, asker, "access"), german))
    county = firm(vocabulary, claims={"participantKind": H + "county"}, action=asker.action)
    assert explain(decide(policy, county, "access"), german) == ["Die Handlung „Weitergabe“ ist verboten."]


def test_what_was_made_good_is_no_reason_any_more(vocabulary: Vocabulary, words: Words) -> None:
    """>> deleted late under a suspension  << healed, and access is permitted again."""
    policy = parse(use(obligation=SUSPENDED | {"odrl:consequence": {"action": H + "suspendAccess"}}))
    late = Deed(action=ODRL + "delete", at=NOW - 1000, party="did:web:firm")
    assert explain(decide(policy, firm(vocabulary, deeds=(late,)), "access"), words) == []


def test_the_tree_and_the_report_are_plain_values(vocabulary: Vocabulary, words: Words) -> None:
    """Every clause stands in the JSON tree with state, words, terms and source, and in the wordless report."""
    decision = decide(municipal(), firm(vocabulary), "access")
    permission: Any = tree(decision.tree, words)["children"][0]  # type: ignore[index]
    connective = next(child for child in permission["children"] if child["kind"] == "logic")
    assert [child["state"] for child in connective["children"]] == ["no", "no", "yes"]
    kind = connective["children"][0]
    assert (kind["left"], kind["operator"]) == (H + "participantKind", "isAnyOf")
    assert (kind["source"], kind["actual"]) == ("verified-credential", [H + "company"])
    steps: Any = report(decision)["steps"]
    assert [step["state"] for step in steps if step["kind"] == "constraint" and "Due" not in step["left"]][:3] == [
        "no",
        "no",
        "yes",
    ]


def test_leaves_stand_in_the_order_of_the_document(vocabulary: Vocabulary) -> None:
    """However deep the tree is: no recursion, and the first clause first."""
    nested: Any = KIND
    for _ in range(20):
        nested = {"and": [nested, atom("odrl:count", "lteq", "1")]}
    decision = decide(parse(use(nested)), firm(vocabulary), "access")
    found = [leaf.pointer for leaf in leaves(decision.tree) if leaf.kind == "constraint"]
    assert len(found) == 21
    assert found[0].count("/and/0") == 20


def test_a_refusal_for_a_thousand_reasons_stays_short(vocabulary: Vocabulary, german: Words) -> None:
    """>> a policy of which nothing is met  << the first reasons, and how many more there are."""
    levels = [atom(H + "participant", "eq", f"did:web:{number}") for number in range(1000)]
    said = explain(decide(parse(use(*levels)), firm(vocabulary), "access"), german)
    assert len(said) == MOST_REASONS + 1
    assert said[-1] == f"Außerdem gibt es {1000 - MOST_REASONS} weitere Gründe."
