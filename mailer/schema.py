"""Every table of the house in one metadata: for the migrations, and for whoever must see them all."""

from mailer.db import Base
from mailer.issues import models as issues
from mailer.people import models as people
from mailer.rights import models as rights
from mailer.sending import models as sending
from mailer.staff import models as staff

metadata = Base.metadata
ROOMS = (people, issues, sending, rights, staff)
