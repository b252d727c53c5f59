"""Platforms that this environment has, with real models, and with something else in their place."""

import copy
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import torch
import transformers.exporters
from transformers import BertConfig, BertModel, T5Config, T5Model

from assay import platforms
from assay.platforms import kept, openvino
from assay.platforms.disk_offload import DiskOffload, halves
from assay.platforms.exported import called
from assay.platforms.openvino import PRECISION, Openvino
from assay.platforms.torch_compile import TorchCompile
from assay.platforms.torch_device import DEVICES
from assay.platforms.torch_export import TorchExport
from assay.raised import Unavailable

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return BertModel(BertConfig(**SIZES)).eval()


@pytest.fixture
def inputs():
    return {"input_ids": torch.randint(99, (2, 7)), "attention_mask": torch.ones(2, 7, dtype=torch.int64)}


def test_an_exported_program_runs_without_the_modules_of_the_model(bert, inputs):
    backend = platforms.of("torch-export")
    backend.prepare(bert, inputs)
    backend.load()
    with torch.no_grad():
        assert torch.allclose(backend.run(inputs).last_hidden_state, bert(**inputs).last_hidden_state, atol=1e-5)
    executed = backend.executed(inputs)
    assert executed.by["ExportedProgram"] > 20
    assert executed.elsewhere == []


def test_a_runner_that_calls_the_model_in_the_place_of_the_program_is_seen(bert, inputs, monkeypatch):
    backend = platforms.of("torch-export")
    backend.prepare(bert, inputs)
    backend.load()
    (runner,) = backend.model.runners.values()
    with monkeypatch.context() as patched:
        patched.setattr(
            type(runner), "__call__", lambda self, **inputs: bert(**{name: its for name, its in inputs.items() if "share" not in name})
        )
        backend.run(inputs)
    # Whichever run it was.
    elsewhere = backend.executed(inputs).elsewhere
    assert "a forward of BertModel × 1" in elsewhere
    assert "a forward of BertLayer × 2" in elsewhere


def test_modules_are_counted_but_those_of_the_backend(bert, inputs):
    with called() as classes:
        bert(**inputs)
    assert classes["BertLayer"] == 2
    graph = torch.fx.symbolic_trace(lambda x: x.sin())
    with called(TorchExport.of_torch) as classes:
        graph(torch.ones(1))
    assert not classes
    # A graph of torch is no part of another backend, in a thread of its own either.
    with called() as classes:
        thread = threading.Thread(target=graph, args=(torch.ones(1),))
        thread.start()
        thread.join()
    assert sum(classes.values()) == 1


def weights_of(kind, bert, inputs, dtype):
    backend = platforms.of(f"{kind}@{dtype}")
    model = copy.deepcopy(bert).to({"int8": torch.float32}.get(dtype) or getattr(torch, dtype))
    backend.prepare(model, inputs)
    backend.load()
    backend.run(inputs)
    return backend.numbers()


def test_onnxruntime_multiplies_in_float16_or_says_that_it_does_not(bert, inputs):
    """Its provider for processors has no such kernels, and casts before and after each product: weights in float16 are no proof."""
    pytest.importorskip("onnxruntime")
    assert "embeddings.word_embeddings.weight" in weights_of("onnxruntime", bert, inputs, "float32")
    with pytest.raises(Unavailable, match="asked for float16, CPUExecutionProvider multiplies in float32 here") as lacking:
        weights_of("onnxruntime", bert, inputs, "float16")
    assert lacking.value.kind == "not_supported_here"


@pytest.mark.parametrize("kind", ["cpu", "torch-export", "torch-compile"])
def test_a_backend_says_in_which_numbers_it_holds_weights(bert, inputs, kind):
    """By their names, or most of all numbers."""
    try:
        platforms.kind_of(kind).versions()
    except Unavailable:
        pytest.skip("it is not installed here")
    for dtype in ("float32", "float16"):
        said = weights_of(kind, bert, inputs, dtype)
        assert "embeddings.word_embeddings.weight" in said
        assert set(said.values()) == {dtype}


def test_openvino_says_what_it_multiplies_with(bert, inputs, monkeypatch):
    pytest.importorskip("nncf")
    assert weights_of("openvino", bert, inputs, "float32") == {PRECISION: "float32", "products of matrices": "float32"}
    compressed = weights_of("openvino", bert, inputs, "int8")
    assert len(compressed) >= 13
    assert set(compressed.values()) == {"int8"}
    monkeypatch.setattr(Openvino, "options", lambda self: {})
    assert set(weights_of("openvino", bert, inputs, "int8").values()) == {"float32"}


def test_openvino_computes_in_the_numbers_that_are_asked_for_or_says_what_is_lacking(bert, inputs):
    pytest.importorskip("openvino")
    for dtype in ("bfloat16", "float16"):
        try:
            assert weights_of("openvino", bert, inputs, dtype)[PRECISION] == dtype
        except Unavailable as lacking:
            found = lacking.kind, lacking.words.partition(",")[0]
            assert found == ("not_supported_here", f"asked for {dtype}")


def test_a_hint_of_other_numbers_is_seen(bert, inputs, monkeypatch):
    pytest.importorskip("openvino")
    backend = platforms.of("openvino@bfloat16")
    backend.prepare(copy.deepcopy(bert).bfloat16(), inputs)
    monkeypatch.setitem(openvino.HINTS, "bfloat16", "f32")
    backend.load()
    assert backend.numbers()[PRECISION] == "float32"


class Breaks(torch.nn.Module):
    """Half of it may be left to eager torch."""

    def __init__(self, breaks):
        super().__init__()
        self.first, self.second, self.breaks = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8), breaks

    def forward(self, values):
        states = torch.relu(self.first(values))
        return {"states": torch.sin(self.eager(states) if self.breaks else self.second(states))}

    @torch.compiler.disable
    def eager(self, states):
        return torch.softmax(self.second(states), -1)


@pytest.mark.skipif(TorchCompile.compiler() is None, reason="inductor compiles C++, and there is no compiler")
def test_eager_torch_in_the_place_of_a_compiled_graph_is_seen_in_any_run(bert, inputs):
    """Also in one that is not the last: what answers for other inputs is compared as well."""
    backend = platforms.of("torch-compile")
    backend.prepare(bert, inputs)
    backend.load()
    backend.run(inputs)
    assert backend.executed(inputs).elsewhere == []
    compiled, backend.compiled = backend.compiled, backend.model
    backend.run(inputs)
    backend.compiled = compiled
    executed = backend.executed(inputs)
    assert executed.by["compiled graphs"] > 0
    assert any(name.startswith("aten::") for name in executed.elsewhere)


@pytest.mark.skipif(TorchCompile.compiler() is None, reason="inductor compiles C++, and there is no compiler")
def test_what_is_left_to_eager_torch_is_not_compiled():
    fed = {"values": torch.randn(2, 8)}
    elsewhere = {}
    for breaks in (False, True):
        backend = platforms.of("torch-compile")
        backend.prepare(Breaks(breaks).eval(), fed)
        backend.load()
        executed = backend.executed(fed)
        assert executed.by["compiled graphs"] > 0
        elsewhere[breaks] = executed.elsewhere
    assert elsewhere == {False: [], True: ["aten::linear × 1", "aten::softmax × 1"]}


def test_a_name_is_taken_apart():
    assert platforms.parts("cpu") == ("cpu", None, "float32")
    assert platforms.parts("cuda:1@bfloat16") == ("cuda", "1", "bfloat16")
    assert platforms.parts("openvino@int8") == ("openvino", None, "int8")


def test_the_code_of_devices_runs_on_the_processor(bert, inputs):
    backend = platforms.of("cpu")
    backend.prepare(bert, inputs)
    assert backend.model is not bert
    backend.load()
    assert backend.settings == {"device": "cpu", "computes with less": "nowhere"}
    with torch.no_grad():
        assert torch.equal(backend.run(inputs)["last_hidden_state"], bert(**inputs).last_hidden_state)
    executed = backend.executed(inputs)
    assert executed.by["cpu"] > 20
    assert executed.elsewhere == []
    assert backend.seen == {"cpu"}


def test_an_index_beyond_the_devices_is_lacking(bert, inputs, monkeypatch):
    backend = platforms.kind_of("cuda")("3")
    monkeypatch.setattr(type(backend), "devices", classmethod(lambda cls: [{"name": "0"}]))
    with pytest.raises(Unavailable, match="there is no `cuda:3`: torch counts 1"):
        backend.prepare(bert, inputs)


def test_memory_is_what_the_allocator_of_the_device_says(monkeypatch):
    """No GPU is at hand: its module is played."""
    said = {"is_initialized": True, "memory_allocated": 100, "max_memory_allocated": 350, "reset_peak_memory_stats": None}
    asked = []
    for name, answer in said.items():
        monkeypatch.setattr(torch.cuda, name, lambda *place, name=name, answer=answer: (asked.append((name, *place)), answer)[1])
    backend = platforms.kind_of("cuda")("1")
    assert backend.peak() - backend.forget_peak() == 250
    place = torch.device("cuda", 1)
    assert asked == [
        ("max_memory_allocated", place),
        ("is_initialized",),
        ("reset_peak_memory_stats", place),
        ("memory_allocated", place),
    ]
    assert platforms.kind_of("cpu")(None).peak() > 1 << 20


def test_a_module_that_computes_elsewhere_is_seen(bert, inputs):
    backend = platforms.of("cpu")
    backend.prepare(bert, inputs)
    backend.load()
    backend.kind = DEVICES["mps"]  # as if the processor had stepped in
    executed = backend.executed(inputs)
    assert executed.by == {}
    (elsewhere,) = executed.elsewhere
    assert elsewhere.startswith("cpu: ")


def test_switches_that_are_on_are_said_and_turned_off():
    backend = platforms.kind_of("cuda")(None, "default")
    own = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = True, False
        assert [words for words, _, _ in backend._on()] == ["TF32 in convolutions"]
        with backend.exactly():
            assert backend._on() == []
        assert torch.backends.cudnn.allow_tf32
        assert [words for words, _, _ in platforms.kind_of("cuda")(None, "float16")._on()] == ["sums in float16", "sums in bfloat16"]
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = own


def test_openvino_says_what_it_computes_in_and_does_as_it_is_asked(bert, inputs):
    pytest.importorskip("openvino")
    backend = platforms.of("openvino@default")
    backend.prepare(bert, inputs)
    backend.load()
    if backend.settings["precision"] == "f32":
        assert backend.loose == ""
    else:
        assert "bfloat16" in backend.loose
    first = backend.run(inputs).last_hidden_state
    with backend.exactly():
        assert backend.settings["precision"] == "f32"
        with torch.no_grad():
            assert torch.allclose(backend.run(inputs).last_hidden_state, bert(**inputs).last_hidden_state, atol=1e-5)
    assert torch.equal(backend.run(inputs).last_hidden_state, first)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_the_template_stays_on_one_thread_and_children_import_little(name):
    """In a process of its own: what is imported once is imported."""
    script = f"""
import os, sys
import torch, transformers.modeling_utils, transformers.generation
from assay import platforms
try:
    kind = platforms.kind_of({name!r})
    kind.versions()
except platforms.base.Unavailable:
    sys.exit(7)
kind.warm()
assert len(os.listdir("/proc/self/task")) == 1, "a thread"
from transformers import BertConfig, BertModel
model = BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=9)).eval()
before = set(sys.modules)
kind(None).prepare(model, {{"input_ids": torch.ones(1, 4, dtype=torch.int64)}})
new = [its for its in set(sys.modules) - before if its.startswith(("torch.export", "torch.onnx", "onnxscript"))]
assert len(new) < 5, sorted(new)
"""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    if done.returncode == 7:
        pytest.skip("it is not installed here")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def offloaded(bert, inputs, tmp_path, monkeypatch):
    pytest.importorskip("accelerate")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    backend = platforms.of("disk-offload")
    backend.prepare(bert, inputs)
    backend.load()
    return backend


def test_half_of_a_model_is_read_from_disk_for_each_run(offloaded, bert, inputs):
    assert offloaded.settings["cpu"] >= 2
    assert offloaded.settings["disk"] >= 2
    with torch.no_grad():
        assert torch.equal(offloaded.run(inputs).last_hidden_state, bert(**inputs).last_hidden_state)
    for _ in range(2):
        executed = offloaded.executed(inputs)
        assert executed.by == {"disk": len(offloaded.on_disk)}
        assert executed.elsewhere == []


def test_what_belongs_on_disk_and_is_held_in_memory_is_seen(offloaded, inputs):
    name = min(offloaded.on_disk)  # a set has another order in each process
    its = offloaded.model.get_submodule(name.rpartition(".")[0])
    delattr(its, "_hf_hook")
    its.forward = type(its).forward.__get__(its)
    for own, value in list(its.named_parameters(recurse=False)):
        setattr(its, own, torch.nn.Parameter(torch.ones(value.shape)))
    assert f"held in memory: {name}" in offloaded.executed(inputs).elsewhere


def test_what_the_map_puts_on_disk_and_is_loaded_into_memory_is_seen(offloaded, bert, inputs, monkeypatch):
    loaded = DiskOffload.loaded
    monkeypatch.setattr(DiskOffload, "loaded", lambda self, **options: loaded(self))
    offloaded.load()
    executed = offloaded.executed(inputs)
    assert executed.by == {}
    assert len(executed.elsewhere) == len(offloaded.on_disk) > 10


def test_parts_that_share_a_weight_stay_together():
    model = T5Model(T5Config(d_model=16, d_kv=4, d_ff=16, num_layers=2, num_heads=4, vocab_size=32))
    placed = halves(model)
    assert set(placed.values()) == {"cpu", "disk"}
    shared = {place for name, place in placed.items() if name == "shared" or name.endswith("embed_tokens")}
    assert len(shared) == 1


TENSOR_PARALLEL = """
import os, signal, sys, tempfile
import torch
torch.set_num_threads(1)
from transformers import LlamaConfig, LlamaModel
from assay import platforms
from assay.platforms.tensor_parallel import RankFailed
from assay.raised import Unavailable
try:
    backend = platforms.of("tensor-parallel")
except Unavailable:
    sys.exit(7)
tempfile.tempdir = sys.argv[1]
sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64, vocab_size=99)
model = LlamaModel(LlamaConfig(**sizes)).eval()
inputs = {"input_ids": torch.arange(14).reshape(2, 7)}
backend.prepare(model, inputs)
backend.load()
with torch.no_grad():
    expected = model(**inputs).last_hidden_state
assert torch.allclose(backend.run(inputs)["last_hidden_state"], expected, atol=1e-5)
executed = backend.executed(inputs)
assert executed.by["rank 0"] == executed.by["rank 1"] > 3, executed
assert executed.elsewhere == [], executed
"""


def in_its_own_process(script, *arguments):
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode == 7:
        pytest.skip("it is not installed here")
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_model_is_cut_over_two_processes_and_a_lost_one_is_said(tmp_path):
    script = """
backend.model.layers[0].mlp.up_proj._parameters["weight"] = model.layers[0].mlp.up_proj.weight
assert backend._uncut() == ["layers.0.mlp.up_proj.weight"], backend._uncut()
os.kill(backend.rank1, signal.SIGKILL)
for _ in range(2):
    try:
        backend.run(inputs)
    except RankFailed as failed:
        assert str(failed) == "rank 1: the process is gone", failed
    else:
        raise AssertionError("no exception")
"""
    in_its_own_process(TENSOR_PARALLEL + script, tmp_path)


def test_what_rank_1_answers_otherwise_is_seen(tmp_path):
    script = """
backend = platforms.of("tensor-parallel")
first = backend.forward
backend.forward = lambda inputs: {"last_hidden_state": first(inputs).last_hidden_state + 0.1 * (torch.distributed.get_rank() == 1)}
backend.prepare(model, inputs)
torch.distributed.destroy_process_group()
backend.load()
try:
    backend.run(inputs)
except RankFailed as failed:
    assert str(failed) == "rank 1: last_hidden_state is not what rank 0 has: 0.1 off", failed
else:
    raise AssertionError("no exception")
"""
    in_its_own_process(TENSOR_PARALLEL + script, tmp_path)


def test_what_is_out_of_step_is_asked_no_more(tmp_path):
    script = """
try:
    backend.run({"attention_mask": inputs["input_ids"]})
except RankFailed as failed:
    assert "rank 1: ValueError" in str(failed), failed
try:
    backend.run(inputs)
except RankFailed:
    pass
else:
    raise AssertionError("it goes on with what is out of step")
"""
    in_its_own_process(TENSOR_PARALLEL + script, tmp_path)


def test_the_platform_of_the_guide_is_one(bert, inputs):
    guide = (Path(__file__).parents[2] / "docs/guides/add-a-platform.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict = {"__name__": "guide"}
    exec(compile(code, "guide", "exec"), names)
    kind = names["PLATFORM"]
    assert kind.devices()[0]["name"] == "cpu"
    backend = kind(None)
    backend.prepare(bert, inputs)
    backend.load()
    with torch.no_grad():
        expected = bert(**inputs).last_hidden_state
    assert torch.allclose(backend.run(inputs)["last_hidden_state"], expected, atol=1e-5)
    executed = backend.executed(inputs)
    assert executed.by["torch.jit"] > 0
    assert set(backend.numbers().values()) == {"float32"}
    assert executed.elsewhere == []


def test_what_a_gpu_of_apple_falls_back_to_is_no_matter_of_the_processor(monkeypatch):
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    assert "lacking" not in platforms.detect("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert platforms.detect("mps")["lacking"]["kind"] == "broken"


@pytest.fixture
def kept_in(tmp_path, monkeypatch):
    monkeypatch.setenv(kept.FOLDER, str(tmp_path / "exports"))
    return tmp_path / "exports"


def exported(model, inputs):
    backend = platforms.of("torch-export")
    backend.prepare(model, inputs)
    backend.load()
    with torch.no_grad():
        return backend.made_before, backend.run(inputs).last_hidden_state


def test_what_was_exported_before_is_not_exported_again(bert, inputs, kept_in, monkeypatch):
    first = exported(bert, inputs)
    exporter = transformers.exporters.DynamoExporter
    monkeypatch.setattr(exporter, "export", lambda *_: pytest.fail("exported again"))
    again = exported(bert, inputs)
    assert (first[0], again[0]) == (False, True)
    assert torch.equal(first[1], again[1])


def test_another_model_is_exported_for_itself(bert, inputs, kept_in):
    def key():
        return kept.key(bert, inputs, "a", ("assay",))

    keys = {key(), kept.key(bert, inputs, "b", ("assay",)), kept.key(bert, {**inputs, "attention_mask": None}, "a", ("assay",))}
    inputs["input_ids"][0, 0] += 1
    keys.add(key())
    with torch.no_grad():
        bert.pooler.dense.bias[0] += 1
    keys.add(key())
    bert.embeddings.position_ids[0, 0] += 1  # a buffer that no file holds
    keys.add(key())
    bert.config.layer_norm_eps = 0.5
    keys.add(key())
    bert.config._attn_implementation = "eager"
    keys.add(key())
    bert.encoder.layer[0].attention.self.scaling = 2.0  # in no configuration
    keys.add(key())
    inputs["pairs"] = (torch.zeros(2000), 1)
    keys.add(key())
    inputs["pairs"][0][1500] = 1
    keys.add(key())
    assert len(keys) == 11


def test_a_library_that_somebody_edited_makes_another_export(tmp_path, monkeypatch):
    (tmp_path / "edited").mkdir()
    source = tmp_path / "edited" / "__init__.py"
    source.write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    before = kept.sources(("edited",))
    kept.sources.cache_clear()
    source.write_text("scale = 2\n")
    assert kept.sources(("edited",)) != before


def test_an_export_that_was_damaged_is_made_again(bert, inputs, kept_in):
    exported(bert, inputs)
    (program,) = kept_in.glob("*/model.pt2")
    program.write_bytes(program.read_bytes()[:-100])
    made_before, _ = exported(bert, inputs)
    assert not made_before
    assert exported(bert, inputs)[0]


def test_exports_that_nobody_asks_for_make_room(kept_in, tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "model").write_bytes(bytes(1000))
    for number in range(3):
        kept.keep(f"{number}", str(tmp_path / "new"))
        os.utime(kept_in / f"{number}", (number, number))
    monkeypatch.setattr(kept, "MOST_BYTES", 2500)
    kept.keep("3", str(tmp_path / "new"))
    assert sorted(entry.name for entry in kept_in.iterdir()) == ["2", "3"]
    assert kept.find("0") is None
    assert kept.find("3") == str(kept_in / "3")


def test_where_nothing_can_be_kept_nothing_is_lost(bert, inputs, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(kept.FOLDER, str(tmp_path / "file"))
    assert not exported(bert, inputs)[0]
    monkeypatch.delenv(kept.FOLDER)
    assert not exported(bert, inputs)[0]
