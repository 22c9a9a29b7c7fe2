"""Searching the data space: in the copies of what members showed us, and live at members that were never read.

Whoever asks is answered from what it was itself shown (threat T79); each answer says when that was.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec
from multidict import MultiMapping

from connector.data.catalogue.describe import day
from connector.data.catalogue.search import copies, facets, filters
from connector.data.catalogue.search.find import LARGEST_PAGE, PAGE, Answer, Index, SearchRequest, fits
from connector.data.catalogue.search.store import Hit, MemberState
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import HanseError, Mistake, PeerError
from connector.foundation.language import LANGUAGES
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.values import Span, instant
from connector.surfaces.requests.peers import Listed, Peers
from connector.surfaces.views.dataset import CountView, FindView, HitView, IncompleteView, UnreachableView, hit, silent
from connector.surfaces.views.members import Members
from connector.surfaces.views.terms import offered, seeker_of

AT_ONCE: Final = 16
AGAIN: Final = 100
"""Members that are asked now although there is a copy, if no copy answers."""
_VALUES: Final = 50
_LONGEST: Final = 500
_AROUND: Final = "\"'„“”‚‘’«»()[].,;:!?"
"""What people put around words."""
_NUMBER: Final = re.compile(r"-?\d{1,3}(?:\.\d{1,12})?")
T = TypeVar("T")


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a question was answered from: the copies, with how they stand, and members asked now."""

    answer: Answer
    following: str | None
    states: Mapping[str, MemberState]

    def live(self, asked: Sequence[str]) -> list[str]:
        """Members never read are asked now; if no copy answers, so are those whose copy is oldest, but for who was
        silent when last asked: a slip must not send a request to each member of a large data space."""
        never = [member for member in asked if member not in self.states]
        read = [state for state in self.states.values() if state.failing_since is None]
        oldest = sorted(read, key=lambda state: (state.complete_at or 0, state.provider))[:AGAIN]
        return never + ([state.provider for state in oldest] if self.answer.total == 0 else [])


class Searches:
    """Of all participants; `peers` are asked where there is no copy."""

    def __init__(
        self, db: Database, clock: Clock, index: Index, engine: PolicyEngine, peers: Peers, anchor: Anchor
    ) -> None:
        self._db, self._clock, self._index = db, clock, index
        self._engine, self._peer, self._anchor = engine, peers, anchor
        self._members = Members(anchor)

    async def find(self, slug: str, did: str, query: MultiMapping[str]) -> FindView:
        """What members showed the participant `slug` (its DID is `did`), members never read asked now, and what it may
        have. Raises Mistake for a filter that has not its form, a word that is on no list, and whom nobody knows."""
        wanted, page = _wanted(query), query.get("page")
        asked = self._members_but(did, query.getall("from", []))
        told = await self._db.read(slug, self._told, slug, wanted, page, asked, query)
        live = told.live(asked) if page is None else []
        words = [] if wanted.like else _live_words(wanted.text, told.answer.mended)
        sure = [word for word, *others in words if not others]
        gate = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*(self._ask(gate, slug, member, sure) for member in live))
        now = list(zip(live, answers, strict=True))
        return FindView(
            results=[self._copied(did, one, told.states[one.provider]) for one in told.answer.hits]
            + [
                self._hit(did, member, entry, rfc3339(self._clock.now()), "live")
                for member, found in now
                if not isinstance(found, HanseError)
                for entry in found.datasets
                if _matches(entry, words) and _fits(wanted, entry)
            ],
            asked=len(asked),
            failed=[
                silent(member, self._members.name(member), found)
                for member, found in now
                if isinstance(found, HanseError)
            ],
            incomplete=[IncompleteView(member, self._members.name(member)) for member in _partial(now, told.states)],
            total=told.answer.total,
            mended=dict(told.answer.mended),
            facets=self._facets(told.answer.counts),
            next=told.following,
            unreachable=list(self._unreachable(told.states)),
        )

    @long
    def _told(
        self, tx: Tx, slug: str, wanted: SearchRequest, page: str | None, asked: Sequence[str], query: MultiMapping[str]
    ) -> _Told:
        """What the copies say, and how those of the members asked stand; none of them if all are to be asked now."""
        live = query.get("live") == "1"
        states = {} if live else {did: state for did, state in self._index.members(tx, slug).items() if did in asked}
        limit = _checked("limit", query.get("limit", str(PAGE)), _whole)
        counts = query.get("counts") == "1"
        answer, following = self._index.find(
            tx, slug, wanted, page, among=tuple(sorted(states)), limit=limit, counts=counts
        )
        return _Told(answer=answer, following=following, states=states)

    def _members_but(self, own: str, named: Sequence[str]) -> list[str]:
        """Whom to ask; raises Mistake if who is named is no member, or ourselves."""
        wanted, now = [self._members.did(one, own) for one in named[:_VALUES]], self._clock.now()
        members = [entry.did for entry in self._anchor.neighbours(own, now) if entry.admitted(now) and entry.did != own]
        for one in wanted:
            if one not in members:
                raise Mistake("api.no-member", did=one[:200])
        return [member for member in members if not wanted or member in wanted]

    async def _ask(self, gate: asyncio.Semaphore, slug: str, member: str, words: list[str]) -> Listed | HanseError:
        try:
            async with gate:
                return await self._peer.catalogue(slug, member, words)
        except HanseError as error:
            return error

    def _copied(self, did: str, found: Hit, state: MemberState) -> HitView:
        """What a complete crawl does not bring any more is forgotten, so it also says that the rest is still there."""
        seen = max(found.seen_at, state.complete_at or 0)
        return self._hit(did, found.provider, msgspec.json.decode(found.entry), rfc3339(seen), "copy")

    def _hit(
        self, did: str, provider: str, entry: Mapping[str, Any], seen: str, source: Literal["copy", "live"]
    ) -> HitView:
        now = self._clock.now()
        requester = seeker_of(self._anchor, did, now)
        offers = [offered(self._engine, requester, policy, now) for policy in entry.get("hasPolicy", ())]
        return hit(
            provider, self._members.name(provider), entry, offers, seen, source, self._members.spaces(did, provider)
        )

    def _facets(self, counts: Mapping[str, Mapping[str, int]]) -> dict[str, list[CountView]]:
        """The most frequent values of each facet first."""

        def view(facet: str, value: str, count: int) -> CountView:
            member = facet == "provider"
            name = dict.fromkeys(LANGUAGES, self._members.name(value)) if member else facets.label(facet, value)
            return CountView(value=value, count=count, name=name)

        return {facet: [view(facet, *each) for each in _most(said)] for facet, said in counts.items()}

    def _unreachable(self, states: Mapping[str, MemberState]) -> Iterator[UnreachableView]:
        for did, state in states.items():
            if state.failing_since is not None:
                last = None if state.complete_at is None else rfc3339(state.complete_at)
                yield UnreachableView(
                    provider=did,
                    provider_name=self._members.name(did),
                    since=rfc3339(state.failing_since),
                    code=state.code or "",
                    last=last,
                )


def _partial(now: Sequence[tuple[str, Listed | HanseError]], states: Mapping[str, MemberState]) -> list[str]:
    """Members of which there is more than was read, just now or before."""
    asked = [member for member, found in now if not isinstance(found, HanseError) and not found.complete]
    return asked + [state.provider for state in states.values() if state.partial_at is not None]


def _wanted(query: MultiMapping[str]) -> SearchRequest:
    """Raises Mistake `search.value` for what has not the form that its filter needs."""
    values = {facet: query.getall(facet, []) for facet in copies.FACETS}
    for name, given in values.items():
        if len(given) > _VALUES or any(not 0 < len(value) <= _LONGEST for value in given):
            raise Mistake("search.value", name=name)
    return SearchRequest(
        text=query.get("q", ""),
        facets=tuple(
            (facet, tuple(sorted({facets.value(facet, word) for word in given})))
            for facet, given in values.items()
            if given
        ),
        since=_checked("since", query.get("since"), _moment),
        box=_checked("box", query.get("box"), _box),
        period=_checked("period", query.get("period"), _period),
        like=query.get("like") == "1",
    )


def _checked(name: str, text: str | None, read: Callable[[str], T | None]) -> Any:
    found = None if text is None else read(text) if len(text) <= _LONGEST else None
    if found is None and text is not None:
        raise Mistake("search.value", name=name)
    return found


def _whole(text: str) -> int | None:
    return (
        int(text) if len(text) <= 3 and text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST_PAGE else None
    )


def _day(text: str) -> Span | None:
    """A day as publishing takes one (`31.12.2026`), or a moment."""
    try:
        return instant(day(text))
    except Mistake:
        return instant(text)


def _moment(text: str) -> int | None:
    found = _day(text)
    return None if found is None else found.start


def _period(text: str) -> tuple[int, int] | None:
    first, _, last = text.partition("/")
    begins, ends = _day(first), _day(last)
    if begins is None or ends is None or begins.start >= ends.end:
        return None
    return begins.start, ends.end - 1


def _box(text: str) -> copies.Box | None:
    parts = text.split(",")
    if len(parts) != 4 or not all(_NUMBER.fullmatch(part.strip()) for part in parts):
        return None
    west, south, east, north = (round(float(part) * copies.MILLIONTHS) for part in parts)
    farthest, top = 180 * copies.MILLIONTHS, 90 * copies.MILLIONTHS
    if not -farthest <= west <= east <= farthest:
        return None
    return copies.Box(west, south, east, north) if -top <= south <= north <= top else None


def _most(said: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(said.items(), key=lambda each: (-each[1], each[0]))[:_VALUES]


def _fits(wanted: SearchRequest, entry: Mapping[str, Any]) -> bool:
    """What is not about the words, in an answer that came just now; an entry that cannot be read fits nothing else."""
    if not wanted.narrow:
        return True
    try:
        return fits(wanted, copies.copy_of(entry))
    except PeerError:
        return False


def _live_words(text: str, mended: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The words of a question, each with what it may have been meant to be: a member that was never read may know a
    word that we take for a slip."""
    meant = {filters.fold(typed): filters.fold(used) for typed, used in mended.items()}
    bare = [word.strip(_AROUND) or word for word in filters.fold(text).split()]
    return [(word, meant[word]) if word in meant else (word,) for word in bare]


def _matches(entry: Mapping[str, Any], words: Sequence[tuple[str, ...]]) -> bool:
    """As a peer filters that knows our filter; others sent everything. Of the words for one any will do."""
    folded = filters.fold(*copies.titles(entry), *copies.descriptions(entry), *copies.keywords(entry))
    return all(any(word in folded for word in each) for each in words)
