#!/usr/bin/env python3
"""Holds the results of `gatio run scenarios/static.toml --quick` against what must be so on any machine:
ci/quick.py RESULTS.json FAKE.json. A key that is missing is a failure too. FAKE.json is the same scenario on the
fake kernel: with one connection it must have counted for each request what the real ring did. Prints what it proved,
or each thing that does not hold and ends with 1."""

import json
import statistics
import sys

SERVERS = ["mix:1both", "mix:1io+1exec", "mix:2both", "target:floor", "target:nginx"]
CONNECTIONS = [1, 64]


def problems_of_mix(server, entry):
    """What does not hold of one pass of a server of ours, whose drivers counted."""
    gatio = entry["gatio"]
    drivers, requests = gatio["drivers"], gatio["server_requests"]
    roles = {"mix:1both": ["both"], "mix:1io+1exec": ["exec", "io"], "mix:2both": ["both", "both"]}[server]
    if sorted(driver["role"] for driver in drivers) != roles:
        yield f"its drivers' roles are not {roles}"
    if requests < entry["iterations"]:
        yield f"it counted {requests} requests, and {entry['iterations']} were answered"
    if gatio["server_errors"] != 0:
        yield f"it counted {gatio['server_errors']} errors"
    if sum(driver["requests"] for driver in drivers) != requests:
        yield "its drivers' requests do not add up to its own"
    if sum(driver["tasks"] for driver in drivers) < requests:
        yield f"its drivers ran fewer tasks than {requests}, the requests"
    for driver in drivers:
        tasks, io_sqes = driver["tasks"], driver["io_sqes"]
        if driver["role"] == "io" and (tasks != 0 or io_sqes == 0):
            yield f"its io driver ran {tasks} tasks and submitted {io_sqes} operations"
        if driver["role"] == "exec" and (tasks == 0 or io_sqes != 0):
            yield f"its exec driver ran {tasks} tasks and submitted {io_sqes} operations"


# How far the counters of a real run, which include its start and its drain, may be from those of the fake. Across
# two drivers a message may now and then find its driver still awake.
TOLERANCE = {"mix:1both": 0.02, "mix:2both": 0.02, "mix:1io+1exec": 0.05}


def problems_beside_fake(results, fake):
    """Where the fake kernel and the real one disagree about what a request costs: by the median of the passes, since
    the machine may interrupt one of them so that a driver finds two things done when it wakes."""
    counters = ["enters_per_req", "sqes_per_req", "cqes_per_req", "handoffs_per_req"]
    faked = {entry["name"]: entry for entry in fake["benchmarks"]}
    for server, tolerance in TOLERANCE.items():
        name = f"static/{server}/conns:1"
        passes = [entry for entry in results["benchmarks"] if entry["name"] == name]
        for counter in counters if passes else []:  # problems_of() says that they are missing
            real, exact = statistics.median(entry[counter] for entry in passes), faked[name][counter]
            if abs(real - exact) > tolerance * max(exact, 1):
                yield f"{name}: {counter} is {real:.4f} on Linux and {exact:.4f} on the fake kernel"


def problems_of(results):
    if results["context"]["complete"] is not True:
        yield "the run is not complete"
    wanted = {f"static/{server}/conns:{count}": server for server in SERVERS for count in CONNECTIONS}
    entries = results["benchmarks"]
    for name in wanted.keys() - {entry["name"] for entry in entries}:
        yield f"{name}: missing"
    for entry in entries:
        name = entry["name"]
        if name not in wanted:
            yield f"{name}: unknown; name it in ci/quick.py"
            continue
        errors = {"errors": entry["errors"], **entry["gatio"]["load_errors"]}
        if any(errors.values()):
            yield f"{name}: errors: {errors}"
        if entry["iterations"] <= 0 or entry["cpu_time"] <= 0:
            yield f"{name}: {entry['iterations']} requests for {entry['cpu_time']} ns of CPU each"
        if wanted[name].startswith("mix:"):
            yield from (f"{name}: {problem}" for problem in problems_of_mix(wanted[name], entry))


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: ci/quick.py RESULTS.json FAKE.json")
    results, fake = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
    try:
        problems = sorted([*problems_of(results), *problems_beside_fake(results, fake)])
    except KeyError as key:
        problems = [f"the key {key} is missing"]
    for problem in problems:
        print(f"quick: FAILED: {problem}")
    if problems:
        sys.exit(1)
    print(f"quick: {len(results['benchmarks'])} passes of {', '.join(SERVERS)}: no errors; io drivers ran no task, "
          "exec drivers submitted no I/O, and tasks are at least as many as requests; one connection costs on the "
          "fake kernel what it costs here")


if __name__ == "__main__":
    main()
