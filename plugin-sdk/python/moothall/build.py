"""`moothall-build hello:plugin --out hello.wasm`: the component of a plugin.

The plugin says what it exports, and componentize-py makes a component of exactly that world.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

from .world import PROGRAM, world_of
from .plugin import Plugin

WIT = Path(__file__).parent / "wit"
# Another version may name things in its bindings differently.
TOOL, TOOL_VERSION = "componentize-py", "0.25.1"
# It has no `__main__`, and its script may be of another environment.
RUN = "import componentize_py; componentize_py.script()"


def main() -> None:
    arguments = _parser().parse_args()
    module, _, name = arguments.plugin.partition(":")
    sys.path.insert(0, str(arguments.path))
    try:
        plugin = load(module, name or "plugin")
        out = arguments.out or Path(f"{plugin.manifest['name']}.wasm")
        build(module, name or "plugin", plugin, arguments.path, out)
    except Mistake as mistake:
        sys.exit(f"error: {mistake}")
    print(f"{out} ({out.stat().st_size // 1024} KiB)", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="moothall-build", description="Makes the component of a plugin.")
    parser.add_argument("plugin", help="the module and the plugin's name in it: `hello:plugin`")
    parser.add_argument("--out", type=Path, help="the component; <name>.wasm if not given")
    parser.add_argument("--path", type=Path, default=Path("."), help="the folder of the module; this one if not given")
    return parser


class Mistake(Exception):
    """What an author can mend."""


def load(module: str, name: str) -> Plugin:
    """The plugin itself, to ask what it exports."""
    plugin = getattr(importlib.import_module(module), name, None)
    if not isinstance(plugin, Plugin):
        raise Mistake(f"the module `{module}` has no plugin `{name}`: write `{name} = Plugin(\"…\")` there")
    return plugin


def build(module: str, name: str, plugin: Plugin, path: Path, out: Path) -> None:
    try:
        found = importlib.metadata.version(TOOL)
    except importlib.metadata.PackageNotFoundError:
        found = None
    if found != TOOL_VERSION:
        raise Mistake(f"{TOOL} {TOOL_VERSION} is needed, and {found or 'none'} is installed: pip install 'moothall[build]'")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        wit = folder / "wit"
        wit.mkdir()
        (wit / "moothall.wit").write_text((WIT / "moothall.wit").read_text())
        (wit / "world.wit").write_text(world_of(plugin.interfaces))
        (folder / "moothall_program.py").write_text(PROGRAM.format(module=module, name=name))
        places = dict.fromkeys(place.resolve() for place in (path, *_packages(), folder))
        paths = [argument for place in places for argument in ("-p", str(place))]
        tool = [sys.executable, "-c", RUN, "-d", str(wit), "-w", "component", "--quiet", "componentize"]
        made_well = subprocess.run([*tool, *paths, "moothall_program", "-o", str(out.resolve())], check=False)
    if made_well.returncode != 0:
        raise Mistake(f"{TOOL} could not make the component; what it said is above")


def _packages() -> list[Path]:
    """The folders that this package and those that it needs are installed in."""
    names = ("moothall", "mashumaro", "typing_extensions")
    found = [importlib.import_module(name).__file__ or "" for name in names]
    # A package is in a folder of its own, a module is not.
    return [Path(file).parents[1 if file.endswith("__init__.py") else 0] for file in found]


if __name__ == "__main__":
    main()
