"""A token counts once, also one that this process or an earlier one has seen and not written (spec/trust.md 3.2).

On SQLite, where one process answers, the first token of a caller in a second of its `iat` writes that this second was
opened; the ids of the tokens that follow stay in memory. A minute later, or when the process dies, the second is over:
no token of it counts any more. So what is forgotten is refused, whatever any clock says (decision 0124, threat T126).
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple

import structlog

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Unauthenticated, Unavailable
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.participants import lifecycle
from connector.identity.trust.keys import jose
from connector.surfaces.peer.auth import Caller

log = structlog.get_logger("peer")
OPEN_MS: Final = 60_000
"""How long the ids of a second stay here; a token is made for its request and comes within moments."""
MOST: Final = 32_768
"""Ids in memory; those beyond are written."""
SHORT: Final = 64
"""Characters of an id that is kept there; a UUID has 36, our own have 28."""
USABLE_S: Final = 1 + jose.LONGEST_S + 2 * jose.LEEWAY_S
"""So long after it began no token of a second is in its time any more: `Caller.second` is the whole part of `iat`."""
_Key = tuple[str, str, int]
"""Participant, caller, second."""


class TokenOver(Unavailable):
    """503: whether this token was used before nobody can tell; one of another second will do, in `retry_s` seconds."""

    retry_s = 1


@dataclass(slots=True)
class _Second:
    """`opened` by the steady clock. `opening`: a unit is to write that it was; `written`: that is on the disk; `over`:
    its ids are forgotten."""

    opened: int
    ids: set[str] = field(default_factory=set)
    opening: bool = False
    written: bool = False
    over: bool = False


class SeenTokens:
    """Of one process; all methods belong to the event loop. There may be one for a database, or two would not know of
    each other."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._open: dict[_Key, _Second] = {}
        """In the order in which they were opened."""
        self._past: dict[str, int] = {}
        """By participant: seconds up to this one may be over. Of them the database is asked."""
        self._count = 0

    async def claim(self, participant: str, caller: Caller) -> "TokenUse":
        """The one use of a token, before the unit in which it counts. Raises Unauthenticated if it was used before."""
        if self._db.dialect != "sqlite":
            return TokenUse(participant, caller)
        if participant not in self._past:
            newest = await self._db.read(participant, _newest, participant)
            self._past.setdefault(participant, newest)
        self._close()
        key, past = (participant, caller.did, caller.second), self._past[participant]
        second = self._open.get(key)
        if second is not None and caller.jti in second.ids:
            raise Unauthenticated("peer.replay")
        asks = second is None and caller.second <= past
        if self._count >= MOST:
            past = self._past[participant] = max(past, caller.second)
        if caller.second <= past or len(caller.jti) > SHORT:
            return TokenUse(participant, caller, asks=asks)
        if second is None:
            second = self._open[key] = _Second(self._clock.steady())
        opens, second.opening = not second.opening, True
        second.ids.add(caller.jti)
        self._count += 1
        return TokenUse(participant, caller, kept=_Kept(self, second, opens))

    async def hand_over(self) -> None:
        """Writes what is in memory, once no request comes any more: for the next process no second need be over."""
        open_ids = defaultdict[str, dict[tuple[str, int], Set[str]]](dict)
        for (participant, did, number), second in self._open.items():
            open_ids[participant][did, number] = frozenset(second.ids)
        for participant, ids in open_ids.items():
            try:
                await self._db.write(participant, _hand_over, participant, ids)
            except HanseError as lost:  # then they are over, as after a crash
                log.info("peer.tokens-over", participant=participant, why=lost.code)

    def _close(self) -> None:
        """Seconds that were opened a minute ago are over: from here on the database is asked of them."""
        before = self._clock.steady() - OPEN_MS
        while self._open:
            key = next(iter(self._open))
            if self._open[key].opened > before:
                return
            second = self._open.pop(key)
            self._count -= len(second.ids)
            second.ids.clear()
            second.over = True
            self._past[key[0]] = max(self._past[key[0]], key[2])

    def forget(self, second: _Second, jti: str) -> None:
        """What was asked for with it was undone as a whole, so that it was not used."""
        if jti in second.ids:
            second.ids.remove(jti)
            self._count -= 1


class _Kept(NamedTuple):
    """Where an id stands in memory, and whether its unit writes that its second was opened."""

    seen: SeenTokens
    second: _Second
    opens: bool


class TokenUse:
    """`with use:` around the unit that calls `remember`; an error that undoes all of the unit gives the token back.

    Who is cancelled meanwhile gives nothing back: the unit may be committed all the same.
    """

    def __init__(self, participant: str, caller: Caller, *, asks: bool = False, kept: _Kept | None = None) -> None:
        """`asks`: whether its second may be over; `kept`: the id is in memory."""
        self._participant, self._caller, self._asks, self._kept = participant, caller, asks, kept

    def remember(self, tx: Tx) -> None:
        """What the request's transaction begins with. Raises Unauthenticated, or `TokenOver`.

        Before it is on the disk that its second was opened, and once that is over, a token has a row of its own.
        """
        participant, did, second = self._participant, self._caller.did, self._caller.second
        if self._kept is not None:
            if self._kept.second.written and not self._kept.second.over:
                return
            if self._kept.opens:
                _put(tx, participant, did, second, _opened(second))
        elif self._asks and _known(tx, participant, did, _opened(second)):
            raise TokenOver("peer.token-over")
        if not _put(tx, participant, did, second, self._caller.jti):
            raise Unauthenticated("peer.replay")

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept is None:
            return
        seen, second, opens = self._kept
        if kind is None:
            second.written = second.written or opens
        elif issubclass(kind, Exception):
            second.opening = second.opening and not opens
            seen.forget(second, self._caller.jti)


def _opened(second: int) -> str:
    """Stands in the place of a token's id, which holds no character that steers a screen (`http/strict.py`)."""
    return f"\x01{second}"


def _put(tx: Tx, participant: str, issuer: str, second: int, jti: str) -> int:
    return tx.run(
        "INSERT INTO seen_token (participant, issuer, jti, expires_at)"
        " VALUES (:participant, :issuer, :jti, :expires_at) ON CONFLICT DO NOTHING",
        participant=participant,
        issuer=issuer,
        jti=jti,
        expires_at=(second + USABLE_S) * 1000,
    )


def _known(tx: Tx, participant: str, issuer: str, jti: str) -> bool:
    sql = "SELECT 1 FROM seen_token WHERE participant = :participant AND issuer = :issuer AND jti = :jti"
    return tx.one(sql, participant=participant, issuer=issuer, jti=jti) is not None


def _newest(tx: Tx, participant: str) -> int:
    """No row is of a later second."""
    row = tx.one(
        "SELECT expires_at FROM seen_token WHERE participant = :participant ORDER BY expires_at DESC LIMIT 1",
        participant=participant,
    )
    return -1 if row is None else int(row["expires_at"]) // 1000 - USABLE_S


@long
def _hand_over(tx: Tx, participant: str, ids: Mapping[tuple[str, int], Set[str]]) -> None:
    """All of a second that was opened, and no longer that it was."""
    lifecycle.require_not_deleting(tx, participant)
    for (did, second), some in ids.items():
        for jti in some:
            _put(tx, participant, did, second, jti)
        tx.run(
            "DELETE FROM seen_token WHERE participant = :participant AND issuer = :issuer AND jti = :jti",
            participant=participant,
            issuer=did,
            jti=_opened(second),
        )
