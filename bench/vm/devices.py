# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The disks that are compared: how each is made, and what its server counts.

All have one queue of 128 requests and the I/O scheduler none; those that keep
data have them in memory.
"""
import json
import mmap
import os
import select
import signal
import subprocess
import tempfile
import time

MIB = 32		# what is read and written of each disk
DEPTH = 128
BUILD = os.environ["XSEG_BUILD"]


class Missing(Exception):
    """A disk cannot be made, and why."""


def run(*command):
    """Its output, or Missing with its last words."""
    try:
        r = subprocess.run(command, stdout=subprocess.PIPE, timeout=120,
                           stderr=subprocess.STDOUT, text=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Missing(str(e)) from e
    if r.returncode:
        last = r.stdout.strip().splitlines()[-1:] or ["no word why"]
        raise Missing(f"{' '.join(command)}: {last[0]}")
    return r.stdout


def await_true(what, test, seconds=60):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise Missing(f"{what}: not in {seconds} s")
        time.sleep(0.01)


class Server:
    """A process that prints JSON: ready, then stats whenever it is asked."""

    def __init__(self, *command):
        # pylint: disable=consider-using-with # it is to outlive this
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        except OSError as e:
            raise Missing(str(e)) from e
        self.name = os.path.basename(command[0])
        self.rest = b""
        self.line("ready")

    def line(self, event):
        """What it says next, which is of that kind."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], 60)
            some = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not some:
                raise Missing(f"{self.name}: no '{event}'")
            self.rest += some
        line, self.rest = self.rest.split(b"\n", 1)
        data = json.loads(line)
        if data["event"] != event:
            raise Missing(f"{self.name}: '{data['event']}', not '{event}'")
        return data

    def stats(self):
        self.process.send_signal(signal.SIGUSR1)
        return self.line("stats")

    def end(self):
        self.process.terminate()
        if self.process.wait(60):
            raise Missing(f"{self.name}: exit status {self.process.returncode}")


class Disk:
    """A disk without a server, made by open() and gone after close()."""

    def __init__(self, name):
        self.name = name
        self.path = None
        self.server = None

    def open(self):
        raise NotImplementedError

    def close(self):
        """Nothing to be undone in a machine that ends, if not said here."""

    def counters(self):
        """(requests, system calls) of the server, or None: not known."""
        return None

    def settle(self):
        """See that it is there; no scheduler; data everywhere."""
        await_true(self.path, lambda: os.path.exists(self.path))
        scheduler = f"/sys/block/{os.path.basename(self.path)}/queue/scheduler"
        if os.path.exists(scheduler):	# one that takes bios has none
            with open(scheduler, "w", encoding="ascii") as f:
                f.write("none")
        fd = os.open(self.path, os.O_RDWR | os.O_DIRECT)
        with mmap.mmap(-1, 1 << 20) as memory:
            memory.write(b"data" * (len(memory) // 4))
            for _ in range(MIB):
                if os.write(fd, memory) != len(memory):
                    raise Missing(f"{self.path}: cannot be filled")
        os.close(fd)


class Served(Disk):
    """One whose server counts."""

    def counters(self):
        data = self.server.stats()
        return data["requests"], data["syscalls"]


class Xsegbd(Served):
    """xsegbd.ko and xseg-blkd, which is woken by that signal type."""
    made = 0

    def __init__(self, name, signal_type, backend, wait="adaptive"):
        super().__init__(name)
        self.type, self.backend, self.wait = signal_type, backend, wait
        self.segment = f"bench-{signal_type}-{backend}-{wait}"

    def open(self):
        number = Xsegbd.made
        Xsegbd.made += 1
        xseg = f"{BUILD}/xseg"
        run(xseg, "create", self.segment)
        run(xseg, "attach", self.segment)
        self.server = Server(f"{BUILD}/xseg-blkd", self.segment,
                             f"{self.backend}:{MIB}M", "--port", "1",
                             "--type", self.type, "--wait", self.wait,
                             "--json")
        self.path = f"/dev/xsegbd{number}"
        run(xseg, "disk", "add", "--id", str(number), "--depth", str(DEPTH),
            self.segment, "1")

    def close(self):
        xseg = f"{BUILD}/xseg"
        run(xseg, "disk", "remove", self.path)
        self.server.end()
        run(xseg, "detach", self.segment)
        run(xseg, "destroy", self.segment)


class Ublk(Served):
    """ublk_drv and ublk_null.c."""

    def __init__(self, name, *prefix):
        super().__init__(name)
        self.prefix = prefix

    def open(self):
        run("modprobe", "ublk_drv")
        self.server = Server(*self.prefix, f"{BUILD}/bench/ublk_null",
                             "--depth", str(DEPTH), "--size", str(MIB))
        self.path = self.server.stats()["device"]

    def close(self):
        self.server.end()


class Nbdkit(Disk):
    """nbd.ko and nbdkit, over a socket of this machine."""
    made = 0

    def __init__(self, name, plugin):
        super().__init__(name)
        self.plugin = plugin

    def open(self):
        run("modprobe", "nbd", "nbds_max=4")
        self.path = f"/dev/nbd{Nbdkit.made}"
        Nbdkit.made += 1
        socket = tempfile.mktemp(prefix="nbd.")
        # pylint: disable=consider-using-with # it is to outlive this
        try:
            self.server = subprocess.Popen(
                ["nbdkit", "--foreground", "--unix", socket, self.plugin,
                 f"size={MIB}M"])
        except OSError as e:
            raise Missing(str(e)) from e
        await_true(socket, lambda: os.path.exists(socket))
        run("nbd-client", "-unix", socket, self.path)

    def close(self):
        run("nbd-client", "-d", self.path)
        self.server.terminate()
        self.server.wait(60)


class NullBlk(Disk):
    """null_blk.ko as it comes, which moves no data."""

    def open(self):
        run("modprobe", "null_blk", "gb=1", f"hw_queue_depth={DEPTH}")
        self.path = "/dev/nullb0"


class Loop(Disk):
    """loop.ko on a file in memory, direct."""

    def open(self):
        run("modprobe", "loop")
        file = "/dev/shm/bench-loop"
        run("truncate", "-s", f"{MIB}M", file)
        self.path = run("losetup", "--find", "--show", "--direct-io=on",
                        file).strip()

    def close(self):
        run("losetup", "-d", self.path)


class Brd(Disk):
    """brd.ko, a disk in the kernel's memory."""

    def open(self):
        run("modprobe", "brd", "rd_nr=1", f"rd_size={MIB << 10}")
        self.path = "/dev/ram0"


ALL = [
    Xsegbd("xsegbd device", "device", "null"),
    Xsegbd("xsegbd device, sleep", "device", "null", "sleep"),
    Xsegbd("xsegbd futex", "futex", "null"),
    Xsegbd("xsegbd eventfd", "eventfd", "null"),
    Xsegbd("xsegbd device, mem", "device", "mem"),
    Ublk("ublk null"),
    Ublk("ublk null, batch", "chrt", "--batch", "0"),
    Nbdkit("nbdkit null", "null"),
    Nbdkit("nbdkit memory", "memory"),
    NullBlk("null_blk"),
    Loop("loop on tmpfs"),
    Brd("brd"),
]
