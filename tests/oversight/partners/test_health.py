"""The word about a connection: every combination of signs, and the worst speaks."""

from itertools import product

from connector.oversight.partners.health import Signs, health


def test_the_worst_that_is_known_speaks() -> None:
    for admitted, held, paused, silent, skew, read in product((False, True), repeat=6):
        signs = Signs(
            admitted=admitted,
            on_hold=held,
            paused_until=int(paused),
            silent_since=1 if silent else None,
            skew_ms=90_000 if skew else None,
            read_at=1 if read else None,
        )
        ordered = [
            (not admitted, "suspended"),
            (held, "keys-changed"),
            (paused, "paused"),
            (silent, "silent"),
            (skew, "clock"),
            (not read, "unread"),
            (True, "good"),
        ]
        assert health(signs) == next(word for so, word in ordered if so)
