"""`serverless.yml` is valid, holds every queue and every clean-up there is, and deploys."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from core.queue import QueueClass, queue_of
from core.settings import Settings, variable
from jobs.functions.invocation import RESERVE_SECONDS
from jobs.periodic import CHORES, Cadence
from jobs.queues import FUNCTIONS
from scripts.function_package import ARCHIVES
from tests.services.aws import KEYS, REGION, Aws
from tests.services.missing import needed
from tests.services.node import installed, node
from tests.tree import ROOT

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text())
SECONDS = 150


@pytest.fixture(scope="session")
def osls() -> list[str]:
    """The deployment tool, as a command."""
    with needed("Node"):
        folder = installed(HERE / "package.json")
        return [node(), str(folder / "node_modules" / "osls" / "bin" / "serverless.js")]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with the file, and archives that hold the handlers alone: the whole ones have tests of their own."""
    (tmp_path / "dist").mkdir()
    for archive in ARCHIVES:
        with zipfile.ZipFile(tmp_path / "dist" / f"{archive.name}.zip", "w") as opened:
            for handler in (ROOT / "jobs" / "handlers").glob("*.py"):
                opened.write(handler, handler.relative_to(ROOT))
    (tmp_path / "serverless.yml").write_text((ROOT / "serverless.yml").read_text())
    return tmp_path


def run(osls: list[str], folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the tool in the folder; it finds no account but the one on this machine."""
    quiet = {"SLS_INTERACTIVE_SETUP_ENABLE": "0", "SLS_TELEMETRY_DISABLED": "1", "HOME": str(folder)}
    environment = {"PATH": os.environ["PATH"], **quiet, **more}
    return subprocess.run(
        [*osls, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def rates(function: str) -> dict[str, list[dict[str, Any]]]:
    """Return what a function is given by its schedules, by their rate."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in CONFIG["functions"][function]["events"]:
        if "schedule" in event:
            found.setdefault(event["schedule"]["rate"], []).append(event["schedule"]["input"])
    return found


def test_every_clean_up_has_one_schedule_of_its_own_pace() -> None:
    scheduled = rates("sweep")

    told = {rate: [name for event in events for name in event["chores"]] for rate, events in scheduled.items()}

    assert told == {str(cadence): [chore.name for chore in CHORES if chore.cadence is cadence] for cadence in Cadence}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_every_queue_that_functions_serve_has_one_with_a_bell_and_a_tick(kind: QueueClass) -> None:
    function = CONFIG["functions"][kind.value]
    (bell,) = [event["sqs"] for event in function["events"] if "sqs" in event]

    assert function["handler"] == f"jobs.functions.aws_lambda.{kind}"
    assert bell["functionResponseType"] == "ReportBatchItemFailures"
    assert bell["maximumConcurrency"]
    assert rates(kind.value) == {"rate(1 minute)": [{"queue": queue_of(kind, "${param:region}")}]}
    assert kind.value in CONFIG["provider"]["environment"]["CARREL_BELLS"]["Fn::Sub"]


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_started_job_can_always_end_and_a_bell_is_hidden_six_times_as_long(kind: QueueClass) -> None:
    seconds = float(CONFIG["provider"]["environment"]["CARREL_IMPORT_SECONDS"])
    longest = FUNCTIONS[kind].seconds(Settings(import_seconds=seconds))
    limit = CONFIG["functions"][kind.value]["timeout"]
    queue = CONFIG["resources"]["Resources"][f"{kind.value.title()}Bell"]["Properties"]

    assert limit >= longest + RESERVE_SECONDS + 30, "time to begin jobs in"
    assert queue["VisibilityTimeout"] == 6 * limit


def test_every_variable_is_a_setting() -> None:
    known = {variable(field) for field in Settings.model_fields}

    assert set(CONFIG["provider"]["environment"]) <= known


def test_no_permission_is_wider_than_its_work() -> None:
    roles = {name: found["Properties"] for name, found in CONFIG["resources"]["Resources"].items() if "Role" in name}
    statements = [
        (name, statement)
        for name, role in roles.items()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    actions = {action for _, found in statements for action in _listed(found["Action"])}

    assert not [action for action in actions if "*" in action]
    assert {action for _, found in statements if found["Resource"] == "*" for action in _listed(found["Action"])} == {
        action for action in actions if action.startswith("ec2:")
    }
    files = {name: _listed(found["Action"]) for name, found in statements if "s3:" in str(found["Action"])}
    assert files == {"ImportsRole": ["s3:GetObject"], "SweepRole": ["s3:DeleteObject"]}


def _listed(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action


def test_it_is_valid_without_an_account(osls: list[str], service: Path) -> None:
    done = run(osls, service, "print", "--format", "json", "--param=region=us", CARREL_CONCURRENCY="7")

    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout[done.stdout.index("{") :])
    assert printed["provider"]["environment"]["CARREL_REGION"] == "us"
    (bell,) = [event["sqs"] for event in printed["functions"]["sessions"]["events"] if "sqs" in event]
    assert int(bell["maximumConcurrency"]) == 7


def test_misspelt_keys_fail(osls: list[str], service: Path) -> None:
    file = service / "serverless.yml"
    for key in ("memorySize:", "batchSize:", "rate:"):
        file.write_text(file.read_text().replace(key, f"x{key}", 1))

    done = run(osls, service, "print")

    assert done.returncode == 1
    for key in ("memorySize", "batchSize", "rate"):
        assert f"unrecognized property 'x{key}'" in done.stdout + done.stderr


def test_the_template_is_one_that_the_platform_takes(osls: list[str], service: Path) -> None:
    done = run(osls, service, "package", "--package", "out")
    assert done.returncode == 0, done.stdout + done.stderr

    linted = subprocess.run(
        ["cfn-lint", str(service / "out" / "cloudformation-template-update-stack.json")],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (linted.returncode, linted.stdout) == (0, "")


def test_it_is_deployed_and_removed(osls: list[str], service: Path, aws: Aws) -> None:
    account = {**KEYS, "AWS_ENDPOINT_URL": aws.url}
    options: dict[str, Any] = {"endpoint_url": aws.url, "region_name": REGION}
    options |= {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
    functions, events = boto3.client("lambda", **options), boto3.client("events", **options)

    done = run(osls, service, "deploy", **account)
    assert done.returncode == 0, done.stdout + done.stderr

    names = {found["FunctionName"] for found in functions.list_functions()["Functions"]}
    assert names == {f"carrel-prod-{name}" for name in CONFIG["functions"]}
    mapped = functions.list_event_source_mappings()["EventSourceMappings"]
    assert {found["FunctionArn"].rpartition("-")[2] for found in mapped} == {kind.value for kind in FUNCTIONS}
    assert all(found["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for found in mapped)
    assert len(events.list_rules()["Rules"]) == 4

    removed = run(osls, service, "remove", **account)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert functions.list_functions()["Functions"] == []
