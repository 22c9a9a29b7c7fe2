"""Our negotiation messages and where they go: one function each, nothing decided (spec/protocol.md 1.2, 2).

The peer's pid may be unknown when a message is saved; PEER stands for it until the row is delivered.
"""

from urllib.parse import quote

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.effects import PEER, Outbound
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m

Body = (
    m.ContractRequestMessage
    | m.ContractOfferMessage
    | m.ContractAgreementMessage
    | m.ContractAgreementVerificationMessage
    | m.ContractNegotiationEventMessage
    | m.ContractNegotiationTerminationMessage
)


def _pids(case: NegotiationRow) -> dict[str, str]:
    return {"provider_pid": case.provider_pid or PEER, "consumer_pid": case.consumer_pid or PEER}


def _outgoing(case: NegotiationRow, path: str, message: Body) -> Outbound:
    peer = case.kernel.peer_pid
    target = PEER if peer is None else quote(peer, safe=":")
    return Outbound(url=f"{case.address}/negotiations/{target}{path}", text=codec.encode(message).decode())


def request(case: NegotiationRow, sent_id: str, callback: str) -> Outbound:
    """The first request of a consumer."""
    message = m.ContractRequestMessage(
        id=sent_id,
        consumer_pid=case.id,
        offer=case.policy,
        callback_address=callback,
        purpose=case.purpose,
        action=case.action,
        replaces=case.replaces,
    )
    return Outbound(url=f"{case.address}/negotiations/request", text=codec.encode(message).decode())


def proposal(case: NegotiationRow, sent_id: str, callback: str) -> Outbound:
    """The first offer of a provider, to a consumer that has not asked."""
    message = m.ContractOfferMessage(id=sent_id, provider_pid=case.id, offer=case.policy, callback_address=callback)
    return Outbound(url=f"{case.address}/negotiations/offers", text=codec.encode(message).decode())


def offer(case: NegotiationRow, sent_id: str) -> Outbound:
    """A provider's terms in answer to a request."""
    return _outgoing(case, "/offers", m.ContractOfferMessage(id=sent_id, offer=case.policy, **_pids(case)))


def counter(case: NegotiationRow, sent_id: str) -> Outbound:
    """A consumer's terms in answer to an offer."""
    message = m.ContractRequestMessage(
        id=sent_id, offer=case.policy, purpose=case.purpose, action=case.action, **_pids(case)
    )
    return _outgoing(case, "/request", message)


def accepted(case: NegotiationRow, sent_id: str) -> Outbound:
    return _outgoing(
        case, "/events", m.ContractNegotiationEventMessage(id=sent_id, event_type="ACCEPTED", **_pids(case))
    )


def agreement(case: NegotiationRow, sent_id: str, document: m.Plain, seal: str, second: str | None = None) -> Outbound:
    message = m.ContractAgreementMessage(
        id=sent_id, agreement=document, agreement_signature=seal, second_signature=second, **_pids(case)
    )
    return _outgoing(case, "/agreement", message)


def verification(case: NegotiationRow, sent_id: str, seal: str | None, second: str | None = None) -> Outbound:
    message = m.ContractAgreementVerificationMessage(
        id=sent_id, agreement_signature=seal, second_signature=second, **_pids(case)
    )
    return _outgoing(case, "/agreement/verification", message)


def finalized(case: NegotiationRow, sent_id: str, evidence: str) -> Outbound:
    message = m.ContractNegotiationEventMessage(id=sent_id, event_type="FINALIZED", evidence=evidence, **_pids(case))
    return _outgoing(case, "/events", message)


def termination(case: NegotiationRow, sent_id: str, code: str, reason: list[str]) -> Outbound:
    message = m.ContractNegotiationTerminationMessage(id=sent_id, code=code, reason=reason, **_pids(case))
    return _outgoing(case, "/termination", message)
