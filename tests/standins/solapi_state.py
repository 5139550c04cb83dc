"""What the SOLAPI stand-in knows and refuses: an account, its templates, and messages with their way."""

import hashlib
import hmac
import itertools
import re
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SKEW_SECONDS = 900
PER_SECOND = 60  # requests
SMS_MAX, LMS_MAX, SUBJECT_MAX, ATA_MAX = 90, 2000, 40, 1000
BUTTONS_MAX, BUTTON_NAME_MAX = 5, 14
PRICE = {"SMS": 18.0, "LMS": 45.0, "ATA": 13.0}
DELIVERED, UNREACHABLE = "4000", "3059"
NOT_ON_KAKAO = "3104"
VARIABLE = re.compile(r"#\{[^{}]*\}")
AUTH = re.compile(
    r"HMAC-SHA256 ApiKey=([A-Za-z0-9]+), Date=([^,]+), salt=([A-Za-z0-9]{12,64}), signature=([0-9a-f]{64})",
    re.IGNORECASE,
)


class Refused(Exception):
    """The request is refused with an HTTP status, a code and words."""

    def __init__(self, status: int, code: str, said: str) -> None:
        super().__init__(said)
        self.status, self.code, self.said = status, code, said


class Rejected(Exception):
    """One message of a request is not taken."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


@dataclass
class Faults:
    """What goes wrong on purpose; counts run down."""

    status: int = 0  # of the next `times` requests to send
    times: int = 0
    reset: int = 0  # connections cut before an answer
    lose_answer: int = 0  # taken, but the connection is cut before the answer
    late_seconds: float = 0.0  # of reports
    duplicate_reports: bool = False
    shuffle_reports: bool = False
    hold_reports: bool = False
    unreachable: set[str] = field(default_factory=set)  # phones that get nothing
    no_kakao: set[str] = field(default_factory=set)  # phones without KakaoTalk

    def change(self, given: Mapping[str, Any]) -> None:
        if given.get("clear"):
            self.__init__()  # type: ignore[misc]
        for name, value in given.items():
            if name != "clear":
                kind = type(getattr(self, name))
                setattr(self, name, kind(value))


@dataclass
class Account:
    """One account with its key, numbers and templates, and everything that it sent."""

    key: str
    secret: str
    senders: set[str]
    balance: float = 10_000.0
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    clock_ahead_seconds: float = 0.0  # of SOLAPI's clock, before the asker's
    forbidden: bool = False  # the key lacks a permission, or the asker's address is not allowed
    _salts: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))
    _lately: deque[float] = field(default_factory=deque)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    # --- who asks

    def admit(self, header: str) -> None:
        """The rules of SOLAPI's API key authentication; a salt works once."""
        matched = AUTH.fullmatch(header)
        if matched is None:
            raise Refused(401, "Unauthorized", "인증 정보를 확인할 수 없습니다.")
        key, date, salt, signature = matched.groups()
        if key != self.key:
            raise Refused(403, "InvalidAPIKey", "유효한 API Key가 아닙니다.")
        try:
            at = datetime.fromisoformat(date)
        except ValueError:
            raise Refused(400, "InvalidDate", "날짜 형식이 올바르지 않습니다.") from None
        if at.tzinfo is None or abs(self._seconds_since(at)) > SKEW_SECONDS:
            raise Refused(403, "RequestTimeTooSkewed", "요청 시각이 서버와 15분 넘게 다릅니다.")
        expected = hmac.new(self.secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            raise Refused(403, "SignatureDoesNotMatch", "서명이 일치하지 않습니다.")
        if salt in self._salts:
            raise Refused(403, "DuplicatedSignature", "이미 사용한 서명입니다.")
        self._salts.append(salt)
        if self.forbidden:
            raise Refused(403, "Forbidden", "접근 권한이 없습니다.")
        self._keep_pace()

    def _seconds_since(self, at: datetime) -> float:
        return (datetime.now(UTC) - at).total_seconds() + self.clock_ahead_seconds

    def _keep_pace(self) -> None:
        now = time.monotonic()
        while self._lately and self._lately[0] < now - 1.0:
            self._lately.popleft()
        if len(self._lately) >= PER_SECOND:
            raise Refused(429, "TooManyRequests", "요청이 너무 많습니다.")
        self._lately.append(now)

    # --- what is sent

    def take(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The message as it will be delivered. Raises `Refused` for a malformed one, `Rejected` for one that
        cannot be sent."""
        kind = message.get("type")
        if kind not in PRICE:
            raise Refused(400, "ValidationError", f"type {kind!r}")
        for name in ("to", "from"):
            if not re.fullmatch(r"0\d{7,11}|1\d{7}", str(message.get(name, ""))):
                raise Refused(400, "ValidationError", f"{name} {message.get(name)!r}")
        if message["from"] not in self.senders:
            raise Rejected("1062", "발신번호 미등록")
        text, buttons = self._said(kind, message)
        if self.balance < PRICE[kind]:
            raise Refused(402, "NotEnoughBalance", "잔액이 부족합니다.")
        self.balance -= PRICE[kind]
        kept = {
            "messageId": f"M4V{datetime.now(UTC):%Y%m%d%H%M%S}{next(self._numbers):06}{secrets.token_hex(3)}",
            "groupId": f"G4V{secrets.token_hex(8)}",
            "to": message["to"],
            "from": message["from"],
            "type": kind,
            "text": text,
            "buttons": buttons,
            "customFields": message.get("customFields") or {},
            "disableSms": bool((message.get("kakaoOptions") or {}).get("disableSms")),
            "statusCode": "2000",
            "at": datetime.now(UTC).isoformat(),
        }
        self.messages.append(kept)
        return kept

    def _said(self, kind: str, message: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        if kind == "ATA":
            return self._templated(message.get("kakaoOptions") or {})
        if message.get("kakaoOptions"):
            raise Refused(400, "ValidationError", "kakaoOptions of a text message")
        text = message.get("text")
        if not isinstance(text, str) or not text.strip():
            raise Refused(400, "ValidationError", "text is missing")
        try:
            size = len(text.encode("cp949"))
        except UnicodeEncodeError as fault:
            raise Rejected("1013", f"cp949에 없는 글자: {text[fault.start]!r}") from None
        if size > (SMS_MAX if kind == "SMS" else LMS_MAX):
            raise Rejected("1012", f"{kind} {size} bytes")
        if len(str(message.get("subject", "")).encode("cp949", "replace")) > SUBJECT_MAX:
            raise Rejected("1012", "subject")
        return text, []

    def _templated(self, options: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        template = self.templates.get(str(options.get("templateId")))
        if template is None or template["channelId"] != options.get("pfId"):
            raise Rejected("1030", "템플릿을 찾을 수 없음")
        if template["status"] != "APPROVED":
            raise Rejected("1031", "승인되지 않은 템플릿")
        values = options.get("variables") or {}
        if any(not isinstance(v, str) or not v for v in values.values()):
            raise Refused(400, "ValidationError", "variables are texts")
        places = [template["content"], *(f"{b['buttonName']} {b['linkMo']}" for b in template["buttons"])]
        wanted = {name for place in places for name in VARIABLE.findall(place)}
        if wanted != set(values):
            raise Rejected("1032", f"변수 불일치: {sorted(wanted ^ set(values))}")

        def put(place: str) -> str:
            return VARIABLE.sub(lambda found: values[found[0]], place)

        text = put(template["content"])
        if len(text) > ATA_MAX:
            raise Rejected("1012", f"ATA {len(text)} characters")
        buttons = [{"name": put(b["buttonName"]), "url": put(b["linkMo"])} for b in template["buttons"]]
        if any(not button["url"].startswith(("http://", "https://")) for button in buttons):
            raise Rejected("1033", "버튼 주소")
        return text, buttons

    # --- what becomes of it

    def outcome(self, message: Mapping[str, Any]) -> str:
        if message["to"] in self.faults.unreachable:
            return UNREACHABLE
        if message["type"] == "ATA" and message["to"] in self.faults.no_kakao:
            return NOT_ON_KAKAO
        return DELIVERED

    def replace(self, message: Mapping[str, Any]) -> None:
        """An AlimTalk that does not arrive goes by SMS or LMS unless the request forbade it."""
        if message["type"] == "ATA" and message["statusCode"] == NOT_ON_KAKAO and not message["disableSms"]:
            kind = "SMS" if len(message["text"].encode("cp949", "replace")) <= SMS_MAX else "LMS"
            given = {name: message[name] for name in ("to", "from", "text", "customFields")}
            self.take({**given, "type": kind})["statusCode"] = DELIVERED

    def add_template(self, code: str, channel: str, content: str, buttons: Any = (), **more: Any) -> None:
        if len(buttons) > BUTTONS_MAX or len(content) > ATA_MAX:
            raise Refused(400, "ValidationError", "template")
        if any(not 0 < len(button["name"]) <= BUTTON_NAME_MAX for button in buttons):
            raise Refused(400, "ValidationError", "template button")
        made = [
            {"buttonType": "WL", "buttonName": b["name"], "linkMo": b["url"], "linkPc": b["url"]}
            for b in buttons
        ]
        self.templates[code] = {
            "templateId": code, "channelId": channel, "name": more.get("name", code), "content": content,
            "buttons": made, "status": more.get("status", "APPROVED"),
        }  # fmt: skip
