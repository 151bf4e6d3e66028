"""Reads a container's responses: an HTTP parser checks them, and they are written anew for the client.

`Upstream` extends it with the connection. Long bodies of known length are counted instead of parsed.
"""

from __future__ import annotations

import httptools

from proxy.constants import HIGH_WATER, LAST_CHUNK
from proxy.http import response_head
from proxy.http.headers import Header
from proxy.http.request import ProxyRequest
from proxy.http.response_head import BodyFraming, ResponseHead

MAX_INTERIM_RESPONSES = 16
RELAYED_INTERIM = (100, 103)


class ResponseReader:
    """The reading half of an upstream connection; `output` collects the bytes for the client.

    `has_started` means that the final head was read, `is_done` that the response is complete.
    """

    request: ProxyRequest
    framing: BodyFraming

    def __init__(self, authority: bytes, head_limit: int, frame_header: bytes) -> None:
        self.authority = authority
        self.head_limit = head_limit
        self.frame_header = frame_header
        self.parser = httptools.HttpResponseParser(self)
        self.passthrough_left = 0
        self.in_head = True
        self.output: list[bytes] = []

    def begin_response(self, request: ProxyRequest) -> None:
        """Expect the response to a request."""
        self.request = request
        self.headers: list[Header] = []
        self.in_head = True
        self.has_started = self.is_done = self.keep_alive = self.adds_chunks = False
        self.is_upgrade = self.is_invalid = False
        self.status = self.head_bytes = self.bytes_without_body = self.interim_responses = self.body_left = 0

    def feed(self, data: bytes) -> None:
        """Parse bytes of the response; the parser's errors and upgrades are raised."""
        size = len(data)
        if self.in_head:
            self.head_bytes += size
        self.bytes_without_body += size
        self.parser.feed_data(data)

    def skip(self, size: int) -> None:
        """Count bytes of a long body that are relayed unparsed; at its end the response is complete."""
        self.passthrough_left -= size
        if not self.passthrough_left:
            self.is_done = True
            # The parser still waits for this body: the next response needs a new one.
            self.parser = httptools.HttpResponseParser(self)

    def breaks_protocol(self) -> bool:
        """Return whether the head is invalid or has no end, the upgrade is unsolicited, or trailers have no end."""
        size = self.head_bytes if self.in_head else self.bytes_without_body
        return self.is_invalid or self.is_upgrade or size > self.head_limit

    # Called by the parser.
    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers come here too and are dropped."""
        if self.in_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Prepare the head of the response for the client, or mark it as invalid."""
        if self.is_done or self.is_invalid:
            self.keep_alive = False
            return
        self.status = self.parser.get_status_code()
        if self.status == 101:
            self.is_upgrade = True
        elif 100 <= self.status < 200:
            self._interim_head()
        elif self.status < 100 or self.status > 599 or self._is_head_too_large():
            self.is_invalid = True
        else:
            self.in_head, self.bytes_without_body = False, 0
            self._final_head()

    def on_body(self, body: bytes) -> None:
        """Relay a piece of the body; from here on a long body is counted instead of parsed."""
        if self.is_done or not self.has_started:
            self.keep_alive = False
            return
        self.bytes_without_body = 0
        if self.adds_chunks:
            self.output += (b"%x\r\n" % len(body), body, b"\r\n")
            return
        self.output.append(body)
        self.body_left -= len(body)
        if self.body_left > HIGH_WATER:
            self.passthrough_left = self.body_left

    def on_message_complete(self) -> None:
        """Mark the response as complete; an interim one only precedes the next."""
        if self.is_done or not self.has_started:
            return
        self.is_done = True
        if self.adds_chunks:
            self.output.append(LAST_CHUNK)

    def parse_head(self) -> ResponseHead:
        """Return the facts and the headers of the head that was read."""
        return response_head.parse(self.headers, self.request.host.origin, self.authority)

    def _final_head(self) -> None:
        head, request, extra = self.parse_head(), self.request, []
        self.keep_alive = self.parser.should_keep_alive()
        self.framing = framing = head.framing(self.status, request.method)
        if head.is_html:
            extra.append(self.frame_header)
        if framing is BodyFraming.LENGTH:
            self.body_left = head.content_length or 0
            extra.append(b"Content-Length: %d\r\n" % self.body_left)
        elif framing is BodyFraming.NONE:
            if head.content_length is not None and self.status != 204:
                extra.append(b"Content-Length: %d\r\n" % head.content_length)
            if request.method == b"HEAD":
                # httptools has no switch for HEAD: it waits for the body that a GET would have.
                self.is_done, self.keep_alive = True, False
        elif request.is_http11:
            self.adds_chunks = True
            extra.append(b"Transfer-Encoding: chunked\r\n")
        if not self._client_stays():
            extra.append(b"Connection: close\r\n")
        self.output.append(head.to_bytes(self.status, *extra))
        self.has_started = True

    def _interim_head(self) -> None:
        self.interim_responses += 1
        self.is_invalid = self.interim_responses > MAX_INTERIM_RESPONSES
        if self.request.is_http11 and self.status in RELAYED_INTERIM:
            self.output.append(self.parse_head().to_bytes(self.status))
        self.headers = []

    def _is_head_too_large(self) -> bool:
        # `head_bytes` may include the beginning of the body; the exact sum is needed rarely.
        if self.head_bytes <= self.head_limit:
            return False
        return sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_limit

    def _client_stays(self) -> bool:
        """Return whether the client's connection stays open after the response."""
        raise NotImplementedError
