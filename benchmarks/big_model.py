"""Make a model of several gigabytes without TensorFlow, compile it, and prove that what was written is the same model.

Usage: python benchmarks/big_model.py FOLDER [--gigabytes 3] [--targets air,om] [--keep]

FOLDER gets `big`, a SavedModel of dense layers whose random weights (seeded) lie in four shards, and the artifacts.
Every compilation is a process of its own; peak memory is its largest resident set. It is started by a small process in
between, as what this one once used would count as memory of those it starts. The weights of an artifact are then
compared with the shards byte by byte, and its outputs with those of plain numpy, layer by layer. Everything is deleted
at the end unless --keep is given; a SavedModel that is already there is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray

from modelc.api import load, run
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.sstable import MAGIC, masked_crc32c
from modelc.frontends.wire import write_varint
from modelc.ir.blob import FileBlob
from modelc.tables import table

WIDTH = 4096
LAYER = 4 * (WIDTH * WIDTH + WIDTH)  # bytes
SHARDS = 4
TOLERANCE = 1e-4

_INFO = "name: '{}:0' dtype: DT_FLOAT tensor_shape {{ dim {{ size: 1 }} dim {{ size: {} }} }}"
_META = f"""
meta_info_def {{ tags: 'serve' tensorflow_version: '2.0' }}
signature_def {{ key: 'serving_default' value {{
  inputs {{ key: 'x' value {{ {_INFO.format("x", WIDTH)} }} }}
  outputs {{ key: 'y' value {{ {_INFO.format("y", WIDTH)} }} }}
}} }}
"""


def weights(layers: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the name and the numbers of every variable; signals keep their size from layer to layer."""
    rng = np.random.default_rng(0)
    for layer in range(layers):
        kernel = rng.standard_normal((WIDTH, WIDTH), np.float32)
        kernel *= np.float32((2 / WIDTH) ** 0.5)
        yield f"layer_{layer}/kernel", kernel
        yield f"layer_{layer}/bias", rng.standard_normal(WIDTH, np.float32)


def write_model(folder: Path, layers: int) -> None:
    """Write the SavedModel under a hidden name and move it into place when complete."""
    hidden = folder.with_name(f".{folder.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    (hidden / "variables").mkdir(parents=True)
    model = message("SavedModel")(saved_model_schema_version=1)
    meta = text_format.Parse(_META, model.meta_graphs.add())
    _fill(meta.graph_def, layers)
    (hidden / "saved_model.pb").write_bytes(model.SerializeToString())
    _write_variables(hidden / "variables" / "variables", layers)
    hidden.rename(folder)


def _fill(graph: Any, layers: int) -> None:
    _node(graph, "x", "Placeholder", dtype="type: DT_FLOAT", shape=_shape(1, WIDTH))
    value = "x"
    for layer in range(layers):
        for name, dims in (("kernel", (WIDTH, WIDTH)), ("bias", (WIDTH,))):
            variable = f"layer_{layer}/{name}"
            attributes = {"shared_name": f"s: '{variable}'", "shape": _shape(*dims)}
            _node(graph, variable, "VarHandleOp", dtype="type: DT_FLOAT", **attributes)
            _node(graph, f"{variable}/read", "ReadVariableOp", variable, dtype="type: DT_FLOAT")
        product = f"layer_{layer}/MatMul"
        _node(graph, product, "MatMul", value, f"layer_{layer}/kernel/read", T="type: DT_FLOAT")
        _node(graph, f"layer_{layer}/BiasAdd", "BiasAdd", product, f"layer_{layer}/bias/read", T="type: DT_FLOAT")
        value = "y" if layer == layers - 1 else f"layer_{layer}/Relu"
        _node(graph, value, "Relu", f"layer_{layer}/BiasAdd", T="type: DT_FLOAT")


def _node(graph: Any, name: str, op: str, *inputs: str, **attributes: str) -> None:
    node = graph.node.add(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        text_format.Parse(value, node.attr[key])


def _shape(*dims: int) -> str:
    return f"shape {{ {' '.join(f'dim {{ size: {dim} }}' for dim in dims)} }}"


def _write_variables(prefix: Path, layers: int) -> None:
    """Write a checkpoint; layers go to the shards in turn."""
    paths = [prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{SHARDS:05d}") for shard in range(SHARDS)]
    entries = {b"": message("BundleHeaderProto")(num_shards=SHARDS).SerializeToString()}
    files = [path.open("wb") for path in paths]
    for place, (name, array) in enumerate(weights(layers)):
        shard = place // 2 % SHARDS
        entry = message("BundleEntryProto")(dtype=1, shard_id=shard, offset=files[shard].tell(), size=array.nbytes)
        for dim in array.shape:
            entry.shape.dim.add(size=dim)
        entries[name.encode()] = entry.SerializeToString()
        array.tofile(files[shard])
    for file in files:
        file.close()
    prefix.with_name(f"{prefix.name}.index").write_bytes(_index(entries))


def _index(entries: Mapping[bytes, bytes]) -> bytes:
    """Return the sorted string table of a checkpoint's index: one block of entries, one of where that lies."""
    file = bytearray()

    def append(block: Mapping[bytes, bytes]) -> bytes:
        data = b"".join(
            b"\0" + write_varint(len(key)) + write_varint(len(block[key])) + key + block[key] for key in sorted(block)
        )
        data += struct.pack("<II", 0, 1)
        handle = write_varint(len(file)) + write_varint(len(data))
        file.extend(data + b"\0" + struct.pack("<I", masked_crc32c(data + b"\0")))
        return handle

    first = append(entries)
    handles = append({}) + append({max(entries): first})
    return bytes(file) + handles.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def measured(command: list[str], log: Path) -> tuple[float, float]:
    """Run one cold process; returns wall seconds and peak MiB. Raises RuntimeError when it fails."""
    between = [sys.executable, "-c", _BETWEEN, str(log), *command]
    told = subprocess.run(between, capture_output=True, text=True, check=True).stdout
    status, seconds, peak = json.loads(told)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}, see {log}")
    return seconds, peak


_BETWEEN = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
with open(sys.argv[1], "wb") as output:
    status = subprocess.call(sys.argv[2:], stdout=output)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, time.perf_counter() - started, usage.ru_maxrss / 1024]))
"""


def differences(artifact: Path, layers: int) -> int:
    """Return how many variables of the source have no constant with the same bytes in the artifact."""
    found = set()
    for op in load(artifact).ops():
        blob = op.attributes.get("value")
        if op.kind == "const" and isinstance(blob, FileBlob):
            found.add((blob.nbytes, blob.digest()))
    return sum((array.nbytes, _digest(array)) not in found for _, array in weights(layers))


def _digest(array: NDArray[np.float32]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def largest_error(artifact: Path, layers: int) -> float:
    """Return how far the artifact's output is from numpy's on a seeded input, relative to the largest number."""
    x = np.random.default_rng(1).standard_normal((1, WIDTH), np.float32)
    (actual,) = run(artifact, {"x": x}).values()
    arrays = weights(layers)
    for (_, kernel), (_, bias) in zip(arrays, arrays, strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    return float(np.abs(actual - x).max() / np.abs(x).max())


def bench(folder: Path, target: str, layers: int) -> list[str]:
    """Compile for one target and check the result; returns a row of the table."""
    output, log = folder / f"big.{target}", folder / f"{target}.json"
    command = [sys.executable, "-m", "modelc", "compile", str(folder / "big"), "--target", target, "-o", str(output)]
    seconds, peak = measured([*command, "--format", "json"], log)
    document = json.loads(log.read_text())
    beside = sorted(Path(document["weights"]).iterdir()) if document["weights"] else []
    outside = sum(path.stat().st_size for path in beside)
    lost, error = differences(output, layers), largest_error(output, layers)
    verdict = "equal" if not lost and error < TOLERANCE else "DIFFERENT"
    sizes = [f"{output.stat().st_size / 1e3:.1f}", str(len(beside)), f"{outside / 1e9:.2f}"]
    return [target, f"{seconds:.1f}", f"{peak:.0f}", *sizes, str(lost), f"{error:.1e}", verdict]


def main() -> int:
    """Run the benchmark; returns 1 when an artifact differs from its source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where everything goes; needs twice the size per target")
    parser.add_argument("--gigabytes", type=float, default=3.0, help="size of the weights (3)")
    parser.add_argument("--targets", default="air,om", help="what to compile for (air,om)")
    parser.add_argument("--keep", action="store_true", help="delete nothing at the end")
    options = parser.parse_args()
    layers = max(1, round(options.gigabytes * 1e9 / LAYER))
    options.folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    if not (options.folder / "big").exists():
        write_model(options.folder / "big", layers)
    print(f"{layers} layers, {layers * LAYER / 1e9:.2f} GB, made in {time.perf_counter() - started:.1f} s", flush=True)
    rows = [["target", "wall s", "peak MiB", "kB", "files", "GB outside", "lost", "max rel", "verdict"]]
    for target in options.targets.split(","):
        rows.append(bench(options.folder, target, layers))
        if not options.keep:
            (options.folder / f"big.{target}").unlink()
            shutil.rmtree(options.folder / f"big.{target}.weights", ignore_errors=True)
    print(table(rows, frozenset(range(1, 8))))
    if not options.keep:
        shutil.rmtree(options.folder / "big")
    return int(any(row[-1] == "DIFFERENT" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
