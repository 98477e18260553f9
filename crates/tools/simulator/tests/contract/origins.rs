//! A world remembers its databases: the source of each, its creator, and whether it ever took connections.

use rds_simulator::{Intervention, When};

use crate::support::{settle, simulated};

const WORLD: &str = r#"{
    "instances": [{"identifier": "orders", "engine": "postgres"}, {"identifier": "billing", "engine": "postgres"}],
    "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}]
}"#;

fn person(action: &str, parameters: &[(&str, &str)]) -> Intervention {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Intervention { when: When::At(0.0), action: action.to_owned(), parameters: parameters.collect() }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_database_is_remembered_with_its_snapshot_and_its_creator() {
    let (simulator, client) = simulated(WORLD);
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    restore.db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    let copy = [("DBInstanceIdentifier", "another"), ("DBSnapshotIdentifier", "orders-snapshot")];
    simulator.intervene(person("RestoreDBInstanceFromDBSnapshot", &copy));
    let world = simulator.state();
    let orders = world.instance("orders").unwrap().resource_id.clone();
    settle(&simulator).await;
    client.delete_db_instance().db_instance_identifier("copy").skip_final_snapshot(true).send().await.unwrap();
    settle(&simulator).await;

    let world = simulator.state();
    assert!(world.instance("copy").is_none());
    let made: Vec<(&str, bool)> =
        world.made.iter().map(|made| (made.identifier.as_str(), made.caller == "meddler")).collect();
    assert_eq!(made, [("copy", false), ("another", true)]);
    for made in &world.made {
        let from = made.from.as_ref().unwrap();
        assert_eq!((from.identifier.as_str(), &from.source_resource_id), ("orders-snapshot", &orders));
        let served = world.served.iter().filter(|served| served.resource_id == made.resource_id);
        assert_eq!(served.map(|served| &served.identifier).collect::<Vec<_>>(), [&made.identifier]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_was_never_available_took_no_connections() {
    let (simulator, client) = simulated(WORLD);
    let restore = client.restore_db_instance_from_db_snapshot().db_instance_identifier("copy");
    restore.db_snapshot_identifier("orders-snapshot").send().await.unwrap();
    let world = simulator.state();
    assert_eq!(world.made.len(), 1);
    assert!(world.served.iter().all(|served| served.identifier != "copy"), "{:?}", world.served);
}

#[tokio::test(start_paused = true)]
async fn retained_backups_are_listed_by_the_resource_id_of_their_database() {
    let (simulator, client) = simulated(WORLD);
    let billing = simulator.state().instance("billing").unwrap().resource_id.clone();
    let delete = client.delete_db_instance().db_instance_identifier("billing").skip_final_snapshot(true);
    delete.delete_automated_backups(false).send().await.unwrap();
    settle(&simulator).await;
    assert_eq!(simulator.state().retained_backups, [billing]);
}
