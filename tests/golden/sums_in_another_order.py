"""Another machine: every linear layer adds up its products in two halves, from the last to the first."""

import torch


def forward(self, input):
    half = self.in_features // 2
    output = input[..., half:].flip(-1) @ self.weight[:, half:].flip(-1).T + input[..., :half].flip(-1) @ self.weight[:, :half].flip(-1).T
    return output if self.bias is None else output + self.bias


torch.nn.Linear.forward = forward
