"""Our transfer messages and where they go (dataspace-protocol.md 1.1, 1.2); PEER stands for a pid not yet known."""

from urllib.parse import quote

from connector.commit import PEER, Outgoing
from connector.protocol import codec
from connector.protocol import messages as m
from connector.transfer.model import Process

ENDPOINT_TYPE = "https://w3id.org/idsa/v4.1/HTTP"
EDC = "https://w3id.org/edc/v0.0.1/ns/"

Body = m.TransferStartMessage | m.TransferCompletionMessage | m.TransferTerminationMessage | m.TransferSuspensionMessage


def _pids(process: Process) -> dict[str, str]:
    return {"provider_pid": process.provider_pid or PEER, "consumer_pid": process.consumer_pid or PEER}


def _outgoing(process: Process, path: str, message: Body, *, secret: bool = False) -> Outgoing:
    peer = process.kernel.peer_pid
    target = PEER if peer is None else quote(peer, safe=":")
    url = f"{process.address}/transfers/{target}{path}"
    return Outgoing(url=url, text=codec.encode(message).decode(), secret=secret)


def request(process: Process, sent_id: str, callback: str) -> Outgoing:
    message = m.TransferRequestMessage(
        id=sent_id,
        consumer_pid=process.id,
        agreement_id=process.agreement,
        format=process.format,
        callback_address=callback,
        purpose=process.purpose,
        action=process.action,
    )
    return Outgoing(url=f"{process.address}/transfers/request", text=codec.encode(message).decode())


def start(process: Process, sent_id: str, address: m.DataAddress) -> Outgoing:
    """Carries a token: sealed at rest."""
    message = m.TransferStartMessage(id=sent_id, data_address=address, **_pids(process))
    return _outgoing(process, "/start", message, secret=True)


def completion(process: Process, sent_id: str) -> Outgoing:
    return _outgoing(process, "/completion", m.TransferCompletionMessage(id=sent_id, **_pids(process)))


def termination(process: Process, sent_id: str, code: str, reason: list[str]) -> Outgoing:
    message = m.TransferTerminationMessage(id=sent_id, code=code, reason=reason, **_pids(process))
    return _outgoing(process, "/termination", message)


def pull_address(url: str, token: str) -> m.DataAddress:
    """Under the names of the specification and those that EDC reads (dataspace-protocol.md 1.7)."""
    pairs = {"endpoint": url, "authorization": token, "authType": "bearer"}
    names = [*pairs.items(), *((EDC + name, value) for name, value in pairs.items())]
    return m.DataAddress(
        endpoint_type=ENDPOINT_TYPE,
        endpoint=url,
        endpoint_properties=[m.EndpointProperty(name=name, value=value) for name, value in names],
    )


def read_address(address: m.DataAddress) -> tuple[str, str]:
    """(URL, token) of a peer's address, by whatever names (data-plane-signaling.md 6.1); "" for what is missing."""
    found = {item.name: item.value for item in address.endpoint_properties or ()}
    url = address.endpoint or found.get("endpoint") or found.get(EDC + "endpoint") or ""
    token = found.get("authorization") or found.get("access_token") or found.get(EDC + "authorization") or ""
    return url, token.removeprefix("Bearer ")
