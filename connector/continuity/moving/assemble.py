"""Puts the slice together: who lets a participant go, and who takes one in."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from connector.continuity.moving.arrival import Arrivals
from connector.continuity.moving.departure import Departures
from connector.continuity.moving.frames import FILES, RECEIVED
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.service import Transfers
from connector.foundation.resources import release
from connector.identity.infra import Infra
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.keys.jwk import Jwk


class MovingSlice(Struct, frozen=True, kw_only=True):
    departures: Departures
    arrivals: Arrivals


def assemble(
    infra: Infra,
    participants: Participants,
    resolver: Resolver,
    seal_log: Callable[[Hosted], Awaitable[None]],
    contracts: Contracts,
    transfers: Transfers,
) -> MovingSlice:
    """`resolver` fetches the DID document of whoever signed an archive from where it works."""

    async def key_of(did: str, kid: str) -> Jwk:
        return (await resolver.document(did)).key(kid, "capabilityInvocation")

    data = infra.settings.data
    folders = {FILES: data.files, RECEIVED: data.received}
    return MovingSlice(
        departures=Departures(infra.db, infra.clock, participants, infra.vault, seal_log, folders, release),
        arrivals=Arrivals(
            infra.db,
            participants,
            infra.vault,
            key_of,
            folders,
            infra.settings.folder / "arriving",
            (contracts.after_move, transfers.after_move),
        ),
    )
