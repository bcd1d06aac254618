"""The receiver: check the signature, drop what was seen, hand over to Celery, answer."""

import hmac
import time

import redis
from flask import Flask, abort, request
from settings import BROKER_URL, SECRET, SEEN_SECONDS, TOLERANCE_SECONDS
from tasks import process

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20
seen = redis.Redis.from_url(BROKER_URL)


def is_authentic(body: bytes) -> bool:
    """Whether Chatwoot signed this body within the last five minutes."""
    stamp = request.headers.get("X-Chatwoot-Timestamp", "")
    given = request.headers.get("X-Chatwoot-Signature", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
        return False
    wanted = "sha256=" + hmac.new(SECRET, stamp.encode() + b"." + body, "sha256").hexdigest()
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


@app.post("/webhooks/chatwoot")
def chatwoot() -> dict[str, str]:
    """One webhook. Flask turns an exception of Redis into a 500, so that the sender may come again."""
    body = request.get_data()
    if not is_authentic(body):
        abort(401)
    delivery = request.headers.get("X-Chatwoot-Delivery", "")
    if delivery and not seen.set(f"seen:{delivery}", 1, nx=True, ex=SEEN_SECONDS):
        return {"status": "duplicate"}
    process.delay(body.decode())
    return {"status": "accepted"}
