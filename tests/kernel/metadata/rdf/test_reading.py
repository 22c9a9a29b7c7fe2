"""What others wrote is read in four forms and many encodings; what is meant to harm costs a process of its own."""

import asyncio
import gzip
import json
import subprocess
import threading
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode

from connector.data.harvest import ckan_answer
from connector.foundation.child_process import ChildProcess
from connector.foundation.errors import PeerError
from connector.kernel.metadata.rdf import parse_process
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCT, RDF
from connector.kernel.metadata.rdf.reading import Limits, Reading, for_size, form_of, read, read_async
from tests.testkit.bounded import ends
from tests.testkit.places import SHARED

A = NamedNode("https://town.example/a")
XML = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/"'
    ' xmlns:dcat="http://www.w3.org/ns/dcat#"><dcat:Dataset rdf:about="https://town.example/a">%s</dcat:Dataset></rdf:RDF>'
)
TITLED = XML % "<dct:title>Straßenbäume</dct:title>"
SMALL = Limits(memory=400 * 1024**2)


def refused(content: bytes, **how: object) -> str:
    with pytest.raises(PeerError) as error:
        read(content, limits=SMALL, **how)  # type: ignore[arg-type]
    return error.value.code


def remarked(reading: Reading) -> dict[str, int]:
    return {remark.kind: remark.count for remark in reading.remarks}


def test_four_forms_say_the_same() -> None:
    documents = {
        "rdf-xml": TITLED,
        "turtle": "@prefix dct: <http://purl.org/dc/terms/> .\n<https://town.example/a> a"
        ' <http://www.w3.org/ns/dcat#Dataset> ; dct:title "Straßenbäume" .',
        "json-ld": '{"@id": "https://town.example/a", "@type": "http://www.w3.org/ns/dcat#Dataset",'
        ' "http://purl.org/dc/terms/title": "Straßenbäume"}',
        "n-triples": '# by hand\n<https://town.example/a> <http://purl.org/dc/terms/title> "Straßenbäume" .\n'
        f"<https://town.example/a> {RDF.type} <http://www.w3.org/ns/dcat#Dataset> .\n",
    }
    readings = {form: read(text.encode()) for form, text in documents.items()}
    assert {form: reading.form for form, reading in readings.items()} == {form: form for form in documents}
    assert {frozenset(map(str, reading.triples)) for reading in readings.values()} == {
        frozenset(map(str, readings["turtle"].triples))
    }
    assert all(reading.whole and reading.remarks == () for reading in readings.values())


def test_the_form_is_known_by_content_then_type_then_ending() -> None:
    assert form_of(b"<?xml version='1.0'?><x/>", "text/turtle", "x.ttl") == "rdf-xml"
    assert form_of(b"<https://a.example/> a <https://b.example/> .", "text/plain", "x.txt") == "turtle"
    assert form_of(b"[ a <https://b.example/> ] .") == "turtle"
    assert form_of(b'[{"@id": "https://a.example/"}]', "text/html") == "json-ld"
    assert form_of(b"_:a <https://b.example/> _:c .") == "n-triples"
    assert form_of(b"_:a <https://b.example/> _:c .", "text/turtle; charset=utf-8") == "turtle"
    for before in (
        b"<!DOCTYPE html>",
        b"<?xml version='1.0'?>\n<!-- 404 -->\n<!DOCTYPE html PUBLIC 'x' 'y'>",
        b"<!-- > -->",
    ):
        assert refused(before + b"<html><body>Bitte melden Sie sich an</body></html>") == "rdf.html"
    assert form_of(b"<!-- -->" * 1_000) == "rdf-xml"  # and to see that takes no longer than to read it


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"])
def test_xml_in_its_encoding(encoding: str) -> None:
    name = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16", "cp1252": "windows-1252"}
    text = f'<?xml version="1.0" encoding="{name.get(encoding, encoding)}"?>' + TITLED
    assert Graph(read(text.encode(encoding)).triples).value(A, DCT.title) == Literal("Straßenbäume")


def nested(levels: int = 9) -> str:
    """About 600 bytes that ask for 8 GB."""
    names = "abcdefghij"[: levels + 1]
    rows = [f'<!ENTITY {inner} "{f"&{outer};" * 10}">' for outer, inner in pairwise(names)]
    return f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{"".join(rows)}]>' + XML % f"<dct:title>&{names[-1]};</dct:title>"


@pytest.mark.threat("T76")
def test_entities_are_refused_before_a_parser_sees_them() -> None:
    """>> nested, in a comment, behind parameter entities, in UTF-16, elsewhere << refused by name."""
    assert len(nested()) < 1_000
    hostile = {
        nested(): "rdf.entities",
        nested().replace("&j;", "no use of it"): "rdf.entities",
        "<!DOCTYPE x [<!ENTITY a \"1\"><!ENTITY b '&#38;a;'>]>" + TITLED: "rdf.entities",
        "<!DOCTYPE x [<!ENTITY % a \"<!ENTITY b '2'>\"> %a;]>" + TITLED: "rdf.entities",
        '<!DOCTYPE x [<!-- <!ENTITY a "&b;"> -->]>' + TITLED: "rdf.entities",
        '<!doctype x [<!entity a SYSTEM "file:///etc/passwd">]>' + XML % "<dct:title>&a;</dct:title>": "rdf.entities",
        '<!DOCTYPE x [<!ENTITY a PUBLIC "-//x" "http://127.0.0.1/">]>' + TITLED: "rdf.entities",
        '<!DOCTYPE rdf:RDF SYSTEM "http://127.0.0.1/x.dtd">' + TITLED: "rdf.external",
        '<!DOCTYPE rdf:RDF PUBLIC "-//x" "http://127.0.0.1/x.dtd" []>' + TITLED: "rdf.external",
        f'<!DOCTYPE x [<!ENTITY a "{"a" * 2_000}">]>' + TITLED: "rdf.entities",
        "<!DOCTYPE x [" + "".join(f'<!ENTITY a{n} "1">' for n in range(300)) + "]>" + TITLED: "rdf.entities",
    }
    assert {text: refused(text.encode()) for text in hostile} == hostile
    assert refused(('<?xml version="1.0" encoding="UTF-16"?>' + nested()).encode("utf-16")) == "rdf.entities"
    assert refused(nested().encode("utf-16-be")) == "rdf.entities"
    many = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaa">]>' + XML % f"<dct:title>{'&a;' * 1_000}</dct:title>"
    with pytest.raises(PeerError, match=r"rdf\.entities"):
        read(many.encode(), limits=Limits(bytes=9_000))


def test_plain_entities_are_read_and_those_of_html_too() -> None:
    """>> xsd as an entity, as OWL files have it; &nbsp; that nobody declared << both are understood, one is told."""
    text = '<!DOCTYPE rdf:RDF [<!ENTITY t "https://town.example/">]>' + XML % (
        '<dct:relation rdf:resource="&t;b"/><dct:title>A&nbsp;&amp;&#160;B</dct:title>'
        "<dct:description><![CDATA[<!DOCTYPE html> &nbsp;]]></dct:description><dct:subject>&unheard;</dct:subject>"
    )
    reading = read(text.encode())
    graph = Graph(reading.triples)
    assert graph.value(A, DCT.relation) == NamedNode("https://town.example/b")
    assert graph.value(A, DCT.title) == Literal("A\u00a0&\u00a0B")
    assert graph.value(A, DCT.description) == Literal("<!DOCTYPE html> &nbsp;")
    assert graph.value(A, DCT.subject) is None
    assert remarked(reading) == {"encoding": 1, "entity": 2}
    assert not reading.whole


@pytest.mark.threat("T76")
def test_no_context_is_fetched() -> None:
    for context in ('"https://schema.org/"', '[{}, "http://127.0.0.1/c"]', '{"@import": "http://127.0.0.1/c"}'):
        assert refused(f'{{"@context": {context}, "@id": "https://town.example/a"}}'.encode()) == "rdf.context"
    hidden = '{"@context": {"x": {"@id": "https://x.example/", "@\\u0063ontext": "http://127.0.0.1/c"}}}'
    assert refused(hidden.encode()) == "rdf.context"


@pytest.mark.threat("T76")
def test_depth_is_bounded() -> None:
    """>> 50 000 levels of XML, that pyoxigraph reads in minutes << refused; brackets of Turtle are no recursion."""
    assert refused((XML % ("<dct:a><dct:b>" * 50_000 + "</dct:b></dct:a>" * 50_000)).encode()) == "rdf.nesting"
    assert refused(b'{"a":' * 100_000 + b"1" + b"}" * 100_000) == "rdf.nesting"
    assert refused(b"[" * 100_000) == "rdf.nesting"
    assert refused(b'{"a":' * 300 + b"1" + b"}" * 300) == "rdf.nesting"
    deep = b"<urn:a> <urn:b> " + b"[ <urn:b> " * 20_000 + b"1" + b" ]" * 20_000 + b" ."
    assert len(read(deep).triples) == 20_001


@pytest.mark.threat("T76")
def test_sizes_and_counts_are_bounded() -> None:
    row = b"<urn:a> <urn:b> <urn:%d> .\n"
    assert refused(b"x" * (SMALL.bytes + 1)) == "rdf.too-large"
    with pytest.raises(PeerError, match=r"rdf\.too-many"):
        read(b"".join(row % n for n in range(11)), limits=Limits(triples=10))
    long = b'<urn:a> <urn:b> "%s" .\n<urn:a> <urn:b> <urn:%s> .\n<urn:a> <urn:b> "short" .' % (b"x" * 101, b"y" * 60)
    for content in (long, long.replace(b"<urn:a>", b"<urn:a>", 1).replace(b" .\n", b" , 1 .\n", 1)):
        reading = read(content, limits=Limits(literal=100, iri=50))
        assert remarked(reading) == {"literal-length": 1, "iri-length": 1}
        assert not reading.whole
        assert Literal("short") in {triple.object for triple in reading.triples}


@pytest.mark.threat("T76")
def test_what_grows_in_its_process_is_bounded() -> None:
    """>> a prefix of 3 000 characters that a few write often << refused before it has filled our memory."""
    prefix = f"@prefix a: <https://town.example/{'x' * 3_000}> .\n"
    text = prefix + "".join(f"a:{number} a:p a:o .\n" for number in range(200))
    assert len(read(text.encode()).triples) == 200
    with pytest.raises(PeerError, match=r"rdf\.exhausted"):
        read(text.encode(), limits=Limits(written=1_000_000))


@pytest.mark.threat("T76")
def test_a_first_line_of_anything_is_judged_in_one_pass() -> None:
    """>> a megabyte of names that are almost a triple << judged at once: this runs in our own process."""
    for part in (b"_:a<b>", b"_:", b"<", b'"', b"_:a <b> ", b"<a> "):
        assert form_of(b"_:" + part * 200_000) in {"turtle", "n-triples"}


@pytest.mark.threat("T76")
def test_a_huge_literal_does_not_take_the_rest_with_it() -> None:
    """>> more in one value than the parser holds << N-Triples, Turtle and XML go on without it, whatever the quotes."""
    huge = "x" * 17_000_000
    long = huge[:2_000_000]
    lines = f'<urn:a> <urn:b> "{long}" .\n<urn:a> <urn:b> "ok" .\n'.encode()
    assert [triple.object for triple in read(lines).triples] == [Literal("ok")]
    for quote in ('"', "'''"):
        said = f"{quote}\\{quote[0]}{huge}\\\\{quote}"
        turtle = f'# it\'s "\n<urn:a> <urn:b#\'> {said} ; <urn:c> \'it\', """a"b""" .'.encode()
        there = read(turtle, name="x.ttl")
        assert ({str(one.object) for one in there.triples}, remarked(there)) == (
            {'"it"', '"a\\"b"'},
            {"literal-length": 1},
        )
    xml = read((XML % f"<dct:title>ok</dct:title><dct:description>{long}</dct:description>").encode())
    assert (len(xml.triples), remarked(xml)) == (2, {"literal-length": 1})


@pytest.mark.threat("T76")
def test_an_exhausted_process_is_one_error_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> too little memory, too little time << the same error, no zombie."""
    started = list[subprocess.Popen[bytes]]()

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    rows = b"".join(b"<urn:a> <urn:b> <urn:%d> .\n" % n for n in range(60_000))
    for limits in (Limits(memory=40 * 1024**2), Limits(wall_s=0), Limits(cpu_s=0)):
        with pytest.raises(PeerError, match=r"rdf\.exhausted"):
            read(rows * 2, limits=limits)
    assert len(started) == 3
    assert all(one.returncode is not None for one in started), "each was waited for"


async def test_the_loop_goes_on_while_a_document_is_read() -> None:
    rows = b"".join(b"<urn:a> <urn:b> <urn:%d> .\n" % n for n in range(20_000))
    reading = asyncio.ensure_future(read_async(rows))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await reading).triples) == 20_000
    assert turns > 10


@pytest.mark.threat("T76")
async def test_who_gives_up_takes_the_process_along() -> None:
    """>> a document that takes long, given up; one that still waits for its turn << both end at once."""
    rows = b"".join(b'<urn:a> <urn:b> "%d" .\n' % n for n in range(200_000))
    readings = [asyncio.ensure_future(read_async(rows)) for _ in range(4)]
    while not rdf_threads():
        await asyncio.sleep(0.001)
    for reading in readings:
        reading.cancel()
    assert await asyncio.gather(*readings, return_exceptions=True)
    assert all(reading.cancelled() for reading in readings)
    assert len((await read_async(b"<urn:a> <urn:b> <urn:c> .")).triples) == 1


def rdf_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("rdf")]


def test_what_is_no_iri_is_let_pass_and_told() -> None:
    text = XML % (
        '<dcat:landingPage rdf:resource="https://town.example/?a[b]=1"/><dct:relation rdf:resource="berlin"/>'
        '<dct:source rdf:resource="https://town.example/a b&gt;c"/>'
    )
    reading = read(text.encode())
    graph = Graph(reading.triples)
    assert remarked(reading) == {"bad-iri": 2, "relative-iri": 1}
    assert reading.whole
    assert str(graph.value(A, DCAT.landingPage)) == "<https://town.example/?a[b]=1>"
    assert str(graph.value(A, DCT.relation)) == "<berlin>"
    assert str(graph.value(A, DCT.source)) == "<https://town.example/a b>c>"
    based = Graph(read(text.encode(), base="https://city.example/x/").triples)
    assert based.value(A, DCT.relation) == NamedNode("https://city.example/x/berlin")


@pytest.mark.threat("T76")
def test_what_is_no_language_or_no_datatype_does_not_break_the_rest() -> None:
    """>> `de_DE`, an empty tag, one that is none; a datatype that is no IRI << told, each text stays, nothing else."""
    title = '<dct:title xml:lang="{}">Bäume</dct:title>'
    tags = ("de_DE", "", "d\u00e4 sch", "DE")
    text = XML % ("".join(map(title.format, tags)) + '<dct:extent rdf:datatype="a> . &lt;b">5</dct:extent>')
    reading = read(text.encode())
    graph = Graph(reading.triples)
    titles = [Literal("Bäume", language="de-DE"), Literal("Bäume"), Literal("Bäume", language="de")]
    assert list(graph.values(A, DCT.title)) == titles
    assert (remarked(reading), reading.whole, len(graph)) == ({"language": 2, "relative-iri": 1}, True, 5)
    assert str(graph.value(A, DCT.extent)) == '"5"^^<a> . <b>'
    typed = '{"@id": "https://town.example/a", "http://purl.org/dc/terms/extent": {"@value": "5", "@type": "m>2"}}'
    tagged = typed.replace("@type", "@language").replace("m>2", "de_DE")
    assert [triple.object for triple in read(tagged.encode()).triples] == [Literal("5", language="de-DE")]
    assert not read(typed.encode()).whole


def test_relative_names_of_json_ld_are_set_aside() -> None:
    text = '{"@id": "https://town.example/a", "http://purl.org/dc/terms/relation": {"@id": "b"}, "comment": "x"}'
    reading = read(text.encode())
    assert (reading.triples, remarked(reading), reading.whole) == ((), {"relative-iri": 1, "unmapped": 1}, False)


def test_turtle_goes_on_behind_a_mistake() -> None:
    text = b'<urn:a> <urn:b> "1" . <urn:a> nothing:x 2 . <urn:a> <urn:b> "3" .'
    reading = read(text, name="x.ttl")
    assert [triple.object for triple in reading.triples] == [Literal("1"), Literal("3")]
    assert (remarked(reading), reading.whole) == ({"syntax": 1}, False)


def test_what_holds_broken_bytes_is_set_aside() -> None:
    """>> Latin-1 in a document that says UTF-8 << the value is set aside, not guessed; the rest goes on."""
    text = XML % "<dct:title>B\xe4ume</dct:title><dct:publisher>Stadt</dct:publisher>"
    reading = read(text.encode("latin-1"))
    assert Graph(reading.triples).value(A, DCT.title) is None
    assert Graph(reading.triples).value(A, DCT.publisher) == Literal("Stadt")
    assert remarked(reading) == {"encoding": 2}
    assert refused(b'<?xml version="1.0" encoding="UTF-7"?><a/>') == "rdf.encoding"
    assert refused("[]".encode("utf-16"), media_type="application/ld+json") == "rdf.encoding"


def test_garbage_is_refused() -> None:
    for garbage in (b"\x00\x01\x02\xff" * 99, b"\x89PNG\r\n\x1a\n", b"just words", b"<rdf:RDF", b"{"):
        assert refused(garbage) == "rdf.syntax", garbage
    for packed in (gzip.compress(TITLED.encode()), b"PK\x03\x04"):
        assert refused(packed, name="trees.rdf") == "rdf.packed"
    assert read(b"").triples == ()


def test_real_catalogues_are_read_to_the_last_triple() -> None:
    if not SHARED.exists():
        pytest.skip("official material: ../shared/data is not there")
    counts = {"bremen": 6_747, "brandenburg": 7_090, "berlin": 391}
    for path in (SHARED / "dcat/catalogues").glob("*.rdf"):
        town = next(town for town in counts if town in path.name)
        reading = read(path.read_bytes(), name=path.name)
        assert (len(reading.triples), reading.whole) == (counts[town], True)


MANY = 50_000
BEGINNINGS = [
    "<![CDATA[",
    "<!--",
    "<?a ",
    "<a",
    '<a b="',
    "<a b='",
    "<a/",
    "&a",
    "<?xml ",
    " ",
    "\n<",
    '<a b="<',
    "<?",
    "<a '\"",
]
"""Of what is not closed in XML."""


@pytest.mark.threat("T182")
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_bug_a_document_of_beginnings_cost_its_square(beginning: str) -> None:
    """>> many signs of one beginning, nothing closed << looked through once, for the parser to refuse."""
    text = "<rdf:RDF>" + beginning * (8 * MANY // len(beginning))
    with ends(), suppress(parse_process.Refused):
        parse_process.xml(text, 1 << 20, 256, parse_process.Remarks())


@pytest.mark.threat("T182")
@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * MANY,
        "'" + "\\'" * MANY,
        '"""\n' + '\\"""\n' * MANY,
        "'''\n" + "\\'''\n" * MANY,
        '"""\n' + '\\"""\n' * MANY + "\\",
        "<" * MANY,
        '"\n' * MANY,
        "'\"" * MANY,
    ],
    ids=range(8),
)
def test_bug_turtle_of_strings_that_are_not_closed_cost_its_square(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> quotes that only seem to close << looked through once, and nothing is put in another's place."""
    monkeypatch.setattr(parse_process, "STRING", 1_000)
    with ends():
        assert parse_process.strings_within(text, 10) == text
    closed = '"' + "a" * 2_000 + '"'
    assert parse_process.strings_within(closed, 10) == '"xxxxxxxxxxx"'


def test_what_is_not_closed_hides_no_depth_that_the_parser_sees() -> None:
    deep = "<a>" * 5
    for before in ("", "<!-- > -->", "<![CDATA[ <b> ]]>", "<?b <c> ?>", "<b c=\"<d>\" e='/'/>", "<b/>"):
        with pytest.raises(parse_process.Refused, match="nesting"):
            parse_process.xml(before + deep, 1 << 20, 4, parse_process.Remarks())
        parse_process.xml(before + deep, 1 << 20, 5, parse_process.Remarks())


def test_a_declaration_goes_wherever_it_stands_in_front() -> None:
    for before in ("", "\n ", "<!-- a -->"):
        said = parse_process.xml(
            before + '<?xml version="1.0" encoding="cp1252"?><a/>', 1 << 20, 4, parse_process.Remarks()
        )
        assert said == before + "<a/>"


@pytest.mark.threat("T147")
def test_bug_a_small_document_had_two_minutes_of_a_place_that_all_share() -> None:
    """>> contexts within contexts, a fifth of a megabyte, and larger ones << 20 s of CPU; only what is large has more,
    and nothing has more than was granted."""
    sizes = (0, 200_000, 4 << 20, 10 << 20, 60 << 20, 192 << 20)
    allowed = [for_size(Limits(), size) for size in sizes]
    assert [(one.cpu_s, one.wall_s) for one in allowed] == [(20, 80)] * 3 + [(32, 128), (120, 240), (120, 240)]
    assert for_size(Limits(cpu_s=1, wall_s=2), 200 << 20) == Limits(cpu_s=1, wall_s=2)


@pytest.mark.threat("T147")
def test_bug_a_file_of_brackets_became_a_triple_for_each_of_its_bytes() -> None:
    """>> 130 kB of `(`, of a list of digits, and of a town's terse triples << the first two are refused before this
    process takes a triple in, the third is read; the bound of all stays."""
    start = b"<https://town.example/a> <https://town.example/b> "
    dense = [start + b"(" * 130_000, start + b"(" + b"1 " * 65_000 + b") ."]
    terse = b"".join(b"<u:%d> <u:b> 1 .\n" % number for number in range(8_000))
    assert [refused(document, media_type="text/turtle") for document in dense] == ["rdf.too-many"] * 2
    assert len(read(terse, media_type="text/turtle", limits=SMALL).triples) == 8_000
    sizes = (0, 2 << 20, 16 << 20, 192 << 20)
    assert [for_size(Limits(), size).triples for size in sizes] == [100_000, 362_144, 2_197_152, 4_000_000]


@pytest.mark.threat("T147")
async def test_the_process_is_told_the_time_of_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a small document and a small answer of CKAN << both processes are given 20 s, and waited for no longer."""
    told: list[tuple[int, float]] = []

    def run(_: ChildProcess, asked: str, __: bytes, wall_s: float) -> tuple[int, bytes, bytes]:
        told.append((json.loads(asked)["limits"]["cpu_s"], wall_s))
        return 1, b"", b""

    monkeypatch.setattr(ChildProcess, "run", run)
    for reading in (
        read_async(b"{}", media_type="application/ld+json"),
        ckan_answer.read(b"{}", "https://a.example", 9),
    ):
        with pytest.raises(PeerError):
            await reading
    assert told == [(20, 80)] * 2
