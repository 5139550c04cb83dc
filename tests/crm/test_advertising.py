"""The law of advertising: of 100,000 generated messages none goes out that a plain reading forbids."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm import gate
from crm.advertising import (
    Advertiser,
    Deal,
    Decided,
    compose,
    consented,
    faults,
    is_night,
    judge,
    needs_night_consent,
    night_ends,
    reconfirm_at,
    refuses,
    refuses_all,
    report_by,
)

SEOUL = ZoneInfo("Asia/Seoul")
SENDER = Advertiser(("새봄가전", "Saebom"), ("+8215881234", "1588-1234"))
FREE_WAY = "무료수신거부 080-123-4567"
AD = compose("공기청정기 필터를 20% 싸게 드려요.", SENDER, FREE_WAY)
CHANNELS = ("web", "telegram", "kakao", "alimtalk", "sms", "email")
KINDS = ("reply", "info", "ad")
NOON = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


# --- 100,000 cases


def a_text(chance: random.Random) -> tuple[str, bool]:
    """An advertisement's text, and whether it has all that it needs."""
    mark = chance.choice(["(광고)"] * 6 + ["", "[광고]", " (광고)", "(광 고)"])
    who = chance.choice(["새봄가전"] * 5 + ["Saebom", ""])
    reach = chance.choice(["1588-1234"] * 5 + ["+8215881234", "1588-9999"])
    body = chance.choice(["세일해요", "필터를 갈 때예요\n링크를 눌러요", "Spring sale"])
    end = chance.choice([FREE_WAY] * 5 + ["Unsubscribe free of charge: stop", "수신거부 080-1", ""])
    whole = mark == "(광고)" and who != "" and reach != "1588-9999" and ("무료" in end or "free" in end)
    return f"{mark} {who} {reach}\n{body}\n{end}", whole


def a_history(chance: random.Random, at: datetime) -> list[Decided]:
    """Up to five decisions in the three years before, in any order."""
    return [
        Decided(
            n,
            chance.choice(["ad", "ad", "night_ad"]),
            chance.choice([*CHANNELS, ""]),
            chance.random() < 0.7,
            at - timedelta(minutes=chance.randrange(1, 3 * 365 * 24 * 60)),
        )
        for n in range(chance.randrange(6))
    ]


def last_word(history: list[Decided], purpose: str, channels: set[str]) -> Decided | None:
    words = [one for one in history if one.purpose == purpose and one.channel in channels]
    return max(words, key=lambda one: one.at, default=None)


def lawful(
    kind: str, channel: str, history: list[Decided], deal: Deal | None, whole: bool, at: datetime
) -> bool:
    """A plain reading of the rules, written apart from the code."""
    if kind != "ad":
        return True
    if not whole or channel == "alimtalk":
        return False
    here = last_word(history, "ad", {channel, ""})
    mine = last_word(history, "ad", {channel})
    nowhere = last_word([one for one in history if not one.granted], "ad", {channel, ""})
    agreed = mine is not None and mine.granted and (nowhere is None or nowhere.at < mine.at)
    bought = (
        deal is not None
        and deal.goods == "청정기"
        and 0 <= (at.astimezone(SEOUL).date() - deal.on).days <= 184
        and not (here is not None and not here.granted)
    )
    if not agreed and not bought:
        return False
    by_night = at.astimezone(SEOUL).hour in {21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7}
    if by_night and channel != "email":
        night = last_word(history, "night_ad", {channel, ""})
        return night is not None and night.granted
    return True


def test_of_a_hundred_thousand_messages_none_goes_out_unlawfully():
    chance = random.Random(50)
    unlawful = sent = held = 0
    for _ in range(100_000):
        at = NOON + timedelta(minutes=chance.randrange(2 * 365 * 24 * 60))
        kind, channel = chance.choice(KINDS), chance.choice(CHANNELS)
        history = a_history(chance, at)
        text, whole = a_text(chance) if kind == "ad" else ("접수됐어요", True)
        goods = chance.choice(["청정기", "세탁기"])
        deal = Deal(1, goods, (at - timedelta(days=chance.randrange(400))).date())
        deals = [deal] if chance.random() < 0.4 else []
        verdict = gate.admit(kind, text) or judge(
            channel=channel, text=text, sender=SENDER, decisions=history, deals=deals, goods="청정기", at=at
        )
        may = lawful(kind, channel, history, deals[0] if deals else None, whole, at)
        unlawful += verdict.allowed and not may
        held += kind == "ad" and may and not verdict.allowed
        sent += kind == "ad" and verdict.allowed
        assert verdict.allowed == bool(verdict.basis)
    assert unlawful == 0
    assert sent > 1000
    assert held <= sent * 0.01  # six months are counted as 184 days at most by the plain reading


# --- each rule


@pytest.mark.parametrize(
    ("clock", "night"),
    [("20:59", False), ("21:00", True), ("00:00", True), ("07:59", True), ("08:00", False)],
)
def test_night_is_from_nine_in_the_evening_to_eight_in_the_morning_in_korea(clock, night):
    hour, minute = map(int, clock.split(":"))
    at = datetime(2026, 7, 1, hour, minute, tzinfo=SEOUL)
    assert is_night(at.astimezone(UTC)) is night
    assert needs_night_consent("sms", at) is night
    assert not needs_night_consent("email", at)
    ends = night_ends(at)
    assert not is_night(ends)
    assert ends - at < timedelta(hours=11, minutes=1)


def decided(granted: bool, *, days: int, purpose: str = "ad", channel: str = "sms") -> Decided:
    return Decided(days, purpose, channel, granted, NOON - timedelta(days=days))


def test_a_yes_holds_for_its_own_channel_until_a_no_and_a_no_for_all_ends_each():
    yes = decided(True, days=9)
    assert consented([yes], "ad", "sms") == yes
    assert consented([yes], "ad", "kakao") is None
    assert consented([yes, decided(False, days=3)], "ad", "sms") is None
    assert consented([yes, decided(False, days=3, channel="")], "ad", "sms") is None
    assert consented([decided(True, days=9, channel="")], "ad", "sms") is None


def verdict(text: str = AD, channel: str = "sms", at: datetime = NOON, goods: str = "청정기", **facts):
    given = {"decisions": [], "deals": [], **facts}
    return judge(channel=channel, text=text, sender=SENDER, goods=goods, at=at, **given)


def test_a_deal_of_the_last_six_months_about_like_goods_stands_in_for_a_consent():
    def bought(on: date, goods: str = "청정기") -> list[Deal]:
        return [Deal(7, goods, on)]

    assert verdict(deals=bought(date(2025, 9, 4))).basis == "ad:deal:7"
    assert verdict(deals=bought(date(2025, 9, 3))).reason == "no_consent"
    assert verdict(deals=bought(date(2026, 2, 1), "세탁기")).reason == "no_consent"
    assert verdict(deals=bought(date(2026, 2, 1)), goods="").reason == "no_consent"
    refused = [decided(False, days=1)]
    assert verdict(deals=bought(date(2026, 2, 1)), decisions=refused).reason == "refused"


def test_by_night_an_advertisement_waits_for_the_morning_without_a_yes_to_the_night():
    night = datetime(2026, 3, 4, 22, 0, tzinfo=SEOUL)
    yes = [decided(True, days=9), decided(True, days=9, channel="email")]
    waits = verdict(at=night, decisions=yes)
    assert (waits.reason, waits.not_before) == ("night", datetime(2026, 3, 5, 8, 0, tzinfo=SEOUL))
    assert verdict(at=night, channel="email", decisions=yes).allowed
    agreed = [*yes, decided(True, days=2, purpose="night_ad")]
    assert verdict(at=night, decisions=agreed).basis == "ad:consent:9"


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        (AD, []),
        (AD.removeprefix("("), ["no_mark"]),
        (f"안녕하세요 {AD}", ["no_mark"]),
        (AD.replace("새봄가전", "우리"), ["no_sender"]),
        (AD.replace("1588-1234", "").replace("+8215881234", ""), ["no_contact"]),
        (f"{AD}\n감사합니다", ["no_refusal"]),
        ("세일!", ["no_mark", "no_sender", "no_contact", "no_refusal"]),
    ],
)
def test_an_advertisement_is_marked_names_its_sender_and_ends_with_a_free_way_to_refuse(text, lacks):
    assert faults(text, SENDER) == lacks


def test_nothing_marked_as_advertising_goes_out_as_something_else():
    assert gate.admit("info", AD).reason == "mislabelled"
    assert gate.admit("reply", "네").basis == "reply"
    with pytest.raises(ValueError, match="gossip"):
        gate.admit("gossip", "네")


def test_results_are_told_within_fourteen_days_and_a_yes_is_confirmed_every_two_years():
    assert report_by(NOON) == NOON + timedelta(days=14)
    assert reconfirm_at(NOON) == NOON.replace(year=2028)
    leap = datetime(2024, 2, 29, 3, 0, tzinfo=UTC)
    assert reconfirm_at(leap) == datetime(2026, 2, 28, 3, 0, tzinfo=UTC)


# --- words of refusal

REFUSALS = """
수신거부
수신 거부
무료수신거부
080 수신거부
광고 그만 보내세요
광고 문자 그만 보내주세요
광고 보내지 마세요
이런 광고 더는 받기 싫어요
마케팅 정보 안 받을게요
문자 보내지 마
홍보 메시지 차단해주세요
수신 동의 철회할게요
광고 수신 거부합니다
이벤트 알림 꺼주세요
그만 보내세요
광고 사절
광고성 정보 수신거부
광고 끊어주세요
할인 문자 안 받고 싶어요
STOP
Stop.
please stop
STOP ALL
unsubscribe
Unsubscribe me please
opt out
opt-out
no more ads
no more texts please
stop ads
stop sending me ads
don't send me promotions
Do not send me any more marketing emails
Remove me from your mailing list
take me off your list
거부
거부합니다
수신차단 해주세요
광고 받고 싶지 않아요
광고 원하지 않아요
광고 좀 안 왔으면 좋겠어요
더 이상 보내지 마세요
다시는 보내지 말아주세요
이런 거 보내지 마세요
제발 그만 좀 보내세요
문자 좀 그만 보내요
스팸 그만
뉴스레터 구독 취소할게요
don’t send me ads
I don’t want to receive marketing emails
I no longer wish to receive your messages
don't text me again
no promotions please
quit sending me these
마케팅 동의 취소할게요
광고 전화 하지 마세요
광고 알림 끄고 싶어요
이벤트 메일 수신 취소
I no longer want your offers
turn off marketing messages
withdraw my marketing consent
"""
OTHERS = """
취소해주세요
접수 취소
세탁기가 멈춰요
my washer stops in the middle
stop the visit on Friday
how do I stop the alarm?
I want to cancel my order
the filter needs no more cleaning
don't stop
그만둘게요
환불 거부하시는 건가요?
방문 거부
렌탈 해지하고 싶어요
정수기 구독 해지
수신거부 해제해주세요
수신거부 풀어주세요
광고 다시 받을게요
네
알림이 안 와요
문자가 안 와요
메일 안 보내셨어요?
쿠폰 안 받았어요
할인 안 되나요
할인 쿠폰 받고 싶어요
광고에서 본 세탁기 얼마예요?
이벤트 언제 끝나요?
이벤트 정보 주세요
혜택 더 받고 싶어요
전화 받지 않아요
메시지 확인했어요
문자로 보내지 말고 전화 주세요
할인 쿠폰 필요 없나요?
이벤트 끊겼나요?
카드 결제가 거부됐어요
no promotions?
이벤트 신청 취소할게요
할인 행사 끝나기 전에 주문 취소하고 싶어요
turn off the alarm of my washer
don't text me, please call instead
이제 보내 주세요
사진은 더 이상 안 보내도 되나요?
"""


@pytest.mark.parametrize("text", REFUSALS.strip().splitlines())
def test_a_refusal_is_recognised_in_any_usual_word(text):
    assert refuses(text)


@pytest.mark.parametrize("text", OTHERS.strip().splitlines())
def test_other_words_are_no_refusal(text):
    assert not refuses(text)


def test_a_refusal_of_everything_is_told_from_one_of_this_channel():
    assert refuses_all("광고 전부 거부할게요")
    assert refuses_all("STOP ALL")
    assert not refuses_all("수신거부")
