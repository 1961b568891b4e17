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
_MAX_SIDE_PX = 65_535
# The reader's time grows with the square of what looks like a corner of a code. A symbol that
# takes a tenth of the width of a photograph still has five pixels a module.
_LOOKED_AT_PIXELS = 4_000_000


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
    grey = _grey(picture, "The picture") if isinstance(picture, Image.Image) else _open_grey(picture)
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
    # A card's text that was given in place of a picture is to be in no message and no traceback.
    is_secret = 2 * sum(map(str.isdigit, name)) > len(name)
    if is_secret:
        name = "The picture"
    try:
        with warnings.catch_warnings():
            # Of metadata that it cannot make out, and of sizes past our own lower limit, whose answer is a sentence.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=_FORMATS) as image:
                return _grey(image, name)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ScanError(f"{name} cannot be opened: {error.strerror}.") from (None if is_secret else error)
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        sentence = f"{name} is not a picture that can be read; save it as PNG or JPEG."
        raise ScanError(sentence) from (None if is_secret else error)


def _grey(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """Return the picture in grey, with as many pixels as are looked at."""
    from PIL import Image

    if 0 in image.size:
        raise ScanError(f"{name} is empty. Take it again.")
    if image.width * image.height > _MAX_PIXELS or max(image.size) > _MAX_SIDE_PX:
        raise _too_large(name)
    grey = _on_white(image)
    factor = (_LOOKED_AT_PIXELS / (grey.width * grey.height)) ** 0.5
    if factor >= 1:
        return grey
    size = max(1, int(grey.width * factor)), max(1, int(grey.height * factor))
    return grey.resize(size, Image.Resampling.BOX)


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the picture in grey; what is transparent becomes paper."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("L")
    with_alpha = image.convert("RGBA")
    paper = Image.new("L", image.size, "white")
    paper.paste(with_alpha.convert("L"), mask=with_alpha.getchannel("A"))
    return paper


def _too_large(name: str) -> ScanError:
    return ScanError(f"{name} has too many pixels. Crop it to the card.")
