"""From texts to tokens, by which datasets are found, the same in both databases (spec/metadata-search.md 1.3).

| Token | Stands for |
|---|---|
| `baum`, `~daycare` | a word by its stem, or by its group of synonyms, anywhere |
| `^baum`, `=baum` | the same in a title, in a keyword |
| `+baum` | a part of a word, or a whole one, anywhere; never by its group, but `+~tree` beside it |
| `:baum` | the same in a title |
| `@1f3a…` | a value of a facet |

Words are letters and digits alone, so no text can write a mark of its own.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from connector.data.catalogue.search import words
from connector.data.catalogue.search.words import Synonyms, WordList
from connector.foundation import resources
from connector.kernel.dialects.policies import skos

TITLE, KEYWORD, PART, TITLE_PART, FACET = "^", "=", "+", ":", "@"
MOST: Final = 1_500
"""Tokens of a dataset; of a longer text the beginning counts."""
_TEXT: Final = 20_000
"""Characters of a title, keyword or description that are read."""
QUERY: Final = 500
WORDS: Final = 20
_RULES: Final = "3"
"""Raised with every change of how tokens are made, or of how facets, place and time are read."""
_LABELS: Final = (skos.SKOS + "prefLabel", skos.SKOS + "altLabel")


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word of a query. `token` by stem or group; `stems` of the word itself; `parts` of a compound.

    `typed` is the folded word, `spelt` as it was typed; `weak` ones say little, and need not be there.
    """

    typed: str
    spelt: str
    token: str
    stems: tuple[str, ...]
    parts: tuple[str, ...] = ()
    weak: bool = False


class Analyser:
    """Made of a word list, groups of synonyms and common words; pure, from any thread."""

    def __init__(self, listed: WordList, synonyms: Synonyms, stop: Iterable[str], weak: Iterable[str]) -> None:
        self.listed, self._synonyms = listed, synonyms
        self._stop = frozenset(words.folded(word) for word in stop)
        self._weak = frozenset(words.stem(words.folded(word)) for word in weak)

    def document(
        self, titles: Sequence[str], keywords: Sequence[str], texts: Sequence[str], facets: Iterable[tuple[str, str]]
    ) -> tuple[str, ...]:
        """The tokens of a dataset, each once, those of title and facets surely among them."""
        found = dict.fromkeys(facet(name, value) for name, value in facets)
        for every, whole, part in ((titles, TITLE, TITLE_PART), (keywords, KEYWORD, ""), (texts, "", "")):
            for text in every:
                found |= dict.fromkeys(self._tokens(text[:_TEXT], whole, part))
                if len(found) > MOST:
                    return tuple(found)[:MOST]
        return tuple(found)

    def _tokens(self, text: str, whole: str, part: str) -> Iterator[str]:
        every = [(word, pieces) for word, pieces in _read(text) if word not in self._stop]
        stems = [words.stem(word) for word, _ in every]
        for word, pieces in every:
            token, of = self._token(word, pieces), (words.stem(word), *self._all_parts(word, pieces))
            yield from (token, *([whole + token] if whole else []))
            for each in of:
                yield PART + each
                if part:
                    yield part + each
            groups = {self._synonyms.group((each,)) for each in of}
            yield from (PART + group for group in sorted(group for group in groups if group))
        for _, _, group in self._phrases(stems):
            yield from (group, PART + group, *([whole + group] if whole else []))

    def _token(self, word: str, pieces: tuple[str, ...] = ()) -> str:
        group = self._synonyms.group((words.stem(word),)) or self._synonyms.group(self._parts(word, pieces))
        return group or words.stem(word)

    def _parts(self, word: str, pieces: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(words.stem(piece) for piece in pieces) if pieces else self.listed.parts(word)

    def _all_parts(self, word: str, pieces: tuple[str, ...]) -> tuple[str, ...]:
        if not pieces:
            return self.listed.all_parts(word)
        return tuple(stem for piece in pieces for stem in (words.stem(piece), *self.listed.all_parts(piece)))

    def _phrases(self, stems: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Where several words beside each other are a label of a group."""
        for length in range(self._synonyms.longest, 1, -1):
            for at in range(len(stems) - length + 1):
                group = self._synonyms.group(tuple(stems[at : at + length]))
                if group is not None:
                    yield at, at + length, group

    def query(self, text: str) -> tuple[Word, ...]:
        """The words of a query, each once; those that a search passes over are not among them."""
        text = text[:QUERY]
        spelt = words.spellings_of(text) or words.words_of(text)
        every = [
            (word, pieces, as_typed)
            for (word, pieces), as_typed in zip(_read(text), spelt, strict=True)
            if word not in self._stop
        ][:WORDS]
        stems = [words.stem(word) for word, _, _ in every]
        found: dict[str, Word] = {}
        taken: set[int] = set()
        for start, end, group in self._phrases(stems):
            if taken.isdisjoint(range(start, end)):
                taken |= set(range(start, end))
                typed = " ".join(word for word, _, _ in every[start:end])
                found[group] = Word(typed=typed, spelt=typed, token=group, stems=tuple(stems[start:end]))
        for at, (word, pieces, as_typed) in enumerate(every):
            if at not in taken:
                one = self.word(word, pieces, spelt=as_typed)
                found.setdefault(one.token, one)
        return tuple(found.values())

    def word(self, word: str, pieces: tuple[str, ...] = (), *, spelt: str) -> Word:
        """A folded word as a query asks for it."""
        stem = words.stem(word)
        parts = tuple(dict.fromkeys(part for part in self._parts(word, pieces) if len(part) > 1))
        return Word(
            typed=word,
            spelt=spelt,
            token=self._token(word, pieces),
            stems=(stem,),
            parts=parts,
            weak=stem in self._weak,
        )

    def strong(self, stem: str) -> bool:
        """Whether a part of a word says enough to find something by it alone."""
        return stem not in self._weak and len(stem) > 2

    def meaning(self, stem: str) -> str | None:
        """The group of synonyms that a part of a word belongs to."""
        return self._synonyms.group((stem,))

    def mended(self, word: Word) -> Word | None:
        """The word that was probably meant by one that neither the list nor the copies know."""
        meant = self.listed.mended(word.typed) if word.typed not in self.listed else None
        return None if meant is None else self.word(words.folded(meant), spelt=meant)


def facet(name: str, value: str) -> str:
    """The token of a facet's value, whatever is written in it."""
    return FACET + hashlib.sha256(f"{name}:{value}".encode()).hexdigest()[:20]


def _read(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return list(zip(words.words_of(text), words.pieces_of(text), strict=True))


@cache
def analyser() -> Analyser:
    """The analyser of this release; read once."""
    folder = resources.folder("vocab")
    labels = skos.texts(folder / "search" / "synonyms.ttl", _LABELS, names=skos.SKOS + "notation")
    listed = [*_lines("words.txt"), *(word for every in labels.values() for label in every for word in label.split())]
    for path in sorted(folder.glob("*.ttl")):
        listed += [
            word for every in skos.texts(path, _LABELS[:1], "de").values() for text in every for word in text.split()
        ]
    common = [line.split() for line in _text("common.txt").splitlines() if not line.startswith("#")]
    stop, weak = ([word for line in common if line[:1] == [kind] for word in line[1:]] for kind in ("stop", "weak"))
    known = WordList(listed)
    return Analyser(known, Synonyms(labels, known), stop, weak)


@cache
def edition() -> str:
    """Tokens of one edition fit together; a content of another is read again."""
    folder = resources.folder("vocab")
    read = [path.read_bytes() for path in sorted([*folder.glob("*.ttl"), *(folder / "search").iterdir()])]
    return hashlib.sha256(b"\0".join([_RULES.encode(), *read])).hexdigest()[:16]


def _text(name: str) -> str:
    return (resources.folder("vocab") / "search" / name).read_text(encoding="utf-8")


def _lines(name: str) -> list[str]:
    return [word for line in _text(name).splitlines() if not line.startswith("#") for word in line.split()]
