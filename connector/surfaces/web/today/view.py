"""Tasks and news in words, with where the next step is."""

from typing import Final
from urllib.parse import quote

from msgspec import Struct

from connector.foundation.language import catalogue
from connector.oversight.tasks.model import Kind, News, Task
from connector.oversight.tasks.order import Urgency, urgency
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.routes import TOWN
from connector.surfaces.web.session import Lang

CONTRACTS: Final[frozenset[Kind]] = frozenset(
    {
        "countersign",
        "read-and-sign",
        "countersign-trouble",
        "seal-missing",
        "duty",
        "contract-ends",
        "end-undelivered",
        "end-refused",
        "difference",
    }
)
BADGES: Final = {
    Urgency.OVERDUE: "danger",
    Urgency.SOON: "warning",
    Urgency.AWAITED: "info",
    Urgency.BROKEN: "warning",
    Urgency.LATER: "info",
    Urgency.SOMETIME: "info",
}


class Item(Struct, frozen=True, kw_only=True):
    """A line of the page. `href` is empty where the person may not open the page that helps. `badge` is its kind and
    `word` what stands in it; `at` is an instant (ms): until when, or when it happened."""

    text: str
    step: str
    href: str
    badge: str
    word: str
    at: int | None
    why: str = ""


def task(call: Call, members: Members, one: Task, now: int) -> Item:
    grade = urgency(one, now)
    many = "-many" if one.count > 1 else "" if one.partner else "-own"
    many = many if f"today.task.{one.kind}{many}" in catalogue(call.lang) else ""
    return Item(
        text=call.say(
            f"today.task.{one.kind}{many}",
            partner=_partner(call, members, one.partner),
            title=_title(call, one.title),
            count=one.count,
        ),
        step=call.say(f"today.step.{one.kind}"),
        href=_where(call, one),
        badge=BADGES[grade],
        word=call.say(f"today.urgency.{grade.name.lower()}"),
        at=one.due,
    )


def news(call: Call, members: Members, one: News) -> Item:
    known = f"figures.reason.{one.code}"
    return Item(
        text=call.say(
            sentence(one, call.lang),
            partner=_partner(call, members, one.partner),
            title=_title(call, one.title or (one.subject if one.noun == "space" else "")),
            count=one.count,
        ),
        step=call.say(f"today.look.{one.noun if one.ours or one.agreement else 'log'}"),
        href=_seen_at(call, one),
        badge="danger" if one.outcome == "alarm" else "warning" if one.outcome in ("refused", "failed") else "info",
        word=call.say(f"today.outcome.{one.outcome}"),
        at=one.at,
        why=call.say(known) if known in catalogue(call.lang) and one.outcome in ("refused", "failed", "ended") else "",
    )


def sentence(one: News, lang: Lang) -> str:
    """The key of its sentence: the most particular that there is, by who did it and by whether we had asked."""
    plain, ours = f"today.news.{one.outcome}-{one.noun}", "-ours" if one.ours else ""
    by = f"-{one.by}" if one.by else ""
    known = catalogue(lang)
    return next(key for key in (f"{plain}{by}{ours}", f"{plain}{by}", f"{plain}{ours}", plain) if key in known)


def _where(call: Call, one: Task) -> str:
    if one.kind in ("approval", "protection"):
        return _open(call, "approvals", one.subject)
    if one.kind == "rule-waits":
        return _open(call, "approvals", "rules")
    if one.kind in CONTRACTS and one.agreement:
        return _open(call, "contracts", _uuid(one.agreement))
    if one.kind in ("admission", "admission-second"):
        return _open(call, "applications", one.subject)
    if one.kind in ("membership-ends", "renewals"):
        return _open(call, "spaces" if one.kind == "membership-ends" else "space")
    if one.kind in ("merger", "merger-second"):
        return _open(call, "space", "mergers")
    if one.kind in ("seal", "seal-second"):
        return _open(call, "space", "certificates")
    if one.kind == "list-lost":
        return _open(call, "space", "recovery")
    if one.kind == "group-asked":
        return _open(call, "spaces", "groups")
    if one.kind == "quota":
        return _open(call, "partners")
    if one.kind == "draft":
        return _open(call, "publish", one.subject)
    if one.kind == "import":
        return _open(call, "datasets")
    if one.agreement:
        return _open(call, "contracts", _uuid(one.agreement))
    return _process(call, one)


def _seen_at(call: Call, one: News) -> str:
    if one.noun in ("log", "space"):
        return _open(call, "partners" if one.noun == "log" else "spaces")
    if one.agreement or one.noun == "agreement":
        return _open(call, "contracts", _uuid(one.agreement or one.subject))
    return _process(call, one)


def _process(call: Call, one: Task | News) -> str:
    """What a partner asked of us and got no contract for is shown with the partner."""
    if one.ours:
        return _open(call, "requests", _uuid(one.subject))
    place = _open(call, "partners", "member")
    return f"{place}?did={quote(one.partner, safe='')}" if place.endswith("/member") else place


def _open(call: Call, section: str, *rest: str) -> str:
    """The address, if there is such a page and the person may open it; else that of its list, or none."""
    listed, single = f"{TOWN}/{section}", (f"{TOWN}/{section}/{{", "/".join((f"{TOWN}/{section}", *rest)))
    may = {path for path, roles in call.desk.paths.items() if roles & call.roles}
    if rest and any(path.startswith(single) for path in may):
        return call.at(section, *rest)
    return call.at(section) if listed in may else ""


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _partner(call: Call, members: Members, did: str) -> str:
    return members.called(did) if did else call.say("today.somebody")


def _title(call: Call, title: str) -> str:
    return title or call.say("today.untitled")
