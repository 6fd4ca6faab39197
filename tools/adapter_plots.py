"""The drawings of compare_adapters.py, as SVG without a library."""
import statistics

COLOURS = {"dynmole": "#1b6ca8", "mola": "#c8553d", "mixlora": "#3a7d44", "lora": "#777777"}
NAMES = {"dynmole": "DynMoLE", "mola": "MoLA", "mixlora": "MixLoRA", "lora": "LoRA"}
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 420, 280, 52, 48, 14, 40


def mean_and_spread(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


class Panel:
    """One diagram at `x`, its upright axis from `low` to `high`."""

    def __init__(self, x, title, low, high, unit=""):
        self.x, self.low, self.high, self.parts = x, low, high, []
        self.text(x + LEFT, 20, title, "start")
        for i in range(5):
            value = low + (high - low) * i / 4
            self.line([(x + LEFT, self.y(value)), (x + WIDTH - RIGHT, self.y(value))], "#dddddd", 1)
            self.text(x + LEFT - 6, self.y(value) + 4, f"{value:.4g}{unit}", "end")

    def y(self, value):
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def across(self, share):
        return self.x + LEFT + share * (WIDTH - LEFT - RIGHT)

    def text(self, x, y, words, anchor="middle"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{words}</text>')

    def line(self, points, colour, width):
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def whisker(self, x, mean, spread, colour):
        self.line([(x, self.y(max(mean - spread, self.low))), (x, self.y(min(mean + spread, self.high)))], colour, 1.5)


def legend(panel, methods):
    for i, method in enumerate(methods):
        x = panel.x + LEFT + 88 * i
        panel.line([(x, 34), (x + 16, 34)], COLOURS[method], 3)
        panel.text(x + 20, 38, NAMES[method], "start")


def courses(panel, runs, steps, last):
    """runs: of each method, for each step the values of its seeds."""
    legend(panel, runs)
    for i, (method, course) in enumerate(runs.items()):
        shift = 3 * (i - (len(runs) - 1) / 2)  # whiskers beside each other
        points = []
        for step, values in zip(steps, course):
            mean, spread = mean_and_spread(values)
            x = panel.across(step / last) + shift
            points.append((x, panel.y(mean)))
            panel.whisker(x, mean, spread, COLOURS[method])
        panel.line(points, COLOURS[method], 2)
    for step in steps:
        panel.text(panel.across(step / last), HEIGHT - BOTTOM + 18, step)
    panel.text(panel.across(0.5), HEIGHT - 6, "steps")


def bars(panel, runs, groups):
    """runs: of each method, for each group the values of its seeds."""
    legend(panel, runs)
    wide = 0.8 / len(groups) / len(runs)
    for i, (method, shares) in enumerate(runs.items()):
        for g, values in enumerate(shares):
            mean, spread = mean_and_spread(values)
            left, right = (panel.across((g + 0.1) / len(groups) + wide * at) for at in (i, i + 0.85))
            top = panel.y(mean)
            panel.parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                               f'height="{panel.y(panel.low) - top:.1f}" fill="{COLOURS[method]}" fill-opacity="0.7"/>')
            panel.whisker((left + right) / 2, mean, spread, "#333333")
    for g, group in enumerate(groups):
        panel.text(panel.across((g + 0.5) / len(groups)), HEIGHT - BOTTOM + 18, group)


def drawing(panels):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(panels) * WIDTH}" height="{HEIGHT}" '
            'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(part for panel in panels for part in panel.parts) + "\n</svg>\n")


def accuracy_svg(results, domains):
    """Held-out accuracy over the steps, and by domain at the end. results: of each method, a list of points for each seed."""
    steps = [point["steps"] for point in next(iter(results.values()))[0]]
    percent = lambda seeds, i, key: [100 * points[i]["accuracy"][key] for points in seeds]
    over_time = {m: [percent(seeds, i, "all") for i in range(len(steps))] for m, seeds in results.items()}
    at_end = {m: [percent(seeds, -1, domain) for domain in domains] for m, seeds in results.items()}
    left, right = Panel(0, "held-out questions answered", 0, 100, " %"), Panel(WIDTH, "by domain, at the end", 0, 100, " %")
    courses(left, over_time, steps, steps[-1])
    bars(right, at_end, domains)
    return drawing([left, right])


def routing_svg(results, experts):
    """Entropy of the routers (1 = all experts alike) and active experts over the steps, of the methods that route."""
    routed = {m: seeds for m, seeds in results.items() if "routing" in seeds[0][0]}
    steps = [point["steps"] for point in next(iter(routed.values()))[0]]
    course = lambda key: {m: [[points[i]["routing"][key] for points in seeds] for i in range(len(steps))]
                          for m, seeds in routed.items()}
    entropy, active = course("entropy"), course("active")
    lowest = min(value for run in entropy.values() for values in run for value in values)
    left = Panel(0, "entropy of the routers", int(20 * lowest) / 20, 1)
    right = Panel(WIDTH, f"active experts of {experts}", 0, experts)
    courses(left, entropy, steps, steps[-1])
    courses(right, active, steps, steps[-1])
    return drawing([left, right])
