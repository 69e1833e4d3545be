"""Every table of the house in one metadata: for the migrations, and for whoever must see them all."""

from mailer.core.db import Base
from mailer.delivery import models as sending
from mailer.issues import models as issues
from mailer.privacy import models as rights
from mailer.staff import models as staff
from mailer.subscribers import models as people

metadata = Base.metadata
ROOMS = (people, issues, sending, rights, staff)
