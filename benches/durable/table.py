"""Prints what durability costs: `table.py FOLDER CONNECTIONS`, with what `run` left in the folder.

Ratios are taken within each pair; the table has their median, and the least and the most. It ends
with 1 when a median is below what it must be.
"""

import json
import sys
from pathlib import Path
from statistics import median

# The least that the rate with SQLite may be of what it is held against.
LEAST_ALONE = 0.8
LEAST_OVER_A_NETWORK = 0.9


def read(folder):
    """The runs: by round trip and pair, each by its store."""
    runs = {}
    for path in sorted(folder.glob("*.json")):
        rtt, pair, store, _ = path.name.split(".")
        runs.setdefault(rtt, {}).setdefault(pair, {})[store] = json.loads(path.read_text())
    return runs


def spread(figures, form):
    """The median, and the least and the most where there is more than one."""
    if len(figures) < 2:
        return format(median(figures), form)
    return f"{median(figures):{form}} ({min(figures):{form}} to {max(figures):{form}})"


def bound(pair, connections):
    """The best rate that a pair allows: without keeping anything, or by its commits."""
    by_commits = connections / (pair["sqlite"]["commit_p50_us"] / 1e6)
    return min(pair["memory"]["rate_achieved"], by_commits)


def show(rtt, pairs, connections):
    """The rows of one round trip; whether the ratio is high enough."""
    rate = {
        store: [pair[store]["rate_achieved"] for pair in pairs] for store in ("sqlite", "memory")
    }
    commits_us = [pair["sqlite"]["commit_p50_us"] for pair in pairs]
    per_message = [pair["sqlite"]["commits_per_message"] for pair in pairs]
    if rtt == "0ms":
        least, against = LEAST_ALONE, f"min(memory, {connections} / median commit)"
        ratios = [pair["sqlite"]["rate_achieved"] / bound(pair, connections) for pair in pairs]
    else:
        least, against = LEAST_OVER_A_NETWORK, "memory"
        ratios = [
            pair["sqlite"]["rate_achieved"] / pair["memory"]["rate_achieved"] for pair in pairs
        ]
    is_met = median(ratios) >= least
    print(f"round trip {rtt}, {connections} connections, pairs: {len(pairs)}")
    print(f"  sqlite        {spread(rate['sqlite'], ',.0f')} messages/s")
    print(f"  memory        {spread(rate['memory'], ',.0f')} messages/s")
    print(f"  median commit {spread(commits_us, ',.0f')} us")
    print(f"  commits       {spread(per_message, '.3f')} a message")
    word = "met" if is_met else "MISSED"
    print(f"  sqlite / {against}: {spread(ratios, '.2f')}, at least {least}: {word}")
    return is_met


def main():
    runs = read(Path(sys.argv[1]))
    connections = int(sys.argv[2])
    results = [show(rtt, list(pairs.values()), connections) for rtt, pairs in runs.items()]
    sys.exit(0 if all(results) else 1)


main()
