"""Lowerings of canonical ops to ONNX, one module per family.

To add a family: write a module beside the others, and register one function per kind of op, or for several that
differ only in their name::

    @lowers("Softsign")
    def _softsign(site: Site) -> Lowered:
        return site.onnx("Softsign", site.inputs[0])

A function builds with its `Site`. Types of what it builds are inferred by ONNX's own functions, so that a mistake
shows at once; a result whose element type is not that of the canonical op is cast for it. Element types for which
onnxruntime has no kernel are computed in wider ones, without a thought of the function. Attributes are read with the
helpers that inference and evaluation use, `modelc.dialects.ge.helpers.integer(site.op, "axis", 0)`, and what the
modules of that dialect know of an op is asked there, not written again. What ONNX cannot say raises
`NoFormError("has ...")`, a clause that follows the op's name.

What the canonical dialect lays out channels last is lowered with `site.channels_first` and `site.as_laid_out` around
it: a pass of its own moves and cancels the transpositions.

To test a family: a table of single ops with their operands in a module of `tests/backends/onnx/`, given one by one to
`lowering_case.check_case` beside it, or graphs in the canonical dialect given to `onnx_engines.check`
(`tests/artifacts/`). Both lower, have the file checked by ONNX's own checker, and compare numpy with onnxruntime.

An op that is executed here and has no lowering has a reason in `missing.py`, which a test holds against the two tables.
"""
