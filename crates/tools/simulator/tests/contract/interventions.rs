//! The requests that people can make during another caller's work: each kind, and its result.

use std::time::Duration;

use rds_simulator::{Intervention, Outcome, When, WorldState};

use crate::support::{settle, simulated};

const WORLD: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "postgres", "tags": {"mark": "ours"}}],
    "clusters": [
        {"identifier": "shop", "engine": "aurora-mysql", "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]},
        {"identifier": "ledger", "engine": "postgres"}
    ],
    "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
    "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}]
}"#;

/// The requests of a person, one after the other, and the condition that holds in the end.
type Case = (&'static [&'static str], fn(&WorldState) -> bool);

const CASES: &[Case] = &[
    (&["ModifyDBInstance DBInstanceIdentifier=orders NewDBInstanceIdentifier=mine ApplyImmediately=true"], |world| {
        world.instance("orders").is_none() && world.instance("mine").is_some()
    }),
    (&["DeleteDBInstance DBInstanceIdentifier=orders SkipFinalSnapshot=true"], |world| {
        world.instance("orders").is_none()
    }),
    (&["StopDBInstance DBInstanceIdentifier=orders"], |world| {
        world.instance("orders").is_some_and(|orders| orders.status == "stopped")
    }),
    (&["ModifyDBInstance DBInstanceIdentifier=orders DBInstanceClass=db.m7g.8xlarge ApplyImmediately=true"], |world| {
        world.instance("orders").is_some_and(|orders| orders.settings.class.as_deref() == Some("db.m7g.8xlarge"))
    }),
    (
        &["RemoveTagsFromResource ResourceName=arn:aws:rds:us-east-1:123456789012:db:orders TagKeys.member.1=mark"],
        |world| world.instance("orders").is_some_and(|orders| orders.tags.is_empty()),
    ),
    (
        &[
            "AddTagsToResource ResourceName=arn:aws:rds:us-east-1:123456789012:db:orders Tags.Tag.1.Key=mark Tags.Tag.1.Value=theirs",
        ],
        |world| world.instance("orders").is_some_and(|orders| orders.tags["mark"] == "theirs"),
    ),
    (&["DeleteDBSnapshot DBSnapshotIdentifier=orders-snapshot"], |world| world.snapshot("orders-snapshot").is_none()),
    (
        &[
            "DeleteDBSnapshot DBSnapshotIdentifier=orders-snapshot",
            "CreateDBSnapshot DBSnapshotIdentifier=orders-snapshot DBInstanceIdentifier=orders",
        ],
        |world| world.snapshot("orders-snapshot").is_some_and(|snapshot| snapshot.created_seconds > 0.0),
    ),
    (
        &[
            "ModifyDBInstance DBInstanceIdentifier=orders NewDBInstanceIdentifier=orders-temp ApplyImmediately=true",
            "CreateDBInstance DBInstanceIdentifier=orders Engine=mysql DBInstanceClass=db.m7g.large AllocatedStorage=20 MasterUsername=me MasterUserPassword=secret",
        ],
        |world| world.instance("orders").is_some_and(|orders| orders.engine == "mysql" && orders.status == "available"),
    ),
    (
        &[
            "CreateDBInstance DBInstanceIdentifier=shop-3 DBClusterIdentifier=shop Engine=aurora-mysql DBInstanceClass=db.r7g.large",
        ],
        |world| world.cluster("shop").is_some_and(|shop| shop.members == ["shop-1", "shop-2", "shop-3"]),
    ),
    (&["DeleteDBInstance DBInstanceIdentifier=shop-1"], |world| {
        world.cluster("shop").is_some_and(|shop| shop.members == ["shop-2"])
    }),
    (&["ModifyDBInstance DBInstanceIdentifier=shop-2 NewDBInstanceIdentifier=mine ApplyImmediately=true"], |world| {
        world.cluster("shop").is_some_and(|shop| shop.members == ["shop-1", "mine"])
    }),
    (&["ModifyDBCluster DBClusterIdentifier=shop NewDBClusterIdentifier=mine ApplyImmediately=true"], |world| {
        world.cluster("mine").is_some_and(|mine| mine.members.len() == 2)
    }),
    (&["StopDBCluster DBClusterIdentifier=shop"], |world| {
        world.cluster("shop").is_some_and(|shop| shop.status == "stopped")
    }),
    (
        &[
            "DeleteDBInstance DBInstanceIdentifier=shop-1",
            "DeleteDBInstance DBInstanceIdentifier=shop-2",
            "DeleteDBCluster DBClusterIdentifier=shop SkipFinalSnapshot=true",
            "CreateDBCluster DBClusterIdentifier=shop Engine=aurora-postgresql MasterUsername=me MasterUserPassword=secret",
        ],
        |world| world.cluster("shop").is_some_and(|shop| shop.engine == "aurora-postgresql"),
    ),
    (&["DeleteDBClusterSnapshot DBClusterSnapshotIdentifier=shop-snapshot"], |world| {
        world.cluster_snapshot("shop-snapshot").is_none()
    }),
    (
        &[
            "DeleteDBClusterSnapshot DBClusterSnapshotIdentifier=shop-snapshot",
            "CreateDBClusterSnapshot DBClusterSnapshotIdentifier=shop-snapshot DBClusterIdentifier=shop",
        ],
        |world| world.cluster_snapshot("shop-snapshot").is_some_and(|snapshot| snapshot.created_seconds > 0.0),
    ),
    (&["ModifyDBCluster DBClusterIdentifier=ledger NewDBClusterIdentifier=mine ApplyImmediately=true"], |world| {
        world.cluster("mine").is_some_and(|mine| mine.members[0] == "mine-instance-1")
    }),
    (&["DeleteDBCluster DBClusterIdentifier=ledger SkipFinalSnapshot=true"], |world| {
        world.cluster("ledger").is_none() && world.instance("ledger-instance-1").is_none()
    }),
];

/// Reads `Action Name=value Name=value`.
fn intervention(request: &str, when: When) -> Intervention {
    let mut words = request.split(' ');
    let action = words.next().unwrap().to_owned();
    let parameters = words.map(|word| word.split_once('=').unwrap());
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Intervention { when, action, parameters }
}

#[tokio::test(start_paused = true)]
async fn people_can_make_every_kind_of_request() {
    for (requests, is_so) in CASES {
        let (simulator, client) = simulated(WORLD);
        assert!(!is_so(&simulator.state()), "{requests:?} changes nothing");
        let after =
            |delay_seconds| When::After { action: "DescribeDBInstances".to_owned(), occurrence: 1, delay_seconds };
        let mut delay = 1.0;
        for request in *requests {
            simulator.intervene(intervention(request, after(delay)));
            delay += 3_600.0;
        }
        client.describe_db_instances().send().await.unwrap();
        tokio::time::sleep(Duration::from_secs(4 * 3_600)).await;
        settle(&simulator).await;
        let outcomes: Vec<Outcome> = simulator.requests().into_iter().skip(1).map(|request| request.outcome).collect();
        assert_eq!(outcomes, vec![Outcome::Ok; requests.len()], "{requests:?}");
        assert!(is_so(&simulator.state()), "{requests:?}: {:#?}", simulator.state());
    }
}
