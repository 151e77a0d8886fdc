#!/usr/bin/env python3
"""Proves that `ci/mutants.py check` finds a patch that says too little, or that no longer applies."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mutants

# Takes the first line of README.md away; three more stand behind it.
def diff_of(first_line):
    lines = (mutants.ROOT / "README.md").read_text().splitlines()[1:4]
    return "\n".join(["--- a/README.md", "+++ b/README.md", "@@ -1,4 +1,3 @@", "-" + first_line,
                      *(" " + line for line in lines)]) + "\n"


class MutantsTest(unittest.TestCase):
    def problems(self, head, first_line="# Gatio"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "99-planted.patch"
            path.write_text(head + diff_of(first_line))
            return list(mutants.Mutant(path).problems(["tasks"]))

    def test_what_is_well(self):
        self.assertEqual(self.problems("# It is wrong.\n# case: tasks\n"), [])

    def test_a_patch_that_does_not_apply(self):
        problems = self.problems("# It is wrong.\n# case: tasks\n", "# Never there")
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("does not apply", problems[0])

    @unittest.skipUnless((mutants.ROOT / "build/release/build.ninja").exists(), "build/release is not built")
    def test_a_patch_that_does_not_compile(self):
        name = "runtime/driver/timers.hpp"
        lines = (mutants.ROOT / name).read_text().splitlines()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "99-planted.patch"
            for planted, compiles in (("// Nothing.", True), ("no C++ at all", False)):
                path.write_text("# It is wrong.\n# case: tasks\n# objects: runtime/driver/timers.cpp\n" +
                                f"--- a/{name}\n+++ b/{name}\n@@ -{len(lines)} +{len(lines)},2 @@\n {lines[-1]}\n+{planted}\n")
                error = mutants.compile_error(mutants.Mutant(path), mutants.compiler_and_flags())
                self.assertEqual(error is None, compiles, error)

    # Such a seed was taken for none, and hid that a run depended on more than it.
    def test_a_canary_whose_failure_no_replay_confirms(self):
        failing = {"found": False, "first_seed": 1, "runs": 7, "seconds": 0.1, "seed": 7, "finding": ""}
        clean = {"found": False, "first_seed": 1, "runs": 9, "seconds": 0.1}
        options = types.SimpleNamespace(jobs=1, first_seed=1, seconds=1)
        with mock.patch.object(mutants, "build", return_value=None), \
                mock.patch.object(mutants, "explore", side_effect=[clean, failing]), \
                contextlib.redirect_stdout(io.StringIO()):
            results = mutants.canary(["echo", "tasks"], options)
        self.assertEqual([each["found"] for each in results], [False, True])

    # What only preemption reaches must not be found without it: else it is no test of preemption.
    def test_a_bug_that_needs_preemption(self):
        found = {"found": True, "first_seed": 1, "runs": 7, "seconds": 0.1, "seed": 7}
        clean = {"found": False, "first_seed": 1, "runs": 9, "seconds": 0.1}
        options = types.SimpleNamespace(jobs=1, runs=1, total=9, first_seed=1, seconds=1)
        mutant = mutants.all_mutants(["02-mailbox"])[0]
        self.assertTrue(mutant.needs_preemption)
        for between_turns, expected in ((clean, True), (found, False)):
            with mock.patch.object(mutants, "build", return_value=None), mock.patch.object(mutants, "Planted"), \
                    mock.patch.object(mutants, "explore", side_effect=[found, between_turns]), \
                    contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(mutants.find_one(mutant, options)["found"], expected)

    def test_what_was_found_is_kept_when_the_rest_is_cut_short(self):
        entry = {"name": "01-mailbox-push-first-look", "found": True, "runs": [{"found": True, "seconds": 0.1}]}
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.json"
            options = types.SimpleNamespace(names=["01-", "02-"], sample=0, jobs=1, seconds=1, out=out)
            with mock.patch.object(mutants, "copy_tree"), mock.patch.object(mutants, "canary", return_value=[]), \
                    mock.patch.object(mutants, "find_one", side_effect=[entry, KeyboardInterrupt]):
                with self.assertRaises(KeyboardInterrupt):
                    mutants.find(options)
            self.assertEqual([each["name"] for each in json.loads(out.read_text())["mutants"]], [entry["name"]])

    def test_a_head_that_says_too_little(self):
        problems = self.problems("# it is wrong\n# case: nothing\n# objects: none.cpp\n# turns-only: dirty\n")
        self.assertEqual(len(problems), 4, problems)


if __name__ == "__main__":
    unittest.main()
