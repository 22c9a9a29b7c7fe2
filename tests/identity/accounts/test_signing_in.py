"""Password and second factor: who comes in, what guessing costs, and that a stranger shuts nobody out."""

import asyncio

import pytest
from msgspec.structs import replace

from connector.foundation.errors import Mistake, Unauthenticated
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage import PROCESS, Database
from connector.identity.accounts import attempts, second_factor, session_store, store
from connector.identity.accounts.sessions import Sessions
from connector.identity.accounts.signing_in import OpenedSession, folded, shown
from tests.identity.accounts.people import (
    DESK,
    OLAF,
    PASSWORD,
    PETRA,
    STRANGER,
    WRONG,
    came_in,
    code,
    now,
    outcome,
    person,
    signing_in,
    ticket,
    with_second,
)


async def rested(db: Database, ms: int) -> None:
    """As if all attempts had been so much earlier."""
    await db.write(PROCESS, lambda tx: tx.run("UPDATE sign_in_attempt SET last_at = last_at - :ms", ms=ms))


async def test_name_and_password_open_a_session(any_db: Database) -> None:
    """>> as typed, with other case, spaces around << in; each time another session, and she sees them all."""
    it, her = signing_in(any_db), await person(any_db)
    for login in (PETRA, PETRA.upper(), f"  {PETRA} "):
        signed = await Sessions(any_db).session((await came_in(it, login)).cookie)
        assert signed is not None
        assert (signed.person, signed.strong) == (her, False)
    assert len(await Sessions(any_db).own(her)) == 3


@pytest.mark.threat("T25")
async def test_nobody_learns_what_was_wrong(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> unknown name, none, a known one with a wrong password, one without any << one answer, one hash each."""
    it = signing_in(any_db)
    await person(any_db)
    await any_db.write(PROCESS, store.add, OLAF, "Olaf", issuer="https://login.example", subject="7")
    hashes = []
    inner = it._passwords.judge
    monkeypatch.setattr(it._passwords, "judge", lambda *given: hashes.append(given) or inner(*given))
    for login in ("niemand@example.org", "", "x" * 5000, "zwei Worte", PETRA, OLAF):
        with pytest.raises(Unauthenticated, match=r"accounts\.sign-in"):
            await it.password(login, WRONG, STRANGER)
    assert len(hashes) == 6
    with pytest.raises(Unauthenticated):
        await it.password(OLAF, "", STRANGER)


@pytest.mark.threat("T87")
async def test_guessing_is_slowed_down(any_db: Database) -> None:
    """>> guess after guess from one network << five, then pauses that double up to a quarter of an hour."""
    it = signing_in(any_db)
    await person(any_db)
    beside = replace(STRANGER, address="198.51.100.7")
    assert [await outcome(it, one) for one in (STRANGER, beside) * 2] == ["accounts.sign-in"] * 4
    assert await outcome(it, STRANGER) == "accounts.sign-in"
    assert await outcome(it, STRANGER, PASSWORD) == "accounts.wait", "not even the right one"
    for pause in (30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000):
        await rested(any_db, pause - 2_000)
        assert await outcome(it, STRANGER) == "accounts.wait"
        await rested(any_db, 2_000)
        assert await outcome(it, STRANGER) == "accounts.sign-in"
    await rested(any_db, 900_000)
    assert await outcome(it, STRANGER, PASSWORD) == "OpenedSession"
    assert await outcome(it, STRANGER) == "accounts.sign-in", "she begins anew"


@pytest.mark.threat("T87")
async def test_a_stranger_shuts_nobody_out(any_db: Database) -> None:
    """>> a stranger fills what he can, from everywhere << her browser, and a link, still let her in."""
    it = signing_in(any_db)
    await person(any_db)
    known = replace(DESK, known=(await came_in(it)).known)
    for number in range(60):
        await outcome(it, replace(STRANGER, address=f"203.0.{number}.1"))
    assert await outcome(it, DESK, PASSWORD) == "accounts.wait", "a new browser has to wait"
    assert await outcome(it, known, PASSWORD) == "OpenedSession"
    assert (await came_in(it, browser=known)).known == "", "it stays the same one"
    for _ in range(5):
        assert await outcome(it, known) == "accounts.sign-in"
    assert await outcome(it, known) == "accounts.wait", "a stolen one guesses no better"


@pytest.mark.threat("T87")
async def test_who_comes_in_gives_strangers_no_new_tries(any_db: Database) -> None:
    """>> guesses from fifty networks, in between she comes in from a new one << what all the world has tried goes on
    counting: else each of her mornings would be worth fifty more."""
    it = signing_in(any_db)
    await person(any_db)

    async def guess(number: int) -> None:
        await any_db.write(PROCESS, attempts.reserve, attempts.of_name(PETRA, f"10.0.{number}.1"))

    for number in range(attempts.ANYWHERE - 1):
        await guess(number)
    await came_in(it, browser=STRANGER)
    await guess(100)
    with pytest.raises(TooMany):
        await guess(101)


@pytest.mark.threat("T87")
async def test_a_secret_is_none_of_another_kind(any_db: Database) -> None:
    """>> a sign-in link, shown as a ticket between password and code, a known browser, a state << it opens nothing."""
    her = await person(any_db)
    await any_db.write(PROCESS, lambda tx: session_store.keep(tx, "d" * 64, "link", tx.now + 60_000, person=her))
    others: tuple[session_store.Kind, ...] = ("second", "external", "browser")
    for kind in others:
        assert await any_db.read(PROCESS, session_store.look, "d" * 64, kind) is None
        assert await any_db.write(PROCESS, session_store.use, "d" * 64, kind) is None
    assert await any_db.write(PROCESS, session_store.use, "d" * 64, "link") is not None


async def test_a_browser_is_known_for_one_person(any_db: Database) -> None:
    """>> her browser, his name << the lanes of a stranger."""
    it = signing_in(any_db)
    await person(any_db)
    await person(any_db, OLAF)
    known = replace(DESK, known=(await came_in(it)).known)
    for _ in range(5):
        await outcome(it, known, login=OLAF)
    assert await outcome(it, known, login=OLAF) == "accounts.wait"
    assert await outcome(it, known, PASSWORD) == "OpenedSession"


@pytest.mark.threat("T87")
async def test_guesses_at_the_same_time_are_counted_too(any_db: Database) -> None:
    """>> fifteen at once << five are judged."""
    it = signing_in(any_db)
    await person(any_db)
    said = await asyncio.gather(*(outcome(it, STRANGER) for _ in range(15)))
    assert sorted(said) == ["accounts.sign-in"] * 5 + ["accounts.wait"] * 10


@pytest.mark.threat("T36")
async def test_strangers_do_not_fill_the_table(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: whoever tried enough other names began anew with hers. >> sixty names, five guesses at Petra's, sixty other
    names << no more lanes than there may be, hers still waits, and all go after a day."""
    monkeypatch.setattr(attempts, "MOST", 30)
    for number in range(60):
        await any_db.write(PROCESS, attempts.reserve, attempts.of_name(f"name-{number}", "192.0.2.1"))
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM sign_in_attempt"))
    assert len(rows) <= 31
    for _ in range(5):
        await any_db.write(PROCESS, attempts.reserve, attempts.of_name("petra", "192.0.2.1"))
    for number in range(60):
        await any_db.write(PROCESS, attempts.reserve, attempts.of_name(f"other-{number}", "192.0.2.1"))
    with pytest.raises(TooMany):
        await any_db.write(PROCESS, attempts.reserve, attempts.of_name("petra", "192.0.2.1"))
    await rested(any_db, 90_000_000)
    await any_db.write(PROCESS, lambda tx: session_store.sweep(tx, tx.now - 86_400_000))
    assert await any_db.read(PROCESS, lambda tx: tx.all("SELECT 1 FROM sign_in_attempt")) == []


def test_networks_and_pauses() -> None:
    assert attempts.network("192.0.2.17") == attempts.network("::ffff:192.0.2.99") == "192.0.2.0/24"
    assert attempts.network("2001:db8:0:1::5") == attempts.network("2001:db8:0:ff::5%eth0") == "2001:db8::/56"
    assert attempts.network("/run/api.sock") == attempts.network("") == ""
    assert [attempts.pause(count, 5) for count in (4, 5, 6, 9, 10, 99)] == [
        0,
        30_000,
        60_000,
        480_000,
        900_000,
        900_000,
    ]


@pytest.mark.threat("T87")
async def test_a_code_counts_once(any_db: Database) -> None:
    """>> one code in three places; the one before it; the one of the set-up; the next << one; none; none; it.

    In three: if two are counted only after the right one has begun the count anew, three more are five, and no pause.
    """
    it, her = signing_in(any_db), await person(any_db)
    totp, _, first = await with_second(it, any_db)
    signed = await Sessions(any_db).session(first.cookie)
    assert signed is not None
    assert signed.strong
    assert len(await Sessions(any_db).own(her)) == 1, "the session of before is over"
    at = await now(any_db)
    with pytest.raises(Unauthenticated, match=r"accounts\.code"):
        await it.second(await ticket(it), code(totp, at), DESK)
    one, next_code = await ticket(it), code(totp, at, 1)
    said = await asyncio.gather(*(it.second(one, next_code, DESK) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in said].count(OpenedSession) == 1
    for old in (next_code, code(totp, at), code(totp, at, -1)):
        with pytest.raises(Unauthenticated):
            await it.second(await ticket(it), old, DESK)


@pytest.mark.threat("T87")
async def test_codes_cannot_be_guessed(any_db: Database) -> None:
    """>> five wrong codes << a pause, with a fresh password too; without a ticket nothing is judged at all."""
    it = signing_in(any_db)
    await person(any_db)
    totp, _, _ = await with_second(it, any_db)
    for wrong in ("000000", "", "12345", "１２３４５６", "x" * 900):
        with pytest.raises(Unauthenticated, match=r"accounts\.code"):
            await it.second(await ticket(it), wrong, DESK)
    with pytest.raises(TooMany):
        await it.second(await ticket(it), code(totp, await now(any_db), 1), DESK)
    for none in ("", "x" * 43, totp):
        with pytest.raises(Unauthenticated, match=r"accounts\.second-over"):
            await it.second(none, "000000", DESK)


async def test_a_lost_telephone(any_db: Database) -> None:
    """>> a code from paper, as typed by people << in, once; the database does not know the codes."""
    it = signing_in(any_db)
    her = await person(any_db)
    _, codes, opened = await with_second(it, any_db)
    signed = await Sessions(any_db).session(opened.cookie)
    assert signed is not None
    assert len(set(codes)) == 10
    typed = f" {codes[3].upper().replace('-', ' ')} "
    assert (await it.second(await ticket(it), typed, DESK)).cookie
    with pytest.raises(Unauthenticated):
        await it.second(await ticket(it), codes[3], DESK)
    assert await it.codes_left(signed) == 9
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT digest FROM recovery_code WHERE person = :p", p=her))
    assert not {row["digest"] for row in rows} & {session_store.__name__, *codes}


async def test_only_who_has_the_second_factor_replaces_it(any_db: Database) -> None:
    """>> a weak session of one who has one; a code of another secret << refused."""
    it = signing_in(any_db)
    await person(any_db)
    weak = await Sessions(any_db).session((await came_in(it)).cookie)
    other = await Sessions(any_db).session((await came_in(it)).cookie)
    assert weak is not None
    assert other is not None
    totp = second_factor.fresh()
    with pytest.raises(Mistake, match="code-new"):
        await it.set_up_second(weak, totp, code(second_factor.fresh(), await now(any_db)), DESK)
    await it.set_up_second(weak, totp, code(totp, await now(any_db)), DESK)
    with pytest.raises(Mistake, match="second-first"):
        await it.set_up_second(other, totp, code(totp, await now(any_db), 1), DESK)


async def test_a_new_password_ends_all_sessions(any_db: Database) -> None:
    """>> a wrong old one; a new one that is easy; then a good one << refused, refused, one session is left."""
    it, her = signing_in(any_db), await person(any_db)
    old = await came_in(it)
    signed = await Sessions(any_db).session(old.cookie)
    assert signed is not None
    with pytest.raises(Unauthenticated, match="old-password"):
        await it.change_password(signed, WRONG, "Eine neue Kastanie", DESK)
    for easy in ("kurz", "x" * 300, "aaaaaaaaaaaaaaaa", "petra-petra-petra"):
        with pytest.raises(Mistake, match=r"accounts\.password"):
            await it.change_password(signed, PASSWORD, easy, DESK)
    fresh = await it.change_password(signed, PASSWORD, "Eine neue Kastanie", DESK)
    assert await Sessions(any_db).session(old.cookie) is None
    assert len(await Sessions(any_db).own(her)) == 1
    assert await Sessions(any_db).session(fresh.cookie) is not None
    assert await outcome(it, DESK, PASSWORD) == "accounts.sign-in"
    assert await outcome(it, DESK, "Eine neue Kastanie") == "OpenedSession"


def test_names() -> None:
    assert folded(" Pétra@MUSTERSTADT.de ") == "pétra@musterstadt.de"
    assert shown("  Petra \t Muster ") == "Petra Muster"
    for wrong in ("", "  ", "a b", "a\x00b", "x" * 201, "a\u3164b", "a\u034fb"):
        with pytest.raises(Mistake):
            folded(wrong)
    for wrong in ("", " ", "x" * 121, "a\u202eb", "\u3164", "Petra\u034f Muster"):
        with pytest.raises(Mistake):
            shown(wrong)


@pytest.mark.threat("T87")
async def test_who_took_a_session_over_does_not_close_the_way_in(any_db: Database) -> None:
    """>> her old password guessed in a session of hers << five tries, and she still signs in with her code."""
    it = signing_in(any_db)
    await person(any_db)
    totp, _, opened = await with_second(it, any_db)
    signed = await Sessions(any_db).session(opened.cookie)
    assert signed is not None
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await it.change_password(signed, WRONG, "Eine neue Kastanie", STRANGER)
    with pytest.raises(TooMany):
        await it.change_password(signed, PASSWORD, "Eine neue Kastanie", STRANGER)
    assert (await it.second(await ticket(it), code(totp, await now(any_db), 1), DESK)).cookie
