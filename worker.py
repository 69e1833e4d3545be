"""celery -A worker worker -Q QUEUE, with letters, notices or chores     celery -A worker beat"""

from mailer.tasks import app

__all__ = ["app"]
