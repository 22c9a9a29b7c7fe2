"""`python -m connector.verify BUNDLE --trust FILE`: the verifier on its own, without the rest of the connector."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from connector.verify.bundle import verify_bundle
from connector.verify.formats.limits import LARGEST_FILE
from connector.verify.report import Report, Verdict
from connector.verify.words import LANGUAGES, say

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per check, or JSON; the exit code is the verdict (0 passed, 1 failed, 2 cannot judge)."""
    options = _parser(_language(sys.argv[1:] if arguments is None else arguments)).parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal cannot show is spelled out and never breaks the answer
            stream.reconfigure(errors="backslashreplace")
    try:
        data = _read(options.bundle)
        places = (options.trust, options.witness, options.timestamps, options.trust_list, options.beside)
        roots, witness, timestamps, listed, beside = (None if place is None else _read(place) for place in places)
    except OSError as fault:
        print(say("line", "unreadable", options.lang, {"file": fault.filename or options.bundle}), file=sys.stderr)
        return Verdict.INDETERMINATE.value
    policy = None if witness is None else witness.decode(errors="replace")
    now = datetime.now(UTC)
    report = verify_bundle(
        data,
        roots,
        options.lang,
        witness=policy,
        timestamps_pem=timestamps,
        trust_list=listed,
        beside=beside,
        now=int(now.timestamp()),
    )
    if options.json:
        print(json.dumps(report.value(now.strftime(_TIME)), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines(report, options.lang, now)))
    return report.exit


def _parser(lang: str) -> argparse.ArgumentParser:
    """What may be typed, explained in `lang`."""
    parser = argparse.ArgumentParser(prog="hanse-verify", description=say("help", "about", lang))
    parser.add_argument("bundle", type=Path, help=say("help", "bundle", lang))
    parser.add_argument("--trust", type=Path, metavar="PEM", help=say("help", "trust", lang))
    parser.add_argument("--trust-list", type=Path, metavar="JWS", help=say("help", "trust-list", lang))
    parser.add_argument("--witness", type=Path, metavar="POLICY", help=say("help", "witness", lang))
    parser.add_argument("--timestamps", type=Path, metavar="PEM", help=say("help", "timestamps", lang))
    parser.add_argument("--beside", type=Path, metavar="BUNDLE", help=say("help", "beside", lang))
    parser.add_argument("--json", action="store_true", help=say("help", "json", lang))
    parser.add_argument("--lang", choices=LANGUAGES, default="de", help=say("help", "lang", lang))
    return parser


def _language(arguments: list[str]) -> str:
    """What `--lang` says, before anything else is parsed: help and complaints about usage need it."""
    asked = [after for here, after in pairwise(arguments) if here == "--lang"]
    asked += [one.removeprefix("--lang=") for one in arguments if one.startswith("--lang=")]
    return asked[-1] if asked else "de"


def lines(report: Report, lang: str, now: datetime) -> list[str]:
    """The report as text: checks, notes, time of the check, verdict."""
    checks = [f"{say('mark', check.verdict.name, lang)} {check.sentence}" for check in report.checks]
    time = say("note", "checked", lang, {"at": now.strftime(_TIME)})
    return [*checks, *report.notes, time, *_until(report, lang), say("verdict", report.verdict.name, lang)]


def _until(report: Report, lang: str) -> list[str]:
    """Beside the verdict, so that nobody takes it for one on what came later."""
    found = report.stated.get("until")
    return [say("verdict", "until", lang, found)] if isinstance(found, Mapping) else []


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


if __name__ == "__main__":
    sys.exit(main())
