"""A model that a session drives is fed like any other: tensors go in, and each call makes its own session of them."""

import pytest
import torch

from assay import subjects
from assay.subjects import sessions
from assay.subjects.modules import recording


class Session:
    """What the sessions of the library's video models have in common."""

    def __init__(self, video=None, dtype=torch.float32):
        self.processed_frames = None if video is None else dict(enumerate(video.to(dtype)))
        self.names, self.obj_with_new_inputs = [], []
        self.points, self.masks, self.seen = {}, {}, []

    @property
    def num_frames(self):
        return None if self.processed_frames is None else len(self.processed_frames)

    def get_obj_num(self):
        return len(self.names)

    def obj_id_to_idx(self, name):
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def add_point_inputs(self, index, frame, inputs):
        self.points[index] = (frame, inputs)

    def add_mask_inputs(self, index, frame, inputs):
        self.masks[index] = (frame, inputs)


class Tracker(torch.nn.Module):
    """Gives out the sum of all frames that its session has seen."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.sessions = []

    @torch.inference_mode()
    def forward(self, inference_session: Session, frame_idx: int | None = None):
        self.sessions.append(inference_session)
        inference_session.seen.append(self.layer(inference_session.processed_frames[frame_idx]))
        return {"sum": torch.stack(inference_session.seen).sum(0)}


VIDEO = subjects.InputSpec(sessions.VIDEO, "pixels", "float32", (3, 4), packed=True)


def test_a_call_goes_through_all_frames_and_leaves_nothing_behind():
    tracker, video = Tracker(), torch.arange(12.0).reshape(3, 4)
    first = sessions.call(tracker, {sessions.VIDEO: video})
    assert len(first) == 3
    assert torch.allclose(first[2]["sum"], tracker.layer(video).sum(0))
    assert len(set(map(id, tracker.sessions))) == 1
    again = sessions.call(tracker, {sessions.VIDEO: video})
    assert all(torch.equal(one["sum"], other["sum"]) for one, other in zip(first, again, strict=True))
    assert len(set(map(id, tracker.sessions))) == 2


def test_checks_see_one_answer_per_frame(unit_of):
    unit = unit_of(Tracker(), [VIDEO])
    unit.recipe["batch"] = 1
    assert list(unit.reference) == ["0.sum", "1.sum", "2.sum"]
    assert all(torch.equal(tensor, unit.forward(unit.inputs)[name]) for name, tensor in unit.reference.items())
    assert unit.reference64["2.sum"].dtype is torch.float64


def test_points_and_a_mask_are_for_an_object_each():
    tracker = Tracker()
    points, labels, mask = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2), torch.ones(1, 1, 8, 8)
    prompts = dict(zip((*sessions.POINTS, sessions.MASKS), (points, labels, mask), strict=True))
    sessions.call(tracker, {sessions.VIDEO: torch.ones(1, 4), **prompts})
    session = tracker.sessions[0]
    assert session.obj_with_new_inputs == session.names
    frame, given = session.points[0]
    assert (frame, given["point_coords"] is points, given["point_labels"] is labels) == (0, True, True)
    assert session.masks == {1: (0, mask)}


def test_without_a_video_the_model_refuses():
    with pytest.raises(TypeError):
        sessions.call(Tracker(), {})


def test_a_model_that_takes_tensors_gets_them():
    assert sessions.session_class(torch.nn.Identity()) is None
    given = torch.ones(2)
    assert sessions.call(torch.nn.Identity(), {"input": given}) is given


def test_a_backward_can_follow_what_the_library_runs_in_inference_mode():
    tracker, video = Tracker(), {sessions.VIDEO: torch.ones(2, 4)}
    with recording():
        sessions.call(tracker, video)[1]["sum"].sum().backward()
    assert tracker.layer.weight.grad is not None
    assert sessions.call(tracker, video)[1]["sum"].is_inference()


@pytest.fixture(scope="module")
def tracked():
    subject = {"kind": "architecture", "name": "sam3_tracker_video", "auto_class": "AutoModel"}
    recipe = subjects.probe(subject, "cpu", 1)["ready"]["recipe"]
    torch.manual_seed(3)  # some draws say of every frame that there is no object, and no mask shows
    model = subjects.make_model(subject, subjects.make_config(subject, recipe))
    return model, recipe


def test_a_video_model_of_the_library_is_fed_frames_points_and_a_mask(tracked):
    model, recipe = tracked
    inputs = subjects.make_inputs(recipe, seed=1)
    assert set(inputs) == {sessions.VIDEO, *sessions.POINTS, sessions.MASKS}
    answers = subjects.call(model, inputs)
    assert [answer.frame_idx for answer in answers] == [0, 1, 2]
    assert all(answer.pred_masks.shape[0] == 2 for answer in answers)
    other = subjects.call(model, subjects.make_inputs(recipe, seed=2))
    assert all(not torch.equal(one.pred_masks, two.pred_masks) for one, two in zip(answers, other, strict=True))


def test_later_frames_see_what_was_found_on_earlier_ones(tracked):
    model, recipe = tracked
    inputs = subjects.make_inputs(recipe, seed=1)
    changed = dict(inputs)
    changed[sessions.VIDEO] = inputs[sessions.VIDEO].clone()
    changed[sessions.VIDEO][0] += 1
    last = [subjects.call(model, given)[2].object_score_logits for given in (inputs, changed)]
    assert not torch.equal(*last)
