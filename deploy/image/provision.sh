#!/bin/sh
# Make a Debian 12 system into an openbourse instance: provision.sh VERSION SOURCE. Run as root, once, by Packer or in a root directory.
#
# SOURCE holds what install-release.sh needs, units/ and image/ of this repository. OPENBOURSE_AGENT names the CloudWatch
# agent's package (a file), with its SHA-256 in OPENBOURSE_AGENT_SHA256; OPENBOURSE_RDS_CA likewise names the authorities
# of RDS, whom no system knows by itself. "none" leaves either out.
set -eu
version=$1
source=$2
: "${OPENBOURSE_AGENT:?a path to amazon-cloudwatch-agent.deb, or none}"
: "${OPENBOURSE_RDS_CA:?a path to the global bundle of RDS certificates, or none}"
image=$source/image
export DEBIAN_FRONTEND=noninteractive

echo "packages"
apt-get update -qq
# chrony: a sequencer refuses to lead when its clock is more than 500 ms off the database's.
apt-get install -y -qq --no-install-recommends ca-certificates chrony logrotate python3 python3-venv util-linux

echo "user"
id -u openbourse >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin openbourse
install -d -o root -g root -m 0755 /etc/openbourse /opt/openbourse

echo "release $version"
sh "$image/install-release.sh" "$version" "$source"
ln -sfn "releases/$version" /opt/openbourse/current

echo "units"
install -m 0644 "$source"/units/*.service "$source"/units/*.target /etc/systemd/system/
install -m 0755 "$image/join.py" /usr/local/sbin/openbourse-join
systemctl enable --quiet openbourse-join.service openbourse-log-export.service chrony.service
install -m 0755 "$image/install-release.sh" /usr/local/sbin/openbourse-install-release
install -D -m 0755 "$source/rollout/rollout.py" /usr/local/lib/openbourse/rollout.py
install -m 0755 "$source/rollout/gate.py" /usr/local/lib/openbourse/gate.py
ln -sf ../lib/openbourse/rollout.py /usr/local/sbin/openbourse-rollout

echo "machine"
# The time of the machine's host, at an address that no firewall is asked for: those of the fleets let no NTP out.
install -D -m 0644 "$image/amazon.sources" /etc/chrony/sources.d/amazon.sources
install -m 0644 "$image/sysctl.conf" /etc/sysctl.d/60-openbourse.conf
install -m 0644 "$image/hugepages.conf" /etc/tmpfiles.d/openbourse.conf
install -D -m 0644 "$image/journald.conf" /etc/systemd/journald.conf.d/openbourse.conf
install -m 0644 "$image/logrotate.conf" /etc/logrotate.d/openbourse

echo "authorities of RDS"
# Named by the database URLs of infra/: without them no process would believe the database.
if [ "$OPENBOURSE_RDS_CA" != none ]; then
    echo "$OPENBOURSE_RDS_CA_SHA256  $OPENBOURSE_RDS_CA" | sha256sum --check --strict --quiet
    install -D -m 0644 "$OPENBOURSE_RDS_CA" /usr/local/lib/openbourse/rds.pem
fi

echo "agent"
# Without its log group, which is the fleet's: openbourse-join names it and starts the agent.
install -D -m 0644 "$image/cloudwatch-agent.json" /usr/local/lib/openbourse/cloudwatch-agent.json
if [ "$OPENBOURSE_AGENT" != none ]; then
    echo "$OPENBOURSE_AGENT_SHA256  $OPENBOURSE_AGENT" | sha256sum --check --strict --quiet
    dpkg --install "$OPENBOURSE_AGENT"
    systemctl disable --quiet amazon-cloudwatch-agent.service
fi

echo "clean"
apt-get clean
rm -rf /var/lib/apt/lists/* /tmp/pip-* /root/.cache
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id # made anew by each instance
