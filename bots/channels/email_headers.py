"""Header fields of mails as they really come: encoded words, raw bytes in any charset, broken lists. Pure.

The standard library's newer header parser fails on some of them; nothing here raises for any input.
"""

import base64
import binascii
import quopri
import re
import unicodedata
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses
from hashlib import sha256

ID_MAX = 200  # of an id that the tables hold; a longer one is known by its hash
ADDRESS_MAX = 190
# RFC 2047 section 2; a charset may carry a language (RFC 2231 section 5)
_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?]{0,20})?\?([bBqQ])\?([^?]*)\?=")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:\[\]@]+@[^\s<>\"'(),;:\[\]@]+")
_ID = re.compile(r"<([^<>\s]{1,998})>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_KOREAN = frozenset({"ks_c_5601-1987", "ks_c_5601-1989", "ks_c_5601", "ksc5601", "ksc_5601", "euc-kr",
                     "euckr", "korean", "cp949", "uhc", "ms949", "windows-949", "x-windows-949"})  # fmt: skip
# Charsets of mail programs; Python knows "charsets" that are none, and slow ones.
_KNOWN = re.compile(
    r"utf-?(8|16|16le|16be|32)|(iso|csiso)-?8859-?\d{1,2}|windows-?125\d|cp125\d|koi8-?[ru]|gb2312|gbk|gb18030"
    r"|big5|shift_?jis|euc-?(jp|tw|cn)|iso-2022-(kr|jp)(-\d)?|latin-?1"
)


@dataclass(frozen=True)
class Address:
    """A person in a mail; `address` in lower case."""

    name: str
    address: str


def field(message: Message, name: str) -> str:
    """A field in one line, decoded; '' when it is not there. Of several the first."""
    return decode(raw(message, name))


def raw(message: Message, name: str) -> str:
    """A field as it was written, unfolded. Bytes beyond ASCII are lone surrogates."""
    return next((text for key, text in fields(message) if key == name.lower()), "")


def fields(message: Message) -> list[tuple[str, str]]:
    """Every field, its name in lower case."""
    return [(str(key).lower(), re.sub(r"\r?\n", "", str(text))) for key, text in message.raw_items()]


def decode(text: str) -> str:
    """Encoded words and raw bytes as text, in one line without control characters."""
    pieces: list[str] = []
    at, run, charset = 0, b"", ""
    for word in _WORD.finditer(text):
        between = text[at : word.start()]
        adjacent = bool(run) and not between.strip()  # white space between encoded words is none
        if not (adjacent and word[1].lower() == charset):
            pieces.append(decoded(run, charset))
            run, charset = b"", word[1].lower()
        if not adjacent:
            pieces.append(decoded(_bytes(between), ""))
        run += _word(word)
        at = word.end()
    pieces += [decoded(run, charset), decoded(_bytes(text[at:]), "")]
    return one_line("".join(pieces))


def _word(word: re.Match[str]) -> bytes:
    """The bytes of an encoded word; of a broken one, as they stand."""
    body = _bytes(word[3])
    if word[2] in "qQ":
        return quopri.decodestring(body.replace(b"_", b" "))
    try:
        return base64.b64decode(body + b"=" * (-len(body) % 4))
    except binascii.Error:
        return body


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape" if _escaped(text) else "replace")


def _escaped(text: str) -> bool:
    return all(not "\ud800" <= letter <= "\udfff" or "\udc80" <= letter <= "\udcff" for letter in text)


def decoded(data: bytes, charset: str) -> str:
    """Bytes as text: by their charset if it is one and fits, else UTF-8, else Korean."""
    name = charset.strip().strip("\"'").lower()
    name = "cp949" if name in _KOREAN else name
    for tried in (name if name == "cp949" or _KNOWN.fullmatch(name) else "", "utf-8", "cp949"):
        try:
            if tried:
                return data.decode(tried)
        except (UnicodeError, LookupError):
            continue
    return data.decode("cp949" if name == "cp949" else "utf-8", "replace")


def one_line(text: str) -> str:
    """Without line breaks and what could hide or reorder text."""
    return re.sub(r"\s+", " ", _CONTROL.sub(" ", unicodedata.normalize("NFC", text))).strip()


def addresses(text: str) -> list[Address]:
    """The people of a From, To or Cc field. Of what is no address nothing is made."""
    try:
        found = getaddresses([text])
    except (ValueError, IndexError, TypeError):
        found = []
    people = [Address(decode(name)[:100], one_line(where).lower()) for name, where in found]
    people = [one for one in people if _ADDRESS.fullmatch(one.address) and len(one.address) <= ADDRESS_MAX]
    if not people:  # a name in raw bytes, or with commas that should have been quoted
        spelled = (decode(found).lower() for found in _ADDRESS.findall(text))
        people = [Address("", one) for one in spelled if len(one) <= ADDRESS_MAX]
    return list({one.address: one for one in people}.values())


def message_ids(text: str) -> list[str]:
    """The Message-IDs of a field, without their brackets, as the tables hold them."""
    return [known_id(one) for one in _ID.findall(text)]


def known_id(message_id: str) -> str:
    """A Message-ID that fits the tables: a very long one is known by its hash."""
    plain = decoded(_bytes(message_id), "").replace("\x00", "")
    return plain if len(plain) <= ID_MAX else f"{sha256(plain.encode()).hexdigest()}@long"
