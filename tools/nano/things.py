#!/usr/bin/env python3
"""Writes the things that have a picture, and a name and keywords in six languages.

  tools/nano/things.py --packages DIR --out things.json

A thing's code is its code points in hexadecimal, as in 1f431; tones of skin are left out. {"code": {"group": "animals",
"names": {"en": "cat face", ...}, "keywords": {"en": ["cat", "face", "pet"], ...}, "aliases": ["cat"]}}: aliases are further
names that packages of pictures use.
"""
import argparse
import json
import pathlib
import unicodedata

import packages
from languages import GROUPS, LANGUAGES

PLAIN = "\ufe0f"  # asks for a coloured picture; not a part of what is named


def code_of(text):
    return "-".join(f"{ord(c):x}" for c in text if c != PLAIN)


def text_of(unified):
    return "".join(chr(int(part, 16)) for part in unified.split("-"))


def icon_names(folder):
    """Names of pictures by code, where a package of pictures tells the codes."""
    icons = json.loads((folder / "icons.json").read_text())
    chars = json.loads((folder / "chars.json").read_text())
    codes = {name: code_of(text_of(unified)) for unified, name in chars.items()}
    for alias, entry in icons.get("aliases", {}).items():
        if list(entry) == ["parent"] and entry["parent"] in codes:
            codes.setdefault(alias, codes[entry["parent"]])
    return codes


def read(root):
    annotations = {}
    for language in LANGUAGES:
        path = packages.folder(root, "cldr-annotations-full") / "annotations" / language / "annotations.json"
        annotations[language] = json.loads(path.read_text())["annotations"]["annotations"]
    things = {}
    for entry in json.loads((packages.folder(root, "emoji-datasource-google") / "emoji.json").read_text()):
        text = text_of(entry["unified"]).replace(PLAIN, "")
        group = GROUPS.get(entry["category"])
        said = {language: annotations[language].get(text, {}) for language in LANGUAGES}
        if group is None or not all("tts" in s for s in said.values()):
            continue
        aliases = [entry["name"] or ""] + entry["short_names"]
        if len(text) == 1:
            aliases.append(unicodedata.name(text, ""))
        things[code_of(text)] = {
            "group": group["id"],
            "names": {language: s["tts"][0] for language, s in said.items()},
            "keywords": {language: s.get("default", []) for language, s in said.items()},
            "aliases": [a for a in aliases if a],
        }
    for name in ("noto", "twemoji", "fluent-emoji-flat"):
        for alias, code in icon_names(packages.folder(root, f"@iconify-json/{name}")).items():
            if code in things:
                things[code]["aliases"].append(alias)
    return dict(sorted(things.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    things = read(options.packages)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(things, ensure_ascii=False, indent=1) + "\n")
    print(f"things: {len(things)}")


if __name__ == "__main__":
    main()
