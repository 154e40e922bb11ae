# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Line plots as plain SVG; see report.py for what describes one."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 80, 190, 44, 56
COLOURS = ["#0b62a4", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#00798c",
           "#8c510a", "#555555"]


class Axis:
    """From values to places between two ends, and where the marks are."""

    def __init__(self, scale, low, high, start, end):
        self.scale, self.start, self.end = scale, start, end
        if scale == "linear":
            low = min(low, 0)
        self.low, self.high = self.place(low), self.place(high)
        if self.high == self.low:
            self.high += 1
        self.marks = self.choose(low, high)

    def place(self, v):
        if self.scale == "log":
            return math.log10(max(v, 1e-9))
        if self.scale == "nines":   # percentiles: 90, 99, 99.9 equally far
            return -math.log10(max(100 - v, 1e-4) / 100)
        return v

    def __call__(self, v):
        part = (self.place(v) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def choose(self, low, high):
        if self.scale == "nines":
            return [v for v in (0, 50, 90, 99, 99.9, 99.99, 99.999)
                    if low <= v <= high]
        if self.scale == "log":
            first = math.floor(math.log10(max(low, 1e-9)))
            last = math.ceil(math.log10(max(high, 1e-9)))
            steps = (1,) if last - first > 3 else (1, 2, 5)
            marks = [s * 10.0 ** e for e in range(first, last + 1)
                     for s in steps]
            return [v for v in marks if low <= v * 1.0001 and v <= high * 1.0001]
        rough = max(high - low, 1e-9) / 5
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * s for s in (1, 2, 5, 10) if unit * s >= rough)
        return [i * step for i in range(int(high / step) + 1)]


def label(v):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(v) >= limit:
            return f"{v / limit:g}{unit}"
    return f"{v:g}"


def text(x, y, s, **attr):
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in attr.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(str(s))}</text>'


def line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def frame(plot, ax, ay):
    out = [text(LEFT, 24, plot["title"], font_size=15, font_weight="bold")]
    for v in ax.marks:
        out.append(line(ax(v), TOP, ax(v), HEIGHT - BOTTOM, "#ddd"))
        out.append(text(ax(v), HEIGHT - BOTTOM + 18, label(v),
                        text_anchor="middle"))
    for v in ay.marks:
        out.append(line(LEFT, ay(v), WIDTH - RIGHT, ay(v), "#ddd"))
        out.append(text(LEFT - 8, ay(v) + 4, label(v), text_anchor="end"))
    out.append(line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#333"))
    out.append(line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM,
                    "#333"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14,
                    plot.get("xlabel", plot["x"]), text_anchor="middle"))
    out.append(text(20, middle, plot.get("ylabel", ""), text_anchor="middle",
                    transform=f"rotate(-90 20 {middle:.0f})"))
    return out


def curve(points, ax, ay, colour):
    """The medians as a line, smallest and largest as bars."""
    out = []
    path = " ".join(f"{ax(x):.1f},{ay(y):.1f}" for x, y, _, _ in points)
    out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
               'stroke-width="2"/>')
    for x, y, low, high in points:
        out.append(line(ax(x), ay(low), ax(x), ay(high), colour))
        out.append(f'<circle cx="{ax(x):.1f}" cy="{ay(y):.1f}" r="3" '
                   f'fill="{colour}"/>')
    return out


def draw(plot, series):
    """series: name -> list of (x, median, min, max)."""
    for points in series.values():
        points.sort()
    every = [p for points in series.values() for p in points]
    ax = Axis(plot.get("xscale", "linear"), min(p[0] for p in every),
              max(p[0] for p in every), LEFT, WIDTH - RIGHT)
    ay = Axis(plot.get("yscale", "linear"), min(p[2] for p in every),
              max(p[3] for p in every) * 1.05, HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    out += frame(plot, ax, ay)
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        out += curve(points, ax, ay, colour)
        y = TOP + 10 + 20 * i
        out.append(line(WIDTH - RIGHT + 14, y, WIDTH - RIGHT + 34, y, colour, 3))
        out.append(text(WIDTH - RIGHT + 40, y + 4, name))
    out.append("</svg>")
    return "\n".join(out) + "\n"
