"""The contract text as a person sees it, on a telephone and on a desk: a browser lays it out and says what sticks out.

Skipped by name where no Chromium is at hand.
"""

import os
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from connector.exchange.contracts.document.text import Clause, ContractFacts, Party, render
from tests.testkit.patience import PATIENCE_S

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), "")
LONG = "Straßenverkehrszulassungsordnungsausnahmegenehmigungen"
FACTS = ContractFacts(
    agreement="urn:uuid:3f0c9a1e-0000-4000-8000-000000000001",
    provider=Party(f"Eigenbetrieb {LONG} Musterstadt", "did:web:datenraum.musterstadt.example%3A18443:" + "e" * 60),
    consumer=Party("Nachbardorf", "did:web:localhost%3A18443:nachbardorf"),
    dataset="urn:uuid:7d1c8f7e-0000-4000-8000-000000000001",
    dataset_title=f"{LONG} 2026",
    description_sha256="a" * 64,
    dataset_sha256="b" * 64,
    purpose=f"https://w3id.org/hanse/purposes/{LONG}",
    concluded_at=1_795_000_000_000,
    expires_at=None,
)
FRAME = '<iframe style="width:{width}px;height:5000px;border:0" srcdoc="{text}"></iframe>'
SCRIPT = """<script>onload = () => { document.title = [...document.querySelectorAll("iframe")].map(f => {
  const d = f.contentDocument, w = d.documentElement.clientWidth;
  const out = [...d.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > w + 1);
  return `${d.documentElement.lang} ${w} ${d.documentElement.scrollWidth} ${out.length}`;
}).join(", ") }</script>"""


@pytest.mark.skipif(not BROWSER, reason="no Chromium at hand: apt-get install chromium-headless-shell")
def test_nothing_sticks_out(tmp_path: Path) -> None:
    """>> long words and an address in a rule, 320 and 1280 px << nothing is wider than the page (WCAG 2.2, 1.4.10).

    A rule with an address was once 526 px wide on a page of 320.
    """
    rule = f"Der Zweck ist https://w3id.org/hanse/purposes/{LONG.lower()} oder {LONG}."
    clauses: list[Clause] = [(rule, "enforced"), ("Die Weitergabe ist untersagt.", "contractual")]
    frames = [
        FRAME.format(width=width, text=escape(render(FACTS, clauses, lang)))
        for lang in ("de", "en")
        for width in (320, 1280)
    ]
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
    assert found[1] == "de 320 320 0, de 1280 1280 0, en 320 320 0, en 1280 1280 0"
