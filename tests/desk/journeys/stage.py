"""What a journey is, and the stage on which it is played: towns that run, a browser, and the people of the desk."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.desk.browser import Watch, window
from tests.desk.hand import Hand, Way
from tests.desk.towns import Person, Towns

if TYPE_CHECKING:
    from playwright.async_api import Browser

WAYS: Final[tuple[Way, ...]] = ("mouse", "no scripts", "keyboard")


class Played(NamedTuple):
    """What it took: of all windows that the person of the journey had open."""

    actions: int
    fields: int
    questions: int
    tabs: int
    seconds: float
    kilobytes: float


@dataclass
class Stage:
    """`folder` is for files that are dropped in and fetched; `tag` makes titles of one run differ from another's."""

    towns: Towns
    browser: "Browser"
    folder: Path
    way: Way
    tag: str
    hands: list[Hand] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)

    @asynccontextmanager
    async def desk(self, person: Person) -> AsyncIterator[Hand]:
        """The person's window; a page that complains or loads from elsewhere fails the journey."""
        scripts = self.way != "no scripts"
        async with window(self.browser, person.origin, person.cookies, scripts=scripts) as (page, watch):
            hand = Hand(page, self.way)
            self.hands.append(hand)
            self.watches.append(watch)
            yield hand
            hand.end()
        if watch.faults:
            raise AssertionError("; ".join(watch.faults[:5]))

    def file(self, name: str, content: bytes) -> Path:
        place = self.folder / name
        place.write_bytes(content)
        return place

    def played(self) -> Played:
        return Played(
            actions=sum(one.actions for one in self.hands),
            fields=sum(one.fields for one in self.hands),
            questions=len({question for one in self.hands for question in one.questions}),
            tabs=sum(one.tabs for one in self.hands),
            seconds=sum(one.seconds for one in self.hands),
            kilobytes=sum(one.bytes for one in self.watches) / 1000,
        )


@dataclass(frozen=True)
class Journey:
    """`most` are the promised limits: `actions`, `questions`. `ways`: by which it is played. `always`: in each run of
    the suite with the mouse; the others, and the other ways, are for the long one."""

    name: str
    persona: str
    play: Callable[[Stage], Awaitable[None]]
    most: Mapping[str, int] = field(default_factory=dict)
    ways: tuple[Way, ...] = ("mouse",)
    always: bool = False

    def broken(self, played: Played) -> list[str]:
        """The promises that were not kept."""
        return [
            f"{getattr(played, name)} {name}, at most {most} promised"
            for name, most in self.most.items()
            if getattr(played, name) > most
        ]
