"""Fails if the branch coverage of a package that numbers rest on is below its floor; prints every package's."""

import json
import sys
from collections import defaultdict
from pathlib import Path

FLOORS = {"analysis": 90.0, "pruning": 90.0, "store": 90.0}


def shares(report):
    """Percent of statements and branches covered, by package."""
    counts = defaultdict(lambda: [0, 0])
    for name, found in report["files"].items():
        package = Path(name).parts[2] if len(Path(name).parts) > 3 else "top level"
        summary = found["summary"]
        counts[package][0] += summary["covered_lines"] + summary["covered_branches"]
        counts[package][1] += summary["num_statements"] + summary["num_branches"]
    return {package: 100 * covered / total for package, (covered, total) in counts.items() if total}


def main(path):
    """Print the shares, and exit with 1 where a floor is not reached."""
    report = json.loads(Path(path).read_text())
    found = shares(report)
    for package, share in sorted(found.items()):
        print(f"{package:12} {share:5.1f} %")
    print(f"{'all':12} {report['totals']['percent_covered']:5.1f} %")
    low = [
        f"{package} {found.get(package, 0.0):.1f} % < {floor:g} %"
        for package, floor in FLOORS.items()
        if found.get(package, 0.0) < floor
    ]
    if low:
        sys.exit(f"below the floor: {', '.join(low)}")


if __name__ == "__main__":
    main(sys.argv[1])
