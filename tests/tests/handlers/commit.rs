//! Handlers of the commit crate, and another strategy that only the plan determines.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use rds_simulator::{Fault, FaultRule};
use serde_json::json;
use trapheus_commit::commit;
use trapheus_common::document::{
    CommitEvent, NameRole, OriginalCluster, OriginalInstance, RenameEvent, RestoreEvent, RestoredEvent, StepEvent, Task,
};
use trapheus_common::identifiers::DatabaseIdentifier;
use trapheus_common::{ErrorKind, Result};
use trapheus_tests::{EXECUTION, Harness};

const TASK: Task = Task::DbRestore;

fn world() -> Harness {
    Harness::new(json!({
        "instances": [{"identifier": "orders", "engine": "postgres", "tags": {"team": "shop"},
                       "settings": {"backupRetentionPeriod": 7}}],
        "clusters": [{"identifier": "shop", "engine": "aurora-mysql",
                      "members": [{"identifier": "shop-1"}, {"identifier": "shop-2"}]}],
        "snapshots": [{"identifier": "orders-snapshot", "source": "orders"}],
        "clusterSnapshots": [{"identifier": "shop-snapshot", "source": "shop"}],
    }))
}

fn instance_id(harness: &Harness, identifier: &str) -> String {
    harness.simulator.state().instance(identifier).expect(identifier).resource_id.clone()
}

fn cluster_id(harness: &Harness, identifier: &str) -> String {
    harness.simulator.state().cluster(identifier).expect(identifier).resource_id.clone()
}

fn role_of_instance(harness: &Harness, identifier: &str) -> String {
    harness.simulator.state().instance(identifier).expect(identifier).tags["trapheus:role"].clone()
}

fn role_of_cluster(harness: &Harness, identifier: &str) -> String {
    harness.simulator.state().cluster(identifier).expect(identifier).tags["trapheus:role"].clone()
}

/// `orders`, parked, with the restored database under its name.
async fn restored_instance(harness: &Harness) -> StepEvent<OriginalInstance> {
    let event = Box::pin(harness.claimed_instance("orders", TASK)).await;
    let rename = async || trapheus_rename::instance::rename(harness.rds(), Harness::parking(&event)).await;
    harness.run_instance(&event.request, rename).await.unwrap();
    let restore =
        async || Box::pin(trapheus_restore::instance::restore(harness.rds(), Harness::restoring(&event))).await;
    harness.run_instance(&event.request, restore).await.unwrap();
    event
}

/// `shop`, parked, with the restored cluster under its name.
async fn restored_cluster(harness: &Harness) -> StepEvent<OriginalCluster> {
    let event = Box::pin(harness.claimed_cluster("shop", TASK)).await;
    let rename = async || trapheus_rename::cluster::rename(harness.rds(), Harness::parking(&event)).await;
    harness.run_cluster(&event.request, rename).await.unwrap();
    let restore =
        async || Box::pin(trapheus_restore::cluster::restore(harness.rds(), Harness::restoring(&event))).await;
    harness.run_cluster(&event.request, restore).await.unwrap();
    event
}

async fn commit_instance(harness: &Harness, event: &StepEvent<OriginalInstance>, verified: &str) -> Result<String> {
    let commit = commit::<DbInstance, _>(harness.rds(), Harness::committing(event, verified)).await?;
    Ok(commit.resource_id)
}

#[tokio::test(start_paused = true)]
async fn a_committed_instance_is_never_discarded() {
    let harness = world();
    let event = restored_instance(&harness).await;
    let restored = instance_id(&harness, "orders");
    let (action, fault) = ("AddTagsToResource".to_owned(), Fault::ResponseLost {});
    harness.simulator.inject(FaultRule { action, identifier: None, caller: None, occurrence: 1, times: 1, fault });
    for _ in 0..2 {
        assert_eq!(commit_instance(&harness, &event, &restored).await.unwrap(), restored);
        assert_eq!(role_of_instance(&harness, "orders"), "verified");
    }
    let discard = trapheus_delete::instance::discard(harness.rds(), harness.discarding(&event), harness.invocation());
    let output = Box::pin(discard).await.unwrap();
    assert_eq!((output.committed.as_deref(), output.wait_for, output.more), (Some(restored.as_str()), None, false));
    assert!(output.notes[0].contains("is verified, so it stays"), "{:?}", output.notes);
    assert_eq!(instance_id(&harness, "orders"), restored);
    assert_eq!(harness.simulator.state().instance("orders").unwrap().status, "available");
}

#[tokio::test(start_paused = true)]
async fn a_committed_cluster_is_never_discarded_with_its_members() {
    let harness = world();
    let event = restored_cluster(&harness).await;
    let restored = cluster_id(&harness, "shop");
    let payload = || Harness::committing(&event, &restored);
    for _ in 0..2 {
        commit::<DbCluster, _>(harness.rds(), payload()).await.unwrap();
    }
    assert_eq!(role_of_cluster(&harness, "shop"), "verified");
    assert_eq!(role_of_instance(&harness, "shop-1"), "restored");
    let discard = trapheus_delete::cluster::discard(harness.rds(), harness.discarding(&event), harness.invocation());
    assert_eq!(Box::pin(discard).await.unwrap().committed, Some(restored));
    assert_eq!(harness.simulator.state().instance("shop-1").unwrap().status, "available");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_was_not_verified_is_not_committed() {
    let harness = world();
    let event = restored_instance(&harness).await;
    let error = commit_instance(&harness, &event, "db-ANOTHER").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verification);
    assert!(error.report().contains("not the database that was verified"), "{}", error.report());
    assert_eq!(role_of_instance(&harness, "orders"), "restored");
    let restored = instance_id(&harness, "orders");
    harness.rds().stop_db_instance().db_instance_identifier("orders").send().await.unwrap();
    let error = commit_instance(&harness, &event, &restored).await.unwrap_err();
    assert!(error.report().contains("in status stopping"), "{}", error.report());
    assert_eq!(role_of_instance(&harness, "orders"), "restored");
}

/// The payload of a rename between two roles, of the original or of another database.
fn renaming<O: Clone>(
    StepEvent { request, plan }: &StepEvent<O>,
    resource_id: Option<&str>,
    (from, to): (NameRole, NameRole),
) -> RenameEvent<O> {
    let (request, plan, resource_id) = (request.clone(), plan.clone(), resource_id.map(str::to_owned));
    RenameEvent { request, plan, resource_id, from, to, after_failure: false }
}

fn staged<O: Clone>(StepEvent { request, plan }: &StepEvent<O>) -> (RestoreEvent<O>, RestoredEvent<O>) {
    let (request, plan) = (request.clone(), plan.clone());
    let restored = RestoredEvent { request: request.clone(), plan: plan.clone(), at: NameRole::Staged };
    (RestoreEvent { request, plan, to: NameRole::Staged, original_at: NameRole::Service }, restored)
}

const PARK: (NameRole, NameRole) = (NameRole::Service, NameRole::Parked);
const SWAP: (NameRole, NameRole) = (NameRole::Staged, NameRole::Service);

#[tokio::test(start_paused = true)]
async fn a_plan_alone_restores_an_instance_beside_the_original_and_swaps_the_names() {
    let harness = world();
    let mut event = Box::pin(harness.claimed_instance("orders", TASK)).await;
    event.plan.names.database.staged = Some(DatabaseIdentifier::reported("orders-new"));
    let original = instance_id(&harness, "orders");
    let (restore, restored) = staged(&event);
    let request = &event.request;
    let rds = harness.rds();
    harness
        .run_instance(request, async || Box::pin(trapheus_restore::instance::restore(rds, restore.clone())).await)
        .await
        .unwrap();
    let id = instance_id(&harness, "orders-new");
    harness
        .run_instance(request, async || Box::pin(trapheus_settings::instance::configure(rds, restored.clone())).await)
        .await
        .unwrap();
    let verification = trapheus_settings::instance::verify(rds, restored.clone()).await.unwrap();
    assert_eq!((verification.identifier.as_str(), verification.resource_id.as_str()), ("orders-new", id.as_str()));
    assert_eq!(instance_id(&harness, "orders"), original, "the original has the service name until the swap");
    harness
        .run_instance(request, async || {
            Box::pin(trapheus_rename::instance::rename(rds, renaming(&event, None, PARK))).await
        })
        .await
        .unwrap();
    harness
        .run_instance(request, async || {
            Box::pin(trapheus_rename::instance::rename(rds, renaming(&event, Some(&id), SWAP))).await
        })
        .await
        .unwrap();
    assert_eq!(instance_id(&harness, "orders"), id);
    assert_eq!(instance_id(&harness, "orders-temp"), original);
    assert_eq!(commit_instance(&harness, &event, &id).await.unwrap(), id);
}

#[tokio::test(start_paused = true)]
async fn a_plan_alone_restores_a_cluster_beside_the_original_and_swaps_the_names() {
    let harness = world();
    let mut event = Box::pin(harness.claimed_cluster("shop", TASK)).await;
    event.plan.names.database.staged = Some(DatabaseIdentifier::reported("shop-new"));
    for member in &mut event.plan.original.members {
        let staged = format!("{}-new", member.target.names.service);
        member.target.names.staged = Some(DatabaseIdentifier::reported(staged));
    }
    let original = cluster_id(&harness, "shop");
    let writer = instance_id(&harness, "shop-1");
    let (restore, restored) = staged(&event);
    let request = &event.request;
    let rds = harness.rds();
    harness
        .run_cluster(request, async || Box::pin(trapheus_restore::cluster::restore(rds, restore.clone())).await)
        .await
        .unwrap();
    let id = cluster_id(&harness, "shop-new");
    let members = ["shop-1-new", "shop-2-new"].map(|name| instance_id(&harness, name));
    harness
        .run_cluster(request, async || Box::pin(trapheus_settings::cluster::configure(rds, restored.clone())).await)
        .await
        .unwrap();
    let verification = trapheus_settings::cluster::verify(rds, restored.clone()).await.unwrap();
    assert_eq!((verification.identifier.as_str(), verification.resource_id.as_str()), ("shop-new", id.as_str()));
    harness
        .run_cluster(request, async || {
            Box::pin(trapheus_rename::cluster::rename(rds, renaming(&event, None, PARK))).await
        })
        .await
        .unwrap();
    harness
        .run_cluster(request, async || {
            Box::pin(trapheus_rename::cluster::rename(rds, renaming(&event, Some(&id), SWAP))).await
        })
        .await
        .unwrap();
    assert_eq!((cluster_id(&harness, "shop"), cluster_id(&harness, "shop-temp")), (id.clone(), original));
    assert_eq!(["shop-1", "shop-2"].map(|name| instance_id(&harness, name)), members);
    assert_eq!(instance_id(&harness, "shop-1-temp"), writer);
    let StepEvent { request, plan } = event;
    let payload = CommitEvent { request, plan, at: NameRole::Service, verified: id };
    commit::<DbCluster, _>(rds, payload).await.unwrap();
    assert_eq!(role_of_cluster(&harness, "shop"), "verified");
    assert_eq!(harness.simulator.state().cluster("shop").unwrap().tags["trapheus:execution"], EXECUTION);
}
