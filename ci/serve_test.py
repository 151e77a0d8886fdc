#!/usr/bin/env python3
"""Proves that the checks of ci/serve.py fail where what they look at is wrong: a server that answers something else,
that dies, that is busy when it should sleep, that ends with an error, a port that a second one gets as well."""

import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import serve

SLEEPS = "import time; time.sleep(60)"


class Answers(http.server.BaseHTTPRequestHandler):
    body = b"Hello, Worlds!"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


class ServeTest(unittest.TestCase):
    def python(self, program):
        return serve.started(sys.executable, "-c", program, stdout=subprocess.PIPE, text=True)

    def fails(self, words, check, *arguments):
        with self.assertRaises(serve.Failed) as failure:
            check(*arguments)
        self.assertIn(words, str(failure.exception))

    def test_an_answer_that_is_another(self):
        server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        self.fails("curl got", serve.answers_curl, url)
        Answers.body = serve.BODY.encode()
        self.assertIn("200", serve.answers_curl(url))

    def test_a_server_that_ends_before_it_serves(self):
        with self.python("import sys; sys.exit(3)") as server:
            self.fails("ended with 3", serve.first_port, server)

    def test_a_server_that_is_busy_when_it_is_idle(self):
        with self.python("while True: pass") as server:
            self.fails("of CPU", serve.sleeps_when_idle, server.pid)

    def test_an_end_that_is_no_drain(self):
        metrics = {"requests": 3000, "answers": 3000, "errors": 0}
        ready = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit({})); print(1, flush=True); " \
                "time.sleep(60)"
        for code, change, words in [(1, {}, "ended with 1"), (0, {"answers": 2999}, "2999 answers"),
                                    (0, {"errors": 1}, "1 errors"), (0, {"requests": 5}, "only 5")]:
            with tempfile.TemporaryDirectory() as folder, self.python(ready.format(code)) as server:
                server.stdout.readline()
                file = pathlib.Path(folder) / "metrics.json"
                file.write_text(json.dumps(metrics | change))
                self.fails(words, serve.drains_on_sigterm, server, file)

    def test_a_second_server_that_is_not_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            self.fails("ended with 0", serve.second_is_refused, "true", pathlib.Path(folder), 8080)

    def test_a_child_that_is_left(self):
        with self.python(SLEEPS) as child:
            self.assertIn(child.pid, serve.descendants(serve.os.getpid()))
            self.fails("still there", serve.wait_until, lambda: child.poll() is not None, 0.1, lambda: "still there")


if __name__ == "__main__":
    unittest.main()
