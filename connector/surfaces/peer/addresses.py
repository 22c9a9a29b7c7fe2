"""Nothing is sent to an address before the place itself has said that it is the peer's (decision 0050, threat T72).

A DID document may name any host as the root of its connector; who published it has shown to hold the place that its
did:web names, and nothing more. For any other place one GET of a fixed path is made: the DID document there has to be,
or to name in `alsoKnownAs`, that of the peer. How often we ask is bounded, whatever comes in.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.address import target, under_root
from connector.foundation.http.outbound import Answer
from connector.foundation.http.pace import Pace
from connector.foundation.http.refusals import TooMany
from connector.identity.trust.did import did as dids

KEEP_MS: Final = 86_400_000
REFUSED_MS: Final = 300_000
LONGEST_MS: Final = 3_600_000
MOST: Final = 10_000
LIMIT: Final = 65_536
TOTAL_S: Final = 5.0
MINUTES: Final = 600_000
"""Questions per ten minutes are counted; one is given back in that time."""
BY_PEER, BY_OPERATOR, BY_LIST, BY_HOST = 6, 15, 30, 300
"""Questions at once for one peer, and to one host for the peers of one operator, for those of one list, and for all;
after that one in ten minutes each. So neither an operator alone nor a list alone, which may name anybody under any
operator, can use up a host's questions, which others need to be proven there: who stands in several lists is asked for
by whichever has any left.

Where the place says that it is the peer's, it is no bystander and the question counts for nothing: one host may serve
hundreds of towns whose DIDs lie elsewhere, and all of them are asked again each day and after each start.
"""


class Fetch(Protocol):
    """The one method of the outbound client that is needed here."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer: ...


Vouched = Callable[[str], Sequence[tuple[str, str]]]
"""Each list that names a peer, with who runs it by that list; strangers share one."""


class _Known(msgspec.Struct, frozen=True):
    """`fault` None: the place has said so; `times` it did not in a row."""

    until: int
    fault: HanseError | None
    times: int = 0


class Addresses:
    """Which roots have said whose they are, in this process; a replica asks for itself."""

    def __init__(self, http: Fetch, clock: Clock, vouched: Vouched = lambda did: (("", did),)) -> None:
        self._http, self._clock, self._vouched = http, clock, vouched
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        slow = _TenMinutes(clock)
        self._peers, self._hosts = Pace(slow, burst=BY_PEER, per_s=1), Pace(slow, burst=BY_HOST, per_s=1)
        self._operators, self._lists = Pace(slow, burst=BY_OPERATOR, per_s=1), Pace(slow, burst=BY_LIST, per_s=1)

    async def prove(self, did: str, root: str) -> None:
        """Raises PeerError if the place is not the peer's, Unavailable if it cannot be asked now."""
        if needless(did, root):
            return
        known = self._known.get((did, root))
        if known is None or known.until <= self._clock.steady():
            known = await self._asked(did, root, known)
        if known.fault is not None:
            raise type(known.fault)(known.fault.code, **known.fault.facts)

    async def _asked(self, did: str, root: str, known: _Known | None) -> _Known:
        place, proven = _place(root), known is not None and known.fault is None
        if place is None:
            return _Known(0, _unproven(did, root))
        # One that was proven is no bystander: whatever others have used up, the proof can be had again.
        spent = None if proven else self._spend(did, place)
        times = 0 if known is None else known.times
        # Noted before it is asked: requests that come in meanwhile are not questions of their own. A proof that has run
        # out holds until the place has been asked again.
        self._keep(did, root, _Known(self._clock.steady() + REFUSED_MS, None if proven else _later(root), times))
        try:
            await self._ask(did, root, place)
        except (PeerError, Unavailable) as fault:
            pause = min(LONGEST_MS, REFUSED_MS << min(times, 10))
            return self._keep(did, root, _Known(self._clock.steady() + pause, fault, times + 1))
        if spent is not None:
            self._give_back(did, place, spent)
        return self._keep(did, root, _Known(self._clock.steady() + KEEP_MS, None))

    async def _ask(self, did: str, root: str, place: str) -> None:
        answer = await self._http.get(place, limit=LIMIT, total_s=TOTAL_S)
        if answer.status >= 500 or answer.status == 429:
            raise _later(root)
        try:
            said = strict.loads(answer.body, limit=LIMIT) if answer.status == 200 else None
        except PeerError:
            said = None
        names = [said.get("id"), *_list(said.get("alsoKnownAs"))] if isinstance(said, dict) else []
        if did not in names:
            raise _unproven(did, root)

    def _spend(self, did: str, place: str) -> tuple[str, str]:
        """By which list, and by what operator."""
        origin = _origin(place)
        try:
            self._peers.spend(did)
            said = self._listed(did, origin)
            self._hosts.spend(origin)
        except TooMany as full:
            raise _later(place) from full
        return said

    def _listed(self, did: str, origin: object) -> tuple[str, str]:
        full: TooMany | None = None
        for listed, operator in self._vouched(did):
            try:
                self._operators.spend((listed, operator, origin))
                self._lists.spend((listed, origin))
            except TooMany as error:
                full = error
            else:
                return listed, operator
        assert full is not None
        raise full

    def _give_back(self, did: str, place: str, spent: tuple[str, str]) -> None:
        origin, (listed, operator) = _origin(place), spent
        self._peers.give_back(did)
        self._operators.give_back((listed, operator, origin))
        self._lists.give_back((listed, origin))
        self._hosts.give_back(origin)

    def _keep(self, did: str, root: str, known: _Known) -> _Known:
        self._known[did, root] = known
        self._known.move_to_end((did, root))
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return known


class _TenMinutes:
    """A clock on which ten minutes are a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now() * 1000 // MINUTES

    def steady(self) -> int:
        return self._clock.steady() * 1000 // MINUTES


@lru_cache(maxsize=1024)
def needless(did: str, root: str) -> bool:
    """Whether the DID itself names that place, or one above it: its document was fetched from there."""
    try:
        return under_root(root, dids.root_of(dids.Did(did)))
    except PeerError:
        return False


def _place(root: str) -> str | None:
    """Where the DID document of a root lies, as did:web has it; None for what can have none."""
    try:
        return dids.document_url(dids.of_root(root))
    except (Mistake, PeerError):
        return None


def _origin(place: str) -> tuple[str, str, int] | None:
    there = target(place)
    return None if there is None else there.origin


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _unproven(did: str, root: str) -> PeerError:
    return PeerError("peer.address-unproven", did=did, root=root, place=_place(root) or root)


def _later(root: str) -> Unavailable:
    return Unavailable("peer.address-later", root=root)
