#!/usr/bin/env python3
"""Writes what the nano model learns from: pictures, and questions about them in six languages with their answers.

  tools/nano/examples.py --things things.json --glyphs DIR --out DIR [--epochs 1] [--asked 1] [--seed 1] ...

In each epoch every picture that may be learnt from is met once, changed at random. DIR/captions.jsonl has each picture with the
character that it shows, and nothing else. DIR/mixed.jsonl has the same captions, and with every eight of them a text that names a thing
in all six languages and a question about a picture. DIR/conversations.jsonl has questions about each picture in as many languages as
--asked says, by turns (those about one picture follow each other), and such a text behind every eighth. All depends on these numbers and
nothing else.
"""
import argparse
import itertools
import json
import pathlib
import random

from PIL import Image

from augment import augment
from languages import (COMMA, GROUP_NAMES, GROUP_OF, IS_GROUP, IS_NAME, LANGUAGES, LETTER, NO, WHAT, WHICH_GROUP, WORDS_FOR,
                       YES, answer, emoji)
from styles import STYLES, split_of

# How often each kind of question is asked, in percent.
KINDS = {"name": 78, "group": 5, "is_name": 6, "is_group": 2, "two_turns": 4, "letter": 5}
TEXT_SHARE = 0.04  # conversations without a picture for each one with a picture


class Asker:
    def __init__(self, things):
        self.things = things
        self.codes = list(things)
        self.by_group = {}
        for code, thing in things.items():
            self.by_group.setdefault(thing["group"], []).append(code)

    def other(self, code, rng):
        """Another thing; every second time one of the same group."""
        pool = self.by_group[self.things[code]["group"]] if rng.random() < 0.5 else self.codes
        while (found := rng.choice(pool)) == code:
            pass
        return found

    def about_picture(self, code, language, rng):
        """Turns (question, answer) about a picture of the thing."""
        thing = self.things[code]
        name, group = thing["names"][language], thing["group"]
        groups = GROUP_NAMES[language]
        kind = rng.choices(list(KINDS), KINDS.values())[0]
        what = (rng.choice(WHAT[language]), answer(code, name))
        which = (rng.choice(WHICH_GROUP[language]), groups[group])
        if kind == "name":
            return [what]
        if kind == "group":
            return [which]
        if kind == "two_turns":
            return [what, which] if rng.random() < 0.5 else [which, what]
        right = rng.random() < 0.5
        verdict = (YES if right else NO)[language]
        if kind == "is_name":
            shown = name if right else self.things[self.other(code, rng)]["names"][language]
            return [(rng.choice(IS_NAME[language]).format(name=shown), verdict)]
        if kind == "is_group":
            shown = group if right else rng.choice([g for g in groups if g != group])
            return [(rng.choice(IS_GROUP[language]).format(group=groups[shown]), verdict)]
        return [self.choice(code, language, rng)]

    def choice(self, code, language, rng):
        """A question with four lettered names, and the letter."""
        question, options, letter = self.options(code, language, rng)
        lines = [question, *(f"{l}. {text}" for l, text in options.items()), LETTER[language]]
        return "\n".join(lines), letter

    def options(self, code, language, rng):
        shown = [code]
        while len(shown) < 4:
            if (other := self.other(code, rng)) not in shown:
                shown.append(other)
        rng.shuffle(shown)
        options = {letter: self.things[c]["names"][language] for letter, c in zip("ABCD", shown)}
        return WHAT[language][0], options, "ABCD"[shown.index(code)]

    def without_picture(self, rng):
        code, language = rng.choice(self.codes), rng.choice(LANGUAGES)
        thing = self.things[code]
        name = thing["names"][language]
        words = [w for w in thing["keywords"][language] if w != name]
        if rng.random() < 0.5 or not words:
            return [(GROUP_OF[language].format(name=name), GROUP_NAMES[language][thing["group"]])]
        return [(WORDS_FOR[language].format(name=name), COMMA[language].join(words[:3]))]


def names_of_all(things, seed):
    """Texts without end: a thing asked about and named in all languages, every thing once before one comes again."""
    for turn in itertools.count():
        rng = random.Random(f"{seed}/names/{turn}")
        codes = list(things)
        rng.shuffle(codes)
        for code in codes:
            order = rng.sample(LANGUAGES, len(LANGUAGES))
            named = [f"{rng.choice(WHAT[language])} {answer(code, things[code]['names'][language])}" for language in order]
            yield {"text": "\n".join(named)}


def languages_of(style, code, epoch, asked, seed):
    """Of an epoch: in six languages' worth of questions about a picture each language has its turn once."""
    order = []
    for turn in range(epoch * asked, (epoch + 1) * asked):
        rounds, place = divmod(turn, len(LANGUAGES))
        shuffled = list(LANGUAGES)
        random.Random(f"{seed}/{style}/{code}/{rounds}").shuffle(shuffled)
        order.append(shuffled[place])
    return order


def record(turns, image=None):
    messages = []
    for question, answer in turns:
        picture = "<image>\n" if image and not messages else ""
        messages += [{"role": "user", "content": picture + question}, {"role": "assistant", "content": answer}]
    return {**({"image": image} if image else {}), "messages": messages}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--things", required=True, type=pathlib.Path)
    parser.add_argument("--glyphs", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--asked", type=int, default=1)
    parser.add_argument("--changed-much", type=float, default=0.15, help="share of the pictures that are changed much (0.15)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    things = json.loads(options.things.read_text())
    asker, texts = Asker(things), names_of_all(things, options.seed)
    glyphs = sorted(p for style in STYLES for p in (options.glyphs / style).glob("*.png")
                    if split_of(style, p.stem) == "train")
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = conversations = 0
    with (open(options.out / "captions.jsonl", "w") as captions, open(options.out / "mixed.jsonl", "w") as mixed,
          open(options.out / "conversations.jsonl", "w") as asked):
        def write(one, *files):
            for file in files:
                file.write(json.dumps(one, ensure_ascii=False) + "\n")

        for epoch in range(options.epochs):
            order = list(glyphs)
            random.Random(f"{options.seed}/{epoch}").shuffle(order)
            for path in order:
                style, code = path.parent.name, path.stem
                rng = random.Random(f"{options.seed}/{epoch}/{style}/{code}")
                name = f"pictures/{epoch}/{style}/{code}.png"
                (options.out / name).parent.mkdir(parents=True, exist_ok=True)
                picture = augment(Image.open(path), rng, not STYLES[style].colours, options.changed_much)
                picture.save(options.out / name, compress_level=1)
                write({"image": name, "text": emoji(code)}, captions, mixed)
                for language in languages_of(style, code, epoch, options.asked, options.seed):
                    write(record(asker.about_picture(code, language, rng), name), asked)
                    conversations += 1
                    if conversations % 8 == 0:
                        write(next(texts), asked)
                    if rng.random() < TEXT_SHARE:
                        write(record(asker.without_picture(rng)), asked)
                if pictures % 8 == 3:
                    write(next(texts), mixed)
                elif pictures % 8 == 7:
                    write(record(asker.about_picture(code, LANGUAGES[pictures // 8 % len(LANGUAGES)], rng), name), mixed)
                pictures += 1
    print(f"examples: {conversations} conversations about {pictures} pictures, {options.epochs} epochs, seed {options.seed}")


if __name__ == "__main__":
    main()
