#!/usr/bin/env python3
"""Draws every thing in every style as a PNG of 64 x 64 pixels with alpha.

  tools/nano/glyphs.py --packages DIR --things things.json --out DIR

Writes DIR/STYLE/CODE.png and, for each style, how many of the things it has.
"""
import argparse
import collections
import io
import json
import pathlib
import re
import sys

import resvg_py
from PIL import Image

import packages
from styles import STYLES
from things import code_of, text_of

SIDE = 64  # pixels
COLOUR = re.compile(r"\b(red|orange|yellow|green|blue|purple|brown|black|white|grey|gray|pink)\b")


def plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def names_to_codes(things):
    """What pictures may be called; names that two things share count for none but the thing that is named so itself."""
    owners = collections.defaultdict(set)
    for code, thing in things.items():
        for alias in thing["aliases"]:
            owners[plain(alias)].add(code)
    codes = {name: next(iter(of)) for name, of in owners.items() if len(of) == 1}
    codes.update({plain(thing["names"]["en"]): code for code, thing in things.items()})
    return codes


def svg_of(icons, name):
    icon = icons["icons"][name]
    left, top = icon.get("left", 0), icon.get("top", 0)
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}" color="black">{icon["body"]}</svg>')


def draw(svg):
    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png)))


def icon_pictures(folder, things):
    """Code -> SVG. Packages that tell code points are asked first, then names."""
    icons = json.loads((folder / "icons.json").read_text())
    chars = json.loads((folder / "chars.json").read_text()) if (folder / "chars.json").exists() else {}
    parents = {alias: entry["parent"] for alias, entry in icons.get("aliases", {}).items() if list(entry) == ["parent"]}
    found = {}
    for unified, name in chars.items():
        code = code_of(text_of(unified))
        if code in things:
            found.setdefault(code, name)
    codes = names_to_codes(things)
    for name in [*icons["icons"], *parents]:
        code = codes.get(plain(name)) or codes.get(plain(re.sub(r"-\d$", "", name)))
        if code:
            found.setdefault(code, name)
    pictures = {code: parents.get(name, name) for code, name in found.items()}
    return {code: svg_of(icons, name) for code, name in pictures.items() if name in icons["icons"]}


def file_pictures(folder, things):
    found = {}
    for path in sorted(folder.iterdir()):
        code = code_of(text_of(path.stem)) if re.fullmatch("[0-9a-f-]+", path.stem) else None
        if code in things:
            found.setdefault(code, path)
    return found


def fit(picture):
    """In the middle of a transparent square, as large as it goes."""
    picture = picture.convert("RGBA")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return square


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", required=True, type=pathlib.Path)
    parser.add_argument("--things", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    things = json.loads(options.things.read_text())
    for name, style in STYLES.items():
        source = packages.folder(options.packages, style.package)
        if not source.is_dir():
            sys.exit(f"glyphs.py: the package {style.package} is not in {options.packages}; run packages.py first.")
        target = options.out / name
        target.mkdir(parents=True, exist_ok=True)
        icons = style.pictures == "icons"
        found = icon_pictures(source, things) if icons else file_pictures(source / style.pictures, things)
        if not style.colours:
            found = {code: p for code, p in found.items() if not COLOUR.search(things[code]["names"]["en"])}
        empty = 0
        for code, picture in sorted(found.items()):
            drawn = fit(draw(picture) if icons else Image.open(picture))
            if drawn.getchannel("A").getextrema()[1] == 0:
                empty += 1
                continue
            drawn.save(target / f"{code}.png")
        print(f"{name}: {len(found) - empty} of {len(things)} things ({style.licence}, {style.role})", flush=True)


if __name__ == "__main__":
    main()
