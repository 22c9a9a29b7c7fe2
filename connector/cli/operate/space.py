"""`hanse space`: keep a data space, invite, decide on applications, change memberships.

Who decides is named by `--who`: the command line acts for the operator, and two people have to agree.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, named_file, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.cli.operate import (
    space_certificates,
    space_csv,
    space_forks,
    space_group,
    space_merge,
    space_recovery,
    space_rules,
)
from connector.cli.operate.space_merge import Command
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import catalogue, say

SIGNERS = ("file", "pkcs11", "csc", "vault")
STEPS = {"suspend": "suspended", "resume": "active", "expel": "expelled"}
MOST_PEM = 8_192
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def register(top: Words, places: Any) -> None:
    group = top.command(places, "space")
    inner = group.commands("subcommand")

    def command(name: str, run: Callable[[Call], int]) -> Words:
        return group.of_participant(inner, name, run)

    _create_words(command("create", run_create))
    command("show", run_show)
    space_rules.rules_words(command("rules", space_rules.run_rules))
    _admission_words(command)
    _membership_words(command)
    _recognition_words(command)
    space_group.register(group, inner)
    space_merge.register(command, _who)
    space_certificates.register(command, _who)
    space_recovery.register(command, _who)
    space_forks.register(group, inner)
    command("joined", run_joined)
    roots = command("roots", run_roots)
    roots.word("space", metavar="URL")
    roots.word("-o", "--output", metavar="FILE", type=Path, required=True)
    leave = command("leave", run_leave)
    leave.word("space", metavar="URL")
    leave.sure()


def _admission_words(command: Command) -> None:
    """From an invitation to what people decide on its application."""
    invite = command("invite", run_invite)
    invite.word("--name", metavar="NAME")
    invite.word("--ars", metavar="KEY", default="")
    invite.word("--kind", metavar="KIND", default="")
    invite.word("--domain", metavar="DOMAIN", default="")
    invite.word("--qr", metavar="FILE", type=Path)
    invite.word("--csv", metavar="FILE", type=Path)
    invite.word("--report", metavar="FILE", type=Path)
    invite.word("--dry-run", action="store_true")
    command("invitations", run_invitations)
    command("withdraw", run_withdraw).word("id", metavar="ID")
    command("applications", run_applications)
    command("application", run_application).word("id", metavar="ID")
    check = command("check", run_check)
    check.word("id", metavar="ID")
    check.word("point", metavar="POINT")
    check.word("--note", metavar="TEXT", default="")
    check.word("--bad", action="store_true")
    _who(check)
    approve = command("approve", run_approve)
    approve.word("id", metavar="ID")
    _who(approve)
    refuse = command("refuse", run_refuse)
    refuse.word("id", metavar="ID")
    refuse.word("--reason", metavar="TEXT", required=True)
    _who(refuse)


def _membership_words(command: Command) -> None:
    """What becomes of members."""
    command("members", run_members)
    for name in STEPS:
        step = command(name, run_step)
        step.word("did", metavar="DID")
        step.word("--reason", metavar="TEXT", default="")
        _who(step)
    renew = command("renew", run_renew)
    renew.word("did", metavar="DID")
    _who(renew)
    strike = command("strike", run_strike)
    strike.word("did", metavar="DID")
    strike.word("--code", metavar="CODE", required=True)
    _who(strike)


def _recognition_words(command: Command) -> None:
    """Other authorities whose members count here."""
    recognise = command("recognise", run_recognise)
    recognise.word("space", metavar="URL")
    recognise.word("--fingerprint", metavar="DIGITS", required=True)
    recognise.word("--kind", metavar="KIND", action="append", default=[])
    _who(recognise)
    unrecognise = command("unrecognise", space_rules.run_unrecognise)
    unrecognise.word("space", metavar="URL")
    unrecognise.sure()
    _who(unrecognise)


def _who(command: Words) -> None:
    command.word("--who", of="space", metavar="LOGIN", required=True)


def _create_words(create: Words) -> None:
    create.word("name", metavar="NAME")
    create.word("--kind", metavar="KIND", action="append", default=[])
    create.word("--document", metavar="NAME", action="append", default=[])
    create.word("--check", metavar="POINT", action="append", default=[])
    create.word("--approvals", metavar="NUMBER", type=int, default=2)
    create.word("--term", metavar="DAYS", type=int, default=365)
    create.word("--text", metavar="TEXT", default="")
    create.word("--signer", choices=SIGNERS, default="file")
    create.word("--key", metavar="NAME", default="")
    create.word("--token", metavar="LABEL", default="")
    create.word("--public-key", metavar="FILE", type=Path)


def run_create(call: Call) -> int:
    args = call.args
    rules = {
        "kinds": [concepts.kind(one).iri for one in args.kind],
        "documents": args.document,
        "checklist": args.check,
        "approvals": args.approvals,
        "termDays": args.term,
        "text": args.text,
    }
    pem = (
        "" if args.public_key is None else named_file(args.public_key.expanduser(), MOST_PEM).decode("ascii", "replace")
    )
    body = {
        "name": args.name,
        "rules": rules,
        "signer": args.signer,
        "key": args.key,
        "token": args.token,
        "public_key": pem,
    }
    made = _api(call).post("participants", args.participant, "space", body=body)
    call.result(made)
    _tell_space(call, made)
    call.tell("space.created-next", slug=args.participant, count=args.approvals)
    return OK


def run_show(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "space")
    call.result(found)
    _tell_space(call, found)
    return OK


def run_invite(call: Call) -> int:
    args = call.args
    if args.csv is not None and args.name is None and args.qr is None:
        return space_csv.run(call, args.csv)
    if args.csv is not None or args.dry_run or args.report is not None or args.name is None:
        raise Mistake("cli.space-which")
    body = {"name": args.name, "ars": args.ars, "kind": args.kind, "domain": args.domain}
    made = _api(call).post("participants", args.participant, "space", "invitations", body=body)
    call.result(made)
    if args.qr is not None:
        _draw(args.qr.expanduser(), made["link"], args.name)
    call.tell("space.invited", name=made["name"], through=made["until"])
    if not args.json:
        print(made["link"])
    call.tell("space.invited-next")
    return OK


def _draw(place: Path, link: str, name: str) -> None:
    """The picture is for the eyes of one town, like the link."""
    from connector.foundation.small_files import replaced
    from connector.surfaces.web.account import qr  # most commands do not need it

    try:
        replaced(place, str(qr.svg(link, name)).encode())
    except OSError as problem:
        raise unusable(place, problem) from problem


def run_invitations(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "space", "invitations")
    call.result(found)
    for one in found["invitations"]:
        state = call.say(f"space.invitation.{one['state']}")
        call.tell("space.invitation-line", id=one["id"], name=one["name"], state=state, through=one["until"])
    if not found["invitations"]:
        call.tell("space.invitation-none")
    return OK


def run_withdraw(call: Call) -> int:
    args = call.args
    made = _api(call).post("participants", args.participant, "space", "invitations", args.id, "withdraw", body={})
    call.result(made)
    call.tell("space.withdrawn")
    return OK


def run_applications(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "space", "applications")
    call.result(found)
    for one in found["applications"]:
        call.tell(
            "space.application-line", id=one["id"], invited=one["invited"], did=one["did"], state=_state(call, one)
        )
    if not found["applications"]:
        call.tell("space.application-none")
    return OK


def run_application(call: Call) -> int:
    one = _api(call).get("participants", call.args.participant, "space", "applications", _application(call))
    call.result(one)
    _tell_application(call, one)
    return OK


def run_check(call: Call) -> int:
    args = call.args
    body = {"name": args.point, "good": not args.bad, "note": args.note, "who": args.who}
    name = _application(call)
    one = _api(call).post("participants", args.participant, "space", "applications", name, "check", body=body)
    call.result(one)
    _tell_application(call, one)
    return OK


def run_approve(call: Call) -> int:
    args = call.args
    body, name = {"who": args.who}, _application(call)
    one = _api(call).post("participants", args.participant, "space", "applications", name, "approve", body=body)
    call.result(one)
    call.tell("space.approved", invited=one["invited"], state=_state(call, one), missing=one["missing"])
    return OK


def run_refuse(call: Call) -> int:
    args = call.args
    body = {"reason": args.reason, "who": args.who}
    name = _application(call)
    one = _api(call).post("participants", args.participant, "space", "applications", name, "refuse", body=body)
    call.result(one)
    call.tell("space.refused", invited=one["invited"])
    return OK


def _application(call: Call) -> str:
    """The id of the application that is named: by its id, or by the name of the town while it alone waits under it."""
    named = str(call.args.id)
    found = _api(call).get("participants", call.args.participant, "space", "applications")["applications"]
    waiting = [
        str(one["id"]) for one in found if one["state"] == "pending" and one["invited"].casefold() == named.casefold()
    ]
    if len(waiting) > 1:
        raise Mistake("cli.space-several", name=named[:200])
    return waiting[0] if waiting else named


def run_members(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "space", "members")
    call.result(found)
    for one in found["members"]:
        end = one["until"] or call.say("space.open-end")
        state = call.say(f"space.member.{one['state']}")
        call.tell("space.member-line", name=one["name"], did=one["did"], state=state, through=end)
    return OK


def run_step(call: Call) -> int:
    args = call.args
    body = {"did": args.did, "state": STEPS[args.subcommand], "reason": args.reason, "who": args.who}
    one = _api(call).post("participants", args.participant, "space", "members", body=body)
    call.result(one)
    call.tell("space.stepped", name=one["name"], state=call.say(f"space.member.{one['state']}"))
    return OK


def run_renew(call: Call) -> int:
    args = call.args
    body = {"did": args.did, "who": args.who}
    one = _api(call).post("participants", args.participant, "space", "members", "renew", body=body)
    call.result(one)
    end = one["until"] or call.say("space.open-end")
    call.tell("space.renewed", name=one["name"], through=end)
    return OK


def run_strike(call: Call) -> int:
    args = call.args
    body = {"did": args.did, "code": args.code, "who": args.who}
    one = _api(call).post("participants", args.participant, "space", "members", "strike", body=body)
    call.result(one)
    call.tell("space.struck", name=one["name"])
    return OK


def run_recognise(call: Call) -> int:
    args = call.args
    kinds = [concepts.kind(one).iri for one in args.kind]
    body = {"space": args.space, "fingerprint": args.fingerprint, "kinds": kinds, "who": args.who}
    found = _api(call).post("participants", args.participant, "space", "recognised", body=body)
    call.result(found)
    for one in found["spaces"]:
        call.tell("space.recognised", name=one["name"], space=one["space"])
    return OK


def run_joined(call: Call) -> int:
    found = _api(call).get("participants", call.args.participant, "spaces")
    call.result(found)
    for one in found["spaces"]:
        state = call.say("space.member.suspended" if one["suspended"] else f"join.{one['state']}")
        call.tell("space.joined-line", name=one["name"], space=one["space"], state=state)
        if one["state"] == "member" and one["until"]:
            call.tell("space.joined-until", through=one["until"])
        if one["state"] == "refused":
            call.tell("join.why", reason=sentence(call, one["reason"]))
        space_merge.tell_own(call, one["mergers"])
    if not found["spaces"]:
        call.tell("space.joined-none")
    return OK


def sentence(call: Call, reason: str) -> str:
    """What an authority says by a code of ours, in our words; its own words and other codes stay as they are."""
    told = catalogue(call.lang).get(f"error.{reason}", "")
    return f"{call.say('join.refused')} ({reason})" if "{" in told else told or reason


def run_roots(call: Call) -> int:
    """What an auditor needs for contracts of that space: the seal CAs that hold here, and the key of its authority."""
    args, places = call.args, call.settings().trust.seal_ca_files
    found = _api(call).get("participants", args.participant, "spaces")["spaces"]
    key = next((one["key"] for one in found if one["space"] == args.space), None)
    if key is None:
        raise Mistake("cli.space-not-joined", space=args.space[:200])
    found = certificates(places)
    place = args.output.expanduser()
    try:
        place.write_text("\n".join([*found, key]), encoding="ascii")
    except OSError as problem:
        raise unusable(place, problem) from problem
    call.result({"file": str(place), "certificates": len(found)})
    call.tell("space.roots", place=str(place), count=len(found))
    return OK


def certificates(places: Sequence[Path]) -> list[str]:
    """The certificates in those of these files that are there; what else lies in them is left out."""
    texts = [place.read_text("ascii", "replace") for place in places if place.is_file()]
    return [block for text in texts for block in _CERTIFICATE.findall(text)]


def run_leave(call: Call) -> int:
    args = call.args
    if not args.yes:
        _warn_untold(call)
    if not call.sure("space.leave-sure", space=args.space):
        return OK
    one = _api(call).post("participants", args.participant, "spaces", "leave", body={"space": args.space})
    call.result(one)
    call.tell("space.left", name=one["name"])
    return OK


def _warn_untold(call: Call) -> None:
    """Who would go by contracts that have ended here, once nobody can tell it any more."""
    args = call.args
    found = _api(call).get("participants", args.participant, "spaces", "untold", space=args.space)
    if found["partners"]:
        call.note("space.leave-untold", names=", ".join(found["partners"]))


def _tell_space(call: Call, one: Any) -> None:
    call.tell("space.whose", name=one["name"], space=one["space"])
    call.tell("space.fingerprint", fingerprint=one["fingerprint"])
    space_rules.tell_rules(call, one["rules"])


def _tell_application(call: Call, one: Any) -> None:
    call.tell("space.application", invited=one["invited"], name=one["name"], did=one["did"], operator=one["operator"])
    if one["agent"]:
        call.tell("space.application-agent", agent=one["agent"])
    for check in one["checks"]:
        _tell_check(call, check)
    for name in one["open_checks"]:
        call.tell("space.check-open", name=name)
    for document in one["documents"]:
        call.tell("space.document", name=document["name"], sha256=document["sha256"], size=call.size(document["size"]))
    call.tell("space.application-state", state=_state(call, one), missing=one["missing"])


def _tell_check(call: Call, check: Any) -> None:
    """What a person noted in her words, what the machine found out in ours."""
    mark = call.say("space.good" if check["good"] else "space.bad")
    if check["by"]:
        call.tell("space.check", name=check["name"], mark=mark, note=check["note"], who=check["by"])
        return
    found = f"spaces.found.{check['name']}-{'good' if check['good'] else 'bad'}"
    call.tell("space.found", mark=mark, text=say(found, call.lang, note=check["note"] or "–"))


def _state(call: Call, one: Any) -> str:
    return call.say(f"space.application-is.{one['state']}")


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
