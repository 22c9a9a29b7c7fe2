"""How well a search finds what people judged to be the answer: recall among the first ten, for each way of typing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import Copy, copy_of
from connector.data.catalogue.search.find import SearchRequest, search
from connector.foundation.storage.database import Database, Tx
from tests.testkit import judged_queries, municipal_datasets
from tests.testkit.judged_queries import Judged
from tests.testkit.places import SHARED

FIRST = 10
CATALOGUES = SHARED / "dcat/catalogues"
PROVIDER = "did:web:portal.example"
"""Shows the real catalogues; each town of the corpus shows its own."""
_DCT, _DCAT = "http://purl.org/dc/terms/", "http://www.w3.org/ns/dcat#"


class Miss(NamedTuple):
    """A query that did not find all; `recall` among the first ten, or as many as there are answers."""

    corpus: str
    query: str
    recall: float


class Outcome(NamedTuple):
    """`answers`: the IRIs found for each query as typed, in order."""

    recall: float
    queries: int
    misses: list[Miss]
    answers: dict[tuple[str, str], list[str]]


def real() -> list[dict[str, Any]]:
    """The datasets of the real catalogues as entries of a catalogue; empty where those files are not at hand."""
    found = []
    for path in sorted(CATALOGUES.glob("*.rdf")) if CATALOGUES.is_dir() else ():
        found += list(_entries(path.read_bytes()))
    return found


def _entries(document: bytes) -> Iterator[dict[str, Any]]:
    import pyoxigraph

    about: dict[str, dict[str, list[str]]] = {}
    triples = pyoxigraph.parse(document, format=pyoxigraph.RdfFormat.RDF_XML, lenient=True, base_iri="http://x/")
    for triple in triples:
        value = getattr(triple.object, "value", "")
        about.setdefault(getattr(triple.subject, "value", ""), {}).setdefault(triple.predicate.value, []).append(value)
    for iri, said in about.items():
        if f"{_DCAT}Dataset" in said.get("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", ()):
            yield {
                "@id": iri,
                "@type": "Dataset",
                "dct:title": said.get(f"{_DCT}title", [""])[0],
                "dct:description": said.get(f"{_DCT}description", [""])[0],
                "dcat:keyword": sorted(said.get(f"{_DCAT}keyword", ())),
            }


async def fill(db: Database, participant: str, entries: Iterable[dict[str, Any]]) -> None:
    """As if members had shown these to the participant."""
    await fill_copies(db, participant, [copy_of(entry) for entry in entries])


async def fill_copies(db: Database, participant: str, copies: Sequence[Copy]) -> None:
    """As `fill`, with what is kept of each entry."""

    def put(tx: Tx, some: Sequence[Copy]) -> None:
        for one in some:
            store.replace_entry(tx, participant, PROVIDER, one)

    for first in range(0, len(copies), 200):
        await db.write(participant, put, copies[first : first + 200])


def as_typed(one: Judged) -> str:
    return one.query


def with_slips(one: Judged) -> str:
    return one.typo


def umlauts_spelt_out(one: Judged) -> str:
    """`ä` as `ae`; nothing where there is none."""
    return _respelt(one.query, {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def umlauts_left_out(one: Judged) -> str:
    return _respelt(one.query, {"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "Ä": "A", "Ö": "O", "Ü": "U"})


def _respelt(text: str, letters: Mapping[str, str]) -> str:
    found = "".join(letters.get(letter, letter) for letter in text)
    return "" if found == text else found


async def recall(
    db: Database,
    participant: str,
    corpus: str,
    queries: Sequence[Judged],
    typed: Callable[[Judged], str],
    iris: Sequence[str],
) -> Outcome:
    """Over the queries that can be typed so; `iris` are all that the corpus has."""
    shares, misses, answers = [], [], {}
    for one in queries:
        if not (text := typed(one)):
            continue
        right = set(judged(one, corpus, iris))
        answer = await db.read(participant, search, participant, SearchRequest(text=text), limit=FIRST, counts=False)
        found = [hit.dataset for hit in answer.hits]
        share = len(right.intersection(found)) / min(FIRST, len(right))
        answers[corpus, text] = found
        shares.append(share)
        if share < 1:
            misses.append(Miss(corpus, text, share))
    return Outcome(sum(shares) / len(shares) if shares else 1.0, len(shares), misses, answers)


def judged(one: Judged, corpus: str, iris: Sequence[str]) -> list[str]:
    """The IRIs of the right answers."""
    if corpus == "real":
        return [iri for iri in iris if any(iri.endswith(end) for end in one.answers)]
    every = {entry["@id"]: entry for entry in municipal_datasets.datasets()}
    return [
        municipal_datasets.iri(name, number)
        for name in one.answers
        for number in range(municipal_datasets.EACH)
        if f"Herausgeber: {one.town}" in every[municipal_datasets.iri(name, number)]["dct:description"]
    ]


QUERIES = {"own": judged_queries.TOWN, "real": judged_queries.REAL}
WAYS = (as_typed, umlauts_spelt_out, umlauts_left_out, with_slips)
"""How people type."""
