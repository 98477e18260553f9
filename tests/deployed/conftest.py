"""An AWS account on this machine: an emulator for everything but RDS, and our simulator for RDS.

The functions are processes of the emulator and inherit its environment. `AWS_ENDPOINT_URL_RDS` there sends their RDS calls to
the simulator. The template is deployed unchanged. The emulator differs from AWS in these points, which matter here:

- A Choice whose path is missing takes its Default; AWS fails. The emulator accepts a bad definition: tests/tests/contract.rs.
- The history has no events of the states inside a Parallel. An event of a call does not name its state. So a timeline shows the
  states, but not their functions' answers.
- The emulator checks the permissions of the services that it serves (`AUTH=true`). RDS is none of them, so
  tests/deployment/permissions proves those permissions. The emulator knows neither the resource nor the conditions of
  `ses:SendEmail`, so `allow_mail` allows that action beside the template.
- The emulator has variables only in JSONata states. Elsewhere a reference reads null, and an alert does not know the failed
  state. The rehearsals run the variables, and tests/tests/contract.rs checks the definition for them.
- The emulator deletes a bucket with content, which AWS refuses, unless the template keeps the bucket.
- The emulator waits for nothing (`SFN_WAIT_SCALE=0`), retries included.

Every process is started in a group of its own and ended by that group's id.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from documented import commands
from world import world

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"
# Simulated seconds to a real one: a restore of a quarter of an hour takes four real seconds.
SPEED = 240
# In seconds. The longest wait of a run is three real minutes: a recovery waits for the functions of a stopped execution.
PATIENCE = 600

# Parameters that the test adds to the documented ones: this machine's processor, frequent reads, and a secret without a
# webhook. So no Slack workspace gets a message, and every mail goes out beside a failed alert in Slack.
NO_WEBHOOKS = "trapheus/no-webhooks"
TEST_SETTINGS = (
    f"Architecture={os.environ['ARCHITECTURE']}",
    "PollIntervalSeconds=1",
    f"SlackWebhooksSecret={NO_WEBHOOKS}",
)


def until(what, look):
    """Calls `look` until it returns a result."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {PATIENCE} seconds")


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


@contextlib.contextmanager
def process(command, environment, log):
    with log.open("w") as output:
        running = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield running
    finally:
        # The functions of the emulator are in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class Run:
    """A run as its starter saw it: the exit status and the output of the command."""

    status: int
    output: str

    @property
    def execution(self):
        return self.output.splitlines()[0]

    @property
    def steps(self):
        """The states of the timeline, in order, each with its result."""
        lines = [line.split(maxsplit=3) for line in self.output.splitlines() if line.startswith("+")]
        return [(line[2], line[1]) for line in lines]


class Account:
    """The actions and reads of a person with credentials of the account."""

    def __init__(self, environment, aws, simulator, checkout):
        self.environment, self.aws, self.simulator, self.checkout = environment, aws, simulator, checkout

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.aws, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    # ---- As people do it

    def shell(self, command, keys=""):
        """Runs a documented command in the documented folder."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.checkout,
            env=self.environment,
            input=keys,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def trapheus(self, *arguments, event=None):
        done = subprocess.run(
            [self.environment["TRAPHEUS"], *arguments],
            env=self.environment,
            input=json.dumps(event),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        return Run(done.returncode, done.stdout)

    def follow_a_run(self, event, stack):
        return self.trapheus("start", "-", "--stack", stack, "--follow", event=event)

    # ---- Permissions that the emulator does not know

    def allow_mail(self, stack):
        statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("iam").put_role_policy(RoleName=self.mail_role(stack), PolicyName="emulated", PolicyDocument=document)

    def mail_role(self, stack):
        resource = self.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="EmailFunctionRole")
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    # ---- Resources

    def databases(self):
        return Databases(get(f"{self.simulator}/_simulator/state"))

    def mails(self, about):
        """The subjects of the mails about a database, in the order in which they were sent."""
        sent = get(f"{self.aws}/_ministack/ses/messages")["messages"].get(ACCOUNT, [])
        return [mail["Subject"] for mail in sent if f" {about} " in mail["Subject"]]

    def exports(self, name):
        """The exports of the snapshot of a database."""
        exports = get(f"{self.simulator}/_simulator/state")["exports"]
        return [each for each in exports if each["source"].endswith(f":{name}-snapshot")]

    def bucket(self, stack):
        """The bucket of a stack's exports."""
        resource = self.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="SnapshotsBucket")
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    def buckets(self):
        return [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]

    def objects(self, bucket):
        return [each["Key"] for each in self.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]

    # ---- Executions

    def output(self, execution):
        return json.loads(self.client("stepfunctions").describe_execution(executionArn=execution)["output"])

    def machine(self, stack):
        return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{stack}-DBRestoreStateMachine"

    def executions(self, stack):
        sfn = self.client("stepfunctions")
        pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=self.machine(stack))
        arns = [execution["executionArn"] for page in pages for execution in page["executions"]]
        return [sfn.describe_execution(executionArn=arn) for arn in arns]

    def recovery_of(self, execution, stack):
        """The ended recovery that the rule started for this execution."""

        def ended():
            asked = {"task": "recover", "execution": execution}.items()
            found = [run for run in self.executions(stack) if asked <= json.loads(run["input"]).items()]
            assert len(found) <= 1
            return [run for run in found if run["status"] != "RUNNING"]

        (recovery,) = until(f"a recovery of {execution}", ended)
        return recovery

    def until_entered(self, execution, state):
        def entered():
            history = self.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
            return any(event.get("stateEnteredEventDetails", {}).get("name") == state for event in history)

        until(f"{execution} in {state}", entered)


class Databases:
    """The databases and snapshots in the simulator."""

    def __init__(self, state):
        self.instances = {each["identifier"]: each for each in state["instances"]}
        self.clusters = {each["identifier"]: each for each in state["clusters"]}
        self.snapshots = {each["identifier"]: each for each in state["snapshots"] + state["clusterSnapshots"]}

    def of(self, identifier):
        """The database of this name, with its members."""
        return (self.clusters.get(identifier) or self.instances.get(identifier)), [
            each for each in self.instances.values() if each.get("cluster") == identifier
        ]

    def names(self, beginning):
        """Every database and snapshot with this prefix, bystanders left out."""
        everything = [*self.instances, *self.clusters, *self.snapshots]
        return sorted(name for name in everything if name.startswith(beginning) and "temperature" not in name)


@pytest.fixture(scope="session")
def account(tmp_path_factory):
    """The account, and the person who deploys to it from the clone that `sam build` has built."""
    folder, checkout = tmp_path_factory.mktemp("account"), Path(os.environ["CLONE"])
    fill_in_addresses(checkout)
    port = free_port()
    aws = f"http://127.0.0.1:{port}"
    # The environment of the person who runs the test is left out.
    environment = {
        "PATH": f"{Path(os.environ['SAM']).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "SAM_CLI_TELEMETRY": "0",
        "TRAPHEUS": str(Path(os.environ["TRAPHEUS"]).resolve()),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws,
    }
    described = folder / "world.json"
    described.write_text(json.dumps(world(ACCOUNT, REGION)))
    served = [environment["TRAPHEUS"], "simulator", "--listen", "127.0.0.1:0", "--world", described, "--speed", str(SPEED)]
    log = folder / "simulator.log"
    with process(served, environment, log) as simulating:

        def address():
            assert simulating.poll() is None, log.read_text()
            return [word for word in log.read_text().split() if word.startswith("http://")]

        (simulator,) = until("the simulator", address)
        emulator = environment | {
            "AWS_ENDPOINT_URL_RDS": simulator,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "SFN_WAIT_SCALE": "0",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        command = [Path(os.sys.executable).parent / "ministack"]
        log_of_emulator = folder / "emulator.log"
        with process(command, emulator, log_of_emulator) as emulating:

            def is_healthy():
                assert emulating.poll() is None, log_of_emulator.read_text()
                with contextlib.suppress(urllib.error.URLError, ConnectionError):
                    return get(f"{aws}/_ministack/health")

            until("the emulator", is_healthy)
            account = Account(environment, aws, simulator, checkout)
            for address in ("trapheus@your.domain", "oncall@your.domain"):
                account.client("sesv2").create_email_identity(EmailIdentity=address)
            account.client("secretsmanager").create_secret(Name=NO_WEBHOOKS, SecretString="https://example.com/no-webhook")
            yield account


def fill_in_addresses(checkout):
    """Edits samconfig.toml as docs/deployment.md describes."""
    settings = (checkout / "samconfig.toml").read_text()
    for name in ("SenderEmail", "RecipientEmail"):
        assert f'# "{name}=' in settings
        settings = settings.replace(f'# "{name}=', f'"{name}=')
    more = "".join(f'  "{each}",\n' for each in TEST_SETTINGS)
    settings = settings.replace('  "UseVPCAndSubnets=false",\n', f'  "UseVPCAndSubnets=false",\n{more}')
    (checkout / "samconfig.toml").write_text(settings)


@pytest.fixture(scope="session")
def stack(account):
    """The stack that samconfig.toml calls staging, deployed by the documented command."""
    (command,) = [line for line in commands("Setting up") if "--config-env staging" in line]
    account.shell(command)
    account.allow_mail("trapheus-staging")
    return "trapheus-staging"


SECOND = "trapheus"
# The run that the second stack's schedule starts every minute while the schedule is switched on.
SCHEDULED = {"identifier": "orders-scheduled", "task": "create_snapshot_only", "isCluster": False}
SCHEDULE = ("""'ScheduleExpression="rate(1 minute)"'""", f"'ScheduleInput={json.dumps(json.dumps(SCHEDULED))}'")


def deploy_second(account, *more):
    """Deploys the second stack, or changes its parameters, by the documented command without a config file."""
    (command,) = [line for line in commands("Setting up") if "--stack-name" in line]
    account.shell(" ".join([command, *TEST_SETTINGS, "ExportsOnTearDown=Remove", *more]))


@pytest.fixture(scope="session")
def second_stack(account, stack):
    """Another stack beside the first one, with the schedule switched on."""
    deploy_second(account, "EnableSchedule=true", *SCHEDULE)
    account.allow_mail(SECOND)
    return SECOND


@pytest.fixture(scope="session")
def before(account):
    return account.databases()


@pytest.fixture(scope="session")
def pool():
    """The threads that follow the runs at the same time."""
    with ThreadPoolExecutor(max_workers=32) as pool:
        yield pool
