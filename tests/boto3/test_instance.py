"""The life of a DB instance, as boto3 sees it."""

import time

import pytest
from botocore.exceptions import ClientError


def instance(rds, identifier):
    return rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]


def wait_until_named(rds, identifier):
    """Waits for the name first. During a rename RDS shows no name, and boto3's waiter gives up at once."""
    for _ in range(60):
        try:
            return instance(rds, identifier)
        except rds.exceptions.DBInstanceNotFoundFault:
            time.sleep(0.2)
    raise TimeoutError(identifier)


def test_snapshot_rename_restore_delete(rds, wait):
    original = instance(rds, "orders")

    created = rds.create_db_snapshot(
        DBSnapshotIdentifier="orders-snapshot",
        DBInstanceIdentifier="orders",
        Tags=[{"Key": "purpose", "Value": "a test: + more @ 10"}],
    )["DBSnapshot"]
    assert created["Status"] == "creating"
    assert instance(rds, "orders")["DBInstanceStatus"] == "backing-up"
    with pytest.raises(rds.exceptions.InvalidDBInstanceStateFault):
        rds.modify_db_instance(
            DBInstanceIdentifier="orders", NewDBInstanceIdentifier="orders-temp", ApplyImmediately=True
        )
    wait("db_snapshot_available", DBSnapshotIdentifier="orders-snapshot")
    wait("db_instance_available", DBInstanceIdentifier="orders")
    snapshot = rds.describe_db_snapshots(DBSnapshotIdentifier="orders-snapshot")["DBSnapshots"][0]
    assert snapshot["TagList"] == [{"Key": "purpose", "Value": "a test: + more @ 10"}]
    assert snapshot["PercentProgress"] == 100

    rds.modify_db_instance(
        DBInstanceIdentifier="orders", NewDBInstanceIdentifier="orders-temp", ApplyImmediately=True
    )
    renamed = wait_until_named(rds, "orders-temp")
    assert renamed["DbiResourceId"] == original["DbiResourceId"]
    with pytest.raises(rds.exceptions.DBInstanceNotFoundFault):
        instance(rds, "orders")
    wait("db_instance_available", DBInstanceIdentifier="orders-temp")

    restored = rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="orders", DBSnapshotIdentifier="orders-snapshot", CopyTagsToSnapshot=True
    )["DBInstance"]
    assert restored["DBInstanceStatus"] == "creating"
    assert restored["DbiResourceId"] != original["DbiResourceId"]
    wait("db_instance_available", DBInstanceIdentifier="orders")
    restored = instance(rds, "orders")
    assert restored["Endpoint"]["Address"].startswith("orders.")
    assert restored["DBInstanceArn"] == original["DBInstanceArn"]

    settled(rds, "orders-temp")
    deleted = rds.delete_db_instance(DBInstanceIdentifier="orders-temp", SkipFinalSnapshot=True)["DBInstance"]
    assert deleted["DBInstanceStatus"] == "deleting"
    wait("db_instance_deleted", DBInstanceIdentifier="orders-temp")

    rds.delete_db_snapshot(DBSnapshotIdentifier="orders-snapshot")
    wait("db_snapshot_deleted", DBSnapshotIdentifier="orders-snapshot")


def settled(rds, identifier):
    """Waits for five reads of `available` in a row, because the first one after a rename may be false."""
    agreeing = 0
    while agreeing < 5:
        agreeing = agreeing + 1 if instance(rds, identifier)["DBInstanceStatus"] == "available" else 0
        time.sleep(0.1)


def test_create_modify_stop_start_delete(rds, wait):
    rds.create_db_instance(
        DBInstanceIdentifier="Fresh",
        Engine="mysql",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="admin",
        MasterUserPassword="correct horse",
    )
    wait("db_instance_available", DBInstanceIdentifier="fresh")
    queued = rds.modify_db_instance(DBInstanceIdentifier="fresh", DBInstanceClass="db.t4g.small")["DBInstance"]
    assert queued["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}
    assert queued["DBInstanceClass"] == "db.t4g.micro"
    rds.modify_db_instance(DBInstanceIdentifier="fresh", DeletionProtection=True, ApplyImmediately=True)
    while instance(rds, "fresh")["DBInstanceClass"] != "db.t4g.small":
        time.sleep(0.1)
    wait("db_instance_available", DBInstanceIdentifier="fresh")

    with pytest.raises(ClientError, match="InvalidParameterCombination.*protect"):
        rds.delete_db_instance(DBInstanceIdentifier="fresh", SkipFinalSnapshot=True)
    rds.modify_db_instance(DBInstanceIdentifier="fresh", DeletionProtection=False)

    rds.stop_db_instance(DBInstanceIdentifier="fresh")
    while instance(rds, "fresh")["DBInstanceStatus"] != "stopped":
        time.sleep(0.1)
    rds.start_db_instance(DBInstanceIdentifier="fresh")
    wait("db_instance_available", DBInstanceIdentifier="fresh")
    rds.delete_db_instance(DBInstanceIdentifier="fresh", FinalDBSnapshotIdentifier="fresh-final")
    wait("db_instance_deleted", DBInstanceIdentifier="fresh")
    wait("db_snapshot_completed", DBSnapshotIdentifier="fresh-final")


def test_typed_errors(rds):
    with pytest.raises(rds.exceptions.DBInstanceNotFoundFault) as caught:
        instance(rds, "nobody")
    assert caught.value.response["Error"]["Code"] == "DBInstanceNotFound"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    with pytest.raises(rds.exceptions.DBSnapshotNotFoundFault):
        rds.describe_db_snapshots(DBSnapshotIdentifier="nothing")
    with pytest.raises(rds.exceptions.DBInstanceAlreadyExistsFault):
        rds.modify_db_instance(
            DBInstanceIdentifier="orders-2", NewDBInstanceIdentifier="orders", ApplyImmediately=True
        )


def test_pages_and_filters(rds):
    pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20})
    names = [found["DBInstanceIdentifier"] for page in pages for found in page["DBInstances"]]
    assert names == sorted(names) and {"orders", "orders-2"} <= set(names)
    resource_id = instance(rds, "orders-2")["DbiResourceId"]
    found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [resource_id]}])["DBInstances"]
    assert [one["DBInstanceIdentifier"] for one in found] == ["orders-2"]


def test_tags(rds):
    arn = instance(rds, "orders-2")["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "b", "Value": "2"}]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "aws:mine", "Value": "no"}])
