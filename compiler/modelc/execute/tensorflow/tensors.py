"""Tensors inside of a graph of TensorFlow, by the names that the reader of such models gives to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from modelc.execute.tensorflow.inline import Inlined, Instance

MOST_FAILURES = 64  # tensors that may fail one by one before the rest of what fails is given up
SHORTENED = ".../"  # how names begin that are too long and keep their end only


class Tensors:
    """A session whose tensors can be had."""

    def __init__(self, session: Any, inlined: Inlined, inputs: Mapping[str, str]) -> None:
        """Give access to `session`.

        Args:
            session: A session of TensorFlow over the inlined graph.
            inlined: Where its nodes came from.
            inputs: The tensors of inputs by public name, where these differ.
        """
        self._session = session
        self._inlined = inlined
        self._inputs = inputs
        self._by_node: dict[tuple[str, str], list[Instance]] = defaultdict(list)
        for instance in inlined.nodes:
            self._by_node[instance.node, instance.op].append(instance)
        self._failures = 0

    def fetch(self, feeds: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return tensors, None for each that cannot be had.

        Args:
            feeds: Arrays by public input name.
            wanted: Of each tensor the `name` of its node once calls are inlined, the `node` as it was written, its
                `op` type, and the `index` among its results.
        """
        names = [self._tensor(each) for each in wanted]
        there = [name for name in dict.fromkeys(names) if name is not None]
        given = {self._inlined.resolve(self._inputs.get(name, name)): value for name, value in feeds.items()}
        arrays = dict(self._run(there, {**self._unfed(given), **given}))
        return [None if name is None else arrays.get(name) for name in names]

    def _run(self, names: Sequence[str], feeds: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield what can be had of some tensors: where they fail together, half of them at a time."""
        pending = [list(names)] if names else []
        while pending:
            part = pending.pop()
            try:
                yield from zip(part, self._session.run(part, feeds), strict=True)
            except Exception:  # inside of loops and branches not taken there is nothing to fetch
                if len(part) == 1 or self._failures >= MOST_FAILURES:
                    self._failures += 1
                    continue
                pending += [part[len(part) // 2 :], part[: len(part) // 2]]

    def _tensor(self, wanted: Mapping[str, Any]) -> str | None:
        """Return the name of a tensor in the session, None where it is not there or cannot be told from others."""
        instances = self._by_node.get((wanted["node"], wanted["op"]), [])
        if len(instances) > 1:
            instances = [each for each in instances if _is_called(each, wanted["name"])]
        if len(instances) != 1:
            return None
        name = f"{instances[0].name}:{wanted['index']}"
        try:
            tensor = self._session.graph.get_tensor_by_name(name)
        except (KeyError, ValueError):
            return None
        return name if self._session.graph.is_fetchable(tensor) else None

    def _unfed(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return zeros for inputs that nothing which was compiled depends on, but perhaps something else."""
        zeros = {}
        for name in self._inputs.values():
            if name not in feeds:
                tensor = self._session.graph.get_tensor_by_name(name)
                dims = tensor.shape.as_list() if tensor.shape.rank is not None else []
                zeros[name] = np.zeros([size or 1 for size in dims], tensor.dtype.as_numpy_dtype)
        return zeros


def _is_called(instance: Instance, name: str) -> bool:
    if name.startswith(SHORTENED):
        return instance.path.endswith(name[len(SHORTENED) :])
    return instance.path == name
