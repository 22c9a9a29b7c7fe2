"""Lines of `hanse doctor` about spaces: what is missing on the way to keep one, or to belong to one.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.language import say
from connector.foundation.settings.load import Settings

MOST = 20
"""Participants that are looked at."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]
_STATES: dict[str, Literal["ok", "warn", "bad"]] = {
    "applying": "warn",
    "pending": "warn",
    "member": "ok",
    "refused": "bad",
    "left": "ok",
    "ended": "bad",
}


def lines(settings: Settings, lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    api, listed = Api(settings.api.socket), settings.trust.list_file.is_file() or bool(settings.trust.list_url)
    try:
        for one in api.get("trust", "forks")["forks"]:
            if not one["settled"]:
                facts: dict[str, object] = {"name": one["name"] or one["authority"], "version": one["version"]}
                yield "bad", "space-list-fork", facts | {"at": one["found"]}
        people = api.get("people")["people"]
        for hosted in api.get("participants")["participants"][:MOST]:
            slug = str(hosted["slug"])
            kept = list(_kept(api, slug, people))
            joined = api.get("participants", slug, "spaces")["spaces"]
            yield from kept
            for space in joined:
                yield _STATES[space["state"]], f"space-{space['state']}", {"participant": slug, "name": space["name"]}
            for one in api.get("participants", slug, "attention")["false_lists"]:
                yield from _false(slug, one, lang)
            if any(space["state"] == "member" for space in joined):
                yield from _asked(api, slug, lang)
            if not (listed or kept or joined):
                yield "warn", "space-none", {"participant": slug}
    except (Problem, HanseError):
        return


def _false(slug: str, one: dict[str, Any], lang: str) -> Iterator[Line]:
    """A list that nobody shows is its member's doing; of two lists of one number the process says it, until that is
    settled."""
    kind = one["code"].rpartition(".")[2]
    facts: dict[str, object] = {"participant": slug, "name": one["name"], "at": one["at"]}
    if kind == "list-unshown":
        yield "warn", "space-list-unshown", facts | {"member": one["member"]}
    elif kind != "list-fork":
        yield "bad", "space-list-false", facts | {"why": say(f"cli.doctor.space-list.{kind}", lang)}


def _asked(api: Api, slug: str, lang: str) -> Iterator[Line]:
    """Groups that wait for the participant to agree; an authority that is away says nothing."""
    try:
        found = api.get("participants", slug, "spaces", "groups")["groups"]
    except (Problem, HanseError):
        return
    for one in found:
        if one["state"] == "asked":
            label = one["label"].get(lang) or next(iter(one["label"].values()), "")
            yield "warn", "space-group", {"participant": slug, "name": label, "group": one["group"]}


def _kept(api: Api, slug: str, people: list[dict[str, Any]]) -> Iterator[Line]:
    """Of a participant that keeps a space: whether enough people can decide, and what waits for them."""
    try:
        space = api.get("participants", slug, "space")
    except Problem:
        return
    needed = space["rules"].get("approvals", 2)
    stewards = sum("steward" in one["roles"].get(slug, []) for one in people)
    facts: dict[str, object] = {"participant": slug, "name": space["name"], "needed": needed, "count": stewards}
    yield ("ok", "space-kept", facts) if stewards >= needed else ("bad", "space-people", facts)
    waiting = [
        one
        for one in api.get("participants", slug, "space", "applications")["applications"]
        if one["state"] == "pending"
    ]
    if waiting:
        yield "warn", "space-waiting", {"participant": slug, "count": len(waiting)}
    lists = api.get("participants", slug, "space", "recovery")
    if lists["state"] in ("asking", "found"):
        away = {"own": lists["own"], "found": lists["found"], "away": len(lists["away"])}
        yield "bad", f"space-lists-{lists['state']}", {"participant": slug, "name": space["name"], **away}
    unseen = api.get("participants", slug, "space", "certificates")["certificates"]
    if unseen:
        yield "warn", "space-certificates", {"participant": slug, "count": len(unseen)}
