"""What runs on Linux runs on Windows and macOS: encodings, line ends, calls that only POSIX has."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from journals import written

from fechner import provenance
from fechner.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1] / "fechner"
MODULES = sorted(PACKAGE.rglob("*.py"))

POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog"}
POSIX_MODULES |= {"termios", "tty"}

POSIX_CALLS = {
    "os": {"chown", "fchmod", "fork", "forkpty", "geteuid", "getpgid", "getuid", "initgroups"}
    | {"kill", "killpg", "link", "lockf", "mkfifo", "nice", "setsid", "setuid", "symlink", "sync"}
    | {"sched_getaffinity", "sched_setaffinity", "statvfs", "sysconf", "uname", "wait", "waitpid"},
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "alarm", "pause"}
    | {"pthread_kill", "pthread_sigmask", "setitimer", "sigpending", "sigwait"},
}
"""What Windows has not, or has with another meaning; `getattr` asks whether it is there."""

LINUX_ONLY = {"xvfb.py"}
"""Never reached elsewhere: `own_display` has an answer before."""


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def literal(node):
    return node.value if isinstance(node, ast.Constant) else None


def mode_of(call):
    """Return the mode of a call of open, which is text where it says nothing else."""
    named = {one.arg: literal(one.value) for one in call.keywords}
    place = 1 if isinstance(call.func, ast.Name) else 0
    given = [literal(one) for one in call.args[place : place + 1]]
    return str(named.get("mode") or next(iter(given), None) or "r")


def text_faults(tree):
    """Return the lines that read or write text in whatever encoding or line ends a system has."""
    found = []
    for call in calls(tree):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        of_path = isinstance(call.func, ast.Attribute)
        owner = getattr(getattr(call.func, "value", None), "id", "")
        named = {one.arg for one in call.keywords}
        writes = False
        if name in ("read_text", "write_text") and of_path:
            place = 0 if name == "read_text" else 1
            encoded = "encoding" in named or len(call.args) > place
            writes = name == "write_text"
        elif name == "open" and owner not in ("os", "av", "Image", "tarfile", "webbrowser"):
            mode = mode_of(call)
            encoded = "b" in mode or "encoding" in named
            writes = "b" not in mode and mode[:1] in "wax"
        else:
            continue
        if not encoded or (writes and "newline" not in named):
            found.append(call.lineno)
    return found


def posix_faults(tree):
    """Return the lines that need what only POSIX has, and do not ask whether it is there."""
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any("ImportError" in ast.dump(one.type) for one in node.handlers if one.type)
        for part in node.body
        for inner in ast.walk(part)
    }
    asked = {
        (getattr(call.args[0], "id", ""), literal(call.args[1]))
        for call in calls(tree)
        if getattr(call.func, "id", "") in ("hasattr", "getattr") and len(call.args) > 1
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in guarded:
            names = [one.name for one in node.names]
            names = names if isinstance(node, ast.Import) else [node.module or ""]
            found += [node.lineno for name in names if name.split(".")[0] in POSIX_MODULES]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            named = (node.value.id, node.attr)
            if node.attr in POSIX_CALLS.get(node.value.id, ()) and named not in asked:
                found.append(node.lineno)
    return found


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text("utf-8")) for path in MODULES}


def places(faults, trees, but=()):
    return [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path, tree in trees.items()
        if path.name not in but
        for line in faults(tree)
    ]


def test_every_text_is_read_and_written_in_a_named_encoding_with_our_line_ends(trees):
    assert places(text_faults, trees) == []


def test_what_only_posix_has_is_asked_for_before_it_is_used(trees):
    assert places(posix_faults, trees, LINUX_ONLY) == []


@pytest.mark.parametrize(
    ("faults", "wrong", "right"),
    [
        (text_faults, "p.read_text()", "p.read_text('utf-8')"),
        (text_faults, "open(p)", "open(p, encoding='utf-8')"),
        (text_faults, "p.open('w', encoding='utf-8')", "p.open('wb')"),
        (text_faults, "p.write_text(t, 'utf-8')", "p.write_text(t, 'utf-8', newline='\\n')"),
        (text_faults, "open(p, mode='a', encoding='utf-8')", "open(p, 'rb')"),
        (posix_faults, "import fcntl", "try:\n import fcntl\nexcept ImportError:\n fcntl = None"),
        (posix_faults, "os.kill(1, 9)", "getattr(os, 'kill')"),
        (posix_faults, "from resource import getrusage", "from importlib import resources"),
    ],
)
def test_the_checks_find_what_they_are_for(faults, wrong, right):
    assert faults(ast.parse(wrong)) and not faults(ast.parse(right))


def test_a_file_that_a_scanner_has_open_on_windows_is_replaced_when_it_lets_go(
    tmp_path, monkeypatch
):
    path, looks = tmp_path / "a.csv", []
    path.write_bytes(b"before")
    replace = Path.replace

    def busy(self, target):
        looks.append(target)
        if len(looks) <= held:
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr(provenance, "BUSY_WAITS_S", (0.0, 0.0))
    held = 1
    with pytest.raises(InputError, match=r"a\.csv.*nothing was changed"):
        provenance.write_text(path, "after")
    monkeypatch.setattr(provenance, "WINDOWS", True)
    looks.clear()
    provenance.write_text(path, "after")
    assert path.read_bytes() == b"after" and len(looks) == 2
    held, _ = 99, looks.clear()
    with pytest.raises(InputError, match=r"a\.csv.*nothing was changed"):
        provenance.write_text(path, "never")
    assert path.read_bytes() == b"after" and len(looks) == 3
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_macos_waits_for_the_drive_and_others_for_the_system(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(provenance.os, "fsync", lambda descriptor: asked.append("fsync"))
    provenance.write_text(tmp_path / "a", "a")
    monkeypatch.setattr(provenance, "_FULL", 51)
    full = SimpleNamespace(fcntl=lambda descriptor, what: asked.append(what))
    monkeypatch.setattr(provenance, "fcntl", full)
    provenance.write_text(tmp_path / "b", "b")

    def has_it_not(descriptor, what):
        raise OSError(45, "Operation not supported")

    monkeypatch.setattr(provenance, "fcntl", SimpleNamespace(fcntl=has_it_not))
    provenance.write_text(tmp_path / "c", "c")
    assert asked == ["fsync", 51, "fsync"]


def test_a_sign_that_the_output_cannot_hold_ends_no_command(tmp_path):
    """Redirected into a file, Windows prints in its own code page, which has no tick."""
    written(tmp_path / "sub-A7_ses-1.jsonl", 1)
    done = subprocess.run(
        [sys.executable, "-m", "fechner", "session", "verify", "--sessions", str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"sub-A7" in done.stdout) == (0, True), done.stderr


def test_a_path_that_is_too_long_for_windows_is_named_as_such(tmp_path, monkeypatch):
    def refuse(**_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(provenance, "WINDOWS", True)
    monkeypatch.setattr(provenance.tempfile, "mkstemp", refuse)
    with pytest.raises(InputError, match=r"and Windows takes 259; choose a folder with a shorter"):
        provenance.write_text(tmp_path / ("a" * 240) / "b.csv", "text")
    with pytest.raises(InputError, match="No such file or directory; choose a folder that can"):
        provenance.write_text(Path("b.csv"), "text")
