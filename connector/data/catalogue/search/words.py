"""Words of German: how letters are folded, what a word's stem is, of which words it is made, how a slip is mended.

The word list is ours and ships with the release (`vocab/search`), so a token never depends on what somebody was shown,
and no correction tells what another town's copies say (spec/metadata-search.md 1.3, T79).
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, Final

from connector.foundation.normal_form import normal_form

LONGEST: Final = 40
"""Letters of a word that count; nobody writes longer ones on purpose, and a token must fit every index."""
_AE_OE: Final = re.compile(r"(?<=[ao])e")
_UE: Final = re.compile(r"(?<![aeq])ue")
_JOINTS: Final = ("", "s", "es", "n", "en", "er", "e", "ns")
"""What may stand between two words of a compound."""
_SURE_JOINT: Final = re.compile(r".{3,}(?:ung|heit|keit|schaft|ion|tat|ling|tum)s")
"""A beginning that shows by its end that a word follows: it need not be listed (`Rehabilitationsklinik`)."""
_FOREIGN_PLURAL: Final = re.compile(r".{2,}[oy]s")
"""`Autos`, `Büros`, `Handys`: Snowball leaves them."""
_SHORTEST: Final = 3
_SHORTEST_STEM: Final = 5
"""Of a shorter stem one letter is too much: it makes `Steuer` of `stehen`."""
_MOST_PARTS: Final = 6
_IRREGULAR: Final = {
    "seen": "see",
    "daten": "dat",
    "kitas": "kita",
    "wcs": "wc",
    "museen": "museum",
    "parks": "park",
    "busse": "bus",
    "bussen": "bus",
    "schuler": "schuler",
    "schulern": "schuler",
    "schulerin": "schuler",
    "schulerinnen": "schuler",
}
"""What the rules get wrong and a municipality says often: pupils are no schools."""

_turn = threading.Lock()


@cache
def _stemmer() -> Any:
    """Loaded with the first word, because it brings the rules of thirty languages."""
    import snowballstemmer  # type: ignore[import-untyped]

    return snowballstemmer.stemmer("german")


def folded(text: str) -> str:
    """Without case, accents and umlauts, however those are written: `Ä`, `Ae` and `A` are one letter, `ß` is `ss`."""
    plain = normal_form("NFKD", normal_form("NFKC", text).casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _UE.sub("u", _AE_OE.sub("", letters))


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of a folded word, by Snowball's rules for German; of digits, or two letters, the word itself."""
    word = word[:LONGEST]
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    if _FOREIGN_PLURAL.fullmatch(word):
        word = word[:-1]
    with _turn:  # the stemmer keeps the word that it works on
        return str(_stemmer().stemWord(word))


class WordList:
    """`words` in ordinary spelling; those of several words are left out."""

    def __init__(self, words: Iterable[str]) -> None:
        self._spelt = {folded(word): word for word in sorted(words) if word.isalpha() and len(word) >= _SHORTEST}
        self._words = tuple(sorted(self._spelt))
        self._stems = {stem(word) for word in self._words}
        self._heads = dict(self._joined())
        self._spelling = Spelling(self._words)
        self._spelt |= {
            stem(word): spelt for word, spelt in sorted(self._spelt.items()) if stem(word) not in self._spelt
        }
        self.parts = lru_cache(maxsize=100_000)(self._parts)
        self.all_parts = lru_cache(maxsize=100_000)(self._all_parts)
        self.mended = lru_cache(maxsize=1_000)(self._mended)

    def __contains__(self, word: str) -> bool:
        """Whether a folded word is listed, in any of its forms, or made of listed ones alone."""
        return stem(word) in self._stems or len(self._split(word[:LONGEST], {}, whole=True) or ()) > 1

    def _joined(self) -> Iterator[tuple[str, str]]:
        """How each word may begin a compound -> its stem; a word as it is listed wins over a form of another."""
        for joint in reversed(_JOINTS):
            yield from ((word + joint, stem(word)) for word in self._words)
        for ending in ("en", "e"):  # Laden: Ladesäule; Wohnen: Wohnraum; Schule: Schulweg
            yield from ((word[:-1], stem(word)) for word in self._words if word.endswith(ending) and len(word) > 4)
        yield from ((word[:-2], stem(word)) for word in self._words if word.endswith("en") and len(word) > 5)
        yield from ((word, stem(word)) for word in self._words)

    def _parts(self, word: str) -> tuple[str, ...]:
        """Stems of the words of which a folded word is made, the fewest that do; empty if it is no compound."""
        found = self._apart(word[:LONGEST])
        return tuple(dict.fromkeys(self._stem(each) for each in found)) if found and len(found) > 1 else ()

    def _all_parts(self, word: str) -> tuple[str, ...]:
        """The same and of what those are made: of `Hochwassergefahrenkarte` also `Gefahr` and `Karte`."""
        found, waiting = dict[str, None](), [word[:LONGEST]]
        while waiting:
            split = self._apart(waiting.pop()) or ()
            found |= dict.fromkeys(self._stem(each) for each in split)
            waiting += split
        return tuple(found)

    def _stem(self, form: str) -> str:
        return self._heads.get(form) or stem(form)

    def _apart(self, word: str) -> tuple[str, ...] | None:
        """As listed words, else what is not listed only shows by its end that it is a word."""
        found = self._split(word, {}, whole=True)
        if found is not None and len(found) > 1:
            return found
        for end in range(_SHORTEST + 1, len(word) - _SHORTEST + 1):
            if _SURE_JOINT.fullmatch(word[:end]) and (rest := self._split(word[end:], {})):
                return (word[:end], *rest)
        return found

    def _split(
        self, word: str, known: dict[str, tuple[str, ...] | None], *, whole: bool = False
    ) -> tuple[str, ...] | None:
        """As it stands in the word, each with what joins it to the next; None if it is not made of listed words."""
        if word in known:
            return known[word]
        best: tuple[str, ...] | None = None
        if not whole and len(word) >= _SHORTEST and (stem(word) in self._stems or word in self._heads):
            best = (word,)
        else:
            for end in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):
                head = word[:end]
                rest = self._split(word[end:], known) if head in self._heads else None
                if rest and len(rest) < _MOST_PARTS and (best is None or self._better((head, *rest), best)):
                    best = (head, *rest)
        known[word] = best
        return best

    def _better(self, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        """Fewer parts, else a beginning that is a word by itself: `Haupt-Straße`, not `Haupts-Trasse`."""
        return (len(one), one[0] not in self._spelt) < (len(other), other[0] not in self._spelt)

    def _mended(self, word: str) -> str | None:
        """The listed word, or compound of listed words, in ordinary spelling, that a folded word probably was to be."""
        near = self._spelling.nearest(word)
        if near is not None:
            return self._spelt[near]
        ends = range(_SHORTEST, len(word) - _SHORTEST + 1)
        for end in reversed(ends):  # the beginning is right
            rest = self._spelling.nearest(word[end:]) if word[:end] in self._heads else None
            if rest is not None:
                return self._joint(word[:end]) + self._spelt[rest].casefold()
        for end in ends:  # the end is right
            head = self._spelling.nearest(word[:end]) if stem(word[end:]) in self._stems else None
            if head is not None:
                return self._spelt[head] + word[end:]
        return None

    def _joint(self, form: str) -> str:
        """A beginning of a compound as it is spelt, as far as the list has it so."""
        return self._spelt.get(form, form)


class Spelling:
    """Finds the word that is written most alike, over an index of groups of three letters."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words, self._index = tuple(sorted({*words, *map(stem, words)})), dict[str, list[int]]()
        for number, word in enumerate(self._words):
            for three in _threes(word):
                self._index.setdefault(three, []).append(number)

    def nearest(self, word: str) -> str | None:
        """None for what is too short to be mended, or too far from every word that begins alike. It may be a stem."""
        if not 4 <= len(word) <= LONGEST or not word.isalpha():
            return None
        return self._nearest(word) or (self._nearest(short) if len(short := stem(word)) >= _SHORTEST_STEM else None)

    def _nearest(self, word: str) -> str | None:
        shared = Counter(number for three in _threes(word) for number in self._index.get(three, ()))
        most = 1 if len(word) < 8 else 2
        near = [
            (steps, -count, self._words[number])
            for number, count in sorted(shared.items(), key=lambda each: (-each[1], each[0]))[:60]
            if self._words[number][0] == word[0] and 0 < (steps := distance(word, self._words[number], most)) <= most
        ]
        return min(near)[2] if near else None


def _threes(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def distance(one: str, other: str, most: int) -> int:
    """Letters to add, leave out, change or swap with their neighbour; more than `most` is only said to be more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


class Synonyms:
    """Groups of words that mean the same; `labels` by the name of the group, of one word or several.

    A compound is also known by its parts, however they are joined: `Verkehrszählung`, `Verkehr-Zählung`.
    """

    def __init__(self, labels: Mapping[str, Iterable[str]], listed: WordList) -> None:
        self._groups: dict[tuple[str, ...], str] = {}
        for name, every in labels.items():
            for spoken in map(words_of, every):
                group = f"~{name.casefold()}"
                self._groups[tuple(map(stem, spoken))] = group
                if len(spoken) == 1 and (parts := listed.parts(spoken[0])):
                    self._groups.setdefault(parts, group)
        self.longest = max((len(words) for words in self._groups), default=1)

    def group(self, stems: tuple[str, ...]) -> str | None:
        """The token of the group that these stems, in this order, are a label of."""
        return self._groups.get(stems)


_WORD: Final = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The folded words of a text; those joined by hyphens are one (`E-Auto`)."""
    return [each.replace("-", "")[:LONGEST] for each in _WORD.findall(folded(text))]


def spellings_of(text: str) -> list[str]:
    """The words of `words_of` as they are written; empty if they cannot be told apart so."""
    found = _WORD.findall(normal_form("NFKC", text))
    return found if len(found) == len(_WORD.findall(folded(text))) else []


def pieces_of(text: str) -> list[tuple[str, ...]]:
    """For each word of `words_of` what stands between its hyphens; empty without any."""
    return [tuple(each.split("-")) if "-" in each else () for each in _WORD.findall(folded(text))]
