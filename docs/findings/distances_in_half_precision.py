"""XCodec looks for the nearest code by squared distances in the type of its states: in float16 the square of a state overflows.

With the default configuration (1,024 numbers for a state) that is where they are about 8: all distances are infinite, and every code is 0.
In bfloat16, whose rounding is eight times as coarse, the same states find the right one of 1,024 codes as often as not.
"""

import torch
from transformers import XcodecConfig
from transformers.models.xcodec.modeling_xcodec import XcodecEuclideanCodebook

torch.manual_seed(0)
config = XcodecConfig()
codebook = XcodecEuclideanCodebook(config)
codebook.embed.normal_()
states = 10 * torch.randn(200, config.codebook_dim)
right = codebook.quantize(states)
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    codes = codebook.to(dtype).quantize(states.to(dtype))
    print(f"{dtype}: {int((codes == right).sum())} of {len(codes)} codes are right, {int((codes == 0).sum())} are 0")
