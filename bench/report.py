#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""report.py [--svg DIR] [--rst] FILE.json...: what benchmarks have found.

Prints tables for people, or with --rst for Documentation/; with --svg draws
the plots that the files ask for. A file is one object:

  title, command, date	what was measured, by what, when
  machine, versions	objects of words, printed as they are
  metrics		a list of objects:
	group, name, unit, param	param: object, may be empty
	median, min, max, samples	samples: one for each repetition
	baseline	optional: name of the metric of the same group and param
			that this one is divided by, repetition by repetition
	budget		optional: {"max": N}, {"ratio": N} (to the baseline), or
			{"plus": N} (above the baseline), "why": words
  notes			optional list of words: what could not be measured
  plots			optional list: file, title, group, x (a key of param),
			xlabel, ylabel, xscale and yscale (linear, log or nines),
			names (optional: which metrics, in which order)
"""
import argparse
import json
import os
import statistics
import sys

from svg import draw


def words(param):
    return ", ".join(f"{k} {v}" for k, v in param.items())


def number(v):
    if v is None:
        return ""
    if v == int(v) and abs(v) < 1e15:
        return f"{int(v):,}"
    a = abs(v)
    return f"{v:,.0f}" if a >= 1000 else f"{v:.1f}" if a >= 100 else \
        f"{v:.2f}" if a >= 1 else f"{v:.3f}"


def find(metrics, group, name, param):
    for m in metrics:
        if (m["group"], m["name"], m["param"]) == (group, name, param):
            return m
    return None


def pairs(metrics, m):
    """The samples of a metric and of its baseline, taken next to each other."""
    if not m.get("baseline"):
        return []
    base = find(metrics, m["group"], m["baseline"], m["param"])
    return list(zip(m["samples"], base["samples"])) if base else []


def ratio(metrics, m):
    values = [a / b for a, b in pairs(metrics, m) if b]
    return statistics.median(values) if values else None


def verdict(metrics, m):
    """The budget in words, and whether it is kept."""
    b = m.get("budget")
    if not b:
        return ""
    if "max" in b:
        value, limit, text = m["median"], b["max"], number(b["max"])
    elif "ratio" in b:
        value, limit = ratio(metrics, m), b["ratio"]
        text = f"{limit:g}x {m['baseline']}"
    else:
        d = [x - y for x, y in pairs(metrics, m)]
        value, limit = statistics.median(d) if d else None, b["plus"]
        text = f"{m['baseline']} + {limit:g}"
    if value is None:
        return f"{text}: not measured"
    return f"{text}: {'kept' if value <= limit else 'MISSED'}"


def rows(metrics, group):
    for m in metrics:
        if m["group"] != group:
            continue
        r = ratio(metrics, m)
        yield [m["name"], words(m["param"]), number(m["median"]),
               number(m["min"]), number(m["max"]), m["unit"],
               f"{r:.2f} {m['baseline']}" if r is not None else "",
               verdict(metrics, m)]


HEAD = ["what", "with", "median", "min", "max", "unit", "times", "budget"]
RIGHT = {"median", "min", "max"}


def table(data, group):
    """Columns without any content are left out."""
    body = list(rows(data["metrics"], group))
    keep = [i for i in range(len(HEAD)) if any(r[i] for r in body)]
    head = [HEAD[i] for i in keep]
    body = [[r[i] for i in keep] for r in body]
    width = [max(len(head[i]), *(len(r[i]) for r in body))
             for i in range(len(head))]

    def line(cells):
        return "  ".join(c.rjust(w) if head[i] in RIGHT else c.ljust(w)
                         for i, (c, w) in enumerate(zip(cells, width))).rstrip()
    return line, head, body, width


def groups(data):
    return list(dict.fromkeys(m["group"] for m in data["metrics"]))


def facts(data):
    for key in ("machine", "versions"):
        if data.get(key):
            yield key, "; ".join(f"{k} {v}" for k, v in data[key].items())


def print_text(data):
    print(f"\n{data['title']}\n{'=' * len(data['title'])}")
    for key, text in facts(data):
        print(f"{key}: {text}")
    print(f"{data['command']}  ({data['date']})")
    for group in groups(data):
        line, head, body, width = table(data, group)
        print(f"\n{group}\n{line(head)}\n{line(['-' * w for w in width])}")
        for row in body:
            print(line(row))
    for note in data.get("notes", []):
        print(f"\nNot measured: {note}")


def print_rst(data):
    print(f"\n{data['title']}\n{'-' * len(data['title'])}\n")
    print(f"``{data['command']}``, {data['date']}.\n")
    for key, text in facts(data):
        print(f"{key.capitalize()}: {text}.\n")
    for group in groups(data):
        line, head, body, width = table(data, group)
        bar = "  ".join("=" * w for w in width)
        print(f"{group.capitalize()}:\n\n{bar}\n{line(head)}\n{bar}")
        for row in body:
            # an empty first cell would go on with the row before
            print(line(row))
        print(f"{bar}\n")
    for note in data.get("notes", []):
        print(f"Not measured: ``{note}``.\n")


def plots(data, folder):
    for p in data.get("plots", []):
        series = {}
        for m in data["metrics"]:
            if m["group"] == p["group"] and p["x"] in m["param"] and \
               m["name"] in p.get("names", [m["name"]]):
                series.setdefault(m["name"], []).append(
                    (float(m["param"][p["x"]]), m["median"], m["min"], m["max"]))
        if "names" in p:
            series = {n: series[n] for n in p["names"] if n in series}
        if not series:
            continue
        path = os.path.join(folder, p["file"])
        with open(path, "w", encoding="utf-8") as f:
            f.write(draw(p, series))
        print(f"plot: {path}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--svg", metavar="DIR", help="draw plots there")
    parser.add_argument("--rst", action="store_true",
                        help="print for Documentation/")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    for path in args.files:
        try:
            with open(path, encoding="utf-8") as f:
                data = json.load(f)
        except (OSError, ValueError) as e:
            sys.exit(f"report.py: {path}: {e}")
        (print_rst if args.rst else print_text)(data)
        if args.svg:
            os.makedirs(args.svg, exist_ok=True)
            plots(data, args.svg)


if __name__ == "__main__":
    main()
