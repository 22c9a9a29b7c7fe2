"""Words for the parts of a rule, in both languages: every operand, operator, action, figure, party."""

import re
from typing import Any

import pytest

from connector.foundation.language import LANGUAGES, catalogue
from connector.kernel.policy.odrl.identifiers import REGIONAL_KEY
from connector.kernel.policy.odrl.model import Atom, Clause
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, ODRL
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.values import Type
from connector.kernel.policy.wording.words import Words
from tests.kernel.policy.cases import KIND, ODD, H, atom, use

VALUES = {
    Type.INSTANT: ("2027-03-01T10:30:00+01:00", "2027-03-01T00:00:00+01:00", "2027-03-01"),
    Type.DURATION: ("PT5S", "P1DT1H1M1S", "PT0S"),
    Type.INTEGER: ("1", "10000"),
    Type.DECIMAL: ("2.5", "1000", "-0.000001"),
    Type.CONCEPT: (H + "county", H + "research"),
    Type.IRI: ("did:web:a",),
    Type.TEXT: ("Stadt Musterstadt",),
    Type.LANGUAGE: ("de-DE",),
    Type.DUE: ("agreementEnd+P30D", "violation+PT0S", "access+PT1H"),
    Type.WINDOW: ("P1D", "P1M"),
}


def clause(constraint: object, *others: object, duty: bool = False) -> Clause:
    if not duty:
        return parse(use(constraint, *others)).permissions[0].constraints[0]
    policy = parse(use() | {"obligation": {"action": "odrl:delete", "constraint": constraint}})
    return policy.obligations[0].constraints[0]


def test_every_clause_we_understand_has_its_own_words(words: Words) -> None:
    """Each operand with each of its operators and values: a sentence in both languages, and no two alike."""
    said: dict[str, object] = {}
    for iri, operand in REGISTRY.items():
        for operator in sorted(operand.operators):
            for text in ("05515",) if operand.range == REGIONAL_KEY else VALUES[operand.type]:
                counted = [atom(ODRL + "count", "lteq", "1")] if operand.role == "window" else []
                found = clause(atom(iri, operator, text), *counted, duty=operand.in_duty in ("parameter", "deadline"))
                spoken = words.clause(found)
                assert spoken is not None, (iri, operator, text)
                assert isinstance(found, Atom)
                assert spoken not in said or same_meaning(found, said[spoken]), spoken
                said[spoken] = found


def same_meaning(one: Atom, other: object) -> bool:
    """`isNoneOf` a single value reads as `neq`, `isAllOf` and `hasPart` alike, and days by where they begin and end."""
    alike = ({"isNoneOf", "neq"}, {"isAllOf", "hasPart"}, {"lt", "lteq"}, {"gt", "gteq"}, {"eq", "isAnyOf"})
    return (
        isinstance(other, Atom) and one.left == other.left and any({one.operator, other.operator} <= s for s in alike)
    )


@pytest.mark.parametrize(
    ("constraint", "duty", "said"),
    [
        (atom("odrl:count", "lteq", "1000"), False, "Anzahl der Nutzungen höchstens 1.000"),
        (atom("odrl:absoluteSize", "lt", "2.5", unit="urn:unit#EUR"), False, "Größe weniger als 2,5 Euro"),
        (atom("odrl:resolution", "gt", "-1"), False, "Auflösung mehr als -1"),
        (atom("odrl:language", "isAnyOf", ["de", "en"]), False, "Sprache ist de oder en"),
        (atom(H + "dueBy", "lt", "2028-02-01T00:00:00+01:00"), True, "spätestens am 31.01.2028"),
        (atom(H + "dueBy", "lteq", "2028-02-01"), True, "spätestens am 01.02.2028"),
        (atom(H + "dueBy", "lt", "2028-02-01T10:00:00Z"), True, "vor 01.02.2028, 11:00:00 Uhr (MEZ)"),
        (atom(H + "dueWithin", "lteq", "agreementEnd+P30D"), True, "spätestens 30 Tage nach Ende der Vereinbarung"),
        (atom(H + "dueWithin", "lt", "firstAccess+PT1H"), True, "weniger als 1 Stunde nach dem ersten Zugriff"),
        (atom(H + "dueWithin", "lteq", "violation+PT0S"), True, "sofort bei dem Verstoß"),
        (atom(H + "kAnonymity", "gteq", "3"), True, "Fälle je Merkmalskombination mindestens 3"),
        (
            {"or": [KIND, atom("odrl:count", "lt", "2")]},
            False,
            "mindestens eine der Bedingungen gilt: (Teilnehmerart ist Kreis); (Anzahl der Nutzungen weniger als 2)",
        ),
        (
            {"xone": [KIND, KIND]},
            False,
            "genau eine der Bedingungen gilt: (Teilnehmerart ist Kreis); (Teilnehmerart ist Kreis)",
        ),
    ],
    ids=str,
)
def test_clauses_in_german(german: Words, constraint: Any, duty: bool, said: str) -> None:
    """Numbers, units, deadlines with their anchors, and connectives."""
    assert german.clause(clause(constraint, duty=duty)) == said


def test_a_count_names_the_window_it_counts_in(german: Words) -> None:
    """>> at most 1000 uses, counted by the day  << one clause; the window beside it needs no words of its own."""
    window = {"and": [atom("odrl:count", "lteq", "1000"), atom("odrl:timeInterval", "eq", "P1D")]}
    found = clause(window)
    assert german.clause(found) == "alle Bedingungen gelten: Anzahl der Nutzungen je Kalendertag höchstens 1.000"


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (ODD, "partner ist genau gold"),
        ({"@id": "urn:c"}, "die Bedingung urn:c, die hier nicht steht"),
        ({"ex:c": "x"}, "eine Bedingung in fremder Form"),
        (
            {"or": [KIND, ODD]},
            "mindestens eine der Bedingungen gilt: (Teilnehmerart ist Kreis); (partner ist genau gold)",
        ),
        (KIND | {"ex:unless": "x"}, "Teilnehmerart ist Kreis, mit weiteren Angaben (ex:unless)"),
        (atom(H + "participantKind", "eq", "urn:unheard"), "Teilnehmerart ist genau urn:unheard"),
        (atom(H + "participant", "eq", "did:web:a und alle"), "Teilnehmer ist genau „did:web:a und alle“"),
        (atom(H + "participant", "eq", ""), "Teilnehmer ist genau „“"),
        (atom(H + "participant", "isAnyOf", []), "Teilnehmer ist (ohne Vergleichswert)"),
        (atom(H + "participant", "eq", {"ex:a": "b"}), "Teilnehmer ist genau ein Wert in fremder Form"),
        (atom(H + "participant", "ex:like", "did:web:a"), "Teilnehmer ex:like did:web:a"),
        (
            atom("odrl:dateTime", "lt", "2027-01-01T00:00:00.5Z"),
            "Zeitpunkt des Zugriffs weniger als 2027-01-01T00:00:00.5Z",
        ),
        (atom("odrl:timeInterval", "eq", "P1D"), "Zeitraum der Zählung ist genau P1D"),
        (atom(H + "dueBy", "lt", "2027-01-01"), "Frist weniger als 2027-01-01"),
        (atom("odrl:count", "isAnyOf", ["1", "2"]), "Anzahl der Nutzungen ist 1 oder 2"),
        (
            atom("odrl:count", "lteq", "viele", unit="urn:unit#EUR"),
            "Anzahl der Nutzungen höchstens viele, in der Einheit Euro",
        ),
    ],
    ids=str,
)
def test_bug_what_is_not_understood_was_said_in_names_of_the_file(german: Words, constraint: Any, said: str) -> None:
    """No half sentence stands in a summary; of a refused clause the parts with words have them, the rest is quoted."""
    found = clause(constraint)
    assert german.clause(found) is None
    assert german.clause_text(found) == said


def test_what_is_said_once_of_a_clause_is_kept(words: Words) -> None:
    """The same clause gives the same text; an equal clause elsewhere is said anew and alike."""
    one, other = clause(KIND), clause(KIND)
    assert words.clause(one) is words.clause(one)
    assert words.clause(one) == words.clause(other)


def test_every_known_action_has_a_label_of_its_own(words: Words) -> None:
    """No action without words in either language, and no two with the same, namespaces apart."""
    labels = {iri: words.action(iri) for iri in ACTIONS}
    assert all(labels.values()), [iri for iri, label in labels.items() if not label]
    assert len(set(labels.values())) == len(labels)
    assert labels[HANSE + "aggregate"] != labels[ODRL + "aggregate"]


def test_every_registered_operand_has_a_label_of_its_own(words: Words) -> None:
    """All 34 of ODRL and our own, except that `dueBy` and `dueWithin` are said by their sentence."""
    labels = {iri: words.operand(iri) for iri in REGISTRY}
    assert all(labels.values()), [iri for iri, label in labels.items() if not label]
    assert len(set(labels.values())) == len(labels)


def test_a_missing_message_is_no_crash(words: Words) -> None:
    """An operand of a plug-in without a label cannot be said, and an action nobody knows has none."""
    assert words.spoken("policy.operand.nobody-wrote-this") is None
    assert words.operand("urn:nobody") is None
    assert words.action("ex:fly") is None
    assert words.action_text("ex:fly") == "ex:fly"


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    """A sentence in one language exists in the other and takes the same facts."""
    words = [
        {k: v for k, v in catalogue(lang).items() if k.startswith(("policy.", "error.policy."))} for lang in LANGUAGES
    ]
    assert words[0].keys() == words[1].keys()
    for key, text in words[0].items():
        names = [sorted(set(re.findall(r"{(\w+)", t))) for t in (text, words[1][key])]
        assert names[0] == names[1], key


def test_no_label_names_something_unknown() -> None:
    """Every label of an action or operand in the catalogues is of one that exists."""
    actions = {iri.rpartition("#")[2].rpartition("/")[2] for iri in ACTIONS} | {"aggregate-own"}
    operands = {operand.name for operand in REGISTRY.values()}
    for prefix, names in (("policy.action.", actions), ("policy.operand.", operands)):
        labelled = {key[len(prefix) :] for key in catalogue("de") if key.startswith(prefix)}
        assert labelled <= names, labelled - names
