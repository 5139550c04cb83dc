"""What a customer reads when a person joins their conversation."""

from bots.web import i18n
from crm.models import Staff


def joined(lang: str, staff: Staff) -> str:
    """The sentence in the customer's language, which names the person in its script."""
    lang = lang if lang in i18n.LANGUAGES else "ko"
    return i18n.t(lang, "channels.joined", name=staff.called(lang))
