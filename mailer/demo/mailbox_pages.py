"""Show what the local mailbox received: list, HTML, text, headers, source."""

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.serving import make_server

from mailer.core import templating
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.demo.mail_store import MailStore
from mailer.web.app import init_languages
from mailer.web.security import CSP

PAGE = 50  # messages
PARTS = ("html", "text", "headers", "source")


mail = Blueprint("mail", __name__)


def create_app(store: MailStore) -> Flask:
    """Return the site of one mailbox."""
    folder = templates_dir()
    app = Flask("mailer.demo", static_folder=str(folder / "web" / "static"))
    app.jinja_loader = ChoiceLoader([FileSystemLoader(folder / "demo"), FileSystemLoader(folder / "web")])
    app.jinja_options = templating.OPTIONS
    app.extensions["store"] = store
    init_languages(app, settings())
    app.register_blueprint(mail)
    return app


def _store() -> MailStore:
    store: MailStore = current_app.extensions["store"]
    return store


@mail.get("/")
def inbox() -> ResponseReturnValue:
    words, page = request.args.get("q", ""), max(request.args.get("page", 1, int), 1)
    found = _store().entries(words)
    shown, pages = found[(page - 1) * PAGE : page * PAGE], -(-len(found) // PAGE)
    return render_template("inbox.html", shown=shown, total=len(found), words=words, page=page, pages=pages)


@mail.get("/count")
def count() -> ResponseReturnValue:
    return jsonify(len(_store().entries()))


@mail.get("/<int:number>")
def message(number: int) -> ResponseReturnValue:
    entry, part = _store().entry(number) or abort(404), request.args.get("part", "html")
    return render_template(
        "message.html",
        entry=entry,
        part=part if part in PARTS else "html",
        text=_shown(number, part),
        images=request.args.get("images") != "off",
    )


@mail.get("/<int:number>/html")
def html(number: int) -> ResponseReturnValue:
    """Show the HTML part as it came; links open beside it, since the site lets nobody frame it."""
    if not _store().entry(number):
        abort(404)
    pictures = "" if request.args.get("images") == "off" else f"img-src {settings().public_url}; "
    body = _part(number, "html").replace("<head>", '<head><base target="_blank">', 1)
    return Response(
        body, headers={"Content-Security-Policy": f"default-src 'none'; {pictures}style-src 'unsafe-inline'"}
    )


@mail.after_request
def harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _part(number: int, kind: str) -> str:
    body = _store().message(number).get_body((kind,))
    return str(body.get_content()) if body else ""


def _shown(number: int, part: str) -> str:
    if part == "text":
        return _part(number, "plain")
    source = _store().path(number).read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    return source.partition("\n\n")[0] if part == "headers" else source if part == "source" else ""


def serve(store: MailStore, port: int) -> None:
    """Until told to stop."""
    make_server("127.0.0.1", port, create_app(store), threaded=True).serve_forever()
