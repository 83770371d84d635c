"""Amounts are exact, and only plain decimal text is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbourse.protocol.amounts import INT64_MAX, AmountError, format_units, parse_units


@given(st.integers(min_value=0, max_value=INT64_MAX))
def test_text_and_units_agree(units: int) -> None:
    assert parse_units(format_units(units)) == units


@pytest.mark.parametrize(
    "text", ["", ".", "1e5", "+1", "-1", "NaN", "inf", " 1", "1 ", "1,5", "0x1", "1_0", "１", "1" * 31]
)
def test_what_is_not_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(AmountError) as raised:
        parse_units(text)
    assert raised.value.reason == "syntax"


def test_precision_and_range_are_told_apart() -> None:
    with pytest.raises(AmountError, match="precision"):
        parse_units("0.123456789")
    with pytest.raises(AmountError, match="overflow"):
        parse_units("92233720368.54775808")
    assert parse_units("0.1234567800000") == 12_345_678
    assert parse_units("1.0") == 100_000_000
