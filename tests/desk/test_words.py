"""A clerk's language: no page of the desk that she sees holds an English or technical word."""

import re
import tempfile
import tomllib
from pathlib import Path

import pytest

from connector import verify
from connector.foundation.language import catalogue
from tests.desk.lively import lively
from tests.desk.screens import browser_of, every_page
from tests.desk.towns import NEIGHBOUR, ROLES, TOWN, towns

TERMS = (
    r"ODRL|JSON-LD|JSON|RDF|DCAT|DSP|DID|did:web|Asset|Policy|Offer|Negotiation|Agreement|Transfer|Provider|Consumer"
    r"|Connector|Endpoint|Token|Push|Pull|HttpData|IRI|URI|UUID|Hash|Constraint|Permission|Duty|Payload|Request|Upload"
    r"|Download|Dashboard|Login|Feed|Metadata|Metadaten"
)
TECHNICAL = re.compile(rf"\b(?:{TERMS})(?:s|es|wert|satz)?\b")
FOR_OTHERS = re.compile(r"^/(administration|licences)|^/t/[^/]+/(tokens|contracts/[^/]+/text)")
"""Pages of the operator and of programs, licences in the words of their authors, and contracts as they were sealed."""

OF_OTHERS = frozenset({"api", "cli", "dialects", "harvest", "http", "peer", "plugin", "rdf", "signers", "trust"})
"""Refusals of rooms that only operators, programs and other connectors meet."""
BY_PROGRAMS = frozenset(
    {
        "contracts.on-behalf-of",
        "policy.not-json",
        "policy.slot-did",
        "policy.slot-party",
        "transfer.address",
        "transfer.address-secret",
        "transfer.destination",
        "transfer.purpose",
    }
)
"""Refusals of what a page lets nobody type: a person chooses there from lists."""

COUNTED = {
    "de": r"Tagen?|Stunden|Minuten|Sekunden|Monaten?|Jahren?|Datensätzen?|Einträgen?|Dateien|Verträgen?|Verhandlungen"
    r"|Übertragungen|Verstöße|Hinweise|Versuchen?|Fehlschlägen?|Seiten|Mitgliedern?|Mitgliedschaften|Regeln|Zeilen"
    r"|Fragen|Antworten|Personen|Partnern?|Quellen|Zustimmungen|Prüfungen|Entwürfen?|Anfragen|Vorgängen?|Bäumen?",
    "en": r"days|hours|minutes|seconds|months|years|datasets|entries|files|contracts|negotiations|transfers|violations"
    r"|warnings|attempts|failures|pages|members|memberships|rules|rows|lines|questions|people|persons|partners|sources"
    r"|approvals|drafts|requests|trees|policies",
}
"""Things of which there may be one: a number in front of them is said with both wordings."""
AT_MOST = ("limit", "most", "least")
"""Bounds, which are never one."""
NEVER_ONE = frozenset(
    {
        "cli.doctor.sqlite-large",
        "cli.doctor.witness-good",
        "cli.doctor.witness-late",
        "cli.moving.takes",
        "demo.doors.head",
        "demo.publish.objects",
        "demo.space.approve.done",
        "demo.space.verify.done",
        "demo.verify.done",
        "error.cli.policy-one",
        "error.demo.too-long",
        "error.federation.slow",
        "error.moving.large",
        "figures.counted",
        "figures.counted-newest",
        "figures.proven",
        "figures.unit.seconds",
        "trace.cause.several",
        "today.task.import-many",
        "web.publish.done.undo-text",
    }
)
"""Constants of ours, what is said of several alone, and numbers that a second key has a wording for."""
COUNTED_IN_EVIDENCE = [
    ("note", "trust-list-age"),
    ("note", "trust-list-over"),
    ("passed", "told"),
    ("verdict", "until"),
]
EVIDENCE_COUNTS = re.compile(r"\{(?:count|days|size|many)\} \w")


def test_what_checking_evidence_says_is_said_plainly() -> None:
    """>> every sentence of the verifier, as a page shows it << none of the words of the trade."""
    with (Path(verify.__file__).parent / "language/de/verify.toml").open("rb") as file:
        tables = tomllib.load(file)
    said = [text for table in ("check", "passed", "fault") for text in tables[table].values()]
    assert [text for text in said if TECHNICAL.search(text)] == []
    assert len(said) > 50


def test_refusals_are_said_plainly() -> None:
    """>> every sentence of an error that a person at the desk may meet << none of the words of the trade."""
    said = {key.removeprefix("error."): text for key, text in catalogue("de").items() if key.startswith("error.")}
    technical = {code for code, text in said.items() if TECHNICAL.search(text) and code.split(".")[0] not in OF_OTHERS}
    assert technical == BY_PROGRAMS


def test_bug_a_reason_in_the_words_of_a_person_got_a_second_full_stop() -> None:
    """>> every sentence that quotes a reason without marks << nothing stands after it: people end their own."""
    said = [(lang, key) for lang in ("de", "en") for key, text in catalogue(lang).items() if "{reason}." in text]
    assert said == []


@pytest.mark.parametrize("lang", ["de", "en"])
def test_bug_one_thing_was_counted_in_the_plural(lang: str) -> None:
    """>> every sentence with a number in front of what it counts << it has a wording for one, or there is never one."""
    counts = re.compile(rf"\{{(\w+)\}} (?:more |further )?(?:{COUNTED[lang]})\b")
    several = ("-many", ".many", "-one")
    found = {
        key
        for key, text in catalogue(lang).items()
        if any(one[1] not in AT_MOST for one in counts.finditer(text)) and not key.endswith(several)
    }
    assert {key for key in found - NEVER_ONE if f"{key}-one" not in catalogue(lang)} == set()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_bug_one_thing_was_counted_in_the_plural_in_evidence(lang: str) -> None:
    """>> the age of a list of one day << the number stands for itself, no noun follows it."""
    with (Path(verify.__file__).parent / f"language/{lang}/verify.toml").open("rb") as file:
        tables = tomllib.load(file)
    found = {f"{table}.{key}": tables[table][key] for table, key in COUNTED_IN_EVIDENCE}
    assert {key: text for key, text in found.items() if EVIDENCE_COUNTS.search(text)} == {}


@pytest.mark.long
async def test_no_page_speaks_of_technology() -> None:
    """>> every German page that a person with all roles at a town can reach << none of the words of the trade."""
    with tempfile.TemporaryDirectory(prefix="hw") as folder:
        async with towns(Path(folder)) as there:
            further = await lively(there)
            anna = await there.person("Anna Beispiel", {TOWN: ROLES, NEIGHBOUR: ROLES})
            pages, _ = await every_page(there, anna, further)
            browser = browser_of(anna)
            try:
                pages["/there/is/no/such/page"] = await browser.get("/there/is/no/such/page")
            finally:
                await browser.close()
    for seldom in (
        "Für die Stelle handelt",
        "wissen noch nicht, dass Verträge mit Ihnen beendet sind",
        "hinfällig, eines von beiden ist umgezogen oder nicht mehr Mitglied",
    ):
        assert any(seldom in page.words for page in pages.values()), seldom
    found = {path: TECHNICAL.findall(page.words) for path, page in pages.items() if not FOR_OTHERS.match(path)}
    assert {path: some for path, some in found.items() if some} == {}
    assert len(pages) > 3
