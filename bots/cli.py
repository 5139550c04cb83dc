"""The command `dangol`. Each command reads the settings, wires what it needs, and says errors in one line."""

import asyncio
import gc
import io
import os
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

from bots import faults, logs, settings, supervisor
from bots.settings import Settings

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(
    help="Dangol: a messaging-channel chatbot and conversational CRM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
staff_app = typer.Typer(help="Staff accounts and their access tokens.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)
app.add_typer(staff_app, name="staff")
app.add_typer(audit_app, name="audit")


class Language(StrEnum):
    """Languages of pages and bot."""

    ko = "ko"
    en = "en"


Login = Annotated[str, typer.Argument(help="The name they sign in with.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on instead of DANGOL_PORT.")]


def main() -> None:
    """Run a command; expected faults are one line on standard error and exit code 2."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TQDM_DISABLE", "1")  # bars of Rasa would fill a log file
    os.umask(0o077)  # the database and the files hold personal data: for this user alone
    try:
        app(standalone_mode=True)
    except faults.EXPECTED as fault:
        print(f"dangol: {faults.explain(fault)}", file=sys.stderr)
        sys.exit(2)


# Python looks for garbage after every 700 new objects, of which a page of the board makes thousands. Without
# looking at all a board of 255 cards took 4.4 to 5.3 CPU-ms instead of 6.6 to 6.7; this costs little memory.
COLLECT = (10_000, 10, 10)


def begin(process: str, **overrides: Any) -> Settings:
    """The settings, with options of the command line in place of the environment's; and the log.

    A command calls this before it imports anything, since libraries warn as they are loaded.
    """
    read = settings.load(**{k: v for k, v in overrides.items() if v is not None})
    logs.configure(process)
    _warn_of_unknown_settings()
    gc.set_threshold(*COLLECT)
    return read


def _warn_of_unknown_settings() -> None:
    """Once: what `dangol serve` starts need not repeat it."""
    if os.environ.get(supervisor.CHILD):
        return
    for name, near in settings.unknown().items():
        structlog.get_logger().warning("setting.unknown", name=name, **({"meant": near} if near else {}))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    return asyncio.run(work)


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo company and its logins.")] = False,
    port: Port = None,
) -> None:
    """Run everything on this machine: front, worker, jobs and media, started again when one dies."""
    read = begin("serve", port=port)
    from bots import serving

    serving.serve(read, root=ROOT, demo=demo)


@app.command()
def front(
    port: Port = None,
    demo: Annotated[bool, typer.Option("--demo", hidden=True)] = False,
    window: Annotated[list[str] | None, typer.Option("--window", hidden=True)] = None,
) -> None:
    """Pages, web chat, channels, REST, sender and ticker. Never loads Rasa."""
    read = begin("front", port=port)
    from bots import front as process
    from bots.demo.standins import Window

    run(process.run(read, demo=demo, windows=[Window.read(given) for given in window or ()]))


@app.command()
def worker() -> None:
    """Understand messages and answer them: Rasa and the actions. Opens no listening socket."""
    read = begin("worker")
    from bots import work

    run(work.run(read, root=ROOT))


@app.command()
def jobs() -> None:
    """Slow work in subprocesses, such as exports of recordings and transcripts of voice messages."""
    read = begin("jobs")
    from bots import slow

    run(slow.run(read))


@app.command()
def media() -> None:
    """Rooms of live support: voice, camera, screen and recording. One process a core."""
    read = begin("media")
    import uvloop

    from bots import media as process

    uvloop.run(process.run(read))


@app.command()
def train(
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Cross-validate and write a report to DATA_DIR/evaluation.")
    ] = False,
    review: Annotated[
        bool, typer.Option("--review", help="Decide which kept sentences become training data.")
    ] = False,
) -> None:
    """Train the language model if its data, domain, config or components changed."""
    if evaluate and review:
        raise typer.BadParameter("--evaluate and --review do not go together")
    read = begin("train")
    from bots import training

    if review:
        from bots import reviewing

        run(reviewing.run(read, root=ROOT))
    elif evaluate:
        training.evaluate(read, root=ROOT)
    else:
        training.train(read, root=ROOT)


@app.command()
def understand(
    file: Annotated[
        typer.FileText | None,
        typer.Argument(
            help="Texts or JSON objects in UTF-8, one a line.", encoding="utf-8-sig", errors="surrogateescape"
        ),
    ] = None,
) -> None:
    """Read a text or a JSON object a line; answer what it means, a JSON object a line."""
    read = begin("understand")
    from bots import training

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    training.understand(read, file or sys.stdin, root=ROOT)


@app.command()
def talk(language: Annotated[Language, typer.Option(help="The customer's language.")] = Language.ko) -> None:
    """Talk to the bot in the terminal, on this installation's own database."""
    read = begin("talk")
    from bots import talking

    run(talking.run(read, root=ROOT, language=language.value))


@app.command()
def check() -> None:
    """Try the settings, the database, the files and each channel; say what is off and why."""
    read = begin("check")
    from bots import checking

    if not run(checking.run(read, root=ROOT)):
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look into a running installation: processes, queues, dead letters, parked messages."""
    read = begin("doctor")
    from bots import checking

    if not run(checking.doctor(read)):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database's tables to this release."""
    read = begin("migrate")
    from bots import wiring

    applied = run(wiring.migrate(read))
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("The tables are of this release.")


@app.command()
def erase(
    contact: Annotated[int, typer.Argument(help="The contact's number, as in the desk's address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person's data, keeping only what the law demands."""
    read = begin("erase")
    from bots import administration

    if not yes:
        typer.confirm(f"Erase contact {contact} for good?", abort=True)
    run(administration.erase(read, contact))


@app.command()
def assist(
    code: Annotated[str, typer.Argument(help="The 8 digits that the call page shows.")] = "",
    server: Annotated[str, typer.Option(help="Address of Dangol instead of DANGOL_PUBLIC_URL.")] = "",
    build: Annotated[bool, typer.Option("--build", help="Make the archive that /assist offers.")] = False,
) -> None:
    """Show this PC's screen to the person who helps, after consent; or make the archive that does so."""
    read = begin("assist")
    from bots import assist_archive

    address = (server or read.url).rstrip("/")
    if build:
        print("Making the archive (a minute or two)", flush=True)
        made = assist_archive.build(read.data_dir, address)
        print(f"{made.path}\n{made.size / 1024 / 1024:.0f} MB, SHA-256 {made.sha256}, for {made.server}")
        return
    from media.assist.__main__ import main as show

    sys.exit(show([*([code] if code else []), "--server", address]))


@app.command()
def version() -> None:
    """Print the version."""
    import tomllib

    print(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


@staff_app.command("add")
def staff_add(
    login: Login,
    name: Annotated[str, typer.Option(prompt=True, help="Full name, as customers see it.")],
    role: Annotated[
        str, typer.Option(help="agent, technician, sales, marketing, manager or admin")
    ] = "agent",
    email: Annotated[str, typer.Option(help="Their e-mail address.")] = "",
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
            help="Better left out: it is asked for, and stays out of the shell's history.",
        ),
    ] = "",
) -> None:
    """Add a staff member."""
    read = begin("admin")
    from bots import administration

    run(administration.add_staff(read, login=login, name=name, role=role, email=email, password=password))


@staff_app.command("list")
def staff_list() -> None:
    """List staff members."""
    read = begin("admin")
    from bots import administration

    run(administration.list_staff(read))


@staff_app.command("disable")
def staff_disable(login: Login) -> None:
    """Close a staff member's account and end their sessions."""
    read = begin("admin")
    from bots import administration

    run(administration.disable_staff(read, login))


@staff_app.command("token")
def staff_token(login: Login, name: Annotated[str, typer.Option(help="What it is for.")] = "api") -> None:
    """Make a bearer token of the REST API with this person's rights; it is shown once."""
    read = begin("admin")
    from bots import administration

    run(administration.make_token(read, login, name))


@audit_app.command("verify")
def audit_verify() -> None:
    """Walk the audit chain and say whether anything in it was changed."""
    read = begin("admin")
    from bots import administration

    if not run(administration.verify_audit(read)):
        raise typer.Exit(1)
