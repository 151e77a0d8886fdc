#!/usr/bin/env python3
"""The canary of the builds in which warnings are errors: ci/warning_canary.py BUILD_FOLDER. Compiles a source with a
warning as that build compiles its own, and ends with 1 if that goes well."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

MODEL = "fakes/events_test.cpp"  # whose flags are taken
PLANTED = "int main() { int unused = 1; }\n"


def command_for(build, source):
    listed = subprocess.run(["ninja", "-C", build, "-t", "compdb"], check=True, capture_output=True, text=True)
    model = next(each for each in json.loads(listed.stdout) if each["file"].endswith(MODEL))
    words, command = iter(shlex.split(model["command"])), []
    for word in words:
        if word in ("-MT", "-MF", "-o"):
            next(words)
        elif word.endswith(MODEL):
            command.append(str(source))
        elif word != "-MD":
            command.append(word)
    return [*command, "-o", os.devnull], model["directory"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "planted.cpp"
        for text, goes_well in [(PLANTED, False), (PLANTED.replace("int unused = 1; ", ""), True)]:
            source.write_text(text)
            command, directory = command_for(sys.argv[1], source)
            compiled = subprocess.run(command, cwd=directory, capture_output=True, text=True)
            if (compiled.returncode == 0) != goes_well:
                sys.exit(f"warning_canary: {text.strip()!r} {'does not compile' if goes_well else 'compiles'}\n"
                         + compiled.stderr)
    print("warning_canary: a source with a warning does not compile, and does without it")


if __name__ == "__main__":
    main()
