"""The ground under the parser: how large a document may be, and how members, lists and terms are read from JSON.

Every limit is checked before anything recurses or multiplies, so that no document costs more than linear time; what is
refused is refused with its place. Objects may be cyclic when they come from Python: depth and number bound them too.
"""

import math
from collections.abc import Callable, Container, Iterable
from typing import TypeVar

import msgspec
from msgspec import Struct

from connector.kernel.policy.odrl.model import Extras, PolicyError
from connector.kernel.policy.odrl.names import CLASSES, expand, member
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import Registry

DEPTH = 32
"""Deepest nesting of constraints and consequences that is read."""

CLAUSES = 10_000
"""Most rules, duties and constraints of one policy, counted after what stands for several is written out."""

VALUES = 1_000
"""Most entries of a right operand, and most parties, targets or actions of a rule."""

TEXT = 4_000
"""Longest string, in characters."""

NODES = 250_000
SIZE = 4_000_000
"""Most JSON values, and most characters of all strings together."""

T = TypeVar("T")
Members = dict[str, object]
Place = tuple["Place", str | int] | tuple[()]


def _escaped(key: str | int) -> str:
    """A member's name or an index as a part of a JSON pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _pointer(place: Place) -> str:
    parts: list[str] = []
    while place:
        place, key = place
        parts.append(_escaped(member(key) if isinstance(key, str) else key))
    return "".join(f"/{part}" for part in reversed(parts))


def _length(value: object, place: Place) -> int:
    """How many characters a single value has; refuses what no JSON parser should have given."""
    match value:
        case str():
            if len(value) > TEXT:
                raise PolicyError(_pointer(place), "policy.too-long")
            if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise PolicyError(_pointer(place), "policy.not-json")
            return len(value)
        case int() if value.bit_length() > 1024:
            raise PolicyError(_pointer(place), "policy.too-long")
        case float() if not math.isfinite(value):
            raise PolicyError(_pointer(place), "policy.not-json")
        case None | bool() | int() | float():
            return 0
    raise PolicyError(_pointer(place), "policy.not-json")


def screen(document: object) -> None:
    """Refuse a document that is too deep, too large, or no JSON, with the place at which that shows."""
    stack: list[tuple[object, Place, int]] = [(document, (), 0)]
    nodes, size = 0, 0
    while stack:
        value, place, depth = stack.pop()
        inner: Iterable[tuple[str | int, object]] = ()
        if isinstance(value, dict):
            for key in value:
                size += _length(key if isinstance(key, str) else b"", place)
            inner = value.items()
        elif isinstance(value, (list, tuple)):
            inner = enumerate(value)
        else:
            size += _length(value, place)
        nodes += 1
        if depth > 4 * DEPTH:
            raise PolicyError(_pointer(place), "policy.too-deep")
        if nodes + len(stack) > NODES or size > SIZE:
            raise PolicyError(_pointer(place), "policy.too-large")
        stack.extend((entry, (place, key), depth + 1) for key, entry in inner)


class Reader(Struct):
    """What one parse carries along: the operands it knows and how many clauses it has read."""

    registry: Registry = BUILT_IN
    clauses: int = 0

    def count(self, pointer: str, clauses: int = 1) -> None:
        """Take so many clauses more; PolicyError at `pointer` if that makes too many."""
        self.clauses += clauses
        if self.clauses > CLAUSES:
            raise PolicyError(pointer, "policy.too-large")


def text_of(value: object) -> str:
    """Canonical JSON of what is kept as it is."""
    return msgspec.json.encode(value, order="sorted").decode()


def members(value: object, pointer: str, code: str = "policy.not-an-object") -> Members:
    """The members of an object by their one name; two spellings of one name at once are refused."""
    if not isinstance(value, dict):
        raise PolicyError(pointer, code)
    found: Members = {}
    for key, entry in value.items():
        if (name := member(key)) in found:
            raise PolicyError(f"{pointer}/{_escaped(key)}", "policy.twice")
        found[name] = entry
    return found


def extras(found: Members, known: Iterable[str], classes: Container[str] = ()) -> Extras:
    """What is no part of the profile, kept; also an `@type` that is an ODRL class but none of these."""
    others = sorted((name, text_of(value)) for name, value in found.items() if name not in known)
    if "@type" in found and not all(_fits(entry, classes) for entry in entries(found["@type"])):
        others = sorted([*others, ("@type", text_of(found["@type"]))])
    return tuple(others)


def _fits(type: object, classes: Container[str]) -> bool:
    return isinstance(type, str) and ((name := member(type)) in classes or name not in CLASSES)


def entries(value: object) -> list[object]:
    """The entries of an array, an `@list` or `@set`, or the one value itself."""
    if isinstance(value, dict) and len(value) == 1 and ("@list" in value or "@set" in value):
        value = next(iter(value.values()))
    return list(value) if isinstance(value, (list, tuple)) else [value]


def few(found: Members, name: str, pointer: str) -> list[object]:
    """The entries of a member of which there may be VALUES at most."""
    if name not in found:
        return []
    if len(values := entries(found[name])) > VALUES:
        raise PolicyError(f"{pointer}/{name}", "policy.too-large")
    return values


def some(found: Members, name: str, pointer: str) -> list[object]:
    """The same where none at all would mean everybody or everything: an empty list is refused."""
    values = few(found, name, pointer)
    if name in found and not values:
        raise PolicyError(f"{pointer}/{name}", "policy.empty")
    return values


def each(found: Members, name: str, pointer: str, read: Callable[[object, str], T]) -> list[T]:
    """Every entry of a member, read with the pointer to it."""
    if name not in found:
        return []
    return [read(entry, f"{pointer}/{name}/{index}") for index, entry in enumerate(entries(found[name]))]


def shallow(pointer: str) -> None:
    """PolicyError where constraints or consequences are nested deeper than DEPTH."""
    if pointer.count("/") > 2 * DEPTH:
        raise PolicyError(pointer, "policy.too-deep")


def plain(value: object) -> str | None:
    """The text of a string, a reference or an untyped literal; None for anything with more in it."""
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("@id", value.get("@value"))
    return value if isinstance(value, str) else None


def term(value: object, pointer: str) -> str:
    """The IRI of the one term that must stand here."""
    if len(values := entries(value)) != 1 or (text := plain(values[0])) is None:
        raise PolicyError(pointer, "policy.not-a-term")
    return expand(text)


def identifier(found: Members, name: str, pointer: str) -> str:
    """The one identifier of a member, empty if the member is absent."""
    if name not in found:
        return ""
    if len(values := entries(found[name])) != 1 or (text := plain(values[0])) is None:
        raise PolicyError(f"{pointer}/{name}", "policy.not-an-identifier")
    return text


def own_id(found: Members, pointer: str) -> str:
    """What a rule, duty or constraint is called, by `@id` or `uid`; two different names are refused."""
    name, uid = identifier(found, "@id", pointer), identifier(found, "uid", pointer)
    if name and uid and name != uid:
        raise PolicyError(f"{pointer}/uid", "policy.twice")
    return name or uid
