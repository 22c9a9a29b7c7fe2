"""Use cases of transfers: what we ask for, what a peer tells us, what an answer to our message means.

Each is one transaction: load, let the kernel decide, save, turn the effects into rows (spec/architecture.md 3.1). What
we say next is decided in `decide`; what the plane asks and reports is in `reports`.
"""

from collections.abc import Callable, Collection
from typing import Any

from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.exchange.transfer import addresses, outgoing, store
from connector.exchange.transfer.addresses import Reach
from connector.exchange.transfer.decide import DecideTransfer, ReceivedTransferMessage
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.model import FORMATS, PUSH, Mode, TransferRow, owner
from connector.exchange.transfer.send import TRANSFER, TransferSender
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.ids import new_id
from connector.foundation.language.reasons import Reason, because, from_the_wire, on_the_wire, plain
from connector.foundation.settings.sections import Quota
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import review
from connector.identity.audit.store import length
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.quota import Quotas
from connector.identity.participants.service import Participants
from connector.identity.trust.keys.signing import Vault
from connector.kernel.protocol import messages as m
from connector.kernel.protocol import transfer as kernel
from connector.kernel.protocol.effects import Effect, Illegal, Problem, Repair
from connector.kernel.protocol.process import Role
from connector.kernel.protocol.transfer import Kind, State
from connector.verify.formats.limits import MOST_RECORDS

LONGEST = 2_000
"""Characters of a purpose or an action: both go into the record of every decision."""
REFUSED_MS = 60_000
"""How long we wait with a transfer that we hold and whose peer will not hear of it."""
QUOTA = 1000
FULL = MOST_RECORDS - 2_000
"""Records of an agreement from which on no transfer begins: no auditor judges longer ones; its end needs room."""
LONGEST_CODE = 200
"""Characters of a peer's code that are logged."""
"""Open transfers that one peer may have with one participant (threat T36)."""


class Transfers:
    """Transfer processes of all participants."""

    def __init__(
        self,
        participants: Participants,
        contracts: Contracts,
        decisions: TransferDecisions,
        vault: Vault,
        reach: Reach,
        decide: Callable[[TransferSender], DecideTransfer],
        quotas: Quotas | None = None,
    ) -> None:
        self._quotas = quotas or Quotas(Quota())
        self._agreements, self._decisions, self._reach = contracts.agreements, decisions, reach
        self._participants = participants
        self._sealed = addresses.Sealed(vault)
        self.sender = TransferSender(participants, contracts.agreements, vault)
        self._decide = decide(self.sender)

    # What we want

    def request(
        self,
        tx: Tx,
        slug: str,
        partner: Partner,
        agreement_id: str,
        purpose: str | None,
        action: str | None,
        mode: Mode = "pull",
    ) -> TransferRow:
        """As consumer: ask for the data of an agreement of ours, to be fetched by us or sent to us."""
        require_active(tx, slug)
        agreement = self._agreements.in_force(tx, slug, agreement_id, partner.did)
        if agreement.role != "consumer":
            raise Mistake("transfer.own-data")
        if length(tx, slug, agreement_id) >= FULL:
            raise Mistake("transfer.agreement-full", limit=FULL)
        kind = FORMATS[mode]
        process = _opened(
            tx, slug, partner, kernel.start(Role.CONSUMER, owner(kind)), agreement_id, kind, purpose, action
        )
        return self.sender.request(tx, process)

    def suspend(self, tx: Tx, slug: str, process_id: str, code: str, reason: Reason) -> TransferRow:
        """No data until somebody resumes it; raises Mistake if it is not running."""
        return self._decided(tx, slug, process_id, lambda process: self.sender.suspend(tx, process, code, reason))

    def resume(self, tx: Tx, slug: str, process_id: str) -> TransferRow:
        """End a suspension; of a running transfer whose address is ours: hand out a fresh one. Mistake otherwise."""

        def said(process: TransferRow) -> TransferRow:
            if process.kernel.state is State.REQUESTED:
                raise Illegal("state", process.kernel.state)
            if process.held is not None:
                raise Mistake("transfer.held")
            return self.sender.start(tx, process)

        return self._decided(tx, slug, process_id, said)

    def terminate(self, tx: Tx, slug: str, process_id: str, code: str, reason: Reason) -> TransferRow:
        """End a transfer in our name; nothing happens if it has ended already."""
        process = self._own(tx, slug, process_id)
        if process.kernel.state in kernel.TERMINAL or kernel.terminating(process.kernel):
            return process
        return self.sender.terminate(tx, process, code, reason)

    def after_move(self, tx: Tx, slug: str) -> int:
        """The participant has come here from another provider: partners are told the new address of what runs.

        How many were. While a message of ours is unanswered its answer comes first, and a stream that breaks at the
        old address is asked for anew.
        """
        told = 0
        for process_id in store.unsettled(tx, slug):
            process = self._own(tx, slug, process_id)
            started = process.kernel.state is State.STARTED and process.kernel.pending is None
            if started and process.owned and process.held is None and kernel.flowing(process.kernel):
                self.sender.start(tx, process)
                told += 1
        return told

    # What the clock tells us

    def expire(self, tx: Tx, slug: str, process_id: str) -> None:
        """The agreement has run out: the flow closes now, the peer is told."""
        process = store.process(tx, slug, process_id)
        if process is None or process.kernel.state in kernel.TERMINAL:
            return
        agreement = self.sender.agreement(tx, process)
        if agreement.expires_at is not None and agreement.expires_at <= tx.now:
            loaded = self._decisions.load(tx, agreement)
            standing = self._decisions.standing(loaded, process, self._decisions.history(tx, loaded))
            self.terminate(tx, slug, process_id, "expired", self._decisions.reasons(standing.examine()))

    def unaddressed(self, tx: Tx, slug: str, process_id: str) -> None:
        """After a suspension the owner has sent no fresh address in time: go on with the one from before."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.owned or process.held is not None:
            return  # what is held goes on when its policy permits it again
        if kernel.flowing(process.kernel):
            self.sender.reopen(tx, process)

    # What a peer tells us

    def receive_request(
        self, tx: Tx, slug: str, partner: Partner, message: m.TransferRequestMessage, digest: str
    ) -> TransferRow:
        """Taken if the agreement is in force between us; started or terminated by the policy as it stands now."""
        known = self._begun(tx, slug, partner.did, message.consumer_pid)
        if known is not None:
            return known
        require_active(tx, slug)
        agreement = self._agreements.in_force(tx, slug, message.agreement_id, partner.did)
        if agreement.role != "provider":
            raise Unknown("contracts.no-agreement", id=message.agreement_id[:200])
        if message.format not in FORMATS.values():
            raise PeerError("transfer.format", format=message.format[:80], formats=", ".join(FORMATS.values()))
        if max(len(message.purpose or ""), len(message.action or "")) > LONGEST:
            raise PeerError("transfer.purpose", limit=LONGEST)
        if store.open_processes(tx, slug, partner.did) >= QUOTA:
            raise PeerError("transfer.quota", limit=QUOTA)
        _check_room(tx, slug, agreement.id)
        self._quotas.begin(tx, slug, partner.did)
        start = kernel.start(Role.PROVIDER, owner(message.format))
        step = kernel.received(start, Kind.REQUEST, message.id, digest, message.consumer_pid)
        process = _opened(
            tx,
            slug,
            partner,
            step.transfer,
            agreement.id,
            message.format,
            message.purpose,
            message.action,
            address=message.callback_address,
        )
        store.insert(tx, process)
        self._take_destination(tx, process, message.data_address, partner)
        self.sender.commit(tx, process, step.effects)
        return self._decide.after(tx, process, ReceivedTransferMessage(partner, message))

    def knows(self, tx: Tx, slug: str, did: str, consumer_pid: str) -> bool:
        """Whether this peer has asked for this transfer before."""
        return self._begun(tx, slug, did, consumer_pid) is not None

    def receive(self, tx: Tx, slug: str, partner: Partner, process_id: str, message: Any, digest: str) -> TransferRow:
        """Any further message about a transfer of ours with this peer."""
        before = self._own(tx, slug, process_id, partner.did)
        kind = kernel.kind_of(message)
        pids = (message.provider_pid, message.consumer_pid)
        mine, peers = pids if before.kernel.role is Role.PROVIDER else pids[::-1]
        if mine != before.id:
            raise PeerError("transfer.pid")
        try:
            step = kernel.received(before.kernel, kind, message.id, digest, peers)
        except Illegal as illegal:
            raise PeerError("transfer.illegal", kind=str(kind), state=before.shown, why=illegal.code) from illegal
        if step.repeated:
            return before
        if kind is Kind.START:
            _check_room(tx, slug, before.agreement)
            self._quotas.begin(tx, slug, partner.did)
        process = self._told(tx, replace(before, kernel=step.transfer), message, partner)
        store.save(tx, process)
        self.sender.commit(tx, process, step.effects)
        process = replace(process, version=process.version + 1)
        return self._decide.after(tx, process, ReceivedTransferMessage(partner, message, before))

    # What became of our messages

    def hold(self, tx: Tx, slug: str, process_ids: Collection[str]) -> None:
        """Nobody else changes these until the unit ends; first of all, before their rows in the outbox are touched."""
        store.hold(tx, slug, process_ids)

    def acked(self, tx: Tx, slug: str, process_id: str, sent_id: str, peer_pid: str | None) -> None:
        """The peer answered 2xx to this row."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            return
        step = kernel.acked(process.kernel, sent_id, peer_pid)
        if step.transfer != process.kernel:
            process = self._settled(tx, replace(process, kernel=step.transfer), step.effects)
            self._decide.after(tx, process, None)

    def refused(self, tx: Tx, slug: str, process_id: str, sent_id: str, problem: Problem, reason: Reason) -> None:
        """The peer finally said no to this row."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            return
        step = kernel.refused(process.kernel, sent_id, problem)
        if step.transfer == process.kernel:
            return
        closed = not kernel.flowing(process.kernel)
        process = replace(process, kernel=step.transfer, reason=reason or process.reason)
        if step.transfer.state in kernel.TERMINAL:
            process = replace(process, outcome=process.outcome or "refused")
        process = self._settled(tx, process, step.effects)
        if closed and kernel.flowing(process.kernel) and process.held is None:
            self.sender.reopen(tx, process)
        elif process.held is not None and process.kernel.state not in kernel.TERMINAL:
            review(tx, slug, process.agreement, tx.now + REFUSED_MS)

    def repaired(self, tx: Tx, slug: str, process_id: str, peer_state: str | None) -> bool:
        """What a GET at the peer showed; False if the doubt remains and must be looked at again."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            return True
        state = State(peer_state) if peer_state is not None and peer_state in State.__members__ else None
        sent = new_id()
        step = kernel.repaired(process.kernel, state, sent)
        if step.transfer != process.kernel:
            process = replace(process, kernel=step.transfer)
            store.save(tx, process)
            sentences = on_the_wire(because("transfer.states-differ"))
            message = outgoing.termination(process, sent, "states-differ", sentences)
            self.sender.commit(tx, process, [e for e in step.effects if not _is_repair(e)], {sent: message})
        return not any(_is_repair(effect) for effect in step.effects)

    # Reading

    def get(self, tx: Tx, slug: str, process_id: str, counterparty: str | None = None) -> TransferRow:
        among = None if counterparty is None else self._agreements.names(tx, counterparty)
        process = store.process(tx, slug, process_id, among)
        if process is None:
            raise Unknown("transfer.unknown", id=process_id[:200])
        return process

    def all(self, tx: Tx, slug: str, agreement: str | None = None, before: str | None = None) -> list[TransferRow]:
        """The youngest first, at most 200: under one agreement only, or older than the transfer `before`."""
        return store.processes(tx, slug, agreement, before)

    # Steps inside a transaction

    def _own(self, tx: Tx, slug: str, process_id: str, did: str | None = None) -> TransferRow:
        among = None if did is None else self._agreements.names(tx, did)
        process = store.process(tx, slug, process_id, among, lock=True)
        if process is None:
            raise Unknown("transfer.unknown", id=process_id[:200])
        return process

    def _begun(self, tx: Tx, slug: str, did: str, pid: str) -> TransferRow | None:
        """What this peer has asked for, under its own DID or as it was called when it asked."""
        found = (store.process_of_peer(tx, slug, name, pid) for name in self._agreements.names(tx, did))
        return next((one for one in found if one is not None), None)

    def _decided(self, tx: Tx, slug: str, process_id: str, move: Callable[[TransferRow], TransferRow]) -> TransferRow:
        process = self._own(tx, slug, process_id)
        try:
            return move(process)
        except Illegal as illegal:
            raise Mistake("transfer.not-now", state=process.shown) from illegal

    def _settled(self, tx: Tx, process: TransferRow, effects: tuple[Effect, ...]) -> TransferRow:
        store.save(tx, process)
        self.sender.commit(tx, process, effects)
        return replace(process, version=process.version + 1)

    def _told(self, tx: Tx, process: TransferRow, message: Any, partner: Partner) -> TransferRow:
        """What the message says beside its kind; the state behind it is not saved yet."""
        match message:
            case m.TransferStartMessage(data_address=address):
                self._take_start(tx, process, address, partner)
                return replace(process, reason=None)
            case m.TransferSuspensionMessage(code=code, reason=reason):
                self.sender.record(
                    tx, process, TRANSFER, {"event": "suspended", "by": "peer", "code": plain(code or "", LONGEST_CODE)}
                )
                return replace(process, reason=from_the_wire(reason))
            case m.TransferCompletionMessage():
                self.sender.record(tx, process, TRANSFER, {"event": "completed", "by": "peer"})
                return _completed(process)
            case m.TransferTerminationMessage(code=code, reason=reason):
                self.sender.record(
                    tx,
                    process,
                    TRANSFER,
                    {"event": "terminated", "by": "peer", "code": plain(code or "", LONGEST_CODE)},
                )
                return replace(process, reason=from_the_wire(reason), outcome=process.outcome or "refused")
            case _:
                return process

    def _take_start(self, tx: Tx, process: TransferRow, address: m.DataAddress | None, partner: Partner) -> None:
        """The owner's address, new or as before; whoever owns it needs none and opens with an answer of its own."""
        if process.kernel.role is Role.CONSUMER and not process.owned:
            self._take_source(tx, process, address)
        elif process.kernel.role is Role.PROVIDER and not process.owned:
            if address is not None:
                self._take_destination(tx, process, address, partner)
            flows.resume(tx, process.participant, process.id)

    def _take_source(self, tx: Tx, process: TransferRow, address: m.DataAddress | None) -> None:
        agreement = self.sender.agreement(tx, process)
        terms = self._agreements.terms(tx, process.participant, agreement)
        sealed = None if address is None else self._sealed.close(process, addresses.source(address, self._reach))
        flows.accept(
            tx,
            participant=process.participant,
            flow=process.id,
            counterparty=process.counterparty,
            agreement=agreement.id,
            sink=terms.name,
            address=sealed,
            expected_sha256=terms.sha256,
            expires_at=agreement.expires_at,
        )

    def _take_destination(self, tx: Tx, process: TransferRow, address: m.DataAddress | None, partner: Partner) -> None:
        """Of a push; an address in a request to fetch is dropped, and the log says so (spec/data-plane.md 3.1)."""
        if process.format != PUSH:
            if address is not None:
                self.sender.record(tx, process, TRANSFER, {"event": "address-dropped"})
            return
        if address is None:
            raise PeerError("transfer.no-destination")
        agreement = self.sender.agreement(tx, process)
        entered = self._participants.entered(tx, process.participant, partner.did)
        roots = addresses.own_roots(partner.did, partner.root, entered)
        flows.direct(
            tx,
            participant=process.participant,
            flow=process.id,
            counterparty=process.counterparty,
            agreement=agreement.id,
            source=self._agreements.source(tx, process.participant, agreement),
            address=self._sealed.close(process, addresses.destination(address, self._reach, roots)),
            expires_at=agreement.expires_at,
        )


def _check_room(tx: Tx, slug: str, agreement: str) -> None:
    """A partner could otherwise make the log of a contract longer than its evidence may be."""
    if length(tx, slug, agreement) >= FULL:
        raise PeerError("transfer.agreement-full", limit=FULL)


def _opened(
    tx: Tx,
    slug: str,
    partner: Partner,
    state: kernel.Transfer,
    agreement: str,
    format_: str,
    purpose: str | None,
    action: str | None,
    *,
    address: str = "",
) -> TransferRow:
    """A new transfer, not yet saved; `address` is the peer's callback, else its base as its version document says."""
    return TransferRow(
        participant=slug,
        id=new_id(),
        counterparty=partner.did,
        address=(address or partner.base).rstrip("/"),
        kernel=state,
        version=1,
        agreement=agreement,
        format=format_,
        purpose=purpose,
        action=action,
        outcome=None,
        reason=None,
        bytes=0,
        sha256=None,
        created_at=tx.now,
        changed_at=tx.now,
    )


def _completed(process: TransferRow) -> TransferRow:
    """What the peer's completion says of the bytes: as provider it has them; as consumer only our own plane knows.

    A push that is over without bytes brought none, and none can come any more.
    """
    if process.kernel.role is Role.PROVIDER:
        return replace(process, outcome=process.outcome or "delivered")
    if process.owned and process.outcome is None:
        return replace(process, outcome="broken", reason=because("transfer.nothing-came"))
    return process


def _is_repair(effect: Effect) -> bool:
    return isinstance(effect, Repair)
