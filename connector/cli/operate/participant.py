"""`hanse participant`: who is hosted by the running server, their keys, also stolen ones, and who seals for them."""

import argparse
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, named_file, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.cli.operate import moving, namesakes, offboarding, participant_csv
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake

PURPOSES = ("peer", "seal", "log", "log-pq", "seal-pq")
SAID = ("ars", "contact_name", "contact_email", "contact_url", "contact_telephone", "contributor")
SIGNERS = ("file", "pkcs11", "csc", "vault")
REASON_LEAST, REASON_MOST = 3, 500
"""Characters of a reason that the server takes."""

MOST_CHAIN = 1 << 20
"""Bytes of a certificate with its chain."""


def register(top: Words, places: Any) -> None:
    group = top.command(places, "participant")
    inner = group.commands("subcommand")
    add = group.command(inner, "add")
    add.word("slug", metavar="SLUG", nargs="?")
    add.word("--name", metavar="NAME")
    add.word("--kind", metavar="KIND")
    add.word("--root", metavar="URL")
    add.word("--csv", metavar="FILE", type=Path)
    add.word("--dry-run", action="store_true")
    _publisher_words(add)
    add.set_defaults(run=run_add)
    change = group.command(inner, "change")
    change.word("slug", metavar="SLUG")
    _publisher_words(change)
    change.set_defaults(run=run_change)
    group.command(inner, "list").set_defaults(run=run_list)
    rotate = group.command(inner, "rotate-key")
    rotate.word("slug", metavar="SLUG")
    rotate.word("purpose", choices=PURPOSES)
    rotate.set_defaults(run=run_rotate)
    revoke = group.command(inner, "revoke-key")
    revoke.word("slug", metavar="SLUG")
    revoke.word("--purpose", required=True, choices=PURPOSES)
    revoke.word("--from", required=True, metavar="TIME", dest="since")
    revoke.word("--reason", required=True, metavar="TEXT")
    revoke.word("--key", metavar="ID")
    revoke.set_defaults(run=run_revoke)
    csr = group.command(inner, "csr")
    csr.word("slug", metavar="SLUG")
    csr.word("-o", "--output", metavar="FILE", type=Path)
    csr.set_defaults(run=run_csr)
    seal = group.command(inner, "seal")
    seal.word("slug", metavar="SLUG")
    seal.word("certificate", metavar="FILE", type=Path)
    seal.word("--signer", choices=SIGNERS, default="file")
    seal.word("--key", metavar="NAME", default="")
    seal.word("--token", metavar="LABEL", default="")
    seal.set_defaults(run=run_seal)
    allow = group.command(inner, "allow")
    allow.word("slug", metavar="SLUG")
    allow.word("peer", metavar="DID")
    allow.word("--times", metavar="NUMBER", type=int, required=True)
    allow.set_defaults(run=run_allow)
    offboarding.register(group, inner)
    moving.register(group, inner)


def run_add(call: Call) -> int:
    args = call.args
    alone = (args.slug, args.name, args.kind)
    if args.csv is not None and {*alone, args.root} == {None}:
        return participant_csv.run(call, args.csv)
    if args.csv is not None or args.dry_run or None in alone:
        raise Mistake("cli.participant-which")
    kind = concepts.kind(args.kind).iri
    body = {"slug": args.slug, "name": args.name, "kind": kind, "root": args.root, "publisher": _said(args) or None}
    made = Api(call.settings().api.socket).post("participants", body=body)
    call.result(made)
    call.tell("participant.added", name=made["name"], did=made["did"], root=made["root"])
    namesakes.tell(call, made)
    return OK


def _publisher_words(command: Words) -> None:
    command.word("--ars", of="publisher", metavar="KEY")
    command.word("--contact-name", of="publisher", metavar="NAME")
    command.word("--contact-email", of="publisher", metavar="ADDRESS")
    command.word("--contact-url", of="publisher", metavar="URL")
    command.word("--contact-telephone", of="publisher", metavar="NUMBER")
    command.word("--contributor", of="publisher", metavar="ID")
    command.word("--box", of="publisher", metavar="W,S,E,N")


def _said(args: argparse.Namespace) -> dict[str, object]:
    """What of a publisher was given; an empty text takes a value away."""
    said = {name: getattr(args, name) for name in SAID if getattr(args, name) is not None}
    if args.box is not None:
        said["box"] = box_of(args.box)
    return said


def run_change(call: Call) -> int:
    args = call.args
    said = _said(args)
    if not said:
        raise Mistake("cli.participant-nothing")
    made = Api(call.settings().api.socket).post("participants", args.slug, "publisher", body=said)
    call.result(made)
    call.tell("participant.changed", slug=args.slug)
    for name, value in made["publisher"].items():
        if value:
            call.tell("participant.said", field=call.say(f"publisher.{name}"), value=_shown(call, value))
    return OK


def _shown(call: Call, value: object) -> str:
    """A value of a list by its label."""
    from connector.kernel.metadata.lists.code_lists import code_lists  # most commands do not need them

    if isinstance(value, list):
        return ", ".join(map(str, value))
    return code_lists().label(str(value), call.lang) or str(value)


def box_of(text: str) -> list[float]:
    """Four numbers, west, south, east, north; raises Mistake (`participants.box`)."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as cause:
        raise Mistake("participants.box") from cause
    return [west, south, east, north]


def run_list(call: Call) -> int:
    answer = Api(call.settings().api.socket).get("participants")
    found = answer["participants"] if isinstance(answer, dict) else answer
    call.result(found)
    for one in found:
        seal = one["seal"]
        level = seal["level"] or "-"
        call.tell("participant.line", slug=one["slug"], name=one["name"], did=one["did"], level=level, **_who(seal))
        offboarding.tell_state(call, one)
    if not found:
        call.tell("participant.none")
    return OK


def run_rotate(call: Call) -> int:
    args = call.args
    made = Api(call.settings().api.socket).post("participants", args.slug, "keys", args.purpose, "rotate", body={})
    call.result(made)
    call.tell("participant.rotated", slug=args.slug, purpose=args.purpose)
    call.tell("participant.rotated-tell", slug=args.slug)
    if args.purpose == "seal" and made["seal"]["until"] is None:  # nobody here certifies keys
        call.tell("participant.revoked-certificate", slug=args.slug)
    return OK


def run_revoke(call: Call) -> int:
    args = call.args
    if not REASON_LEAST <= len(args.reason) <= REASON_MOST:
        raise Mistake("participants.reason", least=REASON_LEAST, most=REASON_MOST)
    body = {"from": args.since, "reason": args.reason, "key": args.key}
    made = Api(call.settings().api.socket).post("participants", args.slug, "keys", args.purpose, "revoke", body=body)
    call.result(made)
    call.tell("participant.revoked", slug=args.slug, purpose=args.purpose, since=args.since)
    if args.purpose in ("peer", "seal"):
        call.tell("participant.revoked-tell", slug=args.slug)
    if args.purpose.startswith("log"):
        call.tell("participant.revoked-log")
    if made["seal"]["until"] is None:
        call.tell("participant.revoked-certificate", slug=args.slug)
    return OK


def run_csr(call: Call) -> int:
    args = call.args
    made = Api(call.settings().api.socket).post("participants", args.slug, "seal", "request", body={})
    call.result(made)
    if args.output is None:
        if not args.json:
            print(made["request"], end="")
        return OK
    place = args.output.expanduser()
    try:
        place.write_text(made["request"], encoding="ascii")
    except OSError as problem:
        raise unusable(place, problem) from problem
    call.tell("participant.requested", slug=args.slug, place=str(place))
    return OK


def run_seal(call: Call) -> int:
    args = call.args
    chain = named_file(args.certificate.expanduser(), MOST_CHAIN).decode("utf-8", errors="replace")
    body = {"certificate": chain, "signer": args.signer, "key": args.key, "token": args.token}
    made = Api(call.settings().api.socket).post("participants", args.slug, "seal", body=body)
    call.result(made)
    call.tell("participant.sealed", name=made["name"], level=made["seal"]["level"] or "-", **_who(made["seal"]))
    return OK


def run_allow(call: Call) -> int:
    args = call.args
    body = {"did": args.peer, "times": args.times}
    made = Api(call.settings().api.socket).post("participants", args.slug, "allowances", body=body)
    call.result(made)
    call.tell("participant.allowed", slug=args.slug, peer=args.peer, times=args.times)
    return OK


def _who(seal: Any) -> dict[str, str]:
    return {"signer": seal["signer"], "alg": seal["alg"]}
