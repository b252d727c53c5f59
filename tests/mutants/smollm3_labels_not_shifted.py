"""The loss of a causal model compares the scores at each token with the token itself."""

from torch.nn.functional import cross_entropy
from transformers.loss import loss_utils


def loss(logits, labels, vocab_size, ignore_index=-100, **kwargs):
    return cross_entropy(logits.float().view(-1, vocab_size), labels.view(-1), ignore_index=ignore_index)


loss_utils.LOSS_MAPPING["ForCausalLM"] = loss
