#!/usr/bin/env python3
"""What others see of the program gatio, each check on a real server: ci/serve.py [BUILD FOLDER].

Prints one line for each thing proven, and ends with 1 at the first that does not hold. Ends only the processes
that it started.
"""

import contextlib
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_S = 20  # until a server says where it listens
END_S = 20  # until it has drained
IDLE_S = 5
IDLE_CPU_MS = 10
BODY = "Hello, World!"

LUA = """
local requests = {}
for i = 1, 16 do requests[i] = "GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n" end
local text = table.concat(requests)
request = function() return text end
done = function(summary)
  local e = summary.errors
  local sum = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("answers=%d errors=%d\\n", summary.requests, sum))
end
"""


class Failed(Exception):
    pass


def require(holds, text):
    if not holds:
        raise Failed(text)


def run(*command, timeout=60):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def started(*command, **options):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def first_port(server):
    readable, _, _ = select.select([server.stdout], [], [], START_S)
    require(readable, f"the server said nothing in {START_S} s")
    line = server.stdout.readline()
    if not line:
        raise Failed(f"the server ended with {server.wait(END_S)} before it served")
    return json.loads(line)["listening"][0]["port"]


def config(folder, port):
    path = folder / f"port-{port}.toml"
    path.write_text(f'[[listener]]\nport = {port}\nhandler = "hello"\n')
    return path


def example_is_what_the_readme_shows(gatio):
    example = ROOT / "runtime/examples/server.toml"
    checked = run(gatio, "check", example)
    require(checked.returncode == 0, f"gatio check {example} says {checked.returncode}: {checked.stderr}")
    shown = "".join(f"    {line}" if line.strip() else line for line in example.read_text().splitlines(True))
    require(shown in (ROOT / "README.md").read_text(), f"README.md does not show {example} as it is")
    return "the configuration in README.md is runtime/examples/server.toml, and gatio check takes it"


def answers_curl(url):
    got = run("curl", "--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}", url)
    require(got.stdout == f"{BODY}\n200", f"curl got {got.stdout!r}, {got.stderr}")
    return f"curl gets 200 and {BODY!r}"


def serves_h2load(url):
    got = run("h2load", "--h1", "-n", "2000", "-c", "16", "-t", "1", url)
    line = re.search(r"^requests: .*$", got.stdout, re.MULTILINE)
    require(line and " 2000 succeeded, 0 failed, 0 errored, 0 timeout" in line.group(0), got.stdout + got.stderr)
    return "h2load: 2000 of 2000 requests on 16 connections succeeded"


def serves_pipelined(url, folder):
    script = folder / "pipeline.lua"
    script.write_text(LUA)
    got = run("wrk", "-t", "1", "-c", "16", "-d", "1s", "-s", script, url)
    counted = re.search(r"answers=(\d+) errors=(\d+)", got.stdout)
    require(counted, got.stdout + got.stderr)
    require(int(counted[1]) > 0 and int(counted[2]) == 0, f"wrk counted {counted[0]}")
    return f"wrk, 16 requests at a time: {counted[1]} answers, no errors"


def sleeps_when_idle(pid):
    clock = ~pid << 3 | 2  # clock_getcpuclockid(3): the CPU time of all its threads
    time.sleep(0.5)
    before = time.clock_gettime_ns(clock)
    require(before > 0, "the server's CPU clock does not run")
    time.sleep(IDLE_S)
    spent_ms = (time.clock_gettime_ns(clock) - before) / 1e6
    require(spent_ms < IDLE_CPU_MS, f"idle, the server used {spent_ms:.1f} ms of CPU in {IDLE_S} s")
    return f"idle, the server used {spent_ms:.2f} ms of CPU in {IDLE_S} s (allowed: {IDLE_CPU_MS})"


def second_is_refused(gatio, folder, port):
    second = run(gatio, "serve", config(folder, port), timeout=END_S)
    require(second.returncode == 2, f"the second server on port {port} ended with {second.returncode}")
    sentence = second.stderr.strip()
    require(f"port-{port}.toml:1: " in sentence and f":{port}/tcp: " in sentence and "driver " in sentence
            and "already in use" in sentence, f"the second server's sentence: {sentence!r}")
    return f"a second server on the same port ends with 2: {sentence}"


def drains_on_sigterm(server, metrics_file):
    server.send_signal(signal.SIGTERM)
    code = server.wait(END_S)
    require(code == 0, f"after SIGTERM the server ended with {code}")
    metrics = json.loads(metrics_file.read_text())
    require(metrics["requests"] > 2000, f"only {metrics['requests']} requests were counted")
    require(metrics["requests"] == metrics["answers"], f"{metrics['requests']} requests, {metrics['answers']} answers")
    require(metrics["errors"] == 0, f"{metrics['errors']} errors were counted")
    return f"SIGTERM ends it with 0; {metrics['requests']} requests, as many answers, no errors"


def serve(gatio, folder):
    metrics = folder / "metrics.json"
    with started(gatio, "serve", config(folder, 0), "--metrics", metrics, stdout=subprocess.PIPE, text=True) as server:
        port = first_port(server)
        url = f"http://127.0.0.1:{port}/"
        yield answers_curl(url)
        yield serves_h2load(url)
        yield serves_pipelined(url, folder)
        yield second_is_refused(gatio, folder, port)
        yield sleeps_when_idle(server.pid)
        yield answers_curl(url) + ", also after all that"
        yield drains_on_sigterm(server, metrics)


def processes():
    """pid -> (parent, start time, name) of every process that is no zombie."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            name, rest = pathlib.Path(f"/proc/{entry}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue  # it ended meanwhile
        fields = rest.split()
        if fields[0] not in "ZX":
            found[int(entry)] = (int(fields[1]), fields[19], name)
    return found


def descendants(pid):
    everybody, family = processes(), {pid}
    while True:
        more = {each for each, (parent, _, _) in everybody.items() if parent in family} - family
        if not more:
            return {each: everybody[each] for each in family - {pid}}
        family |= more


def wait_until(condition, seconds, text):
    deadline = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < deadline, text())
        time.sleep(0.05)


def killed_runner_leaves_no_child(gatio, folder):
    environment = {**os.environ, "TMPDIR": str(folder)}
    with started(gatio, "run", ROOT / "scenarios/static.toml", "--quick", stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL, env=environment) as runner:
        # A server and the load that it is under, or nginx and its worker.
        wait_until(lambda: len(descendants(runner.pid)) >= 2 or runner.poll() is not None, 60,
                   lambda: "gatio run started no server and load in a minute")
        runner.send_signal(signal.SIGSTOP)  # so that it starts nothing while we look
        family = descendants(runner.pid)
        require(family, f"gatio run ended with {runner.poll()}, or its children did")
        runner.kill()
        runner.wait()

        def left():
            now = processes()
            return {pid: name for pid, (_, start, name) in family.items() if pid in now and now[pid][1] == start}

        wait_until(lambda: not left(), 5, lambda: f"of a killed gatio run there is left: {left()}")
    names = ", ".join(sorted(name for _, _, name in family.values()))
    return f"a killed gatio run leaves none of its children ({names})"


def main():
    gatio = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve() / "gatio"
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            print("serve:", example_is_what_the_readme_shows(gatio), flush=True)
            for proven in serve(gatio, folder):
                print("serve:", proven, flush=True)
            print("serve:", killed_runner_leaves_no_child(gatio, folder), flush=True)
    except (Failed, subprocess.TimeoutExpired) as failure:
        sys.exit(f"serve: FAILED: {failure}")


if __name__ == "__main__":
    main()
