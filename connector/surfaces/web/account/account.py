"""What is a person's own: her name, language, password, second factor, sessions."""

from typing import ClassVar

from aiohttp import web
from msgspec.structs import replace

from connector.foundation.errors import HanseError, Mistake
from connector.identity.accounts import second_factor
from connector.identity.accounts.assemble import AccountSlice
from connector.surfaces.web import session
from connector.surfaces.web.account import browser, qr
from connector.surfaces.web.account.sign_in import entered, error_sentence, secret_of
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import Route, get, post

_SECRET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
PLACE = "Hanse"


class AccountHandlers:
    def __init__(self, accounts: AccountSlice) -> None:
        self._accounts = accounts

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def change(self, call: Call) -> web.StreamResponse:
        name, language = call.form.text("name"), call.form.text("language")
        try:
            await self._accounts.signing_in.describe(call.person, name, language)
        except HanseError as error:
            return await self._page(call, name=error)
        response = to("/account")
        if (lang := session.LANGUAGES.get(language)) is not None:
            call.desk.cookies.speak(response, lang)
        return response

    async def password(self, call: Call) -> web.StreamResponse:
        """All other sessions end with it."""
        try:
            opened = await self._accounts.signing_in.change_password(
                call.person, secret_of(call, "old"), secret_of(call, "new"), browser.of(call)
            )
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._page(call, password=error)
        return await entered(call, self._accounts, opened, "/account")

    async def offer_second(self, call: Call) -> web.StreamResponse:
        """A new secret as a picture and as text; it counts once a code of it was typed."""
        return await self._second(call, second_factor.fresh())

    async def set_second(self, call: Call) -> web.StreamResponse:
        """The recovery codes, in the answer and nowhere else."""
        totp = call.form.text("secret")
        if len(totp) != 32 or set(totp) - _SECRET:
            raise Mistake("web.field", pointer="secret")
        try:
            opened, codes = await self._accounts.signing_in.set_up_second(
                call.person, totp, call.form.text("code"), browser.of(call)
            )
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._second(call, totp, error)
        call = replace(call, signed=await self._accounts.sessions.session(opened.cookie))
        response = await page(call, "account/codes.html", title=call.say("web.account.codes.title"), codes=codes)
        given = await entered(call, self._accounts, opened, "/account")
        response.cookies.update(given.cookies)
        return response

    async def end(self, call: Call) -> web.StreamResponse:
        """One session of her own; ended meanwhile is as good."""
        await self._accounts.sessions.end(call.person.person, call.form.text("session"))
        return to("/account")

    async def end_others(self, call: Call) -> web.StreamResponse:
        await self._accounts.sessions.end_others(call.person)
        return to("/account")

    routes: ClassVar[tuple[Route, ...]] = (
        get("/account", show, "signed"),
        post("/account", change, "signed"),
        post("/account/password", password, "signed"),
        get("/account/second-factor", offer_second, "signed"),
        post("/account/second-factor", set_second, "signed"),
        post("/account/sessions/end", end, "signed"),
        post("/account/sessions/end-others", end_others, "signed"),
    )

    async def _page(
        self, call: Call, name: HanseError | None = None, password: HanseError | None = None
    ) -> web.StreamResponse:
        signing, signed = self._accounts.signing_in, call.person
        person = await signing.person(signed)
        names = {one.participant.id: one.participant.name for one in await call.desk.participants.all()}
        wrong = name or password
        return await page(
            call,
            "account/account.html",
            200 if wrong is None else wrong.status,
            title=call.say("web.account.title"),
            person=person,
            codes=await signing.codes_left(signed),
            own=await self._accounts.sessions.own(person.id),
            names=names,
            name_error=error_sentence(call, name),
            password_error=error_sentence(call, password),
        )

    async def _second(self, call: Call, totp: str, error: HanseError | None = None) -> web.StreamResponse:
        person = await self._accounts.signing_in.person(call.person)
        picture = qr.svg(second_factor.address(totp, person.login, PLACE), call.say("web.account.second.alt"))
        return await page(
            call,
            "account/second_factor.html",
            200 if error is None else error.status,
            title=call.say("web.account.second.title"),
            person=person,
            secret=totp,
            error=error_sentence(call, error),
            grouped=" ".join(totp[at : at + 4] for at in range(0, len(totp), 4)),
            picture=picture,
        )
