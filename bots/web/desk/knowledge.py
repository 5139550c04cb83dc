"""The knowledge editor: articles in both languages, written, previewed and published."""

from typing import Any

from aiohttp import web

from bots.web.desk import words
from bots.web.desk.frame import Desk, body, json_answer, page, person
from bots.web.desk.frame import api as json_api
from bots.web.desk.nav import shell
from bots.web.desk.prose import paragraphs
from crm import knowledge, products
from crm.errors import NotFound
from crm.models import Article, Staff

PAGE = 50


@page
async def index(desk: Desk) -> web.StreamResponse:
    """All articles by kind and title, narrowed by title, kind and language."""
    query = desk.request.query
    kind, lang = query.get("kind", ""), query.get("locale", desk.lang)
    found = await knowledge.list_articles(
        kind=kind if kind in knowledge.KINDS else None,
        locale=lang if lang in knowledge.LOCALES else None,
        query=query.get("q", "")[:100],
        after=desk.asked("after"),
        limit=PAGE,
    )
    context = {"rows": [_row(desk, article) for article in found.items], "more": found.next or ""}
    if desk.fragment == "list":
        return desk.render("_article_rows.html", **context)
    return desk.render(
        "articles.html",
        **await shell(desk, "knowledge"),
        **context,
        page="articles",
        q=query.get("q", "")[:100],
        kind=kind,
        locale=lang,
        kinds=knowledge.KINDS,
    )


def _row(desk: Desk, article: Article) -> dict[str, Any]:
    return {
        "id": article.id,
        "title": article.title,
        "kind": article.kind,
        "locale": article.locale,
        "published": article.published,
        "views": article.views,
        "updated": words.brief(article.updated_at, desk.tz, desk.lang, desk.now),
        "editor": _called(desk, article.editor) if article.editor else "",
    }


def _called(desk: Desk, staff: Staff) -> str:
    return str(person(staff, desk.lang)["name"])


@page
async def edit(desk: Desk) -> web.StreamResponse:
    """One article in its editor, with the way to its other language."""
    article = await Article.get_or_none(id=desk.id()).select_related("editor")
    if article is None:
        raise NotFound("article")
    other = "en" if article.locale == "ko" else "ko"
    twin = await Article.get_or_none(slug=article.slug, locale=other)
    values = {name: getattr(article, name) for name in _FIELDS}
    twin_address = f"/desk/knowledge/{twin.id}" if twin else f"/desk/knowledge/new?from={article.id}"
    about = {
        "id": article.id,
        "version": article.version,
        "editor": _called(desk, article.editor) if article.editor else desk.t("desk.actor.system"),
    }
    return await _editor(desk, {**values, **about}, other, twin_address)


_FIELDS = ("slug", "locale", "title", "body", "kind", "product_category", "keywords", "published")


@page
async def new(desk: Desk) -> web.StreamResponse:
    """An empty editor, or the translation of an article that has none."""
    given = desk.asked("from")
    source = await Article.get_or_none(id=given) if given else None
    article: dict[str, Any] = {
        "slug": "", "locale": "ko", "title": "", "body": "", "kind": "usage", "product_category": "",
        "keywords": [], "published": False, "id": None, "version": 0, "editor": "",
    }  # fmt: skip
    if source is not None:
        article |= {name: getattr(source, name) for name in ("slug", "kind", "product_category", "keywords")}
        article["locale"] = "en" if source.locale == "ko" else "ko"
    other = "en" if article["locale"] == "ko" else "ko"
    return await _editor(desk, article, other, f"/desk/knowledge/{source.id}" if source else "")


async def _editor(desk: Desk, article: dict[str, Any], other: str, twin: str) -> web.StreamResponse:
    categories = sorted({it.category for it in await products.list_products() if it.category})
    return desk.render(
        "article.html",
        **await shell(desk, "knowledge"),
        page="article",
        a=article,
        other=other,
        twin=twin,
        kinds=knowledge.KINDS,
        categories=categories,
        preview=paragraphs(article["body"]),
    )


@json_api
async def preview(desk: Desk) -> web.StreamResponse:
    """How a text will look to customers."""
    text = str((await body(desk.request)).get("body", ""))[:20_000]
    return json_answer({"html": str(paragraphs(text))})


def routes(app: web.Application) -> None:
    app.router.add_get("/desk/knowledge", index)
    app.router.add_get("/desk/knowledge/new", new)
    app.router.add_get(r"/desk/knowledge/{id:\d+}", edit)
    app.router.add_post("/desk/api/preview", preview)
