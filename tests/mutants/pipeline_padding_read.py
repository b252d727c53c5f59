"""The mask of a batch is lost on the way to the model: the padding is read."""

import functools

import torch
from transformers.pipelines.feature_extraction import FeatureExtractionPipeline

original = FeatureExtractionPipeline._forward


@functools.wraps(original)
def _forward(self, model_inputs):
    return original(self, {**model_inputs, "attention_mask": torch.ones_like(model_inputs["attention_mask"])})


FeatureExtractionPipeline._forward = _forward
