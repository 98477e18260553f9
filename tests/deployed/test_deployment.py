"""Runs of the deployed pipeline, judged by the databases at their end, by their mails and by the command's output.

All runs are started at once, each on a database of its own, and followed by the command. Then each test checks its own run.
"""

import json
import re
from pathlib import Path

import pytest
import yaml
from conftest import SCHEDULE, SCHEDULED, Run, deploy_second, until
from documented import commands
from world import AURORA_CLUSTERS, CLUSTERS, INSTANCES, bystander

FUNCTIONS = json.loads((Path(__file__).parent.parent / "deployment/functions.json").read_text())
# The timelines of rehearsals.
GOLDEN = Path(__file__).parent.parent / "golden"
RESTORES = {"restore": "db_restore", "replace": "create_snapshot"}
TARGETS = [f"{kind}-{what}" for kind in ("orders", "shop", "ledger") for what in RESTORES]
SNAPSHOTS = ["orders-snapshot", "shop-snapshot", "ledger-snapshot"]
# Instances and clusters, with and without a restore beside the export. All runs wait for the export's end.
EXPORTS = {
    "orders-export": "create_snapshot",
    "shop-export": "create_snapshot_only",
    "orders-queued": "create_snapshot_only",
    "shop-queued": "create_snapshot",
}
LOST_EXPORTS = {"orders-lost": "create_snapshot", "shop-lost": "create_snapshot_only"}
HEALTHY = ["orders-healthy", "shop-healthy"]
# A rollback keeps a snapshot of a restored database that was in service.
SERVED = ["shop-broken", "shop-stopped"]
STOPPED = {"orders-stopped": "GetDbInstanceStatusPostRestore", "shop-stopped": "GetClusterStatusPostRestore"}

ALIASES = (yaml.AliasToken, yaml.AnchorToken)


def event(identifier, task):
    return {"identifier": identifier, "task": task, "isCluster": identifier in CLUSTERS}


@pytest.fixture(scope="session")
def runs(account, stack, before, pool):
    """The active runs that are followed from their start, by database."""
    events = [event(name, RESTORES[name.split("-")[1]]) for name in TARGETS]
    events += [event(name, "create_snapshot_only") for name in SNAPSHOTS]
    exports = EXPORTS | LOST_EXPORTS
    events += [event(name, task) | {"export": True, "waitForExport": True} for name, task in exports.items()]
    events += [event(name, "db_restore") for name in ("orders-broken", "shop-broken")]
    events += [event(name, "recover") for name in HEALTHY]
    return {each["identifier"]: pool.submit(account.follow_a_run, each, stack) for each in events}


@pytest.fixture(scope="session")
def recoveries(account, stack, before, pool):
    """The stopped executions with their recoveries, by database."""

    def stop(name):
        started = account.trapheus("start", "-", "--stack", stack, event=event(name, "db_restore"))
        assert started.status == 0, started.output
        account.until_entered(started.execution, STOPPED[name])
        account.client("stepfunctions").stop_execution(executionArn=started.execution)
        return started.execution, account.recovery_of(started.execution, stack)

    return {name: pool.submit(stop, name) for name in STOPPED}


def assert_as_before(account, before, identifier):
    """Checks that the database is the same as at the start. Only a final snapshot of the restored database may be left."""
    kept = []
    if identifier in SERVED:
        kept = until(f"the final snapshot of the restored {identifier}", lambda: discarded(account, identifier))
        assert len(kept) == 1
    now = account.databases()
    assert now.of(identifier) == before.of(identifier)
    assert now.names(identifier) == sorted(before.names(identifier) + kept)


def discarded(account, identifier):
    """The final snapshots of restored databases, after RDS has deleted these databases."""
    now = account.databases()
    kept = [name for name in now.names(identifier) if re.fullmatch(rf"{identifier}-failed-[0-9a-f]{{6}}", name)]
    is_over = all(name not in now.clusters and now.snapshots[name]["status"] == "available" for name in kept)
    return kept if is_over else []


def without_identity(resource):
    return {key: value for key, value in resource.items() if key not in ("resourceId", "arn", "members", "secretArn")}


# ---- Runs that succeed


@pytest.mark.parametrize("name", TARGETS)
def test_a_restore_ends_with_a_new_database_that_has_the_settings_of_the_original(account, before, runs, recoveries, name):
    run = runs[name].result()
    assert (run.status, run.output.splitlines()[-1]) == (0, "SUCCEEDED"), run.output
    now = account.databases()
    (original, members_of_original), (database, members) = before.of(name), now.of(name)
    assert database["resourceId"] != original["resourceId"]
    assert without_identity(database) == without_identity(original)
    assert sorted(each["isWriter"] for each in members) == sorted(each["isWriter"] for each in members_of_original)
    if name in AURORA_CLUSTERS:
        assert list(map(without_identity, members)) == list(map(without_identity, members_of_original))
    assert now.names(name) == before.names(name)
    snapshot = now.snapshots[f"{name}-snapshot"]
    assert (snapshot["status"], snapshot["tags"]) == ("available", before.snapshots[f"{name}-snapshot"]["tags"])
    is_replaced = snapshot["createdSeconds"] != before.snapshots[f"{name}-snapshot"]["createdSeconds"]
    assert is_replaced == name.endswith("-replace")
    assert account.mails(name) == []


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_is_replaced_and_the_database_is_unchanged(account, before, runs, name):
    run = runs[name].result()
    assert run.status == 0, run.output
    now = account.databases()
    assert now.of(name) == before.of(name)
    assert now.names(name) == before.names(name)
    assert now.snapshots[f"{name}-snapshot"]["createdSeconds"] > before.snapshots[f"{name}-snapshot"]["createdSeconds"]
    assert account.mails(name) == []


def test_the_timeline_of_a_followed_run_has_the_steps_of_a_rehearsal(runs):
    def without_waits(run):
        return [step for step in run.steps if not step[0].startswith("Get")]

    rehearsal = Run(0, (GOLDEN / "instance.txt").read_text())
    assert ("RestorePipelineComplete", "ok") in rehearsal.steps
    assert without_waits(runs["orders-restore"].result()) == without_waits(rehearsal)


# ---- Runs that export their snapshot


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_ends_in_the_bucket_of_the_stack(account, stack, before, runs, name):
    run = runs[name].result()
    assert (run.status, run.output.splitlines()[-1]) == (0, "SUCCEEDED"), run.output
    told = account.output(run.execution)["export"]
    assert (told["status"], told["percentProgress"]) == ("COMPLETE", 100)
    assert told["bucket"] == account.bucket(stack)
    (export,) = account.exports(name)
    assert (export["identifier"], export["bucket"], export["status"]) == (told["identifier"], told["bucket"], "complete")
    now = account.databases()
    is_restored = now.of(name)[0]["resourceId"] != before.of(name)[0]["resourceId"]
    assert is_restored == (EXPORTS[name] == "create_snapshot")
    assert now.names(name) == before.names(name)
    assert account.mails(name) == []


@pytest.mark.parametrize("name", LOST_EXPORTS)
def test_a_failed_export_is_mailed_and_does_not_fail_the_restore(account, stack, before, runs, name):
    run = runs[name].result()
    if LOST_EXPORTS[name] == "create_snapshot":
        assert run.status == 0, run.output
        assert account.output(run.execution)["export"]["failure"]["Error"] == "ExportException"
        assert account.databases().of(name)[0]["resourceId"] != before.of(name)[0]["resourceId"]
    else:
        # The export was this run's only task.
        assert re.search(r"^FAILED\n", run.output, re.MULTILINE), run.output
        assert account.recovery_of(run.execution, stack)["status"] == "SUCCEEDED"
        assert account.databases().of(name) == before.of(name)
    assert account.databases().names(name) == before.names(name)
    (subject,) = account.mails(name)
    assert "export" in subject and subject.endswith("(the database is well)")


# ---- Runs that fail


@pytest.mark.parametrize(
    ("name", "error"), [("orders-broken", "InstanceRestoreException"), ("shop-broken", "AccessDeniedException")]
)
def test_a_restore_that_fails_is_rolled_back_and_mailed(account, stack, before, runs, name, error):
    run = runs[name].result()
    assert run.status == 1, run.output
    assert re.search(rf"^FAILED\n{error}$", run.output, re.MULTILINE), run.output
    assert account.recovery_of(run.execution, stack)["status"] == "SUCCEEDED"
    assert_as_before(account, before, name)
    assert [subject.partition("(")[2] for subject in account.mails(name)] == ["rolling back)", "final: original is back)"]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_recovery_by_hand_of_a_healthy_database_changes_nothing_and_sends_no_mail(account, before, runs, name):
    run = runs[name].result()
    assert run.status == 0, run.output
    assert_as_before(account, before, name)
    assert account.mails(name) == []


def test_the_command_starts_no_run_with_an_invalid_input(account, stack):
    run = account.follow_a_run({"identifier": "orders-healthy", "task": "restore_db", "isCluster": False}, stack)
    assert run.status == 2
    assert "restore_db" in run.output


def test_the_state_machine_refuses_an_invalid_input(account, stack, before):
    sfn = account.client("stepfunctions")
    meant = {"identifier": "orders-healthy", "task": "db_restore", "isCluster": False, "snapshot": "monday"}
    execution = sfn.start_execution(stateMachineArn=account.machine(stack), input=json.dumps(meant))["executionArn"]
    run = account.trapheus("follow", execution)
    assert run.status == 1, run.output
    assert "InvalidInputException" in run.output and "snapshot" in run.output
    assert account.recovery_of(execution, stack)["status"] == "SUCCEEDED"
    assert_as_before(account, before, "orders-healthy")


# ---- The built template


def test_the_built_template_writes_every_alias_out(account):
    # The emulator takes aliases and merges. CloudFormation takes none.
    def notation(path):
        return {token for token in yaml.scan((account.checkout / path).read_text()) if isinstance(token, ALIASES)}

    assert notation("template.yaml") and not notation(".aws-sam/build/template.yaml")
    assert "<<" not in (account.checkout / ".aws-sam/build/template.yaml").read_text()


# ---- A second stack


def test_of_two_stacks_runs_on_one_database_the_second_is_refused(account, stack, second_stack, before, pool):
    name = "orders-contested"
    first = pool.submit(account.follow_a_run, event(name, "db_restore"), stack)
    until("the first run", lambda: f"{name}-temp" in account.databases().instances)
    second = account.follow_a_run(event(name, "db_restore"), second_stack)
    assert second.status == 1, second.output
    assert account.recovery_of(second.execution, second_stack)["status"] == "SUCCEEDED"
    assert first.result().status == 0, first.result().output
    now = account.databases()
    assert now.instances[name]["resourceId"] != before.instances[name]["resourceId"]
    assert now.names(name) == before.names(name)


def test_the_schedule_starts_runs_as_long_as_it_is_switched_on(account, second_stack, before):
    def ended():
        """The statuses of the scheduled runs, once there is one and none is running."""
        found = [run["status"] for run in account.executions(second_stack) if json.loads(run["input"]) == SCHEDULED]
        return found if "RUNNING" not in found else []

    until("a scheduled run", ended)
    # This update of the stack changes nothing else.
    deploy_second(account, "EnableSchedule=false", *SCHEDULE)
    rules = account.client("events").list_rules()["Rules"]
    (rule,) = [each for each in rules if each["Name"].startswith(f"{second_stack}-DBRestore") and "ScheduleExpression" in each]
    assert rule["State"] == "DISABLED"
    assert set(until("the last scheduled run", ended)) == {"SUCCEEDED"}
    now = account.databases()
    assert now.of("orders-scheduled") == before.of("orders-scheduled")
    taken, former = (each.snapshots["orders-scheduled-snapshot"]["createdSeconds"] for each in (now, before))
    assert taken > former


# ---- Stopped executions: their recoveries take longest, because they first wait for the functions


@pytest.mark.parametrize("name", STOPPED)
def test_the_recovery_that_the_rule_starts_undoes_a_stopped_execution(account, before, recoveries, name):
    execution, recovery = recoveries[name].result()
    assert recovery["status"] == "SUCCEEDED", recovery
    assert_as_before(account, before, name)
    assert [subject.partition("(")[2] for subject in account.mails(name)] == ["rolling back)", "final: original is back)"]
    followed = account.trapheus("follow", execution)
    assert followed.status == 1 and "ABORTED" in followed.output.splitlines(), followed.output
    assert (STOPPED[name], "CUT") in followed.steps


# ---- Afterwards


def test_no_bystander_was_changed(account, before, runs, recoveries):
    for each in [*runs.values(), *recoveries.values()]:
        each.result()
    now = account.databases()
    for name in [*map(bystander, INSTANCES), bystander("ledger-restore")]:
        assert now.of(name) == before.of(name)


def test_every_execution_has_ended_and_every_unsuccessful_one_was_recovered_once(account, stack, second_stack, runs, recoveries, capsys):
    for each in [*runs.values(), *recoveries.values()]:
        each.result()
    executions = account.executions(stack) + account.executions(second_stack)
    assert {each["status"] for each in executions} <= {"SUCCEEDED", "FAILED", "ABORTED"}
    recovered = [json.loads(each["input"]).get("execution") for each in executions]
    not_succeeded = [each["executionArn"] for each in executions if each["status"] != "SUCCEEDED"]
    assert sorted(filter(None, recovered)) == sorted(not_succeeded)
    with capsys.disabled():
        print(f" {len(executions)} executions ", end="")


def test_the_documented_command_deletes_one_stack_and_no_resource_of_the_other(account, stack, second_stack, runs, recoveries):
    for each in [*runs.values(), *recoveries.values()]:
        each.result()
    (command,) = [line for line in commands("Tear-down") if line.startswith("sam delete")]
    first, second = resources(account, stack), resources(account, second_stack)
    assert len([each for each in first if "Function-" in each]) == len(FUNCTIONS)
    assert existing(account) >= first | second
    kept, removed = account.bucket(stack), account.bucket(second_stack)
    account.client("s3").put_object(Bucket=kept, Key="orders-export/orders.parquet", Body=b"rows")
    account.shell(command, keys="y\ny\n")
    assert not existing(account) & first
    assert existing(account) >= second
    assert account.objects(kept) == ["orders-export/orders.parquet"]
    account.shell(command.replace(stack, second_stack), keys="y\ny\n")
    assert not existing(account) & second
    assert removed not in account.buckets()


def resources(account, stack):
    """Names and ARNs of the stack's resources of these kinds."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    kinds = ("Lambda::Function", "IAM::Role", "StepFunctions::StateMachine", "Events::Rule", "Logs::LogGroup", "CloudWatch::Alarm")
    return {each["PhysicalResourceId"] for each in found if each["ResourceType"].removeprefix("AWS::") in kinds}


def existing(account):
    """Names and ARNs of all resources of these kinds in the account."""

    def every(service, operation, key, name):
        pages = account.client(service).get_paginator(operation).paginate()
        return {each[name] for page in pages for each in page[key]}

    return (
        every("lambda", "list_functions", "Functions", "FunctionName")
        | every("iam", "list_roles", "Roles", "RoleName")
        | every("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn")
        | every("events", "list_rules", "Rules", "Name")
        | every("logs", "describe_log_groups", "logGroups", "logGroupName")
        | every("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName")
    )
