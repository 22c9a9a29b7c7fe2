"""What both partners of an agreement should have in their logs, and how two accounts compare (spec/records.md 6.3).

Pure. Only what both must know counts: the agreement, both seals, statements that it ends, bytes that were moved.
Decisions and duties are each side's own business and are neither asked for nor given. Of second seals only two that
differ are told: whether a record names one depends on the version of each side and on when its list named the key.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from connector.identity.audit.entry import AGREEMENT
from connector.verify.formats import jcs

TERMINATION, TRANSFER = "termination", "transfer"
SHARED = (AGREEMENT, TERMINATION, TRANSFER)
"""Record types that partners show each other."""
SETTLING_MS = 600_000
"""What happened within this time may still be on its way into the other log."""
PATIENCE_MS = 86_400_000
"""For so long we believe that a record waits for its seal."""

Kind = Literal["differs", "missing-here", "missing-there", "unsealed", "erased"]
State = Literal[
    "agrees", "differs", "missing-here", "missing-there", "unsealed", "erased", "invalid", "impossible", "unreachable"
]
ALARMING: frozenset[str] = frozenset({"differs", "missing-here", "missing-there", "invalid"})


_COMMITTED: Mapping[tuple[str, str], str] = {
    ("agreement", ""): "agreement",
    ("seal", "provider"): "providerJws",
    ("seal", "consumer"): "consumerJws",
    ("second-seal", "provider"): "providerPq",
    ("second-seal", "consumer"): "consumerPq",
}
"""(what, whose) -> the member of an agreement record."""


class ComparedRecord(NamedTuple):
    """One record as far as it is compared: `at` in milliseconds by the clock of whoever wrote it."""

    type: str
    at: int
    body: Mapping[str, object]


class TransferTotals(NamedTuple):
    """What one side says of a transfer: bytes sent or received, whether whole, and how it ended if it failed."""

    bytes: int
    whole: bool
    failed: str
    at: int


class LogView(NamedTuple):
    """One side's view. `pieces` by (what, whose): value and time; `transfers` by our id of the transfer.

    `erased` are types of which records were erased there, `waiting` whether records wait for their seal.
    """

    pieces: Mapping[tuple[str, str], tuple[str, int]]
    transfers: Mapping[str, TransferTotals]
    erased: frozenset[str] = frozenset()
    waiting: bool = False


class Finding(msgspec.Struct, frozen=True):
    """One place where the accounts are not the same: `subject` is a side or the id of a transfer."""

    what: str
    subject: str
    kind: Kind
    ours: str | None
    theirs: str | None


def account(
    records: Iterable[ComparedRecord],
    id_of: Callable[[str], str],
    erased: frozenset[str] = frozenset(),
    *,
    waiting: bool = False,
) -> LogView:
    """The account that these records give; `id_of` is our id of a transfer by the one in the record."""
    pieces: dict[tuple[str, str], tuple[str, int]] = {}
    transfers: dict[str, TransferTotals] = {}
    for said in records:
        match said.type:
            case "agreement":
                pieces = {key: value for key, value in pieces.items() if key[0] == "ending"} | _committed(said)
            case "termination":
                pieces |= _stated(said)
            case "transfer":
                name = said.body.get("transfer")
                if isinstance(name, str):
                    transfers[id_of(name)] = _moved(transfers.get(id_of(name)), said)
            case _:
                pass
    return LogView(pieces, transfers, erased, waiting)


def compare(ours: LogView, theirs: LogView, role: str, now: int) -> tuple[Finding, ...]:
    """Every difference; `role` is ours in the agreement. None at all: the accounts agree."""
    found = [
        _piece(what, whose, ours, theirs, now)
        for what, whose in sorted({*ours.pieces, *theirs.pieces})
        if ours.pieces.get((what, whose), ("",))[0] != theirs.pieces.get((what, whose), ("",))[0]
        and (what != "second-seal" or {(what, whose)} <= ours.pieces.keys() & theirs.pieces.keys())
    ]
    for name in sorted({*ours.transfers, *theirs.transfers}):
        found += _transfer(name, ours, theirs, role, now)
    return tuple(found)


def state_of(findings: Iterable[Finding]) -> State:
    """The word for all of them: what differs weighs most, what is erased or not there yet least.

    That something was erased is a partner's word alone: it hides nothing behind "agrees".
    """
    kinds = {finding.kind for finding in findings}
    order: tuple[Kind, ...] = ("differs", "missing-here", "missing-there", "unsealed", "erased")
    for kind in order:
        if kind in kinds:
            return kind
    return "agrees"


def _committed(said: ComparedRecord) -> dict[tuple[str, str], tuple[str, int]]:
    """The newest agreement record counts; a seal that is null there is not there."""
    values = {key: said.body.get(member) for key, member in _COMMITTED.items()}
    return {key: (value, said.at) for key, value in values.items() if isinstance(value, str)}


def _stated(said: ComparedRecord) -> dict[tuple[str, str], tuple[str, int]]:
    match said.body:
        case {"by": "provider" | "consumer" as side, "statement": str(statement)}:
            return {("ending", str(side)): (statement, said.at)}
        case _:
            return {}


def _moved(before: TransferTotals | None, said: ComparedRecord) -> TransferTotals:
    sum_, whole, failed, _ = before or TransferTotals(0, False, "", 0)
    event, count = said.body.get("event"), said.body.get("bytes")
    if event in ("sent", "part", "broken", "received") and isinstance(count, int) and jcs.is_whole(count):
        sum_ += max(count, 0)
    if event in ("sent", "received"):
        whole = True
    elif event in ("broken", "refused") and "reason" in said.body:  # an outcome; a cut answer names a cause
        failed = str(event)
    return TransferTotals(sum_, whole, failed, said.at)


def _piece(what: str, whose: str, ours: LogView, theirs: LogView, now: int) -> Finding:
    here, there = ours.pieces.get((what, whose)), theirs.pieces.get((what, whose))
    type_ = TERMINATION if what == "ending" else AGREEMENT
    kind: Kind = "differs"
    if here is None:
        kind = "erased" if type_ in ours.erased else "missing-here"
    elif there is None:
        kind = _absent(theirs, type_, here[1], now)
    return Finding(what, whose, kind, here and here[0], there and there[0])


def _absent(theirs: LogView, type_: str, at: int, now: int) -> Kind:
    """What we have and they do not show."""
    if type_ in theirs.erased:
        return "erased"
    return "unsealed" if theirs.waiting and now - at < PATIENCE_MS else "missing-there"


def _transfer(name: str, ours: LogView, theirs: LogView, role: str, now: int) -> list[Finding]:
    """Whatever the consumer has received the provider must have sent, and what was sent whole must have come."""
    here, there = ours.transfers.get(name), theirs.transfers.get(name)
    sent, got = (here, there) if role == "provider" else (there, here)
    if _fits(sent, got):
        return []
    kind: Kind = "differs"
    if max(one.at for one in (here, there) if one is not None) > now - SETTLING_MS:
        kind = "unsealed"
    elif _silent(here, role):
        kind = "erased" if TRANSFER in ours.erased else "missing-here"
    elif here is not None and _silent(there, "consumer" if role == "provider" else "provider"):
        kind = _absent(theirs, TRANSFER, here.at, now)
    return [Finding("transfer", name, kind, _told(here), _told(there))]


def _fits(sent: TransferTotals | None, got: TransferTotals | None) -> bool:
    if got is not None and got.whole:
        return sent is not None and sent.bytes >= got.bytes
    return sent is None or not sent.whole


def _silent(one: TransferTotals | None, role: str) -> bool:
    """It says nothing: a provider that sent no byte and no empty file, a consumer that neither received nor gave up."""
    if one is None:
        return True
    return not one.whole and (one.bytes == 0 if role == "provider" else not one.failed)


def _told(one: TransferTotals | None) -> str | None:
    if one is None:
        return None
    return f"{one.failed or ('whole' if one.whole else 'open')} {one.bytes}"
