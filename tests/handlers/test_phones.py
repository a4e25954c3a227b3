"""Phone numbers and message texts for any input at all."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from handlers.customers import new_password
from handlers.phones import CANONICAL, canonical, international, masked
from handlers.sms import render

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)  # fmt: skip
"""The basic alphabet of GSM 03.38: one of these is one of 160."""

numbers = st.from_regex(r"[17][0-9]{8}", fullmatch=True)
prefixes = st.sampled_from(["", "0", "254", "+254"])
gaps = st.text(alphabet=" -.()\t\u00a0", max_size=3)


@given(st.one_of(st.text(), st.integers(), st.binary(), st.floats(), st.none(), st.booleans(), st.lists(st.text())))
def test_nothing_makes_it_raise_and_its_result_is_its_own_canonical_form(typed: object) -> None:
    phone = canonical(typed)
    assert phone is None or (CANONICAL.fullmatch(phone) and canonical(phone) == phone)


def test_numbers_that_are_no_phone_s_are_none() -> None:
    for number in (10**5000, -(10**5000), 10**15, -254712345678, 2547123456780):
        assert canonical(number) is None


@given(numbers, prefixes, st.lists(gaps, min_size=13, max_size=13))
def test_every_way_to_write_a_number_is_the_same_number(number: str, prefix: str, between: list[str]) -> None:
    typed = "".join(sign + gap for sign, gap in zip(prefix + number, between, strict=False))
    assert canonical(typed) == canonical(f"+254{number}") == f"254{number}"
    assert international(f"254{number}") == f"+254{number}"


@given(numbers, prefixes, st.sampled_from(string.digits + string.ascii_letters + "+*#٣"), st.data())
def test_one_sign_more_or_less_makes_it_no_number(number: str, prefix: str, sign: str, data: st.DataObject) -> None:
    typed = prefix + number
    place = data.draw(st.integers(len(prefix) + 1, len(typed)))
    assert canonical(typed[:place] + sign + typed[place:]) is None
    assert canonical(typed[:-1]) is None


@given(st.text())
def test_a_masked_number_never_shows_its_middle(text: str) -> None:
    assert masked("254712345678") == "2547*****678"
    assert len(masked(text)) <= 12
    assert "*****" in masked(text)


@given(
    st.from_regex(r"[a-z0-9._-]{1,64}", fullmatch=True),
    st.one_of(st.from_regex(r"[a-z][a-z0-9]{5,31}", fullmatch=True), st.builds(new_password)),
)
def test_every_message_is_ascii_and_fits_one_sms(username: str, password: str) -> None:
    text = render(username, password)
    assert text.isascii()
    assert set(text) <= GSM_7
    assert len(text) <= 160
    assert username in text
    assert password in text
