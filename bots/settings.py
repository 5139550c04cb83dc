"""Settings from the environment and `.env`, prefix `DANGOL_`; each is described in docs/settings.md."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from bots import setting_checks as checks
from bots.setting_checks import LOOPBACK
from bots.settings_channels import ChannelSettings
from bots.settings_media import MediaSettings
from bots.settings_staff import SlackSettings

PREFIX = "DANGOL_"

# Channels whose settings are named after a service that they stand on, and how those settings begin.
STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "sms": ("solapi",),
    "alimtalk": ("solapi",),
    "email": ("smtp", "imap", "mail"),
}


def setting(channel: str, key: str) -> str:
    """The field of `Settings` behind a key of `Settings.accounts`."""
    own = f"{channel}_{key}"
    return own if own in Settings.model_fields else key


class SettingsError(Exception):
    """One line a fault: the setting, what is wrong with its value, and an example of a right one."""


class Settings(MediaSettings, SlackSettings, ChannelSettings):
    """What an operator may decide. Read once, in `load`; rooms below get values, never this object."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "",
        description="Database: SQLite file or PostgreSQL. Empty: `dangol.db` in `DATA_DIR`.",
        examples=["postgres://dangol:password@127.0.0.1:5432/dangol"],
    )
    data_dir: Path = Field(
        Path("var"),
        description="Folder for the database, files, models and keys that no other setting places.",
        examples=["/srv/dangol"],
    )
    storage_url: str = Field(
        "",
        description="Folder for files of customers and staff. Empty: `files` in `DATA_DIR`.",
        examples=["file:///srv/dangol/files"],
    )
    host: str = Field("127.0.0.1", description="Address to listen on.", examples=["127.0.0.1"])
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on.", examples=["8080"])
    public_url: str = Field(
        "",
        description="Address that customers see, used in links. Empty: `http://HOST:PORT`.",
        examples=["https://help.example.com"],
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed.",
        examples=["127.0.0.1,10.0.0.5"],
    )
    secret_key: str = Field(
        "",
        description="Signs links and wraps keys; at least 32 characters. Empty: made and kept in `DATA_DIR`.",
        examples=["k3J9…(openssl rand -base64 48)"],
    )
    locale: Literal["ko", "en"] = Field("ko", description="First language of pages and bot.", examples=["ko"])
    timezone: str = Field(
        "Asia/Seoul", description="Zone of business hours, dates and numbers.", examples=["Asia/Seoul"]
    )
    upload_max_mb: int = Field(
        20,
        ge=1,
        le=2000,
        description="Largest file a customer or staff member may send, in MB.",
        examples=["20"],
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="SQLite: FULL survives a power cut with every acknowledged message; "
        "NORMAL may lose the last moments.",
        examples=["FULL"],
    )

    _further: dict[str, dict[str, str]] = PrivateAttr(default_factory=dict)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return checks.listed(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no IP address or network") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        parts = urlsplit(value) if value.startswith("sqlite:") else checks.split(value)
        if value and parts.scheme not in ("sqlite", "postgres", "postgresql", "asyncpg"):
            raise ValueError("must begin with sqlite:// or postgres://")
        if value and not (parts.netloc + parts.path).strip("/"):
            raise ValueError("names no database")
        return value

    @field_validator("data_dir", mode="before")
    @classmethod
    def _some_dir(cls, value: object) -> object:
        if value == "":
            raise ValueError("is empty")
        return value

    @field_validator("data_dir")
    @classmethod
    def _data_dir(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("is a file, needs to be a folder")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        parts = checks.split(value)
        if value and (parts.scheme != "file" or parts.netloc or not parts.path.strip("/")):
            raise ValueError("must be file:// and the folder's whole path, three slashes in all")
        return value

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*", value):
            raise ValueError("is no address or name of this machine")
        if re.fullmatch(r"[0-9.]+|.*:.*", value):
            ipaddress.ip_address(value)  # the error says what is wrong
        return value

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        if not value:
            return value
        if (parts := checks.split(checks.address(value))).path or parts.query or parts.fragment:
            raise ValueError("must end after host and port: Dangol has its paths at the root")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long(cls, value: str) -> str:
        return checks.long(value, 32)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a zone of the IANA database")
        return value

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def database(self) -> str:
        """The database address in force."""
        return self.database_url or f"sqlite://{self.data_dir / 'dangol.db'}"

    @property
    def files_dir(self) -> Path:
        """The folder in force for stored files."""
        return Path(urlsplit(self.storage_url).path) if self.storage_url else self.data_dir / "files"

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def wake_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def url(self) -> str:
        """The public address in force, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def own_url(self) -> str:
        """The address at which this machine itself reaches the front, whatever the public one is."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared with
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach us, directly and by the public address."""
        public = urlsplit(self.public_url).hostname if self.public_url else self.host
        return self.host in LOOPBACK and public in LOOPBACK

    def accounts(self, channel: str, key: str) -> dict[str, dict[str, str]]:
        """The accounts of a channel that are on, by name ("" is the first), each with its own settings.

        An account is on when its setting `key` is there. A further one (`TELEGRAM_TOKEN__SALES`) takes every
        other setting that it does not give itself from the first. Settings are named without the channel's
        own name (`token`); those of a service that it stands on with theirs (`solapi_key`, `STANDS_ON`).
        """
        prefix, families = f"{channel}_", (channel, *STANDS_ON.get(channel, ()))
        names = [name for name in type(self).model_fields if name.partition("_")[0] in families]
        first = {name.removeprefix(prefix): str(getattr(self, name)) for name in names}
        found = {"": first} if first[key] else {}
        for account, values in sorted(self._further.items()):
            own = {n.removeprefix(prefix): value for n, value in values.items() if n in names}
            if own.get(key):
                found[account] = {**first, **own}
        return found

    def home(self) -> Path:
        """`DATA_DIR`, made when it is absent. Raises `SettingsError` when it cannot be."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            why = f"cannot be made: {fault.strerror} (is {str(self.data_dir)!r})"
            raise SettingsError(f"{PREFIX}DATA_DIR: {why}. Example: {PREFIX}DATA_DIR=/srv/dangol") from fault
        return self.data_dir

    def secret(self) -> bytes:
        """The secret in force; made with mode 0600 in `DATA_DIR` when the setting is empty."""
        if self.secret_key:
            return self.secret_key.encode()
        path = self.home() / "secret.key"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return _read_secret(path)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        return path.read_bytes()


def _read_secret(path: Path) -> bytes:
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY: the file secret.key in DATA_DIR is damaged ({len(secret)} characters, "
            "needs at least 32). Restore it from a backup; a new one makes sealed data unreadable."
        )
    return secret


def load(**overrides: object) -> Settings:
    """Read the settings. Raises `SettingsError` that names each wrong setting, its fault and an example."""
    try:
        read = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(fault) for fault in error.errors())) from None
    _read_further(read)
    return read


def _read_further(read: Settings) -> None:
    """The settings of further accounts, each checked as the first one's is."""
    for name, value in sorted(_given().items()):
        setting, _, account = name.removeprefix(PREFIX).partition("__")
        field = setting.lower()
        if not name.startswith(PREFIX) or not account or field not in Settings.model_fields:
            continue
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", account):
            raise SettingsError(f"{name}: an account's name has up to 32 letters, digits, _ or -")
        try:
            checked = Settings(**{field: value})  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(fault, account) for fault in error.errors())) from None
        read._further.setdefault(account.lower(), {})[field] = str(getattr(checked, field))


def _explain(fault: Mapping[str, object], account: str = "") -> str:
    location = fault["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    field = Settings.model_fields.get(name)
    example = (field.examples or [""])[0] if field else ""
    said = str(fault["msg"]).removeprefix("Value error, ")
    sealed = ("database_url", "solapi_key", "smtp_url", "imap_url")
    hidden = "secret" in name or "token" in name or name in sealed
    shown = "" if hidden else f" (is {fault.get('input')!r})"
    full = f"{PREFIX}{name.upper()}" + (f"__{account}" if account else "")
    return f"{full}: {said}{shown}. Example: {full}={example}"


def _given() -> dict[str, str]:
    """What `.env` and the environment say, by name."""
    written = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    return {**written, **os.environ}


def unknown() -> dict[str, str]:
    """Names with our prefix that are no settings, most likely typing mistakes, each with the setting whose
    name is nearest; "" where none is near."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    found = {}
    for name in sorted(name.upper() for name in _given()):
        setting, bar, account = name.partition("__")
        if name.startswith(PREFIX) and setting not in known:
            near = get_close_matches(setting, known, n=1, cutoff=0.8)
            found[name] = near[0] + bar + account if near else ""
    return found
