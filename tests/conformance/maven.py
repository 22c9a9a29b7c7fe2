"""Java programs of others from Maven Central, into a cache folder: fetched once, never kept in the repository.

The project file is generated and named by its digest, so that what lies in the cache is exactly what was asked for.
Whoever lacks Java or Maven gets `Unavailable("conformance.…")`: the command line calls that skipped, never passed.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from connector.foundation.errors import Unavailable
from tests.conformance.children import child, kill

JAVA_AT_LEAST = 17
QUICKLY = "-XX:TieredStopAtLevel=1"
"""Compiled once and simply: what runs for seconds spends more than half of them on compiling itself well."""
RESOLVE_S = 600.0
_COMPLETE = "complete"
_PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>hanse</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""


class Artifact(NamedTuple):
    """What to resolve, with all that it needs except `without` (`group:artifact` each)."""

    group: str
    name: str
    version: str
    type: str = "jar"
    without: tuple[str, ...] = ()

    def xml(self) -> str:
        left = "".join(
            f"<exclusion>{_tag('groupId', group)}{_tag('artifactId', name)}</exclusion>"
            for group, _, name in (one.partition(":") for one in self.without)
        )
        parts = [("groupId", self.group), ("artifactId", self.name), ("version", self.version), ("type", self.type)]
        said = "".join(_tag(tag, text) for tag, text in parts)
        return f"    <dependency>{said}{f'<exclusions>{left}</exclusions>' if left else ''}</dependency>"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def java(environ: Mapping[str, str]) -> str:
    """The program `java`, at least 17 and able to run a source file (that takes the compiler's module)."""
    program = shutil.which("java", path=environ.get("PATH"))
    if program is None:
        raise Unavailable("conformance.no-java", least=JAVA_AT_LEAST)
    version = _said([program, "-version"])
    found = re.search(r'version "(?:1\.)?(\d+)', version)
    if found is None or int(found[1]) < JAVA_AT_LEAST:
        raise Unavailable("conformance.old-java", least=JAVA_AT_LEAST, version=version.partition("\n")[0])
    if "jdk.compiler" not in _said([program, "--list-modules"]):
        raise Unavailable("conformance.no-compiler", program=program)
    return program


def maven(environ: Mapping[str, str]) -> str:
    """The program `mvn`."""
    program = shutil.which("mvn", path=environ.get("PATH"))
    if program is None:
        raise Unavailable("conformance.no-maven")
    return program


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr + done.stdout


def cache(environ: Mapping[str, str]) -> Path:
    """Where resolved programs are kept between runs (XDG base directories)."""
    above = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(above) / "hanse"


def resolve(name: str, artifacts: Sequence[Artifact], *, cache: Path, mvn: str, timeout_s: float = RESOLVE_S) -> Path:
    """The folder with the jars; `Unavailable("conformance.unresolved")` with Maven's own reason if that fails.

    Two runs at the same time do not disturb each other: each resolves beside and then moves the folder into place.
    """
    project = _PROJECT.format(name=name, dependencies="\n".join(one.xml() for one in artifacts))
    folder = cache / f"{name}-{hashlib.sha256(project.encode()).hexdigest()[:12]}"
    if _complete(folder):
        return folder
    beside = cache / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        (beside / "pom.xml").write_text(project, encoding="utf-8")
        _copy(beside, mvn, timeout_s)
        _seal(beside)
        _move(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _copy(folder: Path, mvn: str, timeout_s: float) -> None:
    """Checksums must match (-C): others wrote what runs here. A refusal of yesterday is no answer (-U)."""
    command = [mvn, "-q", "-B", "-C", "-U", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    with child(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        try:
            said, _ = running.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            kill(running)
            raise Unavailable("conformance.unresolved", reason=f"mvn: {timeout_s:.0f} s") from None
    if running.returncode or not any(folder.glob("*.jar")):
        raise Unavailable("conformance.unresolved", reason=_reason(said))


def _reason(said: str) -> str:
    """Maven's first error line, without what it says of our own project."""
    text = next((line for line in said.splitlines() if "[ERROR]" in line), said.strip()[-300:])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return re.sub(r"^(\[ERROR\] )?(Failed to execute goal .*?:pom:1: )?| -> \[Help 1\]$", "", plain)[:300]


def _jars(folder: Path) -> str:
    return "".join(f"{path.stat().st_size} {path.name}\n" for path in sorted(folder.glob("*.jar")))


def _seal(folder: Path) -> None:
    (folder / _COMPLETE).write_text(_jars(folder), encoding="utf-8")


def _complete(folder: Path) -> bool:
    note = folder / _COMPLETE
    return note.is_file() and note.read_text(encoding="utf-8") == _jars(folder)


def _move(beside: Path, folder: Path) -> None:
    """Whoever comes second uses what is there; what is there but damaged gives way."""
    if folder.exists() and not _complete(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        beside.rename(folder)
    except OSError:
        if not _complete(folder):
            raise
