"""Reproducer files: what is needed to see a fault of modelc again."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import traceback
from pathlib import Path

from modelc.pipeline.instruments import PassRecord
from modelc.version import __version__


def write_reproducer(source: Path, pipeline: str, culprit: PassRecord | None, error: BaseException) -> Path:
    """Write a JSON file that says what failed, with the command that shows it again; returns its path."""
    report = {
        "modelc": __version__,
        "python": platform.python_version(),
        "source": str(source),
        "pipeline": pipeline,
        "failed": culprit.spec if culprit else "",
        "command": f"modelc opt {source} --passes '{pipeline}' --verify-each --print-after-all",
        "traceback": traceback.format_exception(error),
    }
    descriptor, name = tempfile.mkstemp(prefix="modelc-reproducer-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
    return Path(name)
