"""The official DSP kit: which releases hold it, how it is told where we are, how it is run and what it says.

It ends with exit code 0 also when tests fail, and a class that fails before its first test counts nowhere. So a run is
green only if each of the 65 cases was heard to succeed (spec/protocol.md 6.2).
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.conformance import cases
from tests.conformance.maven import QUICKLY, Artifact

KIT_PORT, PORT = 8083, 8282
LAUNCHER = "org.eclipse.dataspacetck.dsp.system.DspSystemLauncher"
TESTS = "org.eclipse.dataspacetck.dsp.verification"
SOURCE = Path(__file__).parent / "Kit.java"
_GROUP = "org.eclipse.dataspacetck.dsp"
_MODULES = (
    "dsp-metadata",
    "dsp-catalog",
    "dsp-contract-negotiation",
    "dsp-transfer-process",
    "dsp-system",
    "tck-runtime",
)


class Release(NamedTuple):
    """A published kit. OkHttp's own artifact holds no classes where Maven resolves it; `okhttp-jvm` does."""

    name: str
    artifacts: tuple[Artifact, ...]


def _okhttp(version: str) -> Artifact:
    return Artifact("com.squareup.okhttp3", "okhttp-jvm", version)


RELEASES = (
    Release("dsp-tck 1.0.1", (Artifact(_GROUP, "dsp-tck", "1.0.1"), _okhttp("5.4.0"))),
    Release(
        "dsp-tck 1.0.0-RC6",
        (*(Artifact(_GROUP, module, "1.0.0-RC6") for module in _MODULES), _okhttp("5.3.0")),
    ),
)
"""Best first; the second holds the same 65 tests, assertions and schemas."""


class Address(NamedTuple):
    """Where the connector under test is, as it says itself once it answers."""

    did: str
    root: str
    base: str
    negotiate: str
    transfer: str


def properties(at: Address, *, wait_s: int = 15) -> dict[str, str]:
    """All that the kit is told."""
    prefix = "dataspacetck.dsp"
    return {
        "dataspacetck.ansi": "false",
        "dataspacetck.debug": "true",
        "dataspacetck.host": "127.0.0.1",
        "dataspacetck.port": str(KIT_PORT),
        "dataspacetck.callback.address": f"http://localhost:{KIT_PORT}",
        f"{prefix}.local.connector": "false",
        f"{prefix}.connector.agent.id": at.did,
        f"{prefix}.connector.http.url": at.base,
        f"{prefix}.connector.http.base.url": at.root,
        f"{prefix}.connector.http.headers.authorization": "Bearer tck",
        f"{prefix}.connector.negotiation.initiate.url": at.negotiate,
        f"{prefix}.connector.transfer.initiate.url": at.transfer,
        f"{prefix}.default.wait": str(wait_s),
        f"{prefix}.thread.pool": "10",
        **cases.properties(),
    }


def alone() -> dict[str, str]:
    """The kit against its own embedded connector: proves the runner without us. It takes no ids."""
    ours = properties(Address("did:web:localhost", *(f"http://localhost:{PORT}",) * 4))
    kept = {key: value for key, value in ours.items() if key.startswith("dataspacetck.")}
    return {**kept, "dataspacetck.dsp.local.connector": "true"}


def written(values: Mapping[str, str]) -> str:
    """A Java properties file. Quotes and blanks at an end would belong to a value; a backslash would vanish from it."""
    for key, value in values.items():
        assert re.fullmatch(r"[!-\[\]-~]+( [!-\[\]-~]+)*", value), key
    return "".join(f"{key}={value}\n" for key, value in values.items())


def command(java: str, folder: Path, properties_file: Path) -> list[str]:
    """How the kit is started; it ends when its standard input closes."""
    words = ["-Dfile.encoding=UTF-8", QUICKLY, "-cp", f"{folder}/*", str(SOURCE)]
    return [java, *words, str(properties_file), LAUNCHER, TESTS]


class Span(NamedTuple):
    """When a case ran, in seconds since 1970."""

    began: float
    ended: float


_STARTED = re.compile(r"\bStarted: (\w+:\d\d-\d\d)")
_ENDED = re.compile(r"\b(SUCCESSFUL|FAILED|ABORTED): (\w+:\d\d-\d\d)")
_FAILURE = re.compile(r"KIT FAILURE: ([^\t]*)\t(.*)")
_CASE = re.compile(r"\w+:\d\d-\d\d")
_RESULT = re.compile(r"KIT RESULT: (\d+) passed, (\d+) failed, (\d+) skipped, (\d+) classes failed")


@dataclass
class Outcome:
    """What was heard of one run; `heard` takes its lines as they come."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)
    spans: dict[str, Span] = field(default_factory=dict)
    totals: tuple[int, int, int, int] | None = None

    def heard(self, line: str, now: float | None = None) -> str | None:
        """The case that this line ends, if it ends one."""
        at = time.time() if now is None else now
        if found := _STARTED.search(line):
            self.spans[found[1]] = Span(at, at)
        elif found := _ENDED.search(line):
            return self._ended(found[2], found[1], at)
        elif found := _FAILURE.search(line):
            self._why(found[1], found[2])
        elif found := _RESULT.search(line):
            passed, failed, skipped, classes = map(int, found.groups())
            self.totals = (passed, failed, skipped, classes)
        return None

    def _ended(self, case: str, how: str, at: float) -> str:
        self.spans[case] = Span(self.spans[case].began if case in self.spans else at, at)
        if how == "SUCCESSFUL":
            self.passed.add(case)
        else:
            self.failed.setdefault(case, "")
        return case

    def _why(self, name: str, reason: str) -> None:
        """A failure without a case is that of a whole class: none of its tests may have run."""
        if case := _CASE.match(name):
            self.failed[case[0]] = reason
        else:
            self.beside.append(f"{name}: {reason}")

    @property
    def missing(self) -> list[str]:
        """Cases that should have run and were not heard of."""
        return [case for case in cases.EXECUTED if case not in self.passed and case not in self.failed]

    @property
    def agreed(self) -> bool:
        """The kit came to its end, and its own sums say what we heard."""
        heard = (len(self.passed), len(self.failed), len(cases.DISABLED))
        return self.totals is not None and self.totals[:3] == heard

    @property
    def failures(self) -> int:
        """Everything that is not a success: failed, never run, failed beside the cases, or not brought to an end."""
        found = len(self.failed) + len(self.missing) + len(self.beside)
        return found or int(not self.agreed or self.passed != set(cases.EXECUTED))


def outcome(lines: Iterable[str]) -> Outcome:
    """The outcome of a finished run."""
    made = Outcome()
    for line in lines:
        made.heard(line)
    return made
