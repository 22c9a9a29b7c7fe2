"""Which browser somebody uses, in two words: so that she recognises her sessions in a list. Nothing more is kept."""

from aiohttp import web

from connector.identity.accounts.signing_in import Browser
from connector.surfaces.web.call import Call
from connector.surfaces.web.session import KNOWN

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def kind(agent: str) -> str:
    """`Firefox, Windows`; empty for what nobody knows."""
    found = [next((name for sign, name in table if sign in agent), "") for table in (_BROWSERS, _SYSTEMS)]
    return ", ".join(one for one in found if one)


def of(call: Call) -> Browser:
    request: web.Request = call.request
    return Browser(
        address=request.remote or "",
        agent=kind(request.headers.get("User-Agent", "")[:1000]),
        known=call.desk.cookies.held(request, KNOWN),
    )
