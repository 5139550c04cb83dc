"""The desk: where staff see conversations and requests live, and answer them."""

from aiohttp import web

from bots.staff import admin_acts, commands, live_acts, people_acts, request_acts, slack_acts
from bots.web.desk import (
    admin,
    api,
    call_files,
    call_record,
    callbacks,
    calls,
    contacts,
    inbox,
    knowledge,
    live,
    login,
    mail,
    palette,
    requests,
    stored,
)

MODULES = (
    login,
    inbox,
    requests,
    contacts,
    callbacks,
    calls,
    call_files,
    call_record,
    knowledge,
    admin,
    api,
    live,
    mail,
    palette,
    stored,
)
ACTS = (
    admin_acts,
    commands,
    live_acts,
    people_acts,
    request_acts,
    slack_acts,
)  # imported so that they are registered


async def home(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/desk/conversations")


def routes(app: web.Application) -> None:
    """Put the desk into an application that has CONFIG, templates and, in `cleanup_ctx`, the hub."""
    app.router.add_get("/desk", home)
    for module in MODULES:
        module.routes(app)
