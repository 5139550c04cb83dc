"""Settings of live support: TURN server, media processes, transcripts."""

import ipaddress
import os
import re
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from bots import setting_checks as checks


class MediaSettings(BaseSettings):
    """How browsers reach media processes."""

    turn_url: str = Field(
        "",
        description="TURN server (coturn with use-auth-secret) for browsers that reach no UDP port of ours.",
        examples=["turn:turn.example.com:3478"],
    )
    turn_secret: str = Field(
        "",
        description="The static-auth-secret of the TURN server, from which passwords for two hours are made.",
        examples=["x7Pq…(openssl rand -hex 32)"],
    )
    media_url: str = Field(
        "",
        description="Address at which browsers reach media processes themselves. Empty: the front relays.",
        examples=["https://media.example.com"],
    )
    media_public_ip: str = Field(
        "",
        description="Address that browsers send voice and pictures to. Empty: this machine's own addresses.",
        examples=["203.0.113.7"],
    )
    media_ports: str = Field(
        "40000-40099",
        description="UDP ports for voice and pictures, from 1024 up; each media process takes one.",
        examples=["40000-40099"],
    )
    media_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Media processes that `dangol serve` keeps. 0: two, or one on a single core.",
        examples=["4"],
    )
    stt_model: str = Field(
        "",
        description="Folder with a faster-whisper model for transcripts of calls. Empty: none.",
        examples=["/srv/models/whisper-ko"],
    )

    @field_validator("turn_url")
    @classmethod
    def _turn(cls, value: str) -> str:
        found = re.fullmatch(
            r"turns?:([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:(?P<port>\d{1,5}))?(\?transport=(udp|tcp))?", value
        )
        if value and (found is None or not 1 <= int(found["port"] or 3478) <= 65535):
            raise ValueError(
                "must be turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or tcp if only one"
            )
        return value

    @field_validator("turn_secret")
    @classmethod
    def _turn_secret(cls, value: str) -> str:
        return checks.long(value, 16)

    @field_validator("media_url")
    @classmethod
    def _media_url(cls, value: str) -> str:
        return checks.address(value) if value else value

    @field_validator("media_public_ip")
    @classmethod
    def _media_ip(cls, value: str) -> str:
        if value:
            ipaddress.ip_address(value)
        return value

    @field_validator("media_ports")
    @classmethod
    def _media_ports(cls, value: str) -> str:
        checks.ports(value)
        return value

    @field_validator("stt_model")
    @classmethod
    def _stt_model(cls, value: str) -> str:
        if value and not Path(value).is_dir():
            raise ValueError("is no folder")
        return value

    @property
    def udp_ports(self) -> range:
        """The ports of `MEDIA_PORTS`."""
        return checks.ports(self.media_ports)

    @property
    def media_count(self) -> int:
        """How many media processes `dangol serve` keeps: the rooms of one that dies go to another at once."""
        return self.media_processes or min(2, os.cpu_count() or 1)
