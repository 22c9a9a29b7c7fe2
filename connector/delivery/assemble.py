"""Puts together what is sent to peers: messages and repairs. The worker that does all work is started above it."""

from connector.contracts.negotiation.service import Contracts
from connector.delivery.acks import Acks
from connector.delivery.circuit import Circuits
from connector.delivery.messages import Messages, Post
from connector.infra import Infra
from connector.jobs.work import Work
from connector.participants.service import Participants
from connector.transfer.service import Transfers


def assemble(
    infra: Infra, participants: Participants, peer: Post, circuits: Circuits, acks: Acks, contracts: Contracts,
    transfers: Transfers,
) -> Work:  # fmt: skip
    messages = Messages(
        infra.db, infra.clock, peer, circuits, infra.vault, contracts, transfers, acks, participants
    )  # fmt: skip
    return Work(handlers={"message": messages.send, "repair": messages.repair})
