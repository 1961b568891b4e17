# The part of micropython-camera-API that is used here.
class PixelFormat:
    GRAYSCALE: int

class FrameSize:
    QVGA: int
    VGA: int

class GrabMode:
    LATEST: int
    WHEN_EMPTY: int

class Camera:
    def __init__(
        self,
        *,
        pixel_format: int = ...,
        frame_size: int = ...,
        xclk_freq: int = ...,
        fb_count: int = ...,
        grab_mode: int = ...,
    ) -> None: ...
    def capture(self) -> memoryview | None: ...
    def frame_available(self) -> bool: ...
    def deinit(self) -> None: ...
