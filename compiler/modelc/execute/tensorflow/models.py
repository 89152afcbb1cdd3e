"""Models of TensorFlow as TensorFlow itself opens them; for the process that executes them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelc.execute.tensorflow.inline import Inlined, inline, needed
from modelc.execute.tensorflow.tensors import Tensors

_INIT = "__saved_model_init_op"
_GRAPH_FIELDS = (b"\n", b"\x12", b"\x1a", b'"')  # how the fields of a GraphDef begin in binary


class SavedModel:
    """A signature of a SavedModel."""

    def __init__(self, tf: Any, path: Path, job: Mapping[str, Any]) -> None:
        """Load the model at `path`; `job` names its `signature` and `tags`, empty for the default."""
        self._tf = tf
        self._folder = path if path.is_dir() else path.parent
        self._tags = job["tags"]
        self._loaded = tf.saved_model.load(str(self._folder), tags=self._tags or None)
        keys = [key for key in self._loaded.signatures if key != _INIT]
        self._key = job["signature"] or ("serving_default" if "serving_default" in keys else keys[0])

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs of these public names."""
        tf, function = self._tf, self._loaded.signatures[self._key]
        declared = function.structured_input_signature[1]
        tensors = {
            name: tf.constant(value, dtype=declared[name].dtype if name in declared else None)
            for name, value in feeds.items()
        }
        for name in declared.keys() - tensors.keys():  # nothing that was compiled depends on them
            tensors[name] = tf.zeros(_extents(declared[name].shape), declared[name].dtype)
        results = function(**tensors)
        return [results[name].numpy() for name in outputs]

    def tensors(self) -> Tensors:
        """Return access to the tensors of the signature, with all function calls inlined."""
        tf = self._tf
        variables = {variable.name: variable for variable in self._loaded.signatures[self._key].variables}
        del self._loaded
        with tempfile.TemporaryDirectory(prefix="modelc-inlined-") as name:
            folder = Path(name)
            meta, inlined = self._write_inlined(folder)
            session = tf.compat.v1.Session(graph=tf.Graph(), config=_config(tf))
            with session.graph.as_default():
                tf.compat.v1.saved_model.load(session, list(meta.meta_info_def.tags), str(folder))
        signature = meta.signature_def[self._key]
        inlined.keep(needed(meta.graph_def, (info.name for info in signature.outputs.values())))
        _complete(tf, session, {instance.name for instance in inlined.nodes}, variables)
        return Tensors(session, inlined, {key: info.name for key, info in signature.inputs.items()})

    def _write_inlined(self, folder: Path) -> tuple[Any, Inlined]:
        """Write the model with its calls inlined; returns its meta graph, and what became of the nodes."""
        document = _document(self._folder)
        meta = _meta_graph(document.meta_graphs, self._tags)
        signature = meta.signature_def[self._key]
        seen = needed(meta.graph_def, (info.name for info in signature.outputs.values()))
        inlined = inline(meta.graph_def, _flattener(self._tf, meta.graph_def.library), seen)
        for signature in meta.signature_def.values():
            for info in (*signature.inputs.values(), *signature.outputs.values()):
                info.name = _resolved(inlined, info.name)
        del document.meta_graphs[:]
        document.meta_graphs.append(meta)
        (folder / "saved_model.pb").write_bytes(document.SerializeToString())
        for part in ("variables", "assets"):
            if (self._folder / part).is_dir():
                _link(self._folder / part, folder / part)
        return meta, inlined


class FrozenGraph:
    """A graph without variables, binary or as text."""

    def __init__(self, tf: Any, path: Path, job: Mapping[str, Any]) -> None:
        """Read the graph at `path`; `job` has nothing to say about it."""
        self._definition = definition = tf.compat.v1.GraphDef()
        if path.suffix == ".pbtxt" or path.read_bytes()[:1] not in _GRAPH_FIELDS:
            from google.protobuf import text_format

            text_format.Parse(path.read_text("utf-8"), definition)
        else:
            definition.ParseFromString(path.read_bytes())
        self._tf = tf
        self._session = _session(tf, definition)

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs of these public names."""
        named = {_tensor(name): value for name, value in feeds.items()}
        results: list[Any] = self._session.run([_tensor(name) for name in outputs], named)
        return results

    def tensors(self) -> Tensors:
        """Return access to the tensors of the graph, with all function calls inlined."""
        self._session.close()
        inlined = inline(self._definition, _flattener(self._tf, self._definition.library))
        return Tensors(_session(self._tf, self._definition), inlined, {})


def _complete(tf: Any, session: Any, names: set[str], variables: Mapping[str, Any]) -> None:
    """Give their values to variables that the saved graph does not restore: some exporters store only copies of them.

    Args:
        tf: TensorFlow.
        session: The session.
        names: The nodes that matter in it.
        variables: The variables of the model as TensorFlow 2 restores them.
    """
    graph = session.graph
    handles = [op for op in graph.get_operations() if op.type == "VarHandleOp" and op.name in names]
    with graph.as_default():
        known = session.run([tf.raw_ops.VarIsInitializedOp(resource=op.outputs[0]) for op in handles])
    for op, is_known in zip(handles, known, strict=True):
        variable = variables.get(f"{op.get_attr('shared_name').decode()}:0")
        if variable is not None and not is_known:
            array = variable.numpy()
            with graph.as_default():
                value = tf.compat.v1.placeholder(variable.dtype)
                assign = tf.raw_ops.AssignVariableOp(resource=op.outputs[0], value=value)
            session.run(assign, {value: array})


def _session(tf: Any, definition: Any) -> Any:
    v1 = tf.compat.v1
    with v1.Graph().as_default() as graph:
        v1.import_graph_def(definition, name="")
    return v1.Session(graph=graph, config=_config(tf))


def _config(tf: Any) -> Any:
    """Return how to execute a graph: as it stands, for what is optimized away cannot be fetched."""
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.graph_options.optimizer_options.opt_level = -1
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def _flattener(tf: Any, library: Any) -> Any:
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

    definition = tf.compat.v1.GraphDef(library=library)
    with tf.compat.v1.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(definition, name="")

    def flatten(function: Any) -> Any:
        with graph.as_default():
            return function_def_to_graph_def(function)

    return flatten


def _document(folder: Path) -> Any:
    """Return the SavedModel message of a folder."""
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    document, binary = saved_model_pb2.SavedModel(), folder / "saved_model.pb"
    if binary.is_file():
        document.ParseFromString(binary.read_bytes())
    else:
        text_format.Parse((folder / "saved_model.pbtxt").read_text("utf-8"), document)
    return document


def _meta_graph(graphs: Sequence[Any], tags: Sequence[str]) -> Any:
    """Return the graph with these tags; by default the one for serving, else the only one."""
    wanted = set(tags) or {"serve"}
    exact = [graph for graph in graphs if set(graph.meta_info_def.tags) == wanted]
    return (exact or [graph for graph in graphs if wanted <= set(graph.meta_info_def.tags)] or graphs)[0]


def _resolved(inlined: Inlined, name: str) -> str:
    """Return what a signature's tensor has become; one that initializes is no tensor but a node."""
    resolved = inlined.resolve(name)
    return name if resolved == f"{name}:0" else resolved


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.resolve(), target_is_directory=True)
    except OSError:  # where links need rights
        shutil.copytree(source, target)


def _extents(shape: Any) -> list[int]:
    return [size or 1 for size in shape.as_list()] if shape.rank is not None else []


def _tensor(name: str) -> str:
    return name if ":" in name else f"{name}:0"
