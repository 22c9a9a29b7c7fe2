"""A mail server of a test's own on loopback: it takes what it gets, or says what the test wants it to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.testkit.patience import eventually


class MailServer:
    """`answers` are said to RCPT instead of 250, first come first served; `mails` are what was taken."""

    def __init__(self) -> None:
        self.port = self.talking = 0
        self.answers: list[str] = []
        self.mails: list[EmailMessage] = []
        self.lines: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talking += 1
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.talking -= 1

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 mail.example")
        while line := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
            self.lines.append(line)
            word = line.partition(" ")[0].upper()
            if word == "DATA":
                say("354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                found = message_from_bytes(body[:-5], policy=policy.default)
                assert isinstance(found, EmailMessage)
                self.mails.append(found)
                say("250 taken")
            elif word == "RCPT" and self.answers:
                say(self.answers.pop(0))
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """It hears whoever speaks to it to the end, or a later test would find the connection open."""
    made = MailServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield made
        finally:
            await eventually(lambda: made.talking == 0)
