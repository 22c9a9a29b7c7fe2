"""How fast a caller may ask for what is dear to answer (threat T24)."""

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.http.pace import MOST, Pace, place
from connector.foundation.http.refusals import TooMany


@pytest.mark.threat("T24")
def test_a_burst_then_a_steady_pace_and_others_are_not_held_up() -> None:
    clock = FakeClock()
    pace = Pace(clock, burst=3, per_s=2)
    for _ in range(3):
        pace.spend("a")
    with pytest.raises(TooMany):
        pace.spend("a")
    pace.spend("b")
    clock.advance(500)
    pace.spend("a")
    with pytest.raises(TooMany):
        pace.spend("a")


def test_asking_while_refused_costs_nothing_and_saves_nothing() -> None:
    clock = FakeClock()
    pace = Pace(clock, burst=1, per_s=1)
    pace.spend("a")
    for _ in range(9):
        clock.advance(100)
        with pytest.raises(TooMany):
            pace.spend("a")
    clock.advance(100)
    pace.spend("a")


def test_memory_is_bounded() -> None:
    pace = Pace(FakeClock(), burst=1, per_s=1)
    for caller in range(MOST + 10):
        pace.spend(caller)
    assert len(pace._buckets) == MOST


@pytest.mark.threat("T168")
def test_a_host_of_many_addresses_is_one_caller() -> None:
    """>> two addresses of one /64, two of IPv4, one written as IPv6, none << one caller, two, the same, nobody."""
    assert place("2001:db8:0:1::5") == place("2001:db8:0:1:ffff::9%eth0") == "2001:db8:0:1::/64"
    assert place("2001:db8:0:2::5") != place("2001:db8:0:1::5")
    assert place("192.0.2.17") == place("::ffff:192.0.2.17") == "192.0.2.17" != place("192.0.2.18")
    assert place(None) == place("/run/api.sock") == place("1" * 9_999) == ""
