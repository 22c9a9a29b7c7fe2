"""Range, If-Range, If-Match and If-None-Match, decided as RFC 9110 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.data.sources.ranges import Conditions, Extent, content_range, extent, unsatisfied_size

ETAG = '"v1"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", Extent(206, 0, 1)),
        ("bytes=2-", Extent(206, 2, 8)),
        ("bytes=-3", Extent(206, 7, 3)),
        ("bytes=-99", Extent(206, 0, 10)),
        ("bytes=5-99", Extent(206, 5, 5)),
        ("bytes=10-", Extent(416, 0, 0)),
        ("bytes=-0", Extent(416, 0, 0)),
        ("bytes=5-4", Extent(200, 0, 10)),
        ("bytes=-", Extent(200, 0, 10)),
        ("bytes=0-1,4-5", Extent(200, 0, 10)),
        ("lines=0-1", Extent(200, 0, 10)),
        ("bytes=٣-٤", Extent(200, 0, 10)),
        ("bytes=" + "9" * 5000 + "-", Extent(200, 0, 10)),
    ],
)
def test_one_range_or_the_whole(header, expected):
    """What is no single byte range is ignored, what lies behind the end is 416."""
    assert extent(Conditions(range=header), ETAG, 10) == expected


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 30))
def test_a_part_never_leaves_the_file(first, last, size):
    """For every range the bytes are those that a slice of the whole gives, or it is a 416."""
    found = extent(Conditions(range=f"bytes={first}-{last}"), ETAG, size)
    whole = bytes(range(size))
    expected = whole[first : last + 1] if last >= first else whole
    assert whole[found.start : found.start + found.length] == expected
    assert (found.status == 416) == (first <= last and first >= size)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (Conditions(range="bytes=1-2", if_range=ETAG), 206),
        (Conditions(range="bytes=1-2", if_range='"old"'), 200),
        (Conditions(range="bytes=1-2", if_range=f"W/{ETAG}"), 200),
        (Conditions(range="bytes=1-2", if_range="Sat, 29 Oct 2022 19:43:31 GMT"), 200),
        (Conditions(range="bytes=1-2", if_match=f'"x", {ETAG}'), 206),
        (Conditions(if_match="*"), 200),
        (Conditions(range="bytes=1-2", if_match='"old"'), 412),
        (Conditions(if_match=f"W/{ETAG}"), 412),
        (Conditions(if_none_match=f"W/{ETAG}"), 304),
        (Conditions(if_none_match='"old"'), 200),
    ],
)
def test_conditions(wanted, status):
    """If-Match before If-None-Match before If-Range; strong comparison wherever bytes are joined."""
    assert extent(wanted, ETAG, 10).status == status


def test_what_an_answer_says_about_its_place():
    """Malformed or impossible places are None, never a guess."""
    assert content_range("bytes 2-4/10") == (2, 4, 10)
    assert [content_range(odd) for odd in ("bytes 4-2/10", "bytes 2-10/10", "bytes 2-4/*", "")] == [None] * 4
    assert unsatisfied_size("bytes */10") == 10
    assert unsatisfied_size("bytes 0-1/10") is None
