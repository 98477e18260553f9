"""Clients of the simulator, which listens at RDS_SIMULATOR_URL.

Start it with:
    cargo run -p rds-simulator --example serve -- 127.0.0.1:4510 tests/boto3/world.json 600
"""

import json
import os
import urllib.request

import boto3
import pytest
from botocore.config import Config

URL = os.environ.get("RDS_SIMULATOR_URL", "http://127.0.0.1:4510")


def client(service):
    return boto3.client(
        service,
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="session")
def rds():
    return client("rds")


@pytest.fixture(scope="session")
def ses():
    return client("sesv2")


@pytest.fixture(scope="session")
def stepfunctions():
    return client("stepfunctions")


@pytest.fixture
def look():
    """Reads the simulator's own pages: /_simulator/state, mails, requests."""

    def look(what):
        with urllib.request.urlopen(f"{URL}/_simulator/{what}") as answer:
            return json.load(answer)

    return look


@pytest.fixture(scope="session")
def wait(rds):
    """boto3's own waiters. They poll more often, because the simulator's time runs faster than real time."""

    def wait(name, **parameters):
        rds.get_waiter(name).wait(WaiterConfig={"Delay": 1, "MaxAttempts": 60}, **parameters)

    return wait
