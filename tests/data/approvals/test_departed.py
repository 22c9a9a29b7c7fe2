"""A yes ends with the role in which it was said; who was removed is nobody who could agree to her own words."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.person_in_tables import Place
from connector.continuity.privacy.retention import Periods
from connector.continuity.privacy.subject_access import Persons, Spot
from connector.data.approvals.departed import Departures
from connector.data.approvals.model import NOBODY, ApprovalRow, ApprovalRule, Part, Voter
from connector.data.approvals.publications import NewDataset
from connector.data.approvals.rules import ApprovalRules
from connector.data.approvals.service import Asked
from connector.data.catalogue.service import Publication
from connector.data.drafts import store as draft_store
from connector.data.drafts.model import Draft, Said, State
from connector.foundation.ids import new_uuid
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.database import acting, long
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.model import Role
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import Sessions
from tests.identity.accounts.people import TOWN, given, opened, person
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T174")
ANNA, BERTA, CARL, DORA = "anna@musterstadt.de", "berta@musterstadt.de", "carl@musterstadt.de", "dora@musterstadt.de"


class Hall:
    """A town hall with real accounts, where two people and data protection agree to each publication."""

    def __init__(self, towns: Towns) -> None:
        self.towns, self.db = towns, towns.db
        departures = Departures(towns.participants, draft_store.forget_author)
        self.people = People(towns.db, towns.participants, Passwords(memory_kib=8), departures)
        self.persons: dict[str, str] = {}

    async def begin(self) -> None:
        for login in (ANNA, BERTA, DORA):
            await self.comes(login, "steward")
        await self.comes(CARL, "protection")
        rule = ApprovalRule(subject="publication", template="", people="two", protection=True, days=7)
        await self.db.write(TOWN, self.towns.approvals.rules.put, TOWN, rule, "p-eeeeee")

    async def comes(self, login: str, *roles: Role) -> None:
        self.persons[login] = await person(self.db, login)
        for role in roles:
            await self.people.grant(TOWN, "", self.persons[login], role)

    async def voter(self, login: str) -> Voter:
        """As the door names her; the town knows then who has which role."""
        members = await self.db.read(TOWN, Directory().members, TOWN)
        self.towns.people.roles = {one.pseudonym: set(one.roles) for one in members}
        (her,) = [one for one in members if one.person.login == login]
        return Voter(her.pseudonym, frozenset[str](her.roles))

    async def drafted(self, login: str) -> str:
        wish = Publication(
            title="Bäume", rule="municipal-purpose", slots={"until": "31.12.2099"}, source=await self.towns.file(TOWN)
        )
        submit = self.towns.publications.submit
        made = await self.db.write(TOWN, submit, TOWN, await self.voter(login), NewDataset(wish))
        assert made.approval is not None
        return made.approval.id

    async def yes(self, approval: str, login: str, part: Part | None = None) -> ApprovalRow:
        yes, voter = self.towns.publications.yes, await self.voter(login)
        return (await self.db.write(TOWN, yes, TOWN, approval, voter, part))[0]


@pytest.fixture
async def hall(towns: Towns) -> Hall:
    it = Hall(towns)
    await it.begin()
    return it


TAKEN: dict[str, Callable[[Hall], Awaitable[None]]] = {
    "by an admin": lambda hall: hall.people.revoke(TOWN, "", hall.persons[BERTA], "steward"),
    "with her account": lambda hall: hall.people.remove(hall.persons[BERTA]),
}


@pytest.mark.on_both
@pytest.mark.threat("T183")
async def test_bug_who_had_only_her_name_erased_agreed_twice(hall: Hall) -> None:
    """Bug: whoever erases chooses where the walk begins. >> Anna's draft; Berta's yes; the row of each one's name is
    erased, nothing else, and each has a new one << neither author nor yes is left: Anna alone does not agree to her own
    draft, and Berta counts once."""
    periods = Periods(days={}, other=0, duties=frozenset())
    persons = Persons(hall.db, Eraser(periods, lambda *_: None, hall.towns.did), hall.people.forgotten)
    begin = Spot("places", place=Place("person_pseudonym", ("",))).told
    it = await hall.drafted(ANNA)
    await hall.yes(it, BERTA)
    for login in (ANNA, BERTA):
        done = await persons.erase(TOWN, (await hall.voter(login)).who, str(begin), Order("Datenschutz", "Art. 17"))
        assert [one.table for one in done.places.cleared] == ["person_pseudonym"]
        await given(hall.db, hall.persons[login], TOWN, "steward")
    after = await hall.db.read(TOWN, hall.towns.approvals.get, TOWN, it)
    assert (after.ballot.authors, after.ballot.votes) == ({NOBODY}, ())
    assert (await hall.yes(it, ANNA)).ballot.missing("steward") == 1
    assert (await hall.yes(it, BERTA)).ballot.missing("steward") == 0


@pytest.mark.on_both
@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
async def test_bug_a_yes_counted_after_its_role_was_taken(hall: Hall, take: Callable[[Hall], Awaitable[None]]) -> None:
    """>> Anna's draft; Berta's yes; her role is taken; data protection's yes << it waits for another steward, whose
    yes is the last; that hers ended stands in the log."""
    it = await hall.drafted(ANNA)
    await hall.yes(it, BERTA)
    await take(hall)
    waits = await hall.yes(it, CARL)
    assert (waits.ballot.state, waits.ballot.missing("steward")) == ("open", 1)
    done = await hall.yes(it, DORA)
    assert done.ballot.state == "approved"
    assert [vote.part for vote in done.ballot.votes] == ["protection", "steward"]
    rows = await hall.db.read(TOWN, lambda tx: tx.all("SELECT record FROM audit_entry"))
    (ended,) = [bytes(row["record"]) for row in rows if b"role-lost" in bytes(row["record"])]
    assert it.encode() in ended


async def test_bug_a_yes_counted_after_a_group_took_its_role(hall: Hall) -> None:
    """>> her role comes from a group of the identity provider, which she leaves << her yes is gone."""
    await hall.comes("eva@musterstadt.de")
    await hall.people.by_groups(hall.persons["eva@musterstadt.de"], {TOWN: frozenset({"steward"})})
    it = await hall.drafted(ANNA)
    await hall.yes(it, "eva@musterstadt.de")
    await hall.people.by_groups(hall.persons["eva@musterstadt.de"], {})
    assert (await hall.yes(it, CARL)).ballot.state == "open"


async def test_another_role_takes_no_yes_along(hall: Hall) -> None:
    """>> Berta is publisher too, and that is taken << her yes as a steward counts."""
    await hall.people.grant(TOWN, "", hall.persons[BERTA], "publisher")
    it = await hall.drafted(ANNA)
    await hall.yes(it, BERTA)
    await hall.people.revoke(TOWN, "", hall.persons[BERTA], "publisher")
    assert (await hall.yes(it, CARL)).ballot.state == "approved"


@pytest.mark.on_both
async def test_bug_whoever_came_again_agreed_to_her_own_draft(hall: Hall) -> None:
    """>> Anna's draft; she is removed, and comes again under another name; her yes, and data protection's << one
    steward more has to agree: nobody can say any more whose draft it is."""
    it = await hall.drafted(ANNA)
    await hall.people.remove(hall.persons[ANNA])
    await hall.comes("anna@stadt.example", "steward")
    await hall.yes(it, "anna@stadt.example")
    assert (await hall.yes(it, CARL)).ballot.state == "open"
    assert (await hall.yes(it, BERTA)).ballot.state == "approved"


@pytest.mark.on_both
async def test_bug_whoever_came_again_agreed_to_a_draft_that_somebody_else_had_submitted(hall: Hall) -> None:
    """>> a draft that Anna and Berta wrote, not submitted yet; Anna is removed << nobody is named in her place, where
    the draft of Dora stays as it is."""
    anna, berta, dora = [(await hall.voter(login)).who for login in (ANNA, BERTA, DORA)]
    drafts = [draft(f"{anna} {berta}"), draft(dora), draft(f"{anna}", "published")]
    for one in drafts:
        await hall.db.write(TOWN, draft_store.insert, TOWN, one)
    await hall.people.remove(hall.persons[ANNA])
    found = [await hall.db.read(TOWN, draft_store.draft, TOWN, one.id) for one in drafts]
    assert [one.author for one in found if one] == [f"{NOBODY} {berta}", dora, anna]
    assert [one.version for one in found if one] == [2, 1, 1]


@pytest.mark.on_both
async def test_bug_whoever_asked_for_an_offer_counted_after_her_role(hall: Hall) -> None:
    """>> Anna asks for data of a partner, which waits for a second; her role as publisher is taken, that as steward
    << one more has to agree; two others have to."""
    rule = ApprovalRule(subject="offer", template="", people="two", protection=False, days=14)
    await hall.db.write(TOWN, hall.towns.approvals.rules.put, TOWN, rule, "p-eeeeee")
    await hall.people.grant(TOWN, "", hall.persons[ANNA], "publisher")
    asked = Asked(
        subject="offer",
        title="Bäume",
        dataset="urn:1",
        process="urn:uuid:1",
        terms="a",
        wanted=True,
        counterparty="did:web:partner.example",
        drafter=(await hall.voter(ANNA)).who,
    )
    waits = await hall.db.write(TOWN, hall.towns.approvals.contract, TOWN, asked)
    assert waits is not None
    missing = []
    for role in ("publisher", "steward"):
        await hall.people.revoke(TOWN, "", hall.persons[ANNA], role)
        found = await hall.db.read(TOWN, hall.towns.approvals.get, TOWN, waits.id)
        missing.append(found.ballot.missing("steward"))
    assert missing == [1, 2]
    await hall.yes(waits.id, BERTA)
    assert (await hall.yes(waits.id, DORA)).ballot.state == "approved"


def draft(author: str, state: State = "open") -> Draft:
    return Draft(
        id=new_uuid(),
        author=author,
        kind="new",
        state=state,
        dataset="",
        source="s",
        copy="c",
        name="liste.csv",
        bytes=1,
        reading=None,
        problem=None,
        said=Said(),
        approval="",
        version=1,
        created_at=1,
        changed_at=1,
        published_at=None,
    )


async def meanwhile(hall: Hall, login: str, does: Callable[[Tx], object], ends: Callable[[], Awaitable[None]]) -> None:
    """Something of hers is under way on one replica, by a session; on another her role is taken before that ends."""
    cookie = await opened(hall.db, hall.persons[login])
    signed, still = await Sessions(hall.db).session(cookie), Sessions(hall.db).still(cookie, lambda signed: None)
    assert signed is not None
    running, go = threading.Event(), threading.Event()

    @long
    def unit(tx: Tx) -> None:
        does(tx)
        running.set()
        assert go.wait(PATIENCE_S)

    with acting(signed.pseudonyms, still):
        hers = asyncio.create_task(hall.db.write(TOWN, unit))
        await asyncio.to_thread(running.wait, PATIENCE_S)
    taken = asyncio.ensure_future(ends())
    await asyncio.wait([taken], timeout=0.1)
    go.set()
    await asyncio.gather(hers, taken)


@pytest.mark.on_both
async def test_bug_what_was_under_way_outlived_its_role(hall: Hall) -> None:
    """>> Berta's yes is under way while an admin, or a group, takes her role; so is an admin's word: a rule loosened, a
    role proposed, an invitation, also of an operator << nothing of it is left, and nothing comes back with the role."""
    people, db, eva, fritz = hall.people, hall.db, "eva@musterstadt.de", "fritz@musterstadt.de"
    await hall.comes(eva)
    await people.by_groups(hall.persons[eva], {TOWN: frozenset({"steward"})})
    it = await hall.drafted(ANNA)
    stewards: dict[str, Callable[[], Awaitable[None]]] = {
        BERTA: lambda: people.revoke(TOWN, "", hall.persons[BERTA], "steward"),
        eva: lambda: people.by_groups(hall.persons[eva], {}),
    }
    for login, ends in stewards.items():
        voter = await hall.voter(login)
        await meanwhile(hall, login, lambda tx, voter=voter: hall.towns.publications.yes(tx, TOWN, it, voter), ends)  # type: ignore[misc]
        assert (await db.read(TOWN, hall.towns.approvals.get, TOWN, it)).ballot.votes == ()
    await hall.comes(fritz, "admin")
    await hall.comes("gerda@musterstadt.de", "admin")
    fritz_is, dora = hall.persons[fritz], hall.persons[DORA]
    lax = ApprovalRule(subject="publication", template="", people="none", protection=False, days=7)
    who = (await hall.voter(fritz)).who

    def says(tx: Tx) -> None:
        hall.towns.approvals.rules.put(tx, TOWN, lax, who)
        people._invited(tx, TOWN, fritz_is, "d" * 64, "Hugo", frozenset({"publisher"}))
        people._granted(tx, TOWN, fritz_is, dora, "admin")

    left = " + ".join(f"(SELECT COUNT(*) FROM {table})" for table in ("rule_proposal", "invitation", "role_proposal"))
    await meanwhile(hall, fritz, says, lambda: people.revoke(TOWN, "", fritz_is, "admin"))
    assert (await db.read(PROCESS, lambda tx: tx.all(f"SELECT {left} AS n")))[0]["n"] == 0
    await people.make_operator(fritz_is, operator=True)
    await meanwhile(hall, fritz, says, lambda: people.make_operator(fritz_is, operator=False))
    rows = await db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM invitation UNION ALL SELECT 1 FROM role_proposal"))
    assert rows == []


@pytest.mark.on_both
async def test_bug_a_yes_to_a_looser_rule_counted_while_its_role_was_taken(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: that her yes counts was read before, and the rule changed after her role was gone. >> an admin has agreed;
    data protection's last yes is under way while her role is taken << the role goes once the rule has changed."""
    await hall.comes("fritz@musterstadt.de", "admin")
    await hall.comes("gerda@musterstadt.de", "admin")
    fritz, gerda, carl = [await hall.voter(f"{one}@musterstadt.de") for one in ("fritz", "gerda", "carl")]
    rules, db = ApprovalRules(hall.towns.participants, Directory()), hall.db
    lax = ApprovalRule(subject="publication", template="", people="none", protection=False, days=7)
    assert not await db.write(TOWN, rules.put, TOWN, lax, fritz.who)
    ((one,), applies) = await db.read(TOWN, rules.pending, TOWN), rules._apply
    assert not await db.write(TOWN, rules.agree, TOWN, one.proposal.id, gerda)
    running, go = threading.Event(), threading.Event()

    def slowly(*given: Any) -> None:
        running.set()
        assert go.wait(PATIENCE_S)
        applies(*given)

    @long
    def unit(tx: Tx) -> None:
        rules.agree(tx, TOWN, one.proposal.id, carl)

    monkeypatch.setattr(rules, "_apply", slowly)
    agreed = asyncio.create_task(db.write(TOWN, unit))
    await asyncio.to_thread(running.wait, PATIENCE_S)
    taken = asyncio.create_task(hall.people.revoke(TOWN, "", hall.persons["gerda@musterstadt.de"], "admin"))
    await asyncio.wait([taken], timeout=0.3)
    early = taken.done()
    go.set()
    await asyncio.gather(agreed, taken)
    assert not early


@pytest.mark.on_both
async def test_bug_an_invitation_under_way_outlived_the_account_of_its_author(hall: Hall) -> None:
    """>> an operator invites while her account is removed << nothing names her any more."""
    gerda = "gerda@musterstadt.de"
    hall.persons[gerda] = her = await person(hall.db, gerda, operator=True)

    def invites(tx: Tx) -> None:
        hall.people._invited(tx, TOWN, her, "d" * 64, "Hugo", frozenset({"publisher"}))

    await meanwhile(hall, gerda, invites, lambda: hall.people.remove(her))
    assert await hall.db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM invitation")) == []
