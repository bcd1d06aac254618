"""Where the commands about outgoing events find a target and its secrets."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from worker.cli.secrets import read_secret
from worker.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from worker.config import Settings
    from worker.domain.policy import Target

_MISSING = (
    "HOOKDESK_EVENT_SECRETS has no secret for {whom}. Make one with `echo whsec_$(openssl rand -base64 32)`, set it "
    "here and give it to whoever receives; --secret-file FILE gives one for this command (- is stdin)."
)


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """The targets of the policy file."""
    from worker.policy_file import load_policy

    return load_policy(settings.config).targets


def target_named(targets: Sequence[Target], name: str) -> Target:
    """The target of this name. Raises NotFound with the likely one."""
    found = next((target for target in targets if target.name == name), None)
    if found is not None:
        return found
    names = [target.name for target in targets]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}." if names else "There is none."
    raise NotFound(f"There is no target {name!r} in the policy file. {hint}")


def secrets_for(settings: Settings, target: str | None, file: str | None) -> tuple[str, ...]:
    """What signs for this target, in order; for None what signs for any. Raises ConfigError when there is nothing."""
    from worker.clients.webhook import secrets_of

    if file is not None:
        return (read_secret(file),)
    everybody = tuple(dict.fromkeys(secret for _, secret in settings.event_secrets))
    found = everybody if target is None else secrets_of(target, settings.event_secrets)
    if not found:
        raise ConfigError([_MISSING.format(whom=f"the target {target}" if target else "any target")])
    return found
