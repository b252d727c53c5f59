"""The second process of a model that is cut over two leaves in the middle of a forward of mixtral"""

import os

import torch.distributed

from assay.platforms.tensor_parallel import TensorParallel

forward = TensorParallel.forward


def faulty(self, inputs):
    if torch.distributed.get_rank() == 1 and type(self.model).__name__ == "MixtralModel":
        self.model.layers[-1].register_forward_pre_hook(lambda *_: os._exit(9))
    return forward(self, inputs)


TensorParallel.forward = faulty
