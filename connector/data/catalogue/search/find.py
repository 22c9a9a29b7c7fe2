"""A search among the copies of one participant: what it asks for, how far it widens, in which order it answers.

All words are asked for first; while fewer than ENOUGH datasets answer, words that nobody knows are mended, then parts
of words suffice, then any part. The order is that of the published formula (spec/metadata-search.md 1.4) and knows of a
provider nothing, least of all its size or kind.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from connector.data.catalogue.search import analyser, store
from connector.data.catalogue.search.analyser import KEYWORD, PART, TITLE, TITLE_PART, Analyser, Word
from connector.data.catalogue.search.copies import Box, Copy, Facet
from connector.data.catalogue.search.expression import Expression, all_of, any_of, holds
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.verify.formats import base64url

ENOUGH: Final = 10
PAGE: Final = 20
LARGEST_PAGE: Final = 100
LIKE: Final = 0.4
"""Of the points that a title with every word would have: from here on a dataset is like a draft. To mention all its
words in the description is not enough."""
DRAFT: Final = 12
"""Words of a draft that are asked for: the first that say something."""
Tier = Literal[1, 2, 3]
"""All words that say something, one at least in title or keywords; each anywhere, or its parts; any part of any."""
_POINTS: Final = 8
_VALUES: Final = 50


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for. Of the values of one facet any will do; what is None is not asked for. Times in ms.

    `period` is a first and a last moment; `like` makes `text` a draft, to which the most similar are found.
    """

    text: str = ""
    facets: tuple[tuple[Facet, tuple[str, ...]], ...] = ()
    since: int | None = None
    box: Box | None = None
    period: tuple[int, int] | None = None
    like: bool = False

    @property
    def narrow(self) -> bool:
        """Whether it asks for more than words."""
        return self.like or bool(self.facets) or (self.since, self.box, self.period) != (None, None, None)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page goes on: behind this dataset, in a search that had widened so far, with these words mended."""

    tier: Tier
    mended: tuple[str, ...]
    rank: int
    modified: int
    dataset: str
    provider: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A page: `total` is how many answer in all, `mended` what was searched instead of what was typed."""

    hits: Sequence[store.Hit]
    total: int
    tier: Tier
    mended: Mapping[str, str]
    following: Place | None
    counts: Mapping[str, Mapping[str, int]]


class Index:
    """The copies of all participants, each of whom is answered from its own. `key` is secret: it seals pages."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def find(
        self,
        tx: Tx,
        participant: str,
        wanted: SearchRequest,
        page: str | None = None,
        *,
        among: tuple[str, ...] | None = None,
        limit: int = PAGE,
        counts: bool = False,
    ) -> tuple[Answer, str | None]:
        """An answer and the name of its next page; Mistake `search.page` for a page of another question or asker.

        `among`: only what these providers (DIDs) showed. `counts` takes as long again, or longer.
        """
        after = None if page is None else self._open(participant, wanted, page)
        answer = search(tx, participant, wanted, among=among, after=after, limit=limit, counts=counts)
        return answer, None if answer.following is None else self._close(participant, wanted, answer.following)

    def members(self, tx: Tx, participant: str) -> Mapping[str, store.MemberState]:
        """Members that have been read for this participant at least once, by DID, and how their copies stand."""
        known = store.members(tx, participant)
        return {did: state for did, state in known.items() if (state.complete_at, state.partial_at) != (None, None)}

    def _close(self, participant: str, wanted: SearchRequest, place: Place) -> str:
        body = msgspec.json.encode(place)
        return base64url.encode(self._mac(participant, wanted, body) + body)

    def _open(self, participant: str, wanted: SearchRequest, text: str) -> Place:
        try:
            data = base64url.decode(text)
            if hmac.compare_digest(data[:32], self._mac(participant, wanted, data[32:])):
                return msgspec.json.decode(data[32:], type=Place)
        except (base64url.BadBase64, msgspec.DecodeError):
            pass
        raise Mistake("search.page")

    def _mac(self, participant: str, wanted: SearchRequest, body: bytes) -> bytes:
        asked = b"|".join((b"find", participant.encode(), msgspec.json.encode(wanted), body))
        return hmac.digest(self._key, asked, "sha256")


def search(
    tx: Tx,
    participant: str,
    wanted: SearchRequest,
    *,
    among: tuple[str, ...] | None = None,
    after: Place | None = None,
    limit: int = PAGE,
    counts: bool = True,
) -> Answer:
    """A page of what this participant was shown; a unit that only reads, in the scope of the participant."""
    finder = Finder(tx, participant, wanted, among, analyser.analyser())
    return finder.page(after, min(limit, LARGEST_PAGE), counts)


class Finder:
    """One question of one participant."""

    def __init__(
        self, tx: Tx, participant: str, wanted: SearchRequest, among: tuple[str, ...] | None, reader: Analyser
    ) -> None:
        self._tx, self._participant, self._wanted, self._reader = tx, participant, wanted, reader
        self._among, self._words = among, _words(wanted, reader)
        self._mended: dict[Word, Word] = {}

    def page(self, after: Place | None, limit: int, counts: bool) -> Answer:
        if not self._words and (self._wanted.like or self._wanted.text.strip()):  # nothing that one could look for
            return Answer(hits=(), total=0, tier=1, mended={}, following=None, counts={})
        tier, found = self._again(after, limit) if after is not None else self._widened(limit)
        last = found.hits[-1] if found.more else None
        return Answer(
            hits=found.hits,
            total=found.total,
            tier=tier,
            mended={word.spelt: better.spelt for word, better in self._mended.items()},
            following=None
            if last is None
            else Place(
                tier, tuple(word.typed for word in self._mended), last.rank, last.modified, last.dataset, last.provider
            ),
            counts=store.counted(self._tx, self._participant, self._asked(tier)) if counts else {},
        )

    def _again(self, after: Place, limit: int) -> tuple[Tier, store.ResultPage]:
        self._mend([word for word in self._words if word.typed in after.mended])
        behind = store.Behind(after.rank, after.modified, after.dataset, after.provider)
        return after.tier, store.found(self._tx, self._participant, self._asked(after.tier), behind, limit)

    def _widened(self, limit: int) -> tuple[Tier, store.ResultPage]:
        if self._wanted.like:
            return 3, self._found(3, limit)
        found = self._found(1, limit)
        if found.total >= ENOUGH or not self._words:
            return 1, found
        if self._mend([word for word in self._words if not self._known(word)]):
            found = self._found(1, limit)
            if found.total >= ENOUGH:
                return 1, found
        parts = self._found(2, limit)
        return (2, parts) if parts.total >= ENOUGH else (3, self._found(3, limit))

    def _known(self, word: Word) -> bool:
        """Whether this participant was shown the word anywhere: then it is no slip."""
        return store.shown(self._tx, self._participant, any_of(word.token, *(PART + stem for stem in word.stems)))

    def _mend(self, wrong: Sequence[Word]) -> bool:
        meant = {word: better for word in wrong if (better := self._reader.mended(word)) is not None}
        self._mended |= meant
        self._words = tuple(dict.fromkeys(meant.get(word, word) for word in self._words))
        return bool(meant)

    def _found(self, tier: Tier, limit: int) -> store.ResultPage:
        return store.found(self._tx, self._participant, self._asked(tier), None, limit)

    def _asked(self, tier: Tier) -> store.Query:
        strong = [word for word in self._words if not word.weak] or list(self._words)
        wanted, every = self._wanted, [_alternatives(word, self._reader) for word in strong]
        matches = [all_of(*(each[level] for each in every)) for level in range(min(tier, 2))] if every else []
        if every:
            matches[0] = all_of(matches[0], any_of(*(_subject(word) for word in strong)))
        if tier == 3:
            matches.append(any_of(*(each[2] for each in every)))
        return store.Query(
            tiers=() if wanted.like else tuple(matches[:-1]),
            match=matches[-1] if matches else None,
            narrowed=tuple(
                any_of(*(analyser.facet(name, value) for value in values[:_VALUES])) for name, values in wanted.facets
            ),
            points=tuple((_weight(word), _points(word, self._reader), word.weak) for word in self._words),
            least=_least(self._words) if wanted.like else 0,
            providers=self._among,
            since=wanted.since,
            box=wanted.box,
            period=wanted.period,
        )


def _words(wanted: SearchRequest, reader: Analyser) -> tuple[Word, ...]:
    """Words of the text; of a draft only the first that say something."""
    words = reader.query(wanted.text)
    if not wanted.like:
        return words
    return tuple(([word for word in words if not word.weak] or list(words))[:DRAFT])


def _least(words: Sequence[Word]) -> int:
    return round(LIKE * _POINTS * sum(_weight(word) for word in words))


def fits(wanted: SearchRequest, copy: Copy) -> bool:
    """Whether a dataset that came just now has all that is asked for but the words; a draft, whether it is like it."""
    reader, tokens = analyser.analyser(), frozenset(copy.words)
    if wanted.like:
        words = _words(wanted, reader)
        earned = sum(
            _weight(word) * next((points for points, each in _points(word, reader) if holds(each, tokens)), 0)
            for word in words
        )
        if not words or earned < _least(words):
            return False
    return (
        all(any(analyser.facet(name, value) in tokens for value in values) for name, values in wanted.facets)
        and (wanted.since is None or (copy.modified or 0) >= wanted.since)
        and (wanted.box is None or (copy.box is not None and _meet(wanted.box, copy.box)))
        and (wanted.period is None or _within(wanted.period, copy.starts, copy.ends))
    )


def _meet(one: Box, other: Box) -> bool:
    return one.west <= other.east and one.east >= other.west and one.south <= other.north and one.north >= other.south


def _within(period: tuple[int, int], starts: int | None, ends: int | None) -> bool:
    first, last = period
    known = starts is not None or ends is not None
    return known and (starts is None or starts <= last) and (ends is None or ends > first)


def _weight(word: Word) -> int:
    return 1 if word.weak else 3


def _alternatives(word: Word, reader: Analyser) -> tuple[Expression, Expression, Expression]:
    """What a dataset must have for this word, in each tier."""
    titled = all_of(*(TITLE_PART + stem for stem in word.stems))
    stems = all_of(*(PART + stem for stem in word.stems))
    parts = [all_of(*(PART + part for part in word.parts))] if word.parts else []
    strong = [PART + part for part in word.parts if reader.strong(part)]
    meant = [group for part in word.parts if reader.strong(part) and (group := reader.meaning(part))]
    groups = [PART + group for group in (*([word.token] if word.token.startswith("~") else []), *meant)]
    by_parts = any_of(word.token, stems, *parts)
    return any_of(word.token, titled), by_parts, any_of(by_parts, *strong, *groups)


def _subject(word: Word) -> Expression:
    """What a dataset has that is about the word, and does not only mention it."""
    return any_of(TITLE + word.token, KEYWORD + word.token, all_of(*(TITLE_PART + stem for stem in word.stems)))


def _points(word: Word, reader: Analyser) -> tuple[tuple[int, Expression], ...]:
    """What a dataset gets for this word: the first that holds. The formula of spec/metadata-search.md 1.4."""
    parts = [(4, all_of(*(TITLE_PART + part for part in word.parts)))] if word.parts else []
    strong = [TITLE_PART + part for part in word.parts if reader.strong(part)]
    _, by_parts, by_any = _alternatives(word, reader)
    return (
        (8, TITLE + word.token),
        (6, all_of(*(TITLE_PART + stem for stem in word.stems))),
        (5, KEYWORD + word.token),
        *parts,
        (3, word.token),
        (2, any_of(by_parts, *strong)),
        (1, by_any),
    )
