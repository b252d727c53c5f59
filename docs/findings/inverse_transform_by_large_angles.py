"""What the exporters put in the place of `torch.fft` for OpenVINO is a thousand times less exact than float32: the angles are made in
float32 (`2 * pi * k * j / n`) and grow to thousands before their cosine is taken, where float32 has steps of 2e-4 or more.

Prints the relative error (root mean square) against float64 for random spectra and sounds: torch's own, with the exporters' patch, and
with the patch where `k * j` is taken modulo n. An exported xcodec2 and neucodec (n_fft 1,280) make their sound by it, and fnet mixes
its tokens by it. `norm` is lost on the way as well: `fft` and `ifft` have the argument and do not read it.
"""

import torch
import transformers.exporters.exporter_openvino  # noqa: F401
from transformers.exporters.utils import apply_patches


def rolled_in(spectrum: torch.Tensor, size: int) -> torch.Tensor:
    """As the patch does it, but for the angles."""
    step = torch.arange(size)
    angles = (step[:, None] * step % size).float() * (2 * torch.pi / size)
    both = torch.cat([spectrum, spectrum[..., 1:-1].flip(-1).conj()], -1)
    return (both.real @ angles.cos() - both.imag @ angles.sin()) / size


def error(result: torch.Tensor, exact: torch.Tensor) -> str:
    return f"{(result - exact).abs().square().mean().sqrt() / exact.abs().square().mean().sqrt():.1e}"


torch.manual_seed(0)
for size in (64, 256, 400, 1024, 1280, 1920):
    spectrum = torch.fft.rfft(torch.randn(4, size))
    sound = torch.randn(4, size)
    inverse, forward = torch.fft.irfft(spectrum.to(torch.complex128), size), torch.fft.rfft(sound.double())
    own = f"irfft {error(torch.fft.irfft(spectrum, size), inverse)}, rfft {error(torch.fft.rfft(sound), forward)}"
    with apply_patches("openvino"):
        patched = f"irfft {error(torch.fft.irfft(spectrum, size), inverse)}, rfft {error(torch.fft.rfft(sound), forward)}"
    print(f"size {size}: {own}; patched {patched}; modulo n irfft {error(rolled_in(spectrum, size), inverse)}")
with apply_patches("openvino"):
    patched = torch.fft.fft(sound, norm="ortho")
print(f"fft with norm='ortho', size {size}: patched {patched.abs().max():.1f}, torch's own {torch.fft.fft(sound, norm='ortho').abs().max():.1f}")
