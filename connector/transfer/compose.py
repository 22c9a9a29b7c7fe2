"""Our transfer messages and where they go (spec/protocol.md 1.2, 2); PEER stands for a pid not yet known."""

from urllib.parse import quote

from connector.commit import PEER, Outgoing
from connector.protocol import codec
from connector.protocol import messages as m
from connector.transfer.model import Process

Body = m.TransferStartMessage | m.TransferCompletionMessage | m.TransferTerminationMessage | m.TransferSuspensionMessage


def _pids(process: Process) -> dict[str, str]:
    return {"provider_pid": process.provider_pid or PEER, "consumer_pid": process.consumer_pid or PEER}


def _outgoing(process: Process, path: str, message: Body, *, secret: bool = False) -> Outgoing:
    peer = process.kernel.peer_pid
    target = PEER if peer is None else quote(peer, safe=":")
    url = f"{process.address}/transfers/{target}{path}"
    return Outgoing(url=url, text=codec.encode(message).decode(), secret=secret)


def request(process: Process, sent_id: str, callback: str, address: m.DataAddress | None = None) -> Outgoing:
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
    return Outgoing(url=f"{process.address}/transfers/request", text=text, secret=address is not None)


def start(process: Process, sent_id: str, address: m.DataAddress | None) -> Outgoing:
    """With an address it carries a token: sealed at rest."""
    message = m.TransferStartMessage(id=sent_id, data_address=address, **_pids(process))
    return _outgoing(process, "/start", message, secret=address is not None)


def suspension(process: Process, sent_id: str, code: str, reason: list[str]) -> Outgoing:
    message = m.TransferSuspensionMessage(id=sent_id, code=code, reason=reason, **_pids(process))
    return _outgoing(process, "/suspension", message)


def completion(process: Process, sent_id: str) -> Outgoing:
    return _outgoing(process, "/completion", m.TransferCompletionMessage(id=sent_id, **_pids(process)))


def termination(process: Process, sent_id: str, code: str, reason: list[str]) -> Outgoing:
    message = m.TransferTerminationMessage(id=sent_id, code=code, reason=reason, **_pids(process))
    return _outgoing(process, "/termination", message)
