"""The plain form takes one strict reading and one conversion: no PyLD, no jsonschema, no slow path."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from connector.foundation.http import strict
from connector.kernel.protocol import codec, shape
from tests.kernel.dialects.jsonld.whole import whole

POISON = """
import sys

class Poison:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pyld", "jsonschema", "referencing", "lxml"}:
            raise AssertionError(name)

sys.meta_path.insert(0, Poison())
"""
ALL = (
    POISON
    + """
import connector.app.process
started = sorted(sys.modules)
import asyncio, json
from types import SimpleNamespace
from connector.foundation.http import limits
from connector.surfaces.peer.dsp import exchange
from connector.kernel.protocol import codec

class Never:
    async def read(self, *_):
        raise AssertionError("slow path")

async def tell(value):
    async def read_json(_request):
        return value
    limits.read_json = read_json
    call = SimpleNamespace(request={}, foreign=Never())
    told, digest = await exchange.message(call, codec.TYPES[value["@type"]])
    assert json.loads(codec.encode(told)) == value and digest == codec.digest(value)
    return type(told).__name__

values = json.load(sys.stdin)
print(json.dumps({"started": started, "told": [asyncio.run(tell(value)) for value in values]}))
"""
)
BROKEN = (
    POISON
    + """
from connector.kernel.dialects.jsonld import reading
from connector.kernel.protocol import messages
reading.read(messages.CatalogError, {EVIL})
"""
)


def program(text: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", text], input=given, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """What a server has loaded when it has started, and what it has then read, in a process of its own."""
    done = program(ALL, json.dumps([whole(name) for name in codec.TYPES]))
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_plain_message_is_read_without_them(told: dict[str, list[str]]) -> None:
    """Both modules poisoned, the slow path forbidden: a message of every type comes through the peer's own reader."""
    assert told["told"] == list(codec.TYPES)


@pytest.mark.parametrize(("evil", "module"), [("{}", "jsonschema"), ('{"@context": {"id": "@id"}}', "pyld")])
def test_the_poison_works(evil: str, module: str) -> None:
    """Otherwise the test above could not fail: what is broken, or takes a processor, meets it."""
    if evil == "{}":
        evil = '{"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogError", "code": 1}'
    done = program(BROKEN.replace("{EVIL}", evil))
    assert f"AssertionError: {module}" in done.stderr


@pytest.mark.parametrize("name", codec.TYPES)
@pytest.mark.parametrize("ours", [True, False])
def test_a_plain_message_is_parsed_once_and_converted_once(
    name: str, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call each, whatever the message; as we write it, it takes the fast reader. No rule is walked."""
    done: list[str] = []
    text = msgspec.json.encode(whole(name)) if ours else json.dumps(whole(name)).encode()
    decoder: Any = strict._DECODER
    convert, decode = codec.msgspec.convert, decoder.decode

    def converted(value: object, cls: type) -> Any:
        if cls in codec.TYPES.values():
            done.append("convert")
        return convert(value, cls)

    def parsed(text: str) -> Any:
        done.append("parse")
        return decode(text)

    def walked(_value: object, at: str) -> None:
        done.append(f"walk {at}")

    monkeypatch.setattr(codec.msgspec, "convert", converted)
    monkeypatch.setattr(decoder, "decode", parsed)
    monkeypatch.setattr(shape, "_rule", walked)
    codec.decode(codec.TYPES[name], strict.loads(text))
    assert done == (["convert"] if ours else ["parse", "convert"])


def test_a_server_does_not_even_load_the_slow_path(told: dict[str, list[str]]) -> None:
    """It would cost start-up time and idle memory in every town; the first odd message loads it."""
    modules = set(told["started"])
    assert "connector.surfaces.peer.foreign_messages" in modules
    assert [module for module in modules if module.startswith("connector.kernel.dialects.jsonld")] == []
