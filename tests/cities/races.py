"""Two whole replicas of a provider on one PostgreSQL beside a consumer of its own, and the means to order what meets.

A lock held open on a row lets two units of work queue up behind it in a chosen order; what each process sends is
written down as it leaves, so that a test can see whether anything was sent twice with different content.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.foundation.errors import PeerError
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import HANSE
from tests.cities.sharing import shared
from tests.postgres import Urls
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Space
from tests.testkit.patience import PATIENCE_S

TOWN, VILLAGE = "musterstadt", "nachbardorf"
SEAL = f"{HANSE}agreementSignature"
Work = Callable[[], Awaitable[object]]
Bend = Callable[[dict[str, Any]], None]
Stop = Callable[[str, bytes], asyncio.Event | None]
_BEHIND = """WITH RECURSIVE behind(pid) AS (
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND %s = ANY (pg_blocking_pids(pid))
    UNION SELECT a.pid FROM pg_stat_activity a JOIN behind b ON b.pid = ANY (pg_blocking_pids(a.pid))
    WHERE a.datname = current_database()
) SELECT count(*) AS n FROM behind"""
_LEFT = "SELECT count(*) AS n FROM outbox WHERE done_at IS NULL AND kind <> 'reconcile'"
HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91")


class Line:
    """What one process posts to its peers, as it leaves. `bend` changes a message by its kind.

    `before` and `after` name the event that a message, or the answer to it, has to wait for.
    """

    def __init__(self, city: City) -> None:
        self.forget()
        self._post = city.services.peer.post
        city.services.peer.post = self.post  # type: ignore[method-assign]

    def forget(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.bend: dict[str, Bend] = {}
        self.before: Stop = lambda kind, text: None
        self.after: Stop = lambda kind, text: None

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        message = json.loads(body)
        kind = str(message.get("eventType") or message.get("@type", url.rpartition("/")[2]))
        if kind in self.bend:
            self.bend[kind](message)
            body = json.dumps(message).encode()
        self.sent.append((kind, str(message.get("@id", "")), body))
        if (event := self.before(kind, body)) is not None:
            await event.wait()
        answer = await self._post(slug, did, url, body, limit)
        if (event := self.after(kind, body)) is not None:
            await event.wait()
        return answer


class Waiting(NamedTuple):
    """A contract that lacks its countersignature: both negotiations, the agreement, and the seal that got lost."""

    ours: str
    theirs: str
    agreement: str
    seal: str


class Race:
    """Replicas `a` and `b` of the town, the village, and what left each of the three."""

    def __init__(self, space: Space, urls: Urls, a: City, b: City, village: City) -> None:
        self.space, self.urls, self.a, self.b, self.village = space, urls, a, b, village
        self.lines = {city: Line(city) for city in (a, b, village)}
        self._hand_in = village.services.contracts.late_delivery._post

    def forget(self) -> None:
        """What was sent, and what was held or bent: for whoever goes on with the same three."""
        for line in self.lines.values():
            line.forget()
        self.village.services.contracts.late_delivery._post = self._hand_in

    async def asked(self, replaces: str | None = None, dataset: str | None = None, **wish: Any) -> str:
        """The village's negotiation about a dataset of the town, a new one unless it is named."""
        name = dataset or (await self.a.publish(TOWN, **wish))["dataset"]
        body = {"provider": self.a.did(TOWN), "dataset": name, "purpose": PURPOSE, "replaces": replaces}
        path = f"/api/v1/participants/{VILLAGE}/negotiations"
        begun: dict[str, Any] = await self.village.api.post(path, {k: v for k, v in body.items() if v is not None})
        return str(begun["id"])

    async def waiting(self, setting: str = "required", *, idle: bool = True) -> Waiting:
        """The verification comes without its seal, and (if `idle`) everything else has been delivered."""
        self.lines[self.village].bend["ContractAgreementVerificationMessage"] = lambda message: message.pop(SEAL, None)
        ours = await self.asked(countersignature=setting)
        wanted = "VERIFIED" if setting == "required" else "FINALIZED"
        await self.until(lambda: self.rests(ours, wanted))
        case = await self.case(self.village, ours)
        assert case.kernel.peer_pid is not None
        agreement = await self.agreement(self.village, case.agreement or "")
        assert agreement.consumer_jws is not None
        if idle:
            await self.until(self.idle)
        return Waiting(ours, case.kernel.peer_pid, agreement.id, agreement.consumer_jws)

    async def rests(self, ours: str, wanted: str) -> bool:
        """Whether the village's negotiation stands there and nothing of it waits for an answer."""
        case = await self.case(self.village, ours)
        return case.shown == wanted and case.kernel.pending is None

    async def brought(self, replica: City, found: Waiting, seal: str = "") -> Work:
        """The late countersignature has come to that replica's door and been let in; what is left is check and book."""
        arriving = replica.services.contracts.service.countersigning.arriving
        args = (TOWN, found.agreement, self.village.did(VILLAGE), seal or found.seal)
        case = await replica.services.infra.db.write(TOWN, arriving, *args)
        assert case is not None
        return lambda: replica.services.contracts.late_delivery.receive(TOWN, *case, seal or found.seal)

    async def signed(self, replica: City, found: Waiting) -> Work:
        """A person at the village signs late, and the seal has been let in at that replica's door.

        The work is the rest: check, book, and the answer that the village is given, whose status is the result.
        """
        let_in, go, answers = asyncio.Event(), asyncio.Event(), list[Answer]()

        async def post(slug: str, did: str, url: str, seal: bytes) -> Answer:
            try:
                work = await self.brought(replica, found, seal.decode())
                let_in.set()
                await go.wait()
                await work()
            except PeerError as error:
                answers.append(Answer(error.status, {}, json.dumps({"code": error.code}).encode()))
            else:
                answers.append(Answer(204, {}, b""))
            return answers[-1]

        async def rest() -> object:
            go.set()
            await self.until(lambda: _true(bool(answers)))
            return answers[0].status

        self.village.services.contracts.late_delivery._post = post
        contracts = self.village.services.contracts.service
        agreement = await self.agreement(self.village, found.agreement)
        read = await self.village.services.infra.db.read(VILLAGE, contracts.countersigning.unread, agreement)
        order = contracts.countersigning.order
        await self.village.services.infra.db.write(VILLAGE, order, VILLAGE, found.agreement, HEAD, read)
        await asyncio.wait_for(let_in.wait(), PATIENCE_S)
        return rest

    def deadline(self, replica: City, found: Waiting) -> Work:
        """The timer of the required countersignature fires at that replica."""
        rules = replica.services.contracts.service.countersigning
        return lambda: replica.services.infra.db.write(TOWN, rules.deadline, TOWN, found.theirs)

    async def case(self, city: City, case_id: str) -> NegotiationRow:
        slug = VILLAGE if city is self.village else TOWN
        return await city.services.infra.db.read(slug, city.services.contracts.service.get, slug, case_id)

    async def agreement(self, city: City, agreement: str) -> Agreement:
        slug = VILLAGE if city is self.village else TOWN
        return await city.services.infra.db.read(slug, city.services.contracts.service.agreements.get, slug, agreement)

    # Order

    async def behind(self, table: str, row: str, *works: Work) -> list[object]:
        """Both queue up behind a lock on that row, in this order, before any of them goes on; results or errors."""
        running: list[asyncio.Task[object]] = []
        async with await psycopg.AsyncConnection.connect(self.urls.admin) as holder:
            await holder.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", (row,))  # type: ignore[arg-type]
            mine = holder.info.backend_pid
            for work in works:
                waiting = self._queued(mine)
                running.append(asyncio.ensure_future(work()))
                await self.until(lambda waiting=waiting: _true(self._queued(mine) > waiting))  # type: ignore[misc]
            await holder.rollback()
        return list(await asyncio.gather(*running, return_exceptions=True))

    def _queued(self, holder: int) -> int:
        """How many wait for what this backend holds, or behind one who does: locks of other jobs do not count."""
        return int(self.rows(_BEHIND, holder)[0]["n"])

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.urls.admin, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():
                await asyncio.sleep(0.02)

    # What must hold in the end

    async def idle(self) -> bool:
        """Nothing is left to send, on either side."""

        def mine(tx: Tx) -> int:
            row = tx.one(_LEFT)
            return 0 if row is None else int(row["n"])

        return await self.provider_idle() and await self.village.services.infra.db.read(VILLAGE, mine) == 0

    async def provider_idle(self) -> bool:
        """Neither replica has anything to send, or an answer to book, for which it would lock a negotiation."""
        return bool(self.rows(_LEFT)[0]["n"] == 0)

    async def agree(self, ours: str) -> tuple[str, str]:
        """How the negotiation and its agreement ended, the same on both sides and in both logs."""
        await self.until(self.idle)
        case = await self.case(self.village, ours)
        other = await self.case(self.a, case.kernel.peer_pid or "")
        here, there = [await self.agreement(city, case.agreement or "") for city in (self.village, self.a)]
        assert (case.shown, here.state) == (other.shown, there.state)
        if here.state == "finalized":
            assert here.consumer_jws == there.consumer_jws
        for city, agreement in ((self.village, here), (self.a, there)):
            await self._logged(city, case.shown, agreement)
        self._said_once(case)
        if here.concluded:
            await self._compared(here)
        return case.shown, here.state

    async def log(self, city: City, agreement: str) -> list[tuple[str, dict[str, Any]]]:
        """Type and body of each record about it, without a gap."""
        slug = VILLAGE if city is self.village else TOWN

        def look(tx: Tx) -> list[tuple[int, str, bytes]]:
            sql = "SELECT seq, type, record FROM audit_entry WHERE participant = :p AND agreement = :a ORDER BY seq"
            return [(row["seq"], row["type"], bytes(row["record"])) for row in tx.all(sql, p=slug, a=agreement)]

        found = await city.services.infra.db.read(slug, look)
        assert [seq for seq, _, _ in found] == list(range(found[0][0], found[0][0] + len(found)))
        return [(type_, json.loads(record)["body"]) for _, type_, record in found]

    async def _logged(self, city: City, shown: str, agreement: Agreement) -> None:
        """Of a countersignature speaks who has it in force, and of nothing who has it terminated."""
        told = await self.log(city, agreement.id)
        seals = [body["consumerJws"] for type_, body in told if type_ == "agreement"]
        missing = [body for type_, body in told if body.get("code") == "countersignature-missing"]
        assert not (missing and seals), told
        if seals and shown == "TERMINATED":  # the consumer's termination crossed our FINALIZED, and took it back
            assert [body.get("by") for type_, body in told if type_ in ("agreement", "termination")][-1] == "peer", told
        if agreement.state == "finalized":
            assert not missing
            assert seals[-1] is not None
        assert agreement.state != "one-sided" or seals[-1] is None
        assert len(seals) <= 1 + (seals[:1] == [None]), "one record, and one more for what came late"

    def _said_once(self, case: NegotiationRow) -> None:
        """No `@id` stands for two contents, and of each side's last words there is one."""
        bodies, words = defaultdict[str, set[bytes]](set), defaultdict[str, set[str]](set)
        for line in self.lines.values():
            for kind, name, body in line.sent:
                bodies[name].add(body)
                if case.id.encode() in body:
                    words[kind].add(name)
        assert all(len(found) == 1 for name, found in bodies.items() if name)
        assert len(words["FINALIZED"]) <= 1
        assert len(words["ContractNegotiationTerminationMessage"]) <= 2  # each side may say it once, crossing
        if case.shown == "FINALIZED":
            assert not words["ContractNegotiationTerminationMessage"]

    async def _compared(self, agreement: Agreement) -> None:
        """The partners compare their logs and find no difference: a seal that got lost is in neither."""
        for city, slug in ((self.village, VILLAGE), (self.a, TOWN)):
            for each in (self.village, self.a):
                await each.services.operation.maintenance.seal_logs()
            await city.services.retention.reconciling.now(slug, agreement.id)

            def look(tx: Tx, slug: str = slug) -> dict[str, Any]:
                row = tx.one(
                    "SELECT state, findings FROM reconciliation WHERE participant = :p AND agreement = :a",
                    p=slug,
                    a=agreement.id,
                )
                return {} if row is None else dict(row)

            found = await city.services.infra.db.read(slug, look)
            findings = [(one["what"], one["subject"]) for one in json.loads(found["findings"])]
            assert findings == [], (slug, found)


async def _true(value: bool) -> bool:
    return value


@asynccontextmanager
async def race(space: Space, urls: Urls, port: int) -> AsyncIterator[Race]:
    """Started, with the members known to each other."""
    environ = shared(space.folder, urls, port)
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(
            space.running("ra", {TOWN: MUNICIPALITY}, environ | {"HANSE_API__SOCKET": "ra.sock"})
        )
        b = await stack.enter_async_context(space.running("rb", {}, environ | {"HANSE_API__SOCKET": "rb.sock"}))
        await b.services.participants.get(TOWN)
        village = await stack.enter_async_context(space.running("village", {VILLAGE: MUNICIPALITY}))
        await space.reload(a, b, village)
        yield Race(space, urls, a, b, village)
