"""Netron without its window: what it shows of artifacts, where node and the package `netron` are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_NODE = shutil.which("node")
_NETRON = find_spec("netron")
_FILES = ("base.js", "om.js", "om-proto.js", "protobuf.js", "text.js", "om-metadata.json")
IS_INSTALLED = _NODE is not None and _NETRON is not None


def prepare(folder: Path) -> None:
    """Copy Netron's loader to where node takes it for modules."""
    assert _NETRON is not None
    assert _NETRON.origin is not None
    for name in _FILES:
        shutil.copy(Path(_NETRON.origin).parent / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')


def show(prepared: Path, files: Sequence[Path], *options: str) -> list[dict[str, Any]]:
    """What Netron shows of each file, under `graphs` and `message`; under `error` where it does not open."""
    assert _NODE is not None
    script = Path(__file__).with_name("netron_open.mjs")
    run = subprocess.run(
        [_NODE, script, prepared, *options, *files], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]
