"""Runs one command against the sink and prints what it took, as one line of words with tabs:
messages taken, seconds, messages a second, CPU microseconds a message, peak memory in MB, how it ended.

Time runs from the start of sending until the sink has counted the last message, or until the
deadline; then the rate is that of the messages that it took so far. CPU and memory are those of
the command, of the processes named by --also, and of all their children; the sink is in neither.
Memory is the proportional set size, so that what processes share is counted once.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

COUNT_POLL_S = 0.02
MEMORY_POLL_S = 0.25
# How long a command that waits for its own end may take after the last message.
END_WAIT_S = 10
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


class SinkLog:
    """Postfix's `smtp-sink -c`: it prints `mesg=N` and a carriage return for each message."""

    def __init__(self, path):
        self.log = os.open(path, os.O_RDONLY)

    def taken(self):
        size = os.fstat(self.log).st_size
        counts = re.findall(rb"mesg=(\d+)\s", os.pread(self.log, 400, max(0, size - 400)))
        return int(counts[-1]) if counts else 0


class SinkUrl:
    """`postrider mock serve`, asked at its control port."""

    def __init__(self, url):
        self.url = url
        # Whatever proxy the environment names, loopback is asked directly.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def taken(self):
        with self.opener.open(self.url, timeout=5) as answer:
            return json.load(answer)["accepted"]


def trees(roots):
    """The processes `roots` and all below them that are alive: id to CPU ticks, with ended children."""
    ticks, children = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                # The name of a program may hold anything, so fields count from the last bracket.
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        ticks[int(name)] = sum(map(int, fields[11:15]))
        children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = {}, list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in ticks and pid not in found:
            found[pid] = ticks[pid]
            waiting.extend(children.get(pid, []))
    return found


def memory_kb(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.MULTILINE)[1])
        except (OSError, TypeError):
            continue  # It ended in between, or it is one that only root may look at.
    return total


class Run:
    """One command that is being measured."""

    def __init__(self, arguments):
        self.also = arguments.also
        self.used = None  # What the command and its children used, once it has ended.
        self.status = None
        self.peak_kb = 0
        output = subprocess.PIPE if arguments.begins else sys.stderr
        self.began = time.monotonic()
        self.command = subprocess.Popen(arguments.command, stdout=output, stdin=subprocess.DEVNULL)
        if arguments.begins:
            if self.command.stdout.readline() != b"begin\n":
                sys.exit("measure: the command did not say that it begins")
            self.began = time.monotonic()
        self.cpu_before_us = self.cpu_us()

    def look(self):
        """Notices the end of the command."""
        if self.used is None:
            pid, status, used = os.wait4(self.command.pid, os.WNOHANG)
            if pid:
                self.used = used
                self.status = os.waitstatus_to_exitcode(status)
                self.command.returncode = self.status

    def cpu_us(self):
        self.look()
        roots = self.also if self.used else [*self.also, self.command.pid]
        own = (self.used.ru_utime + self.used.ru_stime) * 1_000_000 if self.used else 0
        return own + sum(trees(roots).values()) * TICK_US

    def sample_memory(self):
        self.look()
        roots = self.also if self.used else [*self.also, self.command.pid]
        self.peak_kb = max(self.peak_kb, memory_kb(trees(roots)))

    def follow(self, sink, count, deadline_s):
        """Returns the messages taken and the seconds that they took."""
        sample_at = self.began
        while True:
            messages, seconds = sink.taken(), time.monotonic() - self.began
            if messages >= count or seconds > deadline_s:
                return messages, seconds
            if self.status:
                sys.exit(f"measure: the command failed with {self.status} after {messages} messages")
            if time.monotonic() >= sample_at:
                self.sample_memory()
                sample_at = time.monotonic() + MEMORY_POLL_S
            time.sleep(COUNT_POLL_S)

    def end(self, is_complete):
        """Lets a complete run come to its own end, such as writing its last receipts."""
        self.sample_memory()
        until = time.monotonic() + (END_WAIT_S if is_complete else 0)
        while self.used is None and time.monotonic() < until:
            time.sleep(COUNT_POLL_S)
            self.look()
        cpu_us = self.cpu_us() - self.cpu_before_us
        if self.used is None:
            self.command.kill()
            self.command.wait()
            return cpu_us, "cut"
        if self.status:
            sys.exit(f"measure: the command failed with {self.status}")
        return cpu_us, "complete" if is_complete else "cut"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    sinks = parser.add_mutually_exclusive_group(required=True)
    sinks.add_argument("--sink-log", type=SinkLog, dest="sink", help="what `smtp-sink -c` prints")
    sinks.add_argument("--sink-url", type=SinkUrl, dest="sink", help="where the mock says its progress")
    parser.add_argument("--count", type=int, required=True, help="messages that are sent")
    parser.add_argument("--deadline", type=float, default=15, help="seconds after which it is cut")
    parser.add_argument("--also", type=int, action="append", default=[], help="a process that counts too")
    parser.add_argument("--begins", action="store_true", help="the command prints `begin` when loaded")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    sink = arguments.sink
    before = sink.taken()
    run = Run(arguments)
    messages, seconds = run.follow(sink, before + arguments.count, arguments.deadline)
    messages -= before
    if not messages:
        sys.exit("measure: the sink took nothing")
    cpu_us, ending = run.end(messages >= arguments.count)
    figures = [messages, f"{seconds:.2f}", f"{messages / seconds:.1f}", f"{cpu_us / messages:.1f}"]
    print(*figures, f"{run.peak_kb / 1024:.1f}", ending, sep="\t")


main()
