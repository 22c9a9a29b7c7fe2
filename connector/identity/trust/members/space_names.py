"""How people tell two spaces apart that bear one name: each is named with where it is kept.

An authority calls its space what it likes, also as another one is called, with signs that do not show or only beyond
what people are shown of a name.
"""

from collections import Counter
from collections.abc import Iterable

from connector.verify.formats import names

SHOWN = 100
"""Characters of a name that count, and that stand before the place."""


def seen(name: str) -> str:
    """A name as people see its beginning."""
    return names.seen(name[:SHOWN])


def alike(several: Iterable[str]) -> frozenset[str]:
    """What several of these names are seen as."""
    return frozenset(name for name, count in Counter(map(seen, several)).items() if count > 1)


def with_place(name: str, space: str) -> str:
    """A name with where the space (its IRI) is kept, as people read an address."""
    return f"{name[:SHOWN]} ({space.removeprefix('https://').removesuffix('/space')})"
