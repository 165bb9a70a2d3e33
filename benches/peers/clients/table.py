"""Prints the table of all runs: `table.py RUNS text|markdown`, with the contenders on standard input.

A ratio is that of a contender to Postrider within one pair; the table has the median over the
pairs, and the least and the most. The other figures are medians over all runs of a contender.
"""

import sys
from collections import defaultdict
from statistics import median

HEAD = [
    "",
    "messages/s",
    "runs (cut)",
    "CPU µs/message",
    "memory MB",
    "rate ÷ Postrider's",
    "CPU ÷ Postrider's",
    "keeps",
]


def read(path):
    """The runs by contender, and the pairs by contender: (Postrider's run, its own)."""
    runs, pairs = defaultdict(list), defaultdict(dict)
    with open(path) as lines:
        for line in lines:
            name, beside, pair, _, _, rate, cpu_us, memory_mb, ending = line.rstrip("\n").split("\t")
            run = (float(rate), float(cpu_us), float(memory_mb), ending)
            runs[name].append(run)
            pairs[beside, pair]["postrider" if name == "postrider" else "peer"] = run
    return runs, pairs


def spread(figures, form):
    """The median, and the least and the most where there is more than one."""
    if len(figures) < 2:
        return format(median(figures), form)
    return f"{median(figures):{form}} ({min(figures):{form}} to {max(figures):{form}})"


def row(name, title, keeps, runs, pairs):
    own = [pair for (beside, _), pair in pairs.items() if beside == name]
    rates = [pair["peer"][0] / pair["postrider"][0] for pair in own]
    costs = [pair["peer"][1] / pair["postrider"][1] for pair in own]
    cut = sum(run[3] == "cut" for run in runs)
    return [
        title,
        spread([run[0] for run in runs], ",.0f"),
        f"{len(runs)} ({cut})",
        f"{median(run[1] for run in runs):,.0f}",
        f"{median(run[2] for run in runs):,.0f}",
        spread(rates, ".2f") if own else "1",
        spread(costs, ".2f") if own else "1",
        keeps,
    ]


def main(path, table_format):
    runs, pairs = read(path)
    rows = [HEAD]
    for line in sys.stdin:
        name, _, title, keeps = line.rstrip("\n").split("|")
        if name in runs:
            rows.append(row(name, title, keeps, runs[name], pairs))
    if table_format == "markdown":
        rows.insert(1, ["---", *["---:"] * (len(HEAD) - 2), "---"])
        for cells in rows:
            print("| " + " | ".join(cells) + " |")
        return
    rows = [[cell.replace("`", "") for cell in cells] for cells in rows]
    widths = [max(len(cells[place]) for cells in rows) for place in range(len(HEAD))]
    for cells in rows:
        middle = [cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1])]
        print("  ".join([cells[0].ljust(widths[0]), *middle, cells[-1]]))


main(*sys.argv[1:])
