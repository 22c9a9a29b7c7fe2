"""A circuit opens after five failures in a row, half-opens in time, and closes as soon as the peer is heard."""

from connector.exchange.delivery.circuit import LONGEST_MS, OPEN_MS, THRESHOLD, Circuits

TOWN, PEER = "musterstadt", "did:web:peer.example"


def failed(circuits: Circuits, times: int, now: int = 0) -> None:
    for _ in range(times):
        circuits.failed(TOWN, PEER, now)


def test_it_opens_at_the_threshold_and_lets_a_trial_through_in_time() -> None:
    circuits = Circuits()
    failed(circuits, THRESHOLD - 1)
    assert circuits.blocked_until(TOWN, PEER, 0) == 0
    failed(circuits, 1)
    assert circuits.blocked_until(TOWN, PEER, 0) == OPEN_MS
    assert circuits.blocked_until(TOWN, PEER, OPEN_MS - 1) == OPEN_MS
    assert circuits.blocked_until(TOWN, PEER, OPEN_MS) == 0


def test_each_failed_trial_doubles_the_spell_up_to_two_minutes() -> None:
    circuits = Circuits()
    spells = []
    failed(circuits, THRESHOLD - 1)
    for _ in range(8):
        failed(circuits, 1)
        spells.append(circuits.blocked_until(TOWN, PEER, 0))
    assert spells[:3] == [OPEN_MS, 2 * OPEN_MS, 4 * OPEN_MS]
    assert spells[-1] == LONGEST_MS


def test_it_is_one_per_participant_and_peer() -> None:
    """The dead peer of one town says nothing about another town's, nor about another peer."""
    circuits = Circuits()
    failed(circuits, THRESHOLD)
    assert circuits.blocked_until("nachbardorf", PEER, 0) == 0
    assert circuits.blocked_until(TOWN, "did:web:other.example", 0) == 0


def test_hearing_the_peer_closes_it_and_wakes_the_worker_once() -> None:
    woken: list[bool] = []
    circuits = Circuits()
    circuits.listen(lambda: woken.append(True))
    circuits.heard(TOWN, PEER)
    failed(circuits, THRESHOLD)
    circuits.heard(TOWN, PEER)
    circuits.heard(TOWN, PEER)
    assert circuits.blocked_until(TOWN, PEER, 0) == 0
    assert woken == [True]


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuits = Circuits()
    failed(circuits, THRESHOLD - 1)
    circuits.heard(TOWN, PEER)
    failed(circuits, THRESHOLD - 1)
    assert circuits.blocked_until(TOWN, PEER, 0) == 0


def test_people_are_told_the_next_trial_by_the_clock_on_the_wall() -> None:
    """>> an open circuit, 500 ms old at noon << noon and what is left of its spell; 0 once it may be called."""
    circuits, noon = Circuits(), 43_200_000
    failed(circuits, THRESHOLD)
    assert circuits.next_trial(TOWN, PEER, 500, noon) == noon + OPEN_MS - 500
    assert circuits.next_trial(TOWN, PEER, OPEN_MS, noon) == 0
