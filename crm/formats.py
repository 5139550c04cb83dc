"""How personal values are written for people: phone numbers, and masks that leave enough to recognise."""

import re
import unicodedata

import phonenumbers

REGION = "KR"  # of numbers written without a country
DOTS = "••••"
_BUILDING = re.compile(r"^\d+동$")
_MOBILE = re.compile(r"\+82(10)(\d{4})(\d{4})\Z")  # most numbers by far; the library takes 50 times as long


def normalise_phone(text: str) -> str | None:
    """E.164 of a phone number as people write it ('010 1234 5678', '+82 10…'); None if it is none."""
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def show_phone(e164: str) -> str:
    """'+821012345678' -> '010-1234-5678'; other countries' numbers in the international form."""
    if not e164:
        return ""
    if mobile := _MOBILE.match(e164):
        return "0" + "-".join(mobile.groups())
    try:
        number = phonenumbers.parse(e164, REGION)
    except phonenumbers.NumberParseException:
        return e164
    national = phonenumbers.region_code_for_number(number) == REGION
    form = (
        phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return phonenumbers.format_number(number, form)


def mask_phone(e164: str) -> str:
    """'010-••••-2481': the first and the last group."""
    if e164.startswith("+8210") and len(e164) == 13 and e164[1:].isdecimal():  # most by far; see `_MOBILE`
        return f"010-{DOTS}-{e164[9:]}"
    shown = show_phone(e164)
    groups = re.split(r"[-\s]", shown)
    if len(groups) < 2:
        return DOTS if shown else ""
    return "-".join([*groups[:-2][:1], DOTS, groups[-1][-4:]])


def mask_address(address: str) -> str:
    """'서울 마포구 ••• 104동': province and district, and the building but not the door."""
    if not address or address.isspace():
        return ""
    if "," in address and address.isascii():
        return ", ".join(["•••", *[part.strip() for part in address.split(",")][-2:]])
    words = address.split(None, 2)
    if len(words) < 3:
        return f"{words[0]} •••"
    shown = f"{words[0]} {words[1]} •••"
    if "동" in words[2]:
        for word in words[2].split():
            if _BUILDING.match(word):
                return f"{shown} {word}"
    return shown


def mask_email(email: str) -> str:
    """'k•••@example.com'."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}•••{at}{domain}" if email else ""
