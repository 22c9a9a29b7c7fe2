"""The connector under the official DSP kit: one participant, one peer that everybody is, and the script instead of a
will of its own (spec/protocol.md 6.2).
"""

from aiohttp import web

from connector.clock import Clock
from connector.contracts.negotiation.decide import DecideNegotiation
from connector.contracts.negotiation.send import NegotiationSender
from connector.contracts.partner import Partner
from connector.contracts.signing.countersign import Countersigner
from connector.delivery.messages import Messages
from connector.http import limits, strict
from connector.jobs.work import Handler
from connector.peer import routes
from connector.peer.claims import requester
from connector.peer.problems import problems
from connector.settings.load import Settings
from connector.storage import outbox
from connector.storage.database import Tx
from connector.storage.outbox import OutboxRow
from connector.transfer.decide import DecideTransfer as TransferCourse
from connector.transfer.send import TransferSender as TransferMoves
from tests.conformance.under_test.foreign import Foreign, ForeignHouse, Peer, participant_at
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


class KitHouse(ForeignHouse):
    """Build it with `functools.partial(KitHouse, foreign, delay_ms)`."""

    def __init__(self, foreign: Foreign, delay_ms: int, settings: Settings, clock: Clock) -> None:
        self._prompter = Prompter(delay_ms)
        super().__init__(foreign, settings, clock)

    @property
    def partner(self) -> Partner:
        peer = self.foreign.peers[0]
        return Partner(did=peer.did, name=peer.did, requester=requester(peer.entry), root=peer.root, base=peer.base)

    def negotiating(self, sender: NegotiationSender) -> DecideNegotiation:
        return Negotiating(self._prompter)

    def transferring(self, sender: TransferMoves) -> TransferCourse:
        return Transferring(self._prompter)

    def handlers(self, messages: Messages, desk: Countersigner) -> dict[str, Handler]:
        """No data moves: the kit names addresses where nothing is."""
        stage = Stage(self.db, self.contracts, self.catalogue, self.transfers, self.partner)
        idle = dict.fromkeys(("pull", "push"), self._nothing)
        return {**super().handlers(messages, desk), **idle, PLAY: stage.play}

    def application(self) -> web.Application:
        triggers = [web.post(NEGOTIATE, self._negotiate), web.post(TRANSFER, self._transfer)]
        app = routes.application(self.public(), problems, triggers)
        app.middlewares.insert(0, self.foreign.tape.middleware())
        return app

    async def settle(self, origin: str) -> None:
        """The participant under test, with what the kit expects to find; nothing if it is there already."""
        root = f"{origin}{PATH}"
        known = {one.participant.id for one in await self.participants.all()}
        if SLUG not in known:
            await self.participants.admit(participant_at(SLUG, root))
        participant = self.participants.held(SLUG).participant
        await self.db.write(SLUG, sow, participant, self.judge, KIT)

    async def _nothing(self, row: OutboxRow) -> None:
        await self.db.write(row.participant, _finish, row)

    async def _negotiate(self, request: web.Request) -> web.Response:
        asked = await _plain(request)
        offer = {"@id": asked["offerId"], "assigner": KIT, **USE}
        await self.db.write(
            SLUG, self.contracts.request, SLUG, self.partner, asked["datasetId"], offer, None, None
        )  # fmt: skip
        return web.json_response({})

    async def _transfer(self, request: web.Request) -> web.Response:
        asked = await _plain(request)
        await self.db.write(SLUG, self.transfers.request, SLUG, self.partner, asked["agreementId"], None, None)
        return web.json_response({})


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)


async def _plain(request: web.Request) -> dict[str, str]:
    value = strict.loads(await limits.read_body(request))
    assert isinstance(value, dict)
    return value
