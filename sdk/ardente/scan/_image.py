from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias

from ._errors import ScanError
from ._scan import Problem, Scan, read_text
from ._source import BaseSource

if TYPE_CHECKING:
    import PIL.Image

    Picture: TypeAlias = str | PathLike[str] | bytes | PIL.Image.Image

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# Less than Pillow warns of, and more than any camera of a desk or telephone makes of one card.
_MAX_PIXELS = 80_000_000


def read_image(picture: Picture) -> Scan:
    """Read the QR code in a picture: a path, the bytes of a file, or a PIL image.

    No code, or more than one, is a problem of the scan, not an error. Needs the extra ``image``.

    Raises:
        ScanError: the picture cannot be read, or the extra is not installed.
    """
    try:
        import zxingcpp
        from PIL import Image
    except ImportError as error:
        raise ScanError("Reading a picture needs two more packages: pip install 'carte-ardente[image]'") from error
    grey = _on_white(picture) if isinstance(picture, Image.Image) else _open_grey(picture)
    found = zxingcpp.read_barcodes(
        grey, formats=zxingcpp.barcode_formats_from_str("QRCode"), text_mode=zxingcpp.TextMode.Plain
    )
    # Some versions count Micro QR as a kind of QR; no card is one.
    codes = [code for code in found if code.format == zxingcpp.BarcodeFormat.QRCode]
    if len(codes) != 1:
        return Scan(problem=Problem.SEVERAL_CODES if codes else Problem.NO_CODE)
    return read_text(codes[0].text)


class ImageSource(BaseSource):
    """Pictures, each with one card's QR code, read one after the other. Iterating raises what `read_image` raises."""

    def __init__(self, pictures: Iterable[Picture]) -> None:
        super().__init__()
        self._pictures = iter(pictures)

    def _advance(self) -> None:
        picture = next(self._pictures, None)
        if picture is None:
            self._ended = True
        else:
            self._ready.append(read_image(picture))


def _open_grey(picture: str | PathLike[str] | bytes) -> PIL.Image.Image:
    from PIL import Image

    name = "The picture" if isinstance(picture, bytes) else str(picture)
    try:
        with warnings.catch_warnings():
            # Our own limit is lower, and its answer is a sentence.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=_FORMATS)
        with image:
            if image.width * image.height > _MAX_PIXELS:
                raise ScanError(f"{name} has too many pixels. Crop it to the card.")
            return _on_white(image)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ScanError(f"{name} cannot be opened: {error.strerror}.") from error
    except Image.DecompressionBombError as error:
        raise ScanError(f"{name} has too many pixels. Crop it to the card.") from error
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise ScanError(f"{name} is not a picture that can be read; save it as PNG or JPEG.") from error


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the picture in grey; what is transparent becomes paper."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("L")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
