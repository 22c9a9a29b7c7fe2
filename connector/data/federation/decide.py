"""What follows from a listing: what is fetched, what is forgotten, what is not believed yet, when to ask again. Pure.

Forgetting needs a whole listing. One that is empty after something was there, or of which nobody can prove that it is
whole and that has shrunken to less than half, counts only once it was heard again a while later (decision 0064).
"""

import posixpath
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

MINUTE_MS: Final = 60_000
CONFIRM_MS: Final = 10 * MINUTE_MS
"""So much later a listing that is doubted has to be heard again."""
FIRST_MS: Final = MINUTE_MS
LONGEST_MS: Final = 6 * 60 * MINUTE_MS
"""Pauses after failures: the first, doubled for each further one, and the longest."""
KEPT_MS: Final = 90 * 24 * 60 * MINUTE_MS
"""So long copies are kept that nobody can compare any more: what was taken back there meanwhile, or names a person who
wants to be forgotten, must not stay here for ever."""
IN_VAIN: Final = KEPT_MS // LONGEST_MS
FEW: Final = 10
"""Copies of a small catalogue may go one by one: it has shrunken only if it had more than these."""


class Difference(Struct, frozen=True):
    """Ids to be fetched, and those that are not listed any more."""

    wanted: tuple[str, ...]
    gone: tuple[str, ...]


def difference(listed: Mapping[str, str], held: Mapping[str, str | None], aside: Mapping[str, str]) -> Difference:
    """`listed`, `held` and `aside` name states by what their provider calls them (id -> hash).

    What was set aside is not fetched again while it is called the same; an older copy of it stays.
    """
    wanted = tuple(name for name, told in listed.items() if held.get(name) != told and aside.get(name) != told)
    return Difference(wanted, tuple(name for name in held if name not in listed))


def doubtful(held: Collection[str], listed: int, gone: int, *, proven: bool) -> bool:
    """Whether so much is missing that the listing may be a mistake of its provider; `proven` if a digest says it is
    whole."""
    if not held or not gone:
        return False
    return listed == 0 or (not proven and len(held) > FEW and 2 * gone > len(held))


def confirmed(doubted_at: int | None, now: int) -> bool:
    """Whether a doubtful listing was heard before, long enough ago (ms)."""
    return doubted_at is not None and doubted_at <= now - CONFIRM_MS


def pause(failures: int, chance: float) -> int:
    """Milliseconds until the next attempt after so many failures in a row; `chance` in 0..1 spreads them."""
    longest = min(LONGEST_MS, FIRST_MS << min(failures - 1, 12))
    return longest // 2 + int(longest // 2 * chance)


def given_up(failures: int, complete_at: int | None, now: int) -> bool:
    """Whether a member was not read for so long that its copies may go: by the clock, and by so many attempts in vain
    that neither a clock that jumps nor a person who tries again and again makes them go."""
    return failures >= IN_VAIN and (complete_at or 0) <= now - KEPT_MS


def around(every_ms: int, chance: float) -> int:
    """A period, a tenth more or less by `chance` in 0..1: who was asked together is asked apart the next time."""
    return int(every_ms * (0.9 + 0.2 * chance))


def claims_other(name: str, own: Collection[str], roots: Mapping[str, str]) -> bool:
    """Whether an id lies below the root of another member than the one that shows it, however it is spelt. `own`: the
    DIDs of that one, also those whose place it has taken, for what it published before a move is still called so.

    `roots`: root, as `place_of` has it -> DID, of all members.
    """
    place = place_of(name)
    while "/" in place:
        if place in roots:
            return roots[place] not in own
        place = place.rpartition("/")[0]
    return False


def place_of(name: str) -> str:
    """An https address as every browser takes it: without query, user and port 443, in small letters up to the path,
    which has no steps back and nothing encoded. Any other name as it is, without query."""
    bare = name.partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(bare.replace("\\", "/"))
        host, port = parts.hostname, parts.port
    except ValueError:
        return bare
    if parts.scheme != "https" or not host:
        return bare
    path = posixpath.normpath("/" + unquote(parts.path).lstrip("/")).rstrip("/")
    return f"https://{host}{'' if port in (None, 443) else f':{port}'}{path}"
