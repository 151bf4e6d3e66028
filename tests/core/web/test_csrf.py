"""The three CSRF checks, each with the headers that browsers and programs send."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext

import pytest

from core.errors import Forbidden
from core.web.csrf import CSRF_HEADERS, SAFE_METHODS, check_cookie_request, check_form, check_simple_request

HOST = {"host": "carrel.test"}
CSRF_HEADER = {"x-carrel-csrf": "1"}
CROSS_SITE = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://["},
    {"origin": "https://carrel.test.evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "https://carrel.test"},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
]
SAME_SITE = [
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "https://carrel.test"},
]


def _check_post(headers: Mapping[str, str]) -> None:
    check_cookie_request("POST", headers)


def _check_get(headers: Mapping[str, str]) -> None:
    check_simple_request(headers, only_with_cookie=True)


def _check_upload(headers: Mapping[str, str]) -> None:
    check_simple_request(headers, only_with_cookie=False)


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
@pytest.mark.parametrize("check", [check_form, _check_post, _check_get, _check_upload])
def test_every_check_refuses_cross_site_request(
    check: Callable[[Mapping[str, str]], None], headers: dict[str, str]
) -> None:
    with pytest.raises(Forbidden):
        check(HOST | {"cookie": "carrel-browser=x"} | headers)


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
@pytest.mark.parametrize("check", [check_form, _check_post])
def test_csrf_header_does_not_excuse_another_origin(
    check: Callable[[Mapping[str, str]], None], headers: dict[str, str]
) -> None:
    with pytest.raises(Forbidden):
        check(HOST | CSRF_HEADER | headers)


@pytest.mark.parametrize("headers", SAME_SITE, ids=str)
@pytest.mark.parametrize("check", [check_form, _check_post])
def test_same_origin_request_is_accepted(check: Callable[[Mapping[str, str]], None], headers: dict[str, str]) -> None:
    check(HOST | headers)


def test_form_without_browser_headers_is_accepted() -> None:
    check_form(HOST)


@pytest.mark.parametrize("name", CSRF_HEADERS)
def test_old_browser_changes_need_csrf_header(name: str) -> None:
    with pytest.raises(Forbidden):
        check_cookie_request("POST", HOST)
    with pytest.raises(Forbidden):
        check_cookie_request("POST", HOST | {name: ""})

    check_cookie_request("POST", HOST | {name: "1"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "get", "ANY"])
def test_only_safe_methods_are_exempt_with_cookie(method: str) -> None:
    with nullcontext() if method in SAFE_METHODS else pytest.raises(Forbidden):
        check_cookie_request(method, HOST | {"origin": "https://evil.example"})


@pytest.mark.parametrize("name", [*CSRF_HEADERS, "authorization"])
@pytest.mark.parametrize("check", [_check_get, _check_upload])
def test_preflighted_request_is_accepted(check: Callable[[Mapping[str, str]], None], name: str) -> None:
    cookie = {"cookie": "carrel-browser=x"}
    with pytest.raises(Forbidden):
        check(HOST | cookie | {name: ""})

    check(HOST | cookie | {name: "1"})


def test_read_without_cookie_needs_no_csrf_header() -> None:
    check_simple_request(HOST, only_with_cookie=True)


def test_upload_without_cookie_needs_csrf_header() -> None:
    with pytest.raises(Forbidden):
        check_simple_request(HOST, only_with_cookie=False)
