"""A ZIP that has one reading only: whoever unpacks it with whatever tool gets the contents that are judged here (T66).

Tools disagree wherever a ZIP says something twice or leaves bytes unexplained: directory against local headers, names
in extra fields, what lies before, between and behind. So every byte is accounted for: from the first on there are local
headers and contents without a gap, in the order of the directory and word for word like it, then the directory, then
its end, which is the end of the file. Extra fields, comments, data descriptors, ZIP64, encryption and folders do not
occur; names are plain ASCII; contents are stored or deflated (APPNOTE.TXT 6.3, sections 4.3 and 4.4).
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from connector.verify.formats.faults import Fault

STORED, DEFLATED = 0, 8
MOST = 64
"""Members of one container."""

END = b"PK\x05\x06"
"""The signature of a ZIP's end, which stands in the whole file once."""
_LOCAL, _ENTRY = b"PK\x03\x04", b"PK\x01\x02"
_LOCAL_SIZE, _ENTRY_SIZE, _END_SIZE = 30, 46, 22
_ENTRY_FORM = struct.Struct("<4s6H3L5H2L")
_END_FORM = struct.Struct("<4s4H2LH")
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_NEEDED = (10, 20)
"""Version needed to extract: 1.0 for stored, 2.0 for deflated; 4.5 would be ZIP64."""
_SYSTEMS = (0, 3)
_FILE_MODES = (0, 0o10)
"""Upper four bits of a Unix mode: none, or a regular file. A link or a folder is something else for some tools."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the directory and its local header name it alike; `start` of its packed bytes in the file."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    start: int


def entries(data: bytes) -> Sequence[Entry]:
    """All members in their order, nothing unpacked; Fault `archive` (no ZIP) or `archive-form` naming the `oddity`."""
    count, begin = _directory(data)
    found, at, place = list[Entry](), 0, begin
    for _ in range(count):
        entry, place = _entry(data, place, at)
        found.append(entry)
        at = entry.start + entry.packed
    if place != len(data) - _END_SIZE or at != begin:
        raise _odd("gap")
    return found


def content(data: bytes, entry: Entry) -> bytes:
    """What the member holds, never more than its size says; Fault `archive` if it is damaged or of another size."""
    packed = data[entry.start : entry.start + entry.packed]
    found = packed if entry.method == STORED else _inflated(packed, entry.size)
    if len(found) != entry.size or zlib.crc32(found) != entry.crc:
        raise Fault("archive")
    return found


def _directory(data: bytes) -> tuple[int, int]:
    """How many members, and where the directory begins."""
    ends = data.count(END)
    if len(data) < _END_SIZE or not ends:
        raise Fault("archive")
    if data[-_END_SIZE:][:4] != END:
        raise _odd("behind")
    if ends > 1:
        raise _odd("ends")
    _, disk, first_disk, here, count, size, begin, comment = _END_FORM.unpack(data[-_END_SIZE:])
    if comment:
        raise _odd("comment")
    if 0xFFFF in (disk, first_disk, here, count) or 0xFFFFFFFF in (size, begin):  # said elsewhere: ZIP64
        raise Fault("archive")
    if disk or first_disk or here != count:
        raise _odd("disks")
    if not 0 < count <= MOST:
        raise Fault("archive-large" if count else "archive")
    if begin + size + _END_SIZE != len(data):
        raise _odd("gap")
    return count, begin


def _entry(data: bytes, place: int, at: int) -> tuple[Entry, int]:
    """The member whose directory entry stands at `place` and whose local header must stand at `at`; the next place."""
    head = data[place : place + _ENTRY_SIZE]
    if len(head) != _ENTRY_SIZE or head[:4] != _ENTRY:
        raise _odd("gap")
    _, made, needed, flags, method, _, _, crc, packed, size, *rest = _ENTRY_FORM.unpack(head)
    named, extra, comment, disk, internal, external, offset = rest
    _check_fields(needed, flags, method, extra, comment)
    if disk or internal or made >> 8 not in _SYSTEMS or not _plain(external):
        raise _odd("attributes")
    if offset != at or data[at : at + 4] != _LOCAL:
        raise _odd("gap" if at else "before")
    name = data[place + _ENTRY_SIZE : place + _ENTRY_SIZE + named]
    start = at + _LOCAL_SIZE + named
    # From the version needed to the length of the extra field both say the same in the same form.
    if data[at + 4 : at + _LOCAL_SIZE] != head[6:32] or data[at + _LOCAL_SIZE : start] != name:
        raise _odd("twofold")
    if start + packed > len(data) or (method == STORED and packed != size):
        raise Fault("archive")
    return Entry(_name(name), method, crc, packed, size, start), place + _ENTRY_SIZE + named


def _check_fields(needed: int, flags: int, method: int, extra: int, comment: int) -> None:
    if extra:
        raise _odd("extra")
    if comment:
        raise _odd("comment")
    if flags & 0x8:
        raise _odd("descriptor")
    if flags or method not in (STORED, DEFLATED):
        raise _odd("method")
    if needed not in _NEEDED:
        raise _odd("zip64")


def _plain(external: int) -> bool:
    """A file without DOS attributes and without setuid, setgid or sticky bit."""
    mode = external >> 16
    return not external & 0xFFFF and mode >> 12 in _FILE_MODES and not mode & 0o7000


def _name(name: bytes) -> str:
    if not _NAME.fullmatch(name):
        raise Fault("member-unknown", name=name[:80].decode("utf-8", "backslashreplace"))
    return name.decode("ascii")


def _inflated(packed: bytes, size: int) -> bytes:
    """One octet more than announced would show; all of `packed` is used, and the stream ends there."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = stream.decompress(packed, size + 1)
    except zlib.error as fault:
        raise Fault("archive") from fault
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise Fault("archive")
    return found


def _odd(oddity: str) -> Fault:
    return Fault("archive-form", oddity=oddity)
