"""Rules about values of lists that portals write in words, with other codes or from other lists.

Each has a table of what is meant; a word that is not in it stays, and becomes a question.
"""

import re
from collections.abc import Mapping

from pyoxigraph import Literal, NamedNode, Triple

from connector.kernel.metadata.lists.code_lists import (
    ACCESS_RIGHT,
    AVAILABILITY,
    CONTRIBUTORS,
    DATA_THEME,
    DISTRIBUTION_STATUS,
    FILE_TYPE,
    FREQUENCY,
    LANGUAGE,
    MEDIA_TYPES,
    CodeLists,
    Value,
)
from connector.kernel.metadata.rdf.graph import Term
from connector.kernel.metadata.rdf.names import ADMS, AUTHORITY, DCAT, DCATAP, DCATDE, DCT, XSD
from connector.kernel.metadata.repair.work import Rewriting, Rule, Work, is_text, subject_of, text, value_of, values

_LANGUAGES: Mapping[str, str] = {
    "de": "DEU",
    "ger": "DEU",
    "deu": "DEU",
    "deutsch": "DEU",
    "german": "DEU",
    "de-de": "DEU",
    "en": "ENG",
    "eng": "ENG",
    "englisch": "ENG",
    "english": "ENG",
    "en-gb": "ENG",
    "en-us": "ENG",
    "fr": "FRA",
    "fre": "FRA",
    "fra": "FRA",
    "französisch": "FRA",
    "french": "FRA",
    "nl": "NLD",
    "dut": "NLD",
    "nld": "NLD",
    "it": "ITA",
    "ita": "ITA",
    "es": "SPA",
    "spa": "SPA",
    "pl": "POL",
    "pol": "POL",
    "da": "DAN",
    "dan": "DAN",
    "cs": "CES",
    "cze": "CES",
    "ces": "CES",
    "tr": "TUR",
    "tur": "TUR",
    "ru": "RUS",
    "rus": "RUS",
    "uk": "UKR",
    "ukr": "UKR",
    "ar": "ARA",
    "ara": "ARA",
    "sv": "SWE",
    "swe": "SWE",
    "pt": "POR",
    "por": "POR",
    "el": "ELL",
    "gre": "ELL",
    "ell": "ELL",
    "hr": "HRV",
    "hrv": "HRV",
    "hu": "HUN",
    "hun": "HUN",
    "ro": "RON",
    "rum": "RON",
    "ron": "RON",
    "bg": "BUL",
    "bul": "BUL",
    "fi": "FIN",
    "fin": "FIN",
    "sk": "SLK",
    "slo": "SLK",
    "slk": "SLK",
    "sl": "SLV",
    "slv": "SLV",
    "hsb": "HSB",
    "dsb": "DSB",
    "nds": "NDS",
    "frr": "FRR",
}
_FREQUENCIES: Mapping[str, str] = {
    "irregular": "IRREG",
    "unregelmäßig": "IRREG",
    "unregelmässig": "IRREG",
    "täglich": "DAILY",
    "wöchentlich": "WEEKLY",
    "monatlich": "MONTHLY",
    "vierteljährlich": "QUARTERLY",
    "quartalsweise": "QUARTERLY",
    "halbjährlich": "ANNUAL_2",
    "jährlich": "ANNUAL",
    "yearly": "ANNUAL",
    "annually": "ANNUAL",
    "stündlich": "HOURLY",
    "kontinuierlich": "CONT",
    "continual": "CONT",
    "continuous": "CONT",
    "fortlaufend": "UPDATE_CONT",
    "continuously updated": "UPDATE_CONT",
    "nie": "NEVER",
    "never": "NEVER",
    "unbekannt": "UNKNOWN",
    "unknown": "UNKNOWN",
    "bei bedarf": "AS_NEEDED",
    "asneeded": "AS_NEEDED",
    "as needed": "AS_NEEDED",
    "notplanned": "NOT_PLANNED",
    "not planned": "NOT_PLANNED",
    "nicht geplant": "NOT_PLANNED",
    "fortnightly": "BIWEEKLY",
    "zweiwöchentlich": "BIWEEKLY",
    "biannually": "ANNUAL_2",
    "biennially": "BIENNIAL",
    "zweijährlich": "BIENNIAL",
    "r/p1d": "DAILY",
    "r/p1w": "WEEKLY",
    "r/p1m": "MONTHLY",
    "r/p3m": "QUARTERLY",
    "r/p1y": "ANNUAL",
    "r/pt1h": "HOURLY",
}
_RIGHTS: Mapping[str, str] = {
    "public": "PUBLIC",
    "open": "PUBLIC",
    "öffentlich": "PUBLIC",
    "offen": "PUBLIC",
    "restricted": "RESTRICTED",
    "eingeschränkt": "RESTRICTED",
    "beschränkt": "RESTRICTED",
    "non-public": "NON_PUBLIC",
    "nonpublic": "NON_PUBLIC",
    "non_public": "NON_PUBLIC",
    "private": "NON_PUBLIC",
    "nicht öffentlich": "NON_PUBLIC",
    "intern": "NON_PUBLIC",
}
_STATUS: Mapping[str, str] = {
    "completed": "COMPLETED",
    "final": "COMPLETED",
    "deprecated": "DEPRECATED",
    "underdevelopment": "DEVELOP",
    "under development": "DEVELOP",
    "withdrawn": "WITHDRAWN",
}
_AVAILABLE = {name: name.upper() for name in ("available", "experimental", "stable", "temporary")}
_MEDIA = re.compile(r"(?:application|audio|chemical|font|image|message|model|multipart|text|video)/[\w.+-]+")
_IANA = re.compile(r"https?://(?:www\.)?iana\.org/assignments/media-types/?#?/?")
_WHOLE = re.compile(r"\+?(\d{1,18})(?:[.,]0*)?")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ODD_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)\s+(?:(?:GMT|UTC|Z)\s*)?(\d\d:\d\d:\d\d)\S*")
_ISO = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"), XSD.dateTime),
    (re.compile(r"\d{4}-\d\d-\d\d(?:Z|[+-]\d\d:\d\d)?"), XSD.date),
    (re.compile(r"\d{4}-\d\d"), XSD.gYearMonth),
    (re.compile(r"\d{4}"), XSD.gYear),
)
_TIMES = (DCT.issued, DCT.modified, DCAT.startDate, DCAT.endDate)


def _word(value: Term) -> str:
    """What is said, without the list it is said to be from: `http://…/iso639-1/de` is `de`."""
    said = text(value)
    return (said if is_text(value) and "://" not in said else re.split(r"[/#:]", said.rstrip("/"))[-1]).casefold()


def _from_table(scheme: str, table: Mapping[str, str]) -> Rewriting:
    """By the table, by the code or by a label of the list."""

    def new(work: Work, value: Term) -> tuple[Term, ...] | None:
        lists = work.known.lists
        if not isinstance(value, NamedNode | Literal) or (
            isinstance(value, NamedNode) and lists.has(scheme, value.value)
        ):
            return None
        word = _word(value)
        found = lists.by_code(scheme, table.get(word, word)) or _labelled(lists, scheme, word)
        return None if found is None else (NamedNode(found.iri),)

    return new


def _labelled(lists: CodeLists, scheme: str, word: str) -> Value | None:
    named = (one for one in lists.values(scheme) if word in {label.casefold() for label in one.labels.values()})
    return next(named, None)


def file_type(lists: CodeLists, value: Term) -> Value | None:
    """The file type that a text or an IRI means: by name, ending or media type."""
    said = text(value)
    found = lists.file_type(said) or lists.file_type(_word(value))
    media = _media(value)
    if found is None and media is not None:
        found = next((one for one in lists.values(FILE_TYPE) if one.media_type == media), None)
    return found or lists.file_type(said.rpartition("/")[2].split("+")[0])


def _media(value: Term) -> str | None:
    said = _IANA.sub("", text(value)).partition(";")[0].strip().lower()
    return said if _MEDIA.fullmatch(said) else None


def _format(work: Work, value: Term) -> tuple[Term, ...] | None:
    lists = work.known.lists
    if isinstance(value, NamedNode) and lists.has(FILE_TYPE, value.value):
        return None
    found = file_type(lists, value) if isinstance(value, NamedNode | Literal) else None
    return None if found is None else (NamedNode(found.iri),)


def _media_type(work: Work, value: Term) -> tuple[Term, ...] | None:
    if isinstance(value, NamedNode) and value.value.startswith(MEDIA_TYPES):
        return None
    media = _media(value)
    if media is None:
        found = file_type(work.known.lists, value) if isinstance(value, NamedNode | Literal) else None
        found = found or _file_named(work.known.lists, text(value))
        media = None if found is None else found.media_type
    return None if media is None else (NamedNode(MEDIA_TYPES + media),)


def _file_named(lists: CodeLists, said: str) -> Value | None:
    """`…/file-type/xml/filetypes.xml` as old portals have it: the last part that is a file type."""
    parts = [part for part in re.split(r"[/#]", said) if part]
    return next((found for part in reversed(parts) if (found := lists.file_type(part))), None)


def _format_from_media(work: Work) -> None:
    """A distribution without a usable format, whose media type says it."""
    lists = work.known.lists
    for triple in work.named(DCT.format):
        value = value_of(triple)
        if is_text(value) and not file_type(lists, value):
            for media in work.values(subject_of(triple), DCAT.mediaType):
                found = file_type(lists, media)
                if found is not None:
                    work.change([triple], [Triple(triple.subject, DCT.format, NamedNode(found.iri))])
                    break


def _bytes(work: Work, value: Term) -> tuple[Term, ...] | None:
    if not isinstance(value, Literal):
        return None
    found = _WHOLE.fullmatch(value.value.strip())
    right = None if found is None else Literal(str(int(found[1])), datatype=XSD.nonNegativeInteger)
    return None if right is None or (right == value) else (right,)


def _time(work: Work, value: Term) -> tuple[Term, ...] | None:
    if not isinstance(value, Literal):
        return None
    said = value.value.strip()
    if found := _DAY.fullmatch(said):
        said = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    elif found := _ODD_INSTANT.fullmatch(said):
        said = f"{found[1]}T{found[2]}Z"
    kind = next((datatype for pattern, datatype in _ISO if pattern.fullmatch(said)), None)
    right = None if kind is None else Literal(said, datatype=kind)
    return None if right is None or right == value else (right,)


def _contributor(work: Work, value: Term) -> tuple[Term, ...] | None:
    lists = work.known.lists
    if isinstance(value, NamedNode) and lists.has(CONTRIBUTORS, value.value):
        return None
    found = lists.by_code(CONTRIBUTORS, _word(value))
    return None if found is None else (NamedNode(found.iri),)


def _languages(work: Work, value: Term) -> tuple[Term, ...] | None:
    return _from_table(LANGUAGE, _LANGUAGES)(work, value)


def _theme(work: Work, value: Term) -> tuple[Term, ...] | None:
    """A code or label of the list itself; what a word of a portal's own list means, people say."""
    ours = is_text(value) or text(value).startswith(AUTHORITY)
    return _from_table(DATA_THEME, {})(work, value) if ours else None


RULES: tuple[Rule, ...] = (
    values("language", (DCT.language,), _languages),
    values("format", (DCT.format,), _format),
    values("media-type", (DCAT.mediaType, DCAT.compressFormat, DCAT.packageFormat), _media_type),
    Rule("format-from-media-type", _format_from_media),
    values("frequency", (DCT.accrualPeriodicity,), _from_table(FREQUENCY, _FREQUENCIES)),
    values("access-rights", (DCT.accessRights,), _from_table(ACCESS_RIGHT, _RIGHTS)),
    values("status", (ADMS.status,), _from_table(DISTRIBUTION_STATUS, _STATUS)),
    values("availability", (DCATAP.availability, DCATDE.plannedAvailability), _from_table(AVAILABILITY, _AVAILABLE)),
    values("theme", (DCAT.theme,), _theme),
    values("contributor", (DCATDE.contributorID,), _contributor),
    values("byte-size", (DCAT.byteSize,), _bytes),
    values("date", _TIMES, _time),
)
