"""Making the desktop agent's self-unpacking archive for this platform, with PyInstaller."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bots.faults import Stop

ROOT = Path(__file__).parent.parent
PLATFORM = "linux-x86_64"
WORK, LEFT_SECONDS = "making-", 3600
NAME = f"dangol-assist-{PLATFORM}"
# What the agent never needs, though something of its libraries asks for it when it is there.
WITHOUT = (
    *("tkinter", "matplotlib", "scipy", "pandas", "sklearn", "tensorflow", "rasa", "IPython", "pytest"),
    *("numpy", "uvloop", "pydantic", "pydantic_core", "setuptools", "PIL._avif", "mypy", "google", "jinja2"),
)

# Found by no reading of the code: chosen by name when the agent runs. pynput is named file by file, for to be
# collected it would have to be imported, which it refuses where there is no screen, as on a server.
NAMED = (
    *("pynput.mouse._xorg", "pynput.keyboard._xorg", "pynput._util.xorg", "pynput._util.xorg_keysyms"),
    *(f"media.assist.platforms.{name}" for name in ("x11", "x11_keys", "x11_changes", "x11_marks")),
    *("Xlib.ext.damage", "Xlib.ext.shape", "Xlib.ext.xtest", "pylopdf_fonts_ko"),
)


@dataclass(frozen=True)
class Archive:
    """A made archive: `sha256` in hex, `size` in bytes, `server` it was made for."""

    path: Path
    size: int
    sha256: str
    server: str


def folder(data_dir: Path) -> Path:
    """Where archives lie."""
    return data_dir / "assist"


def find(data_dir: Path) -> Archive | None:
    """The archive that was made here; None when there is none, or it is not whole."""
    path, told = folder(data_dir) / NAME, folder(data_dir) / f"{NAME}.json"
    if not (path.is_file() and told.is_file()):
        return None
    said = json.loads(told.read_text())
    size = path.stat().st_size
    return Archive(path, size, said["sha256"], said["server"]) if size == said["size"] else None


def build(data_dir: Path, server: str) -> Archive:
    """Make it; half a minute to two. Raises `Stop` with what PyInstaller said when it fails."""
    if sys.platform != "linux":
        raise Stop("the archive is made on the platform that it is for; this one has no recipe yet")
    target = folder(data_dir).resolve()
    target.mkdir(parents=True, exist_ok=True)
    for left in target.glob(f"{WORK}*"):
        if time.time() - left.stat().st_mtime > LEFT_SECONDS:  # of a build that was ended
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=WORK, dir=target) as work:
        made = _pack(Path(work), server)
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        told = {"sha256": digest, "size": made.stat().st_size, "server": server}
        path = target / NAME
        (target / f"{NAME}.json").unlink(missing_ok=True)
        os.replace(made, path)
        (target / f"{NAME}.json").write_text(json.dumps(told))
    return Archive(path, path.stat().st_size, digest, server)


def _font() -> Path:
    """The one face that the panel is written in; its package brings a second one that is larger."""
    import pylopdf_fonts_ko

    return Path(pylopdf_fonts_ko.__file__).parent / "NotoSansKR-Regular.otf"


def _pack(work: Path, server: str) -> Path:
    built = work / "built.json"
    built.write_text(json.dumps({"server": server}))
    entry = work / "start.py"
    entry.write_text("import sys\nfrom media.assist.__main__ import main\nsys.exit(main())\n")
    words = ROOT / "media/assist/words"
    command = [
        sys.executable, "-m", "PyInstaller", "--onefile", "--noconfirm", "--log-level", "ERROR",
        "--name", NAME, "--distpath", str(work / "made"), "--workpath", str(work / "build"),
        "--specpath", str(work), "--paths", str(ROOT),
        "--add-data", f"{built}:media/assist", "--add-data", f"{words}:media/assist/words",
        "--add-data", f"{_font()}:pylopdf_fonts_ko", "--collect-submodules", "mss",
        *(word for name in NAMED for word in ("--hidden-import", name)),
        *(word for name in WITHOUT for word in ("--exclude-module", name)),
        str(entry),
    ]  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run(  # noqa: S603 - words of ours, no shell
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    made = work / "made" / NAME
    if done.returncode or not made.exists():
        raise Stop(f"PyInstaller could not make the archive:\n{done.stderr.strip()[-2000:]}")
    absent = missing(made)
    if absent:
        raise Stop(f"PyInstaller left out of the archive: {', '.join(absent)}")
    shutil.rmtree(work / "build", ignore_errors=True)
    return made


def missing(made: Path) -> list[str]:
    """Which of `NAMED` an archive lacks: it would start, and fail at the customer's."""
    from PyInstaller.archive.readers import CArchiveReader  # type: ignore[import-untyped]

    inside = CArchiveReader(str(made)).open_embedded_archive("PYZ-00.pyz").toc
    return [name for name in NAMED if name not in inside]


if __name__ == "__main__":  # what the front starts when staff first ask for remote control
    build(Path(sys.argv[1]), sys.argv[2])
