"""The trust list is kept current and only ever moves forward, restarts included (spec/trust.md 4.2, 4.3)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.foundation.clock import FakeClock, SystemClock, rfc3339
from connector.foundation.errors import Mistake, PeerError, Unauthenticated, Unavailable
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members import source
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.source import LARGE, TrustListSource, checked_url
from connector.identity.trust.members.space_lists import SpaceLists
from connector.identity.trust.members.trust_list import Anchor, Entry, MergedInto, TrustList, read_list
from tests.testkit.patience import PATIENCE_S

NOW = SystemClock().now()
MEMBER = Entry(
    did="did:web:a.example",
    name="A",
    operator="A",
    kind="urn:kind",
    groups=(),
    state="active",
    valid_from="2020-01-01T00:00:00Z",
)


@pytest.fixture
def authority(tmp_path: Path, vault: Vault) -> Authority:
    return Authority.create(tmp_path / "authority", vault)


def issued(authority: Authority, version: int, *members: Entry, life_ms: int = 10**9) -> str:
    return authority.issue(
        TrustList(
            version=version,
            issued=rfc3339(NOW),
            next_update=rfc3339(NOW + life_ms),
            authority=authority.id,
            participants=members,
        )
    )


class Place:
    """A trust list file and the services that a process makes of it; `process` is a restart."""

    def __init__(self, db: Database, file: Path, authority: Authority) -> None:
        self._db, self.file, self._authority = db, file, authority

    def write(self, jws: str) -> None:
        self.file.write_text(jws, encoding="utf-8")

    async def process(self, url: str = "", client: SafeClient | None = None) -> tuple[Anchor, TrustListSource]:
        anchor = Anchor(self._authority.public_jwk)
        listing = TrustListSource(self._db, anchor, client or SafeClient(), self.file, url)
        await listing.start()
        return anchor, listing


@pytest.fixture
def place(any_db: Database, tmp_path: Path, authority: Authority) -> Place:
    return Place(any_db, tmp_path / "list.jws", authority)


async def test_a_newer_list_is_taken_and_an_older_one_refused(place: Place, authority: Authority) -> None:
    """>> 2 << in force; >> 3 << in force; >> 2 << refused, 3 stays."""
    place.write(issued(authority, 2, MEMBER))
    anchor, listing = await place.process()
    assert anchor.version == 2
    place.write(issued(authority, 3))
    assert await listing.reload() == 3
    place.write(issued(authority, 2, MEMBER))
    with pytest.raises(PeerError, match=r"trust\.list-rollback"):
        await listing.reload()
    assert anchor.version == 3
    assert anchor.entry(MEMBER.did) is None


@pytest.mark.threat("T07")
async def test_not_even_a_restart_brings_an_older_list_back(place: Place, authority: Authority) -> None:
    """>> 5 with a member struck off, then the file goes back to 4, then a restart << 5 is in force still."""
    place.write(issued(authority, 5))
    await place.process()
    place.write(issued(authority, 4, MEMBER))
    anchor, _ = await place.process()
    assert anchor.version == 5
    with pytest.raises(Unauthenticated):
        anchor.member(MEMBER.did, NOW)


@pytest.mark.threat("T07")
async def test_a_list_that_could_not_be_kept_is_kept_at_the_next_look(
    place: Place, authority: Authority, any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a list in force while the disk is full, a later look, a restart with an older file << the newer one."""
    place.write(issued(authority, 4, MEMBER))
    _, listing = await place.process()
    place.write(issued(authority, 5))

    async def full(*args: object) -> None:
        raise Unavailable("storage.full")

    with monkeypatch.context() as patch:
        patch.setattr(any_db, "write", full)
        with pytest.raises(Unavailable):
            await listing.reload()
    await listing.reload()
    place.write(issued(authority, 4, MEMBER))
    anchor, _ = await place.process()
    assert anchor.version == 5


@pytest.mark.threat("T07")
async def test_bug_a_kept_list_that_a_look_overtook_was_a_rollback(
    place: Place, authority: Authority, any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> another replica has kept 3; while it is read, a look takes 4 << 4 stays, and nothing is raised."""
    place.write(issued(authority, 2, MEMBER))
    _, replica = await place.process()
    anchor, listing = await place.process()
    place.write(issued(authority, 3))
    await replica.reload()
    read = any_db.read

    async def overtaken(*asked: Any) -> Any:
        found = await read(*asked)
        monkeypatch.undo()
        place.write(issued(authority, 4))
        await listing.reload()
        return found

    monkeypatch.setattr(any_db, "read", overtaken)
    await listing.catch_up()
    assert anchor.version == 4


async def test_another_list_of_the_same_version_is_refused(place: Place, authority: Authority) -> None:
    """>> two lists numbered 5, with a restart between << the first one counts."""
    place.write(issued(authority, 5))
    await place.process()
    place.write(issued(authority, 5, MEMBER))
    anchor, listing = await place.process()
    assert anchor.entry(MEMBER.did) is None
    with pytest.raises(PeerError, match=r"trust\.list-fork"):
        await listing.reload()


CONTENTS: dict[str, Callable[[Authority], str]] = {
    "empty": lambda authority: "",
    "no list": lambda authority: "hello",
    "not ASCII": lambda authority: "ä.ö.ü",
    "unsigned": lambda authority: issued(authority, 9).rpartition(".")[0] + ".",
    "cut": lambda authority: issued(authority, 9)[:-10],
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
async def test_a_broken_file_leaves_the_old_list_in_force(
    place: Place, authority: Authority, content: Callable[[Authority], str]
) -> None:
    """>> 1, then a file that is no list << refused, 1 stays; also after a restart."""
    place.write(issued(authority, 1, MEMBER))
    anchor, listing = await place.process()
    place.write(content(authority))
    with pytest.raises(PeerError):
        await listing.reload()
    assert anchor.version == 1
    again, _ = await place.process()
    assert again.version == 1
    assert again.member(MEMBER.did, NOW) == MEMBER


async def test_another_authoritys_list_is_none(place: Place, tmp_path: Path, vault: Vault) -> None:
    """>> a list signed by somebody else << nobody belongs; the pinned key alone counts."""
    place.write(issued(Authority.create(tmp_path / "other", vault), 1, MEMBER))
    anchor, _ = await place.process()
    assert anchor.version == 0
    with pytest.raises(Unauthenticated):
        anchor.member(MEMBER.did, NOW)
    assert not anchor.fresh(NOW)


async def test_without_any_list_the_process_starts_and_nobody_belongs(place: Place) -> None:
    """>> no file << a start all the same, so that an operator can mend it; a reload says what is missing."""
    anchor, listing = await place.process()
    assert anchor.version == 0
    with pytest.raises(Mistake, match=r"trust\.list-file"):
        await listing.reload()


async def test_a_stale_list_names_members_but_opens_nothing_new(place: Place, authority: Authority) -> None:
    """Past nextUpdate: members are still known, new negotiations are not."""
    place.write(issued(authority, 1, MEMBER, life_ms=1000))
    anchor, _ = await place.process()
    assert anchor.fresh(NOW)
    assert not anchor.fresh(NOW + 5000)
    assert anchor.member(MEMBER.did, NOW + 5000) == MEMBER


class Web(SafeClient):
    """Gives one answer for every address."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer, self.asked = answer, list[str]()

    async def get(self, url: str, **kw: object) -> Answer:  # type: ignore[override]
        self.asked.append(url)
        return self.answer


async def test_from_an_address_the_same_rules_hold(place: Place, authority: Authority) -> None:
    """>> https << taken; >> 500 << unreachable, the old list stays."""
    web = Web(Answer(200, {}, issued(authority, 4, MEMBER).encode() + b"\n"))
    anchor, listing = await place.process("https://trust.example/list", web)
    assert (anchor.version, web.asked) == (4, ["https://trust.example/list"])
    web.answer = Answer(500, {}, b"")
    with pytest.raises(Unavailable, match=r"trust\.list-unreachable"):
        await listing.reload()
    web.answer = Answer(200, {}, b"\xff\xfe")
    with pytest.raises(PeerError):
        await listing.reload()
    assert anchor.version == 4


@pytest.mark.parametrize("url", ["http://a.example/list", "file:///etc/passwd", "a.example"])
def test_the_address_is_https_and_the_key_is_pinned(url: str) -> None:
    assert checked_url("", {}) == ""
    assert checked_url("https://a.example/list", {"kty": "EC"}) == "https://a.example/list"
    for bad, key in ((url, {"kty": "EC"}), ("https://a.example/list", {})):
        with pytest.raises(Mistake, match=r"trust\.list-url"):
            checked_url(bad, key)


async def test_who_is_named_otherwise_than_before_is_told_of(
    any_db: Database, tmp_path: Path, authority: Authority
) -> None:
    """>> first list << nobody; >> a member suspended, one added, one unchanged << the first two; >> again << nobody."""
    file, told = tmp_path / "list.jws", list[frozenset[str]]()

    async def changed(dids: frozenset[str]) -> None:
        told.append(dids)

    other = replace(MEMBER, did="did:web:b.example")
    file.write_text(issued(authority, 1, MEMBER, other))
    listing = TrustListSource(any_db, Anchor(authority.public_jwk), SafeClient(), file, "")
    listing.listen(changed)
    await listing.start()
    assert told == []
    file.write_text(issued(authority, 2, replace(MEMBER, state="suspended"), other, replace(MEMBER, did="did:web:c")))
    await listing.reload()
    await listing.reload()
    assert told == [{MEMBER.did, "did:web:c"}]


@pytest.mark.threat("T122")
async def test_of_a_part_is_told_what_is_told_of_its_whole(place: Place, authority: Authority) -> None:
    """>> of a town of which another one is part the list says something else << both are looked at again."""
    told: list[frozenset[str]] = []

    async def changed(dids: frozenset[str]) -> None:
        told.append(dids)

    into = MergedInto(did=MEMBER.did, since="2020-01-01T00:00:00Z", listed="2020-01-01T00:00:00Z")
    part = replace(MEMBER, did="did:web:part.example", merged_into=into)
    place.write(issued(authority, 1, MEMBER, part))
    _, listing = await place.process()
    listing.listen(changed)
    place.write(issued(authority, 2, replace(MEMBER, kind="urn:other"), part))
    await listing.reload()
    assert told == [{MEMBER.did, part.did}]


@pytest.mark.threat("T12")
async def test_who_could_not_be_told_is_told_at_the_next_look(
    any_db: Database, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past bug: >> a list that withdraws, and then the database or a listener fails << told later, once, not never."""
    file, told, fails = tmp_path / "list.jws", list[frozenset[str]](), [True]

    async def changed(dids: frozenset[str]) -> None:
        if fails:
            raise Unavailable("storage.contended")
        told.append(dids)

    async def away(*args: object) -> None:
        raise Unavailable("storage.contended")

    file.write_text(issued(authority, 1, MEMBER))
    listing = TrustListSource(any_db, Anchor(authority.public_jwk), SafeClient(), file, "")
    listing.listen(changed)
    await listing.start()
    file.write_text(issued(authority, 2))
    with monkeypatch.context() as patch:
        patch.setattr(any_db, "write", away)
        with pytest.raises(Unavailable):
            await listing.reload()
    with pytest.raises(Unavailable):
        await listing.reload()
    fails.clear()
    await listing.catch_up()
    await listing.catch_up()
    assert told == [{MEMBER.did}]


@pytest.mark.threat("T12")
async def test_what_one_replica_has_seen_the_others_take_over(
    any_db: Database, tmp_path: Path, authority: Authority
) -> None:
    """>> one process sees a newer list, the other has not looked yet << it takes it from the database, and tells."""
    told = list[frozenset[str]]()

    async def changed(dids: frozenset[str]) -> None:
        told.append(dids)

    here, there = tmp_path / "here.jws", tmp_path / "there.jws"
    for file in (here, there):
        file.write_text(issued(authority, 1, MEMBER))
    late = Anchor(authority.public_jwk)
    one = TrustListSource(any_db, Anchor(authority.public_jwk), SafeClient(), here, "")
    two = TrustListSource(any_db, late, SafeClient(), there, "")
    two.listen(changed)
    for listing in (one, two):
        await listing.start()
    here.write_text(issued(authority, 2))
    await one.reload()
    assert late.entry(MEMBER.did) == MEMBER
    await two.catch_up()
    await two.catch_up()
    assert (late.version, late.entry(MEMBER.did), told) == (2, None, [{MEMBER.did}])


async def test_a_version_is_verified_once(place: Place, authority: Authority) -> None:
    """>> the list in force ten times over << its text is compared, and not read; the next version is read once."""
    place.write(issued(authority, 1, MEMBER))
    anchor, listing = await place.process()
    reads: list[str] = []

    def read(jws: str) -> TrustList:
        reads.append(jws)
        return read_list(jws, authority.public_jwk)

    assert [anchor.update(anchor.jws, read) for _ in range(10)] == [False] * 10
    before = anchor.entries
    assert await listing.reload() == 1
    assert anchor.entries is before
    assert reads == []
    second = issued(authority, 2, MEMBER)
    assert (anchor.update(second, read), anchor.update(second, read)) == (True, False)
    assert reads == [second]


async def test_a_large_list_is_read_beside_the_requests(place: Place, authority: Authority) -> None:
    members = [replace(MEMBER, did=f"did:web:{number}", name="X" * 190) for number in range(300)]
    place.write(issued(authority, 1, *members))
    anchor, _ = await place.process()
    assert (anchor.version, len(anchor.jws) > LARGE) == (1, True)


async def test_only_the_last_versions_stay_in_the_database(
    place: Place, authority: Authority, any_db: Database
) -> None:
    """>> six versions << the last three, and a restart goes on from the newest."""
    for version in range(1, 7):
        place.write(issued(authority, version, MEMBER))
        anchor, _ = await place.process()
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT version FROM trust_list ORDER BY version"))
    assert [row["version"] for row in rows] == [4, 5, 6]
    place.write(issued(authority, 5, MEMBER))
    anchor, _ = await place.process()
    assert anchor.version == 6


class Spaces:
    """Stands for the lists of joined spaces, which come when `answer` is set; `seen` is what was in force before."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor, self.seen = anchor, list[int]()
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def catch_up(self) -> frozenset[str]:
        return frozenset()

    async def reload(self) -> frozenset[str]:
        self.seen.append(self._anchor.version)
        self.asked.set()
        await self.answer.wait()
        return frozenset((MEMBER.did,))


@pytest.mark.threat("T127")
async def test_bug_a_start_waited_for_each_list_and_for_the_configured_one_last(
    sqlite_db: Database, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> lists of spaces do not come; then they do << the process has started, and goes by the configured list; what
    comes is told of. A process that stops meanwhile waits for nothing."""
    monkeypatch.setattr(source, "START_S", 0)
    file, told = tmp_path / "list.jws", asyncio.Queue[frozenset[str]]()
    file.write_text(issued(authority, 1, MEMBER))
    async with asyncio.timeout(PATIENCE_S):
        for stops in (False, True):
            spaces = Spaces(anchor := Anchor(authority.public_jwk))
            listing = TrustListSource(sqlite_db, anchor, SafeClient(), file, "", spaces)  # type: ignore[arg-type]
            listing.listen(told.put)
            await listing.start()
            await spaces.asked.wait()
            assert spaces.seen == [1]
            if not stops:
                spaces.answer.set()
                assert await told.get() == {MEMBER.did}
            await listing.stop()
    assert told.empty()


async def test_a_configured_list_that_fails_keeps_no_other_away(
    sqlite_db: Database, tmp_path: Path, authority: Authority
) -> None:
    """>> the file is gone << said, and the lists of spaces are looked at and told of all the same."""
    spaces, told = Spaces(anchor := Anchor(authority.public_jwk)), asyncio.Queue[frozenset[str]]()
    spaces.answer.set()
    listing = TrustListSource(
        sqlite_db,
        anchor,
        SafeClient(),
        tmp_path / "none",
        "",
        spaces,  # type: ignore[arg-type]
    )
    listing.listen(told.put)
    with pytest.raises(Mistake, match=r"trust\.list-file"):
        await listing.reload()
    assert spaces.seen == [0]
    assert told.get_nowait() == {MEMBER.did}


class Shows:
    """Serves one list, whatever is asked for."""

    def __init__(self, jws: str) -> None:
        self.jws = jws

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        return Answer(200, {}, self.jws.encode("ascii"))


@pytest.mark.threat("T184")
async def test_a_newer_configured_list_is_taken_from_a_member_and_who_hides_it_is_told_of(
    place: Place, authority: Authority, any_db: Database
) -> None:
    """>> a member shows 4, in which somebody is struck off, and the address goes on showing 3 << 4 is in force at once,
    after a restart too; two minutes later an alarm, once; of a list that comes as a file alone the file counts."""
    web, clock, raised = Shows(issued(authority, 3, MEMBER)), FakeClock(NOW), list[tuple[str, str]]()
    place.write("")

    async def process(url: str) -> tuple[AnchorOfSpaces, TrustListSource]:
        anchors = AnchorOfSpaces(Anchor(authority.public_jwk))
        spaces = SpaceLists(any_db, clock, anchors, web)  # type: ignore[arg-type]
        listing = TrustListSource(any_db, anchors, web, place.file, url, spaces)  # type: ignore[arg-type]

        async def told(pin: Pin, code: str, since: int) -> None:
            raised.append((pin.authority, code))

        async def nobody(authority: str) -> None:
            return None

        spaces.listen(nobody, told)
        await listing.start()
        return anchors, listing

    anchors, listing = await process("https://list.example/list")
    assert (anchors.version, await listing.seeks(authority.id)) == (3, True)
    await listing.handed(authority.id, issued(authority, 4))
    assert (anchors.version, anchors.entry(MEMBER.did)) == (4, None)
    for passed, alarms in ((0, []), (120_000, [(authority.id, "trust.list-rollback")]), (1, raised)):
        clock.advance(passed)
        with pytest.raises(PeerError, match=r"trust\.list-rollback"):
            await listing.reload()
        assert raised == alarms
    assert len(raised) == 1
    with pytest.raises(PeerError, match=r"trust\.list-rollback"):  # of a member: its doing, nobody's alarm
        await listing.handed(authority.id, issued(authority, 2))
    assert [(await process(url))[0].version for url in ("https://list.example/list", "")] == [4, 4]
    assert await (await process(""))[1].seeks(authority.id) is False
