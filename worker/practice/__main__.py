"""`python -m worker.practice`: a practice Chatwoot as a process of its own."""

from __future__ import annotations

import argparse
import signal
import threading
from types import FrameType

from worker.practice.server import SECRET, TOKEN, PracticeChatwoot


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    given = _parser().parse_args(arguments)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    practice = PracticeChatwoot(
        host=given.host,
        port=given.port,
        token=given.token,
        webhook_url=given.webhook_url,
        secret=given.secret,
        account_id=given.account,
        seed=given.seed,
    )
    with practice:
        print(f"practice Chatwoot on {practice.url}, webhooks to {given.webhook_url or 'nobody'}", flush=True)
        stopping.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker.practice", description="A Chatwoot to practise with.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--token", default=TOKEN, help="the access token its API asks for")
    parser.add_argument(
        "--webhook-url", help="where it sends its webhooks, e.g. http://127.0.0.1:8000/webhooks/chatwoot"
    )
    parser.add_argument("--secret", default=SECRET, help="signs them")
    parser.add_argument("--account", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the chance in its habits")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
