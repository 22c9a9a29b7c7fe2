"""An authority that shows two lists of one number: both are kept as proof, the first pair (decision 0169)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.fork_proof import proven
from connector.identity.trust.members.forks import ForkedList
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.members.space_lists import LARGE, SpaceLists
from connector.identity.trust.members.trust_list import Anchor, read_list
from connector.surfaces.api.list_forks import ListForkHandlers, SettleRequest
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import NOW, entry, listed

TOWN = "did:web:town.de"


class Web:
    """Serves one list, whatever is asked for."""

    def __init__(self, jws: str) -> None:
        self.jws = jws

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        return Answer(200, {}, self.jws.encode("ascii"))


class Member:
    """A process that joined one space; `process` is another one over the same database, `alarms` what it told of, and
    whether the proof was there by then."""

    def __init__(self, db: Database, keeper: Keeper) -> None:
        self.db, self.keeper, self.alarms = db, keeper, list[tuple[str, bool]]()

    async def process(self, web: Web) -> SpaceLists:
        await self.db.write(PROCESS, pins.pin, TOWN, self.keeper.pin)
        lists = SpaceLists(self.db, FakeClock(), of(), web)  # type: ignore[arg-type]

        async def nobody(authority: str) -> None:
            return None

        async def told(pin: Pin, code: str, since: int) -> None:
            self.alarms.append((code, await self.proof() is not None))

        lists.listen(nobody, told)
        await lists.reload()
        return lists

    async def proof(self) -> ForkedList | None:
        return await self.db.read(PROCESS, forks.kept, self.keeper.key.id)


@pytest.mark.threat("T153")
async def test_bug_of_two_lists_of_one_number_only_the_first_was_kept(any_db: Database, tmp_path: Path) -> None:
    """>> the authority shows a list of number 7 with a member suspended, beside one in which it is active << both are
    kept as they were signed, before anybody is told; anybody who has the key sees that they are two of one number."""
    keeper = Keeper(tmp_path, "north")
    active = keeper.says(entry("town", NOW), entry("other", NOW), version=7)
    web = Web(active)
    member = Member(any_db, keeper)
    lists = await member.process(web)
    web.jws = keeper.says(entry("town", NOW), entry("other", NOW, state="suspended"), version=7)
    await lists.reload()
    proof = await member.proof()
    assert proof == ForkedList(authority=keeper.key.id, version=7, held=active, other=web.jws)
    held, other = (read_list(one, keeper.key.public_jwk) for one in (proof.held, proof.other))
    assert (held.version, other.version, held == other) == (7, 7, False)
    assert member.alarms == [("trust.list-fork", True)]


@pytest.mark.threat("T153")
async def test_the_first_pair_stays_whatever_an_authority_shows_later(any_db: Database, tmp_path: Path) -> None:
    """>> a second, third and fourth list of one number, then two of the next one, seen by another process and after a
    restart too << one pair, the first."""
    keeper = Keeper(tmp_path, "north")
    web = Web(keeper.says(entry("town", NOW), version=1))
    member = Member(any_db, keeper)
    here, there = await member.process(web), await member.process(web)
    web.jws = keeper.says(entry("town", NOW), entry("a", NOW), version=1)
    await here.reload()
    first = await member.proof()
    for name, version in (("b", 1), ("c", 1), ("d", 2), ("e", 2)):
        web.jws = keeper.says(entry("town", NOW), entry(name, NOW), version=version)
        await there.reload()
        await here.reload()
    await member.process(web)
    assert first is not None
    assert await member.proof() == first
    count = await any_db.read(PROCESS, lambda tx: tx.one("SELECT COUNT(*) AS many FROM forked_list"))
    assert count is not None
    assert count["many"] == 1


@pytest.mark.threat("T153")
async def test_what_the_authority_did_not_sign_is_no_proof_against_it(sqlite_db: Database, tmp_path: Path) -> None:
    """>> whoever holds the address serves a list of that number by another key, an altered one, none at all, an older
    and a newer one << nothing is kept against the authority."""
    keeper, stranger = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    good = keeper.says(entry("town", NOW), version=5)
    web = Web(good)
    member = Member(sqlite_db, keeper)
    lists = await member.process(web)
    head, body, signature = good.split(".")
    other = keeper.says(entry("town", NOW), entry("a", NOW), version=5).split(".")[1]
    for false in (
        stranger.says(entry("town", NOW), version=5, space=keeper.space, authority=keeper.key.id),
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        "",
        "x" * (LARGE + 1),
        keeper.says(entry("town", NOW), version=4),
        keeper.says(entry("town", NOW), version=6),
    ):
        web.jws = false
        await lists.reload()
    assert await member.proof() is None


@pytest.mark.threat("T153")
async def test_bug_two_configured_lists_of_one_number_were_not_kept(
    any_db: Database, tmp_path: Path, vault: Vault
) -> None:
    """>> the file of the configured list is exchanged for another one of the same number << refused, as ever, and both
    are kept."""
    authority, file = Authority.create(tmp_path / "authority", vault), tmp_path / "list.jws"
    first, second = (authority.issue(listed(authority, NOW, entry(name, NOW), version=3)) for name in "ab")
    file.write_text(first, encoding="ascii")
    anchor = Anchor(authority.public_jwk)
    listing = TrustListSource(any_db, anchor, SafeClient(), file, "")
    await listing.start()
    file.write_text(second, encoding="ascii")
    with pytest.raises(PeerError, match=r"trust\.list-fork"):
        await listing.reload()
    assert anchor.jws == first
    proof = await any_db.read(PROCESS, forks.kept, authority.id)
    assert proof == ForkedList(authority=authority.id, version=3, held=first, other=second)


@pytest.mark.threat("T153")
async def test_bug_the_proof_was_lost_once_nobody_went_by_the_authority_any_more(
    any_db: Database, tmp_path: Path
) -> None:
    """>> two lists of one number are found; whoever had joined the space leaves the process << the proof can be written
    to a file all the same, and proves it."""
    keeper = Keeper(tmp_path, "north")
    web = Web(keeper.says(entry("town", NOW), version=7))
    lists = await Member(any_db, keeper).process(web)
    web.jws = keeper.says(entry("town", NOW), entry("other", NOW), version=7)
    await lists.reload()
    await any_db.write(PROCESS, pins.forget, TOWN)
    await lists.reload()
    handlers = ListForkHandlers(any_db, of(), None)  # type: ignore[arg-type]
    request: Any = SimpleNamespace(match_info={"authority": keeper.key.id})
    shown = proven(msgspec.json.encode(await handlers.proof(request)))
    assert (shown.authority, shown.version) == (keeper.key.id, 7)


@pytest.mark.threat("T163")
async def test_bug_a_process_that_died_while_two_lists_were_settled_had_told_of_what_was_not_so(
    any_db: Database, tmp_path: Path
) -> None:
    """>> an operator settles a pair, the process dies while it tells of that; she does it again << the first one
    counts, the log is told of it once by the next process, and nobody heard of it before it was so."""
    keeper = Keeper(tmp_path, "north")
    web, member, settled = Web(keeper.says(entry("town", NOW), version=7)), Member(any_db, keeper), list[bool]()
    lists = await member.process(web)
    web.jws = keeper.says(entry("town", NOW), entry("other", NOW), version=7)
    await lists.reload()
    wish = SettleRequest(authority=keeper.key.id, version=7)
    request: Any = SimpleNamespace()

    async def hosted(authority: str) -> None:
        return None

    async def dies(pin: Pin, code: str, since: int) -> None:
        settled.append(all(one.settled_at for one in await any_db.read(PROCESS, forks.cases)))
        raise ConnectionError("killed")

    lists.listen(hosted, dies)
    with pytest.raises(ConnectionError):
        await ListForkHandlers(any_db, of(), lists.tell).settle(request, wish)
    assert settled == [True]
    with pytest.raises(Unknown, match=r"trust\.no-fork"):
        await ListForkHandlers(any_db, of(), lists.tell).settle(request, wish)
    for _ in range(2):
        await (await member.process(web)).reload()
    assert [code for code, _ in member.alarms] == ["trust.list-fork", "trust.list-settled"]


@pytest.mark.threat("T163")
async def test_bug_an_authority_that_was_convicted_had_all_its_further_lists_read(
    any_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> once a pair is kept, members of that authority show ever more lists of its numbers << none of them is read,
    which takes most of a second for a large one; a pair of a later number is read and kept once the first was
    settled."""
    keeper, known = Keeper(tmp_path, "north"), list[str]()

    def says(name: str, version: int = 7) -> str:
        return keeper.says(entry("town", NOW), entry(name, NOW), version=version)

    def reading(text: str, jwk: Any) -> Any:
        known.append(text)
        return read_list(text, jwk)

    async def shown(one: str, other: str) -> str:
        known.clear()
        return await forks.compared(any_db, keeper.key.id, keeper.key.public_jwk, one, other)

    monkeypatch.setattr(forks, "read_list", reading)
    held, other = says("a"), says("b")
    assert (await shown(held, other), known) == ("forked", [held, other])
    first = await any_db.read(PROCESS, forks.kept, keeper.key.id)
    for one, another, verdict in (
        (held, says("c"), "forked"),
        (says("a", 8), says("b", 8), "forked"),
        (held, held, "same"),
        (held, says("a", 8), "unproven"),
        (held, f"{other[:-2]}xx", "unproven"),
    ):
        assert (await shown(one, another), known) == (verdict, [])
    assert await any_db.read(PROCESS, forks.kept, keeper.key.id) == first
    await any_db.write(PROCESS, forks.settle, keeper.key.id, 7)
    assert (await shown(held, says("d")), known) == ("forked", [])
    later = says("a", 8), says("b", 8)
    assert (await shown(*later), known) == ("forked", list(later))
    kept = await any_db.read(PROCESS, forks.kept, keeper.key.id)
    assert kept is not None
    assert kept.version == 8
