"""A root that rounding takes away: the spline of the stochastic duration predictor is solved as a quadratic equation in the type of the
weights, and raises where its discriminant is below zero, or NaN since its square is beyond float16. In exact numbers it never is.

Default configuration, with a predictor whose last projections are drawn larger (as it is initialised, all its bins are alike). Prints in how
many of ten texts each type raises.
"""

import torch
from transformers import VitsConfig, VitsModel

torch.manual_seed(0)
predictor = VitsModel(VitsConfig()).duration_predictor.eval()
for name, parameter in predictor.named_parameters():
    if "conv_proj" in name:
        torch.nn.init.normal_(parameter)
texts = [torch.randn(1, 192, 40) for _ in range(10)]
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    predictor.to(dtype)
    raised = []
    for states in texts:
        try:
            with torch.no_grad():
                predictor(states.to(dtype), torch.ones(1, 1, 40, dtype=dtype), reverse=True)
        except ValueError as error:
            raised.append(str(error)[:32])
    print(f"{dtype}: {len(raised)} raise {set(raised)}")
