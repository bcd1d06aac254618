"""A small load generator: distinct signed webhooks over a number of keep-alive connections; prints one JSON line."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from worker.signing import sign_chatwoot

BODY = Path(__file__).parents[1] / "tests" / "fixtures" / "chatwoot" / "02_message_created_incoming_webwidget.json"


def requests(count: int, *, host: str, path: str, secret: str, conversations: int) -> list[bytes]:
    """Ready-made HTTP requests, each a message of its own, signed now."""
    body = json.loads(BODY.read_text())
    made = []
    for number in range(count):
        body["id"] = 1_000_000 + number
        body["conversation"]["id"] = 1 + number % conversations
        raw = json.dumps(body, separators=(",", ":")).encode()
        stamp = str(int(time.time()))
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
            f"X-Chatwoot-Delivery: {uuid.uuid4()}\r\nX-Chatwoot-Timestamp: {stamp}\r\n"
            f"X-Chatwoot-Signature: {sign_chatwoot(secret, raw, timestamp=stamp)}\r\n\r\n"
        )
        made.append(head.encode() + raw)
    return made


async def post_all(host: str, port: int, made: list[bytes], connections: int) -> list[float]:
    """Post everything; returns the seconds each answer took. Anything but a 200 ends the run."""
    waiting = iter(made)
    seconds: list[float] = []

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not a 200: {head[:200]!r}")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            seconds.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return seconds


def main() -> None:
    """Run from the command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--conversations", type=int, default=1000)
    given = parser.parse_args()
    url = urlsplit(given.url)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    made = requests(given.count, host=host, path=url.path, secret=given.secret, conversations=given.conversations)
    began = time.perf_counter()
    seconds = sorted(asyncio.run(post_all(host, port, made, given.connections)))
    took = time.perf_counter() - began
    line = {
        "posted": len(seconds),
        "connections": given.connections,
        "per_second": round(len(seconds) / took),
        "p50_ms": round(1000 * seconds[len(seconds) // 2], 1),
        "p99_ms": round(1000 * seconds[int(len(seconds) * 0.99)], 1),
        "max_ms": round(1000 * seconds[-1], 1),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
