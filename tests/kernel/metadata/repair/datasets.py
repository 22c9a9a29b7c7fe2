"""Small catalogues in Turtle, read and repaired for tests; what is missing of a conforming dataset is filled in."""

from typing import Any

from pyoxigraph import RdfFormat, Triple, parse

from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import PREFIXES
from connector.kernel.metadata.repair.ownership import Found, datasets
from connector.kernel.metadata.repair.rules import Repaired, repair
from connector.kernel.metadata.repair.work import Answers, Known

TREES = "https://town.example/trees"
HEAD = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items()) + (
    "@prefix : <https://town.example/> .\n@prefix schema: <http://schema.org/> .\n"
    "@prefix at: <http://publications.europa.eu/resource/authority/> .\n"
    "@prefix old: <http://dcat-ap.de/def/dcatde/1.0/> .\n"
    "@prefix dc: <http://purl.org/dc/elements/1.1/> .\n"
)
TITLE, TEXT = 'dct:title "Bäume"', 'dct:description "Alle Bäume"'
PUBLISHER = "dct:publisher :town"
FILE = "dcat:distribution :file"
ENOUGH = (TITLE, TEXT, PUBLISHER, FILE)
FILE_ENOUGH = (
    "dcat:accessURL <https://town.example/trees.csv>",
    "dct:license <http://dcat-ap.de/def/licenses/cc-zero>",
)


def graph(turtle: str) -> Graph:
    """`HEAD` and this; IRIs as lenient reading lets them pass."""
    return Graph(quad.triple for quad in parse((HEAD + turtle).encode(), format=RdfFormat.TURTLE, lenient=True))


def found(turtle: str) -> list[Found]:
    return [each for each in datasets(graph(turtle), code_lists()) if isinstance(each, Found)]


def described(said: str = "", of_file: str = "", beside: str = "") -> str:
    """One dataset that conforms, and what is said of it and of its file; what is said there is not said again."""
    about = [said, *(one for one in ENOUGH if one.split()[0] not in said)]
    file = [of_file, *(one for one in FILE_ENOUGH if one.split()[0] not in of_file)]
    return (
        f":trees a dcat:Dataset ; {' ; '.join(one for one in about if one)} .\n"
        f":file a dcat:Distribution ; {' ; '.join(one for one in file if one)} .\n"
        f':town a foaf:Agent ; foaf:name "Stadt" .\n{beside}'
    )


def repaired(turtle: str, answers: Answers | None = None, *undone: str, **known: Any) -> Repaired:
    """What becomes of the only dataset."""
    (only,) = found(turtle)
    return repair(
        only.iri, only.triples, Known(lists=code_lists(), answers=answers or {}, undone=frozenset(undone), **known)
    )  # type: ignore[arg-type]


def said(turtle: str) -> set[str]:
    """Triples as N-Triples without the names of blank nodes."""
    return {line(triple) for triple in graph(turtle)}


def line(triple: Triple) -> str:
    return " ".join(
        "_" if str(term).startswith("_:") else str(term) for term in (triple.subject, triple.predicate, triple.object)
    )
