"""Reads the loose JSON of a suite by the local names of its members, whatever prefix or context they come with.

For requests, states and reports only: what they say is compared, never decided by. Policies go through the same reading
as those of any stranger. A party whose id differs from one in the policy by trailing digits alone is told apart here,
so that a mistake of a suite can be shown beside its verbatim result instead of being hidden (spec/policy.md 15.5).
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.foundation.errors import Mistake
from connector.kernel.policy.odrl.names import PREFIXES, expand
from tests.suites.states import state

LARGEST = 1 << 20
_DEPTH = 60
_SPACE = re.compile(r"(?:https?://|urn:).+")


def load(place: Path) -> Any:
    """The JSON of a file; raises Mistake."""
    return mended(place)[0]


def mended(place: Path) -> tuple[Any, tuple[str, ...]]:
    """The JSON of a file, and what had to be read as meant: a comma that is missing at the end of a line."""
    try:
        data = place.read_bytes()
        if len(data) > LARGEST:
            raise Mistake("cli.suite-file", path=place)
        text = data.decode("utf-8-sig")
        try:
            return json.loads(text), ()
        except ValueError:
            return json.loads(_NO_COMMA.sub(r"\1,\2", text)), (f"{place.name} ,",)
    except (OSError, ValueError, RecursionError) as cause:
        raise Mistake("cli.suite-file", path=place) from cause


_NO_COMMA = re.compile(r'(["}\]])(\s*\n\s*")')


def local(name: str) -> str:
    """What follows the last `#`, `/` or `:`."""
    return re.split(r"[#/:]", name)[-1]


def objects(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every object of a document, the outer ones first."""
    if depth > _DEPTH:
        return
    if isinstance(value, Mapping):
        yield value
    for key, item in (
        value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else ())
    ):
        if key != "@context":
            yield from objects(item, depth + 1)


def members(value: Mapping[str, Any]) -> dict[str, Any]:
    """The members by local name, the first of each."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        found.setdefault(local(key), item)
    return found


def prefixes(document: Any) -> dict[str, str]:
    """The prefixes that the contexts of a document declare."""
    found = dict(PREFIXES)
    for one in objects(document):
        context = one.get("@context", [])
        for entry in context if isinstance(context, list) else [context]:
            if isinstance(entry, Mapping):
                found |= {k: v for k, v in entry.items() if isinstance(v, str) and _SPACE.fullmatch(v)}
    return found


def text(value: Any) -> str:
    """A string, number, reference or literal as text; the first of a list."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, Mapping):
        named = members(value)
        value = named.get("@value", named.get("@id", named.get("uid", named.get("value", ""))))
    return "" if isinstance(value, bool | Mapping | list) or value is None else str(value)


def iri(value: Any, spaces: Mapping[str, str]) -> str:
    """The IRI that a value names."""
    name = text(value)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in spaces and not rest.startswith("//"):
        return spaces[prefix] + rest
    return expand(name)


def kind(value: Mapping[str, Any]) -> str:
    """The local name of the first type."""
    return local(text(members(value).get("@type", members(value).get("type", ""))))


def word(value: Any) -> str:
    """A state as one lower-case word: `report:NonSet`, `not-set` and `NotSet` are the same."""
    return state(text(value))


def typo(party: str, known: list[str]) -> str:
    """The one known party that `party` is but for trailing digits; empty if it is known or nobody fits."""
    if party in known or not party[-1:].isdigit():
        return ""
    found = [other for other in known if other == party.rstrip("0123456789")]
    return found[0] if len(found) == 1 else ""
