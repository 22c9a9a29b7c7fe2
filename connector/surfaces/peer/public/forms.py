"""In which form a public document is answered (spec/metadata-harvest.md 1.1), and which pages there are beside it.

Harvesters say nothing, or that they take anything, and expect RDF/XML; only who names HTML is a browser.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from connector.foundation.settings.own_texts import Name
from connector.kernel.metadata.rdf.fragments import MEDIA, Form

Shown = Form | Literal["html"]
ENDINGS: Final[tuple[Shown, ...]] = (*get_args(Form), "html")
_NAMED: Final[Mapping[str, Shown]] = {
    **{media: form for form, media in MEDIA.items()},
    "application/xml": "rdf",
    "text/xml": "rdf",
    "application/json": "jsonld",
    "text/plain": "nt",
    "application/xhtml+xml": "html",
    "text/html": "html",
}
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
PAGES: Final[Mapping[str, Name]] = {
    "imprint": "imprint",
    "privacy": "privacy",
    "accessibility": "accessibility",
    "easy-language": "easy",
}
"""What the law asks for, by the last part of its address: what the operator wrote, and what we know ourselves."""
LONGEST: Final = 1_000
"""Characters of the header that are looked at."""


def content_type(form: Shown) -> str:
    if form == "html":
        return "text/html; charset=utf-8"
    return MEDIA[form] + ("; charset=utf-8" if form == "ttl" else "")


def accepted(header: str) -> Shown:
    """The form that `Accept` likes best; RDF/XML for what we do not have, and where all are liked alike."""
    best: tuple[float, bool] = (0.0, False)
    found: Shown = "rdf"
    for part in header[:LONGEST].split(","):
        media, *parameters = (each.strip().lower() for each in part.split(";"))
        form = "rdf" if media in ("*/*", "application/*") else "ttl" if media == "text/*" else _NAMED.get(media)
        quality = _quality(parameters)
        rank = (quality, form == "rdf")
        if form is not None and quality > 0 and rank > best:
            best, found = rank, form
    return found


def ending(name: str) -> tuple[str, Shown | None]:
    """`uuid.ttl` -> the UUID and the form; None without an ending that we know."""
    stem, dot, last = name.rpartition(".")
    for form in ENDINGS:
        if dot and stem and last == form:
            return stem, form
    return name, None


def language(query: str | None, header: str) -> str:
    """The language of a page: what the address says, else what `Accept-Language` prefers, else German."""
    if query in ("de", "en"):
        return query
    liked: dict[str, float] = {}
    for part in header[:LONGEST].split(","):
        tag, *parameters = (each.strip().lower() for each in part.split(";"))
        liked[tag.partition("-")[0]] = max(liked.get(tag.partition("-")[0], 0.0), _quality(parameters))
    return "en" if liked.get("en", 0.0) > liked.get("de", liked.get("*", 0.0)) else "de"


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0
