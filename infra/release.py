"""`python -m infra.release VERSION --environment NAME`: make a baked image the one that starts next, in every Region.

An image is a Region's. The second Region gets a copy first, under the key of that Region, and the first Region's parameter
is written last: no release goes out before the Region that stands by could start it. Nothing is started there: its
fleets are empty. `--check` tells which release each Region would start, and fails when they differ.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.environments import ENVIRONMENTS, Environment

COPIED_S_MAX: Final = 3_600
POLL_S: Final = 15.0
Clients = Callable[[str, str], Any]
"""Gives the client of a service in a Region."""
AWS_FAULTS: Final = (ClientError, BotoCoreError)
"""What a call raises that AWS refuses, or that does not come to it: no credentials, throttled, not allowed, no network."""


NO_VERSION: Final = ("no image of ours", "no image named")
"""What stands instead of a version where none can be told."""


class ReleaseFault(Exception):
    """A Region has not what it would need to start the release."""


def regions(environment: Environment) -> list[str]:
    """Return where an environment stands, the Region that trades last."""
    return [*([environment.second.region] if environment.second else []), environment.region]


def image_of(clients: Clients, region: str, version: str) -> dict[str, Any] | None:
    """Return the newest image of a version that is ours in a Region."""
    found = clients("ec2", region).describe_images(
        Owners=["self"],
        Filters=[
            {"Name": "tag:project", "Values": ["openbourse"]},
            {"Name": "tag:version", "Values": [version]},
            # A copy that failed stays, with its tags, and would be the newest for ever.
            {"Name": "state", "Values": ["available", "pending"]},
        ],
    )["Images"]
    return max(found, key=lambda image: str(image["CreationDate"]), default=None)


def publish(clients: Clients, environment: Environment, version: str, poll_s: float = POLL_S) -> dict[str, str]:
    """Copy the image where it is missing, and name it in every Region. Raises ReleaseFault before anything is named."""
    source = image_of(clients, environment.region, version)
    if source is None:
        raise ReleaseFault(f"{environment.region} has no image of {version}: bake it first")
    images = {environment.region: str(source["ImageId"])}
    for region in regions(environment)[:-1]:
        there = image_of(clients, region, version)
        images[region] = _copied(clients, environment, region, source, version) if there is None else there["ImageId"]
    for region, image in images.items():
        _await_available(clients, region, image, poll_s)
    for region in regions(environment):
        clients("ssm", region).put_parameter(
            Name=_parameter(environment), Value=images[region], Type="String", Overwrite=True
        )
    return images


def _copied(clients: Clients, environment: Environment, region: str, source: dict[str, Any], version: str) -> str:
    tags = [{"Key": "project", "Value": "openbourse"}, {"Key": "version", "Value": version}]
    ec2 = clients("ec2", region)
    image = ec2.copy_image(
        Name=source["Name"], SourceImageId=source["ImageId"], SourceRegion=environment.region,
        Encrypted=True, KmsKeyId=f"alias/{environment.prefix}",
    )["ImageId"]  # fmt: skip
    ec2.create_tags(Resources=[image], Tags=tags)
    return str(image)


def _await_available(clients: Clients, region: str, image: str, poll_s: float) -> None:
    limit = time.monotonic() + COPIED_S_MAX
    while True:
        [found] = clients("ec2", region).describe_images(ImageIds=[image])["Images"]
        if found["State"] == "available":
            return
        if found["State"] != "pending" or time.monotonic() > limit:
            raise ReleaseFault(f"{image} in {region} is {found['State']}")
        time.sleep(poll_s)


def releases(clients: Clients, environment: Environment) -> dict[str, str]:
    """Return the version that each Region would start next; what cannot be told stands there in words."""
    found = {}
    for region in regions(environment):
        named = clients("ssm", region).get_parameters(Names=[_parameter(environment)])["Parameters"]
        versions = versions_of(clients, region, [each["Value"] for each in named])
        found[region] = next(iter(versions.values()), NO_VERSION[0] if named else NO_VERSION[1])
    return found


def versions_of(clients: Clients, region: str, images: Sequence[str]) -> dict[str, str]:
    """Return the version of each image that is ours."""
    if not images:
        return {}
    found = clients("ec2", region).describe_images(Filters=[{"Name": "image-id", "Values": list(images)}])["Images"]
    return {
        str(image["ImageId"]): str(tag["Value"])
        for image in found
        for tag in image.get("Tags", [])
        if tag["Key"] == "version"
    }


def _parameter(environment: Environment) -> str:
    return f"/openbourse/{environment.name}/ami"


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="python -m infra.release", description=__doc__)
    found.add_argument("version", nargs="?", default="")
    found.add_argument("--environment", choices=list(ENVIRONMENTS), required=True)
    found.add_argument("--check", action="store_true")
    return found


def clients(service: str, region: str) -> Any:
    """Return the client of a service in a Region, as this machine is allowed it."""
    import boto3

    return boto3.client(service, region_name=region)


def main() -> int:
    """Publish a version, or check."""
    command = parser()
    given = command.parse_args()
    if bool(given.version) == given.check:
        command.error("say which VERSION starts next, or --check")
    environment = ENVIRONMENTS[given.environment]
    try:
        if given.version:
            publish(clients, environment, given.version)
        found = releases(clients, environment)
    except (ReleaseFault, *AWS_FAULTS) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    sys.stdout.write("".join(f"{region}: {version}\n" for region, version in found.items()))
    return 0 if len(set(found.values())) == 1 and not set(found.values()) & set(NO_VERSION) else 1


if __name__ == "__main__":
    sys.exit(main())
