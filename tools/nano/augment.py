"""A picture as it might be met: on a background, moved, turned, in other colours, blurred, compressed."""
import io
import math

import numpy
from PIL import Image, ImageEnhance, ImageFilter

SIDE = 64  # pixels


def on_white(glyph):
    """The picture as it is, on white: what evaluation shows."""
    page = Image.new("RGB", glyph.size, "white")
    page.paste(glyph, mask=glyph.getchannel("A"))
    return page


def background(rng, light):
    """White more often than not; else one colour, two that run into each other, or patches."""
    def colour():
        return tuple(rng.randrange(120 if light else 0, 256) for _ in range(3))

    kind = rng.random()
    if kind < 0.5:
        return Image.new("RGB", (SIDE, SIDE), "white")
    if kind < 0.7:
        return Image.new("RGB", (SIDE, SIDE), colour())
    cells = 2 if kind < 0.85 else rng.randrange(3, 9)
    patches = Image.new("RGB", (cells, cells))
    patches.putdata([colour() for _ in range(cells * cells)])
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST)
    return patches.resize((SIDE, SIDE), rng.choice(filters))


def outlined(glyph, rng):
    """Dark lines where colours or the shape end."""
    alpha = glyph.getchannel("A")
    edges = glyph.convert("RGB").filter(ImageFilter.FIND_EDGES).convert("L")
    shape = alpha.filter(ImageFilter.FIND_EDGES)
    lines = numpy.maximum(numpy.asarray(edges, dtype=float) * rng.uniform(1, 3), numpy.asarray(shape, dtype=float))
    lines = numpy.clip(lines, 0, 255).astype(numpy.uint8)
    lines[[0, -1], :] = lines[:, [0, -1]] = 0  # where the picture ends is no edge
    ink = Image.new("RGBA", glyph.size, (rng.randrange(50),) * 3 + (255,))
    return Image.composite(ink, glyph, Image.fromarray(lines))


def moved(glyph, rng, much):
    """Where most of it is seen: turned by up to 15 degrees and 0.6 to 1.1 times as large, or by up to 6 and 0.85 to 1.05 times."""
    scale = rng.uniform(0.6, 1.1) if much else rng.uniform(0.85, 1.05)
    angle = math.radians(rng.uniform(-15, 15) if much else rng.uniform(-6, 6))
    stretch = rng.uniform(0.9, 1.1) if much else 1.0
    room = max(4.0, SIDE * (1 - scale)) / 2 if much else 3.0
    dx, dy = rng.uniform(-room, room), rng.uniform(-room, room)
    a, b = math.cos(angle) / scale, math.sin(angle) / scale
    middle = SIDE / 2
    x, y = -(middle + dx), -(middle + dy)
    matrix = (a * stretch, b * stretch, (a * x + b * y) * stretch + middle, -b, a, -b * x + a * y + middle)
    return glyph.transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def augment(glyph, rng, light, much_share):
    """The picture of 64 x 64 pixels that `rng` makes of a glyph with alpha: a share of them is changed much, the others a little and
    on white. `light`: what is drawn in black needs light behind it."""
    much = rng.random() < much_share
    if rng.random() < (0.2 if much else 0.15):
        glyph = outlined(glyph, rng)
    glyph = moved(glyph, rng, much)
    page = background(rng, light) if much else Image.new("RGB", (SIDE, SIDE), "white")
    page.paste(glyph, mask=glyph.getchannel("A"))
    page = ImageEnhance.Brightness(page).enhance(rng.uniform(0.8, 1.2) if much else rng.uniform(0.85, 1.15))
    page = ImageEnhance.Color(page).enhance(rng.uniform(0.3, 1.3))
    if not much:
        return page
    page = ImageEnhance.Contrast(page).enhance(rng.uniform(0.8, 1.2))
    if rng.random() < 0.2:
        page = page.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.3:
        packed = io.BytesIO()
        page.save(packed, "JPEG", quality=rng.randrange(40, 95))
        page = Image.open(packed).convert("RGB")
    return page
