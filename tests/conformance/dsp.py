"""`hanse conformance dsp`: the official kit of the Dataspace Protocol against a connector that is started for it."""

import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from connector.cli.frame.call import OK, REFUSED, Call
from connector.foundation.errors import Mistake, Unavailable
from tests.conformance import maven, official_kit
from tests.conformance.children import child, ended_politely, kill
from tests.conformance.subject import Subject, free, messages
from tests.conformance.transcript import during, keep, shown

RUN_S = 600.0
NEVER = (0.0, 0.0)


class Ready(NamedTuple):
    """What a run needs."""

    java: str
    release: str
    jars: Path


def run(call: Call) -> int:
    if call.args.replicas > 1 and not call.args.database:
        raise Mistake("conformance.replicas")
    with ended_politely(), _home(call) as home:
        free(*(official_kit.KIT_PORT,) if call.args.self_test else (official_kit.KIT_PORT, official_kit.PORT))
        ready = prepared(call)
        outcomes = []
        for number in range(1, call.args.times + 1):
            with _folder(call, number) as folder:
                outcomes.append(once(call, ready, folder, home or folder))
                _summary(call, number, outcomes[-1], folder)
    return _closed(call, ready, outcomes)


def prepared(call: Call) -> Ready:
    """Java, Maven and the best release that resolves; says which one it is and why not a better one."""
    java, mvn = maven.java(call.environ), maven.maven(call.environ)
    cache = call.args.cache or maven.cache(call.environ)
    reasons = []
    for release in official_kit.RELEASES:
        try:
            jars = maven.resolve("dsp-tck", release.artifacts, cache=cache, mvn=mvn)
        except Unavailable as error:
            reasons.append(f"{release.name}: {error.facts['reason']}")
            continue
        for reason in reasons:
            call.tell("conformance.no-release", reason=reason)
        call.tell("conformance.release", release=release.name)
        return Ready(java, release.name, jars)
    raise Unavailable("conformance.unresolved", reason="; ".join(reasons))


@contextmanager
def _folder(call: Call, number: int) -> Iterator[Path]:
    """A fresh folder per run; with `--keep`, what is worth reading is copied before it goes."""
    with tempfile.TemporaryDirectory(prefix="hanse-kit-") as name:
        folder = Path(name)
        try:
            yield folder
        finally:
            if call.args.keep is not None:
                keep(folder, call.args.keep / str(number))


@contextmanager
def _home(call: Call) -> Iterator[Path | None]:
    """Keys belong to a database: while that stays the same, so does the connector's own folder."""
    if not call.args.database:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="hanse-kit-") as name:
        yield Path(name)


def once(call: Call, ready: Ready, folder: Path, home: Path) -> official_kit.Outcome:
    """One complete run; bounded, whatever hangs."""
    subject = Subject(home, call.args.replicas, call.args.database or "")
    with nullcontext(None) if call.args.self_test else subject.started(folder, call.environ) as at:
        told = folder / "dsp.tck.properties"
        told.write_text(
            official_kit.written(official_kit.alone() if at is None else official_kit.properties(at)), encoding="ascii"
        )
        return play(official_kit.command(ready.java, ready.jars, told), folder, lambda case, ok: _said(call, case, ok))


def play(
    command: list[str], folder: Path, ended: Callable[[str, bool], None], run_s: float = RUN_S
) -> official_kit.Outcome:
    """Runs the kit and listens; `ended` is told of each case. Its lines are kept in `kit.log`."""
    outcome = official_kit.Outcome()
    with (
        (folder / "kit.log").open("w", encoding="utf-8") as log,
        child(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
    ):
        assert process.stdout is not None
        watch = threading.Timer(run_s, kill, [process])
        watch.start()
        try:
            for line in process.stdout:
                log.write(line)
                if case := outcome.heard(line):
                    ended(case, case in outcome.passed)
        finally:
            watch.cancel()
    return outcome


def _said(call: Call, case: str, ok: bool) -> None:
    call.tell("conformance.ok" if ok else "conformance.failed", case=case)


def _summary(call: Call, number: int, outcome: official_kit.Outcome, folder: Path) -> None:
    """Every failure with what was exchanged while it ran, then the sums of this run."""
    exchanged = messages(folder)
    for case, reason in outcome.failed.items():
        call.tell("conformance.failure", case=case, reason=reason)
        for message in during(exchanged, *outcome.spans.get(case, NEVER)):
            call.tell("conformance.message", **shown(message))
    for reason in outcome.beside:
        call.tell("conformance.beside", reason=reason)
    if outcome.missing:
        call.tell("conformance.missing", cases=", ".join(outcome.missing))
    if not outcome.agreed:
        call.tell("conformance.incomplete", tail=_tail(folder / "kit.log"))
    if call.args.times > 1:
        call.tell("conformance.run", number=number, passed=len(outcome.passed), failed=outcome.failures)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()


def _closed(call: Call, ready: Ready, outcomes: list[official_kit.Outcome]) -> int:
    passed, failed = sum(len(one.passed) for one in outcomes), sum(one.failures for one in outcomes)
    runs = [
        {
            "passed": len(one.passed),
            "failed": one.failures,
            "failures": one.failed,
            "missing": one.missing,
            "beside": one.beside,
            "complete": one.agreed,
        }
        for one in outcomes
    ]
    call.result({"ok": failed == 0, "kit": ready.release, "passed": passed, "failed": failed, "runs": runs})
    call.tell("conformance.result", passed=passed, failed=failed)
    return REFUSED if failed else OK
