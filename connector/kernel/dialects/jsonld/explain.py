"""Says to people what is wrong with a message: where, and in one sentence per fault, German and English.

The codec decides; this only looks for words. jsonschema finds every fault at once where the codec stops at the first,
and where it finds none the codec's own finding is told, so that nothing is refused without a sentence.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.language.reasons import Reason, because, plain
from connector.kernel.dialects.jsonld.schemas import schema
from connector.kernel.protocol import codec
from connector.kernel.protocol.shape import Malformed, point

if TYPE_CHECKING:
    from jsonschema import Draft201909Validator
    from jsonschema.exceptions import ValidationError

TOLD = 3
"""Faults that one answer names."""
LOOKED_AT = 40
NODES = 2_000
"""Documents with more values are explained by the codec's first finding alone."""
_VAGUE = frozenset({"json-type", "value", "type", "one-of"})
"""Codes of the codec whose sentence would need to say what would be right."""
_KINDS = {
    "string": "not-text",
    "array": "not-list",
    "object": "not-object",
    "string array": "not-text-or-list",
    "string object": "not-text-or-object",
    "string object array": "not-operand",
}


class Finding(msgspec.Struct, frozen=True):
    """One fault; `name` is the member it is about, `allowed` what would be right."""

    pointer: str
    code: str
    name: str = ""
    allowed: str = ""


class UnreadableMessage(PeerError):
    """A message that cannot be read, with reasons for people. `code` says whether it was a message or an answer."""

    def __init__(self, code: str, type_: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        first = self.findings[0]
        super().__init__(code, type=type_, pointer=plain(first.pointer or "/", 200), why=first.code)
        self.reasons: Reason = _sentences([because(code, **self.facts), *map(_told, self.findings)])


def _told(finding: Finding) -> Reason:
    """The sentence; what a stranger wrote comes into it short and on one line."""
    facts = {"pointer": finding.pointer or "/", "name": finding.name, "allowed": finding.allowed}
    return because(f"dialects.{finding.code}", **{name: plain(text, 200) for name, text in facts.items()})


def _sentences(parts: Iterable[Reason]) -> Reason:
    said: Reason = {}
    for part in parts:
        for lang, sentences in part.items():
            said.setdefault(lang, []).extend(sentences)
    return said


def of(fault: Malformed) -> Finding:
    """What the codec or a reader found by itself, without what would be right instead."""
    name = fault.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    code = "unreadable" if fault.code in _VAGUE else fault.code
    return Finding(fault.pointer, code, name, codec.CONTEXT if code == "context" else "")


def findings(cls: type[msgspec.Struct], value: Any, fault: Malformed) -> tuple[Finding, ...]:
    """At least one, at most `TOLD`; the codec's own place first."""
    if _large(value):
        return (of(fault),)
    try:
        seen = dict.fromkeys(_found(cls.__name__, value))
    except RecursionError:
        return (of(fault),)
    ordered = sorted(seen, key=lambda finding: finding.pointer != fault.pointer)
    return tuple(ordered[:TOLD]) or (of(fault),)


def _large(value: Any) -> bool:
    level, seen = [value], 0
    while level and seen <= NODES:
        below: list[Any] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        seen, level = seen + len(level), below
    return seen > NODES


@cache
def _validator(name: str) -> "Draft201909Validator":
    from jsonschema import Draft201909Validator

    return Draft201909Validator(schema(name))


def _found(name: str, value: Any) -> Iterator[Finding]:
    errors = islice(_validator(name).iter_errors(value), LOOKED_AT)
    for error in errors:
        yield from _finding(error)


def _finding(error: "ValidationError") -> Iterator[Finding]:
    at = ""
    for step in error.absolute_path:
        at = point(at, step)
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            gone = [name for name in wanted if name not in instance]
            yield from (Finding(point(at, name), "missing", name) for name in gone)
        case "type":
            yield Finding(at, _not(wanted, instance), _name(error))
        case "enum":
            yield Finding(at, "allowed", _name(error), ", ".join(str(item) for item in wanted))
        case "const":
            yield Finding(at, "type" if _name(error) == "@type" else "value", _name(error), str(wanted))
        case "minItems":
            yield Finding(at, "empty", _name(error))
        case "oneOf" | "anyOf" | "not" if not isinstance(instance, dict):
            pass
        case "oneOf" | "anyOf":
            yield Finding(at, "one-of" if error.validator == "oneOf" else "any-of", "", _alternatives(wanted))
        case "not":
            yield _forbidden(at, wanted["required"])
        case "contains":
            yield Finding(at, "context", _name(error), codec.CONTEXT)
        case "pattern":
            yield Finding(at, "timestamp", _name(error))


def _name(error: "ValidationError") -> str:
    return str(next((step for step in reversed(error.absolute_path) if isinstance(step, str)), ""))


def _not(wanted: str | list[str], instance: Any) -> str:
    if instance is None:
        return "null"
    return _KINDS[wanted if isinstance(wanted, str) else " ".join(wanted)]


def _alternatives(wanted: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(str(entry["required"][0]) for entry in wanted)


def _forbidden(at: str, names: list[str]) -> Finding:
    if len(names) > 1:
        return Finding(at, "one-of", "", ", ".join(names))
    return Finding(point(at, names[0]), "forbidden", names[0])
