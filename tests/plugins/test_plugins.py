"""Which plug-ins are loaded, which are refused and with what words, and what a bad one can do to a decision."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.app import plugins
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES, say
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.state_of_world import World
from tests.plugins.packages import importable, operand, package, texts

WORLD = World(now=1_795_500_000_000, participant="did:web:town.example")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on the import path."""
    with importable(tmp_path) as folder:
        yield folder


def refused(*allow: str) -> str:
    """The code of the mistake; its sentence exists in both languages and names the plug-in."""
    with pytest.raises(Mistake) as caught:
        plugins.load(allow)
    for lang in LANGUAGES:
        assert str(caught.value.facts["plugin"]) in say(f"error.{caught.value.code}", lang, **caught.value.facts)
    return caught.value.code


def answer(source: str, **names: str) -> tuple[Any, list[Any]]:
    """What the one operand of the plug-in `size` gives, asked three times, and what was logged meanwhile."""
    (plugin,) = plugins.load(["size"])
    with capture_logs() as told:
        found = [plugin.operands[0].value(WORLD) for _ in range(3)]
    assert found == found[:1] * 3
    return found[0], list(told)


@pytest.mark.threat("T44")
def test_an_installed_package_alone_changes_nothing(site: Path) -> None:
    """>> installed, not named in the settings  << listed, never imported."""
    package(site, "size", "raise SystemExit('imported')")
    assert "size" in plugins.installed()
    assert plugins.load([]) == ()
    assert plugins.extension(()).operands == ()
    assert plugins.extension(()).digest == ""
    assert "size" not in sys.modules


def test_an_allowed_plugin_is_loaded_with_what_identifies_it(site: Path) -> None:
    package(site, "size", operand(), texts=texts(), version="2.1")
    (plugin,) = plugins.load(["size", "size"])
    assert plugin.facts() == {
        "name": "size",
        "distribution": "size",
        "version": "2.1",
        "code": plugin.code,
        "operands": ["https://plug.example/ns#size"],
    }
    assert plugin.operands[0].value(WORLD) == 3
    assert plugin.texts["de"] == {"policy.operand.size": "Wert", "policy.failed.size": "{clause}: {actual}"}


def test_it_is_not_the_built_in_list_that_grows(site: Path) -> None:
    """What a plug-in registers is known to the engine that gets it, and to no other in the process."""
    package(site, "size", operand(), texts=texts())
    before = BUILT_IN.digest
    added = plugins.extension(plugins.load(["size"]))
    assert BUILT_IN.digest == before
    assert BUILT_IN.get("https://plug.example/ns#size") is None
    assert BUILT_IN.with_(added.operands).digest != before


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import nowhere_to_be_found", "plugin.broken"),
        ("raise RuntimeError('no')", "plugin.broken"),
        ("raise SystemExit(3)", "plugin.broken"),
        ("def broken(:", "plugin.broken"),
        ("def f(n):\n    return f(n)\nf(1)", "plugin.broken"),
        ("", "plugin.no-operands"),
        ("from connector.kernel.policy.odrl.operands import REGISTRY", "plugin.no-operands"),
        (operand(operator="near"), "plugin.broken"),
        (operand().replace('"measured"', '"guessed"'), "plugin.broken"),
        (operand().replace('["access"]', "[]"), "plugin.broken"),
        (operand().replace('["access"]', '["later"]'), "plugin.broken"),
        (operand().replace('["lteq"]', "[]"), "plugin.broken"),
        (operand("http://www.w3.org/ns/odrl/2/count"), "plugin.bad-name"),
        (operand("https://w3id.org/hanse/v1#participantKind"), "plugin.bad-name"),
        (operand("https://w3id.org/hanse/v1#notYetTaken"), "plugin.bad-name"),
        (operand("size:size"), "plugin.bad-name"),
        (operand("https://plug.example/ns#"), "plugin.bad-name"),
        (operand("https://plug.example/ns#a b"), "plugin.bad-name"),
        (operand("https://plug.example/ns#{x}"), "plugin.bad-name"),
        (operand("https://plug.example/" + "x" * 300 + "#size"), "plugin.bad-name"),
        (operand(operator="isAnyOf"), "plugin.bad-operand"),
        (operand(type="TEXT", operator="lteq"), "plugin.bad-operand"),
        (operand(type="TEXT", operator="isPartOf"), "plugin.bad-operand"),
        (operand(type="DUE", operator="lteq"), "plugin.bad-operand"),
        (operand(type="WINDOW", operator="eq"), "plugin.bad-operand"),
        (operand().replace("operators=", 'role="deadline", operators='), "plugin.bad-operand"),
        (operand().replace("operators=", 'in_duty="window", operators='), "plugin.bad-operand"),
        (operand() + operand().replace("def operand", "def other"), "plugin.taken"),
    ],
)
def test_what_is_not_sound_stops_the_start(site: Path, source: str, code: str) -> None:
    """>> a module with something wrong  << one sentence that names the plug-in; nothing half loaded."""
    package(site, "size", source, texts=texts())
    assert refused("size") == code


@pytest.mark.parametrize("name", ["participantKind", "count", "kAnonymity", "dueBy"])
def test_the_name_of_a_built_in_operand_is_taken(site: Path, name: str) -> None:
    """Also in another namespace: the local name is the key of the words, and people read no IRIs."""
    package(site, "size", operand(f"https://plug.example/ns#{name}"), texts=texts(name))
    assert refused("size") == "plugin.taken"


def test_one_operand_under_two_names_is_one(site: Path) -> None:
    package(site, "size", operand() + "\nalias = operand", texts=texts())
    assert len(plugins.load(["size"])[0].operands) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"de": texts()}, "plugin.no-catalogue"),
        ({"en": texts()}, "plugin.no-catalogue"),
        ({"de": texts(), "en": "[operand"}, "plugin.no-catalogue"),
        ({"de": texts(), "en": ""}, "plugin.message-missing"),
        ({"de": '[operand.size]\nlabel = "x"', "en": texts()}, "plugin.message-missing"),
        ({"de": texts() + 'more = "x"', "en": texts()}, "plugin.message-unknown"),
        ({"de": texts() + "[policy.failed]\ncount = 'x'", "en": texts()}, "plugin.message-unknown"),
        ({"de": texts().replace('"Wert"', '""'), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace('"Wert"', "3"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("Wert", "{clause}"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("Wert", "a\\nb"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("Wert", "\\u202ex"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("Wert", "x" * 5_000), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", ""), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{actual.__class__}"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{actual!r}"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{actual:>9999999}"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{actual} {other}"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{actual"), "en": texts()}, "plugin.message-odd"),
        ({"de": texts().replace("{actual}", "{0}"), "en": texts()}, "plugin.message-odd"),
    ],
)
def test_a_plugin_speaks_german_and_english_or_is_not_loaded(site: Path, given: dict[str, str], code: str) -> None:
    """>> a catalogue that is missing, short, too long or odd  << refused at the start, not when a person reads it."""
    package(site, "size", operand(), texts=given)
    assert refused("size") == code


def test_a_name_that_nothing_has_names_the_nearest(site: Path) -> None:
    package(site, "did-host", operand(), texts=texts())
    with pytest.raises(Mistake) as caught:
        plugins.load(["did-hots"])
    assert (caught.value.code, caught.value.facts["nearest"]) == ("plugin.not-installed", "did-host")


def test_a_name_that_two_packages_have_is_no_name(site: Path) -> None:
    """Otherwise the order of the import path would decide whose code runs."""
    package(site, "size", operand(), texts=texts(), module="one")
    package(site, "size", operand(), texts=texts(), module="other")
    assert refused("size") == "plugin.twice"


def test_an_entry_point_names_a_module(site: Path) -> None:
    package(site, "size", operand(), texts=texts(), value="size:operand")
    assert refused("size") == "plugin.no-module"


def test_two_plugins_may_not_register_the_same_name(site: Path) -> None:
    """Neither one IRI nor one local name, which is the key of the words."""
    package(site, "one", operand(), texts=texts())
    package(site, "two", operand("https://other.example/ns#size"), texts=texts())
    assert refused("one", "two") == "plugin.taken"


@pytest.mark.parametrize(
    ("type", "operator", "given", "taken"),
    [
        ("INTEGER", "lteq", "3", 3),
        ("INTEGER", "lteq", "None", None),
        ("DECIMAL", "lteq", "1_500_000", 1_500_000),
        ("TEXT", "eq", "frozenset({'a'})", frozenset({"a"})),
        ("IRI", "isAnyOf", "frozenset()", frozenset()),
    ],
)
def test_a_value_of_its_type_is_taken(site: Path, type: str, operator: str, given: str, taken: object) -> None:
    package(site, "size", operand(answer=given, type=type, operator=operator), texts=texts())
    assert answer("size") == (taken, [])


@pytest.mark.parametrize(
    ("type", "operator", "given"),
    [
        *(("INTEGER", "lteq", bad) for bad in ("True", "3.0", "'3'", "2**53", "-2**53", "frozenset()", "[3]", "world")),
        *(("TEXT", "eq", bad) for bad in ("3", "'a'", "{'a'}", "['a']", "frozenset({1})", "frozenset({'x' * 5000})")),
        ("TEXT", "eq", "frozenset(str(n) for n in range(2000))"),
        ("TEXT", "eq", "type('S', (frozenset,), {'__iter__': lambda self: 1 / 0})()"),
        ("INTEGER", "lteq", "type('I', (int,), {'__lt__': lambda self, other: 1 / 0})(3)"),
        ("INTEGER", "lteq", "1 // 0"),
        ("INTEGER", "lteq", "world.nothing"),
        ("INTEGER", "lteq", "(_ for _ in ()).throw(SystemExit(1))"),
        ("INTEGER", "lteq", "(lambda f: f(f))(lambda f: f(f))"),
        ("INTEGER", "lteq", "setattr(world, 'now', 0)"),
    ],
)
@pytest.mark.threat("T44")
def test_whatever_else_it_gives_or_raises_is_unknown(site: Path, type: str, operator: str, given: str) -> None:
    """>> wrong type, out of range, too much, an exception, an exit  << "nobody knows", told once in the log."""
    package(site, "size", operand(answer=given, type=type, operator=operator), texts=texts())
    found, told = answer("size")
    assert found is None
    assert [(entry["event"], entry["plugin"]) for entry in told] == [("plugin_failed", "size")]


def test_the_digest_changes_with_whatever_could_answer_otherwise(tmp_path: Path) -> None:
    """>> another version, another line in any file of the package, another plug-in  << another digest each time."""
    variants: dict[str, dict[str, Any]] = {
        "as it is": {},
        "version": {"version": "1.1"},
        "code": {"source": operand(answer="4")},
        "words": {"texts": texts().replace("Wert", "Zahl")},
    }
    seen = {}
    for name, change in variants.items():
        folder = tmp_path / name
        folder.mkdir()
        with importable(folder):
            package(folder, "size", **{"source": operand(), "texts": texts(), **change})
            if name == "as it is":
                (folder / "size" / "tables.json").write_text("[]")
                with importable(folder):
                    seen["data"] = plugins.extension(plugins.load(["size"])).digest
                (folder / "size" / "tables.json").unlink()
            seen[name] = plugins.extension(plugins.load(["size"])).digest
            assert plugins.extension(plugins.load(["size"])).digest == seen[name], "it does not depend on bytecode"
    assert len(set(seen.values())) == len(seen) == 5


def test_words_of_a_plugin_stand_beside_the_catalogue(site: Path) -> None:
    """>> its own key, one of ours, one of nobody  << its words, ours, and our defect as ever."""
    package(site, "size", operand(), texts=texts())
    words = plugins.extension(plugins.load(["size"])).words("de", lambda key, /, **facts: say(key, "de", **facts))
    assert words("policy.failed.size", clause="a", actual="b") == "a: b"
    assert words("policy.operand.count") == say("policy.operand.count", "de")
    with pytest.raises(KeyError):
        words("policy.operand.nothing")


def test_a_package_is_not_endless(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(site, "size", operand(), texts=texts())
    monkeypatch.setattr(plugins, "MOST_FILES", 2)
    assert refused("size") == "plugin.too-large"
