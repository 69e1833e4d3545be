"""Door: what the law wants said, generated from the settings."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from mailer.core.db import transaction
from mailer.newsletters import newsletters
from mailer.web.public.forms import AddressForm

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> ResponseReturnValue:
    with transaction() as db:
        listed = newsletters.newsletters(db)
    if len(listed) == 1:
        return redirect(url_for("public.home", slug=listed[0].slug))
    return render_template("newsletters.html", newsletters=listed)


@pages.get("/rights")
def rights() -> ResponseReturnValue:
    return render_template("rights.html", form=AddressForm())


@pages.get("/privacy")
def privacy() -> ResponseReturnValue:
    with transaction() as db:
        return render_template("privacy.html", newsletters=newsletters.newsletters(db))


@pages.get("/legal")
def legal() -> ResponseReturnValue:
    return render_template("legal.html")
