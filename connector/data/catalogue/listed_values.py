"""Values of the code lists of descriptions as people name them: code, German or English label or its beginning, IRI.

The lists of rules are others: see `concepts`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES
from connector.kernel.metadata.lists import code_lists as lists

SHORTEST: Final = 3
"""Letters of the beginning of a label that stands for all of it."""


def listed(scheme: str, word: str) -> str:
    """The IRI of the value of that list; raises Mistake (`catalogue.not-listed`) with the nearest ones."""
    found = find(scheme, word)
    if found is None:
        raise Mistake("catalogue.not-listed", value=word.strip()[:120], list=_title(scheme), near=_near(scheme, word))
    return found.iri


def find(scheme: str, word: str) -> lists.Value | None:
    """The value that is called so; None if none is, or several begin so."""
    known, text = lists.code_lists(), word.strip()
    if known.has(scheme, text):
        return known.value(text)
    named = known.file_type(text) if scheme == lists.FILE_TYPE else None
    return named or known.by_code(scheme, text) or _labelled(known.values(scheme), concepts.folded(text))


def _labelled(values: Sequence[lists.Value], wanted: str) -> lists.Value | None:
    """By its label; else the only one with a label that begins so."""

    def alike(test: Callable[[str], bool]) -> list[lists.Value]:
        return [one for one in values if any(test(concepts.folded(label)) for label in one.labels.values())]

    if exact := alike(lambda label: label == wanted):
        return exact[0]
    begun = alike(lambda label: label.startswith(wanted)) if len(wanted) >= SHORTEST else []
    return begun[0] if len(begun) == 1 else None


def _near(scheme: str, word: str) -> dict[str, str]:
    """The values that look most like the word, by language: `Umwelt (ENVI), …`."""
    values = lists.code_lists().values(scheme)
    ways = {concepts.folded(way): one.iri for one in values for way in (*one.labels.values(), one.code)}
    known = {one.iri: one for one in values}
    found = [known[iri] for iri in concepts.near(concepts.folded(word), ways)]
    return {lang: ", ".join(f"{one.label(lang)} ({one.code})" for one in found) for lang in LANGUAGES}


def _title(scheme: str) -> dict[str, str]:
    titles = lists.code_lists().lists[scheme].titles
    return {lang: titles.get(lang) or next(iter(titles.values()), scheme) for lang in LANGUAGES}
