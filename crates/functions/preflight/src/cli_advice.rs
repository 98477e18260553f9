//! The remedies in a refusal, mostly AWS CLI commands, so that an operator need not look them up at 3 a.m.
//!
//! This module only writes texts. Before each command that deletes, the text asks whether the deleted resource is still
//! needed.

use trapheus_common::commands::{Cli, Command, Kept};
use trapheus_common::document::Request;
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::tags::Role;

use crate::facts::{Database, Snapshot};

/// The region of the database.
fn beside(database: &Database) -> Cli<'_> {
    Cli::in_region_of(&database.arn)
}

/// The region of the execution, which is that of the database.
fn of(request: &Request) -> Cli<'_> {
    Cli::in_region_of(&request.execution)
}

/// Moves a database to another name.
pub(crate) fn rename(database: &Database, to: &str) -> String {
    in_order([beside(database).rename(database.kind, &database.identifier, to)])
}

/// Deletes a database that is no longer needed and keeps its automated backups: several commands, in this order.
pub(crate) fn delete(database: &Database) -> String {
    let Database { kind, identifier, .. } = database;
    let cli = beside(database);
    if let (DatabaseKind::Instance, Some(_)) = (kind, &database.cluster) {
        return in_order([cli.delete_member(identifier).flag("--skip-final-snapshot")]);
    }
    let kept = Kept { snapshot: None, automated_backups: true };
    let members = database.member_identifiers.iter().filter(|_| *kind == DatabaseKind::Cluster);
    let members = members.map(|member| cli.delete_member(member).flag("--skip-final-snapshot"));
    let unprotected = cli.protect(*kind, identifier, false);
    in_order([unprotected].into_iter().chain(members).chain([cli.delete(*kind, identifier, kept)]))
}

/// Starts a stopped database.
pub(crate) fn start(database: &Database) -> String {
    let cli = beside(database);
    in_order([match (database.kind, &database.cluster) {
        (DatabaseKind::Instance, Some(cluster)) => cli.start(DatabaseKind::Cluster, cluster),
        (kind, _) => cli.start(kind, &database.identifier),
    }])
}

/// Applies at once the changes that wait for the maintenance window.
pub(crate) fn apply_pending(database: &Database) -> String {
    in_order([beside(database).apply_pending(database.kind, &database.identifier)])
}

/// Deletes a snapshot.
pub(crate) fn delete_snapshot(request: &Request, snapshot: &Snapshot) -> String {
    in_order([of(request).delete_snapshot(request.kind, snapshot.identifier.as_str())])
}

/// Finishes by hand a replacement that was interrupted after the deletion of the old snapshot.
pub(crate) fn copy_snapshot(request: &Request, snapshot: &Snapshot) -> String {
    let (from, to) = (snapshot.identifier.as_str(), request.snapshot_identifier.as_str());
    in_order([of(request).copy_snapshot(request.kind, from, to)])
}

/// Copies a snapshot of another account or region, so that it can be restored here.
pub(crate) fn copy_for_restore(request: &Request, arn: &str) -> String {
    let name = arn.rsplit(':').next().unwrap_or_default();
    let command = of(request).copy_snapshot(request.kind, arn, name);
    in_order([command.with("--kms-key-id", ["<a key of this account>"])])
}

/// Directs the next connections of the proxy to the restored database.
pub(crate) fn register_with_proxy(request: &Request, proxy: &str) -> String {
    let option = match request.kind {
        DatabaseKind::Instance => "--db-instance-identifiers",
        DatabaseKind::Cluster => "--db-cluster-identifiers",
    };
    let command = of(request).rds("register-db-proxy-targets").with("--db-proxy-name", [proxy]);
    in_order([command.with(option, [request.identifier.as_str()])])
}

/// Gives a snapshot of a DB instance a newer engine version.
pub(crate) fn upgrade_snapshot(request: &Request, snapshot: &str) -> String {
    let command = of(request).rds("modify-db-snapshot").with("--db-snapshot-identifier", [snapshot]);
    in_order([command.with("--engine-version", ["<a version that is offered>"])])
}

/// Names an operation whose arguments a person has to choose.
pub(crate) fn operation(name: &str) -> String {
    in_order([Cli::in_region("").rds(name)])
}

/// Lets the state machine repair the databases of an interrupted execution: always the first remedy to try.
pub(crate) fn recover(execution: &str) -> String {
    format!(
        "once that execution has ended, start the state machine with `{{\"task\": \"recover\", \"execution\": \
         \"{execution}\"}}`, which puts the original back"
    )
}

/// The remedy for a database that an ended execution left under a `-temp` name.
pub(crate) fn leftover(request: &Request, occupant: &Database, target: Option<&Database>, execution: &str) -> String {
    let (identifier, own_name) = (&occupant.identifier, &request.identifier);
    match target {
        None if occupant.kind == request.kind => {
            format!("{}; or do it by hand: {}", recover(execution), put_back(request, occupant))
        }
        Some(restored) if restored.has_role(Role::Restored) => format!(
            "{}; or do it by hand, with `{own_name}` deleted before `{identifier}` gets its name back: {}, then {}",
            recover(execution),
            delete(restored),
            put_back(request, occupant)
        ),
        _ => format!(
            "look at both `{own_name}` and `{identifier}`, and if that execution has ended and `{identifier}` is not needed \
             any more: {}",
            delete(occupant)
        ),
    }
}

fn put_back(request: &Request, occupant: &Database) -> String {
    let cli = beside(occupant);
    let mut commands = vec![cli.rename(request.kind, &occupant.identifier, request.identifier.as_str())];
    // Only the members of an Aurora cluster have names of their own to restore.
    if occupant.engine.starts_with("aurora") {
        let members = occupant.member_identifiers.iter();
        commands.extend(members.filter_map(|name| Some(cli.rename(DatabaseKind::Instance, name, home(name)?))));
    }
    in_order(commands)
}

/// The name before a `-temp` name.
pub(crate) fn home(temporary: &str) -> Option<&str> {
    DatabaseIdentifier::without_temporary(temporary)
}

fn in_order<'a>(commands: impl IntoIterator<Item = Command<'a>>) -> String {
    commands.into_iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(", then ")
}
