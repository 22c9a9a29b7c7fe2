"""The walk along segments finds what trying one pattern after the other would find."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.foundation.http.route_table import RouteTable

SEGMENTS = st.sampled_from(["a", "b", "", ".", "{x}", "a.b", "%2F"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
ROWS = st.lists(st.tuples(PATHS, st.booleans()).map(lambda row: row[0] + ("/{r+}" if row[1] else "")), max_size=8)


def group(part: str) -> str:
    if part.startswith("{"):
        return "(.+?)" if part.endswith("+}") else "([^/]+)"
    return re.escape(part)


def by_patterns(rows: list[str], path: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """The plain way: every row's regular expression, in order."""
    found = []
    for number, row in enumerate(rows):
        parts = re.split(r"(\{[a-z]+\+?\})", row)
        groups = [
            "(.+?)" if part.endswith("+}") else "([^/]+)" if part[:1] == "{" else re.escape(part) for part in parts
        ]
        match = re.fullmatch("".join(groups) + "/?", path)
        if match is not None:
            found.append((number, row, match.groups()))
    return found


@given(ROWS, st.lists(st.sampled_from(["a", "b", "", ".", "a.b", "%2F", "c"]), max_size=6))
def test_the_walk_finds_what_patterns_find(rows: list[str], segments: list[str]) -> None:
    """>> any table, any path << the same rows in the same order, with the same names for the same pieces."""
    path = "/" + "/".join(segments)
    ends = [row for row in rows if row == "/" or not row.endswith("/")]
    assert RouteTable((row, row) for row in ends).matches(path) == by_patterns(ends, path)


def test_the_rest_of_a_path_comes_last() -> None:
    with pytest.raises(ValueError, match="/a/"):
        RouteTable([("/a/{rest+}/b", 1)])
