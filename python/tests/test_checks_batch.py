"""The group batch on modules made by hand."""

import torch
from conftest import VALUES

from assay.checks import batch
from assay.subjects import InputSpec
from assay.subjects.specs import as_rows

# Below this, a difference is float32's own (`rules/oracle.rs`).
NOISE = 1e-5


class Rows(torch.nn.Module):
    """One layer; every row by itself. Also the scores of all rows with all rows, one score per place, and a sum over everything."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)

    def forward(self, values):
        hidden = self.layer(values)
        pooled = hidden.mean(1)
        return {"hidden": hidden, "similarity": pooled @ pooled.T, "scores": hidden.reshape(-1, 4).softmax(-1), "sum": hidden.sum()}


def wrong(seen):
    return [row["label"] for row in seen.fields["comparisons"] if row["shape_mismatch"] or row["max_difference"] > NOISE]


def labels(seen):
    return [row["label"] for row in seen.fields["comparisons"]]


def test_clean_rows_agree_and_outputs_of_the_batch_are_no_rows(unit_of):
    rows, order = batch.rows(unit_of(Rows())), batch.order(unit_of(Rows()))
    assert labels(rows) == ["hidden, row 0", "scores, row 0", "hidden, row 1", "scores, row 1"]
    assert labels(order) == ["hidden, reversed", "scores, reversed"]
    assert wrong(rows) == wrong(order) == []


def test_rows_of_what_only_a_later_set_of_inputs_holds(unit_of):
    class Hears(Rows):
        def forward(self, values=None, sound=None):
            if sound is None:
                return {"hidden": self.layer(values)}
            return {"hidden": self.layer(sound - (sound.mean(0) if self.leaks else 0))}

    def unit(*, leaks):
        module = Hears()
        module.leaks = leaks
        made = unit_of(module)
        made.recipe["inputs"] |= {"sound": as_rows([InputSpec("sound", "series", "float32", (3, 4))]), "again": as_rows([VALUES])}
        made.recipe["variants"] = ["all", "sound", "again"]
        return made

    clean = batch.rows(unit(leaks=False))
    assert labels(clean) == ["hidden, row 0", "hidden, row 1", "hidden, row 0 for sound", "hidden, row 1 for sound"]
    assert wrong(clean) == []
    assert wrong(batch.rows(unit(leaks=True))) == ["hidden, row 0 for sound", "hidden, row 1 for sound"]


def test_a_mask_among_the_outputs_is_compared_and_has_no_rounding(unit_of):
    class Masks(Rows):
        def forward(self, values):
            return {"hidden": self.layer(values), "kept": values.sum(-1) > 0}

    seen = batch.rows(unit_of(Masks()))
    assert labels(seen) == ["hidden, row 0", "kept, row 0", "hidden, row 1", "kept, row 1"]
    assert wrong(seen) == []


def test_the_bound_of_a_row_knows_the_rounding_of_the_batch_and_no_more(unit_of):
    for elements, noise, reference in ((99, 2e-7, 2e-7), (99, 5e-8, 1e-7), (99, 1.0, 4e-7), (99, float("nan"), 1e-7), (1, 8e-7, 8e-7)):
        row = {"elements": elements, "oracle": {"reference": 1e-7, "result": 1.0}}
        batch._widen(row, noise)
        assert row["oracle"] == {"reference": reference, "result": 1.0}
    batch._widen({"oracle": None}, 1.0)


def test_the_oracle_is_the_reference_in_float64_for_both(unit_of):
    class Leaks(Rows):
        def forward(self, values):
            return super().forward(values + 0.5 * values.mean(0, keepdim=True))

    seen = batch.rows(unit_of(Leaks()))
    assert "hidden, row 0" in wrong(seen)
    errors = seen.fields["comparisons"][0]["oracle"]
    assert errors["result"] > 1e4 * errors["reference"]


def test_a_row_that_is_treated_by_its_place(unit_of):
    class Places(Rows):
        def forward(self, values):
            scaled = values.clone()
            scaled[0] *= 1.01
            return super().forward(scaled)

    unit = unit_of(Places())
    order = batch.order(unit)
    assert "hidden, reversed" in wrong(order)
    errors = order.fields["comparisons"][0]["oracle"]
    assert errors["result"] > 1e3 * errors["reference"]
    assert wrong(batch.rows(unit)) == ["hidden, row 1", "scores, row 1"]


def test_a_batch_of_one_that_loses_a_dimension_or_an_output(unit_of):
    class Squeezes(Rows):
        def forward(self, values):
            return {"hidden": self.layer(values).squeeze(0)}

    class Drops(Rows):
        def forward(self, values):
            return {"hidden": self.layer(values)} | ({"pooled": values.mean(1)} if len(values) > 1 else {})

    assert wrong(batch.rows(unit_of(Squeezes()))) == ["hidden, row 0", "hidden, row 1"]
    assert wrong(batch.rows(unit_of(Drops()))) == ["pooled, row 0", "pooled, row 1"]


def test_a_loss_of_the_batch_is_no_row_even_if_it_is_repeated_for_each(unit_of):
    class Loses(Rows):
        def forward(self, values):
            hidden = self.layer(values)
            return {"hidden": hidden, "loss": hidden.mean().expand(len(values))}

    unit = unit_of(Loses())
    assert labels(batch.rows(unit)) == ["hidden, row 0", "hidden, row 1"]
    assert labels(batch.order(unit)) == ["hidden, reversed"]


def test_a_tuple_with_an_entry_for_each_image(unit_of):
    class Images(Rows):
        def forward(self, values):
            return {"images": tuple(self.layer(values))}

    class Leaks(Rows):
        def forward(self, values):
            return {"images": tuple(self.layer(values + values[:1]))}

    for check in (batch.rows, batch.order):
        assert labels(check(unit_of(Images())))
        assert wrong(check(unit_of(Images()))) == []
        assert wrong(check(unit_of(Leaks())))


def test_rows_in_two_parts_are_mixed_up_but_where_the_design_has_them(unit_of):
    class Parts(Rows):
        def forward(self, values):
            return {"parts": torch.cat([self.layer(values), self.layer(2 * values)])}

    class Leaks(Rows):
        def forward(self, values):
            return {"parts": torch.cat([self.layer(values), self.layer(2 * values.flip(0))])}

    def known(model):
        unit = unit_of(model)
        unit.recipe["facts"] = {"has": []}  # not `rows_together`
        return unit

    for check in (batch.rows, batch.order):
        assert labels(check(known(Parts())))
        assert wrong(check(known(Parts()))) == []
        assert wrong(check(unit_of(Parts())))
    assert wrong(batch.rows(known(Leaks())))


def test_a_model_that_can_not_run_in_float64_is_compared_without(unit_of):
    class Narrow(Rows):
        def forward(self, values):
            if values.dtype == torch.float64:  # as kernels that exist for narrow types only
                raise RuntimeError("not implemented for 'Double'")
            return {"hidden": self.layer(values)}

    seen = batch.rows(unit_of(Narrow()))
    assert len(labels(seen)) == 2
    assert all(row["oracle"] is None for row in seen.fields["comparisons"])
    assert "no float64 run" in seen.fields["notes"][0]


def test_indices_over_the_batch_follow_their_rows(unit_of):
    """Features that are pooled by their place in the whole batch: turned round, each row still points at its own."""

    class Pools(Rows):
        def forward(self, values, places):
            return {"pooled": self.layer(values.flatten(0, 1)[places].unflatten(0, (len(values), -1)))}

    places = InputSpec("places", "indices", "int64", (2,), 0, 3, packed=True, values=[0, 2])
    for check in (batch.rows, batch.order):
        seen = check(unit_of(Pools(), (VALUES, places)))
        assert labels(seen)
        assert wrong(seen) == []
