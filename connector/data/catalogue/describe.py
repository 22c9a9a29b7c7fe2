"""From a steward's answers to the record of a dataset; whether its parts agree. Pure (spec/metadata-record.md 1.3).

Values of lists are given by their code (`dl-by-de/2.0`, `ENVI`) or IRI and must be on the list. Texts have no signs
that XML cannot carry, so that whatever is kept can be written in every form.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from connector.data.catalogue.listed_values import listed
from connector.foundation.errors import Mistake
from connector.identity.participants.publisher import checked_address
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.record.model import (
    Access,
    Box,
    DataService,
    DatasetRecord,
    Distribution,
    Hvd,
    Period,
    Place,
    Texts,
    Words,
)

LANGUAGE: Final = "de"
"""Of what is said without a language."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
"""Language, script, region, each as it is usually written: `de`, `de-AT`, `zh-Hans`."""
_EXACT = re.compile(r"[0-9]{4}(?:-(?:0[1-9]|1[0-2]))?")
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
LONGEST_TEXT = 10_000


class Translation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Title, description and keywords in a further language; one that says nothing takes the language away."""

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    keywords: list[str] | UnsetType = UNSET


_NO_TRANSLATION: Final = Translation(title="", description="", keywords=[])


class ApiAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An interface that gives the same data: its address, that of its machine-readable description, and a page."""

    endpoint: str
    description: str = ""
    page: str = ""


class FileElsewhere(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that lies at another address; `format` is a code of the file types (`CSV`), taken from the address if
    empty."""

    url: str
    title: str = ""
    format: str = ""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a steward says of a dataset: the nine answers, and what few datasets need. What is not said stays as it is.

    `licence`, `frequency`, `themes`, `hvd` (categories) and `concept` (of the Musterdatenkatalog) by code or IRI;
    `box` is an area: west, south, east and north in degrees (WGS 84).
    `start` and `end` are days (`2026-01-01`, `1.1.2026`), months or years; `label` names the version. Empty takes away,
    and so does an `api` without an endpoint.
    """

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    keywords: list[str] | UnsetType = UNSET
    licence: str | UnsetType = UNSET
    attribution: str | UnsetType = UNSET
    themes: list[str] | UnsetType = UNSET
    frequency: str | UnsetType = UNSET
    access: Access | UnsetType = UNSET
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    hvd: list[str] | UnsetType = UNSET
    box: list[float] | UnsetType = UNSET
    api: ApiAnswer | UnsetType | None = UNSET
    files: list[FileElsewhere] | UnsetType = UNSET
    concept: str | UnsetType = UNSET
    series: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    notes: str | UnsetType = UNSET
    translations: dict[str, Translation] | UnsetType = UNSET


CLOSED: Final = "http://dcat-ap.de/def/licenses/other-closed"
"""Of data that a contract gives and nothing else."""
NOTHING = DatasetRecord(title={})


def described(before: DatasetRecord, said: Answers) -> DatasetRecord:
    """The record with these answers in it; `series` is for the caller, who knows which there are. Raises Mistake."""
    answers = _Answered(before, said)
    record = msgspec.structs.replace(
        before,
        title=answers.title(),
        description=answers.description(),
        keywords=answers.keywords(),
        licence=answers.listed("licence", lists.LICENSES, before.licence),
        attribution=answers.german("attribution", before.attribution),
        themes=answers.all_listed("themes", lists.DATA_THEME, before.themes),
        frequency=answers.listed("frequency", lists.FREQUENCY, before.frequency),
        access=before.access if said.access is UNSET else said.access,
        periods=answers.periods(),
        places=answers.places(),
        hvd=answers.hvd(),
        version=before.version if said.label is UNSET else line(said.label),
        version_notes=answers.german("notes", before.version_notes),
        distributions=answers.distributions(),
    )
    return record if said.concept is UNSET else _classified(record, said.concept)


def coherent(record: DatasetRecord) -> DatasetRecord:
    """The record itself, what is announced without a licence as closed; raises Mistake if its parts contradict each
    other, or a question is still open."""
    is_open = lists.code_lists().is_open(record.licence)
    if record.access == "open" and not record.licence:
        raise Mistake("catalogue.licence-missing")
    if record.access == "open" and is_open is not True:
        raise Mistake("catalogue.licence-closed", licence=code(record.licence))
    if record.hvd is not None:
        if record.access != "open":
            raise Mistake("catalogue.hvd-closed")
        if not any(one.service is not None for one in record.distributions):
            raise Mistake("catalogue.hvd-api")
    if record.access == "announced" and not record.licence:
        return msgspec.structs.replace(record, licence=CLOSED)
    return record


def is_open(record: DatasetRecord) -> bool:
    """Whether its rules may restrict nothing: an open licence, or of high value."""
    return record.hvd is not None or lists.code_lists().is_open(record.licence) is True


def attribution(said: Answers, name: str) -> str:
    """Whom a by-licence asks to name: as the steward said, else the publisher; empty where it asks for nobody."""
    iri = "" if said.licence is UNSET or not said.licence.strip() else listed(lists.LICENSES, said.licence)
    return source_named(iri, said.attribution if said.attribution is not UNSET else "", name)


def source_named(licence: str, text: str, name: str) -> str:
    """`text`, else `name`, under a licence that asks for it."""
    found = lists.code_lists().value(licence)
    return (text.strip() or name) if found is not None and found.attribution else ""


def agrees(record: DatasetRecord, named: str) -> bool:
    """Whether the licence that a rule names is that of the description; where one says none, nothing differs."""
    return not named or not record.licence or named == record.licence


def credit_licence(record: DatasetRecord) -> str:
    """The code of its licence if that is open and asks to name the source, else empty."""
    found = lists.code_lists().value(record.licence)
    return found.code if found is not None and found.open and found.attribution else ""


def closed_licence(record: DatasetRecord) -> str:
    """The code of a licence that is surely not open: a rule beside it has to restrict something. Else empty."""
    return code(record.licence) if record.licence and lists.code_lists().is_open(record.licence) is False else ""


def clean(text: str) -> str:
    """The text without what surrounds it, its lines ended alike; raises Mistake for signs that no form can carry."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if _UNWRITABLE.search(plain) or len(plain) > LONGEST_TEXT:
        raise Mistake("catalogue.text", text=_UNWRITABLE.sub("?", plain)[:40], most=LONGEST_TEXT)
    return plain


def line(text: str) -> str:
    """The same as one line: a title, a keyword, a name."""
    return " ".join(clean(text).split())


class _Answered:
    """One set of answers beside what was said before."""

    def __init__(self, before: DatasetRecord, said: Answers) -> None:
        self._before, self._said = before, said
        told = {} if said.translations is UNSET else said.translations
        self._translations = {tag: _NO_TRANSLATION if one == Translation() else one for tag, one in told.items()}
        if any(not _TAG.fullmatch(tag) or tag == LANGUAGE for tag in self._translations):
            raise Mistake("catalogue.language", tags=", ".join(self._translations)[:80])

    def title(self) -> Texts:
        title = self._texts("title", self._before.title)
        if not title.get(LANGUAGE):
            raise Mistake("catalogue.no-title")
        return title

    def description(self) -> Texts:
        return self._texts("description", self._before.description)

    def _texts(self, name: str, before: Texts) -> Texts:
        texts = self.german(name, before)
        for tag, one in self._translations.items():
            text = getattr(one, name)
            texts = texts if text is UNSET else _with(texts, tag, _read(name)(text))
        return texts

    def german(self, name: str, before: Texts) -> Texts:
        said = getattr(self._said, name)
        return before if said is UNSET else _with(before, LANGUAGE, _read(name)(said))

    def keywords(self) -> Words:
        words = dict(self._before.keywords)
        said = {} if self._said.keywords is UNSET else {LANGUAGE: self._said.keywords}
        told = {tag: one.keywords for tag, one in self._translations.items() if one.keywords is not UNSET}
        for tag, texts in (said | told).items():
            words[tag] = tuple(dict.fromkeys(text for text in map(line, texts) if text))
        return {tag: texts for tag, texts in words.items() if texts}

    def listed(self, name: str, scheme: str, before: str) -> str:
        said = getattr(self._said, name)
        if said is UNSET:
            return before
        return listed(scheme, said) if said.strip() else ""

    def all_listed(self, name: str, scheme: str, before: tuple[str, ...]) -> tuple[str, ...]:
        said = getattr(self._said, name)
        return before if said is UNSET else tuple(dict.fromkeys(listed(scheme, one) for one in said if one.strip()))

    def periods(self) -> tuple[Period, ...]:
        said, before = self._said, next(iter(self._before.periods), Period())
        if said.start is UNSET and said.end is UNSET:
            return self._before.periods
        start = before.start if said.start is UNSET else day(said.start)
        end = before.end if said.end is UNSET else day(said.end)
        if start and end and end[: len(start)] < start[: len(end)]:
            raise Mistake("catalogue.period", start=start, end=end)
        return (Period(start=start, end=end),) if start or end else ()

    def places(self) -> tuple[Place, ...]:
        """The area that is said takes the place of the one before; named places stay."""
        if self._said.box is UNSET:
            return self._before.places
        stay = tuple(one for one in self._before.places if one.iri or one.box is None)
        return (*([Place(box=_box(self._said.box))] if self._said.box else []), *stay)

    def hvd(self) -> Hvd | None:
        if self._said.hvd is UNSET:
            return self._before.hvd
        categories = self.all_listed("hvd", lists.HVD_CATEGORY, ())
        return Hvd(categories=categories) if categories else None

    def distributions(self) -> tuple[Distribution, ...]:
        """Files elsewhere, then the interface; what lies here is added when it is published."""
        before = self._before.distributions
        files = tuple(one for one in before if one.service is None)
        services = tuple(one for one in before if one.service is not None)
        if self._said.files is not UNSET:
            files = tuple(_elsewhere(one) for one in self._said.files)
        if self._said.api is not UNSET:
            api = self._said.api
            services = () if api is None or not api.endpoint.strip() else (_interface(api),)
        return files + services


def _read(name: str) -> Callable[[str], str]:
    return clean if name in ("description", "notes") else line


def _with(texts: Texts, tag: str, text: str) -> Texts:
    """German first, for whoever shows one."""
    fresh = {**texts, tag: text}
    return {each: fresh[each] for each in sorted(fresh, key=lambda one: (one != LANGUAGE, one)) if fresh[each]}


def _classified(record: DatasetRecord, concept: str) -> DatasetRecord:
    """A concept of the Musterdatenkatalog (at most one) brings its theme, and its name and topic as keywords."""
    known = lists.code_lists()
    others = tuple(one for one in record.references if not known.has(lists.MUSTERDATENKATALOG, one))
    if not concept.strip():
        return msgspec.structs.replace(record, references=others)
    iri = listed(lists.MUSTERDATENKATALOG, concept)
    theme, found = known.theme(iri), known.value(iri)
    words = dict.fromkeys([*record.keywords.get(LANGUAGE, ()), *concept_words(found)])
    return msgspec.structs.replace(
        record,
        references=(*others, iri),
        themes=record.themes or ((theme,) if theme else ()),
        keywords={**record.keywords, LANGUAGE: tuple(words)},
    )


def concept_words(concept: lists.Value | None) -> list[str]:
    """What a concept of the Musterdatenkatalog and its topic are called: `Baumkataster`, `Flora und Fauna`."""
    above = None if concept is None or concept.broader is None else lists.code_lists().label(concept.broader, LANGUAGE)
    own = None if concept is None else concept.label(LANGUAGE).rpartition(" - ")[2]
    return [one for one in (own, above) if one]


def _elsewhere(one: FileElsewhere) -> Distribution:
    url = checked_address(one.url.strip())
    known = lists.code_lists()
    kind = known.file_type(one.format) if one.format.strip() else known.file_type_of(url.partition("?")[0])
    if one.format.strip() and kind is None:
        listed(lists.FILE_TYPE, one.format)
    title = line(one.title)
    return Distribution(
        access_url=url,
        download_url=url,
        title={LANGUAGE: title} if title else {},
        format=kind.iri if kind else "",
        media_type=(kind.media_type or "") if kind else "",
    )


def _interface(one: ApiAnswer) -> Distribution:
    description, page = (checked_address(text.strip()) if text.strip() else "" for text in (one.description, one.page))
    service = DataService(endpoint=checked_address(one.endpoint.strip()), description=description, page=page)
    return Distribution(access_url=page, service=service)


def _box(given: list[float]) -> Box:
    """West, south, east and north in degrees; raises Mistake."""
    west, south, east, north = given if len(given) == 4 else (1.0, 0.0, 0.0, 0.0)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Mistake("catalogue.box", box=str(given)[:80])
    return Box(*(round(degrees, 4) for degrees in (west, south, east, north)))


def day(text: str) -> str:
    """As ISO 8601; raises Mistake."""
    plain = text.strip()
    if not plain or _EXACT.fullmatch(plain):
        return plain
    german = _GERMAN_DAY.fullmatch(plain)
    try:
        found = date(int(german[3]), int(german[2]), int(german[1])) if german else date.fromisoformat(plain)
    except ValueError as cause:
        raise Mistake("catalogue.day", day=plain[:40]) from cause
    return found.isoformat()


def code(iri: str) -> str:
    found = lists.code_lists().value(iri)
    return found.code if found else iri
