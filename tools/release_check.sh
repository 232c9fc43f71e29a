#!/usr/bin/env bash
# Builds sdist and wheel, checks them, installs the wheel into an empty environment, and runs it from
# outside the repository. usage: tools/release_check.sh PYTHON
set -euo pipefail

python=$(realpath -s "$1")
project=$PWD
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

say() { printf 'release: %s\n' "$*" >&2; }

"$python" -m venv "$place/tools"
"$place/tools/bin/pip" install --quiet build twine

say "building the source distribution, and the wheel from it"
"$place/tools/bin/python" -m build --outdir "$place/dist" "$project"
"$place/tools/bin/python" -m twine check --strict "$place"/dist/*
wheel=$(ls "$place"/dist/*.whl)

say "installing $(basename "$wheel") without extras into an empty environment"
"$python" -m venv "$place/env"
"$place/env/bin/pip" install --quiet --constraint "$project/constraints.txt" "$wheel"
cd "$place"
env/bin/fechner --help >/dev/null
env/bin/fechner doctor

say "with networks and sessions: the lines that README begins with, the whole loop"
"$place/env/bin/pip" install --quiet --constraint "$project/constraints.txt" "$wheel[analysis,experiment]"
photographs=$(env/bin/python -c 'import skimage, pathlib; print(pathlib.Path(skimage.__file__).parent / "data")')
mkdir photos
cp "$photographs/coffee.png" "$photographs/rocket.jpg" photos
cp "$photographs/rocket.jpg" photo.jpg
cp "$project/tests/data/SIMULATED_acr.csv" ratings.csv
lines=$(awk '/^## Five lines/ {here = 1} here && /^```$/ {exit} typed; here && /^```sh/ {typed = 1}' "$project/README.md")
PATH="$place/env/bin:$PATH" bash -euxo pipefail -c "$lines"
env/bin/fechner demo --out demo
env/bin/fechner status demo
say "everything holds"
