"""Documents joined of parts: the same triples as if they had been serialised at once, whoever wrote the parts."""

import xml.etree.ElementTree as etree

import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf import fragments
from connector.kernel.metadata.rdf.fragments import MEDIA, Form
from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF
from tests.kernel.metadata.project.records import ALL

IRI = "https://a.example/datasets/1"
THIS = Triple(NamedNode(IRI), RDF.type, DCAT.Dataset)


def read(form: Form, document: bytes) -> set[Triple]:
    return {
        Triple(one.subject, one.predicate, one.object)
        for one in parse(document, RdfFormat.from_media_type(MEDIA[form]))
    }


def page(form: Form, *parts: fragments.Parts) -> bytes:
    shared = fragments.united([one.shared for one in parts])
    return fragments.whole(form, [fragments.part(form, shared), *(one.own[form] for one in parts)])


@pytest.mark.parametrize("form", MEDIA)
def test_a_page_says_what_its_datasets_say(form: Form) -> None:
    """>> open, high-value, announced and series records in one document << each triple of each, publisher and series
    described once."""
    said = [dcat_ap.dataset(one) for one in ALL]
    parts = [fragments.parts(one.iri, triples) for one, triples in zip(ALL, said, strict=True)]
    document = page(form, *parts)
    assert read(form, document) == {triple for triples in said for triple in triples}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("form", "name"), [("rdf", "xml"), ("ttl", "turtle"), ("jsonld", "json-ld"), ("nt", "nt")])
def test_the_parser_of_ckan_reads_it_too(form: Form, name: str) -> None:
    """>> the same page to rdflib << as many triples."""
    said = {triple for one in ALL for triple in dcat_ap.dataset(one)}
    document = page(form, *(fragments.parts(one.iri, dcat_ap.dataset(one)) for one in ALL))
    assert len(rdflib.Graph().parse(data=document, format=name)) == len(said)


@pytest.mark.parametrize("form", MEDIA)
def test_no_parts_are_a_document_too(form: Form) -> None:
    assert read(form, fragments.whole(form, [])) == set()


def test_prefixes_stand_in_the_same_order_everywhere() -> None:
    names = [one.split(b'"')[0] for one in fragments.head("rdf").split(b"xmlns:")[1:]]
    assert names == sorted(names)


def test_the_digest_is_that_of_what_is_said_and_not_of_how() -> None:
    said = dcat_ap.dataset(ALL[0])
    one = fragments.parts(ALL[0].iri, said)
    assert fragments.parts(ALL[0].iri, [*reversed(said), said[0]]) == one
    assert fragments.parts(ALL[0].iri, said[:-1]).digest != one.digest


def test_blank_nodes_of_two_datasets_are_two() -> None:
    """>> both datasets name a node `b` << on one page it is two nodes, and in each form the same two."""
    other = "https://a.example/datasets/2"
    parts = [
        fragments.parts(iri, [Triple(NamedNode(iri), DCT.spatial, node), Triple(node, DCT.title, Literal(iri))])
        for iri in (IRI, other)
        for node in [BlankNode("b")]
    ]
    for form in MEDIA:
        triples = read(form, page(form, *parts))
        titles = {(str(one.object), one.subject) for one in triples if one.predicate == DCT.title}
        assert len({subject for _, subject in titles}) == 2


@pytest.mark.threat("T82")
@pytest.mark.parametrize(
    "bad",
    [
        Triple(NamedNode(IRI), DCT.title, Literal("bell\x07")),
        Triple(NamedNode(IRI), DCT.title, Literal("half \ufffe")),
        Triple(NamedNode(IRI), NamedNode("https://a.example/terms/"), Literal("no name of an element")),
        Triple(NamedNode(IRI), NamedNode("https://a.example/terms/123"), Literal("nor this")),
        Triple(NamedNode(IRI), RDF.li, Literal("means something else in RDF/XML")),
        Triple(NamedNode(IRI), RDF.about, NamedNode("https://b.example/")),
        Triple(NamedNode(IRI), DCT.title, THIS),
        *(
            Triple(one.subject, one.predicate, one.object)
            for one in parse(
                f"<{IRI}> <http://purl.org/dc/terms/relation> <https://a.example/a b> .",
                RdfFormat.from_media_type(MEDIA["nt"]),
                lenient=True,
            )
        ),
    ],
    ids=lambda one: str(one.object)[:20],
)
def test_what_one_form_cannot_say_is_said_in_none(bad: Triple) -> None:
    """>> a triple that would spoil a page of RDF/XML or Turtle << the page is well-formed and says all the rest."""
    parts = fragments.parts(IRI, [THIS, bad])
    etree.fromstring(page("rdf", parts))
    for form in MEDIA:
        assert read(form, page(form, parts)) == {THIS}


def test_markup_stays_text() -> None:
    title = Triple(NamedNode(IRI), DCT.title, Literal("</rdf:RDF> <!-- ]]> & \" ' \n @prefix . <a> \\", language="de"))
    parts = fragments.parts(IRI, [THIS, title])
    for form in MEDIA:
        assert read(form, page(form, parts)) == {THIS, title}
