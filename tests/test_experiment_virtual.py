"""A display that no monitor shows is known as one, however it was started."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fechner.errors import MissingPartError
from fechner.experiment.window import monitors, xvfb
from fechner.experiment.window.monitors import Output, shown_by_monitor

pytestmark = pytest.mark.window

DUMMY = """
Section "Device"
  Identifier "device"
  Driver "dummy"
EndSection
Section "Screen"
  Identifier "screen"
  Device "device"
EndSection
"""

SERVERS = {
    "Xvfb": ["Xvfb", "{display}", "+extension", "DPMS", "-screen", "0", "640x480x24"],
    "Xvnc": ["Xvnc", "{display}", "-geometry", "640x480", "-SecurityTypes", "None"],
    "Xephyr": ["Xephyr", "{display}", "-screen", "640x480"],
    "Xdummy": ["Xorg", "{display}", "-noreset", "-novtswitch", "-sharevts", "-nolisten", "tcp"],
}

DRIVER = Path("/usr/lib/xorg/modules/drivers/dummy_drv.so")


@pytest.fixture(scope="module")
def below():
    """Return a display that a nested server can open its window on."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs X servers")
    try:
        server = xvfb.start_xvfb((800, 600))
    except MissingPartError as error:  # pragma: no cover - depends on the machine
        pytest.skip(str(error))
    yield server.display
    server.end()


@pytest.fixture
def started(below, tmp_path):
    """Return a function that starts a server and returns its display."""
    running = []

    def start(name):
        program = SERVERS[name][0]
        if shutil.which(program) is None or (name == "Xdummy" and not DRIVER.exists()):
            pytest.skip(f"{name} is not installed")
        display = f":{80 + os.getpid() % 900}"
        command = [word.format(display=display) for word in SERVERS[name]]
        if name == "Xdummy":
            (tmp_path / "dummy.conf").write_text(DUMMY)
            command += ["-config", str(tmp_path / "dummy.conf"), "-logfile", str(tmp_path / "log")]
        environment = {**os.environ, "DISPLAY": below}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(subprocess.Popen(command, env=environment, **quiet))
        end = time.monotonic() + 15
        while shown_by_monitor(display) is None and time.monotonic() < end:
            if running[-1].poll() is not None:
                pytest.skip(f"{name} does not start on this machine")
            time.sleep(0.05)
        return display

    yield start
    for process in running:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("name", SERVERS)
def test_no_server_without_a_monitor_is_taken_for_a_screen(name, started, monkeypatch):
    display = started(name)
    assert shown_by_monitor(display) is False
    # A desktop of Wayland beside it changes nothing: windows open on this display.
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("DISPLAY", display)
    found = xvfb.own_display()
    assert found.process is None and found.virtual


@pytest.mark.parametrize(
    ("name", "edid", "monitor"),
    [
        *((plug, False, True) for plug in ("HDMI-1", "HDMI-A-0", "DP-2", "DisplayPort-0", "eDP-1")),
        *((plug, False, True) for plug in ("DVI-D-0", "VGA1", "LVDS-1", "DFP1", "XWAYLAND0")),
        *((name, False, False) for name in ("screen", "VNC-0", "default", "DUMMY0", "rdp0")),
        *((name, False, False) for name in ("HEADLESS-1", "Meta-0", "NX1")),
        # A plug of an unknown name with a monitor that says what it is, and a made-up one.
        ("PLUG-7", True, True),
        ("Virtual-1", True, False),
    ],
)
def test_outputs_are_known_by_their_plug_or_by_what_is_plugged_in(name, edid, monitor):
    assert Output(name, edid).monitor is monitor


def test_a_display_of_another_machine_is_drawn_over_the_network():
    remote = ["localhost:10.0", "booth3:0"]
    own = [":0", ":0.0", "unix:0", "/tmp/launch/org.xquartz:0"]
    assert all(map(monitors._of_another_machine, remote))
    assert not any(map(monitors._of_another_machine, own))


def test_a_windows_session_over_the_remote_desktop_is_virtual(monkeypatch):
    monkeypatch.setattr(xvfb.sys, "platform", "win32")
    for remote in (True, False):
        monkeypatch.setattr(xvfb, "remote_session", lambda remote=remote: remote)
        assert xvfb.own_display().virtual is remote
