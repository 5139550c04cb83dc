"""What the company does but the bot does not yet: said honestly, and whose matter it is."""

# Intents that later capabilities bring: the honest sentence, and the team whose matter it is.
LATER: dict[str, tuple[str, str]] = {
    "request_quote": ("utter_later_quote", "sales"),
    "check_quote": ("utter_later_quote", "sales"),
    "accept_quote": ("utter_later_quote", "sales"),
    "decline_quote": ("utter_later_quote", "sales"),
    "place_order": ("utter_later_order", "sales"),
    "check_order": ("utter_later_order", "sales"),
    "amend_order": ("utter_later_order", "sales"),
    "cancel_order": ("utter_later_order", "sales"),
    "return_or_refund": ("utter_later_order", "sales"),
    "ask_product": ("utter_later_product", "sales"),
    "ask_price": ("utter_later_product", "sales"),
    "ask_payment": ("utter_later_payment", "billing"),
    "check_contract": ("utter_later_contract", "sales"),
    "renew_contract": ("utter_later_contract", "sales"),
    "terminate_contract": ("utter_later_contract", "sales"),
    "relocate_service": ("utter_later_relocate", "repair"),
    "join_event": ("utter_later_event", "sales"),
    "update_contact": ("utter_later_contact", "support"),
    "privacy_request": ("utter_later_privacy", "support"),
}
