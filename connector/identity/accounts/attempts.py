"""How often somebody may try to sign in: an attempt is counted before it is judged, and only if it is (spec/accounts.md
4.3, threat T87).

Attempts are counted by lane: this name from this network, this name from anywhere, or this browser, in which the person
has signed in before. Whoever guesses from outside fills the first two and never the third, so that nobody can shut a
clerk out of the browser at her desk.
"""

import ipaddress
from hashlib import sha256
from typing import NamedTuple

from connector.foundation.http.refusals import TooMany
from connector.foundation.storage.database import Tx, for_update

HERE, ANYWHERE = 5, 50
"""Attempts before the first pause."""
FIRST_MS, LONGEST_MS = 30_000, 15 * 60_000
MOST = 10_000
"""Lanes that are kept; a tenth goes at once, those that wait for nothing before those whose pause a flood would end."""
_PREFIX = {4: 24, 6: 56}


class Lane(NamedTuple):
    key: str
    free: int


def of_name(login: str, address: str) -> tuple[Lane, ...]:
    """A browser that nobody knows: this name from its network, and from anywhere."""
    return Lane(_key("here", login, network(address)), HERE), Lane(_key("anywhere", login), ANYWHERE)


def of_browser(digest: str) -> tuple[Lane, ...]:
    """A browser that belongs to the person who signs in."""
    return (Lane(_key("browser", digest), HERE),)


def of_second(person: str) -> tuple[Lane, ...]:
    """Codes for a person whose password was right, in browsers that nobody knows."""
    return (Lane(_key("second", person), HERE),)


def of_second_in(digest: str) -> tuple[Lane, ...]:
    """Codes in a browser that belongs to the person: who knows her password closes the lane above, and never this."""
    return (Lane(_key("second-browser", digest), HERE),)


def of_own(person: str) -> tuple[Lane, ...]:
    """Her old password, typed in a session of hers: whoever took that over does not get to close the way in."""
    return (Lane(_key("own", person), HERE),)


def network(address: str) -> str:
    """A neighbourhood of an address: whoever owns one usually owns those beside it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, _PREFIX[found.version]), strict=False))


def pause(count: int, free: int) -> int:
    """Milliseconds that have to pass since the last of so many attempts."""
    return 0 if count < free else min(FIRST_MS << min(count - free, 20), LONGEST_MS)


def reserve(tx: Tx, lanes: tuple[Lane, ...]) -> None:
    """Counts an attempt in each lane; raises TooMany, and counts nothing, if one of them rests."""
    for lane in sorted(lanes):
        tx.run(
            "INSERT INTO sign_in_attempt (lane, count, last_at) VALUES (:lane, 0, :now) ON CONFLICT DO NOTHING",
            lane=lane.key,
            now=tx.now,
        )
        row = tx.one(
            f"SELECT count, last_at FROM sign_in_attempt WHERE lane = :lane{for_update(tx)}",  # noqa: S608
            lane=lane.key,
        )
        count, last = (0, tx.now) if row is None else (int(row["count"]), int(row["last_at"]))
        _require_rested(tx, lane, count, last)
        tx.run(
            "UPDATE sign_in_attempt SET count = count + 1, last_at = :now WHERE lane = :lane", lane=lane.key, now=tx.now
        )
    _bound(tx)


def require_open(tx: Tx, lanes: tuple[Lane, ...]) -> None:
    """Raises TooMany if one of them rests; counts nothing."""
    for lane in lanes:
        row = tx.one("SELECT count, last_at FROM sign_in_attempt WHERE lane = :lane", lane=lane.key)
        if row is not None:
            _require_rested(tx, lane, int(row["count"]), int(row["last_at"]))


def _require_rested(tx: Tx, lane: Lane, count: int, last: int) -> None:
    rest = pause(count, lane.free) - max(0, tx.now - last)
    if count >= lane.free and rest > 0:
        raise TooMany("accounts.wait", minutes=-(-rest // 60_000))


def right(tx: Tx, lanes: tuple[Lane, ...]) -> None:
    """The attempt was no guess: its own lane begins anew, that of all the world only forgets this one."""
    for lane in lanes:
        if lane.free == ANYWHERE:
            tx.run("UPDATE sign_in_attempt SET count = count - 1 WHERE lane = :lane AND count > 0", lane=lane.key)
        else:
            tx.run("DELETE FROM sign_in_attempt WHERE lane = :lane", lane=lane.key)


def _bound(tx: Tx) -> None:
    row = tx.one("SELECT COUNT(*) AS n FROM sign_in_attempt")
    if row is not None and int(row["n"]) > MOST:
        tx.run(
            "DELETE FROM sign_in_attempt WHERE lane IN"
            " (SELECT lane FROM sign_in_attempt ORDER BY CASE WHEN count >= :here THEN 1 ELSE 0 END, last_at, lane"
            " LIMIT :some)",
            here=HERE,
            some=MOST // 10,
        )


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
