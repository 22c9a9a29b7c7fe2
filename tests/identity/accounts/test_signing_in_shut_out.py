"""That somebody who knows a password, or takes every place, cannot shut out the person whose it is."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from connector.foundation.errors import Unauthenticated, Unavailable
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage import PROCESS, Database, Tx
from connector.foundation.storage.database import long
from connector.identity.accounts import store
from connector.identity.accounts.sessions import Sessions
from connector.identity.accounts.signing_in import Browser
from tests.identity.accounts.people import (
    DESK,
    OLAF,
    PASSWORD,
    PETRA,
    STRANGER,
    came_in,
    code,
    now,
    outcome,
    person,
    signing_in,
    ticket,
    with_second,
)
from tests.testkit.patience import PATIENCE_S


@pytest.mark.threat("T142")
async def test_bug_a_right_password_elsewhere_voided_the_ticket_she_had(any_db: Database) -> None:
    """>> somebody who knows her password types it again and again while she looks for her telephone; she uses hers
    twice; one of five minutes ago << her code counts; once; over."""
    it = signing_in(any_db)
    await person(any_db)
    totp, _, _ = await with_second(it, any_db)
    hers = await ticket(it)
    strangers = [await ticket(it, STRANGER) for _ in range(3)]
    assert (await it.second(hers, code(totp, await now(any_db), 1), DESK)).cookie
    with pytest.raises(Unauthenticated, match="second-over"):
        await it.second(hers, code(totp, await now(any_db), 1), DESK)
    late = "UPDATE one_time_secret SET ends_at = :now WHERE kind = 'second'"
    await any_db.write(PROCESS, lambda tx: tx.run(late, now=tx.now))
    with pytest.raises(Unauthenticated, match="second-over"):
        await it.second(strangers[0], code(totp, await now(any_db), 1), STRANGER)


@pytest.mark.threat("T142")
async def test_a_new_password_or_telephone_voids_the_tickets_of_the_old(any_db: Database) -> None:
    """>> a stranger has typed the right password; she changes it, or her telephone << his code is asked for no more."""
    it = signing_in(any_db)
    await person(any_db)
    totp, _, opened = await with_second(it, any_db)
    signed = await Sessions(any_db).session(opened.cookie)
    assert signed is not None
    his = await ticket(it, STRANGER)
    changed = await it.change_password(signed, PASSWORD, "Eine andere Kastanie", DESK)
    with pytest.raises(Unauthenticated, match="second-over"):
        await it.second(his, code(totp, await now(any_db), 1), STRANGER)
    his = await ticket(it, STRANGER, "Eine andere Kastanie")
    await with_second(it, any_db, changed)
    with pytest.raises(Unauthenticated, match="second-over"):
        await it.second(his, code(totp, await now(any_db), 1), STRANGER)


@pytest.mark.threat("T142")
async def test_bug_wrong_codes_of_a_stranger_shut_out_her_own_browser(any_db: Database) -> None:
    """>> somebody who knows her password types wrong codes; then wrong ones in her browser << her browser has a lane of
    its own, with five codes of its own; others wait; the secret of another's browser opens no lane of hers."""
    it = signing_in(any_db)
    await person(any_db)
    await person(any_db, OLAF)
    totp, _, opened = await with_second(it, any_db)
    hers = replace(DESK, known=opened.known)
    for _ in range(5):
        with pytest.raises(Unauthenticated, match=r"accounts\.code"):
            await it.second(await ticket(it, STRANGER), "000000", STRANGER)
    with pytest.raises(TooMany):
        await it.second(await ticket(it, STRANGER), "000000", STRANGER)
    at = await now(any_db)
    assert (await it.second(await ticket(it, hers), code(totp, at, 1), hers)).cookie
    with pytest.raises(TooMany):
        await it.second(await ticket(it, STRANGER), "000000", STRANGER)
    foreign = replace(STRANGER, known=(await came_in(it, OLAF)).known)
    with pytest.raises(TooMany):
        await it.second(await ticket(it, STRANGER), "000000", foreign)
    for _ in range(5):
        with pytest.raises(Unauthenticated, match=r"accounts\.code"):
            await it.second(await ticket(it, hers), "000000", hers)
    with pytest.raises(TooMany):
        await it.second(await ticket(it, hers), "000000", hers)


@pytest.mark.threat("T142")
async def test_bug_what_was_never_judged_counted_as_wrong(any_db: Database) -> None:
    """>> every place for hashing is taken while she signs in, ten times, and changes her password as often << she is
    told to come back, and no attempt of hers is counted."""
    it = signing_in(any_db)
    her = await person(any_db)
    opened = await came_in(it, PETRA)
    signed = await Sessions(any_db).session(opened.cookie)
    assert signed is not None
    before = await any_db.read(PROCESS, lambda tx: tx.all("SELECT * FROM sign_in_attempt ORDER BY lane"))
    it._passwords._waiting += 100
    for _ in range(10):
        assert await outcome(it, DESK, PASSWORD) == "accounts.busy"
        assert await outcome(it, replace(DESK, known=opened.known), PASSWORD) == "accounts.busy"
        with pytest.raises(Unavailable, match=r"accounts\.busy"):
            await it.change_password(signed, PASSWORD, "Eine andere Kastanie", DESK)
    it._passwords._waiting -= 100
    assert await any_db.read(PROCESS, lambda tx: tx.all("SELECT * FROM sign_in_attempt ORDER BY lane")) == before
    assert her == signed.person
    assert (await came_in(it, PETRA)).cookie


@pytest.mark.threat("T140")
async def test_bug_a_password_that_was_changed_while_it_was_hashed_still_opened(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the old password is under way, and is changed, or she is removed, before the hash is worked out << not in."""
    it, loop = signing_in(any_db), asyncio.get_running_loop()
    her = await person(any_db)
    inner = it._passwords.judge

    def meanwhile(*given: str) -> bool:
        asyncio.run_coroutine_threadsafe(any_db.write(PROCESS, left.pop()), loop).result(PATIENCE_S)
        return inner(*given)

    monkeypatch.setattr(it._passwords, "judge", meanwhile)
    left: list[Callable[[Tx], None]] = [
        lambda tx: store.remove(tx, her),
        lambda tx: store.set_password(tx, her, "$argon2id$"),
    ]
    before = await any_db.read(PROCESS, store.password_of, her)
    while left:
        await any_db.write(PROCESS, lambda tx: store.set_password(tx, her, str(before)))
        assert await outcome(it, DESK, PASSWORD) == "accounts.sign-in"


@pytest.mark.threat("T142")
async def test_bug_browsers_known_from_before_were_lanes_for_guesses(any_db: Database) -> None:
    """>> a stranger who had her password has signed in with four browsers; she sets up a telephone, or changes her
    password; he types in each of them << he has what a stranger has, five in all."""
    it = signing_in(any_db)
    await person(any_db)

    async def known(password: str = PASSWORD) -> list[Browser]:
        return [replace(STRANGER, known=(await came_in(it, browser=STRANGER, password=password)).known) for _ in "1234"]

    before = await known()
    signed = await Sessions(any_db).session((await came_in(it)).cookie)
    assert signed is not None
    fresh = await it.change_password(signed, PASSWORD, "Eine andere Kastanie", DESK)
    guesses = [await outcome(it, one) for one in before for _ in "12"]
    assert (guesses.count("accounts.sign-in"), guesses.count("accounts.wait")) == (5, 3)
    hers = replace(DESK, known=fresh.known)
    await any_db.write(PROCESS, lambda tx: tx.run("DELETE FROM sign_in_attempt"))
    before = await known("Eine andere Kastanie")
    _, _, opened = await with_second(it, any_db, await came_in(it, browser=hers, password="Eine andere Kastanie"))
    codes = list[str]()
    for one in [each for each in before for _ in "12"]:
        with pytest.raises((TooMany, Unauthenticated)) as refused:
            await it.second(await ticket(it, one, "Eine andere Kastanie"), "000000", one)
        codes.append(refused.value.code)
    assert (codes.count("accounts.code"), codes.count("accounts.wait")) == (5, 3)
    with pytest.raises(Unauthenticated, match=r"accounts\.code"):
        await it.second(await ticket(it, STRANGER, "Eine andere Kastanie"), "000000", replace(DESK, known=opened.known))


@pytest.mark.threat("T140")
async def test_bug_who_signed_in_while_the_password_changed_stayed_in(any_db: Database) -> None:
    """>> she changes her password, and before that is on the disk another replica has found the old one right << no
    session and no ticket by it, and the new password stays, though the old hash was to be made anew."""
    it, her = signing_in(any_db), await person(any_db)
    encoded = str(await any_db.read(PROCESS, store.password_of, her))
    running, go = threading.Event(), threading.Event()

    @long
    def changes(tx: Tx) -> None:
        store.set_password(tx, her, "$new$")
        it._anew(tx, her, DESK, strong=False)
        running.set()
        assert go.wait(PATIENCE_S)

    hers = asyncio.create_task(any_db.write(PROCESS, changes))
    await asyncio.to_thread(running.wait, PATIENCE_S)
    his = asyncio.create_task(any_db.write(PROCESS, it._known, her, (), STRANGER, encoded, "$old$"))
    await asyncio.wait([his], timeout=0.1)
    go.set()
    await hers
    with pytest.raises(Unauthenticated, match=r"accounts\.sign-in"):
        await his
    assert await any_db.read(PROCESS, store.password_of, her) == "$new$"
