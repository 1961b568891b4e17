"""Build hook: compile the message catalogues, so that wheels and editable installs carry every language.

A wheel also carries the scanner's firmware, which `ardente simulate` and `ardente device` use; in a checkout that is
where it lies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for source in sorted(Path(self.root).glob("sdk/ardente/locale/*/LC_MESSAGES/ardente.po")):
            compile_catalogue(source)
        if self.target_name == "wheel" and version == "standard":
            build_data["force_include"]["firmware/scanner"] = "ardente_tools/firmware"
            build_data["force_include"]["firmware/boot"] = "ardente_tools/boot"


def compile_catalogue(source: Path) -> Path:
    """Write the .mo file beside a .po file and return its path."""
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parent.parent.name)
    target = source.with_suffix(".mo")
    temporary = target.with_suffix(".mo.new")
    with temporary.open("wb") as file:
        write_mo(file, catalogue)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    return target
