"""Where things are: the source tree and the programs built from it."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build_directory() -> pathlib.Path:
    """The meson build directory: $TRIBUTARY_BUILD, or build/ in the source tree."""
    return pathlib.Path(os.environ.get("TRIBUTARY_BUILD", ROOT / "build"))


def find_program(name: str) -> pathlib.Path:
    """A program of ours in the build directory; readable failure if it is not built."""
    for pattern in (f"src/{name}", f"src/*/{name}", f"testbed/*/{name}", f"examples/{name}"):
        for path in build_directory().glob(pattern):
            if path.is_file():
                return path
    raise FileNotFoundError(f"{name} is not built in {build_directory()} (meson setup there, then ninja)")
