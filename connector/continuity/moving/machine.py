"""The two sides of a move as pure state machines: at no moment is a participant in force at both (spec/moving.md 1).

The old side works until `begin` and again after `back`; the new one works after `hand`. `back` and `hand` of the old
side exclude each other for good, and the new side begins by the statement alone that `hand` made. What one side has
promised by its receipt it keeps: it gives up only by a statement that the other stays.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.foundation.errors import Mistake

DepartureState = Literal["prepared", "exported", "handed", "back"]
ArrivalState = Literal["waiting", "imported", "arrived", "given-up"]


class Receipt(Struct, frozen=True, kw_only=True):
    """The new side has all of this archive, and gives it up only if the old side says that it stays."""

    move: str
    digest: str


class Statement(Struct, frozen=True, kw_only=True):
    """The last word of the old side about a move: `handed`, or `stays`."""

    move: str
    digest: str
    word: Literal["handed", "stays"]


class Departure(Struct, frozen=True, kw_only=True):
    """The old side. `digest` is that of the newest archive, empty before there is one."""

    move: str
    state: DepartureState = "prepared"
    digest: str = ""

    @property
    def in_force(self) -> bool:
        """Whether the participant works here."""
        return self.state == "back"

    @property
    def last_word(self) -> Statement | None:
        """What the new side may be told."""
        if self.state == "handed":
            return Statement(move=self.move, digest=self.digest, word="handed")
        return Statement(move=self.move, digest=self.digest, word="stays") if self.state == "back" else None


class Arrival(Struct, frozen=True, kw_only=True):
    """The new side."""

    move: str
    state: ArrivalState = "waiting"
    digest: str = ""

    @property
    def in_force(self) -> bool:
        """Whether the participant works here."""
        return self.state == "arrived"

    @property
    def receipt(self) -> Receipt | None:
        """What the old side may be told; there once everything was checked."""
        return Receipt(move=self.move, digest=self.digest) if self.state in ("imported", "arrived") else None


def written(one: Departure, digest: str) -> Departure:
    """An archive is whole on its way out; an older one counts no more. Raises Mistake after the last word."""
    if one.state not in ("prepared", "exported"):
        raise Mistake("moving.over")
    return replace(one, state="exported", digest=digest)


def hand(one: Departure, receipt: Receipt) -> Departure:
    """From here on never again here. The same receipt again is the same; raises Mistake for any other."""
    if one.state == "handed" and (receipt.move, receipt.digest) == (one.move, one.digest):
        return one
    if one.state != "exported":
        raise Mistake("moving.over" if one.state in ("handed", "back") else "moving.not-exported")
    if receipt.move != one.move:
        raise Mistake("moving.other-move")
    if receipt.digest != one.digest:
        raise Mistake("moving.other-archive")
    return replace(one, state="handed")


def back(one: Departure) -> Departure:
    """The participant stays; raises Mistake once it was handed over."""
    if one.state == "handed":
        raise Mistake("moving.handed")
    return replace(one, state="back")


def received(one: Arrival, digest: str) -> Arrival:
    """Everything of the archive is here, checked, and rests; raises Mistake if another one is."""
    if one.state == "waiting":
        return replace(one, state="imported", digest=digest)
    if one.state == "imported" and one.digest == digest:
        return one
    raise Mistake("moving.taken" if one.state == "imported" else "moving.over")


def begin(one: Arrival, statement: Statement) -> Arrival:
    """The participant works here from now on; Mistake unless the old side has handed over this very archive."""
    if statement.move != one.move:
        raise Mistake("moving.other-move")
    if one.state not in ("imported", "arrived"):
        raise Mistake("moving.over" if one.state == "given-up" else "moving.not-imported")
    if statement.digest != one.digest:
        raise Mistake("moving.other-archive")
    if statement.word != "handed":
        raise Mistake("moving.stays")
    return replace(one, state="arrived")


def give_up(one: Arrival, statement: Statement | None) -> Arrival:
    """The place is free again; what was promised by a receipt is given up by the word of the old side alone."""
    if one.state == "arrived":
        raise Mistake("moving.arrived")
    if one.state == "imported" and (statement is None or (statement.move, statement.word) != (one.move, "stays")):
        raise Mistake("moving.promised")
    return replace(one, state="given-up")
