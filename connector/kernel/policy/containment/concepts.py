"""Texts and concepts in classes that the clauses of the policies at hand cannot tell apart, so that few stand for all.

Every named text is a class of its own; concepts of the vocabulary with the same kin among the named ones share one; and
one class stands for everything that nobody named. Where names of several kinds are understood there is one for each
kind, and one for what is not understood: without them "compatible" would be said of requests that nobody looked at.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from string import ascii_lowercase

from connector.kernel.policy.odrl.identifiers import (
    DID,
    IDENTIFIER,
    MEDIA_TYPE,
    PARTY,
    TAG,
    TEXT,
    WORD,
    Names,
    well_formed,
)
from connector.kernel.policy.odrl.model import Closure

_URN = "urn:any:other"
_STRANGERS = {
    DID: ("did:web:any-other",),
    MEDIA_TYPE: ("https://www.iana.org/assignments/media-types/x/any-other",),
    PARTY: ("did:web:any-other", "https://any-other.example/", "http://any-other.example/", _URN, "mailto:any@other"),
    TAG: ("xx", "qxx"),
}
"""A name that is understood and means nobody, of each kind; of every other range there is but one kind."""
_PUZZLE = " "
"""A name that is not understood, whatever the range."""
_PUZZLING = frozenset({DID, IDENTIFIER, MEDIA_TYPE, PARTY, TAG, WORD})


class Concepts:
    """The classes of texts that the named ones cannot tell apart; bit i of a mask is class i."""

    def __init__(self, named: frozenset[str], closure: Closure, range: str = TEXT, *, verified: bool = False) -> None:
        """`verified`: only names that are understood can be the value."""
        self._names = names = Names(range, closure)
        above = closure.above
        relevant = [above[name] for name in named if name in above]
        groups: dict[object, str] = {}
        for concept in above:
            if concept not in named and well_formed(range, concept):
                kin = above[concept] & named, frozenset(i for i, up in enumerate(relevant) if concept in up)
                groups.setdefault((*kin, names.knows(concept)), concept)
        taken = {names.evened(name) for name in (*named, *above)}
        strangers = (_untaken(one, named, taken, names) for one in _STRANGERS.get(range, (_URN,)))
        puzzle = (_PUZZLE,) if range in _PUZZLING and not verified else ()
        self.members: tuple[str, ...] = (*sorted(named), *groups.values(), *strangers, *puzzle)
        self.full = (1 << len(self.members)) - 1

    def _mask(self, found: Iterable[bool]) -> int:
        return sum(1 << index for index, is_one in enumerate(found) if is_one)

    def among(self, texts: Iterable[str]) -> int:
        wanted = frozenset(texts)
        return self._mask(member in wanted for member in self.members)

    def apart(self, texts: Iterable[str]) -> int | None:
        """The classes that surely are none of these; None if one of these is not understood."""
        wanted = frozenset(texts)
        if not self._names.apart((), wanted):
            return None
        return self._mask(map(self._names.beyond(wanted), self.members))

    def surely(self, parts: Iterable[str], answer: bool, *, upwards: bool = False) -> int:
        """The classes that some text contains (True), or that none does (False); `upwards`: that contain the texts."""
        texts, mask = tuple(parts), 0
        for index, member in enumerate(self.members):
            found = [self._names.within(*((t, member) if upwards else (member, t))) for t in texts]
            if (True in found) if answer else all(each is False for each in found):
                mask |= 1 << index
        return mask


def _untaken(stranger: str, named: frozenset[str], taken: set[str], names: Names) -> str:
    """A name like this one that is surely none of the others."""
    if names.range == TAG:
        languages = {tag.partition("-")[0] for tag in named}
        return next((tag for tag in _tags(stranger) if tag not in languages), stranger)
    while names.evened(stranger) in taken:
        stranger += "-"
    return stranger


def _tags(like: str) -> Iterator[str]:
    """This language tag, and others of the same length that hardly any policy names."""
    yield like
    for first, last in product("xqzjvw", ascii_lowercase):
        yield like[:-2] + first + last
