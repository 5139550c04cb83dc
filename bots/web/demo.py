"""`/`: the demo company's page, customers' phones beside the staff's desk. Elsewhere a plain front door."""

from datetime import UTC, datetime

from aiohttp import web

from bots.web import i18n, pages, security
from bots.web.app_keys import CONFIG
from bots.web.desk.frame import COOKIE
from crm import company, sessions
from crm.models import Staff

FEATURED = ("agent", "technician", "manager")  # one of each role stands in the page's head
SAMPLES = {
    "web": ("say_1", "say_2", "say_3"),
    "kakao": ("say_1", "say_person"),
    "telegram": ("say_filter", "say_person"),
    "sms": ("say_1", "say_person"),
}


async def show(request: web.Request) -> web.Response:
    config, lang = request.app[CONFIG], i18n.negotiate(request)
    name = pages.company_name(await company.get(), lang)
    if not config.demo:
        response = pages.render(request, "door.html", company=name)
    else:
        windows = config.demo_windows if security.is_loopback(request) else ()
        request[security.FRAME_SOURCES] = " ".join(window.origin for window in windows)
        staff = await Staff.filter(active=True, demo=True).order_by("id")
        featured = _featured(staff)
        response = pages.render(
            request,
            "demo.html",
            company=name,
            featured=featured,
            others=[member for member in staff if member not in featured],
            count=len(staff),
            timezone=config.timezone.key,
            named=lambda member: (member.name_en or member.name) if lang == "en" else member.name,
            one_click=security.is_loopback(request),
            password=config.demo_password if security.is_loopback(request) else "",
            samples={
                channel: [i18n.t(lang, f"demo.{key}") for key in keys] for channel, keys in SAMPLES.items()
            },
            phones=[window for window in windows if window.side == "customer"],
            windows=[window for window in windows if window.side == "staff"],
        )
        security.keep_csrf(request, response)
    pages.remember_language(request, response)
    return response


def _featured(staff: list[Staff]) -> list[Staff]:
    first: dict[str, Staff] = {}
    for member in staff:
        first.setdefault(member.role, member)
    return [first[role] for role in FEATURED if role in first]


async def sign_in(request: web.Request) -> web.Response:
    """`POST /demo/login` with the field `login`: become a demo staff member, on this machine only."""
    if not request.app[CONFIG].demo or not security.is_loopback(request):
        raise web.HTTPNotFound(text="not found")
    await security.check_csrf(request)
    login = str((await security.form(request)).get("login", ""))
    member = await Staff.get_or_none(login=login, demo=True, active=True)
    if member is None:
        raise web.HTTPNotFound(text="not found")
    session = await sessions.start(member, now=datetime.now(UTC))
    response = web.json_response({"login": member.login, "name": member.name})
    security.set_cookie(request, response, COOKIE, session.token)
    return response


def routes(app: web.Application) -> None:
    app.router.add_get("/", show)
    app.router.add_post("/demo/login", sign_in)
