"""Walks through a policy: which clauses stand in it, and which comparisons in those."""

from collections.abc import Iterable, Iterator

from connector.kernel.policy.odrl.model import Atom, Clause, Collection, Duty, Logic, Policy, Rule, Whom


def clauses_of(item: Policy | Rule | Duty | Whom) -> Iterator[Clause]:
    """Every clause that stands directly or indirectly in it."""
    if isinstance(item, Policy):
        for rule in (*item.permissions, *item.prohibitions):
            yield from clauses_of(rule)
        for duty in item.obligations:
            yield from clauses_of(duty)
    elif isinstance(item, Collection):
        yield from item.refinements
    elif isinstance(item, Rule | Duty):
        yield from (*item.action.refinements, *item.constraints)
        named = item.named if isinstance(item, Rule) else (*item.parties, *item.targets)
        inner = (*item.duties, *item.remedies) if isinstance(item, Rule) else item.consequences
        for each in (*named, *inner):
            yield from clauses_of(each)


def atoms(clauses: Iterable[Clause]) -> Iterator[Atom]:
    """The comparisons in these clauses, at every depth."""
    for clause in clauses:
        if isinstance(clause, Logic):
            yield from atoms(clause.clauses)
        elif isinstance(clause, Atom):
            yield clause
