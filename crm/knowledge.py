"""Knowledge articles: what staff write down and the bot quotes, never more and never something like it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.expressions import F

from crm import audit, db, happenings, writes
from crm.actor import Actor, check
from crm.article_keys import CODE_WEIGHT, KEYWORD_WEIGHT, article_keys, best_paragraph, codes_of, keys_of
from crm.checks import one_of, text
from crm.errors import Conflict, Invalid, NotFound
from crm.models import Article, ArticleKey

KINDS = ("usage", "error_code", "repair_price", "hours", "location", "policy")
LOCALES = ("ko", "en")
# Share of the question (by rarity) that an article must explain. Below it no answer is better than a wrong
# one; found on the demo company's articles with questions that have an answer and questions that have none.
THRESHOLD = 0.4
CODE_RARITY = 4.0  # a code says more than any word: it counts as four rare ones
CATEGORY_BONUS = 0.1
UNASKED_CODE_MALUS = 0.05  # between equals, who names no code rather wants the article that is not about one
_KEYS_SQL = """
SELECT k.key, k.article_id, k.weight FROM article_key k JOIN article a ON a.id = k.article_id
WHERE k.key IN ({keys}) AND a.locale = ? AND a.published"""
_CODES_SQL = """
SELECT DISTINCT k.key FROM article_key k JOIN article a ON a.id = k.article_id
WHERE k.key >= 'code:' AND k.key < 'code;' AND k.weight >= ? AND a.locale = ? AND a.published"""


@dataclass(frozen=True)
class Hit:
    """An article that answers: `score` 0 to 1, the passage to quote, and the page of the whole."""

    article: Article
    score: float
    quote: str
    url: str


async def search(
    question: str,
    *,
    locale: str = "ko",
    kinds: Sequence[str] | None = None,
    category: str | None = None,
    limit: int = 3,
) -> list[Hit]:
    """Published articles of one language that answer `question`, best first; empty rather than a bad one.

    `kinds` narrows to kinds of article, `category` prefers articles about that product category. A code in
    the question that no article knows gives no article about other codes.
    """
    wanted = keys_of(question)
    codes = await _error_codes(question, locale)
    # R3 or S9 is the name of a model here, no error code: it neither finds nor forbids
    wanted -= codes_of(question) - codes
    if not wanted:
        return []
    rows, total = await _rows(wanted, locale)
    rarity = _rarity(wanted, rows, total)
    scores = _scores(rows, rarity, codes)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    articles = {a.id: a for a in await Article.filter(id__in=[i for i, _ in best[: limit * 8]])}
    hits = []
    for article_id, score in best[: limit * 8]:
        article = articles[article_id]
        if kinds and article.kind not in kinds:
            continue
        if category and article.product_category == category:
            score = min(1.0, score + CATEGORY_BONUS)
        if article.kind == "error_code" and not codes:
            score -= UNASKED_CODE_MALUS
        if score >= THRESHOLD:
            hits.append(_hit(article, score, rarity))
    return sorted(hits, key=lambda hit: (-hit.score, hit.article.id))[:limit]


async def of_kind(kind: str, *, locale: str = "ko", limit: int = 1) -> list[Hit]:
    """The first articles of a kind, for questions that need no search: hours, location."""
    articles = await Article.filter(kind=kind, locale=locale, published=True).order_by("id").limit(limit)
    return [_hit(article, 1.0, {}) for article in articles]


async def get(slug: str, *, locale: str = "ko", published_only: bool = True) -> Article:
    """The article in this language, else in the other. Raises `NotFound`."""
    query = Article.filter(slug=slug)
    if published_only:
        query = query.filter(published=True)
    found = {article.locale: article for article in await query}
    for wanted in (locale, *LOCALES):
        if wanted in found:
            return found[wanted]
    raise NotFound("article")


async def viewed(article_id: int) -> None:
    """Count a look at an article's page."""
    await db.execute("UPDATE article SET views = views + 1 WHERE id = ?", article_id)


@dataclass(frozen=True)
class ArticlePage:
    """One page of the articles' list; `next` is the article to go on after, None at the end."""

    items: list[Article]
    next: int | None = None


async def list_articles(
    *,
    kind: str | None = None,
    locale: str | None = None,
    query: str = "",
    published: bool | None = None,
    after: int | None = None,
    limit: int = 50,
) -> ArticlePage:
    """Articles for the editor's list, by kind, title and id, with their editors.

    `query` is part of a title; `after` the `next` of the page before.
    """
    where: list[str] = ["1 = 1"]
    args: list[Any] = []
    for condition, value in (("kind = ?", kind), ("locale = ?", locale), ("published = ?", published)):
        if value is not None:
            where.append(condition)
            args.append(value)
    if words := query.strip():
        escaped = words.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        where.append("LOWER(title) LIKE ? ESCAPE '!'")
        args.append(f"%{escaped}%")
    if after is not None:
        where.append("(kind, title, id) > (SELECT b.kind, b.title, b.id FROM article b WHERE b.id = ?)")
        args.append(after)
    rows = await db.fetch(
        f"SELECT id FROM article WHERE {' AND '.join(where)} ORDER BY kind, title, id LIMIT ?",
        *args,
        limit + 1,
    )
    ids = [int(row["id"]) for row in rows[:limit]]
    found = {each.id: each for each in await Article.filter(id__in=ids).select_related("editor")}
    items = [found[each] for each in ids if each in found]
    return ArticlePage(items, ids[-1] if len(rows) > limit else None)


async def save(
    actor: Actor,
    *,
    slug: str,
    locale: str = "ko",
    title: str,
    body: str,
    kind: str = "usage",
    product_category: str = "",
    keywords: Sequence[str] = (),
    published: bool = True,
    expected_version: int | None = None,
    now: datetime,
) -> Article:
    """Write an article, new or changed, and find it from now on by its new words.

    Each change counts the version up and names its editor. `expected_version` 0 means: it is new; without
    a `slug` it is named by its number. Raises `Invalid` by field, also for the `slug` of an article that is
    there, and `Conflict` `newer_version` when somebody saved in between.
    """
    check(actor, "article.write")
    values = _checked(title, body, kind, product_category, keywords) | {"published": bool(published)}
    slug, locale = _slug(slug) if slug else "", one_of("locale", locale, LOCALES)
    async with writes.transaction():
        slug = slug or await _free_slug()
        # held from here on, so that two editors cannot both believe to be the first
        await db.execute("UPDATE article SET version = version WHERE slug = ? AND locale = ?", slug, locale)
        article = await Article.get_or_none(slug=slug, locale=locale)
        version = article.version if article else 0
        if expected_version == 0 and version:
            raise Invalid("slug", "address_taken")
        if expected_version is not None and expected_version != version:
            raise Conflict("newer_version", version=version)
        article = article or Article(slug=slug, locale=locale, created_at=now)
        editor = actor.id if actor.is_staff else None
        await article.update_from_dict(
            {**values, "version": version + 1, "editor_id": editor, "updated_at": now}
        ).save()
        await reindex(article)
        await happenings.record("article.changed", now=now, staff_id=editor, article_id=article.id, slug=slug)
        await audit.record(actor, "article.saved", "article", article.id, now=now, fields=[f"v{version + 1}"])
    return article


async def publish(actor: Actor, article_id: int, published: bool, *, now: datetime) -> Article:
    """Show an article to customers and the bot, or take it back. Whoever has it open to edit saves over
    neither: the version counts up."""
    check(actor, "article.write")
    async with db.transaction():
        changed = await Article.filter(id=article_id).update(
            published=published, version=F("version") + 1, updated_at=now
        )
        if not changed:
            raise NotFound("article")
        act = "article.published" if published else "article.withdrawn"
        kind = "article.published" if published else "article.changed"
        await happenings.record(kind, now=now, article_id=article_id)
        await audit.record(actor, act, "article", article_id, now=now)
        return await Article.get(id=article_id)


async def remove(actor: Actor, article_id: int, *, now: datetime) -> None:
    """Delete an article in one language."""
    check(actor, "article.write")
    async with db.transaction():
        if not await Article.filter(id=article_id).delete():
            raise NotFound("article")
        await audit.record(actor, "article.removed", "article", article_id, now=now)


async def reindex(article: Article) -> None:
    """Write the search keys of an article anew, in the caller's transaction."""
    await ArticleKey.filter(article_id=article.id).delete()
    await ArticleKey.bulk_create(key_rows(article))


def key_rows(article: Article) -> list[ArticleKey]:
    """The search keys of a saved article."""
    weights = article_keys(article.title, article.body, article.keywords, article.product_category)
    return [ArticleKey(article_id=article.id, key=key[:40], weight=w) for key, w in sorted(weights.items())]


def url_of(article: Article) -> str:
    """The page of an article; English ones say so, since both languages share the slug."""
    return f"/kb/{article.slug}" + ("" if article.locale == "ko" else f"?lang={article.locale}")


async def _error_codes(question: str, locale: str) -> set[str]:
    """The codes of the question that look like ours: some article's code begins with the same letters."""
    codes = codes_of(question)
    if not codes:
        return set()
    rows = await db.fetch(_CODES_SQL, CODE_WEIGHT, locale)
    letters = {row["key"].rstrip("0123456789") for row in rows}
    return {code for code in codes if code.rstrip("0123456789") in letters}


async def _rows(wanted: set[str], locale: str) -> tuple[list[dict[str, Any]], int]:
    keys = sorted(wanted)[:200]
    rows = await db.fetch(
        _KEYS_SQL.format(keys=db.placeholders(len(keys))),
        *keys,
        locale,
    )
    total = await Article.filter(locale=locale, published=True).count()
    return rows, total


def _rarity(wanted: set[str], rows: Sequence[Mapping[str, Any]], total: int) -> dict[str, float]:
    """How much each key tells: the fewer articles have it the more; an unknown key tells most."""
    counts = dict.fromkeys(wanted, 0)
    for row in rows:
        counts[row["key"]] += 1
    rarity = {key: math.log((total + 1) / (count + 0.5)) + 0.1 for key, count in counts.items()}
    return {k: max(v, 0.1) * (CODE_RARITY if k.startswith("code:") else 1.0) for k, v in rarity.items()}


def _scores(
    rows: Sequence[Mapping[str, Any]], rarity: Mapping[str, float], codes: set[str]
) -> dict[int, float]:
    """By article: the share of the question that it explains."""
    explained: dict[int, float] = {}
    coded: set[int] = set()
    for row in rows:
        share = min(1.0, row["weight"] / KEYWORD_WEIGHT)
        explained[row["article_id"]] = explained.get(row["article_id"], 0.0) + share * rarity[row["key"]]
        if row["key"] in codes and row["weight"] >= CODE_WEIGHT:
            coded.add(row["article_id"])
    whole = sum(rarity.values())
    return {i: min(1.0, e / whole) for i, e in explained.items() if not codes or i in coded}


def _hit(article: Article, score: float, rarity: Mapping[str, float]) -> Hit:
    return Hit(article, round(score, 3), best_paragraph(article.body, rarity), url_of(article))


def _slug(slug: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}", slug):
        raise Invalid("slug", "letters_and_dashes")
    return slug


async def _free_slug() -> str:
    """`article-` and the next number that names none, in either language."""
    newest = await Article.all().order_by("-id").first()
    number = (newest.id if newest else 0) + 1
    while await Article.exists(slug=f"article-{number}"):
        number += 1
    return f"article-{number}"


def _checked(
    title: str, body: str, kind: str, product_category: str, keywords: Sequence[str]
) -> dict[str, Any]:
    return {
        "title": text("title", title, longest=160, required=True),
        "body": text("body", body, longest=20_000, required=True),
        "kind": one_of("kind", kind, KINDS),
        "product_category": text("product_category", product_category, longest=60),
        "keywords": [text("keywords", word, longest=60, required=True) for word in keywords],
    }
