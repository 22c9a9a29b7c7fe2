"""What belongs to a dataset of a foreign catalogue, and what is set aside with its reason."""

import pytest

from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.repair.ownership import MOST_TRIPLES, Aside, Found, datasets
from tests.kernel.metadata.repair.datasets import TREES, found, graph

LISTS = code_lists()


def reasons(turtle: str) -> list[str]:
    return [each.reason for each in datasets(graph(turtle), LISTS) if isinstance(each, Aside)]


def test_a_dataset_has_its_own_nodes_and_nothing_of_others() -> None:
    """>> one service for two datasets, an ontology in the delivery, a catalogue that leads to all << its own."""
    text = """
    :cat a dcat:Catalog ; dcat:dataset :trees, :lakes .
    :trees a dcat:Dataset ; dct:title "Bäume" ; dct:relation :lakes ; dcat:distribution :file ; dct:isPartOf :cat ;
      dcat:theme at:data-theme\\/ENVI ; dct:publisher :town ;
      dcat:contactPoint [ vcard:fn "Amt" ; vcard:hasRegion [ vcard:fn "x" ] ] .
    :file a dcat:Distribution ; dcat:accessService :api .
    :api a dcat:DataService ; dcat:servesDataset :trees, :lakes ; foaf:page :lakes .
    :town a foaf:Agent ; foaf:name "Stadt" .
    :lakes a dcat:Dataset ; dct:title "Seen" .
    dcat:Dataset a rdfs:Class ; rdfs:label "Dataset" . at:data-theme\\/ENVI skos:prefLabel "Umwelt" .
    """
    trees, lakes = found(text)
    assert (trees.iri, len(trees.triples)) == (TREES, 19)
    assert len(lakes.triples) == 2
    assert {str(triple.subject) for triple in trees.triples if "town.example" in str(triple.subject)} == {
        f"<https://town.example/{name}>" for name in ("trees", "file", "api", "town")
    }


def test_the_same_dataset_has_the_same_digest() -> None:
    one = ':trees a dcat:Dataset ; dcat:contactPoint [ vcard:fn "Amt" ], [ vcard:fn "Hof" ] .'
    two = ':trees dcat:contactPoint [ vcard:fn "Hof" ], [ vcard:fn "Amt" ] ; a dcat:Dataset .'
    assert found(one)[0].sha256 == found(two)[0].sha256
    assert found(one)[0].sha256 != found(one.replace("Hof", "Haus"))[0].sha256


def test_identity_is_the_iri_then_the_identifier() -> None:
    (only,) = found('[] a dcat:Dataset ; dct:identifier "7" ; dct:title "x" .')
    assert only.iri.startswith("urn:uuid:")
    assert only.iri == found('[] a dcat:Dataset ; dct:title "y" ; dct:identifier "7" .')[0].iri
    assert reasons('[] a dcat:Dataset ; dct:title "x" .') == ["no-iri"]
    assert reasons("<urn:x> a dcat:Dataset . <berlin> a dcat:Dataset .") == ["relative-iri"]


@pytest.mark.threat("T77")
def test_what_would_harm_is_set_aside_and_the_rest_goes_on() -> None:
    """>> two of one identifier, series in a circle, thousands of triples << the others are found."""
    many = " , ".join(f'"{number}"' for number in range(MOST_TRIPLES))
    huge = "x" * 3_000_000
    text = f"""
    :a a dcat:Dataset ; dct:identifier "1" . :b a dcat:Dataset ; dct:identifier "1" .
    :c a dcat:Dataset ; dcat:inSeries :r . :r a dcat:DatasetSeries ; dcat:inSeries :s . :s dcat:inSeries :r .
    :d a dcat:Dataset ; dcat:inSeries :d .
    :e a dcat:Dataset ; dcat:keyword {many} .
    :f a dcat:Dataset ; dct:description "{huge}" .
    :trees a dcat:Dataset ; dcat:inSeries :t . :t a dcat:DatasetSeries .
    """
    assert reasons(text) == ["duplicate-identifier", "cyclic-series", "cyclic-series", "too-large", "too-large"]
    assert [each.iri for each in found(text)] == ["https://town.example/a", TREES]


def test_the_order_of_a_portal_does_not_decide() -> None:
    """>> two datasets with one identifier, in both orders << the same one is taken."""
    a, b = (f':{name} a dcat:Dataset ; dct:identifier "7" .\n' for name in "ab")
    assert [found(text)[0].iri for text in (a + b, b + a)] == ["https://town.example/a"] * 2


def test_what_many_share_does_not_grow_without_end() -> None:
    """>> one long node that all datasets lead to << those that still fit are taken, the others set aside."""
    text = "".join(f":d{n} a dcat:Dataset ; dct:publisher :town .\n" for n in range(20))
    given = graph(text + f':town a foaf:Agent ; foaf:name "{"x" * 1_000}" .')
    taken = list(datasets(given, LISTS, most=10_000))
    assert [type(one) for one in taken[:6]] == [Found] * 6
    assert {one.reason for one in taken[8:] if isinstance(one, Aside)} == {"too-large"}


def test_series_are_walked_once() -> None:
    """>> datasets in a long chain of series, one of them in a circle << that one alone."""
    text = "".join(f":d{n} a dcat:Dataset ; dcat:inSeries :s0 .\n" for n in range(20))
    text += "".join(f":s{n} dcat:inSeries :s{n + 1} .\n" for n in range(2_000))
    circle = ":x a dcat:Dataset ; dcat:inSeries :y . :y dcat:inSeries :z, :s0 . :z dcat:inSeries :y .\n"
    assert reasons(text + circle) == ["cyclic-series"]
