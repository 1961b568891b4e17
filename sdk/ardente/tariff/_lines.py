import re

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]")
_KEY = re.compile(r"\s*([\w.\"' -]+)=")
_MAX_COLUMNS = 200


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line where a TOML file writes the key `path`, else the nearest table around it.

    None where neither can be told from the beginnings of lines.
    """
    table: tuple[str, ...] = ()
    nearest, nearest_depth = None, 0
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line[:_MAX_COLUMNS]):
            written = table = _keys(header[1])
        elif key := _KEY.match(line[:_MAX_COLUMNS]):
            written = table + _keys(key[1])
        else:
            continue
        if path and written[: len(path)] == path:
            return number
        if len(written) > nearest_depth and written == path[: len(written)]:
            nearest, nearest_depth = number, len(written)
    return nearest


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip(" \t\"'") for key in dotted.split("."))
