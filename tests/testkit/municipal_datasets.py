"""Datasets as municipalities might describe them, in our own words: a corpus to search in, the same on every machine.

Each subject is described by several towns, each in its own wording, so that a search has to bridge how people write.
The texts mention each other's subjects, because real descriptions do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

TOWNS = (
    "Musterstadt",
    "Seestadt",
    "Nachbardorf",
    "Bergheim",
    "Auental",
    "Nordhafen",
    "Weinfelden",
    "Moosburg",
    "Lindenau",
    "Kreis Hochland",
    "Salzufer",
    "Heidekrug",
)
EACH = 9
"""Datasets of one subject."""


class Subject(Struct, frozen=True):
    """`titles` and `about` are alternatives; `{town}` and `{year}` are filled in."""

    name: str
    theme: str
    field: str
    formats: tuple[str, ...]
    titles: tuple[str, ...]
    keywords: tuple[str, ...]
    about: tuple[str, ...]


SUBJECTS = tuple(
    msgspec.json.decode(Path(__file__).with_name("municipal_subjects.json").read_bytes(), type=list[Subject])
)


def iri(subject: str, number: int) -> str:
    """Of one dataset of the corpus."""
    return f"https://daten.example/{subject}/{number}"


def datasets() -> Iterator[dict[str, Any]]:
    """Entries as a DSP catalogue has them; EACH of each subject."""
    for place, subject in enumerate(SUBJECTS):
        for number in range(EACH):
            yield _dataset(subject, place, number)


def _dataset(subject: Subject, place: int, number: int) -> dict[str, Any]:
    town, year = TOWNS[(place + 5 * number) % len(TOWNS)], 2015 + (place + 3 * number) % 11
    title = subject.titles[number % len(subject.titles)].format(town=town, year=year)
    about = subject.about[number % len(subject.about)]
    other = SUBJECTS[(place + 7 * number + 11) % len(SUBJECTS)]
    beside = f"Siehe auch: {other.titles[0].format(town=town, year=year)}." if number % 3 == 2 else ""
    return {
        "@id": iri(subject.name, number),
        "@type": "Dataset",
        "dct:title": title,
        "dct:description": f"{about} Herausgeber: {town}. Stand {year}. {beside}".strip(),
        "dcat:keyword": [*subject.keywords, town][number % 2 :],
        "dcat:theme": {"@id": f"http://publications.europa.eu/resource/authority/data-theme/{subject.theme}"},
        "dct:references": {"@id": f"https://musterdatenkatalog.de/def/musterdatensatz/{subject.field}"},
        "dct:modified": f"{year}-{1 + number:02}-{1 + place % 28:02}",
        "distribution": [
            {
                "@type": "Distribution",
                "dct:format": {"@id": f"http://publications.europa.eu/resource/authority/file-type/{one}"},
                "dct:license": {"@id": "http://dcat-ap.de/def/licenses/dl-by-de/2.0"},
            }
            for one in subject.formats
        ],
    }


def many(count: int) -> Iterator[dict[str, Any]]:
    """So many, by as many further towns as it takes: the same subjects in the same wordings, each under its own IRI."""
    for number in range(count):
        place, turn = number % len(SUBJECTS), number // len(SUBJECTS)
        entry = _dataset(SUBJECTS[place], place, turn % EACH)
        town = f"{_BEGINNINGS[turn % 40]}{_BEGINNINGS[turn // 40 % 40]}{_ENDS[turn // 1600 % 8]}".capitalize()
        entry["@id"] = f"https://daten.example/many/{number}"
        entry["dct:title"] += f" (Gemeinde {town})"
        entry["dct:description"] += f" {town}, Blatt {turn}."
        yield entry


_SYLLABLES = (
    "alt ber birk brun dorn eich ell erl fels feld gold grün hag hain heid hoh holz kalt kirch lang "
    "lauf lind moos mühl neu nord ober ost ram reut ries roth sand schön stein stern süd tann wald weid"
)
_BEGINNINGS = _SYLLABLES.split()
_ENDS = ("heim", "dorf", "stedt", "au", "bach", "hausen", "rode", "weiler")
