"""What the official schemas and examples of the Dataspace Protocol 2025-1 say of what we read and write."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.codec import Malformed
from tests.kernel.protocol.official import NAMES, OURS
from tests.testkit.places import DSP

pytestmark = pytest.mark.skipif(
    not DSP.is_dir(), reason="official DSP artefacts absent: put them at ../shared/data/dsp"
)

EXAMPLES = sorted(DSP.glob("catalog/example/*.json")) + [
    path for folder in ("negotiation", "transfer") for path in sorted(DSP.glob(f"{folder}/example/*.json"))
]


@pytest.fixture(scope="module")
def schemas() -> dict[str, Draft201909Validator]:
    """Validator by `@type`; the `$ref`s with a missing slash are repaired in memory."""
    documents = {}
    for path in DSP.glob("*/*-schema.json"):
        documents[path.name] = json.loads(path.read_text("utf-8").replace("#definitions/", "#/definitions/"))
    pairs = [(document["$id"], Resource.from_contents(document)) for document in documents.values()]
    registry: Registry[Any] = Registry().with_resources(pairs)
    return {
        name.removesuffix("-schema.json").replace("-", ""): Draft201909Validator(document, registry=registry)
        for name, document in documents.items()
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_is_read_and_written_back(path: Path) -> None:
    """Decoded and encoded again it is the same JSON."""
    example = json.loads(path.read_text("utf-8"))
    message = codec.decode(codec.TYPES[example.get("@type", "Dataset")], example)
    assert json.loads(codec.encode(message)) == example


@pytest.mark.parametrize("message", OURS, ids=NAMES)
def test_all_we_write_is_valid(message: Any, schemas: dict[str, Draft201909Validator]) -> None:
    """By the official schemas, and by the copies in the test kit where those ask for more."""
    written = json.loads(codec.encode(message))
    schemas[type(message).__name__.lower()].validate(written)
    assert codec.decode(type(message), written) == message


def _without(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all members, at every depth."""
    if isinstance(value, dict):
        paths = [(*at, name) for name in value]
        return paths + [path for name, item in value.items() for path in _without(item, (*at, name))]
    if isinstance(value, list):
        return [path for number, item in enumerate(value) for path in _without(item, (*at, number))]
    return []


@pytest.mark.parametrize("message", OURS, ids=NAMES)
def test_what_the_schemas_miss_we_miss(message: Any, schemas: dict[str, Draft201909Validator]) -> None:
    """Each member taken away, or made null, a number, an empty list, another word: refused by both or by neither."""
    whole = json.loads(codec.encode(message))
    validator = schemas[type(message).__name__.lower()]
    differences = []
    for path in _without(whole):
        for change in ("drop", None, 7, [], "another word"):
            broken = _broken(whole, path, change)
            valid = validator.is_valid(broken)
            if valid != _reads(type(message), broken):
                differences.append((path, change, valid))
    assert [found for found in differences if not _explained(*found)] == []


def _broken(whole: Any, path: tuple[Any, ...], change: object) -> Any:
    broken = copy.deepcopy(whole)
    place = broken
    for name in path[:-1]:
        place = place[name]
    if change == "drop":
        del place[path[-1]]
    else:
        place[path[-1]] = change
    return broken


def _reads(cls: Any, value: object) -> bool:
    try:
        codec.decode(cls, value)
    except Malformed:
        return False
    return True


def _explained(path: tuple[Any, ...], change: object, valid: bool) -> bool:
    """We only ever refuse more: where the text says MUST, and where a member the schemas do not know has its type."""
    name = str(path[-1])
    demanded = change == "drop" and name in {"target", "timestamp"}
    typed = change != "drop" and (name.startswith(m.HANSE) or name == "@type" or path == ("@id",))
    return valid and (demanded or typed)


def test_tests_cover_every_root() -> None:
    """No message is left out above."""
    assert {type(message) for message in OURS} == set(codec.TYPES.values())
