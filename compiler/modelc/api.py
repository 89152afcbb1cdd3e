"""The Python API: what the command line does, as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.analysis.model import Analysis
from modelc.analysis.model import analyze as analyze_graph
from modelc.backend import BACKENDS
from modelc.contract import write_io_contract
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.difference.compare import Difference, differences
from modelc.driver import Compilation, Settings, compile_model
from modelc.execute.compare import Tolerances
from modelc.execute.device import as_compiled, compiled
from modelc.execute.execution import start
from modelc.execute.generate import Ranges
from modelc.execute.prepare import executable
from modelc.execute.verification import Request, Verification
from modelc.execute.verification import verify as compare_by_numbers
from modelc.frontends import load as loading
from modelc.frontends.frontend import LoadOptions
from modelc.ir.model import Model
from modelc.precision.assess import Request as Precision
from modelc.precision.assess import execution_of, setting_of
from modelc.profiles import DEFAULT

__all__ = ["ModelcError", "analyze", "check", "compile", "diff", "load", "run", "verify"]

PathText: TypeAlias = str | PathLike[str]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]


def load(source: PathText, *, signature: str = "", tags: Sequence[str] = (), out_nodes: str = "") -> Model:
    """Read a model or an artifact into the IR.

    Args:
        source: SavedModel folder, `.pb`, `.pbtxt`, `.om`, `.air` or `.mir`; told from the content.
        signature: Key of the SavedModel signature; by default `serving_default`.
        tags: Tags of the meta graph; by default `serve`.
        out_nodes: Outputs as `node:0;other:0`; by default the model's own.

    Raises:
        ModelcError: It cannot be read.
    """
    return loading.load(Path(source), LoadOptions(signature, tuple(tags), out_nodes), Sink())


def compile(
    source: PathText,
    output: PathText | None = None,
    *,
    target: str = "om",
    input_shape: str = "",
    batch_size: int = 0,
    signature: str = "",
    tags: Sequence[str] = (),
    out_nodes: str = "",
    profile: str = DEFAULT,
    soc: str = "",
    kernels: PathText | None = None,
    passes: str = "",
    plugins: Sequence[PathText] = (),
    fix: bool = True,
    insert_op_conf: PathText | None = None,
    external_weights: bool = False,
    io_contract: PathText | None = None,
) -> Compilation:
    """Compile a model into an artifact.

    Args:
        source: As for `load`.
        output: The artifact's path; by default the source's name with the target's ending, in the working folder.
        target: Name of the backend.
        input_shape: Shapes of inputs, `x:1,224,224,3;n:8`.
        batch_size: Extent for unknown first dimensions of inputs.
        signature: As for `load`.
        tags: As for `load`.
        out_nodes: As for `load`.
        profile: Name of the rule profile.
        soc: Name of the chip whose kernels must do; any by default.
        kernels: A file with kernels to lay over the built-in table.
        passes: A pipeline text in place of the target's own.
        plugins: Python files to load first.
        fix: Whether repairs may change the model.
        insert_op_conf: File that describes the preprocessing of images, as atc takes it.
        external_weights: Whether big constants go into files beside the artifact, also where it could hold them.
        io_contract: Where to describe inputs, outputs and where each op came from, as JSON; nowhere by default.

    Returns:
        The compilation: its artifact, findings below errors, and what each pass cost.

    Raises:
        ModelcError: The model cannot be compiled; it carries every finding.
    """
    path = Path(source)
    settings = Settings(
        target=target,
        input_shape=input_shape,
        batch_size=batch_size,
        signature=signature,
        tags=tuple(tags),
        out_nodes=out_nodes,
        profile=profile,
        soc=soc,
        kernels=None if kernels is None else Path(kernels),
        passes=passes,
        plugins=tuple(map(Path, plugins)),
        fix=fix,
        insert_op_conf=None if insert_op_conf is None else Path(insert_op_conf),
        external_weights=external_weights,
    )
    output = Path(output) if output else Path(f"{path.resolve().stem}{BACKENDS.get(target).suffix}")
    compilation = compile_model(path, output, settings).require()
    if io_contract is not None:
        write_io_contract(compilation, Path(io_contract))
    return compilation


def check(
    source: PathText,
    *,
    target: str = "om",
    input_shape: str = "",
    batch_size: int = 0,
    signature: str = "",
    out_nodes: str = "",
    profile: str = DEFAULT,
    soc: str = "",
    kernels: PathText | None = None,
) -> Compilation:
    """Report everything that stands against compiling a model; nothing is written or raised.

    Args:
        source: As for `load`.
        target: As for `compile`.
        input_shape: As for `compile`.
        batch_size: As for `compile`.
        signature: As for `load`.
        out_nodes: As for `load`.
        profile: As for `compile`.
        soc: As for `compile`.
        kernels: As for `compile`.

    Returns:
        The compilation without an artifact; `ok` is the verdict, `findings` the reasons.
    """
    settings = Settings(
        target=target,
        input_shape=input_shape,
        batch_size=batch_size,
        signature=signature,
        out_nodes=out_nodes,
        profile=profile,
        soc=soc,
        kernels=None if kernels is None else Path(kernels),
    )
    return compile_model(Path(source), None, settings)


def diff(a: PathText, b: PathText, *, signature: str = "", tags: Sequence[str] = (), out_nodes: str = "") -> Difference:
    """Compare two models or artifacts: interfaces, ops, attributes, types and weights.

    Args:
        a: The first, as for `load`.
        b: The second.
        signature: As for `load`, for both.
        tags: As for `load`, for both.
        out_nodes: As for `load`, for both.

    Returns:
        What differs; `equal` is the verdict.

    Raises:
        ModelcError: One of them cannot be read.
    """
    models = (load(path, signature=signature, tags=tags, out_nodes=out_nodes) for path in (a, b))
    return differences(*models)


def analyze(
    model: PathText,
    *,
    input_shape: str = "",
    batch_size: int = 0,
    signature: str = "",
    tags: Sequence[str] = (),
    out_nodes: str = "",
) -> Analysis:
    """Count what a model costs: parameters, arithmetic, memory traffic, memory of activations.

    Args:
        model: As for `load`; a source is analyzed as a device would get it.
        input_shape: As for `compile`.
        batch_size: As for `compile`.
        signature: As for `load`.
        tags: As for `load`.
        out_nodes: As for `load`.

    Returns:
        The costs, op by op and in sum, and a plan of memory.

    Raises:
        ModelcError: The model cannot be read, or does not take the shapes.
    """
    settings = Settings(
        input_shape=input_shape, batch_size=batch_size, signature=signature, tags=tuple(tags), out_nodes=out_nodes
    )
    return analyze_graph(compiled(Path(model), settings, Sink()).graph)


def run(
    model: PathText,
    inputs: Arrays,
    *,
    signature: str = "",
    out_nodes: str = "",
    engine: str = "",
    precision: str = "",
    keep_dtype: PathText | None = None,
) -> dict[str, NDArray[Any]]:
    """Execute a model or an artifact on the CPU.

    Args:
        model: As for `load`.
        inputs: Arrays by public input name.
        signature: As for `load`.
        out_nodes: As for `load`.
        engine: Name of what executes it, `numpy` or `onnxruntime`; by default the fastest that takes it.
        precision: A precision mode of atc to emulate with numpy, `force_fp16`; none by default.
        keep_dtype: A file that lists the ops which stay in float32 then, as atc takes it.

    Returns:
        Arrays by public output name.

    Raises:
        ModelcError: It cannot be read or executed, or the inputs do not fit.
    """
    settings = Settings(signature=signature, out_nodes=out_nodes)
    if not precision:
        return start(engine, executable(Path(model), settings, Sink(), inputs)).run(inputs)
    graph = executable(Path(model), as_compiled(settings), Sink(), inputs).graph
    return execution_of(setting_of(graph, _precision(precision, keep_dtype))).run(inputs)


def verify(
    source: PathText,
    artifact: PathText,
    inputs: Arrays | None = None,
    *,
    seed: int = 0,
    seeds: int = 1,
    input_ranges: Ranges | None = None,
    signature: str = "",
    tags: Sequence[str] = (),
    out_nodes: str = "",
    engine: str = "",
    oracle: str = "",
    tolerances: Tolerances | None = None,
    per_op: bool = False,
    precision: str = "",
    keep_dtype: PathText | None = None,
) -> Verification:
    """Run source and artifact on the same inputs and compare their outputs.

    Args:
        source: As for `load`.
        artifact: What was compiled from it.
        inputs: Arrays by public input name; generated when not given.
        seed: First seed of generated inputs.
        seeds: How many seeds, counting up; the worst of them is reported for each output.
        input_ranges: Least and greatest number of generated inputs, by public name; by default what the model shows.
        signature: As for `load`.
        tags: As for `load`.
        out_nodes: As for `load`.
        engine: Name of what executes the artifact, `numpy` or `onnxruntime`; by default the fastest that takes it.
        oracle: Name of what executes the source: `tensorflow`, or `modelc` for the source as it is lowered; by
            default the source's own framework where that is installed.
        tolerances: The largest relative difference that is equal, by numpy's name of the element type, in place of
            the usual ones.
        per_op: Whether the tensors inside of both are compared too.
        precision: As for `run`; `Verification.precision` then says what is lost, and what to keep in float32.
        keep_dtype: As for `run`.

    Returns:
        One comparison per output; `equal` is the verdict.

    Raises:
        ModelcError: One of the two cannot be read or executed.
    """
    request = Request(
        inputs=inputs,
        origin="" if inputs is None else "given",
        seeds=tuple(range(seed, seed + seeds)),
        ranges=input_ranges or {},
        engine=engine,
        oracle=oracle,
        tolerances=tolerances or {},
        per_op=per_op,
        precision=_precision(precision, keep_dtype) if precision else None,
    )
    options = LoadOptions(signature, tuple(tags), out_nodes)
    return compare_by_numbers(Path(source), Path(artifact), options, request)


def _precision(mode: str, keep_dtype: PathText | None) -> Precision:
    return Precision(mode, None if keep_dtype is None else Path(keep_dtype))
