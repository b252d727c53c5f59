"""A box that reaches over the whole page has no size in float16: `inverse_sigmoid` divides by 1e-5 at least, and 1 / 1e-5 is beyond float16,
so that its logarithm is infinite and not 11.5. Other detectors take it of a sigmoid's values; PP-DocLayout's third version takes it of boxes
around its masks, whose sides are 1 where a mask touches both borders.

Default configuration, a small page. Prints how many of the first reference points are infinite.
"""

import torch
from transformers import PPDocLayoutV3Config, PPDocLayoutV3Model
from transformers.models.pp_doclayout_v3.modeling_pp_doclayout_v3 import inverse_sigmoid

torch.manual_seed(0)
page = torch.randn(1, 3, 160, 160)
model = PPDocLayoutV3Model(PPDocLayoutV3Config()).eval()
for parameter in model.parameters():
    if parameter.ndim > 1:  # as they are initialised, the masks are empty
        torch.nn.init.kaiming_normal_(parameter)
for dtype in (torch.float32, torch.float16):
    with torch.no_grad():
        points = model.to(dtype)(page.to(dtype)).init_reference_points
    one = inverse_sigmoid(torch.ones((), dtype=dtype))
    print(f"{dtype}: inverse_sigmoid(1) is {float(one):.2f}; {int(points.isinf().sum())} of {points.numel()} reference points are infinite")
