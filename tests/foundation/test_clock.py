"""What the machine says of its clock, for the record of decisions."""

from types import SimpleNamespace

import pytest

from connector.foundation import clock


@pytest.mark.parametrize(
    ("answer", "said"), [(0, "synchronised"), (1, "synchronised"), (5, "unsynchronised"), (-1, "")]
)
def test_the_kernel_says_whether_the_clock_is_kept_in_step(
    monkeypatch: pytest.MonkeyPatch, answer: int, said: str
) -> None:
    """adjtimex(2): 5 is an error, whatever else is not negative is in step."""
    monkeypatch.setattr(clock, "_libc", lambda: SimpleNamespace(adjtimex=lambda room: answer))
    assert clock.state() == said


def test_a_kernel_that_cannot_be_asked_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_libc", lambda: SimpleNamespace())
    assert clock.state() == ""
