"""What each channel asks of messages that start with us: `crm.ways.Terms` of the channels that are on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bots.channels.cp949_text import kind_of
from bots.fleet import CHANNELS
from bots.settings import Settings
from crm.ways import Terms

LMS_COST: Final = 50


def price_of_sms(text: str) -> int:
    """A short one or a long one, by its bytes."""
    return 20 if kind_of(text) == "SMS" else LMS_COST


# Costs in won are about what resellers ask for one message: only their order decides.
TERMS: Final[Mapping[str, Terms]] = {
    # a page that may be closed: after a while what we write waits until the customer is back
    "web": Terms(window=timedelta(hours=1), starts=False, keeps=True),
    # whoever started the bot may be written to until they block it (core.telegram.org/bots/faq)
    "telegram": Terms(),
    # a skill server only answers: its callback address lives a minute
    "kakao": Terms(window=timedelta(minutes=1), starts=False, keeps=True),
    "alimtalk": Terms(cost=9, address="phone", templates=True),
    "sms": Terms(cost=20, address="phone", price=price_of_sms),
    "email": Terms(cost=1, address="email"),
}


def table(settings: Settings) -> dict[str, Terms]:
    """The terms of the web chat and of every channel that the settings switch on."""
    on = {channel for channel, key in CHANNELS.items() if settings.accounts(channel, key)}
    return {channel: terms for channel, terms in TERMS.items() if channel == "web" or channel in on}
