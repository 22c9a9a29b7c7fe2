"""Ways to spoil a message, for fuzzing: members lost, doubled, renamed, retyped, blown up; bytes cut, copied, put in.

All randomness comes from the generator that is given, so a seed is a test case. `structure` works on the JSON value,
`data` on its bytes; what comes out may by chance still be valid.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from connector.kernel.protocol.messages import CONTEXT, HANSE

Place = tuple[Any, Any]
"""A container and the name or index of one of its entries."""

KEYWORDS = (
    "@context",
    "@id",
    "@type",
    "@value",
    "@list",
    "@set",
    "@graph",
    "@reverse",
    "@included",
    "@nest",
    "@index",
    "@language",
    "@base",
    "@vocab",
    "@import",
    "@propagate",
    "@version",
    "@none",
    "@json",
)
CONTEXTS: tuple[Any, ...] = (
    CONTEXT,
    [],
    [CONTEXT, CONTEXT],
    [[CONTEXT]],
    [CONTEXT, None],
    None,
    {},
    [CONTEXT, {}],
    {"@vocab": "x:"},
    [CONTEXT, {"providerPid": None}],
    [CONTEXT, {"@import": "https://example.invalid/x"}],
    "https://example.invalid/c",
    [CONTEXT, "https://example.invalid/c"],
    [CONTEXT, {"a": "b:", "b": "a:"}],
    [CONTEXT, {"@base": "file:///etc/"}],
    [CONTEXT, {"offer": {"@id": "dspace:offer", "@context": {"@context": {"@context": CONTEXT}}}}],
    [CONTEXT, {"@propagate": False, "@protected": True}],
    ["https://w3id.org/dspace/2025/1/context.jsonld "],
    [CONTEXT, {"x": {"@id": "@type"}}],
    [{"@version": 1.1}, CONTEXT],
    ["file:///etc/passwd", CONTEXT],
    [CONTEXT, {"permission": {"@reverse": "dspace:offer"}}],
    [CONTEXT, {"consumerPid": "@id"}],
)
TYPES: tuple[Any, ...] = (
    "",
    "x",
    [],
    ["ContractRequestMessage"],
    ["Offer", "Offer"],
    {"@id": "Offer"},
    None,
    7,
    "dspace:Offer",
    "https://w3id.org/dspace/2025/1/ContractRequestMessage",
    "odrl:Offer",
    "__class__",
    "Offer\u200b",
    "OFFER",
)
TEXTS: tuple[str, ...] = (
    "",
    " ",
    "x",
    "a" * 3_000,
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e\u2066",
    "e\u0301",
    "\ue000peer",
    "\U0001f600" * 40,
    "\r\nX: y",
    "../../etc/passwd",
    "%2e%2e%2f",
    "'; DROP TABLE negotiation; --",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "<script>",
    "urn:uuid:" + "0" * 36,
    "https://localhost:1/",
    "http://169.254.169.254/",
    "did:web:localhost",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999Z",
    "-0001-01-01T00:00:00Z",
    "P9999999999Y",
    "P1D",
    "24:00:00",
    "true",
    "null",
    "NaN",
    "1e999",
    "\U000e0041",
    "x\n" * 500,
    "{0}{a}",
    "%s%n",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -0.0,
    1,
    -1,
    True,
    False,
    2**31,
    2**53,
    2**53 + 1,
    2**63,
    2**64,
    10**19,
    -(10**19),
    10**25,
    1.5,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    float("-inf"),
)
_NAMES = ("", "@", "a.b", "0", "__proto__", "constructor", "x" * 500, "\u202e", f"{HANSE}purpose", "odrl:permission")
_BYTES = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"NaN",
    b"Infinity",
    b"-",
    b"1e999",
    b"9" * 400,
    b"//x\n",
    b"/**/",
    b"'",
    b"[" * 300,
    b'{"a":' * 300,
    b"null",
    b"\x1e",
    b"\x7f",
    b"\xc2\x85",
)


_AT_THE_ROOT = 0.06
"""How often a fault is one of the whole document."""


class Again(str):
    """A member's name that does not count as equal to the same name, so that one object can hold both."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def structure(rng: Random, value: Any, most: int = 3) -> Any:
    """A copy with one to `most` things wrong with it."""
    spoiled = _copied(value)
    for _ in range(rng.randint(1, most)):
        if rng.random() < _AT_THE_ROOT:
            spoiled = _root(rng, spoiled)
            continue
        places = _places(spoiled)
        if not places:
            return odd(rng)
        rng.choice(_WAYS)(rng, *rng.choice(places))
    return spoiled


def data(rng: Random, text: bytes, most: int = 3) -> bytes:
    """The bytes with one to `most` pieces cut, doubled, flipped, swapped or put in."""
    for _ in range(rng.randint(1, most)):
        text = rng.choice(_CUTS)(rng, text)
    return text


def written(rng: Random, value: Any) -> bytes:
    """JSON as a careless peer writes it: NaN, members twice, lone surrogates escaped or as they are.

    Line breaks are those of separators: with `indent` what is deep is written level by level in Python.
    """
    ascii_only = rng.random() < 0.8
    between = rng.choice((None, None, None, (" ,\r\n\t", "\n: ")))
    return json.dumps(value, ensure_ascii=ascii_only, separators=between).encode("utf-8", "surrogatepass")


def odd(rng: Random, depth: int = 3) -> Any:
    """Some JSON value that is probably not what was expected."""
    if rng.random() < 0.002:
        return "A" * 70_000
    way = rng.randrange(9 if depth else 5)
    if way < 2:
        return rng.choice(TEXTS)
    if way < 4:
        return rng.choice(NUMBERS)
    if way == 4:
        return rng.choice((None, [], {}, [[]], {"": ""}, CONTEXT))
    if way == 5:
        return [odd(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    if way == 6:
        return policy(rng, depth)
    return {rng.choice((*KEYWORDS, *_NAMES)): odd(rng, depth - 1) for _ in range(rng.randint(0, 3))}


def policy(rng: Random, depth: int = 3) -> dict[str, Any]:
    """A policy that may be valid, odd, or deep."""
    rules = [_rule(rng, depth) for _ in range(rng.randint(1, 3))]
    members: dict[str, Any] = {
        "@type": _copied(rng.choice(("Offer", "Agreement", "Set", *TYPES))),
        "@id": rng.choice(TEXTS),
    }
    members[rng.choice(("permission", "prohibition", "obligation", "odrl:permission"))] = rules
    if rng.random() < 0.5:
        members["target"] = rng.choice(TEXTS)
    return members


def _rule(rng: Random, depth: int) -> dict[str, Any]:
    constraint = _constraint(rng, rng.choice((1, 2, depth, 20, 60)))
    return {"action": rng.choice(("use", "odrl:use", *TEXTS)), "constraint": [constraint]}


def _constraint(rng: Random, depth: int) -> dict[str, Any]:
    left, operator = rng.choice(("purpose", "dateTime", "count", "x")), rng.choice(("eq", "lteq", "isAnyOf", "like"))
    made: dict[str, Any] = {"leftOperand": left, "operator": operator, "rightOperand": odd(rng, 1)}
    for _ in range(depth - 1):
        made = {rng.choice(("and", "or", "xone", "andSequence", "odrl:and")): [made]}
    return made


def _root(rng: Random, value: Any) -> Any:
    """The whole document in something: a list of one is what an expanded document is."""
    return rng.choice(([value], [value], [value, _copied(value)], [[value]], {"@graph": [value]}))


def _copied(value: Any) -> Any:
    """A copy that shares nothing; depth costs no stack."""
    top = [value]
    open_: list[Any] = [top]
    while open_:
        box = open_.pop()
        for name, item in list(box.items() if isinstance(box, dict) else enumerate(box)):
            if isinstance(item, dict | list):
                box[name] = item.copy()
                open_.append(box[name])
    return top[0]


def _places(value: Any) -> list[Place]:
    """Every entry of every container, the top's first."""
    found: list[Place] = []
    level = [value]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                found += [(item, name) for name in item]
                below += item.values()
            elif isinstance(item, list):
                found += [(item, index) for index in range(len(item))]
                below += item
        level = below
    return found


def _drop(rng: Random, at: Any, name: Any) -> None:
    del at[name]


def _twice(rng: Random, at: Any, name: Any) -> None:
    if isinstance(at, dict):
        at[Again(name)] = _copied(at[name]) if rng.random() < 0.5 else odd(rng)
    else:
        at.insert(name, _copied(at[name]))


def _rename(rng: Random, at: Any, name: Any) -> None:
    if isinstance(at, dict):
        names = (
            f"dspace:{name}",
            f"odrl:{name}",
            f"https://w3id.org/dspace/2025/1/{name}",
            str(name).upper(),
            f"{name} ",
            f"@{name}",
            name[:-1],
            rng.choice(KEYWORDS),
            rng.choice(_NAMES),
        )
        at[rng.choice(names)] = at.pop(name)


def _retype(rng: Random, at: Any, name: Any) -> None:
    at[name] = odd(rng)


def _wrap(rng: Random, at: Any, name: Any) -> None:
    inner = at[name]
    twice = [inner, _copied(inner)]
    at[name] = rng.choice(
        (
            [inner],
            twice,
            {"@id": inner},
            {"@value": inner},
            {"@list": [inner]},
            {"@set": inner},
            {"@value": inner, "@type": "xsd:string"},
            {"@graph": [inner]},
        )
    )


def _unwrap(rng: Random, at: Any, name: Any) -> None:
    if isinstance(at[name], list) and at[name]:
        at[name] = at[name][0]


def _keyword(rng: Random, at: Any, name: Any) -> None:
    if isinstance(at, dict):
        keyword = rng.choice(KEYWORDS)
        at[keyword] = _copied(rng.choice({"@context": CONTEXTS, "@type": TYPES}.get(keyword, (odd(rng),))))


def _more(rng: Random, at: Any, name: Any) -> None:
    times = rng.choice((1, 10, 300)) if len(_places(at)) < 50 else 1
    if isinstance(at, list):
        at.extend(_copied(at[name]) for _ in range(times))
    else:
        at.update({f"x{number}": odd(rng, 1) for number in range(times)})


def _swap(rng: Random, at: Any, name: Any) -> None:
    other = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
    at[name], at[other] = at[other], at[name]


def _deeper(rng: Random, at: Any, name: Any) -> None:
    for _ in range(rng.choice((1, 5, 50, 210))):
        at[name] = [at[name]] if rng.random() < 0.5 else {"x": at[name]}


def _policy(rng: Random, at: Any, name: Any) -> None:
    at[name] = policy(rng)


_WAYS: Sequence[Callable[[Random, Any, Any], None]] = (
    _drop,
    _drop,
    _twice,
    _rename,
    _rename,
    _retype,
    _retype,
    _wrap,
    _unwrap,
    _keyword,
    _keyword,
    _more,
    _swap,
    _deeper,
    _policy,
)


def _cut(rng: Random, text: bytes) -> bytes:
    at = rng.randint(0, len(text))
    return text[:at] if rng.random() < 0.3 else text[:at] + text[at + rng.randint(1, 9) :]


def _flip(rng: Random, text: bytes) -> bytes:
    if not text:
        return text
    at = rng.randrange(len(text))
    return text[:at] + bytes([text[at] ^ (1 << rng.randrange(8))]) + text[at + 1 :]


def _put(rng: Random, text: bytes) -> bytes:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(_BYTES) + text[at:]


def _copy(rng: Random, text: bytes) -> bytes:
    start = rng.randint(0, len(text))
    piece, at = text[start : start + rng.randint(1, 60)], rng.randint(0, len(text))
    return text[:at] + piece * rng.choice((1, 1, 2, 200)) + text[at:]


def _recode(rng: Random, text: bytes) -> bytes:
    readable = text.decode("utf-8", "replace")
    return readable.encode(rng.choice(("utf-16", "utf-32", "utf-7", "utf-8-sig", "latin-1")), "replace")


_CUTS: Sequence[Callable[[Random, bytes], bytes]] = (_cut, _flip, _flip, _put, _put, _copy, _recode)
