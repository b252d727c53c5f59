"""The groups train and precision on modules made by hand."""

import copy

import torch
from conftest import JOB, MASK, TOKENS
from transformers import PreTrainedConfig
from transformers.modeling_outputs import TokenClassifierOutput

from assay.checks import precision, train
from assay.subjects import labels


class Two(torch.nn.Module):
    """Two branches, the second through a function that a test may replace."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, values):
        return {"hidden": self.first(values) + self.between(self.second(values)).sin()}

    def between(self, hidden):
        return hidden


class FewExperts(torch.nn.Module):
    def __init__(self, begin=0):
        super().__init__()
        self.begin = begin
        self.weight = torch.nn.Parameter(torch.randn(4, 4, 4))

    def forward(self, values, chosen):
        out = torch.zeros_like(values)
        for expert in range(self.begin, 4):
            out = out + torch.where((chosen == expert)[..., None], values @ self.weight[expert].T, 0.0)
        return out


class Mixture(torch.nn.Module):
    def __init__(self, begin=0):
        super().__init__()
        self.gate, self.experts = torch.nn.Linear(4, 4), FewExperts(begin)

    def forward(self, values):
        scores = self.gate(values).softmax(-1)
        weight, chosen = scores.max(-1)
        return {"hidden": weight[..., None] * self.experts(values, chosen)}


def lacking(seen):
    return {tally["label"]: tally["lacking"] for tally in seen.fields["tallies"] if tally["have"] != tally["of"]}


def test_clean_branches_have_gradients_and_the_unit_is_as_before(unit_of):
    unit = unit_of(Two())
    before = copy.deepcopy(unit.model.state_dict())
    assert lacking(train.gradients(unit)) == {}
    assert not unit.model.training
    assert all(parameter.grad is None for parameter in unit.model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in unit.model.state_dict().items())


def test_rounding_errors_move_gradients_too(unit_of):
    unit = unit_of(Two())
    found = []
    for seed in (None, 0, 1):
        wide = unit.in_float64() if seed is None else unit.shaken(seed)
        with train.training(wide):
            found.append(train.backward(wide, wide.variants, unit.seed).of)
    exact, *shaken = (torch.cat([its.flatten() for its in of.values() if its is not None]) for of in found)
    for its in shaken:
        assert 1e-9 < float((its - exact).norm() / exact.norm()) < 1e-4
    assert not torch.equal(*shaken)


def test_a_branch_that_is_detached_is_seen(unit_of):
    class Cut(Two):
        def between(self, hidden):
            return hidden.detach()

    class NoGrad(Two):
        def forward(self, values):
            with torch.no_grad():
                second = self.second(values).sin()
            return {"hidden": self.first(values) + second}

    for kind in (Cut, NoGrad):
        assert lacking(train.gradients(unit_of(kind()))) == {"parameters with a gradient": ["second.bias", "second.weight"]}


def test_what_acts_through_a_choice_alone_is_not_missed(unit_of):
    class Chooses(Two):
        def forward(self, values):
            best = self.second(values).argmax(-1)
            return {"hidden": self.first(values) * (1.0 + best[..., None])}

    assert lacking(train.gradients(unit_of(Chooses()))) == {}


def test_a_gradient_that_is_not_finite_is_seen(unit_of):
    class Root(Two):
        def between(self, hidden):
            return (hidden - hidden.detach()).abs().sqrt()

    assert "finite gradients" in lacking(train.gradients(unit_of(Root())))


def test_every_expert_counts_by_itself(unit_of):
    assert lacking(train.gradients(unit_of(Mixture()))) == {}
    assert lacking(train.gradients(unit_of(Mixture(begin=1)))) == {"parameters with a gradient": ["experts.weight[0]"]}


def test_norms_and_biases_that_are_not_experts_are_not_taken_apart():
    assert list(train._stacked(Mixture())) == ["experts.weight"]
    assert train._stacked(torch.nn.Sequential(torch.nn.Conv1d(2, 2, 2))) == {}


class Classifier(torch.nn.Module):
    """A head for tokens, as the library has them."""

    def __init__(self):
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(200, 8), torch.nn.Linear(8, 5)
        self.config = None

    def forward(self, input_ids, labels=None):
        from types import SimpleNamespace

        logits = self.score(self.between(self.embed(input_ids)))
        if labels is None:
            return {"logits": logits}
        return SimpleNamespace(loss=self.loss(logits.flatten(0, 1), labels.flatten()))

    def between(self, hidden):
        return hidden

    def loss(self, logits, labels):
        return torch.nn.functional.cross_entropy(logits, labels)


def head(unit_of, model):
    unit = unit_of(model, specs=(TOKENS,))
    unit.subject = {**JOB["subject"], "auto_class": "AutoModelForTokenClassification"}
    return unit


def test_a_clean_loss(unit_of):
    seen = train.loss(head(unit_of, Classifier()))
    assert len(seen.fields["tallies"]) == 5
    assert lacking(seen) == {}


def test_a_loss_that_ignores_its_labels_or_reads_those_that_are_none(unit_of):
    class Own(Classifier):
        def loss(self, logits, labels):
            return super().loss(logits, logits.argmax(-1))

    class Reads(Classifier):
        def loss(self, logits, labels):
            return super().loss(logits, labels.clamp(min=0))

    class Endless(Classifier):
        def loss(self, logits, labels):
            return super().loss(logits, labels) / 0.0

    assert "a loss that its labels move" in lacking(train.loss(head(unit_of, Own())))
    assert list(lacking(train.loss(head(unit_of, Reads())))) == ["a batch whose loss is the mean of those of its rows"]
    assert "a loss that is one finite number" in lacking(train.loss(head(unit_of, Endless())))


def test_a_loss_that_does_not_reach_the_body(unit_of):
    class Cut(Classifier):
        def between(self, hidden):
            return hidden.detach()

    assert lacking(train.loss(head(unit_of, Cut()))) == {"parameters that the loss trains": ["embed.weight"]}


class Drops(Two):
    """Drops as much as it is told to, and never where it does not train."""

    rate = 0.1

    def __init__(self):
        super().__init__()
        self.attention_dropout = self.rate

    def between(self, hidden):
        return torch.nn.functional.dropout(hidden, self.attention_dropout, self.training)


def test_where_nothing_is_dropped_a_model_that_trains_answers_as_one_that_does_not(unit_of):
    unit = unit_of(Drops())
    assert wrong_rows(train.mode(unit)) == []
    assert unit.model.attention_dropout == Drops.rate

    class Scales(Drops):
        def between(self, hidden):
            return 0.5 * super().between(hidden) if self.training else hidden

    assert wrong_rows(train.mode(unit_of(Scales()))) == ["hidden"]


def test_masks_reach_layers_that_are_computed_again(unit_of):
    unit = unit_of(Two(), specs=(TOKENS, MASK))
    (inputs,) = unit.with_one_hidden
    assert inputs["attention_mask"].tolist() == [[1] * 6, [1, 1, 1, 1, 0, 1]]
    assert unit_of(Two()).with_one_hidden == []


def wrong_rows(seen):
    assert seen.fields["comparisons"]
    return [row["label"] for row in seen.fields["comparisons"] if not row["rms_difference"] <= 1e-6 * row["rms_reference"]]


class Beside(Two):
    """Hidden states go on by a layer and beside it."""

    def forward(self, values):
        hidden = self.first(values)
        return {"hidden": hidden + self.second(self.between(hidden)).sin()}


def test_gradients_are_slopes(unit_of):
    assert lacking(train.slope(unit_of(Beside()))) == {}


def test_a_layer_that_reads_detached_states_is_no_slope(unit_of):
    class Cut(Beside):
        def between(self, hidden):
            return hidden.detach()

    unit = unit_of(Cut())
    assert lacking(train.gradients(unit)) == {}
    before = {name: its.clone() for name, its in unit.model64.named_parameters()}
    assert lacking(train.slope(unit)) == {"gradients that are how the outputs move": ["first.weight", "first.bias"]}
    assert all(torch.equal(its, before[name]) and its.grad is None for name, its in unit.model64.named_parameters())


def test_the_row_of_padding_has_no_gradient_by_design(unit_of):
    class Padded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.score = torch.nn.Embedding(200, 4, padding_idx=0), torch.nn.Linear(4, 4)

        def forward(self, input_ids):
            return {"hidden": self.score(self.embed(input_ids % 3))}

    assert lacking(train.slope(unit_of(Padded(), specs=(TOKENS,)))) == {}


class Scored(Classifier):
    def __init__(self):
        super().__init__()
        self.config = PreTrainedConfig()

    def forward(self, input_ids, labels=None):
        logits = self.score(self.embed(input_ids))
        loss = None if labels is None else self.loss(logits.flatten(0, 1), labels.flatten())
        return TokenClassifierOutput(loss=loss, logits=logits)


def test_the_value_of_a_clean_loss(unit_of):
    seen = train.loss_value(head(unit_of, Scored()))
    assert len(seen.fields["tallies"]) == 2
    assert lacking(seen) == {}


def test_a_loss_of_other_scores_and_one_that_edits_its_labels(unit_of):
    class Moved(Scored):
        def loss(self, logits, labels):
            return super().loss(logits[:-1], labels[1:])

    class Edits(Scored):
        def loss(self, logits, labels):
            labels[0] = labels[0] + 1 - 2 * (labels[0] > 0)
            return super().loss(logits, labels)

    assert list(lacking(train.loss_value(head(unit_of, Moved())))) == ["a loss that is the cross entropy of its scores"]
    assert lacking(train.loss_value(head(unit_of, Edits())))["labels that are left as they are"] == ["labels"]


def test_labels_follow_the_head():
    logits = {"logits": torch.zeros(2, 6, 9)}
    tokens = labels.draw("tokens", None, {}, logits, 1)["labels"]
    assert tokens.shape == (2, 6)
    assert int(tokens.max()) < 9
    spans = labels.draw("spans", None, {}, {"start_logits": torch.zeros(2, 6)}, 1)
    assert list(spans) == ["start_positions", "end_positions"]
    assert labels.kind("AutoModelForTokenClassification", Classifier()) == "tokens"
    assert labels.kind("AutoModel", Classifier()) is None
    assert labels.kind("AutoModelForQuestionAnswering", Classifier()) is None


class RootNorm(torch.nn.Module):
    def __init__(self, upcast=True):
        super().__init__()
        self.upcast = upcast
        self.weight = torch.nn.Parameter(torch.ones(4))

    def forward(self, values):
        wide = values.float() if self.upcast else values
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(values.dtype) * self.weight


class RotaryTable(torch.nn.Module):
    def __init__(self, upcast=True):
        super().__init__()
        self.upcast = upcast

    def forward(self, values, position_ids):
        positions = position_ids.float() if self.upcast else position_ids.to(values.dtype)
        return positions.cos().to(values.dtype)


class Half(torch.nn.Module):
    def __init__(self, norm=True, table=True, scale=1.0):
        super().__init__()
        self.layer, self.norm, self.table, self.scale = torch.nn.Linear(4, 4), RootNorm(norm), RotaryTable(table), scale

    def forward(self, values):
        hidden = self.norm(self.layer(values))
        return {"hidden": hidden * self.table(values, torch.arange(3))[:, None] * self.scale / self.scale}


def wrong(seen):
    """Comparisons beyond the bound of `rules/oracle.rs` for half precision."""
    rows = []
    for row in seen.fields["comparisons"]:
        epsilon = {"float16": 2**-10, "bfloat16": 2**-7}[row["dtype"]]
        bound = 3 * row["oracle"]["reference"] + 4 * epsilon * row["rms_reference"] if row["oracle"] else 0.0
        if row["non_finite_mismatch"] or (row["oracle"] or {"result": 1.0})["result"] > bound:
            rows.append(row["label"])
    return rows


def test_clean_half_precision_leaves_the_unit_in_float32(unit_of):
    unit = unit_of(Half())
    for check in (precision.bfloat16, precision.float16):
        seen = check(unit)
        assert [row["label"] for row in seen.fields["comparisons"]] == ["hidden", "norm alone, loud: output", "table alone, far: output"]
        assert wrong(seen) == []
    assert {parameter.dtype for parameter in unit.model.parameters()} == {torch.float32}


def test_an_upcast_that_is_missing_shows_where_it_matters(unit_of):
    assert wrong(precision.float16(unit_of(Half(norm=False)))) == ["norm alone, loud: output"]
    assert wrong(precision.bfloat16(unit_of(Half(table=False)))) == ["table alone, far: output"]


def test_an_overflow_on_the_way_is_seen(unit_of):
    assert "hidden" in wrong(precision.float16(unit_of(Half(scale=1e6))))


def test_a_kernel_that_is_missing_is_a_skip_in_the_backend_s_words(unit_of):
    class Refuses(Half):
        def forward(self, values):
            if values.dtype is torch.float16:
                raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")
            return super().forward(values)

    seen = precision.float16(unit_of(Refuses()))
    assert seen.fields["unsupported"] == "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'Half'"
    assert "unsupported" not in precision.bfloat16(unit_of(Refuses())).fields


def test_a_choice_that_rounding_turns_is_no_error(unit_of):
    class Tie(Half):
        def __init__(self):
            super().__init__()
            self.left, self.right = torch.nn.Identity(), torch.nn.Identity()

        def forward(self, values):
            hidden = self.layer(values)
            # The two scores differ by less than bfloat16 can tell; both ways are right.
            scores = torch.stack([self.left(hidden[..., 0]), self.right(hidden[..., 0] * 1.0005)], -1)
            return {"hidden": torch.where(scores.argmax(-1, keepdim=True) == 0, 1.0, -1.0).to(values.dtype) * hidden}

    assert wrong(precision.bfloat16(unit_of(Tie()))) == []


def test_what_does_not_load_the_first_time_is_tried_again_and_noted(unit_of):
    """A model that the library makes itself keeps some modules in float32 only if it is loaded."""

    class Loads(Half):
        tries, config = 0, None

        @classmethod
        def from_pretrained(cls, path, config, state_dict, dtype):
            cls.tries += 1
            if cls.tries == 1:
                raise RuntimeError("dictionary changed size during iteration")
            made = cls()
            made.load_state_dict(state_dict)
            return made.to(dtype)

    seen = precision.bfloat16(unit_of(Loads()))
    assert Loads.tries == 2
    assert any("at the first try: RuntimeError: dictionary changed" in note for note in seen.fields["notes"])
    assert wrong(seen) == []
