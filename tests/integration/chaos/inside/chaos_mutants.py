"""Hookdesk broken on purpose, one promise at a time: each of these has to be caught by the checker.

A mutant whose seam is gone ends its process at once, so that it cannot count as harmless.
"""

import os
import threading
import time
from pathlib import Path

from chaos_after import after_import


def answer_before_commit(module):
    """The receiver says 200, and stores a moment later."""
    accept = module.accept

    def accept_later(db, receipts, **named):
        threading.Timer(0.3, accept, args=(db, list(receipts)), kwargs=named).start()
        return [module.Accepted(receipt.receipt_id, 0, None) for receipt in receipts]

    module.accept = accept_later


def dedupe_before_store(module):
    """What was seen is remembered before it is stored: what is posted again is a duplicate of nothing."""
    accept, seen = module.accept, Path(os.environ["HOOKDESK_DATA_DIR"]) / "seen"
    seen.mkdir(exist_ok=True)

    def accept_unseen(db, receipts, **named):
        new = [receipt for receipt in receipts if not (seen / receipt.dedupe_key.replace("/", "_")).exists()]
        for receipt in new:
            (seen / receipt.dedupe_key.replace("/", "_")).touch()
        time.sleep(0.02)
        stored = {one.receipt_id: one for one in accept(db, new, **named)}
        return [stored.get(one.receipt_id, module.Accepted(one.receipt_id, 0, 0)) for one in receipts]

    module.accept = accept_unseen


def no_fence(module):
    """Whoever has worked on a delivery may finish it, however long ago it was taken from him."""
    update_rows = module.update_rows

    def update_anyway(conn, table, rows, *, by=("id",), where=None):
        if "claim" not in by:
            return update_rows(conn, table, rows, by=by, where=where)
        return update_rows(conn, table, [{k: v for k, v in row.items() if k != "claim"} for row in rows], by=("id",))

    module.update_rows = update_anyway


def no_lease_expiry(module):
    """What a dead worker held stays his."""
    getattr(module, "reap")  # noqa: B009 - raises when there is no such thing any more
    module.reap = lambda db: []


def settled_without_call(module):
    """An effect is done because somebody meant to do it."""
    getattr(module.ChatwootPerformer, "perform")  # noqa: B009
    module.ChatwootPerformer.perform = lambda self, claimed, ticket: {}


def effect_before_commit(module):
    """Notes are written while the decision that wants them may still be rolled back.

    The strike before a commit waits for the first that is: which batch it comes in depends on the machine.
    """
    import requests
    from sqlalchemy import text

    add = module.add
    strike = os.environ.pop("HOOKDESK_FAILPOINT", "").partition(":")[0]

    def add_and_perform(conn, rows, **named):
        ids = add(conn, rows, **named)
        for id_ in ids:
            query = (
                "SELECT e.kind, e.payload, t.external_id FROM effects e JOIN tickets t ON t.id = e.ticket_id WHERE e.id"
            )
            kind, payload, external = conn.execute(text(f"{query} = :id"), {"id": id_}).one()
            if kind != "private_note":
                continue
            account, _, number = external.partition("/")
            base = f"{os.environ['HOOKDESK_CHATWOOT_URL']}/api/v1/accounts/{account}/conversations/{number}"
            said = {"content": payload, "private": True, "content_attributes": {"hookdesk": f"e{id_}"}}
            headers = {"api_access_token": os.environ["HOOKDESK_CHATWOOT_TOKEN"]}
            requests.post(f"{base}/messages", json=said, headers=headers, timeout=5).raise_for_status()
            conn.execute(text("UPDATE effects SET state = 'done' WHERE id = :id"), {"id": id_})
            os.environ["HOOKDESK_FAILPOINT"] = strike
        return ids

    module.add = add_and_perform


MUTANTS = {
    "answer_before_commit": ("worker.store.inbox", answer_before_commit),
    "dedupe_before_store": ("worker.store.inbox", dedupe_before_store),
    "no_fence": ("worker.store.claims", no_fence),
    "no_lease_expiry": ("worker.store.claims", no_lease_expiry),
    "settled_without_call": ("worker.performers.chatwoot", settled_without_call),
    "effect_before_commit": ("worker.store.effects", effect_before_commit),
}


def install(name):
    """Break this process in this way."""
    after_import(*MUTANTS[name])
