"""What a mail looks like, whatever is put into it."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from worker.clients.mail import Mail, compose, recipient
from worker.errors import PermanentError
from worker.settings_values import sender

AT = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
FROM = sender('"Désk, Inc." <support@desk.example.com>')


def written(**given: Any) -> EmailMessage:
    """As whoever receives it reads it."""
    usual: dict[str, Any] = {
        "to": "lena@customer.example",
        "subject": "Re: Refund",
        "text": "Done.",
        "id": "e4.x@d",
        "at": AT,
    }
    sent = compose(Mail(**{**usual, **given}), FROM).as_bytes()
    assert b"\n" not in sent.replace(b"\r\n", b"")
    read = message_from_bytes(sent, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


class TestHeaders:
    def test_a_reply_of_a_person(self) -> None:
        mail = written(answers="root@customer.example")

        assert {name: str(value) for name, value in mail.items()} == {
            "From": '"Désk, Inc." <support@desk.example.com>',
            "To": "lena@customer.example",
            "Subject": "Re: Refund",
            "Date": "Thu, 18 Jun 2026 09:00:00 +0000",
            "Message-ID": "<e4.x@d>",
            "References": "<root@customer.example>",
            "In-Reply-To": "<root@customer.example>",
            "Auto-Submitted": "no",
            "Content-Type": 'text/plain; charset="utf-8"',
            "Content-Transfer-Encoding": "quoted-printable",
            "MIME-Version": "1.0",
        }

    def test_what_no_person_wrote_says_so(self) -> None:
        mail = written(automatic=True)

        assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-generated", "All")

    @pytest.mark.parametrize(
        "subject",
        [
            "a\r\nBcc: all@example.com",
            "a\nBcc: all@example.com",
            "a\rBcc: x",
            "a\x0bBcc: x",
            "a\x85Bcc: x",
            "a\u2028Bcc: x",
        ],
    )
    def test_no_subject_makes_another_header(self, subject: str) -> None:
        mail = written(subject=subject)

        assert mail["Bcc"] is None
        assert str(mail["Subject"]).startswith("a Bcc: ")

    def test_a_long_or_broken_subject_is_cut_and_mended(self) -> None:
        assert len(str(written(subject="ü" * 1000)["Subject"])) == 300
        assert str(written(subject="a\ud800b")["Subject"]) == "a b"

    @pytest.mark.parametrize("answers", ["a@b>\r\nBcc: x", "no id", "a@b c@d", "<a@b>", "sha256:abc", "ü@b", ""])
    def test_what_is_no_message_id_is_left_out(self, answers: str) -> None:
        mail = written(answers=answers)

        assert (mail["In-Reply-To"], mail["References"], mail["Bcc"]) == (None, None, None)

    def test_a_long_message_id_stays_in_one_piece(self) -> None:
        answers = "x" * 200 + "@customer.example"

        assert str(written(answers=answers)["In-Reply-To"]) == f"<{answers}>"


class TestText:
    @pytest.mark.parametrize("text", ["Grüße\n\n.\n..dots\nFrom me\n", "x" * 3000, "emoji 👩‍🚀", "a\r\nb"])
    def test_it_arrives_as_it_was_written(self, text: str) -> None:
        said = written(text=text).get_content().replace("\r\n", "\n")

        assert said == text.replace("\r\n", "\n").rstrip("\n") + "\n"

    def test_what_cannot_be_written_is_replaced(self) -> None:
        assert written(text="a\0b\ud800c").get_content() == "a\ufffdb?c\r\n"


class TestRecipient:
    @pytest.mark.parametrize(
        ("address", "written"),
        [
            ("lena@customer.example", "lena@customer.example"),
            ("o'neil+x@customer.example", "o'neil+x@customer.example"),
            ("lena@müller.example", "lena@xn--mller-kva.example"),
        ],
    )
    def test_one_address(self, address: str, written: str) -> None:
        assert recipient(address).addr_spec == written

    @pytest.mark.parametrize(
        "address",
        ["", "lena", "@x.example", "lena@", "a@b.example,c@d.example", "a@b.example c@d.example", "a@b\r\nBcc: c@d",
         "Lena <a@b.example>", '"a b"@c.example', "a@b;c@d", "lén@customer.example", "a@b@c",
         "a@" + "ü" * 70 + ".example"],
    )  # fmt: skip
    def test_anything_else_is_refused_for_good(self, address: str) -> None:
        with pytest.raises(PermanentError) as caught:
            recipient(address)

        assert caught.value.cause == "bad_address"
