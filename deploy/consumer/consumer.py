"""An example of the other side: takes Hookdesk's events, checks them, and handles each of them once.

    CONSUMER_SECRETS=whsec_… flask --app deploy/consumer/consumer.py run --port 9000

Several secrets, separated by commas, are all valid: so a secret is changed without a gap.
"""

import base64
import hmac
import os
import sqlite3
import time

from flask import Flask, request

TOLERANCE_SECONDS = 300
SECRETS = [base64.b64decode(each.strip().removeprefix("whsec_")) for each in os.environ["CONSUMER_SECRETS"].split(",")]
app = Flask(__name__)
seen = sqlite3.connect(os.environ.get("CONSUMER_DATABASE", "events.db"), check_same_thread=False, isolation_level=None)
seen.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body BLOB NOT NULL)")


def is_authentic(body: bytes) -> bool:
    """Signed by somebody who knows a secret, over exactly these bytes, lately."""
    sent, claims = request.headers.get("webhook-timestamp", ""), request.headers.get("webhook-signature", "").split()
    if not sent.isdecimal() or abs(time.time() - int(sent)) > TOLERANCE_SECONDS:
        return False
    signed = b"%s.%s.%s" % (request.headers.get("webhook-id", "").encode(), sent.encode(), body)
    made = [b"v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")) for secret in SECRETS]
    return any(hmac.compare_digest(one, claim.encode()) for one in made for claim in claims)


@app.post("/hooks")
def hooks() -> tuple[str, int]:
    """Keep it and say so at once; the work comes later, from the table. A repetition changes nothing."""
    body = request.get_data()
    if not is_authentic(body):
        return "wrong signature", 401
    row = (request.headers["webhook-id"], body)
    is_new = seen.execute("INSERT INTO events VALUES (?, ?) ON CONFLICT DO NOTHING", row).rowcount == 1
    return ("kept" if is_new else "known already"), 200
