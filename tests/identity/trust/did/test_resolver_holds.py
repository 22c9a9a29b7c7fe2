"""A peer whose keys change is held back until somebody vouches for the new ones."""

from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.identity.trust.did.resolver import Resolver
from tests.identity.trust.did.stage import DID, Web, heard, keys, made


@pytest.mark.threat("T08")
async def test_exchanged_keys_that_a_caller_shows_end_nothing_before_the_list_has_spoken(
    web: Web, resolver: Resolver, clock: FakeClock, changes: list[Any]
) -> None:
    """A mandate exchanges the key of tokens, and the list that vouches for the new one comes a second later.

    << no hold and no alarm; what was kept is believed for its time, and a hold begins when that is over."""
    old, new = keys("peer", "agent")
    web.put(made([old]))
    kept = await resolver.document(DID)
    web.put(made([new]))
    assert await resolver.of_caller(DID, new.kid) is kept
    assert not changes
    clock.advance(600_000)
    with pytest.raises(Unavailable):
        await resolver.of_caller(DID, new.kid)
    assert len(changes) == 1


async def test_calling_ends_no_hold_and_no_kept_document(web: Web, resolver: Resolver, clock: FakeClock) -> None:
    web.put(made(keys()))
    await resolver.of_caller(DID)
    web.put(made(keys()))
    clock.advance(300_000)
    await resolver.of_caller(DID)
    assert len(web.fetched) == 1
    clock.advance(300_000)
    for _ in range(3):
        with pytest.raises(Unavailable) as held:
            await resolver.of_caller(DID)
        assert held.value.code == "trust.key-change"
        clock.advance(5_000)
    assert len(web.fetched) == 2


@pytest.mark.threat("T08")
async def test_keys_exchanged_without_overlap_put_the_peer_on_hold(
    web: Web, resolver: Resolver, clock: FakeClock, changes: list[Any]
) -> None:
    """>> all new peer keys at once << hold and one alarm, also later; an operator accepts << goes on."""
    seal = keys("seal")
    web.put(made(keys("peer") + seal))
    await resolver.document(DID)
    web.put(made(keys("peer") + seal))
    for _ in range(3):
        clock.advance(600_000)
        with pytest.raises(Unavailable, match="key-change"):
            await resolver.document(DID)
    assert [change[0] for change in changes] == [DID]
    resolver.accept(DID)
    await resolver.document(DID)


@pytest.mark.threat("T08")
async def test_bug_a_peer_on_hold_filled_every_log_with_alarms(
    web: Web, resolver: Resolver, clock: FakeClock, changes: list[Any]
) -> None:
    """>> other keys at each look, for an hour << one alarm; >> the old ones, the same new ones << on hold, and told."""
    seal, old = keys("seal"), keys("peer")
    web.put(made(old + seal))
    await resolver.document(DID)
    clock.advance(600_000)
    for _ in range(120):
        web.put(made((new := keys("peer")) + seal))
        with pytest.raises(Unavailable, match="key-change"):
            await resolver.document(DID)
        clock.advance(30_000)
    assert len(changes) == 1
    for count in (2, 3):
        web.put(made(old + seal))
        await resolver.document(DID)
        clock.advance(600_000)
        web.put(made(new + seal))
        with pytest.raises(Unavailable, match="key-change"):
            await resolver.document(DID)
        assert len(changes) == count
        clock.advance(30_000)


@pytest.mark.threat("T08")
async def test_the_same_name_over_another_key_is_another_key(web: Web, resolver: Resolver, clock: FakeClock) -> None:
    """>> the old key id with a new key behind it << hold."""
    old, new = keys("peer"), keys("peer")
    web.put(made(old))
    await resolver.document(DID)
    forged = made(old)
    forged["verificationMethod"] = [
        {"id": old[0].kid, "type": "JsonWebKey2020", "controller": DID, "publicKeyJwk": dict(new[0].public_jwk)}
    ]
    web.put(forged)
    clock.advance(600_000)
    with pytest.raises(Unavailable, match="key-change"):
        await resolver.document(DID)


@pytest.mark.threat("T08")
async def test_rotation_with_overlap_and_vouched_keys_pass(web: Web, clock: FakeClock, changes: list[Any]) -> None:
    """>> old, old and new, new << no alarm; >> a jump to keys on the trust list << no alarm either."""
    first, second, third = keys("peer"), keys("peer"), keys("peer")
    listed = frozenset({str(third[0].public_jwk["kid"])})
    resolver = heard(Resolver(web, clock, vouched=lambda _: listed), changes)
    for records in (first, first + second, second, third):
        web.put(made(records))
        await resolver.document(DID)
        clock.advance(600_000)
    assert changes == []


@pytest.mark.threat("T146")
@pytest.mark.threat("T08")
async def test_bug_a_list_of_a_neighbour_kept_a_peer_on_hold_for_all(
    web: Web, clock: FakeClock, changes: list[Any]
) -> None:
    """Bug: >> exchanged keys for which the list of a town vouches, while a neighbour's own list names the peer without
    keys << on hold for everybody, until an operator came. For the town it goes on; for the neighbour, and where nobody
    asks for somebody, it is held; a list that vouches for other keys than those that are served ends nothing."""
    own, foul, (new,) = "did:web:town", "did:web:foul", keys("peer")
    lists = {own: frozenset({new.thumbprint}), foul: frozenset[str](), "": frozenset[str]()}

    def vouched(did: str, own: str = "") -> frozenset[str]:
        return lists[own]

    resolver = Resolver(web, clock, vouched=vouched)
    heard(resolver, changes)
    seal = keys("seal")
    web.put(made([*keys("peer"), *seal]))
    await resolver.document(DID, own)
    web.put(made([new, *seal]))
    clock.advance(600_000)
    for _ in range(2):
        assert (await resolver.document(DID, own)).key(new.kid, "capabilityInvocation")
        assert (await resolver.of_caller(DID, new.kid, own)).key(new.kid, "capabilityInvocation")
        for other in (foul, ""):
            with pytest.raises(Unavailable, match="key-change"):
                await resolver.of_caller(DID, new.kid, other)
        clock.advance(30_000)
    assert [resolver.on_hold(DID, one) for one in (own, foul, "")] == [False, True, True]
    lists[own] = frozenset({"another"})
    with pytest.raises(Unavailable, match="key-change"):
        await resolver.document(DID, own)
    resolver.accept(DID)
    assert (await resolver.document(DID, foul)).key(new.kid, "capabilityInvocation")
    assert not resolver.on_hold(DID, foul)
