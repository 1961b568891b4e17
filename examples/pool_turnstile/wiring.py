"""Draws wiring.svg: an AI-Thinker ESP32-CAM at a pool's turnstile. Run it again after a change."""

from __future__ import annotations

from html import escape
from pathlib import Path

TARGET = Path(__file__).with_name("wiring.svg")
WIDTH, HEIGHT = 860, 560
RED, BLACK, GREEN, BLUE = "#c22", "#222", "#186a3b", "#1f4e9c"
STYLE = "font-family:sans-serif;font-size:14px;fill:#222"


class Drawing:
    """Boxes, wires and words, in the order in which they are drawn."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def box(self, x: int, y: int, width: int, height: int, title: str, *lines: str, dashed: bool = False) -> None:
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#f7f7f4" stroke="#555"{dash}/>'
        )
        self.words(x + width // 2, y + 22, title, anchor="middle", bold=True)
        for number, line in enumerate(lines):
            self.words(x + width // 2, y + 42 + 18 * number, line, anchor="middle")

    def pin(self, x: int, y: int, name: str, *, right: bool) -> None:
        self._parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#555"/>')
        self.words(x - 10 if right else x + 10, y + 5, name, anchor="end" if right else "start")

    def wire(self, colour: str, *points: tuple[int, int]) -> None:
        path = " ".join(f"{x},{y}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')

    def joint(self, x: int, y: int, colour: str) -> None:
        self._parts.append(f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>')

    def words(self, x: int, y: int, text: str, *, anchor: str = "start", bold: bool = False) -> None:
        weight = ";font-weight:bold" if bold else ""
        style = f"{STYLE}{weight}"
        self._parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}" style="{style}">{escape(text)}</text>')

    def svg(self, title: str) -> str:
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
            f"<title>{escape(title)}</title>\n"
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
        )


def drawing() -> str:
    """Return the SVG document."""
    d = Drawing()
    _supply(d)
    _scanner(d)
    _relay(d)
    _turnstile(d)
    d.words(30, 507, "Relay and PASS are dry contacts: no voltage of the turnstile reaches the scanner.")
    d.words(30, 531, "The fire release is wired to the turnstile and past the scanner: software is no safety function.")
    return d.svg("Wiring of an ESP32-CAM scanner to a relay module and a turnstile")


def _supply(d: Drawing) -> None:
    d.box(30, 40, 150, 90, "Supply", "1 A or more")
    d.pin(180, 90, "5 V", right=True)
    d.pin(180, 115, "0 V", right=True)
    d.wire(RED, (180, 90), (260, 90))
    d.wire(BLACK, (180, 115), (260, 115))
    d.wire(RED, (225, 90), (225, 22), (530, 22), (530, 90), (560, 90))
    d.wire(BLACK, (205, 115), (205, 10), (545, 10), (545, 115), (560, 115))
    d.joint(225, 90, RED)
    d.joint(205, 115, BLACK)


def _scanner(d: Drawing) -> None:
    d.box(260, 40, 210, 250, "ESP32-CAM")
    d.pin(260, 90, "5V", right=False)
    d.pin(260, 115, "GND", right=False)
    d.pin(470, 140, "GPIO 13", right=True)
    d.pin(470, 190, "GPIO 14", right=True)
    d.pin(470, 240, "GND", right=True)
    d.words(275, 168, "GPIO 33: LED")
    d.words(275, 188, "on the board")
    d.words(365, 278, "camera looks at the card", anchor="middle")
    d.words(30, 483, "GPIO 2, 12 and 15 decide how the board starts: nothing is wired to them.")


def _relay(d: Drawing) -> None:
    d.box(560, 40, 270, 140, "Relay module, 3.3 V input")
    for y, name in ((90, "VCC"), (115, "GND"), (140, "IN")):
        d.pin(560, y, name, right=False)
    d.pin(830, 100, "COM", right=True)
    d.pin(830, 140, "NO", right=True)
    d.wire(GREEN, (470, 140), (560, 140))


def _turnstile(d: Drawing) -> None:
    d.box(560, 250, 270, 130, "Turnstile control")
    d.pin(560, 300, "PASS", right=False)
    d.pin(560, 330, "PASS common", right=False)
    d.pin(830, 300, "OPEN", right=True)
    d.pin(830, 330, "OPEN common", right=True)
    d.wire(BLUE, (470, 190), (520, 190), (520, 300), (560, 300))
    d.wire(BLACK, (470, 240), (500, 240), (500, 330), (560, 330))
    d.wire(GREEN, (830, 140), (842, 140), (842, 300), (830, 300))
    d.wire(BLACK, (830, 100), (852, 100), (852, 330), (830, 330))
    d.box(560, 420, 270, 36, "Fire alarm", dashed=True)
    d.wire(RED, (695, 420), (695, 380))
    d.words(705, 405, "releases the arms")


def main() -> None:
    """Write the drawing beside this file."""
    TARGET.write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
