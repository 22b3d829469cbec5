"""A server that speaks the admin API with documents of the tests, and sends the page with the header that the agent sends."""

import functools
import http.server
import importlib.machinery
import importlib.util
import json
import pathlib
import threading
import time
import urllib.parse

import documents

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "agent" / "service" / "dashboard.html"
TOOL = TOP / "tests" / "tools" / "embed-page"


@functools.cache
def embed_page():
    """tests/tools/embed-page as a module."""
    loader = importlib.machinery.SourceFileLoader("embed_page", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("embed_page", loader))
    loader.exec_module(module)
    return module


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    @property
    def stub(self):
        return self.server.stub

    def reply(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def split(self):
        """The path behind the stub's prefix, and the query."""
        url = urllib.parse.urlsplit(self.path)
        self.stub.requests.append(self.path)
        if not url.path.startswith(self.stub.prefix):
            return None, {}
        return url.path[len(self.stub.prefix):], dict(urllib.parse.parse_qsl(url.query))

    def do_GET(self):
        path, query = self.split()
        if path == "/":
            self.reply(200, self.stub.page.encode(), "text/html; charset=utf-8", Content_Security_Policy=self.stub.policy)
        elif path == "/status":
            doc = self.stub.status()
            if "topic" in query:
                doc["detail"] = documents.details(doc, query["topic"])
            self.reply(200, doc)
        elif path == "/events":
            self.stream(int(query.get("last", 0)))
        else:
            self.reply(404, {"error": f"There is no {self.path} here."})

    def stream(self, last):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        stub = self.stub
        stub.streams += 1
        mine = stub.streams
        with stub.changed:
            sent = max(0, len(stub.events) - last)
        while True:
            with stub.changed:
                stub.changed.wait_for(lambda: len(stub.events) > sent or stub.cut >= mine or stub.stopped, 0.2)
                if stub.cut >= mine or stub.stopped:
                    return
                lines, sent = stub.events[sent:], len(stub.events)
            self.wfile.write("".join(json.dumps(line) + "\n" for line in lines).encode())

    def do_POST(self):
        path, _ = self.split()
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        stub = self.stub
        if stub.token and self.headers.get("Authorization") != f"Bearer {stub.token}":
            stub.refused.append(self.headers.get("Authorization"))
            return self.reply(401, {"error": "This call needs the token of admin.token.file."}, WWW_Authenticate="Bearer")
        assert self.headers.get("Content-Type") == "application/json"
        stub.calls.append((path, body))
        status, answer = stub.answers.get(path, (200, {"message": f"Done: {path[1:]}."}))
        if callable(answer):
            answer = answer(body)
        return self.reply(status, answer)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """A browser that goes away is no failure."""


class Stub:
    """doc: what /status says; a function, or a document. calls: the changing calls that were taken, as (path, body)."""

    def __init__(self, doc, prefix=""):
        self.doc, self.prefix, self.token = doc, prefix, ""
        self.page = PAGE.read_bytes().decode()
        self.policy = embed_page().policy(self.page)
        self.events, self.calls, self.refused, self.requests, self.answers = documents.events(), [], [], [], {}
        self.changed = threading.Condition()
        self.streams = self.cut = 0
        self.port = 0
        self.start()

    def start(self):
        self.stopped = False
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.stub = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        """As an agent that has ended: its port refuses."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{self.prefix}/"

    def status(self):
        doc = self.doc() if callable(self.doc) else json.loads(json.dumps(self.doc))
        doc["now"] = documents.iso()
        return doc

    def log(self, level, name, **facts):
        with self.changed:
            self.events.append(documents.event(level, name, facts))
            self.changed.notify_all()

    def cut_streams(self):
        """Ends every event stream that is open."""
        with self.changed:
            self.cut = self.streams
            self.changed.notify_all()

    def wait_call(self, path, timeout=10.0):
        """The body of the newest changing call of that path, once there is one."""
        end = time.monotonic() + timeout
        while True:
            found = [body for called, body in self.calls if called == path]
            if found:
                return found[-1]
            assert time.monotonic() < end, f"no call of {path} within {timeout} s"
            time.sleep(0.02)
