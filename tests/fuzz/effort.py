"""How much is fuzzed and from which seed: HANSE_LONG=1 for the whole hundred thousand, HANSE_SEED=n to repeat a run.

In CI every run is the same; elsewhere each begins with a seed of its own, which a failure names.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, TypeVar

import pytest

from tests.testkit.places import DSP

LONG = os.environ.get("HANSE_LONG") == "1"
Tested = TypeVar("Tested", bound=Callable[..., object])
CI = bool(os.environ.get("CI"))
SEED = int(os.environ.get("HANSE_SEED") or (1 if CI else secrets.randbelow(10**9)))


def amount(quick: int, long: int) -> int:
    return long if LONG else quick


def longer(test: Tested) -> Tested:
    """Of a test that asks `amount`: where more is asked it is `long`, so CI asks both. Without this nobody but a
    person ever asks more."""
    return pytest.mark.long(test) if LONG else test


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
