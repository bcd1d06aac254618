"""`hookdesk simulate`: real-shaped, signed Chatwoot webhooks for a running receiver, with Chatwoot's bad habits."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from worker.cli.group import settings_of
from worker.cli.output import as_json, print_json
from worker.cli.secrets import secret_file, secrets_for
from worker.cli.sign import local_url, signed_headers, where_to
from worker.errors import DependencyDown

if TYPE_CHECKING:
    from worker.config import Settings

Request = tuple[dict[str, str], bytes]
_REORDER_WINDOW = 6


@click.command()
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="Different requests.")
@click.option(
    "--rate", default=20.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Requests a second."
)
@click.option(
    "--duplicate", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Share that is sent twice."
)
@click.option("--reorder", is_flag=True, help="Out of order, as Chatwoot's parallel jobs send.")
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed tells the same stories.")
@where_to
@secret_file
@as_json
@click.pass_context
def simulate(
    ctx: click.Context,
    count: int,
    rate: float,
    duplicate: float,
    reorder: bool,
    seed: int,
    url: str | None,
    secret_file: str | None,
    as_json: bool,
) -> int:
    """Post signed Chatwoot webhooks to a running receiver. Exit code 1 when one was not answered with 200."""
    from worker.cli.practice_events import stories

    settings: Settings = settings_of(ctx)
    secret = secrets_for(settings, "chatwoot", secret_file)[0]
    told, draw = random.Random(seed), random.Random(~seed)  # noqa: S311  stories and habits, not secrets
    signed = _signed(secret, islice(stories(settings.chatwoot_account_id, draw=told), count))
    requests_ = list(_repeated(signed, duplicate, draw))
    if reorder:
        requests_ = list(_shuffled(requests_, draw))
    started = time.monotonic()
    answers = _post(url or f"{local_url(settings)}/webhooks/chatwoot", requests_, rate)
    seconds = time.monotonic() - started
    sent, fine = sum(answers.values()), answers["200"]
    if as_json:
        print_json([{"sent": sent, "answers": dict(answers), "seconds": round(seconds, 3)}])
    else:
        summary = ", ".join(f"{n} × {code}" for code, n in sorted(answers.items()))
        click.echo(f"Sent {sent} requests in {seconds:.1f} s: {summary}. `hookdesk deliveries` shows them.")
    return 0 if fine == sent else 1


def _signed(secret: str, told: Iterable[tuple[str, bytes]]) -> Iterator[Request]:
    return ((signed_headers("chatwoot", secret, body), body) for _, body in told)


def _repeated(requests_: Iterable[Request], duplicate: float, draw: random.Random) -> Iterator[Request]:
    """Some twice, under the same delivery id, as Sidekiq does when it is stopped."""
    for request in requests_:
        yield request
        if draw.random() < duplicate:
            yield request


def _shuffled(requests_: list[Request], draw: random.Random) -> Iterator[Request]:
    """Each a few places off, as parallel jobs make it."""
    places = [(n + draw.uniform(0, _REORDER_WINDOW), n) for n in range(len(requests_))]
    return (requests_[n] for _, n in sorted(places))


def _post(url: str, requests_: list[Request], rate: float) -> Counter[str]:
    import requests
    from rich.progress import track

    from worker.cli.output import console

    answers: Counter[str] = Counter()
    talk = console(stderr=True)
    started = time.monotonic()
    with requests.Session() as session:
        for n, (headers, body) in enumerate(
            track(requests_, "Sending", console=talk, disable=not talk.is_terminal, transient=True)
        ):
            time.sleep(max(0.0, started + n / rate - time.monotonic()))
            try:
                answer = session.post(url, data=body, headers=headers, timeout=(3, 10), allow_redirects=False)
                answers[str(answer.status_code)] += 1
            except requests.ReadTimeout:
                answers["no answer"] += 1
            except requests.RequestException as exc:
                if not answers:
                    raise DependencyDown(
                        f"{url} cannot be reached. Start the receiver with `hookdesk up`, or name another with --url."
                    ) from exc
                answers["no answer"] += 1
    return answers
