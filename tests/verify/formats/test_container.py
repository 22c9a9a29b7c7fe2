"""A bundle has one reading: every other tool shows what was judged, or the bundle is refused (T66)."""

import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import product

import pytest

from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive
from connector.verify.formats import container
from connector.verify.formats.faults import Fault
from tests.verify.forge import Case
from tests.verify.judge import PASSED, named

pytestmark = pytest.mark.threat("T66")
LOCAL, ENTRY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
OTHER = b"<!DOCTYPE html><html lang=de><title>Ein anderer Vertrag</title></html>"


@dataclass
class Written:
    """One member as a forger writes it: what the directory says, and what its local header says otherwise."""

    name: bytes
    content: bytes
    method: int = 0
    flags: int = 0
    needed: int = 20
    extra: bytes = b""
    comment: bytes = b""
    external: int = 0o644 << 16
    behind: bytes = b""
    listed: bool = True
    local: Mapping[str, object] = field(default_factory=dict)


def zipped(members: Sequence[Written], *, prefix: bytes = b"", gap: bytes = b"", comment: bytes = b"") -> bytes:
    """A ZIP by hand, byte by byte."""
    out, directory, count = prefix, b"", 0
    for one in members:
        offset = len(out)
        packed = one.content if one.method == 0 else deflated(one.content)
        shared = (one.needed, one.flags, one.method, 0, 33, zlib.crc32(one.content), len(packed), len(one.content))
        said = {"name": one.name, "extra": one.extra, "shared": shared, **one.local}
        name, extra = bytes(said["name"]), bytes(said["extra"])  # type: ignore[call-overload]
        out += struct.pack("<4s5H3L2H", LOCAL, *said["shared"], len(name), len(extra)) + name + extra  # type: ignore[misc]
        out += packed + one.behind
        if one.listed:
            head = struct.pack("<4sH5H3L", ENTRY, 0x314, *shared)
            tail = struct.pack("<5H2L", len(one.name), len(one.extra), len(one.comment), 0, 0, one.external, offset)
            directory += head + tail + one.name + one.extra + one.comment
            count += 1
    begin = len(out) + len(gap)
    return (
        out
        + gap
        + directory
        + struct.pack("<4s4H2LH", END, 0, 0, count, count, len(directory), begin, len(comment))
        + comment
    )


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


def written(members: Mapping[str, bytes], **changes: object) -> list[Written]:
    """All members, `text-de.html` with these changes."""
    return [
        Written(name.encode(), members[name], **(changes if name == "text-de.html" else {}))  # type: ignore[arg-type]
        for name in sorted(members)
    ]


def oddity(data: bytes, case: Case) -> str:
    """What the verifier names: the code, and of `archive-form` what is odd."""
    found = named(verify_bundle(data, case.roots, "en"))
    assert found is not None
    assert found[0] == "archive", found
    with pytest.raises(Fault) as caught:
        archive.members(data)
    return str(caught.value.facts.get("oddity", caught.value.code))


def test_our_own_form_and_what_plain_tools_write_pass(case: Case, members: dict[str, bytes]) -> None:
    """>> exported, by hand, packed anew by the standard library, stored and deflated << PASSED, the same contents"""
    packed = [export.pack(members), zipped(written(members)), zipped(written(members, method=8))]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as anew:
            for name, content in reversed(members.items()):
                anew.writestr(name, content)
        packed.append(buffer.getvalue())
    for data in packed:
        assert verify_bundle(data, case.roots).verdict is PASSED
        assert archive.members(data) == members


def unicode_path(name: bytes) -> bytes:
    """Info-ZIP's extra field 0x7075: another name for the same member, which some tools prefer."""
    body = b"\x01" + struct.pack("<L", zlib.crc32(b"text-de.html")) + name
    return struct.pack("<2H", 0x7075, len(body)) + body


FORGED: dict[str, tuple[str, Callable[[dict[str, bytes]], bytes]]] = {
    "another name in a Unicode path": ("extra", lambda m: zipped(written(m, extra=unicode_path(b"alt.html")))),
    "an extra field in the local header alone": (
        "twofold",
        lambda m: zipped(written(m, local={"extra": unicode_path(b"alt.html")})),
    ),
    "an extra field that means nothing": ("extra", lambda m: zipped(written(m, extra=b"\xfe\xca\0\0"))),
    "another name in the local header": ("twofold", lambda m: zipped(written(m, local={"name": b"text-en.html"}))),
    "a comment of a member": ("comment", lambda m: zipped(written(m, comment=b"x"))),
    "a comment of the archive": ("behind", lambda m: zipped(written(m), comment=b"x")),
    "a comment that is not there": ("comment", lambda m: zipped(written(m))[:-2] + b"\x01\0"),
    "a comment that is an archive": ("ends", lambda m: zipped(written(m), comment=zipped(written(m)))),
    "a member that the directory hides": (
        "gap",
        lambda m: zipped([*written(m), Written(b"text-de.html", OTHER, listed=False)]),
    ),
    "a hidden member in front": (
        "before",
        lambda m: zipped([Written(b"text-de.html", OTHER, listed=False), *written(m)]),
    ),
    "a hidden member in between": (
        "gap",
        lambda m: zipped([*written(m)[:5], Written(b"text-de.html", OTHER, listed=False), *written(m)[5:]]),
    ),
    "a prefix": ("before", lambda m: zipped(written(m), prefix=b"#!/bin/sh\n")),
    "a prefix that the places do not count": ("gap", lambda m: b"MZ" + zipped(written(m))),
    "an archive in front": ("ends", lambda m: zipped(written(m)) + zipped(written(m))),
    "a gap before the directory": ("gap", lambda m: zipped(written(m), gap=b"\0")),
    "bytes behind a content": ("gap", lambda m: zipped(written(m, behind=b"\0\0"))),
    "a data descriptor": (
        "descriptor",
        lambda m: zipped(written(m, flags=8, behind=b"PK\x07\x08" + bytes(12))),
    ),
    "trailing bytes": ("behind", lambda m: zipped(written(m)) + b"\0"),
    "a second end": ("ends", lambda m: zipped([*written(m)], gap=END + bytes(18))),
    "a second end in a content": ("ends", lambda m: zipped(written({**m, "README": m["README"] + END}))),
    "encryption": ("method", lambda m: zipped(written(m, flags=1))),
    "the flag for UTF-8": ("method", lambda m: zipped(written(m, flags=0x800))),
    "a method that others know": ("method", lambda m: zipped(written(m, local={}, flags=0x20))),
    "the version of ZIP64": ("zip64", lambda m: zipped(written(m, needed=45))),
    "sizes of ZIP64": (
        "archive",
        lambda m: zipped(written(m))[:-22] + END + bytes(4) + b"\xff" * 12 + bytes(2),
    ),
    "a link": ("attributes", lambda m: zipped(written(m, external=0o120777 << 16))),
    "a folder": ("attributes", lambda m: zipped(written(m, external=0o040755 << 16 | 0x10))),
    "octets behind a deflated stream": (
        "archive",
        lambda m: with_stream(m, deflated(m["text-de.html"]) + b"\0"),
    ),
    "a deflated stream that is cut off": ("archive", lambda m: with_stream(m, deflated(m["text-de.html"])[:-1])),
    "two deflated streams": (
        "archive",
        lambda m: with_stream(m, deflated(m["text-de.html"]) + deflated(OTHER)),
    ),
    "a checksum of something else": (
        "archive",
        lambda m: zipped(written(m)).replace(struct.pack("<L", zlib.crc32(m["text-de.html"])), b"abcd"),
    ),
    "a name that differs in case": (
        "member-unknown",
        lambda m: zipped([*written(m), Written(b"TEXT-DE.HTML", OTHER)]),
    ),
    "a name with NUL": ("member-unknown", lambda m: zipped([*written(m), Written(b"text-de.html\0x", OTHER)])),
    "a name in another alphabet": (
        "member-unknown",
        lambda m: zipped([*written(m), Written("tеxt-de.html".encode(), OTHER)]),
    ),
    "a folder around a name": ("member-unknown", lambda m: zipped([*written(m), Written(b"x/text-de.html", OTHER)])),
    "a member twice": ("member-doubled", lambda m: zipped([*written(m), Written(b"text-de.html", OTHER)])),
}


def with_stream(members: dict[str, bytes], packed: bytes) -> bytes:
    """`text-de.html` says "deflated" and holds these octets, of which both headers tell the length."""
    content = members["text-de.html"]
    shared = (20, 0, 8, 0, 33, zlib.crc32(content), len(packed), len(content))
    stored = zipped(written(members))
    local = struct.pack("<5H3L", 20, 0, 0, 0, 33, zlib.crc32(content), len(content), len(content))
    begin = stored.index(LOCAL + local)
    head = begin + 30 + len("text-de.html")
    grown = len(packed) - len(content)
    out = stored[:head] + packed + stored[head + len(content) :]
    out = out.replace(local, struct.pack("<5H3L", *shared))
    return _shifted(out, begin, grown)


def _shifted(data: bytes, begin: int, grown: int) -> bytes:
    """The same with all places in the directory moved that lie behind `begin`."""
    out, end = bytearray(data), len(data) - 22
    at = int.from_bytes(out[end + 16 : end + 20], "little") + grown
    out[end + 16 : end + 20] = at.to_bytes(4, "little")
    while at < end:
        place = int.from_bytes(out[at + 42 : at + 46], "little")
        if place > begin:
            out[at + 42 : at + 46] = (place + grown).to_bytes(4, "little")
        at += 46 + int.from_bytes(out[at + 28 : at + 30], "little")
    return bytes(out)


@pytest.mark.parametrize("what", list(FORGED))
def test_two_faced_containers_are_refused_and_named(case: Case, members: dict[str, bytes], what: str) -> None:
    """Bug: other tools showed other text than was judged, and the verdict was PASSED."""
    expected, forge = FORGED[what]
    assert oddity(forge(members), case) == expected


def test_the_forged_stream_helper_writes_what_it_means(case: Case, members: dict[str, bytes]) -> None:
    """The honest stream in the same place passes, so that the others are refused for their octets alone."""
    assert verify_bundle(with_stream(members, deflated(members["text-de.html"])), case.roots).verdict is PASSED


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_every_bit_around_the_contents_is_refused_or_means_nothing(members: dict[str, bytes], step: int) -> None:
    """All bytes that are no content, in short one bit in seven: what still passes has the same contents for other
    readers too."""
    honest = export.pack(members)
    contents = {at for one in container.entries(honest) for at in range(one.start, one.start + one.packed)}
    accepted = 0
    for place, bit in list(product(sorted(set(range(len(honest))) - contents), range(8)))[::step]:
        raw = bytearray(honest)
        raw[place] ^= 1 << bit
        try:
            found = archive.members(bytes(raw))
        except Fault:
            continue
        accepted += 1
        assert found == members
        with zipfile.ZipFile(BytesIO(bytes(raw))) as other:
            assert {name: other.read(name) for name in other.namelist()} == members
    room = 0 if step == 1 else 2 * len(members)  # one bit in seven is not quite a seventh of each field
    assert accepted <= len(members) * 24 // step + room, "permissions and the maker's version alone"


def test_a_content_with_the_signature_of_an_end_can_still_be_exported(members: dict[str, bytes]) -> None:
    """By chance in a PDF: it is deflated, so that the bundle has one end."""
    packed = export.pack({**members, "text-de.pdf": b"%PDF" + END + bytes(40)})
    assert packed.count(END) == 1
    assert archive.members(packed)["text-de.pdf"] == b"%PDF" + END + bytes(40)


@pytest.mark.threat("T14")
def test_no_more_is_unpacked_than_a_member_says_it_has() -> None:
    """>> 50 MB of nothing, packed, that says it has a hundred octets << refused, and never unfolded."""
    packed = deflated(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Fault, match="archive"):
            container.content(packed, container.Entry("a", container.DEFLATED, 0, len(packed), 100, 0))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
