"""How fast a channel may be used: a share of the account's allowance, and a bucket a recipient.

Where the provider counts each second, a window stands beside the bucket of the account: what was answered
less than a second ago, or is not answered yet, may still count there. The bucket alone would have to be
slower than the allowance by all that requests differ in travelling time; with the window a late sender may
catch up.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Rate:
    """`per_second` on average, `burst` at once; of the whole account and of one recipient.

    `window`: so many requests in any second and no more, as the provider counts them; 0 where it does not.
    """

    per_second: float
    burst: float = 1.0
    recipient_per_second: float = 0.0  # 0: no limit of its own
    recipient_burst: float = 1.0
    window: int = 0


# Telegram: 30 messages a second overall, 1 a second in one chat (https://core.telegram.org/bots/faq).
# The burst makes up for waking a fifth of a second late, as a busy machine does.
# Slack: 1 a second in one channel (https://api.slack.com/apis/rate-limits).
RATES: Mapping[str, Rate] = {
    "telegram": Rate(per_second=30.0, burst=6.0, recipient_per_second=1.0, recipient_burst=3.0, window=30),
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


class Window:
    """At most `size` requests in any second at the provider, wherever between start and answer it counts."""

    SPAN = timedelta(seconds=1)
    OPEN_AT_MOST = timedelta(seconds=90)  # a request whose end nobody told: longer than any sender waits

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: deque[datetime] = deque()
        self._answered: deque[datetime] = deque()

    def missing(self, now: datetime) -> float:
        """Seconds until one more may go; 0 when it may."""
        while self._answered and self._answered[0] <= now - self.SPAN:
            self._answered.popleft()
        while self._open and self._open[0] <= now - self.OPEN_AT_MOST:
            self._open.popleft()
        if len(self._open) + len(self._answered) < self._size:
            return 0.0
        if not self._answered:
            return 0.02  # all are under way: nobody knows how long
        return max(0.001, (self._answered[0] + self.SPAN - now).total_seconds())

    def take(self, now: datetime) -> None:
        self._open.append(now)

    def answered(self, now: datetime) -> None:
        if self._open:
            self._open.popleft()
            self._answered.append(now)


class Limiter:
    """The buckets of one process. Fronts share an account's allowance equally (`shared_by`); what they get
    wrong in the seconds in which one comes or goes, the provider's `retry_after` mends."""

    IDLE_KEPT = 5_000  # buckets of recipients before the full ones are thrown away

    def __init__(self, rates: Mapping[str, Rate] = RATES) -> None:
        self._rates = rates
        self._fronts = 1
        self._buckets: dict[tuple[str, str, int], Bucket] = {}
        self._windows: dict[tuple[str, str], Window] = {}
        self._horizons: dict[tuple[str, str], datetime] = {}

    def shared_by(self, fronts: int) -> None:
        """So many fronts send by now, this one included: each takes its part of what an account may do."""
        if fronts != self._fronts:
            self._fronts = max(1, fronts)
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[2]}
            self._windows.clear()

    def take(self, channel: str, account: str, recipient: int, now: datetime) -> float:
        """Take a token of both and return 0, or take none and return the seconds to wait."""
        rate = self._rates.get(channel)
        if rate is None:
            return 0.0
        wanted = [self._kept((channel, account, 0), now, lambda: self._share(rate, now))]
        if rate.recipient_per_second:
            wanted.append(self._own(rate, channel, account, recipient, now))
        window = self._window(rate, channel, account)
        seconds = max(bucket.missing(now) for bucket in wanted)
        seconds = max(seconds, window.missing(now)) if window else seconds
        if seconds == 0.0:
            for bucket in wanted:
                bucket.take()
            if window:
                window.take(now)
        return seconds

    def answered(self, channel: str, account: str, now: datetime) -> None:
        """A request that `take` let go has ended, well or badly, or was not made after all."""
        if window := self._windows.get((channel, account)):
            window.answered(now)

    def own(self, channel: str, account: str, recipient: int, now: datetime) -> float:
        """Seconds that this recipient has to wait whatever the account may do."""
        rate = self._rates.get(channel)
        if rate is None or not rate.recipient_per_second:
            return 0.0
        return self._own(rate, channel, account, recipient, now).missing(now)

    def behind(self, channel: str, count: int) -> float:
        """Seconds that so many requests of one account take this process."""
        rate = self._rates.get(channel)
        return count * self._fronts / rate.per_second if rate else 0.0

    def postpone(self, channel: str, account: str, now: datetime, least: float) -> float:
        """Seconds, `least` or more, after which a message that found too many before it shall come again.

        Those that are sent away come back one after another at the account's pace, so that meanwhile a
        later message of another channel, or an answer, does not wait behind them all.
        """
        before = self._horizons.get((channel, account), now)
        at = max(before, now + timedelta(seconds=least)) + timedelta(seconds=self.behind(channel, 1))
        self._horizons[channel, account] = at
        return (at - now).total_seconds()

    def _own(self, rate: Rate, channel: str, account: str, recipient: int, now: datetime) -> Bucket:
        made = Bucket(rate.recipient_per_second, rate.recipient_burst, now)
        return self._kept((channel, account, recipient), now, lambda: made)

    def _share(self, rate: Rate, now: datetime) -> Bucket:
        return Bucket(rate.per_second / self._fronts, max(1.0, rate.burst / self._fronts), now)

    def _window(self, rate: Rate, channel: str, account: str) -> Window | None:
        if not rate.window:
            return None
        size = max(1, rate.window // self._fronts)
        return self._windows.setdefault((channel, account), Window(size))

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
