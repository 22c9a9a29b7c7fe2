"""A draft's answers as the catalogue takes them. Pure."""

from msgspec import UNSET

from connector.data.catalogue.describe import NOTHING, Answers, coherent, described
from connector.data.catalogue.life import Replacement
from connector.data.catalogue.service import Publication
from connector.data.drafts.model import Draft, Said
from connector.kernel.metadata.record.model import DatasetRecord


def publication(one: Draft) -> Publication:
    said = one.said
    return Publication(
        source=one.source,
        title=said.title,
        description=said.description,
        keywords=list(said.keywords),
        themes=[said.theme] if said.theme else [],
        frequency=said.frequency,
        concept=said.concept or UNSET,
        start=said.start,
        end=said.end,
        box=list(said.box),
        access="open" if said.open_data else "contract",
        licence=said.licence if said.open_data else UNSET,
        rule="" if said.open_data else said.rule,
        slots={} if said.open_data else dict(said.slots),
        visibility=said.visibility,
        personal=one.personal,
    )


def replacement(one: Draft) -> Replacement:
    said = one.said
    return Replacement(
        source=one.source,
        notes=said.notes if said.notes else UNSET,
        start=said.start if said.start else UNSET,
        end=said.end if said.end else UNSET,
        box=list(said.box) if said.box else UNSET,
        personal=one.personal,
    )


def answers(said: Said) -> DatasetRecord | None:
    """The description so far; raises Mistake for what no form can carry. None before there is a title."""
    if not said.title.strip():
        return None
    wish = Answers(
        title=said.title,
        description=said.description,
        keywords=list(said.keywords),
        frequency=said.frequency,
        themes=[said.theme] if said.theme else [],
        start=said.start,
        end=said.end,
        access="open" if said.open_data else "contract",
        licence=said.licence if said.open_data else UNSET,
    )
    return coherent(described(NOTHING, wish))
