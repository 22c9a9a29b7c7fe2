"""A real Chromium, and the page that watches itself: whatever it loads from elsewhere or complains of is a fault.

The browser is that of the system (`HANSE_CHROMIUM`, else the first on the PATH); nothing is downloaded for it. Without
one, or without playwright, tests are skipped by name with what provides it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.testkit.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PROVIDED: Final = "apt-get install chromium-headless-shell; pip install playwright"
ARGUMENTS: Final = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")
"""As root, as in a container, Chromium starts without its sandbox only; it loads nothing but our own pages."""
SMALLEST: Final = 320


def executable() -> str | None:
    """Where the browser is; None if there is none."""
    return os.environ.get("HANSE_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


def missing() -> str | None:
    """Why no browser can be driven here, with the command that helps; None if one can."""
    if find_spec("playwright") is None:
        return f"no playwright ({PROVIDED})"
    return None if executable() else f"no Chromium ({PROVIDED})"


@asynccontextmanager
async def chromium() -> AsyncIterator["Browser"]:
    """One browser for as long as the context lasts."""
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


class Watch:
    """What the pages of one context loaded and complained of; `origins` are those that they may ask.

    `expected` are statuses of documents that a test asks for on purpose: browsers note each as an error of its own.
    """

    def __init__(self, context: "BrowserContext", *origins: str, expected: tuple[int, ...] = ()) -> None:
        self.context, self.origins, self.expected = context, origins, expected
        self.faults: list[str] = []
        self.bytes = 0
        self.requests = 0
        self._sizes: set[asyncio.Task[None]] = set()
        context.on("request", self._asked)
        context.on("requestfinished", self._finished)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))

    def _asked(self, request: "Request") -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "about", "blob"):
            return
        self.requests += 1
        if f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.faults.append(f"external request: {request.url[:200]}")

    def _finished(self, request: "Request") -> None:
        task = asyncio.ensure_future(self._sized(request))
        self._sizes.add(task)
        task.add_done_callback(self._sizes.discard)

    async def _sized(self, request: "Request") -> None:
        from playwright.async_api import Error

        try:
            sizes = await request.sizes()
        except Error:
            return  # the page is gone, and its last request with it
        self.bytes += sizes["responseBodySize"] + sizes["responseHeadersSize"]

    def _said(self, message: "ConsoleMessage") -> None:
        text = message.text
        if message.type == "error" and not any(f"status of {one} " in text for one in self.expected):
            self.faults.append(f"console: {text[:300]}")

    async def settled(self) -> None:
        """Once every request that is over has been counted."""
        while self._sizes:
            await asyncio.wait(set(self._sizes))


@asynccontextmanager
async def window(
    browser: "Browser",
    origin: str,
    cookies: Mapping[str, str],
    *,
    scripts: bool = True,
    width: int = 1280,
    dark: bool = False,
    lang: str = "de-DE",
    expected: tuple[int, ...] = (),
    more: tuple[str, ...] = (),
) -> AsyncIterator[tuple["Page", Watch]]:
    """A window of its own, with nothing kept from another one; whoever opens it looks at `Watch.faults` at the end."""
    context = await browser.new_context(
        base_url=origin,
        java_script_enabled=scripts,
        viewport={"width": width, "height": 900},
        locale=lang,
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
        timezone_id="America/New_York",
        ignore_https_errors=origin.startswith("https://localhost"),
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    kept: list[Any] = [{"name": name, "value": value, "url": origin} for name, value in cookies.items()]
    await context.add_cookies(kept)
    watch = Watch(context, origin, *more, expected=expected)
    try:
        yield await context.new_page(), watch
        await watch.settled()
    finally:
        await context.close()


async def overflow(page: "Page") -> list[str]:
    """What is wider than the window, as a reader would have to scroll sideways for it; empty if nothing is.

    What scrolls inside itself, as wide tables do, is meant to.
    """
    found: list[str] = await page.evaluate(_OVERFLOW)
    return found


_OVERFLOW: Final = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const scrolls = (one) => one && one !== document.body && one !== document.documentElement &&
    (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const found = [...document.body.querySelectorAll('*')]
    .filter((one) => one.getBoundingClientRect().right > wide + 1 && !scrolls(one.parentElement))
    .slice(0, 5)
    .map((one) => `${one.tagName.toLowerCase()}.${one.className} ${(one.textContent || '').trim().slice(0, 60)}`);
  return found.length ? found : [`${document.documentElement.scrollWidth} pixels`];
}"""
