"""Typed ids."""

from __future__ import annotations

import click
import pytest

from worker.cli.ids import DELIVERY, TICKET, AnyId


class TestId:
    @pytest.mark.parametrize("text", ["d17", "D17", "17", " d17 "])
    def test_the_letter_may_be_left_out(self, text: str) -> None:
        assert DELIVERY.convert(text, None, None) == 17

    def test_another_kind_is_refused_by_name(self) -> None:
        with pytest.raises(click.BadParameter, match="e4 is an effect; a ticket"):
            TICKET.convert("e4", None, None)

    @pytest.mark.parametrize("text", ["", "x1", "d", "0", "d-1", "1.5", "99999999999999999999", "9223372036854775808"])
    def test_what_is_no_id_is_refused(self, text: str) -> None:
        with pytest.raises(click.BadParameter):
            DELIVERY.convert(text, None, None)


class TestAnyId:
    def test_the_letter_says_what_it_is(self) -> None:
        assert AnyId("dt").convert("t9", None, None) == ("t", 9)

    @pytest.mark.parametrize("text", ["9", "e4", "t0"])
    def test_without_a_wanted_letter_it_is_refused(self, text: str) -> None:
        with pytest.raises(click.BadParameter, match="d17 for a delivery or t17 for a ticket"):
            AnyId("dt").convert(text, None, None)
