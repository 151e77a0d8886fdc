#!/usr/bin/env python3
"""Proves that ci/check.py finds what it looks for: each test plants one violation in a small, clean tree and
expects it to be named with file and line, and nothing else with it."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check

HEADER = "// What it is, who owns it, which thread may touch it.\n#pragma once\n"
UNFINISHED = "TO" + "DO"


def source(*lines):
    return "\n".join(lines) + "\n"


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(pathlib.Path(__file__).parent.parent / ".clang-format", self.root)
        for folder in check.FOLDERS:
            self.write(f"{folder}/README.md", "# A folder\n")
        self.write("runtime/base/prng.hpp", HEADER)
        self.write("runtime/kernel/kernel.hpp", HEADER)
        self.write("runtime/memory/heap.hpp", HEADER)
        self.write("runtime/ring/ring.hpp", HEADER)
        self.write("runtime/net/stream.hpp", HEADER)
        self.write("runtime/gatio.hpp", HEADER)
        self.write("fakes/fake_kernel.hpp", HEADER)
        self.write("harness/table.hpp", HEADER)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def findings(self, formatted=False):
        return check.Tree(self.root).check(formatted)

    def expect_clean(self, path, text):
        self.write(path, text)
        self.assertEqual(self.findings(), [])

    def expect_finding(self, path, text, where, words):
        self.write(path, text)
        findings = self.findings()
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(where + ": "), findings)
        self.assertIn(words, findings[0])

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_layers_that_may_not_include_each_other(self):
        pairs = [
            ("runtime/base/x.cpp", "runtime/kernel/kernel.hpp"),
            ("runtime/config/x.cpp", "runtime/kernel/kernel.hpp"),
            ("runtime/kernel/x.cpp", "runtime/ring/ring.hpp"),
            ("runtime/task/x.cpp", "runtime/kernel/kernel.hpp"),
            ("runtime/task/x.cpp", "runtime/ring/ring.hpp"),
            ("runtime/driver/x.cpp", "runtime/net/stream.hpp"),
            ("runtime/net/x.cpp", "runtime/gatio.hpp"),
            ("runtime/net/x_test.cpp", "fakes/fake_kernel.hpp"),
            ("fakes/x.cpp", "runtime/ring/ring.hpp"),
            ("fakes/x.cpp", "runtime/memory/heap.hpp"),
            ("scenarios/servers/x.cpp", "harness/table.hpp"),
            ("scenarios/servers/x.cpp", "fakes/fake_kernel.hpp"),
            ("runtime/examples/x.cpp", "harness/table.hpp"),
        ]
        for path, target in pairs:
            with self.subTest(path=path, target=target):
                self.expect_finding(path, source('#include "runtime/base/prng.hpp"', f'#include "{target}"'),
                                    f"{path}:2", f"may not include {target}")
                (self.root / path).unlink()

    def test_layers_that_may_include_each_other(self):
        self.write("runtime/net/x.cpp", source('#include "runtime/ring/ring.hpp"'))
        self.write("runtime/task/x.cpp", source('#include "runtime/memory/heap.hpp"'))
        self.write("fakes/x.cpp", source('#include "runtime/kernel/kernel.hpp"'))
        self.write("harness/x.cpp", source('#include "fakes/fake_kernel.hpp"'))
        self.expect_clean("scenarios/servers/x.cpp", source("#include <gatio.hpp>"))

    def test_an_include_that_is_found_through_the_second_include_root(self):
        for name in ["gatio.hpp", "ring/ring.hpp"]:
            for line in [f"#include <{name}>", f'#include "{name}"']:
                with self.subTest(line=line):
                    self.expect_finding("fakes/x.cpp", source(line), "fakes/x.cpp:1",
                                        f"fakes may not include runtime/{name}")

    def test_an_include_that_is_commented_out_counts_for_nothing(self):
        self.expect_clean("runtime/base/x.cpp", source("/*", '#include "runtime/net/stream.hpp"', "*/"))

    def test_a_folder_of_the_runtime_that_is_no_layer(self):
        self.expect_finding("runtime/misc/x.cpp", source("int x;"), "runtime/misc/x.cpp:1", "no layer")

    def test_an_include_that_is_not_written_from_the_root(self):
        self.expect_finding("runtime/net/x.cpp", source('#include "stream.hpp"'), "runtime/net/x.cpp:1",
                            "from the root")

    def test_test_libraries_outside_tests(self):
        for name in ["gtest/gtest.h", "rapidcheck.h", "rapidcheck/gtest.h"]:
            with self.subTest(name=name):
                self.expect_finding("runtime/net/x.cpp", source(f"#include <{name}>"), "runtime/net/x.cpp:1",
                                    "in tests only")
        self.expect_clean("runtime/net/x.cpp", "")
        self.expect_clean("runtime/net/x_test.cpp", source("#include <gtest/gtest.h>", "#include <rapidcheck.h>"))

    def test_google_benchmark_outside_its_folder(self):
        self.expect_finding("harness/x.cpp", source("#include <benchmark/benchmark.h>"), "harness/x.cpp:1",
                            "harness/bench/ only")

    def test_a_slow_library_in_a_header(self):
        self.expect_finding("harness/x.hpp", HEADER + source("#include <nlohmann/json.hpp>"), "harness/x.hpp:3",
                            "slow to compile")

    def test_folders_that_include_each_other(self):
        self.write("harness/a/a.hpp", HEADER + source('#include "harness/b/b.hpp"'))
        self.expect_finding("harness/b/b.hpp", HEADER + source("", '#include "harness/a/a.hpp"'), "harness/b/b.hpp:4",
                            "harness/a -> harness/b -> harness/a")

    def test_banned_calls(self):
        calls = [
            "io_uring_submit(&ring)", "io_uring_submit_and_wait(&ring, 1)", "io_uring_wait_cqe(&ring, &cqe)",
            "io_uring_peek_cqe(&ring, &cqe)", "io_uring_enter(fd, 1, 1, 0, nullptr)",
            "io_uring_register_buffers(&ring, v, 1)", "io_uring_queue_init(8, &ring, 0)",
            "io_uring_queue_init_params(8, &ring, &p)", "io_uring_queue_exit(&ring)", "io_uring_get_events(&ring)",
            "syscall(SYS_mbind, p)", "::syscall(SYS_mbind, p)", "return ::syscall(1)",
            "socket(1, 2, 3)", "::socket(1, 2, 3)", "return bind(fd, a, n)", "return ::listen(fd, 1)",
            "accept(fd, a, n)", "accept4(fd, a, n, 0)", "connect(fd, a, n)", "setsockopt(fd, 1, 2, v, n)",
            "getsockopt(fd, 1, 2, v, n)", "getsockname(fd, a, n)", "recv(fd, p, n, 0)", "send(fd, p, n, 0)",
            "ready && send(fd, p, n, 0)", "sendmsg(fd, m, 0)", "::close(fd)", "return ::close(fd)",
            "std::this_thread::yield()", "sleep(1)", "usleep(1)", "::nanosleep(&t, nullptr)",
            "clock_gettime(CLOCK_MONOTONIC, &t)", "std::chrono::steady_clock::now()", "rand()", "std::rand()",
            "std::random_device device",
        ]
        for call in calls:
            with self.subTest(call=call):
                self.expect_finding("runtime/ring/x.cpp", source("void f() {", f"  {call};", "}"),
                                    "runtime/ring/x.cpp:2", "ban: ")

    def test_a_blocking_type_between_drivers(self):
        for name in ["std::mutex", "std::shared_mutex", "std::condition_variable", "std::barrier<>"]:
            for folder in ["driver", "tpc"]:
                with self.subTest(name=name, folder=folder):
                    path = f"runtime/{folder}/x.cpp"
                    self.expect_finding(path, source(f"{name} x;"), f"{path}:1", "blocks a driver")
                    (self.root / path).unlink()

    def test_what_only_looks_like_a_banned_call(self):
        self.expect_clean("runtime/ring/x.cpp", source(
            "int socket(int domain, int type, int protocol);",
            "Result<int> send(int fd);",
            "Stream& connect(int fd);",
            "void f() {",
            "  kernel.socket(1, 2, 3);",
            "  kernel_->bind(fd, a, n);",
            "  this->send(1);",
            "  std::bind(g);",
            "  net::connect(1);",
            "  close(fd);",
            "  io_uring_cqe_seen(&ring, cqe);",
            "  io_uring_prep_send(sqe, fd, p, n, 0);",
            "  io_uring_cq_advance(&ring, 1);",
            "  struct io_uring_getevents_arg arg;",
            '  text = "socket(1) rand()";  // Not with ::close(fd) or usleep(1).',
            "}",
            "int FaultyKernel::listen(int fd, int backlog) { return inner_.listen(fd, backlog); }"))

    def test_bans_do_not_hold_for_the_linux_kernel_and_tests(self):
        text = source("void f() {", "  ::socket(1, 2, 3);", "  syscall(1);", "  usleep(1);", "  io_uring_submit(&ring);", "}")
        self.write("runtime/kernel/linux_kernel.cpp", text)
        self.write("runtime/kernel/linux_sockets.cpp", text)
        self.write("harness/x.cpp", text)
        self.expect_clean("runtime/ring/x_test.cpp", text)

    def test_a_header_without_its_opening_paragraph(self):
        self.expect_finding("runtime/net/x.hpp", source("#pragma once"), "runtime/net/x.hpp:1", "opens with a paragraph")

    def test_a_header_without_pragma_once(self):
        self.expect_finding("runtime/net/x.hpp", source("// What it is.", "", "int f();"), "runtime/net/x.hpp:2",
                            "#pragma once")

    def test_a_long_file(self):
        self.expect_finding("harness/x.cpp", "// A line.\n" * 401, "harness/x.cpp:401", "401 lines")
        self.expect_clean("harness/x.cpp", "// A line.\n" * 400)

    def test_a_long_function(self):
        def file(lines):
            return source("namespace gatio {", "", "void f() {", *["  g();"] * (lines - 2), "}", "",
                          "}  // namespace gatio")

        self.expect_finding("harness/x.cpp", file(71), "harness/x.cpp:3", "a function of 71 lines")
        self.expect_clean("harness/x.cpp", file(70))

    def test_a_long_method_but_not_a_long_class(self):
        methods = [f"  void f{number}() {{ g(); }}" for number in range(80)]
        self.expect_clean("harness/x.cpp", source("struct X {", *methods, "};"))
        self.expect_finding("harness/x.cpp", source("struct X {", "  void f() {", *["    g();"] * 80, "  }", "};"),
                            "harness/x.cpp:2", "a function of 82 lines")

    def test_unfinished_work(self):
        for path in ["harness/x.cpp", "scripts/x", "scenarios/x.toml"]:
            with self.subTest(path=path):
                self.expect_finding(path, f"\n// {UNFINISHED}: more\n", f"{path}:2", "finish it")
                (self.root / path).unlink()

    def test_a_tab(self):
        self.expect_finding("scripts/x", "a\n\tb\n", "scripts/x:2", "a tab")

    def test_a_missing_readme(self):
        (self.root / "runtime/ring/README.md").unlink()
        self.assertTrue(self.findings()[0].startswith("runtime/ring/README.md:1: style: missing"))

    def test_a_long_readme(self):
        self.expect_finding("fakes/README.md", "word\n" * 41, "fakes/README.md:41", "41 lines")

    def test_a_file_that_is_not_formatted(self):
        self.write("harness/x.cpp", source("int f();", "int   g( );"))
        self.assertEqual(self.findings(formatted=True),
                         ["harness/x.cpp:2: format: not formatted; run clang-format-14 -i harness/x.cpp"])


if __name__ == "__main__":
    unittest.main()
