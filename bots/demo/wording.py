"""Korean words of the demo conversations, as the bot writes them."""

from datetime import datetime
from zoneinfo import ZoneInfo

WEEKDAYS = "월화수목금토일"
STATUSES = {
    "received": "접수됨",
    "assigned": "담당 배정",
    "in_progress": "처리 중",
    "waiting_customer": "고객 확인 대기",
    "resolved": "해결됨",
    "closed": "종료",
    "cancelled": "취소됨",
}


def moment(at: datetime, tz: ZoneInfo) -> str:
    """11월 24일(화) 오후 3:00"""
    local = at.astimezone(tz)
    half, hour = ("오전" if local.hour < 12 else "오후"), (local.hour - 1) % 12 + 1
    return f"{local.month}월 {local.day}일({WEEKDAYS[local.weekday()]}) {half} {hour}:{local.minute:02d}"


def status_word(status: str) -> str:
    """The customer's word for a request's status."""
    return STATUSES[status]
