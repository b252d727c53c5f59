"""The runner of exported programs reads the order of the inputs where that of the positional ones stands."""

import functools

from transformers.exporters.runners import runner_dynamo

original = runner_dynamo.DynamoModelRunner.__init__


@functools.wraps(original)
def init(self, module, metadata):
    original(self, module, metadata)
    self.traced_kwarg_order = runner_dynamo.load_treespec(metadata.in_spec).children_specs[0].context["names"]


runner_dynamo.DynamoModelRunner.__init__ = init
