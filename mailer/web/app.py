"""Door: the web application.  gunicorn "mailer.web.app:create_app()\""""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, format_decimal, format_time, get_locale
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from mailer import celery_app
from mailer.core import after_commit, bootstrap, templating
from mailer.core.i18n import LOCALES
from mailer.core.logging import log
from mailer.core.paths import templates_dir, translations_dir
from mailer.core.settings import Settings
from mailer.privacylog.decisions import LogUnwritable
from mailer.rendering.typography import long_day, typeset
from mailer.web.desk.blueprint import desk
from mailer.web.desk.login import init_login, login
from mailer.web.health import health
from mailer.web.maintenance import init_maintenance
from mailer.web.public.accessibility import accessibility
from mailer.web.public.archive import reading
from mailer.web.public.home import public
from mailer.web.public.legal import pages
from mailer.web.public.mail_links import links
from mailer.web.public.preferences import preferences
from mailer.web.public.reconfirm import still
from mailer.web.public.rights.actions import acts
from mailer.web.public.rights.address import addresses
from mailer.web.public.rights.correct import corrections
from mailer.web.public.rights.entry import rights
from mailer.web.public.rights.erase import erasing
from mailer.web.public.rights.overview import yours
from mailer.web.public.testers import testers
from mailer.web.request_log import init_request_log
from mailer.web.security import csrf, init_security
from mailer.web.text import init_text

# No login's session to ride on: limits, signed links and their own tokens protect these.
ANONYMOUS = (public, links, testers, preferences, still, rights, addresses, yours, acts, corrections, erasing)


def create_app(given: Settings | None = None) -> Flask:
    """Return the site: public pages and the desk.  Raises SettingsError, embedded.Unavailable."""
    given = given or bootstrap.prepare()
    bootstrap.set_up_logs()
    after_commit.install(celery_app.ask_for)
    folder = templates_dir() / "web"
    app = Flask("mailer.web", template_folder=str(folder), static_folder=str(folder / "static"))
    app.jinja_options = templating.OPTIONS
    if given.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=given.proxies, x_proto=given.proxies)  # type: ignore[method-assign]
    init_request_log(app)
    init_text(app)
    init_maintenance(app)
    init_security(app, given)
    init_login(app)
    init_languages(app, given)
    for blueprint in (
        health,
        pages,
        accessibility,
        login,
        desk,
        links,
        testers,
        preferences,
        still,
        rights,
        yours,
        reading,
        public,
    ):
        app.register_blueprint(blueprint)
    for anonymous in ANONYMOUS:
        csrf.exempt(anonymous)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(LogUnwritable, _unwritable)
    app.register_error_handler(Exception, _apologise)
    return app


def init_languages(app: Flask, given: Settings) -> None:
    """Give an app its languages, and its templates the words for dates and numbers."""
    Babel(
        app,
        default_locale="fr",
        default_timezone=given.time_zone,
        default_translation_directories=str(translations_dir()),
        locale_selector=lambda: _language(given),
    )

    app.jinja_env.filters |= {
        "day": lambda at: long_day(at.astimezone(given.zone).date(), str(get_locale())),
        "long": lambda day: long_day(day, str(get_locale())),
        "typeset": typeset,
        "clock": lambda at: format_time(datetime.fromisoformat(at), "medium"),
        "hour": lambda at: format_time(at, "short"),
    }

    @app.context_processor
    def languages() -> dict[str, Any]:
        return {
            "lang": str(get_locale()),
            "newsletter": None,  # a page of the body's own, unless it is given one
            "settings": given,
            "other_language": _other_language(),
            "number": format_decimal,
        }

    @app.url_defaults
    def keep_language(endpoint: str, values: dict[str, Any]) -> None:
        if "lang" in g and endpoint != "static":
            values.setdefault("lang", g.lang)


def _language(given: Settings) -> str:
    """Return what was asked for in the address, else what the browser prefers, else the installation's."""
    asked = request.args.get("lang")
    if asked in LOCALES:
        g.lang = asked
        return str(asked)
    return request.accept_languages.best_match(LOCALES) or given.default_locale


def _other_language() -> str:
    """Return this page's address in the other language; quoted: browsers take a backslash for a slash."""
    other = "en" if str(get_locale()) == "fr" else "fr"
    return f"/{quote(request.path.lstrip('/'))}?lang={other}"


def _explain(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response
    code = error.code or 500
    return render_template("error.html", code=code), code


def _unwritable(error: LogUnwritable) -> ResponseReturnValue:
    log.error("a decision could not be written to the privacy log: nothing was changed", error=str(error))
    return render_template("error.html", code=503), 503


def _apologise(error: Exception) -> ResponseReturnValue:
    log.exception("a page failed", endpoint=request.endpoint, error=type(error).__name__)
    return render_template("error.html", code=500), 500
