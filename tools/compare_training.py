#!/usr/bin/env python3
"""Training tokens/s of lorikeet beside those of PyTorch on the same cores: a plain LoRA on the feed-forward layers.

  tools/compare_training.py -m MODEL.gguf [--program build/release/tools/lorikeet] [--rank 8] [--threads N] [--seconds 30]

PyTorch (any version with scaled_dot_product_attention; `pip install torch`) gets a model of the same shape with random
weights in f32: what the numbers are does not change the time. Both take steps over 4 x 256 tokens. Run it on a calm machine,
and under tools/with-device.sh lavapipe to compare cores with cores.
"""
import argparse
import json
import math
import os
import re
import subprocess
import time

SEQUENCES, TOKENS = 4, 256
DROPOUT = 0.05


def shape_of(program, model):
    text = subprocess.run([program, "inspect", "-m", model], check=True, capture_output=True, text=True).stdout
    def number(key):
        found = re.search(rf"^  \w+\.{re.escape(key)} = (\S+)$", text, re.MULTILINE)
        if not found:
            raise SystemExit(f"{model} has no {key}: expected a GGUF file of a llama or qwen2.")
        return float(found.group(1))
    return {"layers": int(number("block_count")), "hidden": int(number("embedding_length")),
            "inner": int(number("feed_forward_length")), "heads": int(number("attention.head_count")),
            "kv_heads": int(number("attention.head_count_kv")), "vocabulary": int(number("vocab_size")),
            "base": number("rope.freq_base")}


def torch_step(shape, rank, threads, seconds):
    """Seconds of the fastest step."""
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    hidden, inner, dim = shape["hidden"], shape["inner"], shape["hidden"] // shape["heads"]

    def weight(rows, columns):
        return torch.randn(rows, columns) / math.sqrt(columns)

    def lora(rows, columns):
        return [(torch.randn(rank, columns) / math.sqrt(columns)).requires_grad_(),
                torch.zeros(rows, rank, requires_grad=True)]

    layers = [{"q": weight(hidden, hidden), "k": weight(shape["kv_heads"] * dim, hidden),
               "v": weight(shape["kv_heads"] * dim, hidden), "o": weight(hidden, hidden), "gate": weight(inner, hidden),
               "up": weight(inner, hidden), "down": weight(hidden, inner),
               "lora": {"gate": lora(inner, hidden), "up": lora(inner, hidden), "down": lora(hidden, inner)}}
              for _ in range(shape["layers"])]
    table = weight(shape["vocabulary"], hidden)
    trained = [part for layer in layers for pair in layer["lora"].values() for part in pair]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
    angles = torch.outer(torch.arange(TOKENS).float(), shape["base"] ** (-torch.arange(0, dim, 2).float() / dim))
    cos, sin = (torch.cat([f(angles), f(angles)], -1) for f in (torch.cos, torch.sin))

    def norm(x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)

    def turned(x):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def adapted(layer, name, x):
        a, b = layer["lora"][name]
        return F.linear(x, layer[name]) + 2 * F.linear(F.linear(F.dropout(x, DROPOUT), a), b)

    def heads(x, count):
        return x.view(SEQUENCES, TOKENS, count, dim).transpose(1, 2)

    tokens = torch.randint(0, shape["vocabulary"], (SEQUENCES, TOKENS))

    def step():
        h = table[tokens]
        for layer in layers:
            x = norm(h)
            q = turned(heads(F.linear(x, layer["q"]), shape["heads"]))
            k = turned(heads(F.linear(x, layer["k"]), shape["kv_heads"]))
            v = heads(F.linear(x, layer["v"]), shape["kv_heads"])
            repeat = shape["heads"] // shape["kv_heads"]
            k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + F.linear(mixed.transpose(1, 2).reshape(SEQUENCES, TOKENS, hidden), layer["o"])
            x = norm(h)
            h = h + adapted(layer, "down", F.silu(adapted(layer, "gate", x)) * adapted(layer, "up", x))
        logits = F.linear(norm(h), table)
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, shape["vocabulary"]), tokens[:, 1:].reshape(-1))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        return loss.item()

    if not math.isfinite(step()):
        raise SystemExit("the loss of the model in PyTorch is not finite.")
    fastest, end = math.inf, time.monotonic() + seconds
    while fastest == math.inf or time.monotonic() < end:
        start = time.monotonic()
        step()
        fastest = min(fastest, time.monotonic() - start)
    return fastest, torch.__version__


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--program", default="build/release/tools/lorikeet")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    shape = shape_of(args.program, args.model)
    bench = subprocess.run([args.program, "bench", "-m", args.model, "--training", "--experts", "1", "--rank", str(args.rank),
                            "--seconds", str(args.seconds), "--json"], check=True, capture_output=True, text=True).stdout
    result = json.loads(bench)
    own = next(line["tokens_per_second"] for line in result["lines"] if line["what"] == "step")
    seconds, version = torch_step(shape, args.rank, args.threads, args.seconds)
    other = SEQUENCES * TOKENS / seconds
    print(f"lorikeet on {result['device']}: {own:.1f} tokens/s")
    print(f"PyTorch {version}, {args.threads} threads, f32: {other:.1f} tokens/s")
    print(f"ratio: {own / other:.2f}")


if __name__ == "__main__":
    main()
