"""The door for data that is sent to us: one key, one sender, the agreed bytes, and nothing else stays."""

import asyncio
import os
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.data.dataplane import flows
from connector.data.dataplane.receive import inbound
from connector.data.dataplane.receive.inbound import Expected, Inbound, receive
from connector.data.dataplane.serve.stream import MinimumRate
from connector.data.dataplane.streams import Streams
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.storage import lease
from connector.foundation.storage.database import PROCESS
from tests.testkit.patience import PATIENCE_S

TOWN, FLOW, OTHER = "nachbardorf", "urn:uuid:1", "urn:uuid:2"
DATA = os.urandom(2_500_000)
DIGEST = sha256(DATA).hexdigest()


class Intake:
    """Stands for the slice above."""

    def __init__(self, database) -> None:
        self.database = database
        self.came: list[tuple[str, int, str]] = []
        self.faults: list[str] = []
        self.over, self.agreed = False, None

    async def wanted(self, participant, flow):
        return None if any(name == flow for name, _, _ in self.came) else Expected(self.agreed)

    async def received(self, participant, flow, bytes, sha256, settle):
        if self.over or await self.wanted(participant, flow) is None:
            return False
        await self.database.write(participant, settle)
        self.came.append((flow, bytes, sha256))
        return True

    async def broken(self, participant, flow, error):
        self.faults.append(error.code)


class Receiver:
    """A door on loopback with two flows behind it."""

    def __init__(self, database, folder) -> None:
        self.database, self.folder, self.clock, self.intake = database, folder, FakeClock(), Intake(database)
        self.streams, self.limit, self.patience = Streams(self.clock), 10_000_000, MinimumRate()

    async def serve(self) -> None:
        self.tokens = {flow: await self.expect(flow) for flow in (FLOW, OTHER)}
        hall = Inbound(place=lambda slug, flow: self.folder / slug / flow[-1], limit=self.limit, patience=self.patience)
        handler = receive(self.database, self.streams, self.intake, hall, lambda request: TOWN)
        app = web.Application()
        app.router.add_post("/data/in/{flow}", handler)
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()
        self.listening = asyncio.create_task(self.streams.run(self.database))

    async def expect(self, flow, expires_at=None, digest=DIGEST):
        return await self.database.write(
            TOWN,
            flows.expect,
            participant=TOWN,
            flow=flow,
            counterparty="did:web:m",
            agreement="urn:uuid:a",
            sink="bäume.csv",
            expected_sha256=digest,
            expires_at=expires_at,
        )

    async def bring(self, client, body=DATA, flow=FLOW, token=None, **headers):
        """(status, body) of one POST; a list of pieces goes chunked."""
        sent = {"Authorization": f"Bearer {token or self.tokens[flow]}", **headers}
        pieces = [body] if isinstance(body, bytes) else body
        if isinstance(body, bytes):
            sent["Content-Length"] = str(len(body))

        async def chunks():
            for piece in pieces:
                yield piece

        url = str(self.server.make_url(f"/data/in/{flow}"))
        async with client.send("POST", url, chunks(), headers=sent) as answer:
            return answer.status, await answer.read()

    async def raw(self, head: str, body: bytes):
        """A connection that says `head` and `body` and stays open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        token = self.tokens[FLOW]
        start = f"POST /data/in/{FLOW} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{head}\r\n\r\n"
        writer.write(start.encode() + body)
        await writer.drain()
        return reader, writer

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    async def leases(self):
        return await self.database.read(PROCESS, lambda tx: tx.all("SELECT name, until FROM lease"))

    async def close(self) -> None:
        self.listening.cancel()
        await asyncio.gather(self.listening, return_exceptions=True)
        await self.server.close()


@pytest.fixture
async def receiver(any_db, tmp_path):
    made = Receiver(any_db, tmp_path / "received")
    await made.serve()
    yield made
    await made.close()


async def taken(receiver, client) -> int:
    """The status of a sender that comes back as long as the one before has not quite left."""
    async with asyncio.timeout(PATIENCE_S):
        while (status := (await receiver.bring(client))[0]) == 503:
            await asyncio.sleep(0.05)
    return status


async def until(holds) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("body", [DATA, [DATA[:7], DATA[7:2_000_000], DATA[2_000_000:]]], ids=["length", "chunked"])
async def test_the_agreed_bytes_get_their_name(receiver, client, body) -> None:
    """>> the whole body, with or without its length << 200; one file, nothing beside it, no lease left."""
    status, answer = await receiver.bring(client, body)
    assert (status, answer) == (200, b'{"bytes":2500000}')
    assert receiver.intake.came == [(FLOW, len(DATA), DIGEST)]
    assert receiver.files() == ["bäume.csv"]
    assert next(receiver.folder.rglob("bäume.csv")).read_bytes() == DATA
    assert await receiver.leases() == []


@pytest.mark.threat("T38")
@pytest.mark.parametrize("token", ["x" * 43, "", "kurz", "x" * 4000], ids=["other", "none", "short", "long"])
async def test_without_its_key_the_door_stays_shut(receiver, client, token) -> None:
    """<< 401, and nothing was written."""
    url = str(receiver.server.make_url(f"/data/in/{FLOW}"))
    answer = await client.post(url, DATA[:1000], headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (receiver.files(), receiver.intake.came) == ([], [])


@pytest.mark.threat("T38")
async def test_a_key_opens_one_flow(receiver, client) -> None:
    """>> the key of another flow, an unknown flow << 401."""
    assert (await receiver.bring(client, flow=FLOW, token=receiver.tokens[OTHER]))[0] == 401
    url = str(receiver.server.make_url("/data/in/urn:uuid:9"))
    headers = {"Authorization": f"Bearer {receiver.tokens[FLOW]}"}
    assert (await client.post(url, DATA[:1000], headers=headers)).status == 401
    assert receiver.files() == []


async def test_the_key_of_a_flow_that_we_provide_opens_no_door(receiver, client) -> None:
    token = await receiver.database.write(
        TOWN,
        flows.start,
        participant=TOWN,
        flow="urn:uuid:3",
        counterparty="did:web:m",
        agreement="urn:uuid:a",
        source="trees",
        expires_at=None,
    )
    assert (await receiver.bring(client, flow="urn:uuid:3", token=token))[0] == 401


@pytest.mark.threat("T38")
@pytest.mark.parametrize("end", [flows.suspend, flows.complete, flows.terminate])
async def test_after_the_end_nothing_comes_in(receiver, client, end) -> None:
    """>> data for a flow that rests or is over << 403 with a sentence."""
    await receiver.database.write(TOWN, flows.resume, TOWN, FLOW)
    await receiver.database.write(TOWN, end, TOWN, FLOW)
    status, answer = await receiver.bring(client)
    assert status == 403
    assert b"reason" in answer
    assert receiver.files() == []


async def test_an_expired_flow_takes_nothing(receiver, client) -> None:
    token = await receiver.expect(FLOW, expires_at=receiver.clock.now())
    assert (await receiver.bring(client, token=token))[0] == 403
    assert receiver.files() == []


@pytest.mark.threat("T38")
@pytest.mark.parametrize("body", [b"x" * 11_000_000, [b"x" * 1_000_000] * 11], ids=["length", "chunked"])
async def test_too_much_is_not_kept(receiver, client, body) -> None:
    """>> more than the limit, said beforehand or not << 413 or 400, nothing stays."""
    try:
        status, _ = await receiver.bring(client, body)
    except Unavailable:
        status = 413  # the receiver hung up while we were still sending
    assert status in (400, 413)
    await until(lambda: receiver.files() == [])
    assert receiver.intake.came == []


@pytest.mark.threat("T38")
@pytest.mark.parametrize("body", [DATA + b"x" * 2_000_000, [DATA, b"x" * 2_000_000]], ids=["length", "chunked"])
async def test_more_than_was_agreed_is_not_kept(receiver, client, body) -> None:
    """>> a byte more than the contract says << stopped there, long before the limit of all transfers."""
    receiver.intake.agreed = len(DATA)
    try:
        status, _ = await receiver.bring(client, body)
    except Unavailable:
        status = 413  # the receiver hung up while we were still sending
    assert status in (400, 413)
    await until(lambda: receiver.files() == [])
    assert (receiver.intake.came, receiver.intake.faults) == ([], [])  # not: taken whole, and other bytes
    assert await taken(receiver, client) == 200


@pytest.mark.threat("T38")
@pytest.mark.parametrize("body", [DATA[:-1], DATA + b"x", b"", b"x" * len(DATA)])
async def test_other_bytes_than_the_agreed_ones_get_no_name(receiver, client, body) -> None:
    """>> a whole body that is something else << 400 with a sentence, the slice hears of it, nothing stays."""
    status, answer = await receiver.bring(client, body)
    assert status == 400
    assert DIGEST.encode() in answer
    assert receiver.intake.faults == ["dataplane.digest"]
    assert (receiver.files(), receiver.intake.came) == ([], [])


@pytest.mark.threat("T38")
@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Length: 2500000", DATA[:1_500_000]),
        ("Transfer-Encoding: chunked", b"16e360\r\n" + DATA[:1_500_000] + b"\r\n"),
        ("Transfer-Encoding: chunked", b"ffffff\r\n" + DATA[:1_500_000]),
    ],
    ids=["length", "chunked", "in a chunk"],
)
async def test_half_a_body_is_none(receiver, client, head, body) -> None:
    """>> a connection that breaks in the middle << nothing stays, no fault is booked; the next try is taken."""
    _, writer = await receiver.raw(head, body)
    await until(lambda: any(receiver.files()))
    writer.close()
    await until(lambda: receiver.files() == [])
    assert (receiver.intake.came, receiver.intake.faults) == ([], [])
    assert await taken(receiver, client) == 200


@pytest.mark.threat("T38")
async def test_two_at_once_are_one_too_many(receiver, client) -> None:
    """>> a second sender while the first is at it << 503, so that it comes back; the first ends well."""
    reader, writer = await receiver.raw(f"Content-Length: {len(DATA)}", DATA[:1_500_000])
    await until(lambda: any(receiver.files()))
    assert (await receiver.bring(client))[0] == 503
    writer.write(DATA[1_500_000:])
    assert b"200 OK" in await reader.readline()
    writer.close()
    assert receiver.intake.came == [(FLOW, len(DATA), DIGEST)]
    assert receiver.files() == ["bäume.csv"]


async def test_another_replica_at_it_is_one_too_many(receiver, client) -> None:
    """>> while another replica holds the lease << 503; >> after its time << taken. SQLite has no replicas."""
    name, several = f"in:{TOWN}:{FLOW}", receiver.database.dialect == "postgres"
    fence = await receiver.database.write(PROCESS, lease.take, name, "the other one", 60_000)
    assert (await receiver.bring(client))[0] == (503 if several else 200)
    await receiver.database.write(PROCESS, lease.release, name, "the other one", fence)
    assert (await receiver.bring(client))[0] == 200


async def test_what_a_dead_sender_left_is_cleared_away(receiver, client) -> None:
    left = receiver.folder / TOWN / FLOW[-1] / "0.part"
    left.mkdir(parents=True)
    (left / "bäume.csv.part").write_bytes(b"half")
    assert (await receiver.bring(client))[0] == 200
    assert receiver.files() == ["bäume.csv"]


async def test_the_same_again_is_heard_out_and_forgotten(receiver, client) -> None:
    """>> a sender that did not hear our 200 begins again << 200; booked once."""
    assert (await receiver.bring(client))[0] == 200
    assert (await receiver.bring(client)) == (200, b'{"bytes":2500000}')
    assert len(receiver.intake.came) == 1
    assert receiver.files() == ["bäume.csv"]


@pytest.mark.threat("T38")
async def test_what_is_only_heard_out_ends_too(receiver, client) -> None:
    """>> the bytes are here; a body without end comes again, its length unsaid << 413 at the limit of all transfers."""
    assert (await receiver.bring(client))[0] == 200
    try:
        status, _ = await receiver.bring(client, [b"x" * 1_000_000] * 40)
    except Unavailable:
        status = 413  # the receiver hung up while we were still sending
    assert status == 413
    assert receiver.files() == ["bäume.csv"]


async def test_bytes_that_came_too_late_are_not_kept(receiver, client) -> None:
    """>> the transfer ended while the last bytes came << 403, no file."""
    receiver.intake.over = True
    assert (await receiver.bring(client))[0] == 403
    assert receiver.files() == []


@pytest.mark.threat("T38")
async def test_slow_bytes_are_cut(receiver, client) -> None:
    """>> a sender that trickles << 408, nothing stays."""
    receiver.patience = MinimumRate(every_s=0.1, least=65_536)
    await receiver.close()
    await receiver.serve()
    reader, writer = await receiver.raw("Content-Length: 2500000", b"x")
    assert b"408" in await reader.readline()
    writer.close()
    assert receiver.files() == []


@pytest.mark.threat("T38")
async def test_a_silent_sender_is_cut(receiver, client, monkeypatch) -> None:
    monkeypatch.setattr(inbound, "QUIET_S", 0.05)
    reader, writer = await receiver.raw("Content-Length: 2500000", b"x")
    assert b"408" in await reader.readline()
    writer.close()
    assert receiver.files() == []


@pytest.mark.parametrize("end", [flows.suspend, flows.terminate])
async def test_an_end_cuts_what_is_coming_in(receiver, end) -> None:
    """>> suspended or terminated in the middle << 403 at once, nothing stays."""
    await receiver.database.write(TOWN, flows.resume, TOWN, FLOW)
    reader, writer = await receiver.raw(f"Content-Length: {len(DATA)}", DATA[:1_500_000])
    await until(lambda: any(receiver.files()))
    await receiver.database.write(TOWN, end, TOWN, FLOW)
    assert b"403" in await reader.readline()
    writer.close()
    assert receiver.files() == []


async def test_a_replica_that_lost_its_right_is_cut(receiver, monkeypatch) -> None:
    """>> a process that slept longer than its lease << cut; the file is the other one's business."""
    if receiver.database.dialect == "sqlite":
        pytest.skip("SQLite has one process and no lease")
    monkeypatch.setattr(inbound, "RENEW_S", 0.05)
    reader, writer = await receiver.raw(f"Content-Length: {len(DATA)}", DATA[:1_500_000])
    await until(lambda: any(receiver.files()))
    await receiver.database.write(PROCESS, _stolen)
    assert b"503" in await reader.readline()
    writer.close()
    assert receiver.intake.came == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Range": "bytes 0-9/20"}, 400), ({"Content-Encoding": "gzip"}, 415)],
)
async def test_parts_and_codings_are_not_taken(receiver, client, headers, status) -> None:
    assert (await receiver.bring(client, **headers))[0] == status
    assert receiver.files() == []


async def test_a_stated_digest_counts_where_none_was_agreed(receiver, client) -> None:
    """>> live data, whose sender states a digest that is not right << 400."""
    token = await receiver.expect(FLOW, digest=None)
    wrong = {"Repr-Digest": "sha-256=:" + "A" * 43 + "=:"}
    assert (await receiver.bring(client, token=token, **wrong))[0] == 400
    assert (await receiver.bring(client, token=token))[0] == 200


async def test_a_full_disk_is_not_the_senders_fault(receiver, client, monkeypatch) -> None:
    """<< 503, so that it comes again; nothing stays."""

    monkeypatch.setattr(inbound.Attempt, "open", full_disk)
    assert (await receiver.bring(client))[0] == 503
    assert receiver.files() == []


def full_disk(attempt) -> None:
    raise Unavailable("dataplane.disk-full")


def _stolen(tx) -> None:
    tx.run("UPDATE lease SET owner = 'another', fence = fence + 1")
