"""Resolving DIDs: what is read leniently, checked strictly, kept, held back."""

import asyncio
import json
from typing import Any

import pytest

from connector.clock import FakeClock
from connector.errors import HanseError, PeerError, Unauthenticated, Unavailable
from connector.http.address import LONGEST
from connector.http.outbound import Answer
from connector.trust.did import documents
from connector.trust.did.did import VERSION_PATH, Did, document
from connector.trust.did.documents import read_document
from connector.trust.did.resolver import Resolver
from connector.trust.keys.signing import KeyRecord, SoftwareKey

DID = "did:web:daten.stadt.de"
ROOT = "https://daten.stadt.de"


class Web:
    """Serves documents by URL and counts what is fetched."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | HanseError] = {}
        self.fetched: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def put(self, value: object, did: str = DID, status: int = 200) -> None:
        host = did.removeprefix("did:web:")
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.pages[f"https://{host}/.well-known/did.json"] = Answer(status, {}, body)

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        self.fetched.append(url)
        await self.gate.wait()
        page = self.pages.get(url, Unavailable("http.unreachable", host="x"))
        if isinstance(page, HanseError):
            raise page
        return page


def keys(*purposes: Any) -> list[KeyRecord]:
    return [SoftwareKey.generate(purpose, DID).record() for purpose in purposes or ("peer", "seal")]


def made(records: list[KeyRecord]) -> dict[str, object]:
    return document(Did(DID), ROOT, records)


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def changes() -> list[tuple[str, frozenset[str], frozenset[str]]]:
    return []


def heard(resolver: Resolver, changes: list[Any]) -> Resolver:
    """The holds that begin are noted; the keys seen are not."""
    resolver.listen(lambda *change: changes.append(change), lambda did, keys: None)
    return resolver


@pytest.fixture
def resolver(web: Web, clock: FakeClock, changes: list[Any]) -> Resolver:
    return heard(Resolver(web, clock), changes)


async def test_a_document_gives_keys_by_relation_and_services_by_type(web: Web, resolver: Resolver) -> None:
    """>> did << peer key for authentication, seal key for assertions, never crosswise."""
    peer, seal = records = keys()
    web.put(made(records))
    found = await resolver.document(DID)
    assert found.key(peer.kid, "authentication") == found.key(peer.kid, "capabilityInvocation") == peer.public_jwk
    assert found.key(seal.kid, "assertionMethod") == seal.public_jwk
    assert found.root == ROOT
    assert found.service("EvidenceService") == f"{ROOT}/evidence"
    for kid, relation in (
        (peer.kid, "assertionMethod"),
        (seal.kid, "authentication"),
        (seal.kid, "capabilityInvocation"),
        (f"{DID}#none", "authentication"),
        (None, "authentication"),
        (peer.kid, "keyAgreement"),
    ):
        with pytest.raises(Unauthenticated):
            found.key(kid, relation)


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


BROKEN: dict[str, Any] = {
    "not JSON": b"<html>",
    "a list": [],
    "another's": {"id": "did:web:other.de"},
    "no id": {},
    "methods no list": {"id": DID, "verificationMethod": {}},
    "method no object": {"id": DID, "verificationMethod": ["x"]},
    "method without id": {"id": DID, "verificationMethod": [{"type": "JsonWebKey2020"}]},
    "id twice": {"id": DID, "verificationMethod": [{"id": "#a"}, {"id": f"{DID}#a"}]},
    "key no object": {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyJwk": "x"}]},
    "key without type": {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyJwk": {}}]},
    "relation no list": {"id": DID, "authentication": "#a"},
    "relation of numbers": {"id": DID, "authentication": [1]},
    "service without type": {"id": DID, "service": [{"serviceEndpoint": "https://a.de"}]},
    "too many methods": {"id": DID, "verificationMethod": [{"id": f"#{n}"} for n in range(101)]},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_documents_are_refused(name: str, web: Web, resolver: Resolver) -> None:
    """>> not a document, or another's << `PeerError` that names the DID."""
    web.put(BROKEN[name])
    with pytest.raises(PeerError, match="did-document"):
        await resolver.document(DID)


async def test_an_error_answer_is_unavailable(web: Web, resolver: Resolver) -> None:
    """>> 404, 302, 500 << not now."""
    for status in (404, 302, 500):
        web.put(made(keys()), status=status)
        resolver.forget(DID)
        with pytest.raises(Unavailable, match="did-unreachable"):
            await resolver.document(DID)


def test_what_others_write_is_read_leniently() -> None:
    """Embedded methods, relative ids, foreign key formats, service ids that are no URI, any context."""
    jwk = SoftwareKey.generate("peer", DID).public_jwk
    found = read_document(
        Did(DID),
        {
            "@context": "https://w3id.org/dspace-dcp/v1.0",
            "id": DID,
            "verificationMethod": [
                {"id": "#k", "type": "X", "publicKeyJwk": jwk},
                {"id": "#m", "publicKeyMultibase": "z6"},
            ],
            "authentication": [f"{DID}#k", "#m", "#unknown"],
            "capabilityInvocation": [{"id": "#e", "publicKeyJwk": jwk}],
            "service": [{"id": "Some-Service", "type": ["X", "DataService"], "serviceEndpoint": "https://a.de/c/"}],
        },
    )
    assert found.key(f"{DID}#k", "authentication") == found.key("#k", "authentication") == jwk
    assert found.key(f"{DID}#e", "capabilityInvocation") == jwk
    assert found.root == "https://a.de/c"
    for kid in ("#m", "#unknown", "#e"):
        with pytest.raises(Unauthenticated):
            found.key(kid, "authentication")


def test_without_a_kid_only_a_single_method_counts() -> None:
    """The one exception that the token rules know."""
    single = read_document(Did(DID), made(keys("peer")))
    assert single.key(None, "authentication")["kty"] == "EC"
    with pytest.raises(Unauthenticated):
        read_document(Did(DID), made(keys("peer", "peer"))).key(None, "authentication")


def test_a_foreign_key_may_not_slip_in() -> None:
    """>> another DID's method, an embedded key under a listed id << not found, refused."""
    jwk, evil = (SoftwareKey.generate("peer", DID).public_jwk for _ in range(2))
    other = {"id": "did:web:evil.de#k", "publicKeyJwk": evil}
    found = read_document(Did(DID), {"id": DID, "verificationMethod": [other], "authentication": ["did:web:evil.de#k"]})
    with pytest.raises(Unauthenticated):
        found.key("did:web:evil.de#k", "authentication")
    with pytest.raises(PeerError):
        read_document(
            Did(DID),
            {
                "id": DID,
                "verificationMethod": [{"id": "#k", "publicKeyJwk": jwk}],
                "authentication": [{"id": "#k", "publicKeyJwk": evil}],
            },
        )


@pytest.mark.threat("T108")
@pytest.mark.parametrize("embedded", [True, False])
def test_a_key_that_another_controls_signs_tokens_and_no_seals(embedded: bool) -> None:
    """>> an agent's key in all three relations, by name or as an object << found for tokens, never as assertion."""
    jwk = SoftwareKey.generate("agent", DID).public_jwk
    method = {"id": "#op", "controller": "did:web:it.example", "publicKeyJwk": jwk}
    named = [method] if embedded else ["#op"]
    found = read_document(
        Did(DID),
        {
            "id": DID, "verificationMethod": [] if embedded else [method],
            **dict.fromkeys(("authentication", "capabilityInvocation", "assertionMethod"), named),
        },
    )  # fmt: skip
    assert found.key("#op", "capabilityInvocation") == found.key("#op", "authentication") == jwk
    with pytest.raises(Unauthenticated):
        found.key("#op", "assertionMethod")


@pytest.mark.parametrize(
    "endpoint", ["http://a.de", "https://127.0.0.1:22/", "https://a@b.de", "x", "https://a.de/?x=1"]
)
def test_a_root_that_we_would_not_call_is_none(endpoint: str) -> None:
    """>> http, odd port, user info << no root: an operator has to enter one."""
    services = [{"id": "x", "type": "DataService", "serviceEndpoint": endpoint}]
    assert read_document(Did(DID), {"id": DID, "service": services}).root is None


@pytest.mark.threat("T112")
def test_bug_roots_of_any_length_were_kept() -> None:
    """>> the longest root with the path of versions behind it, one sign more << it is kept; that is none."""
    documents._root.cache_clear()
    for more, root in (("", longest := "https://a.de/".ljust(LONGEST, "x")), ("x", None)):
        services = [{"id": "x", "type": "DataService", "serviceEndpoint": longest + more + VERSION_PATH}]
        assert read_document(Did(DID), {"id": DID, "service": services}).root == root
    assert documents._root.cache_info().currsize == 1


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
