"""The encoders, judges and photographs that benchmarks/compression.py compares with.

Peers: Pillow (libjpeg-turbo, optimised), mozjpeg (by npm's @jsquash/jpeg, where Node and a folder
with it are given) and jpegli (by ajpegli), all 4:2:0. Judges: quarters of a picture that maps other
than the encoder's call important; and Butteraugli's 3-norm, by the program `butteraugli_main`
(Debian: libjxl-devtools) where it is installed, on pictures that are the original outside a part.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import ajpegli
import cv2
import numpy as np
from PIL import Image

from fechner import rival_maps
from fechner.compression.jpeg.encoder import decode_jpeg, reference_encoder
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import most_important
from fechner.data.photographs import photographs
from fechner.records.images.files import read_image

PILLOW = (70, 78, 85, 90)
MOZJPEG = (70, 78, 84, 89, 93)
JPEGLI = (0.7, 1.0, 1.4, 1.9, 2.5, 3.2)
"""Qualities and distances of the peers' curves."""


class Judged:
    """A picture with its parts, and every file of it scored in each."""

    def __init__(self, picture, parts) -> None:
        self.picture, self.parts = picture, parts
        self.reference = Ss2Reference(picture)

    def scores(self, content: bytes) -> dict[str, float]:
        """Return ss2 by part, of the whole, and of the worst tile."""
        scores, tiles = self.reference.regions_and_tiles(decode_jpeg(content), self.parts)
        return {**scores, "worst tile": float(tiles.min())}

    def curve(self, files) -> list[tuple[int, dict[str, float]]]:
        """Return bytes and scores of files, bytes rising."""
        return sorted(
            ((len(content), self.scores(content)) for content in files), key=lambda pair: pair[0]
        )


def bytes_at(curve, part: str, score: float) -> float:
    """Return the bytes of a peer at a score in a part; NaN beyond its curve."""
    found = [scores[part] for _, scores in curve]
    if not found or not min(found) <= score <= max(found):
        return float("nan")
    order = np.argsort(found)
    logs = np.log([curve[i][0] for i in order])
    return float(np.exp(np.interp(score, np.array(found)[order], logs)))


def score_at(curve, part: str, size: float) -> float:
    """Return the score of a peer in a part at a number of bytes; NaN beyond its curve."""
    sizes = [size for size, _ in curve]
    if not sizes or not min(sizes) <= size <= max(sizes):
        return float("nan")
    return float(np.interp(np.log(size), np.log(sizes), [s[part] for _, s in curve]))


def peer_files(picture, mozjpeg: Path | None) -> dict[str, list[bytes]]:
    """Return the files of every peer."""
    return {
        "pillow": [reference_encoder(picture, quality, "4:2:0") for quality in PILLOW],
        "jpegli": [jpegli(picture, distance) for distance in JPEGLI],
        "mozjpeg": mozjpegs(picture, mozjpeg, MOZJPEG) if mozjpeg else [],
    }


def jpegli(picture, distance: float) -> bytes:
    return ajpegli.encode(
        np.ascontiguousarray(picture), distance=float(distance), subsampling="420"
    )


def jpegli_of(picture, size: int) -> bytes:
    """Return jpegli's largest file of at most `size` bytes, to the 16th part of a step."""
    return _largest(lambda distance: jpegli(picture, distance), 0.3, 8.0, size)


def mozjpeg_of(picture, modules: Path, size: int) -> bytes:
    """Return mozjpeg's largest file of at most `size` bytes."""
    files = mozjpegs(picture, modules, tuple(range(40, 96)))
    return max((file for file in files if len(file) <= size), key=len)


def _largest(encode, fine: float, coarse: float, size: int) -> bytes:
    best = encode(coarse)
    for _ in range(10):
        middle = (fine + coarse) / 2
        trial = encode(middle)
        if len(trial) <= size:
            coarse, best = middle, trial
        else:
            fine = middle
    return best


def mozjpegs(picture, modules: Path, qualities) -> list[bytes]:
    """Return mozjpeg's files of some qualities."""
    height, width = picture.shape[:2]
    script = Path(__file__).with_name("mozjpeg.mjs")
    with tempfile.TemporaryDirectory() as folder:
        pixels = Path(folder) / "pixels"
        np.dstack([picture, np.full((height, width), 255, np.uint8)]).tofile(pixels)
        out = Path(folder) / "out"
        words = [modules, pixels, width, height, out, *qualities]
        subprocess.run(["node", script, *map(str, words)], check=True)
        return [Path(f"{out}-{quality}.jpg").read_bytes() for quality in qualities]


def lossy_jxls(picture, distances) -> list[bytes]:
    """Return lossy JPEG XL files of some distances, where `cjxl` is installed."""
    if shutil.which("cjxl") is None:
        return []
    files = []
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "a.png", Path(folder) / "a.jxl"
        Image.fromarray(picture).save(source, compress_level=1)
        for distance in distances:
            words = ["cjxl", source, made, "-d", str(distance), "-e", "7", "--quiet"]
            subprocess.run(words, check=True, capture_output=True)
            files.append(made.read_bytes())
    return files


def reporting_photographs() -> dict[str, np.ndarray]:
    """Return the photographs that packages bring, none of Kodak's.

    Those that were stored as JPEG lose four pixels at the left and the top, so that their old
    blocks do not lie on those of the encoders.
    """
    found = {}
    for name, path in photographs().items():
        picture = read_image(path)
        stored = path.suffix.lower() in (".jpg", ".jpeg")
        found[name] = np.ascontiguousarray(picture[4:, 4:] if stored else picture)
    return found


def judges(picture, weights: Path | None) -> dict[str, np.ndarray]:
    """Return the quarter of a picture that each judge calls important, (h, w), 1 inside."""
    luma = rival_maps.luma_of(picture)
    maps = {
        "centre": rival_maps.centre_weights(*picture.shape[:2]),
        "spectral residual": rival_maps.spectral_residual(luma),
        "contrast": rival_maps.local_contrast(luma),
    }
    if weights is not None:
        maps["alexnet"] = activation(picture, weights)
    size = (picture.shape[1], picture.shape[0])
    whole = {
        name: cv2.resize(np.asarray(one, np.float32), size, interpolation=cv2.INTER_LINEAR)
        for name, one in maps.items()
    }
    return {name: most_important(one, picture.shape[:2]) for name, one in whole.items()}


def activation(picture, weights: Path) -> np.ndarray:
    """Return AlexNet's mean activation in its last convolution."""
    import torch
    import torchvision

    network = torchvision.models.alexnet(weights=None).features.eval()
    state = torch.load(weights, weights_only=True)
    own = {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
    network.load_state_dict(own)
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = torch.from_numpy(picture.astype(np.float32) / 255)
    with torch.no_grad():
        layer = network[:12](((pixels - mean) / sd).permute(2, 0, 1)[None])
    size = (picture.shape[1], picture.shape[0])
    energy = cv2.resize(layer[0].mean(0).numpy(), size, interpolation=cv2.INTER_CUBIC)
    return np.maximum(cv2.GaussianBlur(energy, (0, 0), 12), 0)


def butteraugli(picture, content: bytes, part) -> float:
    """Return Butteraugli's 3-norm of a file whose pixels outside a part are the original's."""
    program = shutil.which("butteraugli_main")
    if program is None:
        return float("nan")
    shown = np.where(part[..., None] > 0, decode_jpeg(content), picture)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("a.png", "b.png")]
        for file, pixels in zip(files, (picture, shown), strict=True):
            Image.fromarray(pixels).save(file, compress_level=1)
        said = subprocess.run([program, *files], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"3-norm: ([\d.]+)", said).group(1))
