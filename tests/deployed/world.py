"""The databases of the test: one for each run, so that all of them can be under way at once.

They are called after what becomes of them. Beside each instance stands a bystander whose name begins like its own.
"""


def instance(identifier):
    return {
        "identifier": identifier,
        "engine": "postgres",
        "settings": {
            "class": "db.m7g.large",
            "storageType": "gp3",
            "allocatedStorage": 200,
            "deletionProtection": True,
            "backupRetentionPeriod": 7,
        },
        "tags": {"team": "payments"},
    }


def aurora(identifier):
    """The second member is the writer, as after a failover."""
    return {
        "identifier": identifier,
        "engine": "aurora-postgresql",
        "settings": {
            "databaseName": "shop",
            "availabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"],
            "deletionProtection": True,
        },
        "tags": {"team": "storefront"},
        "members": [
            {"identifier": f"{identifier}-1", "settings": {"class": "db.r6g.large", "promotionTier": 1}},
            {"identifier": f"{identifier}-2", "writer": True, "settings": {"class": "db.r6g.large", "promotionTier": 0}},
        ],
    }


def multi_az(identifier):
    return {
        "identifier": identifier,
        "engine": "postgres",
        "settings": {"class": "db.m6gd.large", "storageType": "io1", "allocatedStorage": 100, "iops": 1000},
        "tags": {"team": "ledger"},
    }


INSTANCES = [
    "orders-restore",
    "orders-replace",
    "orders-snapshot",
    "orders-broken",
    "orders-stopped",
    "orders-contested",
    "orders-scheduled",
    "orders-healthy",
    "orders-export",
    "orders-queued",
    "orders-lost",
]
AURORA_CLUSTERS = [
    "shop-restore",
    "shop-replace",
    "shop-snapshot",
    "shop-broken",
    "shop-stopped",
    "shop-healthy",
    "shop-export",
    "shop-queued",
    "shop-lost",
]
MULTI_AZ_CLUSTERS = ["ledger-restore", "ledger-replace", "ledger-snapshot"]
CLUSTERS = AURORA_CLUSTERS + MULTI_AZ_CLUSTERS


def bystander(identifier):
    """A database that nobody mentions, and whose name begins like one that somebody does."""
    return f"{identifier}-temperature"


def fault(action, identifier, kind, **details):
    return {"action": action, "identifier": identifier, "fault": {"kind": kind, **details}}


def world(account, region):
    def fault_of_export(source, kind, **details):
        return fault("StartExportTask", f"arn:aws:rds:{region}:{account}:{source}", kind, **details)

    def no_place(source):
        return fault_of_export(source, "error", code="ExportTaskLimitReachedFault", message="five are in progress") | {"times": 3}

    return {
        "account": account,
        "region": region,
        "limits": {"instances": 200, "clusters": 200, "exportTasks": 20},
        "instances": [
            *map(instance, INSTANCES),
            *(instance(bystander(name)) for name in INSTANCES),
        ],
        "clusters": [*map(aurora, AURORA_CLUSTERS), *map(multi_az, MULTI_AZ_CLUSTERS), multi_az(bystander("ledger-restore"))],
        "snapshots": [{"identifier": f"{name}-snapshot", "source": name} for name in INSTANCES],
        "clusterSnapshots": [{"identifier": f"{name}-snapshot", "source": name} for name in CLUSTERS],
        "faults": [
            fault("RestoreDBInstanceFromDBSnapshot", "orders-broken", "endsIn", status="incompatible-parameters"),
            fault("CreateDBInstance", "shop-broken-1", "denied"),
            # What is to be stopped, or to be contested, is still being restored then.
            fault("RestoreDBInstanceFromDBSnapshot", "orders-stopped", "stuck"),
            # This one takes ten hours longer: it is in service by the time its recovery has let the functions come to rest.
            fault("RestoreDBClusterFromSnapshot", "shop-stopped", "stuck", seconds=36000),
            fault("RestoreDBInstanceFromDBSnapshot", "orders-contested", "stuck", seconds=3600),
            no_place("snapshot:orders-queued-snapshot"),
            no_place("cluster-snapshot:shop-queued-snapshot"),
            fault_of_export("snapshot:orders-lost-snapshot", "endsIn", status="failed"),
            fault_of_export("cluster-snapshot:shop-lost-snapshot", "denied"),
        ],
    }
