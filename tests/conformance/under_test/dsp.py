"""The connector under the official DSP kit: one participant, one peer that everybody is, and the script instead of a
will of its own (spec/protocol.md 6.2).
"""

from functools import partial

from aiohttp import web
from msgspec.structs import replace

from connector.app.ports import More, Ports
from connector.app.services import Services
from connector.data.catalogue.assemble import CatalogueSlice
from connector.data.sources.kinds import Sources
from connector.exchange.contracts.assemble import ContractSlice
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.exchange.transfer.assemble import TransferSlice
from connector.exchange.transfer.plane import assemble as plane
from connector.exchange.transfer.plane.assemble import DataPlane
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.reports import Reports
from connector.exchange.transfer.service import Transfers
from connector.foundation.http import limits, strict
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.trust.members.claims import requester
from tests.conformance.under_test.foreign import Foreign, Peer, among, participant_at
from tests.conformance.under_test.seed import USE, sow
from tests.conformance.under_test.stage import PLAY, Negotiating, Prompter, Stage, Transferring
from tests.conformance.under_test.tape import Tape

KIT = "TCK_PARTICIPANT"
SLUG = "tck"
PATH = "/api/dsp"
NEGOTIATE, TRANSFER = "/tck/negotiations/requests", "/tck/transfers/requests"


def foreign(address: str, tape: Tape) -> Foreign:
    """The kit calls from `address` and from nowhere else; whatever a header says, it is the kit."""
    peer = Peer(did=KIT, root=address, base=address)
    return Foreign([peer], knows=lambda header: KIT, says=lambda participant, peer, url: "Bearer kit", tape=tape)


def ports(foreign: Foreign, delay_ms: int) -> Ports:
    """The script decides, and no data moves: the kit names addresses where nothing is."""
    prompter = Prompter(delay_ms)
    return replace(
        among(foreign),
        negotiating=lambda sender, catalogue, engine, seals: Negotiating(prompter),
        transferring=lambda sender, decisions: Transferring(prompter),
        plane=_idle_plane,
        more=partial(_more, foreign),
    )


def partner(foreign: Foreign) -> Partner:
    """The kit as a partner in negotiations and transfers."""
    peer = foreign.peers[0]
    return Partner(did=peer.did, name=peer.did, requester=requester(peer.entry), root=peer.root, base=peer.base)


async def settle(services: Services, origin: str) -> None:
    """The participant under test, with what the kit expects to find; nothing if it is there already."""
    participants = services.participants
    if SLUG not in {one.participant.id for one in await participants.all()}:
        await participants.admit(participant_at(SLUG, f"{origin}{PATH}"))
    await services.infra.db.write(SLUG, sow, participants.held(SLUG).participant, services.engine, KIT)


class Triggers:
    """Where the kit tells us to begin something with it."""

    def __init__(self, db: Database, contracts: Contracts, transfers: Transfers, partner: Partner) -> None:
        self._db, self._contracts, self._transfers, self._partner = db, contracts, transfers, partner

    def routes(self) -> list[web.RouteDef]:
        return [web.post(NEGOTIATE, self._negotiate), web.post(TRANSFER, self._transfer)]

    async def _negotiate(self, request: web.Request) -> web.Response:
        asked = await _plain(request)
        offer = {"@id": asked["offerId"], "assigner": KIT, **USE}
        await self._db.write(SLUG, self._contracts.request, SLUG, self._partner, asked["datasetId"], offer, None, None)
        return web.json_response({})

    async def _transfer(self, request: web.Request) -> web.Response:
        asked = await _plain(request)
        await self._db.write(SLUG, self._transfers.request, SLUG, self._partner, asked["agreementId"], None, None)
        return web.json_response({})


def _more(
    foreign: Foreign, infra: Infra, catalogue: CatalogueSlice, contracts: ContractSlice, transfers: TransferSlice
) -> More:
    """The moves of the script, and where the kit tells us to begin."""
    kit = partner(foreign)
    stage = Stage(infra.db, contracts.service, catalogue.service, transfers.service, kit)
    triggers = Triggers(infra.db, contracts.service, transfers.service, kit)
    return More(Work(handlers={PLAY: stage.play}), triggers.routes(), (foreign.tape.middleware(),))


def _idle_plane(infra: Infra, access: DataAccess, reports: Reports, sources: Sources) -> DataPlane:
    async def nothing(row: OutboxRow) -> None:
        await infra.db.write(row.participant, _finish, row)

    return replace(
        plane.assemble(infra, access, reports, sources), work=Work(handlers={"pull": nothing, "push": nothing})
    )


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)


async def _plain(request: web.Request) -> dict[str, str]:
    value = strict.loads(await limits.read_body(request))
    assert isinstance(value, dict)
    return value
