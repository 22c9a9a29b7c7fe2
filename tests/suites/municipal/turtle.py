"""Turtle with one statement a line and nothing left to chance: the same case always gives the same bytes."""

import json
import re
from collections.abc import Iterable, Mapping

from tests.suites.municipal.form import H, O

PREFIXES: Mapping[str, str] = {
    "odrl": O,
    "ex": "http://example.org/",
    "temp": "http://example.com/request/",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "report": "https://w3id.org/force/compliance-report#",
    "hanse": H,
}
_PREFIX = re.compile(r"(?<![<\w:/#])([a-z]+):\w")
Pair = tuple[str, str]
"""A predicate and an object, both written."""


def iri(text: str) -> str:
    """With a prefix if what follows it is a plain name."""
    for prefix, namespace in PREFIXES.items():
        local = text.removeprefix(namespace)
        if local != text and local.isalnum():
            return f"{prefix}:{local}"
    return f"<{text}>"


def text(value: str, datatype: str = "") -> str:
    """A literal; `datatype` a local name of XML Schema."""
    return json.dumps(value, ensure_ascii=False) + (f"^^xsd:{datatype}" if datatype else "")


def moment(value: str) -> str:
    return text(value, "dateTime")


def node(subject: str, pairs: Iterable[Pair]) -> str:
    """One subject with its predicates; objects of one predicate stay together."""
    rows: dict[str, list[str]] = {}
    for predicate, value in pairs:
        rows.setdefault(predicate, []).append(value)
    lines = " ;\n    ".join(f"{predicate} {', '.join(values)}" for predicate, values in rows.items())
    return f"{subject} {lines} .\n"


def document(nodes: Iterable[str]) -> str:
    """A file: the prefixes that it uses, and its nodes apart from each other."""
    body = "\n".join(nodes)
    used = set(_PREFIX.findall(body))
    head = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items() if prefix in used)
    return head + "\n" + body
