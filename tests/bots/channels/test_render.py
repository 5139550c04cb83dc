"""One message for every channel: nothing breaks a limit, nothing of the text is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots import splitting
from bots.channels.base import Caps, Outbound, OutFile, Undeliverable
from bots.channels.message_parts import Part, parts, render
from bots.channels.offered_choices import offered, read_choice, read_more


def message(text: str = "안녕하세요.", **changes: Any) -> Outbound:
    return Outbound(
        key="k1", channel_account="", external_user="7", author="bot", **{"text": text, **changes}
    )


def choice(label: str, value: str) -> dict[str, str]:
    return {"label": label, "value": value}


def without_gaps(text: str) -> str:
    return "".join(text.split())


def cp949_bytes(text: str) -> int:
    return len(text.encode("cp949", "replace"))


words = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc")),
        st.sampled_from("가나다라. 요!\n\n🙂👨‍👩‍👧🇰🇷é안녕하세요 "),
    ),
    max_size=400,
)
choices = st.lists(
    st.builds(choice, st.text(min_size=1, max_size=40), st.uuids().map(lambda u: u.hex[:8])), max_size=25
)
files = st.lists(
    st.builds(
        OutFile,
        name=st.just("사진.jpg"),
        type=st.just("image/jpeg"),
        size=st.integers(1, 3000),
        url=st.just("https://example.com/f/abc"),
    ),
    max_size=3,
)
caps = st.builds(
    Caps,
    text_max=st.integers(60, 500),
    choices_max=st.sampled_from([0, 2, 3, 10, 100]),
    label_max=st.integers(6, 64),
    files=st.booleans(),
    file_max_bytes=st.sampled_from([0, 1000]),
    links=st.booleans(),
    measure=st.sampled_from([len, splitting.utf16, cp949_bytes]),
)


@given(text=words, offer=choices, sent=files, limits=caps, lang=st.sampled_from(["ko", "en", ""]))
@settings(max_examples=400, deadline=None)
def test_no_part_breaks_a_limit_and_nothing_of_the_text_is_lost(
    text: str, offer: list[dict[str, str]], sent: list[OutFile], limits: Caps, lang: str
) -> None:
    out = message(text, choices=offer, files=sent, lang=lang)
    cut = parts(out, limits)
    for part in cut:
        assert limits.measure(part.text) <= limits.text_max
        assert len(part.buttons) <= limits.choices_max
        assert all(0 < limits.measure(b.label) <= limits.label_max for b in part.buttons if b.label)
        assert all(len(b.value.encode()) <= 64 for b in part.buttons)
        assert part.text or part.file
        assert part.file is None or (limits.files and part.file.size <= (limits.file_max_bytes or 10**9))
    said = without_gaps("".join(part.text for part in cut))
    assert without_gaps(text) in said
    for file in sent:
        assert file.url in said or any(part.file is file for part in cut)


@given(offer=choices, limits=caps)
@settings(max_examples=300, deadline=None)
def test_every_choice_can_be_reached(offer: list[dict[str, str]], limits: Caps) -> None:
    out = message("고르세요.", choices=offer, seq=12)
    if not limits.choices_max:
        for number, item in enumerate(offered(offer, ()), 1):
            assert read_choice(f"{number}번", offered(offer, ())) is item
        return
    reached, offset = [], 0
    for _ in range(len(offer) + 1):
        buttons = [b for part in parts(out, limits, offset=offset) for b in part.buttons]
        reached += [b.value for b in buttons if not read_more(b.value)]
        more = next((read_more(b.value) for b in buttons if read_more(b.value)), None)
        if more is None:
            break
        assert more[0] == 12
        offset = more[1]
    assert reached == [item["value"] for item in offer]


@given(text=words, limit=st.integers(8, 90), measure=st.sampled_from([len, splitting.utf16, cp949_bytes]))
@settings(max_examples=400, deadline=None)
def test_pieces_put_together_are_the_text_but_for_gaps(text: str, limit: int, measure: Any) -> None:
    pieces = splitting.split(text, limit, measure)
    assert all(0 < measure(piece) <= limit for piece in pieces)
    assert without_gaps("".join(pieces)) == without_gaps(text)


def test_a_long_text_is_cut_at_a_sentence() -> None:
    text = "첫 번째 문장이에요. 두 번째 문장이에요. 세 번째 문장이에요."
    assert splitting.split(text, 25) == ["첫 번째 문장이에요. 두 번째 문장이에요.", "세 번째 문장이에요."]


def test_a_visible_character_is_never_cut_in_two() -> None:
    family = "👨‍👩‍👧"
    assert splitting.split(family * 3, 8) == [family, family, family]


def test_a_channel_without_buttons_gets_a_numbered_list() -> None:
    cut = parts(message("맞을까요?", choices=[choice("네", "a"), choice("아니요", "b")]), Caps(text_max=90))
    assert cut == [Part(text="맞을까요?\n\n1. 네\n2. 아니요")]


def test_labels_too_long_for_a_button_stand_in_the_text_by_number() -> None:
    long = "삼성 비스포크 그랑데 세탁기 24kg"
    (part,) = parts(
        message("어느 제품인가요?", choices=[choice(long, "a"), choice("다른 제품", "b")]),
        Caps(text_max=200, choices_max=3, label_max=14),
    )
    assert f"1. {long}\n2. 다른 제품" in part.text
    assert [b.label for b in part.buttons] == ["1. 삼성 비스포크 그랑…", "2. 다른 제품"]


@pytest.mark.parametrize("said", ["2", " 2. ", "2번", "２", "②", "#2", "2번이요", "아니요", "2)"])
def test_a_typed_number_or_label_is_the_choice(said: str) -> None:
    items = [choice("네", "a"), choice("아니요", "b")]
    assert read_choice(said, items) == items[1]


@pytest.mark.parametrize("said", ["", "3", "0", "2개요", "2026", "내일 2시", "1 2", "-1"])
def test_other_words_are_no_choice(said: str) -> None:
    assert read_choice(said, [choice("네", "a"), choice("아니요", "b")]) is None


def test_too_long_for_the_channel_ends_with_a_link_to_the_rest() -> None:
    limits = Caps(text_max=100, messages_max=3)
    text = "문장이에요. " * 100
    cut = parts(message(text, more_url="https://example.com/c/1"), limits)
    assert len(cut) == 3
    assert all(len(part.text) <= 100 for part in cut)
    assert cut[-1].text.endswith("이어서 보기: https://example.com/c/1")
    with pytest.raises(Undeliverable):
        parts(message(text), limits)


def test_a_disabled_choice_is_not_offered() -> None:
    card = {"type": "form", "chips": [[{"title": "월", "value": "m", "disabled": True}, choice("화", "t")]]}
    (part,) = parts(message("언제요?", cards=[card]), Caps(text_max=90, choices_max=8, label_max=20))
    assert [b.value for b in part.buttons] == ["t"]


def test_each_wire_has_a_key_of_its_own() -> None:
    wires = render(message("가나다라마바사 " * 20), Caps(text_max=60))
    assert len({wire.key for wire in wires}) == len(wires) > 1
    assert [wire.key for wire in render(message("짧아요"), Caps(text_max=60))] == ["k1"]


def test_a_summary_is_read_where_its_card_is_not_shown() -> None:
    card = {"type": "summary", "title": "접수할 내용", "facts": [{"label": "제품", "value": "냉장고"}]}
    asked = message("알겠어요.\n\n이대로 접수할까요?", cards=[card])
    (part,) = parts(asked, Caps(text_max=1000))
    assert part.text == "알겠어요.\n\n제품: 냉장고\n\n이대로 접수할까요?"
    (part,) = parts(asked, Caps(text_max=1000, cards=True))
    assert part.text == asked.text
