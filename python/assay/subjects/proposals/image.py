"""Images and videos: the layouts in which models take pixels, the likeliest first."""

from __future__ import annotations

from assay.subjects.proposals.context import Context
from assay.subjects.shrinking.editing import integer
from assay.subjects.specs import InputSpec

GRIDS = ("image_grid_thw", "grid_thw", "image_grid_hw")
SIDES = (32, 64, 128, 224, 256)
Layout = list[InputSpec]


def layouts(c: Context, name: str) -> list[Layout]:
    """Ways to feed the argument `name`, with what goes with it."""
    video = "video" in name
    found: list[Layout] = []
    if video or _frames(c):
        found += _videos(c, name)
    packed = _packed(c, name)
    found = found + packed if video and not packed else packed + found
    found += _with_geometry(c, name)
    height, width = c.image
    found += _plain(c, name, height, width)
    for side in SIDES:
        if side != height:
            found += _plain(c, name, side, side)[:1]
    return c.own(name) + [[spec for spec in layout if spec.name == name or c.takes(spec.name)] for layout in found]


def _pixels(name: str, *shape: int, packed: bool = False) -> InputSpec:
    return InputSpec(name, "pixels", "float32", shape, packed=packed)


def _fixed(name: str, values: object, *shape: int, dtype: str = "int64", packed: bool = False) -> InputSpec:
    return InputSpec(name, "geometry", dtype, shape, values=values, packed=packed)


def _frames(c: Context) -> int | None:
    frames = c.value([c.vision, c.config], "num_frames", "frames_per_clip")
    if integer(frames):
        return frames
    return 2 * c.temporal if hasattr(c.config, "tubelet_size") else None


def _videos(c: Context, name: str) -> list[Layout]:
    frames = _frames(c) or 2 * c.temporal
    height, width = c.image
    return [[_pixels(name, frames, c.channels, height, width)], [_pixels(name, c.channels, frames, height, width)]]


def _packed(c: Context, name: str) -> list[Layout]:
    """Patches of all images end to end, with the grid of each image."""
    grid = next((argument for argument in c.arguments if argument in GRIDS), None)
    if "video" in name:
        grid = "video_grid_thw" if c.takes("video_grid_thw") else None
    if grid is None:
        return []
    side = 2 * max(2, c.merge)
    count, flat = side * side, c.channels * c.patch * c.patch
    values = [[1, side, side]] if "thw" in grid else [[side, side]]
    extra = [_fixed(grid, values, 1, len(values[0]), packed=True)]
    for merge in ("merge_sizes", "image_merge_sizes", "video_merge_sizes"):
        if c.takes(merge):
            extra.append(_fixed(merge, [c.merge], 1, packed=True))
    flats = dict.fromkeys((flat * c.temporal, flat))
    shapes = [(count, width) for width in flats] + [
        (count, c.channels, c.patch, c.patch),
        (count, c.channels, c.temporal, c.patch, c.patch),
        (count, c.merge * c.patch, c.merge * c.patch, c.channels),
    ]
    found = [[_pixels(name, *shape, packed=True), *extra] for shape in shapes]
    found.append([_pixels(name, count, flat), *extra])
    found.append([_pixels(name, c.channels, *c.image), *extra])
    return found


def _with_geometry(c: Context, name: str) -> list[Layout]:
    """Patches or tiles with their shapes, positions and masks."""
    found: list[Layout] = []
    height, width = c.image
    side = 2 * max(1, c.merge)
    count, flat = side * side, c.channels * c.patch * c.patch
    if c.takes("spatial_shapes"):
        for mask in ("pixel_attention_mask", "patch_attention_mask", "attention_mask"):
            if c.takes(mask):
                shapes = _fixed("spatial_shapes", [side, side], 2)
                found.append([_pixels(name, count, flat), shapes, InputSpec(mask, "pixel_mask", "int64", (count,), values=1)])
        found.append([_pixels(name, count, flat), _fixed("spatial_shapes", [side, side], 2)])
    for positions in ("image_position_ids", "pixel_position_ids", "video_position_ids"):
        if c.takes(positions):
            values = [[column, row] for row in range(side) for column in range(side)]
            found.append([InputSpec(name, "unit", "float32", (count, flat)), _fixed(positions, values, count, 2)])
            frames = _frames(c) or 2
            found.append(
                [InputSpec(name, "unit", "float32", (frames, count, flat)), _fixed(positions, [values] * frames, frames, count, 2)]
            )
    for sizes in ("tgt_sizes", "target_sizes"):
        if c.takes(sizes):
            found.append([_pixels(name, c.channels, c.patch, 16 * c.patch), _fixed(sizes, [4, 4], 2)])
            found.append([_pixels(name, 16, flat), _fixed(sizes, [4, 4], 2)])
    if c.takes("aspect_ratio_ids"):
        tiles = c.value([c.vision, c.config], "max_num_tiles", default=4)
        found.append(
            [
                _pixels(name, 1, tiles, c.channels, height, width),
                _fixed("aspect_ratio_ids", 1, 1),
                _fixed("aspect_ratio_mask", 1, 1, tiles),
                _fixed("cross_attention_mask", 1, c.length, 1, tiles),
            ]
        )
    if name == "flattened_patches":
        # Each begins with its row and its column.
        found.append([InputSpec(name, "unit", "float32", (count, 2 + flat))])
    if c.takes("image_attention_mask") and c.takes("image_sizes"):
        # An image as a whole, and its one tile.
        mask = InputSpec("image_attention_mask", "pixel_mask", "bool", (2, height // c.patch, width // c.patch), values=True)
        found.append([_pixels(name, 2, c.channels, height, width), mask, _fixed("image_sizes", [height, width], 2)])
    if c.takes("image_sizes"):
        sizes = _fixed("image_sizes", [height, width], 2)
        found += [[_pixels(name, *tiles, c.channels, height, width), sizes] for tiles in ((), (3,), (5,))]
    return found


def _plain(c: Context, name: str, height: int, width: int) -> list[Layout]:
    extra: Layout = []
    if c.takes("input_points") and c.takes("multimask_output"):
        extra = points(height)
    if c.takes("image_sizes"):
        extra.append(_fixed("image_sizes", [height, width], 2))
    channels = c.channels
    side = 2 * max(1, c.merge)
    flat = channels * c.patch * c.patch
    found = [
        [_pixels(name, channels, height, width), *extra],
        [_pixels(name, channels, height, width)],
        [_pixels(name, 1, channels, height, width), *extra],
        [_pixels(name, 2, channels, height, width), *extra],
        [_pixels(name, side * side, flat, packed=True)],
        [_pixels(name, side * side, flat)],
    ]
    if c.temporal > 1:
        found.append([_pixels(name, 4, c.temporal, c.patch, c.patch, channels, packed=True)])
    if c.takes("prompt_masks"):
        halves = [
            InputSpec(other, "pixels", "float32", (channels, height // 2, width)) for other in ("prompt_pixel_values", "prompt_masks")
        ]
        found.insert(0, [_pixels(name, channels, height // 2, width), *halves])
    if c.takes("pixel_attention_mask"):
        cameras = InputSpec("pixel_attention_mask", "pixel_mask", "bool", (1,), values=True)
        found.insert(1, [_pixels(name, 1, channels, height, width), cameras, *extra])
        mask = InputSpec("pixel_attention_mask", "pixel_mask", "bool", (1, height, width), values=True)
        found.insert(1, [_pixels(name, 1, channels, height, width), mask, *extra])
    return found


def points(side: int) -> Layout:
    """Prompts of a mask generator: a point of the object and one of the background."""
    return [
        InputSpec("input_points", "points", "float32", (1, 2, 2), high=side),
        InputSpec("input_labels", "labels", "int32", (1, 2), values=[[1, 0]]),
    ]
