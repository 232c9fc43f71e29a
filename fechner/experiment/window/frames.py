"""Frames on their way to the screen: decoded in a thread, uploaded in time, read back.

While one trial is answered the next one's pictures are decoded; the interval before
they are shown uploads them into textures that earlier pictures have left.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fechner.experiment.display import Frame, load_pixels, pixels_sha256
from fechner.experiment.screens import layout, patterns
from fechner.experiment.screens.look import Box, Look

if TYPE_CHECKING:
    from fechner.experiment.window.window import Texture, Window


@dataclass(frozen=True)
class DecodedFrame:
    """The images of a frame, decoded, with their places, digests and captions."""

    images: list[Image.Image]
    boxes: list[Box]
    sha256: tuple[str, ...]
    captions: list[tuple[Image.Image, Box]]

    @property
    def pieces(self) -> list[tuple[Image.Image, Box]]:
        """Everything that is drawn, with its place."""
        return [*zip(self.images, self.boxes, strict=True), *self.captions]


@dataclass(frozen=True)
class UploadedFrame:
    """A frame in textures, to be drawn."""

    loaded: DecodedFrame
    textures: list[Texture]

    def draw(self) -> None:
        """Draw into the back buffer."""
        for texture in self.textures:
            texture.draw()

    def difference(self, back: Image.Image) -> int:
        """Return the largest difference of the images from a read-back window, in 8-bit levels."""
        seen = np.asarray(back, np.int16)
        largest = 0
        for image, (left, top, right, bottom) in zip(
            self.loaded.images, self.loaded.boxes, strict=True
        ):
            change = np.abs(seen[top:bottom, left:right] - np.asarray(image))
            largest = max(largest, int(change.max()))
        return largest


class FrameLoader:
    """The frames of a session, shown in `area` of a window."""

    def __init__(self, window: Window, look: Look, area: Box) -> None:
        self._window, self._look, self._area = window, look, area
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._decoding: dict[Frame, Future[DecodedFrame]] = {}
        self._ready: dict[Frame, UploadedFrame] = {}
        self._seen: set[Frame] = set()
        self._spare: list[Texture] = []

    def preload(self, frame: Frame) -> None:
        """Begin to decode a frame."""
        if frame not in self._decoding and frame not in self._ready:
            self._decoding[frame] = self._decoder.submit(self._load, frame)

    def _load(self, frame: Frame) -> DecodedFrame:
        images = [load_pixels(path) for path in frame.images]
        if frame.mask:
            images = [patterns.noise_mask(image.size, seed=0) for image in images]
        boxes = layout.place_frame(self._look, frame, [i.size for i in images], self._area)
        captions = [
            layout.caption(self._look, text, box)
            for text, box in zip(frame.captions, boxes, strict=False)
            if text
        ]
        return DecodedFrame(images, boxes, tuple(pixels_sha256(i) for i in images), captions)

    def upload_waiting(self, *, all_of_them: bool) -> None:
        """Upload what was decoded, into textures whose frames were shown.

        With `all_of_them` the decoding that still goes on is waited for.
        """
        for frame in self._seen & self._ready.keys():
            self._spare.extend(self._ready.pop(frame).textures)
        self._seen.clear()
        for frame, decoding in list(self._decoding.items()):
            if all_of_them or decoding.done():
                self._upload(frame)

    def _upload(self, frame: Frame) -> UploadedFrame:
        if frame not in self._ready:
            waiting = self._decoding.pop(frame, None)
            loaded = waiting.result() if waiting else self._load(frame)
            textures = [self.texture() for _ in loaded.pieces]
            for texture, (image, box) in zip(textures, loaded.pieces, strict=True):
                texture.put(image, box)
            self._ready[frame] = UploadedFrame(loaded, textures)
        return self._ready[frame]

    def take(self, frame: Frame) -> UploadedFrame:
        """Return a frame to be shown now; its textures are free after the next interval began."""
        self._seen.add(frame)
        return self._upload(frame)

    def texture(self) -> Texture:
        """Return a texture that nothing uses."""
        return self._spare.pop() if self._spare else self._window.texture()

    def give_back(self, texture: Texture) -> None:
        """Let other frames use a texture."""
        self._spare.append(texture)

    def close(self) -> None:
        """End the decoding."""
        self._decoder.shutdown(wait=True, cancel_futures=True)
