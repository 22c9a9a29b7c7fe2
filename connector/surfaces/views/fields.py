"""Kinds of fields that many views have: sentences in both languages, times, ODRL, and JSON of unknown shape."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.foundation.language.reasons import explained
from connector.foundation.zone import local

Sentences = Annotated[dict[str, str], Meta(description="A sentence by language: `de` and `en`.")]
Time = Annotated[str, Meta(description="RFC 3339.", extra_json_schema={"format": "date-time"})]
Policy = Annotated[dict[str, Any], Meta(description="An ODRL policy as JSON-LD.")]
Json = Annotated[Any, Meta(description="JSON as it was signed, recorded or stored.")]


def time(at: int | None) -> Time | None:
    """Of milliseconds; None stays None."""
    return None if at is None else rfc3339(at)


def day(at: int) -> str:
    """The calendar day of the space (YYYY-MM-DD) on which an instant (ms) lies."""
    found = local(at)
    return "" if found is None else found.date().isoformat()


def sentences(reason: Mapping[str, Sequence[str]]) -> Sentences:
    return {lang: " ".join(parts) for lang, parts in reason.items()}


def optional_sentences(reason: Mapping[str, Sequence[str]] | None) -> Sentences | None:
    return None if reason is None else sentences(reason)


def explanation(error: HanseError) -> Sentences:
    """Why, for people: the error's own reasons, else the sentence of its code."""
    return sentences(explained(error))
