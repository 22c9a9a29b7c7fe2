"""A town whose log asks witnesses, and the witnesses as a test plays them."""

from collections.abc import Callable
from typing import Any

import msgspec

from connector.dataspace.witness import cosign, cosignatures
from connector.dataspace.witness.ask import Witnesses
from connector.dataspace.witness.cosign import NOTHING, VouchedState
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Unauthenticated
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.sections import Witness as Settings
from connector.foundation.storage.database import Tx
from connector.identity.audit import origins, sealer, store
from connector.identity.audit.sealer import Batch
from connector.identity.participants.service import Hosted
from connector.identity.trust.members import trust_list
from connector.identity.trust.members.successors import Successors
from connector.verify.formats import checkpoint, cosignature
from tests.testkit.towns import Towns
from tests.verify import forge

TOWN, OTHER = "musterstadt", "nachbardorf"
NOW = FakeClock().now()


class Peer(forge.Witness):
    """A witness over the wire that does what ours does; `says` answers instead, `away` does not answer at all."""

    def __init__(self, operator: str = "did:web:zeuge.example") -> None:
        super().__init__(operator, SystemClock().now() // 1000)  # the clock of the database: none before its seal
        self.held: dict[str, VouchedState] = {}
        self.asked: list[cosign.Asked] = []
        self.says: Callable[[cosign.Asked], Answer] | None = None
        self.away: Exception | None = None

    def answer(self, body: bytes) -> Answer:
        if self.away is not None:
            raise self.away
        asked = cosign.parse(body)
        self.asked.append(asked)
        return self.vouches(asked) if self.says is None else self.says(asked)

    def vouches(self, asked: cosign.Asked) -> Answer:
        """As ours does."""
        held = self.held.get(asked.checkpoint.origin, NOTHING)
        verdict = cosign.decide(held, asked)
        if verdict.kind == "unproven":
            return Answer(422, {}, b"")
        if verdict.kind != "vouch":
            return Answer(409, {}, f"{verdict.size}\n".encode())
        self.held[asked.checkpoint.origin] = VouchedState(asked.checkpoint.size, asked.checkpoint.root, asked.note)
        return Answer(200, {}, self.cosign(asked.note).removeprefix(asked.note).encode())

    def sizes(self) -> list[tuple[int, int]]:
        return [(asked.old, asked.checkpoint.size) for asked in self.asked]


class Net:
    """The trust list and the wire in one: who vouches for whom, and `post`, are all that is asked."""

    def __init__(self, *peers: Peer) -> None:
        self.peers = {f"{peer.url}/add-checkpoint": peer for peer in peers}
        self.listed = True

    @property
    def version(self) -> int:
        return int(self.listed)

    @property
    def current(self) -> Any:
        if not self.listed:
            raise Unauthenticated("trust.no-list")
        found = [msgspec.convert(peer.entry(), trust_list.Witness) for peer in self.peers.values()]
        return trust_list.TrustList(version=1, issued="", next_update="", authority="", witnesses=tuple(found))

    def witnesses_for(self, own: str) -> Any:
        return self.current.witnesses

    def entry_for(self, own: str, did: str) -> None:
        return None

    def line_for(self, own: str) -> Successors:
        return Successors([])

    async def post(self, url: str, body: bytes, **how: object) -> Answer:
        return self.peers[url].answer(body)


class Stage:
    """A town's log and its witnesses, as one process has them; `again` is the process after a restart."""

    def __init__(self, towns: Towns, *peers: Peer, **settings: float) -> None:
        self.towns, self.net = towns, Net(*peers)
        self.clock = FakeClock(max((peer.at * 1000 for peer in peers), default=SystemClock().now()))
        self.settings = Settings(**settings)  # type: ignore[arg-type]
        self.again()

    def again(self) -> None:
        self.witnesses = Witnesses(
            self.towns.db,
            self.clock,
            self.towns.participants,
            self.net,
            self.net,
            self.settings,  # type: ignore[arg-type]
            "self.example/witness",
        )

    @property
    def hosted(self) -> Hosted:
        return self.towns.participants.held(TOWN)

    async def grow(
        self, count: int = 1, type: str = "decision", agreement: str | None = None, slug: str = TOWN
    ) -> Batch:
        """More records, sealed."""
        did = self.towns.did(slug)
        for _ in range(count):
            await self.towns.db.write(slug, store.append, slug, type, agreement, "p-1", {}, did=did)
        return await self.seal(slug)

    async def seal(self, slug: str = TOWN) -> Batch:
        hosted = self.towns.participants.held(slug)
        keys = [hosted.signers["log"], hosted.signers["log-pq"]]
        newest = None
        for _ in range(100):  # PostgreSQL: a record waits for transactions that began before it
            newest = await sealer.seal(self.towns.db, slug, hosted.participant.root, keys)
            if not await self.towns.db.read(slug, open_records, slug):
                break
        assert newest is not None
        return newest

    async def time(self, size: int) -> int | None:
        """What a verifier concludes from the lines under that size."""
        batch = await self.towns.db.read(TOWN, sealer.signed, TOWN, size)
        assert batch is not None
        lines = await self.towns.db.read(TOWN, cosignatures.cosigned, TOWN, size)
        policy = cosignature.derived([peer.entry() for peer in self.net.peers.values()], "own")
        assert policy is not None
        return cosignature.time_of(checkpoint.parse(f"{batch.checkpoint}{lines}"), policy)

    async def epoch(self) -> int:
        return await self.towns.db.read(TOWN, origins.current, TOWN)


def open_records(tx: Tx, slug: str) -> int:
    return len(tx.all("SELECT id FROM audit_entry WHERE participant = :p AND leaf_index IS NULL", p=slug))


def lines_of(peer: Peer, asked: cosign.Asked, **how: Any) -> bytes:
    return peer.cosign(asked.note, **how).removeprefix(asked.note).encode()
