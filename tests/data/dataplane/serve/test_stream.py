"""The provider's answers: which bytes, which headers, who gets none, and what happens when the file fails."""

import asyncio
import base64
import contextlib
import os

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Decision
from connector.data.dataplane.serve import stream
from connector.foundation.errors import Unavailable


async def test_the_whole_file(plane):
    """>> GET << 200, byte-identical, with digest, version and name; booked as complete."""
    status, headers, body = await plane.get()
    assert (status, body == plane.data) == (200, True)
    digest = base64.b64encode(bytes.fromhex(plane.digest)).decode()
    assert headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert headers["Content-Type"] == "application/geo+json"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''b%C3%A4ume.geojson"
    assert "Last-Modified" not in headers
    assert await plane.book.line() == (len(plane.data), True, None)
    assert (await plane.flow_row()).bytes == len(plane.data)


@pytest.mark.parametrize(("size", "before"), [(0, 0), (8, 0), (70_000, 1)])
async def test_the_head_of_a_small_file_leaves_with_its_bytes(plane, monkeypatch, size, before):
    """>> a file that is read when it is opened << nothing was written when its first chunk is; of others the head."""
    plane.path.write_bytes(plane.data[:size])
    copy, written = stream._Answer.copy, []

    async def noted(answer, reading):
        written.append(min(1, answer.request.writer.output_size))
        await copy(answer, reading)

    monkeypatch.setattr(stream._Answer, "copy", noted)
    status, headers, body = await plane.get()
    assert (status, body, int(headers["Content-Length"])) == (200, plane.data[:size], size)
    assert written == [before]
    assert await plane.book.line() == (size, True, None)


async def test_head_tells_all_and_uses_nothing(plane):
    """>> HEAD << the headers of the whole, no byte, no use."""
    async with (
        aiohttp.ClientSession() as session,
        session.head(plane.url(), headers={"Authorization": f"Bearer {plane.token}"}) as answer,
    ):
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(plane.data)))
        assert answer.headers["ETag"]
    assert (plane.contract.uses, plane.book.lines) == (0, [])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=30
)
@given(first=st.integers(0, 3_500_000), length=st.integers(1, 2_200_000))
async def test_ranges_are_byte_identical(plane, first, length):
    """Any range is the slice of the whole."""
    status, headers, body = await plane.get(Range=f"bytes={first}-{first + length - 1}")
    part = plane.data[first : first + length]
    if not part:
        assert (status, headers["Content-Range"]) == (416, f"bytes */{len(plane.data)}")
        return
    assert (status, body == part) == (206, True)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(plane.data)}"


async def test_a_tail_range_reaches_the_end(plane):
    """>> bytes=-1000 << the last thousand, complete."""
    _, _, body = await plane.get(Range="bytes=-1000")
    assert body == plane.data[-1000:]
    assert await plane.book.line() == (1000, True, None)


async def test_a_changed_file_is_another_version(plane):
    """If-Range gives the new whole, If-Match 412, and a digest that is not that of the bytes is not stated."""
    _, headers, _ = await plane.get(Range="bytes=0-0")
    plane.path.write_bytes(b"new")
    status, now, body = await plane.get(Range="bytes=1-", If_Range=headers["ETag"])
    assert (status, body, "Repr-Digest" in now) == (200, b"new", False)
    assert now["ETag"] != headers["ETag"]
    status, _, body = await plane.get(Range="bytes=1-", If_Match=headers["ETag"])
    assert (status, body) == (412, b"")


async def test_same_size_other_time_is_another_version(plane):
    """A file overwritten with as many bytes does not keep its ETag."""
    _, before, _ = await plane.get(Range="bytes=0-0")
    os.utime(plane.path, ns=(1, 1))
    _, after, _ = await plane.get(Range="bytes=0-0")
    assert before["ETag"] != after["ETag"]


async def test_an_empty_file(plane):
    """Nothing is delivered completely."""
    plane.path.write_bytes(b"")
    status, headers, body = await plane.get()
    assert (status, headers["Content-Length"], body) == (200, "0", b"")
    assert await plane.book.line() == (0, True, None)


async def test_one_use_per_flow(plane):
    """The first access counts, ranges, resumes and repetitions count nothing, a range as first access counts."""
    await plane.get(Range="bytes=0-9")
    await asyncio.gather(*(plane.get(Range="bytes=10-19") for _ in range(5)))
    await plane.get()
    assert plane.contract.uses == 1


async def test_what_was_used_is_not_marked_again(plane, monkeypatch):
    """>> a second access of a flow << nothing is written to find out that it is not the first."""
    await plane.get()
    marked = []
    monkeypatch.setattr(flows, "mark", lambda *at: marked.append(at))
    assert (await plane.get())[0] == 200
    assert (marked, plane.contract.uses) == ([], 1)
    assert [asked.first for asked in plane.contract.asked] == [True, False]


async def test_concurrent_first_accesses_count_one_use(plane):
    """Eight requests at once are one use."""
    await asyncio.gather(*(plane.get(Range="bytes=0-9") for _ in range(8)))
    assert plane.contract.uses == 1


async def test_a_refused_access_is_no_use(plane):
    """>> GET << 403 with both sentences; permitted later, it still counts its one use."""
    plane.contract.decision = Decision(permit=False, reasons={"de": ["Nur bis gestern."], "en": ["Until yesterday."]})
    status, headers, body = await plane.get()
    assert (status, headers["Content-Type"]) == (403, "application/problem+json")
    assert b'"reason":["Nur bis gestern.","Until yesterday."]' in body
    plane.contract.decision = Decision(permit=True)
    await plane.get()
    assert plane.contract.uses == 1


async def test_what_a_review_will_hold_rests_already(plane):
    """>> GET << 403 with the sentences, and the code by which a consumer knows that it may come again."""
    plane.contract.decision = Decision(permit=False, held=True, reasons={"de": ["Nicht jetzt."], "en": ["Not now."]})
    status, _, body = await plane.get()
    assert status == 403
    assert b'"code":"dataplane.suspended"' in body
    assert b'"reason":["Nicht jetzt.","Not now."]' in body


@pytest.mark.threat("T21")
@pytest.mark.parametrize("token", ["x", "A" * 43, "", "'; DROP TABLE flow"])
async def test_an_unknown_token_is_401(plane, token):
    """It says nothing but that, and asks no policy."""
    async with plane.client.stream(plane.url(), headers={"Authorization": f"Bearer {token}"}) as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert plane.contract.asked == []


@pytest.mark.threat("T21")
async def test_no_token_and_a_token_of_another_flow_are_401(plane):
    """A stolen token opens no flow but its own; a flow that is not there looks the same."""
    other = await plane.start(flow="urn:uuid:other")
    assert (await plane.get(token=other))[0] == 401
    assert (await plane.get(flow="urn:uuid:nothing"))[0] == 401
    async with plane.client.stream(plane.url()) as answer:
        assert answer.status == 401


@pytest.mark.threat("T21")
@pytest.mark.parametrize(
    ("step", "sentence"),
    [(flows.terminate, "beendet"), (flows.complete, "beendet"), (flows.suspend, "ausgesetzt")],
)
async def test_the_token_of_a_flow_that_is_over_is_403(plane, step, sentence):
    """Terminated, completed or suspended: refused with a sentence."""
    await plane.move(step)
    status, _, body = await plane.get()
    assert (status, sentence in body.decode()) == (403, True)


@pytest.mark.threat("T21")
async def test_an_expired_flow_is_403_from_the_millisecond_on(plane):
    """At its end nothing more opens, and the sentence says since when."""
    await plane.open(expires_at=plane.clock.now() + 1000)
    assert (await plane.get())[0] == 200
    plane.clock.advance(1000)
    status, _, body = await plane.get()
    assert (status, b"18 Nov 2026" in body) == (403, True)


@pytest.mark.alone
@pytest.mark.threat("T21")
async def test_expiry_closes_an_open_stream(plane):
    """The reader stops in the middle; the end of the permission cuts it within seconds."""
    await make_large(plane)
    plane.contract.decision = Decision(permit=True, expires_at=plane.clock.now() + 150)
    with pytest.raises(Unavailable):
        await plane.read_while(plane.book.line)
    sent, complete, broken = plane.book.lines[0]
    assert (complete, broken, 0 < sent < plane.path.stat().st_size) == (False, "expired", True)
    assert plane.streams.count() == 0


@pytest.mark.threat("T21")
async def test_termination_closes_an_open_stream_at_once(plane):
    """>> terminate << the connection is gone when the transaction has committed."""
    await make_large(plane)

    async def terminate():
        await plane.move(flows.terminate)
        assert (await plane.book.line())[1:] == (False, "closed")

    with pytest.raises(Unavailable):
        await plane.read_while(terminate)


@pytest.mark.threat("T31")
async def test_what_nobody_may_hand_out_any_more_is_cut(plane):
    """>> the mandate ends while bytes flow << cut by the sweep, and the flow itself stays as it is."""
    await make_large(plane)

    async def withdraw():
        await plane.streams.sweep(plane.database)
        assert plane.streams.count() == 1
        plane.entrusted = False
        await plane.streams.sweep(plane.database)
        assert (await plane.book.line())[1:] == (False, "closed")

    with pytest.raises(Unavailable):
        await plane.read_while(withdraw)
    assert (await plane.flow_row()).state == "STARTED"


async def test_an_end_told_by_another_replica_is_found_by_the_sweep(plane):
    """A signal without value makes the process look into the database."""
    await make_large(plane)
    plane.streams.heard(None)
    async with plane.stream() as answer:
        await answer.content.readany()
        plane.streams.cut = lambda *_: 0
        await plane.move(flows.terminate)
        assert plane.streams.count() == 1
        del plane.streams.cut
        plane.streams.heard(None)
        assert (await plane.book.line())[2] == "closed"


@pytest.mark.threat("T15")
async def test_a_reader_that_does_not_read_is_cut(plane):
    """Bytes that nobody takes hold a connection only for a while."""
    plane.patience = type(plane.patience)(every_s=0.1, least=65_536)
    await plane.close()
    await plane.serve()
    await make_large(plane)
    reader, writer = await asyncio.open_connection(plane.server.host, plane.server.port, limit=1)
    writer.write(request(plane))
    assert (await plane.book.line())[1:] == (False, "slow")
    writer.close()
    assert reader is not None


async def test_a_slow_reader_that_reads_is_served(plane):
    """Reading a little all the time is no stall."""
    plane.patience = type(plane.patience)(every_s=0.05, least=1)
    await plane.close()
    await plane.serve()
    await make_large(plane, 40_000_000)
    got = 0
    async with plane.stream() as answer:
        while chunk := await answer.content.read(2_000_000):
            got += len(chunk)
            await asyncio.sleep(0.002)
    assert got == 40_000_000
    assert await plane.book.line() == (40_000_000, True, None)


async def test_a_vanished_file_is_a_clear_error(plane):
    """>> GET << 404 in words before the first byte."""
    plane.path.unlink()
    status, headers, body = await plane.get()
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert "nicht mehr da" in body.decode()
    assert plane.book.lines == []


@pytest.mark.alone
async def test_a_file_that_shrinks_aborts_the_stream(plane):
    """The peer is not left hanging; booked as broken; a resume by If-Match is 412."""
    await make_large(plane)
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await plane.read_while(lambda: asyncio.to_thread(os.truncate, plane.path, 1000))
    assert asyncio.get_running_loop().time() - started < 2
    assert (await plane.book.line())[1:] == (False, "source-shrank")
    row = await plane.flow_row()
    assert (row.broken, row.bytes) == (1, plane.book.lines[0][0])
    assert (await plane.get(Range="bytes=500-", If_Match=plane.etag))[0] == 412


async def test_a_file_that_changes_while_it_is_read_aborts_the_stream(plane):
    """As many bytes, but of two versions: they never look finished."""
    await make_large(plane)
    with pytest.raises(Unavailable):
        await plane.read_while(lambda: asyncio.to_thread(os.utime, plane.path, ns=(1, 1)))
    assert (await plane.book.line())[2] == "source-changed"


async def test_bytes_of_a_stream_that_the_peer_cut_are_counted(plane):
    """Roughly what it took, no more than was there, and nothing is broken."""
    await make_large(plane)
    async with plane.stream() as answer:
        await answer.content.readexactly(1_000_000)
    sent, complete, broken = await plane.book.line()
    assert (complete, broken, 1_000_000 <= sent < plane.path.stat().st_size) == (False, None, True)


@pytest.mark.threat("T19")
@pytest.mark.parametrize("path", ["/musterstadt/data/%2e%2e%2f%2e%2e%2fsecret", "/musterstadt/data/..%5csecret"])
async def test_a_request_never_names_a_file(plane, path):
    """The path names a flow, and nothing else."""
    reader, writer = await asyncio.open_connection(plane.server.host, plane.server.port)
    writer.write(request(plane, path))
    assert (await reader.readline()).split()[1] in (b"401", b"404")
    writer.close()


async def test_eight_streams_at_once(plane):
    """Descriptors are not mixed up, and all are closed again; the database opens its second reader for the eight."""
    await asyncio.gather(*(plane.get(Range=f"bytes={i * 1000}-") for i in range(8)))
    before = len(os.listdir("/proc/self/fd"))
    answers = await asyncio.gather(*(plane.get(Range=f"bytes={i * 1000}-") for i in range(8)))
    assert all(body == plane.data[i * 1000 :] for i, (_, _, body) in enumerate(answers))
    await plane.client.close()
    await asyncio.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_a_graceful_stop_cuts_and_books_all(plane):
    """Nothing waits for slow peers; they resume."""
    await make_large(plane)

    async def stop():
        plane.streams.stop()
        assert (await plane.book.line())[2] == "stopping"

    with pytest.raises(Unavailable):
        await plane.read_while(stop)


async def test_a_ledger_that_fails_harms_no_other_answer(plane, monkeypatch, caplog):
    """The failure is logged at the edge; the next access is served."""

    async def fail(*_):
        raise Unavailable("storage.closed")

    monkeypatch.setattr(plane.book, "delivered", fail)
    await plane.get(Range="bytes=0-9")
    monkeypatch.undo()
    with contextlib.suppress(Unavailable):  # the connection of the failed answer ends, before or after it is used again
        await plane.get(Range="bytes=0-9")
    assert (await plane.get(Range="bytes=0-9"))[2] == plane.data[:10]
    assert "storage.closed" in caplog.text


async def make_large(plane, size=64_000_000):
    """More than all socket buffers hold."""
    with plane.path.open("wb") as file:
        file.truncate(size)


def request(plane, path=None):
    path = path or f"/musterstadt/data/{plane.flow}"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {plane.token}\r\n\r\n".encode()
