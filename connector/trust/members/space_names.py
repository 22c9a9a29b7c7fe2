"""How people tell two spaces apart that bear one name: each is named with where it is kept.

An authority calls its space what it likes, also as another one is called, with signs that do not show or only beyond
what people are shown of a name.
"""

import re
from collections import Counter
from collections.abc import Iterable
from unicodedata import normalize

SHOWN = 100
"""Characters of a name that count, and that stand before the place."""
_UNSEEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode says may be ignored when it is shown, and the empty signs of Braille."""


def seen(name: str) -> str:
    """A name as people see its beginning: without what does not show, in any case and with any spaces."""
    shown = _UNSEEN.sub("", normalize("NFKC", name[:SHOWN]))
    return " ".join("".join(sign if sign.isprintable() else " " for sign in shown).split()).casefold()


def alike(names: Iterable[str]) -> frozenset[str]:
    """What several of these names are seen as."""
    return frozenset(name for name, count in Counter(map(seen, names)).items() if count > 1)


def with_place(name: str, space: str) -> str:
    """A name with where the space (its IRI) is kept, as people read an address."""
    return f"{name[:SHOWN]} ({space.removeprefix('https://').removesuffix('/space')})"
