#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""results.py: from the samples of bench/vm/measure to block-MODE.json (in the
form of bench/report.py), plots and tables. Tables are RST, for Documentation/.
Fails if there is nothing to be told.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from report import plots	# noqa: E402 pylint: disable=wrong-import-position

BASE, BATCH = "ublk null", "ublk null, batch"
OURS = ("xsegbd device", "xsegbd device, sleep", "xsegbd futex",
        "xsegbd eventfd")
PLOTTED = OURS + (BASE, BATCH, "nbdkit null", "loop on tmpfs", "brd")
DEPTHS = {"4k randread": (1, 4, 32, 128), "4k randwrite": (1, 4, 32, 128),
          "128k read": (1, 32), "128k write": (1, 32)}
# in times of what, at which depth, at most: ARCHITECTURE, cost budget
BUDGETS = ((BASE, 1, 0.90), (BASE, 32, 0.65), (BATCH, 32, 0.90))
SYSCALLS = 0.5		# of the server for one I/O at depth 32
TITLE = {"wall": "Block devices, two virtual CPUs, by the clock",
         "icount": "Block devices, guest instructions for one I/O"}


class Samples:
    """What was measured, by disk, kind of I/O and depth, in order."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.all = [json.loads(line) for line in f]
        self.disks = list(dict.fromkeys(s["disk"] for s in self.all))

    def get(self, disk, io, depth, what):
        """repetition -> value"""
        return {s["repetition"]: what(s) for s in self.all
                if (s["disk"], s["io"], s["depth"]) == (disk, io, depth)
                and what(s) is not None}

    def ratios(self, disk, base, io, depth, what):
        """Each to that of the other disk in the same repetition."""
        ours = self.get(disk, io, depth, what)
        theirs = self.get(base, io, depth, what)
        return [v / theirs[r] for r, v in ours.items() if theirs.get(r)]


def iops(s):
    return s["iops"] / 1000


def mean_us(s):
    return s["mean"] / 1000


def p99_us(s):
    return s["percentiles"]["99"] / 1000


def instructions(s):
    """Thousand: one takes one nanosecond. Others' are in it at depth > 1."""
    return s["mean"] / s["depth"] / 1000


def syscalls(s):
    return s["syscalls"]


def cpu_us(s):
    return s.get("cpu")


def show(v):
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def median(values):
    return show(statistics.median(values)) if values else ""


def spread(values):
    """median (smallest to largest)"""
    if len(values) < 2:
        return median(values)
    return f"{median(values)} ({show(min(values))} to {show(max(values))})"


def print_table(title, head, rows):
    """A simple table of RST; rows that have nothing to tell are left out."""
    rows = [r for r in rows if any(r[1:])]
    if not rows:
        return
    rows = [[c or r"\-" for c in r] for r in rows]
    width = [max(map(len, column)) for column in zip(head, *rows)]
    bar = "  ".join("=" * w for w in width)

    def line(cells):
        return "  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                         for i, (c, w) in enumerate(zip(cells, width)))
    print(f"\n{title}:\n\n{bar}\n{line(head)}\n{bar}")
    print("\n".join(map(line, rows)))
    print(bar)


def print_matrix(samples, title, ios, cell):
    """Disks by kind of I/O and depth."""
    columns = [(io, depth) for io in ios for depth in DEPTHS[io]]
    head = ["disk"] + [f"{io.split(' ')[1].replace('rand', '')} {depth}"
                       for io, depth in columns]
    print_table(title, head, [[disk] + [cell(disk, *c) for c in columns]
                              for disk in samples.disks])


def values(samples, disk, io, depth, what):
    return list(samples.get(disk, io, depth, what).values())


def of_size(size):
    return [io for io in DEPTHS if io.startswith(size + " ")]


def print_syscalls(samples, size, ios):
    print_matrix(samples, f"{size}, system calls of the server for one I/O",
                 ios, lambda *c: median(values(samples, *c, syscalls)))


def print_icount(samples):
    for size in ("4k", "128k"):
        ios = of_size(size)
        print_matrix(samples, f"{size}, thousand guest instructions for one "
                     "I/O (depth behind the name)", ios, lambda *c:
                     median(values(samples, *c, instructions)))
        print_matrix(samples, f"{size}, times {BASE}", ios, lambda disk, *c:
                     median(samples.ratios(disk, BASE, *c, instructions)))
        print_syscalls(samples, size, ios)


def print_wall(samples):
    for io in DEPTHS:
        print_matrix(samples, f"{io}, thousand I/Os in a second", [io],
                     lambda *c: spread(values(samples, *c, iops)))
        print_matrix(samples, f"{io}, times the I/Os of {BASE}", [io],
                     lambda disk, *c:
                     spread(samples.ratios(disk, BASE, *c, iops)))
        print_matrix(samples, f"{io}, mean and 99th percentile of latency, us",
                     [io], lambda *c: " / ".join(
                         median(v) for v in (values(samples, *c, mean_us),
                                             values(samples, *c, p99_us))
                         if v))
    for size in ("4k", "128k"):
        ios = of_size(size)
        print_matrix(samples, f"{size}, CPU time of the whole machine for one "
                     "I/O, us", ios, lambda *c:
                     median(values(samples, *c, cpu_us)))
        print_syscalls(samples, size, ios)


def budgets(samples, mode):
    """(what, value, limit in words, whether it is kept)"""
    for io in ("4k randread", "4k randwrite"):
        for disk in OURS:
            for base, depth, limit in BUDGETS:
                if mode == "icount":
                    r = samples.ratios(disk, base, io, depth, instructions)
                    yield (f"{disk}, {io}, depth {depth}: instructions", r,
                           f"at most {limit:g} {base}", lambda v, l=limit: v <= l)
                elif base == BASE:
                    r = samples.ratios(disk, base, io, depth, iops)
                    yield (f"{disk}, {io}, depth {depth}: I/Os", r,
                           f"more than {base}", lambda v: v > 1)
            if mode == "icount":
                yield (f"{disk}, {io}, depth 32: system calls",
                       values(samples, disk, io, 32, syscalls),
                       f"at most {SYSCALLS:g}", lambda v: v <= SYSCALLS)


def print_budgets(samples, mode):
    rows = []
    for what, found, limit, kept in budgets(samples, mode):
        verdict = "kept" if found and kept(statistics.median(found)) else \
                  "MISSED" if found else "not measured"
        rows.append([what, limit, median(found), verdict])
    print_table("Cost budget", ["what", "budget", "found", "verdict"], rows)


def metrics(samples, mode):
    """In the form of bench/report.py."""
    kinds = [("thousand I/Os per second", iops), ("us, mean", mean_us),
             ("us, 99th percentile", p99_us),
             ("us, CPU time of the machine for one I/O", cpu_us),
             ("system calls of the server for one I/O", syscalls)]
    if mode == "icount":
        kinds.insert(0, ("thousand instructions for one I/O", instructions))
    for io, depths in DEPTHS.items():
        for unit, what in kinds:
            for disk in samples.disks:
                for depth in depths:
                    yield metric(f"{io}, {unit}", disk, {"depth": depth}, unit,
                                 values(samples, disk, io, depth, what))
    for disk in samples.disks:
        for depth in (1, 32):
            for p in ("50", "90", "99", "99.9", "99.99"):
                yield metric(f"4k randread, latency at depth {depth}", disk,
                             {"percentile": float(p)}, "us",
                             values(samples, disk, "4k randread", depth,
                                    lambda s, p=p: s["percentiles"][p] / 1000))


def metric(group, name, param, unit, found):
    if not found:
        return None
    return {"group": group, "name": name, "param": param, "unit": unit,
            "median": statistics.median(found), "min": min(found),
            "max": max(found), "samples": found, "baseline": BASE}


def plot_list(mode):
    unit = "thousand instructions for one I/O" if mode == "icount" else \
           "thousand I/Os per second"
    for io in ("4k randread", "4k randwrite"):
        yield {"file": f"block-{mode}-{io.replace(' ', '-')}.svg",
               "title": f"{io}: {unit}", "group": f"{io}, {unit}",
               "names": PLOTTED, "x": "depth", "xlabel": "depth", "ylabel": unit,
               "xscale": "log", "yscale": "log"}
    for depth in (1, 32):
        yield {"file": f"block-{mode}-latency-{depth}.svg",
               "title": f"4k randread at depth {depth}: latency",
               "group": f"4k randread, latency at depth {depth}",
               "names": PLOTTED, "x": "percentile", "xlabel": "percentile", "ylabel": "us",
               "xscale": "nines", "yscale": "log"}


def say(*command):
    """The first line that a program prints, or nothing."""
    try:
        r = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return r.stdout.strip().partition("\n")[0]


def machine(kernel):
    cpu = ""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
    return {"cpu": cpu, "cpus": os.cpu_count(), "load": os.getloadavg()[1],
            "host": platform.release(), "guest": kernel,
            "qemu": say("qemu-system-x86_64", "--version"),
            "fio": say("fio", "--version"),
            "nbdkit": say("nbdkit", "--version"),
            "xseg": say("git", "-C", os.path.dirname(__file__), "describe",
                        "--always", "--dirty")}


def main():
    parser = argparse.ArgumentParser(description="see the head of this file")
    for name in ("mode", "date", "kernel", "samples", "dir"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    samples = Samples(args.samples)
    if not samples.all:
        sys.exit("results.py: nothing was measured")
    data = {"title": TITLE[args.mode], "date": args.date,
            "command": f"make bench-vm BENCH_ONLY={args.mode}",
            "machine": machine(args.kernel),
            "metrics": [m for m in metrics(samples, args.mode) if m],
            "plots": list(plot_list(args.mode))}
    path = os.path.join(args.dir, f"block-{args.mode}.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1)
    print(f"\n{data['title']}\n{'=' * len(data['title'])}\n")
    print("; ".join(f"{k} {v}" for k, v in data["machine"].items()))
    (print_icount if args.mode == "icount" else print_wall)(samples)
    print_budgets(samples, args.mode)
    print(f"\nAll of it: {path}", flush=True)
    plots(data, args.dir)


main()
