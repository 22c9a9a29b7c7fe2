"""Deleting a closed participant: what forbids it, what it leaves, and a crash or a second replica change nothing."""

import asyncio
from pathlib import Path

import pytest

from connector.continuity.offboarding import participant_rows
from connector.continuity.privacy import holds
from connector.foundation.errors import Defect, HanseError, Mistake, Unavailable, Unknown
from connector.foundation.storage.database import PROCESS, Tx
from connector.identity.participants import lifecycle_store
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members import pins
from connector.identity.trust.members.pin import URN, Pin
from connector.verify.bundle import verify_bundle
from tests.continuity.offboarding.leaver import LEAVER, PARTNER, closed, gone, handed, state
from tests.exchange.contracts.auditor import auditor
from tests.testkit.leavers import Killed, Mortal, holdings, leaving
from tests.testkit.moved import set_former
from tests.testkit.towns import Towns

ON_POSTGRES = pytest.mark.parametrize("towns", ["postgres"], indirect=True)  # SQLite has no roles


async def test_rows_files_and_keys_go_and_the_neighbour_keeps_all(towns: Towns, tmp_path: Path) -> None:
    """>> close, hand over, delete << no row in any table, no file; the neighbour has as many rows as before."""
    await towns.add("altstadt")
    agreement = await towns.concluded(PARTNER, LEAVER)
    other = await towns.concluded(PARTNER, "altstadt")
    await towns.fetch(PARTNER, LEAVER, agreement)
    await towns.run()
    folders = [tmp_path / name for name in ("files", "received", "log")]
    for folder in folders:
        folder.mkdir()
        (folder / "altstadt").mkdir()
    for folder in folders[:2]:
        (folder / LEAVER / "deep").mkdir(parents=True)
        (folder / LEAVER / "deep" / "baeume.csv").write_text("a")
    (folders[2] / LEAVER).write_text("note")
    evidence, roots = await auditor(towns, tmp_path)
    before = await evidence.bundle(PARTNER, agreement.id)
    await closed(towns)
    await handed(towns)
    neighbours = {slug: await holdings(towns, slug) for slug in ("altstadt", PARTNER)}
    assert (await leaving(towns, None, *folders)[1].delete(LEAVER, abandon=False, despite=True)).state == "deleted"
    await gone(towns)
    assert {slug: await holdings(towns, slug) for slug in neighbours} == neighbours
    assert [sorted(one.name for one in folder.iterdir()) for folder in folders] == [["altstadt"]] * 3
    for bundle in (before, await evidence.bundle(PARTNER, agreement.id), await evidence.bundle("altstadt", other.id)):
        assert verify_bundle(bundle, roots, "de").holds_apart_from_time


@pytest.mark.on_both
async def test_bug_what_it_believed_stayed_under_its_name(towns: Towns) -> None:
    """Bug: >> one that joined a space is deleted << the key that its people compared stood there with its DID for ever.

    What another one believes stays, and of the leaver's former DID what is somebody else's now.
    """
    heir = towns.did(PARTNER)
    former = ("did:web:frueher.example", heir)
    key = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
    authority = URN + thumbprint(key)
    pin = Pin(authority=authority, space="https://k.example", name="K", jwk=key, list_url="https://k.example/list")
    for slug, did in ((LEAVER, towns.did(LEAVER)), *((LEAVER, did) for did in former)):
        await towns.db.write(slug, pins.pin, did, pin)
    await towns.db.write(LEAVER, set_former, LEAVER, *former)
    await closed(towns)
    await handed(towns)
    assert (await leaving(towns)[1].delete(LEAVER, abandon=False, despite=True)).state == "deleted"
    assert [one.members for one in await towns.db.read(PROCESS, pins.pins)] == [{heir}]


async def test_what_has_to_be_done_before(towns: Towns) -> None:
    """<< running, evidence not taken along, a legal hold, a partner that waits >> said, nothing deleted."""
    _, deleting = leaving(towns)
    agreement = await towns.concluded(PARTNER, LEAVER)
    refusals = []

    async def refused() -> None:
        with pytest.raises(Mistake) as found:
            await deleting.delete(LEAVER, abandon=False, despite=True)
        refusals.append(found.value.code)

    await refused()
    with pytest.raises(Mistake, match=r"leaving\.not-closed"):
        await deleting.evidence(LEAVER, "")
    towns.wire.answers = [Unavailable("http.unreachable", host="x")] * 20
    await leaving(towns)[0].close(LEAVER, "Fusion.")
    await towns.run()
    await refused()
    await handed(towns)
    hold = await towns.db.write(
        LEAVER, lambda tx: holds.put(tx, LEAVER, agreement.id, "Rechtsamt", "Klage", did=towns.did(LEAVER))
    )
    await refused()
    await towns.db.write(
        LEAVER, lambda tx: holds.lift(tx, LEAVER, hold.id, "Rechtsamt", "Vergleich", did=towns.did(LEAVER))
    )
    with pytest.raises(Mistake, match=r"leaving\.untold") as untold:
        await deleting.delete(LEAVER, abandon=False, despite=True)
    assert towns.did(PARTNER) in str(untold.value)
    assert refusals == ["leaving.not-closed", "leaving.unhanded", "leaving.held"]
    assert await state(towns, LEAVER) == "closed"
    assert (await deleting.delete(LEAVER, abandon=True, despite=True)).state == "deleted"
    await gone(towns)


async def test_a_hold_does_not_hinder_closing(towns: Towns) -> None:
    await towns.concluded(PARTNER, LEAVER)
    await towns.db.write(LEAVER, lambda tx: holds.put(tx, LEAVER, None, "Rechtsamt", "Klage", did=towns.did(LEAVER)))
    assert (await leaving(towns)[0].close(LEAVER, "Fusion.")).state == "closed"


async def test_bug_no_hold_is_taken_of_what_is_being_deleted(towns: Towns) -> None:
    """>> a hold that waited for the first transaction of the deletion << refused, so that nobody relies on it."""
    await closed(towns)
    await towns.db.write(LEAVER, lifecycle_store.begin_deleting, LEAVER)
    with pytest.raises(Unknown):
        await towns.db.write(LEAVER, lambda tx: holds.put(tx, LEAVER, None, "Rechtsamt", "Klage", did="did:web:x"))


async def test_killed_after_each_transaction_it_is_deleted_all_the_same(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> delete in small portions, dead after 0, 1, 2, ... of them; a job goes on << never served by halves."""
    monkeypatch.setattr("connector.continuity.offboarding.delete.PORTION", 12)
    for left in range(60):
        slug = f"stadt{left}"
        await towns.add(slug)
        if left < 3:
            await towns.concluded(PARTNER, slug)
        await closed(towns, slug)
        await handed(towns, slug)
        mortal = Mortal(towns.db, left)
        try:
            await leaving(towns, mortal)[1].delete(slug, abandon=False, despite=True)
        except Killed:
            await towns.participants.load()
            if left == 0:
                await leaving(towns)[1].delete(slug, abandon=False, despite=True)
            else:
                assert await state(towns, slug) == "deleting"
                with pytest.raises(Unknown):
                    await towns.participants.get(slug)
            await leaving(towns)[1].job()
        await gone(towns, slug)
        if mortal.survived:
            assert left >= 3
            return
    pytest.fail("it never came to an end by itself")


@pytest.mark.on_both
async def test_two_replicas_delete_at_once(towns: Towns) -> None:
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await handed(towns)
    found = await asyncio.gather(
        *(leaving(towns)[1].delete(LEAVER, abandon=False, despite=True) for _ in range(2)), return_exceptions=True
    )
    # Whoever comes when it is over already is told so.
    assert all(not isinstance(one, BaseException) or isinstance(one, Mistake) for one in found), found
    await leaving(towns)[1].job()
    await gone(towns)


async def test_the_identifier_is_given_to_nobody_else(towns: Towns) -> None:
    """>> add the same name, or another name at the same address << refused with a sentence; other names are free."""
    root = towns.participants.held(LEAVER).participant.root
    await closed(towns)
    await leaving(towns)[1].delete(LEAVER, abandon=False, despite=True)
    for slug, place in ((LEAVER, None), (LEAVER, "https://localhost:18443/neu"), ("neu", root)):
        with pytest.raises(Mistake, match=r"leaving\.taken"):
            await towns.participants.add(slug, "Neu", "k", "", place)
    await towns.add("neu")
    with pytest.raises(Mistake, match=r"leaving\.gone"):
        await leaving(towns)[1].delete(LEAVER, abandon=False, despite=True)
    with pytest.raises(Mistake, match=r"leaving\.gone"):
        await leaving(towns)[0].close(LEAVER, "Noch einmal.")
    with pytest.raises(Unknown):
        await leaving(towns)[1].delete("niemand", abandon=True, despite=True)


@pytest.mark.on_both
async def test_what_is_noted_in_the_last_moment_is_swept(towns: Towns) -> None:
    """A request that was being answered writes a row after the end << gone with the next look."""
    await closed(towns)
    await leaving(towns)[1].delete(LEAVER, abandon=False, despite=True)
    insert = "INSERT INTO seen_token (participant, issuer, jti, expires_at) VALUES (:p, 'did:web:x', '1', 1)"
    await towns.db.write(LEAVER, lambda tx: tx.run(insert, p=LEAVER))
    await leaving(towns)[1].job()
    await gone(towns)


@pytest.mark.on_both
async def test_another_process_forgets_it_without_a_signal(towns: Towns) -> None:
    """>> the participant goes behind our back << the next look notices, and its files here go too."""
    await closed(towns)

    def behind(tx: Tx) -> None:
        lifecycle_store.begin_deleting(tx, LEAVER)

    await towns.db.write(LEAVER, behind)
    assert towns.participants.held(LEAVER)
    await leaving(towns)[1].notice()
    with pytest.raises(HanseError):
        towns.participants.held(LEAVER)


async def test_a_file_that_cannot_go_keeps_it_deleting(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await closed(towns)
    (tmp_path / LEAVER).mkdir()

    def stuck(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", stuck)
    with pytest.raises(Unavailable, match=r"leaving\.files"):
        await leaving(towns, None, tmp_path)[1].delete(LEAVER, abandon=False, despite=True)
    assert await state(towns, LEAVER) == "deleting"
    monkeypatch.undo()
    await leaving(towns, None, tmp_path)[1].job()
    await gone(towns)
    assert not (tmp_path / LEAVER).exists()


async def test_no_table_of_participants_is_forgotten(towns: Towns) -> None:
    """Rows in every table that has the column: each is emptied, in an order that the references allow."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    known = await towns.db.read(LEAVER, participant_rows.tables)
    assert len(known) >= 30
    assert {"key", "audit_entry", "ending", "hold", "handover", "transcript", "seen_token"} <= set(known)
    assert known.index("access_token") < known.index("flow")
    assert known.index("handover") < known.index("agreement") < known.index("negotiation")
    filled = [name for name, rows in (await holdings(towns, LEAVER)).items() if rows]
    assert len(filled) >= 12, filled
    rounds = 0
    await handed(towns)
    await towns.db.write(LEAVER, lifecycle_store.begin_deleting, LEAVER)
    while await towns.db.write(LEAVER, participant_rows.erase, LEAVER, 7):
        rounds += 1
    assert rounds > 3
    assert set((await holdings(towns, LEAVER)).values()) == {0}


@pytest.mark.threat("T58")
@ON_POSTGRES
async def test_nobody_deletes_the_log_of_one_that_stays(towns: Towns) -> None:
    """The second lock: the service's own role cannot take away what was logged or stated, until somebody leaves."""
    await towns.concluded(PARTNER, LEAVER)
    await leaving(towns)[0].close(LEAVER, "Fusion.")
    await towns.run()
    for slug in (LEAVER, PARTNER):
        before = await holdings(towns, slug)
        for table in ("audit_entry", "audit_seal", "ending", "hold", "deed", "audit_timestamp"):
            with pytest.raises(Defect, match=r"storage\.foreign-row"):
                await towns.db.write(slug, delete_all, table, slug)
        assert await holdings(towns, slug) == before


@ON_POSTGRES
async def test_who_is_deleted_cannot_take_a_neighbours_rows_along(towns: Towns) -> None:
    """Under the name of one that is being deleted no row of another is in reach."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await towns.db.write(LEAVER, lifecycle_store.begin_deleting, LEAVER)
    before = await holdings(towns, PARTNER)
    for table in ("ending", "audit_entry"):
        assert await towns.db.write(LEAVER, delete_all, table, PARTNER) == 0
    assert await holdings(towns, PARTNER) == before


@pytest.mark.threat("T58")
@ON_POSTGRES
async def test_bug_a_name_that_changes_during_a_statement_reaches_no_row_of_a_neighbour(towns: Towns) -> None:
    """>> begun under the name of one that is being deleted, going on under a neighbour's << each row is asked."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await towns.db.write(LEAVER, lifecycle_store.begin_deleting, LEAVER)
    before = await holdings(towns, PARTNER)
    turned = "DELETE FROM audit_entry WHERE (SELECT set_config('hanse.participant', :p, true)) IS NOT NULL"
    with pytest.raises(Defect, match=r"storage\.foreign-row"):
        await towns.db.write(LEAVER, lambda tx: tx.run(turned, p=PARTNER))
    assert await holdings(towns, PARTNER) == before


@pytest.mark.threat("T58")
@ON_POSTGRES
async def test_bug_a_temporary_table_does_not_stand_in_for_the_participants(towns: Towns) -> None:
    """>> a session says in a table of its own that its participant is being deleted << the log stays."""
    await towns.concluded(PARTNER, LEAVER)
    before = await holdings(towns, PARTNER)

    def pretended(tx: Tx) -> None:
        tx.run("CREATE TEMP TABLE participant ON COMMIT DROP AS SELECT :p::text AS id, 'deleting' AS state", p=PARTNER)
        delete_all(tx, "audit_entry", PARTNER)

    with pytest.raises(Defect, match=r"storage\.foreign-row"):
        await towns.db.write(PARTNER, pretended)
    assert await holdings(towns, PARTNER) == before


def delete_all(tx: Tx, table: str, slug: str) -> int:
    return tx.run(f"DELETE FROM {table} WHERE participant = :p", p=slug)
