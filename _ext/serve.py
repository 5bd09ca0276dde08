"""Serve a folder on the loopback address: `python _ext/serve.py FOLDER [PORT]`. Without PORT, the first free from 8000."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and logs nothing; the browser asks again for every page, so a rebuilt book is seen at once."""

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class Server(ThreadingHTTPServer):
    """A server that does not complain when a browser goes away before an answer is complete."""

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


def make_server(folder: Path | str, port: int | None = None) -> ThreadingHTTPServer:
    """A server of `folder` on loopback: at `port` (0: any free one), or at the first free port from 8000."""
    handler = partial(QuietHandler, directory=str(folder))
    for candidate in range(8000, 8100) if port is None else [port]:
        try:
            return Server((HOST, candidate), handler)
        except OSError as error:
            problem = error
    raise SystemExit(f"No free port: {problem}")


if __name__ == "__main__":
    with make_server(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None) as server:
        print(f"\nThe course is at http://{HOST}:{server.server_port}/  (stop with Ctrl-C)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
