"""One dataset under repair: its triples, what each rule replaced by what, and what the rules may know.

A rule only says which triples go and which come. So each use can be shown before and after, counted, and undone by
leaving the rule out: the original is kept, and repairing it is a pure function (spec/metadata-import.md 1.4, decision
0061).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph, Node, Term
from connector.kernel.metadata.rdf.names import RDF

Answers = Mapping[tuple[str, str, str], str]
"""What people said: by kind of question, value, and dataset (empty: for all)."""


class Change(Struct, frozen=True):
    """One use of a rule."""

    rule: str
    before: tuple[Triple, ...]
    after: tuple[Triple, ...]


class Known(Struct, frozen=True, kw_only=True):
    """What the rules may know: lists, answers, the rules that a steward undid.

    Of the delivery: the IRIs of its agents by name, and the nodes that several of its datasets lead to.
    """

    lists: CodeLists
    answers: Answers = {}
    undone: frozenset[str] = frozenset()
    agents: Mapping[str, str] = {}
    shared: frozenset[str] = frozenset()

    def answer(self, kind: str, value: str, dataset: str) -> str | None:
        """What was said for this dataset, else for all."""
        own = self.answers.get((kind, value, dataset))
        return self.answers.get((kind, value, "")) if own is None else own


class Work:
    """The triples by subject and by property, changed under the name of the running rule."""

    def __init__(self, dataset: NamedNode, triples: Iterable[Triple], known: Known) -> None:
        self.dataset, self.known = dataset, known
        self.changes: list[Change] = []
        self.rule = ""
        self._all: dict[Triple, None] = {}
        self._of: dict[Term, dict[Triple, None]] = {}
        self._named: dict[NamedNode, dict[Triple, None]] = {}
        for triple in triples:
            self._add(triple)

    def _add(self, triple: Triple) -> None:
        self._all[triple] = None
        self._of.setdefault(subject_of(triple), {})[triple] = None
        self._named.setdefault(triple.predicate, {})[triple] = None

    def _remove(self, triple: Triple) -> None:
        self._all.pop(triple, None)
        self._of[subject_of(triple)].pop(triple, None)
        self._named.get(triple.predicate, {}).pop(triple, None)

    def change(self, before: Iterable[Triple], after: Iterable[Triple] = ()) -> None:
        """Replaces triples; nothing happens if nothing would change."""
        gone = tuple(triple for triple in before if triple in self._all)
        come = tuple(triple for triple in after if triple not in self._all or triple in gone)
        gone, come = tuple(t for t in gone if t not in come), tuple(t for t in come if t not in gone)
        if not gone and not come:
            return
        for triple in gone:
            self._remove(triple)
        for triple in come:
            self._add(triple)
        self.changes.append(Change(self.rule, gone, come))

    @property
    def triples(self) -> Sequence[Triple]:
        return tuple(self._all)

    def graph(self) -> Graph:
        return Graph(self._all)

    def named(self, *names: NamedNode) -> Sequence[Triple]:
        """All triples with one of these properties."""
        return [triple for name in names for triple in self._named.get(name, ())]

    def names(self) -> Sequence[NamedNode]:
        return [name for name, all in self._named.items() if all]

    def about(self, node: Term) -> Sequence[Triple]:
        return tuple(self._of.get(node, ()))

    def values(self, node: Term, name: NamedNode) -> Sequence[Term]:
        return [value_of(triple) for triple in self._of.get(node, ()) if triple.predicate == name]

    def is_a(self, node: Term, *of: NamedNode) -> bool:
        return any(kind in of for kind in self.values(node, RDF.type))

    def instances(self, *of: NamedNode) -> Sequence[Node]:
        found = {triple.subject: None for triple in self.named(RDF.type) if triple.object in of}
        return [node for node in found if isinstance(node, NamedNode | BlankNode)]

    def holders(self, node: Term) -> Sequence[Triple]:
        """The triples whose value it is."""
        return [triple for triple in self._all if triple.object == node]

    def below(self, node: Term) -> Sequence[Triple]:
        """What is said of a node and of the nodes that only it leads to (blank ones)."""
        found: dict[Triple, None] = {}
        waiting = [node]
        while waiting:
            for triple in self.about(waiting.pop()):
                if triple not in found:
                    found[triple] = None
                    if isinstance(triple.object, BlankNode):
                        waiting.append(triple.object)
        return tuple(found)

    def fresh(self, *said: Term) -> BlankNode:
        """A new node, named by what it is for, so that repairing twice gives the same."""
        return BlankNode("r" + blake2b("\n".join(map(str, said)).encode(), digest_size=12).hexdigest())


class Rule(Struct, frozen=True):
    """Its sentence stands in the catalogues of messages under `repair.<name>`."""

    name: str
    apply: Callable[[Work], None]


Rewriting = Callable[[Work, Term], tuple[Term, ...] | None]


def values(name: str, properties: Sequence[NamedNode], new: Rewriting) -> Rule:
    """A rule that puts other values (none, one or several) in the place of one; None leaves it as it is."""

    def apply(work: Work) -> None:
        for triple in work.named(*properties):
            said = new(work, value_of(triple))
            if said is not None:
                work.change([triple], [Triple(triple.subject, triple.predicate, value) for value in said])

    return Rule(name, apply)


def renamed(name: str, pairs: Mapping[NamedNode, NamedNode]) -> Rule:
    """A rule that puts a property in the place of another."""

    def apply(work: Work) -> None:
        for triple in work.named(*pairs):
            work.change([triple], [Triple(triple.subject, pairs[triple.predicate], triple.object)])

    return Rule(name, apply)


def value_of(triple: Triple) -> Term:
    """Quoted triples never come here: a reading sets them aside."""
    return triple.object  # type: ignore[return-value]


def subject_of(triple: Triple) -> Node:
    return triple.subject  # type: ignore[return-value]


def text(term: Term) -> str:
    """What a person would read of it."""
    return "" if isinstance(term, BlankNode) else term.value.strip()


def is_text(term: Term) -> bool:
    return isinstance(term, Literal)
