#!/usr/bin/env python3
"""Writes what the nano model is evaluated on: pictures that it has not learnt from, names, and questions with four answers.

  tools/nano/evaluation.py --things things.json --glyphs DIR --out DIR [--choices 300]

DIR/names.json has the question and all names in each language; DIR/withheld.jsonl, validation.jsonl and test.jsonl have the
pictures with their things, for `lorikeet eval names`; DIR/choices/mmmb_LANGUAGE.tsv has questions about the first --choices
pictures of the test, in the form of MMMB, for `lorikeet eval mmmb`. Pictures are on white.
"""
import argparse
import base64
import csv
import hashlib
import json
import pathlib
import random

from PIL import Image

from augment import on_white
from examples import Asker
from languages import GROUP_NAMES, LANGUAGES, WHAT, answer
from styles import STYLES, split_of

SPLITS = ("withheld", "validation", "test")
MMMB = {"zh": "cn"}  # MMMB's own name for a language


def mixed(code):
    """An order that says nothing about the things."""
    return hashlib.sha256(code.encode()).hexdigest()


def write_pictures(things, glyphs, out):
    pictures = {split: [] for split in SPLITS}
    for style in STYLES:
        for path in sorted((glyphs / style).glob("*.png")):
            split = split_of(style, path.stem)
            if split not in pictures:
                continue
            name = f"pictures/{style}/{path.stem}.png"
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            on_white(Image.open(path)).save(out / name)
            pictures[split].append({"image": name, "thing": path.stem, "group": things[path.stem]["group"], "split": style})
    for split, records in pictures.items():
        records.sort(key=lambda r: (r["split"], mixed(r["thing"])))
        (out / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
        print(f"{split}: {len(records)} pictures")
    return pictures


def write_names(things, out):
    names = {language: {"question": WHAT[language][0],
                        "names": {code: answer(code, thing["names"][language]) for code, thing in things.items()}}
             for language in LANGUAGES}
    (out / "names.json").write_text(json.dumps({"languages": names}, ensure_ascii=False, indent=1) + "\n")


def write_choices(things, pictures, out):
    asker = Asker(things)
    (out / "choices").mkdir(exist_ok=True)
    for language in LANGUAGES:
        with open(out / "choices" / f"mmmb_{MMMB.get(language, language)}.tsv", "w", newline="") as file:
            table = csv.writer(file, delimiter="\t", lineterminator="\n")
            table.writerow(["index", "image", "question", "A", "B", "C", "D", "answer", "category", "l2-category"])
            for index, picture in enumerate(pictures):
                code = picture["thing"]
                question, options, letter = asker.options(code, language, random.Random(f"choices/{code}"))
                image = base64.b64encode((out / picture["image"]).read_bytes()).decode()
                category = GROUP_NAMES["en"][picture["group"]]
                table.writerow([index, image, question, *options.values(), letter, category, "names"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--things", required=True, type=pathlib.Path)
    parser.add_argument("--glyphs", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--choices", type=int, default=300)
    options = parser.parse_args()
    things = json.loads(options.things.read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = write_pictures(things, options.glyphs, options.out)
    write_names(things, options.out)
    write_choices(things, pictures["test"][:options.choices], options.out)


if __name__ == "__main__":
    main()
