"""Concepts as people name them: short name, German or English label, code or IRI, resolved before anything is sent.

A whole IRI that is in none of our lists stays as it is: it may belong to a list of others.
"""

from typing import Final, NamedTuple

from connector.catalogue.templates.slots import folded, nearest, spellings, vocabulary
from connector.errors import Mistake
from connector.policy.odrl.names import ACTIONS, HANSE, ODRL, expand

PURPOSES: Final = "purposeScheme"
KINDS: Final = "participantKindScheme"


class Named(NamedTuple):
    """A concept and how a person reads it; the label is the IRI itself where it is in no list of ours."""

    iri: str
    label: str


def purpose(word: str, lang: str) -> Named:
    """Raises Mistake (`cli.no-purpose`) with the nearest one."""
    return _named(PURPOSES, "cli.no-purpose", word, lang)


def kind(word: str, lang: str) -> Named:
    """Of a participant; raises Mistake (`cli.no-kind`) with the nearest one."""
    return _named(KINDS, "cli.no-kind", word, lang)


def local(word: str) -> str:
    """The IRI of a concept of any list of ours by its local name or CURIE; an IRI stays as it is."""
    return expand(word) if ":" in word else HANSE + word


def action(word: str) -> str:
    """The IRI of an action by its local name, its CURIE or itself; raises Mistake (`cli.no-action`)."""
    whole = expand(word)
    found = next((iri for iri in (whole, HANSE + word, ODRL + word) if iri in ACTIONS), None)
    foreign = ("://" in whole or whole.startswith("urn:")) and not whole.startswith((HANSE, ODRL))
    if found is None and not foreign:
        names = {iri.rpartition("#")[2].rpartition("/")[2]: iri for iri in ACTIONS}
        raise Mistake("cli.no-action", word=word[:80], nearest=nearest(word, names))
    return found or whole


def _named(scheme: str, code: str, word: str, lang: str) -> Named:
    ways, wanted = spellings(scheme), folded(word)
    iri = ways.get(wanted) or ways.get(wanted.removeprefix("hanse:"))
    if iri is None and ("://" in word or word.startswith("urn:")):
        return Named(word, word)
    labels = vocabulary().labels(lang)
    if iri is None:
        best = ways[nearest(wanted, ways)]
        raise Mistake(code, word=word[:80], nearest=labels[best], short=best.removeprefix(HANSE))
    return Named(iri, labels[iri])
