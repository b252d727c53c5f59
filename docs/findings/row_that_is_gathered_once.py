"""OpenVINO gathers one row where several are asked for, if an axis is put in (`Unsqueeze`) and gathered along, and the indices are constants:
the pair is taken away, however many indices there are.

So an exported yoso loses the heads of its mask once it is read from its files (`attention_mask.unsqueeze(1).repeat_interleave(heads, dim=1)`).
The `Reshape` behind it refuses what is too short, or reads beyond its end: the answer is made of what lies in memory, and changes from run to
run, or a segmentation fault ends the process.

Prints the shape of four times the row [1, 2, 3], and by how much the exported yoso differs from the model before it is saved, and after.
"""

import tempfile

import numpy
import openvino
import torch
from openvino import opset13 as op
from transformers import YosoConfig, YosoModel
from transformers.exporters import OpenVINOConfig, OpenVINOExporter
from transformers.exporters.base import ExportedModel


def shape(between: bool) -> tuple[int, ...]:
    rows = op.parameter([-1, -1], numpy.float32)
    wider = op.unsqueeze(rows, 1)
    four = op.gather(op.relu(wider) if between else wider, op.constant(numpy.zeros(4, numpy.int32)), op.constant(numpy.int32(1)))
    graph = openvino.Core().compile_model(openvino.Model([four], [rows]), "CPU")
    return graph([numpy.array([[1, 2, 3]], numpy.float32)])[0].shape


print("openvino", openvino.__version__)
print("four rows, a relu between the axis and the gathering:", shape(True))
print("four rows, nothing between them:", shape(False))

exact = {"device": "cpu", "config": {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}}
sizes = {"vocab_size": 99, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
torch.manual_seed(0)
model = YosoModel(YosoConfig(**sizes)).eval()
tokens = torch.randint(3, 99, (2, 12))
inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
    expected = model(**inputs).last_hidden_state
    exported = OpenVINOExporter().export(model, dict(inputs), OpenVINOConfig())
    exported.save_pretrained(folder)
    print(f"yoso as it was exported: {(exported.to(**exact)(**inputs).last_hidden_state - expected).abs().max():.1e}", flush=True)
    read = ExportedModel.from_pretrained(folder, **exact)
    for _ in range(3):
        try:
            print(f"yoso read again: {(read(**inputs).last_hidden_state - expected).abs().max():.1e}", flush=True)
        except RuntimeError as error:
            print(f"yoso read again: {str(error).strip().splitlines()[-1]}", flush=True)
