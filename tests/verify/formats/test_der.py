"""The reader of DER knows one spelling of each value; any other octets are refused, quickly and without a crash."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.verify.formats import der
from connector.verify.formats.der import BadDer
from tests.fuzz.effort import amount
from tests.verify.authority import tlv


def opened(node: der.Node) -> list[der.Node]:
    """All values of a tree, each opened as far as it goes."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        found.append(one)
        if one.tag & 0x20:
            waiting += der.items(one)
    return found


numbers = st.integers(-(2**80), 2**80)


def integer(value: int) -> bytes:
    """DER of an INTEGER: as few octets as hold it with its sign."""
    size = 1
    while not -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
        size += 1
    return tlv(0x02, value.to_bytes(size, signed=True))


trees = st.recursive(
    st.one_of(numbers.map(integer), st.binary(max_size=300).map(lambda data: tlv(0x04, data)), st.just(b"\x05\x00")),
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner, max_size=5)).map(
        lambda pair: tlv(pair[0], *pair[1])
    ),
    max_leaves=20,
)


@settings(max_examples=amount(50, 100))
@given(trees)
def test_what_is_der_is_read_to_the_last_octet(data: bytes) -> None:
    """The encodings of the parts, put together again, are the whole."""
    for node in opened(der.read(data)):
        assert tlv(node.tag, node.body) == node.raw
        if node.tag & 0x20:
            assert b"".join(one.raw for one in der.items(node)) == node.body


@given(numbers)
def test_numbers_come_back(value: int) -> None:
    assert der.integer(der.read(integer(value))) == value


@settings(max_examples=amount(60, 100))
@given(
    st.one_of(
        st.binary(max_size=400),
        st.tuples(trees, st.integers(0, 10_000), st.binary(max_size=3)).map(
            lambda three: (
                three[0][: three[1] % (len(three[0]) + 1)] + three[2] + three[0][three[1] % (len(three[0]) + 1) :]
            )
        ),
    )
)
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    """Nothing but BadDer comes out of a reader, and whatever was read has one spelling only."""
    try:
        nodes = opened(der.read(data))
    except BadDer:
        return
    for node in nodes:
        assert tlv(node.tag, node.body) == node.raw
        for reader in (der.integer, der.oid, der.octets, der.time_ms, der.ordered, der.sequence):
            try:
                reader(node)
            except BadDer:
                continue


@pytest.mark.parametrize(
    "odd",
    [
        *("", "30", "3001", "020105ff", "0500 0500"),
        *("3080 0201 05 0000", "2480 0401 61 0000", "2403 0401 61"),  # BER: without a length, or in pieces
        *("028101 05", "02820001 05", "0284ffffffff 05", "0285 0000000001 05", "02ff 05"),  # lengths too long
        *("0200", "02020005", "0202ff85", "0a0200 01"),  # numbers with padding
        *("010101", "01020000", "0100", "050100"),  # BOOLEAN and NULL
        *("0600", "060180", "06022a80", "0603 2a8001", "0641" + "01" * 65),  # object identifiers
        *("0300", "030108", "030107", "03020401", "030207ff"),  # BIT STRING with bits that are not there
        *("0000", "2000", "1f8101 00", "3f8101 00", "1000", "1100", "2203 020105"),  # tags
        *("3003 0201", "3004 0202 05", "3002 0201"),  # what is inside does not end inside
    ],
)
def test_other_spellings_are_refused(odd: str) -> None:
    with pytest.raises(BadDer):
        der.read(bytes.fromhex(odd.replace(" ", "")))


def nested(depth: int) -> bytes:
    """SEQUENCE in SEQUENCE, the innermost empty."""
    data = b""
    for _ in range(depth):
        data = tlv(0x30, data)
    return data


def test_depth_has_an_end() -> None:
    """Thirty-two levels are read; one more is not, nor are as many as fit into the size."""
    assert len(opened(der.read(nested(der.DEEPEST)))) == der.DEEPEST
    for depth in (der.DEEPEST + 1, 10_000):
        with pytest.raises(BadDer, match="depth"):
            der.read(nested(depth))


def test_size_and_count_have_an_end() -> None:
    """Ten megabytes are refused before anything is looked at; so are very many tiny values."""
    with pytest.raises(BadDer, match="size"):
        der.read(tlv(0x04, bytes(10_000_000)))
    with pytest.raises(BadDer, match="count"):
        der.read(tlv(0x30, b"\x05\x00" * (der.MOST + 1)))
    assert len(der.items(der.read(tlv(0x30, b"\x05\x00" * (der.MOST - 1))))) == der.MOST - 1


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("20261124200003Z", 1_795_550_403_000),
        ("20261124200003.5Z", 1_795_550_403_500),
        ("20261124200003.0259Z", 1_795_550_403_025),
        ("19700101000000Z", 0),
    ],
)
def test_times(text: str, ms: int) -> None:
    """UTC, fractions down to the millisecond."""
    assert der.time_ms(der.Node(0x18, b"", text.encode())) == ms


@pytest.mark.parametrize(
    "text",
    [
        *("", "Z", "20261124200003", "202611242000Z", "2026112420Z", "20261124200003+0100", "20261124200003.Z"),
        *("20261124200003.50Z", "20261124200003,5Z", "20261324200003Z", "20261124240000Z", "20261124200060Z"),
        *("00001124200003Z", "19691231235959Z", "2026112420000३Z", "20261124200003.5ZZ", "-0261124200003Z"),
    ],
)
def test_times_of_another_form(text: str) -> None:
    with pytest.raises(BadDer, match="time"):
        der.time_ms(der.Node(0x18, b"", text.encode()))


def test_a_set_is_in_order() -> None:
    """Ascending, nothing twice; a sequence may be in any order."""
    one, two = integer(1), integer(2)
    assert len(der.ordered(der.read(tlv(0x31, one, two)))) == 2
    for wrong in ((two, one), (one, one)):
        with pytest.raises(BadDer, match="order"):
            der.ordered(der.read(tlv(0x31, *wrong)))
        assert len(der.sequence(der.read(tlv(0x30, *wrong)))) == 2


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("550403", "2.5.4.3"),
        ("2a864886f70d0109", "1.2.840.113549.1.9"),
        ("883703", "2.999.3"),
        ("27", "0.39"),
        ("4f", "1.39"),
    ],
)
def test_object_identifiers(data: str, text: str) -> None:
    """The first octets hold the first two arcs, however large the second one is."""
    assert der.oid(der.read(tlv(0x06, bytes.fromhex(data)))) == text
