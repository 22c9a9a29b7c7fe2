"""Installed packages for tests: a folder on the import path that looks as if an installer had filled it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path

EXAMPLE = Path(__file__).parent / "example"
SOURCE = """
from connector.plugin import Type, left_operand

@left_operand("{iri}", type=Type.{type}, source="measured", phases=["access"], operators=["{operator}"])
def operand(world):
    return {answer}
"""
TEXTS = '[operand.{name}]\nlabel = "Wert"\nsay = "{{clause}}: {{actual}}"\n'


def wheel(folder: Path) -> Path:
    """The example plug-in, built from its sources as its author would, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=EXAMPLE, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def install(built: Path, site: Path) -> None:
    """Unpack with the installer that users have; nothing is fetched."""
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-compile", "--target"]
    subprocess.run([*command, str(site), str(built)], check=True, capture_output=True)


def package(
    site: Path,
    name: str,
    source: str,
    *,
    texts: str | dict[str, str] = "",
    module: str = "",
    version: str = "1.0",
    value: str = "",
) -> None:
    """A package with the entry point `name`, with the same or per language its own `texts`."""
    module = module or name.replace("-", "_")
    folder = site / module
    (folder / "language").mkdir(parents=True)
    (folder / "__init__.py").write_text(source, encoding="utf-8")
    for lang, text in (texts if isinstance(texts, dict) else {"de": texts, "en": texts}).items():
        (folder / "language" / f"{lang}.toml").write_text(text, encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n", encoding="utf-8")
    points = f"[hanse.left_operands]\n{name} = {value or module}\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


def operand(
    iri: str = "https://plug.example/ns#size", *, answer: str = "3", type: str = "INTEGER", operator: str = "lteq"
) -> str:
    """The source of a module with one operand."""
    return SOURCE.format(iri=iri, answer=answer, type=type, operator=operator)


def texts(name: str = "size") -> str:
    """A catalogue with what that operand needs."""
    return TEXTS.format(name=name)


@contextmanager
def importable(site: Path) -> Iterator[Path]:
    """The folder on the import path; afterwards the interpreter knows nothing of what it held."""
    before = set(sys.modules)
    site.mkdir(exist_ok=True)
    sys.path.insert(0, str(site))
    invalidate_caches()
    try:
        yield site
    finally:
        sys.path.remove(str(site))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(site)):
                del sys.modules[name]
        invalidate_caches()
