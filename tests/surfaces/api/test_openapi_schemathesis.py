"""A stranger's tool calls every route with whatever the OpenAPI document allows, and with what it does not.

Nothing is a 5xx, and each answer has a status, a media type and a form that the document names. Paths name what there
is in a town as often as what there is not; what ends a participant comes last.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from connector.surfaces.api.openapi import document
from tests.fuzz.effort import whole
from tests.surfaces.api.town import Town, running_town
from tests.testkit.cities import Space

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def ordered(operations: Iterator[Any]) -> list[Any]:
    """Those that a key opens: the others are not on this port (`tests/surfaces/api/test_scopes.py`)."""
    found = [one for one in (each.ok() for each in operations) if one.definition.raw["security"] != [{}]]
    return sorted(found, key=lambda one: (one.path, one.method))


def case(operation: Any, town: Town, mode: GenerationMode) -> st.SearchStrategy[Any]:
    """A call whose path names what there is, or anything."""
    names = re.findall(r"\{(\w+)\}", operation.path)
    known = st.fixed_dictionaries({name: st.sampled_from(town.values(operation.path, name)) for name in names})

    @st.composite
    def made(draw: st.DrawFn) -> Any:
        one = draw(operation.as_strategy(generation_mode=mode))
        if draw(st.booleans()) or mode is GenerationMode.POSITIVE:
            one.path_parameters = draw(known)
        return one

    return made()


def takes_json(operation: Any) -> bool:
    return any(one.media_type == "application/json" for one in operation.body)


def calls(operations: list[Any], stride: int) -> Iterator[tuple[Any, GenerationMode]]:
    """Each route as it may be called, and every so-many-th that takes a body with what this may not be; nothing else of
    a call can be against the document."""
    refusing = [one.label for one in operations if takes_json(one)][::stride]
    for one in operations:
        yield one, GenerationMode.POSITIVE
        if one.label in refusing:
            yield one, GenerationMode.NEGATIVE


def called(operation: Any, town: Town, mode: GenerationMode, examples: int) -> set[str]:
    """So many calls; the first answer that breaks the document is told with its call. The codes of all problems."""
    seen: set[str] = set()

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case(operation, town, mode))
    def call(one: Any) -> None:
        place = operation.path.replace("{pid}", "{pid:.+}")
        headers = town.headers(operation.method.upper(), place, one.path_parameters.get("p", ""))
        answer = one.call(base_url=town.url, headers=headers)
        one.validate_response(answer, checks=CHECKS)
        if answer.headers["content-type"] == ["application/problem+json"]:
            code = answer.json()["code"]
            listed = operation.definition.raw["responses"].get(str(answer.status_code), {}).get("description", "")
            assert f"`{code}`" in listed, answer.json()
            seen.add(code)

    call()
    return seen


async def walk(space: Space, examples: int, against: int, stride: int) -> None:
    """So many calls of each route, and so many `against` the document."""
    async with running_town(space) as town:
        schema = schemathesis.openapi.from_dict(json.loads(document()))
        broken: list[str] = []
        seen: set[str] = set()
        for operation, mode in calls(ordered(schema.get_all_operations()), stride):
            try:
                count = examples if mode is GenerationMode.POSITIVE else against
                seen |= await asyncio.to_thread(called, operation, town, mode, count)
            except (FailureGroup, AssertionError) as error:
                broken.append(f"{operation.label} {mode}: {error}")
        assert not broken, "\n\n".join(broken)
        assert seen >= {"participants.unknown", "api.body", "contracts.no-agreement"}


@pytest.mark.long
async def test_no_call_is_a_5xx_and_every_answer_is_as_documented(space: Space) -> None:
    """>> three calls of each route that the document allows, and of every fourth eight that it does not << nothing
    is broken. Bodies are read at one door; of two calls hardly one has a wrong one. In whole eight of each, of all.
    """
    await walk(space, whole(3, 8), 8, whole(4, 1))
