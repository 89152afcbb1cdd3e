"""modelc: compiles trained models for Huawei Ascend chips, checks them, and proves what it made.

The functions of `modelc.api` are here as `modelc.load`, `modelc.compile`, `modelc.check`, `modelc.run`,
`modelc.verify`, `modelc.diff` and `modelc.analyze`; they are imported on first use, so that `import modelc` costs
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from modelc.version import __version__

if TYPE_CHECKING:
    from modelc.api import ModelcError, analyze, check, compile, diff, load, run, verify

__all__ = ["ModelcError", "__version__", "analyze", "check", "compile", "diff", "load", "run", "verify"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("modelc.api"), name)
    raise AttributeError(f"module `modelc` has no attribute `{name}`")
