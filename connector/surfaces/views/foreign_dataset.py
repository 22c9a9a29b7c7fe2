"""A dataset of a member as people read it before they ask: what it is, where, since when, and whether they may have it.

Everything is a stranger's word: made plain, bounded, and addresses only of the web.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connector.data.catalogue.search import copies, facets
from connector.foundation.errors import PeerError
from connector.foundation.language.reasons import plain
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.policy.engine import LANGUAGES
from connector.surfaces.views.dataset import HitView
from connector.surfaces.views.fields import Sentences, Time, time

MOST: Final = 30
"""Keywords, themes and places that are shown."""
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class ForeignDatasetView(msgspec.Struct, frozen=True, kw_only=True):
    """`hit` is what a list shows of it, the rest what its own page says besides; empty where nothing was said.

    `frequency`: how often it is renewed. `starts` and `ends`: the time that it is about.
    """

    hit: HitView
    keywords: list[str]
    themes: list[Sentences]
    frequency: Sentences | None
    box: Box | None
    starts: Time | None
    ends: Time | None
    modified: Time | None


def foreign(found: HitView, entry: Mapping[str, Any]) -> ForeignDatasetView:
    """`entry` is that of the provider's catalogue, `found` the hit made of it."""
    copy = _copy(entry)
    themes = [] if copy is None else [facets.label(facet, value) for facet, value in copy.facets if facet == "theme"]
    return ForeignDatasetView(
        hit=found,
        keywords=[plain(word, 80) for word in copies.keywords(entry)[:MOST]],
        themes=themes[:MOST],
        frequency=_frequency(entry),
        box=found.box,
        starts=None if copy is None else time(copy.starts),
        ends=None if copy is None else time(copy.ends),
        modified=None if copy is None else time(copy.modified),
    )


def _copy(entry: Mapping[str, Any]) -> copies.Copy | None:
    """As the index would read it; None for what it would not take."""
    try:
        return copies.copy_of(entry)
    except PeerError:
        return None


def _frequency(entry: Mapping[str, Any]) -> Sentences | None:
    said = entry.get("dct:accrualPeriodicity")
    iri = said.get("@id") if isinstance(said, Mapping) else said
    known = code_lists().value(iri) if isinstance(iri, str) else None
    return None if known is None else {lang: known.label(lang) for lang in LANGUAGES}
