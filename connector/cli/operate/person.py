"""`hanse person`: who signs in at the desk, with which roles; invitations, sign-in links, keys for programs."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake

ROLES = ("steward", "publisher", "auditor", "protection", "admin")
SCOPES = ("read", "publish", "fetch", "decide", "records")


def register(top: Words, places: Any) -> None:
    group = top.command(places, "person")
    inner = group.commands("subcommand")
    add = group.command(inner, "add")
    add.word("login", metavar="LOGIN")
    add.word("--name", metavar="NAME", required=True)
    add.word("--operator", action="store_true")
    add.word("--as", dest="participant", metavar="SLUG")
    add.word("--role", action="append", default=[], choices=ROLES)
    add.set_defaults(run=run_add)
    group.command(inner, "list").set_defaults(run=run_list)
    invite = group.command(inner, "invite")
    invite.word("name", metavar="NAME")
    invite.word("--as", dest="participant", required=True, metavar="SLUG")
    invite.word("--role", action="append", required=True, choices=ROLES)
    invite.set_defaults(run=run_invite)
    role = group.command(inner, "role")
    role.word("login", metavar="LOGIN")
    role.word("role", choices=(*ROLES, "operator"))
    role.word("--as", dest="participant", metavar="SLUG")
    role.word("--take", action="store_true")
    role.set_defaults(run=run_role)
    remove = group.command(inner, "remove")
    remove.word("login", metavar="LOGIN")
    remove.sure()
    remove.set_defaults(run=run_remove)
    link = group.command(inner, "link")
    link.word("login", metavar="LOGIN")
    link.set_defaults(run=run_link)
    token = group.command(inner, "token")
    token.word("login", metavar="LOGIN", nargs="?")
    token.word("--as", dest="participant", metavar="SLUG")
    token.word("--label", metavar="TEXT")
    token.word("--scope", action="append", choices=SCOPES)
    token.word("--days", metavar="NUMBER", type=int, default=90)
    token.word("--end", metavar="ID")
    token.set_defaults(run=run_token)


def run_add(call: Call) -> int:
    args, api = call.args, _api(call)
    if (args.participant is None) != (not args.role):
        raise Mistake("cli.person-role-where")
    made = api.post("people", body={"login": args.login, "name": args.name, "operator": args.operator})
    for role in args.role:
        api.post("people", "role", body={"login": args.login, "role": role, "participant": args.participant})
    call.result(made)
    if not args.role:
        call.tell("person.added", name=made["name"], login=made["login"])
        return OK
    call.tell(
        "person.added-as",
        name=made["name"],
        login=made["login"],
        participant=args.participant,
        roles=_roles(call, args.role),
    )
    return OK


def run_list(call: Call) -> int:
    found = _api(call).get("people")
    call.result(found)
    for one in found["people"]:
        call.tell("person.line", name=one["name"], login=one["login"], seen=_seen(call, one), second=_second(call, one))
        for slug, roles in one["roles"].items():
            call.tell("person.roles", participant=slug, roles=_roles(call, roles))
        if one["operator"]:
            call.tell("person.operator")
    if not found["people"]:
        call.tell("person.none")
    return OK


def _seen(call: Call, one: dict[str, Any]) -> str:
    return call.say("person.seen", at=one["seen"]) if one["seen"] else call.say("person.unseen")


def _second(call: Call, one: dict[str, Any]) -> str:
    return call.say("person.external" if one["external"] else f"person.second.{str(one['second_factor']).lower()}")


def _roles(call: Call, roles: list[str]) -> str:
    return ", ".join(call.say(f"person.role.{role}") for role in roles)


def run_invite(call: Call) -> int:
    args = call.args
    body = {"name": args.name, "roles": args.role}
    made = _api(call).post("participants", args.participant, "invitations", body=body)
    call.result(made)
    call.tell("person.invited", name=args.name, participant=args.participant, roles=_roles(call, args.role))
    call.tell("person.url", url=made["url"])
    return OK


def run_role(call: Call) -> int:
    args = call.args
    if (args.participant is None) != (args.role == "operator"):
        raise Mistake("cli.person-where")
    body = {"login": args.login, "role": args.role, "participant": args.participant, "take": args.take}
    made = _api(call).post("people", "role", body=body)
    call.result(made)
    if args.participant is None:
        call.tell("person.now-operator" if "operator" in made["roles"] else "person.not-operator", login=made["login"])
    else:
        roles = _roles(call, made["roles"]) or call.say("person.no-role")
        call.tell("person.now", login=made["login"], participant=args.participant, roles=roles)
    return OK


def run_remove(call: Call) -> int:
    if not call.sure("person.remove", login=call.args.login):
        return OK
    made = _api(call).post("people", "remove", body={"login": call.args.login})
    call.result(made)
    call.tell("person.removed", name=made["name"])
    return OK


def run_link(call: Call) -> int:
    made = _api(call).post("people", "link", body={"login": call.args.login})
    call.result(made)
    call.tell("person.link", login=call.args.login, minutes=made["minutes"])
    call.tell("person.url", url=made["url"])
    return OK


def run_token(call: Call) -> int:
    args, api = call.args, _api(call)
    if args.end is not None:
        found = api.post("program-keys", "end", body={"id": args.end, "participant": args.participant})
        call.result(found)
        call.tell("person.key-ended", id=args.end)
        return OK
    if args.login is None:
        return _keys(call, api.get("program-keys"))
    if args.label is None or (args.participant is None) != (args.scope is None):
        raise Mistake("cli.person-key")
    body = {
        "login": args.login,
        "participant": args.participant,
        "label": args.label,
        "scopes": args.scope,
        "days": args.days,
    }
    made = api.post("program-keys", body=body)
    call.result(made)
    call.tell("person.key", days=made["days"])
    call.tell("person.url", url=made["key"])
    return OK


def _keys(call: Call, found: dict[str, Any]) -> int:
    call.result(found)
    for one in found["keys"]:
        call.tell("person.key-line", id=one["id"], label=one["label"], owner=one["owner"], until=one["ends"])
    if not found["keys"]:
        call.tell("person.no-keys")
    return OK


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)
