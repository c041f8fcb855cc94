"""What someone who has a page of `riffedu app`, or only its address, might try."""

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.request
import uuid

import websocket

OUTSIDE = (
    "voila/files/..%2f..%2fetc%2fpasswd",
    "voila/files/%2e%2e/%2e%2e/etc/passwd",
    "voila/files//etc/passwd",
    "voila/files/riffedu.ipynb",
    "voila/static/..%2f..%2f..%2fvoila%2fapp.py",
    "voila/templates/..%2f..%2fvoila.json",
    "static/..%2f..%2fetc%2fpasswd",
    "api/kernels",
    "api/contents/",
    "api/sessions",
    "api/terminals",
    "lab",
)


def status(opener, address, method="GET", data=None, headers=None):
    request = urllib.request.Request(address, data, headers or {}, method=method)
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def visitor(address):
    """A browser with the page's cookies, the page's text and the address without the token."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(address, timeout=60) as page:
        shown = page.read().decode()
    return opener, jar, shown, address.split("?")[0]


def read_nothing_outside(address):
    """Neither other files nor other pages' kernels can be read, even with the token."""
    opener, _, _, root = visitor(address)
    for path in OUTSIDE:
        code, body = status(opener, root + path)
        assert code >= 400, (path, body[:200])  # for some, Voilà answers 500
        assert b"root:" not in body and b"live_instrument(" not in body


def change_nothing_from_another_site(address):
    """A request with the cookies, but without the XSRF token, changes nothing."""
    opener, _, shown, root = visitor(address)
    kernel = re.search(r'"?kernelId"?: ?"([\w-]{36})"', shown)[1]
    for origin in ("https://elsewhere.example", root.rsplit("/", 1)[0]):
        said = {"Origin": origin, "Content-Type": "text/plain"}
        code, _ = status(opener, f"{root}voila/api/shutdown/{kernel}", "POST", b"", said)
        assert code in (403, 404), (origin, code)
    code, _ = status(opener, f"{root}api/kernels/{kernel}")
    assert code == 200, "the page's kernel is still there"
    return kernel


def run_no_code(address, file):
    """The page's channel to its kernel passes widget messages, but no code."""
    opener, jar, shown, root = visitor(address)
    kernel = re.search(r'"?kernelId"?: ?"([\w-]{36})"', shown)[1]
    place = root.replace("http", "ws", 1) + f"api/kernels/{kernel}/channels?session_id=x"
    cookie = "; ".join(f"{each.name}={each.value}" for each in jar)
    origin = root.rsplit("/", 1)[0]
    try:
        stranger = websocket.create_connection(place, timeout=10, origin=origin)
    except websocket.WebSocketBadStatusException as refused:
        assert refused.status_code == 403, "without the token there is no channel"
    else:
        stranger.close()
        raise AssertionError("a stranger was let in")
    channel = websocket.create_connection(place, timeout=20, cookie=cookie, origin=origin)
    code = f"open({str(file)!r}, 'w').close()"
    wish = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
    channel.send(json.dumps(message("execute_request", wish)))
    channel.send(json.dumps(message("kernel_info_request", {})))
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        answer = json.loads(channel.recv())
        if answer["msg_type"] == "kernel_info_reply":  # it came after the code: that was dropped
            break
        assert answer["msg_type"] not in ("execute_input", "execute_reply")
    channel.close()
    assert not file.exists()


def message(kind, content):
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "x"}
    header |= {"username": "", "version": "5.3", "date": "2020-01-01T00:00:00Z"}
    rest = {"parent_header": {}, "metadata": {}, "content": content, "buffers": []}
    return {"header": header, "channel": "shell", **rest}
