"""Scans from a camera: a frame, the QR code in it, its text."""

from binascii import crc32

from reading import OTHER, Reading, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Camera(Protocol):
        """What is used here of the `camera` module's class."""

        def capture(self) -> "memoryview | None": ...

        def frame_available(self) -> bool: ...

        def deinit(self) -> None: ...

    class Decoder(Protocol):
        width: int
        height: int
        version: int

        @property
        def is_numeric(self) -> bool: ...

        def decode(self, frame: "memoryview") -> "str | None": ...


_RETRY_MS = 5000
_SILENT_MS = 5000
# A live sensor has noise: the same bytes for so long come from a driver that hangs, on one of its two frames or on both
# by turns.
_FROZEN_MS = 30000
_SAMPLE_ROWS = 8
# Of the symbol that all cards have (docs/format.md).
_CARD_VERSION = 6


class SourceError(Exception):
    """No scans come; the message is one sentence."""


class CameraSource:
    """Reads cards from `open_camera()`; a camera that fails is closed, and opened again five seconds later."""

    def __init__(self, open_camera: "Callable[[], Camera]", decoder: "Decoder", ticks: "Callable[[], int]") -> None:
        self._open_camera = open_camera
        self._decoder = decoder
        self._ticks = ticks
        self._camera: "Camera | None" = None
        self._retry_at_ms = 0
        # Since when it has given no frames; -1 while it gives them.
        self._silent_since_ms = -1
        self._sample = self._sample_before = 0
        self._sample_at_ms = 0
        self._first = decoder.height // 2 * decoder.width
        self._end = self._first + _SAMPLE_ROWS * decoder.width

    def poll(self) -> "Reading | None":
        """Take one frame and read it. Raises what the camera raises, SourceError where it gives nothing."""
        now_ms = self._ticks()
        camera = self._camera
        if camera is None:
            if now_ms < self._retry_at_ms:
                return None
            self._retry_at_ms = now_ms + _RETRY_MS
            camera = self._camera = self._open_camera()
            self._silent_since_ms = -1
            self._sample_at_ms = now_ms
        try:
            frame = camera.capture()
            now_ms = self._ticks()
            if frame is None or len(frame) != self._decoder.width * self._decoder.height:
                if self._silent_since_ms < 0:
                    self._silent_since_ms = now_ms
                if now_ms - self._silent_since_ms >= _SILENT_MS:
                    raise SourceError("The camera gives no frames.")
                return None
            self._silent_since_ms = -1
            self._check_live(frame, now_ms)
        except Exception:
            self.close()
            raise
        decoder = self._decoder
        text = decoder.decode(frame)
        if text is None:
            return None
        return reading(text if decoder.is_numeric and decoder.version == _CARD_VERSION else OTHER, now_ms)

    @property
    def is_working(self) -> bool:
        """Whether there is a camera, and it gives frames or has but stopped."""
        return self._camera is not None

    @property
    def is_ready(self) -> bool:
        """Whether a poll would not wait for a frame."""
        return self._camera is None or self._camera.frame_available()

    @property
    def is_watching(self) -> bool:
        """Whether the last frame came: a card that is not seen otherwise may still be there."""
        return self._camera is not None and self._silent_since_ms < 0

    def close(self) -> None:
        """Let go of the camera; the next one is opened by `poll`."""
        camera = self._camera
        self._camera = None
        self._retry_at_ms = self._ticks() + _RETRY_MS
        if camera:
            try:
                camera.deinit()
            except Exception:
                pass  # It failed already, and is opened anew.

    def _check_live(self, frame: "memoryview", now_ms: int) -> None:
        rows = frame[self._first : self._end]
        sample = crc32(rows)
        # One grey all over, as in the dark or against the sun, may well stay the same.
        known = sample == self._sample or sample == self._sample_before
        self._sample_before = self._sample
        self._sample = sample
        if not known or min(rows) == max(rows):
            self._sample_at_ms = now_ms
        elif now_ms - self._sample_at_ms >= _FROZEN_MS:
            raise SourceError("The camera gives one frame again and again.")
