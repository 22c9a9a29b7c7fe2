"""What was said of a dataset at an earlier revision, as answers that say it again. Pure.

Only what a steward answers comes back; files elsewhere, interfaces and series stay as they are now, and so do the
bytes.
"""

from connector.data.catalogue.describe import LANGUAGE, Translation
from connector.data.catalogue.life import DatasetChange
from connector.kernel.metadata.lists.code_lists import MUSTERDATENKATALOG, code_lists
from connector.kernel.metadata.record.model import DatasetRecord, Period


def answers_of(record: DatasetRecord, now: DatasetRecord, revision: int | None) -> DatasetChange:
    """As it was in `record`; `now` is what is said at present, `revision` the one that was seen."""
    period = next(iter(record.periods), Period())
    return DatasetChange(
        revision=revision,
        title=record.title.get(LANGUAGE, ""),
        description=record.description.get(LANGUAGE, ""),
        keywords=list(record.keywords.get(LANGUAGE, ())),
        licence=record.licence,
        attribution=record.attribution.get(LANGUAGE, ""),
        themes=list(record.themes),
        frequency=record.frequency,
        access=record.access,
        start=period.start,
        end=period.end,
        box=_box(record),
        hvd=[] if record.hvd is None else list(record.hvd.categories),
        concept=_concept(record),
        label=record.version,
        notes=record.version_notes.get(LANGUAGE, ""),
        translations={tag: _translation(record, tag) for tag in _others(record) | _others(now)},
    )


def _box(record: DatasetRecord) -> list[float]:
    found = next((one.box for one in record.places if one.box is not None and not one.iri), None)
    return [] if found is None else [found.west, found.south, found.east, found.north]


def _concept(record: DatasetRecord) -> str:
    known = code_lists()
    return next((one for one in record.references if known.has(MUSTERDATENKATALOG, one)), "")


def _others(record: DatasetRecord) -> set[str]:
    return {tag for texts in (record.title, record.description, record.keywords) for tag in texts} - {LANGUAGE}


def _translation(record: DatasetRecord, tag: str) -> Translation:
    return Translation(
        title=record.title.get(tag, ""),
        description=record.description.get(tag, ""),
        keywords=list(record.keywords.get(tag, ())),
    )
