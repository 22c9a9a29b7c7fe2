"""Invitations and roles: two persons where a town is bound, everything in its log, nobody by name."""

import asyncio
import json

import pytest

from connector.data.approvals.departed import Departures
from connector.foundation.errors import Mistake, Refusal, Unauthenticated, Unknown
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.at_rest import AtRest, at_rest
from connector.foundation.storage.database import acting
from connector.identity.accounts import second_factor, store
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.model import Role
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.sessions import Sessions, opened
from tests.identity.accounts.people import DESK, OLAF, PASSWORD, PETRA, TOWN, VILLAGE, person
from tests.testkit.towns import Towns

ANNA, BERT = "anna@musterstadt.de", "bert@musterstadt.de"


def people(towns: Towns) -> People:
    return People(towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))


async def admins(it: People, towns: Towns) -> tuple[str, str]:
    """Two of Musterstadt, by the operator's word."""
    anna, bert = await person(towns.db, ANNA), await person(towns.db, BERT)
    for one in (anna, bert):
        assert await it.grant(TOWN, "", one, "admin")
    return anna, bert


async def roles(towns: Towns, who: str, slug: str = TOWN) -> frozenset[Role]:
    return await towns.db.read(slug, store.roles_at, slug, who)


async def logged(towns: Towns, slug: str = TOWN) -> list[dict[str, object]]:
    def unit(tx: Tx) -> list[dict[str, object]]:
        rows = tx.all("SELECT record FROM audit_entry WHERE participant = :p AND type = 'role' ORDER BY id", p=slug)
        return [json.loads(bytes(row["record"])) for row in rows]

    return await towns.db.read(slug, unit)


@pytest.mark.threat("T86")
async def test_two_persons_decide_who_binds_the_town(towns: Towns) -> None:
    """>> an admin makes a steward; she, the steward-to-be and then another admin confirm << only the last counts."""
    it = people(towns)
    (anna, bert), carla = await admins(it, towns), await person(towns.db)
    assert await it.grant(TOWN, anna, carla, "publisher")
    assert not await it.grant(TOWN, anna, carla, "steward")
    assert await roles(towns, carla) == {"publisher"}
    for who in (anna, carla):
        with pytest.raises(Refusal, match="same-person"):
            await it.confirm(TOWN, who, carla, "steward")
    await it.confirm(TOWN, bert, carla, "steward")
    assert await roles(towns, carla) == {"publisher", "steward"}
    with pytest.raises(Unknown, match="no-proposal"):
        await it.confirm(TOWN, bert, carla, "steward")
    assert await it.grant(TOWN, anna, carla, "steward"), "she has it"
    with pytest.raises(Refusal, match="own-role"):
        await it.grant(TOWN, anna, anna, "steward")
    with pytest.raises(Mistake, match=r"accounts\.role"):
        await it.grant(TOWN, anna, carla, "operator")


@pytest.mark.on_both
async def test_the_log_says_who_and_names_nobody(towns: Towns) -> None:
    """>> Anna grants, proposes and takes << four records under pseudonyms, as acting person too; no name anywhere."""
    it = people(towns)
    (anna, _), carla = await admins(it, towns), await person(towns.db)
    hers, his = [await towns.db.write(TOWN, store.pseudonym, TOWN, one) for one in (anna, carla)]
    with acting({TOWN: hers}):
        await it.grant(TOWN, anna, carla, "auditor")
        await it.grant(TOWN, anna, carla, "steward")
        await it.revoke(TOWN, anna, carla, "steward")
        await it.revoke(TOWN, anna, carla, "auditor")
    said = (await logged(towns))[2:]
    assert [(one["actor"], one["body"]) for one in said] == [
        (hers, {"person": his, "role": role, "change": change, "by": hers})
        for role, change in (("auditor", "granted"), ("steward", "proposed"), ("auditor", "taken"))
    ]
    first = (await logged(towns))[0]
    assert (first["actor"], first["body"]["by"]) == ("system", "operator")  # type: ignore[index]
    assert "Muster" not in json.dumps(await logged(towns))
    assert await it.name_of(TOWN, his) == "Petra Muster"
    assert await it.name_of(VILLAGE, his) is None, "another town's log is another town's business"
    await it.remove(carla)
    assert await it.name_of(TOWN, his) is None


async def test_the_last_admin_stays(towns: Towns) -> None:
    """>> each of two takes the other's role at the same time << one is left; the operator may take that, too."""
    it = people(towns)
    anna, bert = await admins(it, towns)
    both = it.revoke(TOWN, anna, bert, "admin"), it.revoke(TOWN, bert, anna, "admin")
    said = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(str(one) for one in said) == ["None", "accounts.last-admin"]
    (left,) = [one for one in (anna, bert) if "admin" in await roles(towns, one)]
    with pytest.raises(Refusal, match="last-admin"):
        await it.revoke(TOWN, left, left, "admin")
    await it.revoke(TOWN, "", left, "admin")
    assert not await roles(towns, left)


async def test_a_change_of_roles_ends_sessions(towns: Towns) -> None:
    """>> granted, taken; proposed << signed out, signed out; not."""
    it, carla = people(towns), await person(towns.db)
    (anna, _), sessions = await admins(it, towns), Sessions(towns.db)

    async def session() -> str:
        return await towns.db.write(PROCESS, opened, carla, "", strong=True)

    one = await session()
    await it.grant(TOWN, anna, carla, "auditor")
    assert await sessions.session(one) is None
    two = await session()
    await it.grant(TOWN, anna, carla, "steward")
    assert await sessions.session(two) is not None
    await it.revoke(TOWN, anna, carla, "auditor")
    assert await sessions.session(two) is None


@pytest.mark.threat("T30")
async def test_an_invitation_counts_once(towns: Towns) -> None:
    """>> twenty accept one link at the same time << one account, with what one person may give; the rest waits."""
    it = people(towns)
    anna, bert = await admins(it, towns)
    link = await it.invite(TOWN, anna, "Carla aus dem Bauamt", ["publisher", "steward"])
    seen = await it.invitation(link)
    assert (seen.participant, seen.name, seen.roles) == (TOWN, "Carla aus dem Bauamt", {"publisher", "steward"})
    joining = (it.accept(link, f"carla{n}@musterstadt.de", "Carla", PASSWORD, DESK) for n in range(20))
    said = await asyncio.gather(*joining, return_exceptions=True)
    (made,) = [one for one in said if not isinstance(one, Exception)]
    assert {str(one).partition(" ")[0] for one in said if isinstance(one, Exception)} <= {
        "accounts.invitation",
        "accounts.busy",
    }
    assert (made.waiting, await roles(towns, made.person)) == ({"steward"}, {"publisher"})
    assert len(await it.all()) == 3, "of those that came too late no account is left"
    signed = await Sessions(towns.db).session(made.cookie)
    assert signed is not None
    assert signed.roles == {TOWN: {"publisher"}}
    await it.confirm(TOWN, bert, made.person, "steward")
    assert await roles(towns, made.person) == {"publisher", "steward"}


@pytest.mark.on_both
@pytest.mark.threat("T86")
async def test_bug_an_operator_alone_made_stewards_where_there_was_no_admin(towns: Towns) -> None:
    """Bug: whoever she invited counted at once for as long as there was no admin. >> a steward is there, by the command
    line; then nobody, and two whom the operator invited come at once << only who is first of all counts at once."""
    it, otto = people(towns), await person(towns.db, OLAF, operator=True)
    await it.grant(TOWN, "", her := await person(towns.db), "steward")
    late = await it.accept(await it.invite_first(TOWN, otto, "x", ["steward", "admin"]), "b@x.de", "B", PASSWORD, DESK)
    assert (late.waiting, await roles(towns, late.person)) == ({"steward", "admin"}, set())
    await it.revoke(TOWN, "", her, "steward")
    links = [(login, await it.invite_first(TOWN, otto, login, ["steward"])) for login in ("c@x.de", "d@x.de")]
    both = await asyncio.gather(*(it.accept(link, login, login, PASSWORD, DESK) for login, link in links))
    assert sorted(len(one.waiting) for one in both) == [0, 1]


@pytest.mark.on_both
@pytest.mark.threat("T30")
async def test_the_operator_invites_who_comes_first(towns: Towns) -> None:
    """Bug: the first person of a participant waited for a second one for ever. >> the operator at the desk invites
    before and after there is an admin << the first counts at once, the second waits for the admin's word."""
    it = people(towns)
    otto = (await it.add(OLAF, "Otto Betrieb", operator=True)).id
    first = await it.accept(
        await it.invite_first(TOWN, otto, "x", ["admin", "steward"]), "anna@musterstadt.de", "Anna", PASSWORD, DESK
    )
    assert (first.waiting, await roles(towns, first.person)) == (set(), {"admin", "steward"})
    second = await it.accept(
        await it.invite_first(TOWN, otto, "y", ["admin", "auditor"]), "bert@musterstadt.de", "Bert", PASSWORD, DESK
    )
    assert (second.waiting, await roles(towns, second.person)) == ({"admin"}, {"auditor"})
    with pytest.raises(Refusal):
        await it.confirm(TOWN, otto, second.person, "admin")
    await it.confirm(TOWN, first.person, second.person, "admin")


@pytest.mark.threat("T30")
async def test_the_operators_word_is_judged_when_it_counts(towns: Towns) -> None:
    """Bug: of two invitations that the operator made before anybody was there, the second still gave everything, and
    he could take one himself. >> he invites twice and himself; both accept; he is no operator any more << refused for
    himself; the first counts, the second waits; what else he sent out is void."""
    it = people(towns)
    otto = (await it.add(OLAF, "Otto Betrieb", operator=True)).id
    one, two, own, late = [await it.invite_first(TOWN, otto, "x", ["admin", "steward"]) for _ in range(4)]
    with pytest.raises(Refusal, match="own-role"):
        await it.accept_signed(own, otto)
    first, second = [await it.accept(link, login, "Y", PASSWORD, DESK) for link, login in ((one, ANNA), (two, BERT))]
    assert (first.waiting, second.waiting) == (set(), {"admin", "steward"})
    assert await roles(towns, second.person) == set()
    await it.revoke(TOWN, "", first.person, "admin")
    await it.make_operator(otto, operator=False)
    with pytest.raises(Unauthenticated, match=r"accounts\.invitation"):
        await it.accept(late, "carla@musterstadt.de", "Carla", PASSWORD, DESK)


@pytest.mark.threat("T30")
async def test_the_word_of_who_left_counts_no_more(towns: Towns) -> None:
    """Bug: invitations and proposals outlived an admin whose group was taken, and one of an operator who had been
    removed broke off. >> an admin by group invites and proposes, then loses the group; an operator invites and is
    removed << neither link counts, nothing is left to confirm."""
    it = people(towns)
    (_, bert), carla = await admins(it, towns), await person(towns.db)
    dora = await person(towns.db, OLAF)
    await it.by_groups(dora, {TOWN: frozenset({"admin"})})
    link = await it.invite(TOWN, dora, "x", ["auditor"])
    assert not await it.grant(TOWN, dora, carla, "steward")
    await it.by_groups(dora, {})
    otto = (await it.add("otto@provider.de", "Otto Betrieb", operator=True)).id
    other = await it.invite_first(TOWN, otto, "x", ["auditor"])
    await it.remove(otto)
    for gone in (link, other):
        with pytest.raises(Unauthenticated, match=r"accounts\.invitation"):
            await it.accept(gone, "eva@musterstadt.de", "Eva", PASSWORD, DESK)
    with pytest.raises(Unknown, match="no-proposal"):
        await it.confirm(TOWN, bert, carla, "steward")


@pytest.mark.on_both
@pytest.mark.threat("T142")
async def test_bug_proposals_of_an_operator_outlived_his_role(towns: Towns) -> None:
    """>> an operator's invitation of a steward is accepted, and waits for a second person; he is no operator, or
    was one no more as another replica noted the proposal << nothing to confirm; one of an admin stays."""
    it = people(towns)
    (anna, bert), carla = await admins(it, towns), await person(towns.db)
    otto = (await it.add(OLAF, "Otto Betrieb", operator=True)).id
    await it.accept_signed(await it.invite_first(TOWN, otto, "Carla", ["steward"]), carla)
    await it.grant(TOWN, anna, carla, "admin")
    await it.make_operator(otto, operator=False)
    with pytest.raises(Unknown, match="no-proposal"):
        await it.confirm(TOWN, bert, carla, "steward")
    await towns.db.write(TOWN, store.propose, TOWN, carla, "steward", otto)  # as by a transaction that was under way
    with pytest.raises(Unknown, match="no-proposal"):
        await it.confirm(TOWN, bert, carla, "steward")
    await it.confirm(TOWN, bert, carla, "admin")
    assert await roles(towns, carla) == {"admin"}
    late = await it.invite(TOWN, otto, "Dora", ["auditor"])
    with pytest.raises(Unauthenticated, match="invitation"):
        await it.accept_signed(late, await person(towns.db, "dora@musterstadt.de"))


@pytest.mark.on_both
@pytest.mark.threat("T30")
async def test_what_is_no_invitation(towns: Towns) -> None:
    """>> guessed, over, taken back, of an admin who is none any more << each the same; the database has no link."""
    it = people(towns)
    anna, bert = await admins(it, towns)
    back, hers = [await it.invite(TOWN, anna, "x", ["auditor"]) for _ in range(2)]
    rows = await towns.db.read(TOWN, lambda tx: tx.all("SELECT * FROM invitation"))
    assert not {back, hers} & {str(value) for row in rows for value in row.values()}
    taken = await it.invitation(back)
    await it.take_back(TOWN, taken.id)
    for gone in (taken.id, "x"):
        with pytest.raises(Unknown):
            await it.take_back(TOWN, gone)
    assert (await it.invitation(hers)).invited_by == anna
    await it.revoke(TOWN, bert, anna, "admin")
    for link in (back, hers, "", "x" * 43, second_factor.fresh()):
        with pytest.raises(Unauthenticated, match=r"accounts\.invitation"):
            await it.accept(link, OLAF, "Olaf", PASSWORD, DESK)
    over = await it.invite(TOWN, bert, "x", ["auditor"])
    await towns.db.write(TOWN, lambda tx: tx.run("UPDATE invitation SET ends_at = :now", now=tx.now))
    with pytest.raises(Unauthenticated):
        await it.invitation(over)


async def test_who_is_known_joins_another_town(towns: Towns) -> None:
    """>> Olaf of Nachbardorf takes an invitation to Musterstadt; Anna takes her own << roles at both; refused."""
    it = people(towns)
    (anna, _), olaf = await admins(it, towns), await person(towns.db, OLAF)
    await it.grant(VILLAGE, "", olaf, "steward")
    link = await it.invite(TOWN, anna, "Olaf", ["auditor"])
    with pytest.raises(Refusal, match="own-role"):
        await it.accept_signed(link, anna)
    joined = await it.accept_signed(link, olaf)
    assert (joined.participant, joined.waiting, joined.cookie) == (TOWN, frozenset(), "")
    assert (await roles(towns, olaf), await roles(towns, olaf, VILLAGE)) == ({"auditor"}, {"steward"})
    members, invited = await it.members(TOWN)
    assert [one.person.login for one in members] == [ANNA, BERT, OLAF]
    assert invited == []


async def test_the_operator_adds_whom_he_knows(towns: Towns) -> None:
    """>> a person, twice; a participant that is not there << one; refused; refused."""
    it = people(towns)
    made = await it.add(" Petra@Musterstadt.de", "Petra  Muster", operator=True)
    assert (made.login, made.name, made.operator) == ("petra@musterstadt.de", "Petra Muster", True)
    with pytest.raises(Mistake, match="login-taken"):
        await it.add("petra@musterstadt.de", "Zweite")
    with pytest.raises(Unknown):
        await it.grant("nirgendwo", "", made.id, "steward")
    with pytest.raises(Unknown):
        await it.grant(TOWN, "", "nobody", "steward")
    assert await it.known("PETRA@musterstadt.de") == made
    with pytest.raises(Mistake, match="unknown-login"):
        await it.known(OLAF)
    await it.make_operator(made.id, operator=False)
    assert not (await it.known("petra@musterstadt.de")).operator


@at_rest
def state(tx: Tx, now: str) -> None:
    tx.run("UPDATE participant SET state = :state WHERE id = :id", id=tx.scope, state=now)


async def test_nobody_has_roles_where_the_town_has_moved_from(towns: Towns) -> None:
    """>> her town is being moved << no role is changed, and she is not removed; it has moved << she has no role there
    any more, and can be removed."""
    it = people(towns)
    anna, bert = await admins(it, towns)
    await it.grant(VILLAGE, "", anna, "auditor")
    await towns.db.write(TOWN, state, "moving")
    for change in (it.revoke(TOWN, bert, anna, "admin"), it.grant(TOWN, "", anna, "auditor"), it.remove(anna)):
        with pytest.raises(AtRest):
            await change
    assert await roles(towns, anna) == {"admin"}
    await towns.db.write(TOWN, state, "moved")
    assert await roles(towns, anna) == frozenset()
    await it.remove(anna)
    with pytest.raises(Mistake, match="unknown-login"):
        await it.known(ANNA)


async def named(towns: Towns) -> dict[str, str]:
    """Who has confirmed the name that each has now, by login."""
    return {one.person.login: one.named_by for one in await towns.db.read(TOWN, store.members, TOWN)}


@pytest.mark.on_both
@pytest.mark.threat("T86")
async def test_bug_nobody_but_she_herself_stood_for_the_name_that_others_read(towns: Towns) -> None:
    """>> Bert confirms what Carla is called, she calls herself Anna, and Carla again << his word, nobody's, his word.
    Not one's own; not by a form of before; not at another town; the log has no name."""
    it = people(towns)
    (anna, bert), carla = await admins(it, towns), await person(towns.db)
    for slug in (TOWN, VILLAGE):
        await it.grant(slug, "", carla, "publisher")
    first = (await towns.db.read(PROCESS, store.person, carla)).name
    pseudonym = await towns.db.read(TOWN, store.pseudonym, TOWN, bert)
    told = await towns.db.read(TOWN, store.pseudonym, TOWN, carla)
    directory = Directory()

    async def unsure() -> list[str]:
        return await towns.db.read(TOWN, directory.unconfirmed, TOWN, [told, told, "p-000000"])

    assert (await named(towns))[PETRA] == ""
    assert await unsure() == [first]
    with pytest.raises(Refusal, match=r"accounts\.own-name"):
        await it.confirm_name(TOWN, carla, carla, first)
    await it.confirm_name(TOWN, bert, carla, first)
    assert await named(towns) == {PETRA: pseudonym, ANNA: "", BERT: ""}
    assert await unsure() == []
    assert (await towns.db.read(VILLAGE, store.members, VILLAGE))[0].named_by == ""
    shown = [one for one, _ in await it.all()]
    assert [slugs for slugs in (await it.confirmed(shown)).values() if slugs] == [[TOWN]]
    await towns.db.write(PROCESS, store.set_details, carla, "Anna Muster", "de")
    assert (await named(towns))[PETRA] == ""
    assert await unsure() == ["Anna Muster"]
    with pytest.raises(Mistake, match=r"accounts\.name-changed"):
        await it.confirm_name(TOWN, anna, carla, first)
    await towns.db.write(PROCESS, store.set_details, carla, first, "de")
    assert (await named(towns))[PETRA] == pseudonym
    last = (await logged(towns))[-1]
    assert last["body"] == {"person": told, "change": "name-confirmed", "by": pseudonym}
    assert first not in str(await logged(towns))


async def test_only_who_has_a_role_here_has_a_name_to_confirm(towns: Towns) -> None:
    """>> somebody of another town; nobody << unknown, both alike."""
    it = people(towns)
    (anna, _), olaf = await admins(it, towns), await person(towns.db, OLAF)
    await it.grant(VILLAGE, "", olaf, "steward")
    for who in (olaf, "nobody"):
        with pytest.raises(Unknown, match=r"accounts\.no-person"):
            await it.confirm_name(TOWN, anna, who, "Olaf Muster")
