"""celery -A worker worker -Q letters     celery -A worker worker -Q notices     celery -A worker beat"""

from mailer.tasks import app

__all__ = ["app"]
