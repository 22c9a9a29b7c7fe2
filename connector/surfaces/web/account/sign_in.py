"""Signing in and out: password, second factor, a link of the operator, an invitation (spec/accounts.md 4).

A link in a letter is only looked at by GET, for mail programs open links too: it is used by the button on its page.
What a browser had before is never promoted; each way in gives a new cookie (threat T28).
"""

import ipaddress
from typing import ClassVar
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from connector.foundation.errors import HanseError, Refusal, Unknown
from connector.foundation.storage.database import by_itself
from connector.identity.accounts.assemble import ANSWER, AccountSlice
from connector.identity.accounts.model import SignedIn
from connector.identity.accounts.people import AcceptedInvitation
from connector.identity.accounts.signing_in import BROWSER_MS, SECOND_MS, OpenedSession, SecondWanted
from connector.surfaces.web import session
from connector.surfaces.web.account import browser
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import SIGN_OUT, UNSENT, Route, get, post

SECOND, EXTERNAL = "second", "external"
_LONGEST_WAY = 4_000
log = structlog.get_logger("web")
_HERE = ("localhost", "127.0.0.1", "::1")


class SignInHandlers:
    def __init__(self, accounts: AccountSlice) -> None:
        self._accounts = accounts
        self._provider = "" if accounts.external is None else accounts.external.name

    async def show(self, call: Call) -> web.StreamResponse:
        """The page to sign in; a person who is signed in is led on."""
        back = session.local(call.query("next", "/"))
        return to(back) if call.signed is not None else await self._form(call, back)

    async def sign_in(self, call: Call) -> web.StreamResponse:
        back, login = session.local(call.form.text("next", "/")), call.form.text("login")
        try:
            found = await self._accounts.signing_in.password(login, secret_of(call, "password"), browser.of(call))
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._form(call, back, error, login)
        if isinstance(found, OpenedSession):
            return await entered(call, self._accounts, found, back)
        return _second(call, found, back)

    async def ask_second(self, call: Call) -> web.StreamResponse:
        """Without a password just typed there is nothing to ask."""
        if not call.desk.cookies.held(call.request, SECOND):
            return to("/sign-in")
        return await self._second_form(call, session.local(call.query("next", "/")))

    async def second(self, call: Call) -> web.StreamResponse:
        back = session.local(call.form.text("next", "/"))
        ticket = call.desk.cookies.held(call.request, SECOND)
        try:
            opened = await self._accounts.signing_in.second(ticket, call.form.text("code"), browser.of(call))
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._second_form(call, back, error)
        response = await entered(call, self._accounts, opened, back)
        call.desk.cookies.drop(response, SECOND)
        return response

    async def external(self, call: Call) -> web.StreamResponse:
        """Off to the identity provider; a link, because a form of ours may lead nowhere else."""
        if self._accounts.external is None:
            raise Unknown("http.nothing-here")
        begun = await self._accounts.external.begin(session.local(call.query("next", "/")))
        response = to(begun.url)
        call.desk.cookies.keep(response, EXTERNAL, begun.cookie, begun.seconds)
        return response

    async def answer(self, call: Call) -> web.StreamResponse:
        """Back from there; whatever goes wrong leads to the page on which one signs in."""
        if self._accounts.external is None:
            raise Unknown("http.nothing-here")
        cookie = call.desk.cookies.held(call.request, EXTERNAL, _LONGEST_WAY)
        try:
            opened, back = await self._accounts.external.finish(call.request.query, cookie, browser.of(call))
        except HanseError as error:
            log.info("accounts.external-failed", code=error.code, why=error.facts.get("why", ""))
            response = await self._form(call, "/", error)
        else:
            response = await entered(call, self._accounts, opened, session.local(back))
        call.desk.cookies.drop(response, EXTERNAL)
        return response

    async def sign_out(self, call: Call) -> web.StreamResponse:
        await self._accounts.signing_in.sign_out(call.person)
        response = to("/sign-in")
        call.desk.cookies.drop_session(response)
        return response

    async def show_link(self, call: Call) -> web.StreamResponse:
        """The button that uses the link."""
        title = call.say("web.sign-in.link.title")
        return await page(call, "account/link.html", title=title, code=call.query("code"), error="")

    async def use_link(self, call: Call) -> web.StreamResponse:
        """Where the desk has no address of its own, a link is for this computer alone."""
        if urlsplit(call.desk.origin).hostname in _HERE and not _loopback(call.request.remote):
            raise Refusal("accounts.link-here")
        cookie = await self._accounts.links.use(call.form.text("code"), browser.of(call).agent)
        return await entered(call, self._accounts, OpenedSession(cookie=cookie), "/")

    async def show_invitation(self, call: Call) -> web.StreamResponse:
        return await self._invitation(call, call.query("code"))

    async def accept(self, call: Call) -> web.StreamResponse:
        """A new account; whoever is signed in joins with hers (`join`)."""
        code, form = call.form.text("code"), call.form
        try:
            accepted = await self._accounts.people.accept(
                code, form.text("login"), form.text("name"), secret_of(call, "password"), browser.of(call)
            )
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._invitation(call, code, error)
        return await entered(call, self._accounts, OpenedSession(cookie=accepted.cookie), _begins(accepted))

    async def join(self, call: Call) -> web.StreamResponse:
        """What she may do has changed, so her sessions have ended."""
        accepted = await self._accounts.people.accept_signed(call.form.text("code"), call.person.person)
        return to(_begins(accepted))

    routes: ClassVar[tuple[Route, ...]] = (
        get("/sign-in", show, "everybody"),
        post("/sign-in", sign_in, "everybody", once=False),
        get("/sign-in/external", external, "everybody"),
        get(ANSWER, answer, "everybody"),
        get("/sign-in/second", ask_second, "everybody"),
        post("/sign-in/second", second, "everybody"),
        get("/sign-in/link", show_link, "everybody"),
        post("/sign-in/link", use_link, "everybody"),
        get("/invitation", show_invitation, "everybody"),
        post("/invitation", accept, "everybody"),
        post("/invitation/join", join, "signed"),
        post(SIGN_OUT, sign_out, "signed"),
    )

    async def _form(
        self, call: Call, back: str, error: HanseError | None = None, login: str = ""
    ) -> web.StreamResponse:
        return await page(
            call,
            "account/sign_in.html",
            200 if error is None else error.status,
            title=call.say("web.sign-in.title"),
            back=back,
            login=login[:200],
            error=error_sentence(call, error),
            provider=self._provider,
            unsent=call.request.method == "GET" and UNSENT in call.request.query,
        )

    async def _second_form(self, call: Call, back: str, error: HanseError | None = None) -> web.StreamResponse:
        return await page(
            call,
            "account/second.html",
            200 if error is None else error.status,
            title=call.say("web.sign-in.second.title"),
            back=back,
            error=error_sentence(call, error),
        )

    async def _invitation(self, call: Call, code: str, error: HanseError | None = None) -> web.StreamResponse:
        found = await self._accounts.people.invitation(code)
        hosted = await call.desk.participants.get(found.participant)
        filled = {name: call.form.text(name)[:200] for name in ("login", "name")}
        return await page(
            call,
            "account/invitation.html",
            200 if error is None else error.status,
            title=call.say("web.invitation.title", name=hosted.participant.name),
            code=code,
            error=error_sentence(call, error),
            invited=sorted(found.roles),
            login=filled["login"],
            name=filled["name"],
        )


def _begins(accepted: AcceptedInvitation) -> str:
    """Where a role still waits for a second person there is perhaps nothing to see yet: the start says so."""
    return "/" if accepted.waiting else f"/t/{accepted.participant}/"


async def entered(call: Call, accounts: AccountSlice, opened: OpenedSession, back: str) -> web.StreamResponse:
    """On to where she wanted to go; first to her second factor where one is needed that is not there."""
    cookies = call.desk.cookies
    signed = await accounts.sessions.session(opened.cookie)
    if call.signed is not None and signed is not None and call.signed.session != signed.session:
        with by_itself():  # it may have ended with what opened the new one
            await accounts.sessions.end(call.signed.person, call.signed.session)
    response = to(await _first(accounts, signed, back) if signed is not None else back)
    cookies.keep_session(response, opened.cookie)
    if opened.known:
        cookies.keep(response, session.KNOWN, opened.known, BROWSER_MS // 1000)
    lang = session.LANGUAGES.get(signed.language if signed is not None else "")
    if lang is not None:
        cookies.speak(response, lang)
    return response


async def _first(accounts: AccountSlice, signed: SignedIn, back: str) -> str:
    if not signed.withheld:
        return back
    person = await accounts.signing_in.person(signed)
    return "/account" if person.external else "/account/second-factor"


def _second(call: Call, found: SecondWanted, back: str) -> web.StreamResponse:
    response = to(f"/sign-in/second?next={quote(back, safe='')}")
    call.desk.cookies.keep(response, SECOND, found.ticket, SECOND_MS // 1000)
    return response


def error_sentence(call: Call, error: HanseError | None) -> str:
    """The sentence of an error, for above a form."""
    return "" if error is None else call.explain(error)


def secret_of(call: Call, name: str) -> str:
    """A password as it was typed: with the spaces at its ends."""
    return next((value for key, value in call.form.fields if key == name), "")


def _loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
