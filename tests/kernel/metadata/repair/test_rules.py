"""Each named rule at work: before, after, how often, and undone. What comes out conforms, or is asked about."""

import random

import pytest
from pyoxigraph import RdfFormat, parse

from connector.foundation.language import LANGUAGES, say
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.writing import write
from connector.kernel.metadata.repair.rules import FIXED, LEFT_OUT, NAMES, repair
from connector.kernel.metadata.repair.work import Known
from tests.kernel.metadata.repair.datasets import described, line, repaired, said

SPACE = '"\\u0007Bäume"'
BOX = '"POLYGON((8 54,10.5 54,10.5 53,8 53,8 54))"^^geo:wktLiteral'
CASES: list[tuple[str, str, str, str, str]] = [
    # rule, said of the dataset, said of its file, said beside, and what is written in the end
    ("dcatde-namespace", 'old:licenseAttributionByText "x"', "", "", ':trees dcatde:licenseAttributionByText "x"'),
    (
        "dcatde-namespace",
        "<http://dcat-ap.de/def/dcatde/1_0contributorID> <http://dcat-ap.de/def/contributors/openDataHRO>",
        "",
        "",
        ":trees dcatde:contributorID <http://dcat-ap.de/def/contributors/openDataHRO>",
    ),
    ("namespace", '<https://www.w3.org/ns/dcat#keyword> "Baum"', "", "", ':trees dcat:keyword "Baum"'),
    (
        "namespace",
        "",
        "<http://data.europa.eu/r5r#availability> at:planned-availability\\/STABLE",
        "",
        ":file dcatap:availability at:planned-availability\\/STABLE",
    ),
    ("dublin-core-elements", 'dc:title "Bäume" ; dct:title "Bäume"', "", "", ':trees dct:title "Bäume"'),
    ("control-characters", f"dct:title {SPACE}", "", "", ':trees dct:title " Bäume"'),
    ("empty-value", 'dcat:keyword "", "Baum"', "", "", ':trees dcat:keyword "Baum"'),
    ("placeholder", "dct:language <tbd>", "", "", ':trees dct:title "Bäume"'),
    (
        "iri-characters",
        "",
        "dcat:accessURL <https://town.example/?a[b]=1>",
        "",
        ":file dcat:accessURL <https://town.example/?a%5Bb%5D=1>",
    ),
    (
        "schema-dates",
        'dct:temporal [ a dct:PeriodOfTime ; schema:startDate "2020-01-01"^^xsd:date ]',
        "",
        "",
        '[] dcat:startDate "2020-01-01"^^xsd:date',
    ),
    (
        "address-as-text",
        "",
        'dcat:accessURL "https://town.example/?a[b]=1"',
        "",
        ":file dcat:accessURL <https://town.example/?a%5Bb%5D=1>",
    ),
    (
        "list-value",
        "",
        "dct:license <https://www.dcat-ap.de/def/licenses/cc-by/4_0>",
        "",
        ":file dct:license <http://dcat-ap.de/def/licenses/cc-by/4.0>",
    ),
    (
        "list-value",
        "dcat:theme <https://publications.europa.eu/mdr/authority/data-theme/envi>",
        "",
        "",
        ":trees dcat:theme at:data-theme\\/ENVI",
    ),
    (
        "hash-algorithm",
        "",
        'spdx:checksum [ a spdx:Checksum ; spdx:checksumValue "AB"^^xsd:hexBinary ; '
        "spdx:algorithm <http://dcat-ap.de/def/hashAlgorithms/sha/256> ]",
        "",
        "[] spdx:algorithm spdx:checksumAlgorithm_sha256",
    ),
    ("plain-text", 'dct:title "Bäume"^^xsd:anyURI', "", "", ':trees dct:title "Bäume"'),
    ("language", "dct:language at:language\\/GER", "", "", ":trees dct:language at:language\\/DEU"),
    (
        "language",
        "dct:language <http://id.loc.gov/vocabulary/iso639-1/de>",
        "",
        "",
        ":trees dct:language at:language\\/DEU",
    ),
    ("language", 'dct:language "Deutsch"', "", "", ":trees dct:language at:language\\/DEU"),
    ("format", "", 'dct:format "csv"', "", ":file dct:format at:file-type\\/CSV"),
    ("format", "", 'dct:format "application/json"', "", ":file dct:format at:file-type\\/JSON"),
    (
        "media-type",
        "",
        'dcat:mediaType "text/csv"',
        "",
        ":file dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv>",
    ),
    (
        "media-type",
        "",
        'dcat:mediaType "ZIP"',
        "",
        ":file dcat:mediaType <https://www.iana.org/assignments/media-types/application/zip>",
    ),
    (
        "format-from-media-type",
        "",
        'dct:format "Tabelle" ; dcat:mediaType "text/csv"',
        "",
        ":file dct:format at:file-type\\/CSV",
    ),
    (
        "frequency",
        "dct:accrualPeriodicity at:frequency\\/IRREGULAR",
        "",
        "",
        ":trees dct:accrualPeriodicity at:frequency\\/IRREG",
    ),
    ("frequency", 'dct:accrualPeriodicity "monatlich"', "", "", ":trees dct:accrualPeriodicity at:frequency\\/MONTHLY"),
    ("access-rights", 'dct:accessRights "public"', "", "", ":trees dct:accessRights at:access-right\\/PUBLIC"),
    (
        "status",
        "",
        "adms:status <http://purl.org/adms/status/Completed>",
        "",
        ":file adms:status at:distribution-status\\/COMPLETED",
    ),
    (
        "availability",
        "",
        'dcatap:availability "stable"',
        "",
        ":file dcatap:availability at:planned-availability\\/STABLE",
    ),
    ("theme", 'dcat:theme "ENVI"', "", "", ":trees dcat:theme at:data-theme\\/ENVI"),
    (
        "contributor",
        'dcatde:contributorID "openDataHRO"',
        "",
        "",
        ":trees dcatde:contributorID <http://dcat-ap.de/def/contributors/openDataHRO>",
    ),
    (
        "byte-size",
        "",
        'dcat:byteSize "222441.0"^^xsd:decimal',
        "",
        ':file dcat:byteSize "222441"^^xsd:nonNegativeInteger',
    ),
    ("date", 'dct:modified "28.1.2021"', "", "", ':trees dct:modified "2021-01-28"^^xsd:date'),
    (
        "date",
        'dct:modified "2021-01-28 GMT 01:51:03.000"^^xsd:dateTime',
        "",
        "",
        ':trees dct:modified "2021-01-28T01:51:03Z"^^xsd:dateTime',
    ),
    (
        "planned-availability",
        "",
        "dcatde:plannedAvailability <http://dcat-ap.de/def/plannedAvailability/stable>",
        "",
        ":file dcatap:availability at:planned-availability\\/STABLE",
    ),
    (
        "geocoding",
        "dcatde:politicalGeocodingURI <http://dcat-ap.de/def/politicalGeocoding/stateKey/02>",
        "",
        "",
        ":trees dct:spatial <http://dcat-ap.de/def/politicalGeocoding/stateKey/02>",
    ),
    (
        "legal-basis",
        "dcatde:legalBasis <https://law.example/1>",
        "",
        "",
        ":trees dcatap:applicableLegislation <https://law.example/1>",
    ),
    ("originator", "dcatde:maintainer :town", "", "", ":trees geodcatap:custodian :town"),
    ("version", 'owl:versionInfo "2.0"', "", "", ':trees dcat:version "2.0"'),
    (
        "identifier-as-iri",
        "dct:identifier <https://town.example/trees>",
        "",
        "",
        ':trees dct:identifier "https://town.example/trees"',
    ),
    ("adms-identifier", 'adms:identifier "4635D337"', "", "", '[] skos:notation "4635D337"'),
    (
        "email",
        'dcat:contactPoint [ a vcard:Kind ; vcard:fn "Amt" ; vcard:hasEmail <amt@town.example> ]',
        "",
        "",
        "[] vcard:hasEmail <mailto:amt@town.example>",
    ),
    (
        "telephone",
        'dcat:contactPoint [ a vcard:Kind ; vcard:fn "Amt" ; vcard:hasTelephone "+49 (40) 428-0" ]',
        "",
        "",
        "[] vcard:hasTelephone <tel:+49404280>",
    ),
    (
        "email-in-name",
        'dct:creator [ a foaf:Person ; foaf:name "Senator für Finanzenemail: office@town.example" ]',
        "",
        "",
        '[] foaf:name "Senator für Finanzen"',
    ),
    ("account-as-publisher", 'dct:publisher "t173370", :town', "", "", ":trees dct:publisher :town"),
    ("publisher-as-text", 'dct:publisher "Stadt Musterstadt"', "", "", '[] foaf:name "Stadt Musterstadt"'),
    ("rights-as-text", "", 'dct:rights "frei"', "", '[] rdfs:label "frei"'),
    ("standard-as-text", 'dct:conformsTo "Eine Regel"', "", "", '[] dct:title "Eine Regel"'),
    ("provenance-as-text", 'dct:provenance "Vermessung"', "", "", '[] rdfs:label "Vermessung"'),
    ("place-as-text", 'dct:spatial "Altstadt"', "", "", '[] skos:prefLabel "Altstadt"'),
    (
        "geometry",
        'dct:spatial [ a dct:Location ; locn:geometry "POLYGON ((8 53, 8 54, 10.5 54, 10.5 53, 8 53))" ]',
        "",
        "",
        f"[] dcat:bbox {BOX}",
    ),
    (
        "geometry",
        "dct:spatial [ a dct:Location ; locn:geometry "
        '"{\\"type\\":\\"polygon\\",\\"coordinates\\":[[[8,53],[8,54],[10.5,54.0]]]}" ]',
        "",
        "",
        f"[] dcat:bbox {BOX}",
    ),
    (
        "geometry",
        'dct:spatial [ a dct:Location ; locn:geometry "POINT(8 53)"^^geo:wktLiteral ]',
        "",
        "",
        '[] dcat:centroid "POINT(8 53)"^^geo:wktLiteral',
    ),
    (
        "open-period",
        'dct:temporal [ a dct:PeriodOfTime ; dcat:startDate "2020-01-01"^^xsd:date ; '
        'dcat:endDate "9999-01-01"^^xsd:date ]',
        "",
        "",
        '[] dcat:startDate "2020-01-01"^^xsd:date',
    ),
    ("empty-period", "dct:temporal [ a dct:PeriodOfTime ]", "", "", ':trees dct:title "Bäume"'),
    (
        "service-publisher",
        "",
        "dcat:accessService :api",
        ':api a dcat:DataService ; dct:title "API" ; dcat:endpointURL <https://town.example/api> .',
        ":api dct:publisher :town",
    ),
    (
        "back-links",
        "dcat:inSeries :row ; dcat:prev :older",
        "",
        ':row a dcat:DatasetSeries ; dct:title "R" ; '
        'dct:description "R" ; dct:publisher :town ; dcat:seriesMember :trees, :older .',
        ":trees dcat:inSeries :row",
    ),
    ("unreachable-contact", 'dcat:contactPoint [ a vcard:Kind ; vcard:fn "Amt" ]', "", "", ':trees dct:title "Bäume"'),
    ("relative-iri", "dct:relation <berlin>", "", "", ':trees dct:title "Bäume"'),
    ("not-in-xml", '<https://town.example/1/> "x"', "", "", ':trees dct:title "Bäume"'),
    ("missing-class", "dcat:landingPage <https://town.example/>", "", "", "<https://town.example/> a foaf:Document"),
    ("not-conforming", 'adms:sample "Muster"', "", "", ':trees dct:title "Bäume"'),
]


def test_each_rule_at_work() -> None:
    """>> a defect as portals have it << the rule that is named, what is written in the end; undone: not used."""
    wrong = []
    for rule, about, of_file, beside, expected in CASES:
        text = described(about, of_file, beside)
        result = repaired(text)
        written = {line(triple) for triple in result.triples}
        if rule not in result.counts or not said(expected + " .") <= written or not result.conforms:
            wrong.append((rule, about or of_file, result.counts, sorted(written)))
        if rule in repaired(text, None, rule).counts:
            wrong.append((rule, "not undone", {}, []))
    assert wrong == []


def test_every_rule_is_tried_and_has_a_sentence() -> None:
    tried = {case[0] for case in CASES} | {"answer", "access-from-download", "high-value-law", "shared-node"}
    assert set(NAMES) == tried
    assert len(NAMES) == len(set(NAMES)) >= 40
    assert all(say(f"repair.{name}", lang) for name in NAMES for lang in LANGUAGES)
    assert set(NAMES) > FIXED


def test_what_is_right_is_left_alone() -> None:
    """>> a description that conforms << the same triples, no rule used; what no model knows stays."""
    text = described('<https://own.example/p> "eigen" ; dcat:keyword "Baum"@de ; dcat:theme at:data-theme\\/ENVI')
    result = repaired(text)
    assert (result.changes, result.questions, result.findings) == ([], [], [])
    assert said(':trees <https://own.example/p> "eigen" .') <= {line(triple) for triple in result.triples}


def test_repairing_twice_changes_nothing_more() -> None:
    for _, about, of_file, beside, _ in CASES:
        result = repaired(described(about, of_file, beside))
        again = repair("https://town.example/trees", result.triples, Known(lists=code_lists()))
        assert (again.triples, again.changes) == (result.triples, []), about or of_file


def test_a_pure_download_has_one_address() -> None:
    text = described(of_file='dcat:downloadURL <https://town.example/x.csv> ; dcat:accessURL ""')
    text = text.replace(" ; dcat:accessURL <https://town.example/trees.csv>", "")
    result = repaired(text)
    assert said(":file dcat:accessURL <https://town.example/x.csv> .") <= {line(each) for each in result.triples}
    assert result.counts["access-from-download"] == 1


def test_what_datasets_share_is_written_with_each() -> None:
    """>> a contact that other datasets name, too << a node below this one, which nobody else loses."""
    beside = ':desk a vcard:Kind ; vcard:fn "Amt" ; vcard:hasEmail <mailto:amt@town.example> .'
    text = described("dcat:contactPoint :desk", beside=beside)
    result = repaired(text, None, shared=frozenset({"https://town.example/desk"}))
    assert said(":trees dcat:contactPoint <https://town.example/trees#contact> .") <= {
        line(one) for one in result.triples
    }
    assert "<https://town.example/desk>" not in {str(triple.subject) for triple in result.triples}
    assert "shared-node" not in repaired(text).counts


def test_a_high_value_dataset_needs_an_interface() -> None:
    """>> a category alone << the regulation is named everywhere; without an API it waits, and nothing is invented."""
    claim = "dcatap:hvdCategory <http://data.europa.eu/bna/c_b79e35eb>"
    without = repaired(described(claim))
    assert without.counts["high-value-law"] == 2
    assert [(one.kind, one.value) for one in without.questions] == [("other", "hvd-Dataset-api-min")]
    api = ':api a dcat:DataService ; dct:title "API" ; dcat:endpointURL <https://town.example/api> ; foaf:page :doc ;'
    api += f" {claim} ; dct:license <http://dcat-ap.de/def/licenses/cc-zero> ; dcat:contactPoint [ a vcard:Kind ;"
    api += ' vcard:fn "Amt" ; vcard:hasEmail <mailto:amt@town.example> ] . :doc a foaf:Document .'
    done = repaired(described(claim, "dcat:accessService :api", api))
    assert ([finding.rule for finding in done.findings], done.questions) == ([], [])


def test_a_licence_is_never_guessed() -> None:
    """>> a text that is nearly the name of one, an IRI that looks right << asked, nothing put in."""
    for value in ('"Datenlizenz Deutschland Zero 2.0"', '"CC0"', '"Nutzungsbedingungen"'):
        result = repaired(described(of_file=f"dct:license {value}"))
        assert [(one.kind, one.holds) for one in result.questions] == [("licence", True)]
        assert said(f":file dct:license {value} .") <= {line(triple) for triple in result.triples}
    result = repaired(described(of_file="dct:license <http://dcat-ap.de/def/licenses/cc-by-nc-de/4_0>"))
    assert [(one.kind, one.holds) for one in result.questions] == [("licence", False)]
    assert result.conforms


def test_an_unknown_defect_ends_as_a_question() -> None:
    """>> a dataset without a title, a rule that may not leave out << it waits, with what is asked."""
    without = repaired(described().replace('dct:title "Bäume" ; ', ""))
    assert ([(one.kind, one.value) for one in without.questions], without.conforms) == ([("title", "")], False)
    kept = repaired(described('adms:sample "Muster"'), None, LEFT_OUT)
    assert not kept.conforms
    assert {one.kind for one in kept.questions} == {"other"}


@pytest.mark.threat("T77")
def test_values_of_any_size_and_kind_end_somewhere() -> None:
    """>> geometry without end, numbers nobody has, nested JSON, text that is nearly a pattern << no crash, no wait.

    Bug: a megabyte that was nearly a mail address, a name with one, a time or an address held up the process for hours.
    """
    deep = '{\\"coordinates\\":' + "[" * 5_000 + "]" * 5_000 + "}"
    for value in (
        deep,
        "POLYGON((" + "1 2," * 20_000 + "))",
        "POINT(1e400 2)",
        "9" * 5_000,
        "mailto:" + "a" * 5_000,
        "%" * 5_000,
        "a@" + "." * 80_000 + "@",
        "Amt " + "e-mail:" * 12_000,
        "2020-01-01" + " " * 80_000 + "x",
        "https://" + "a" * 80_000 + " b",
    ):
        text = described(
            f'dct:spatial [ a dct:Location ; locn:geometry "{value}" ] ; dct:modified "{value}" ;'
            f' dct:language "{value}" ;'
            f' dct:publisher "{value}" ; dct:temporal "{value}" ; dcat:contactPoint "{value}",'
            f' [ a vcard:Kind ; vcard:fn "{value}" ; vcard:hasEmail "{value}" ]',
            f'dcat:byteSize "{value}" ; dct:format "{value}" ; dcat:mediaType "{value}" ; dcat:accessURL "{value}"',
        )
        assert repaired(text).triples


@pytest.mark.threat("T77")
def test_an_address_is_looked_for_in_short_texts_alone() -> None:
    """>> a mail address, one in a name, a web address, as long as may be, and longer << put right; left as it is."""
    for rule, about, most, shown in (
        ("email", 'dcat:contactPoint [ a vcard:Kind ; vcard:hasEmail "%s" ]', 1_000, "x@town.example"),
        ("email-in-name", 'dcat:contactPoint [ a vcard:Kind ; vcard:fn "%s" ]', 1_000, "x e-mail: a@town.example"),
        ("address-as-text", 'foaf:page "%s"', 4_096, "https://town.example/x"),
    ):
        for length in (most, most + 1):
            value = shown.replace("x", "x" * (length - len(shown) + 1), 1)
            assert (rule in repaired(described(about % value)).counts) is (length == most), (rule, length)


BENT = [
    "dct:title",
    "dct:license",
    "dct:format",
    "dct:publisher",
    "dct:spatial",
    "dct:temporal",
    "dct:language",
    "dct:rights",
    "dcat:accessURL",
    "dcat:theme",
    "dcat:contactPoint",
    "dcat:byteSize",
    "dcat:mediaType",
    "dcat:distribution",
    "dcat:inSeries",
    "dcatde:contributorID",
    "adms:identifier",
    "adms:status",
    "spdx:checksum",
    "foaf:page",
    "dcatap:availability",
]
ODD = [
    '""',
    '"x"',
    '"http://["',
    "<urn:x>",
    "[]",
    '"99999999999999999999"',
    '"2020-13-45"^^xsd:date',
    '"\\u0001"',
    '"deu"@de',
    "<rel>",
    "<http://[>",
]


@pytest.mark.threat("T77")
def test_bent_descriptions_conform_or_are_asked_about() -> None:
    """>> hundreds of descriptions with values exchanged and left out << no crash; what conforms is good RDF/XML."""
    for seed in range(150):
        dice = random.Random(seed)
        rule = dice.choice(CASES)
        bent = " ; ".join(f"{dice.choice(BENT)} {dice.choice(ODD)}" for _ in range(dice.randint(1, 6)))
        file = " ; ".join(f"{dice.choice(BENT)} {dice.choice(ODD)}" for _ in range(dice.randint(0, 3)))
        of_dataset, of_file = (" ; ".join(filter(None, both)) for both in ((rule[1], bent), (rule[2], file)))
        result = repaired(described(of_dataset, of_file, rule[3]))
        if result.conforms:
            document = write(result.triples, "rdf-xml")
            assert len(list(parse(document, format=RdfFormat.RDF_XML))) == len(result.triples), seed
        else:
            assert any(question.holds for question in result.questions), seed
