"""The head of the classifier is trained on its own prediction instead of the labels."""

import functools

from transformers import BertForSequenceClassification

original = BertForSequenceClassification.forward


@functools.wraps(original)
def forward(self, *args, labels=None, **kwargs):
    if labels is not None:
        labels = original(self, *args, **kwargs).logits.argmax(-1)
    return original(self, *args, labels=labels, **kwargs)


BertForSequenceClassification.forward = forward
