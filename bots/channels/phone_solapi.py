"""SOLAPI: SMS, LMS and AlimTalk through its SDK (https://developers.solapi.com).

The SDK is synchronous: it runs in a few threads of its own. Every message carries its key in `customFields`,
which comes back in the report, so a report finds its message even before the answer to the request did.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import structlog
from pydantic import ValidationError
from solapi import SolapiMessageService
from solapi.error.MessageNotReceiveError import MessageNotReceivedError
from solapi.lib.fetcher import RequestMethod, default_fetcher
from solapi.model.kakao.kakao_option import KakaoOption
from solapi.model.message_type import MessageType
from solapi.model.request.message import Message
from solapi.model.request.send_message_request import SendRequestConfig

from bots.channels.base import RetryLater, Undeliverable
from bots.channels.phone_provider import Parcel, Received
from crm.deliveries import DELIVERED, FAILED, Report

log = structlog.get_logger()
T = TypeVar("T")

THREADS: Final = 4
SECRET_HEADER: Final = "X-Solapi-Secret"  # noqa: S105  (a header's name)
# Every report is one of these: 2xxx and 3000 are under way, 4000 has arrived, all others have failed
# (https://developers.solapi.com/references/message-status-codes).
ARRIVED: Final = "4000"
UNDER_WAY: Final = ("2000", "3000")
# Errors of the account, not of a message: it waits until the operator has mended them.
OF_THE_ACCOUNT: Final = {
    "InvalidAPIKey", "InvalidApiKey", "SignatureDoesNotMatch", "Unauthorized", "Forbidden",
    "RequestTimeTooSkewed", "NotEnoughBalance", "AccountSuspended",
}  # fmt: skip
TOO_FAST: Final = {"TooManyRequests", "RateLimitExceeded", "RequestLimitExceeded"}
ACCOUNT_PAUSE_SECONDS: Final = 300.0
RATE_PAUSE_SECONDS: Final = 5.0


class Solapi:
    """One API key with one sender number."""

    name = "solapi"

    def __init__(self, key: str, secret: str, sender: str, url: str, webhook_secret: str) -> None:
        self._service = SolapiMessageService(key, secret)
        self._service.base_url = url
        self._sender = sender
        # SOLAPI does not sign what it posts: it sends the SHA-1 of the secret entered in its console.
        self._vouch = hashlib.sha1(webhook_secret.encode()).hexdigest() if webhook_secret else ""  # noqa: S324
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="solapi")

    # --- out

    async def send(self, parcel: Parcel) -> str:
        try:
            answer = await self._away(lambda: self._service.send(_message(parcel, self._sender), _CONFIG))
        except MessageNotReceivedError as fault:
            refused = fault.failed_messages[0]
            raise Undeliverable(f"{refused.status_code} {refused.status_message}"[:100]) from fault
        except (httpx.HTTPError, ValidationError):
            raise  # tried again: nobody knows whether they have it
        except Exception as fault:
            raise _meaning(fault) from fault
        listed = answer.message_list or []
        return str(listed[0].message_id if listed else answer.group_info.group_id)

    # --- in

    def vouched(self, headers: Mapping[str, str], body: bytes) -> bool:
        given = headers.get(SECRET_HEADER, "").lower()
        return bool(self._vouch) and hmac.compare_digest(given.encode(), self._vouch.encode())

    def reports(self, body: Any) -> Sequence[Report]:
        events = [_data(event) for event in _list(body)]
        return [report for event in events if (report := _report(event)) is not None]

    def received(self, body: Any) -> Sequence[Received]:
        return [_received(_data(event)) for event in _list(body)]

    # --- set-up

    async def check(self, *, profile: str = "") -> str:
        balance = await self._ask("/cash/v1/balance")
        numbers = await self._ask("/senderid/v1/numbers/active")
        known = {str(number).replace("-", "") for number in numbers}
        if self._sender not in known:
            raise RuntimeError(
                f"SOLAPI_SENDER: the sender number {self._sender} is not registered at SOLAPI; "
                "register it in its console (발신번호), or give one that is"
            )
        hooks = "reports on" if self._vouch else "no reports: DANGOL_SOLAPI_WEBHOOK_SECRET is empty"
        said = f"{self._sender}, balance {balance.get('balance', 0):g} won, {hooks}"
        return f"{said}, {await self._templates(profile)}" if profile else said

    async def _templates(self, profile: str) -> str:
        asked = f"/kakao/v2/templates/?channelId={quote(profile)}&status=APPROVED&limit=100"
        found = (await self._ask(asked)).get("templateList", [])
        none = " (notices go by SMS; is ALIMTALK_PROFILE that of the channel with the templates?)"
        return f"{len(found)} approved templates{'' if found else none}"

    async def _ask(self, path: str) -> Any:
        request = {"method": RequestMethod.GET, "url": f"{self._service.base_url}{path}"}
        try:
            return await self._away(lambda: default_fetcher(self._service.auth_info, request))
        except httpx.HTTPError as fault:
            where = self._service.base_url
            raise RuntimeError(f"SOLAPI does not answer at {where} ({type(fault).__name__})") from fault
        except Exception as fault:
            told = "SOLAPI refuses: " + ": ".join(map(str, fault.args))[:200]
            raise RuntimeError(f"{told}{_remedy(str(fault.args[0]) if fault.args else '')}") from fault

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _away(self, work: Callable[[], T]) -> T:
        """Off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


_CONFIG: Final = SendRequestConfig(show_message_list=True, allow_duplicates=True)


def _message(parcel: Parcel, sender: str) -> Message:
    country, number = _dialled(parcel.to)
    kakao = None
    if parcel.template:
        kakao = KakaoOption(
            pf_id=parcel.template.profile,
            template_id=parcel.template.code,
            variables=dict(parcel.template.variables) or None,
            disable_sms=True,  # the next way is ours to choose: with its consent, cost and place in the order
        )
    return Message(
        from_=sender,
        to=number,
        country=country,
        text=parcel.text or None,
        type=MessageType(parcel.kind),
        auto_type_detect=False,
        kakao_options=kakao,
        custom_fields={"key": parcel.key},
    )


def _dialled(e164: str) -> tuple[str, str]:
    """Country and number as SOLAPI wants them: '+821012345678' -> ('82', '01012345678')."""
    if e164.startswith("+82"):
        return "82", "0" + e164[3:]
    if not e164.startswith("+"):
        raise Undeliverable("not_a_phone")
    raise Undeliverable("abroad")  # international SMS is a contract of its own


def _meaning(fault: Exception) -> Exception:
    """The SDK raises bare exceptions of a code and a text (5xx: 'UnknownError')."""
    code = str(fault.args[0]) if fault.args else ""
    if code in OF_THE_ACCOUNT:
        log.error("solapi.account_refused", code=code)
        return RetryLater(ACCOUNT_PAUSE_SECONDS)
    if code in TOO_FAST:
        return RetryLater(RATE_PAUSE_SECONDS)
    if code == "UnknownError" or len(fault.args) < 2:
        return fault
    return Undeliverable(f"{code}: {fault.args[1]}"[:100])


def _remedy(code: str) -> str:
    """What the operator does about an error of the account."""
    if code in ("RequestTimeTooSkewed",):
        return "; set this machine's clock"
    if code in ("Unauthorized", "Forbidden"):
        return "; allow the key its permissions and this machine's address in SOLAPI's console"
    if code in OF_THE_ACCOUNT and code not in ("NotEnoughBalance", "AccountSuspended"):
        return "; make a new pair in SOLAPI's console, set SOLAPI_KEY and SOLAPI_SECRET"
    return ""


def _list(body: Any) -> list[Any]:
    if not isinstance(body, list) or not all(isinstance(event, dict) for event in body):
        raise ValueError("SOLAPI posts a list of events")
    return body


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event is wrapped with an id and a count of retries, or stands alone."""
    data = event.get("data", event)
    if not isinstance(data, Mapping):
        raise ValueError("an event without data")
    return data


def _report(data: Mapping[str, Any]) -> Report | None:
    code, key = str(data.get("statusCode", "")), (data.get("customFields") or {}).get("key", "")
    if not code:
        raise ValueError("a report without a status")
    if code in UNDER_WAY or not key:
        return None  # without a key it is not of our sending
    state = DELIVERED if code == ARRIVED else FAILED
    reason = "" if state == DELIVERED else code
    return Report(str(key), str(data.get("messageId", "")), state, reason, _time(data.get("dateReceived")))


def _received(data: Mapping[str, Any]) -> Received:
    found = {name: data.get(name) for name in ("messageId", "from", "text")}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise ValueError("a message without id, sender or text")
    return Received(
        str(found["messageId"]), str(found["from"]), str(found["text"]), _time(data.get("dateReceived"))
    )


def _time(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def make(values: Mapping[str, str]) -> Solapi:
    """The account of these settings. Raises `ValueError` naming what is missing."""
    missing = [name for name in ("solapi_key", "solapi_secret", "solapi_sender") if not values.get(name)]
    if missing:
        raise ValueError("missing: " + ", ".join(f"DANGOL_{name.upper()}" for name in missing))
    return Solapi(
        values["solapi_key"],
        values["solapi_secret"],
        values["solapi_sender"],
        values["solapi_url"],
        values["solapi_webhook_secret"],
    )
