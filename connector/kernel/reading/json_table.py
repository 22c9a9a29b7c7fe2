"""JSON and GeoJSON: a list of records as a table, one record at a time, so that size does not matter.

The list is the first one in the document that holds objects, however deep it lies. Nothing is fetched, nothing is
evaluated (spec/reading.md 1.7).
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from connector.kernel.reading.columns import Profile
from connector.kernel.reading.coordinates import code_in, system_of
from connector.kernel.reading.map_preview import MapPreview
from connector.kernel.reading.model import COLUMNS, SAMPLE, STEP, Limits, Map, Refused

PIECE = 1 << 18
HEAD = 1 << 16
NAMES_FROM = 200
"""Records from which the names of the columns are taken."""
NAMES = 10 * COLUMNS
"""Names of one record, and of all, that are counted."""
_LIST = re.compile(r"\[\s*\{")
_FEATURES = re.compile(r"\"type\"\s*:\s*\"(?:FeatureCollection|Feature)\"")
_NEXT = re.compile(
    r"\"(?:next|nextLink|next_page_url|@odata\.nextLink|@iot\.nextLink|next_url)\"\s*:\s*(?:\"|\{)|\"rel\"\s*:\s*\"next\""
)
_CRS = re.compile(r"\"crs\"\s*:\s*\{.{0,300}", re.DOTALL)
_DECODER = json.JSONDecoder()
_RECORD = 16 * 1024**2
"""Most characters of one record."""


def read(file: BinaryIO, limits: Limits) -> tuple[bool, Profile, Map | None, list[str]]:
    """Whether it is GeoJSON, its records as a table, its map, and remarks; raises `Refused`."""
    file.seek(0)
    head = _head(file)
    is_geo = _FEATURES.search(head) is not None or '"features"' in head
    preview = MapPreview()
    profile: Profile | None = None
    known: frozenset[str] = frozenset()
    remarks: set[str] = set()
    waiting: list[dict[str, Any]] = []
    for number, record in enumerate(_records(file, limits.nesting), 1):
        flat = _flat(record.get("properties") if is_geo else record)
        if is_geo and (number <= SAMPLE or number % STEP == 0):
            preview.add(record.get("geometry"), number)
        if profile is not None:
            if not known.issuperset(flat):
                remarks.add("more-columns")
            profile.row([flat.get(name, "") for name in profile.names], number)
            continue
        waiting.append(flat)
        if len(waiting) == NAMES_FROM:
            profile = _begun(waiting)
            known = frozenset(profile.names)
    profile = profile or _begun(waiting)
    if not profile.rows and not waiting:
        raise Refused("empty")
    if _is_paged(file, head):
        remarks.add("paged")
    return is_geo, profile, _map(preview, head, limits.zone) if is_geo else None, sorted(remarks)


def _is_paged(file: BinaryIO, head: str) -> bool:
    """Whether the document says, around its list, that there are further pages."""
    file.seek(max(0, file.seek(0, 2) - HEAD))
    tail = file.read(HEAD).decode("utf-8", "replace")
    return any(_NEXT.search(text) is not None for text in (head, tail))


def _head(file: BinaryIO) -> str:
    return file.read(HEAD).decode("utf-8-sig", "replace")


def _map(preview: MapPreview, head: str, zone: int) -> Map:
    """GeoJSON is in degrees (RFC 7946); older files name another system, and many are in one without saying so."""
    named = _CRS.search(head)
    code = code_in(named[0]) if named else None
    if code is not None:
        return preview.finish(code, "certain")
    center = preview.center
    found = None if center is None else system_of([center[0]], [center[1]], str(zone or ""))
    return preview.finish(found.epsg if found else 4326, found.sureness if found else "guessed")


def _begun(waiting: list[dict[str, Any]]) -> Profile:
    names = dict.fromkeys(name for one in waiting for name in one)
    profile = Profile(list(names)[:NAMES])
    for number, one in enumerate(waiting, 1):
        if one:
            profile.row([one.get(name, "") for name in profile.names], number)
        else:
            profile.rows += 1
            profile.looked_at += 1
    return profile


def _flat(record: object) -> dict[str, str]:
    """Names and values as text; what is nested by the names above it (`address.street`), lists as they are."""
    found: dict[str, str] = {}
    todo: list[tuple[str, object]] = [("", record)]
    while todo:
        name, value = todo.pop()
        if isinstance(value, Mapping) and name.count(".") < 3:
            todo += [
                (f"{name}.{_whole(key)}" if name else _whole(str(key)), each)
                for key, each in reversed(list(value.items()))
            ]
        elif name and len(found) < NAMES:
            found[name] = _text(value)
    return found


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:2_000]
    return _whole(text)


def _whole(text: str) -> str:
    """Half a pair of code units is no character, and fits into no answer."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _records(file: BinaryIO, nesting: int, decoder: json.JSONDecoder = _DECODER) -> Iterator[dict[str, Any]]:
    """Objects of the first list of objects; the whole document is one record if there is no such list."""
    file.seek(0)
    text = _Text(file)
    begins = text.find(_LIST)
    if begins < 0:
        yield from _single(text, decoder)
        return
    at = begins + 1
    while True:
        at = text.skip(at, " \t\r\n,")
        if text.at(at) == "]":
            return
        if text.at(at) != "{":
            raise Refused("json", at=text.place(at))
        record, at = text.decoded(decoder, at)
        if _depth(record) > nesting:
            raise Refused("nesting", most=nesting)
        yield record
        at = text.forget(at)


def _single(text: "_Text", decoder: json.JSONDecoder) -> Iterator[dict[str, Any]]:
    at = text.skip(0, " \t\r\n")
    if text.at(at) == "[":
        raise Refused("empty" if text.at(text.skip(at + 1, " \t\r\n")) == "]" else "json", at=text.place(at))
    record, _ = text.decoded(decoder, at)
    if not record or ("features" in record and not record["features"]):
        raise Refused("empty")
    yield record


def _depth(value: object) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        each, level = todo.pop()
        deepest = max(deepest, level)
        if isinstance(each, dict):
            todo += [(one, level + 1) for one in each.values() if isinstance(one, dict | list)]
        elif isinstance(each, list):
            todo += [(one, level + 1) for one in each if isinstance(one, dict | list)]
    return deepest


class _Text:
    """The document as text, as much of it as one record needs; places in it count what was forgotten, too."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._held, self._gone, self._ended = file, "", 0, False
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")

    def _more(self) -> bool:
        if self._ended:
            return False
        piece = self._file.read(PIECE)
        self._ended = not piece
        try:
            self._held += self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            raise Refused("json-encoding") from None
        return bool(piece)

    def _grown(self, by: int) -> bool:
        """Whether there was more: so much of it that what is looked at again and again is looked at twice at most."""
        before = len(self._held)
        while len(self._held) < before + max(by, 1) and self._more():
            pass
        return len(self._held) > before

    def find(self, pattern: re.Pattern[str]) -> int:
        """Where the pattern begins, in the first `_RECORD` characters; -1."""
        while (found := pattern.search(self._held)) is None:
            if len(self._held) > _RECORD or not self._grown(len(self._held)):
                return -1
        return found.start()

    def at(self, place: int) -> str:
        while place >= len(self._held):
            if not self._more():
                return ""
        return self._held[place]

    def skip(self, place: int, signs: str) -> int:
        while (sign := self.at(place)) and sign in signs:
            place += 1
        return place

    def place(self, at: int) -> int:
        return self._gone + at

    def decoded(self, decoder: json.JSONDecoder, at: int) -> tuple[dict[str, Any], int]:
        """The object that begins there and where it ends; raises `Refused`."""
        while True:
            try:
                found, ends = decoder.raw_decode(self._held, at)
            except RecursionError:
                raise Refused("nesting", most=0) from None
            except ValueError:
                if len(self._held) - at > _RECORD or not self._grown(len(self._held) - at):
                    raise Refused("json", at=self.place(at)) from None
                continue
            if not isinstance(found, dict):
                raise Refused("json", at=self.place(at))
            return found, ends

    def forget(self, at: int) -> int:
        """What lies before is not needed any more."""
        if at > PIECE:
            self._held, self._gone = self._held[at:], self._gone + at
            return 0
        return at
