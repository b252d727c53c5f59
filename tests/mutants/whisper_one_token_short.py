"""Generation stops one token before the number that was asked for."""

import functools

from transformers.generation import stopping_criteria

original = stopping_criteria.MaxLengthCriteria.__call__


@functools.wraps(original)
def called(self, input_ids, scores, **kwargs):
    self.max_length -= 1
    try:
        return original(self, input_ids, scores, **kwargs)
    finally:
        self.max_length += 1


stopping_criteria.MaxLengthCriteria.__call__ = called
