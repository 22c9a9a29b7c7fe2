"""A decision as a compliance report in RDF, in the words of the FORCE suite and the CG draft (spec/policy.md 11.1).

For auditors and for comparison with other engines. That vocabulary knows satisfied and unsatisfied only; where we know
less, the own term `hanse:state` beside it says so. Rules and constraints are named by their `@id`, or by the JSON
pointer in their policy where they have none.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from connector.kernel.dialects.jsonld.nodes import TYPE, Members, Nodes, Ref, Text, Value
from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.odrl.model import Atom, Collection, Duty, Logic, Policy, Rule
from connector.kernel.policy.odrl.names import HANSE, ODRL, XSD
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.values import MILLION, Type

REPORT = "https://w3id.org/force/compliance-report#"
DCT = "http://purl.org/dc/terms/"
Format = Literal["turtle", "json-ld"]

_PREFIXES = {"odrl": ODRL, "hanse": HANSE, "report": REPORT, "dct": DCT, "xsd": XSD}
_RULES = {"permission": "PermissionReport", "prohibition": "ProhibitionReport", "obligation": "DutyReport"}
_PREMISES = {"action": "ActionReport", "party": "PartyReport", "target": "TargetReport"}
_CLAUSES = frozenset({"constraint", "logic", "odd"})
_CONDITIONS = frozenset({"duty", "remedy", "consequence"})
_DEONTIC = {"not-set": "NonSet", "fulfilled": "Fulfilled", "violated": "Violated"}


class About(Struct, frozen=True, kw_only=True):
    """What a report names beside the decision: its own IRI and those of the request and of the request's one rule."""

    report: str = ""
    request: str = ""
    rule_request: str = ""


def report(policy: Policy, decision: Decision, about: About = About()) -> tuple[str, Nodes]:  # noqa: B008 - frozen
    """The IRI (or blank node) of the PolicyReport and the graph."""
    writer = _Writer(policy, decision, about)
    return writer.root, writer.nodes


def write(nodes: Nodes, format: Format = "turtle") -> bytes:
    """The graph as Turtle or JSON-LD, UTF-8."""
    import pyoxigraph

    form = pyoxigraph.RdfFormat.TURTLE if format == "turtle" else pyoxigraph.RdfFormat.JSON_LD
    return bytes(pyoxigraph.serialize(_quads(nodes), format=form, prefixes=_PREFIXES) or b"")


class _Writer:
    def __init__(self, policy: Policy, decision: Decision, about: About) -> None:
        self.nodes: Nodes = {}
        self._policy, self._decision, self._about = policy, decision, about
        self.root = about.report or "_:report"
        root = self._made(self.root, "PolicyReport")
        root[DCT + "created"] = _instant(decision.now)
        if policy.id:
            root[REPORT + "policy"] = [Ref(policy.id)]
        if about.request:
            root[REPORT + "policyRequest"] = [Ref(about.request)]
        root[HANSE + "result"] = [Text("permit" if decision.permit else "deny")]
        root[REPORT + "ruleReport"] = [self._rule(node) for node in decision.tree.children if node.kind in _RULES]

    def _made(self, name: str, kind: str) -> Members:
        members: Members = {TYPE: [Ref(REPORT + kind)]}
        self.nodes[name] = members
        return members

    def _new(self, kind: str) -> tuple[Ref, Members]:
        name = f"_:r{len(self.nodes)}"
        return Ref(name), self._made(name, kind)

    def _rule(self, node: Node) -> Ref:
        ref, members = self._new(_RULES[node.kind])
        members[REPORT + "attemptState"] = [Ref(REPORT + "Attempted")]
        members[REPORT + "rule"] = [Ref(self._name(node))]
        if self._about.rule_request:
            members[REPORT + "ruleRequest"] = [Ref(self._about.rule_request)]
        members[REPORT + "activationState"] = [Ref(REPORT + ("Active" if _active(node) else "Inactive"))]
        if node.kind == "obligation":
            self._standing(members, node)
            return ref
        if node.state not in ("yes", "no"):
            members[HANSE + "state"] = [Text(node.state)]
        self._below(members, (*node.children, *_idle(node)))
        return ref

    def _below(self, members: Members, children: Sequence[Node]) -> None:
        premises = [found for child in children if (found := self._premise(child)) is not None]
        conditions = [self._duty(child) for child in children if child.kind in _CONDITIONS]
        if premises:
            members[REPORT + "premiseReport"] = list(premises)
        if conditions:
            members[REPORT + "conditionReport"] = list(conditions)

    def _premise(self, node: Node) -> Ref | None:
        if kind := _PREMISES.get(node.kind, ""):
            ref, members = self._new(kind)
        elif node.kind in _CLAUSES:
            ref, members = self._new("ConstraintReport")
            members[REPORT + "constraint"] = [Ref(self._name(node))]
            self._compared(members, node)
            if node.kind == "logic":
                inner = [found for child in node.children if (found := self._premise(child)) is not None]
                members[REPORT + "premiseReport"] = list(inner)
        else:
            return None
        members[REPORT + "satisfactionState"] = [Ref(REPORT + ("Satisfied" if node.state == "yes" else "Unsatisfied"))]
        if node.state not in ("yes", "no"):
            members[HANSE + "state"] = [Text(node.state)]
        return ref

    def _compared(self, members: Members, node: Node) -> None:
        match node.item:
            case Atom() as atom:
                if actual := _actual(atom, node):
                    members[REPORT + "constraintLeftOperand"] = actual
                members[REPORT + "constraintOperator"] = [Ref(_iri(atom.operator))]
                members[REPORT + "constraintRightOperand"] = [Text(t.text, t.datatype, t.language) for t in atom.right]
                if node.source:
                    members[HANSE + "source"] = [Text(node.source)]
                if node.evidence:
                    members[HANSE + "evidence"] = [Text(node.evidence)]
            case Logic() as logic:
                members[REPORT + "constraintLogicalOperand"] = [Ref(ODRL + logic.operator)]

    def _duty(self, node: Node) -> Ref:
        ref, members = self._new("DutyReport")
        members[REPORT + "attemptState"] = [Ref(REPORT + "Attempted")]
        members[REPORT + "rule"] = [Ref(self._name(node))]
        self._standing(members, node)
        return ref

    def _standing(self, members: Members, node: Node) -> None:
        word = _DEONTIC.get(node.deontic)
        members[REPORT + "deonticState"] = [Ref(REPORT + word if word else HANSE + "Healed")]
        if node.due_at is not None:
            members[HANSE + "dueAt"] = _instant(node.due_at)
        self._below(members, [child for child in node.children if child.kind in _CONDITIONS])

    def _name(self, node: Node) -> str:
        """The id as the document gives it; else the place in the policy as a fragment."""
        item = node.item
        if isinstance(item, Rule | Duty | Atom | Logic | Collection) and item.id:
            return item.id if ":" in item.id else f"urn:hanse:id:{item.id}"
        return f"{self._policy.id if ':' in self._policy.id else 'urn:hanse:policy'}#{node.pointer}"


def _active(node: Node) -> bool:
    """A permission that permits, a prohibition that is about the request, an obligation whose conditions may hold."""
    if node.kind == "obligation":
        return all(child.state != "no" for child in node.children if child.kind in _CLAUSES)
    return node.state == "yes"


def _idle(node: Node) -> list[Node]:
    """The remedies of a prohibition that nobody violated: owed by nobody, so the tree leaves them out."""
    if node.kind != "prohibition" or not isinstance(node.item, Rule):
        return []
    if any(child.kind == "remedy" for child in node.children):
        return []
    return [Node("remedy", "yes", duty, duty.pointer) for duty in node.item.remedies]


def _actual(atom: Atom, node: Node) -> list[Value]:
    operand, actual = REGISTRY.get(atom.left), node.actual
    if actual is None or operand is None:
        return []
    if isinstance(actual, frozenset):
        return [Ref(text) if ":" in text and operand.type in _NAMED else Text(text) for text in sorted(actual)]
    match operand.type:
        case Type.INSTANT:
            return _instant(actual)
        case Type.DURATION:
            return [Text(f"PT{actual / 1000:.3f}S", XSD + "dayTimeDuration")]
        case Type.DECIMAL:
            whole, rest = divmod(abs(actual), MILLION)
            return [Text(f"{'-' if actual < 0 else ''}{whole}.{rest:06}", XSD + "decimal")]
        case _:
            return [Text(str(actual), XSD + "integer")]


_NAMED = frozenset({Type.CONCEPT, Type.IRI})
_LAST = 253_402_300_800_000


def _instant(ms: int) -> list[Value]:
    """The instant; nothing for one that no calendar of ours has."""
    if not 0 <= ms < _LAST:
        return []
    at = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return [Text(f"{at}.{ms % 1000:03}Z", XSD + "dateTime")]


def _iri(name: str) -> str:
    return name if ":" in name else ODRL + name


def _quads(nodes: Mapping[str, Members]) -> Iterator[Any]:
    import pyoxigraph

    def subject(name: str) -> Any:
        if name.startswith("_:"):
            return pyoxigraph.BlankNode(name[2:])
        try:
            return pyoxigraph.NamedNode(name)
        except ValueError:
            return pyoxigraph.Literal(name)

    def term(value: Value) -> Any:
        match value:
            case Ref(name):
                return subject(name)
            case Text(text, datatype, "") if ":" in datatype:
                return pyoxigraph.Literal(text, datatype=pyoxigraph.NamedNode(datatype))
            case Text(text, _, language) if language:
                return pyoxigraph.Literal(text, language=language)
            case Text(text, _, _):
                return pyoxigraph.Literal(text)

    for name, members in nodes.items():
        for key, values in members.items():
            for value in values:
                yield pyoxigraph.Quad(subject(name), pyoxigraph.NamedNode(key), term(value))
