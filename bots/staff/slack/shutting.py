"""A channel that became public, or was shared with another company: nothing more of a customer goes there."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from crm import slack, slack_cards
from crm.slack_cards import Claim

NOT_PRIVATE: Final = "not_private"


async def shut_out(claim: Claim, now: datetime) -> None:
    """Set aside what waits for such a channel, but what takes our messages away from there. The card is drawn
    again with the next change after the channel is private once more."""
    card = claim.card
    if card is None or await slack.confidential(card.account, card.channel):
        return
    if card.due:
        await slack_cards.drawn(claim, card, card.ts, now, error=NOT_PRIVATE)
        claim.card = replace(card, shown=card.wanted)
    for post in claim.posts:
        if post.kind != "withdraw":
            await slack_cards.dead(claim, post, NOT_PRIVATE, now)
    claim.posts = [post for post in claim.posts if post.kind == "withdraw"]
