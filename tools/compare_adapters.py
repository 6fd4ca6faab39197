#!/usr/bin/env python3
"""Trains DynMoLE, LoRA, MoLA and MixLoRA at nearly equal numbers of trained parameters on a mixed set of small tasks, and
compares what they answer to questions that they have not seen.

  tools/compare_adapters.py -m MODEL --out DIR [--seeds 3] [--steps 400] [--points 4] [--jobs 1]

Four domains that need different skills, made by a random generator: addition, comparing, words in a list, sorting. Every run
sees the same examples in its seed's order. At --points times during training the held-out questions are answered
greedily, and the routers are looked at. A run that was stopped goes on where it was. Writes DIR/results.json, DIR/table.md,
DIR/accuracy.svg and DIR/routing.svg.
"""
import argparse
import concurrent.futures
import json
import pathlib
import random
import statistics
import subprocess

import adapter_plots

DOMAINS = ("addition", "comparing", "words", "sorting")
WORDS = ("river stone cloud apple tiger window garden music pencil silver rocket bottle forest candle mirror planet "
         "butter hammer ladder pillow button carpet dragon engine flower guitar helmet island jacket kitten").split()
# Experts of rank 4, six of them with a router of 6 rows: as many numbers as a LoRA of rank 26, on the same projections.
EXPERTS = 6
METHODS = {
    "dynmole": ["--rank", "4", "--alpha", "8", "--experts", EXPERTS],
    "mola": ["--rank", "4", "--alpha", "8", "--experts", EXPERTS],
    "mixlora": ["--rank", "4", "--alpha", "8", "--experts", EXPERTS],
    "lora": ["--rank", "26", "--alpha", "52"],
}
TARGETS = "gate_proj,up_proj,down_proj"


def question(domain, rng):
    """An instruction and its answer."""
    if domain == "addition":
        a, b = rng.randrange(10, 100), rng.randrange(10, 100)
        return f"Add {a} and {b}.", str(a + b)
    if domain == "comparing":
        a, b = rng.sample(range(100, 1000), 2)
        return f"Which is smaller, {a} or {b}?", str(min(a, b))
    if domain == "words":
        words, place = rng.sample(WORDS, 5), rng.randrange(5)
        ordinal = ("first", "second", "third", "fourth", "fifth")[place]
        return f"What is the {ordinal} word of: {' '.join(words)}", words[place]
    numbers = rng.sample(range(10, 100), 4)
    return f"Sort: {' '.join(map(str, numbers))}", " ".join(map(str, sorted(numbers)))


def make_data(folder, examples, held_out):
    rng = random.Random(1)
    seen, train, test = set(), [], []
    for domain in DOMAINS:
        for split, count in ((test, held_out), (train, examples // len(DOMAINS))):
            while count:
                asked, answer = question(domain, rng)
                if asked in seen:
                    continue
                seen.add(asked)
                split.append((domain, asked, answer))
                count -= 1
    asking = lambda text: [{"role": "system", "content": "Answer."}, {"role": "user", "content": text}]
    with open(folder / "train.jsonl", "w") as out:
        for _, asked, answer in train:
            out.write(json.dumps({"messages": [*asking(asked), {"role": "assistant", "content": answer}]}) + "\n")
    with open(folder / "held-out.jsonl", "w") as out:
        for _, asked, _ in test:
            out.write(json.dumps({"messages": asking(asked), "max_tokens": 16}) + "\n")
    with open(folder / "texts.jsonl", "w") as out:
        for _, asked, _ in test[::5]:
            out.write(json.dumps({"messages": asking(asked)}) + "\n")
    return test


def lorikeet(args, *command):
    done = subprocess.run([args.lorikeet, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"lorikeet {command[0]} failed: {done.stderr.strip().splitlines()[-1] if done.stderr else ''}")
    return done.stdout


def accuracy(args, test, folder, adapter=None):
    """Share of exact answers, in all and by domain, with a file as cache."""
    command = ["generate", "-m", args.model, "--prompts", args.out / "held-out.jsonl", "--temperature", "0", "--parallel", "32"]
    lines = lorikeet(args, *command, *(["--adapter", adapter] if adapter else [])).splitlines()
    right = [json.loads(line)["text"].strip().split("\n")[0] == answer for line, (_, _, answer) in zip(lines, test)]
    shares = {"all": sum(right) / len(right)}
    for domain in DOMAINS:
        of = [r for r, (d, _, _) in zip(right, test) if d == domain]
        shares[domain] = sum(of) / len(of)
    return shares


def run(args, test, method, seed):
    folder = args.out / f"{method}-{seed}"
    log = args.out / f"{method}-{seed}.json"
    points = json.loads(log.read_text()) if log.exists() else []
    while len(points) < args.points:
        steps = args.steps * (len(points) + 1) // args.points
        command = ["finetune", "-m", args.model, args.out / "train.jsonl", "--method", method, "--out", folder,
                   "--template", "chat", "--answers-only", "--targets", TARGETS, "--lr", args.lr, "--packed",
                   "--accumulate", 1, "--dropout", 0, "--max-tokens", args.rows, "--seed", seed, "--steps", steps,
                   "--save-every", 0, *METHODS[method]]
        lorikeet(args, *command, *(["--resume"] if (folder / "checkpoint.safetensors").exists() else []))
        point = {"steps": steps, "accuracy": accuracy(args, test, folder, folder)}
        if method != "lora":
            report = json.loads(lorikeet(args, "inspect", "-m", args.model, "--adapter", folder, "--routing",
                                         args.out / "texts.jsonl", "--json"))
            point["routing"] = {key: report["adapters"][0]["all"][key] for key in ("entropy", "active")}
        points.append(point)
        log.write_text(json.dumps(points))
        print(f"{method} seed {seed}: {steps} steps, {point['accuracy']['all']:.1%} right", flush=True)
    return points


def spread(values):
    return f"{statistics.fmean(values):.1%} ± {statistics.stdev(values) if len(values) > 1 else 0:.1%}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--lorikeet", default=str(pathlib.Path(__file__).parent.parent / "build/release/tools/lorikeet"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--points", type=int, default=4, help="times to evaluate")
    parser.add_argument("--rows", type=int, default=768, help="tokens of a step")
    parser.add_argument("--lr", default="5e-4")
    parser.add_argument("--examples", type=int, default=8000)
    parser.add_argument("--held-out", type=int, default=50, help="questions of each domain")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    test = make_data(args.out, args.examples, args.held_out)
    base = accuracy(args, test, args.out)
    print(f"base: {base['all']:.1%} right", flush=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = {(m, s): pool.submit(run, args, test, m, s) for s in range(1, args.seeds + 1) for m in METHODS}
        results = {key: job.result() for key, job in runs.items()}
    (args.out / "results.json").write_text(json.dumps(
        {"base": base, "runs": [{"method": m, "seed": s, "points": p} for (m, s), p in results.items()]}, indent=1))

    seeds = range(1, args.seeds + 1)
    lines = ["| method | " + " | ".join(("all",) + DOMAINS) + " | entropy | active experts |", "|---" * (len(DOMAINS) + 4) + "|",
             "| base | " + " | ".join(f"{base[d]:.1%}" for d in ("all",) + DOMAINS) + " | | |"]
    for method in METHODS:
        last = [results[method, s][-1] for s in seeds]
        cells = [spread([p["accuracy"][d] for p in last]) for d in ("all",) + DOMAINS]
        for key in ("entropy", "active"):
            course = [[p["routing"][key] for p in results[method, s]] for s in seeds if "routing" in last[0]]
            cells.append(" → ".join(f"{statistics.fmean(at):.2f}" for at in zip(*course)))
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    (args.out / "table.md").write_text("\n".join(lines) + "\n")
    by_method = {m: [results[m, s] for s in seeds] for m in METHODS}
    (args.out / "accuracy.svg").write_text(adapter_plots.accuracy_svg(by_method, DOMAINS))
    (args.out / "routing.svg").write_text(adapter_plots.routing_svg(by_method, EXPERTS))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
