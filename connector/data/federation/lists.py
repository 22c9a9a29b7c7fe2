"""Compares with a member which lists both hold, beside reading its catalogue (spec/trust.md 4.8).

Digests go first; where they differ each shows the other its list as the authority signed it, and a newer one than ours
is taken from whoever has it (decision 0176). A member is asked again once our lists are others than when it agreed, and
ten minutes later in any case: it may have come to hold a newer one, which we are not shown. Towns of one process hold
the same lists and ask each other nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec
import structlog
from msgspec import Meta, Struct

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.identity.trust.members.held_lists import MOST, HeldLists, ListClaim, Numbered, ahead, digest_of, disputed
from connector.identity.trust.members.trust_list import LIMIT

log = structlog.get_logger("federation")
K = TypeVar("K")
V = TypeVar("V")
CLAIMS_BYTES: Final = 32_768
"""Of a request or an answer that claims lists."""
LONGEST_S: Final = 30.0
MISSING: Final = frozenset({404, 405, 410, 501})
"""Statuses of who compares no lists, or holds that one no more."""
OLDER: Final = 405
"""Status of a member that compares lists and hands out none."""
TRIES: Final = 3
"""So often in a row a member may claim another list and not show it before people are told."""
AGAIN_MS: Final = 600_000
"""For so long a member that agreed is not asked again while our lists are the same."""
_REMEMBERED: Final = 10_000
"""Members of which it is known that they agreed, or did not show a list."""


class ListClaims(Struct, frozen=True):
    """Body and answer of `POST /federation/lists`; further members are overlooked."""

    lists: Annotated[list[ListClaim], Meta(max_length=MOST)]


class Ask(Protocol):
    """How a member is asked in a participant's name."""

    async def inventory(self, slug: str, did: str) -> str | None: ...

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer: ...

    async def hand_in(
        self, slug: str, did: str, url: str, seal: bytes, second: str = "", limit: int | None = None
    ) -> Answer: ...


Doubt = Callable[[str, str, str], Awaitable[None]]
"""(participant, member, authority): told of a member that claims another list and does not show it."""


async def _nobody(slug: str, did: str, authority: str) -> None:
    return None


class ListExchange:
    """`here` says whether a DID is one of this process."""

    def __init__(self, held: HeldLists, ask: Ask, here: Callable[[str], bool], clock: Clock) -> None:
        self._held, self._ask, self._here, self._clock = held, ask, here, clock
        self._doubt: Doubt = _nobody
        self._agreed: OrderedDict[tuple[str, tuple[ListClaim, ...]], int] = OrderedDict()
        """When a member agreed with these lists (steady milliseconds)."""
        self._unshown: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def listen(self, doubt: Doubt) -> None:
        """Who is told of claims that nothing shows."""
        self._doubt = doubt

    async def look(self, slug: str, own: str, did: str) -> None:
        """Compares if there is something new to compare; what fails is looked at again with the next crawl."""
        if self._here(did) or not self._held.numbers(own, did):
            return
        mine = await self._held.claims(own, did)
        agreed = self._agreed.get((did, mine))
        if agreed is not None and self._clock.steady() - agreed < AGAIN_MS:
            return
        try:
            async with asyncio.timeout(LONGEST_S):
                settled = await self._compare(slug, own, did, mine)
        except (TimeoutError, HanseError) as fault:
            log.info("federation.lists", participant=slug, member=did, why=str(fault))
            return
        if settled:
            _remember(self._agreed, (did, mine), self._clock.steady())
            for authority in self._held.numbers(own, did):
                self._answered(slug, did, authority)

    async def _compare(self, slug: str, own: str, did: str, mine: Sequence[ListClaim]) -> bool:
        """Whether nothing is left to compare."""
        address = await self._ask.inventory(slug, did)
        if address is None:
            return True
        url = f"{address.rpartition('/')[0]}/lists"
        body = msgspec.json.encode(ListClaims(list(mine)))
        answer = await self._ask.post(slug, did, url, body, limit=CLAIMS_BYTES)
        if answer.status in MISSING:
            return True
        if answer.status != 200:
            raise Unavailable("peer.busy", status=answer.status)
        theirs = _claims(answer.body)
        shown = [await self._show(slug, own, did, url, *one) for one in disputed(mine, theirs).items()]
        taken = [await self._take(slug, did, url, one) for one in ahead(self._held.numbers(own, did), theirs)]
        return all(shown) and all(taken)

    async def _take(self, slug: str, did: str, url: str, which: Numbered) -> bool:
        """Whether we hold a list now that is as new as the one which the member claims."""
        if not await self._held.lacks(which):
            return True
        await self._count(slug, did, which.authority)
        answer = await self._ask.get(slug, did, _place(url, which), limit=LIMIT)
        taken = answer.status == 200 and await self._held.take(which, answer.body.decode("ascii", "replace").strip())
        if taken or answer.status == OLDER:
            self._answered(slug, did, which.authority)
        return taken or answer.status == OLDER

    async def _show(self, slug: str, own: str, did: str, url: str, which: Numbered, theirs: str) -> bool:
        """Whether the member showed the list that it claims; one of ours that it does not claim is shown to it."""
        held = await self._held.show(own, did, which, beside=theirs)
        if held is None:  # newer lists came meanwhile
            return False
        await self._count(slug, did, which.authority)
        answer = await self._ask.hand_in(slug, did, _place(url, which), held.encode("ascii"), limit=LIMIT)
        other = answer.body.decode("ascii", "replace").strip() if answer.status == 200 else ""
        verdict = await self._held.judge(which.authority, held, other)
        shown = verdict == "forked" or (verdict == "same" and digest_of(other) == theirs)
        if shown:
            self._answered(slug, did, which.authority)
        return shown

    async def _count(self, slug: str, did: str, authority: str) -> None:
        """Before it is asked: however it stays silent then, that counts, and people are told once."""
        tries = self._unshown.get((slug, did, authority), 0)
        if tries == TRIES:
            log.warning("federation.list-unshown", participant=slug, member=did, authority=authority)
            await self._doubt(slug, did, authority)
        _remember(self._unshown, (slug, did, authority), tries + 1)

    def _answered(self, slug: str, did: str, authority: str) -> None:
        """Its tries in a row are over. Of whom people were told once they are not told again: who lies would be told of
        as often as it likes."""
        if self._unshown.get((slug, did, authority), 0) <= TRIES:
            self._unshown.pop((slug, did, authority), None)


def _place(url: str, which: Numbered) -> str:
    return f"{url}/{quote(which.authority, safe='')}/{which.version}"


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)


def _claims(body: bytes) -> Sequence[ListClaim]:
    """What an answer claims; raises PeerError if it is none."""
    try:
        return msgspec.convert(strict.loads(body, limit=CLAIMS_BYTES), ListClaims).lists
    except msgspec.ValidationError as cause:
        raise PeerError("federation.list-claims") from cause
