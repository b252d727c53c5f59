"""A refactoring: the pooler's layer goes by another name."""

from transformers.models.bert.modeling_bert import BertPooler

initialise = BertPooler.__init__


def __init__(self, config):
    initialise(self, config)
    self.densely = self.dense
    del self.dense


def forward(self, hidden_states):
    return self.activation(self.densely(hidden_states[:, 0]))


BertPooler.__init__ = __init__
BertPooler.forward = forward
