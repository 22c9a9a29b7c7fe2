"""The reason tree as indented text, in both languages: why, why not, and on whose word."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.concepts import vocabulary as read
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.advice.advice import advise
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact
from connector.kernel.policy.odrl.values import MILLION
from connector.kernel.policy.wording.outline import outline
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import amount
from tests.kernel.policy.cases import KIND, NOW, ODD, H, atom, firm, municipal, town, use, words_of
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.drafts import granting, policies

POUNDS = Fact(5 * MILLION, unit="urn:pound")
SIZE_OF = "http://www.w3.org/ns/odrl/2/absoluteSize"
SIZE = atom("odrl:absoluteSize", "lteq", "10", unit="http://qudt.org/vocab/unit/BYTE")


def lines(document: Any, world: Any, words: Words, phase: Any = "access") -> list[str]:
    return outline(decide(parse(document), world, phase), words).split("\n")


def test_a_refusal_in_german(vocabulary: Vocabulary, german: Words) -> None:
    """>> a company that declares research, at the data access  << each clause with its value and its source."""
    assert outline(decide(municipal(), firm(vocabulary), "access"), german, "Was hilft: nichts.").split("\n") == [
        "ABGELEHNT: Nutzung (Datenzugriff, 18.11.2026, 12:06:46 Uhr (MEZ))",
        "+- Erlaubnis „Nutzung“ gilt nicht",
        "|  +- [ja]     Handlung „Nutzung“",
        "|  +- [NEIN]   alle folgenden Bedingungen gelten",
        "|  |  +- [NEIN]   Teilnehmerart ist Kommune, Kreis oder Zweckverband; festgestellt: Unternehmen (Nachweis)",
        "|  |  +- [NEIN]   Zweck liegt im Bereich Verwaltungsaufgaben; festgestellt: Forschung (Selbstauskunft)",
        "|  |  +- [ja]     Zugriff bis einschließlich 31.12.2027 (gemessen)",
        "+- Verbot „Weitergabe“ greift hier nicht",
        "+- Verbot „öffentliche Darbietung“ greift hier nicht",
        "+- Verbot „Einräumung von Nutzungsrechten“ greift hier nicht",
        "+- Verbot „Weitergabe der Regeln“ greift hier nicht",
        "+- Verbot „Verbreitung“ greift hier nicht",
        "+- Verbot „nichtgewerbliches Teilen“ greift hier nicht",
        "+- Verbot „Training von KI-Modellen“ greift hier nicht",
        "+- [offen]  Allgemeine Pflicht „Löschung“; Frist: bis einschließlich 31.01.2028",
        "+- Was hilft: nichts.",
    ]


def test_a_permit_says_why_just_as_well(vocabulary: Vocabulary, german: Words) -> None:
    """>> a municipality with the agreed purpose  << every clause answered with yes."""
    text = outline(decide(municipal(), town(vocabulary), "access"), german)
    assert text.startswith("ERLAUBT: Nutzung")
    assert "+- Erlaubnis „Nutzung“ gilt\n" in text
    assert "[NEIN]" not in text


def test_what_is_decided_later_says_so(vocabulary: Vocabulary, words: Words, lang: str) -> None:
    """>> the catalogue, which knows no purpose yet  << later."""
    text = outline(decide(municipal(), town(vocabulary), "catalog"), words)
    assert {"de": "[später] Zweck", "en": "[later]  purpose"}[lang] in text


@pytest.mark.parametrize(
    ("document", "changes", "line"),
    [
        (use(ODD), {}, "|  +- [?]      „partner ist genau gold“ wird nicht verstanden und gilt als nicht erfüllt"),
        (use({"@id": "urn:c"}), {}, '|  +- [?]      „{"@id":"urn:c"}“ wird nicht verstanden und gilt als nicht erf'),
        (use(KIND), {"facts": {}}, "|  +- [?]      Teilnehmerart ist Kreis: keine Angabe; gilt als nicht erfüllt"),
        (
            use(prohibition={"action": "use", "constraint": KIND}),
            {"facts": {}},
            "|  +- [?]      Teilnehmerart ist Kreis: keine Angabe; gilt als erfüllt",
        ),
        (use(prohibition={"action": "use", "constraint": KIND}), {"facts": {}}, "+- Verbot „Nutzung“ greift"),
        (
            use(atom("odrl:purpose", "eq", H + "research")),
            {"purpose": None, "purpose_source": "contractual"},
            "|  +- [ja]     Zweck ist genau Forschung (durch Annahme des Vertrags zugesagt)",
        ),
        (
            use(atom("odrl:purpose", "isA", H + "operations")),
            {"purpose": "urn:new"},
            "|  +- [?]      Zweck ist eine Art von Betrieb kommunaler Infrastruktur: der Wert ist in "
            "keinem Verzeichnis",
        ),
        (use({"or": [KIND, KIND]}), {}, "|  +- [NEIN]   mindestens eine der folgenden Bedingungen gilt"),
        (use(permission={"action": "use", "assignee": "did:web:x"}), {}, "|  +- [NEIN]   Teilnehmer: did:web:firm"),
        (
            use(permission={"action": "use", "duty": {"action": "odrl:compensate"}}),
            {},
            "|  +- [NEIN]   Pflicht „Bezahlung“",
        ),
        (
            use(**{"@type": "Offer"}),
            {},
            "+- [NEIN]   ein Angebot ist noch kein Vertrag; Übertragung und Zugriff erlaubt erst der Vertrag",
        ),
        (use(**{"@type": "Request"}), {}, "+- [NEIN]   eine Anfrage ist noch kein Vertrag"),
        (use(**{"@type": "Ticket"}), {}, "+- [?]      Regelart „Ticket“ wird nicht verstanden"),
        (
            use(SIZE),
            {"facts": {SIZE_OF: Fact(5 * MILLION)}},
            "|  +- [?]      Größe höchstens 10 Byte: dem Wert fehlt die Einheit; gilt als nicht erfüllt; festges",
        ),
        (
            use(SIZE),
            {"facts": {SIZE_OF: POUNDS}},
            "|  +- [?]      Größe höchstens 10 Byte: der Wert hat eine andere Einheit; gilt als nicht erfüllt; "
            "festgestellt: 5 urn:pound",
        ),
        (
            use(KIND),
            {"facts": {H + "participantKind": Fact(frozenset({H + "county"}), "declared")}},
            "|  +- [?]      Teilnehmerart ist Kreis: eine Selbstauskunft genügt hier nicht; gilt als nicht erfüllt; "
            "festgestellt: Kreis (Selbstauskunft)",
        ),
        (
            use(atom("odrl:dateTime", "lt", "2026-01-01T00:00:00+01:00")),
            {},
            "|  +- [NEIN]   Zugriff bis einschließlich 31.12.2025; abgelaufen seit 01.01.2026; "
            "festgestellt: 18.11.2026",
        ),
        (use(profile="urn:p"), {}, "+- [?]      Regelprofil „urn:p“ wird nicht verstanden"),
        ({}, {}, "+- [NEIN]   keine Erlaubnis enthalten"),
    ],
    ids=str,
)
def test_every_kind_of_step_has_its_line(
    vocabulary: Vocabulary, german: Words, document: Any, changes: Any, line: str
) -> None:
    """What is unknown is said to count on the safe side, and which side that is."""
    assert any(found.startswith(line) for found in lines(document, firm(vocabulary, **changes), german))


def test_a_breach_that_suspends_access_is_said(vocabulary: Vocabulary, german: Words) -> None:
    """>> an overdue deletion, else access is suspended << the duty with its end, and that it suspends."""
    overdue = {"action": "odrl:delete", "constraint": atom(H + "dueBy", "lteq", "2026-01-31")}
    document = use(obligation={**overdue, "consequence": {"action": H + "suspendAccess"}})
    assert "+- [NEIN]   Allgemeine Pflicht „Löschung“: verletzt, der Zugriff ist gesperrt" in lines(
        document, firm(vocabulary), german
    )


def test_evidence_is_named(vocabulary: Vocabulary, german: Words) -> None:
    """>> a value with the credential it comes from  << named behind it."""
    fact = Fact(frozenset({H + "county"}), "verified-credential", "urn:vc:4711")
    world = firm(vocabulary, facts={H + "participantKind": fact})
    assert "|  +- [ja]     Teilnehmerart ist Kreis (Nachweis: urn:vc:4711)" in lines(use(KIND), world, german)


@pytest.mark.parametrize("evidence", ["", "urn:vc:1"])
def test_each_value_of_a_clause_is_told_not_the_one_before(
    vocabulary: Vocabulary, german: Words, evidence: str
) -> None:
    """>> a company, then a municipality, by the same words << each is told that it is no county, and what it is."""
    program = compile(parse(use(KIND)))
    for kind, said in (("company", "Unternehmen"), ("municipality", "Kommune")):
        fact = Fact(frozenset({H + kind}), "verified-credential", evidence)
        decision = program.examine(firm(vocabulary, facts={H + "participantKind": fact}), "access")
        assert f"[NEIN]   Teilnehmerart ist Kreis; festgestellt: {said} (Nachweis" in outline(decision, german)


def steps(node: Node) -> int:
    return 1 + sum(steps(child) for child in node.children)


@settings(max_examples=amount(40, 100), deadline=None)
@given(document=policies)
def test_any_decision_can_be_shown_in_both_languages(document: Any) -> None:
    """Whatever the policy: one line for every step shown, and the same lines in both languages."""
    vocabulary = read()
    decision = decide(parse(document), firm(vocabulary), "access")
    german, english = (outline(decision, words_of(vocabulary, lang)).split("\n") for lang in ("de", "en"))
    assert len(german) == len(english) <= steps(decision.tree)
    assert [line.index("+-") for line in german[1:]] == [line.index("+-") for line in english[1:]]


SHARED = words_of(read(), "de")


@settings(max_examples=amount(50, 150), deadline=None)
@given(
    document=granting | policies,
    kinds=st.lists(st.sampled_from(["county", "company", "municipality"]), min_size=2, max_size=3),
    evidence=st.sampled_from(["", "urn:vc:1"]),
    used=st.sampled_from([1, 9]),
)
def test_what_was_said_before_changes_nothing(document: Any, kinds: list[str], evidence: str, used: int) -> None:
    """>> many decisions told by the same words  << each reads as if it were the first."""
    program = compile(parse(document))
    for number, kind in enumerate(kinds):
        fact = Fact(frozenset({H + kind}), "verified-credential", evidence)
        world = firm(read(), facts={H + "participantKind": fact}, uses={"": used}, now=NOW + number * 10**9)
        for phase in PHASES:
            decision = program.examine(world, phase)
            fresh = words_of(read(), "de")
            assert outline(decision, SHARED) == outline(decision, fresh)
            assert advise(decision, SHARED) == advise(decision, fresh)
