"""The Celery app with shorter days: `celery -A tests.faults.app worker`, for trees of real workers."""

import json
import os

from mailer.tasks import app
from tests.faults import worker

for name, value in json.loads(os.environ["MAILER_FAULTS_CONSTANTS"]).items():
    worker.set_constant(name, value)

__all__ = ["app"]
