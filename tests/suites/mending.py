"""Reads the policies of the W3C examples and mends what is known to be wrong with them; every repair is told.

A number written as a reference is a number. A member that no context explains is left out, as every JSON-LD processor
leaves it out; the product refuses such a policy instead.
"""

from collections.abc import Mapping
from typing import Any

from connector.kernel.dialects.policies.foreign import read_json
from connector.kernel.protocol.shape import Malformed
from tests.suites import engine

_MEANINGLESS = 20
"""Members without a meaning that one policy may have."""


def read_policy(document: Any, reading: engine.Reading) -> tuple[engine.Loaded, tuple[str, ...]]:
    """The policy; and what had to be read as meant before anybody could read it."""
    repairs: list[str] = []
    mended = _mended(document, repairs)
    for _ in range(_MEANINGLESS):
        try:
            return engine.parsed(read_json(mended)[0].document, reading), tuple(repairs)
        except Malformed as fault:
            if fault.code != "meaningless":
                raise
            # Every JSON-LD processor leaves such a member out; so does this suite, and here it is told.
            name = fault.pointer.rpartition("/")[2]
            repairs.append(f"@context {name}")
            mended = _without(mended, name)
    raise Malformed("/@context", "meaningless")


def _without(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_without(item, name) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: item if key == "@context" else _without(item, name) for key, item in value.items() if key != name}


def _mended(value: Any, repairs: list[str]) -> Any:
    if isinstance(value, list):
        return [_mended(item, repairs) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"@id", "@type"} and isinstance(value["@type"], str) and _is_literal(value):
        repairs.append(f"@id {value['@id']} {value['@type']}")
        return {"@value": value["@id"], "@type": value["@type"]}
    return {key: item if key == "@context" else _mended(item, repairs) for key, item in value.items()}


def _is_literal(value: Mapping[str, Any]) -> bool:
    """Whether a "reference" is a value: its type is a datatype and its id no IRI."""
    return ("XMLSchema#" in value["@type"] or value["@type"].startswith("xsd:")) and ":" not in str(value["@id"])[:8]
