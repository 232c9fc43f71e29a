#!/usr/bin/env bash
# Sets up fechner in a virtual environment: system packages, Python packages.
# usage: EXTRAS=a,b [CONSTRAINTS=FILE] tools/setup.sh FOLDER
set -euo pipefail

folder=$1
constraints=${CONSTRAINTS-constraints.txt}
packages=()

say() { printf 'setup: %s\n' "$*" >&2; }

python=
for candidate in python3.12 python3.11 python3 python3.10; do
  if command -v "$candidate" >/dev/null &&
     "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  say "expected Python 3.10, 3.11 or 3.12, found $(python3 --version 2>&1 || true); install one of these and run again"
  exit 2
fi

# Debian keeps the part of Python that makes environments in a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  packages+=("python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv")
fi

# OpenCV needs GLib; the window of a session needs OpenGL and Fontconfig; a machine without
# a display also needs Xvfb, and xdotool to test a session from outside.
if [ "$(uname -s)" = Linux ]; then
  has() { ldconfig -p 2>/dev/null | grep -q "$1" || /sbin/ldconfig -p 2>/dev/null | grep -q "$1"; }
  command -v Xvfb >/dev/null || packages+=(xvfb)
  command -v xdotool >/dev/null || packages+=(xdotool)
  has libgthread-2.0.so.0 || packages+=(libglib2.0-0)
  has libfontconfig.so.1 || packages+=(libfontconfig1)
  has libGL.so.1 || packages+=(libgl1)
  has libEGL.so.1 || packages+=(libegl1)
  has libGLU.so.1 || packages+=(libglu1-mesa)
  compgen -G '/usr/lib/*/dri/*.so' >/dev/null || compgen -G '/usr/lib/dri/*.so' >/dev/null ||
    packages+=(libgl1-mesa-dri)
fi

if [ ${#packages[@]} -gt 0 ]; then
  root=
  [ "$(id -u)" = 0 ] || root="sudo -n"
  if command -v apt-get >/dev/null && { [ -z "$root" ] || sudo -n true 2>/dev/null; }; then
    say "installing system packages: ${packages[*]}"
    $root apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  else
    say "system packages are missing; install them and run again: apt-get install ${packages[*]}"
    exit 2
  fi
fi

if [ ! -x "$folder/bin/python" ]; then
  say "making the environment $folder with $python"
  "$python" -m venv "$folder"
fi
say "installing Python packages (a few minutes the first time)"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
  ${constraints:+--constraint "$constraints"} --editable ".[$EXTRAS]" 2> >(grep -v '^WARNING: Location' >&2)
