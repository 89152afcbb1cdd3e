"""Kinds that are lowered to and cannot be executed on a CPU, by the reason.

All other kinds that a lowering, a rewrite or a pass creates have an evaluation, or belong to a family of ops that the
default pipeline refuses; a test holds that true.
"""

from __future__ import annotations

from functools import cache

_REASONS: dict[str, tuple[str, ...]] = {
    "keeps a table between executions": (
        *("CacheAdd", "CacheAllIndexToLocal", "CacheRemoteIndexToLocal", "LRUCacheV2", "LruCache"),
        *("EmbeddingLocalIndex", "EmbeddingRankId"),
    ),
    "takes its data from a file or a queue": (
        *("AdpGetNext", "BatchEnqueue", "Dequeue", "FileConstant", "RecordInput"),
    ),
    "reads or sets registers of a device": (
        *("NPUAllocFloatStatus", "NPUClearFloatStatus", "NPUClearFloatStatusV2", "NPUGetFloatStatus"),
        *("NPUGetFloatStatusV2",),
    ),
    "works on numbers packed as only a device lays them out": (
        *("AscendDequant", "AscendWeightQuant", "DropOutDoMask", "DropOutDoMaskV3", "DropOutGenMask"),
        *("DropOutGenMaskV3", "Mask2Argmax", "NonZeroWithValueShape"),
    ),
    "is defined by the device's kernel alone": (
        *("BasicLSTMCell", "BatchDilatePolys", "BatchMultiClassNonMaxSuppression", "ClipBoxes", "DecodeBbox"),
        *("DecodeBboxV2", "DeformableOffsets", "DenseImageWarp", "DynamicAUGRU", "DynamicGRUV2", "DynamicLSTM"),
        *("DynamicRNN", "DynamicRNNV2", "FastGeluV2", "FastrcnnPredictions", "IFMR", "KMeansCentroids"),
        *("NormalizeBBox", "OCRDetectionPostHandle", "OCRDetectionPreHandle", "OCRFindContours"),
        *("OCRIdentifyPreHandle", "OCRRecognitionPreHandle", "ProdEnvMatA", "ProdForceSeA", "ProdVirialSeA"),
        *("ROIAlign", "ResizeAndClipPolys", "RpnProposals", "TabulateFusion", "ToAbsoluteBBox"),
    ),
    "takes text that holds serialized tensors": ("DeserializeManySparse",),
    "needs direction numbers of more than a thousand dimensions": ("SobolSample",),
}


@cache
def unexecuted() -> dict[str, str]:
    """Return why a kind, named without its prefix, cannot be executed, as a clause that follows its name."""
    return {kind: reason for reason, kinds in _REASONS.items() for kind in kinds}
