"""The RouterOS simulator, against librouteros over TCP: lengths, logins, queries, refusals."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from librouteros import connect
from librouteros.api import Api
from librouteros.exceptions import FatalError, LibRouterosError, MultiTrapError, TrapError
from librouteros.login import plain, token
from librouteros.query import And, Key, Or

from handlers.router_errors import class_of, class_of_text, text_of
from handlers.router_values import canonical, differences, duration, seconds
from handlers.sandbox.query import matches
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.wire import ReservedByte, encode_length, encode_sentence, read_length, read_sentence
from tests.handlers.hotspot import DATA

EDGES = [1, 127, 128, 255, 256, 16383, 16384, 2097151, 2097152]


@contextmanager
def logged_in(router: RouterSimulator, **options: Any) -> Iterator[Api]:
    host, _, port = router.address.rpartition(":")
    arguments: dict[str, Any] = {
        "username": "qsup",
        "password": "s3cret",
        "port": int(port),
        "encoding": "utf-8",
        "timeout": 5,
    }
    api = connect(host, **arguments | options)
    try:
        yield api
    finally:
        api.close()


def test_a_length_is_written_as_the_manual_says() -> None:
    written = [encode_length(length).hex() for length in [0, *EDGES]]
    assert written == [
        "00", "01", "7f", "8080", "80ff", "8100", "bfff", "c04000", "dfffff", "e0200000",
    ]  # fmt: skip


@pytest.mark.parametrize("length", [0, *EDGES, 0x0FFFFFFF, 0x10000000])
def test_a_length_is_read_as_it_was_written(length: int) -> None:
    assert read_length(io.BytesIO(encode_length(length)).read) == length


def test_a_reserved_first_byte_cannot_be_understood() -> None:
    with pytest.raises(ReservedByte):
        read_length(io.BytesIO(b"\xf8").read)


def test_empty_sentences_are_passed_over_and_empty_values_are_kept() -> None:
    wire = io.BytesIO(b"\0\0" + encode_sentence(["/login", "=name=", "=password=a=b"]))
    assert read_sentence(wire.read) == ["/login", "=name=", "=password=a=b"]


@pytest.mark.parametrize("length", EDGES)
def test_words_of_every_length_travel_both_ways(router: RouterSimulator, length: int) -> None:
    with logged_in(router) as api:
        prefix = len("=comment=")
        comment = "é" + "x" * max(0, length - prefix - 2) if length > prefix else "x"
        api.path("ip", "firewall", "filter").add(comment=comment)
        assert [row["comment"] for row in api.path("ip", "firewall", "filter")] == [comment]


@pytest.mark.parametrize(("login", "method"), [("both", plain), ("both", token), ("plain", plain), ("token", token)])
def test_both_logins_work_and_a_wrong_password_does_not(login: str, method: Callable[..., None]) -> None:
    with RouterSimulator(user="qsup", password="s3cret", login=login) as router:
        with logged_in(router, login_method=method) as api:
            assert list(api.path("system", "identity")) == [{"name": "MikroTik"}]
        with pytest.raises(TrapError) as refused, logged_in(router, login_method=method, password="wrong"):
            pass
        assert class_of(refused.value) == "auth"


def test_the_plain_login_seems_to_work_on_an_old_router_until_the_next_command() -> None:
    with RouterSimulator(user="qsup", password="s3cret", login="token") as router, logged_in(router) as api:
        with pytest.raises(FatalError, match="not logged in") as refused:
            list(api.path("system", "identity"))
        assert class_of(refused.value) == "auth"


def test_the_fifth_wrong_login_on_one_connection_ends_it(router: RouterSimulator) -> None:
    host, _, port = router.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        for _ in range(5):
            raw.sendall(encode_sentence(["/login", "=name=qsup", "=password=no"]))
        with raw.makefile("rb") as stream:
            answers = stream.read()
    assert answers.count(b"invalid user name or password (6)") == 4
    assert answers.endswith(encode_sentence(["!fatal", "too many commands before login"]))


def test_a_tag_comes_back_on_every_reply(router: RouterSimulator) -> None:
    host, _, port = router.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw, raw.makefile("rb") as stream:
        raw.sendall(encode_sentence(["/login", "=name=qsup", "=password=s3cret"]))
        assert read_sentence(stream.read) == ["!done"]
        raw.sendall(encode_sentence(["/ip/pool/print", ".tag=7"]))
        assert [read_sentence(stream.read), read_sentence(stream.read)] == [["!empty", ".tag=7"], ["!done", ".tag=7"]]
        raw.sendall(encode_sentence(["/quit"]))
        assert read_sentence(stream.read) == ["!fatal", "session terminated on request"]


def test_rows_are_added_found_changed_and_removed(router: RouterSimulator) -> None:
    with logged_in(router) as api:
        users = api.path("ip", "hotspot", "user")
        first = users.add(name="254712345678", password="abc", **{"limit-uptime": "3600s"})
        users.add(name="254722000111", password="abc", comment="x")
        name, limit = Key("name"), Key("limit-uptime")
        assert list(users.select(name, limit).where(name == "254712345678")) == [
            {"name": 254712345678, "limit-uptime": "1h"}
        ]
        assert len(list(users.select(name).where(Or(name == "254712345678", name == "254722000111")))) == 2
        assert list(users.select(name).where(And(name == "254712345678", name == "254722000111"))) == []
        assert list(users.select(name).where(name != "254712345678")) == [{"name": 254722000111}]
        users.update(**{".id": first, "limit-uptime": "2h"})
        users.update(**{".id": "254722000111", "comment": ""})
        assert [row.get("comment") for row in users] == [None, None]
        users.remove(first)
        with pytest.raises(TrapError, match="no such item"):
            users.remove(first)


REFUSALS = [
    (("ip", "hotspot", "user"), {"name": "a"}, "failure: already have user with this name for this server"),
    (("ip", "pool"), {"name": "a", "ranges": "10.0.0.2-10.0.0.9"}, "failure: pool with such name exists"),
    (("interface", "bridge"), {"name": "a"}, "failure: already have interface with such name"),
    (("ip", "address"), {"address": "10.0.0.1/24", "interface": "ether1"}, "failure: already have such address"),
    (("queue", "simple"), {"name": "a"}, "failure: already have such name"),
    (("system", "scheduler"), {"name": "a"}, "failure: item with such name already exists"),
    (("ip", "firewall", "address-list"), {"list": "a", "address": "b"}, "failure: already have such entry"),
    (("ip", "dhcp-server", "network"), {"address": "a"}, "failure: such network already exists"),
]


@pytest.mark.parametrize(("path", "row", "text"), REFUSALS, ids=[" ".join(one[0]) for one in REFUSALS])
def test_a_duplicate_is_refused_in_the_words_of_its_menu(
    router: RouterSimulator, path: tuple[str, ...], row: dict[str, str], text: str
) -> None:
    with logged_in(router) as api:
        api.path(*path).add(**row)
        with pytest.raises(TrapError) as refused:
            api.path(*path).add(**row)
        assert (refused.value.message, class_of(refused.value)) == (text, "duplicate")
        assert len([one for one in api.path(*path) if row.items() <= one.items()]) == 1


def test_some_menus_take_the_same_row_twice(router: RouterSimulator) -> None:
    with logged_in(router) as api:
        for _ in range(2):
            api.path("radius").add(address="10.0.0.1", secret="x")
        assert len(list(api.path("radius"))) == 2


@pytest.mark.parametrize(
    ("path", "row", "kind"),
    [
        (("ip", "hotspot", "user"), {"name": "a", "profile": "nope"}, "missing-reference"),
        (("ip", "hotspot", "user"), {"name": "a", "rate-limit": "1M/1M"}, "bug"),
        (("ip", "hotspot", "user"), {"name": "a", "limit-uptime": "soon"}, "bad-value"),
        (("ip", "hotspot", "user"), {"password": "a"}, "bug"),
        (("ip", "hotspot", "active"), {"user": "a"}, "no-such-command"),
        (("nonexistent",), {"a": "b"}, "no-such-menu"),
    ],
)
def test_what_a_router_refuses_has_a_class(
    router: RouterSimulator, path: tuple[str, ...], row: dict[str, str], kind: str
) -> None:
    with logged_in(router) as api:
        with pytest.raises((TrapError, MultiTrapError)) as refused:
            api.path(*path).add(**row)
        assert class_of(refused.value) == kind
        assert list(api.path("system", "identity")), "the connection is in step after a trap"


def test_an_unknown_menu_is_two_traps_on_version_7(router: RouterSimulator) -> None:
    with logged_in(router) as api, pytest.raises(MultiTrapError) as refused:
        list(api.path("nonexistent"))
    assert text_of(refused.value) == "no such command or directory (nonexistent), no such command prefix"


def test_too_many_sessions_are_closed() -> None:
    with RouterSimulator(user="qsup", password="s3cret", max_sessions=1) as router, logged_in(router):
        with pytest.raises((LibRouterosError, OSError)) as refused, logged_in(router):
            pass
        assert class_of(refused.value) == "network"


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ([], True),
        (["?name"], True),
        (["?-name"], False),
        (["?-nothing"], True),
        (["?=name=a"], True),
        (["?name=b"], False),
        (["?>n=9"], True),
        (["?<n=9"], False),
        (["?<up=2h"], True),
        (["?name=b", "?n=10", "?#|"], True),
        (["?name=b", "?n=10", "?#&"], False),
        (["?name=b", "?#!"], True),
        (["?name=a", "?name=b", "?#0!&"], False),
        (["?name=b", "?name=a", "?#0"], True),
        (["?#!"], False),
    ],
)
def test_queries_work_on_a_stack(words: list[str], passes: bool) -> None:
    assert matches({"name": "a", "n": "10", "up": "1h"}, words) is passes


ERRORS = json.loads((DATA / "routeros_errors.json").read_text())["errors"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error["text"])
def test_every_known_text_has_its_class(error: dict[str, str]) -> None:
    assert class_of_text(error["text"]) == error["class"]
    assert class_of_text(error["text"].upper()) == error["class"]


def test_values_are_compared_by_meaning() -> None:
    assert [seconds(text) for text in ("1w2d3h4m5s", "1d02:00:00", "00:10:00", "10M/5M", "")] == [
        788645, 93600, 600, None, None,
    ]  # fmt: skip
    assert duration_of("90061") == "1d1h1m1s"
    assert canonical(True) == canonical("yes") == "true"
    assert differences({"limit-uptime": "10m", "name": 254}, {"limit-uptime": "600s", "name": "254"}) == {}
    assert differences({}, {"disabled": "no", "comment": ""}) == {}
    assert differences({"disabled": True}, {"disabled": "no"}) == {"disabled": "no"}


@pytest.mark.parametrize(
    ("column", "have", "wanted", "same"),
    [
        ("lease-time", "01:00:00", "1h", True),
        ("name", "1h", "60m", False),
        ("html-directory", "flash/hotspot", "hotspot", True),
        ("cache-size", 4096, "4096KiB", True),
        ("cache-size", "4MiB", "4096KiB", True),
        ("cache-size", 2048, "4096KiB", False),
        ("max-limit", "50000000/100000000", "50M/100M", True),
        ("rate-limit", "2M/5M 4M/8M 1M/2M 10/10", "2000k/5M 4M/8M 1M/2000k 10/10", True),
        ("login-by", "cookie,http-chap", "http-chap,cookie", True),
        ("servers", "8.8.8.8,1.1.1.1", "1.1.1.1,8.8.8.8", False),
        ("dst-address", "10.20.0.1/32", "10.20.0.1", True),
        ("port", 3799, "3799", True),
        ("comment", None, "", False),
    ],
)
def test_each_column_has_its_own_way_to_be_the_same(column: str, have: object, wanted: str, same: bool) -> None:
    assert (differences({column: have}, {column: wanted}) == {}) is same


def test_a_rule_is_added_before_another_and_lists_and_places_are_looked_at(router: RouterSimulator) -> None:
    with logged_in(router) as api:
        rules = api.path("ip", "firewall", "filter")
        last = rules.add(chain="input", comment="last")
        rules.add(chain="input", comment="first", **{"place-before": last})
        assert [row["comment"] for row in rules] == ["first", "last"]
        for words, kind in (({"place-before": "*99"}, "gone"), ({"in-interface-list": "WAN"}, "missing-reference")):
            with pytest.raises(TrapError) as refused:
                rules.add(chain="input", **words)
            assert class_of(refused.value) == kind
        with pytest.raises(TrapError, match="unknown parameter place-before"):
            rules.update(**{".id": last, "place-before": last})
        list(rules("unset", **{".id": last, "value-name": "comment"}))
        assert [row.get("comment") for row in rules] == ["first", None]


def test_what_the_router_came_with_has_the_id_0_and_sessions_are_dynamic_rows(router: RouterSimulator) -> None:
    with logged_in(router) as api:
        profiles = api.path("ip", "hotspot", "user", "profile")
        assert ([row[".id"] for row in profiles], profiles.add(name="x")) == (["*0"], "*1")
        services = [row for row in api.path("ip", "service") if row["name"] == "api"]
        assert [row.get("dynamic") for row in services] == [True, None]
        assert [row["address"] for row in api.path("user", "active")] == ["127.0.0.1"]
        with pytest.raises(TrapError, match="no such command"):
            api.path("ip", "service").add(name="y")
        with pytest.raises(TrapError, match="unknown parameter comment"):
            api.path("ip", "service").update(**{".id": "telnet", "comment": "x"})


def test_one_dhcp_server_for_an_interface_and_one_without_it_is_invalid(router: RouterSimulator) -> None:
    with logged_in(router) as api:
        bridge = api.path("interface", "bridge").add(name="b")
        servers = api.path("ip", "dhcp-server")
        servers.add(name="one", interface="b")
        with pytest.raises(TrapError) as refused:
            servers.add(name="two", interface="b")
        assert class_of(refused.value) == "conflict"
        assert [row["invalid"] for row in servers] == [False]
        api.path("interface", "bridge").remove(bridge)
        assert [row["invalid"] for row in servers] == [True]


def duration_of(text: str) -> str:
    from datetime import timedelta

    return duration(timedelta(seconds=int(text)))


@pytest.mark.parametrize("module", ["handlers.sandbox.routeros", "handlers.sandbox.sms", "handlers.sandbox.daraja"])
def test_the_sandbox_runs_by_itself_and_says_its_port(module: str) -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([sys.executable, "-m", module, "--port", "0"], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 20)[0]
        port = int(process.stdout.readline())
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
