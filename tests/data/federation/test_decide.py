"""What follows from a listing: exact cases, and the edges of doubt, pauses and foreign names."""

import pytest

from connector.data.federation import decide
from connector.data.federation.decide import claims_other, confirmed, difference, doubtful, pause

ROOTS = {"https://a.example": "did:web:a.example", "https://a.example/b": "did:web:a.example:b"}


def test_a_difference_is_by_what_the_provider_calls_each_state() -> None:
    """>> same, changed, new, missing, set aside as it is, set aside and changed << fetched: changed, new, changed."""
    listed = {"same": "1", "changed": "2", "new": "1", "aside": "1", "aside-changed": "2"}
    held = {"same": "1", "changed": "1", "gone": "1", "aside": "0", "untold": None}
    found = difference(listed, held, {"aside": "1", "aside-changed": "1"})
    assert found.wanted == ("changed", "new", "aside-changed")
    assert found.gone == ("gone", "untold")


@pytest.mark.parametrize(
    ("held", "listed", "gone", "proven", "expected"),
    [
        (0, 0, 0, False, False),
        (1, 0, 1, True, True),
        (1, 0, 1, False, True),
        (2, 1, 1, False, False),
        (10, 1, 9, False, False),
        (11, 2, 9, False, True),
        (11, 2, 9, True, False),
        (20, 10, 10, False, False),
        (20, 30, 11, False, True),
        (20, 20, 0, False, False),
    ],
)
def test_doubt(held: int, listed: int, gone: int, proven: bool, expected: bool) -> None:
    """An empty listing always; one that lost more than half only where nobody proves that it is whole."""
    assert doubtful([str(n) for n in range(held)], listed, gone, proven=proven) is expected


def test_a_doubt_is_over_when_it_is_old_enough() -> None:
    now = decide.CONFIRM_MS * 3
    asked = [confirmed(at, now) for at in (None, now, now - decide.CONFIRM_MS + 1, now - decide.CONFIRM_MS)]
    assert asked == [False, False, False, True]


def test_pauses_double_and_end() -> None:
    """>> 1 to 30 failures << from half a minute up to six hours, never falling, spread over the second half."""
    least, most = [[pause(n, chance) for n in range(1, 31)] for chance in (0.0, 1.0)]
    assert (least[0], most[0], most[-1]) == (decide.FIRST_MS // 2, decide.FIRST_MS, decide.LONGEST_MS)
    assert least == sorted(least)
    assert all(2 * low == high for low, high in zip(least, most, strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://a.example/b/datasets/1", False),
        ("https://a.example/b", False),
        ("https://a.example/datasets/1", True),
        ("https://a.example/bb/datasets/1", True),
        ("https://a.example/b?x=https://a.example/datasets/1", False),
        ("https://a.example?x=/b", True),
        ("HTTPS://A.Example/datasets/1", True),
        ("https://a.example:443/datasets/1", True),
        ("https://a.example:8443/datasets/1", False),
        ("https://somebody@a.example/datasets/1", True),
        ("https://a.example/b/../datasets/1", True),
        ("https://a.example/b/%2e%2e/datasets/1", True),
        ("https:\\\\a.example\\datasets\\1", True),
        ("https://a.example/b/x/../datasets/1", False),
        ("https://a.example:x/datasets/1", False),
        ("https://c.example/datasets/1", False),
        ("urn:uuid:1", False),
        ("asset-1", False),
        ("", False),
    ],
)
@pytest.mark.threat("T80")
def test_a_name_below_the_root_of_another_member_is_its_own(name: str, expected: bool) -> None:
    """The longest root counts; what lies below nobody's root may be called so by anybody."""
    assert claims_other(name, {"did:web:a.example:b"}, ROOTS) is expected


@pytest.mark.threat("T80")
def test_what_was_published_before_a_move_keeps_its_name() -> None:
    """>> below the root that it had before, and below that of somebody else << its own; that one's."""
    names = {"did:web:new.example", "did:web:a.example:b"}
    assert not claims_other("https://a.example/b/datasets/1", names, ROOTS)
    assert claims_other("https://a.example/datasets/1", names, ROOTS)
