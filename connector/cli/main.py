"""`hanse`: parses the command line, runs one command and turns errors into one sentence and an exit code."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from shlex import quote
from typing import Any, Protocol

from connector.cli.frame.call import (
    NO_SERVER,
    OK,
    PEER_UNAVAILABLE,
    REFUSED,
    SKIPPED,
    WRONG_USAGE,
    Call,
    language,
    visible,
)
from connector.cli.frame.client import Problem
from connector.cli.frame.parser import Words, translate
from connector.cli.operate import serve
from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.language import catalogue as messages
from connector.foundation.language import say

# A bundle that is not there has not failed its verification: naming it was wrong usage.
_CODES: Mapping[str, int] = {
    "cli.no-server": NO_SERVER,
    "cli.no-file": WRONG_USAGE,
    "cli.file": WRONG_USAGE,
    "cli.slot": WRONG_USAGE,
    "cli.no-bench": WRONG_USAGE,
    "cli.verify-nothing": WRONG_USAGE,
    "cli.verify-both": WRONG_USAGE,
    "cli.empty": WRONG_USAGE,
    "cli.duty-number": WRONG_USAGE,
    "cli.needs-yes": WRONG_USAGE,
    "catalogue.no-purpose": WRONG_USAGE,
    "participants.kind": WRONG_USAGE,
    "catalogue.no-action": WRONG_USAGE,
    "cli.participant-which": WRONG_USAGE,
    "cli.participant-nothing": WRONG_USAGE,
    "vocab.unknown-list": WRONG_USAGE,
    "cli.person-where": WRONG_USAGE,
    "cli.person-key": WRONG_USAGE,
    "cli.space-which": WRONG_USAGE,
    "cli.space-report": WRONG_USAGE,
    "cli.join-fingerprint": WRONG_USAGE,
    "cli.join-document": WRONG_USAGE,
    "cli.dataset-nothing": WRONG_USAGE,
    "cli.dataset-whose": WRONG_USAGE,
    "cli.publish-nothing": WRONG_USAGE,
    "cli.translation": WRONG_USAGE,
    "catalogue.no-rule": WRONG_USAGE,
    "cli.csv-columns": WRONG_USAGE,
    "cli.csv-broken": WRONG_USAGE,
    "cli.csv-large": WRONG_USAGE,
    "cli.folder": WRONG_USAGE,
    "cli.no-regular-file": WRONG_USAGE,
    "cli.no-text": WRONG_USAGE,
    "cli.forbidden": WRONG_USAGE,
    "cli.countersign-alone": WRONG_USAGE,
    "cli.countersign-missing": WRONG_USAGE,
    "cli.policy-whose": WRONG_USAGE,
    "cli.policy-who": WRONG_USAGE,
    "cli.policy-time": WRONG_USAGE,
    "cli.policy-fact": WRONG_USAGE,
    "cli.policy-value": WRONG_USAGE,
    "cli.policy-which-template": WRONG_USAGE,
    "cli.suite-empty": WRONG_USAGE,
    "catalogue.shapes-none": WRONG_USAGE,
    "catalogue.shapes-no-pyshacl": WRONG_USAGE,
    "conformance.no-java": SKIPPED,
    "conformance.old-java": SKIPPED,
    "conformance.no-compiler": SKIPPED,
    "conformance.no-maven": SKIPPED,
    "conformance.unresolved": SKIPPED,
    "conformance.connector-ended": REFUSED,
    "conformance.replicas": WRONG_USAGE,
}


class _Version(argparse.Action):
    """Looked up only when asked for, because reading package metadata takes longer than parsing."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("hanse-connector")
        except PackageNotFoundError:
            number = "(not installed)"
        print(f"hanse {number}")
        parser.exit()


class _Command(Protocol):
    def register(self, top: Words, places: Any) -> None: ...


def parser(lang: str, *, only_serve: bool = False) -> Words:
    """The whole command line in one language; for a server without what only other commands load."""
    found = _parser(lang, only_serve=only_serve)
    translate(lang)  # argparse has one language at a time, whichever was made last
    return found


@cache
def _parser(lang: str, *, only_serve: bool) -> Words:
    """Made once, since making it takes longer than most commands; parsing leaves it as it is."""
    top = Words(lang=lang, prog="hanse", epilog=say("cli.help.hanse.codes", lang))
    top.word("--version", action=_Version)
    top.common(top=True)
    places = top.commands("command")
    for module in (serve,) if only_serve else _commands():
        module.register(top, places)
    return top


def _commands() -> Sequence[_Command]:
    from connector.cli import checkout, demo, policy
    from connector.cli.agreements import agreement, countersign, duties, evidence
    from connector.cli.exchange import dataset, federation, find, get, negotiate, publish, request, transfers
    from connector.cli.metadata import catalogue, vocab
    from connector.cli.operate import (
        api,
        backup,
        dev,
        doctor,
        group,
        join,
        mandate,
        participant,
        person,
        space,
        witness,
    )
    from connector.cli.records import records, trace, verify

    return (
        serve,
        participant,
        person,
        publish,
        dataset,
        find,
        federation,
        request,
        negotiate,
        countersign,
        get,
        transfers,
        duties,
        agreement,
        evidence,
        records,
        verify,
        witness,
        space,
        join,
        group,
        mandate,
        trace,
        policy,
        catalogue,
        vocab,
        doctor,
        api,
        backup,
        dev,
        checkout,
        demo,
    )


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Run one command; returns its exit code (argparse leaves with 2 by itself on wrong usage)."""
    lang = language(argv, environ)
    args = parser(lang, only_serve=argv[:1] == ["serve"]).parse_args(argv)
    call = Call(args, args.lang or lang, environ)
    try:
        return int(args.run(call))
    except HanseError as error:
        return _failed(call, say(f"error.{error.code}", call.lang, **error.facts), error.code, _exit_code(error))
    except Problem as problem:
        code = PEER_UNAVAILABLE if problem.status in (502, 503, 504) else REFUSED
        return _failed(call, problem.sentence(call.lang), str(problem.body.get("code", problem.status)), code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains while it ends
        return REFUSED
    except KeyboardInterrupt:
        return 130


def _exit_code(error: HanseError) -> int:
    return _CODES.get(error.code, PEER_UNAVAILABLE if isinstance(error, Unavailable) else REFUSED)


def _failed(call: Call, sentence: str, code: str, exit_code: int) -> int:
    """The sentence that every surface says, and which switch or command helps here."""
    if (hint := f"cli.hint.{code}") in messages(call.lang):
        sentence = f"{sentence} {say(hint, call.lang, folder=quote(str(call.folder)))}"
    if call.args.json:
        print(json.dumps({"ok": False, "code": code, "reason": sentence}, ensure_ascii=False))
    print(f"hanse: {visible(sentence)}", file=sys.stderr)
    return exit_code


def run() -> None:
    """Entry point of the installed script."""
    sys.exit(main(sys.argv[1:], os.environ) or OK)


if __name__ == "__main__":
    run()
