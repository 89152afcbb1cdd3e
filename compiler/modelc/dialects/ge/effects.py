"""Ops that do more than compute their results: state, printing, and random numbers that only devices draw.

None of them is evaluated here: there is no state to keep.
"""

from __future__ import annotations

from modelc.dialects.ge.semantics import TRAITS
from modelc.ir.opdef import RANDOM, STATEFUL

_RANDOM = (*("DropOutGenMask", "DropOutGenMaskV3", "DropOutGenMaskV4", "Normal", "RandomChoiceWithMask", "Randperm"),)
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

TRAITS.update(dict.fromkeys(_RANDOM, frozenset({RANDOM, STATEFUL})))
TRAITS.update(dict.fromkeys(_STATEFUL, frozenset({STATEFUL})))
