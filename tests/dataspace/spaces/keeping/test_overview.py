"""Lists of a space on both databases: who waits, who is invited, whose end comes near, without keys and documents."""

from msgspec.structs import replace

from connector.data.approvals.model import Ballot, Vote
from connector.dataspace.spaces import application_store, joined_store, member_store, news
from connector.dataspace.spaces.keeping import overview
from connector.dataspace.spaces.model import (
    DAY_MS,
    Application,
    Invitation,
    Joined,
    Keys,
    Member,
    Rules,
    Space,
)
from connector.foundation.storage.database import Database, Tx

TOWN = "musterstadt"
RULES = Rules(renewal="people", renew_days=30)


def put(tx: Tx) -> None:
    """A member, a former one, an invitation that is used and one that is over, an application with one yes."""
    one = Member(
        participant=TOWN,
        did="did:web:a.example",
        name="A",
        operator="O",
        kind="",
        ars="",
        admin_level="",
        keys=Keys(),
        succeeds=(),
        state="active",
        since=1,
        until=tx.now + 20 * DAY_MS,
        suspended_since=None,
        reason="",
        application="",
        changed_at=1,
        version=0,
    )
    member_store.put_member(tx, one)
    member_store.put_member(tx, replace(one, did="did:web:b.example", name="B", state="left", until=tx.now))
    used = Invitation(
        participant=TOWN,
        id="i1",
        code_hash="h1",
        name="C",
        ars="",
        kind="",
        domain="",
        state="used",
        made_by="p",
        made_at=1,
        until=tx.now + DAY_MS,
    )
    application_store.insert_invitation(tx, used)
    over = replace(used, id="i2", code_hash="h2", state="open", until=tx.now)
    application_store.insert_invitation(tx, over)
    application_store.insert_invitation(tx, replace(over, id="i3", code_hash="h3", until=tx.now + DAY_MS))
    asked = Application(
        participant=TOWN,
        id="a1",
        did="did:web:c.example",
        invitation="i1",
        name="Calls itself",
        operator="O",
        kind="",
        ars="",
        document="jws",
        keys=Keys(),
        checks=(),
        attachments=(),
        asked_at=tx.now,
        ballot=Ballot(stewards=2, protection=0, drafter="", due_at=tx.now + DAY_MS, votes=(Vote("p-1", "steward", 1),)),
    )
    application_store.insert_application(tx, asked)


async def test_what_is_listed(any_db: Database) -> None:
    await any_db.write(TOWN, put)

    def look(tx: Tx) -> None:
        found = overview.members(tx, TOWN)
        assert [(one.name, one.state) for one in found] == [("A", "active"), ("B", "left")]
        assert overview.member(tx, TOWN, "did:web:a.example") == found[0]
        assert overview.member(tx, TOWN, "did:web:nobody.example") is None
        assert [one.id for one in overview.invitations(tx, TOWN)] == ["i3"]
        (waiting,) = overview.waiting(tx, TOWN)
        assert (waiting.name, waiting.missing, waiting.agreed("p-1"), waiting.agreed("p-2")) == ("C", 1, True, False)
        assert (overview.decided(tx, TOWN), overview.groups(tx, TOWN)) == ([], [])
        assert [one.name for one in overview.ending(space(tx), found, tx.now)] == ["A"]
        assert overview.ending(replace(space(tx), rules=Rules()), found, tx.now) == []

    await any_db.read(TOWN, look)


def space(tx: Tx) -> Space:
    return Space(
        participant=TOWN,
        space="https://a/space",
        name="S",
        authority="urn:x",
        kid="k",
        jwk={},
        rules=RULES,
        changes=0,
        listed=0,
        next_update=0,
        created_at=tx.now,
    )


async def test_what_a_list_said_of_us_is_kept(any_db: Database) -> None:
    """>> a membership with an end, suspended << read again as it was put, and found among those that end."""

    def unit(tx: Tx) -> None:
        one = Joined(
            participant=TOWN,
            space="https://a/space",
            name="S",
            did="did:web:a",
            authority="urn:x",
            jwk={},
            list_url="https://a/space/list",
            rules=RULES,
            state="member",
            document="",
            application="a",
            reason="",
            told="",
            asked_at=1,
            changed_at=1,
            version=0,
            until=tx.now + DAY_MS,
            suspended=True,
        )
        put = joined_store.put(tx, one, None)
        assert joined_store.joined(tx, TOWN, one.space) == put
        assert [end.name for end in news.ending(tx, TOWN, tx.now + 2 * DAY_MS)] == ["S"]
        assert news.ending(tx, TOWN, tx.now) == []

    await any_db.write(TOWN, unit)
