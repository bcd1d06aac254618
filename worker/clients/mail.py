"""What a mail looks like: one recipient, one plain text, and headers that nobody's words can break out of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from worker.errors import PermanentError

_POLICY = SMTP.clone(max_line_length=900)  # a folded message id would be written as an encoded word
_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # printable ASCII without <> and spaces
_LONGEST_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. `id` is the same over all tries, so that a repetition can be recognised.

    `answers`: the id of the mail it replies to; `automatic`: no person wrote it.
    """

    to: str
    subject: str
    text: str
    id: str
    at: datetime
    answers: str | None = None
    automatic: bool = False


def compose(mail: Mail, sender: Address) -> EmailMessage:
    """The message to send. Raises PermanentError("bad_address") when `to` is not exactly one address."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(sender.display_name, addr_spec=_ascii(sender))
    message["To"] = recipient(mail.to)
    message["Subject"] = _line(mail.subject)[:_LONGEST_SUBJECT]
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.id}>"
    if mail.answers is not None and _ID.fullmatch(mail.answers):
        message["In-Reply-To"] = message["References"] = f"<{mail.answers}>"
    message["Auto-Submitted"] = "auto-generated" if mail.automatic else "no"
    if mail.automatic:
        message["X-Auto-Response-Suppress"] = "All"
    text = mail.text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    message.set_content(text, cte="quoted-printable")
    return message


def recipient(address: str) -> Address:
    """One address as it may stand in a header and in the envelope. Raises PermanentError("bad_address")."""
    wrong = PermanentError("bad_address", f"{address[:100]!r} is not one mail address")
    if not address.isprintable() or any(char in address for char in ' ,;<>"'):
        raise wrong
    try:
        read = Address(addr_spec=address)
        if not read.username or not read.domain:
            raise wrong
        return Address(addr_spec=_ascii(read))
    except (HeaderParseError, UnicodeError, IndexError, ValueError) as exc:
        raise wrong from exc


def _ascii(address: Address) -> str:
    """The same address with its domain as the network knows it. Raises UnicodeError for a name that is not ASCII."""
    address.username.encode("ascii")
    domain = address.domain if address.domain.isascii() else address.domain.encode("idna").decode("ascii")
    return f"{address.username}@{domain}"


def _line(text: str) -> str:
    """One line without control characters and lone surrogates."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.encode("utf-8", "replace").decode("utf-8").split())
