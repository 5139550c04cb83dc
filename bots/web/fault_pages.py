"""What a browser shows where there is no page, or where we failed: what happened, what is kept, a way on.

Programs get the bare status as before; so do the addresses of data, which no person opens.
"""

import structlog
from aiohttp import web

from bots.web import i18n, pages
from bots.web.security import Handler
from crm import company

log = structlog.get_logger()
WORDS = {404: "missing", 405: "missing", 410: "missing", 403: "refused", 413: "too_large", 429: "busy"}
DATA = ("/api/", "/channels/", "/desk/api/", "/static/", "/reports/", "/metrics", "/healthz", "/readyz")


@web.middleware
async def shown(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an HTTP error of a page, and an error of ours, into a page with words."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400 or not _is_read(request):
            raise
        return await _page(request, answer.status)
    except Exception:
        if not _is_read(request):
            raise
        resource = request.match_info.route.resource  # its pattern: a path may hold a token
        log.error("page.failed", page=resource.canonical if resource else "", exc_info=True)
        return await _page(request, 500)


def _is_read(request: web.Request) -> bool:
    """Whether a person looks at the answer."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith(DATA)


async def _page(request: web.Request, status: int) -> web.Response:
    lang = i18n.negotiate(request)
    key = WORDS.get(status, "failed" if status >= 500 else "unread")
    desk = request.path == "/desk" or request.path.startswith("/desk/")
    response = pages.render(
        request, "fault.html", status=status, key=key, desk=desk, company=await _company(lang)
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _company(lang: str) -> str:
    try:
        return pages.company_name(await company.get(), lang)
    except Exception:  # the database itself may be what failed
        return i18n.t(lang, "app.name")


def setup(app: web.Application) -> None:
    """Put the words inside the security headers: after `pages.setup`."""
    app.middlewares.append(shown)
