"""One message to the SMS gateway over HTTP, in the shape that the settings name; what came back, as an Answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from handlers.http import httpx
from handlers.phones import international
from handlers.settings import SmsSettings
from handlers.sms_answers import Answer, read_answer

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def send(settings: SmsSettings, phone: str, body: str, *, timeout: float) -> Answer:
    """Send `body` to a canonical number. Never raises for what the gateway does; `timeout` in seconds."""
    request = _africas_talking if settings.shape == "africastalking" else _leopard
    try:
        response = httpx.post(settings.url, timeout=timeout, **request(settings, international(phone), body))
    except NEVER_SENT as error:
        return Answer(meaning="transient", detail=f"the gateway cannot be reached ({type(error).__name__})")
    except (httpx.InvalidURL, UnicodeError) as error:
        return Answer(meaning="config", detail=f"SMS_URL or SMS_API_KEY cannot be used ({type(error).__name__})")
    except httpx.HTTPError as error:
        return Answer(meaning="unknown", detail=f"no answer ({type(error).__name__})")
    now = datetime.now(UTC)
    return read_answer(response.status_code, response.headers, response.text, shape=settings.shape, now=now)


def _africas_talking(settings: SmsSettings, number: str, body: str) -> dict[str, Any]:
    form = {"username": settings.username, "to": number, "message": body, "bulkSMSMode": "1", "enqueue": "1"}
    sender = {"from": settings.sender} if settings.sender else {}
    return {"data": form | sender, "headers": {"apiKey": settings.api_key, "Accept": "application/json"}}


def _leopard(settings: SmsSettings, number: str, body: str) -> dict[str, Any]:
    message = {"message": body, "destination": [{"number": number}], "source": settings.sender}
    return {"json": message, "auth": (settings.username, settings.api_key)}
