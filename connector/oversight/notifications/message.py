"""A mail as it is sent: what waits in sentences and where to go, in plain text.

Subject and headers are ours alone: nothing that a partner wrote, no name, nothing about anybody. What a partner wrote
stands in the body, made plain, one line each.
"""

import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from connector.foundation.language import LANGUAGES, say
from connector.foundation.language.reasons import plain
from connector.foundation.zone import local
from connector.oversight.notifications.model import Notification

MOST = 50
"""Sentences in one mail; of the rest it says how many."""
LONGEST = 300
_LEADS = re.compile(r"(?<=:)(?=//)|(?<=\w)(?=@)|(?<=[wW]{3})(?=\.)|(?<=\w\.)(?=[^\W\d_])")
"""Where a text is cut so that no mail program makes a link of it: `https://`, `a@b`, `www.`, and `host.example`, of
which many make one without any sign of an address."""


def sentence(one: Notification, lang: str) -> str:
    """What happened, for the desk as for a mail."""
    said = {name: plain(text, LONGEST) or "–" for name, text in one.facts.items()}
    facts = {"title": "–", "partner": "–", **said}
    own = "-own" if one.facts.get("subject") == "publication" else ""
    own = "-open" if one.facts.get("until") == "" else own
    return say(f"notifications.cause.{one.cause}{own}", lang, **facts)


def message(
    told: Sequence[Notification], lang: str, *, sender: str, to: str, desk: str, participant: str, name: str, at: int
) -> EmailMessage:
    """`desk` is its address without a final slash, `name` what the participant is called, `at` in milliseconds."""
    speech = lang if lang in LANGUAGES else "de"
    lines = [say("notifications.mail.hello", speech, name=plain(name, 200)), ""]
    for one in told[:MOST]:
        path = "/".join(quote(part, safe="") for part in ("t", participant, *one.place))
        lines += [f"* {_unlinked(sentence(one, speech))}", f"  {desk}/{path}", ""]
    if len(told) > MOST:
        lines += [say("notifications.mail.more", speech, count=len(told) - MOST), ""]
    lines += [say("notifications.mail.end", speech, place=f"{desk}/account/mail")]
    made = EmailMessage()
    made["Subject"] = say("notifications.mail.subject", speech, count=len(told))
    made["From"], made["To"] = sender, to
    moment = local(at)
    if moment is not None:
        made["Date"] = format_datetime(moment)
    identity = sha256("\n".join([participant, to, *sorted(one.name for one in told)]).encode()).hexdigest()[:40]
    made["Message-ID"] = f"<{identity}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    return made


def _unlinked(text: str) -> str:
    """A partner's words with nothing in them that a mail program makes a link of: the one link is ours."""
    return _LEADS.sub(" ", text)
