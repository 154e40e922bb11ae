# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What bench/run runs: programs of bench/ and what to take of what they say.

A case: run (the command), turn (cases of one turn are interleaved), metrics
(key: which figure of the program; the rest as in report.py).
"""


def case(turn, run, *metrics):
    return {"turn": turn, "run": run, "metrics": list(metrics)}


def metric(group, name, key, param=None, **more):
    return {"group": group, "name": name, "key": key, "param": param or {},
            **more}


def usec(group, name, key, param, **more):
    return metric(group, name, key, param, divide=1000, unit="us", **more)


def idle():
    group = "cost when nobody waits, CPU time"
    for what, name in (("load", "load of a flag"),
                       ("fence", "store, full fence, load of a flag"),
                       ("signal", "xseg_signal"), ("futex", "FUTEX_WAKE"),
                       ("eventfd", "write to an eventfd"),
                       ("pipe", "write to a pipe"),
                       ("socket", "write to a unix socket")):
        yield case("idle", f"idle {what}", metric(group, name, "call"))


ROUNDS = 400
BARE = ("futex", "eventfd", "ppoll", "flag", "flagppoll", "pipe", "socket")
WORDS = {"futex": "bare futex", "eventfd": "bare eventfd",
         "ppoll": "eventfd + ppoll", "flag": "eventfd + flag",
         "flagppoll": "eventfd + flag + ppoll", "pipe": "pipe",
         "socket": "unix socket", "line": "cache line, polled"}
# what each step towards our eventfd costs
STEPS = {"ppoll": "bare eventfd", "flag": "bare eventfd",
         "flagppoll": "eventfd + flag"}
PERCENTILES = ("p50", "p90", "p99", "p99.9")


def percentiles(name):
    return [usec("latency of a round trip, different CPUs", name, p,
                 {"percentile": float(p[1:])}) for p in PERCENTILES]


def wake(turn, what, place, name, *metrics):
    return case(turn, f"wake {what} {place} {ROUNDS}",
                *[usec(group, name, key, {"CPUs": place}, **more)
                  for group, key, more in metrics])


TRIP = "round trip, both sleep"
COST = "cost for who wakes a sleeper"


def sleepers():
    for place in ("same", "different"):
        for what in BARE:
            more = {"baseline": STEPS[what]} if what in STEPS else {}
            yield wake(f"sleep, {place}", what, place, WORDS[what],
                       (TRIP, "trip", more), (COST, "wake", {}))
        for kind in ("futex", "eventfd"):
            # the same again, against what sleeps as it does
            more = [(TRIP, "trip", {"baseline": WORDS[what]})
                    for what in ("ppoll", "flagppoll") if kind == "eventfd"]
            yield wake(f"sleep, {place}", f"xseg-{kind}-sleep", place,
                       f"xseg {kind}",
                       (TRIP, "trip", {"baseline": f"bare {kind}",
                                       "budget": {"ratio": 1.05}}),
                       *more,
                       (COST, "wake", {"baseline": f"bare {kind}"}))


def latencies():
    for what, name in (("futex", "bare futex"), ("line", "cache line"),
                       ("xseg-futex-sleep", "xseg futex, sleeping"),
                       ("xseg-futex-adaptive", "xseg futex, default"),
                       ("xseg-eventfd-adaptive", "xseg eventfd, default")):
        yield case("latency", f"wake {what} different {6 * ROUNDS}",
                   *percentiles(name))


def strategies():
    group = "round trip, awake on two CPUs"
    for what, name in (("line", "cache line, polled"),
                       ("xseg-futex-adaptive", "xseg futex, default"),
                       ("xseg-futex-spin", "xseg futex, spinning"),
                       ("xseg-eventfd-adaptive", "xseg eventfd, default")):
        budget = {} if what == "line" else {
            "baseline": "cache line, polled", "budget": {"ratio": 2}}
        yield case("awake", f"wake {what} different {5 * ROUNDS}",
                   usec(group, name, "trip", {"CPUs": "different"}, **budget))
    group = "round trip, default strategy against sleeping at once"
    for place in ("same", "different", "free"):
        for what in ("sleep", "adaptive"):
            budget = {} if what == "sleep" else {
                "baseline": "sleep", "budget": {"ratio": 1.1}}
            yield case(f"strategy, {place}",
                       f"wake xseg-futex-{what} {place} {ROUNDS + 1}",
                       usec(group, what, "trip", {"CPUs": place}, **budget))


def queues():
    group = "put and take, one thread, CPU time"
    for run, name, more in (
            ("pair-dpdk mp", "rte_ring MP/MC", {}),
            ("pair-xseg", "xseg ring", {"baseline": "rte_ring MP/MC",
                                        "budget": {"ratio": 2}}),
            ("pair-dpdk sp", "rte_ring SP/SC", {}),
            ("pair-wfcq", "liburcu wfcqueue", {}),
            ("pair-cas 2", "2 compare-and-swaps", {}),
            ("pair-cas 5", "5 compare-and-swaps",
             {"baseline": "2 compare-and-swaps"})):
        yield case("queues", run, metric(group, name, "call", **more))
    group = "request there and back, one thread, CPU time"
    yield case("queues", "idle plain",
               metric(group, "not signalled", "call", budget={"max": 250}))
    yield case("queues", "idle signalled",
               metric(group, "signalled twice, nobody waits", "call",
                      baseline="not signalled", budget={"plus": 2}))


CARRIERS = {"xseg": "xseg", "dpdk": "rte_ring, polled",
            "wfcq": "wfcqueue, polled", "mq": "POSIX mq",
            "socket": "unix socket", "zmq": "ZeroMQ ipc"}


def load(turn, group, carrier, options, param, key="rate", name=None):
    scale = {"divide": 1000, "unit": "1,000/s" if key == "rate" else "us"}
    return case(turn, f"load-{carrier} {options}",
                metric(group, name or CARRIERS[carrier], key, param, **scale))


def loads():
    group = "requests of one client, two CPUs"
    for depth in (1, 4, 8, 32, 128):
        for carrier in CARRIERS:
            if carrier == "mq" and depth > 8:
                continue	# more it may not have under way
            n = 3000 if depth == 1 else 20000
            yield load(f"depth {depth}", group, carrier,
                       f"-d {depth} -n {n}", {"depth": depth})
    group = "requests of many clients to one port, 8 under way each"
    for clients in (1, 2, 4, 8, 16, 64):
        for carrier in ("xseg", "dpdk", "wfcq", "mq", "zmq"):
            if clients > 16 and carrier != "xseg":
                continue
            yield load(f"clients {clients}", group, carrier,
                       f"-c {clients} -d 8 -n 16000", {"clients": clients})
    group = "one signal for a batch, 64 under way"
    for batch in (1, 4, 16, 64):
        for name, how in (("xseg, default", ""), ("xseg, sleeping", "-w sleep")):
            yield load(f"batch {batch}", group, "xseg",
                       f"-d 64 -b {batch} -n 20000 {how}".strip(),
                       {"batch": batch}, name=name)
    group = "time for a request with data, 4 under way"
    for size in (64, 4096, 65536, 1048576):
        for carrier in ("xseg", "dpdk", "socket", "zmq"):
            n = max(200, min(10000, 100000000 // size))
            yield load(f"{size} bytes", group, carrier,
                       f"-d 4 -s {size} -n {n}", {"bytes": size},
                       key="request")


def scale():
    for what, numbers, figures in (
            ("peers", (1, 2, 8, 32, 64), (("join", "us"), ("call", "ns"))),
            ("ports", (1, 64, 1024, 4096),
             (("join", "us"), ("bind", "ns"), ("call", "ns"),
              ("room", "bytes"))),
            ("requests", (1000, 30000, 1000000),
             (("join", "us"), ("first", "ns"), ("again", "ns"),
              ("call", "ns"), ("room", "bytes")))):
        words = {"join": "join", "call": "request there and back",
                 "bind": "bind a port", "room": f"memory of each of the {what}",
                 "first": "get for the first time",
                 "again": "get and put again"}
        for number in numbers:
            yield case(f"{what} {number}", f"scale {what} {number}",
                       *[metric(f"scale: {what}", words[key], key,
                                {what: number}, unit=unit)
                         for key, unit in figures])


def plot(file, title, group, x, **more):
    return {"file": file, "title": title, "group": group, "x": x,
            "xscale": "log", "yscale": "log", **more}


PARTS = {
    "signals": {
        "title": "Signals between processes",
        "cases": [*idle(), *sleepers(), *latencies(), *strategies()],
        "plots": [plot("latency.svg", "Round trip, two CPUs",
                       "latency of a round trip, different CPUs", "percentile",
                       xscale="nines", ylabel="us")]},
    "requests": {
        "title": "Requests between processes",
        "cases": [*queues(), *loads()],
        "plots": [
            plot("depth.svg", "Requests of one client",
                 "requests of one client, two CPUs", "depth",
                 xlabel="requests under way", ylabel="1,000 requests/s"),
            plot("peers.svg", "Requests of many clients to one port",
                 "requests of many clients to one port, 8 under way each",
                 "clients", xlabel="clients", ylabel="1,000 requests/s"),
            plot("data.svg", "Time for a request with data",
                 "time for a request with data, 4 under way", "bytes",
                 xlabel="bytes", ylabel="us")]},
    "scale": {"title": "Scale", "cases": list(scale()), "plots": [
        plot("scale-requests.svg", "With so many requests in the segment",
             "scale: requests", "requests", ylabel="ns",
             names=["get for the first time", "get and put again",
                    "request there and back"])]},
    "instructions": {"title": "Instructions", "cases": []},
}
