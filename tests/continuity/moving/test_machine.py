"""Both sides of a move, with files that get lost, come late, twice, or of another archive: every order there is."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from connector.continuity.moving import machine
from connector.continuity.moving.machine import Arrival, Departure, Receipt, Statement
from connector.foundation.errors import Mistake

ARCHIVES = {"one": ("first", "second"), "two": ("third",)}


class World(NamedTuple):
    """`out` None: no move is under way and the participant works there. Files that were written once stay about: each
    may be given to anybody at any time, again, late or never. `promised`: archives whose receipt was written."""

    out: Departure | None = None
    inn: tuple[Arrival, Arrival] = (Arrival(move="one"), Arrival(move="two"))
    archives: frozenset[tuple[str, str]] = frozenset()
    receipts: frozenset[Receipt] = frozenset()
    words: frozenset[Statement] = frozenset()

    @property
    def works_here(self) -> bool:
        return self.out is None or self.out.in_force

    @property
    def works_there(self) -> list[Arrival]:
        return [one for one in self.inn if one.in_force]


def set_arrival(world: World, one: Arrival) -> World:
    arrivals = tuple(one if known.move == one.move else known for known in world.inn)
    return world._replace(inn=(arrivals[0], arrivals[1]))


def steps(world: World) -> Iterator[Callable[[], World]]:
    """A crash is a step that was not done, or one whose file nobody wrote: the file comes as a step of its own."""
    out = world.out
    if out is None or out.in_force:
        for move in ARCHIVES:
            if out is None or out.move < move:
                yield lambda move=move: world._replace(out=Departure(move=move))
    if out is not None:
        for name in ARCHIVES[out.move]:
            yield lambda name=name: world._replace(
                out=machine.written(out, name), archives=world.archives | {(out.move, name)}
            )
        for receipt in world.receipts:
            yield lambda receipt=receipt: world._replace(out=machine.hand(out, receipt))
        yield lambda: world._replace(out=machine.back(out))
        if out.last_word is not None:
            word = out.last_word
            yield lambda: world._replace(words=world.words | {word})
    for one in world.inn:
        for move, name in world.archives:
            if move == one.move:  # it opens with the key of its own move alone
                yield lambda one=one, name=name: set_arrival(world, machine.received(one, name))
        if one.receipt is not None:
            yield lambda one=one: world._replace(receipts=world.receipts | {one.receipt})
        for word in (None, *world.words):
            yield lambda one=one, word=word: set_arrival(world, machine.give_up(one, word))
            if word is not None:
                yield lambda one=one, word=word: set_arrival(world, machine.begin(one, word))


@pytest.fixture(scope="module")
def reached() -> dict[World, set[World]]:
    """All worlds that can be reached, and where each leads."""
    found: dict[World, set[World]] = {}
    waiting = [World()]
    while waiting:
        world = waiting.pop()
        if world in found:
            continue
        found[world] = set()
        for step in steps(world):
            with suppress(Mistake):
                found[world].add(step())
        waiting += found[world] - found.keys()
    return found


def test_at_no_moment_is_it_in_force_at_two_places(reached: dict[World, set[World]]) -> None:
    assert len(reached) > 500
    for world in reached:
        assert world.works_here + len(world.works_there) <= 1


def test_who_was_handed_over_never_works_there_again(reached: dict[World, set[World]]) -> None:
    for world, after in reached.items():
        if world.out is not None and world.out.state == "handed":
            assert {one.out for one in after} <= {world.out}


def test_from_everywhere_it_can_come_into_force_again(reached: dict[World, set[World]]) -> None:
    """Whatever was lost or repeated: no order of steps leaves it in force nowhere for good."""
    good = {world for world in reached if world.works_here or world.works_there}
    before: dict[World, set[World]] = {world: set() for world in reached}
    for world, after in reached.items():
        for one in after:
            before[one].add(world)
    waiting = list(good)
    while waiting:
        for world in before[waiting.pop()] - good:
            good.add(world)
            waiting.append(world)
    assert good == reached.keys()


def test_what_was_taken_is_what_was_handed_over(reached: dict[World, set[World]]) -> None:
    """Whoever works at the new place has the archive that the old side named last."""
    for world in reached:
        for one in world.works_there:
            assert world.out is not None
            assert (one.move, one.digest) == (world.out.move, world.out.digest)


def test_every_refusal_says_why() -> None:
    handed = Departure(move="one", state="handed", digest="first")
    word = Statement(move="one", digest="first", word="handed")
    receipt = Receipt(move="one", digest="first")
    imported = Arrival(move="one", state="imported", digest="first")
    cases: list[tuple[str, Callable[[], object]]] = [
        ("moving.over", lambda: machine.written(handed, "second")),
        ("moving.not-exported", lambda: machine.hand(Departure(move="one"), receipt)),
        ("moving.other-move", lambda: machine.hand(Departure(move="two", state="exported", digest="first"), receipt)),
        ("moving.other-archive", lambda: machine.hand(Departure(move="one", state="exported", digest="b"), receipt)),
        ("moving.over", lambda: machine.hand(Departure(move="one", state="back", digest="first"), receipt)),
        ("moving.handed", lambda: machine.back(handed)),
        ("moving.taken", lambda: machine.received(imported, "second")),
        ("moving.not-imported", lambda: machine.begin(Arrival(move="one"), word)),
        ("moving.other-move", lambda: machine.begin(Arrival(move="two", state="imported", digest="first"), word)),
        ("moving.other-archive", lambda: machine.begin(Arrival(move="one", state="imported", digest="b"), word)),
        ("moving.stays", lambda: machine.begin(imported, Statement(move="one", digest="first", word="stays"))),
        ("moving.promised", lambda: machine.give_up(imported, None)),
        ("moving.promised", lambda: machine.give_up(imported, word)),
        ("moving.arrived", lambda: machine.give_up(Arrival(move="one", state="arrived", digest="first"), None)),
    ]
    for code, refused in cases:
        with pytest.raises(Mistake) as raised:
            refused()
        assert raised.value.code == code
