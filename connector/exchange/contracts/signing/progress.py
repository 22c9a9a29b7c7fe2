"""How far the consumer's seal under a contract has got, in one word for people; decides nothing.

What is on its way says so, for the one who ordered it must know that it is kept and tried until the provider answers.
"""

from typing import Literal, NamedTuple

from connector.exchange.contracts import store
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import AT_ONCE, HAND_IN, LATE, rests
from connector.exchange.contracts.negotiation.send import process
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.negotiation import State

Step = Literal[
    "given",
    "over",
    "other-side",
    "making",
    "handing-in",
    "unconfirmed",
    "late",
    "refused",
    "failed",
    "open",
    "automatic",
]
UNREACHED = "countersign-undelivered"
"""Question to a person: the provider has not been reached with the countersignature for days."""


class Progress(NamedTuple):
    """`until`: before when (ms) it is taken, where the provider set a deadline."""

    step: Step
    until: int | None


def progress(tx: Tx, agreements: Agreements, agreement: Agreement) -> Progress:
    """`open`, `refused`, `failed`: a person may sign now (again); `unconfirmed` too, if it takes too long that the
    provider says what it makes of the seal that it got. `automatic`: the negotiation does it by itself.
    """
    until = agreements.demand(tx, agreement).until
    if agreement.state == "finalized":
        return Progress("given", until)
    if not agreement.in_force and agreement.state != "signed":
        return Progress("given" if agreement.state == "ended" and _both(agreement) else "over", until)
    late = until is not None and tx.now >= until
    if agreement.role == "provider":
        return Progress("late" if late else "other-side", until)
    case = store.case(tx, agreement.participant, agreement.negotiation)
    return Progress("over" if case is None else _ours(tx, case, agreement, late=late), until)


def _ours(tx: Tx, case: NegotiationRow, agreement: Agreement, *, late: bool) -> Step:
    stream = process(case).stream
    under_way: dict[str, Step] = {HAND_IN: "handing-in", LATE: "making", AT_ONCE: "making"}
    for work, step in under_way.items():
        if outbox.waits(tx, case.participant, f"{work}:{stream}"):
            return step
    signable = agreement.state == "one-sided" or rests(case.kernel, State.AGREED) or rests(case.kernel, State.VERIFIED)
    if not signable or agreement.provider_jws is None:
        return "automatic"
    if late:
        return "late"
    asked = _asked(tx, case.participant, case.id)
    if "countersign-refused" in asked:
        return "refused"
    if "countersign-failed" in asked:
        return "failed"
    return "unconfirmed" if agreement.state == "signed" and _both(agreement) else "open"


def _both(agreement: Agreement) -> bool:
    return agreement.provider_jws is not None and agreement.consumer_jws is not None


def _asked(tx: Tx, participant: str, subject: str) -> frozenset[str]:
    """Kinds of the questions about a process that wait for a person."""
    rows = tx.all(
        "SELECT DISTINCT kind FROM question WHERE participant = :participant AND subject = :subject"
        " AND answered_at IS NULL",
        participant=participant,
        subject=subject,
    )
    return frozenset(str(row["kind"]) for row in rows)
