"""The runner of exported programs gives out the answer of the call before, if its shapes are the same."""

import functools

from transformers.exporters.runners import runner_dynamo

original = runner_dynamo.DynamoModelRunner.__call__


@functools.wraps(original)
def call(self, *args, **kwargs):
    answer = original(self, *args, **kwargs)
    before, self.before = getattr(self, "before", answer), answer
    return before


runner_dynamo.DynamoModelRunner.__call__ = call
