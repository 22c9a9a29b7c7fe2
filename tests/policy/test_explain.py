"""Sentences: why a request failed, what a policy says clause by clause, and with which badge, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.catalogue.rules import fill
from connector.dialects.skos import Vocabulary
from connector.language import LANGUAGES, catalogue
from connector.language import say as message
from connector.policy.evaluate import decide
from connector.policy.explain import clauses, explain, report, tree
from connector.policy.model import Atom, Policy
from connector.policy.names import ACTIONS
from connector.policy.operands import REGISTRY
from connector.policy.parse import parse
from connector.policy.values import Type
from connector.policy.wording import clause_text, length
from connector.policy.world import World

H = "https://w3id.org/hanse/v1#"
NOW = 1_795_000_006_000
Say = Callable[..., str]


def german(key: str, /, **facts: object) -> str:
    return message(key, "de", **facts)


def firm(vocabulary: Vocabulary, **changes: Any) -> World:
    facts: dict[str, Any] = {"kind": H + "company", "purpose": H + "research", "purpose_source": "declared", "uses": 1}
    facts |= {"agreement_at": NOW - 6000, "closure": vocabulary.closure, "now": NOW, "participant": "did:web:firm"}
    return World(**facts | changes)


def town(vocabulary: Vocabulary, **changes: Any) -> World:
    return firm(vocabulary, **{"kind": H + "municipality", "purpose": H + "winterService"} | changes)


def municipal(**slots: str) -> Policy:
    return parse(fill("municipal-purpose", {"until": "31.12.2027"} | slots))


def test_the_firm_is_refused_with_the_failed_clause_in_german(vocabulary: Vocabulary) -> None:
    """>> a company asks for an offer to municipalities  << one sentence that names the clause and the fact."""
    asker = firm(vocabulary, purpose=H + "winterService")
    decision = decide(municipal(), asker, "negotiation")
    assert explain(decision, german, vocabulary.labels("de")) == [
        "Bedingung „Teilnehmerart ist Kommune, Kreis oder Zweckverband“ nicht erfüllt:"
        " Die anfragende Stelle ist als „Unternehmen“ geführt."
    ]


def test_access_after_five_seconds_is_refused_with_the_time(vocabulary: Vocabulary) -> None:
    """>> access six seconds after the agreement  << the clause, and how much time has passed."""
    decision = decide(municipal(**{"valid-for": "PT5S"}), town(vocabulary), "access")
    assert explain(decision, german, vocabulary.labels("de")) == [
        "Bedingung „Zeit seit Vertragsschluss höchstens 5 Sekunden“ nicht erfüllt:"
        " Seit Vertragsschluss sind 6 Sekunden vergangen."
    ]


def test_the_contract_clause_by_clause(vocabulary: Vocabulary) -> None:
    """Template 3 in German with its badges: kind and time enforced, purpose and passing on by contract."""
    found = clauses(municipal(), german, vocabulary.labels("de"))
    assert found is not None
    assert [("  " * clause.level + clause.sentence, clause.badge) for clause in found] == [
        ("Erlaubt: Nutzung, wenn alle folgenden Voraussetzungen erfüllt sind.", "enforced"),
        ("  Voraussetzung: Teilnehmerart ist Kommune, Kreis oder Zweckverband.", "enforced"),
        ("  Voraussetzung: Zweck gehört zu Verwaltungsaufgaben.", "contractual"),
        ("  Voraussetzung: Zugriff bis einschließlich 31.12.2027.", "enforced"),
        ("Verboten: Weitergabe.", "contractual"),
        ("Verboten: Training von KI-Modellen.", "contractual"),
        ("Widersprechen sich Erlaubnis und Verbot, gilt das Verbot.", "enforced"),
    ]


def use(*constraints: object, **members: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints)}]} | members


def atom(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


KIND = atom(H + "participantKind", "isAnyOf", [H + "county"])
ODD = atom("partner", "eq", "gold")


@pytest.mark.parametrize(
    ("document", "changes", "fragment"),
    [
        (use(ODD), {}, "partner eq gold"),
        (use({"@id": "urn:c"}), {}, "urn:c"),
        (use(KIND), {"kind": None}, "keine Angabe"),
        (use(KIND), {"kind": H + "company"}, "Unternehmen"),
        (use(atom("odrl:purpose", "isPartOf", H + "operations")), {"purpose": "urn:new"}, "in keinem Verzeichnis"),
        (use(atom("odrl:dateTime", "lt", "2026-01-01T00:00:00+01:00")), {}, "18.11.2026, 12:06:46 Uhr (UTC+01:00)"),
        (use(atom("odrl:count", "lteq", "2")), {"uses": 1003}, "Nutzung Nummer 1.003"),
        (use(atom(H + "memberOf", "eq", "urn:ikz")), {"groups": frozenset()}, "keiner Gruppe"),
        (use(atom(H + "participant", "eq", "did:web:x")), {}, "Angefragt hat did:web:firm"),
        (use(atom(H + "adminLevel", "eq", H + "stateLevel")), {"admin_level": H + "countyLevel"}, "Kreisebene"),
        (use({"or": [KIND, atom("odrl:count", "lt", "1")]}), {}, "mindestens eine der Bedingungen gilt"),
        (use({"xone": [KIND, KIND]}), {}, "genau eine der Bedingungen gilt"),
        (use(), {"action": "http://www.w3.org/ns/odrl/2/sell"}, "„Verkauf“ ist nicht erlaubt; erlaubt ist „Nutzung“"),
        (use(permission={"action": "ex:fly"}), {}, "„ex:fly“ wird nicht verstanden"),
        (use(prohibition={"action": "use"}), {}, "„Nutzung“ ist verboten"),
        (use(permission={"action": "use", "duty": {"action": "odrl:compensate"}}), {}, "„Bezahlung“ muss vor"),
        (use(permission={"action": "use", "duty": {"action": "odrl:anonymize"}}), {}, "„Anonymisierung“ kann bei"),
        (use(profile="urn:p"), {}, "Regelprofil „urn:p“"),
        (use(**{"ex:unless": "x"}), {}, "„ex:unless“ wird nicht verstanden"),
        (use(**{"odrl:conflict": "ex:coin"}), {}, "Konfliktregel „ex:coin“"),
        (use(**{"@type": "Ticket"}), {}, "Regelart „Ticket“"),
        (use(assignee="did:web:other"), {}, "nicht für did:web:firm"),
        (use(target="urn:a"), {"target": "urn:b"}, "nicht für urn:b"),
        ({}, {}, "enthält keine Erlaubnis"),
    ],
    ids=str,
)  # fmt: skip
def test_every_reason_has_a_sentence(
    vocabulary: Vocabulary, document: dict[str, Any], changes: dict[str, Any], fragment: str
) -> None:
    """A refusal is never silent, and both languages give the same number of sentences."""
    decision = decide(parse(document), firm(vocabulary, **changes), "access")
    assert not decision.permit
    said = explain(decision, german, vocabulary.labels("de"))
    assert len(said) == 1
    assert fragment in said[0]
    english = explain(decision, lambda key, /, **f: message(key, "en", **f), vocabulary.labels("en"))
    assert len(english) == 1
    assert english != said


def test_a_permit_has_no_reasons_against(vocabulary: Vocabulary, say: Say, lang: str) -> None:
    """>> a municipality, the agreed purpose  << permitted, nothing to explain."""
    assert explain(decide(municipal(), town(vocabulary), "access"), say, vocabulary.labels(lang)) == []


def test_a_prohibition_is_named_only_if_it_is_the_reason(vocabulary: Vocabulary) -> None:
    """Who fails the condition anyway reads only that."""
    document = use(KIND, prohibition={"action": "odrl:distribute"})
    asker = firm(vocabulary, action="http://www.w3.org/ns/odrl/2/distribute")
    assert "Unternehmen" in "".join(explain(decide(parse(document), asker, "access"), german, vocabulary.labels("de")))
    county = firm(vocabulary, kind=H + "county", action=asker.action)
    assert explain(decide(parse(document), county, "access"), german, vocabulary.labels("de")) == [
        "Die Handlung „Weitergabe“ ist verboten."
    ]


@pytest.mark.parametrize(
    "document",
    [
        use(ODD),
        use({"@id": "urn:c"}),
        use({"or": [KIND, ODD]}),
        use(KIND | {"ex:unless": "x"}),
        use(atom(H + "participantKind", "eq", "urn:unheard")),
        use(atom(H + "participant", "eq", "did:web:a und alle anderen")),
        use(atom("odrl:dateTime", "lt", "2027-01-01T00:00:00.5Z")),
        use(profile="urn:p"),
        use(**{"ex:unless": "x"}),
        use(**{"odrl:conflict": "ex:coin"}),
        use(permission={"action": "ex:fly"}),
        use(permission={"action": "use", "assignee": "did:web:x"}),
        use(permission={"action": {"@id": "odrl:use", "refinement": KIND}}),
        use(permission={"action": "use", "duty": {"action": "ex:dance"}}),
        use(permission={"action": "use", "duty": {"action": "odrl:attribute", "constraint": ODD}}),
        use(prohibition={"action": "use", "remedy": {"action": "odrl:delete"}}),
        use(obligation={"action": "odrl:delete", "consequence": {"action": "odrl:inform"}}),
        {},
    ],
    ids=str,
)
def test_what_cannot_be_said_completely_is_not_said(vocabulary: Vocabulary, say: Say, lang: str, document: Any) -> None:
    """No summary of a policy of which one part has no words."""
    assert clauses(parse(document), say, vocabulary.labels(lang)) is None


VALUES = {
    Type.INSTANT: ("2027-03-01T10:30:00+01:00", "2027-03-01T00:00:00+01:00", "2027-03-01"),
    Type.DURATION: ("PT5S", "P1DT1H1M1S", "PT0S"),
    Type.INTEGER: ("1", "10000"),
    Type.CONCEPT: (H + "county", H + "research"),
    Type.IRI: ("did:web:a",),
    Type.TEXT: ("Stadt Musterstadt",),
}


def test_every_clause_we_understand_has_its_own_words(vocabulary: Vocabulary, say: Say, lang: str) -> None:
    """Each operand with each of its operators and values: a sentence in both languages, and no two alike."""
    said: dict[str, object] = {}
    for iri, operand in REGISTRY.items():
        for operator in sorted(operand.operators):
            for text in VALUES[operand.type]:
                (rule,) = parse(use(atom(iri, operator, text))).permissions
                words = clause_text(rule.constraints[0], say, vocabulary.labels(lang))
                assert words is not None
                (found,) = rule.constraints
                assert isinstance(found, Atom)
                assert words not in said or same_meaning(found, said[words]), words
                said[words] = found


def same_meaning(one: Atom, other: object) -> bool:
    """`isNoneOf` a single value reads as `neq`, `isAllOf` and `hasPart` alike, and days by where they begin and end."""
    alike = ({"isNoneOf", "neq"}, {"isAllOf", "hasPart"}, {"lt", "lteq"}, {"gt", "gteq"}, {"eq", "isAnyOf"})
    return (
        isinstance(other, Atom) and one.left == other.left and any({one.operator, other.operator} <= s for s in alike)
    )


SLOTS: dict[str, list[dict[str, str]]] = {
    "municipal-purpose": [
        {"until": "31.12.2027"},
        {"until": "30.12.2027"},
        {"until": "31.12.2027", "kinds": "county"},
        {"until": "31.12.2027", "purpose": "research"},
        {"until": "31.12.2027", "purpose": "research, testing"},
        {"until": "31.12.2027", "valid-for": "PT5S"},
        {"until": "31.12.2027", "valid-for": "P5D"},
    ],
    "pilot": [
        {"from": "1.12.2026", "until": "31.12.2026"},
        {"from": "2.12.2026", "until": "31.12.2026"},
        {"from": "1.12.2026", "until": "31.12.2026", "count": "7"},
    ],
    "open-attribution": [{"source": "Stadt Musterstadt"}, {"source": "Stadt Nachbardorf"}],
    "municipalities-only": [{}, {"kinds": "municipality"}],
}


@pytest.mark.parametrize("template", SLOTS)
def test_different_slots_give_different_contracts(vocabulary: Vocabulary, say: Say, lang: str, template: str) -> None:
    """Sentence and rule come from one model: whatever changes the rule changes what people read."""
    policies = [parse(fill(template, slots)) for slots in SLOTS[template]]
    said = [clauses(policy, say, vocabulary.labels(lang)) for policy in policies]
    texts = {tuple((clause.sentence, clause.badge) for clause in clauses_ or ()) for clauses_ in said}
    assert None not in said
    assert len(texts) == len(set(policies)) == len(policies)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 Sekunden"),
        (1000, "1 Sekunde"),
        (90_061_500, "1 Tag, 1 Stunde, 1 Minute, 1 Sekunde und 500 Millisekunden"),
        (172_800_000, "2 Tage"),
    ],
)
def test_durations_in_words(milliseconds: int, words: str) -> None:
    """Days to milliseconds, without zero parts."""
    assert length(milliseconds, german) == words


def test_the_tree_and_the_report_are_plain_values(vocabulary: Vocabulary, say: Say, lang: str) -> None:
    """Every clause stands in the JSON tree with state, words and source, and in the wordless report."""
    decision = decide(municipal(), firm(vocabulary), "access")
    permission = tree(decision.tree, say, vocabulary.labels(lang))["children"][0]  # type: ignore[index]
    connective = permission["children"][1]
    assert [child["state"] for child in connective["children"]] == ["no", "no", "yes"]
    assert connective["children"][0]["source"] == "verified-credential"
    assert connective["children"][0]["actual"] == [H + "company"]
    steps = report(decision)["steps"]
    assert isinstance(steps, list)
    assert [step["state"] for step in steps if step["kind"] == "constraint"] == ["no", "no", "yes"]


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    """A sentence in one language exists in the other and takes the same facts."""
    import re

    words = [
        {k: v for k, v in catalogue(lang).items() if k.startswith(("policy.", "error.policy."))} for lang in LANGUAGES
    ]
    assert words[0].keys() == words[1].keys()
    for key, text in words[0].items():
        names = [sorted(set(re.findall(r"{(\w+)", t))) for t in (text, words[1][key])]
        assert names[0] == names[1], key


def test_every_label_of_an_action_is_of_a_known_action() -> None:
    """No label stands in the catalogue for an action that the hierarchy lacks."""
    names = {iri.rpartition("#")[2].rpartition("/")[2] for iri in ACTIONS}
    labelled = {key.rpartition(".")[2] for key in catalogue("de") if key.startswith("policy.action.")}
    assert labelled <= names
