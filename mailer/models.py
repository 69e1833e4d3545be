"""Hold every table in one metadata: for the migrations, and for whoever must see them all."""

from mailer.core import audit, circuit, heartbeats, jobs, restore_lock, throttle  # noqa: F401
from mailer.core.db import Base
from mailer.delivery import models as delivery  # noqa: F401
from mailer.imports import models as imports  # noqa: F401
from mailer.issues import models as issues  # noqa: F401
from mailer.monitoring import models as monitoring  # noqa: F401
from mailer.newsletters import models as newsletters  # noqa: F401
from mailer.notices import models as notices  # noqa: F401
from mailer.privacy import models as privacy  # noqa: F401
from mailer.privacylog import models as privacylog  # noqa: F401
from mailer.smtp import models as smtp  # noqa: F401
from mailer.staff import models as staff  # noqa: F401
from mailer.subscribers import models as subscribers  # noqa: F401
from mailer.subscribers.consent import models as consent  # noqa: F401

metadata = Base.metadata
