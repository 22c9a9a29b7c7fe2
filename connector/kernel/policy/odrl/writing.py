"""How a policy that somebody else wrote gets a member, or is left without one: in every spelling of its name.

A member has one spelling in a policy, else nobody reads it (`reader.members`). What is put in has its short name, and
what nobody touches stays as it was written: of some names only the prefix is known to other connectors
(spec/policy.md 1.2).
"""

from collections.abc import Container, Mapping
from typing import Any

from connector.kernel.policy.odrl.names import member
from connector.kernel.policy.odrl.reader import entries


def without(document: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """The document without these members, however it spells them; `uid` is a spelling of `@id`."""
    return {key: value for key, value in document.items() if _name(key) not in names and member(key) not in names}


def with_members(document: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The document with these members, by their short names, in place of what it has under the same."""
    return {**without(document, given), **given}


def written(document: Mapping[str, Any], name: str) -> list[Any]:
    """The entries of a member in whatever spelling, of several spellings all; empty where it is absent."""
    return [entry for key, value in document.items() if member(key) == name for entry in entries(value)]


def _name(key: str) -> str:
    return "@id" if (name := member(key)) == "uid" else name
