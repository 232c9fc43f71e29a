"""The report as PDF, printed by Chromium where it is installed.

The page's own print style decides what it looks like; a browser is the only program that knows
all of it. Nothing is loaded from elsewhere, as for the page itself. Its WebP pictures become JPEG
on the way, which a PDF holds as they are; WebP would be unpacked, to four times the size.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fechner.errors import MissingPartError
from fechner.provenance import atomic_path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
"""Programs on the PATH that print a page to PDF in the same way, the first found is used."""

PLACES = {
    "darwin": (
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
    "win32": (
        "Chromium/Application/chrome.exe",
        "Google/Chrome/Application/chrome.exe",
        "Microsoft/Edge/Application/msedge.exe",
    ),
}
"""Where installers put them outside the PATH; on Windows below the folders of programs."""

PROGRAM_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
"""Variables of the environment that name these folders."""

TIMEOUT = 180.0
"""Seconds after which printing counts as failed; a report of 4 MB takes about 3 on an idle core."""


def browser(platform: str = sys.platform) -> str | None:
    """Return the program that prints, from the PATH or where a system installs it, if any."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is not None:
        return found
    folders = [os.environ[name] for name in PROGRAM_FOLDERS if os.environ.get(name)]
    below = [Path(one) for one in folders] if platform == "win32" else [Path("/")]
    places = (folder / place for folder in below for place in PLACES.get(platform, ()))
    return next((str(path) for path in places if path.is_file()), None)


def write_pdf(page: Path, pdf: Path) -> Path:
    """Print an HTML page to PDF, whole or not at all, and return its path.

    Raises
    ------
    MissingPartError
        If no browser is installed that can print, or it fails.
    """
    program = browser()
    if program is None:
        raise MissingPartError(
            f"a PDF needs Chromium, Chrome or Edge; install one, or print {page} from any browser"
        )
    # On Windows a browser lets go of its profile a moment after it has ended.
    folders = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with atomic_path(pdf) as temporary, folders as folder:
        printed = Path(folder) / "printed.html"
        printed.write_text(as_jpeg(Path(page).read_text("utf-8")), "utf-8", newline="\n")
        said = _print(program, printed, temporary, str(Path(folder) / "profile"))
        if not temporary.read_bytes().startswith(b"%PDF"):
            last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
            raise MissingPartError(
                f"{program} made no PDF ({last}); print {page} from any browser instead"
            )
    return pdf


def as_jpeg(page: str) -> str:
    """Return the HTML of a page with its WebP pictures as JPEG (quality 92, full colour)."""
    return re.sub(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", _one_as_jpeg, page)


def _one_as_jpeg(found: re.Match[str]) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        jpeg = io.BytesIO()
        picture.convert("RGB").save(jpeg, "JPEG", quality=92, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"


def _print(program: str, page: Path, pdf: Path, profile: str) -> str:
    """Run the browser without a window, and return what it said."""
    options = [
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-pdf-header-footer",
        f"--user-data-dir={profile}",
        f"--print-to-pdf={pdf}",
    ]
    # Chromium refuses its sandbox to the superuser; everybody else keeps it.
    if getattr(os, "geteuid", lambda: 1)() == 0:
        options.append("--no-sandbox")
    try:
        done = subprocess.run(
            [program, *options, page.resolve().as_uri()],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT:.0f} s"
    except OSError as error:
        return str(error)
    return done.stderr
