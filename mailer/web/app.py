"""Door: the web application.  gunicorn "mailer.web.app:create_app()\""""

from datetime import datetime
from typing import Any

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import Babel, format_decimal, format_time, get_locale
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from mailer import ground, telemetry
from mailer.issues.typography import french, long_day
from mailer.paths import templates_dir, translations_dir
from mailer.people.journal import Unwritable
from mailer.settings import Settings
from mailer.web.desk import desk
from mailer.web.health import health
from mailer.web.links import links
from mailer.web.login import init_login, login
from mailer.web.maintenance import init_maintenance
from mailer.web.pages import pages
from mailer.web.preferences import preferences
from mailer.web.public import public
from mailer.web.reading import reading
from mailer.web.rights import rights
from mailer.web.rights_address import addresses
from mailer.web.security import csrf, init_security
from mailer.web.still import still
from mailer.web.yours import yours
from mailer.web.yours_acts import acts
from mailer.web.yours_correct import corrections
from mailer.web.yours_erase import erasing

LOCALES = ("fr", "en")
# No login's session to ride on: limits, signed links and their own tokens protect these.
ANONYMOUS = (public, links, preferences, still, rights, addresses, yours, acts, corrections, erasing)


def create_app(given: Settings | None = None) -> Flask:
    """The site: public pages and the desk.  Raises SettingsError, embedded.Unavailable."""
    given = given or ground.prepare()
    telemetry.configure()
    folder = templates_dir() / "web"
    app = Flask("mailer.web", template_folder=str(folder), static_folder=str(folder / "static"))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if given.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=given.proxies, x_proto=given.proxies)  # type: ignore[method-assign]
    init_maintenance(app)
    init_security(app, given)
    init_login(app)
    init_languages(app, given)
    for blueprint in (health, pages, login, desk, links, preferences, still, rights, yours, reading, public):
        app.register_blueprint(blueprint)
    for anonymous in ANONYMOUS:
        csrf.exempt(anonymous)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(Unwritable, _unwritable)
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
        "typeset": lambda text, locale: french(text) if locale == "fr" else text,
        "clock": lambda at: format_time(datetime.fromisoformat(at), "medium"),
        "hour": lambda at: format_time(at, "short"),
    }

    @app.context_processor
    def languages() -> dict[str, Any]:
        return {
            "lang": str(get_locale()),
            "settings": given,
            "other_language": _other_language(),
            "number": format_decimal,
        }

    @app.url_defaults
    def keep_language(endpoint: str, values: dict[str, Any]) -> None:
        if "lang" in g and endpoint != "static":
            values.setdefault("lang", g.lang)


def _language(given: Settings) -> str:
    """What was asked for in the address, else what the browser prefers, else the installation's."""
    asked = request.args.get("lang")
    if asked in LOCALES:
        g.lang = asked
        return str(asked)
    return request.accept_languages.best_match(LOCALES) or given.default_locale


def _other_language() -> str:
    """This page's address in the other language."""
    other = "en" if str(get_locale()) == "fr" else "fr"
    return f"{request.path}?lang={other}"


def _explain(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response
    code = error.code or 500
    return render_template("error.html", code=code), code


def _unwritable(error: Unwritable) -> ResponseReturnValue:
    telemetry.log.error("a will could not be written: nothing was changed", error=str(error))
    return render_template("error.html", code=503), 503


def _apologise(error: Exception) -> ResponseReturnValue:
    telemetry.log.exception("a page failed", path=request.path, error=type(error).__name__)
    return render_template("error.html", code=500), 500
