"""api-ssl: the router's certificate is verified, and every way in which TLS can be refused says what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from handlers.router import Router
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.sandbox.faults import CONNECT, Kind
from handlers.sandbox.routeros import RouterSimulator
from handlers.settings import RouterSettings, router_settings
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_router_errors import USERS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the router's certificate."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its certificate in a file, for ROUTER_TLS_CA."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """The server side, with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[RouterSimulator]:
    """A router whose API port speaks TLS."""
    with RouterSimulator(user="qsup", password="s3cret", tls=certified(authority, "127.0.0.1")) as router:
        yield router


def settings(router: RouterSimulator, **more: str) -> RouterSettings:
    environment = {"ROUTER": router.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": "s3cret", "ROUTER_TLS": "1"}
    return router_settings(environment | {"ROUTER_TIMEOUT": "5"} | more)


def refusal(configured: RouterSettings) -> BaseException:
    """What a conversation with these settings ends in."""
    with pytest.raises(ROUTER_ERRORS) as refused, Router(configured, seconds=20):
        pass
    return refused.value


@pytest.mark.parametrize("login", ["plain", "token"])
def test_with_its_ca_a_router_is_worked_on_by_either_login(secured: RouterSimulator, ca_file: str, login: str) -> None:
    with Router(settings(secured, ROUTER_TLS_CA=ca_file, ROUTER_LOGIN=login), seconds=20) as connection:
        assert connection.ensure(USERS, {"name": "a"}, {"comment": "x" * 20000}) == "added"
        assert connection.ensure(USERS, {"name": "a"}, {"comment": "x" * 20000}) == "unchanged"


def test_an_unknown_ca_is_refused_by_default_and_the_sentence_says_what_to_set(secured: RouterSimulator) -> None:
    error = refusal(settings(secured))
    assert (class_of(error), is_worth_another_try(error)) == ("tls", False)
    assert "its certificate is refused: " in text_of(error)
    assert "name the file of its CA in ROUTER_TLS_CA" in text_of(error)
    assert secured.commands == [], "the password was sent to a stranger"


def test_a_certificate_for_another_name_is_refused_even_with_the_ca(authority: trustme.CA, ca_file: str) -> None:
    with RouterSimulator(user="qsup", password="s3cret", tls=certified(authority, "r1.example.org")) as router:
        error = refusal(settings(router, ROUTER_TLS_CA=ca_file))
    assert class_of(error) == "tls"
    assert "127.0.0.1" in text_of(error)


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_ca_file_that_is_none_is_named(secured: RouterSimulator, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = refusal(settings(secured, ROUTER_TLS_CA=str(path)))
    assert (class_of(error), is_worth_another_try(error)) == ("tls", False)
    assert f"ROUTER_TLS_CA: {path} is no PEM file of certificates" in text_of(error)


def test_a_wrong_password_over_tls_is_a_wrong_password(secured: RouterSimulator, ca_file: str) -> None:
    assert class_of(refusal(settings(secured, ROUTER_TLS_CA=ca_file, ROUTER_PASSWORD="no"))) == "auth"


def test_plain_words_to_a_port_that_speaks_tls_say_so_when_it_answers_with_an_alert(router: RouterSimulator) -> None:
    router.faults.order("/login", Kind.RAW, raw=bytes.fromhex("15030100020246"))
    error = refusal(settings(router, ROUTER_TLS=""))
    assert (class_of(error), is_worth_another_try(error)) == ("tls", False)
    assert "set ROUTER_TLS=1" in text_of(error)


def test_plain_words_to_a_port_that_speaks_tls_and_just_closes_name_what_may_be_the_cause(
    secured: RouterSimulator,
) -> None:
    error = refusal(settings(secured, ROUTER_TLS=""))
    # A full router closes in the same way, and is tried again.
    assert (class_of(error), is_worth_another_try(error)) == ("network", True)
    assert "set ROUTER_TLS=1" in text_of(error)


def test_tls_to_a_port_that_speaks_plain_words_says_so(router: RouterSimulator) -> None:
    error = refusal(settings(router, ROUTER_TIMEOUT="0.3"))
    assert "api-ssl" in text_of(error)
    assert class_of(error) in {"tls", "network"}, "what a plain router makes of a hello depends on its random bytes"


def test_a_router_that_answers_the_hello_in_plain_words_is_not_tried_again(router: RouterSimulator) -> None:
    router.faults.order(CONNECT, Kind.FATAL, "not logged in")
    error = refusal(settings(router))
    assert (class_of(error), is_worth_another_try(error)) == ("tls", False)
    assert "api-ssl" in text_of(error)


@pytest.mark.parametrize("kind", [Kind.CLOSE_BEFORE, Kind.RESET, Kind.HANG_BEFORE])
def test_a_handshake_that_breaks_off_is_tried_again(secured: RouterSimulator, ca_file: str, kind: Kind) -> None:
    secured.faults.order(CONNECT, kind)
    configured = settings(secured, ROUTER_TLS_CA=ca_file, ROUTER_TIMEOUT="0.3")
    error = refusal(configured)
    assert (class_of(error), is_worth_another_try(error)) == ("network", True)
    with Router(settings(secured, ROUTER_TLS_CA=ca_file), seconds=20) as connection:
        assert connection.rows(USERS) == []


@pytest.mark.parametrize("kind", [Kind.CLOSE_AFTER, Kind.RESET, Kind.HALF, Kind.HANG_AFTER, Kind.DRIP])
def test_faults_over_tls_cost_a_try_like_those_without(secured: RouterSimulator, ca_file: str, kind: Kind) -> None:
    secured.faults.order(f"{USERS}/add", kind, seconds=0.2)
    configured = settings(secured, ROUTER_TLS_CA=ca_file, ROUTER_TIMEOUT="0.3")
    with pytest.raises(ROUTER_ERRORS) as lost, Router(configured, seconds=0.8) as connection:
        connection.ensure(USERS, {"name": "a"}, {})
    assert class_of(lost.value) == "network"
    with Router(settings(secured, ROUTER_TLS_CA=ca_file), seconds=20) as connection:
        assert connection.ensure(USERS, {"name": "a"}, {}) == "unchanged"


def test_a_handshake_that_hangs_is_cut_at_the_deadline(secured: RouterSimulator, ca_file: str) -> None:
    secured.faults.order(CONNECT, Kind.HANG_BEFORE)
    configured = settings(secured, ROUTER_TLS_CA=ca_file, ROUTER_TIMEOUT="60")
    with pytest.raises(TimeoutError), Router(configured, seconds=0.3):
        pass


def test_a_job_that_meets_a_stranger_fails_at_once_and_flags_the_router(
    hotspot: Hotspot, secured: RouterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"": secured.address, "_USER": "qsup", "_PASSWORD": "s3cret", "_TLS": "1"}.items():
        monkeypatch.setenv(f"ROUTER{name}", value)
    hotspot.play("stk_success")
    [report] = hotspot.run("provisioning")
    assert report.kind == "discard"
    assert "refuses (tls): its certificate is refused" in report.reason
    assert hotspot.row("SELECT reach, problem FROM hotspot.routers") == {"reach": "online", "problem": FLAGGED["tls"]}
