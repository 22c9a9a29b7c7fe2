"""A whole policy in sentences: clause by clause with badges, in both languages, or not at all."""

from typing import Any

import pytest
from hypothesis import given, settings

from connector.data.catalogue.concepts import vocabulary as read
from connector.data.catalogue.templates.templates import fill
from connector.kernel.metadata.lists.code_lists import LICENSES, code_lists
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.wording.badges import coverage
from connector.kernel.policy.wording.narrate import PASSING_ON, narrate
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import amount
from tests.kernel.policy.cases import KIND, ODD, H, atom, municipal, use, words_of
from tests.kernel.policy.drafts import policies


def said(document: Any, words: Words) -> list[tuple[str, str]]:
    found = narrate(parse(document), words)
    assert found is not None
    return [("  " * clause.level + clause.sentence, clause.badge) for clause in found]


def test_the_contract_clause_by_clause(german: Words) -> None:
    """Template 3 in German with its badges: kind and time enforced, deletion monitored, the rest by contract."""
    found = narrate(municipal(), german)
    assert found is not None
    assert [("  " * clause.level + clause.sentence, clause.badge) for clause in found] == [
        ("Erlaubt: Nutzung, wenn alle folgenden Voraussetzungen erfüllt sind.", "enforced"),
        ("  Voraussetzung: Teilnehmerart ist Kommune, Kreis oder Zweckverband.", "enforced"),
        ("  Voraussetzung: Zweck liegt im Bereich Verwaltungsaufgaben.", "contractual"),
        ("  Voraussetzung: Zugriff bis einschließlich 31.12.2027.", "enforced"),
        (
            "Verboten: Weitergabe in jeder Form (Weitergabe, öffentliche Darbietung, Einräumung von Nutzungsrechten,"
            " Weitergabe der Regeln, Verbreitung und nichtgewerbliches Teilen).",
            "contractual",
        ),
        ("Verboten: Training von KI-Modellen.", "contractual"),
        ("Allgemeine Pflicht: Löschung; spätestens am 31.01.2028.", "monitored"),
        ("  Folge bei Verstoß: Sperrung des Zugriffs.", "monitored"),
        ("Widersprechen sich Erlaubnis und Verbot, gilt das Verbot.", "enforced"),
    ]


FOREIGN = {
    "permission": [
        {
            "action": {"value": "odrl:use", "refinement": atom("odrl:resolution", "lteq", "300")},
            "assignee": {"@type": "PartyCollection", "source": "urn:ikz", "refinement": KIND},
            "target": ["urn:a", "urn:b"],
            "constraint": [{"or": [KIND, atom("odrl:count", "lteq", "9")]}],
            "duty": [
                {
                    "action": "odrl:compensate",
                    "constraint": [
                        atom("odrl:payAmount", "eq", "12.5", unit="http://qudt.org/vocab/unit/EUR"),
                        atom("odrl:purpose", "isAnyOf", [H + "research"]),
                    ],
                }
            ],
        }
    ],
    "prohibition": [
        {
            "action": "odrl:sell",
            "odrl:remedy": {"action": "odrl:delete", "constraint": atom(H + "dueWithin", "lteq", "violation+P1D")},
        }
    ],
}


def test_everything_a_foreign_policy_may_say_has_its_sentence(german: Words) -> None:
    """Collections, targets, refinements, alternatives, amounts with units, conditions of a duty, remedies."""
    assert said(FOREIGN, german) == [
        ("Erlaubt: Nutzung, wenn alle folgenden Voraussetzungen erfüllt sind.", "enforced"),
        ("  Nur für: Mitglieder von urn:ikz, für die gilt: Teilnehmerart ist Kreis.", "contractual"),
        ("  Gilt für die Daten: urn:a.", "enforced"),
        ("  Gilt für die Daten: urn:b.", "enforced"),
        ("  Art und Weise: Auflösung höchstens 300.", "enforced"),
        (
            "  Voraussetzung: mindestens eine der Bedingungen gilt:"
            " (Teilnehmerart ist Kreis); (Anzahl der Nutzungen höchstens 9).",
            "enforced",
        ),
        ("  Pflicht: Bezahlung; Betrag ist genau 12,50 Euro; nur falls gilt: Zweck ist Forschung.", "contractual"),
        ("Verboten: Verkauf.", "contractual"),
        ("  Abhilfe bei Verstoß: Löschung; spätestens 1 Tag nach dem Verstoß.", "contractual"),
        ("Widersprechen sich Erlaubnis und Verbot, ist nichts erlaubt.", "enforced"),
    ]


def test_a_daily_quota_is_one_sentence(german: Words) -> None:
    """>> at most 1000 uses, counted by the day  << the window is named in the clause about the count."""
    quota = use({"and": [atom("odrl:count", "lteq", "1000"), atom("odrl:timeInterval", "eq", "P1D")]})
    assert said(quota, german) == [
        ("Erlaubt: Nutzung, wenn alle folgenden Voraussetzungen erfüllt sind.", "enforced"),
        ("  Voraussetzung: Anzahl der Nutzungen je Kalendertag höchstens 1.000.", "enforced"),
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
        use(atom("odrl:timeInterval", "eq", "P1D")),
        use(profile="urn:p"),
        use(inheritFrom="urn:p"),
        use(**{"ex:unless": "x"}),
        use(**{"@type": "Ticket"}),
        use(**{"odrl:conflict": "ex:coin"}),
        use(permission={"action": "ex:fly"}),
        use(permission={"action": "use", "ex:unless": "x"}),
        use(permission={"action": "use", "assignee": {"@type": "PartyCollection", "ex:whoever": "x"}}),
        use(permission={"action": "use", "assignee": "alle, die es wollen"}),
        use(permission={"action": {"value": "odrl:use", "refinement": ODD}}),
        use(permission={"action": "use", "duty": {"action": "ex:dance"}}),
        use(permission={"action": "use", "duty": {"action": "odrl:attribute", "constraint": ODD}}),
        use(prohibition={"action": "use", "remedy": {"action": "ex:dance"}}),
        use(obligation={"action": "odrl:delete", "consequence": {"action": "ex:dance"}}),
        use(obligation={"action": "odrl:delete", "constraint": atom(H + "dueWithin", "lteq", "irgendwann+P1D")}),
        {"obligation": {"action": "odrl:delete"}},
        {},
    ],
    ids=str,
)
def test_what_cannot_be_said_completely_is_not_said(words: Words, document: Any) -> None:
    """No summary of a policy of which one part has no words."""
    assert narrate(parse(document), words) is None


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
def test_different_slots_give_different_contracts(words: Words, template: str) -> None:
    """Sentence and rule come from one model: whatever changes the rule changes what people read."""
    found = [parse(fill(template, slots)) for slots in SLOTS[template]]
    texts = {tuple((clause.sentence, clause.badge) for clause in narrate(policy, words) or ()) for policy in found}
    assert () not in texts
    assert len(texts) == len(set(found)) == len(found)


@settings(max_examples=amount(50, 150), deadline=None)
@given(document=policies)
def test_both_languages_say_the_same_policies_with_the_same_badges(document: Any) -> None:
    """Whatever the policy: complete in both or in neither, as many statements, each with a place in the report."""
    policy = parse(document)
    german, english = (narrate(policy, words_of(read(), lang)) for lang in ("de", "en"))
    assert (german is None) == (english is None)
    if german is not None and english is not None:
        assert [(s.where, s.badge, s.level) for s in german] == [(s.where, s.badge, s.level) for s in english]
        rows = {row.where: row.badge for row in coverage(policy)}
        assert [rows[statement.where] for statement in german] == [statement.badge for statement in german]
        assert all("not-understood" not in row.notes for row in coverage(policy))


def test_bug_a_party_of_the_policy_beside_that_of_its_permission_left_the_policy_without_sentences(
    words: Words,
) -> None:
    """>> the policy for two partners and two assets, its permission for others << both said: for whom both name."""
    rule = {"action": "use", "assignee": "did:web:c", "target": "urn:z"}
    document = {"permission": [rule], "assignee": ["did:web:a", "did:web:b"], "target": ["urn:x", "urn:y"]}
    lines = [sentence for sentence, _ in said(document, words)]
    assert [line.rsplit(" ", 1)[1] for line in lines[1:]] == [
        "did:web:c.",
        "did:web:a.",
        "did:web:b.",
        "urn:z.",
        "urn:x.",
        "urn:y.",
    ]
    assert "zugleich" in lines[2] or "same time" in lines[2]
    assert lines[1].split(":")[0] != lines[2].split(":")[0]


def test_bug_the_licence_was_said_as_an_iri(words: Words, lang: str) -> None:
    """>> template 1 with each licence that it takes << the name that the list of licences has, in both languages."""
    for licence in code_lists().values(LICENSES):
        if licence.open and licence.attribution:
            lines = said(fill("open-attribution", {"source": "Stadt", "licence": licence.code}), words)
            assert any(licence.label(lang) in sentence for sentence, _ in lines)
            assert not any("http" in sentence for sentence, _ in lines)


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize(
    "more", [None, {"constraint": [KIND]}, {"assignee": "did:web:a"}, {"remedy": [{"action": "odrl:delete"}]}]
)
def test_passing_on_is_one_sentence_only_where_each_name_is_forbidden_without_more(
    german: Words, at: int, more: dict[str, Any] | None
) -> None:
    """>> five of the six names; six, of which one on a condition, to somebody, with a remedy << each is said."""
    rules: list[dict[str, Any]] = [{"action": name} for name in sorted(PASSING_ON)]
    whole = use() | {"prohibition": rules}
    assert sum("Verboten" in sentence for sentence, _ in said(whole, german)) == 1
    rules = [*rules[:at], *([rules[at] | more] if more else []), *rules[at + 1 :]]
    lines = [sentence for sentence, _ in said(use() | {"prohibition": rules}, german) if "Verboten" in sentence]
    assert len(lines) == len(rules)
    assert "in jeder Form" not in str(lines)
