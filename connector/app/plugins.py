"""Loads plug-ins: packages of others that bring left operands for rules (spec/policy.md 4.4).

An installed package alone changes nothing; only the names in `[plugins] allow` are imported. What cannot be loaded
whole (broken module, taken name, missing sentence) stops the start with its name. What fails later, while a rule is
evaluated, counts as "nobody knows" and therefore never permits anything.
"""

import hashlib
import json
import re
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct

from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES
from connector.kernel.policy.extension import Extension
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.names import COMPARISONS, HANSE, MEMBERSHIP, ODRL
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import SOURCES, Operand
from connector.kernel.policy.odrl.state_of_world import Value, World
from connector.kernel.policy.odrl.values import SAFE, Type

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "hanse.left_operands"
MOST_FILES = 1_000
MOST_OPERANDS = 100
MOST_VALUES = 1_000
LONGEST = 4_000
"""Characters of one text that an operand gives."""

_IRI = re.compile(r"(https?://|urn:)[!#-;=?-\[\]_a-z~]{1,200}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_MESSAGES = {"label": ("policy.operand.", frozenset[str]()), "say": ("policy.failed.", frozenset({"clause", "actual"}))}
"""Word of a plug-in's catalogue -> prefix of the message key, and the placeholders that it must have."""
_NUMBERS = frozenset({Type.INSTANT, Type.DURATION, Type.INTEGER, Type.DECIMAL})
_SETS = frozenset({Type.CONCEPT, Type.IRI, Type.TEXT, Type.LANGUAGE})
_ROLES = frozenset({"condition", "parameter"})

log = structlog.get_logger("plugins")


class Plugin(Struct, frozen=True, kw_only=True):
    """One loaded plug-in. `code` is the SHA-256 (hex) over all files of its package, `texts` as in `Extension`."""

    name: str
    distribution: str
    version: str
    code: str
    operands: tuple[Operand, ...]
    texts: Mapping[str, Mapping[str, str]]

    def facts(self) -> dict[str, object]:
        """What identifies it, as plain values for JSON."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "operands": sorted(operand.iri for operand in self.operands),
            "code": self.code,
        }


def installed() -> list[str]:
    """Names of all installed plug-ins, allowed or not; nothing of theirs is run."""
    return sorted({point.name for point in _points()})


def load(allow: Sequence[str]) -> tuple[Plugin, ...]:
    """The allowed plug-ins in the order of their names; Mistake (`plugin.*`) names the one that cannot be used."""
    found: list[Plugin] = []
    taken = {operand.name: iri for iri, operand in BUILT_IN.operands.items()}
    for name in sorted(set(allow)):
        plugin = _plugin(_point(name))
        for operand in plugin.operands:
            if operand.name in taken:
                raise Mistake("plugin.taken", plugin=name, operand=operand.iri, other=taken[operand.name])
            taken[operand.name] = operand.iri
        found.append(plugin)
    return tuple(found)


def extension(plugins: Sequence[Plugin]) -> Extension:
    """All of them together, as the engine takes them."""
    if not plugins:
        return Extension()
    facts = json.dumps([plugin.facts() for plugin in plugins], sort_keys=True, separators=(",", ":"))
    return Extension(
        operands=tuple(operand for plugin in plugins for operand in plugin.operands),
        texts={lang: {k: v for plugin in plugins for k, v in plugin.texts[lang].items()} for lang in LANGUAGES},
        digest=hashlib.sha256(facts.encode()).hexdigest(),
    )


def _points() -> "Sequence[EntryPoint]":
    from importlib import metadata  # which costs a server without plug-ins more than all of this module

    return tuple(metadata.entry_points(group=GROUP))


def _point(name: str) -> "EntryPoint":
    points = [point for point in _points() if point.name == name]
    if not points:
        import difflib

        nearest = difflib.get_close_matches(name, installed(), n=1, cutoff=0.0)
        raise Mistake("plugin.not-installed", plugin=name, nearest="".join(nearest) or "-")
    if len(points) > 1:
        packages = ", ".join(sorted(_distribution(point)[0] for point in points))
        raise Mistake("plugin.twice", plugin=name, packages=packages)
    return points[0]


def _distribution(point: "EntryPoint") -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("-", "-")


def _plugin(point: "EntryPoint") -> Plugin:
    try:
        module = point.load()
    except (Exception, SystemExit) as problem:  # the code of others may raise anything
        raise Mistake("plugin.broken", plugin=point.name, problem=f"{type(problem).__name__}: {problem}") from problem
    if not isinstance(module, ModuleType) or not getattr(module, "__file__", None):
        raise Mistake("plugin.no-module", plugin=point.name, value=point.value)
    operands = tuple(_checked(operand, point.name) for operand in _registered(module, point.name))
    folder = Path(str(module.__file__)).parent
    distribution, version = _distribution(point)
    return Plugin(
        name=point.name,
        distribution=distribution,
        version=version,
        code=_code(module, point.name),
        operands=operands,
        texts={lang: _texts(folder / "language" / f"{lang}.toml", operands, point.name, lang) for lang in LANGUAGES},
    )


def _registered(module: ModuleType, plugin: str) -> list[Operand]:
    """What the module registers: every function in it that `@left_operand` describes, once."""
    found = list({id(thing): thing for thing in vars(module).values() if isinstance(thing, Operand)}.values())
    if not found or len(found) > MOST_OPERANDS:
        raise Mistake("plugin.no-operands", plugin=plugin, limit=MOST_OPERANDS)
    return found


def _checked(operand: Operand, plugin: str) -> Operand:
    """The operand with its function guarded; names in the namespaces of ODRL and of ours are not a plug-in's to give.

    A later release may define such a name, and signed agreements would silently change their meaning.
    """
    if not _IRI.fullmatch(operand.iri) or not _NAME.fullmatch(operand.name) or operand.iri.startswith((ODRL, HANSE)):
        raise Mistake("plugin.bad-name", plugin=plugin, operand=operand.iri[:200])
    if operand.type not in _NUMBERS | _SETS:
        raise Mistake("plugin.bad-operand", plugin=plugin, operand=operand.iri, what=f"type {operand.type}")
    if not {operand.role, operand.in_duty} <= _ROLES:
        raise Mistake("plugin.bad-operand", plugin=plugin, operand=operand.iri, what=f"role {operand.role}")
    odd = operand.operators - _operators(operand.type)
    if odd or not operand.operators:
        raise Mistake("plugin.bad-operand", plugin=plugin, operand=operand.iri, what=f"operator {min(odd, default='')}")
    if operand.source not in SOURCES or not 0 <= operand.first < len(PHASES):
        raise Mistake("plugin.bad-operand", plugin=plugin, operand=operand.iri, what=f"source {operand.source}")
    return msgspec.structs.replace(operand, value=_guarded(operand, plugin))


def _operators(type: Type) -> frozenset[str]:
    """Texts and languages are in no hierarchy, and nothing that is a set is more or less than another."""
    if type in _NUMBERS:
        return COMPARISONS
    return MEMBERSHIP - {"isA", "hasPart", "isPartOf"} if type in (Type.TEXT, Type.LANGUAGE) else MEMBERSHIP


def _guarded(operand: Operand, plugin: str) -> Callable[[World], Value]:
    """Its function, but what it raises or what is no value of its type becomes None; said once in the log."""
    told = False
    ask = operand.value
    fits = _set if operand.type in _SETS else _number

    def value(world: World) -> Value:
        nonlocal told
        try:
            found = ask(world)
            problem = "" if found is None or fits(found) else f"{type(found).__name__} is no {operand.type}"
        except (Exception, SystemExit) as raised:  # the code of others may raise anything, a decision never does
            problem = f"{type(raised).__name__}: {raised}"
        if not problem:
            return found
        if not told:
            told = True
            log.error("plugin_failed", plugin=plugin, operand=operand.iri, problem=problem[:200])
        return None

    return value


def _number(value: object) -> bool:
    return type(value) is int and -SAFE <= value <= SAFE


def _set(value: object) -> bool:
    if type(value) is not frozenset or len(value) > MOST_VALUES:
        return False
    return all(type(text) is str and len(text) <= LONGEST for text in value)


def _code(module: ModuleType, plugin: str) -> str:
    """SHA-256 over names and contents of all files of the module's top package; bytecode is no part of it."""
    root = Path(str(module.__file__))
    for _ in module.__name__.split(".") if hasattr(module, "__path__") else module.__name__.split(".")[1:]:
        root = root.parent
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if _counts(path))
    if len(files) > MOST_FILES:
        raise Mistake("plugin.too-large", plugin=plugin, limit=MOST_FILES)
    digest = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root.parent).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _texts(path: Path, operands: Sequence[Operand], plugin: str, lang: str) -> dict[str, str]:
    """The plug-in's catalogue of one language under our keys: a label and a sentence for each operand, and no more."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise Mistake("plugin.no-catalogue", plugin=plugin, lang=lang, path=path, problem=problem) from problem
    given = dict(_flat(document))
    wanted = {f"operand.{operand.name}.{word}": operand.name for operand in operands for word in _MESSAGES}
    for key in sorted(wanted.keys() ^ given.keys()):
        code = "plugin.message-missing" if key in wanted else "plugin.message-unknown"
        raise Mistake(code, plugin=plugin, lang=lang, key=key)
    texts: dict[str, str] = {}
    for key, name in wanted.items():
        prefix, placeholders = _MESSAGES[key.rpartition(".")[2]]
        if not _sayable(given[key], placeholders):
            raise Mistake("plugin.message-odd", plugin=plugin, lang=lang, key=key)
        texts[prefix + name] = given[key]
    return texts


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value if isinstance(value, str) else ""


def _sayable(text: str, placeholders: frozenset[str]) -> bool:
    """One printable line that has exactly these placeholders, plain."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return False
    named = {name for _, name, form, conversion in parts if name is not None and not form and not conversion}
    odd = any(form or conversion for _, _, form, conversion in parts)
    return text.strip() != "" and text.isprintable() and len(text) <= LONGEST and named == placeholders and not odd
