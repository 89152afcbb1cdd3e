"""modelc: compiles trained models for Huawei Ascend chips, checks them, and proves what it made."""

from modelc.version import __version__

__all__ = ["__version__"]
