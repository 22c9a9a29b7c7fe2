"""One process put together: each slice once, and somebody for each kind of work that the code writes down."""

import ast
import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import connector
from connector.app.on_demand import on_demand
from connector.app.ports import PRODUCTION, Ports
from connector.app.services import Services, build
from connector.exchange.transfer.plane import assemble as plane
from connector.foundation.clock import SystemClock
from connector.foundation.settings.load import Settings, load
from tests.testkit.cities import Space

PACKAGE = Path(connector.__file__).parent
WRITERS = {"errand": 2, "errand_once": 2, "timer": 2}
"""Functions that write a row of the outbox or a timer, and which argument is its kind."""


@pytest.fixture
def settings(space: Space) -> Settings:
    return load(space.prepared("it"), {})


def modules(pattern: str) -> Iterator[tuple[ModuleType, Path]]:
    for path in sorted(PACKAGE.rglob(pattern)):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        yield importlib.import_module(name), path


async def test_each_slice_is_put_together_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one process, which two surfaces ask << every `assemble` of the product was called, and none of them twice."""
    called = Counter[str]()

    def counting(module: ModuleType) -> Callable[..., Any]:
        real = module.assemble

        def assemble(*below: Any, **named: Any) -> Any:
            called[module.__name__] += 1
            return real(*below, **named)

        return assemble

    names = [module.__name__ for module, _ in modules("assemble.py")]
    for module, _ in modules("assemble.py"):
        monkeypatch.setattr(module, "assemble", counting(module))
    services = build(settings, SystemClock(), ports=Ports(plane=lambda *below: plane.assemble(*below)))
    assert on_demand(services) is on_demand(services)
    assert called == dict.fromkeys(names, 1)
    assert len(names) > 5


def kinds(writers: frozenset[str]) -> set[str]:
    """The kinds that calls of these functions name anywhere in the product, as a text or by a constant."""
    found = set[str]()
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not any(f"{writer}(" in text for writer in writers):
            continue
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            called = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if called in writers and len(call.args) > WRITERS[called]:
                found |= _values(call.args[WRITERS[called]], importlib.import_module(name))
    return found


def _values(node: ast.expr, module: ModuleType) -> set[str]:
    """Of an expression; nothing of a parameter, whose caller is looked at instead."""
    match node:
        case ast.Constant(value=str(value)):
            return {value}
        case ast.IfExp(body=body, orelse=other):
            return _values(body, module) | _values(other, module)
        case ast.Name(id=name):
            return {value} if isinstance(value := getattr(module, name, None), str) else set()
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            value = getattr(getattr(module, owner, None), name, None)
            return {value} if isinstance(value, str) else set()
        case _:
            return set()


async def test_every_kind_that_is_written_has_somebody_who_does_it(settings: Settings) -> None:
    """>> the kinds of errands and timers in the code << one handler for each and none to spare."""
    made: Services = build(settings, SystemClock())
    handlers, timers = made.schedule.worker._handlers, made.schedule.jobs._fire
    beside = {"first-delivery", "mail", "mandate-seal", "message", "reconcile"}
    assert set(handlers) == kinds(frozenset({"errand", "errand_once"})) | beside
    assert set(timers) == kinds(frozenset({"timer"})) | {"review"}
    assert made.schedule.watch._bounds.keys() <= timers.keys()


async def test_a_port_takes_the_place_of_ours_and_nothing_else_changes(settings: Settings) -> None:
    """>> a way out of the process of the test's own << the slices call by it; without it they call as ever."""
    other = PRODUCTION.outbound(settings)
    made = build(settings, SystemClock(), ports=Ports(outbound=lambda settings: other))
    assert made.infra.http is other
    assert build(settings, SystemClock()).infra.http is not other


def test_no_word_from_outside_reaches_a_port() -> None:
    """>> all calls in the product << only the composition names ports: no command, setting or plug-in gives any."""
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    naming = {path for path, text in sources.items() if "connector.app.ports" in text or _gives_ports(text)}
    assert naming == {PACKAGE / "app" / name for name in ("process.py", "services.py")}
    ours = [getattr(PRODUCTION, name) for name in PRODUCTION.__struct_fields__]
    assert all(port.__module__.startswith("connector.") for port in ours)


def _gives_ports(text: str) -> bool:
    if "ports" not in text:
        return False
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    composing = (call for call in calls if getattr(call.func, "id", "") in ("running", "build"))
    return any(one.arg == "ports" for call in composing for one in call.keywords)
