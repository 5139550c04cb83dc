"""How fast a channel may be used: a share of the account's allowance, and a bucket a recipient.

Token buckets with little burst: a window of exactly 30 a second, which lets a late sender catch up at once,
was measured on a busy machine to earn five times as many refusals and a tenth less throughput.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Rate:
    """`per_second` on average, `burst` at once; of the whole account and of one recipient."""

    per_second: float
    burst: float = 1.0
    recipient_per_second: float = 0.0  # 0: no limit of its own
    recipient_burst: float = 1.0


# Telegram: 30 messages a second overall, 1 a second in one chat (https://core.telegram.org/bots/faq).
# The burst makes up for waking 10 ms late: without it each wait would lose a little of the allowance.
# Slack: 1 a second in one channel (https://api.slack.com/apis/rate-limits).
RATES: Mapping[str, Rate] = {
    "telegram": Rate(per_second=29.6, burst=1.3, recipient_per_second=1.0, recipient_burst=3.0),
    "slack": Rate(per_second=20.0, burst=20.0, recipient_per_second=1.0, recipient_burst=2.0),
    "slack_update": Rate(per_second=0.9, burst=20.0),  # tier 3: more than 50 a minute in a workspace
    "sms": Rate(per_second=10.0, burst=10.0),
    "alimtalk": Rate(per_second=10.0, burst=10.0),
    "email": Rate(per_second=10.0, burst=20.0),
}


class Bucket:
    """Holds up to `burst` tokens and gains `per_second`."""

    def __init__(self, per_second: float, burst: float, now: datetime) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = now

    def missing(self, now: datetime) -> float:
        """Seconds until a token is there; 0 when one is."""
        gained = (now - self._at).total_seconds() * self._per_second
        self._tokens = min(self._burst, self._tokens + max(0.0, gained))
        self._at = now
        return max(0.0, (1.0 - self._tokens) / self._per_second)

    def take(self) -> None:
        self._tokens -= 1.0

    @property
    def full_in(self) -> float:
        """Seconds until nothing distinguishes it from a fresh one."""
        return (self._burst - self._tokens) / self._per_second


class Limiter:
    """The buckets of one process. Fronts share an account's allowance equally (`shared_by`); what they get
    wrong in the seconds in which one comes or goes, the provider's `retry_after` mends."""

    IDLE_KEPT = 5_000  # buckets of recipients before the full ones are thrown away

    def __init__(self, rates: Mapping[str, Rate] = RATES) -> None:
        self._rates = rates
        self._fronts = 1
        self._buckets: dict[tuple[str, str, int], Bucket] = {}

    def shared_by(self, fronts: int) -> None:
        """So many fronts send by now, this one included: each takes its part of what an account may do."""
        if fronts != self._fronts:
            self._fronts = max(1, fronts)
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[2]}

    def take(self, channel: str, account: str, recipient: int, now: datetime) -> float:
        """Take a token of both and return 0, or take none and return the seconds to wait."""
        rate = self._rates.get(channel)
        if rate is None:
            return 0.0
        wanted = [self._kept((channel, account, 0), now, lambda: self._share(rate, now))]
        if rate.recipient_per_second:
            made = Bucket(rate.recipient_per_second, rate.recipient_burst, now)
            wanted.append(self._kept((channel, account, recipient), now, lambda: made))
        seconds = max(bucket.missing(now) for bucket in wanted)
        if seconds == 0.0:
            for bucket in wanted:
                bucket.take()
        return seconds

    def _share(self, rate: Rate, now: datetime) -> Bucket:
        return Bucket(rate.per_second / self._fronts, max(1.0, rate.burst / self._fronts), now)

    def _kept(self, key: tuple[str, str, int], now: datetime, make: Callable[[], Bucket]) -> Bucket:
        if key not in self._buckets:
            if len(self._buckets) > self.IDLE_KEPT:
                self._forget(now)
            self._buckets[key] = make()
        return self._buckets[key]

    def _forget(self, now: datetime) -> None:
        for key, bucket in list(self._buckets.items()):
            bucket.missing(now)
            if bucket.full_in <= 0.0:
                del self._buckets[key]
