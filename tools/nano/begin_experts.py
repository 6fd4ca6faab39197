#!/usr/bin/env python3
"""Makes a model that has learnt without its visual experts ready to learn with them.

  tools/nano/begin_experts.py --model DIR --out DIR

With experts a visual token H becomes MoE(H) + moe_weight H. What the projector gives is divided by moe_weight, the experts see as much
less of it, and what they add begins small: so the model says at first what it said without them.
"""
import argparse
import json
import pathlib
import shutil

from safetensors.numpy import load_file, save_file

BEGIN = 0.1  # of what the experts add


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
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
    save_file(tensors, options.out / "model.safetensors", metadata={"format": "pt"})
    print(f"begin_experts: {options.out}")


if __name__ == "__main__":
    main()
