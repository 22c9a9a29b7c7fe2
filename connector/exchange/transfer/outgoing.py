"""Our transfer messages and where they go (spec/protocol.md 1.2, 2); PEER stands for a pid not yet known."""

from urllib.parse import quote

from connector.exchange.effects import PEER, Outbound
from connector.exchange.transfer.model import TransferRow
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m

Body = m.TransferStartMessage | m.TransferCompletionMessage | m.TransferTerminationMessage | m.TransferSuspensionMessage


def _pids(process: TransferRow) -> dict[str, str]:
    return {"provider_pid": process.provider_pid or PEER, "consumer_pid": process.consumer_pid or PEER}


def _outgoing(process: TransferRow, path: str, message: Body, *, secret: bool = False) -> Outbound:
    peer = process.kernel.peer_pid
    target = PEER if peer is None else quote(peer, safe=":")
    url = f"{process.address}/transfers/{target}{path}"
    return Outbound(url=url, text=codec.encode(message).decode(), secret=secret)


def request(process: TransferRow, sent_id: str, callback: str, address: m.DataAddress | None = None) -> Outbound:
    """For a push it carries the key of our door: sealed at rest."""
    message = m.TransferRequestMessage(
        id=sent_id,
        consumer_pid=process.id,
        agreement_id=process.agreement,
        format=process.format,
        callback_address=callback,
        data_address=address,
        purpose=process.purpose,
        action=process.action,
    )
    text = codec.encode(message).decode()
    return Outbound(url=f"{process.address}/transfers/request", text=text, secret=address is not None)


def start(process: TransferRow, sent_id: str, address: m.DataAddress | None) -> Outbound:
    """With an address it carries a token: sealed at rest."""
    message = m.TransferStartMessage(id=sent_id, data_address=address, **_pids(process))
    return _outgoing(process, "/start", message, secret=address is not None)


def suspension(process: TransferRow, sent_id: str, code: str, reason: list[str]) -> Outbound:
    message = m.TransferSuspensionMessage(id=sent_id, code=code, reason=reason, **_pids(process))
    return _outgoing(process, "/suspension", message)


def completion(process: TransferRow, sent_id: str) -> Outbound:
    return _outgoing(process, "/completion", m.TransferCompletionMessage(id=sent_id, **_pids(process)))


def termination(process: TransferRow, sent_id: str, code: str, reason: list[str]) -> Outbound:
    message = m.TransferTerminationMessage(id=sent_id, code=code, reason=reason, **_pids(process))
    return _outgoing(process, "/termination", message)
