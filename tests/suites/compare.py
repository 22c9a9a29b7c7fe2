"""Compares an expected compliance report with ours, as the FORCE suite does (spec/policy.md 15.1).

`activation`: the same rule reports by rule, request, attempt and activation. `premises`: also the same multiset of
(type, constraint, satisfaction) over the reports that can be reached. A reference that leads nowhere is a defect of the
case.
"""

from collections import Counter
from collections.abc import Iterator

from connector.kernel.dialects.jsonld.nodes import Nodes, Ref, texts, types
from connector.kernel.dialects.policies.report import REPORT
from connector.kernel.policy.odrl.names import HANSE
from tests.suites.states import state

Row = tuple[str, ...]


def _refs(nodes: Nodes, node: str, name: str) -> list[str]:
    return [value.id for value in nodes.get(node, {}).get(REPORT + name, ()) if isinstance(value, Ref)]


def _one(nodes: Nodes, node: str, name: str) -> str:
    return next(iter(texts(nodes, node, REPORT + name)), "")


def _kind(nodes: Nodes, node: str) -> str:
    return next((iri.removeprefix(REPORT) for iri in types(nodes.get(node, {})) if iri.startswith(REPORT)), "")


def _state(nodes: Nodes, node: str) -> str:
    return _word(_one(nodes, node, "satisfactionState"))


def _word(text: str) -> str:
    """A state in one spelling, as the suite's own reports write most of them."""
    return state(text).capitalize()


def _premises(nodes: Nodes, root: str) -> Iterator[str]:
    """The premise reports below a rule report; each once, so that no cycle lasts."""
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        for name in _refs(nodes, waiting.pop(), "premiseReport"):
            if name not in seen and name in nodes:
                seen.add(name)
                waiting.append(name)
                yield name


def rules(nodes: Nodes, root: str) -> Counter[Row]:
    """The rule reports: rule, request, attempt, activation."""
    return Counter(
        (
            *(_one(nodes, name, fact).removeprefix(REPORT) for fact in ("rule", "ruleRequest")),
            *(_word(_one(nodes, name, fact)) for fact in ("attemptState", "activationState")),
        )
        for name in _refs(nodes, root, "ruleReport")
    )


def premises(nodes: Nodes, root: str) -> Counter[Row]:
    """The reports below the rules: type, constraint, satisfaction."""
    return Counter(
        (_kind(nodes, name), _one(nodes, name, "constraint"), _state(nodes, name))
        for rule in _refs(nodes, root, "ruleReport")
        for name in _premises(nodes, rule)
    )


def duties(nodes: Nodes, root: str) -> Counter[Row]:
    """How obligations, duties and remedies stand, as far as their reports are in the graph: rule and deontic state."""
    found: list[str] = []
    for rule in _refs(nodes, root, "ruleReport"):
        # Below an obligation stand its consequences, which follow from it.
        found += [rule] if _kind(nodes, rule) == "DutyReport" else _refs(nodes, rule, "conditionReport")
    return Counter(
        (_one(nodes, name, "rule"), _word(stands)) for name in found if (stands := _one(nodes, name, "deonticState"))
    )


def result(nodes: Nodes, root: str) -> str:
    return next(iter(texts(nodes, root, HANSE + "result")), "")


def dangling(nodes: Nodes, root: str, beside: Nodes) -> list[str]:
    """References to reports that are neither in the graph nor in the files that the case names."""
    rule_reports = _refs(nodes, root, "ruleReport")
    reached = [root, *rule_reports, *(name for rule in rule_reports for name in _premises(nodes, rule))]
    return [
        ref
        for name in reached
        for member in ("ruleReport", "premiseReport", "conditionReport")
        for ref in _refs(nodes, name, member)
        if ref not in nodes and ref not in beside
    ]


def told(expected: Counter[Row], ours: Counter[Row]) -> list[str]:
    """What is missing and what is too much, one line each."""
    lines = [f"- {' '.join(row)}" for row in sorted((expected - ours).elements())]
    return lines + [f"+ {' '.join(row)}" for row in sorted((ours - expected).elements())]
