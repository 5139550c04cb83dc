"""`/m/{token}`: a choice of an e-mail. Opening shows what it says, the button says it."""

from datetime import UTC, datetime

from aiohttp import web

from bots.web import i18n, pages
from crm import company, mail_answers
from crm.errors import CrmError


async def show(request: web.Request) -> web.Response:
    """The answer with its button. Scanners of mail open addresses, so nothing is said yet."""
    return await _page(request, send=False)


async def send(request: web.Request) -> web.Response:
    """Say it; sending again changes nothing. The token is the permission: it stands in that mail alone."""
    return await _page(request, send=True)


async def _page(request: web.Request, *, send: bool) -> web.Response:
    now, offer, state = datetime.now(UTC), None, "gone"
    try:
        offer = await mail_answers.read(request.match_info["token"], now)
        request[i18n.LANG] = offer.locale if offer.locale in i18n.LANGUAGES else "ko"
        if send:
            await mail_answers.press(offer, now=now)
        state = "sent" if send else "title"
    except (CrmError, ValueError):
        pass
    lang = request.get(i18n.LANG) or i18n.negotiate(request)
    name = pages.company_name(await company.get(), lang)
    status = 200 if offer else 410
    page = pages.render(request, "answer.html", status=status, company=name, offer=offer, state=state)
    page.headers["Referrer-Policy"] = "no-referrer"
    page.headers["Cache-Control"] = "no-store"
    return page


def routes(app: web.Application) -> None:
    app.router.add_get("/m/{token}", show)
    app.router.add_post("/m/{token}", send)
