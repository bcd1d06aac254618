"""What an attacker writes into an address or an answer to get inside: nothing of it opens a connection there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.receiving import Reply, WebhookReceiver
from worker.clients.egress import Egress
from worker.clients.exchange import Exchange, open_session
from worker.errors import AccessError, WorkError

REDIRECTS = (300, 301, 302, 303, 307, 308)


@pytest.fixture
def inside() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


class TestAddresses:
    @pytest.mark.parametrize("authority", [
        "crm.example.com@127.0.0.1:{port}",
        "crm.example.com:443@127.0.0.1:{port}",
        "crm.example.com%40127.0.0.1:{port}",
        "crm.example.com\\@127.0.0.1:{port}",
        "127.0.0.1:{port}#@crm.example.com",
        "127.0.0.1:{port}?@crm.example.com",
        "１２７.0.0.1:{port}",
        "127。0。0。1:{port}",
        "127.0.0.1.:{port}",
        "LOCALHOST:{port}",
        "0:{port}",
        "0.0.0.0:{port}",
        "[::]:{port}",
        "[::1]:{port}",
        "[::ffff:7f00:1]:{port}",
        "[64:ff9b::7f00:1]:{port}",
        "[fe80::1%25lo]:{port}",
        "0177.0.0.1:{port}",
        "0x7f000001:{port}",
    ])  # fmt: skip
    def test_no_disguise_leads_inside(self, inside: WebhookReceiver, authority: str) -> None:
        url = f"https://{authority.format(port=inside.port)}/hooks"

        with pytest.raises(WorkError) as caught:
            Egress("event", total_seconds=3).post(url, headers={}, body=b"{}")

        assert caught.value.cause in {"address_refused", "bad_address", "unreachable"}
        assert inside.got == []


class TestRedirects:
    @pytest.mark.parametrize("status", REDIRECTS)
    def test_an_event_goes_where_it_is_sent_and_no_further(self, inside: WebhookReceiver, status: int) -> None:
        with WebhookReceiver() as target:
            target.replies = [Reply(status, headers={"Location": inside.url})]

            answer = Egress("event", allow_private=True).post(target.url, headers={}, body=b"{}")

        assert answer.status == status
        assert (len(target.got), inside.got) == (1, [])

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_nor_does_the_token_of_chatwoot(self, inside: WebhookReceiver, status: int) -> None:
        with WebhookReceiver() as server:
            server.replies = [Reply(status, headers={"Location": inside.url})]
            exchange = Exchange(
                f"http://127.0.0.1:{server.port}", open_session({"api_access_token": "t"}), dependency="chatwoot"
            )

            with pytest.raises(AccessError) as caught:
                exchange.call("POST", "/api/v1/accounts/1/conversations/1/messages", body={})

        assert caught.value.cause == "redirected"
        assert inside.got == []
