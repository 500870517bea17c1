"""Letters to reporters by SMTP (RFC 5321), for the vault alone.

The subject is the same for every letter, and the text goes as it is signed, encoded, so that
nothing in it becomes a header. Whatever the server answers stays here: it names the address.
Bounces are not fetched.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from api.settings import MailSecurity
from api.texts.catalogue import translate
from ledger.log.moment import stamp
from ledger.message import Message, Text
from ledger.ports import Clock
from ledger.vault.identity import Language
from ledger.vault.ports import LetterDelayed, LetterRefused, LetterUnsure, Notice

_TIMEOUT_S: Final = 15
_FOR_GOOD: Final = 500

SUBJECT: Final = Message("An answer to your report")
_AROUND: Final = Message(
    "{text}\n\nThis is sent by a service that does not know who you are to the officers. Answers to"
    " this address are not read."
)
_NOTICE: Final = Message(
    "Your identity as a reporter is disclosed to: {disclosed_to}.\nLegal ground: {legal_ground}\n"
    "It can be seen until {until}."
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where letters are handed in.

    Attributes:
        host: Its name.
        port: Its port.
        security: `starttls` and `tls` check its certificate; `none` is for a server in the same
            closed network.
        sender: The address that letters come from.
        user: Who signs in; None: nobody.
        password: With what.
    """

    host: str
    port: int
    security: MailSecurity
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class NoLetters:
    """`Letters` where no mail server is named: they wait."""

    def send(self, to: str, language: Language, text: str | Notice, *, letter_id: str) -> None:
        """Raises: LetterDelayed."""
        del to, language, text, letter_id
        raise LetterDelayed


class SmtpLetters:
    """`Letters` over a connection of its own for each.

    Args:
        server: Where.
        clock: Dates them.
        tls: Whose certificates are believed; the system's if left out.
    """

    def __init__(self, server: SmtpServer, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._clock = clock
        self._tls = tls or ssl.create_default_context()

    def send(self, to: str, language: Language, text: str | Notice, *, letter_id: str) -> None:
        """As `Letters.send`."""
        letter = self._letter(to, language, text, letter_id)
        client = self._connected()
        try:
            refused = client.send_message(letter, self._server.sender, [to])
        except smtplib.SMTPServerDisconnected as error:
            raise LetterUnsure from _without_words(error)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _refusal(min(codes, default=_FOR_GOOD)) from _without_words(error)
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from _without_words(error)
        except (smtplib.SMTPException, ValueError) as error:
            raise LetterRefused from _without_words(error)
        except OSError as error:
            raise LetterUnsure from _without_words(error)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
        if refused:
            raise LetterRefused

    def _connected(self) -> smtplib.SMTP:
        """Raises: LetterDelayed: the server is not there, or does not know us now."""
        client: smtplib.SMTP | None = None
        try:
            client = self._reached()
            if self._server.security == "starttls":
                client.starttls(context=self._tls)
            if self._server.user is not None and self._server.password is not None:
                client.login(self._server.user, self._server.password)
        except (OSError, smtplib.SMTPException) as error:
            if client is not None:
                client.close()
            raise LetterDelayed from _without_words(error)
        return client

    def _reached(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=self._tls)
        return smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)

    def _letter(
        self, to: str, language: Language, text: str | Notice, letter_id: str
    ) -> EmailMessage:
        domain = self._server.sender.rpartition("@")[2]
        letter = EmailMessage()
        letter["From"] = self._server.sender
        letter["To"] = to
        letter["Subject"] = translate(SUBJECT, language)
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = f"<{letter_id}@{domain}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer from a machine
        letter.set_content(translate(_text(text), language), charset="utf-8", cte="base64")
        return letter


def _text(text: str | Notice) -> Text:
    if isinstance(text, Notice):
        said = _NOTICE.filled(
            disclosed_to=text.disclosed_to,
            legal_ground=text.legal_ground,
            until=stamp(text.until),
        )
        return _AROUND.filled(text=said)
    return _AROUND.filled(text=text)


def _refusal(code: int) -> Exception:
    """4xx asks to come again (RFC 5321 §4.2.1)."""
    return LetterRefused() if code >= _FOR_GOOD else LetterDelayed()


def _without_words(error: Exception) -> Exception:
    """The kind of an error alone: what a server says names whom it was asked about."""
    return RuntimeError(type(error).__name__)
