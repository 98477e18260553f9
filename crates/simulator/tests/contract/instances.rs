//! The life of a DB instance.

use crate::support::{simulated, status, statuses};

const ORDERS: &str = r#"{"instances": [{"identifier": "orders", "engine": "postgres"}], "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}]}"#;

#[tokio::test(start_paused = true)]
async fn restore_goes_through_creating_backing_up_and_modifying() {
    let (simulator, client) = simulated(ORDERS);
    let restored = client
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier("copy")
        .db_snapshot_identifier("orders-snapshot")
        .send()
        .await
        .unwrap();
    assert_eq!(restored.db_instance().unwrap().db_instance_status(), Some("creating"));
    let seen: Vec<String> = statuses(&simulator, &client, "copy").await.into_iter().map(Option::unwrap).collect();
    assert_eq!(seen, ["creating", "backing-up", "modifying", "available"]);
}

#[tokio::test(start_paused = true)]
async fn rename_lingers_then_neither_then_new() {
    let (simulator, client) = simulated(ORDERS);
    client
        .modify_db_instance()
        .db_instance_identifier("orders")
        .new_db_instance_identifier("orders-temp")
        .apply_immediately(true)
        .send()
        .await
        .unwrap();
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"));
    let seen = statuses(&simulator, &client, "orders-temp").await;
    assert_eq!(seen.first(), Some(&None));
    assert_eq!(seen.last().unwrap().as_deref(), Some("available"));
    assert_eq!(status(&client, "orders").await, None);
}
