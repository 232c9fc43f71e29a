"""Whether a monitor of this machine shows what an X server draws, however the server was started.

Flips wait for a monitor's refresh and for nothing else, so timing is called synchronised only
where there is one. A server without a monitor has an output of another name than a plug's (Xvfb
"screen", Xvnc "VNC-0", Xephyr "default", the dummy driver "DUMMY0", xrdp "rdp0"), or none.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from dataclasses import dataclass

OF_MONITORS = frozenset({"DPMS", "XWAYLAND", "XFree86-VidModeExtension"})
"""Extensions of X servers that can drive a monitor; Xvfb, Xvnc and Xephyr have none of them."""

PLUGS = (
    *("hdmi", "dp", "displayport", "edp", "dvi", "vga", "lvds", "dsi", "dpi", "lcd", "dfp", "crt"),
    *("usb-c", "tv", "svideo", "s-video", "composite", "component", "din"),
)
"""How outputs are called that a monitor is plugged into, by the kernel and by drivers."""

WAYLAND_OUTPUT = "xwayland"
"""The output of older Xwaylands, which pass on no name of a plug."""

MADE_UP = ("virtual", "dummy", "vnc", "rdp", "headless", "meta")
"""Outputs of virtual machines and remote desktops, which may tell of a monitor that is none."""

_REMOTE_SESSION = 0x1000  # SM_REMOTESESSION of GetSystemMetrics (Windows)
_CONNECTED = 0  # RR_Connected


@dataclass(frozen=True)
class Output:
    """A connected output of an X server; `edid` says whether something there says what it is."""

    name: str
    edid: bool

    @property
    def monitor(self) -> bool:
        """Whether a monitor is plugged in here."""
        name = self.name.lower()
        if name.startswith(MADE_UP):
            return False
        return self.edid or name.startswith((*PLUGS, WAYLAND_OUTPUT))


def shown_by_monitor(display: str) -> bool | None:
    """Return whether a monitor of this machine shows an X display; None where no server answers.

    A display of another machine (``ssh -X``) is drawn over the network and counts as none.
    """
    x11 = _library("X11")
    if x11 is None:
        return True
    connection = x11.XOpenDisplay(display.encode())
    if not connection:
        return None
    try:
        outputs = _outputs(x11, connection)
        known = outputs is None or any(output.monitor for output in outputs)
        return known and not _of_another_machine(display) and _drives_monitors(x11, connection)
    finally:
        x11.XCloseDisplay(ctypes.c_void_p(connection))


def remote_session() -> bool:
    """Return whether this is a Windows session over the remote desktop."""
    if sys.platform != "win32":
        return False
    return bool(ctypes.windll.user32.GetSystemMetrics(_REMOTE_SESSION))


def _of_another_machine(display: str) -> bool:
    host = display.rpartition(":")[0]
    return host not in ("", "unix") and not host.startswith("/")


def _library(name: str) -> ctypes.CDLL | None:
    found = ctypes.util.find_library(name)
    if found is None:
        return None
    library = ctypes.CDLL(found)
    if name == "X11":
        library.XOpenDisplay.restype = ctypes.c_void_p
        library.XOpenDisplay.argtypes = [ctypes.c_char_p]
        library.XDefaultRootWindow.restype = ctypes.c_ulong
        library.XListExtensions.restype = ctypes.POINTER(ctypes.c_char_p)
    return library


def _drives_monitors(x11: ctypes.CDLL, connection: int) -> bool:
    count = ctypes.c_int()
    names = x11.XListExtensions(ctypes.c_void_p(connection), ctypes.byref(count))
    found = {names[place].decode() for place in range(count.value)}
    x11.XFreeExtensionList(names)
    return bool(found & OF_MONITORS)


class _Resources(ctypes.Structure):
    """The beginning of XRRScreenResources."""

    _fields_ = (
        ("timestamp", ctypes.c_ulong),
        ("config_timestamp", ctypes.c_ulong),
        ("crtc_count", ctypes.c_int),
        ("crtcs", ctypes.POINTER(ctypes.c_ulong)),
        ("output_count", ctypes.c_int),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
    )


class _OutputInfo(ctypes.Structure):
    """The beginning of XRROutputInfo."""

    _fields_ = (
        ("timestamp", ctypes.c_ulong),
        ("crtc", ctypes.c_ulong),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_int),
        ("width_mm", ctypes.c_ulong),
        ("height_mm", ctypes.c_ulong),
        ("connection", ctypes.c_ushort),
    )


def _outputs(x11: ctypes.CDLL, connection: int) -> list[Output] | None:
    """Return the connected outputs (RandR 1.2 or later); None where they cannot be asked for."""
    randr = _library("Xrandr")
    if randr is None:
        return None
    randr.XRRGetScreenResources.restype = ctypes.POINTER(_Resources)
    randr.XRRGetOutputInfo.restype = ctypes.POINTER(_OutputInfo)
    display = ctypes.c_void_p(connection)
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    resources = randr.XRRGetScreenResources(display, root)
    if not resources:
        return None
    found = []
    for place in range(resources.contents.output_count):
        output = ctypes.c_ulong(resources.contents.outputs[place])
        info = randr.XRRGetOutputInfo(display, resources, output)
        if info and info.contents.connection == _CONNECTED:
            name = info.contents.name.decode(errors="replace")
            found.append(Output(name, _has_edid(x11, randr, display, output)))
        if info:
            randr.XRRFreeOutputInfo(info)
    randr.XRRFreeScreenResources(resources)
    return found


def _has_edid(
    x11: ctypes.CDLL, randr: ctypes.CDLL, display: ctypes.c_void_p, output: ctypes.c_ulong
) -> bool:
    """Return whether an output has the property by which monitors say what they are."""
    atom = x11.XInternAtom(display, b"EDID", 1)
    count = ctypes.c_int()
    randr.XRRListOutputProperties.restype = ctypes.POINTER(ctypes.c_ulong)
    properties = randr.XRRListOutputProperties(display, output, ctypes.byref(count))
    found = atom != 0 and atom in [properties[place] for place in range(count.value)]
    if properties:
        x11.XFree(properties)
    return found
