"""`/call/{token}`: live support for the customer and for experts who come by a link.

The media room's own socket, `/call/{token}/socket`, is bots/web/call_socket.py.
"""

from aiohttp import web

from bots.web.call import after, asking, assist, form, page, room


def routes(app: web.Application) -> None:
    """The page, what it sends, and its socket to the CRM. Needs the hub's lifespan."""
    for part in (page, asking, assist, form, after, room):
        part.routes(app)
