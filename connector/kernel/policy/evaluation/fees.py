"""The fees of a policy: where each stands, and which of them are one (decision 0042)."""

from collections.abc import Iterator

from connector.kernel.policy.odrl.clauses import atoms
from connector.kernel.policy.odrl.model import Duty, Policy, Rule, nameless
from connector.kernel.policy.odrl.names import HANSE, ODRL

PAY = ODRL + "compensate"
NAMING = frozenset({ODRL + "payAmount", HANSE + "feeStatute"})
"""Operands that say how much is to be paid, or where that stands."""


def same(fee: Duty) -> object:
    """Equal for the fee that stands at one place, or that several places call by one name and describe alike."""
    return (fee.id, nameless(fee)) if fee.id else fee.pointer or id(fee)


def unnamed(fee: Duty) -> bool:
    """Whether it is a fee of which neither amount nor statute is named: any payment whatever would settle it."""
    said = (atom.left for atom in atoms((*fee.action.refinements, *fee.constraints)))
    return fee.action.iri == PAY and NAMING.isdisjoint(said)


def owing(policy: Policy) -> dict[object, list[tuple[Rule | Duty, Duty]]]:
    """The fees of a policy by what one payment settles, each with all rules and obligations where it stands."""
    found: dict[object, list[tuple[Rule | Duty, Duty]]] = {}
    for owner, fee in fees(policy):
        found.setdefault(same(fee), []).append((owner, fee))
    return found


def fees(policy: Policy) -> Iterator[tuple[Rule | Duty, Duty]]:
    """Every fee of a policy, wherever it stands, with the rule or obligation there."""
    owners: list[Rule | Duty] = [*policy.permissions, *policy.prohibitions, *policy.obligations]
    for owner in owners:
        todo = [owner] if isinstance(owner, Duty) else [*owner.duties, *owner.remedies]
        while todo:
            duty = todo.pop()
            todo += duty.consequences
            if duty.action.iri == PAY:
                yield owner, duty
