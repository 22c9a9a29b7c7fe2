"""Values of facets of the search: as people name them, as the index has them, and as people read them."""

from collections.abc import Mapping
from typing import Final

from connector.data.catalogue import concepts
from connector.data.catalogue.listed_values import find, listed
from connector.data.catalogue.search import copies
from connector.data.catalogue.templates import templates
from connector.foundation.language import LANGUAGES, say
from connector.kernel.metadata.lists import code_lists as lists

OTHER_RULES: Final = ("other", copies.NO_RULE)
_SCHEMES: Final[Mapping[copies.Facet, str]] = {
    "theme": lists.DATA_THEME,
    "field": lists.MUSTERDATENKATALOG,
    "format": lists.FILE_TYPE,
    "licence": lists.LICENSES,
}


def value(facet: copies.Facet, word: str) -> str:
    """A value as the index has it.

    Raises Mistake for a theme and a rule that there is not, with the nearest ones. Other lists are not ours alone: what
    is on none of them is looked for as it is typed.
    """
    if facet == "rule":
        return _rule(word)
    found = find(_SCHEMES[facet], word)
    if found is None and facet == "theme" and ":" not in word:
        listed(_SCHEMES[facet], word)
    return copies.named(facet, word if found is None else found.code if facet in ("theme", "format") else found.iri)


def label(facet: str, value: str) -> dict[str, str]:
    """A value as people read it, by language; as in the index where no list names it, and a format by its code."""
    if facet == "freshness" or (facet == "rule" and value in OTHER_RULES):
        return {lang: say(f"facet.{facet}.{value}", lang) for lang in LANGUAGES}
    if facet == "rule":
        titles = {one.id: dict(one.title) for one in templates.templates()}
        return titles.get(value) or dict.fromkeys(LANGUAGES, value)
    scheme = {str(name): one for name, one in _SCHEMES.items()}.get(facet, "") if facet != "format" else ""
    found = lists.code_lists().by_code(scheme, value)
    return {lang: value if found is None else found.label(lang) for lang in LANGUAGES}


def _rule(word: str) -> str:
    """The id of a template by its title or itself; raises Mistake with the nearest."""
    return other if (other := concepts.folded(word)) in OTHER_RULES else templates.named(word)
