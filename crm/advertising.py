"""The law of advertising messages as pure functions: one rule each, with its source.

Sources are 정보통신망 이용촉진 및 정보보호 등에 관한 법률 (the Act) and its 시행령 (the Decree), as told in
secondary sources. An operator may be stricter than these functions, never laxer.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

KST: Final = timezone(timedelta(hours=9))  # Korea keeps no summer time
NIGHT_FROM, NIGHT_TO = 21, 8  # hours in Korea; the first belongs to the night, the last to the day
NIGHT_FREE_CHANNELS: Final = frozenset({"email"})
# Kakao lets only information out by AlimTalk, whatever the person agreed to (its 알림톡 심사 가이드).
NOTICES_ONLY: Final = frozenset({"alimtalk"})
MARK: Final = "(광고)"
DEAL_MONTHS: Final = 6
RECONFIRM_YEARS: Final = 2
REPORT_DAYS: Final = 14

# What a person reads as a free way to refuse, in the last line of an advertisement.
_FREE_WAY = re.compile(
    r"무료\s?(수신)?\s?거부|수신\s?거부.{0,40}무료|무료.{0,40}수신\s?거부"
    r"|(unsubscribe|opt[ -]?out|refuse).{0,60}free|free.{0,60}(unsubscribe|opt[ -]?out|refuse)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Decided:
    """One decision of a person about advertising. `channel` '' is for every channel."""

    id: int
    purpose: str  # ad, night_ad
    channel: str
    granted: bool
    at: datetime


@dataclass(frozen=True)
class Deal:
    """Something a person bought or rented of us, having given us the address themselves."""

    id: int
    goods: str  # category
    on: date  # of the deal; of its end for a term


@dataclass(frozen=True)
class Advertiser:
    """Who sends: as named in the message, with how to reach them."""

    names: tuple[str, ...]
    contacts: tuple[str, ...]  # phone as dialled or shown, e-mail


@dataclass(frozen=True)
class Verdict:
    """May it go out? `basis` says on what it stands, `reason` what forbids it."""

    allowed: bool
    basis: str = ""
    reason: str = ""
    not_before: datetime | None = None


# --- when


def is_night(at: datetime) -> bool:
    """21:00 to 08:00 in Korea (the Act 제50조 제3항, the Decree 제61조 제2항)."""
    hour = at.astimezone(KST).hour
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def night_ends(at: datetime) -> datetime:
    """The next 08:00 in Korea; `at` itself by day."""
    if not is_night(at):
        return at
    local = at.astimezone(KST)
    morning = local.replace(hour=NIGHT_TO, minute=0, second=0, microsecond=0)
    return morning if local.hour < NIGHT_TO else morning + timedelta(days=1)


def needs_night_consent(channel: str, at: datetime) -> bool:
    """By night every channel but e-mail (the Decree 제61조 제2항 excepts it)."""
    return is_night(at) and channel not in NIGHT_FREE_CHANNELS


# --- whom


def consented(decisions: Iterable[Decided], purpose: str, channel: str) -> Decided | None:
    """The yes in force for a purpose on a channel (the Act 제50조 제1항: prior, explicit, by channel).

    A refusal for every channel ends it. A yes to advertising for every channel at once is no explicit yes for
    this one; to the hours of the night it is.
    """
    held: Decided | None = None
    for one in sorted(decisions, key=lambda d: (d.at, d.id)):
        if one.purpose != purpose or one.channel not in (channel, ""):
            continue
        if not one.granted:
            held = None
        elif one.channel == channel or purpose == "night_ad":
            held = one
    return held


def refused(decisions: Iterable[Decided], channel: str) -> bool:
    """Is the newest word about advertising on this channel a no? (the Act 제50조 제2항)"""
    known = [d for d in decisions if d.purpose == "ad" and d.channel in (channel, "")]
    return bool(known) and not max(known, key=lambda d: (d.at, d.id)).granted


def dealt(deals: Iterable[Deal], goods: str, at: datetime) -> Deal | None:
    """A deal about like goods within the last six months, which stands in for a consent
    (the Act 제50조 제1항 제1호, the Decree 제61조 제1항)."""
    today = at.astimezone(KST).date()
    for deal in sorted(deals, key=lambda d: d.on, reverse=True):
        if goods and deal.goods == goods and deal.on <= today <= months_later(deal.on, DEAL_MONTHS):
            return deal
    return None


# --- what


def faults(text: str, sender: Advertiser) -> list[str]:
    """What an advertisement's text lacks (the Act 제50조 제4항, the Decree 제61조 제3항 and 별표 6): the mark
    at its very start, the sender's name and contact, a free way to refuse at its end."""
    last = text.rstrip().rsplit("\n", 1)[-1]
    lacks = {
        "no_mark": not text.startswith(MARK),
        "no_sender": not any(name and name in text for name in sender.names),
        "no_contact": not any(contact and contact in text for contact in sender.contacts),
        "no_refusal": _FREE_WAY.search(last) is None,
    }
    return [fault for fault, missing in lacks.items() if missing]


def compose(body: str, sender: Advertiser, refusal: str) -> str:
    """An advertisement of this body: mark, sender and contact first, the free way to refuse last."""
    return f"{MARK} {sender.names[0]} {sender.contacts[0]}\n{body.strip()}\n{refusal.strip()}"


# --- altogether


def judge(
    *,
    channel: str,
    text: str,
    sender: Advertiser,
    decisions: Sequence[Decided],
    deals: Sequence[Deal] = (),
    goods: str = "",
    at: datetime,
) -> Verdict:
    """May this advertisement go to this person on this channel at this time?"""
    if channel in NOTICES_ONLY:
        return Verdict(False, reason="notices_only")
    lacks = faults(text, sender)
    if lacks:
        return Verdict(False, reason=lacks[0])
    yes = consented(decisions, "ad", channel)
    if yes is None and refused(decisions, channel):
        return Verdict(False, reason="refused")
    deal = None if yes else dealt(deals, goods, at)
    if yes is None and deal is None:
        return Verdict(False, reason="no_consent")
    if needs_night_consent(channel, at) and consented(decisions, "night_ad", channel) is None:
        return Verdict(False, reason="night", not_before=night_ends(at))
    return Verdict(True, basis=f"ad:consent:{yes.id}" if yes else f"ad:deal:{deal.id if deal else 0}")


# --- afterwards


def report_by(decided_at: datetime) -> datetime:
    """Until when the result of a yes or no is told (the Act 제50조 제7항, the Decree 제62조의2)."""
    return decided_at + timedelta(days=REPORT_DAYS)


def reconfirm_at(confirmed_at: datetime) -> datetime:
    """When a standing yes is to be confirmed again; who does not answer keeps it (the Act 제50조 제8항, the
    Decree 제62조의3)."""
    local = confirmed_at.astimezone(KST)
    day = months_later(local.date(), 12 * RECONFIRM_YEARS)
    return local.replace(year=day.year, month=day.month, day=day.day)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# --- refusing in words

# The whole message, without blanks and marks.
_ALONE: Final = frozenset({
    "거부", "거부요", "거부해요", "거부합니다", "거부할게요", "거부하겠습니다", "무료거부", "광고거부",
    "광고차단", "광고그만", "광고싫어요", "광고싫어", "문자거부", "문자그만", "알림거부", "그만보내",
    "그만보내요", "그만보내세요", "그만보내주세요", "보내지마", "보내지마요", "보내지마세요", "동의철회",
    "stop", "stopall", "unsubscribe", "optout", "stopads", "noads", "nomoreads", "removeme", "unsub",
})  # fmt: skip
_ABOUT = (
    r"(?:광고|홍보|마케팅|이벤트|프로모션|판촉|혜택|할인|쿠폰|스팸|뉴스레터|소식지)\S{0,6}\s*"
    r"(?:문자|메시지|메세지|메일|이메일|톡|알림|정보|소식|연락)?\S{0,3}"
)
_SENT = r"(?:문자|메시지|메세지|메일|이메일|알림톡|광고톡)\S{0,2}"
_EVER = r"\s*(?:(?:이제|더\s*이상|더는|더|다시는|앞으로|절대|제발|좀|자꾸|그만)\s*)*"
_NOT_SENT = r"보내지\s*마|보내지\s*말|안\s*보내(?!\S{0,2}(?:셨|줬|었|나요|왔|졌))"
_NOT_TAKEN = (
    r"안\s*받(?!았|은|아|나)|받기\s*싫|받지\s*않(?!았)|받고\s*싶지\s*않|(?:원하지|원치)\s*않"
    r"|안\s*[왔오]\S{0,2}\s*(?:좋겠|해\s*주|하게)"
)
# Nothing but that we shall not write, with whatever gives it force.
_FORCE = r"(?:이제|더\s*이상|더는|다시는|앞으로|절대|제발|좀|자꾸|그만|이런\s*(?:거|것|걸|연락)\S?)\s*"
_ENOUGH = re.compile(
    rf"(?:{_FORCE})+(?:보내지\s*(?:마|말아)|안\s*보내)\S{{0,3}}(?:\s*(?:주세요|줘요?|주시겠어요|되나요))?"
    rf"|(?:{_FORCE})*그만\s*(?:좀\s*)?보내\S{{0,3}}(?:\s*(?:주세요|줘요?|주시겠어요))?"
)
_KOREAN = re.compile(
    r"수신\s*(?:을|를)?\s*(?:거부|거절|차단|중단|해지|철회)|수신\s*동의\S{0,2}\s*(?:철회|취소|해제|해지)"
    r"|수신\s*취소|(?:광고|마케팅|홍보)\S{0,3}\s*동의(?:했던|한)?\S{0,2}\s*(?:거|것)?\s*(?:취소|철회|해지)"
    r"|(?:뉴스레터|소식지|메일링|메일)\S{0,2}\s*구독\S{0,2}\s*(?:취소|해지|중단|철회)"
    rf"|{_ABOUT}{_EVER}(?:거부|거절|차단|중단|철회|해지|끊(?!겼|긴|기)|그만|꺼|끄(?:고|기|게|려)|하지\s*마|싫|필요\s*없(?!나|을)|사절"
    rf"|{_NOT_TAKEN}|{_NOT_SENT})"
    rf"|{_SENT}{_EVER}(?:수신\s*거부|거부|그만|{_NOT_TAKEN}|(?!보내지\s*말고)(?:{_NOT_SENT}))"
)
_ADS = r"(?:ads?|adverts?|advertis\w*|promos?|promotion\w*|marketing|spam\w*|newsletters?|offers)"
_ENGLISH = re.compile(
    r"\bunsubscribe\b|\bopt(?:ing)?[\s-]*out\b|\bopt\s+me\s+out\b"
    rf"|\b(?:stop|quit|no\s+more|cease|end|cancel)\b(?:\s+\w+){{0,3}}\s+{_ADS}\b"
    rf"|\bno\s+longer\s+want\b(?:\s+\w+){{0,3}}\s+{_ADS}\b|^(?:please\s+)?no\s+{_ADS}\b[^?]*$"
    rf"|\b(?:block|mute|silence|(?:turn|switch)\s+off)\b(?:\s+\w+){{0,2}}\s+{_ADS}\s+\w+"
    r"|\b(?:withdraw|revoke)\b(?:\s+\w+){0,3}\s+(?:marketing|advertising|ads?)\s+consent\b"
    r"|\bno\s+more\s+(?:texts?|messages?|e-?mails?)\b"
    r"|\b(?:stop|quit)\s+(?:sending|texting|e-?mailing|messaging|spamming|contacting)\b"
    rf"|\b(?:don'?t|do\s+not|never)\s+(?:ever\s+)?(?:send|text|e-?mail|message|want|need)\b(?:\s+\w+){{0,4}}\s+"
    rf"{_ADS}\b"
    r"|\b(?:don'?t|do\s+not|never)\s+(?:ever\s+)?(?:text|e-?mail|message|contact|write\s+to)\s+me"
    r"(?:\s+(?:again|any\s?more|ever))?\s*[.!]*$"
    r"|\b(?:no\s+longer|don'?t|do\s+not)\s+(?:want|wish|like)\s+to\s+(?:receive|get)\b(?:\s+\w+){0,4}\s+"
    rf"(?:{_ADS}|messages?|texts?|e-?mails?)\b"
    r"|\bremove\s+me\b.*\b(?:list|mailing)\b|\btake\s+me\s+off\b",
    re.IGNORECASE,
)
# Taking a refusal back, or asking for the opposite.
_BACK = re.compile(
    r"수신\s*거부\S{0,3}\s*(?:해제|해지|취소|풀어|풀고|철회)|거부\S{0,3}\s*(?:풀어|해제|취소|철회)|다시\s*(?:받|보내)"
    r"|re-?subscribe|\bstart\s+(?:sending|again)|\bdon'?t\s+(?:unsubscribe|stop)|\bundo\b",
    re.IGNORECASE,
)
_EVERYWHERE = re.compile(r"전부|모든|모두|전체|어디로도|\b(?:all|any|every|anywhere)\b", re.IGNORECASE)
_NOISE = re.compile(r"[\s.,!?~·'\"“”‘’()\[\]-]+")


def refuses(text: str) -> bool:
    """Does this refuse advertising, in any usual word? (the Act 제50조 제2항: by whatever way they choose)

    Leans towards yes where it is about messages of ours, and to no where the words may mean something else
    ('취소' of a request, 'stop' of a machine).
    """
    said = unicodedata.normalize("NFKC", text).replace("\u2019", "'").strip()  # as phones write don't
    if not said or len(said) > 300 or _BACK.search(said):
        return False
    bare = _NOISE.sub("", said).lower().removeprefix("please").removesuffix("please")
    return bare in _ALONE or bool(
        _KOREAN.search(said) or _ENGLISH.search(said) or _ENOUGH.fullmatch(said.rstrip(" .!~"))
    )


def refuses_all(text: str) -> bool:
    """Does a refusal speak of every channel?"""
    return bool(_EVERYWHERE.search(text))
