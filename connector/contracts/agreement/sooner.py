"""A side that gave notice states an end that comes sooner: it counts from then on, the former stays as evidence.

Whoever has a reason to end at once must not be held to the notice it gave before. An end can never be put off: the
partner may rely on the day that it was told. What ends at once is the last word of its side (spec/contracts.md 6.2).
"""

from collections.abc import Iterable

from msgspec.structs import replace

from connector.contracts import store
from connector.contracts.agreement import termination_store
from connector.contracts.agreement.termination_store import Termination
from connector.contracts.model import Agreement
from connector.storage.database import Conflict, Tx

MOST_NOTICES = 10
"""Statements of one side that give notice; a partner could name an earlier second without end. At once goes always."""


def entered(tx: Tx, agreement: Agreement, ending: Termination, names: Iterable[str]) -> bool:
    """Whether it counts now, as the first of its side or in the place of one that ends it later; False changes nothing.

    `names` are those of its objects, which the former ones give up. Raises Conflict if another unit was faster.
    """
    if termination_store.insert_ending(tx, ending):
        return True
    known = termination_store.ending(tx, ending.participant, ending.agreement, ending.side)
    if known is None:  # this very one, superseded before
        return False
    if not sooner(tx, known, ending.notice, ending.at):
        return False
    if not (termination_store.supersede(tx, known) and termination_store.insert_ending(tx, ending)):
        raise Conflict
    slug, case_id, partner = agreement.participant, agreement.negotiation, agreement.counterparty
    kept = store.objects(tx, slug, case_id)
    for item in (kept[name] for name in names if name in kept):
        store.keep_object(tx, slug, case_id, partner, replace(item, name=f"former:{item.sha256}"))
        store.drop_use(tx, slug, case_id, item.name)
    return True


def sooner(tx: Tx, known: Termination, notice: int | None, at: int) -> bool:
    """Whether an end at `notice` (ms), or at once as of `at`, may take the place of what that side has stated.

    Both are held against each other by what they say themselves: delivery may have taken days.
    """
    if known.notice is None or not (at if notice is None else notice) < known.notice:
        return False
    return notice is None or termination_store.stated(tx, known.participant, known.agreement, known.side) < MOST_NOTICES
