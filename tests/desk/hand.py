"""A person at the desk: with the mouse or with the keyboard alone, and every action counted.

A click, a key that chooses and a field that is filled in are one action each; so is a page that has to be loaded again.
What is pressed is found by its role and its name, as whoever cannot see the page finds it. On the way with the keyboard
each Tab is counted apart: it decides nothing, but a long way is told.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tests.testkit.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.async_api import FileChooser, Locator, Page

Way = Literal["mouse", "no scripts", "keyboard"]
FARTHEST: Final = 250
"""Tabs after which an element counts as not to be reached."""


class Stuck(AssertionError):
    """A person could not go on here."""


class Hand:
    def __init__(self, page: "Page", way: Way) -> None:
        self.page, self.way, self.patience_s = page, way, PATIENCE_S
        self.actions = self.fields = self.tabs = 0
        self.questions: set[str] = set()
        self.begun, self.ended = time.monotonic(), 0.0
        self._choosers: asyncio.Queue[FileChooser] = asyncio.Queue()
        if way == "keyboard":  # from the beginning: what is asked for in the moment of the key comes too late
            page.on("filechooser", self._choosers.put_nowait)

    @property
    def seconds(self) -> float:
        """Without the time that people take to read and think."""
        return (self.ended or time.monotonic()) - self.begun

    def end(self) -> None:
        self.ended = time.monotonic()

    async def open(self, path: str) -> None:
        """Where the journey begins: a bookmark, or the page that signing in led to."""
        await self.page.goto(path)

    async def follow(self, name: str, *, within: str = "") -> None:
        """A link."""
        await self._press(await self._one("link", name, within))

    async def press(self, name: str, *, within: str = "") -> None:
        """A button; what its form asks is noted as questions."""
        button = await self._one("button", name, within)
        self.questions |= set(await button.evaluate(_QUESTIONS))
        await self._press(button)

    async def unfold(self, name: str) -> None:
        """What stands closed under this heading."""
        await self._press(await self._there(self.page.locator("summary", has_text=name)))

    async def write(self, label: str, text: str) -> None:
        """Fills a field in; what stood there goes."""
        field = await self._there(self._labelled(label))
        if self.way == "keyboard":
            await self._reach(field)
            await self.page.keyboard.press("Control+A")
            await self.page.keyboard.type(text)
        else:
            await field.fill(text)
        self._acted(field=True)

    async def choose(self, group: str, label: str) -> None:
        """One of several: a radio button, or an entry of a list."""
        lists = self.page.get_by_role("combobox", name=group)
        if await lists.count():
            await self._pick(await self._there(lists), label)
            return
        among = self.page.get_by_role("group", name=group)
        radio = await self._there(among.get_by_role("radio", name=label))
        if self.way == "keyboard":
            await self._reach_radio(among, radio)
        else:
            await radio.check(force=True)
        self._acted()

    async def tick(self, label: str) -> None:
        box = await self._there(self.page.get_by_role("checkbox", name=label))
        if self.way == "keyboard":
            await self._reach(box)
            await self.page.keyboard.press("Space")
        else:
            await box.check(force=True)
        self._acted()

    async def give(self, label: str, file: Path) -> None:
        """A file from this computer."""
        field = await self._there(self._labelled(label))
        self.questions |= {await field.get_attribute("name") or "file"}
        if self.way == "keyboard":
            await self._reach(field)
            await self.page.keyboard.press("Enter")
            async with asyncio.timeout(PATIENCE_S):
                await (await self._choosers.get()).set_files(file)
        else:
            await field.set_input_files(file)
        self._acted()

    async def save(self, name: str, place: Path, *, within: str = "") -> Path:
        """What a link or button hands over, as a file."""
        link = await self._pressable(name, within)
        async with self.page.expect_download() as begun:
            await self._press(link, stays=True)
        await (await begun.value).save_as(place)
        return place

    async def see(self, text: str) -> None:
        """It stands on the page, or comes there by itself; without scripts the page is loaded again for it."""
        until = time.monotonic() + PATIENCE_S
        while not await self.shows(text):
            if time.monotonic() > until:
                raise Stuck(f"“{text}” does not come on {self.page.url}:\n{await self.text()}")
            if self.way == "no scripts":
                await asyncio.sleep(1.0)
                await self.page.reload()
                self._acted()
            else:
                await asyncio.sleep(0.1)

    async def shows(self, text: str) -> bool:
        return text in await self.text()

    async def text(self) -> str:
        """What stands in the page, as a reader reads it."""
        return " ".join((await self.page.locator("main").inner_text()).split())

    # Finding and pressing

    async def _one(self, role: Literal["link", "button"], name: str, within: str) -> "Locator":
        return await self._there(self._place(within).get_by_role(role, name=name))

    def _place(self, within: str) -> "Locator":
        if not within:
            return self.page.locator("body")
        return self.page.locator("tr, li, article, section, dd", has_text=within).last

    def _labelled(self, label: str) -> "Locator":
        """The field, and not the section or group that bears a name like it."""
        return self.page.get_by_label(label).and_(self.page.locator("input, textarea"))

    async def _pressable(self, name: str, within: str) -> "Locator":
        place = self._place(within)
        return await self._there(place.get_by_role("link", name=name).or_(place.get_by_role("button", name=name)))

    async def _there(self, found: "Locator") -> "Locator":
        """The first that can be seen; Stuck if none comes."""
        until = time.monotonic() + self.patience_s
        while True:
            for index in range(await found.count()):
                if await found.nth(index).is_visible():
                    return found.nth(index)
            if time.monotonic() > until:
                raise Stuck(f"nothing like {found} on {self.page.url}:\n{await self.text()}")
            await asyncio.sleep(0.1)

    async def _press(self, target: "Locator", *, stays: bool = False) -> None:
        self._acted()
        if self.way != "keyboard":
            await target.click()  # which waits for the page that it leads to
        else:
            await self._reach(target)
            async with AsyncExitStack() as leading:
                if not stays and await target.evaluate(_LEADS):
                    await leading.enter_async_context(self.page.expect_navigation())
                await self.page.keyboard.press("Enter")
        if not stays:
            await self.page.wait_for_load_state("load")

    def _acted(self, *, field: bool = False) -> None:
        self.actions += 1
        self.fields += field

    # With the keyboard alone

    async def _reach(self, target: "Locator") -> None:
        """Tabs to it, from where the focus is; Stuck if the focus never gets there, or cannot be seen on it."""
        await self._tab_until(lambda: target.evaluate("one => one === document.activeElement"), str(target))
        if not await target.evaluate(_SEEN):
            raise Stuck(f"the focus cannot be seen on {target}")

    async def _tab_until(self, there: Callable[[], Awaitable[bool]], what: str) -> None:
        for _ in range(FARTHEST):
            if await there():
                return
            await self.page.keyboard.press("Tab")
            self.tabs += 1
        raise Stuck(f"{FARTHEST} Tabs do not lead to {what} on {self.page.url}")

    async def _reach_radio(self, group: "Locator", radio: "Locator") -> None:
        """A group is one stop; within it arrows move the choice, the first key on an unchosen one takes it."""
        name = await radio.get_attribute("name") or ""
        await self._tab_until(lambda: radio.evaluate(_IN_GROUP, name), f"the choice {name}")
        for _ in range(FARTHEST):
            if await radio.evaluate("one => one === document.activeElement"):
                break
            await self.page.keyboard.press("ArrowDown")
        await self.page.keyboard.press("Space")
        if not await radio.is_checked():
            raise Stuck(f"keys do not choose {radio}")

    async def _pick(self, field: "Locator", label: str) -> None:
        options = await field.locator("option").all_inner_texts()
        wanted = next((one for one in options if one.strip() == label), None) or next(
            (one for one in options if label in one), None
        )
        if wanted is None:
            raise Stuck(f"“{label}” is none of {options}")
        if self.way == "keyboard":
            await self._reach(field)
            await self.page.keyboard.press("Home")
            for _ in range(options.index(wanted)):
                await self.page.keyboard.press("ArrowDown")
            if await field.evaluate("one => one.selectedIndex") != options.index(wanted):
                raise Stuck(f"keys do not choose “{wanted}”")
        else:
            await field.select_option(label=wanted)
        self._acted()


_QUESTIONS: Final = """(button) => {
  if (button.form === null) return [];
  const answered = (one) => {
    const alike = [...one.form.elements].filter((each) => each.name === one.name);
    if (one.type === 'radio') return alike.some((each) => each.defaultChecked);
    if (one.type === 'checkbox') return !one.required;
    if (one.tagName === 'SELECT') {
      const chosen = [...one.options].filter((each) => each.defaultSelected);
      return one.multiple ? chosen.length > 0 : (chosen[0] || one.options[0] || {value: ''}).value !== '';
    }
    return one.defaultValue !== '';
  };
  return [...button.form.elements]
    .filter((one) => one.name && !['hidden', 'submit', 'button', 'fieldset'].includes(one.type))
    .filter((one) => one.offsetParent !== null && !answered(one))
    .map((one) => one.name);
}"""
"""What the form of a button asks: the names of what came without an answer. What came filled in is a proposal, a tick
that need not be set is answered with no; several radio buttons or ticks of one name are one question."""
_SEEN: Final = """(one) => {
  const outlined = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  const drawn = (style) => outlined(style) || style.boxShadow !== 'none';
  return [one, ...(one.labels || []), one.parentElement].some((near) =>
    [null, '::before', '::after'].some((part) => drawn(getComputedStyle(near, part))));
}"""
_LEADS: Final = """(one) => one.tagName === 'A'
  ? !(one.getAttribute('href') || '#').startsWith('#') && !one.hasAttribute('download')
  : Boolean(one.form) && one.closest('[hx-get], [hx-post]') === null"""
"""Whether it leads to another page."""
_IN_GROUP: Final = """(one, name) => document.activeElement !== null && document.activeElement.name === name &&
  document.activeElement.type === 'radio'"""
