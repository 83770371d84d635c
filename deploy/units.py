"""systemd units, one hardened template per fleet: `python -m deploy.units --out DIR`. Committed in deploy/units."""

import argparse
from pathlib import Path
from typing import Final

from deploy.services import (
    HOME,
    RESTART_MS,
    SERVICES,
    SETTINGS,
    START_S,
    STARTS_MAX,
    STARTS_WITHIN_S,
    STATE,
    USER,
    WATCHDOG_S,
    Service,
)
from openbourse.roles import Need, role_named
from openbourse.supervisor.venue import HUGE_PAGES

UNITS: Final = Path(__file__).parent / "units"
TARGET: Final = "openbourse.target"
LOG: Final = "/var/log/openbourse"
HEAD: Final = "# Made by `python -m deploy.units`; change deploy/services.py or deploy/units.py, not this file.\n"

HARDENED: Final = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
RemoveIPC=yes
UMask=0077
"""


def unit_name(service: Service) -> str:
    """Return the name of a fleet's template."""
    return f"openbourse-{service.name}@.service"


def unit(service: Service) -> str:
    """Return the template of one fleet; an instance's name is free, its settings are in FLEET@INSTANCE.env."""
    name, fleet = service.name, service.fleet
    summaries = "; ".join(role.summary for role in map(role_named, fleet.roles) if role is not None)
    state = f"/var/lib/{STATE}/{name}-%i"
    environment = {"OPENBOURSE_DATA": state, "OPENBOURSE_SECRETS_CACHE": f"{state}/secrets", "PYTHONUNBUFFERED": "1"}
    if name == "sequencer":
        environment |= HUGE_PAGES
    if service.is_edge:
        environment |= {"OPENBOURSE_LEAVE_S": str(service.leave_s)}
    if "web" in fleet.roles:
        environment |= {"OPENBOURSE_WEB_DIR": f"{HOME}/current/share/openbourse/web"}
    lines = [
        *("[Unit]", f"Description=openbourse {name} %i: {summaries}"),
        *("Wants=network-online.target", "After=network-online.target", f"PartOf={TARGET}"),
        *(f"StartLimitIntervalSec={STARTS_WITHIN_S}", f"StartLimitBurst={STARTS_MAX}"),
        *("", "[Service]", "Type=notify", "NotifyAccess=main"),
        f"ExecStart={HOME}/current/bin/openbourse run {' '.join(fleet.roles)}",
        *(f"User={USER}", f"Group={USER}"),
        *(f'Environment="{key}={value}"' for key, value in environment.items()),
        f"EnvironmentFile={SETTINGS}/venue.env",
        *(f"EnvironmentFile=-{SETTINGS}/{name}{instance}.env" for instance in ("", "@%i")),
    ]
    if Need.MASTER_KEY in service.needs:
        # The file is root's alone; the process sees a copy in memory that no other user can read.
        lines += [
            f"LoadCredential=master.key:{SETTINGS}/master.key",
            "Environment=OPENBOURSE_MASTER_KEY_FILE=%d/master.key",
        ]
    lines += [f"StateDirectory={STATE}/{name}-%i", "StateDirectoryMode=0700"]
    lines += ["Restart=always", f"RestartSec={RESTART_MS}ms"]
    lines += ["KillSignal=SIGTERM", "KillMode=mixed", f"TimeoutStartSec={START_S}", f"TimeoutStopSec={service.stop_s}"]
    if service.is_edge:
        lines += [f"WatchdogSec={WATCHDOG_S}", "WatchdogSignal=SIGKILL"]
    lines += [f"MemoryMax={service.size.memory_mib}M", "MemorySwapMax=0", f"LimitNOFILE={service.size.files}"]
    lines += ["LimitCORE=0", "TasksMax=256", f"OOMScoreAdjust={-500 if name == 'sequencer' else 0}"]
    lines += [
        "StandardOutput=journal",
        "StandardError=journal",
        f"SyslogIdentifier=openbourse-{name}",
        "Slice=openbourse.slice",
    ]
    return HEAD + "\n".join(lines) + "\n" + HARDENED + f"\n[Install]\nWantedBy={TARGET}\n"


def target() -> str:
    """Return what starts and stops everything of the venue on a machine."""
    return (
        f"{HEAD}[Unit]\nDescription=openbourse on this machine\nWants=network-online.target\n"
        "After=network-online.target\n\n[Install]\nWantedBy=multi-user.target\n"
    )


def log_export() -> str:
    """Return what copies the venue's journal lines into a file: the CloudWatch agent reads files, not the journal."""
    return (
        f"{HEAD}[Unit]\nDescription=openbourse's log lines from the journal to {LOG}/venue.log\n"
        "After=systemd-journald.service\n\n[Service]\n"
        f"User={USER}\nGroup={USER}\nSupplementaryGroups=systemd-journal\nLogsDirectory=openbourse\n"
        f"StateDirectory={STATE}/log-export\n"
        # The shell opens the file: systemd itself would open it before the directory is made.
        "ExecStart=/bin/sh -c 'exec /usr/bin/journalctl --follow --no-tail --output=cat --unit=openbourse-*"
        " --cursor-file=$STATE_DIRECTORY/cursor >>$LOGS_DIRECTORY/venue.log'\n"
        "Restart=always\nRestartSec=1s\nMemoryMax=128M\n"
        # Fewer fences than the program's: with all of them journalctl follows and prints nothing.
        + "NoNewPrivileges=yes\nCapabilityBoundingSet=\nUMask=0022\n"
        + f"\n[Install]\nWantedBy={TARGET}\n"
    )


def join() -> str:
    """Return what fetches settings at an instance's first start, and starts its fleet; user data starts the target."""
    return (
        f"{HEAD}[Unit]\nDescription=openbourse: settings of this instance, and its fleet\n"
        f"Wants=network-online.target\nAfter=network-online.target\nConditionPathExists={SETTINGS}/instance.env\n\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/openbourse-join\n"
        "Restart=on-failure\nRestartSec=5s\nTimeoutStartSec=120\n"
        f"NoNewPrivileges=yes\nProtectHome=yes\nPrivateTmp=yes\nProtectSystem=full\nReadWritePaths={SETTINGS} /etc/systemd/system\n"
        f"\n[Install]\nWantedBy={TARGET}\n"
    )


def files() -> dict[str, str]:
    """Return every unit's text by its name."""
    made = {unit_name(service): unit(service) for service in SERVICES}
    return {**made, TARGET: target(), "openbourse-join.service": join(), "openbourse-log-export.service": log_export()}


def main() -> None:
    """Write the units."""
    parser = argparse.ArgumentParser(prog="python -m deploy.units", description=__doc__)
    parser.add_argument("--out", type=Path, default=UNITS)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (out / name).write_text(text)


if __name__ == "__main__":
    main()
