"""One conversation with Daraja: a token, then STK pushes and STK queries. Nothing here touches the database."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

from handlers.daraja_answers import Accepted, Answer, read_push, read_query, read_token
from handlers.http import httpx
from handlers.mpesa import EAST_AFRICA_TIME
from handlers.settings import DarajaSettings

Result = TypeVar("Result")
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
UNUSABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)


class Daraja:
    """`with Daraja(settings) as daraja:`; every call answers and none raises for what the other side does."""

    def __init__(self, settings: DarajaSettings) -> None:
        self._settings = settings
        self._token = ""
        self._client = httpx.Client(timeout=settings.timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def query(self, checkout: str) -> Answer:
        """What became of a request."""
        form = {**self._signed(), "CheckoutRequestID": checkout}
        found = self._call("/mpesa/stkpushquery/v1/query", form, read_query)
        if found.meaning != "refused":
            return found
        # A token lives for an hour, and Daraja forgets some earlier: once with a fresh one.
        self._token = ""
        return self._call("/mpesa/stkpushquery/v1/query", form, read_query)

    def push(self, *, phone: str, amount: Decimal, reference: str, description: str) -> Accepted | Answer:
        """Let the customer's phone ask for his PIN. `amount`: whole shillings; `reference`: at most 12 characters.

        Answer `refused`: certainly not sent. Answer `later`: nobody knows.
        """
        form = {
            **self._signed(),
            "TransactionType": self._settings.transaction_type,
            "Amount": int(amount),
            "PartyA": phone,
            "PartyB": self._settings.party,
            "PhoneNumber": phone,
            "CallBackURL": self._settings.callback_url,
            "AccountReference": reference,
            "TransactionDesc": description[:13],
        }
        return self._call("/mpesa/stkpush/v1/processrequest", form, read_push)

    def _signed(self) -> dict[str, Any]:
        settings, moment = self._settings, datetime.now(UTC).astimezone(EAST_AFRICA_TIME).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"{settings.shortcode}{settings.passkey}{moment}".encode()).decode()
        return {"BusinessShortCode": settings.shortcode, "Password": password, "Timestamp": moment}

    def _call(self, path: str, form: dict[str, Any], read: Callable[[int, str], Result]) -> Result | Answer:
        try:
            if not self._token:
                token = self._fetch_token()
                if isinstance(token, Answer):
                    # No token, so nothing was sent.
                    return Answer(meaning="refused", detail=token.detail) if read is read_push else token
                self._token = token
            headers = {"Authorization": f"Bearer {self._token}"}
            response = self._client.post(self._settings.url + path, json=form, headers=headers)
        except NEVER_SENT as error:
            meaning = "refused" if read is read_push else "later"
            return Answer(meaning=meaning, detail=f"Daraja cannot be reached ({type(error).__name__})")
        except UNUSABLE as error:
            return Answer(meaning="refused", detail=f"MPESA_URL or a key cannot be used ({type(error).__name__})")
        except httpx.HTTPError as error:
            return Answer(meaning="later", detail=f"no answer ({type(error).__name__})")
        return read(response.status_code, response.text)

    def _fetch_token(self) -> str | Answer:
        response = self._client.get(
            f"{self._settings.url}/oauth/v1/generate",
            params={"grant_type": "client_credentials"},
            auth=(self._settings.key, self._settings.secret),
        )
        return read_token(response.status_code, response.text)
