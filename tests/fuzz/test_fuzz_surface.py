"""Odd messages at the real handlers, from a partner and from a stranger: a clear 4xx, nothing written, no memory kept.

Each is made from a message that would be taken, about the real exchanges of the two towns, so that it comes far.
"""

import re
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.effort import CI, SEED, amount, official, whole
from tests.fuzz.ground import PEER, STRANGER, TOWN, Ground, Said
from tests.fuzz.shapes import near_valid
from tests.fuzz.trial import Trial
from tests.fuzz.verdict import Verdict, resident
from tests.testkit import corpus, spoil
from tests.testkit.door import Door

MIB = 1 << 20
GROWTH = 32 * MIB


def addressed(ground: Ground, values: list[dict[str, Any]]) -> list[Said]:
    """Messages of a corpus at the addresses where their types belong, about a process that is there."""
    routes = {said.message["@type"]: said.path for said in ground.everything()}
    return [Said(routes.get(value.get("@type", ""), "/2025-1/catalog/request"), value) for value in values]


def spoiled(rng: Random, said: Said, paths: list[str]) -> tuple[str, bytes]:
    """The message with something wrong: what is in it, how it is written, or where it goes."""
    path = said.path if rng.random() < 0.85 else rng.choice(paths)
    if rng.random() < 0.05:
        path = re.sub(
            r"urn:uuid:[^/]+", quote(rng.choice(spoil.TEXTS)[:300].encode("utf-8", "replace"), safe="") or "x", path
        )
    value = spoil.structure(rng, said.message) if rng.random() < 0.9 else said.message
    data = spoil.written(rng, value)
    return path, spoil.data(rng, data) if rng.random() < 0.2 else data


@pytest.mark.threat("T13")
@pytest.mark.threat("T33")
async def test_no_odd_message_writes_anything_or_makes_us_fail(ground: Ground, trial: Trial, door: Door) -> None:
    """>> what the peer could say next, our own and the official messages, all spoiled << 4xx in form, no new row."""
    sayable = list(ground.everything())
    others = addressed(ground, corpus.all_specimens())
    paths = [said.path for said in sayable]
    verdict, before = Verdict(trial), await trial.digest()
    most = whole(amount(400, 1_000), 100_000)
    for number in range(most):
        rng = Random(f"{SEED} {number}")
        said = rng.choice(sayable if rng.random() < 0.7 else others)
        path, data = spoiled(rng, said, paths)
        caller = PEER if rng.random() < 0.9 else STRANGER
        trial.touched = set()
        try:
            verdict.on(path, await door.post(caller, TOWN, path, data))
        except Exception as defect:
            raise AssertionError(f"HANSE_SEED={SEED}, input {number}: POST {path} {data[:2000]!r}") from defect
        if number == most // 3:
            held = resident()
    assert await trial.digest() == before
    assert resident() - held < GROWTH
    assert verdict.seen[400] > most // 4
    assert verdict.seen[404] > most // 100  # about 3 in 100 are: half of that is five deviations away
    assert verdict.seen[200] + verdict.seen[201] > most // 100
    assert verdict.seen[429] < most // 50


async def test_the_official_examples_spoiled_are_refused_in_form(ground: Ground, trial: Trial, door: Door) -> None:
    """>> the examples of the specification at the address of their type << as above."""
    messages, verdict, before = addressed(ground, official()), Verdict(trial), await trial.digest()
    paths = [said.path for said in messages]
    for number in range(whole(300, 20_000)):
        rng = Random(f"official {SEED} {number}")
        path, data = spoiled(rng, rng.choice(messages), paths)
        trial.touched = set()
        try:
            verdict.on(path, await door.post(PEER, TOWN, path, data))
        except Exception as defect:
            raise AssertionError(f"HANSE_SEED={SEED}, input {number}: POST {path} {data[:2000]!r}") from defect
    assert await trial.digest() == before
    assert verdict.seen[400] > 100


@given(data=near_valid())
@settings(
    max_examples=whole(amount(25, 60), 5_000),
    deadline=None,
    derandomize=CI,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_nearly_valid_messages_are_taken_or_refused(
    ground: Ground, trial: Trial, door: Door, data: bytes
) -> None:
    """>> a message by our own definitions with something wrong, at every address << as above."""
    verdict = Verdict(trial)
    for path in ("/2025-1/catalog/request", "/2025-1/negotiations/request", "/2025-1/transfers/request"):
        trial.touched = set()
        verdict.on(path, await door.post(PEER, TOWN, path, data))
