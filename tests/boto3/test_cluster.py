"""The life of DB clusters, of Aurora and Multi-AZ, as boto3 sees it."""

import time

import pytest
from botocore.exceptions import ClientError


def cluster(rds, identifier):
    return rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]


def writer(found):
    return next(one["DBInstanceIdentifier"] for one in found["DBClusterMembers"] if one["IsClusterWriter"])


def settled(rds, identifier):
    """Waits for five reads of `available` in a row, because the first one after a rename may be false."""
    agreeing = 0
    for _ in range(300):
        try:
            available = cluster(rds, identifier)["Status"] == "available"
        except rds.exceptions.DBClusterNotFoundFault:
            available = False
        agreeing = agreeing + 1 if available else 0
        if agreeing == 5:
            return
        time.sleep(0.1)
    raise TimeoutError(identifier)


def test_aurora_snapshot_rename_restore_delete(rds, wait):
    original = cluster(rds, "shop")
    assert writer(original) == "shop-1"

    rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-snapshot", DBClusterIdentifier="shop")
    wait("db_cluster_snapshot_available", DBClusterSnapshotIdentifier="shop-snapshot")
    wait("db_cluster_available", DBClusterIdentifier="shop")

    rds.modify_db_cluster(DBClusterIdentifier="shop", NewDBClusterIdentifier="shop-temp", ApplyImmediately=True)
    settled(rds, "shop-temp")
    renamed = cluster(rds, "shop-temp")
    assert renamed["DbClusterResourceId"] == original["DbClusterResourceId"]
    assert {one["DBInstanceIdentifier"] for one in renamed["DBClusterMembers"]} == {"shop-1", "shop-2"}

    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="shop", SnapshotIdentifier="shop-snapshot", Engine="aurora-postgresql"
    )
    member = dict(DBClusterIdentifier="shop", Engine="aurora-postgresql", DBInstanceClass="db.r7g.large")
    with pytest.raises(rds.exceptions.InvalidDBClusterStateFault):
        rds.create_db_instance(DBInstanceIdentifier="shop-new", **member)
    wait("db_cluster_available", DBClusterIdentifier="shop")
    assert cluster(rds, "shop")["DBClusterMembers"] == []
    rds.create_db_instance(DBInstanceIdentifier="shop-new", **member)
    rds.create_db_instance(DBInstanceIdentifier="shop-newer", **member)
    wait("db_instance_available", DBInstanceIdentifier="shop-newer")
    wait("db_instance_available", DBInstanceIdentifier="shop-new")
    assert writer(cluster(rds, "shop")) == "shop-new"

    with pytest.raises(rds.exceptions.InvalidDBClusterStateFault):
        rds.delete_db_cluster(DBClusterIdentifier="shop-temp", SkipFinalSnapshot=True)
    for name in ["shop-1", "shop-2"]:
        rds.delete_db_instance(DBInstanceIdentifier=name)
    rds.delete_db_cluster(DBClusterIdentifier="shop-temp", SkipFinalSnapshot=True)
    wait("db_instance_deleted", DBInstanceIdentifier="shop-2")
    wait("db_cluster_deleted", DBClusterIdentifier="shop-temp")

    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-snapshot")
    wait("db_cluster_snapshot_deleted", DBClusterSnapshotIdentifier="shop-snapshot")


def test_multi_az_members_follow_their_cluster(rds, wait):
    assert len(cluster(rds, "ledger")["DBClusterMembers"]) == 3
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        rds.delete_db_instance(DBInstanceIdentifier="ledger-instance-1", SkipFinalSnapshot=True)
    rds.modify_db_cluster(DBClusterIdentifier="ledger", NewDBClusterIdentifier="ledger-temp", ApplyImmediately=True)
    settled(rds, "ledger-temp")
    names = [one["DBInstanceIdentifier"] for one in cluster(rds, "ledger-temp")["DBClusterMembers"]]
    assert names == [f"ledger-temp-instance-{number}" for number in (1, 2, 3)]
    rds.delete_db_cluster(DBClusterIdentifier="ledger-temp", SkipFinalSnapshot=True)
    wait("db_cluster_deleted", DBClusterIdentifier="ledger-temp")
    wait("db_instance_deleted", DBInstanceIdentifier="ledger-temp-instance-1")


def test_typed_errors(rds):
    with pytest.raises(rds.exceptions.DBClusterNotFoundFault) as caught:
        cluster(rds, "nobody")
    assert caught.value.response["Error"]["Code"] == "DBClusterNotFoundFault"
    with pytest.raises(rds.exceptions.DBClusterSnapshotNotFoundFault):
        rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="nothing")
