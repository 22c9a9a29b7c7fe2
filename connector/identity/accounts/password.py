"""Passwords: argon2id on a thread, two at once; an unknown name costs what a known one does (spec/accounts.md 4.1).

A hash takes 64 MiB, so how many are worked out at once is bounded, and how many wait; whoever comes beyond that is told
to come back rather than let the process run out of memory. Strangers cannot take all places: some are for browsers in
which the person has signed in before, and for whoever has shown something else already (threat T87).
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.normal_form import normal_form

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST, MOST = 12, 256
"""Characters."""
MEMORY_KIB, PASSES, LANES = 65_536, 3, 1
AT_ONCE, WAITING, KEPT = 2, 16, 16
EACH = 2
"""Places of those kept that one of them may have."""


def spelt(password: str) -> str:
    """As it is hashed, however its letters were typed; of what is too long only as much as shows that."""
    return normal_form("NFC", password[: 4 * MOST + 1])[: MOST + 1]  # no letter comes apart into more than four signs


def checked(password: str, login: str) -> str:
    """The password itself, normalised; raises Mistake if it is too short, too long or among the first to be tried."""
    plain = spelt(password)
    if not LEAST <= len(plain) <= MOST:
        raise Mistake("accounts.password-length", least=LEAST, most=MOST)
    folded, name = plain.casefold(), login.partition("@")[0].casefold()
    if len(set(folded)) < 4 or (len(name) > 3 and name in folded):
        raise Mistake("accounts.password-easy")
    return plain


class Turn:
    """A place that one has: what is asked for in it is worked out."""

    def __init__(self, passwords: "Passwords") -> None:
        self._passwords = passwords

    async def hashed(self, password: str) -> str:
        """The encoded hash of a checked password."""
        return await asyncio.to_thread(self._passwords.argon().hash, password)

    async def right(self, encoded: str, password: str) -> bool:
        """Whether it is the password of this hash; an empty one is nobody's and takes as long."""
        plain = spelt(password)
        return await asyncio.to_thread(self._passwords.judge, encoded, plain)


class Passwords:
    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._memory = memory_kib
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._known = Counter[str]()
        self._hasher: PasswordHasher | None = None
        self._nobody = ""

    async def hashed(self, password: str, known: str) -> str:
        """The encoded hash of a checked password, of somebody who was invited; `known` as in `turn`."""
        async with self.turn(known) as turn:
            return await turn.hashed(password)

    def outdated(self, encoded: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self.argon().check_needs_rehash(encoded)

    @asynccontextmanager
    async def turn(self, known: str = "") -> AsyncIterator[Turn]:
        """One of those who are worked for; raises Unavailable if too many wait, before anything of theirs counts.

        `known`: who has shown something already, a person or an invitation; whatever she sends at once, others who are
        known find a place.
        """
        if self._waiting >= AT_ONCE + WAITING + (KEPT if known else 0) or self._known[known] >= EACH:
            raise Unavailable("accounts.busy")
        self._waiting += 1
        self._known.update([known] if known else [])
        try:
            async with self._slots:
                yield Turn(self)
        finally:
            self._waiting -= 1
            self._known -= Counter([known])  # what is nought goes

    def judge(self, encoded: str, password: str) -> bool:
        """Blocks."""
        from argon2.exceptions import InvalidHashError, VerificationError

        hasher = self.argon()
        if not self._nobody:
            self._nobody = hasher.hash(secrets.token_hex())
        try:
            found = hasher.verify(encoded or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return found and bool(encoded)

    def argon(self) -> "PasswordHasher":
        """With today's parameters."""
        if self._hasher is None:
            from argon2 import PasswordHasher  # loaded when somebody signs in

            self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=self._memory, parallelism=LANES)
        return self._hasher
