"""`hanse agreements` and `hanse evidence`: which contracts there are, and the bundle that proves one of them.

A contract that one side sealed says so, with what evidence there is (spec/contracts.md 3.7).
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.cli.agreements.agreement import told_of_term
from connector.cli.exchange.get import save
from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.clock import rfc3339


def register(top: Words, places: Any) -> None:
    agreements = top.command(places, "agreements")
    agreements.word("--as", dest="participant", required=True, metavar="SLUG")
    agreements.set_defaults(run=run_agreements)
    evidence = top.command(places, "evidence")
    evidence.word("agreement", metavar="AGREEMENT")
    evidence.word("--as", dest="participant", required=True, metavar="SLUG")
    evidence.word("-o", "--output", required=True, type=Path, metavar="FILE")
    evidence.set_defaults(run=run_evidence)


def run_agreements(call: Call) -> int:
    answer = Api(call.settings().api.socket).get("participants", call.args.participant, "agreements")
    found = answer["agreements"] if isinstance(answer, dict) else answer
    call.result(found)
    for one in found:
        state, title, at = one["status"]["text"][call.lang], one["title"] or one["dataset"], one["created"]
        partner = one["partner"] + (f" ({', '.join(one['spaces'])})" if one["spaces"] else "")
        call.tell("agreements.about", agreement=one["agreement"], title=title, partner=partner, state=state, at=at)
        if one["notice"]:
            who = call.say("agreement.us" if one["notice"]["by"] == one["role"] else "agreement.them")
            call.tell("agreements.notice", who=who, at=one["notice"]["effective"])
        told_of_term(call, one["state"], _expires(one))
        _standing(call, one)
    if not found:
        call.tell("agreements.none")
    return OK


def _expires(one: Mapping[str, Any]) -> str | None:
    at = one.get("expires_at")
    return None if at is None else rfc3339(at)


def _standing(call: Call, one: Mapping[str, Any]) -> None:
    if one["waits"]:
        call.tell("agreements.waits", agreement=one["agreement"], slug=call.args.participant)
    if one["state"] == "signed" and one["verified"] and one["countersignature"] == "required" and one["until"]:
        call.tell("agreements.withheld", until=one["until"])
    if one["state"] == "one-sided":
        call.tell("agreements.one-sided", evidence=", ".join(_evidence(call, one)))
        if one["until"]:
            call.tell("agreements.until", until=one["until"])
    if one["second_invalid"]:
        call.tell("agreements.second-invalid")
    for said in one["confirmations"]:
        call.tell("agreements.confirmation", **said)


def _evidence(call: Call, one: Mapping[str, Any]) -> Iterator[str]:
    """What there is instead of the second seal."""
    if one["signed"]["provider"]:
        yield call.say("agreements.evidence.provider")
    if one["signed"]["consumer"]:
        yield call.say("agreements.evidence.consumer")
    if one["verified"]:
        yield call.say(f"agreements.evidence.{'verified' if one['role'] == 'provider' else 'verified-ours'}")
    if one["confirmations"]:
        yield call.say("agreements.evidence.confirmation", count=len(one["confirmations"]))


def run_evidence(call: Call) -> int:
    args = call.args
    uuid = args.agreement.removeprefix("urn:uuid:")
    api = Api(call.settings().api.socket)
    digest = save(args.output, api.download("participants", args.participant, "agreements", uuid, "evidence"))
    until = _until(args.output)
    call.result({"file": str(args.output), "sha256": digest, "until": until})
    call.tell("evidence.done", file=args.output)
    if until is not None:
        call.tell("evidence.until", at=until)
    return OK


def _until(bundle: Path) -> str | None:
    """How far it tells the log, as it says itself; what it holds is judged by `hanse verify` alone."""
    from connector.verify.checks import trusted_time

    try:
        with zipfile.ZipFile(bundle) as packed:
            at = trusted_time.exact(json.loads(packed.read("manifest.json"))["told"]["at"])
            return None if at is None else trusted_time.written(at)
    except (zipfile.BadZipFile, OSError, LookupError, TypeError, ValueError):
        return None
