"""One mail to one mail server, by the standard library, on a thread: encrypted, unless the server is this computer.

What the server refuses for good comes back in its words; all else may be tried again (RFC 5321, 4.2.1).
"""

import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING

from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.language.reasons import plain
from connector.foundation.settings.load import Mail

if TYPE_CHECKING:
    from smtplib import SMTP

HERE = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT_S = 20.0
AWAY = "notifications.mail-away"
"""The server could not be reached, or did not answer in time."""


class MailRefused(HanseError):
    """The mail server does not take this mail: `words` are its own, made plain."""

    status = 400

    def __init__(self, code: int, words: bytes | str) -> None:
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        super().__init__("notifications.mail-refused", code=code)
        self.words = plain(f"{code} {text}", 500)


def checked(mail: Mail) -> None:
    """Raises Mistake for settings by which mails could be read on the way, that name no sender, or by which the one
    mail of a day never goes out."""
    if not mail.host:
        return
    if mail.tls == "none" and mail.host not in HERE:
        raise Mistake("settings.mail-tls", host=mail.host)
    if "@" not in mail.sender or not mail.sender.isascii() or any(sign in mail.sender for sign in "\r\n<>, "):
        raise Mistake("settings.mail-sender", sender=plain(mail.sender, 80))
    if all(asleep(hour, mail.quiet_from, mail.quiet_until) for hour in range(mail.digest_hour, 24)):
        raise Mistake("settings.mail-digest", hour=mail.digest_hour, begin=mail.quiet_from)


def asleep(hour: int, begin: int, end: int) -> bool:
    """Whether the hour of a day lies from `begin` to before `end`, over midnight if `end` is less."""
    return begin <= hour < end if begin <= end else hour >= begin or hour < end


def send(mail: Mail, to: str, message: EmailMessage) -> None:
    """Raises MailRefused, or Unavailable."""
    import smtplib  # most send no mail

    try:
        with _connected(mail) as server:
            if mail.user:
                server.login(mail.user, mail.password.reveal())
            server.send_message(message, mail.sender, [to])
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        raise _answered(code, words) from refused
    except smtplib.SMTPAuthenticationError as refused:
        raise Unavailable("notifications.mail-login", host=mail.host) from refused
    except smtplib.SMTPResponseException as refused:
        raise _answered(refused.smtp_code, refused.smtp_error) from refused
    except smtplib.SMTPNotSupportedError as refused:
        raise Unavailable("notifications.mail-tls", host=mail.host) from refused
    except (OSError, smtplib.SMTPException) as problem:
        raise Unavailable(AWAY, host=mail.host) from problem


def _connected(mail: Mail) -> "SMTP":
    import smtplib

    context = ssl.create_default_context(cafile=None if mail.ca_file is None else str(mail.ca_file))
    if mail.tls == "tls":
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_S)
    if mail.tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _answered(code: int, words: bytes | str) -> HanseError:
    """5yz is for good, 4yz may pass."""
    return MailRefused(code, words) if code >= 500 else Unavailable("notifications.mail-later", code=code)
