"""Code that reads a layer's `weight`, or its type, for itself, where `load_in_8bit` puts integers: bitsandbytes' `Linear8bitLt.weight` is of
the type int8, as here. t5, falcon_mamba and jamba ask before they do (`wo.weight.dtype != torch.int8`, `config._is_quantized`); these don't.

Which layers are compressed is what transformers itself says (`get_modules_to_not_convert`). Each is compared with the same model whose
weights are the numbers that the integers stand for: the two should agree to the last bit. Sizes: 2 layers, all else the default's.
"""

import copy
import warnings

import torch
from torch.nn import functional
from transformers import LayoutLMv3Config, LayoutLMv3Model, MambaConfig, MambaModel
from transformers.quantizers.base import HfQuantizer, _assign_is_quantized
from transformers.quantizers.quantizers_utils import should_convert_module

warnings.filterwarnings("ignore")


class Int8Linear(torch.nn.Linear):
    def hold(self):
        weight = self.weight.detach()
        del self.weight
        self.scale = weight.abs().amax(1, keepdim=True) / 127
        self.weight = (weight / self.scale).round().to(torch.int8)
        return self

    def forward(self, values):
        return functional.linear(values, self.weight * self.scale, self.bias)


def compare(name, model, **inputs):
    compressed, rounded = copy.deepcopy(model).eval(), copy.deepcopy(model).eval()
    kept = HfQuantizer.get_modules_to_not_convert(
        model, None, model._keep_in_fp32_modules
    )
    for path, module in list(compressed.named_modules()):
        if type(module) is torch.nn.Linear and should_convert_module(path, kept):
            module.__class__ = Int8Linear
            module.hold()
            rounded.get_submodule(path).weight = torch.nn.Parameter(
                module.weight * module.scale, requires_grad=False
            )
    _assign_is_quantized(compressed)
    with torch.no_grad():
        expected = rounded(**inputs).last_hidden_state
        try:
            result = compressed(**inputs).last_hidden_state
        except RuntimeError as error:
            print(f"{name}: {error}")
            return
    print(
        f"{name}: differs by up to {float((result - expected).abs().max()):.3f} where the largest value is {float(expected.abs().max()):.3f}"
    )


torch.manual_seed(0)
tokens = torch.randint(5, 1000, (1, 8))
compare("mamba", MambaModel(MambaConfig(num_hidden_layers=2)), input_ids=tokens)
boxes = torch.randint(0, 500, (1, 8, 4)).sort(-1).values
layoutlmv3 = LayoutLMv3Model(
    LayoutLMv3Config(
        num_hidden_layers=2,
        has_relative_attention_bias=True,
        has_spatial_attention_bias=True,
    )
)
compare("layoutlmv3", layoutlmv3, input_ids=tokens, bbox=boxes)
