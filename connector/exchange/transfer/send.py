"""What we may say about a transfer: one method per message, each of which saves the state and puts the message down.

Nothing here decides whether to say it; the kernel alone refuses what may not be said now (`Illegal`). The flow of the
data plane follows in the same transaction, so that no crash can come between (decision 0003).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.effects import Outbound, commit
from connector.exchange.transfer import addresses, outgoing, store
from connector.exchange.transfer.model import Held, TransferRow
from connector.foundation.ids import new_id
from connector.foundation.language.reasons import Reason, on_the_wire
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ProcessRef as Owner
from connector.foundation.storage.work import ask, errand, errand_once, timer
from connector.identity.audit import store as audit
from connector.identity.participants.service import Participants
from connector.identity.trust.keys.signing import Vault
from connector.kernel.protocol import messages as m
from connector.kernel.protocol import transfer as kernel
from connector.kernel.protocol.effects import CloseFlow, Effect, OpenFlow
from connector.kernel.protocol.process import Role
from connector.kernel.protocol.transfer import Kind, State

TRANSFER, DECISION, DEED = "transfer", "decision", "deed"
"""Types of audit entries."""
EXPIRY, ADDRESS = "expiry", "address"
"""Timers: the agreement runs out; the owner of the address should have sent a fresh one by now."""
ADDRESS_MS = 10_000
HELD: Final[dict[Held, str]] = {"duty": "duty", "policy": "policy"}
"""What the suspension of a held transfer names as its `code`."""


class TransferSender:
    """Every method takes the transfer as it was last saved and gives back the transfer as it is saved now."""

    def __init__(self, participants: Participants, agreements: Agreements, vault: Vault) -> None:
        self._participants, self.agreements, self._vault = participants, agreements, vault

    def request(self, tx: Tx, process: TransferRow) -> TransferRow:
        """As consumer: the first request of a new transfer; for a push it names our door."""
        process, effects, sent = _say(process, Kind.REQUEST)
        store.insert(tx, process)
        address = self._door(tx, process) if process.owned else None
        base = self._participants.held(process.participant).participant.base
        self.commit(tx, process, effects, {sent: outgoing.request(process, sent, base, address)})
        return process

    def start(self, tx: Tx, process: TransferRow) -> TransferRow:
        """Begin, resume or renew: the owner hands out a fresh address, the other side says that it wants one."""
        first = process.kernel.state is State.REQUESTED
        process, effects, sent = _say(replace(process, reason=None, held=None), Kind.START)
        address = self._open(tx, process) if process.owned else None
        if first:
            self._begin(tx, process)
        return self._said(tx, process, effects, {sent: outgoing.start(process, sent, address)})

    def suspend(self, tx: Tx, process: TransferRow, code: str, reason: Reason) -> TransferRow:
        """As either; running streams are cut at once."""
        process, effects, sent = _say(replace(process, reason=reason), Kind.SUSPEND)
        message = outgoing.suspension(process, sent, code, on_the_wire(reason))
        process = self._said(tx, process, effects, {sent: message})
        self.record(tx, process, TRANSFER, {"event": "suspended", "by": "us", "code": code, "reason": reason["de"]})
        return process

    def hold(self, tx: Tx, process: TransferRow, held: Held, reason: Reason) -> TransferRow:
        """As provider: no data until its policy permits it again; the flow closes now, the peer is told when it can be.

        While a message of ours is unanswered nothing else may be said: its answer brings us back
        (`DecideTransfer.after`).
        """
        process = replace(process, held=held, reason=reason)
        if process.kernel.pending is None:
            return self.suspend(tx, process, HELD[held], reason)
        _close(tx, process, Kind.SUSPEND)
        store.save(tx, process)
        return replace(process, version=process.version + 1)

    def release(self, tx: Tx, process: TransferRow) -> TransferRow:
        """The end of a hold: the peer hears of it if it has heard of the hold."""
        if process.kernel.state is State.SUSPENDED:
            return self.start(tx, process)
        process = replace(process, held=None, reason=None)
        store.save(tx, process)
        self.reopen(tx, process)
        return replace(process, version=process.version + 1)

    def complete(self, tx: Tx, process: TransferRow) -> TransferRow:
        """As either, but whoever moved the bytes knows that they are all there."""
        process, effects, sent = _say(process, Kind.COMPLETE)
        return self._said(tx, process, effects, {sent: outgoing.completion(process, sent)})

    def terminate(
        self, tx: Tx, process: TransferRow, code: str, reason: Reason, *, due_at: int | None = None
    ) -> TransferRow:
        """As either, in every state that is no end, also behind an unanswered message; the peer hears at `due_at`."""
        process, effects, sent = _say(process, Kind.TERMINATE)
        process = replace(process, reason=reason, outcome=process.outcome or "refused")
        message = replace(outgoing.termination(process, sent, code, on_the_wire(reason)), due_at=due_at)
        process = self._said(tx, process, effects, {sent: message})
        self.record(tx, process, TRANSFER, {"event": "terminated", "by": "us", "code": code, "reason": reason["de"]})
        return process

    # Beside the messages

    def move(self, tx: Tx, process: TransferRow) -> None:
        """Have the bytes moved from here; after a suspension with the owner's fresh address, or in time without.

        One errand at a time: a peer may renew its address as often as it likes, and the errand reads the newest.
        """
        flow = flows.find(tx, process.participant, process.id)
        if flow is None or flow.address is None:
            self.ask(tx, process, "no-address")
        elif flow.state == "STARTED":
            errand_once(tx, _owner(process), "push" if process.kernel.role is Role.PROVIDER else "pull")
        elif flow.state == "SUSPENDED":
            timer(tx, process.participant, ADDRESS, process.id, tx.now + ADDRESS_MS)

    def reopen(self, tx: Tx, process: TransferRow) -> None:
        """The flow goes on with the address that was valid before."""
        flow = flows.find(tx, process.participant, process.id)
        if flow is None or flow.state != "SUSPENDED":
            return
        flows.resume(tx, process.participant, process.id)
        if not process.owned:
            self.move(tx, process)

    def ask(self, tx: Tx, process: TransferRow, question: str) -> None:
        """A person has to decide; the transfer waits."""
        ask(tx, process.participant, process.id, question)

    def record(self, tx: Tx, process: TransferRow, type_: str, body: Mapping[str, object]) -> None:
        did = self._participants.held(process.participant).participant.did
        whole = {"transfer": process.id, "counterparty": process.counterparty, "state": process.shown, **body}
        audit.append(tx, process.participant, type_, process.agreement, "system", whole, did=did)

    def commit(
        self, tx: Tx, process: TransferRow, effects: Iterable[Effect], messages: Mapping[str, Outbound] | None = None
    ) -> None:
        def plane(tx: Tx, effect: OpenFlow | CloseFlow) -> None:
            if isinstance(effect, CloseFlow):
                _close(tx, process, effect.reason)

        def seal(body: bytes) -> bytes:
            return self._vault.seal(f"outbox|{process.participant}", body)

        commit(tx, _owner(process), effects, messages=messages, plane=plane, seal=seal)
        if process.kernel.state in kernel.TERMINAL or kernel.terminating(process.kernel):
            # A flow that was prepared or suspended ends with its transfer too.
            _close(tx, process, Kind.COMPLETE if process.kernel.state is State.COMPLETED else Kind.TERMINATE)

    def agreement(self, tx: Tx, process: TransferRow) -> Agreement:
        return self.agreements.get(tx, process.participant, process.agreement)

    # The flow behind it

    def _said(
        self, tx: Tx, process: TransferRow, effects: tuple[Effect, ...], messages: dict[str, Outbound]
    ) -> TransferRow:
        store.save(tx, process)
        process = replace(process, version=process.version + 1)
        self.commit(tx, process, effects, messages)
        return process

    def _open(self, tx: Tx, process: TransferRow) -> m.DataAddress:
        """The owner's flow is open from now on; what opens it goes into the message alone."""
        if process.kernel.role is Role.CONSUMER:
            address = self._door(tx, process)
            flows.resume(tx, process.participant, process.id)
            return address
        agreement = self.agreement(tx, process)
        token = flows.start(
            tx,
            participant=process.participant,
            flow=process.id,
            counterparty=process.counterparty,
            agreement=agreement.id,
            source=self.agreements.source(tx, process.participant, agreement),
            expires_at=agreement.expires_at,
        )
        root = self._participants.held(process.participant).participant.root
        return addresses.pull_address(f"{root}/data/{process.id}", token)

    def _door(self, tx: Tx, process: TransferRow) -> m.DataAddress:
        """As consumer of a push: a fresh key for the door of this flow."""
        agreement = self.agreement(tx, process)
        terms = self.agreements.terms(tx, process.participant, agreement)
        token = flows.expect(
            tx,
            participant=process.participant,
            flow=process.id,
            counterparty=process.counterparty,
            agreement=agreement.id,
            sink=terms.name,
            expected_sha256=terms.sha256,
            expires_at=agreement.expires_at,
        )
        root = self._participants.held(process.participant).participant.root
        return addresses.push_address(f"{root}/data/in/{process.id}", token)

    def _begin(self, tx: Tx, process: TransferRow) -> None:
        """As provider: the flow of a push was prepared with the request; whatever flows ends with the agreement."""
        if not process.owned:
            flows.resume(tx, process.participant, process.id)
        expires_at = self.agreement(tx, process).expires_at
        if expires_at is not None:
            timer(tx, process.participant, EXPIRY, process.id, expires_at)


def _say(process: TransferRow, kind: Kind) -> tuple[TransferRow, tuple[Effect, ...], str]:
    """Raises Illegal if we may not say that now."""
    sent = new_id()
    step = kernel.send(process.kernel, kind, sent)
    return replace(process, kernel=step.transfer), step.effects, sent


def _owner(process: TransferRow) -> Owner:
    return Owner(participant=process.participant, noun="transfer", id=process.id, to=process.counterparty)


def _close(tx: Tx, process: TransferRow, cause: str) -> None:
    flow = flows.find(tx, process.participant, process.id)
    if flow is None or flow.state in ("COMPLETED", "TERMINATED"):
        return
    if cause == Kind.COMPLETE:
        flows.complete(tx, process.participant, process.id)
    elif cause == Kind.SUSPEND:
        flows.suspend(tx, process.participant, process.id)
    else:
        flows.terminate(tx, process.participant, process.id)
        if flow.state == "SUSPENDED" and process.kernel.role is Role.CONSUMER and not process.owned:
            errand(tx, _owner(process), "pull")  # nobody is at it any more: the half of a file is to be cleared away
