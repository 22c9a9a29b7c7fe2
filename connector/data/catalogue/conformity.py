"""Whether a dataset of ours can be published: it conforms to every profile, and little hangs on it. Pure.

What a steward answers always does; what an operator's newer lists, or a mistake of ours, make of it is found here and
not by a portal (spec/metadata-record.md 1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.record.model import DatasetRecord

if TYPE_CHECKING:
    from connector.kernel.metadata.check.model import Finding

MOST_TRIPLES: Final = 150
"""Reached from one dataset: what a harvester reads and deletes with it."""
ROOM_FOR_OFFERS: Final = 12
"""Kept free for the offers that a contract can be made on: three for each."""
_TOLD = 3


class NotConforming(Mistake):
    """A portal would refuse it; `reasons` say what to do, in German and English."""

    def __init__(self, found: list[Finding]) -> None:
        from connector.kernel.metadata.check.sentences import sentence

        super().__init__("catalogue.not-conforming")
        self.reasons = {lang: [sentence(one, lang) for one in found[:_TOLD]] for lang in LANGUAGES}


def require_conforming(record: DatasetRecord) -> None:
    """Of a complete record without its offers; raises Mistake."""
    # The tables of every rule: who publishes nothing new needs none of them.
    from connector.kernel.metadata.check import engine
    from connector.kernel.metadata.check.model import Profile, Severity

    if record.hvd is not None and not record.contacts:
        raise Mistake("catalogue.hvd-contact")
    graph = Graph(dcat_ap.dataset(record))
    if len(graph) > MOST_TRIPLES - ROOM_FOR_OFFERS:
        raise Mistake("catalogue.too-much", most=MOST_TRIPLES)
    found = [one for profile in Profile for one in engine.check(graph, profile)]
    if violations := [one for one in found if one.severity is Severity.VIOLATION]:
        raise NotConforming(violations)
