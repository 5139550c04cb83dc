"""The real product for tests: `dangol serve` in a process group of its own, ready when `/readyz` says so."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bots.demo import PASSWORD
from nlu.fingerprint import fingerprint

ROOT = Path(__file__).parent.parent.parent
MODELS = ROOT / "var" / "models"  # where script/server and the conversations' tests keep it too
TRAINING_SECONDS = 300.0
READY_SECONDS = 240.0  # on a loaded machine
STOPPING_SECONDS = 20.0


@dataclass
class Served:
    """A running `dangol serve`; `log` is all that its processes told."""

    url: str
    data: Path
    arguments: tuple[str, ...]
    settings: dict[str, str]
    password: str = PASSWORD
    process: subprocess.Popen[bytes] | None = None
    starts: int = field(default=0)

    @property
    def log(self) -> Path:
        return self.data / "serve.log"

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def start(self) -> None:
        """Start it; the caller waits for `ready`."""
        self.starts += 1
        port = self.url.rpartition(":")[2]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bots", *self.arguments, "--port", port],
                cwd=ROOT,
                env=environment(self.data, **self.settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until customers are served."""
        end = time.monotonic() + seconds
        while not self.is_ready():
            assert self.process
            assert self.process.poll() is None, f"dangol serve ended:\n{self.told()}"
            assert time.monotonic() < end, f"dangol serve is not ready:\n{self.told()}"
            time.sleep(0.2)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def told(self) -> str:
        """The end of the log."""
        return self.log.read_text(errors="replace")[-3000:]

    def pids(self) -> dict[str, int]:
        """The processes of the group by name: serve, front, worker, jobs."""
        found = {"serve": self.pid}
        for pid in map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"bots" in words:
                found[words[words.index(b"bots") + 1].decode()] = pid
        return found

    def kill(self, *names: str) -> None:
        """kill -9 of processes by name; without names of the whole group."""
        pids = self.pids()
        for pid in [pids[name] for name in names] if names else pids.values():
            os.kill(pid, signal.SIGKILL)
        if not names or "serve" in names:
            assert self.process
            self.process.wait(STOPPING_SECONDS)

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        if self.process is None or self.process.poll() is not None:
            return
        group = self.pids()
        self.process.terminate()
        try:
            self.process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in group.values():
                os.kill(pid, signal.SIGKILL)
            self.process.wait(STOPPING_SECONDS)


def environment(data: Path, **settings: str) -> dict[str, str]:
    """Ours without settings of whoever runs the tests; `settings` are named without their prefix."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")}
    given = {"DATA_DIR": str(data), "MEDIA_PROCESSES": "1", **settings}
    ours = {f"DANGOL_{name}": value for name, value in given.items()}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **ours}


def model() -> Path:
    """The trained model of these sources, made when it is absent; once, however many processes ask."""
    wanted = MODELS / f"{fingerprint(ROOT)}.tar.gz"
    if not wanted.exists():
        command = [sys.executable, "-m", "bots", "train"]
        subprocess.run(
            command, cwd=ROOT, env=environment(MODELS.parent), check=True, timeout=TRAINING_SECONDS
        )
    return wanted


def prepared(data: Path) -> Path:
    """A data folder that has the model already."""
    (data / "models").mkdir(parents=True, exist_ok=True)
    trained = model()
    os.link(trained, data / "models" / trained.name)
    return data


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data: Path, *options: str, wait: bool = True, **settings: str) -> Iterator[Served]:
    """`dangol serve` with options, in a prepared data folder; ended at the end."""
    made = Served(f"http://127.0.0.1:{free_port()}", prepared(data), ("serve", *options), settings)
    made.start()
    try:
        if wait:
            made.ready()
        yield made
    finally:
        made.stop()
