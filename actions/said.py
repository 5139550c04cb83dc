"""What the customer said, as the forms need it: text, intent, how sure, entities, or a pressed choice."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rasa_sdk import Tracker

# Words that stop a form wherever it stands; matched on the whole text without spaces and marks.
_STOP = re.compile(
    r"(그만(할래요?|할게요?|둘래요?|둘게요?|하자|해요?|)|취소(할래요?|할게요?|해주세요|해줘요?|요|)|안할래요?|안할게요?|"
    r"됐어요|관둘래요?|관둘게요?|나중에할게요?|(접수)?(취소|그만)(해주세요|할게요|할래요)?|stop|cancel|nevermind|quit|forgetit|"
    r"(전화|방문|접수|수리)?(은|는|도)?(안하셔도|안해도|안주셔도|안오셔도)(돼요|되요|됩니다|괜찮아요)|필요없(어요|습니다)|"
    r"cancelit|stopit|pleasestop|pleasecancel)"
)
_YES = re.compile(
    r"(네+|넵+|넹+|예+|옙|응+|어|엉|ㅇㅇ+|ㅇㅋ|ㄱㄱ|맞아요?|맞습니다|네맞아요|네맞습니다|좋아요|좋습니다|그래요?|그렇게(해주세요|하죠|해요|하시죠|합시다)|그럽시다|그러죠|그러시죠|그래요그럼|그럼그래요|"
    r"접수해주세요|접수할게요|해주세요|부탁(해요|드려요|드립니다|합니다)|오케이|오키|yes|yesplease|yep|yeah|yup|ok|okay|sure|correct|right|"
    r"thatsright|goahead|pleasedo|looksgood|true)"
)
_NO = re.compile(
    r"(아니+(요|오|에요|예요|야)?|아뇨+|아닙니다|아냐|노+|틀려요|틀렸어요|달라요|아닌데요|싫어요|no|nope|nah|wrong|notright|incorrect|false|none)"
)
# Words that only point at something: '이것 말이에요', 'SR-2026-000130 이거요', 'I mean this one'.
_SR = r"sr\d{5,11}"
_THIS = r"(?:바로|방금|아까)?(?:이|그|저|요|고)(?:것|거|건|게|번호|접수|접수건)"
_POINTS = re.compile(
    rf"(?:{_SR}(?:번|건|접수)?|(?:{_SR})?{_THIS}|{_THIS}{_SR})(?:에대해서?|에관해서?)?"
    r"(?:말(?:이에요|이예요|이요|입니다|이야|인데요?|한거예요|하는거예요)|이에요|예요|에요|이요|요|입니다|인데요?|야)?"
    rf"|(?:its|imean|about|for)?(?:{_SR})?(?:theone|(?:this|that)(?:one|request)?)(?:{_SR})?(?:please|here)?"
)
_COMMAND = re.compile(r"\s*[/／][A-Za-z0-9_]+(?:@\w+)?(?:\{.*|\s*)", re.DOTALL)
_AGREES = re.compile(
    r"(네|넵|넹|예|옙|응|어|그래|좋아|맞아|yes|yep|yeah|ok|okay|sure)(?![가-힣a-z]*(아니|말고|근데))[가-힣a-z]{0,14}"
)
_CORRECTION = re.compile(
    r"^\s*(아니+(요|오|야|고)?|아뇨|아 ?참|참[, ]|잠깐|no[, ]|not |actually|sorry|wait|i meant?|oops)", re.I
)
_INSTEAD = re.compile(
    r"말고|가 아니라|이 아니라|아니고|바꾸|바꿀|바꿔|변경|수정|틀렸|틀려|잘못|instead|rather|change", re.I
)


def is_yes(text: str) -> bool:
    """Whether words are a yes and nothing more."""
    return bool(_YES.fullmatch(_plain(text)))


def is_no(text: str) -> bool:
    """Whether words are a no and nothing more."""
    return bool(_NO.fullmatch(_plain(text)))


def points(text: str) -> bool:
    """Whether words name a request or say 'this', and nothing of a wish ('SR-2026-000130 이것 말이에요').

    Such words answer which one is meant. What the model makes of them is chance.
    """
    return bool(_POINTS.fullmatch(_plain(text)))


def _plain(text: str) -> str:
    return re.sub(r"[\s\W_]+", "", text.lower())


@dataclass(frozen=True)
class Said:
    """One message of the customer."""

    text: str
    intent: str
    sure: bool  # the understanding would act on it
    entities: list[dict[str, Any]] = field(default_factory=list)
    when: Mapping[str, Any] | None = None
    leaning: str = ""  # the likeliest intent, sure or not
    files: int = 0
    pressed: bool = False  # a button, not typed words: `text` is its label
    place: bool = False  # a place on the map was shared: the entity `address` is what the channel wrote of it

    @property
    def typed(self) -> str:
        """The customer's own words; empty when they pressed a button."""
        return "" if self.pressed else self.text.strip()

    @property
    def plain(self) -> str:
        """Lower case, without spaces and punctuation: for matching whole short answers."""
        return _plain(self.text)

    @property
    def points(self) -> bool:
        """Whether typed words only point at something; beside a photo they say that it is meant."""
        return bool(self.typed) and not self.files and points(self.typed)

    @property
    def is_command(self) -> bool:
        """Whether the words are a program's command ('/start'): perhaps a wish, but no answer."""
        return bool(_COMMAND.fullmatch(self.typed))

    @property
    def stops(self) -> bool:
        return bool(_STOP.fullmatch(self.plain))

    @property
    def yes(self) -> bool:
        """A yes, bare or with the act repeated ('네 취소할게요')."""
        if self.sure and self.intent == "affirm":
            return True
        return bool(_YES.fullmatch(self.plain) or (_AGREES.fullmatch(self.plain) and not self.no))

    @property
    def no(self) -> bool:
        return bool(_NO.fullmatch(self.plain)) or (
            self.sure and self.intent == "deny" and len(self.text) < 12
        )

    @property
    def corrects(self) -> bool:
        """Whether it takes back something said before ('아니 냉장고요')."""
        return bool(_CORRECTION.search(self.text) or _INSTEAD.search(self.text))

    def chosen(self, slot: str) -> str | None:
        """The value of a pressed choice for `slot`, or None."""
        if self.intent == "choose" and self.entity("slot") == slot:
            return self.entity("value") or ""
        return None

    def entity(self, name: str) -> str | None:
        """The first value of an entity, as written."""
        return next((str(e["value"]) for e in self.entities if e["entity"] == name), None)

    def entities_of(self, name: str) -> list[str]:
        """All values of an entity, as written, each once."""
        return list(dict.fromkeys(str(e["value"]) for e in self.entities if e["entity"] == name))

    def hardly_more_than(self, part: str) -> bool:
        """Whether the words are little else than `part` ('냉장고요' for 냉장고)."""
        return len(self.plain) - len(_plain(part)) <= 4

    def resolved(self, name: str) -> Any:
        """The normalised value of an entity (see nlu: parse data), or None."""
        return next((e["resolved"] for e in self.entities if e["entity"] == name and e.get("resolved")), None)

    def moment(self) -> tuple[datetime, datetime, bool, bool] | None:
        """From, to, whether a date and whether a time of day was said; aware."""
        if not self.when:
            return None
        start, end = (datetime.fromisoformat(str(self.when[k])) for k in ("from", "to"))
        return start, end, bool(self.when.get("has_date")), bool(self.when.get("has_time"))

    def on(self, tz: ZoneInfo) -> date | None:
        """The one local day that was said, if any."""
        when = self.moment()
        if not when or not when[2]:
            return None
        first, last = when[0].astimezone(tz), (when[1] - timedelta(microseconds=1)).astimezone(tz)
        return first.date() if last.date() == first.date() else None


def said(tracker: Tracker) -> Said:
    """Read the tracker's latest message."""
    message = tracker.latest_message
    metadata = message.get("metadata") or {}
    understood = metadata.get("nlu") or {}
    band = understood.get("band") or message.get("band") or "act"
    return Said(
        text=str(message.get("text") or ""),
        intent=str((message.get("intent") or {}).get("name") or ""),
        sure=band == "act",
        entities=list(message.get("entities") or []),
        when=message.get("when"),
        leaning=next((str(guess["name"]) for guess in understood.get("ranking") or []), ""),
        files=int(metadata.get("files") or 0),
        place=bool(metadata.get("place")),
        # Stock Rasa hands a button's payload over as the text.
        pressed=bool(metadata.get("pressed", str(message.get("text") or "").startswith("/"))),
    )


def since_said(tracker: Tracker) -> Iterator[Mapping[str, Any]]:
    """What the dialogue has come to since the customer's last message, newest first."""
    for event in reversed(tracker.events):
        if event["event"] == "user":
            return
        yield event
