"""How much is tried and from which seed: `--long` for more, HANSE_WHOLE=1 for all of it, HANSE_SEED=n to repeat a run.

In CI every run is the same; elsewhere each begins with a seed of its own, which a failure names.
"""

import json
import os
import secrets
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from tests.testkit.places import DSP

LONG = os.environ.get("HANSE_LONG") == "1"
WHOLE = os.environ.get("HANSE_WHOLE") == "1"
CI = bool(os.environ.get("CI"))
SEED = int(os.environ.get("HANSE_SEED") or (1 if CI else secrets.randbelow(10**9)))


def amount(quick: int, long: int) -> int:
    """CI asks the long one."""
    return long if LONG else quick


def whole(quick: int, all_of_it: int) -> int:
    """What takes so long that only a person asks for all of it, who has a quarter of an hour."""
    return all_of_it if WHOLE else quick


def one_in(nth: int, cases: Iterable[object]) -> list[Any]:
    """Every `nth` of these cases of one test, beginning with the first; the others are `long`. A tuple is a case of
    several parameters."""
    each = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=pytest.mark.long if at % nth else ()) for at, case in enumerate(each)]


def in_turn(*kinds: Iterable[Any]) -> list[Any]:
    """Every combination, for a test with cases: by default each value of a kind with those of the others in turn, the
    rest is `long`."""
    lists = [list(kind) for kind in kinds]
    kept = {tuple(turn % len(values) for values in lists) for turn in range(max(map(len, lists)))}
    return [
        pytest.param(
            *(values[place] for values, place in zip(lists, places, strict=True)),
            marks=() if places in kept else pytest.mark.long,
        )
        for places in product(*(range(len(values)) for values in lists))
    ]


def official() -> list[dict[str, Any]]:
    """The official example messages; skips by name if they are not beside the checkout."""
    if not DSP.is_dir():
        pytest.skip("official DSP artefacts absent: put them at ../shared/data/dsp")
    paths = [path for room in ("catalog", "negotiation", "transfer") for path in (DSP / room / "example").glob("*")]
    return [json.loads(path.read_text("utf-8")) for path in sorted(paths)]
