"""Settings of the staff's Slack."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from bots import setting_checks as checks


class SlackSettings(BaseSettings):
    """Without a bot token Slack is off."""

    slack_bot_token: str = Field(
        "",
        description="Bot token of the Slack app, for staff. Empty: Slack is off.",
        examples=["xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy"],
    )
    slack_app_token: str = Field(
        "",
        description="App-level token (`connections:write`). Present: Socket Mode, no public address needed.",
        examples=["xapp-1-A0KRD7HC3-1759…"],
    )
    slack_signing_secret: str = Field(
        "",
        description="Present: Slack may call `/channels/slack`; it verifies that a request is Slack's.",
        examples=["8f742231b10e8888abcd99yyyzzz85a5"],
    )
    slack_client_id: str = Field(
        "",
        description="Client ID of the Slack app. Present: workspaces are connected by a button on the desk.",
        examples=["17653672481.198746"],
    )
    slack_client_secret: str = Field(
        "",
        description="Client secret that goes with `SLACK_CLIENT_ID`.",
        examples=["33fea0113f5b1c1…"],
    )
    slack_api_url: str = Field(
        "https://slack.com/api/",
        description="Root of Slack's Web API, ending in `/api/`.",
        examples=["https://slack.com/api/"],
    )

    @field_validator("slack_api_url")
    @classmethod
    def _slack_address(cls, value: str) -> str:
        if not checks.address(value).endswith("/api"):
            raise ValueError("must end in /api/")
        return value.rstrip("/") + "/"

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _slack_token(cls, value: str, info: ValidationInfo) -> str:
        begins = "xoxb-" if info.field_name == "slack_bot_token" else "xapp-"
        if value and not value.startswith(begins):
            raise ValueError(f"must begin with {begins}")
        return checks.unbroken(value)

    @field_validator("slack_signing_secret", "slack_client_id", "slack_client_secret")
    @classmethod
    def _copied_of_slack(cls, value: str) -> str:
        return checks.unbroken(value)
