"""The tokens of the ticket API: how they are written, and whose a given one is."""

from __future__ import annotations

import pytest

from worker.api_tokens import holder_of, make, read

CRM = "abcdefghijklmnopqrstuvwx"
FORM = "ABCDEFGHIJKLMNOPQRSTUVWX"


class TestRead:
    def test_each_caller_has_a_name_scopes_and_a_token(self) -> None:
        crm, form = read(f"crm:read+write:{CRM}, form:create:{FORM}")

        assert (crm.name, sorted(crm.scopes), crm.token) == ("crm", ["read", "write"], CRM)
        assert (form.name, sorted(form.scopes), form.token) == ("form", ["create"], FORM)

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (CRM, "entry 1: write name:scopes:token"),
            (f"crm:{CRM}", "entry 1: write name:scopes:token"),
            (f"a:read:{CRM}, :read:{FORM}", "entry 2: write name:scopes:token"),
            (f"crm:{CRM}:read", r"entry 1 \(crm\): the scopes are some of read, create, write"),
            (f"crm:read+admin:{CRM}", r"entry 1 \(crm\): the scopes are some of read, create, write"),
            ("crm:read:abcdefghijklmnopqrstuvw", r"entry 1 \(crm\): the token needs 24 or more"),
            ("crm:read:abcdefghijklmnopqrst uvwxyz", r"entry 1 \(crm\): the token needs 24 or more"),
            (f"crm:read:{CRM},crm:write:{FORM}", "two have the same name"),
            (f"crm:read:{CRM},form:write:{CRM}", "two have the same token"),
        ],
    )
    def test_a_mistake_is_told_without_the_token(self, value: str, words: str) -> None:
        with pytest.raises(ValueError, match=words) as caught:
            read(value)

        assert CRM not in str(caught.value)

    def test_what_is_made_can_be_read(self) -> None:
        (found,) = read(make())

        assert (found.name, sorted(found.scopes)) == ("local", ["read", "write"])
        assert len(found.token) == 43
        assert read(make())[0].token != found.token

    def test_the_token_is_not_shown(self) -> None:
        assert CRM not in repr(read(f"crm:read:{CRM}"))


class TestHolder:
    TOKENS = read(f"crm:read+write:{CRM},form:create:{FORM}")

    @pytest.mark.parametrize(("given", "name"), [(CRM, "crm"), (FORM, "form")])
    def test_each_token_is_somebodys(self, given: str, name: str) -> None:
        found = holder_of(self.TOKENS, given)

        assert found is not None and found.name == name

    @pytest.mark.parametrize("given", ["", CRM[:-1], CRM + "x", CRM.upper() + "x", "\ud800", "é"])
    def test_anything_else_is_nobodys(self, given: str) -> None:
        assert holder_of(self.TOKENS, given) is None

    @pytest.mark.parametrize(
        ("scopes", "may"),
        [("read", {"read"}), ("create", {"create"}), ("write", {"create", "write"})],
    )
    def test_who_may_write_may_create_and_nothing_else_is_implied(self, scopes: str, may: set[str]) -> None:
        (token,) = read(f"crm:{scopes}:{CRM}")

        assert {scope for scope in ("read", "create", "write") if token.may(scope)} == may
