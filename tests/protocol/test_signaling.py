"""The flow table cell by cell, and the direction of the profiles in use."""

import pytest

from connector.protocol.signaling import STEPS, TERMINAL, Call, Direction, State, direction

# Rows: state; columns: started suspend resume completed terminate ready finished. `=` no change, `x` conflict.
TABLE = """
PREPARING  x       x         x       x         TERMINATED PREPARED x
PREPARED   STARTED x         x       x         TERMINATED x        x
STARTING   x       x         x       x         TERMINATED STARTED  x
STARTED    =       SUSPENDED =       COMPLETED TERMINATED x        COMPLETED
SUSPENDED  x       =         STARTED x         TERMINATED x        x
COMPLETED  x       x         x       =         x          x        x
TERMINATED x       x         x       x         =          x        x
"""
COLUMNS = [Call.STARTED, Call.SUSPEND, Call.RESUME, Call.COMPLETED, Call.TERMINATE, Call.READY, Call.FINISHED]


def test_every_cell() -> None:
    """The handbook's table and ours are the same; an open flow cannot be opened again."""
    expected = {(None, Call.PREPARE): State.PREPARED, (None, Call.START): State.STARTED}
    for line in TABLE.split("\n")[1:-1]:
        name, *cells = line.split()
        for call, cell in zip(COLUMNS, cells, strict=True):
            if cell != "x":
                expected[State(name), call] = State(name if cell == "=" else cell)
    assert dict(STEPS) == expected


def test_an_end_is_final() -> None:
    """From an end only its own repetition is answered."""
    assert {target for (state, _), target in STEPS.items() if state in TERMINAL} == TERMINAL
    assert all(state is target for (state, _), target in STEPS.items() if state in TERMINAL)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("HttpData-PULL", Direction.PULL),
        ("HttpData-PUSH", Direction.PUSH),
        ("HttpData-PULL-HttpData", Direction.PULL),
        ("https://w3id.org/dspace-sig/profile/http-pull", Direction.PULL),
        ("HTTP_PUSH", Direction.PUSH),
        ("example:HTTP_PUSH", Direction.PUSH),
        ("dspace:s3+push", Direction.PUSH),
        ("text/csv", None),
        ("Repull", None),
        ("", None),
    ],
)
def test_direction(profile: str, expected: Direction | None) -> None:
    """By the last word of the name, as other connectors spell it."""
    assert direction(profile) is expected
