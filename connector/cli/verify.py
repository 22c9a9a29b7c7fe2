"""`hanse verify`: judges an evidence bundle offline, with trusted roots that do not come from the bundle."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.cli.call import Call, unusable
from connector.cli.words import Words

MOST = 128 << 20  # bytes; the verifier refuses larger bundles, so no more than that is read


def register(top: Words, places: Any) -> None:
    command = top.command(places, "verify")
    command.word("bundle", metavar="BUNDLE", type=Path)
    command.word("--trust", metavar="FILE", type=Path)
    command.set_defaults(run=run)


def run(call: Call) -> int:
    from connector.verify.__main__ import lines
    from connector.verify.bundle import verify_bundle

    report = verify_bundle(_read(call.args.bundle), _roots(call), call.lang)
    checks = [{"name": c.name, "verdict": c.verdict.name, "sentence": c.sentence} for c in report.checks]
    call.result({"verdict": report.verdict.name, "reason": report.reason, "checks": checks, "notes": report.notes})
    if not call.args.json:
        print("\n".join(lines(report, call.lang, datetime.now(UTC))))
    return report.exit


def _roots(call: Call) -> bytes | None:
    """`--trust`, else the data folder's own roots, else none: then nothing can be judged."""
    if call.args.trust is not None:
        return _read(call.args.trust)
    own = call.folder / "trust" / "roots.pem"
    return _read(own) if own.is_file() else None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST + 1)
    except OSError as problem:
        raise unusable(path, problem) from problem
