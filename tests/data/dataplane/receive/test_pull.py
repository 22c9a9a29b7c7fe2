"""The consumer's side: over cut connections to the same bytes, with the token never anywhere else."""

import asyncio
import os
import resource
import threading
from hashlib import sha256

import pytest
from aiohttp import web

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Decision
from connector.data.dataplane.receive import pull as pulling
from connector.data.dataplane.receive.pull import Address, Received, Retry
from connector.data.dataplane.refused import plain
from connector.data.dataplane.sinks.files import FileSink
from connector.foundation.errors import PeerError, Refusal, Unavailable

QUICK = Retry(attempts=3, first_s=0.01, longest_s=0.02)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "received"


@pytest.fixture
def sink(folder):
    return FileSink(folder, "trees.geojson")


def part(sink):
    return sink.path.with_name("trees.geojson.part")


class Provider:
    """Serves `data` with Range; `cuts` are how many bytes each answer gives before the connection is lost."""

    def __init__(self, data, cuts=(), etag='"v1"') -> None:
        self.data, self.cuts, self.etag, self.seen = data, list(cuts), etag, []

    async def __call__(self, request):
        self.seen.append(dict(request.headers))
        first = 0
        if (asked := request.headers.get("Range")) and request.headers.get("If-Range") == self.etag:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": self.etag} if self.etag else {}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(self.data) - 1}/{len(self.data)}"
        body = self.data[first:]
        response = web.StreamResponse(status=206 if first else 200, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        if self.cuts:
            await response.write(body[: self.cuts.pop(0)])
            await asyncio.sleep(0.01)
            request.transport.abort()
        else:
            await response.write(body)
        return response


DATA = os.urandom(2_500_000)


async def test_a_file_arrives_with_its_digest(plane, sink):
    """>> pull << the same bytes under their name, progress up to the end, nothing left beside."""
    seen = []
    got = await pulling.pull(plane.client, plane.address(), sink, plane.digest, progress=seen.append)
    assert got == Received(len(plane.data), plane.digest, sink.path)
    assert sink.path.read_bytes() == plane.data
    assert seen == sorted(seen)
    assert seen[-1] == len(plane.data)
    assert os.listdir(sink.path.parent) == ["trees.geojson"]
    assert sink.path.stat().st_mode & 0o777 == 0o600


async def test_an_empty_file_arrives(plane, sink):
    """No byte, and yet a file."""
    plane.path.write_bytes(b"")
    got = await pulling.pull(plane.client, plane.address(), sink, sha256().hexdigest())
    assert (got.bytes, sink.path.read_bytes()) == (0, b"")


async def test_it_resumes_after_every_cut(client, upstream, sink):
    """Cut anywhere, even before the first byte: each connection goes on where the last one ended."""
    provider = Provider(DATA, cuts=[0, 1, 700_000, 1_300_000, 0, 17])
    got = await pulling.pull(
        client, Address(await upstream(provider), "t"), sink, sha256(DATA).hexdigest(), retry=QUICK
    )
    assert (got.bytes, sink.path.read_bytes() == DATA) == (len(DATA), True)
    assert len(provider.seen) == 7
    assert all(seen["If-Range"] == '"v1"' for seen in provider.seen if "Range" in seen)
    assert sum("Range" in seen for seen in provider.seen) >= 3


async def test_a_provider_without_versions_starts_over(client, upstream, sink):
    """Bytes without an ETag are never joined."""
    provider = Provider(DATA, cuts=[1_000_000], etag=None)
    await pulling.pull(client, Address(await upstream(provider), "t"), sink, retry=QUICK)
    assert sink.path.read_bytes() == DATA
    assert ["Range" in seen for seen in provider.seen] == [False, False]


async def test_a_new_version_in_between_starts_over(client, upstream, sink):
    """If-Range fails, the new whole replaces the old part."""
    provider = Provider(DATA, cuts=[1_000_000])
    url = await upstream(provider)

    def change(_):
        provider.data, provider.etag = DATA[::-1], '"v2"'

    await pulling.pull(client, Address(url, "t"), sink, sha256(DATA[::-1]).hexdigest(), progress=change, retry=QUICK)
    assert sink.path.read_bytes() == DATA[::-1]


async def test_another_process_resumes(client, upstream, sink, folder):
    """What was received before a crash is taken up, and hashed again."""
    provider = Provider(DATA, cuts=[1_000_000, 0, 0, 0])
    url = await upstream(provider)
    with pytest.raises(Unavailable):
        await pulling.pull(client, Address(url, "t"), sink, retry=QUICK)
    assert part(sink).read_bytes() == DATA[: part(sink).stat().st_size]
    again = FileSink(folder, "trees.geojson")
    await pulling.pull(client, Address(url, "t"), again, sha256(DATA).hexdigest(), retry=QUICK)
    assert again.path.read_bytes() == DATA
    assert provider.seen[-1]["Range"].startswith("bytes=")


async def test_a_complete_part_needs_no_byte(plane, sink):
    """A crash between the last byte and the new name: 416 with the same size is enough."""
    await pulling.pull(plane.client, plane.address(), sink, plane.digest)
    _, headers, _ = await plane.get(Range="bytes=0-0")
    os.rename(sink.path, part(sink))
    part(sink).with_name("trees.geojson.part.version").write_text(headers["ETag"])
    again = FileSink(sink.path.parent, "trees.geojson")
    got = await pulling.pull(plane.client, plane.address(), again, plane.digest)
    assert got.bytes == len(plane.data)


async def test_a_damaged_part_is_fetched_once_more(plane, sink):
    """A power cut may leave other bytes than were written: the digest shows it, and all is fetched anew."""
    _, headers, _ = await plane.get(Range="bytes=0-0")
    sink.path.parent.mkdir()
    part(sink).write_bytes(b"\0" * 1000)
    part(sink).with_name("trees.geojson.part.version").write_text(headers["ETag"])
    await pulling.pull(plane.client, plane.address(), sink, plane.digest)
    assert sink.path.read_bytes() == plane.data


async def test_other_bytes_than_agreed_get_no_name(plane, sink):
    """The digest differs: an error with both digests, no file, no part."""
    with pytest.raises(PeerError) as caught:
        await pulling.pull(plane.client, plane.address(), sink, "0" * 64)
    assert caught.value.facts == {"expected": "0" * 64, "found": plane.digest}
    assert os.listdir(sink.path.parent) == []


async def test_without_an_agreed_digest_the_stated_one_counts(client, upstream, sink):
    """The provider's own Repr-Digest must fit what it sends."""

    async def lie(request):
        return web.Response(body=b"other", headers={"Repr-Digest": "sha-256=:" + "A" * 43 + "=:"})

    with pytest.raises(PeerError, match="digest"):
        await pulling.pull(client, Address(await upstream(lie), "t"), sink)


async def test_a_shrinking_source_ends_in_an_error(plane, sink):
    """The stream is cut, the resume gets another version, and that is not the agreed one."""
    with plane.path.open("wb") as file:
        file.truncate(64_000_000)

    def shrink(size):
        os.truncate(plane.path, 1000)

    with pytest.raises(PeerError, match="digest"):
        await pulling.pull(plane.client, plane.address(), sink, plane.digest, progress=shrink, retry=QUICK)


async def test_a_refusal_carries_the_peers_sentences(plane, sink):
    """>> pull << 403: the reasons, made plain."""
    plane.contract.decision = Decision(permit=False, reasons={"de": ["Nein\u202e,\nnie."], "en": ["No."]})
    with pytest.raises(Refusal) as caught:
        await pulling.pull(plane.client, plane.address(), sink)
    assert caught.value.reasons == {"de": ["Nein , nie."], "en": ["No."]}
    assert caught.value.code == "dataplane.peer-refused"


async def test_data_that_rest_are_held_and_not_refused(plane, sink):
    """>> pull << 403 of a suspended flow: said apart from a refusal, once, and what has come stays."""
    with plane.path.open("wb") as file:
        file.truncate(64_000_000)
    rests = []

    def rest(size):
        if not rests:
            rests.append(asyncio.ensure_future(plane.move(flows.suspend)))

    with pytest.raises(Refusal) as caught:
        await pulling.pull(plane.client, plane.address(), sink, progress=rest, retry=QUICK)
    assert caught.value.code == "dataplane.peer-holds"
    assert caught.value.reasons["de"] == ["Der Zugang zu diesen Daten ist zurzeit ausgesetzt."]
    assert 0 < part(sink).stat().st_size < 64_000_000


async def test_a_flow_that_ends_while_pulled_is_refused(plane, sink):
    """The cut is followed by a try that hears why."""
    with plane.path.open("wb") as file:
        file.truncate(64_000_000)
    ended = []

    def end(size):
        if not ended:
            ended.append(asyncio.ensure_future(plane.move(flows.terminate)))

    with pytest.raises(Refusal) as caught:
        await pulling.pull(plane.client, plane.address(), sink, progress=end, retry=QUICK)
    assert caught.value.reasons["de"] == ["Der Zugang zu diesen Daten ist beendet."]


ODD = [
    b"",
    b"{",
    b"[]",
    b'{"code":["dataplane.suspended"]}',
    b'{"reason":"x"}',
    b'{"reason":[1,2]}',
    b"[" * 9000,
    b"x" * 100_000,
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
async def test_an_odd_refusal_is_still_one(client, upstream, sink, body):
    """Whatever the body is, 403 is a refusal."""

    async def refuse(request):
        return web.Response(status=403, body=body)

    with pytest.raises(Refusal) as caught:
        await pulling.pull(client, Address(await upstream(refuse), "t"), sink)
    assert (caught.value.code, caught.value.reasons) == ("dataplane.peer-refused", {})


def test_a_sentence_is_one_bounded_line():
    """Control and direction characters become spaces."""
    assert plain("a\x1b[31m\u202eb\r\nc") == "a [31m b c"
    assert len(plain("x" * 5000)) == 1000


@pytest.mark.threat("T21")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_token_follows_no_redirect(client, upstream, sink, status):
    """Another origin never sees it."""
    thief = Provider(DATA)
    elsewhere = await upstream(thief)

    async def send_away(request):
        return web.Response(status=status, headers={"Location": elsewhere})

    with pytest.raises(PeerError):
        await pulling.pull(client, Address(await upstream(send_away), "secret"), sink)
    assert thief.seen == []


@pytest.mark.threat("T21")
async def test_the_token_is_in_no_text(plane, sink, caplog):
    """Neither in logs of either side, nor in errors, nor in the address's own text."""
    caplog.set_level(0)
    await pulling.pull(plane.client, plane.address(), sink)
    await plane.move(flows.terminate)
    with pytest.raises(Refusal) as caught:
        await pulling.pull(plane.client, plane.address(), FileSink(sink.path.parent, "other"))
    shown = caplog.text + repr(caught.value) + str(caught.value) + repr(plane.address()) + str(plane.address())
    assert plane.token not in shown


async def test_only_https_gets_the_token(sink):
    """The session of production refuses plain http before it connects."""
    strict = pulling.SafeClient(allow=["127.0.0.0/8"])
    with pytest.raises(PeerError):
        await pulling.pull(strict, Address("http://127.0.0.1:9/data", "t"), sink)
    await strict.close()


@pytest.mark.parametrize("status", [400, 401, 404, 410, 204])
async def test_other_answers_are_the_peers_mistake(client, upstream, sink, status):
    """No retry helps."""
    asked = []

    async def answer(request):
        asked.append(1)
        return web.Response(status=status)

    with pytest.raises(PeerError):
        await pulling.pull(client, Address(await upstream(answer), "t"), sink)
    assert asked == [1]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_peer_is_asked_again(client, upstream, sink, status):
    """As often as agreed, then it counts as out of reach."""
    asked = []

    async def answer(request):
        asked.append(1)
        return web.Response(status=status)

    with pytest.raises(Unavailable):
        await pulling.pull(client, Address(await upstream(answer), "t"), sink, retry=QUICK)
    assert len(asked) == 3


@pytest.mark.parametrize("place", ["bytes 5-9/10", "bytes 0-9/10", "", "bytes 3-5/10"])
async def test_bytes_of_another_place_are_not_joined(client, upstream, sink, place):
    """A 206 must continue exactly where we are, up to the end."""
    sink.path.parent.mkdir()
    part(sink).write_bytes(b"abc")
    part(sink).with_name("trees.geojson.part.version").write_text('"v1"')

    async def answer(request):
        return web.Response(status=206, body=b"x", headers={"ETag": '"v1"', "Content-Range": place})

    with pytest.raises(PeerError, match="range"):
        await pulling.pull(client, Address(await upstream(answer), "t"), sink)


async def test_more_than_the_limit_is_refused(plane, folder):
    """An endless stream does not fill the disk."""
    with pytest.raises(PeerError, match="too-large"):
        await pulling.pull(plane.client, plane.address(), FileSink(folder, "trees", limit=1_000_000))
    assert (folder / "trees.part").stat().st_size <= 1_000_000


async def test_a_full_disk_is_said_and_not_retried(client, upstream, sink):
    """A file that can grow no further: Unavailable in words after one try; what is there stays."""
    provider = Provider(DATA)
    url = await upstream(provider)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, before[1]))
    try:
        with pytest.raises(Unavailable, match="disk-full"):
            await pulling.pull(client, Address(url, "t"), sink, retry=QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (len(provider.seen), part(sink).stat().st_size) == (1, 1_200_000)


@pytest.mark.threat("T14")
async def test_what_is_packed_stays_packed(client, upstream, sink):
    """A gzip answer is stored as it came: 200 kB stay 200 kB."""

    async def bomb(request):
        return web.Response(body=b"\x1f\x8b" + b"\0" * 200_000, headers={"Content-Encoding": "gzip"})

    got = await pulling.pull(client, Address(await upstream(bomb), "t"), sink)
    assert got.bytes == 200_002


async def test_bug_a_pull_that_was_cut_while_its_file_was_opened_left_it_open(client, sink, monkeypatch) -> None:
    """>> the thread opens the file, and whoever ends the transfer cuts meanwhile << closed once it is open."""
    begun, goes_on, opens = asyncio.Event(), threading.Event(), sink.open
    loop = asyncio.get_running_loop()

    def slowly() -> None:
        loop.call_soon_threadsafe(begun.set)
        goes_on.wait()
        opens()

    monkeypatch.setattr(sink, "open", slowly)
    pulling_it = asyncio.create_task(pulling.pull(client, Address("https://127.0.0.1:9/", ""), sink))
    await begun.wait()
    pulling_it.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await pulling_it
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # what is shielded ends by itself
    assert str(part(sink)) not in map(os.readlink, held())


def held():
    """The files that this process has open."""
    found = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return [path for path in found if os.path.islink(path)]
