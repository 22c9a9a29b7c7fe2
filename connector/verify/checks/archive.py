"""Reads a bundle without trusting it: one reading, known names only, each once, limits on count and size (T14, T66)."""

from collections.abc import Mapping

from connector.verify.formats import container, limits
from connector.verify.formats.faults import Fault

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

LARGEST, LARGEST_TOTAL = limits.LARGEST, limits.LARGEST_TOTAL


def members(data: bytes) -> Mapping[str, bytes]:
    """Name and content of every member; Fault names what is unknown, missing, doubled, too large or damaged."""
    if len(data) > limits.LARGEST_FILE:
        raise Fault("archive-large")
    entries = container.entries(data)
    _check_names([entry.name for entry in entries])
    limits.check_sizes({entry.name: entry.size for entry in entries}, len(data))
    found = {entry.name: container.content(data, entry) for entry in entries}
    limits.check_contents(found)
    return found


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
