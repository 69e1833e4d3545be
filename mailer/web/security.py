"""What every answer carries, and how often one may ask (docs/decisions/limits-delay.md)."""

from flask import Flask, Response
from flask_limiter import Limiter
from flask_wtf import CSRFProtect

from mailer.core.settings import Settings, settings
from mailer.web.network import visitor

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LETTER_CSP = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def may_be_framed(page: str, status: int = 200) -> Response:
    """Return a page that the sites of MAILER_EMBED_ORIGINS may show in theirs."""
    origins = " ".join(settings().embed_origins) or "'none'"
    policy = CSP.replace("frame-ancestors 'none'", f"frame-ancestors {origins}")
    return Response(page, status, {"Content-Security-Policy": policy}, mimetype="text/html")


def private(response: Response) -> Response:
    """For pages behind a personal link: kept nowhere, told to nobody, found by no search engine."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


FORM_LIMIT = "10 per minute; 100 per hour; 300 per day"  # from one network, for a form that causes a mail

LINK_LIMIT = "10 per minute; 100 per hour"  # for one that writes to whom is known alone: nobody waits a day

# Without Redis each process counts by itself, in memory; what cannot be counted at all is refused.
limiter = Limiter(visitor, strategy="fixed-window", swallow_errors=False, in_memory_fallback_enabled=True)
csrf = CSRFProtect()


def init_security(app: Flask, given: Settings) -> None:
    """Give the app its limits, its CSRF check and its headers."""
    secure = given.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=given.secret_keys[-1].get_secret_value(),
        SECRET_KEY_FALLBACKS=[key.get_secret_value() for key in given.secret_keys[:-1]],
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        WTF_CSRF_SSL_STRICT=secure,
        WTF_CSRF_TIME_LIMIT=None,  # as long as its session: a form that was open for an hour is still taken
        MAX_CONTENT_LENGTH=64 * 1024,
        RATELIMIT_STORAGE_URI=given.redis_url,
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 2, "socket_timeout": 2},
        RATELIMIT_KEY_PREFIX="mailer",
    )
    limiter.init_app(app)
    csrf.init_app(app)
    headers = {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    } | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response
