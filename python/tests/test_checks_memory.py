"""The group memory on modules made by hand: each bug is seen by its check."""

import gc
import itertools
from functools import lru_cache

import pytest
import torch
from conftest import JOB

from assay import subjects
from assay.checks import live, memory
from assay.checks.unit import SubjectRaised, Unit


@pytest.fixture(autouse=True)
def frozen():
    """As in a worker: what was there before is no work for the collector."""
    gc.freeze()
    yield
    gc.unfreeze()


class Straight(torch.nn.Module):
    """Two layers, one after the other."""

    _keep_in_fp32_modules = None
    all_tied_weights_keys = {}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
        self.last = torch.nn.LayerNorm(4)

    def get_output_embeddings(self):
        return None

    def forward(self, values):
        return {"last_hidden_state": self.last(self.second(torch.tanh(self.first(values))))}


def growth(seen):
    """Bytes that the middle call adds."""
    (series,) = seen.fields["series"]
    values = series["values"]
    return sorted(after - before for before, after in itertools.pairwise(values))[len(values) // 2]


def lacking(seen):
    return [name for tally in seen.fields["tallies"] for name in tally["lacking"]]


def differing(seen):
    return [row["label"] for row in seen.fields["comparisons"] if row["differing"] or row["shape_mismatch"]]


def test_live_bytes_see_what_only_the_library_holds():
    before = live.live_bytes()
    held = torch.ones(1000, 1000).as_strided((1,), (1,))
    assert 0 <= live.live_bytes() - before - 4_000_000 < 10_000
    del held
    assert abs(live.live_bytes() - before) < 10_000


def test_without_the_library_s_word_the_tensors_are_counted(monkeypatch):
    monkeypatch.setattr(live, "LIBRARY", None)
    before = live.live_bytes()
    held = [torch.ones(1000), torch.ones(1000)]
    assert live.live_bytes() - before == 8000
    del held


def test_a_clean_module_does_not_grow(unit_of):
    assert growth(memory.leak(unit_of(Straight()))) < 64


class KeepsOutputs(Straight):
    def forward(self, values):
        output = super().forward(values)
        self.__dict__.setdefault("kept", []).append(output["last_hidden_state"].detach())
        return output


class KeepsANumber(Straight):
    def forward(self, values):
        self.__dict__.setdefault("kept", []).append(values.mean())
        return super().forward(values)


class KeepsByIdentity(Straight):
    def forward(self, values):
        self.__dict__.setdefault("kept", {})[id(values)] = values.mean()
        return super().forward(values)


@pytest.mark.parametrize("model", [KeepsOutputs, KeepsANumber, KeepsByIdentity])
def test_a_tensor_that_is_kept_at_each_call_shows(model, unit_of):
    assert growth(memory.leak(unit_of(model()))) > 64


def test_a_graph_that_is_kept_shows_at_every_second_call(unit_of):
    class KeepsGraph(Straight):
        def forward(self, values):
            output = super().forward(values)
            if torch.is_grad_enabled():
                self.__dict__.setdefault("kept", []).append(output["last_hidden_state"])
            return output

    values = memory.leak(unit_of(KeepsGraph())).fields["series"][0]["values"]
    assert values[-1] - values[0] > 3 * 64


def test_a_cache_that_fills_is_waited_for(unit_of):
    class Remembers(Straight):
        def forward(self, values):
            kept = self.__dict__.setdefault("kept", {})
            kept[len(kept) if len(kept) < 10 else 0] = values.mean()
            return super().forward(values)

    assert growth(memory.leak(unit_of(Remembers()))) < 64


@pytest.fixture
def built(unit_of, monkeypatch):
    """A unit whose second build is of the same class."""

    def make(model):
        monkeypatch.setattr(subjects, "make_model", lambda *arguments: model().eval())
        return unit_of(model())

    return make


def test_a_module_that_nobody_holds_is_gone(built):
    seen = memory.release(built(Straight))
    assert [tally["of"] for tally in seen.fields["tallies"]] == [4, 7]
    assert lacking(seen) == []


def test_a_method_whose_cache_holds_the_module_is_named(built):
    class Cached(Straight):
        @lru_cache  # noqa: B019
        def scale(self):
            return 1.0

        def forward(self, values):
            return super().forward(self.scale() * values)

    assert {"Cached", "first", "first.weight"} <= set(lacking(memory.release(built(Cached))))


def test_a_parameter_or_an_output_that_is_kept_is_named(built):
    kept = []

    class Registers(Straight):
        def forward(self, values):
            output = super().forward(values)
            kept.extend([self.first.weight.t().detach(), output["last_hidden_state"].detach()])
            return output

    assert lacking(memory.release(built(Registers))) == ["first.weight", "last_hidden_state"]
    kept.clear()
    gc.collect()


def test_out_of_memory_is_an_exception_and_leaves_nothing_behind(unit_of):
    unit = unit_of(Straight())
    seen = memory.out_of_memory(unit)
    (call,) = seen.fields["calls"]
    assert call["raised"]["out_of_memory"]
    assert differing(seen) == []


def test_memory_that_was_freed_before_does_not_count_as_new(unit_of):
    freed = torch.empty(30 << 20, dtype=torch.uint8)  # from here on the allocator keeps pieces of this size
    del freed
    pieces = [torch.empty(10 << 20, dtype=torch.uint8) for _ in range(30)]
    between = pieces[1::2]
    del pieces
    (call,) = memory.out_of_memory(unit_of(Straight())).fields["calls"]
    assert call["raised"]["out_of_memory"]
    del between


def test_a_state_that_an_exception_leaves_half_changed_shows(unit_of):
    class Flips(Straight):
        scale = 1.0

        def forward(self, values):
            self.scale = 2.0
            output = super().forward(values)
            output = {name: tensor * self.scale for name, tensor in output.items()} if self.scale == 1.0 else output
            self.scale = 1.0
            return output

    class Halves(Straight):
        depth = 0

        def forward(self, values):
            self.depth += 1
            output = {name: tensor * self.depth for name, tensor in super().forward(values).items()}
            self.depth -= 1
            return output

    assert differing(memory.out_of_memory(unit_of(Flips()))) == []
    assert differing(memory.out_of_memory(unit_of(Halves()))) == ["last_hidden_state"]


def test_offloading_gives_the_same_gradients_but_where_a_backward_counts_on_the_very_tensor(unit_of):
    seen = memory.offload(unit_of(Straight()))
    assert len(seen.fields["comparisons"]) == 6
    assert seen.fields["measures"]["offloaded_bytes"] > 0
    assert differing(seen) == []

    class Doubles(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            ctx.save_for_backward(values)
            ctx.place = values.data_ptr()
            return values * 2

        @staticmethod
        def backward(ctx, gradient):
            (saved,) = ctx.saved_tensors
            return gradient * (2 if saved.data_ptr() == ctx.place else 3)

    class Own(Straight):
        def forward(self, values):
            return {"last_hidden_state": Doubles.apply(self.first(values))}

    assert differing(memory.offload(unit_of(Own()))) == ["first.weight", "first.bias"]


def test_eight_bits_compute_as_what_they_stand_for(unit_of):
    seen = memory.int8(unit_of(Straight()))
    assert seen.fields["measures"]["compressed_modules"] == 2
    assert 1e-4 < seen.fields["measures"]["rounding_error"] < 0.1
    assert differing(seen) == []


def test_a_weight_that_is_read_for_itself_shows(unit_of):
    class Reads(Straight):
        def forward(self, values):
            return {"last_hidden_state": super().forward(values)["last_hidden_state"] + self.first.weight.sum()}

    class Casts(Straight):
        def forward(self, values):
            return super().forward(values.to(self.first.weight.dtype))

    assert differing(memory.int8(unit_of(Reads()))) == ["last_hidden_state"]
    with pytest.raises(SubjectRaised):
        memory.int8(unit_of(Casts()))


def test_a_convolution_of_gpt2_is_compressed(tmp_path):
    subject = {"kind": "architecture", "name": "gpt2", "auto_class": "AutoModel"}
    recipe = subjects.probe(subject, "cpu", 1)["ready"]["recipe"]
    seen = memory.int8(Unit({**JOB, "subject": subject, "recipe": recipe, "scratch": str(tmp_path)}))
    assert seen.fields["measures"]["compressed_modules"] > 4
    assert differing(seen) == []
