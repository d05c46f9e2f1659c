"""Where things are: the source tree and the programs built from it."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build_directory() -> pathlib.Path:
    """The meson build directory: $TRIBUTARY_BUILD, or build/ in the source tree."""
    return pathlib.Path(os.environ.get("TRIBUTARY_BUILD", ROOT / "build"))


def find_program(relative: str) -> pathlib.Path:
    """A program of ours by its place in the build directory; readable failure if it is not built."""
    path = build_directory() / relative
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not built (meson setup {build_directory()}, then ninja -C {build_directory()})")
    return path
