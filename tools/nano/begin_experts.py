#!/usr/bin/env python3
"""Makes a model that has learnt without its visual experts ready to learn with them.

  tools/nano/begin_experts.py --model DIR --things things.json --out DIR

With experts a visual token H becomes MoE(H) + moe_weight H. What the projector gives is divided by moe_weight, the experts see as much
less of it, and what they add begins small: so the model says at first what it said without them.

The router's input is a mean of the prompt's token embeddings, weighted by attention, so each token has a vote of its own. The router
begins with weights by which the words of a language vote for that language's expert, and the words that all prompts have do not vote.
"""
import argparse
import json
import pathlib
import shutil

import numpy
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from languages import IS_GROUP, IS_NAME, LANGUAGES, LETTER, WHAT, WHICH_GROUP

BEGIN = 0.1  # of what the experts add
VOTE = 40.0  # of a token that only one language has, in logits of the router; attention gives all such tokens a tenth or so
FRAME = ("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n\n<|im_end|>\n"
         "<|im_start|>assistant\n")


def texts_of(things, language):
    """Texts of a language, and how much the tokens of each count."""
    asked = WHAT[language] + WHICH_GROUP[language] + [LETTER[language]]
    asked += [text.format(name="", group="") for text in IS_NAME[language] + IS_GROUP[language]]
    return [("\n" + text, 1.0) for text in asked] + [(" " + thing["names"][language], 0.005) for thing in things.values()]


def router(tokenizer, embeddings, things):
    """Least squares: what a token votes for is the share that each language has of it, less the mean."""
    counts = numpy.zeros((len(embeddings), len(LANGUAGES)))
    for place, language in enumerate(LANGUAGES):
        for text, weight in texts_of(things, language):
            numpy.add.at(counts[:, place], tokenizer.encode(text).ids, weight)
    weights = counts.sum(1)
    votes = counts / numpy.maximum(weights, 1e-9)[:, None] - 1 / len(LANGUAGES)
    frame = list(set(tokenizer.encode(FRAME).ids))
    weights[frame], votes[frame] = 1000.0, 0.0
    squares = embeddings.T @ (embeddings * weights[:, None])
    squares += 1e-3 * numpy.trace(squares) / len(squares) * numpy.eye(len(squares))
    return VOTE * numpy.linalg.solve(squares, embeddings.T @ (votes * weights[:, None])).T


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--things", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    weight = json.loads((options.model / "config.json").read_text())["moe_weight"]
    shutil.copytree(options.model, options.out, dirs_exist_ok=True)
    tensors = load_file(options.model / "model.safetensors")
    for name, tensor in tensors.items():
        if name.startswith("model.mm_projector.2."):
            tensor /= weight
        elif name.endswith((".gate_proj.weight", ".up_proj.weight")) and ".experts." in name:
            tensor *= weight
        elif name.endswith(".down_proj.weight") and ".experts." in name:
            tensor *= BEGIN
    gate = router(Tokenizer.from_file(str(options.model / "tokenizer.json")),
                  tensors["model.embed_tokens.weight"].astype(float), json.loads(options.things.read_text()))
    tensors["model.moe_model.gate.weight"] = numpy.ascontiguousarray(gate, numpy.float32)  # a view would be stored wrong
    save_file(tensors, options.out / "model.safetensors", metadata={"format": "pt"})
    print(f"begin_experts: {options.out}")


if __name__ == "__main__":
    main()
