"""What becomes of a delivery: each dataset repaired and checked, or set aside. Pure; nothing here is kept or sent.

A dataset is derived anew only if something that its repair depends on has changed: its triples, the answers that may
concern it, undone rules, lists, rules, and what the delivery says of agents and shared nodes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

import msgspec
import structlog
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.data.harvest.described import described
from connector.data.harvest.model import DatasetQuestion, ImportedDataset, KnownDataset, Repair
from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import FOAF
from connector.kernel.metadata.rdf.writing import n_triple
from connector.kernel.metadata.repair import rules, spelling
from connector.kernel.metadata.repair.ownership import Aside, Found, datasets
from connector.kernel.metadata.repair.questions import keyed
from connector.kernel.metadata.repair.work import Answers, Change, Known

log = structlog.get_logger("harvest")
EDITION = "1"
"""Grows when a rule comes to give something else: then everything is derived anew."""
Progress = Callable[[int, int], None]


class Context:
    """What all repairs of a delivery may know, and which part of it concerns one dataset."""

    def __init__(
        self, graph: Graph, found: Sequence[Found], lists: CodeLists, answers: Answers, undone: frozenset[str]
    ) -> None:
        self.known = Known(lists=lists, answers=answers, undone=undone, agents=_agents(graph), shared=_shared(found))
        editions = sorted((one.iri, one.edition, len(one.values)) for one in lists.lists.values())
        self._common = json.dumps([EDITION, rules.NAMES, sorted(undone), editions])
        said: set[str] = {""}.union(*map(_said, found))
        every = [(*key, answer) for key, answer in sorted(answers.items())]
        self._anywhere = [one for one in every if one[1] not in said]
        self._answers: dict[str, list[tuple[str, str, str, str]]] = {}
        for one in every:
            self._answers.setdefault(one[1], []).append(one)

    def digest(self, found: Found) -> str:
        """The digest of everything that the repair of this dataset depends on."""
        said = _said(found) | {""}
        near = [answer for value in sorted(said & self._answers.keys()) for answer in self._answers[value]]
        mine = [answer for answer in [*near, *self._anywhere] if answer[2] in {"", found.iri}]
        named = sorted((text, self.known.agents[text]) for text in said & self.known.agents.keys())
        own = sorted({text for text in said if text in self.known.shared})
        return sha256(json.dumps([self._common, found.sha256, mine, named, own]).encode()).hexdigest()


def _said(found: Found) -> set[str]:
    """Values as questions may name them: as they came, and with their characters mended."""
    values = (triple.object for triple in found.triples)
    texts = {value.value.strip() for value in values if isinstance(value, NamedNode | Literal)}
    return {keyed(each) for said in texts for each in (said, *spelling.mended(said))}


def _agents(graph: Graph) -> Mapping[str, str]:
    """IRIs of agents by name; a name that two agents have means neither."""
    named: dict[str, set[str]] = {}
    for kind in (FOAF.Agent, FOAF.Organization):
        for node in graph.instances(kind):
            for name in graph.values(node, FOAF.name):
                if isinstance(node, NamedNode) and isinstance(name, Literal) and name.value.strip():
                    named.setdefault(name.value.strip(), set()).add(node.value)
    return {name: iris.pop() for name, iris in named.items() if len(iris) == 1}


def _shared(found: Sequence[Found]) -> frozenset[str]:
    """Nodes of which several datasets say something."""
    once: set[str] = set()
    twice: set[str] = set()
    for dataset in found:
        own = {triple.subject.value for triple in dataset.triples if isinstance(triple.subject, NamedNode)}
        twice |= own & once
        once |= own
    return frozenset(twice)


def divided(graph: Graph, lists: CodeLists, root: str, elsewhere: Iterable[str]) -> tuple[list[Found], list[Aside]]:
    """The datasets of a delivery, and those that cannot be taken: of another source, or under our own root.

    What a dataset says of such nodes is not taken either.
    """
    found: list[Found] = []
    aside: list[Aside] = []
    others = frozenset(elsewhere)

    def foreign(iri: str) -> bool:
        return iri == root or iri.startswith((root + "/", root + "#")) or iri in others

    for one in datasets(graph, lists, foreign):
        if isinstance(one, Aside):
            aside.append(one)
        elif one.iri in others:
            aside.append(Aside(one.iri, "other-source"))
        elif foreign(one.iri):
            aside.append(Aside(one.iri, "own-dataset"))
        else:
            found.append(one)
    return found, aside


def of_datasets(triples: Iterable[Triple], lists: CodeLists, iris: frozenset[str]) -> list[Triple]:
    """The original of datasets that stay although a delivery leaves them out, with blank nodes of its own."""
    found = (one for one in datasets(Graph(triples), lists) if isinstance(one, Found) and one.iri in iris)
    said = (b"".join(map(n_triple, one.triples)) for one in found)
    return [
        quad.triple
        for each in said
        for quad in parse(each, format=RdfFormat.N_TRIPLES, lenient=True, rename_blank_nodes=True)
    ]


def derived(
    context: Context, found: Sequence[Found], before: Mapping[str, KnownDataset], progress: Progress
) -> Iterator[ImportedDataset]:
    """Datasets whose derivation is not the one that is kept, derived anew."""
    for number, one in enumerate(found, 1):
        digest = context.digest(one)
        kept = before.get(one.iri)
        if kept is None or kept.digest != digest:
            yield _derived(context.known, one, digest)
        progress(number, len(found))


def _derived(known: Known, found: Found, digest: str) -> ImportedDataset:
    """A dataset that nobody foresaw takes none of the others with it."""
    try:
        return derive(known, found, digest)
    except Exception:
        # The outermost edge of one description: who wrote it is a stranger.
        log.exception("harvest.unrepaired", dataset=found.iri)
        return set_aside(Aside(found.iri, "defect"))


def derive(known: Known, found: Found, digest: str) -> ImportedDataset:
    repaired = rules.repair(found.iri, found.triples, known)
    record = described(found.iri, Graph(repaired.triples))
    text = b"".join(map(n_triple, repaired.triples))
    return ImportedDataset(
        iri=found.iri,
        identifier=found.identifier,
        title=_first(record.title),
        state="published" if repaired.conforms else "held",
        reason="",
        digest=digest,
        sha256=sha256(text).hexdigest() if repaired.conforms else "",
        triples=text if repaired.conforms else b"",
        record=msgspec.json.encode(record).decode(),
        repairs=tuple(_repair(change) for change in repaired.changes),
        asked=tuple(DatasetQuestion(one.kind, one.value, found.iri, one.holds) for one in repaired.questions),
    )


def set_aside(one: Aside) -> ImportedDataset:
    """What is kept of a dataset that was not taken: that it was there, and why not."""
    digest = f"aside {one.reason}"
    return ImportedDataset(
        iri=one.iri,
        identifier="",
        title="",
        state="aside",
        reason=one.reason,
        digest=digest,
        sha256="",
        triples=b"",
        record="{}",
    )


def standing_in(one: ImportedDataset) -> ImportedDataset:
    """What is kept of a new dataset while people decide about it: that it was there. It is derived anew by each run."""
    return msgspec.structs.replace(
        one, state="waiting", digest="waiting", sha256="", triples=b"", record="{}", repairs=()
    )


def _first(texts: Mapping[str, str]) -> str:
    return (texts.get("de") or texts.get("") or next(iter(texts.values()), ""))[:500].replace("\0", " ")


def _repair(change: Change) -> Repair:
    return Repair(change.rule, _lines(change.before), _lines(change.after))


def _lines(triples: Sequence[Triple]) -> tuple[str, ...]:
    return tuple(str(triple)[:2_000] for triple in triples)
