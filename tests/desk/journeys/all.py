"""The journeys, in the order of the personas (spec/desk.md 1.9), each with what is promised of it."""

from typing import Final

from tests.desk.journeys import (
    beginning,
    deciding,
    leadership,
    neighbour,
    operator,
    programs,
    protection,
    sharing,
    steward,
)
from tests.desk.journeys.stage import WAYS, Journey

JOURNEYS: Final[tuple[Journey, ...]] = (
    Journey("from a file to an offer", "P1", steward.publish, {"actions": 12, "questions": 6}, WAYS, always=True),
    Journey("from an invitation to data", "P1", beginning.invitation_to_data, {"actions": 22}, WAYS),
    Journey("withdraw what is shared", "P1", sharing.take_back, {"actions": 3}, WAYS),
    Journey("approve a contract", "P1", deciding.approve, {"actions": 3}, WAYS, always=True),
    Journey("refuse a contract", "P1", deciding.refuse, {"actions": 5}, WAYS),
    Journey("offer other terms", "P1", deciding.offer_other_terms, {"actions": 5}, WAYS),
    Journey("end a contract", "P1", steward.end, {"actions": 6}, WAYS),
    Journey("from a search to the file", "P2", neighbour.find_to_file, {"actions": 8}, WAYS, always=True),
    Journey("from a key to a program's answer", "P3", programs.key_to_answer, {"actions": 6}, WAYS),
    Journey("from a name to a town at work", "P4", operator.town_and_first_person, {"actions": 15}, WAYS),
    Journey("from a contract to its verdict", "P5", protection.evidence_checked, {"actions": 6}, WAYS),
    Journey("from a figure to its proof", "P6", leadership.figure_to_proof, {"actions": 3}, WAYS),
)
