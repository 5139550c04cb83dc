"""`dangol check` of the skill server: does a front answer at the address that Kakao was given?"""

import aiohttp
from aiohttp import web

SECONDS = 5.0


async def probed(address: str) -> str:
    """What answers at the skill's address. Raises where that is not a front with this secret."""
    try:
        patience = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=patience) as session, session.post(address) as answer:
            status = answer.status
    except aiohttp.ClientSSLError as fault:
        raise RuntimeError("the certificate of DANGOL_PUBLIC_URL is not believed, nor will Kakao") from fault
    except (aiohttp.ClientError, TimeoutError):
        return "where nobody answers now: start the front, look at the proxy"
    if status == web.HTTPNotFound.status_code:
        raise RuntimeError(
            "KAKAO_SECRET: what answers at DANGOL_PUBLIC_URL knows another secret, or none; "
            "restart the front with this one, let the proxy hand /channels/kakao on"
        )
    if status != web.HTTPBadRequest.status_code:  # what a front says to a request without a body
        raise RuntimeError(f"DANGOL_PUBLIC_URL answers {status} to skill requests; look at the proxy")
    return "where a front takes this secret"
