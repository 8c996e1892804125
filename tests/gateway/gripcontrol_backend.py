"""A backend with the library gripcontrol: it decodes each request, encodes it again, and does what a message says.

Usage: gripcontrol_backend.py KEY CONTROL_URI. Prints its port, and then a line of JSON for each request.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gripcontrol import (
    GripPubControl,
    WebSocketEvent,
    WebSocketMessageFormat,
    decode_websocket_events,
    encode_websocket_events,
    validate_sig,
    websocket_control_message,
)
from pubcontrol import Item

KEY = sys.argv[1]

ANSWERS = {
    "text": [WebSocketEvent("TEXT", b"m:\xc3\xa9"), WebSocketEvent("TEXT", b"m:")],
    "binary": [WebSocketEvent("BINARY", b"m:bytes")],
    "ping": [WebSocketEvent("PING", b"are you there"), WebSocketEvent("TEXT", b"m:pinged")],
    "pong": [WebSocketEvent("PONG", b"here"), WebSocketEvent("TEXT", b"m:ponged")],
    "close": [WebSocketEvent("CLOSE", b"\x0f\xa1bye")],
    "disconnect": [WebSocketEvent("DISCONNECT")],
}


def answer(events):
    for event in events:
        content = event.content if event.content is not None else b""
        if event.type == "OPEN":
            yield WebSocketEvent("OPEN")
        elif event.type == "TEXT" and content.decode() in ANSWERS:
            yield from ANSWERS[content.decode()]
        elif event.type == "TEXT" and content == b"join":
            yield WebSocketEvent("TEXT", b"c:" + websocket_control_message("subscribe", {"channel": "python"}).encode())
            yield WebSocketEvent("TEXT", b"m:joined")
        elif event.type == "TEXT" and content == b"publish":
            publisher = GripPubControl({"control_uri": sys.argv[2], "control_iss": "python", "key": KEY})
            publisher.publish("python", Item(WebSocketMessageFormat("published")), blocking=True)
        elif event.type == "TEXT":
            yield WebSocketEvent("TEXT", b"m:" + content)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        events = decode_websocket_events(body)
        line = {
            "events": [[event.type, event.content.hex() if event.content is not None else None] for event in events],
            "is_same": encode_websocket_events(events) == body,
            "is_signed": validate_sig(self.headers["Grip-Sig"], KEY, "sockjs-edge"),
        }
        print(json.dumps(line), flush=True)
        encoded = encode_websocket_events(list(answer(events)))
        self.send_response(200)
        self.send_header("Content-Type", "application/websocket-events")
        self.send_header("Sec-WebSocket-Extensions", "grip")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
