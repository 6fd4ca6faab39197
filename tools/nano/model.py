#!/usr/bin/env python3
"""Writes a Parrot with random weights as a Hugging Face directory: the model that the nano recipe trains.

  tools/nano/model.py --tokenizer DIR --out DIR [--seed 1] [--hidden 192 ...]

The layout is the published one (config.json of parrot_qwen2, the tower's configuration in a folder of its own, which has no
weights: they are in model.safetensors). Matrices are normally distributed with a deviation of 1 / sqrt(inputs), those that end
a residual branch with one that is smaller by the root of their number, biases are 0 and norms 1.
"""
import argparse
import json
import math
import pathlib
import shutil

import numpy
from safetensors.numpy import save_file
from tokenizers import Tokenizer

NUMBERS = {  # what --help lists: default, meaning
    "side": (32, "side of the picture, in pixels"), "patch": (16, "side of a patch, in pixels"),
    "tower": (256, "size of the vision tower"), "tower-layers": (3, "its layers"), "tower-heads": (8, "its heads"),
    "tower-intermediate": (1024, "its intermediate size"),
    "hidden": (192, "size of the decoder"), "layers": (2, "its layers"), "heads": (4, "its heads"),
    "kv-heads": (2, "its heads of keys and values"), "intermediate": (512, "its intermediate size"),
    "experts": (6, "visual experts"), "expert-intermediate": (192, "their intermediate size"),
}
MEAN, STD = [0.85, 0.82, 0.8], [0.27, 0.28, 0.3]  # of pictures on white: what is white is nearly nothing to the tower
POSITIONS = 512
EMBEDDING = 0.05  # deviation of what a token is at first
ROUTER = 4.0      # of the router's weights, so that languages differ from the first step on
TOWER_BRANCH = 0.1  # of what the layers of the tower add at first: a shallow tower learns sooner


class Weights:
    def __init__(self, seed):
        self.random = numpy.random.Generator(numpy.random.PCG64(seed))
        self.tensors = {}

    def normal(self, name, shape, deviation):
        self.tensors[name] = (self.random.standard_normal(shape) * deviation).astype(numpy.float32)

    def matrix(self, name, outputs, inputs, scale=1.0, bias=False):
        self.normal(f"{name}.weight", (outputs, inputs), scale / math.sqrt(inputs))
        if bias:
            self.constant(f"{name}.bias", outputs, 0)

    def constant(self, name, size, value):
        self.tensors[name] = numpy.full(size, value, numpy.float32)

    def norm(self, name, size, bias=False):
        self.constant(f"{name}.weight", size, 1)
        if bias:
            self.constant(f"{name}.bias", size, 0)


def write_tower(weights, n):
    root, size = "model.vision_tower.vision_tower.vision_model", n["tower"]
    branch = TOWER_BRANCH / math.sqrt(2 * n["tower-layers"])
    pixels = 3 * n["patch"] ** 2
    weights.normal(f"{root}.embeddings.class_embedding", size, 0.1)
    weights.normal(f"{root}.embeddings.patch_embedding.weight", (size, 3, n["patch"], n["patch"]), 1 / math.sqrt(pixels))
    weights.normal(f"{root}.embeddings.position_embedding.weight", ((n["side"] // n["patch"]) ** 2 + 1, size), 0.1)
    weights.norm(f"{root}.pre_layrnorm", size, bias=True)
    for i in range(n["tower-layers"]):
        layer = f"{root}.encoder.layers.{i}"
        for name in ("q_proj", "k_proj", "v_proj"):
            weights.matrix(f"{layer}.self_attn.{name}", size, size, bias=True)
        weights.matrix(f"{layer}.self_attn.out_proj", size, size, branch, bias=True)
        weights.matrix(f"{layer}.mlp.fc1", n["tower-intermediate"], size, bias=True)
        weights.matrix(f"{layer}.mlp.fc2", size, n["tower-intermediate"], branch, bias=True)
        weights.norm(f"{layer}.layer_norm1", size, bias=True)
        weights.norm(f"{layer}.layer_norm2", size, bias=True)
    weights.norm(f"{root}.post_layernorm", size, bias=True)


def write_experts(weights, n):
    size = n["hidden"]
    weights.matrix("model.mm_projector.0", size, n["tower"], bias=True)
    weights.matrix("model.mm_projector.2", size, size, bias=True)
    weights.normal("model.moe_model.gate.weight", (n["experts"], size), ROUTER)
    for e in range(n["experts"]):
        expert = f"model.moe_model.experts.{e}"
        weights.matrix(f"{expert}.gate_proj", n["expert-intermediate"], size)
        weights.matrix(f"{expert}.up_proj", n["expert-intermediate"], size)
        weights.matrix(f"{expert}.down_proj", size, n["expert-intermediate"])


def write_decoder(weights, n, vocabulary):
    size, head = n["hidden"], n["hidden"] // n["heads"]
    branch = 1 / math.sqrt(2 * n["layers"])
    weights.normal("model.embed_tokens.weight", (vocabulary, size), EMBEDDING)
    for i in range(n["layers"]):
        layer = f"model.layers.{i}"
        weights.matrix(f"{layer}.self_attn.q_proj", size, size, bias=True)
        weights.matrix(f"{layer}.self_attn.k_proj", n["kv-heads"] * head, size, bias=True)
        weights.matrix(f"{layer}.self_attn.v_proj", n["kv-heads"] * head, size, bias=True)
        weights.matrix(f"{layer}.self_attn.o_proj", size, size, branch)
        weights.matrix(f"{layer}.mlp.gate_proj", n["intermediate"], size)
        weights.matrix(f"{layer}.mlp.up_proj", n["intermediate"], size)
        weights.matrix(f"{layer}.mlp.down_proj", size, n["intermediate"], branch)
        weights.norm(f"{layer}.input_layernorm", size)
        weights.norm(f"{layer}.post_attention_layernorm", size)
    weights.norm("model.norm", size)
    weights.matrix("lm_head", vocabulary, size)


def configurations(n, tokenizer):
    end, stop = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    config = {
        "architectures": ["ParrotQwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": stop, "eos_token_id": end,
        "hidden_act": "silu", "hidden_size": n["hidden"], "image_aspect_ratio": "pad", "initializer_range": EMBEDDING,
        "intermediate_size": n["intermediate"], "max_position_embeddings": POSITIONS, "max_window_layers": n["layers"],
        "mm_hidden_size": n["tower"], "mm_patch_merge_type": "flat", "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_feature": "cls_patch", "mm_vision_select_layer": -1, "mm_vision_tower": "vision",
        "model_type": "parrot_qwen2", "moe_hidden_size": n["hidden"], "moe_intermediate_size": n["expert-intermediate"],
        "moe_top_k": n["experts"], "moe_weight": 0.1, "num_attention_heads": n["heads"], "num_experts": n["experts"],
        "num_hidden_layers": n["layers"], "num_key_value_heads": n["kv-heads"], "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "sliding_window": POSITIONS, "tie_word_embeddings": False, "tokenizer_model_max_length": POSITIONS,
        "tokenizer_padding_side": "right", "torch_dtype": "float32", "use_cache": True, "use_mm_proj": True, "use_moe": True,
        "use_moe_residual": True, "use_sliding_window": False, "vocab_size": tokenizer.get_vocab_size(),
    }
    generation = {"bos_token_id": stop, "do_sample": False, "eos_token_id": [end, stop], "pad_token_id": stop}
    vision = {"architectures": ["CLIPVisionModel"], "model_type": "clip_vision_model", "hidden_act": "quick_gelu",
              "hidden_size": n["tower"], "image_size": n["side"], "intermediate_size": n["tower-intermediate"],
              "layer_norm_eps": 1e-5, "num_attention_heads": n["tower-heads"], "num_channels": 3,
              "num_hidden_layers": n["tower-layers"], "patch_size": n["patch"], "torch_dtype": "float32"}
    preprocessor = {"alpha_policy": "blend", "crop_size": {"height": n["side"], "width": n["side"]}, "do_center_crop": True, "do_convert_rgb": True,
                    "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": MEAN, "image_std": STD,
                    "image_processor_type": "CLIPImageProcessor", "resample": 3, "rescale_factor": 1 / 255,
                    "size": {"shortest_edge": n["side"]}}
    return {"config.json": config, "generation_config.json": generation, "preprocessor_config.json": preprocessor,
            "vision/config.json": vision, "vision/preprocessor_config.json": preprocessor}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    for name, (default, meaning) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{meaning} ({default})")
    options = parser.parse_args()
    n = {name: getattr(options, name.replace("-", "_")) for name in NUMBERS}
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    (options.out / "vision").mkdir(parents=True, exist_ok=True)
    for name, config in configurations(n, tokenizer).items():
        (options.out / name).write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (options.tokenizer / name).resolve() != (options.out / name).resolve():
            shutil.copy(options.tokenizer / name, options.out / name)
    weights = Weights(options.seed)
    write_tower(weights, n)
    write_experts(weights, n)
    write_decoder(weights, n, tokenizer.get_vocab_size())
    save_file(weights.tensors, options.out / "model.safetensors", metadata={"format": "pt"})
    count = sum(t.size for t in weights.tensors.values())
    print(f"model: {count} numbers in {len(weights.tensors)} tensors, {options.out}")


if __name__ == "__main__":
    main()
