"""Features come without the axis of the texts that the pipeline promises."""

import functools

from transformers.pipelines.feature_extraction import FeatureExtractionPipeline

original = FeatureExtractionPipeline.postprocess


@functools.wraps(original)
def postprocess(self, model_outputs, *args, **kwargs):
    return original(self, model_outputs, *args, **kwargs)[0]


FeatureExtractionPipeline.postprocess = postprocess
