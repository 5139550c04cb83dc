"""The JSON addresses below /desk/api: acts by name, counts, and what the composer offers."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bots.staff import acts
from bots.web.desk.counting import counts
from bots.web.desk.frame import Desk, api, body, json_answer
from bots.web.desk.side import staff_list
from crm import canned, knowledge


@api
async def act(desk: Desk) -> web.StreamResponse:
    """Do an act; answers its `result` with `said` (words) and `undo`."""
    done = await acts.perform(
        desk.actor, desk.request.match_info["name"], await body(desk.request), datetime.now(UTC)
    )
    answer: dict[str, Any] = dict(done.result)
    values = dict(done.values)
    if "priority" in values:
        values["priority"] = desk.t(f"priority.{values['priority']}")
    answer["said"] = desk.t(f"desk.done.{done.key}", **values) if done.key else ""
    answer["undo"] = {"act": done.undo.act, "args": done.undo.args} if done.undo else None
    return json_answer(answer)


@api
async def totals(desk: Desk) -> web.StreamResponse:
    return json_answer(await counts(desk))


@api
async def replies(desk: Desk) -> web.StreamResponse:
    """Canned replies by shortcut, those in the conversation's language first, variables still in braces."""
    found = await canned.offered(desk.actor, desk.asked("conversation") or 0)
    items = [{"id": it.id, "shortcut": f"/{it.shortcut}", "name": it.title, "put": it.text} for it in found]
    return json_answer({"items": items})


@api
async def filled(desk: Desk) -> web.StreamResponse:
    """One canned reply filled for a conversation; `missing` names what is not known."""
    reply = await canned.expand(desk.actor, desk.id(), desk.asked("conversation") or 0)
    return json_answer({"text": reply.text, "missing": list(reply.missing)})


@api
async def articles(desk: Desk) -> web.StreamResponse:
    """Articles that answer what is being written; the first published ones when nothing is."""
    query = desk.request.query.get("q", "").strip()[:200]
    hits = await knowledge.search(query, locale=desk.lang, limit=6) if query else []
    items = [_article(hit.article, hit.quote, hit.url, desk) for hit in hits]
    if not items:
        found = await knowledge.list_articles(locale=desk.lang, published=True, limit=8)
        items = [_article(each, each.body, knowledge.url_of(each), desk) for each in found.items]
    return json_answer({"items": items})


def _article(article: Any, quote: str, url: str, desk: Desk) -> dict[str, str]:
    text = quote.strip().split("\n\n")[0][:400]
    return {
        "shortcut": desk.t(f"desk.kind.{article.kind}"),
        "name": article.title,
        "about": text[:90],
        "put": f"{text}\n{desk.origin}{url}",
    }


@api
async def staff(desk: Desk) -> web.StreamResponse:
    return json_answer({"items": await staff_list(desk)})


def routes(app: web.Application) -> None:
    app.router.add_post("/desk/api/acts/{name}", act)
    app.router.add_get("/desk/api/counts", totals)
    app.router.add_get("/desk/api/canned", replies)
    app.router.add_get(r"/desk/api/canned/{id:\d+}", filled)
    app.router.add_get("/desk/api/articles", articles)
    app.router.add_get("/desk/api/staff", staff)
