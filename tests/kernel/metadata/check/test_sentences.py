"""Every rule has a sentence in both languages that says what to do; a finding shows the value."""

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from connector.foundation.language import catalogue
from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import Finding, Profile, Severity
from connector.kernel.metadata.check.rules import rules
from connector.kernel.metadata.check.sentences import asked, sentence
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import AUTHORITY, DCAT, DCT, RDF

FILE = NamedNode("https://town.example/trees#csv")


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_rule_has_a_sentence(lang: str) -> None:
    told = {rule.id: asked(rule, lang) for rule in rules()}
    assert [name for name, text in told.items() if not text.endswith(".") or "{" in text or "„“" in text] == []
    assert len(set(told.values())) > 250


def test_no_sentence_of_its_own_is_for_a_rule_that_is_gone() -> None:
    names = {rule.id.removeprefix("de-").removeprefix("hvd-") for rule in rules()}
    own = [key.rpartition(".")[2] for key in catalogue("de") if key.startswith("metadata-check.rule.")]
    assert own
    assert set(own) <= names


def found(*triples: Triple) -> dict[str, str]:
    catalogue = Graph([Triple(FILE, RDF.type, DCAT.Distribution), *triples])
    return {one.rule: sentence(one, "de") for one in check(catalogue, Profile.DE)}


def test_what_is_missing_and_what_is_wrong_is_said() -> None:
    """>> a distribution without licence, in a language that is on no list << two sentences; the value is shown."""
    told = found(Triple(FILE, DCT.language, NamedNode(AUTHORITY + "language/GER")))
    assert told == {
        "Distribution-dcat-accessURL-min": "Distribution: Die Zugangsadresse fehlt. Bitte angeben, wo die Daten zu"
        " finden sind; bei einem bloßen Download ist es dieselbe Adresse.",
        "de-Distribution-dct-license-min": "Distribution: Die Lizenz fehlt. Bitte eine Lizenz der Liste wählen; ohne"
        " sie darf niemand die Daten nutzen.",
        "de-Distribution-dct-language-list": "Distribution: „Sprache“ muss aus der Liste „Sprachen“ stammen. Bitte"
        f" einen Wert der Liste wählen. Angegeben ist: {AUTHORITY}language/GER",
    }


def test_advice_is_no_demand() -> None:
    """>> a licence on no list, which is a warning << it should, not it must."""
    told = found(Triple(FILE, DCT.license, NamedNode("https://town.example/licence")))
    assert told["de-Distribution-dct-license-list"].startswith("Distribution: „Lizenz“ sollte aus der Liste")
    assert not any("muss" in asked(rule, "de") for rule in rules() if rule.severity is Severity.WARNING)


def test_a_number_tells_its_datatype() -> None:
    """>> a number of bytes as text << what looks right is said to be a text."""
    told = found(Triple(FILE, DCAT.byteSize, Literal("1024")))["Distribution-dcat-byteSize-datatype"]
    assert told.endswith('mit dem Datentyp xsd:nonNegativeInteger sein. Angegeben ist: "1024" (xsd:string)')


def test_a_long_value_is_cut() -> None:
    told = found(Triple(FILE, DCAT.accessURL, Literal("x" * 100_000)))["Distribution-dcat-accessURL-kind"]
    assert told.endswith("…")
    assert len(told) < 400


def test_the_sentence_of_an_official_shape_is_passed_on() -> None:
    """Its own words, or the name of the constraint where it has none; the property by its short name."""
    one = Finding(
        severity=Severity.VIOLATION,
        node=FILE,
        path=DCT.title.value,
        rule="https://town.example/shapes#Title",
        component="MinCountConstraintComponent",
        text="Less than 1 values",
    )
    assert sentence(one, "en") == "dct:title: Less than 1 values."
