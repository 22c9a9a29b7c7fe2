"""Writes the transcript, in the transaction of what it tells of: nothing is told that did not happen, and nothing that
happened goes untold (decision 0015).

A message that a peer sent, taken or not; the answer to a message of ours; an attempt that failed. What we decided needs
no line: the outbox, the questions and the log say it already.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar
from zlib import crc32

import msgspec

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Reply
from connector.exchange.trace import excerpt, store
from connector.exchange.trace.store import MOST_LINES, Line
from connector.exchange.transfer.model import TransferRow
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.language import LANGUAGES
from connector.foundation.language.reasons import Reason, explained, from_the_wire, plain
from connector.foundation.storage.database import Tx
from connector.foundation.storage.nested import nested
from connector.foundation.storage.outbox import OutboxRow
from connector.kernel.protocol import codec

P = ParamSpec("P")
T = TypeVar("T")
REFUSED_KINDS = 32
"""Different refusals that one process keeps; and so many refusals of one peer outside of any process."""
TAKEN_KINDS = 32
"""Different messages that one state of a process keeps: what changes nothing is taken again and again, whatever it says
besides, and no quota refuses it."""
LONGEST = 300


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came: whose, about which process by its address ("" for a first one), and its raw body.

    `value` is what that says, where it was read. `before`: the DIDs of those whose place the peer has taken.
    """

    did: str
    pid: str
    body: bytes
    value: object = None
    before: tuple[str, ...] = ()


class _Place(msgspec.Struct):
    """What every outbox row says of its process."""

    process: str


def hearing(
    tx: Tx, participant: str, heard: Heard, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs
) -> T | HanseError:
    """Runs what a message brings about and books the message, whichever way it ends; the peer's errors are values."""
    result = nested(tx, fn, *args, **kw)
    if isinstance(result, HanseError):
        refused(tx, participant, heard, result)
    else:
        _taken(tx, participant, heard, result)
    return result


def refused(tx: Tx, participant: str, heard: Heard, error: HanseError) -> None:
    """A message that we did not take: why, and where in it."""
    value = _value(heard.body)
    pointer = _bounded(error.facts.get("pointer", ""))
    ours = heard.pid != "" and store.belongs(tx, participant, heard.pid, (heard.did, *heard.before))
    pid = "" if ours else heard.pid or excerpt.named(value, "consumerPid", "providerPid")
    mark = f"{error.code} {pointer}" if ours else pid
    line = Line(
        process=heard.pid if ours else f"~{heard.did}",
        slot=f"no:{crc32(mark.encode()) % REFUSED_KINDS}",
        direction="refused",
        kind=_kind(value),
        pid=_bounded(pid),
        message_id=excerpt.named(value, "@id"),
        status=error.status,
        code=error.code,
        detail=pointer,
        reason=_short(explained(error)),
        body=excerpt.of_bytes(heard.body),
    )
    store.write(tx, participant, line)


def _taken(tx: Tx, participant: str, heard: Heard, result: object) -> None:
    """By (message, version): the same message again without a change in between is one more time of its line.

    What else it says is where its state is kept.
    """
    case = result.case if isinstance(result, Reply) else result
    if not isinstance(case, NegotiationRow | TransferRow):
        return
    told = _single(heard.value)
    line = Line(
        process=case.id,
        slot=f"in:{crc32(heard.body) % TAKEN_KINDS}:{case.version}",
        direction="in",
        kind=_kind(told),
        message_id=excerpt.named(told, "@id"),
        status=200,
        code=_code(told),
        reason=_reason(told),
    )
    store.write(tx, participant, line)
    if case.version > MOST_LINES:
        store.trim(tx, participant, case.id)


def answered(
    tx: Tx, row: OutboxRow, kind: str, answer: Answer | None, detail: str = "", unsent: HanseError | None = None
) -> None:
    """The answer that settled a message of ours; None: it was not sent, for its address is not one that we call.

    `unsent` is any other reason why it was not.
    """
    store.write(tx, row.participant, answer_line(row, kind, answer, detail, unsent))


def answer_line(
    row: OutboxRow, kind: str, answer: Answer | None, detail: str = "", unsent: HanseError | None = None
) -> Line:
    """The line of that; not yet written."""
    status = 0 if answer is None else answer.status
    settled = 200 <= status < 300
    value = {} if answer is None or settled else _value(answer.body)
    return Line(
        process=_process(row),
        slot=f"out:{row.id}:end",
        direction="out",
        kind=kind,
        sent=row.id,
        status=status,
        code=_code(value) or (unsent.code if unsent else "delivery.address" if answer is None else ""),
        detail=_bounded(detail),
        reason=_why(unsent) if unsent else _reason(value),
        body="" if answer is None or settled else excerpt.of_bytes(answer.body),
    )


def tried(tx: Tx, row: OutboxRow, error: HanseError, answer: Answer | None = None) -> None:
    """An attempt that failed and will be made again: the peer's answer, or why there was none that helps."""
    process = _process(row)
    if not process:
        return
    told = answer is not None and answer.status >= 300
    value = _value(answer.body) if answer is not None and told else {}
    line = Line(
        process=process,
        slot=f"out:{row.id}:{answer.status // 100 if answer is not None else error.code}",
        direction="out",
        kind=row.kind,
        sent=row.id,
        status=0 if answer is None else answer.status,
        code=_code(value) if told else error.code,
        reason=_reason(value) if told else _why(error),
        body="" if answer is None else excerpt.of_bytes(answer.body),
    )
    store.write(tx, row.participant, line)


def _process(row: OutboxRow) -> str:
    """Messages are sealed at times, but their stream names the process; errands name it in their body."""
    if row.kind == "message":
        return row.stream.split(":", 2)[-1]
    try:
        return msgspec.json.decode(row.body, type=_Place).process
    except msgspec.DecodeError:
        return ""


def _value(body: bytes) -> object:
    try:
        return _single(strict.loads(body, steering=True)) if body else {}
    except PeerError:
        return {}


def _single(value: object) -> object:
    """An expanded document is a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _kind(value: object) -> str:
    """The local name of the message's type, however it is spelled; the first of several."""
    types = value.get("@type") if isinstance(value, dict) else None
    first = types[0] if isinstance(types, list) and types else types
    return first if isinstance(first, str) and first in codec.TYPES else _local(first)


def _local(spelt: object) -> str:
    return excerpt.named({"@type": spelt}, "@type").replace("#", "/").rsplit("/", 1)[-1].rsplit(":", 1)[-1][:60]


def _code(value: object) -> str:
    return excerpt.named(value, "code")[:80]


def _reason(value: object) -> Reason | None:
    said = value.get("reason") if isinstance(value, dict) else None
    return _short(from_the_wire(said)) if isinstance(said, list) and said else None


def _why(error: HanseError) -> Reason:
    """Its sentence; an error that lacks a fact of its own must not keep its row from waiting."""
    try:
        return _short(explained(error))
    except KeyError:
        return {lang: [error.code] for lang in LANGUAGES}


def _short(reason: Reason) -> Reason:
    return {lang: [plain(excerpt.safe(" ".join(said)), 2 * LONGEST)] for lang, said in reason.items()}


def _bounded(text: object) -> str:
    return plain(excerpt.safe(str(text)), LONGEST)
