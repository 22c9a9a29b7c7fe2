"""The one `match` that turns a kernel's effects into rows; it runs in the transaction that changes the state.

Nothing is sent before it is saved: what leaves the process is a row of the outbox first (spec/architecture.md 3.1).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

import msgspec

from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import Noun, ProcessRef, answered, ask, errand, timer
from connector.kernel.protocol import effects as fx

Seal = Callable[[bytes], bytes]
Plane = Callable[[Tx, fx.OpenFlow | fx.CloseFlow], None]
PEER = "\ue000peer"
"""Stands in a parcel for the peer's pid while that is not known; filled in when the row is delivered. A private-use
character, so that no text of a person or peer can be taken for it."""
SETTLING_MS = 300
"""How long a word waits that follows at once upon the message of a peer that may read it before our answer: Eclipse EDC
then saves over what it was told, or refuses it and says again what it said."""


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an outbox row that is a protocol message. `text` is its JSON; both it and `url` may contain PEER."""

    process: str
    noun: Noun
    kind: str
    sent_id: str
    to: str
    url: str
    text: str


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """A message ready to be posted to `url`; one with `secret` carries a token and is sealed at rest.

    Not before `due_at` (ms), at once if that is None.
    """

    url: str
    text: str
    secret: bool = False
    due_at: int | None = None


def commit(
    tx: Tx,
    process: ProcessRef,
    effects: Iterable[fx.Effect],
    *,
    messages: Mapping[str, Outbound] | None = None,
    plane: Plane = lambda tx, effect: None,
    seal: Seal | None = None,
) -> None:
    """Writes the rows of one step. `messages` are by `sent_id`, `plane` opens and closes flows, `seal` is the vault's.

    The plane of this process is called in the same transaction, so that no crash can come between (decision 0003). What
    was asked of a person is answered by every further step, whoever took it.
    """
    effects = tuple(effects)
    if effects and process.asked:
        answered(tx, process.participant, process.id)
    for effect in effects:
        match effect:
            case fx.Send(kind=kind, sent_id=sent_id):
                _send(tx, process, str(kind), sent_id, (messages or {})[sent_id], seal)
            case fx.Acked(sent_id=sent_id):
                outbox.done_by_reply(tx, process.participant, process.stream, sent_id)
            case fx.OpenFlow() | fx.CloseFlow():
                plane(tx, effect)
            case fx.Repair():
                errand(tx, process, "repair")
            case fx.Wake(at=at):
                timer(tx, process.participant, process.noun, process.id, at)
            case fx.Ask(question=question):
                ask(tx, process.participant, process.id, question)
            case fx.Sign() | fx.Note():
                pass  # the slice signs the message and writes the record itself: only it knows what belongs into them
            case _:
                assert_never(effect)


def _send(tx: Tx, process: ProcessRef, kind: str, sent_id: str, message: Outbound, seal: Seal | None) -> None:
    parcel = OutgoingMessage(
        process=process.id,
        noun=process.noun,
        kind=kind,
        sent_id=sent_id,
        to=process.to,
        url=message.url,
        text=message.text,
    )
    body = msgspec.json.encode(parcel)
    if message.secret:
        assert seal is not None
        body = seal(body)
    outbox.put(
        tx,
        participant=process.participant,
        stream=process.stream,
        kind="message",
        body=body,
        sealed=message.secret,
        message_id=sent_id,
        due_at=message.due_at,
    )
