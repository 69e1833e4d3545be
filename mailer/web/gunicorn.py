"""How gunicorn runs: it logs as the rest of the service.  gunicorn -c python:mailer.web.gunicorn …

Its access log stays off: it would name visitors; the application names each request by an id.
"""

from typing import Any

from gunicorn.glogging import Logger

from mailer.core import bootstrap


class ServiceLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's lines to the service's own log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        bootstrap.set_up_logs()
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


logger_class = ServiceLogger
control_socket_disable = True  # it lets its user in to steer; two sites of one user would share it
