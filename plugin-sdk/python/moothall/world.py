"""The world of a component: all imports that the SDK uses, and the exports that the plugin has."""

from __future__ import annotations

IMPORTS = ("accounts", "context", "events", "http", "log", "process", "secrets", "settings", "state")

# The module that componentize-py makes a component of.
PROGRAM = """\
from {module} import {name} as the_plugin
from moothall.component import exports_of

globals().update(exports_of(the_plugin))
"""


def world_of(interfaces: list[str]) -> str:
    """The text of `world.wit`."""
    imports = "".join(f"    import {name};\n" for name in IMPORTS)
    exports = "".join(f"    export {name};\n" for name in interfaces)
    return f"package moothall:plugin@0.1.0;\n\nworld component {{\n{imports}{exports}}}\n"
