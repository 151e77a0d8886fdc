#!/usr/bin/env python3
"""Checks layers, bans and style of this tree: ci/check.py [ROOT].

Prints one line per finding, "file:line: rule: what, and what to do", and exits with 1 if there is any. The
rules read text, not C++: comments and strings are blanked out first, the rest is regular expressions. What
they cannot know (a call through a macro, say) they do not find.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

# Which layer may include which; each may include itself. Bottom-up, as in the README of runtime/.
RUNTIME = ["base", "config", "kernel", "memory", "ring", "task", "driver", "tpc", "net"]
LAYERS = {
    "runtime/base": [],
    "runtime/config": ["runtime/base"],
    "runtime/kernel": ["runtime/base"],
    "runtime/memory": ["runtime/base", "runtime/kernel"],
    "runtime/ring": ["runtime/base", "runtime/kernel", "runtime/memory"],
    "runtime/task": ["runtime/base", "runtime/memory"],
}
for _name in ["driver", "tpc", "net"]:
    LAYERS[f"runtime/{_name}"] = [f"runtime/{below}" for below in RUNTIME[: RUNTIME.index(_name)]]
LAYERS["runtime"] = [f"runtime/{name}" for name in RUNTIME]  # gatio.hpp, runtime.hpp
PUBLIC = ["runtime", *LAYERS["runtime"]]
LAYERS["runtime/examples"] = PUBLIC
LAYERS["fakes"] = ["runtime/base", "runtime/kernel"]
LAYERS["scenarios"] = PUBLIC
LAYERS["harness"] = [*PUBLIC, "fakes", "scenarios"]
LAYERS["ci"] = PUBLIC

FOLDERS = [layer for layer in LAYERS] + ["results", "scripts"]
TOP_FILES = ["README.md", "CMakeLists.txt", "CMakePresets.json"]
TEXT = {".cpp", ".hpp", ".h", ".c", ".py", ".sh", ".md", ".toml", ".cmake", ".in", ".txt", ""}

TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.(cpp|hpp)$|^harness/properties/")
LINUX_FILE = re.compile(r"^runtime/kernel/linux_[^/]*\.cpp$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
TEST_LIBRARY = re.compile(r"^(gtest|gmock|rapidcheck)[./]")
SLOW_LIBRARY = re.compile(r"^(CLI/|toml\+\+/|nlohmann/json\.hpp)")

# Entering the kernel by liburing's own inline system calls, past the seam.
LIBURING = re.compile(
    r"\bio_uring_(submit|wait_|peek_|enter|register|unregister|queue_init|queue_exit|queue_mmap|get_events"
    r"|get_probe|setup|close_ring_fd|free_buf_ring)\w*")
SYSTEM_CALL = re.compile(
    r"\b(syscall|socket|bind|listen|accept4?|connect|[gs]etsockopt|getsockname|getpeername|recv(?:from|msg)?"
    r"|send(?:to|msg)?)\s*\(")
GLOBAL_ONLY = re.compile(r"::\s*(close|shutdown)\s*\(")  # without "::" these are likely methods of ours
CLOCK_OR_CHANCE = re.compile(r"\b(sleep|usleep|nanosleep|clock_gettime|gettimeofday|s?rand|random)\s*\(")
BANNED_TYPE = re.compile(r"\bstd\s*::\s*(this_thread|random_device)\b|\b\w+_clock\s*::\s*now\b")
BLOCKING_TYPE = re.compile(
    r"\bstd\s*::\s*((?:\w+_)?mutex|condition_variable(?:_any)?|barrier|latch|(?:counting|binary)_semaphore)\b")
CALLING_WORDS = {"return", "co_return", "co_await", "co_yield", "else", "do", "throw", "case", "not", "and", "or"}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
TYPE_OR_NAMESPACE = re.compile(r"(^|[\s>])(namespace|class|struct|union|enum|extern)\b[^()]*$|^\s*extern\b")
BLANKED = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"([^(\s]*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)

FILE_LINES = 400
FUNCTION_LINES = 70
README_LINES = 40


def blank_comments_and_strings(text):
    """The same text, line for line, in which only code is left."""
    return BLANKED.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def layer_of(path):
    """The layer of a file, or None for a folder below runtime/ that is no layer."""
    parts = path.split("/")
    if parts[0] != "runtime":
        return parts[0]
    if len(parts) == 2:
        return "runtime"
    layer = "/".join(parts[:2])
    return layer if layer in LAYERS else None


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.findings = []
        self.files = sorted(self._walk())
        self.sources = [path for path in self.files if path.endswith((".cpp", ".hpp"))]
        self.edges = {}  # folder -> {folder it includes: "file:line"}

    def _walk(self):
        for name in TOP_FILES:
            if (self.root / name).exists():
                yield name
        for top in sorted({folder.split("/")[0] for folder in FOLDERS} | {"cmake", ".ci"}):
            for folder, subfolders, names in os.walk(self.root / top):
                subfolders[:] = [name for name in subfolders if not name.startswith((".", "__"))]
                for name in names:
                    yield (pathlib.Path(folder) / name).relative_to(self.root).as_posix()

    def report(self, path, line, rule, text):
        self.findings.append((path, line, f"{path}:{line}: {rule}: {text}"))

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def check(self, formatted=True):
        for path in self.sources:
            text = self.read(path)
            code = blank_comments_and_strings(text)
            self.check_includes(path, text, code)
            if path.startswith("runtime/") and not TEST_FILE.search(path) and not LINUX_FILE.search(path):
                self.check_bans(path, code)
            self.check_shape(path, text, code)
        self.check_cycles()
        for path in self.files:
            self.check_text(path)
        self.check_readmes()
        if formatted:
            self.check_format()
        return [text for _, _, text in sorted(self.findings)]

    # (a) Layers

    def check_includes(self, path, text, code):
        layer = layer_of(path)
        if layer is None:
            self.report(path, 1, "layer", "this folder is no layer; name it in LAYERS of ci/check.py")
            return
        code_lines = code.split("\n")
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if match is None or not code_lines[number - 1].strip():
                continue
            quoted, name = match.group(1) == '"', match.group(2)
            target = self.resolve(name)
            if target is not None:
                self.check_layer(path, number, layer, target)
            elif quoted:
                self.report(path, number, "layer", f'"{name}" does not exist; write includes of ours from the '
                            "root of the repository, and a library's in <>")
            elif not TEST_FILE.search(path) and TEST_LIBRARY.match(name):
                self.report(path, number, "layer", f"<{name}> belongs in tests only")
            elif name.startswith("benchmark/") and not path.startswith("harness/bench/"):
                self.report(path, number, "layer", f"<{name}> belongs in harness/bench/ only")
            elif path.endswith(".hpp") and SLOW_LIBRARY.match(name):
                self.report(path, number, "layer", f"<{name}> is slow to compile; include it in a .cpp only")

    def resolve(self, name):
        """The file of ours that an include names, or None: the compiler looks in the root and in runtime/."""
        for folder in ["", "runtime"]:
            if (self.root / folder / name).is_file():
                return os.path.normpath(os.path.join(folder, name))
        return None

    def check_layer(self, path, number, layer, target):
        below = layer_of(target)
        if below != layer and below not in LAYERS.get(layer, []):
            allowed = ", ".join(LAYERS.get(layer, [])) or "nothing of ours"
            self.report(path, number, "layer", f"{layer} may not include {target}; it may include {allowed}")
        # Nothing includes a main or a test, so what those include closes no cycle.
        if TEST_FILE.search(path) or path.endswith("/main.cpp"):
            return
        here, there = os.path.dirname(path), os.path.dirname(target)
        if here != there:
            self.edges.setdefault(here, {}).setdefault(there, (path, number))

    def check_cycles(self):
        """Reports each cycle of folders once, at the include that closes it."""
        done, trail = set(), []

        def visit(folder):
            if folder in trail:
                cycle = trail[trail.index(folder):] + [folder]
                path, number = self.edges[trail[-1]][folder]
                self.report(path, number, "cycle", "folders include each other: " + " -> ".join(cycle))
                return
            if folder in done:
                return
            trail.append(folder)
            for below in sorted(self.edges.get(folder, {})):
                visit(below)
            trail.pop()
            done.add(folder)

        for folder in sorted(self.edges):
            visit(folder)

    # (b) Bans: what the runtime may only do through Kernel and Prng

    def check_bans(self, path, code):
        def ban(match, text):
            self.report(path, code.count("\n", 0, match.start()) + 1, "ban", text)

        for match in LIBURING.finditer(code):
            ban(match, f"{match.group(0)} enters the kernel past the seam; call Ring or Kernel")
        for match in SYSTEM_CALL.finditer(code):
            if is_plain_call(code, match.start()):
                ban(match, f"{match.group(1)}() is a system call; call Kernel's (for a method of ours write this->)")
        for match in GLOBAL_ONLY.finditer(code):
            if is_plain_call(code, match.start(1)):
                ban(match, f"::{match.group(1)}() is a system call; call Kernel's")
        for match in CLOCK_OR_CHANCE.finditer(code):
            if is_plain_call(code, match.start(), std=True):
                ban(match, f"{match.group(1)}() cannot be simulated; time comes from Kernel, chance from Prng")
        for match in BANNED_TYPE.finditer(code):
            ban(match, f"{match.group(0)} cannot be simulated; time comes from Kernel, chance from Prng")
        if path.startswith(("runtime/driver/", "runtime/tpc/")):
            for match in BLOCKING_TYPE.finditer(code):
                ban(match, f"{match.group(0)} blocks a driver; drivers talk by messages")

    # (c) Style

    def check_shape(self, path, text, code):
        lines = text.split("\n")
        count = text.count("\n")
        if count > FILE_LINES:
            self.report(path, FILE_LINES + 1, "style", f"{count} lines; a file has at most {FILE_LINES}")
        if path.endswith(".hpp"):
            first_code = next((number for number, line in enumerate(lines, 1) if not line.startswith("//")), 1)
            if not lines[0].startswith("// "):
                self.report(path, 1, "style", "a header opens with a paragraph: what it is, who owns it, which "
                            "thread may touch it")
            elif lines[first_code - 1].strip() != "#pragma once":
                self.report(path, first_code, "style", "#pragma once follows right after the opening paragraph")
        for start, end in functions(code):
            if end - start + 1 > FUNCTION_LINES:
                self.report(path, start, "style", f"a function of {end - start + 1} lines; at most {FUNCTION_LINES}")

    def check_text(self, path):
        if pathlib.PurePosixPath(path).suffix not in TEXT or path.startswith("results/"):
            return
        for number, line in enumerate(self.read(path).split("\n"), 1):
            match = UNFINISHED.search(line)
            if match:
                self.report(path, number, "style", f"{match.group(0)}: finish it, or open an issue")
            if "\t" in line:
                self.report(path, number, "style", "a tab; indent with spaces")

    def check_readmes(self):
        for folder in FOLDERS:
            path = f"{folder}/README.md"
            if not (self.root / path).is_file():
                self.report(path, 1, "style", "missing; say what the folder is, what it may include, what to read first")
                continue
            count = self.read(path).count("\n")
            if count > README_LINES:
                self.report(path, README_LINES + 1, "style", f"{count} lines; a folder's README has at most {README_LINES}")

    def check_format(self):
        tool = shutil.which("clang-format-14")
        if tool is None:
            sys.exit("ci/check.py: clang-format-14 is missing; scripts/setup --ci installs it")
        if not self.sources:
            return
        run = subprocess.run([tool, "--dry-run", "-Werror", *self.sources], cwd=self.root, text=True,
                             stderr=subprocess.PIPE, check=False)
        reported = set()
        for path, line in re.findall(r"^(\S+?):(\d+):\d+: error:", run.stderr, re.MULTILINE):
            if path not in reported:
                self.report(path, int(line), "format", f"not formatted; run clang-format-14 -i {path}")
            reported.add(path)
        if run.returncode != 0 and not reported:
            sys.exit(f"ci/check.py: clang-format-14 failed: {run.stderr.strip()}")


def is_plain_call(code, position, std=False):
    """Whether the name at `position` is called as a global function: not a method, not in a namespace (other
    than std, if `std`), not the declaration of something with that name."""
    before = code[:position].rstrip()
    if before.endswith((".", "->")):
        return False
    if before.endswith("::"):
        scope = re.search(r"(\w+|>)$", before[:-2])
        return scope is None or (std and scope.group(1) == "std")
    word = re.search(r"\w+$", before)
    if word:
        return word.group(0) in CALLING_WORDS
    # `Result<int> send(`, `Stream& send(`, `void* bind(` declare; `ready && send(` calls.
    return not re.search(r"[\w>](>|[*&])$|[\w>]\s*>$", before)


def functions(code):
    """(first line, last line) of each outermost block with a parameter list in front of it: a heuristic that
    takes functions, TEST bodies and lambdas at namespace level, from their opening to their closing brace."""
    found, stack, line, since = [], [], 1, 0
    for position, letter in enumerate(code):
        if letter == "\n":
            line += 1
        elif letter == "{":
            head = code[since:position]
            inside = any(kind for kind, _ in stack)
            scope = TYPE_OR_NAMESPACE.search(re.sub(r"^\s*#.*$", "", head, flags=re.MULTILINE))
            is_function = not inside and "(" in head and not scope
            stack.append((is_function, line))
        elif letter == "}" and stack:
            is_function, start = stack.pop()
            if is_function:
                found.append((start, line))
        if letter in "{};":
            since = position + 1
    return found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    tree = Tree(root)
    findings = tree.check()
    for finding in findings:
        print(finding)
    print(f"check: {len(tree.sources)} source files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
