"""Control flow beyond what golden cases show: numbers, order, limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Symbol
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op
from modelc.ir.types import BOOL, F32, TensorType, tensor
from modelc.ir.verify import Level, verify
from modelc.pipeline.passes import PassContext
from modelc.text.printer import print_model
from modelc.text.reader import read_model
from modelc_passes.control_flow.unroll import SMALL
from modelc_passes.resolve_control_flow import ResolveControlFlow

UNKNOWN_FLOAT = TensorType(F32, None)


def resolve(model: Model, work: ResolveControlFlow | None = None) -> Sink:
    sink = Sink()
    (work or ResolveControlFlow()).run(model, PassContext(sink))
    assert not [item.message for graph in model.graphs() for item in verify(graph, Level.SCHEMA, op_def)]
    return sink


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph]


def loop_of(steps: int, width: int = 1, start: str = "const dense<0> : i32[]") -> Model:
    """Return a model with a loop that takes `steps` steps of `width` ops."""
    body = "\n".join(f"%t{i + 1} = tf.Tanh(%t{i}) {{T = f32}} : f32[*]" for i in range(width))
    return read_model(f"""
        graph @main(%x: f32[2]) {{
          %zero = {start}
          %w, %w:1 = tf.While(%zero, %x) {{T = [i32, f32], cond = @cond, body = @body}} : i32[*], f32[*]
          return %w:1
        }}
        graph @cond(%i: i32[*], %a: f32[*]) {{
          %limit = const dense<{steps}> : i32[]
          %less = tf.Less(%i, %limit) {{T = i32}} : bool[*]
          return %less
        }}
        graph @body(%i: i32[*], %t0: f32[*]) {{
          %one = const dense<1> : i32[]
          %next = tf.AddV2(%i, %one) {{T = i32}} : i32[*]
          {body}
          return %next, %t{width}
        }}""")


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_loop_takes_its_steps(steps: int) -> None:
    model = loop_of(steps)
    resolve(model)
    assert kinds(model.graph).count("tf.Tanh") == steps
    assert "tf.While" not in kinds(model.graph)
    assert not model.functions


def test_a_long_loop_stays_a_loop() -> None:
    model = loop_of(SMALL, width=2)
    resolve(model)
    (loop,) = [op for op in model.graph if op.kind == "tf.While"]
    assert [graph.name for graph in loop.graphs] == ["cond", "body"]
    assert "cond" not in loop.attributes
    assert all(graph.owner is loop for graph in loop.graphs)


def test_a_loop_that_never_ends_stays_a_loop() -> None:
    model = loop_of(5, start="const dense<9> : i32[]")
    text = print_model(model).replace("tf.Less(", "tf.Greater(")
    model = read_model(text)
    resolve(model)
    assert "tf.While" in kinds(model.graph)


def test_loops_and_branches_that_follow_from_each_other_are_resolved_together() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %zero = const dense<0> : i32[]
          %w, %w:1 = tf.While(%zero, %x) {T = [i32, f32], cond = @cond, body = @body} : i32[*], f32[*]
          return %w:1
        }
        graph @cond(%i: i32[*], %a: f32[*]) {
          %limit = const dense<3> : i32[]
          %less = tf.Less(%i, %limit) {T = i32} : bool[*]
          return %less
        }
        graph @body(%i: i32[*], %a: f32[*]) {
          %one = const dense<1> : i32[]
          %next = tf.AddV2(%i, %one) {T = i32} : i32[*]
          %is_first = tf.Equal(%i, %one) {T = i32, incompatible_shape_error = true} : bool[*]
          %if = tf.If(%is_first, %a) {Tcond = bool, Tin = [f32], then_branch = @tanh, else_branch = @exp} : f32[*]
          return %next, %if
        }
        graph @tanh(%a: f32[*]) {
          %tanh = tf.Tanh(%a) {T = f32} : f32[*]
          return %tanh
        }
        graph @exp(%a: f32[*]) {
          %exp = tf.Exp(%a) {T = f32} : f32[*]
          return %exp
        }""")
    resolve(model)
    assert [kind for kind in kinds(model.graph) if kind in ("tf.Tanh", "tf.Exp", "tf.If", "tf.While")] == [
        "tf.Exp",
        "tf.Tanh",
        "tf.Exp",
    ]


def test_a_loop_that_writes_a_variable_stays_a_loop() -> None:
    model = read_model("""
        graph @main(%v: resource) {
          %zero = const dense<0> : i32[]
          %w, %w:1 = tf.While(%zero, %v) {T = [i32, resource], cond = @cond, body = @body} : i32[*], resource
          return %w
        }
        graph @cond(%i: i32[*], %v: resource) {
          %limit = const dense<3> : i32[]
          %less = tf.Less(%i, %limit) {T = i32} : bool[*]
          return %less
        }
        graph @body(%i: i32[*], %v: resource) {
          %one = const dense<1> : i32[]
          %^count = tf.AssignAddVariableOp(%v, %one) {dtype = i32} : control
          %next = tf.AddV2(%i, %one, %^count) {T = i32} : i32[*]
          return %next, %v
        }""")
    resolve(model)
    assert "tf.While" in kinds(model.graph)


def test_branches_that_name_each_other_without_end_are_refused() -> None:
    graph = Graph("again")
    inputs = graph.append(Op("input", (), {"names": ("p",)}, (tensor(BOOL),), name="p")).results
    attributes = {"then_branch": Symbol("again"), "else_branch": Symbol("again")}
    branch = graph.append(Op("tf.If", (inputs[0], inputs[0]), dict(attributes), (UNKNOWN_FLOAT,), name="if"))
    graph.append(Op("return", branch.results, {"names": ("y",)}))
    main = Graph("main")
    (predicate,) = main.append(Op("input", (), {"names": ("p",)}, (tensor(BOOL),), name="p")).results
    branch = main.append(Op("tf.If", (predicate, predicate), dict(attributes), (UNKNOWN_FLOAT,), name="if"))
    main.append(Op("return", branch.results, {"names": ("y",)}))
    model = Model(main, {"again": graph})
    work = ResolveControlFlow()
    sink = Sink()
    work.run(model, PassContext(sink))
    assert {finding.code for finding in sink.errors} == {"MC118"}


def switch(name: str, source: Source | None = None) -> Model:
    model = read_model(f"""
        graph @main(%x: f32[2], %{name}: bool[]) {{
          %f, %t = tf.Switch(%x, %{name}) {{T = f32}} : f32[*], f32[*]
          %exp = tf.Exp(%t) {{T = f32}} : f32[*]
          %y, %i = tf.Merge(%f, %exp) {{N = 2, T = f32}} : f32[*], i32[]
          return %y
        }}""")
    model.source = source
    return model


@pytest.mark.parametrize("name", ["keras_learning_phase", "is_training", "phase_train"])
def test_switches_of_training_are_off(name: str) -> None:
    model = switch(name)
    sink = resolve(model)
    assert model.graph.input_names == ("x",)
    assert "tf.Exp" not in kinds(model.graph)
    assert [finding.code for finding in sink] == ["MC221"]


def test_other_conditions_are_the_users() -> None:
    model = switch("flip")
    resolve(model)
    assert model.graph.input_names == ("x", "flip")
    assert "tf.Select" in kinds(model.graph)


def test_what_a_signature_names_is_an_input() -> None:
    model = switch("is_training", Source("tensorflow", Path("model"), "SavedModel"))
    resolve(model)
    assert model.graph.input_names == ("x", "is_training")


def test_a_constant_initial_value_is_not_needed_where_the_checkpoint_has_one() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %w = tf.VariableV2() {dtype = f32, shape = shape[2], value = dense<[1.0, 2.0]>} : f32[2]
          %ready = tf.IsVariableInitialized(%w) {dtype = f32} : bool[]
          %w_f, %w_t = tf.Switch(%w, %ready) {T = f32} : f32[*], f32[*]
          %x_f, %x_t = tf.Switch(%x, %ready) {T = f32} : f32[*], f32[*]
          %initial = tf.Exp(%x_f) {T = f32} : f32[*]
          %y, %i = tf.Merge(%initial, %w_t) {N = 2, T = f32} : f32[*], i32[]
          return %y
        }""")
    resolve(model)
    assert kinds(model.graph) == ["input", "tf.VariableV2", "return"]


def test_orders_on_what_disappears_are_handed_on() -> None:
    model = read_model("""
        graph @main(%x: f32[2], %v: resource) {
          %p = const dense<true> : bool[]
          %^write = tf.AssignVariableOp(%v, %x) {dtype = f32} : control
          %f, %t = tf.Switch(%x, %p, %^write) {T = f32} : f32[*], f32[*]
          %y, %i, %^y = tf.Merge(%f, %t) {N = 2, T = f32} : f32[*], i32[], control
          %read = tf.ReadVariableOp(%v, %^y) {dtype = f32} : f32[*]
          return %y, %read
        }""")
    resolve(model)
    assert "tf.Switch" not in kinds(model.graph)
    read = next(op for op in model.graph if op.kind == "tf.ReadVariableOp")
    assert [value.producer.kind for value in read.controls] == ["tf.NoOp"]


def test_constants_of_branches_belong_to_their_branch() -> None:
    """Constants read nothing; only the order they hang on says which branch they are of."""
    model = read_model("""
        graph @main(%p: bool[]) {
          %p_f, %p_t = tf.Switch(%p, %p) {T = bool} : bool[*], bool[*]
          %f, %^f = tf.Identity(%p_f) {T = bool} : bool[*], control
          %t, %^t = tf.Identity(%p_t) {T = bool} : bool[*], control
          %a = const(%^f) dense<1.0> : f32[]
          %b = const(%^t) dense<2.0> : f32[]
          %y, %i = tf.Merge(%a, %b) {N = 2, T = f32} : f32[*], i32[]
          return %y
        }""")
    resolve(model)
    (select,) = [op for op in model.graph if op.kind == "tf.Select"]
    assert [value.name for value in select.inputs] == ["p", "b", "a"]


def test_tensor_arrays_of_the_first_generation_are_followed() -> None:
    model = read_model("""
        graph @main(%x: f32[2, 3]) {
          %two = const dense<2> : i32[]
          %range = const dense<[0, 1]> : i32[2]
          %zero = const dense<0> : i32[]
          %one = const dense<1> : i32[]
          %in, %in:1 = tf.TensorArrayV3(%two) {dtype = f32} : resource, f32[]
          %filled = tf.TensorArrayScatterV3(%in, %range, %x, %in:1) {T = f32} : f32[]
          %row = tf.TensorArrayReadV3(%in, %one, %filled) {dtype = f32} : f32[*]
          %out, %out:1 = tf.TensorArrayV3(%two) {dtype = f32} : resource, f32[]
          %first = tf.TensorArrayWriteV3(%out, %zero, %row, %out:1) {T = f32} : f32[]
          %both = tf.TensorArrayWriteV3(%out, %one, %row, %first) {T = f32} : f32[]
          %y = tf.TensorArrayGatherV3(%out, %range, %both) {dtype = f32} : f32[*]
          return %y
        }""")
    resolve(model)
    assert [kind for kind in kinds(model.graph) if kind != "const"] == [
        "input",
        "tf.StridedSlice",
        "tf.Pack",
        "return",
    ]


def test_entries_nobody_set_are_zeros() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %two = const dense<2> : i32[]
          %one = const dense<1> : i32[]
          %shape = const dense<[2]> : i32[1]
          %list = tf.TensorListReserve(%shape, %two) {element_dtype = f32, shape_type = i32} : variant
          %set = tf.TensorListSetItem(%list, %one, %x) {element_dtype = f32} : variant
          %y = tf.TensorListStack(%set, %shape) {element_dtype = f32, num_elements = -1} : f32[*]
          return %y
        }""")
    resolve(model)
    (pack,) = [op for op in model.graph if op.kind == "tf.Pack"]
    zeros, x = pack.inputs
    assert str(zeros.type) == "f32[2]"
    assert x.name == "x"


def test_a_list_of_unknown_length_stays() -> None:
    model = read_model("""
        graph @main(%x: f32[2], %n: i32[]) {
          %shape = const dense<[2]> : i32[1]
          %list = tf.TensorListReserve(%shape, %n) {element_dtype = f32, shape_type = i32} : variant
          %set = tf.TensorListSetItem(%list, %n, %x) {element_dtype = f32} : variant
          %y = tf.TensorListStack(%set, %shape) {element_dtype = f32, num_elements = -1} : f32[*]
          return %y
        }""")
    resolve(model)
    assert kinds(model.graph).count("tf.TensorListStack") == 1


def test_predicates_may_depend_on_static_shapes() -> None:
    model = read_model("""
        graph @main(%x: f32[?, 3]) {
          %shape = tf.Shape(%x) {T = f32, out_type = i32} : i32[*]
          %one = const dense<[1]> : i32[1]
          %two = const dense<[2]> : i32[1]
          %width = tf.StridedSlice(%shape, %one, %two, %one) {T = i32, Index = i32, shrink_axis_mask = 1} : i32[*]
          %three = const dense<3> : i32[]
          %p = tf.Equal(%width, %three) {T = i32, incompatible_shape_error = true} : bool[*]
          %f, %t = tf.Switch(%x, %p) {T = f32} : f32[*], f32[*]
          %exp = tf.Exp(%f) {T = f32} : f32[*]
          %y, %i = tf.Merge(%exp, %t) {N = 2, T = f32} : f32[*], i32[]
          return %y
        }""")
    resolve(model)
    assert kinds(model.graph) == ["input", "return"]
