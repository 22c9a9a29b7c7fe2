"""Concepts of rules as people name them: short name, German or English label, another word for it, code or IRI.

Whoever takes such a word asks here before anything is kept or sent: command line, management surface, the forms of the
desk, and the slots of rule templates. A whole IRI that is in none of our lists may belong to a list of others.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES
from connector.foundation.normal_form import normal_form
from connector.foundation.resources import folder
from connector.kernel.dialects.policies import skos
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, ODRL, SAME, expand

PURPOSES: Final = "purposeScheme"
KINDS: Final = "participantKindScheme"
MOST_NEAR: Final = 3
_NEAR: Final = 0.6
"""How much alike a word must be to be proposed beside the nearest one (difflib's ratio)."""
LONGEST: Final = 120
"""Characters of a wrong word that its refusal repeats."""


class Named(NamedTuple):
    """A concept and how people read it, by language; the label is the IRI itself where it is in no list of ours."""

    iri: str
    label: Mapping[str, str]


@cache
def vocabulary() -> skos.Vocabulary:
    """The concept lists that rules refer to."""
    return skos.load(folder("vocab"))


@cache
def spellings(scheme: str) -> Mapping[str, str]:
    """Every way to write a concept, folded, to its IRI: name, label, another word, IRI, code of another list."""
    found = vocabulary().scheme(scheme).values()
    ways = ((way, c.iri) for c in found for way in (*c.codes, *c.others, *c.labels.values(), c.iri, c.notation))
    return {folded(way): iri for way, iri in ways}


def folded(word: str) -> str:
    """As spellings are compared: in any case, with any spaces, and however an umlaut is put together."""
    return normal_form("NFC", " ".join(word.split())).casefold()


def nearest(word: str, words: Iterable[str]) -> str:
    """The word that looks most like it."""
    import difflib

    known = list(words)
    return (difflib.get_close_matches(word, known, n=1, cutoff=0.0) or known)[0]


def near(word: str, ways: Mapping[str, str]) -> list[str]:
    """What the ways that look most like the word lead to: the nearest first, each once, at least one."""
    import difflib

    alike = difflib.get_close_matches(word, ways, n=4 * MOST_NEAR, cutoff=_NEAR)
    found = dict.fromkeys(ways[way] for way in alike or [nearest(word, ways)])
    return list(found)[:MOST_NEAR]


def purpose(word: str) -> Named:
    """Raises Mistake (`catalogue.no-purpose`) with the nearest ones."""
    iri = within(PURPOSES, word) or (word if _foreign(word) else None)
    if iri is None:
        raise Mistake("catalogue.no-purpose", word=word[:LONGEST], nearest=proposed(PURPOSES, word))
    return Named(iri, label(iri))


def kind(word: str) -> Named:
    """Of a participant: always one of ours. Raises Mistake (`participants.kind`) with the nearest ones."""
    iri = within(KINDS, word)
    if iri is None:
        raise Mistake("participants.kind", word=word[:LONGEST], nearest=proposed(KINDS, word))
    return Named(iri, label(iri))


def within(scheme: str, word: str) -> str | None:
    """The IRI of a concept of the list by any of its spellings; None if it is none of them."""
    ways, wanted = spellings(scheme), folded(word)
    return ways.get(wanted) or ways.get(wanted.removeprefix("hanse:"))


def proposed(scheme: str, word: str) -> dict[str, str]:
    """The nearest concepts of the list by language: `Wärmeplanung (heatPlanning), …`."""
    known, found = vocabulary().concepts, near(folded(word), spellings(scheme))
    return {
        lang: ", ".join(f"{known[iri].labels[lang]} ({known[iri].notation})" for iri in found) for lang in LANGUAGES
    }


def local(word: str) -> str:
    """The IRI of a concept of any list of ours by its local name or CURIE; an IRI stays as it is."""
    return expand(word) if ":" in word else HANSE + word


def action(word: str) -> str:
    """The IRI of an action by its local name, its CURIE or itself, of a deprecated one that of its exact match; raises
    Mistake (`catalogue.no-action`)."""
    whole = expand(word)
    known = (SAME.get(iri, iri) for iri in (whole, HANSE + word, ODRL + word))
    found = next((iri for iri in known if iri in ACTIONS), None)
    if found is None and not (_foreign(whole) and not whole.startswith((HANSE, ODRL))):
        names = {iri.rpartition("#")[2].rpartition("/")[2]: iri for iri in ACTIONS}
        raise Mistake("catalogue.no-action", word=word[:LONGEST], nearest=nearest(word, names))
    return found or whole


def label(iri: str) -> dict[str, str]:
    """By language; the IRI itself where it is in no list of ours."""
    found = vocabulary().concepts.get(iri)
    return {lang: iri if found is None else found.labels[lang] for lang in LANGUAGES}


def _foreign(word: str) -> bool:
    """Whether it has the form of an IRI."""
    return "://" in word or word.startswith("urn:")
