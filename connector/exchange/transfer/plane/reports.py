"""What the data planes report of transfers, and what is still to be moved; each is one transaction.

Whether bytes may be handed out is not here: `data_access` decides it (spec/data-plane.md 4.3).
"""

from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.data.dataplane.receive.inbound import Expected
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.transfer import store
from connector.exchange.transfer.model import Outcome, TransferRow
from connector.exchange.transfer.send import TRANSFER, TransferSender
from connector.foundation.language.reasons import Reason
from connector.foundation.storage.database import Tx
from connector.kernel.protocol import transfer as kernel
from connector.kernel.protocol.transfer import State


class Reports:
    """What the planes have moved, and what they have to move."""

    def __init__(self, agreements: Agreements, sender: TransferSender) -> None:
        self._agreements, self._sender = agreements, sender

    def flow_of(self, tx: Tx, slug: str, process_id: str) -> tuple[TransferRow, flows.Flow] | None:
        """The transfer and its flow while bytes are to be moved from here; None once there is nothing to do."""
        process = store.process(tx, slug, process_id)
        flow = flows.find(tx, slug, process_id)
        if process is None or flow is None or not kernel.flowing(process.kernel) or flow.state != "STARTED":
            return None
        return (process, flow) if process.outcome is None else None

    def idle(self, tx: Tx, slug: str, process_id: str) -> bool:
        """Whether nothing is to be moved from here, locked: what changes it from now on finds our errand done."""
        store.process(tx, slug, process_id, lock=True)
        found = self.flow_of(tx, slug, process_id)
        return found is None or found[1].address is None

    def abandoned(self, tx: Tx, slug: str, process_id: str) -> bool:
        """Whether it has ended without its bytes, so that those that are here are not ours to keep."""
        process = store.process(tx, slug, process_id)
        if process is None or process.outcome == "received":
            return False
        return process.kernel.state is State.TERMINATED or kernel.terminating(process.kernel)

    def wanted(self, tx: Tx, slug: str, process_id: str) -> Expected | None:
        """How many bytes are still waited for; None once the transfer has its outcome."""
        process = store.process(tx, slug, process_id)
        if process is None or process.outcome is not None:
            return None
        agreement = self._agreements.get(tx, slug, process.agreement)
        return Expected(self._agreements.terms(tx, slug, agreement).bytes)

    def received(self, tx: Tx, slug: str, process_id: str, received: int, sha256: str) -> bool:
        """As consumer: all bytes are here and right. False if it had its outcome before."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return False
        process = replace(process, outcome="received", bytes=received, sha256=sha256)
        self._sender.record(tx, process, TRANSFER, {"event": "received", "bytes": received, "sha256": sha256})
        self._finish(tx, process)
        return True

    def sent(self, tx: Tx, slug: str, process_id: str) -> None:
        """As provider of a push: the receiver has said that it has everything."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is not None and process.outcome is None:
            self._finish(tx, replace(process, outcome="delivered"))

    def failed(self, tx: Tx, slug: str, process_id: str, outcome: Outcome, reason: Reason) -> None:
        """The bytes cannot be had, or cannot be delivered: refused by the peer, or not the agreed ones."""
        process = store.process(tx, slug, process_id, lock=True)
        if process is None or process.outcome is not None:
            return
        process = replace(process, outcome=outcome, reason=reason)
        self._sender.record(tx, process, TRANSFER, {"event": outcome, "reason": reason["de"]})
        if process.kernel.state in kernel.TERMINAL or kernel.terminating(process.kernel):
            store.save(tx, process)
            return
        self._sender.terminate(tx, process, outcome, reason)

    def delivered(self, tx: Tx, slug: str, flow: str, sent: int, complete: bool, broken: str | None) -> None:
        """Books one data answer: its bytes, whole or cut."""
        flows.count_bytes(tx, slug, flow, sent, broken=broken is not None)
        process = store.moved(tx, slug, flow, sent)
        if process is None:
            return
        event = "broken" if broken else "sent" if complete else "part"
        self._sender.record(tx, process, TRANSFER, {"event": event, "bytes": sent, "cause": broken or ""})

    def _finish(self, tx: Tx, process: TransferRow) -> None:
        """Whoever moved the bytes says that it is done; while another message is under way the course says it later."""
        if process.kernel.state is State.STARTED and process.kernel.pending is None and not process.owned:
            self._sender.complete(tx, process)
        else:
            store.save(tx, process)
