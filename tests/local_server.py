"""Files over HTTP, from this machine: replies that break off, and what was asked for."""

import http.server
import threading


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``; breaks each reply off after ``limit`` bytes until ``breaks`` replies were broken."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.breaks, self.ranges, self.limit, self.honours_range = {}, 0, [], 40, True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, body = self.server, self.server.files.get(self.path[1:])
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        start = int(wanted[6:-1]) if wanted and server.honours_range else 0
        if body is None or start >= len(body):
            return self.send_error(404 if body is None else 416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        server.breaks -= 1
        self.wfile.write(body[start : start + server.limit] if server.breaks >= 0 else body[start:])
