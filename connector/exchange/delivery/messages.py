"""Posts protocol messages: claim, POST, and one transaction that books the answer (spec/architecture.md 3.4).

2xx acknowledges the row, and waits a moment for the peer's next message to say so itself (`acks`); 5xx, timeouts and
429 wait with jitter; a 4xx on a message that our state says is right is tried a few times before it counts as refused,
because the peer may not have committed yet (spec/protocol.md 5.1). A 401 to what holds data, or lets them go on, waits
for a day: nobody reads the list of members at the same instant.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.delivery.acks import Ack, Acks
from connector.exchange.delivery.answers import Answers, value_of
from connector.exchange.delivery.circuit import Circuits
from connector.exchange.delivery.worker import RetryableAnswer, RetryAfter
from connector.exchange.effects import PEER, OutgoingMessage
from connector.exchange.trace import recorder
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.in_flight import Crowded
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import from_the_wire, plain
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand, ask
from connector.identity.participants import succession
from connector.identity.participants.service import Participants
from connector.identity.trust.keys.signing import Vault
from connector.kernel.protocol.effects import Problem
from connector.kernel.protocol.messages import ContractNegotiation, TransferProcess
from connector.kernel.protocol.shape import LONGEST_ID
from connector.kernel.protocol.transfer import State, terminating

TRIES_4XX = 4
TRIES_NAMELESS = 8
"""Some half a minute: how often the end of a process waits for a peer to say under which pid it knows it."""
PATIENCE_MS = 3 * 86_400_000
_ANSWERED_BY_A_MESSAGE = frozenset(("negotiation", kind) for kind in ("REQUEST", "OFFER", "ACCEPT", "AGREE", "VERIFY"))
"""The peer has the next word after these. After all others nobody may have one, and ours may follow at any time."""
_FINAL = frozenset({"http.address-refused", "http.url-refused", "peer.foreign-address", "peer.no-address"})
"""Addresses that we do not call, today or tomorrow; whatever else is odd about a peer may pass."""
TOO_MANY = 429
STRANGER = 401
SETTLING_IN_MS = 86_400_000
"""How long we are patient with peers that do not know us as a member, after a move and while data are held: they may
read lists seldom, and so may we."""
_HOLDING = frozenset({("transfer", "START"), ("transfer", "SUSPEND")})
"""What holds data that flow, and lets them go on."""
_WAITING = frozenset({408, 425, TOO_MANY})
LONGEST_PAUSE_MS = 3_600_000
"""A peer that asks for more patience (`Retry-After`) is asked again after this."""


class Post(Protocol):
    """Whoever can send to a peer in the name of a participant."""

    async def post(self, slug: str, did: str, url: str, body: bytes) -> Answer: ...
    async def get(self, slug: str, did: str, url: str) -> Answer: ...


class Messages:
    """Handler of outbox rows `message` and `repair`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        peer: Post,
        circuits: Circuits,
        vault: Vault,
        contracts: Contracts,
        transfers: Transfers,
        acks: Acks,
        participants: Participants,
    ) -> None:
        self._db, self._clock, self._peer, self._circuits, self._vault = db, clock, peer, circuits, vault
        self._contracts, self._transfers, self._acks = contracts, transfers, acks
        self._participants = participants
        self._answers = Answers()
        self._noes: dict[int, int] = {}
        """How often a row was answered 4xx. Attempts during an outage are none of these; a restart counts anew."""

    async def send(self, row: OutboxRow) -> None:
        parcel = self._parcel(row)
        addressed = await self._addressed(row, parcel)
        if addressed is None:
            await self._nameless(row, parcel)
            return
        url, body = addressed
        answer = await self._call(row, parcel.to, lambda: self._peer.post(row.participant, parcel.to, url, body))
        if answer is None:
            problem = Problem(400, "address")
            await self._db.write(row.participant, self._refused, row, parcel, problem, {}, None)
            return
        if 200 <= answer.status < 300:
            self._noes.pop(row.id, None)
            pid = await self._peer_pid(answer, parcel)
            if pid is not None and parcel.noun == "negotiation":
                self._contracts.named[parcel.process] = pid
            book = partial(self._acked, row=row, parcel=parcel, pid=pid)
            known = partial(self._contracts.named.pop, parcel.process, None)
            expects = (parcel.noun, parcel.kind) in _ANSWERED_BY_A_MESSAGE
            line = recorder.answer_line(row, parcel.kind, answer)
            hold = self._contracts.hold if parcel.noun == "negotiation" else self._transfers.hold
            names = pid is not None
            self._acks.put(Ack(row, line, book, expects, known, names=names, hold=hold, process=parcel.process))
            return
        if answer.status == STRANGER and await self._lists_differ(row, parcel):
            raise RetryableAnswer("delivery.peer-busy", status=answer.status).by(answer)
        if self._again(row):
            raise RetryAfter(self._clock.now() + 150 * 2 ** self._noes[row.id]).by(answer)
        del self._noes[row.id]
        problem, reason = _problem(answer)
        await self._db.write(row.participant, self._refused, row, parcel, problem, reason, answer)

    async def repair(self, row: OutboxRow) -> None:
        """GET the peer's state of a transfer that may have parted ways (spec/protocol.md 4.7).

        Only a 404 says that the peer knows nothing of it; any other answer without a state leaves the doubt.
        """
        errand = msgspec.json.decode(row.body, type=Errand)
        process = await self._db.read(row.participant, self._transfers.get, row.participant, errand.process)
        if process.kernel.peer_pid is None:
            await self._db.write(row.participant, _finish, row)
            return
        url = f"{process.address}/transfers/{quote(process.kernel.peer_pid, safe=':')}"
        answer = await self._call(
            row, process.counterparty, lambda: self._peer.get(row.participant, process.counterparty, url)
        )
        state = await self._state(row, answer)
        if not await self._db.write(row.participant, self._repaired, row, errand.process, state, answer):
            raise RetryAfter(self._clock.now() + 2000)

    async def _state(self, row: OutboxRow, answer: Answer | None) -> str | None:
        """What the peer says; None if it knows nothing, or nobody whom we may call does. Raises Tried for no answer."""
        if answer is None or answer.status == 404:
            return None
        if answer.status == 200:
            state = await self._answers.said(answer, TransferProcess, "state", State.__members__.__contains__)
            if state is not None:
                return state
        await self._patient(row)
        if answer.status == 200:
            raise RetryableAnswer("delivery.unreadable").by(answer)
        raise RetryableAnswer("delivery.peer-busy", status=answer.status).by(answer)

    async def _nameless(self, row: OutboxRow, parcel: OutgoingMessage) -> None:
        """No message reaches a process whose pid the peer has not told us; only the end of one does not need to.

        Closing is always safe (spec/protocol.md 4.3): what the peer may still say about it is refused.
        """
        unsent = Unavailable("delivery.no-pid")
        if parcel.kind != "TERMINATE" or row.attempts < TRIES_NAMELESS:
            raise unsent
        await self._db.write(row.participant, self._refused, row, parcel, Problem(404, "no-pid"), {}, None, unsent)

    async def _peer_pid(self, answer: Answer, parcel: OutgoingMessage) -> str | None:
        """The answer to a first message names the pid under which the other side knows the process."""
        name = {"REQUEST": "providerPid", "OFFER": "consumerPid"}.get(parcel.kind)
        if name is None:
            return None
        cls = ContractNegotiation if parcel.noun == "negotiation" else TransferProcess
        return await self._answers.said(answer, cls, name, lambda pid: 0 < len(pid) <= LONGEST_ID)

    async def _patient(self, row: OutboxRow) -> None:
        if self._clock.now() - row.created_at > PATIENCE_MS:
            await self._db.write(row.participant, _ask_once, row)

    def _again(self, row: OutboxRow) -> bool:
        """Whether this 4xx is one of the first few for that row."""
        self._noes[row.id] = self._noes.get(row.id, 0) + 1
        return self._noes[row.id] < TRIES_4XX

    async def _call(self, row: OutboxRow, did: str, call: Callable[[], Any]) -> Answer | None:
        """The peer's answer; None if we must not call that address at all."""
        now = self._clock.now()
        steady = self._clock.steady()
        blocked = self._circuits.blocked_until(row.participant, did, steady)
        if blocked:
            raise RetryAfter(now + blocked - steady)
        try:
            answer: Answer = await call()
        except Crowded:  # the peer was not asked
            raise
        except Unavailable:
            self._circuits.failed(row.participant, did, steady)
            await self._patient(row)
            raise
        except PeerError as error:
            if error.code in _FINAL:
                return None
            raise Unavailable("delivery.peer-broken", why=error.code) from error
        if answer.status == TOO_MANY and (pause := _asked_pause(answer)):
            self._circuits.heard(row.participant, did)
            raise RetryAfter(now + pause).by(answer)
        if answer.status == STRANGER and await self._just_moved(row, now):
            raise RetryableAnswer("delivery.peer-busy", status=answer.status).by(answer)
        if answer.status >= 500 or answer.status in _WAITING:
            self._circuits.failed(row.participant, did, steady)
            raise RetryableAnswer("delivery.peer-busy", status=answer.status).by(answer)
        self._circuits.heard(row.participant, did)
        return answer

    async def _lists_differ(self, row: OutboxRow, parcel: OutgoingMessage) -> bool:
        """Whether a peer that does not know us may only have read another list: a member that is suspended, or was a
        moment ago, takes nothing from anybody. Refused for good, a hold would not be told and its end be lost.

        What is to end does not wait for that: its end stands behind this row.
        """
        if (parcel.noun, parcel.kind) not in _HOLDING or self._clock.now() - row.created_at >= SETTLING_IN_MS:
            return False
        process = await self._db.read(row.participant, self._transfers.get, row.participant, parcel.process)
        return not terminating(process.kernel)

    async def _just_moved(self, row: OutboxRow, now: int) -> bool:
        """Whether the peer may not have read yet, in its trust list, who has come from another provider."""
        own = (await self._participants.get(row.participant)).participant
        return bool(own.former) and now - row.created_at < SETTLING_IN_MS

    def _parcel(self, row: OutboxRow) -> OutgoingMessage:
        body = self._vault.open(f"outbox|{row.participant}", row.body) if row.sealed else row.body
        return msgspec.json.decode(body, type=OutgoingMessage)

    async def _addressed(self, row: OutboxRow, parcel: OutgoingMessage) -> tuple[str, bytes] | None:
        """None as long as the peer has not named the pid that belongs into the address."""
        own = (await self._participants.get(row.participant)).participant
        parcel = msgspec.structs.replace(
            parcel, text=succession.from_here(own, parcel.text, whole=parcel.noun == "transfer")
        )
        if PEER not in parcel.url:
            return parcel.url, parcel.text.encode()
        pid = await self._db.read(row.participant, self._peer_of, row.participant, parcel)
        if pid is None:
            return None
        text = parcel.text.replace(PEER, json.dumps(pid, ensure_ascii=False)[1:-1])
        return parcel.url.replace(PEER, quote(pid, safe=":")), text.encode()

    def _peer_of(self, tx: Tx, slug: str, parcel: OutgoingMessage) -> str | None:
        if parcel.noun == "negotiation":
            return self._contracts.get(tx, slug, parcel.process).kernel.peer_pid
        return self._transfers.get(tx, slug, parcel.process).kernel.peer_pid

    def _acked(self, tx: Tx, *, row: OutboxRow, parcel: OutgoingMessage, pid: str | None) -> None:
        slice_ = self._contracts if parcel.noun == "negotiation" else self._transfers
        slice_.acked(tx, row.participant, parcel.process, parcel.sent_id, pid)

    def _refused(
        self,
        tx: Tx,
        row: OutboxRow,
        parcel: OutgoingMessage,
        problem: Problem,
        reason: dict[str, list[str]],
        answer: Answer | None,
        unsent: Unavailable | None = None,
    ) -> None:
        slice_ = self._contracts if parcel.noun == "negotiation" else self._transfers
        slice_.hold(tx, row.participant, (parcel.process,))
        if outbox.finish(tx, row):
            recorder.answered(tx, row, parcel.kind, answer, unsent=unsent)
            slice_.refused(tx, row.participant, parcel.process, parcel.sent_id, problem, reason)

    def _repaired(self, tx: Tx, row: OutboxRow, process_id: str, state: str | None, answer: Answer | None) -> bool:
        done = self._transfers.repaired(tx, row.participant, process_id, state)
        if done and outbox.finish(tx, row):
            recorder.answered(tx, row, row.kind, answer, state or "")
        return done


def _asked_pause(answer: Answer) -> int:
    """Milliseconds that the peer's quota asks us to wait; 0 if it does not say. Other messages to it go out meanwhile:
    what ends something is taken all the same."""
    said = answer.headers.get("Retry-After", "")
    return min(LONGEST_PAUSE_MS, int(said) * 1000) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)


def _ask_once(tx: Tx, row: OutboxRow) -> None:
    """After days a person has to know; the message goes on being tried (never silently terminated)."""
    subject = row.stream.split(":", 2)[-1]
    known = tx.one(
        "SELECT 1 FROM question WHERE participant = :participant AND subject = :subject AND kind = 'undeliverable'"
        " AND answered_at IS NULL",
        participant=row.participant,
        subject=subject,
    )
    if known is None:
        ask(tx, row.participant, subject, "undeliverable")


def _problem(answer: Answer) -> tuple[Problem, dict[str, list[str]]]:
    said = value_of(answer, steering=True)  # for people alone, who see it made plain
    value: dict[str, Any] = said if isinstance(said, dict) else {}
    code = value.get("code")
    reason = value.get("reason")
    sentences = from_the_wire(reason) if isinstance(reason, list) else {}
    return Problem(answer.status, plain(code, 200) if isinstance(code, str) else ""), sentences
