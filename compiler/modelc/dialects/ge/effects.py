"""Ops that do more than compute their results: random numbers, state and printing.

None of them is evaluated here: no two runs agree on random numbers, and there is no state to keep.
"""

from __future__ import annotations

from modelc.dialects.ge.helpers import element, mismatch, need_rank, operand
from modelc.dialects.ge.known import known_int, known_ints
from modelc.dialects.ge.semantics import TRAITS, infers
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, RANDOM, STATEFUL
from modelc.ir.types import F32, I32, I64, Element, TensorType, Type, format_shape

# Random numbers of a shape given as operand 0: the operand, or the default of `dtype`, that gives the element type.
_FILLED: dict[str, int | Element] = {
    "ParameterizedTruncatedNormal": 1,
    "RandomStandardNormal": F32,
    "RandomUniform": F32,
    "RandomUniformInt": 1,
    "TruncatedNormal": F32,
}
_FILLED_FROM_SEED: dict[str, int | Element] = {
    "StatelessParameterizedTruncatedNormal": 2,
    "StatelessRandomBinomial": I32,
    "StatelessRandomGammaV2": 2,
    "StatelessRandomNormalV2": F32,
    "StatelessRandomPoisson": F32,
    "StatelessRandomUniformFullInt": I32,
    "StatelessRandomUniformFullIntV2": I32,
    "StatelessRandomUniformInt": 2,
    "StatelessRandomUniformIntV2": 4,
    "StatelessRandomUniformV2": F32,
    "StatelessTruncatedNormalV2": F32,
}
_RANDOM = (
    *("Bernoulli", "DropOutGenMask", "DropOutGenMaskV3", "DropOutGenMaskV4", "Multinomial", "NonDeterministicInts"),
    *("Normal", "RandomChoiceWithMask", "RandomGamma", "RandomPoisson", "RandomShuffle", "Randperm", "Uniform"),
)
_STATEFUL = (
    *("Assert", "Assign", "AssignAdd", "AssignAddVariableOp", "AssignSub", "AssignSubVariableOp", "AssignVariableOp"),
    *("DestroyTemporaryVariable", "HashTable", "InitializeTable", "IsVariableInitialized", "IteratorGetNext"),
    *("LookupTableExport", "LookupTableFind", "LookupTableImport", "LookupTableInsert", "LookupTableRemove"),
    *("LookupTableSize", "MutableDenseHashTable", "MutableHashTable", "MutableHashTableOfTensors", "OutfeedEnqueueOp"),
    *("Print", "PrintV2", "PrintV3", "RandomShuffleQueue", "ReadVariableOp", "Save", "ScatterNdAdd", "ScatterNdMax"),
    *("ScatterNdMin", "ScatterNdSub", "ScatterNdUpdate", "ScatterAdd", "ScatterDiv", "ScatterMax", "ScatterMin"),
    *("ScatterMul", "ScatterSub", "ScatterUpdate", "Stack", "StackClose", "StackPop", "StackPush", "StatefulUniform"),
    *("StatefulRandomBinomial", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniformFullInt"),
    *("StatefulUniformInt", "StridedSliceAssign", "Summary", "TemporaryVariable", "TensorArray", "TensorArrayClose"),
    *("TensorArrayConcat", "TensorArrayGather", "TensorArrayRead", "TensorArrayScatter", "TensorArraySize"),
    *("TensorArraySplit", "TensorArrayWrite", "VarHandleOp", "VarIsInitializedOp", "Variable"),
)

TRAITS.update(dict.fromkeys((*_FILLED, *_RANDOM), frozenset({RANDOM, STATEFUL})))
TRAITS.update(dict.fromkeys(_FILLED_FROM_SEED, frozenset({PURE, RANDOM})))
TRAITS.update(dict.fromkeys(_STATEFUL, frozenset({STATEFUL})))


@infers(*_FILLED, *_FILLED_FROM_SEED)
def _infer_filled(op: Op) -> list[Type]:
    source = (_FILLED | _FILLED_FROM_SEED)[op.kind.removeprefix("ge.")]
    found = operand(op, source).element if isinstance(source, int) else element(op, "dtype", source)
    dims = known_ints(op, 0)
    if dims is not None and any(isinstance(dim, int) and dim < 0 for dim in dims):
        raise mismatch(op, f"cannot have the shape {format_shape(dims)}")
    return [TensorType(found, dims)]


@infers("Bernoulli", "RandomShuffle", "Uniform")
def _infer_same(op: Op) -> list[Type]:
    return [operand(op, 0)]


@infers("Multinomial")
def _infer_multinomial(op: Op) -> list[Type]:
    rows, _ = need_rank(op, operand(op, 0), 2, "logits")
    return [TensorType(element(op, "dtype", I64), (rows, known_int(op, 1)))]
