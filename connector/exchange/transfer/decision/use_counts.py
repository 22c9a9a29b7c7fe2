"""The counters of an agreement, by calendar window: locked, then judged, then increased, all in one transaction.

A use is one flow, counted at its first data request (spec/policy.md 7.3). Windows are calendar days and months in
Europe/Berlin, so a quota of a day begins anew at midnight there, whatever the time zone of a server.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from connector.exchange.transfer import store
from connector.foundation.clock import instant
from connector.foundation.storage.database import Tx
from connector.kernel.policy.evaluation.decision import Counter
from connector.kernel.policy.odrl.days import midnight
from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Logic, Policy, Rule
from connector.kernel.policy.odrl.names import ODRL

WINDOWS = ("", "P1D", "P1M")
"""The whole agreement, a calendar day, a calendar month; in the order in which the rows are locked."""
COUNT = "count"


def period(window: str, at: int) -> str:
    """The name of the row that counts at this instant (ms): `P1D/2026-11-24`, `P1M/2026-11`, or empty."""
    if not window:
        return ""
    moment = instant(at)
    tomorrow = moment.date() + timedelta(days=1)
    local = tomorrow if midnight(tomorrow) <= moment else moment.date()
    return f"{window}/{local.isoformat()[: 7 if window == 'P1M' else 10]}"


def windows(policy: Policy) -> tuple[str, ...]:
    """The windows that a clause of the policy counts in; only these rows are locked."""
    named = {atom.window for atom in _atoms(policy) if atom.left == ODRL + COUNT}
    return tuple(window for window in WINDOWS if window in named)


def locked(tx: Tx, participant: str, agreement: str, among: Iterable[str]) -> dict[str, int]:
    """Uses so far in each of these windows; nobody else can count in them until this transaction ends."""
    return {window: store.uses(tx, participant, agreement, COUNT, period(window, tx.now)) for window in among}


def seen(tx: Tx, participant: str, agreement: str, among: Iterable[str]) -> dict[str, int]:
    """The same without the lock, for whoever counts nothing."""
    return {window: store.uses_seen(tx, participant, agreement, COUNT, period(window, tx.now)) for window in among}


def with_this(used: Mapping[str, int]) -> dict[str, int]:
    """As if one more use were counted, which is what the policy is asked about."""
    return {window: uses + 1 for window, uses in used.items()}


def with_that(used: Mapping[str, int]) -> dict[str, int]:
    """For a flow that was counted before, even if in a window that is over."""
    return {window: max(uses, 1) for window, uses in used.items()}


def count(tx: Tx, participant: str, agreement: str, counters: Iterable[Counter]) -> None:
    """One more use in each of them; their rows are locked already."""
    for counter in counters:
        store.count_use(tx, participant, agreement, counter.name, period(counter.window, tx.now))


def _atoms(policy: Policy) -> list[Atom]:
    found: list[Atom] = []
    for rule in policy.permissions + policy.prohibitions:
        _of_rule(rule, found)
    for duty in policy.obligations:
        _of_duty(duty, found)
    return found


def _of_rule(rule: Rule, found: list[Atom]) -> None:
    _of_clauses((*rule.constraints, *rule.action.refinements), found)
    for duty in rule.duties + rule.remedies:
        _of_duty(duty, found)


def _of_duty(duty: Duty, found: list[Atom]) -> None:
    _of_clauses((*duty.constraints, *duty.action.refinements), found)
    for consequence in duty.consequences:
        _of_duty(consequence, found)


def _of_clauses(clauses: Iterable[Clause], found: list[Atom]) -> None:
    for clause in clauses:
        if isinstance(clause, Logic):
            _of_clauses(clause.clauses, found)
        elif isinstance(clause, Atom):
            found.append(clause)
