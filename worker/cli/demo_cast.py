"""Who writes what in the demo: forty conversations, each a short plan of what happens when."""

from __future__ import annotations

from dataclasses import dataclass

CONVERSATIONS = 40
OPEN_EVERY_SECONDS = 0.4
UNANSWERED = 3  # an urgent outage that nobody answers in time, on purpose
REOPENED = 11
SURVEYED = 2
ESCALATED = 0  # asks for a refund
HOLIDAY = 4  # a customer whose clocks count office days only
REROUTED = 29  # waits for an answer while the agent leaves
_NAMES = ("Lena", "Omar", "Sofia", "Wei", "Anna", "Tariq", "Julia", "Mateo", "Ines", "Noah")
_TOPICS = (
    "I was charged twice for invoice INV-2048{n}. Please refund one of them.",
    "I cannot log in, the verification code never arrives. I am locked out!",
    "Where is my parcel? The tracking of order 7712{n} has not moved for a week.",
    "URGENT: our shop is completely down, an outage for all customers!",
    "The export button does not work, it shows an error every time.",
    "How do I add another user to my account?",
    "It would be great to have a dark mode. Just a suggestion.",
    "Please send me the receipt for my last payment.",
    "The app crashes when I open the report, this is critical and urgent.",
    "Thank you for your help last week. Just wanted to say that.",
)
_PLANS = (None, "enterprise", None, None, "vip", None, None, None, "enterprise", None)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing somebody does, so many seconds after the demo began."""

    at: float
    conversation: int  # which of the forty
    action: str  # open, customer, agent, resolve
    text: str = ""
    remark: str = ""  # what the screen says about it


def plan() -> list[Step]:
    """Everything that is planned; two things are not: the late answer waits for the breach, the survey for its link."""
    steps: list[Step] = []
    for n in range(CONVERSATIONS):
        steps += _conversation(n, n * OPEN_EVERY_SECONDS)
    return sorted(steps, key=lambda step: step.at)


def customer(n: int) -> dict[str, str | None]:
    """The nth customer and what they want."""
    name = _NAMES[n % len(_NAMES)]
    plan_ = _PLANS[n % len(_PLANS)]
    return {
        "name": f"{name} {chr(65 + n % 26)}.",
        "email": f"{name.lower()}.{n}@customer.example",
        "text": _TOPICS[n % len(_TOPICS)].format(n=n),
        "plan": plan_,
    }


def _conversation(n: int, start: float) -> list[Step]:
    steps = [Step(start, n, "open")]
    if n in (UNANSWERED, REROUTED):
        return steps
    steps.append(Step(start + 2.5, n, "agent", "Thank you for writing. I am looking into it."))
    if n % 3 == 0:
        steps.append(Step(start + 4, n, "customer", "Thanks! How long will it take?"))
        steps.append(Step(start + 5.5, n, "agent", "A few minutes. I will write as soon as it is done."))
    if n % 5 != 4:
        steps.append(Step(start + 7, n, "resolve"))
    if n == REOPENED:
        sorry = "Sorry, it is not solved: the same thing happens again."
        steps.append(Step(start + 8, n, "customer", sorry, "a resolved conversation is reopened by its customer"))
        steps.append(Step(start + 10, n, "agent", "You are right, there was a second cause. It is mended now."))
        steps.append(Step(start + 12, n, "resolve", remark="and is resolved again"))
    return steps
