"""What a page's handler gets, and what all pages stand on.

`Desk` is made once per process, `Call` once per request. `Call.participant` is the participant in the address; that the
person may be there has been checked before a handler is asked.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from aiohttp import web
from msgspec import Struct

from connector.data.approvals.model import Voter
from connector.foundation.clock import Clock
from connector.foundation.errors import Defect, HanseError, Mistake
from connector.foundation.language import say
from connector.foundation.language.reasons import explained
from connector.identity.accounts.model import Role, SignedIn
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.surfaces.web import forms
from connector.surfaces.web.assets import Assets
from connector.surfaces.web.forms import Form, Upload
from connector.surfaces.web.sent_forms import SentForms
from connector.surfaces.web.session import Cookies, Lang, Sessions


class Desk(Struct, frozen=True, kw_only=True):
    """`origin` is where people open the desk, `official` whether the data space vouches that a DID is a public body's,
    `key` the secret of forms that are sent by nobody in particular. `in_words` gives a text with names in
    place of DIDs and IRIs that the lists name. `texts` are the operator's own: imprint and so on.
    """

    clock: Clock
    participants: Participants
    sessions: Sessions
    cookies: Cookies
    origin: str
    key: bytes
    official: Callable[[str], bool]
    sent: SentForms
    assets: Assets
    texts: Mapping[str, str]
    in_words: Callable[[str, str, str], str] = lambda text, lang, own: text
    paths: Mapping[str, frozenset[Role]] = {}
    """Pages with a role at a participant: path, with `{p}`, and the roles that may open it."""


class Call(Struct, frozen=True, kw_only=True):
    """`form` is empty but on POST; `participant` None on pages that belong to none."""

    request: web.Request
    desk: Desk
    lang: Lang
    signed: SignedIn | None = None
    participant: Participant | None = None
    form: Form = Form()

    @property
    def person(self) -> SignedIn:
        """Who is signed in; only on pages that need somebody."""
        if self.signed is None:
            raise Defect("web.nobody-signed")
        return self.signed

    @property
    def town(self) -> Participant:
        """On pages below `/t/{p}`."""
        if self.participant is None:
            raise Defect("web.no-participant")
        return self.participant

    @property
    def slug(self) -> str:
        return self.town.id

    @property
    def roles(self) -> frozenset[Role]:
        """Roles of the person at the participant of this page."""
        if self.signed is None or self.participant is None:
            return frozenset()
        return self.signed.roles.get(self.participant.id, frozenset())

    @property
    def voter(self) -> Voter:
        """The person as approvals and the log know her: by her pseudonym at the participant of this page."""
        return Voter(self.person.pseudonyms.get(self.slug, ""), self.roles)

    @property
    def upload(self) -> Upload:
        """The file of the form; raises Mistake if it came without one."""
        if self.form.upload is None:
            raise Mistake("web.no-file")
        return self.form.upload

    @property
    def polled(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    def param(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def query(self, name: str, default: str = "") -> str:
        """A value of the query, at most 1 000 characters."""
        return self.request.query.get(name, default)[:1000].strip()

    def say(self, key: str, /, **facts: object) -> str:
        return say(key, self.lang, **facts)

    def in_words(self, text: str) -> str:
        """With the names that the lists have for members, spaces and groups which count for the participant."""
        return self.desk.in_words(text, self.lang, "" if self.participant is None else self.participant.did)

    def explain(self, problem: HanseError) -> str:
        """The sentence of an error."""
        return " ".join(explained(problem)[self.lang])

    def at(self, *parts: str) -> str:
        """An address below this participant: `call.at("contracts", id)`."""
        return "/t/" + "/".join(quote(part, safe="") for part in (self.slug, *parts)) + ("" if parts else "/")

    def token(self, address: str) -> str:
        """For a form that is sent to this path."""
        key = self.desk.key if self.signed is None else self.signed.form_key
        return forms.token(key, address.partition("?")[0], self.desk.clock.now())
