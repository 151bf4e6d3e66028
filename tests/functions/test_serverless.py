"""`serverless.yml` is valid, has every function queue and periodic task, and deploys."""

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
from jobs.periodic import PERIODIC_TASKS, Interval
from jobs.queues import FUNCTION_QUEUES
from scripts.function_package import ARCHIVES
from tests.services.aws import KEYS, REGION, Aws
from tests.services.missing import required_service
from tests.services.node import installed, node
from tests.tree import ROOT

HERE = Path(__file__).parent
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text())
TIMEOUT_SECONDS = 150


@pytest.fixture(scope="session")
def osls() -> list[str]:
    """The deployment tool, as a command."""
    with required_service("Node"):
        folder = installed(HERE / "package.json")
        return [node(), str(folder / "node_modules" / "osls" / "bin" / "serverless.js")]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with serverless.yml and small archives; test_package tests the real ones."""
    (tmp_path / "dist").mkdir()
    for archive in ARCHIVES:
        with zipfile.ZipFile(tmp_path / "dist" / f"{archive.name}.zip", "w") as opened:
            for handler in (ROOT / "jobs" / "functions").glob("*.py"):
                opened.write(handler, handler.relative_to(ROOT))
    (tmp_path / "serverless.yml").write_text((ROOT / "serverless.yml").read_text())
    return tmp_path


def run(osls: list[str], folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run osls in the folder, with access to the local AWS only."""
    quiet = {"SLS_INTERACTIVE_SETUP_ENABLE": "0", "SLS_TELEMETRY_DISABLED": "1", "HOME": str(folder)}
    environment = {"PATH": os.environ["PATH"], **quiet, **more}
    return subprocess.run(
        [*osls, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def rates(function: str) -> dict[str, list[dict[str, Any]]]:
    """Return the inputs of a function's schedules by rate."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in CONFIG["functions"][function]["events"]:
        if "schedule" in event:
            found.setdefault(event["schedule"]["rate"], []).append(event["schedule"]["input"])
    return found


def test_every_periodic_task_has_one_schedule() -> None:
    scheduled = rates("sweep")

    scheduled_tasks = {
        rate: [name for event in events for name in event["tasks"]] for rate, events in scheduled.items()
    }

    assert scheduled_tasks == {
        str(interval): [task.name for task in PERIODIC_TASKS if task.interval is interval] for interval in Interval
    }


@pytest.mark.parametrize("kind", FUNCTION_QUEUES)
def test_every_function_queue_has_wakeups_and_tick(kind: QueueClass) -> None:
    function = CONFIG["functions"][kind.value]
    (mapping,) = [event["sqs"] for event in function["events"] if "sqs" in event]

    assert function["handler"] == f"jobs.functions.aws_lambda.{kind}"
    assert mapping["functionResponseType"] == "ReportBatchItemFailures"
    assert mapping["maximumConcurrency"]
    assert rates(kind.value) == {"rate(1 minute)": [{"queue": queue_of(kind, "${param:region}")}]}
    assert kind.value in CONFIG["provider"]["environment"]["CARREL_FUNCTION_URLS"]["Fn::Sub"]


@pytest.mark.parametrize("kind", FUNCTION_QUEUES)
def test_timeouts_cover_longest_job_and_hide_wakeups(kind: QueueClass) -> None:
    seconds = float(CONFIG["provider"]["environment"]["CARREL_IMPORT_SECONDS"])
    longest = FUNCTION_QUEUES[kind].seconds(Settings(import_seconds=seconds))
    limit = CONFIG["functions"][kind.value]["timeout"]
    queue = CONFIG["resources"]["Resources"][f"{kind.value.title()}Wake"]["Properties"]

    assert limit >= longest + RESERVE_SECONDS + 30, "time to begin jobs in"
    assert queue["VisibilityTimeout"] == 6 * limit


def test_every_variable_is_a_setting() -> None:
    known = {variable(field) for field in Settings.model_fields}

    assert set(CONFIG["provider"]["environment"]) <= known


def test_permissions_are_minimal() -> None:
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


def test_configuration_is_valid_without_account(osls: list[str], service: Path) -> None:
    done = run(osls, service, "print", "--format", "json", "--param=region=us", CARREL_CONCURRENCY="7")

    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout[done.stdout.index("{") :])
    assert printed["provider"]["environment"]["CARREL_REGION"] == "us"
    (mapping,) = [event["sqs"] for event in printed["functions"]["sessions"]["events"] if "sqs" in event]
    assert int(mapping["maximumConcurrency"]) == 7


def test_misspelt_keys_fail(osls: list[str], service: Path) -> None:
    file = service / "serverless.yml"
    for key in ("memorySize:", "batchSize:", "rate:"):
        file.write_text(file.read_text().replace(key, f"x{key}", 1))

    done = run(osls, service, "print")

    assert done.returncode == 1
    for key in ("memorySize", "batchSize", "rate"):
        assert f"unrecognized property 'x{key}'" in done.stdout + done.stderr


def test_template_passes_cfn_lint(osls: list[str], service: Path) -> None:
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


def test_deploy_and_remove(osls: list[str], service: Path, aws: Aws) -> None:
    account = {**KEYS, "AWS_ENDPOINT_URL": aws.url}
    options: dict[str, Any] = {"endpoint_url": aws.url, "region_name": REGION}
    options |= {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
    functions, events = boto3.client("lambda", **options), boto3.client("events", **options)

    done = run(osls, service, "deploy", **account)
    assert done.returncode == 0, done.stdout + done.stderr

    names = {found["FunctionName"] for found in functions.list_functions()["Functions"]}
    assert names == {f"carrel-prod-{name}" for name in CONFIG["functions"]}
    mapped = functions.list_event_source_mappings()["EventSourceMappings"]
    assert {found["FunctionArn"].rpartition("-")[2] for found in mapped} == {kind.value for kind in FUNCTION_QUEUES}
    assert all(found["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for found in mapped)
    assert len(events.list_rules()["Rules"]) == 4

    removed = run(osls, service, "remove", **account)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert functions.list_functions()["Functions"] == []
