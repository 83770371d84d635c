"""The tools find nothing."""

import json
from pathlib import Path

import pytest

from deploy.judged.conftest import Judge
from deploy.services import SERVICES
from deploy.stage import ROOT
from openbourse.roles import Need

KUBERNETES = ("1.29.0", "1.34.0", "1.37.0")
DIGEST = f"sha256:{'a' * 64}"
INGRESS = ("ingress.enabled=true", "ingress.certificateArn=arn:certificate", "ingress.wafArn=arn:waf")
KINDS = {
    "Deployment": 5,
    "ServiceAccount": 5,
    "PodDisruptionBudget": 5,
    "HorizontalPodAutoscaler": 3,
    "NetworkPolicy": 6,
}


def rendered(judge: Judge, version: str, *settings: str) -> str:
    given = [word for each in (f"image.digest={DIGEST}", *settings) for word in ("--set", each)]
    return judge("helm", "template", "venue", "deploy/chart", "--kube-version", version, *given)


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_chart_is_valid_on_every_version_that_it_claims(judge: Judge, tmp_path: Path, version: str) -> None:
    judge("helm", "lint", "deploy/chart", "--strict", "--kube-version", version, "--set", f"image.digest={DIGEST}")
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(judge, version, *INGRESS))
    judge("kubernetes-validate", "--strict", "-k", version.rpartition(".")[0], str(file))


def test_the_chart_has_everything_for_every_fleet(judge: Judge) -> None:
    text = rendered(judge, KUBERNETES[-1], *INGRESS)
    for kind, count in KINDS.items():
        assert text.count(f"\nkind: {kind}\n") == count, kind
    deployments = [part for part in text.split("\n---\n") if "\nkind: Deployment\n" in part]
    for service in SERVICES:
        [part] = [each for each in deployments if f"  name: openbourse-{service.name}\n" in each]
        for word in (
            "runAsNonRoot: true",
            "readOnlyRootFilesystem: true",
            "topology.kubernetes.io/zone",
            "startupProbe",
        ):
            assert word in part, f"{service.name}: {word}"
        assert f"terminationGracePeriodSeconds: {service.stop_s}" in part
        assert f"name: openbourse-{service.name}\n                  key: OPENBOURSE_JOURNAL_URL" in part
        assert ("key: OPENBOURSE_DATABASE_URL" in part) == (Need.DATABASE in service.needs)


def test_the_chart_wants_its_image_by_digest(judge: Judge) -> None:
    with pytest.raises(AssertionError, match="name the image by its digest"):
        judge("helm", "template", "venue", "deploy/chart", "--kube-version", KUBERNETES[0])


def test_the_container_recipe(judge: Judge) -> None:
    judge("hadolint", "deploy/Containerfile")


def test_scripts(judge: Judge) -> None:
    scripts = [*(ROOT / "deploy").rglob("*.sh"), *(ROOT / "requirements").glob("*.sh"), ROOT / ".ci" / "run"]
    judge("shellcheck", *map(str, scripts))


def test_the_image_recipe_is_hcl(judge: Judge) -> None:
    told = json.loads(judge("hcl2tojson", "deploy/image/openbourse.pkr.hcl"))
    assert {"packer", "variable", "source", "build"} <= told.keys()


def test_workflows(judge: Judge) -> None:
    judge("actionlint", *(str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml")))
    judge("zizmor", "--offline", ".github/workflows")


def test_a_bill_of_materials(judge: Judge, tmp_path: Path) -> None:
    file = tmp_path / "openbourse.cdx.json"
    judge("sh", "deploy/sbom.sh", ".venv-deploy", ".venv", str(file))
    told = json.loads(file.read_text())
    names = {each["purl"] for each in told["components"] if "purl" in each}
    assert told["bomFormat"] == "CycloneDX"
    assert told["metadata"]["component"]["name"] == "openbourse"
    assert any(name.startswith("pkg:pypi/asyncpg@") for name in names)
    assert any(name.startswith("pkg:cargo/pyo3@") for name in names)
