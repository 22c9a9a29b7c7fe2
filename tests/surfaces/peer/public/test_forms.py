"""Which form a request is answered in: RDF/XML for whoever does not say otherwise."""

import pytest

from connector.surfaces.peer.public import forms


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "rdf"),
        ("*/*", "rdf"),
        ("application/*", "rdf"),
        ("image/png", "rdf"),
        ("nonsense;;q=;,", "rdf"),
        ("text/turtle", "ttl"),
        ("TEXT/TURTLE; charset=utf-8", "ttl"),
        ("application/ld+json, */*;q=0.1", "jsonld"),
        ("application/n-triples;q=0.9, text/turtle;q=0.8", "nt"),
        ("text/turtle;q=0, application/ld+json;q=0.001", "jsonld"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/rdf+xml, text/html", "rdf"),
        ("text/html;q=0.5, application/rdf+xml;q=0.9", "rdf"),
        ("text/turtle;q=7", "rdf"),
        ("text/html," * 10_000, "html"),
    ],
)
def test_the_form_that_is_liked_best(accept: str, form: str) -> None:
    assert forms.accepted(accept) == form


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.ttl", ("a", "ttl")),
        ("a.html", ("a", "html")),
        ("a", ("a", None)),
        (".rdf", (".rdf", None)),
        ("a.exe", ("a.exe", None)),
        ("a.b.nt", ("a.b", "nt")),
    ],
)
def test_an_ending_names_a_form(name: str, found: tuple[str, str | None]) -> None:
    assert forms.ending(name) == found


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        (None, "", "de"),
        ("en", "de", "en"),
        ("fr", "en", "en"),
        (None, "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, "de-AT,en;q=0.9", "de"),
        (None, "fr, *;q=0.1", "de"),
        (None, "fr, en;q=0.3", "en"),
    ],
)
def test_a_page_speaks_german_or_english(query: str | None, header: str, lang: str) -> None:
    assert forms.language(query, header) == lang
