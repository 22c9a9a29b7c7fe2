"""From texts to tokens: what a dataset is found by. Both databases are given the same tokens (spec/metadata.md 6.3)."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from connector.catalogue.search.filters import fold

_WORD: Final = re.compile(r"\w+")
LONGEST: Final = 40
MOST: Final = 2_000


def edition() -> str:
    """Tokens of one edition fit together; a content of another is read again."""
    return "1"


def document(
    titles: Sequence[str], keywords: Sequence[str], descriptions: Sequence[str], facets: Iterable[tuple[str, str]]
) -> tuple[str, ...]:
    """The tokens of a dataset, each once, sorted."""
    words = {word[:LONGEST] for word in _WORD.findall(fold(*titles, *keywords, *descriptions))}
    return tuple(sorted(words)[:MOST])
