"""Four forms of one graph: sorted, the same bytes whoever parsed it, and nothing lost on the way back."""

import random
from itertools import pairwise

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.rdf.names import DCAT, DCT, FOAF, RDF
from connector.kernel.metadata.rdf.reading import Form, read
from connector.kernel.metadata.rdf.writing import WRITTEN, in_order, sayable_in_xml, write
from tests.testkit.bounded import MILLION, ends
from tests.testkit.places import SHARED

FORMS: list[Form] = ["rdf-xml", "turtle", "json-ld", "n-triples"]
TREES = NamedNode("https://town.example/trees")


def tangled(order: int) -> list[Triple]:
    """Blank nodes that hang under a subject, hold each other, look alike and stand alone; named at random."""
    one, two, left, right, root, *ring = (BlankNode() for _ in range(8))
    triples = [
        Triple(TREES, RDF.type, DCAT.Dataset),
        Triple(TREES, DCT.title, Literal("Bäume", language="de")),
        Triple(TREES, DCT.publisher, one),
        Triple(TREES, DCT.creator, two),
        Triple(one, DCT.relation, left),
        Triple(two, DCT.relation, right),
        Triple(root, RDF.type, DCAT.Catalog),
        Triple(root, DCAT.dataset, TREES),
        *(Triple(each, FOAF.knows, other) for each, other in zip(ring, [*ring[1:], ring[0]], strict=True)),
    ]
    random.Random(order).shuffle(triples)
    return triples


@pytest.mark.parametrize("form", FORMS)
def test_equal_graphs_give_equal_bytes(form: Form) -> None:
    written = {write(tangled(order), form) for order in range(12)}
    assert len(written) == 1
    again = read(written.pop(), media_type=WRITTEN[form])
    assert len(again.triples) == len(tangled(0))
    assert write(again.triples, form) == write(tangled(0), form)


def test_subjects_stand_together_with_prefixes_in_use() -> None:
    text = write(tangled(1), "turtle").decode()
    assert text.count("<https://town.example/trees> a dcat:Dataset ;") == 1
    assert "@prefix dcat:" in text
    assert "@prefix vcard:" not in text
    assert in_order(tangled(2))[0].subject == TREES


def test_broken_names_break_nothing() -> None:
    """>> an IRI and a datatype with a bracket, as lenient reading lets them pass << two triples before, two after."""
    content = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="urn:a:">'
    content += (
        b'<rdf:Description rdf:about="urn:x"><a:p rdf:resource="urn:&gt;&#10; .&lt;y"/>'
        b'<a:p rdf:datatype="urn:&gt; .&lt;z">5</a:p></rdf:Description></rdf:RDF>'
    )
    triples = read(content).triples
    assert len(triples) == 2
    for form in FORMS:
        assert set(read(write(triples, form)).triples) == set(triples), form


def test_what_xml_cannot_say_is_told() -> None:
    """>> a property that ends in a digit, a control character << no document rather than a broken one."""
    number, bell = Triple(TREES, NamedNode("urn:a/1"), TREES), Triple(TREES, DCT.title, Literal("\a"))
    assert not sayable_in_xml(number)
    assert not sayable_in_xml(bell)
    for triple in (number, bell):
        assert read(write([triple], "turtle")).triples == (triple,)
        with pytest.raises(ValueError, match="not expressible"):
            write([triple], "rdf-xml")


def test_many_like_nodes_cost_no_more_than_they_are() -> None:
    chain = [BlankNode() for _ in range(2_000)]
    alike = [Triple(TREES, DCT.relation, BlankNode()) for _ in range(2_000)]
    linked = [Triple(one, DCT.relation, other) for one, other in pairwise(chain)]
    assert write([*alike, *linked], "n-triples").count(b"\n") == 3_999


@pytest.mark.parametrize(
    "name",
    ["golden.ttl", pytest.param("catalogues/bremen-catalog-original-input.rdf", marks=pytest.mark.long)],
)
def test_real_catalogues_survive_each_form(name: str) -> None:
    if not SHARED.exists():
        pytest.skip("official material: ../shared/data is not there")
    triples = read((SHARED / "dcat" / name).read_bytes(), name=name).triples
    for form in FORMS[:2]:
        assert in_order(read(write(triples, form)).triples) == in_order(triples), form


@pytest.mark.threat("T182")
def test_bug_a_long_name_of_a_property_cost_its_square() -> None:
    """>> properties whose last part is a name, a number or nothing << sayable or not; a million signs at once."""
    said = {"a/b": True, "a/1": False, "a/1b2": True, "a/": False, "a#\u00b7": False, "a#\u00e4": True, "a/b c": True}
    for name, fits in said.items():
        assert (
            sayable_in_xml(Triple(TREES, NamedNode(f"https://x.example/{name}".replace(" ", "%20")), Literal("")))
            == fits
        )
    with ends():
        for end in ("/", "1/", "(", "-."):
            assert sayable_in_xml(Triple(TREES, NamedNode(f"urn:{'a' * MILLION}{end}"), Literal(""))) == (end == "-.")
