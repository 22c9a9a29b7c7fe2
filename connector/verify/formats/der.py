"""A reader of DER that knows one spelling of each value and no other (ITU-T X.690, 8 to 11).

`read` walks the whole tree once with a stack of its own, so that no nesting can exhaust ours; what it returns is then
opened level by level. Definite lengths in their shortest form, one-octet tags, minimal numbers: all else is BadDer.
The order of a SET OF is judged by `ordered`, where a signature depends on it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

LARGEST = 262_144
DEEPEST = 32
MOST = 20_000
"""Values in one tree; each costs the attacker two octets."""

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
GENERALIZED_TIME = 0x18
SEQUENCE, SET = 0x30, 0x31
_CONSTRUCTED = 0x20
_UNIVERSAL = 0x40
_MOST_ARCS = 64
_TIME_DIGITS = 14


class BadDer(ValueError):
    """Not DER, or larger or deeper than we read."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its identifier octet, its whole encoding, and the contents in it."""

    tag: int
    raw: bytes
    body: bytes


def inside(number: int) -> int:
    """Identifier octet of `[number]` around other values (explicit, or implicit for a SEQUENCE or SET)."""
    return 0xA0 | number


def read(data: bytes, *, largest: int = LARGEST) -> Node:
    """The one value that `data` is, its whole tree judged; BadDer otherwise, also for octets behind it."""
    if len(data) > largest:
        raise BadDer("size")
    # Ends of the constructed values that we are in; the last one is the innermost.
    ends, at, seen = [len(data)], 0, 0
    while len(ends) > 1 or not seen:
        if len(ends) > 1 and at == ends[-1]:
            ends.pop()
            continue
        seen += 1
        if seen > MOST:
            raise BadDer("count")
        tag, start, stop = _head(data, at, ends[-1])
        if tag & _CONSTRUCTED:
            if len(ends) > DEEPEST:
                raise BadDer("depth")
            ends.append(stop)
            at = start
        else:
            _judge(tag, data, start, stop)
            at = stop
    if at != len(data):
        raise BadDer("behind")
    return _node(data, 0, len(data))


def items(node: Node) -> tuple[Node, ...]:
    """The values in a constructed one."""
    if not node.tag & _CONSTRUCTED:
        raise BadDer("primitive")
    found, at, end = [], 0, len(node.body)
    while at < end:
        one = _node(node.body, at, end)
        found.append(one)
        at += len(one.raw)
        if len(found) > MOST:
            raise BadDer("count")
    return tuple(found)


def expect(node: Node, tag: int) -> Node:
    """The node itself if that is its tag."""
    if node.tag != tag:
        raise BadDer("tag")
    return node


def sequence(node: Node) -> tuple[Node, ...]:
    """What is in a SEQUENCE."""
    return items(expect(node, SEQUENCE))


def ordered(node: Node) -> tuple[Node, ...]:
    """What is in a SET OF: in ascending order of the encodings, none of them twice (X.690, 11.6)."""
    found = items(node)
    if any(one.raw >= other.raw for one, other in pairwise(found)):
        raise BadDer("order")
    return found


def integer(node: Node) -> int:
    """An INTEGER of any size."""
    body = expect(node, INTEGER).body
    _judge(INTEGER, body, 0, len(body))
    return int.from_bytes(body, signed=True)


def octets(node: Node) -> bytes:
    """An OCTET STRING."""
    return expect(node, OCTET_STRING).body


def oid(node: Node) -> str:
    """An OBJECT IDENTIFIER in dotted form."""
    body = expect(node, OID).body
    _judge(OID, body, 0, len(body))
    arcs, value = [], 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def time_ms(node: Node) -> int:
    """A GeneralizedTime as milliseconds since 1970 in UTC, finer fractions cut off (X.690, 11.7; RFC 3161, 2.4.2)."""
    body = expect(node, GENERALIZED_TIME).body
    digits, fraction = body[:_TIME_DIGITS], body[_TIME_DIGITS:-1]
    if len(digits) != _TIME_DIGITS or not digits.isdigit() or body[-1:] != b"Z" or len(body) < _TIME_DIGITS + 1:
        raise BadDer("time")
    if fraction and not (fraction[:1] == b"." and fraction[1:].isdigit() and fraction[-1:] != b"0"):
        raise BadDer("time")
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, _TIME_DIGITS, 2))]
    try:
        year, month, day, hour, minute, second = parts
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as fault:
        raise BadDer("time") from fault
    whole = int(moment.timestamp())
    if whole < 0:
        raise BadDer("time")
    return whole * 1000 + int((fraction[1:4] or b"0").ljust(3, b"0"))


def _node(data: bytes, at: int, end: int) -> Node:
    tag, start, stop = _head(data, at, end)
    return Node(tag, data[at:stop], data[start:stop])


def _head(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Identifier octet, beginning and end of the contents of the value at `at`."""
    if at + 2 > end:
        raise BadDer("short")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise BadDer("tag")
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or start + count > end:  # 0x80 is the indefinite length of BER
            raise BadDer("length")
        length = int.from_bytes(data[start : start + count])
        if length < 0x80 or length >> 8 * (count - 1) == 0:
            raise BadDer("length")
        start += count
    if start + length > end:
        raise BadDer("short")
    if tag < _UNIVERSAL and (tag & ~_CONSTRUCTED in (0x10, 0x11)) is not bool(tag & _CONSTRUCTED):
        raise BadDer("tag")  # only SEQUENCE and SET are put together; strings in pieces are BER
    return tag, start, start + length


def _judge(tag: int, data: bytes, start: int, stop: int) -> None:
    size = stop - start
    match tag:
        case 0x00:
            raise BadDer("tag")
        case 0x01:
            right = size == 1 and data[start] in (0x00, 0xFF)
        case 0x02 | 0x0A:
            right = size > 0 and not (size > 1 and _padded(data[start], data[start + 1]))
        case 0x03:
            right = size > 0 and _unused_bits(data, start, stop)
        case 0x05:
            right = size == 0
        case 0x06:
            right = _arcs(data[start:stop])
        case _:
            right = True
    if not right:
        raise BadDer("value")


def _padded(first: int, second: int) -> bool:
    return (first == 0x00 and second < 0x80) or (first == 0xFF and second >= 0x80)


def _unused_bits(data: bytes, start: int, stop: int) -> bool:
    unused = data[start]
    if unused == 0:
        return True
    return unused < 8 and stop - start > 1 and data[stop - 1] & (1 << unused) - 1 == 0


def _arcs(body: bytes) -> bool:
    """Every arc ends, none begins with a padding octet, and none is so long that numbers get slow."""
    if not body or body[-1] & 0x80 or len(body) > _MOST_ARCS:
        return False
    return not any(octet == 0x80 and (at == 0 or not body[at - 1] & 0x80) for at, octet in enumerate(body))
