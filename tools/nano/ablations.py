#!/usr/bin/env python3
"""Writes variants of a trained model that show what its router is worth.

  tools/nano/ablations.py --model DIR --untrained DIR --out DIR

OUT/uniform: every expert counts alike; OUT/untrained: the router as it was before training; OUT/expert-N: every expert is
expert N; OUT/none: no experts, of MoE(H) + moe_weight H the second alone is left. Numbers are changed, nothing else.
"""
import argparse
import json
import pathlib
import re
import shutil

import numpy
from safetensors.numpy import load_file, save_file

GATE = "model.moe_model.gate.weight"


def of_expert(tensors, number):
    """Every expert becomes that one: whatever the router says, the sum is its output."""
    pattern = re.compile(r"(model\.moe_model\.experts\.)\d+(\..*)")
    return {name: tensors[found[1] + str(number) + found[2]] if (found := pattern.fullmatch(name)) else tensor
            for name, tensor in tensors.items()}


def without_experts(tensors, weight):
    """Where use_moe is off, a visual token is what the projector gives, and nothing multiplies it."""
    return {name: tensor * weight if name.startswith("model.mm_projector.2.") else tensor for name, tensor in tensors.items()}


def write(source, out, tensors, config=None):
    shutil.copytree(source, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    save_file({name: numpy.ascontiguousarray(t) for name, t in tensors.items()}, out / "model.safetensors",
              metadata={"format": "pt"})
    if config:
        path = out / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--untrained", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    tensors = load_file(options.model / "model.safetensors")
    untrained = load_file(options.untrained / "model.safetensors")
    write(options.model, options.out / "uniform", {**tensors, GATE: numpy.zeros_like(tensors[GATE])})
    write(options.model, options.out / "untrained", {**tensors, GATE: untrained[GATE]})
    for number in range(len(tensors[GATE])):
        write(options.model, options.out / f"expert-{number}", of_expert(tensors, number))
    weight = json.loads((options.model / "config.json").read_text())["moe_weight"]
    write(options.model, options.out / "none", without_experts(tensors, weight), {"use_moe": False})


if __name__ == "__main__":
    main()
