"""Resolving DIDs: what is fetched, kept, and asked for again."""

import asyncio
from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.trust.did.resolver import Resolver
from tests.identity.trust.did.stage import DID, ROOT, Web, heard, keys, made


async def test_good_documents_are_kept_ten_minutes_and_no_longer(
    web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """>> asked 100 times << fetched once; after ten minutes << again, and if that fails nothing stale is served."""
    web.put(made(keys()))
    for _ in range(100):
        await resolver.document(DID)
    assert len(web.fetched) == 1
    clock.advance(599_999)
    await resolver.document(DID)
    assert len(web.fetched) == 1
    clock.advance(1)
    web.pages.clear()
    with pytest.raises(Unavailable):
        await resolver.document(DID)


@pytest.mark.threat("T16")
async def test_failures_are_kept_half_a_minute(web: Web, resolver: Resolver, clock: FakeClock) -> None:
    """>> a peer that is away, asked 100 times << one fetch; after 30 s << one more."""
    for _ in range(100):
        with pytest.raises(Unavailable, match="unreachable"):
            await resolver.document(DID)
    assert len(web.fetched) == 1
    clock.advance(30_000)
    web.put(made(keys()))
    await resolver.document(DID)
    assert len(web.fetched) == 2


@pytest.mark.threat("T16")
async def test_bug_a_peer_that_came_up_was_refused_for_half_a_minute(
    web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """We asked while it was starting; now it calls, which it could not if it were down."""
    with pytest.raises(Unavailable):
        await resolver.document(DID)
    web.put(made(keys()))
    clock.advance(1_000)
    with pytest.raises(Unavailable):
        await resolver.document(DID)  # of our own accord we do not ask again
    found = await resolver.of_caller(DID)
    assert found is await resolver.document(DID)
    assert len(web.fetched) == 2


@pytest.mark.threat("T16")
async def test_a_caller_with_a_newer_key_is_looked_at_again(web: Web, resolver: Resolver, clock: FakeClock) -> None:
    """>> known keys, and two new ones one after the other << asked at once, for a new key alone."""
    old, new, newer = keys("peer", "agent", "peer")
    web.put(made([old]))
    await resolver.document(DID)
    web.put(made([old, new]))
    await resolver.of_caller(DID, old.kid)
    await resolver.of_caller(DID, "#" + old.kid.partition("#")[2])
    await resolver.of_caller(DID)
    assert len(web.fetched) == 1
    assert (await resolver.of_caller(DID, new.kid)).key(new.kid, "capabilityInvocation") == new.public_jwk
    web.put(made([old, newer]))
    clock.advance(999)
    assert not (await resolver.of_caller(DID, newer.kid)).names(newer.kid, "capabilityInvocation")
    clock.advance(1)
    both = await asyncio.gather(*(resolver.of_caller(DID, newer.kid) for _ in range(5)))
    assert all(one.names(newer.kid, "capabilityInvocation") for one in both)
    assert len(web.fetched) == 3


@pytest.mark.threat("T16")
async def test_calls_with_invented_keys_make_us_ask_twice_a_minute_and_take_nothing_away(
    web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """>> anybody << a call each second in the name of a member, whose host is away now and then."""
    old = keys("peer")[0]
    web.put(made([old]))
    kept = await resolver.document(DID)
    for second in range(120):
        if second == 60:
            web.pages.clear()
        assert (await resolver.of_caller(DID, f"{DID}#k{second}")) is kept
        clock.advance(1_000)
    assert len(web.fetched) == 1 + 4


@pytest.mark.threat("T16")
async def test_forged_calls_make_us_ask_each_host_once_a_second_and_all_ten_times(
    web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """>> anybody << thousands of calls in the names of members whose hosts are down."""
    dids = [f"did:web:host{n}.de" for n in range(50)]

    async def forged(seconds: int) -> int:
        before = len(web.fetched)
        for _ in range(seconds * 100):
            clock.advance(10)
            for did in dids:
                with pytest.raises(Unavailable):
                    await resolver.of_caller(did)
        return len(web.fetched) - before

    assert await forged(1) == 50  # as often as ever
    assert await forged(3) == 30
    del dids[1:]
    assert await forged(3) == 3


@pytest.mark.threat("T16")
async def test_invented_keys_of_many_members_make_us_look_ten_times_a_second(
    web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """>> anybody << calls in the names of fifty members that are known, each with a key that none of them has."""
    dids = [f"did:web:host{n}.de" for n in range(50)]
    for did in dids:
        web.put({**made(keys()), "id": did}, did)
        await resolver.document(did)
    before = len(web.fetched)
    for _ in range(100):
        clock.advance(10)
        for did in dids:
            await resolver.of_caller(did, f"{did}#invented")
    assert len(web.fetched) - before == 10


@pytest.mark.threat("T16")
async def test_no_more_than_some_documents_are_kept(
    web: Web, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a name more than are kept << the one that was not fetched for longest is forgotten: names cost nothing."""
    monkeypatch.setattr("connector.identity.trust.did.resolver.MOST", 3)
    for name in ("a", "b", "c", "d", "d", "a"):
        with pytest.raises(Unavailable):
            await resolver.document(f"did:web:{name}.de")
    assert [url.split("/")[2] for url in web.fetched] == ["a.de", "b.de", "c.de", "d.de", "a.de"]


@pytest.mark.parametrize("page", [b"{}", PeerError("http.address-refused", host="x")])
async def test_calling_makes_nobody_better_who_was_refused_for_what_he_is(
    page: bytes | HanseError, web: Web, resolver: Resolver, clock: FakeClock
) -> None:
    """An odd document, an address within our walls: only what could not be had is asked for again."""
    web.put(page) if isinstance(page, bytes) else web.pages.update({f"{ROOT}/.well-known/did.json": page})
    for _ in range(3):
        with pytest.raises(PeerError):
            await resolver.of_caller(DID)
        clock.advance(5_000)
    assert len(web.fetched) == 1


async def test_many_at_once_fetch_once(web: Web, resolver: Resolver) -> None:
    """>> 50 requests from one unknown peer << one fetch; one that gives up takes it from nobody."""
    web.put(made(keys()))
    web.gate.clear()
    asking = [asyncio.create_task(resolver.document(DID)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    web.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert len(web.fetched) == 1
    assert isinstance(answers[0], asyncio.CancelledError)
    assert len({id(answer) for answer in answers[1:]}) == 1


@pytest.mark.threat("T08")
async def test_a_document_forgotten_while_it_was_fetched_is_fetched_again(clock: FakeClock) -> None:
    """Past bug: >> a key is withdrawn while the old document is on its way << the new one, kept; nobody is on hold."""
    old, new = made(keys()), keys()
    gates = [asyncio.Event(), asyncio.Event()]

    class Slow(Web):
        async def get(self, url: str, **limits: Any) -> Answer:
            page = await Web.get(self, url)
            await gates[len(self.fetched) - 1].wait()
            return page

    slow, changes = Slow(), list[object]()
    resolver = heard(Resolver(slow, clock), changes)
    slow.put(old)
    before = asyncio.create_task(resolver.document(DID))
    while not slow.fetched:
        await asyncio.sleep(0)
    resolver.forget(DID)
    slow.put(made(new))
    after = asyncio.create_task(resolver.document(DID))
    while len(slow.fetched) < 2:
        await asyncio.sleep(0)
    for gate in reversed(gates):  # the answer that is no longer true comes last
        gate.set()
        await asyncio.sleep(0.01)
    found = [await before, await after, await resolver.document(DID)]
    assert [one.key(new[0].kid, "authentication") for one in found] == [new[0].public_jwk] * 3
    assert (changes, resolver.on_hold(DID), len(slow.fetched)) == ([], False, 2)


@pytest.mark.threat("T02")
async def test_bad_dids_are_never_fetched(web: Web, resolver: Resolver) -> None:
    """>> IP literals, odd ports, other methods << refused without a request."""
    for did in ("did:web:169.254.169.254", "did:web:a.de%3A22", "did:key:z6Mk", "did:web:a.de:..", ""):
        with pytest.raises(PeerError):
            await resolver.document(did)
    assert web.fetched == []


async def test_an_error_answer_is_unavailable(web: Web, resolver: Resolver) -> None:
    """>> 404, 302, 500 << not now."""
    for status in (404, 302, 500):
        web.put(made(keys()), status=status)
        resolver.forget(DID)
        with pytest.raises(Unavailable, match="did-unreachable"):
            await resolver.document(DID)


async def test_participants_of_this_process_need_no_http(web: Web, clock: FakeClock) -> None:
    """>> a DID of ours << answered from the loader, always fresh."""
    own = {DID: made(keys())}
    resolver = Resolver(web, clock, local=lambda did: own.get(did))
    first = await resolver.document(DID)
    own[DID] = made(keys())
    assert (await resolver.document(DID)).raw != first.raw
    assert web.fetched == []
    assert resolver.known(DID) is await resolver.document(DID)


async def test_what_is_known_is_told_without_asking_anybody(web: Web, resolver: Resolver, clock: FakeClock) -> None:
    """>> never asked for, fetched, too old, refused << nothing, the document, nothing, nothing; no fetch for it."""
    web.put(made(keys()))
    assert resolver.known(DID) is None
    document = await resolver.document(DID)
    assert resolver.known(DID) is document
    clock.advance(600_000)
    assert resolver.known(DID) is None
    web.pages.clear()
    with pytest.raises(Unavailable):
        await resolver.document(DID)
    assert resolver.known(DID) is None
    assert resolver.known("did:key:z6Mk") is None
    assert len(web.fetched) == 2
