"""Butteraugli and VMAF are asked the right way, with programs that stand in for them."""

import stat
import sys

import numpy as np
import pytest

from fechner.compression.metrics.external_metrics import butteraugli, vmaf
from fechner.errors import MissingPartError

PICTURE = np.random.default_rng(0).integers(0, 255, (12, 17, 3), dtype=np.uint8)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Give what installs a Python script as a program of that name."""

    def install(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!{sys.executable}\n{script}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))

    return install


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")


def test_butteraugli_reads_both_pictures_and_the_first_number(program):
    program(
        "butteraugli_main",
        "import sys\nfrom PIL import Image\nimport numpy as np\n"
        "a, b = (np.asarray(Image.open(p)).astype(float) for p in sys.argv[1:3])\n"
        "print(f'{np.abs(a - b).max():.10f}')\nprint('3-norm: 0.5')\n",
    )
    assert butteraugli(PICTURE, PICTURE) == 0
    changed = PICTURE.copy()
    changed[0, 0, 0] ^= 1
    assert butteraugli(PICTURE, changed) == 1


def test_vmaf_gets_two_frames_of_the_picture(program):
    program(
        "vmaf",
        "import sys, json\na = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "words = sys.argv\n"
        "one, two = (open(words[words.index(n) + 1], 'rb').read() for n in "
        "('--reference', '--distorted'))\n"
        "assert one.startswith(b'YUV4MPEG2 W17 H12 ') and len(one.split(b'FRAME\\n')[1]) == 612\n"
        "score = 100.0 if one == two else 40.0\n"
        "json.dump({'pooled_metrics': {'vmaf': {'mean': score}}}, "
        "open(words[words.index('--output') + 1], 'w'))\n",
    )
    assert vmaf(PICTURE, PICTURE) == 100
    assert vmaf(PICTURE, 255 - PICTURE) == 40


def test_a_missing_or_failing_program_is_named(program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="butteraugli_main, which is not on the search"):
        butteraugli(PICTURE, PICTURE)
    program("vmaf", "raise SystemExit(3)\n")
    with pytest.raises(MissingPartError, match="vmaf failed"):
        vmaf(PICTURE, PICTURE)
