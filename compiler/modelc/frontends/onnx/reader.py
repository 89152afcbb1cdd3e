"""The reader of ONNX files of the opset that modelc writes: to inspect, execute, compare and verify them."""

from __future__ import annotations

from modelc.frontends.frontend import Frontend
from modelc.frontends.onnx.checks import check
from modelc.frontends.onnx.reading import describe, load, recognizes

FRONTEND = Frontend("onnx", "ONNX file", recognizes, load, describe, check=check)
