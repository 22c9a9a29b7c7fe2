"""Words for the parts of a rule, in both languages: every operand, operator, action, figure, party."""

import re
from typing import Any

import pytest

from connector.language import LANGUAGES, catalogue
from connector.policy.odrl.identifiers import REGIONAL_KEY
from connector.policy.odrl.model import Atom, Clause
from connector.policy.odrl.names import ACTIONS, HANSE, ODRL
from connector.policy.odrl.operands import REGISTRY
from connector.policy.odrl.parse import parse
from connector.policy.odrl.values import Type
from connector.policy.wording.words import Words, raw
from tests.policy.cases import KIND, ODD, H, atom, use

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
        ({"or": [KIND, atom("odrl:count", "lt", "2")]}, False,
         "mindestens eine der Bedingungen gilt: (Teilnehmerart ist Kreis); (Anzahl der Nutzungen weniger als 2)"),
        ({"xone": [KIND, KIND]}, False,
         "genau eine der Bedingungen gilt: (Teilnehmerart ist Kreis); (Teilnehmerart ist Kreis)"),
    ],
    ids=str,
)  # fmt: skip
def test_clauses_in_german(german: Words, constraint: Any, duty: bool, said: str) -> None:
    """Numbers, units, deadlines with their anchors, and connectives."""
    assert german.clause(clause(constraint, duty=duty)) == said


def test_a_count_names_the_window_it_counts_in(german: Words) -> None:
    """>> at most 1000 uses, counted by the day  << one clause; the window beside it needs no words of its own."""
    window = {"and": [atom("odrl:count", "lteq", "1000"), atom("odrl:timeInterval", "eq", "P1D")]}
    found = clause(window)
    assert german.clause(found) == "alle Bedingungen gelten: Anzahl der Nutzungen je Kalendertag höchstens 1.000"


@pytest.mark.parametrize(
    "constraint",
    [
        ODD,
        {"@id": "urn:c"},
        {"or": [KIND, ODD]},
        KIND | {"ex:unless": "x"},
        atom(H + "participantKind", "eq", "urn:unheard"),
        atom(H + "participant", "eq", "did:web:a und alle anderen"),
        atom(H + "participant", "eq", ""),
        atom("odrl:dateTime", "lt", "2027-01-01T00:00:00.5Z"),
        atom("odrl:timeInterval", "eq", "P1D"),
        atom(H + "dueBy", "lt", "2027-01-01"),
        atom("odrl:count", "isAnyOf", ["1", "2"]),
    ],
    ids=str,
)
def test_what_is_not_understood_has_no_words_but_is_shown_as_written(words: Words, constraint: Any) -> None:
    """None instead of a half sentence; for a refusal the clause is shown as it stands."""
    found = clause(constraint)
    assert words.clause(found) is None
    assert words.clause_text(found) == raw(found) != ""


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
