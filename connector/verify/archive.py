"""Reads a bundle's ZIP without trusting it: known names only, each once, limits on count, size and ratio (T14)."""

import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO

from connector.verify.faults import Fault

REQUIRED = frozenset(
    {
        "README",
        "agreement.json",
        "agreement.tlog-proof",
        "approval-provider.json",
        "dataset.jsonld",
        "did-consumer.json",
        "did-provider.json",
        "manifest.json",
        "manifest.jws",
        "profile.json",
        "provider.jws",
        "records.ndjson",
        "text-de.html",
        "trust-list.jws",
    }
)
COUNTERSIGNED = frozenset({"approval-consumer.json", "consumer.jws"})
"""Present together or not at all: without them the agreement is one-sided."""

ROTATED = "did-exporter.json"
"""Only where the exporter's keys have changed since the agreement: its DID document at the time of the export."""

TIMESTAMP, NEWEST = "checkpoint.tst", "records.checkpoint"
"""A token over the state in `agreement.tlog-proof`; a newer state that the records lead to."""

FIRST, FIRST_TIMESTAMP = "first.checkpoint", "first.tst"
"""Only for a countersignature that came late: the state that held the record before it, and a token over that."""

TRANSLATIONS = frozenset({"text-de.pdf", "text-en.html"})
"""For reading only: no party has signed them."""

OPTIONAL = TRANSLATIONS | {
    ROTATED,
    TIMESTAMP,
    NEWEST,
    FIRST,
    FIRST_TIMESTAMP,
    *(f"{role}{end}" for role in ("provider", "consumer") for end in ("-chain.pem", ".ocsp", ".pq.jws")),
    *(f"did-termination-{role}.json" for role in ("provider", "consumer")),
}
TOGETHER = (
    COUNTERSIGNED,
    frozenset({"termination-provider.json", "termination-provider.jws"}),
    frozenset({"termination-consumer.json", "termination-consumer.jws"}),
)
"""Each group is complete or absent."""

LARGEST = 16 * 1024 * 1024
LARGEST_TOTAL = 64 * 1024 * 1024
STEEPEST = 200
_MOST_ENTRIES = 1_000
"""Each entry of the index of a ZIP costs far more memory than the 46 bytes that it is written in."""
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, NotImplementedError, RuntimeError, OSError,
    OverflowError,
)  # fmt: skip


def members(data: bytes) -> Mapping[str, bytes]:
    """Name and content of every member; Fault names what is unknown, missing, doubled, too large or damaged."""
    if len(data) > 2 * LARGEST_TOTAL or data.count(b"PK\x01\x02") > _MOST_ENTRIES:
        raise Fault("archive-large")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_names([info.filename for info in infos])
            _check_sizes(infos)
            return {info.filename: _content(archive, info) for info in infos}
    except _DAMAGED as fault:
        raise Fault("archive") from fault


def _check_names(names: list[str]) -> None:
    for name in sorted(set(names) - REQUIRED - OPTIONAL - frozenset[str]().union(*TOGETHER)):
        raise Fault("member-unknown", name=name[:80])
    for name in sorted(names):
        if names.count(name) > 1:
            raise Fault("member-doubled", name=name)
    present = set(names)
    wanted = REQUIRED.union(*(group for group in TOGETHER if present & group))
    for name in sorted(wanted - present):
        raise Fault("member-missing", name=name)


def _check_sizes(infos: list[zipfile.ZipInfo]) -> None:
    if sum(info.file_size for info in infos) > LARGEST_TOTAL:
        raise Fault("archive-large")
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 0x1:
            raise Fault("archive")
        if info.file_size > LARGEST or info.file_size > STEEPEST * max(info.compress_size, 64):
            raise Fault("archive-large")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The announced size is only a claim: never more than that is unpacked."""
    with archive.open(info) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise Fault("archive")
    return content
