"""The journeys, in the order of the personas (spec/desk.md 1.9), each with what is promised of it."""

from typing import Final

from tests.desk.journeys import leadership, steward
from tests.desk.journeys.stage import WAYS, Journey

JOURNEYS: Final[tuple[Journey, ...]] = (
    Journey("approve a contract", "P1", steward.approve, {"actions": 3}, WAYS),
    Journey("from a figure to its proof", "P6", leadership.figure_to_proof, {"actions": 3}, WAYS),
)
