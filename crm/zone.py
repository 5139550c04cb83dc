"""The company's time zone, set once by the process that wires the rooms (default Asia/Seoul)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from crm.errors import Invalid

_zone = ZoneInfo("Asia/Seoul")


def use(zone: ZoneInfo) -> None:
    """Make `zone` the zone of business hours, dates and numbers for this process."""
    global _zone
    _zone = zone


def current() -> ZoneInfo:
    return _zone


def aware(at: datetime, field: str = "at") -> datetime:
    """Return `at` unchanged. Raises `Invalid` when it has no time zone: it would silently become UTC."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise Invalid(field, "naive")
    return at
