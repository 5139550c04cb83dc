"""Search by name, phone and message text on both databases without an extension.

A contact has one row in `contact_key` for every suffix of the name and the phone number; a search is then a
range of an ordinary index. Names are kept as conjoining jamo (Unicode NFD), so the half-typed '김ㅁ' is a
prefix of '김민준'; a second kind of key holds the initial consonants, so 'ㄱㅁㅈ' finds the same person.
Message text is found by its Hangul bigrams and trigrams and its Latin words.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from crm import db, open_search
from crm.models import Contact

NAME, INITIALS, PHONE, EMAIL = "n", "c", "p", "e"  # the first letter of a contact key tells its kind
CONTACT_KEY_LENGTH = 64
MESSAGE_KEY_LENGTH = 32
INDEXED_CHARACTERS = 2000  # of one message; the rest of a longer one is not searchable
PHONE_MIN_DIGITS = 3
LAST = "\U0010ffff"

_SYLLABLE_BASE, _SYLLABLE_END, _PER_INITIAL = 0xAC00, 0xD7A3, 588  # Unicode 3.12, Hangul composition
_INITIALS = "ᄀᄁᄂᄃᄄᄅᄆᄇᄈᄉᄊᄋᄌᄍᄎᄏᄐᄑᄒ"
_COMPATIBILITY = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
# What an input method makes of two initials typed in a row.
_CLUSTERS = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_TO_INITIAL = dict(zip(_COMPATIBILITY, _INITIALS, strict=True))
_RUN = re.compile(r"[가-힣]+|[a-z0-9]+")
_NOT_DIGIT = re.compile(r"\D")


def fold(text: str) -> str:
    """Lower case, one form of every character (NFKC would join jamo: see `jamo`), spaces removed."""
    return "".join(unicodedata.normalize("NFC", text).lower().split())


def jamo(text: str) -> str:
    """`fold`ed text as conjoining jamo, with single compatibility consonants as initials."""
    spelled = "".join(_CLUSTERS.get(c, c) for c in fold(text))
    return unicodedata.normalize("NFD", "".join(_TO_INITIAL.get(c, c) for c in spelled))


def initials(text: str) -> str:
    """The initial consonants of the syllables: 김민준 -> ᄀᄆᄌ. Other characters stay."""
    return "".join(_initial(c) for c in fold(text))


def is_initials(text: str) -> bool:
    """Was only initial consonants typed ('ㄱㅁㅈ')?"""
    folded = fold(text)
    return bool(folded) and all(c in _TO_INITIAL or c in _CLUSTERS for c in folded)


def phone_digits(text: str) -> str:
    """The digits as dialled within Korea: '+82 10-1234-5678' -> '01012345678'."""
    digits = _NOT_DIGIT.sub("", text)
    return "0" + digits[2:] if digits.startswith("82") and len(digits) > 9 else digits


def contact_keys(name: str, phone: str, email: str = "") -> set[str]:
    """Every key under which a contact is found."""
    folded = fold(name)
    keys = {NAME + jamo(folded[i:]) for i in range(len(folded))}
    keys |= {INITIALS + initials(folded[i:]) for i in range(len(folded))}
    digits = phone_digits(phone)
    keys |= {PHONE + digits[i:] for i in range(max(0, len(digits) - PHONE_MIN_DIGITS + 1))}
    if email:
        keys.add(EMAIL + fold(email))
    return {key[:CONTACT_KEY_LENGTH] for key in keys}


def contact_ranges(query: str) -> list[str]:
    """The key prefixes that a typed query asks for; empty for a query that can find nothing."""
    folded = fold(query)
    if not folded:
        return []
    if is_initials(folded):
        return [INITIALS + jamo(folded)]
    digits = phone_digits(folded)
    if len(digits) >= PHONE_MIN_DIGITS and not re.search(r"[^\d+\-.()]", folded):
        return [PHONE + digits]
    return [NAME + jamo(folded)] + ([EMAIL + folded] if folded.isascii() else [])


async def reindex_contact(contact: Contact) -> None:
    """Replace the contact's keys by those of the current name, phone and e-mail, and of the contacts that
    were merged into it; one that is itself part of another has none."""
    keys = contact_keys(contact.name, contact.phone, contact.email)
    for part in await db.fetch(_PARTS, contact.id):
        keys |= contact_keys(part["name"], part["phone"], part["email"])
    wanted = sorted(keys) if contact.merged_into_id is None else []
    await db.execute("DELETE FROM contact_key WHERE contact_id = ?", contact.id)
    await db.execute_many(
        "INSERT INTO contact_key (key, contact_id) VALUES (?, ?)", [(key, contact.id) for key in wanted]
    )
    await open_search.reindex(contact.id)


_PARTS = (
    "WITH RECURSIVE part(id, name, phone, email) AS"
    " (SELECT id, name, phone, email FROM contact WHERE merged_into_id = ?"
    " UNION ALL SELECT c.id, c.name, c.phone, c.email FROM contact c JOIN part ON c.merged_into_id = part.id)"
    " SELECT name, phone, email FROM part"
)


def key_range(prefix: str) -> tuple[str, str]:
    """The keys that begin with `prefix`: from the first, and below the second."""
    return prefix[:CONTACT_KEY_LENGTH], prefix[:CONTACT_KEY_LENGTH] + LAST


async def find_contacts(query: str, *, limit: int = 20) -> list[int]:
    """Ids of contacts whose name, phone or e-mail holds what was typed, best key first."""
    found: dict[int, None] = {}
    for prefix in contact_ranges(query):
        found.update(dict.fromkeys(await _keyed(prefix[:CONTACT_KEY_LENGTH], limit)))
    return list(found)[:limit]


async def _keyed(prefix: str, limit: int) -> list[int]:
    """Contacts with a key in this range, best key first; read further where some have several such keys."""
    for many in (limit + limit // 4, limit * 3):
        found = await db.column(
            "SELECT contact_id FROM contact_key WHERE key >= ? AND key < ?"
            f" ORDER BY key, contact_id LIMIT {int(many)}",
            prefix,
            prefix + LAST,
        )
        ids = list(dict.fromkeys(found))
        if len(found) < many or len(ids) >= limit:
            break
    return ids


def message_keys(text: str) -> set[str]:
    """The tokens under which a message is found: Hangul 1- to 3-grams as needed, Latin words and numbers."""
    keys: set[str] = set()
    for run in _runs(text[:INDEXED_CHARACTERS]):
        if not _is_hangul(run):
            keys.add(run[:MESSAGE_KEY_LENGTH])
        elif len(run) == 1:
            keys.add(run)
        else:
            keys.update(_grams(run, 2))
            keys.update(_grams(run, 3))
    return keys


def query_keys(text: str) -> tuple[list[str], str]:
    """Tokens that a matching message must have, and a prefix ('' if none) that one token must begin with."""
    runs = _runs(text)
    whole: set[str] = set()
    for run in runs[:-1]:
        whole.update(_query_grams(run) if _is_hangul(run) else [run[:MESSAGE_KEY_LENGTH]])
    if not runs:
        return [], ""
    last = runs[-1]
    if _is_hangul(last) and len(last) > 1:
        whole.update(_query_grams(last))
        return sorted(whole, key=len, reverse=True), ""
    return sorted(whole, key=len, reverse=True), last[:MESSAGE_KEY_LENGTH]


@dataclass(frozen=True)
class Kept:
    """A table of keys, and its column of what they belong to."""

    table: str
    column: str


MESSAGES = Kept("message_key", "message_id")


async def index_pending(now: datetime, *, limit: int = 200) -> int:
    """Index messages not indexed yet, oldest first; how many were. Run it from a tick until it says 0."""
    db.require_aware(now)
    async with db.transaction():
        taken = await db.fetch(
            "UPDATE message SET unindexed = NULL WHERE unindexed = ? AND id IN"
            " (SELECT id FROM message WHERE unindexed = ? ORDER BY id LIMIT ?) RETURNING id, text",
            True,
            True,
            limit,
        )
        rows = [(key, row["id"]) for row in taken for key in sorted(message_keys(row["text"]))]
        await db.execute_many("INSERT INTO message_key (key, message_id) VALUES (?, ?)", rows)
    return len(taken)


async def find_messages(query: str, *, limit: int = 50) -> list[int]:
    """Ids of the newest messages that hold every part of the query; those not indexed yet as well."""
    keys, prefix = query_keys(query)
    if not keys and not prefix:
        return []
    indexed = await find_kept(MESSAGES, keys, prefix, limit)
    fresh = await db.fetch(
        "SELECT id, text FROM message WHERE unindexed = ? ORDER BY id DESC LIMIT 500", True
    )
    if not fresh:
        return indexed
    matching = {int(row["id"]) for row in fresh if matches(message_keys(row["text"]), keys, prefix)}
    return sorted(matching | set(indexed), reverse=True)[:limit]


async def find_kept(kept: Kept, keys: list[str], prefix: str, limit: int) -> list[int]:
    """Walk the rarest-looking (longest) key newest first and probe the index for the others."""
    table, of = kept.table, kept.column
    first, others = (keys[0], keys[1:]) if keys else ("", [])
    probes = f" AND EXISTS (SELECT 1 FROM {table} o WHERE o.key = ? AND o.{of} = k.{of})"
    prefixed = f" AND EXISTS (SELECT 1 FROM {table} o WHERE o.{of} = k.{of} AND o.key >= ? AND o.key < ?)"
    if first:
        sql = f"SELECT k.{of} AS id FROM {table} k WHERE k.key = ?"
        sql += probes * len(others)
        args = [first, *others]
        if prefix:
            sql, args = sql + prefixed, [*args, prefix, prefix + LAST]
    else:
        # A whole word is read off the index newest first; a beginning of words must be sorted.
        sql, args = f"SELECT k.{of} AS id FROM {table} k WHERE k.key = ?", [prefix]
        found = await _newest(sql, args, limit)
        if len(found) == limit:
            return found
        sql = f"SELECT DISTINCT k.{of} AS id FROM {table} k WHERE k.key >= ? AND k.key < ?"
        args = [prefix, prefix + LAST]
    return await _newest(sql, args, limit)


async def _newest(sql: str, args: list[str], limit: int) -> list[int]:
    return await db.column(f"{sql} ORDER BY id DESC LIMIT {int(limit)}", *args)


def matches(have: set[str], keys: list[str], prefix: str) -> bool:
    return have.issuperset(keys) and (not prefix or any(key.startswith(prefix) for key in have))


def _initial(character: str) -> str:
    code = ord(character)
    if _SYLLABLE_BASE <= code <= _SYLLABLE_END:
        return _INITIALS[(code - _SYLLABLE_BASE) // _PER_INITIAL]
    return _TO_INITIAL.get(character, character)


def _runs(text: str) -> list[str]:
    return _RUN.findall(unicodedata.normalize("NFC", text).lower())


def _is_hangul(run: str) -> bool:
    return run[0] >= "가"


def _grams(run: str, size: int) -> Iterable[str]:
    return (run[i : i + size] for i in range(len(run) - size + 1))


def _query_grams(run: str) -> list[str]:
    return list(_grams(run, min(3, len(run))))
