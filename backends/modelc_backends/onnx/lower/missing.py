"""Which canonical ops that are executed here have no form in ONNX, and why: clauses that follow the name of an op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from modelc.dialects.ge.attribute_forms import FORMS
from modelc_backends.onnx.lower.forms import has_lowering

_REASONS: Final[Mapping[str, str]] = {
    "computes with complex numbers, which ONNX does not": """
        Angle Complex ComplexAbs FFT FFT2D IFFT IFFT2D IRFFT Imag RFFT Real""",
    "draws random numbers, by generators that ONNX lacks": """
        Bernoulli FixedUnigramCandidateSampler FractionalAvgPool FractionalMaxPool
        LearnedUnigramCandidateSampler LogUniformCandidateSampler Multinomial NonDeterministicInts
        ParameterizedTruncatedNormal RandomGamma RandomPoisson RandomShuffle RandomStandardNormal RandomUniform
        RandomUniformInt SampleDistortedBoundingBox SampleDistortedBoundingBoxExt2 StatelessMultinomial
        StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomGetAlg
        StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormalV2 StatelessRandomPoisson
        StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
        StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessSampleDistortedBoundingBox
        StatelessTruncatedNormalV2 ThreadUnsafeUnigramCandidateSampler TruncatedNormal Uniform
        UniformCandidateSampler""",
    "factorizes matrices in steps whose number depends on them": """
        MatrixSquareRoot Qr SelfAdjointEig Svd""",
    "is a special function that no ops of ONNX give to single precision": """
        Betainc Dawsn FresnelCos FresnelSin Igamma IgammaGradA Igammac Zeta""",
    "reads the bits of numbers, which ONNX cannot": "Fingerprint NextAfter",
    "joins texts, which ONNX does not by segments": "UnsortedSegmentJoin",
    "searches step by step, for which ONNX has no op": """
        CTCBeamSearchDecoder CTCLoss EditDistance IsotonicRegression""",
    "works on sets of any size, for which ONNX has no op": """
        ComputeAccidentalHits DenseCountSparseOutput DenseToDenseSetOperation DenseToSparseSetOperation SetSize
        SparseSoftmax""",
    "samples images in a way that ONNX has no op for": """
        ExtractGlimpse ImageProjectiveTransform ImageProjectiveTransformV2""",
    "gives gradients, which no model that is deployed needs": "BroadcastGradientArgs",
}

MISSING: Final[Mapping[str, str]] = {
    op_type: reason for reason, op_types in _REASONS.items() for op_type in op_types.split()
}


def reason(op_type: str) -> str | None:
    """Return why an op of this type cannot become ops of ONNX, a clause that follows its name; None where it can."""
    if has_lowering(op_type):
        return None
    return MISSING.get(FORMS[op_type].base if op_type in FORMS else op_type, "cannot be written as ops of ONNX")
