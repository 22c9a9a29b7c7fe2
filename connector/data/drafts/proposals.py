"""What a steward is proposed, so that she has less to write: title, keywords, theme and time span. Pure.

All of it stands in fields that she may change; what she writes wins (spec/reading.md 2.2).
"""

import re
from collections import Counter

from msgspec.structs import replace

from connector.data.catalogue.describe import concept_words
from connector.data.drafts.model import Said
from connector.foundation.normal_form import normal_form
from connector.kernel.metadata.lists.code_lists import MUSTERDATENKATALOG, CodeLists, Value
from connector.kernel.reading.model import Reading

SHORTEST = 5
"""Letters of a concept's name that may stand inside a longer word."""
LONGEST = 150
_SPLIT = re.compile(r"[_\s.+-]+|(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")
_NOISE = re.compile(
    r"v?\d+|v\d+[a-z]?|final|finale?|neu|alt|kopie|copy|export|entwurf|draft|rev\w?|stand|version|versand|utf8?|csv|xlsx?"
    r"|geojson|json|gpkg|ansi|bereinigt|korr\w*|\(\d+\)|\d{1,2}\.\d{1,2}\.\d{2,4}|epsg|etrs\d*|utm\d*|wgs\d*|\d{4,5}",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?<=[a-zäöüß])(?=(?:19|20)\d\d(?!\d))")
_YEAR = re.compile(r"(?<!\d)(19[5-9]\d|20[0-4]\d)(?!\d)")


def proposed(said: Said, name: str, reading: Reading, lists: CodeLists, *, anew: bool = False) -> Said:
    """With proposals where nothing has been said yet; `anew`: of a new version only what changes with its bytes."""
    if anew:
        span, box = reading.span, reading.box
        return replace(said, start=span.start if span else "", end=span.end if span else "", box=box or ())
    title = said.title or title_of(name)
    concept = lists.value(said.concept) if said.concept else concept_of(title, lists)
    theme = said.theme or (_code(lists, lists.theme(concept.iri)) if concept else "")
    year = _YEAR.search(name)
    span = reading.span
    start = span.start if span else year[1] if year else ""
    end = span.end if span else year[1] if year else ""
    return replace(
        said,
        title=title,
        concept=concept.iri if concept else "",
        theme=theme,
        keywords=said.keywords or tuple(dict.fromkeys(concept_words(concept))),
        start=said.start or start,
        end=said.end or end,
        box=said.box or reading.box or (),
    )


def title_of(name: str) -> str:
    """`Baumkataster_Musterstadt_2024-05-01_v2_final.csv` is called `Baumkataster Musterstadt`."""
    stem = _GLUED.sub(" ", name.rpartition(".")[0] or name)
    words = [word for word in _SPLIT.split(normal_form("NFC", stem)) if word]
    kept = [word for word in words if not _NOISE.fullmatch(word)] or words
    text = " ".join(_spelled(word) for word in kept)
    return (text[:1].upper() + text[1:])[:LONGEST]


def _spelled(word: str) -> str:
    """Umlauts that a file's name could not have are left as they are: `Strasse` may be meant."""
    return word.capitalize() if word.isupper() and len(word) > 4 else word


def concept_of(title: str, lists: CodeLists) -> Value | None:
    """The concept of the Musterdatenkatalog that the title names, the longest name first; None if it names none."""
    words, concepts = _folded(title), [one for one in lists.values(MUSTERDATENKATALOG) if one.broader is not None]
    often = Counter(_name(one) for one in concepts)
    found = [
        one
        for one in concepts
        if len(_name(one)) >= SHORTEST
        and _name(one) in words
        and (often[_name(one)] == 1 or _topic(one, lists) in words)
    ]
    return max(found, key=lambda one: len(_name(one)), default=None)


def _name(concept: Value) -> str:
    return _folded(concept.label("de").rpartition(" - ")[2])


def _topic(concept: Value, lists: CodeLists) -> str:
    """Standort is a name of concepts of many topics: one has to be named, too."""
    above = concept.label("de").rpartition(" - ")[0] or lists.label(concept.broader or "", "de") or ""
    return _folded(above.rpartition(" - ")[2]) or "-"


def _folded(text: str) -> str:
    plain = text.casefold()
    for sign, spelled in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        plain = plain.replace(sign, spelled)
    return " ".join(plain.split())


def _code(lists: CodeLists, theme: str | None) -> str:
    found = lists.value(theme) if theme else None
    return found.code if found else ""
