"""Stands between two nodes, hands everything on as it is, and keeps each SOAP message with its attachments in place.

    recorder.py TARGET FOLDER PORT_FILE   listens on a free port, written to PORT_FILE
"""

import http.client
import http.server
import os
import sys
import threading
import urllib.parse

from lxml import etree

import soap


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = None
    folder = None
    lock = threading.Lock()
    count = 0

    def answer(self):
        body = self.read_body()
        onward = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("transfer-encoding", "content-length")}
        onward.request(self.command, self.path, body or None, headers)
        response = onward.getresponse()
        content = response.read()
        self.keep("sent", self.headers.get("Content-Type", ""), body)
        self.keep("answered", response.headers.get("Content-Type", ""), content)
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def keep(self, direction, content_type, content):
        is_soap = "application/soap+xml" in content_type or "application/xop+xml" in content_type
        if not is_soap:
            return
        root, parts = soap.split(content_type, content)
        envelope = etree.fromstring(root)
        soap.inline(envelope, lambda cid: parts[urllib.parse.unquote(cid)])
        body = etree.QName(envelope.find("s:Body", soap.NS)[0]).localname
        with Recorder.lock:
            Recorder.count += 1
            # Two recorders may write to one folder.
            name = f"{self.server.server_port}-{Recorder.count:03}-{direction}-{body}"
        with open(os.path.join(self.folder, name + ".tmp"), "wb") as file:
            file.write(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
        os.rename(os.path.join(self.folder, name + ".tmp"), os.path.join(self.folder, name + ".xml"))

    def log_message(self, *_):
        pass


def main(target, folder, port_file):
    Recorder.target = urllib.parse.urlsplit(target)
    Recorder.folder = folder
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.daemon_threads = True
    with open(port_file + ".tmp", "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    os.rename(port_file + ".tmp", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
