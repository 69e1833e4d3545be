"""`mailer backup` and `mailer restore`: copy the database, and come back without undoing a decision."""

from pathlib import Path
from typing import Any

import click

from mailer.backup import archive, encryption, prune_log, replay
from mailer.backup.replay import Replay
from mailer.backup.restore import restore as restore_backup
from mailer.cli import files, show
from mailer.cli.opening import audited, opened
from mailer.core import audit, bootstrap
from mailer.core.db import utcnow
from mailer.delivery import follow
from mailer.privacylog import decisions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@files.folder
@click.option("--recipient-key", "recipients", multiple=True, required=True,
              help="A public key (age1…), from `mailer restore key`; several may open it.")  # fmt: skip
@show.as_json
def backup(out: Path, recipients: tuple[str, ...], as_json: bool) -> None:
    """Write an encrypted backup of the database into a folder.

    It opens with the private half of the key, which does not belong on this machine.  Neither the settings
    nor the privacy log are in it: keep copies of both, elsewhere.
    """
    began = utcnow()
    with opened() as db:
        audit.record(db, who=audit.TERMINAL, what="backup", details={}, now=began)
    with follow.bar(archive.size(), "backing up") as drawn:
        path, manifest = archive.create(out, recipients, now=began, progress=drawn.update)
        drawn.update(drawn.length - drawn.pos)
    with opened() as db:
        audit.record(db, who=audit.TERMINAL, what=prune_log.WRITTEN, details={}, now=began)
    values = {"file": path, "bytes": path.stat().st_size, "at": manifest.at, "revision": manifest.revision,
              "logs": manifest.logs}  # fmt: skip
    show.facts(values, as_json=as_json)


class _Restore(click.Group):
    """Hold a group whose first command may be left out: `mailer restore FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = not args or args[0] in self.commands
        return super().resolve_command(ctx, args if known else ["file", *args])


@click.group(cls=_Restore)
def restore() -> None:
    """Fill an empty database from a backup; then replay what people asked for since."""


@restore.command()
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@show.as_json
def key(out: Path, as_json: bool) -> None:
    """Make a key for backups: its private half goes to a file, its public half is printed."""
    public, body = encryption.new_key()
    files.write_new(out, body)
    show.facts({"private_key": out, "public_key": public}, as_json=as_json)


@restore.command("file")
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--key-file", required=True, type=_FILE, help="The private key, from `mailer restore key`.")
@show.as_json
def file_(path: Path, key_file: Path, as_json: bool) -> None:
    """Fill an empty database from a backup.  The service is then disarmed until `mailer restore replay`."""
    bootstrap.prepare()
    with follow.bar(path.stat().st_size, "restoring") as drawn:
        manifest = restore_backup(path, key_file, now=utcnow(), progress=drawn.update)
    values = {"of": manifest.at, "version": manifest.version, "logs": manifest.logs}
    show.facts(values, as_json=as_json)
    click.echo(
        f"the service is disarmed: put every machine's privacy log in {decisions.folder()}, then run "
        "`mailer restore replay`",
        err=True,
    )


@restore.command("replay")
@click.option("--yes", is_flag=True, help="Arm the service without asking: every privacy log is here.")
@click.option("--lost", type=click.Path(dir_okay=False, path_type=Path),
              help="A new CSV of those whose yes was lost: fingerprint, newsletter.")  # fmt: skip
@show.as_json
def replay_(yes: bool, lost: Path | None, as_json: bool) -> None:
    """Make good what people asked for since the backup; once you confirm, the service is armed again.

    Who erased, left, objected, restricted or moved since is treated as they asked.  Issues that had begun are
    paused, and what nobody knows of their deliveries is unknown; scheduled issues are drafts again.
    """
    bootstrap.prepare()
    replaying = Replay()
    with follow.bar(max(replaying.steps, 1), "replaying") as drawn:
        report = replaying.run(clock=utcnow, progress=drawn.update)
        drawn.update(drawn.length - drawn.pos)
    if lost:
        rows = [("fingerprint", "newsletter"), *((who.hex(), str(to)) for who, to in replaying.lost)]
        files.write_new(lost, "".join(f"{','.join(row)}\n" for row in rows).encode())
    values: dict[str, Any] = replay.as_row(report)
    armed = yes or _confirmed(report.logs)
    if armed:
        with opened(disarmed=True) as db:
            replay.arm(db, now=utcnow())
            audited(db, "restore replay", **values)
    show.facts(values | {"armed": armed}, as_json=as_json)
    if not armed:
        raise click.ClickException("the service stays disarmed: add what is missing, and replay again")


def _confirmed(logs: dict[str, int]) -> bool:
    hosts = ", ".join(sorted(logs))
    return click.confirm(
        f"Replayed: the privacy logs of {hosts}. Is that every machine that ever served this installation, "
        "each up to its last day? Then the service opens",
        err=True,
    )
