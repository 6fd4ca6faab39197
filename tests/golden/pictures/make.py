# Makes the small pictures of this folder, all of 7 x 5 pixels unless said otherwise. Needs Pillow.
#   red 30 x, green 50 y, blue 8 (x + y); gray 30 x + 10 y; alpha 255 - 40 x; 16 bits: these in the high byte, 0x81 in the low
import struct
import zlib

from PIL import Image

W, H = 7, 5


def rgb(x, y): return (30 * x, 50 * y, 8 * (x + y))
def gray(x, y): return 30 * x + 10 * y
def alpha(x, y): return 255 - 40 * x


def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, extra=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunks)


def rows(pixel, columns=range(W), lines=range(H)):
    return b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in columns) for y in lines)


def wide(values): return [byte for value in values for byte in (value, 0x81)]


png("gray.png", W, H, 8, 0, rows(lambda x, y: [gray(x, y)]))
png("gray_alpha.png", W, H, 8, 4, rows(lambda x, y: [gray(x, y), alpha(x, y)]))
png("rgba.png", W, H, 8, 6, rows(lambda x, y: [*rgb(x, y), alpha(x, y)]))
png("gray16.png", W, H, 16, 0, rows(lambda x, y: wide([gray(x, y)])))
png("rgb16.png", W, H, 16, 2, rows(lambda x, y: wide(rgb(x, y))))
png("rgba16.png", W, H, 16, 6, rows(lambda x, y: wide([*rgb(x, y), alpha(x, y)])))
palette = bytes(value for y in range(H) for x in range(W) for value in rgb(x, y))
opaque = chunk(b"PLTE", palette)
transparent = opaque + chunk(b"tRNS", bytes(alpha(x, y) for y in range(H) for x in range(W)))
png("palette.png", W, H, 8, 3, rows(lambda x, y: [y * W + x]), opaque)
png("palette_alpha.png", W, H, 8, 3, rows(lambda x, y: [y * W + x]), transparent)
passes = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
png("interlaced.png", W, H, 8, 2, b"".join(rows(rgb, range(x, W, dx), range(y, H, dy)) for x, dx, y, dy in passes), interlaced=1)
png("wide.png", 3000, 1, 8, 2, rows(lambda x, y: rgb(x % W, y), range(3000), range(1)))
png("bomb.png", 1, 1, 8, 2, bytes(8 << 20))  # 1 x 1 pixel in 8 MiB of rows

picture = Image.new("RGB", (W, H))
picture.putdata([rgb(x, y) for y in range(H) for x in range(W)])
picture.save("rgb.bmp")
indexed = Image.new("P", (W, H))
indexed.putpalette(palette)
indexed.putdata(list(range(W * H)))
indexed.save("moving.gif", save_all=True, append_images=[indexed.transpose(Image.Transpose.ROTATE_180)], duration=100)

# 24 x 16 pixels in six plain blocks of 8 x 8, so that the coefficients of JPEG hold them well.
blocks = Image.new("RGB", (24, 16))
for i, colour in enumerate([(250, 10, 10), (10, 250, 10), (10, 10, 250), (240, 240, 10), (10, 240, 240), (240, 10, 240)]):
    blocks.paste(colour, (i % 3 * 8, i // 3 * 8, i % 3 * 8 + 8, i // 3 * 8 + 8))
blocks.save("blocks.jpg", quality=98, subsampling=0)
blocks.save("progressive.jpg", quality=98, subsampling=0, progressive=True)

# What the formulas say is what Pillow reads (16-bit gray apart, which it cuts off at 255).
for name in ["rgba", "rgb16", "palette", "palette_alpha", "interlaced"]:
    assert list(Image.open(name + ".png").convert("RGB").getdata()) == list(picture.getdata()), name
for name in ["rgb.bmp", "moving.gif"]:
    assert list(Image.open(name).convert("RGB").getdata()) == list(picture.getdata()), name
for name in ["gray", "gray_alpha"]:
    assert [p[0] for p in Image.open(name + ".png").convert("RGB").getdata()] == [gray(x, y) for y in range(H) for x in range(W)], name
