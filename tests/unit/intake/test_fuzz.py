"""Whatever a body holds, a parser gives facts that can be stored, or Unparsable, and nothing else."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_policy
from tests.unit.intake.reading import FIXTURES, RECEIVED_AT, body, parsed, raw
from worker.domain.fold import fold
from worker.errors import Unparsable

CHATWOOT = [body(f"{number:02d}") for number in range(1, 28)]
MAILS = [json.loads(json.loads(path.read_text())["body"]) for path in (FIXTURES / "email").glob("generic_*.json")]
SURVEYS = [{"ticket_id": 9, "resolution": 2, "rating": 4, "feedback": "", "at": "2026-11-18T11:59:00Z"}]
FORMS = [
    {"name": "Zoë", "email": "zoe@x.example", "subject": "Demo", "message": "Hi", "page": "/contact", "website": ""},
    {"type": "form.submitted", "data": {"email": "zoe@x.example", "message": "Hi"}},
]
SAMPLES = [
    *(("chatwoot", sample) for sample in CHATWOOT),
    *(("email", sample) for sample in MAILS),
    *(("form", sample) for sample in FORMS),
    *(("survey", sample) for sample in SURVEYS),
]
POLICY = a_policy()

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [0, -1, 2**53 + 1, 2**63, 10**40, 1e308, 0.1, "", "0", "\x00", "\ud800", "5", "2026-06-18T09:00:00Z"]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=3), max_size=3),
)


def places(value, here=()):
    """Every path inside a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield (*here, name)
        yield from places(child, (*here, name))


@st.composite
def mutations(draw):
    source, sample = draw(st.sampled_from(SAMPLES))
    document = json.loads(json.dumps(sample))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from(list(places(document)) or [("x",)]))
        parent = document
        for name in where[:-1]:
            parent = parent[name]
        if draw(st.booleans()) and isinstance(parent, dict):
            parent.pop(where[-1], None)
        else:
            parent[where[-1]] = draw(ODD)
    return source, document


def check(source, content):
    try:
        said = parsed(content, source=source)
    except Unparsable:
        return
    for fact in said.facts:
        repr(fact).encode()  # no lone surrogates
        assert "\x00" not in repr(fact)
        assert len(fact.key) <= 400
    if said.ticket is not None:
        assert len(said.ticket.external_id) <= 400
        said.ticket.external_id.encode()
        fold(said.ticket, said.facts, POLICY, as_of=RECEIVED_AT)


class TestFuzz:
    @settings(max_examples=300)
    @given(mutated=mutations())
    def test_mutated_bodies(self, mutated):
        source, document = mutated

        check(source, json.dumps(document).encode())

    @given(source=st.sampled_from(["chatwoot", "email", "form", "survey"]), content=st.binary(max_size=200))
    def test_any_bytes(self, source, content):
        check(source, content)

    @given(cut=st.integers(0, 2000), flip=st.integers(0, 255))
    def test_damaged_bytes(self, cut, flip):
        content = bytearray(raw("chatwoot/02_message_created_incoming_webwidget.json"))
        content[cut] = flip

        check("chatwoot", bytes(content))
        check("chatwoot", bytes(content[:cut]))

    def test_deep_nesting_inside_a_body(self):
        deep = "[" * 900 + "]" * 900
        content = json.dumps({**body("09"), "applied_sla": "DEEP"}).replace('"DEEP"', deep)

        check("chatwoot", content.encode())
