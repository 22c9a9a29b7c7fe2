"""Use cases of transfers: under which agreement, by which policy now, and what came of it.

The provider opens the flow in the transaction that decides; the plane asks back at every data access (`entitled`),
where nothing is deferred any more and the counter is locked, evaluated and increased in one transaction (policy.md 3.6,
3.7).
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.audit import store as audit
from connector.commit import Outgoing, commit, errand, timer
from connector.commit import Process as Owner
from connector.contracts.model import Agreement
from connector.contracts.partner import Partner
from connector.contracts.service import Contracts
from connector.dataplane import flows
from connector.dataplane.gate import Access, Decision
from connector.errors import Mistake, PeerError, Unknown
from connector.ids import new_id
from connector.participants.service import Participants
from connector.policy.judge import Judge
from connector.protocol import messages as m
from connector.protocol import transfer as kernel
from connector.protocol.effects import CloseFlow, Effect, Illegal, OpenFlow, Problem, Repair
from connector.protocol.process import Role
from connector.protocol.transfer import Kind, State
from connector.reasons import Reason, because, from_the_wire, on_the_wire
from connector.storage.database import Tx
from connector.transfer import compose, store
from connector.transfer.model import PULL, Process
from connector.transfer.rulings import Claims, Rulings
from connector.trust.keys import Vault

QUOTA = 1000
"""Open transfers that one peer may have with one participant (threat T36)."""
TRANSFER, DECISION = "transfer", "decision"
EXPIRY = "expiry"


class Transfers:
    """Transfer processes of all participants."""

    def __init__(
        self, participants: Participants, contracts: Contracts, judge: Judge, vault: Vault, claims: Claims
    ) -> None:
        self._participants, self._contracts, self._vault = participants, contracts, vault
        self._rulings = Rulings(judge, claims)

    # What we want

    def request(
        self, tx: Tx, slug: str, partner: Partner, agreement_id: str, purpose: str | None, action: str | None
    ) -> Process:
        """As consumer: ask for the data of an agreement of ours."""
        agreement = self._contracts.agreements.in_force(tx, slug, agreement_id, partner.did)
        if agreement.role != "consumer":
            raise Mistake("transfer.own-data")
        step = kernel.send(kernel.start(Role.CONSUMER), Kind.REQUEST, new_id())
        process = Process(
            participant=slug, id=new_id(), counterparty=partner.did, address=partner.base,
            kernel=step.transfer, version=1, agreement=agreement_id, format=PULL, purpose=purpose, action=action,
            outcome=None, reason=None, bytes=0, sha256=None, created_at=tx.now, changed_at=tx.now,
        )  # fmt: skip
        store.insert(tx, process)
        sent = _pending(process)
        base = self._participants.held(slug).participant.base
        self._commit(tx, process, step.effects, {sent: compose.request(process, sent, base)})
        return process

    def terminate(self, tx: Tx, slug: str, process_id: str, code: str, reason: Reason) -> None:
        """End a transfer in our name; nothing happens if it has ended already."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            raise Unknown("transfer.unknown", id=process_id[:200])
        if process.kernel.state not in kernel.TERMINAL and not kernel.terminating(process.kernel):
            self._terminate(tx, process, code, reason)

    def expire(self, tx: Tx, slug: str, process_id: str) -> None:
        """The agreement has run out: the flow closes now, the peer is told."""
        process = store.process(tx, slug, process_id)
        if process is None or process.kernel.state in kernel.TERMINAL:
            return
        agreement = self._contracts.agreements.get(tx, slug, process.agreement)
        if agreement.expires_at is not None and agreement.expires_at <= tx.now:
            ruling = self._rulings.at_access(tx, agreement, process, 1)
            self.terminate(tx, slug, process_id, "expired", self._rulings.reasons(ruling))

    # What a peer tells us

    def receive_request(
        self, tx: Tx, slug: str, partner: Partner, message: m.TransferRequestMessage, digest: str
    ) -> Process:
        """Taken if the agreement is in force between us; started or terminated by the policy as it stands now."""
        known = store.process_of_peer(tx, slug, partner.did, message.consumer_pid)
        if known is not None:
            return known
        agreement = self._contracts.agreements.in_force(tx, slug, message.agreement_id, partner.did)
        if agreement.role != "provider":
            raise Unknown("contracts.no-agreement", id=message.agreement_id[:200])
        if message.format != PULL:
            raise PeerError("transfer.format", format=message.format[:80])
        if store.open_processes(tx, slug, partner.did) >= QUOTA:
            raise PeerError("transfer.quota", limit=QUOTA)
        step = kernel.received(kernel.start(Role.PROVIDER), Kind.REQUEST, message.id, digest, message.consumer_pid)
        process = Process(
            participant=slug, id=new_id(), counterparty=partner.did, address=message.callback_address.rstrip("/"),
            kernel=step.transfer, version=1, agreement=agreement.id, format=message.format, purpose=message.purpose,
            action=message.action, outcome=None, reason=None, bytes=0, sha256=None, created_at=tx.now,
            changed_at=tx.now,
        )  # fmt: skip
        store.insert(tx, process)
        self._commit(tx, process, step.effects)
        ruling = self._rulings.at_request(tx, agreement, process)
        self._audit(tx, process, DECISION, self._rulings.record(ruling))
        if not ruling.permit:
            return self._terminate(tx, process, "policy", self._rulings.reasons(ruling))
        return self._start(tx, process, agreement)

    def receive(self, tx: Tx, slug: str, partner: Partner, process_id: str, message: Any, digest: str) -> Process:
        """Any further message about a transfer of ours with this peer."""
        process = store.process(tx, slug, process_id, partner.did, lock=True)
        if process is None:
            raise Unknown("transfer.unknown", id=process_id[:200])
        kind = kernel.kind_of(message)
        pids = (message.provider_pid, message.consumer_pid)
        mine, peers = pids if process.kernel.role is Role.PROVIDER else pids[::-1]
        if mine != process.id:
            raise PeerError("transfer.pid")
        try:
            step = kernel.received(process.kernel, kind, message.id, digest, peers)
        except Illegal as illegal:
            raise PeerError("transfer.illegal", kind=str(kind), state=process.shown, why=illegal.code) from illegal
        if step.repeated:
            return process
        process = replace(process, kernel=step.transfer)
        match message:
            case m.TransferStartMessage(data_address=address) if process.kernel.role is Role.CONSUMER:
                self._accept(tx, process, address)
            case m.TransferCompletionMessage():
                if process.kernel.role is Role.PROVIDER:  # ours as consumer is what our own plane has seen
                    process = replace(process, outcome=process.outcome or "delivered")
                self._audit(tx, process, TRANSFER, {"event": "completed", "by": "peer"})
            case m.TransferTerminationMessage(code=code, reason=reason):
                process = replace(process, reason=from_the_wire(reason), outcome=process.outcome or "refused")
                self._audit(tx, process, TRANSFER, {"event": "terminated", "by": "peer", "code": code or ""})
            case _:
                pass
        store.save(tx, process)
        self._commit(tx, process, step.effects)
        return replace(process, version=process.version + 1)

    # What became of our messages

    def acked(self, tx: Tx, slug: str, process_id: str, sent_id: str, peer_pid: str | None) -> None:
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            return
        step = kernel.acked(process.kernel, sent_id, peer_pid)
        if step.transfer != process.kernel:
            process = replace(process, kernel=step.transfer)
            store.save(tx, process)
            self._commit(tx, process, step.effects)

    def refused(self, tx: Tx, slug: str, process_id: str, sent_id: str, problem: Problem, reason: Reason) -> None:
        process = store.process(tx, slug, process_id, lock=True)
        if process is None:
            return
        step = kernel.refused(process.kernel, sent_id, problem)
        if step.transfer == process.kernel:
            return
        process = replace(process, kernel=step.transfer, reason=reason or process.reason)
        if step.transfer.state in kernel.TERMINAL:
            process = replace(process, outcome=process.outcome or "refused")
        store.save(tx, process)
        self._commit(tx, process, step.effects)

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
            message = compose.termination(process, sent, "states-differ", sentences)
            self._commit(tx, process, [e for e in step.effects if not _is_repair(e)], {sent: message})
        return not any(_is_repair(effect) for effect in step.effects)

    # The consumer's plane reports

    def flow_of(self, tx: Tx, slug: str, process_id: str) -> tuple[Process, flows.Flow] | None:
        """The transfer and its flow while data is to be fetched; None once there is nothing to do."""
        process = store.process(tx, slug, process_id)
        flow = flows.find(tx, slug, process_id)
        if process is None or flow is None or not kernel.flowing(process.kernel) or flow.state != "STARTED":
            return None
        return process, flow

    def pulled(self, tx: Tx, slug: str, process_id: str, received: int, sha256: str) -> None:
        """All bytes are here and right: say so and finish."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return
        process = replace(process, outcome="received", bytes=received, sha256=sha256)
        self._audit(tx, process, TRANSFER, {"event": "received", "bytes": received, "sha256": sha256})
        if process.kernel.state is not State.STARTED or process.kernel.pending is not None:
            store.save(tx, process)
            return
        flows.complete(tx, slug, process_id)
        sent = new_id()
        step = kernel.send(process.kernel, Kind.COMPLETE, sent)
        process = replace(process, kernel=step.transfer)
        store.save(tx, process)
        self._commit(tx, process, step.effects, {sent: compose.completion(process, sent)})

    def not_pulled(self, tx: Tx, slug: str, process_id: str, outcome: str, reason: Reason) -> None:
        """The data cannot be had: refused by the provider, or not the agreed bytes."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return
        process = replace(process, outcome="refused" if outcome == "refused" else "broken", reason=reason)
        self._audit(tx, process, TRANSFER, {"event": process.outcome, "reason": reason["de"]})
        if process.kernel.state in kernel.TERMINAL or kernel.terminating(process.kernel):
            store.save(tx, process)
            return
        self._terminate(tx, process, outcome, reason)

    # The provider's plane asks and reports

    def entitled(self, tx: Tx, slug: str, flow: str, access: Access) -> Decision:
        """The decision at a data access, with the counter locked in this transaction."""
        process = store.process(tx, slug, flow)
        if process is None or not kernel.flowing(process.kernel):
            return Decision(permit=False, reasons=because("transfer.not-started"))
        agreement = self._contracts.agreements.get(tx, slug, access.agreement, access.counterparty)
        if agreement.state not in ("finalized", "one-sided"):
            return Decision(permit=False, reasons=because("transfer.agreement-over"))
        fresh = access.mark(tx)
        used = store.uses(tx, slug, agreement.id, "count", "")
        uses = used + 1 if fresh else max(used, 1)
        ruling = self._rulings.at_access(tx, agreement, process, uses)
        if not ruling.permit:
            access.unmark(tx) if fresh else None
            self._audit(tx, process, DECISION, self._rulings.record(ruling))
            return Decision(permit=False, reasons=self._rulings.reasons(ruling))
        if fresh:
            store.count_use(tx, slug, agreement.id, "count", "")
            self._audit(tx, process, DECISION, self._rulings.record(ruling))
        return Decision(permit=True, expires_at=_earliest(agreement.expires_at, ruling.next_change))

    def delivered(self, tx: Tx, slug: str, flow: str, sent: int, complete: bool, broken: str | None) -> None:
        """Books one data answer: its bytes, whole or cut."""
        flows.count_bytes(tx, slug, flow, sent, broken=broken is not None)
        process = store.process(tx, slug, flow, lock=True)
        if process is None:
            return
        store.save(tx, replace(process, bytes=process.bytes + sent))
        event = "broken" if broken else "sent" if complete else "part"
        self._audit(tx, process, TRANSFER, {"event": event, "bytes": sent, "cause": broken or ""})

    # Reading

    def get(self, tx: Tx, slug: str, process_id: str, counterparty: str | None = None) -> Process:
        process = store.process(tx, slug, process_id, counterparty)
        if process is None:
            raise Unknown("transfer.unknown", id=process_id[:200])
        return process

    # Steps inside a transaction

    def _start(self, tx: Tx, process: Process, agreement: Agreement) -> Process:
        source = self._contracts.agreements.source(tx, process.participant, agreement)
        token = flows.start(
            tx, participant=process.participant, flow=process.id, counterparty=process.counterparty,
            agreement=agreement.id, source=source, expires_at=agreement.expires_at,
        )  # fmt: skip
        root = self._participants.held(process.participant).participant.root
        sent = new_id()
        step = kernel.send(process.kernel, Kind.START, sent)
        process = replace(process, kernel=step.transfer)
        store.save(tx, process)
        process = replace(process, version=process.version + 1)
        address = compose.pull_address(f"{root}/data/{process.id}", token)
        self._commit(tx, process, step.effects, {sent: compose.start(process, sent, address)})
        if agreement.expires_at is not None:
            timer(tx, process.participant, EXPIRY, process.id, agreement.expires_at)
        return process

    def _accept(self, tx: Tx, process: Process, address: m.DataAddress | None) -> None:
        agreement = self._contracts.agreements.get(tx, process.participant, process.agreement)
        terms = self._contracts.agreements.terms(tx, process.participant, agreement)
        sealed = None
        if address is not None:
            url, token = compose.read_address(address)
            if not url.startswith("https://") or not token:
                raise PeerError("transfer.address")
            sealed = self._vault.seal(f"address|{process.participant}|{process.id}", msgspec.json.encode([url, token]))
        flows.accept(
            tx, participant=process.participant, flow=process.id, counterparty=process.counterparty,
            agreement=agreement.id, sink=terms.name, address=sealed, expected_sha256=terms.sha256,
            expires_at=agreement.expires_at,
        )  # fmt: skip

    def _terminate(self, tx: Tx, process: Process, code: str, reason: Reason) -> Process:
        sent = new_id()
        step = kernel.send(process.kernel, Kind.TERMINATE, sent)
        process = replace(process, kernel=step.transfer, reason=reason, outcome=process.outcome or "refused")
        store.save(tx, process)
        process = replace(process, version=process.version + 1)
        self._audit(tx, process, TRANSFER, {"event": "terminated", "by": "us", "code": code, "reason": reason["de"]})
        message = compose.termination(process, sent, code, on_the_wire(reason))
        self._commit(tx, process, step.effects, {sent: message})
        return process

    def _commit(
        self,
        tx: Tx,
        process: Process,
        effects: "tuple[Effect, ...] | list[Effect]",
        messages: dict[str, Outgoing] | None = None,
    ) -> None:
        owner = Owner(participant=process.participant, noun="transfer", id=process.id, to=process.counterparty)

        def plane(tx: Tx, effect: OpenFlow | CloseFlow) -> None:
            self._plane(tx, process, owner, effect)

        def seal(body: bytes) -> bytes:
            return self._vault.seal(f"outbox|{process.participant}", body)

        commit(tx, owner, effects, messages=messages, plane=plane, seal=seal)

    def _plane(self, tx: Tx, process: Process, owner: Owner, effect: OpenFlow | CloseFlow) -> None:
        """The provider's flow was opened before its START was decided; the consumer's fetching is an errand."""
        if isinstance(effect, OpenFlow):
            if process.kernel.role is Role.CONSUMER:
                errand(tx, owner, "pull")
            return
        flow = flows.find(tx, process.participant, process.id)
        if flow is None or flow.state in ("COMPLETED", "TERMINATED"):
            return
        if effect.reason == Kind.COMPLETE:
            flows.complete(tx, process.participant, process.id)
        elif effect.reason == Kind.SUSPEND:
            flows.suspend(tx, process.participant, process.id)
        else:
            flows.terminate(tx, process.participant, process.id)

    def _audit(self, tx: Tx, process: Process, type_: str, body: dict[str, object]) -> None:
        did = self._participants.held(process.participant).participant.did
        whole = {"transfer": process.id, "counterparty": process.counterparty, "state": process.shown, **body}
        audit.append(tx, process.participant, type_, process.agreement, "system", whole, did=did)


def _pending(process: Process) -> str:
    assert process.kernel.pending is not None
    return process.kernel.pending.sent_id


def _is_repair(effect: Effect) -> bool:
    return isinstance(effect, Repair)


def _earliest(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)
