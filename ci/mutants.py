#!/usr/bin/env python3
"""Holds the test suite to the bugs planted in ci/mutants: ci/mutants.py check|find [...].

Each NN-area-name.patch plants one bug. Lines in front of its diff say what is wrong ("# ..."), which case of
`gatio explore` must find it ("# case: tasks"), which sources alone use the changed lines of a header
("# objects: a.cpp b.cpp", so that not all includers are compiled again), that nothing finds it where drivers switch
between turns only ("# turns-only: clean"), and, where that is so, why nothing finds it yet ("# not found: ..."). The bugs are built in a copy of this tree, build/mutants/source.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCHES = ROOT / "ci" / "mutants"
SCRATCH = ROOT / "build" / "mutants"
SOURCE, BUILD = SCRATCH / "source", SCRATCH / "build"
GATIO = BUILD / "gatio"
# Quick to compile: no debug info. Our asserts stay, and symmetric transfer stays a tail call.
FLAGS = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++",
         "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -foptimize-sibling-calls"]
# The copy is no work tree: neither git apply nor the build may take it for a part of ours.
ENVIRONMENT = {**os.environ, "GIT_CEILING_DIRECTORIES": str(SCRATCH)}
RUN_DISTANCE = 1_000_000_000  # between the first seeds of two runs of the same bug


class Mutant:
    def __init__(self, path):
        self.path = path
        self.name = path.stem
        text = path.read_text()
        self.head = [line[2:] for line in text.split("---", 1)[0].splitlines() if line.startswith("# ")]
        self.what = self.head[0] if self.head else ""
        self.case = self.field("case")
        self.objects = (self.field("objects") or "").split()
        self.needs_preemption = self.field("turns-only") == "clean"
        self.not_found = self.field("not found")
        self.files = re.findall(r"^\+\+\+ b/(\S+)", text, re.MULTILINE)

    def field(self, name):
        found = [line.removeprefix(name + ": ") for line in self.head if line.startswith(name + ": ")]
        return found[0] if found else None

    def problems(self, cases):
        if not self.what.endswith("."):
            yield "its first line does not say in a sentence what is wrong"
        if self.field("turns-only") not in (None, "clean"):
            yield "turns-only is 'clean' or is not said"
        if self.case not in cases:
            yield f"there is no case '{self.case}' (known: {', '.join(cases)})"
        for name in self.objects:
            if not (ROOT / name).is_file():
                yield f"there is no source {name}"
        applies = subprocess.run(["git", "apply", "--check", self.path], cwd=ROOT, capture_output=True, text=True)
        if applies.returncode != 0:
            yield "does not apply: " + applies.stderr.strip()


def all_mutants(names):
    mutants = [Mutant(path) for path in sorted(PATCHES.glob("*.patch"))]
    chosen = [each for each in mutants if not names or any(name in each.name for name in names)]
    if not chosen:
        sys.exit("mutants: no such patch in ci/mutants: " + " ".join(names))
    return chosen


def known_cases():
    text = (ROOT / "harness/simulation/cases.cpp").read_text()
    return re.findall(r'^ {4}\{"(\w+)",', text, re.MULTILINE)


# Only what differs is written, so that only that is compiled again.
def copy_tree():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    names = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        target, content = SOURCE / name, (ROOT / name).read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for path in SOURCE.rglob("*"):
        if path.is_file() and path.relative_to(SOURCE).as_posix() not in names:
            path.unlink()


def build(jobs):
    """None, or what the compiler said."""
    if not (BUILD / "build.ninja").exists():
        command = ["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", *FLAGS]
        subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    command = ["cmake", "--build", BUILD, "--target", "gatio_program", "-j", str(jobs)]
    built = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    return None if built.returncode == 0 else built.stdout[-3000:]


class Planted:
    """The copy of the tree with a bug in it, for as long as the `with` lasts."""

    def __init__(self, mutant):
        self.mutant = mutant
        self.before = {}

    def __enter__(self):
        for name in self.mutant.files:
            path = SOURCE / name
            self.before[path] = (path.read_bytes(), path.stat().st_mtime_ns)
        subprocess.run(["git", "apply", self.mutant.path], cwd=SOURCE, env=ENVIRONMENT, check=True)
        self.settle_times()

    def __exit__(self, *_):
        for path, (content, _) in self.before.items():
            path.write_bytes(content)
        self.settle_times()

    # A header with its old time makes nobody compile; those who must are touched.
    def settle_times(self):
        if not self.mutant.objects:
            return
        for path, (_, time_ns) in self.before.items():
            os.utime(path, ns=(time_ns, time_ns))
        for name in self.mutant.objects:
            os.utime(SOURCE / name)


# Ends as soon as a seed has failed: what follows would only shrink it. A replay of that seed must fail again.
def explore(case, first_seed, seconds, *flags):
    command = [GATIO, "explore", "--case", case, "--seeds", f"{first_seed}..{first_seed + RUN_DISTANCE - 1}",
               "--minutes", str(seconds / 60), *flags]
    result = {"found": False, "first_seed": first_seed}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=SCRATCH)
    for line in process.stdout:
        if runs := re.match(r"(\d+) runs in ([\d.]+) s", line):
            result |= {"runs": int(runs.group(1)), "seconds": float(runs.group(2))}
        if failed := re.match(r"seed (\d+) fails", line):
            result |= {"seed": int(failed.group(1))}
            process.kill()
            break
    status = process.wait()
    if "seed" not in result:
        if status != 0:
            sys.exit(f"mutants: gatio explore ended with status {status}")
        return result
    replayed = subprocess.run([GATIO, "replay", "--trace", "", f"v1:x:{case}:preempt:seed={result['seed']}"],
                              capture_output=True, text=True, cwd=SCRATCH)
    result["found"] = replayed.returncode == 1
    finding = re.search(r"^(?:[SCR]\d+: .*|.*[Aa]ssert.*)$|(?<=\()ended (?:by signal|with exit code) \d+", replayed.stdout, re.MULTILINE)
    result["finding"] = finding.group(0)[:160] if finding else ""
    return result


# How the library's sources are compiled, as the release build does it: what says where headers are and which C++ it is.
def compiler_and_flags():
    commands = subprocess.run(["ninja", "-C", ROOT / "build" / "release", "-t", "commands", "libgatio.a"], check=True,
                              capture_output=True, text=True).stdout
    words = next(shlex.split(line) for line in commands.splitlines() if "/runtime/ring/ring.cpp" in line)
    flags = []
    for word, following in zip(words, [*words[1:], ""]):
        if word == "-isystem":
            flags += [word, following]
        elif word.startswith(("-I", "-D", "-std=")):
            flags.append(word)
    return [next(word for word in words if word.endswith("g++")), *flags]


def compile_error(mutant, command):
    """None, or what the compiler says of the sources that the bug changes. Nothing is generated."""
    with tempfile.TemporaryDirectory() as folder:
        overlay = pathlib.Path(folder)
        for name in mutant.files:
            (overlay / name).parent.mkdir(parents=True, exist_ok=True)
            (overlay / name).write_bytes((ROOT / name).read_bytes())
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(overlay.parent)}
        subprocess.run(["git", "apply", mutant.path], cwd=overlay, env=environment, check=True)
        for name in [*(name for name in mutant.files if name.endswith(".cpp")), *mutant.objects]:
            source = overlay / name if name in mutant.files else ROOT / name
            checked = subprocess.run([command[0], "-fsyntax-only", f"-I{overlay}", f"-I{overlay}/runtime", *command[1:],
                                      source], capture_output=True, text=True)
            if checked.returncode != 0:
                return checked.stderr[:3000]
    return None


def check(options):
    cases = known_cases()
    mutants = all_mutants(options.names)
    failures = [f"{each.name}: {problem}" for each in mutants for problem in each.problems(cases)]
    if options.build and not failures:
        command = compiler_and_flags()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for each, error in zip(mutants, pool.map(lambda mutant: compile_error(mutant, command), mutants)):
                if error:
                    failures.append(f"{each.name}: does not build\n{error}")
    for failure in failures:
        print(failure)
    print(f"mutants: {len(mutants)} patches, {len(failures)} problems")
    return 1 if failures else 0


def find_one(mutant, options):
    entry = {"name": mutant.name, "what": mutant.what, "case": mutant.case}
    with Planted(mutant):
        if error := build(options.jobs):
            sys.exit(f"mutants: {mutant.name} does not build\n{error}")
        runs = []
        while len(runs) < options.runs and sum(run["seconds"] for run in runs) < options.total:
            runs.append(explore(mutant.case, options.first_seed + len(runs) * RUN_DISTANCE, options.seconds))
        if mutant.needs_preemption:
            entry["turns_only"] = explore(mutant.case, options.first_seed, options.seconds, "--turns-only")
    times = sorted(run["seconds"] for run in runs)
    in_turns = "seed" in entry.get("turns_only", {})
    entry["found"] = all(run["found"] for run in runs) and not in_turns
    entry["runs"] = runs
    entry["median_s"] = round(statistics.median(times), 1)
    entry["p90_s"] = times[(9 * len(times) - 1) // 10]
    entry["worst_s"] = times[-1]
    verdict = f"{entry['median_s']:6.1f} s median, {entry['p90_s']:6.1f} s p90, {entry['worst_s']:6.1f} s worst"
    if not entry["found"]:
        verdict = f"FOUND in {sum(run['found'] for run in runs)} of {len(runs)} runs"
    if in_turns:
        verdict = "FOUND WITHOUT PREEMPTION,"
    elif mutant.needs_preemption:
        verdict += ", clean between turns,"
    print(f"{mutant.name:45} {mutant.case:7} {verdict} of {len(runs)}  {runs[0].get('finding', '')[:70]}", flush=True)
    return entry


# Nothing planted: no seed may fail in the same time. One that a replay does not confirm is no better: a run that
# depends on more than its seed.
def canary(cases, options):
    if error := build(options.jobs):
        sys.exit(f"mutants: the tree itself does not build\n{error}")
    results = []
    for case in cases:
        result = explore(case, options.first_seed, options.seconds)
        result["found"] = "seed" in result
        print(f"{'(nothing planted)':45} {case:7} " + ("FALSIFIED " + str(result) if result["found"] else "clean"),
              flush=True)
        results.append({"case": case, **result})
    return results


def report_of(found, clean, options):
    times = [run["seconds"] for each in found for run in each["runs"] if run["found"]]
    missed = [each["name"] for each in found if not each["found"]]
    revision = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT,
                              capture_output=True, text=True)
    return {
        "context": {
            "date": datetime.date.today().isoformat(),
            "revision": revision.stdout.strip(),
            "num_cpus": os.cpu_count(),
            "kernel": platform.release(),
            "compiler_flags": FLAGS[-1],
            "seconds_limit": options.seconds,
        },
        "found": len(found) - len(missed),
        "missed": missed,
        "median_s": round(statistics.median(times), 1) if times else None,
        "worst_s": max(times) if times else None,
        "canary": clean,
        "mutants": found,
    }


def find(options):
    mutants = [each for each in all_mutants(options.names) if options.names or not each.not_found]
    if options.sample:
        at = datetime.date.today().toordinal() * options.sample
        mutants = [mutants[(at + i) % len(mutants)] for i in range(options.sample)]
    copy_tree()
    clean = canary(sorted({each.case for each in mutants}), options)
    found = []
    for each in mutants:
        found.append(find_one(each, options))
        report = report_of(found, clean, options)
        # Now, not at the end: it takes an hour, and what is cut short is worth something too.
        if options.out:
            pathlib.Path(options.out).write_text(json.dumps(report, indent=1) + "\n")
    missed = report["missed"]
    print(f"mutants: {report['found']} of {len(found)} found, median {report['median_s']} s, worst "
          f"{report['worst_s']} s" + (f"; MISSED: {' '.join(missed)}" if missed else ""))
    return 1 if missed or any(each["found"] for each in clean) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("command", choices=["check", "find"])
    parser.add_argument("names", nargs="*", help="only patches whose name has one of these in it")
    parser.add_argument("--build", action="store_true", help="check: compile what each changes as well")
    parser.add_argument("--seconds", type=float, default=60, help="find: how long one may take")
    parser.add_argument("--first-seed", type=int, default=1, help="find: where the seeds begin")
    parser.add_argument("--runs", type=int, default=1, help="find: how often each, from other seeds")
    parser.add_argument("--total", type=float, default=600, help="find: no more runs of one after so many seconds")
    parser.add_argument("--sample", type=int, default=0, help="find: only so many, others each day")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", help="find: where to write the results as JSON")
    options = parser.parse_args()
    sys.exit(check(options) if options.command == "check" else find(options))


if __name__ == "__main__":
    main()
