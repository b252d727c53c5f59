"""The groups load, forward, sensitivity and negative on modules made by hand: each bug is seen by its check."""

import numpy
import pytest
import torch
from conftest import MASK, TOKENS, VALUES

from assay import subjects
from assay.checks import forward, load, negative, sensitivity
from assay.checks.unit import SubjectRaised
from assay.subjects import InputSpec, hiding
from assay.subjects.specs import as_rows


class Straight(torch.nn.Module):
    """Two layers, one after the other."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, values):
        return {"last_hidden_state": self.second(torch.tanh(self.first(values)))}


def differing(seen):
    return [row["label"] for row in seen.fields["comparisons"] if row["differing"] or row["shape_mismatch"]]


def lacking(seen):
    return [name for tally in seen.fields["tallies"] for name in tally["lacking"]]


CLEAN_CHECKS = [forward.deterministic, forward.repeatable, forward.inputs_unmodified]


@pytest.mark.parametrize("check", CLEAN_CHECKS)
def test_a_clean_module_differs_nowhere(check, unit_of):
    seen = check(unit_of(Straight()))
    assert seen.fields["comparisons"]
    assert differing(seen) == []


def test_an_input_that_is_edited_is_seen_by_its_check_and_by_no_other(unit_of):
    class Edits(Straight):
        def forward(self, values):
            values.mul_(0.5)
            return super().forward(values)

    unit = unit_of(Edits())
    assert differing(forward.inputs_unmodified(unit)) == ["values"]
    assert differing(forward.deterministic(unit)) == differing(forward.repeatable(unit)) == []


def test_a_buffer_that_is_handed_out_and_written_again(unit_of):
    class Reuses(Straight):
        def forward(self, values):
            output = super().forward(values)["last_hidden_state"]
            self.kept = getattr(self, "kept", torch.empty_like(output))
            return {"last_hidden_state": self.kept.copy_(output)}

    assert differing(forward.repeatable(unit_of(Reuses()))) == ["last_hidden_state, after another call"]


def test_an_output_that_comes_and_goes(unit_of):
    class Flickers(Straight):
        calls = 0

        def forward(self, values):
            self.calls += 1
            return super().forward(values) | ({"extra": values} if self.calls % 2 else {})

    assert differing(forward.deterministic(unit_of(Flickers()))) == ["extra"]


def test_randomness_in_eval_mode(unit_of):
    class Drops(Straight):
        def forward(self, values):
            return super().forward(torch.nn.functional.dropout(values, 0.5, training=True))

    assert differing(forward.deterministic(unit_of(Drops()))) == ["last_hidden_state"]


def test_dropout_that_is_on_wherever_it_is_set(unit_of):
    class Drops(Straight):
        def __init__(self):
            super().__init__()
            self.dropout = 0.0

        def forward(self, values):
            return super().forward(torch.nn.functional.dropout(values, self.dropout, training=True))

    assert differing(forward.deterministic(unit_of(Drops()))) == ["last_hidden_state, with dropout set"]


def test_what_draws_from_numpy_is_seen_and_comes_again(unit_of):
    class Draws(Straight):
        def forward(self, values):
            return super().forward(values + numpy.random.rand())

    unit = unit_of(Draws())
    assert differing(forward.deterministic(unit)) == ["last_hidden_state"]
    assert torch.equal(unit.forward(unit.inputs)["last_hidden_state"], unit.forward(unit.inputs)["last_hidden_state"])


WAVE = InputSpec("input_values", "waveform", "float32", (80,))


class Frames(torch.nn.Module):
    """A state for every ten samples."""

    def forward(self, input_values):
        return {"last_hidden_state": self.said(input_values.unflatten(1, (-1, 10)))}

    def said(self, frames):
        return frames


def test_a_sound_that_is_long(unit_of):
    class Breaks(Frames):
        def said(self, frames):
            return frames / 0.0 if frames.shape[1] > 100 else frames

    class Fails(Frames):
        def said(self, frames):
            return [frames][frames.shape[1] // 100]

    class Refuses(Frames):
        def said(self, frames):
            if frames.shape[1] > 8:
                raise ValueError("eight frames")
            return frames

    def of(kind):
        return forward.finite(unit_of(kind(), specs=(WAVE,)))

    (row,) = [row for row in of(Breaks).fields["tallies"] if row["have"] != row["of"]]
    assert row["label"] == "finite elements of last_hidden_state for input_values, 20 times as long"
    with pytest.raises(SubjectRaised):
        of(Fails)
    assert of(Refuses).fields["notes"] == ["no input_values 20 times as long: ValueError: eight frames"]
    assert len(of(Frames).fields["tallies"]) == 2


def test_what_is_drawn_from_few_places_may_come_out_twice(unit_of):
    class Masks(Straight):
        drawn = iter([0, 0, 1, 0])

        def forward(self, values):
            return super().forward(values.roll(next(self.drawn), -1))

    assert differing(forward.deterministic(unit_of(Masks()))) == ["last_hidden_state"]


def test_a_module_that_is_not_called_is_named(unit_of):
    class Skips(Straight):
        def forward(self, values):
            return {"last_hidden_state": self.second(values)}

    class Lends(Straight):
        def forward(self, values):
            return {"last_hidden_state": self.second(torch.nn.functional.linear(values, self.first.weight))}

    class LendsWithoutBackward(Lends):
        def forward(self, values):
            assert not torch.is_grad_enabled()
            return super().forward(values)

    assert lacking(forward.reaches(unit_of(Skips()))) == ["first"]
    assert lacking(forward.reaches(unit_of(LendsWithoutBackward()))) == []
    assert lacking(forward.reaches(unit_of(Lends()))) == lacking(forward.reaches(unit_of(Straight()))) == []


def test_a_module_that_is_silent_is_named_and_the_model_is_left_as_it_was(unit_of):
    class Ignores(Straight):
        def forward(self, values):
            return {"last_hidden_state": self.second(values) + 0 * self.first(values)}

    class WithoutGradient(Straight):
        def forward(self, values):
            with torch.no_grad():
                first = self.first(values)
            return {"last_hidden_state": self.second(first)}

    for kind, silent in ((Ignores, ["first"]), (WithoutGradient, []), (Straight, [])):
        unit = unit_of(kind())
        before = {name: tensor.clone() for name, tensor in unit.model.state_dict().items()}
        assert lacking(sensitivity.of_weights(unit)) == silent, kind
        assert all(torch.equal(tensor, before[name]) for name, tensor in unit.model.state_dict().items())
        assert all(parameter.grad is None for parameter in unit.model.parameters())


def test_a_choice_that_no_gradient_shows_and_a_backward_that_fails_are_told_by_forwards(unit_of):
    class Chooses(Straight):
        def forward(self, values):
            chosen = (self.first(values) > 0).float()
            return {"last_hidden_state": self.second(values) + chosen}

    class OneWay(Straight):
        def forward(self, values):
            states = self.first(values)
            scaled = states.exp()
            states = scaled * states
            scaled += 1  # what the backward of the product needs is gone
            return {"last_hidden_state": self.second(states)}

    for kind in (Chooses, OneWay):
        seen = sensitivity.of_weights(unit_of(kind()))
        assert lacking(seen) == [], kind
        assert seen.fields["measures"]["visible_parameter_tensors"] == seen.fields["measures"]["parameter_tensors"], kind
        assert any("no backward" in note for note in seen.fields["notes"]) == (kind is OneWay)


def test_a_table_that_a_larger_module_keeps_is_judged_as_a_module_is(unit_of):
    class Keeps(Straight):
        def __init__(self):
            super().__init__()
            self.positions = torch.nn.Parameter(torch.zeros(3, 4))

        def forward(self, values, weight=0.0):
            return super().forward(values + weight * self.positions)

    class Adds(Keeps):
        def forward(self, values):
            return super().forward(values, 1.0)

    assert lacking(sensitivity.of_weights(unit_of(Keeps()))) == ["positions"]
    assert lacking(sensitivity.of_weights(unit_of(Adds()))) == []


def test_a_bias_beside_numbers_that_stand_for_nothing_is_no_silence(unit_of):
    """Cells that are not asked for are lowered by 10,000 (TAPAS), beside which a bias is less than rounding."""

    class Lowers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = torch.nn.Linear(4, 400)

        def forward(self, values):
            scores = self.scores(values)
            return {"logits": torch.where(torch.arange(400) < 2, scores, scores - 1e4)}

    unit = unit_of(Lowers())
    with torch.no_grad():
        unit.model.scores.bias.fill_(1e-2)
    assert sensitivity.effects(unit)["scores.bias"] > sensitivity.SILENT
    assert lacking(sensitivity.of_weights(unit)) == []


def test_what_only_a_later_set_of_inputs_holds_is_checked(unit_of):
    class Hears(Straight):
        def __init__(self, of_sound):
            super().__init__()
            self.of_sound = of_sound

        def forward(self, values=None, sound=None):
            states = super().forward(values if sound is None else torch.zeros(2, 3, 4))["last_hidden_state"]
            return {"last_hidden_state": states if sound is None else states + self.of_sound(sound)}

    def unit(of_sound):
        made = unit_of(Hears(of_sound))
        made.recipe["inputs"]["sound"] = as_rows([InputSpec("sound", "series", "float32", (3, 4))])
        made.recipe["variants"] = ["all", "sound"]
        return made

    moved = [row["rms_difference"] > 0 for row in sensitivity.of_input(unit(lambda sound: sound)).fields["comparisons"]]
    assert moved == [True, True]
    still = [row["rms_difference"] > 0 for row in sensitivity.of_input(unit(lambda sound: 0 * sound)).fields["comparisons"]]
    assert still == [True, False]
    counted = [row["have"] == row["of"] for row in forward.finite(unit(lambda sound: sound / 0 * 0)).fields["tallies"]]
    assert counted == [True, False]


def test_a_gate_that_some_draws_of_the_weights_shut_is_no_silence(unit_of, monkeypatch):
    class Gated(Straight):
        shut = None

        def forward(self, values):
            is_open = float(self.first.bias[0].detach()) != self.shut
            return {"last_hidden_state": self.first(values) + (self.second(values) if is_open else 0)}

    def unit():
        made = unit_of(Gated())
        made.model.shut = float(made.model.first.bias[0].detach())  # with the unit's own weights
        return made

    assert lacking(forward.reaches(unit())) == lacking(sensitivity.of_weights(unit())) == []
    again = unit()
    before = {name: tensor.clone() for name, tensor in again.model.state_dict().items()}
    sensitivity.of_weights(again)
    assert all(torch.equal(tensor, before[name]) for name, tensor in again.model.state_dict().items())
    monkeypatch.setattr(sensitivity, "DRAWS", 1)
    assert lacking(forward.reaches(unit())) == ["second"]


def test_each_silent_tensor_has_its_kind(unit_of):
    class Attends(Straight):
        def __init__(self):
            super().__init__()
            self.uncalled, self.thrown_away = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, values):
            self.thrown_away(values)
            weights = torch.softmax(values @ self.first(values).mT, -1)  # the bias of the keys is the same for all
            return {"last_hidden_state": self.second(weights @ values)}

    measures = sensitivity.of_weights(unit_of(Attends())).fields["measures"]
    assert measures == {
        "parameter_tensors": 8,
        "visible_parameter_tensors": 3,
        "unreached_parameter_tensors": 2,
        "cancelled_parameter_tensors": 1,
        "without_effect_parameter_tensors": 2,
        "unused_by_design_parameter_tensors": 0,
    }


def test_what_a_design_leaves_unused_is_left_out_and_said(unit_of, monkeypatch):
    class Skips(Straight):
        def forward(self, values, more):
            return {"last_hidden_state": self.second(values)}

    entries = [
        {"architectures": ["by-hand"], "modules": "^first$", "reason": "for training"},
        {"architectures": ["by-hand"], "inputs": "more", "reason": "kept for old callers"},
        {"architectures": ["another"], "modules": "^second$", "reason": "not this one"},
    ]
    monkeypatch.setattr(subjects.designs, "_all", lambda: entries)
    unit = unit_of(Skips(), (VALUES, InputSpec("more", "series", "float32", (3, 4))))
    for check, note in ((forward.reaches, "first"), (sensitivity.of_input, "more")):
        seen = check(unit)
        assert any(note in text and "unused by design" in text for text in seen.fields["notes"])
        assert all(not row["lacking"] for row in seen.fields["tallies"])
    assert [row["label"] for row in sensitivity.of_input(unit).fields["comparisons"]] == ["values redrawn: last_hidden_state"]
    assert sensitivity.of_weights(unit).fields["measures"]["unused_by_design_parameter_tensors"] == 2
    monkeypatch.setattr(subjects.designs, "_all", lambda: entries[2:])
    assert lacking(forward.reaches(unit_of(Skips(), (VALUES, InputSpec("more", "series", "float32", (3, 4)))))) == ["first"]


def test_infinity_that_is_meant_is_a_number_and_nan_is_none(unit_of, monkeypatch):
    class Masks(Straight):
        def forward(self, values):
            return {"logits": torch.tensor([1.0, -torch.inf]), "scores": torch.tensor([1.0, torch.nan])}

    def counts():
        return [(row["label"], row["have"], row["of"]) for row in forward.finite(unit_of(Masks())).fields["tallies"]]

    assert counts() == [("finite elements of logits", 1, 2), ("finite elements of scores", 1, 2)]
    entries = [{"architectures": ["by-hand"], "infinite": "logits|scores", "reason": "what is masked"}]
    monkeypatch.setattr(subjects.designs, "_all", lambda: entries)
    assert counts() == [("numbers in logits", 2, 2), ("numbers in scores", 1, 2)]


def test_an_input_that_is_ignored_moves_nothing(unit_of):
    class Deaf(Straight):
        def forward(self, values):
            return super().forward(torch.ones_like(values))

    def moved(unit):
        return [row["rms_difference"] for row in sensitivity.of_input(unit).fields["comparisons"]]

    assert moved(unit_of(Deaf())) == [0.0]
    assert moved(unit_of(Straight()))[0] > 0.01


def test_a_mask_that_is_ignored_moves_nothing(unit_of):
    class Masks(Straight):
        def forward(self, values, padding_mask=None):
            padding_mask = torch.ones(values.shape[:2]) if padding_mask is None else padding_mask
            states = super().forward(values * padding_mask[..., None])["last_hidden_state"]
            return {"last_hidden_state": states, "encoder.attention_mask": padding_mask}

    class Ignores(Masks):
        def forward(self, values, padding_mask=None):
            return super().forward(values) | {"encoder.attention_mask": padding_mask}

    def moved(module, *fed):
        unit = unit_of(module, (VALUES, *fed))
        unit.recipe["masks"] = {"all": as_rows([mask])}
        return [(row["label"], row["rms_difference"] > 0.01) for row in sensitivity.of_mask(unit).fields["comparisons"]]

    mask = InputSpec("padding_mask", "mask", "int64", (3,), values=1)
    label = "padding_mask hides a part: last_hidden_state"
    assert moved(Masks()) == moved(Masks(), mask) == [(label, True)]
    # What hands the mask on is no proof that it is read.
    assert moved(Ignores()) == moved(Ignores(), mask) == [(label, False)]


def test_a_part_of_a_mask_is_hidden_in_the_last_row_alone():
    mask = torch.ones(2, 4, 16, dtype=torch.int64)
    hidden = hiding.hide(mask, 8)
    assert mask.all()
    assert hidden[0].all()
    assert hidden[1, :, :2].all()
    assert not hidden[1, :, 2:].any()
    # One that says what is padding is turned over, too.
    assert hiding.hide(torch.zeros(1, 8, dtype=torch.bool), 8).tolist() == [[False] + 7 * [True]]


def test_memory_that_nobody_set_and_tensors_that_nobody_registered(unit_of, monkeypatch):
    class Unset(Straight):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(1000))
            self.register_buffer("table", torch.empty(5, dtype=torch.int64))
            self.register_buffer("limits", torch.tensor([0, torch.iinfo(torch.int64).max]))
            self.register_buffer("rotations", torch.ones(2, dtype=torch.complex64))
            self.hanging = torch.ones(2)

    monkeypatch.setattr(subjects, "make_model", lambda *arguments: Unset())
    assert lacking(load.initialised(unit_of(Straight()))) == ["weight", "table", "hanging"]
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(subjects, "make_model", lambda *arguments: Straight())
    assert lacking(load.initialised(unit_of(Straight()))) == []


def test_a_table_larger_than_the_vocabulary_is_asked_beyond_its_end(unit_of):
    class Reads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(256, 4)

        def get_input_embeddings(self):
            return self.table

        def forward(self, input_ids, attention_mask):
            return {"last_hidden_state": self.table(input_ids)}

    class Clamps(Reads):
        def forward(self, input_ids, attention_mask):
            return super().forward(input_ids.clamp(0, 255), attention_mask)

    class Config:
        vocab_size = 250

    def accepted(model):
        seen = negative.token_out_of_vocabulary(unit_of(model, (TOKENS, MASK), Config()))
        return [call["label"] for call in seen.fields["calls"] if call["raised"] is None]

    assert accepted(Reads()) == []
    assert accepted(Clamps()) == ["token 263 of 256", "token -263 of 256", "token -1 of 256"]


def test_a_nan_in_an_answer_is_counted(unit_of):
    class Divides(Straight):
        def forward(self, values):
            return {"last_hidden_state": super().forward(values.float())["last_hidden_state"] / values.float().sum(-1, keepdim=True) * 0}

    seen = negative.wrong_dtype(unit_of(Divides()))
    assert [call["raised"] for call in seen.fields["calls"]] == [None, None]
    assert sum(call["non_finite"] for call in seen.fields["calls"]) > 0
    assert sum(call["non_finite"] for call in negative.wrong_dtype(unit_of(Straight())).fields["calls"]) == 0
