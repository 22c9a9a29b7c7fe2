"""Public pages as a person sees them, on a telephone and on a desk: a browser lays them out and says what sticks out.

Skipped by name where no Chromium is at hand.
"""

import os
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from connector.data.catalogue.snapshots.model import Snapshot
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCT
from connector.surfaces.peer.public import html, view
from tests.kernel.metadata.project.records import ALL, SERIES
from tests.surfaces.peer.public.strangers import PARTICIPANT, evil
from tests.testkit.patience import PATIENCE_S

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), "")
LONG = "Straßenverkehrszulassungsordnungsausnahmegenehmigungen" * 2
SNAPSHOT = Snapshot(
    number=1, digest="f" * 64, about="", total=12_345, starts=("a", "b", "c"), issued_at=0, changed_at=0
)
FRAME = '<iframe style="width:{width}px;height:20000px;border:0" srcdoc="{text}"></iframe>'
SCRIPT = """<script>onload = () => { document.title = [...document.querySelectorAll("iframe")].map(f => {
  const d = f.contentDocument, w = d.documentElement.clientWidth;
  const all = [...d.querySelectorAll("main *, header *, footer *")];
  const out = all.filter(e => e.getBoundingClientRect().right > w + 1);
  const grey = all.filter(e => {
    const s = getComputedStyle(e), c = s.color.match(/[0-9.]+/g).slice(0, 3).map(x => { x /= 255;
      return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 });
    return (1.05) / (0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] + 0.05) < 4.5;
  });
  return `${w} ${d.documentElement.scrollWidth} ${out.length} ${grey.length}`;
}).join(", ") }</script>"""


def pages() -> list[bytes]:
    """Catalogue, datasets of all kinds, a series, and whatever strangers write."""
    title = Triple(NamedNode("https://a.example/1"), DCT.title, Literal(LONG, language="de"))
    items = view.items(PARTICIPANT, Graph([title]), ["https://a.example/1", f"https://b.example/{LONG}"], "de")
    found = [html._catalogue(PARTICIPANT, SNAPSHOT, 2, items, "de")]
    found += [html._dataset(PARTICIPANT, one, "en") for one in (*ALL, evil())]
    return [*found, html._series(PARTICIPANT, SERIES, [(ALL[0].iri, {"de": LONG})], "de")]


@pytest.mark.skipif(not BROWSER, reason="no Chromium at hand: apt-get install chromium-headless-shell")
def test_nothing_sticks_out_and_all_can_be_read(tmp_path: Path) -> None:
    """>> long words and addresses, 320 and 1000 px << nothing is wider than the page (WCAG 2.2, 1.4.10), and all text
    has a contrast of at least 4.5 to 1 on white (1.4.3)."""
    frames = [FRAME.format(width=width, text=escape(body.decode())) for body in pages() for width in (320, 1000)]
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><title>?</title>{''.join(frames)}{SCRIPT}", encoding="utf-8")
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    command = [
        BROWSER,
        "--headless",
        *sandbox,
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=2000",
        "--dump-dom",
        page.as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    found = re.search("<title>(.*?)</title>", shown)
    assert found is not None
    assert set(found[1].split(", ")) == {"320 320 0 0", "1000 1000 0 0"}
