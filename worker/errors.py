"""Every error of Hookdesk, classified by its type: what it means for a retry and for the exit code.

HookdeskError
├── ConfigError            exit 2   a setting or hookdesk.toml is wrong; all mistakes at once
├── Invalid                exit 2   what was asked for is not well said; all mistakes at once
├── NotFound               exit 1   no such delivery, ticket or effect
├── Refused                exit 4   legal to ask, not allowed now
│   ├── InvalidTransition           with the legal edges
│   ├── NotDone                     with what is missing
│   ├── KeyReused                   an idempotency key that stands for something else already
│   └── CannotReply                 there is no way to write to the customer now
├── DependencyDown         exit 3   database, broker or Chatwoot cannot be reached
└── WorkError                       raised while working on a delivery or an effect
    ├── TransientError              will probably improve by itself: retried by the policy
    ├── PermanentError              will not: dead letter at once
    │   └── Unparsable              authentic bytes that say nothing we understand
    ├── AccessError                 401, 403, 404: needs a second look before anything dies
    ├── NoTarget                    there is nowhere to do it for now: it waits, and uses no try
    └── Gone                        what the work was for is gone: cancelled, not failed
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class HookdeskError(Exception):
    """The root. `str()` is a sentence for an operator: what, why, what next."""

    exit_code = 1


class ConfigError(HookdeskError):
    """One or more settings are wrong; `mistakes` lists all of them."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class Invalid(HookdeskError):
    """What was asked for is not well said; `mistakes` has a sentence for each field."""

    exit_code = 2

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        self.mistakes = dict(mistakes)
        super().__init__("\n".join(f"{field}: {why}" for field, why in self.mistakes.items()))


class NotFound(HookdeskError):
    """Nothing with that id."""

    exit_code = 1


class Refused(HookdeskError):
    """The request is understood and not allowed in the present state; `code` is a closed word for programs."""

    exit_code = 4
    code = "refused"


class InvalidTransition(Refused):
    """A change of status outside the table; `legal` holds the edges that exist from here.

    Asked for by a verb, it names the `verb`, and in `verbs` those that may be used instead.
    """

    code = "invalid_transition"

    def __init__(
        self, current: str, wanted: str, legal: Iterable[str], *, verb: str = "", verbs: Iterable[str] = ()
    ) -> None:
        self.current, self.wanted, self.legal = current, wanted, tuple(sorted(legal))
        self.verb, self.verbs = verb, tuple(verbs)
        edges = ", ".join(self.legal) or "none: this status is final"
        what = f"{verb} is not possible while the ticket is {current}" if verb else f"{current} cannot become {wanted}"
        super().__init__(f"{self.code}: {what}; legal from here: {edges}")


class NotDone(Refused):
    """The definition of done is not met; `missing` says in sentences what is."""

    code = "not_done"

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(f"{self.code}: the ticket cannot be closed yet: {'; '.join(self.missing)}")


class KeyReused(Refused):
    """The same idempotency key with another verb or other content."""

    code = "idempotency_key_reused"


class CannotReply(Refused):
    """There is no way to write to the customer now."""

    code = "cannot_reply"


class DependencyDown(HookdeskError):
    """Something Hookdesk needs cannot be reached."""

    exit_code = 3


class WorkError(HookdeskError):
    """Raised while working; `cause` is a short closed word used in rows, logs and metrics."""

    def __init__(self, cause: str, message: str = "", *, status: int | None = None) -> None:
        self.cause = cause
        self.status = status
        super().__init__(message or cause)


class TransientError(WorkError):
    """Worth another try. `retry_after` is the other side's wish in seconds, if it had one."""

    def __init__(
        self, cause: str, message: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(cause, message, status=status)
        self.retry_after = retry_after


class PermanentError(WorkError):
    """Trying again cannot help."""


class Unparsable(PermanentError):
    """Authentic, kept, but not understood: a dead letter with cause `unparsable` unless told otherwise."""

    def __init__(self, message: str, *, cause: str = "unparsable") -> None:
        super().__init__(cause, message)


class AccessError(WorkError):
    """401, 403 or 404: the token, the permission or the object. `ours` is true for Chatwoot's own JSON 404."""

    def __init__(self, cause: str, message: str = "", *, status: int, ours: bool = False) -> None:
        super().__init__(cause, message, status=status)
        self.ours = ours


class NoTarget(WorkError):
    """Nowhere to do the work, until somebody changes something: it waits as `no_target` with this cause."""


class Gone(WorkError):
    """The object of the work no longer exists; the work is cancelled as `gone`."""
