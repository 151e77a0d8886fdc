#!/usr/bin/env python3
"""Proves that ci/quick.py finds what it looks for: each test spoils one figure of results that are well and expects
it to be named, and nothing else with it."""

import copy
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import quick

ROLES = {"mix:1both": ["both"], "mix:1io+1exec": ["io", "exec"], "mix:2both": ["both", "both"]}


def entry_of(server, connections):
    entry = {"name": f"static/{server}/conns:{connections}", "iterations": 1000, "cpu_time": 5000.0, "errors": 0,
             "gatio": {"load_errors": {"read": 0, "timeout": 0}}}
    if server not in ROLES:
        return entry
    roles = ROLES[server]
    serving = [role for role in roles if role != "exec"]
    entry["gatio"] |= {"server_requests": 1000, "server_errors": 0, "drivers": [
        {"role": role,
         "requests": 0 if role == "exec" else 1000 // len(serving),
         "tasks": 0 if role == "io" else 1000 // (len(roles) - roles.count("io")),
         "io_sqes": 0 if role == "exec" else 500} for role in roles]}
    return entry


def good_results():
    return {"context": {"complete": True},
            "benchmarks": [entry_of(server, count) for server in quick.SERVERS for count in quick.CONNECTIONS]}


def one_connection_on_the_fake():
    counters = {"enters_per_req": 2.0, "sqes_per_req": 1.0, "cqes_per_req": 2.0, "handoffs_per_req": 0.0}
    return {"benchmarks": [{"name": f"static/{server}/conns:1"} | counters for server in quick.TOLERANCE]}


class QuickTest(unittest.TestCase):
    def problems(self, spoil):
        results = copy.deepcopy(good_results())
        by_name = {entry["name"].split("/", 1)[1]: entry for entry in results["benchmarks"]}
        spoil(results, by_name)
        return list(quick.problems_of(results))

    def finds(self, words, spoil):
        problems = self.problems(spoil)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(words, problems[0])

    def test_what_is_well(self):
        self.assertEqual(self.problems(lambda results, entries: None), [])

    def test_a_run_that_is_not_complete(self):
        self.finds("not complete", lambda results, entries: results["context"].update(complete=False))

    def test_a_pass_that_is_missing(self):
        self.finds("mix:2both/conns:64: missing", lambda results, entries: results["benchmarks"].remove(
            entries["mix:2both/conns:64"]))

    def test_errors(self):
        self.finds("errors", lambda results, entries: entries["target:nginx/conns:1"].update(errors=1))
        self.finds("errors", lambda results, entries: entries["mix:1both/conns:64"]["gatio"]["load_errors"].update(
            timeout=2))
        self.finds("counted 3 errors", lambda results, entries: entries["mix:1both/conns:64"]["gatio"].update(
            server_errors=3))

    def test_a_server_that_did_nothing(self):
        self.finds("0 requests", lambda results, entries: entries["target:floor/conns:1"].update(iterations=0))

    def driver(self, entries, index):
        return entries["mix:1io+1exec/conns:64"]["gatio"]["drivers"][index]

    def test_an_io_driver_that_ran_a_task(self):
        self.finds("its io driver ran 1 tasks", lambda results, entries: self.driver(entries, 0).update(tasks=1))

    def test_an_exec_driver_that_did_io(self):
        self.finds("submitted 1 operations", lambda results, entries: self.driver(entries, 1).update(io_sqes=1))

    def test_tasks_that_are_too_few(self):
        self.finds("ran fewer tasks", lambda results, entries: self.driver(entries, 1).update(tasks=999))

    def test_requests_that_do_not_add_up(self):
        self.finds("do not add up", lambda results, entries: self.driver(entries, 0).update(requests=999))

    def test_roles_that_were_not_asked_for(self):
        self.finds("roles are not", lambda results, entries: entries["mix:1both/conns:1"]["gatio"]["drivers"][0].update(
            role="all"))

    def test_one_connection_that_costs_other_than_on_the_fake(self):
        fake = one_connection_on_the_fake()
        real = copy.deepcopy(fake)
        self.assertEqual(list(quick.problems_beside_fake(real, fake)), [])
        real["benchmarks"][0]["enters_per_req"] = 2.1
        real["benchmarks"][1]["handoffs_per_req"] = 0.5
        self.assertEqual(len(list(quick.problems_beside_fake(real, fake))), 2)

    def test_one_disturbed_pass_of_three_is_no_problem_and_two_are(self):
        fake = one_connection_on_the_fake()
        real = {"benchmarks": [dict(fake["benchmarks"][0]) for _ in range(3)]}
        real["benchmarks"][0]["enters_per_req"] = 1.926
        self.assertEqual(list(quick.problems_beside_fake(real, fake)), [])
        real["benchmarks"][1]["enters_per_req"] = 1.926
        self.assertEqual(len(list(quick.problems_beside_fake(real, fake))), 1)

    def test_a_key_that_is_missing(self):
        with self.assertRaises(KeyError):
            self.problems(lambda results, entries: entries["mix:1both/conns:1"].pop("cpu_time"))


if __name__ == "__main__":
    unittest.main()
