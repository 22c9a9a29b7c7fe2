"""Puts together what is sent to peers: messages and repairs. The worker that does all work is started above it."""

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.delivery.acks import Acks
from connector.exchange.delivery.circuit import Circuits
from connector.exchange.delivery.messages import Messages, Post
from connector.exchange.transfer.service import Transfers
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants


def assemble(
    infra: Infra,
    participants: Participants,
    peer: Post,
    circuits: Circuits,
    acks: Acks,
    contracts: Contracts,
    transfers: Transfers,
) -> Work:
    messages = Messages(infra.db, infra.clock, peer, circuits, infra.vault, contracts, transfers, acks, participants)
    return Work(handlers={"message": messages.send, "repair": messages.repair})
