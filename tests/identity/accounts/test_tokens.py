"""Keys for programs: shown once, no more than their person, gone with her role."""

import json

import pytest

from connector.data.approvals.departed import Departures
from connector.foundation.errors import Mistake, Refusal, Unauthenticated, Unknown
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.database import acting
from connector.identity.accounts.model import SignedIn
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.tokens import DAY_MS, Tokens
from tests.identity.accounts.people import OLAF, TOWN, VILLAGE, person
from tests.testkit.towns import Towns


def services(towns: Towns) -> tuple[Tokens, People]:
    return Tokens(towns.db, towns.participants), People(
        towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants)
    )


def signed(who: str, *roles: str) -> SignedIn:
    return SignedIn(person=who, name="x", roles={TOWN: frozenset(roles)}, operator=False, form_key=b"")  # type: ignore[arg-type]


@pytest.mark.on_both
async def test_a_key_does_what_its_person_may(towns: Towns) -> None:
    """>> a steward's key for reading and fetching << that, there, in her name; not the rest of her roles."""
    tokens, people = services(towns)
    her = await person(towns.db)
    await people.grant(TOWN, "", her, "steward")
    key = await tokens.make(signed(her, "steward"), TOWN, "  QGIS  im Bauamt", ["read", "fetch"], 90)
    caller = await tokens.caller(f"Bearer {key}")
    assert (caller.person, caller.participant, caller.scopes) == (her, TOWN, {"read", "fetch"})
    assert caller.pseudonyms.keys() == {TOWN}
    (shown,) = await tokens.of(TOWN)
    assert (shown.label, shown.scopes, shown.owner) == ("QGIS im Bauamt", {"read", "fetch"}, "Petra Muster")
    assert shown.used_at is not None
    assert shown.ends_at - shown.created_at == 90 * DAY_MS
    assert await tokens.of(VILLAGE) == []


@pytest.mark.on_both
@pytest.mark.threat("T25")
async def test_nothing_else_opens(towns: Towns) -> None:
    """>> nothing, another scheme, its parts, what the database has << one sentence for all."""
    tokens, people = services(towns)
    her = await person(towns.db)
    await people.grant(TOWN, "", her, "steward")
    key = await tokens.make(signed(her, "steward"), TOWN, "x", ["read"], 1)
    row = await towns.db.read(PROCESS, lambda tx: tx.one("SELECT * FROM api_token"))
    assert row is not None
    assert key.split("_", 2)[2] not in json.dumps(dict(row))
    for given in (
        None,
        "",
        "Bearer ",
        key,
        f"Basic {key}",
        f"Bearer {key}x",
        f"Bearer  {key}",
        f"bearer {key}",
        f"Bearer {key[:-1]}",
        f"Bearer {row['digest']}",
        f"Bearer hanse_{row['id']}_{'x' * 43}",
        f"Bearer {key.replace(row['id'], '0' * 8)}",
        "Bearer ä",
    ):
        with pytest.raises(Unauthenticated, match=r"api\.no-token"):
            await tokens.caller(given)
    await towns.db.write(PROCESS, lambda tx: tx.run("UPDATE api_token SET ends_at = :now", now=tx.now))
    with pytest.raises(Unauthenticated):
        await tokens.caller(f"Bearer {key}")


@pytest.mark.threat("T86")
async def test_who_loses_the_role_loses_the_power(towns: Towns) -> None:
    """>> steward no more, steward again, removed << nothing, everything, no key."""
    tokens, people = services(towns)
    her = await person(towns.db)
    await people.grant(TOWN, "", her, "steward")
    key = f"Bearer {await tokens.make(signed(her, 'steward'), TOWN, 'x', ['read', 'decide'], 1)}"
    await people.revoke(TOWN, "", her, "steward")
    assert (await tokens.caller(key)).scopes == frozenset()
    await people.grant(TOWN, "", her, "auditor")
    assert (await tokens.caller(key)).scopes == {"read"}
    await people.grant(TOWN, "", her, "steward")
    assert (await tokens.caller(key)).scopes == {"read", "decide"}
    await people.remove(her)
    with pytest.raises(Unauthenticated):
        await tokens.caller(key)


@pytest.mark.on_both
@pytest.mark.threat("T183")
async def test_bug_a_key_whose_person_had_no_pseudonym_acted_as_the_process(towns: Towns) -> None:
    """Bug: as the process, which is believed whoever it names. >> her pseudonym is erased << a key of hers acts under
    a new one; one without any right makes none."""
    tokens, people = services(towns)
    her = await person(towns.db)
    await people.grant(TOWN, "", her, "steward")
    key = f"Bearer {await tokens.make(signed(her, 'steward'), TOWN, 'x', ['decide'], 1)}"
    before = (await tokens.caller(key)).pseudonyms[TOWN]
    await towns.db.write(TOWN, lambda tx: tx.run("DELETE FROM person_pseudonym"))
    caller = await tokens.caller(key)
    assert caller.pseudonyms[TOWN] != before
    with acting(caller.pseudonyms, tokens.still(key, lambda _: None)):
        assert await towns.db.write(TOWN, lambda tx: tx.actor) == caller.pseudonyms[TOWN]
    await people.revoke(TOWN, "", her, "steward")
    await towns.db.write(TOWN, lambda tx: tx.run("DELETE FROM person_pseudonym"))
    assert (await tokens.caller(key)).pseudonyms == {}


async def test_nobody_makes_more_than_herself(towns: Towns) -> None:
    """>> an auditor wants to decide, an admin to read, anybody to operate; odd wishes << refused."""
    tokens, _ = services(towns)
    her = await person(towns.db)
    for role, scope in (("auditor", "decide"), ("admin", "read"), ("steward", "operate"), ("steward", "records")):
        with pytest.raises(Refusal, match="scope-beyond"):
            await tokens.make(signed(her, role), TOWN, "x", [scope], 1)
    with pytest.raises(Refusal):
        await tokens.make(signed(her, "steward"), VILLAGE, "x", ["read"], 1)
    with pytest.raises(Refusal):
        await tokens.make_for(her, TOWN, "x", ["read"], 1)
    with pytest.raises(Refusal):
        await tokens.make_for_process(her, "x", 1)
    for label, scopes, days in (
        ("", ["read"], 1),
        ("x" * 81, ["read"], 1),
        ("x", [], 1),
        ("x", ["all"], 1),
        ("x", ["read"], 0),
        ("x", ["read"], 366),
    ):
        with pytest.raises(Mistake):
            await tokens.make(signed(her, "steward"), TOWN, label, scopes, days)


@pytest.mark.on_both
async def test_the_operators_key_is_of_the_process(towns: Towns) -> None:
    """>> operator, and then no operator any more << to operate, at no participant; nothing."""
    tokens, people = services(towns)
    her = await person(towns.db, operator=True)
    key = f"Bearer {await tokens.make_for_process(her, 'Prometheus', 30)}"
    caller = await tokens.caller(key)
    assert (caller.participant, caller.scopes) == (None, {"operate"})
    assert [one.label for one in await tokens.of_process()] == ["Prometheus"]
    await people.make_operator(her, operator=False)
    assert (await tokens.caller(key)).scopes == frozenset()


@pytest.mark.on_both
async def test_who_ends_a_key(towns: Towns) -> None:
    """>> another person, another town, its owner, an admin << only the last two; each is in the log."""
    tokens, people = services(towns)
    her, him = await person(towns.db), await person(towns.db, OLAF)
    await people.grant(TOWN, "", her, "steward")
    for _ in range(2):
        await tokens.make(signed(her, "steward"), TOWN, "x", ["read"], 1)
    one, two = [key.id for key in await tokens.of(TOWN)]
    for slug, by in ((TOWN, him), (VILLAGE, her), (None, her)):
        with pytest.raises(Unknown, match="no-key"):
            await tokens.end(slug, one, by=by)
    await tokens.end(TOWN, one, by=her)
    await tokens.end(TOWN, two, by=him, admin=True)
    assert await tokens.of(TOWN) == []

    def unit(tx: Tx) -> list[str]:
        rows = tx.all("SELECT record FROM audit_entry WHERE type = 'program-key' ORDER BY id")
        return [json.loads(bytes(row["record"]))["body"]["change"] for row in rows]

    assert await towns.db.read(TOWN, unit) == ["made", "made", "ended", "ended"]
