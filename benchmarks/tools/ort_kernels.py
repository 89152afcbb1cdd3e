"""Write down for which element types onnxruntime has fewer CPU kernels than ONNX's schemas allow.

Run with the environment that has onnxruntime: `python benchmarks/tools/ort_kernels.py > FILE`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from modelc.dialects.onnx import OPSET, kinds
from modelc.dialects.onnx.dtypes import element_of_constraint

PROVIDER = "CPUExecutionProvider"
MADE_OF = {"HardSwish": "HardSigmoid", "Mish": "Softplus"}  # ops without kernels: the part that has the fewest


def kernels() -> dict[str, dict[str, set[str]]]:
    """Return op to type parameter to the names of the element types some kernel takes."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for kernel in native.get_all_opkernel_def():
        first, last = kernel.version_range
        if kernel.provider == PROVIDER and kernel.domain == "" and first <= OPSET <= last:
            for parameter, types in kernel.type_constraints.items():
                found[kernel.op_name][parameter] |= set(filter(None, map(element_of_constraint, types)))
    found.update((kind, found[part]) for kind, part in MADE_OF.items())
    return found


def narrower() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield each op with the type parameters for which there are fewer kernels than the schema allows."""
    found = kernels()
    for kind in kinds():
        schema = onnx.defs.get_schema(kind, OPSET, "")
        allowed = {
            each.type_param_str: set(filter(None, map(element_of_constraint, each.allowed_type_strs)))
            for each in schema.type_constraints
        }
        rows = {name: sorted(types) for name, types in sorted(found[kind].items()) if types < allowed.get(name, set())}
        if rows:
            yield kind, rows


if __name__ == "__main__":
    rows = ",\n".join(f' "{kind}": {json.dumps(each)}' for kind, each in narrower())
    print(f'{{"onnxruntime": "{onnxruntime.__version__}",\n"kernels": {{\n{rows}\n}}}}')
