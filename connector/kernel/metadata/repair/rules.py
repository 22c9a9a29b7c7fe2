"""The table of repair rules, in the order in which they run, and what becomes of a dataset with them.

Names first, then texts, values and shapes, then what people said, then the check with the rules of both profiles: what
violates one and may be left out is left out (the original keeps it), what only a person knows is a question, and a
dataset with such a question waits (spec/metadata-import.md 1.4, 1.5).
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from pyoxigraph import NamedNode, Triple

from connector.kernel.metadata.check.engine import check
from connector.kernel.metadata.check.model import Finding, Profile, Severity
from connector.kernel.metadata.rdf.graph import Node
from connector.kernel.metadata.rdf.names import DCAT, DCATAP
from connector.kernel.metadata.rdf.writing import in_order
from connector.kernel.metadata.repair import listed, nodes, questions, spelling
from connector.kernel.metadata.repair.questions import Question
from connector.kernel.metadata.repair.work import Change, Known, Rule, Work

LEFT_OUT = "not-conforming"
BEFORE_ANSWERS: tuple[Rule, ...] = (
    *spelling.NAMES,
    *nodes.SUCCESSORS[:1],
    *spelling.VALUES,
    *listed.RULES,
    *nodes.SUCCESSORS[1:],
    *nodes.TEXTS,
    *nodes.SHAPE,
)
AFTER_ANSWERS: tuple[Rule, ...] = (*spelling.LAST, *nodes.CLASSES)
RULES: tuple[Rule, ...] = (*BEFORE_ANSWERS, *questions.RULES, *AFTER_ANSWERS)
NAMES: tuple[str, ...] = (*(rule.name for rule in RULES), LEFT_OUT)
"""Names of all rules, in order; each has a sentence in the catalogues of messages."""
FIXED = frozenset({"answer"})
"""Rules that nobody undoes: an answer is taken back by another answer."""
_ROUNDS = 4


class Repaired(Struct, frozen=True):
    """A dataset after repair: its triples in order, what was changed, and what is asked of it.

    `findings` are the violations that remain; with one the dataset waits.
    """

    triples: Sequence[Triple]
    changes: Sequence[Change]
    questions: Sequence[Question]
    findings: Sequence[Finding]

    @property
    def conforms(self) -> bool:
        return not self.findings

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule was used."""
        found: dict[str, int] = {}
        for change in self.changes:
            found[change.rule] = found.get(change.rule, 0) + 1
        return found


def repair(iri: str, triples: Iterable[Triple], known: Known) -> Repaired:
    """The pure function that all is: original, lists, answers and undone rules in, what is published out."""
    work = Work(NamedNode(iri), triples, known)
    for rule in RULES:
        if rule.name not in known.undone:
            work.rule = rule.name
            rule.apply(work)
    found = _conforming(work)
    asking = {one: None for finding in found if (one := questions.asked(work, finding)) is not None}
    asking |= {Question("other", finding.rule): None for finding in found if questions.asked(work, finding) is None}
    asking |= dict.fromkeys(questions.unlisted_licences(work))
    return Repaired(in_order(work.triples), work.changes, sorted(asking), found)


def _conforming(work: Work) -> Sequence[Finding]:
    """Leaves out what violates and may go, until nothing more goes; the violations that remain."""
    work.rule = LEFT_OUT
    for _ in range(_ROUNDS):
        found = violations(work)
        may_go = [finding for finding in found if questions.asked(work, finding) is None]
        before = len(work.changes)
        if LEFT_OUT not in work.known.undone:
            for finding in may_go:
                _leave_out(work, finding)
        if len(work.changes) == before:
            return found
    return violations(work)


def violations(work: Work) -> Sequence[Finding]:
    """Of both profiles, and of the third where it is claimed; each node and path once."""
    graph = work.graph()
    profiles = [Profile.DE, Profile.AP, *([Profile.HVD] if work.named(DCATAP.hvdCategory) else [])]
    found: dict[tuple[object, ...], Finding] = {}
    for profile in profiles:
        for finding in check(graph, profile, work.known.lists):
            if finding.severity is Severity.VIOLATION:
                key = (finding.holder, finding.property, finding.component, finding.node, finding.value)
                found.setdefault(key, finding)
    return list(found.values())


def _leave_out(work: Work, finding: Finding) -> None:
    """The value that is wrong; where something is missing, the node that lacks it, with the link to it."""
    holder = finding.holder
    if holder is None:
        return
    wrong = finding.value if finding.value is not None else (finding.node if finding.node != holder else None)
    if wrong is not None and finding.property is not None:
        links = [triple for triple in work.about(holder) if triple.object == wrong]
        for link in [link for link in links if link.predicate.value == finding.property] or links:
            work.change([link, *nodes.alone(work, link, wrong)])
        return
    if finding.component == "MaxCountConstraintComponent" and finding.property is not None:
        several = sorted((t for t in work.about(holder) if t.predicate.value == finding.property), key=str)
        work.change(several[1:])
        return
    _without(work, holder)


def _without(work: Work, node: Node) -> None:
    """A node below the dataset that cannot be mended; never the dataset itself."""
    if node == work.dataset or work.is_a(node, DCAT.Dataset):
        return
    links = work.holders(node)
    work.change([*links, *(work.below(node) if links else work.about(node))])
