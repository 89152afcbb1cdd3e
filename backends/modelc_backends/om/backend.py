"""The two targets of this package: `.om`, and `.air` for the tools that build device kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from modelc.backend import PLAIN, Artifact, Backend, WriteOptions
from modelc.diagnostics.diagnostic import Diagnostic, Fix, fail, finding
from modelc.ir.blob import Blob
from modelc.ir.model import Model
from modelc_backends.files.names import safe
from modelc_backends.files.outside import LEAST, Outside
from modelc_backends.files.stream import Stream
from modelc_backends.files.writer import output_target, weights_folder, write_atomically
from modelc_backends.om.emit import emit
from modelc_backends.om.header import U32_MAX, Header, pack_table, table_size
from modelc_backends.om.layouts import layouts
from modelc_backends.om.numbers import Partition
from modelc_backends.pipelines import TARGET

OM_KIND = "IR-level .om: graph and weights, no device kernels"
AIR_KIND = ".air: graph and weights, for atc to build device kernels from"
LIMIT: Final = (1 << 31) - 1  # bytes protobuf takes of one message


def write_om(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write a model as an `.om` without kernels, all or nothing."""
    name = om_name(model)
    definition, outside = _definition(model, name, path, options)
    stream = wrap(definition, name)
    digest = write_atomically(stream, path, outside)
    lacking = " (without the constants that lie outside)" if outside else ""
    steps = (
        f"see it with `modelc inspect {path}`, or{lacking} `atc --mode=1 --om={path} --json=FILE`, or Netron",
        "a device refuses it, for it holds no kernels: compile with `--target air` and let a CANN `atc` build them",
    )
    return _with_outside(Artifact(path, "om", OM_KIND, digest, stream.nbytes, steps), outside, options)


def write_air(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write a model as an `.air`, all or nothing."""
    stream, outside = _definition(model, safe(model.name), path, options)
    digest = write_atomically(stream, path, outside)
    step = f"where CANN is installed: `atc --framework=1 --model={path} --output={path.stem} --soc_version=NAME`"
    return _with_outside(Artifact(path, "air", AIR_KIND, digest, stream.nbytes, (step,)), outside, options)


def om_name(model: Model) -> str:
    """Return the name that the model of an `.om` without kernels has in it."""
    return f"{safe(model.name)}_original"


def wrap(definition: Stream, name: str) -> Stream:
    """Return the `.om` whose only partition is a serialized `ModelDef`; `name` goes into the header."""
    wide = table_size(1, wide=False) + definition.nbytes > U32_MAX
    table = pack_table([(Partition.MODEL_DEF, definition.nbytes)], wide)
    stream = Stream()
    stream.add(Header(name, len(table) + definition.nbytes, wide).pack() + table)
    stream.extend(definition)
    return stream


def _definition(model: Model, name: str, path: Path, options: WriteOptions) -> tuple[Stream, Outside | None]:
    """Return the model description, and the constants outside of it: where it would be too long, or on request.

    Raises:
        ModelcError: All that the format cannot say.
    """
    if not options.external_weights and _constants(model) <= LIMIT:
        stream = emit(model, name)
        if stream.nbytes <= LIMIT:
            return stream, None
    folder = weights_folder(output_target(path)).name
    for least in LEAST:
        outside = Outside(folder, least)
        stream = emit(model, name, outside)
        if stream.nbytes <= LIMIT:
            return stream, outside
    raise fail(
        "MC504",
        f"the model has {_size(stream.nbytes)} besides its big constants, an artifact holds at most 2 GiB",
        fixes=[Fix("split the model")],
    )


def _constants(model: Model) -> int:
    blobs = (op.attributes.get("value") for op in model.ops() if op.kind == "const")
    return sum(blob.nbytes for blob in blobs if isinstance(blob, Blob))


def _with_outside(artifact: Artifact, outside: Outside | None, options: WriteOptions) -> Artifact:
    """Return `artifact` with what there is to say of its constants."""
    if outside is None:
        return artifact
    target = artifact.path.resolve() if artifact.path.is_symlink() else artifact.path
    told = _told(outside, artifact.path, options)
    return replace(artifact, weights=weights_folder(target) if outside else None, findings=(told,))


def _told(outside: Outside, path: Path, options: WriteOptions) -> Diagnostic:
    """Return what to say of constants that lie outside."""
    if not outside:
        text = f"no constant of the model has {outside.least >> 10} KiB or more, `{path.name}` holds all of them"
        return finding("MC505", text, file=str(path))
    reason = "it was asked for" if options.external_weights else "a file of this kind holds at most 2 GiB"
    files = "1 file" if len(outside) == 1 else f"{len(outside)} files"
    return finding(
        "MC505",
        f"{_size(outside.nbytes)} of constants lie beside `{path.name}`, in {files} of the folder `{outside.folder}`",
        file=str(path),
        notes=[f"why: {reason}"],
        fixes=[Fix("copy or move both together, the folder keeps its name")],
    )


def _size(nbytes: int) -> str:
    return f"{nbytes / (1 << 30):.1f} GiB" if nbytes >= 1 << 30 else f"{nbytes / (1 << 20):.1f} MiB"


OM = Backend("om", ".om", "Ascend offline model, the graph without kernels", write_om, TARGET, layouts)
AIR = Backend(
    "air", ".air", "Ascend intermediate representation, for CANN's atc to build kernels", write_air, TARGET, layouts
)
