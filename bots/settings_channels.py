"""Settings of the ways to talk to customers: web chat, Telegram, KakaoTalk, e-mail, SMS and AlimTalk."""

import re
from email.utils import getaddresses
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bots import setting_checks as checks


class ChannelSettings(BaseSettings):
    """A channel whose first setting is empty is off."""

    chat_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Sites that may embed the web chat, comma-separated origins.",
        examples=["https://www.example.com,https://shop.example.com"],
    )
    chat_visitor_secret: str = Field(
        "",
        description="Verifies the signed visitor token (HS256) of an embedding site; at least 32 characters.",
        examples=["9fQ2…(openssl rand -base64 48)"],
    )
    telegram_token: str = Field(
        "",
        description="Token of the Telegram bot, from @BotFather. Empty: Telegram is off.",
        examples=["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org",
        description="Root of the Telegram Bot API server.",
        examples=["https://api.telegram.org"],
    )
    telegram_link_url: str = Field(
        "https://t.me",
        description="Where customers open Telegram's bots.",
        examples=["https://t.me"],
    )
    telegram_webhook_secret: str = Field(
        "",
        description="Present: Telegram calls our webhook, with this secret in each request. Absent: we poll.",
        examples=["wZ8v…(openssl rand -hex 32)"],
    )
    kakao_secret: str = Field(
        "",
        description="Last part of the address at which KakaoTalk's chatbot calls. Empty: KakaoTalk is off.",
        examples=["Jx2k…(openssl rand -hex 24)"],
    )
    kakao_callback_hosts: str = Field(
        ".kakao.com",
        description="Hosts to which a late answer may be sent, comma-separated; a leading dot takes in all "
        "below it. `HOST:PORT` also allows plain http there.",
        examples=[".kakao.com"],
    )
    mail_from: str = Field(
        "",
        description="Sender of our e-mails, with or without a name. Empty: e-mail is off.",
        examples=["새봄가전 <help@example.com>"],
    )
    smtp_url: str = Field(
        "",
        description="Server that takes our e-mails: `smtps://` (TLS, 465), `smtp://` or `starttls://` "
        "(STARTTLS, 587).",
        examples=["smtps://help%40example.com:password@smtp.example.com"],
    )
    imap_url: str = Field(
        "",
        description="Mailbox that is read: `imaps://` (TLS, 993), the folder as its path. "
        "Empty: e-mail is only sent.",
        examples=["imaps://help%40example.com:password@imap.example.com/INBOX"],
    )
    solapi_key: str = Field(
        "", description="API key of SOLAPI, which sends SMS and AlimTalk.", examples=["NCSAYU7YDBXYORXC"]
    )
    solapi_secret: str = Field(
        "", description="API secret of SOLAPI.", examples=["9TQPLJ…(32 letters, shown once in the console)"]
    )
    solapi_sender: str = Field(
        "",
        description="Registered sender number. Empty: SMS is off.",
        examples=["1588-1234"],
    )
    solapi_url: str = Field(
        "https://api.solapi.com",
        description="Root of the SOLAPI server.",
        examples=["https://api.solapi.com"],
    )
    solapi_webhook_secret: str = Field(
        "",
        description="Secret of the SOLAPI web hooks; verifies `/reports/sms` and `/channels/sms`. "
        "Empty: no delivery reports and no inbound SMS are taken.",
        examples=["b41f…(openssl rand -hex 24)"],
    )
    alimtalk_profile: str = Field(
        "",
        description="Sender profile (pfId) of the KakaoTalk channel in SOLAPI. Empty: AlimTalk is off.",
        examples=["KA01PF230101000000000abcdefghijk"],
    )

    @field_validator("chat_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return checks.listed(value)

    @field_validator("chat_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            parts = checks.split(origin)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
                raise ValueError(f"{origin!r} is not an origin (scheme and host, no path)")
        return value

    @field_validator("chat_visitor_secret")
    @classmethod
    def _visitor_secret(cls, value: str) -> str:
        return checks.long(value, 32)

    @field_validator("telegram_token")
    @classmethod
    def _telegram_token(cls, value: str) -> str:
        if value and not re.fullmatch(r"\d{3,20}:[A-Za-z0-9_-]{10,100}", value):
            raise ValueError("is not what @BotFather gives: digits, a colon, letters")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _telegram_secret(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", value):
            raise ValueError("needs 16 to 256 letters, digits, _ or -")
        return value

    @field_validator("telegram_api_url", "telegram_link_url", "solapi_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return checks.address(value)

    @field_validator("kakao_secret")
    @classmethod
    def _kakao_secret(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{24,128}", value):
            raise ValueError("needs 24 to 128 letters, digits, _ or -")
        return value

    @field_validator("kakao_callback_hosts")
    @classmethod
    def _callback_hosts(cls, value: str) -> str:
        hosts = [host.strip().lower() for host in value.split(",") if host.strip()]
        for host in hosts:
            if not re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?", host):
                raise ValueError(f"{host!r} is not a host")
        return ",".join(hosts)

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        found = [each for _, each in getaddresses([value])]
        if value and not (len(found) == 1 and re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", found[0])):
            raise ValueError("must be one address, or a name and <address>")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str) -> str:
        return checks.mail_server(value, ("smtps", "smtp", "starttls"))

    @field_validator("imap_url")
    @classmethod
    def _imap(cls, value: str) -> str:
        return checks.mail_server(value, ("imaps", "imap"))

    @field_validator("solapi_key", "solapi_secret", "alimtalk_profile")
    @classmethod
    def _copied_of_solapi(cls, value: str) -> str:
        return checks.unbroken(value)

    @field_validator("solapi_sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        digits = value.replace("-", "")
        if value and not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 12):
            raise ValueError("is no sender number as it is dialled in Korea: digits and hyphens")
        return digits

    @field_validator("solapi_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: str) -> str:
        return checks.long(value, 16)
