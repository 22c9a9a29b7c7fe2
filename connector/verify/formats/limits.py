"""How much of each kind of member is judged: what nobody exports honestly is refused before anything is read (T67).

The cost of judging grows with what is read, so it is bounded where it begins: by size, and in JSON by the number of
values, whose memory is many times that of their letters. The largest contract that is judged has 20 000 records in a
log of millions. What is larger is refused with its name: a verdict is then not possible, and "failed" is said of the
bundle, not of the contract.
"""

import re
from collections.abc import Mapping

from connector.verify.formats.faults import Fault

KIB, MIB = 1024, 1024 * 1024

LARGEST = 16 * MIB
"""Bytes of any one member but the records."""
LARGEST_TOTAL = 64 * MIB
LARGEST_FILE = LARGEST_TOTAL + 64 * KIB
"""Bytes of a bundle as a file; no more than one byte more than that is ever read."""

SMALL_TOTAL, STEEPEST = 1 * MIB, 2
"""Contents beyond the first size may unpack to so many times the file at most: ours are stored, and honest ones are
mostly digests and signatures, which no packing makes smaller."""

RECORDS = "records.ndjson"
MOST_RECORDS = 20_000

_TOKEN, _DOCUMENT, _NOTE = 128 * KIB, 256 * KIB, 512 * KIB
_OBJECT, _FOR_READING = 4 * MIB, LARGEST
_SIZES: Mapping[str, int] = {
    "README": 32 * KIB,
    "manifest.json": _TOKEN,
    "agreement.json": MIB,
    "text-de.html": _OBJECT,
    "profile.json": _OBJECT,
    "dataset.jsonld": _OBJECT,
    "text-de.pdf": _FOR_READING,
    "text-en.html": _OBJECT,
    "trust-list.jws": 8 * MIB,
    RECORDS: 48 * MIB,
}
_KINDS: Mapping[str, int] = {
    ".jws": _TOKEN,
    ".json": _DOCUMENT,
    ".pem": _TOKEN,
    ".ocsp": _TOKEN,
    ".tst": _DOCUMENT,
    ".checkpoint": _NOTE,
    ".tlog-proof": _NOTE,
}
"""By the end of the name, where the name itself is not listed."""

_READ_AS_JSON = frozenset({RECORDS, "agreement.json", "manifest.json"})
_FEW_VALUES, _LETTERS_PER_VALUE = 20_000, 8
"""The first are judged whatever they are: ten thousand values, with two signs each, are what a connector takes from a
partner in one document. Else a party could make its partner's evidence unreadable by what it puts into its own."""
_TEXT = re.compile(rb'"[^"]*"?')
LETTERS_PER_NUMBER = 3
"""In what the parties describe there may be shapes: coordinates are short, and the value is not kept."""
MOST_VALUES = 2_000_000
MOST_LISTED_VALUES = 400_000
"""Of one trust list, as the connector reads them too."""


def check_sizes(sizes: Mapping[str, int], file: int) -> None:
    """Each member and all together, by what they say themselves; `file` is the size of the bundle as it came.

    Fault `member-large` or `archive-large`.
    """
    total = sum(sizes.values())
    if total > LARGEST_TOTAL or total > max(SMALL_TOTAL, STEEPEST * file):
        raise Fault("archive-large")
    for name, size in sizes.items():
        if size > largest(name):
            raise Fault("member-large", name=name, most=largest(name))


def largest(name: str) -> int:
    """Bytes that a member of this name may have."""
    return _SIZES.get(name) or _KINDS.get(name[name.rfind(".") :], LARGEST)


def check_contents(members: Mapping[str, bytes]) -> None:
    """What is read as JSON holds no more values than its size makes plausible; Fault `member-large`, `records-many`."""
    records = members[RECORDS]
    if records.count(b"\n") > MOST_RECORDS:
        raise Fault("records-many", most=MOST_RECORDS)
    for name, data in members.items():
        if (name in _READ_AS_JSON or name.startswith(("did-", "termination-"))) and not is_plausible(data):
            raise Fault("member-large", name=name, most=largest(name))


def is_plausible(data: bytes, most: int = MOST_VALUES, letters: int = _LETTERS_PER_VALUE) -> bool:
    """Whether JSON of this size may be parsed: a value takes eight `letters` on average in what people and we write.

    Commas in texts are no values; they are told apart only where it matters.
    """
    bound = min(most, _FEW_VALUES + len(data) // letters)
    return _values(data) <= bound or _values(_without_texts(data)) <= bound


def _without_texts(data: bytes) -> bytes:
    return _TEXT.sub(b"", data.replace(b"\\\\", b"").replace(b'\\"', b""))


def _values(data: bytes) -> int:
    return sum(data.count(sign) for sign in (b",", b"[", b"{"))
