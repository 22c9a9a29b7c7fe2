"""`hanse verify`: judges an evidence bundle offline, with trusted roots that do not come from the bundle."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, named_file, unusable
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake
from connector.foundation.language import say


def register(top: Words, places: Any) -> None:
    command = top.command(places, "verify")
    command.word("bundle", nargs="?", metavar="BUNDLE", type=Path)
    command.word("--trust", metavar="FILE", type=Path)
    command.word("--trust-list", metavar="FILE", type=Path)
    command.word("--witness", metavar="FILE", type=Path)
    command.word("--timestamps", metavar="FILE", type=Path)
    command.word("--beside", metavar="BUNDLE", type=Path)
    command.word("--pyz", metavar="FILE", type=Path)
    command.set_defaults(run=run)


def run(call: Call) -> int:
    """Judges a bundle, or writes the verifier itself as one file for somebody who has no connector."""
    if call.args.pyz is not None and call.args.bundle is not None:
        raise Mistake("cli.verify-both")  # else the bundle would seem to have passed
    if call.args.pyz is not None:
        return _pack(call, call.args.pyz)
    if call.args.bundle is None:
        raise Mistake("cli.verify-nothing")
    return _judge(call)


def _pack(call: Call, place: Path) -> int:
    from connector.verify.pack import fingerprint, packed

    program = packed()
    try:
        place.write_bytes(program)
    except OSError as problem:
        raise unusable(place, problem) from problem
    call.result({"file": str(place), "sha256": fingerprint(program)})
    if not call.args.json:
        print(say("cli.verify.packed", call.lang, file=place, sha256=fingerprint(program)))
    return OK


def _judge(call: Call) -> int:
    from connector.verify.__main__ import lines
    from connector.verify.bundle import verify_bundle

    args, now = call.args, datetime.now(UTC)
    data = _read(args.bundle)
    witness = None if args.witness is None else _read(args.witness).decode(errors="replace")
    timestamps = None if args.timestamps is None else _read(args.timestamps)
    beside = None if args.beside is None else _read(args.beside)
    report = verify_bundle(
        data,
        _roots(call),
        call.lang,
        witness=witness,
        timestamps_pem=timestamps,
        trust_list=_trust_list(call),
        beside=beside,
        now=int(now.timestamp()),
    )
    call.result(report.value(now.strftime("%Y-%m-%dT%H:%M:%SZ")))
    if not args.json:
        print("\n".join(lines(report, call.lang, now)))
    return report.exit


def _roots(call: Call) -> bytes | None:
    """`--trust`, else the data folder's own roots, else none: then nothing can be judged."""
    if call.args.trust is not None:
        return _read(call.args.trust)
    own = call.folder / "trust" / "roots.pem"
    return _read(own) if own.is_file() else None


def _trust_list(call: Call) -> bytes | None:
    """`--trust-list`, else the data folder's own list where its roots are used too: it is of the same authority."""
    if call.args.trust_list is not None:
        return _read(call.args.trust_list)
    own = call.folder / "trust" / "list.jws"
    return _read(own) if call.args.trust is None and own.is_file() else None


def _read(path: Path) -> bytes:
    """No more than the verifier judges: it refuses what is larger."""
    from connector.verify.formats.limits import LARGEST_FILE

    return named_file(path, LARGEST_FILE + 1)
