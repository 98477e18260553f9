"""The databases of the test: one for each run, so all runs can be active at once.

The name of each tells the end of its run. Each instance has a bystander whose name begins with the name of the instance.
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
    """The name of a database that no run names. It begins with the name of a target."""
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
            # The restore still works when its run is stopped, or when a second run starts.
            fault("RestoreDBInstanceFromDBSnapshot", "orders-stopped", "stuck"),
            # This restore takes ten hours longer. The recovery first waits for the functions, and then finds it in service.
            fault("RestoreDBClusterFromSnapshot", "shop-stopped", "stuck", seconds=36000),
            fault("RestoreDBInstanceFromDBSnapshot", "orders-contested", "stuck", seconds=3600),
            no_place("snapshot:orders-queued-snapshot"),
            no_place("cluster-snapshot:shop-queued-snapshot"),
            fault_of_export("snapshot:orders-lost-snapshot", "endsIn", status="failed"),
            fault_of_export("cluster-snapshot:shop-lost-snapshot", "denied"),
        ],
    }
