"""Mail, executions, and refused requests."""

import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import URL


def test_mail_is_kept(ses, look):
    ses.send_email(
        FromEmailAddress="dba@example.com",
        Destination={"ToAddresses": ["oncall@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Über"}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>"}}}},
    )
    mail = look("mails")[-1]
    assert (mail["subject"], mail["text"], mail["html"]) == ("Über", "text", "<p>")
    assert mail["to"] == ["oncall@example.com"]


def test_unknown_execution_is_a_typed_error(stepfunctions):
    arn = "arn:aws:states:us-east-1:123456789012:execution:machine:none"
    with pytest.raises(stepfunctions.exceptions.ExecutionDoesNotExist):
        stepfunctions.describe_execution(executionArn=arn)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Action": "DescribeDBInstances", "DBInstanceIdentifer": "orders"}, "InvalidQueryParameter"),
        ({"Action": "DescribeUnicorns"}, "InvalidAction"),
        ({}, "MissingAction"),
    ],
)
def test_a_misspelt_field_or_action_is_refused(fields, code):
    body = urllib.parse.urlencode({**fields, "Version": "2014-10-31"}).encode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(URL, data=body)
    assert f"<Code>{code}</Code>" in caught.value.read().decode()


def test_state_and_requests_can_be_read(rds, look):
    rds.describe_db_clusters()
    assert look("requests")[-1]["action"] == "DescribeDBClusters"
    assert "orders-2" in [instance["identifier"] for instance in look("state")["instances"]]


def test_a_snapshot_is_exported_and_an_export_canceled(rds):
    source = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="worldwide-snapshot")["DBClusterSnapshots"][0]["DBClusterSnapshotArn"]
    target = {"S3BucketName": "exports", "IamRoleArn": "arn:aws:iam::123456789012:role/export", "KmsKeyId": "alias/exports"}
    started = rds.start_export_task(ExportTaskIdentifier="worldwide", SourceArn=source, **target)
    assert (started["Status"], started["PercentProgress"], started["SourceArn"]) == ("STARTING", 0, source)
    with pytest.raises(rds.exceptions.ExportTaskAlreadyExistsFault):
        rds.start_export_task(ExportTaskIdentifier="worldwide", SourceArn=source, **target)
    assert rds.cancel_export_task(ExportTaskIdentifier="worldwide")["Status"] == "CANCELING"
    (listed,) = rds.describe_export_tasks(SourceArn=source)["ExportTasks"]
    assert (listed["ExportTaskIdentifier"], listed["S3Bucket"], listed["SourceType"]) == ("worldwide", "exports", "SNAPSHOT")
    with pytest.raises(rds.exceptions.ExportTaskNotFoundFault):
        rds.describe_export_tasks(ExportTaskIdentifier="nothing")
