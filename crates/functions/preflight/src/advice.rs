//! The AWS CLI commands a refusal names, so that nobody has to look them up at 3 a.m.
//!
//! Texts only. A command that deletes is always preceded by the question whether what it deletes is still needed.

use trapheus_common::document::Request;
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::tags::Role;

use crate::world::{Database, Snapshot};

/// Moves a database to another name.
pub(crate) fn rename(kind: DatabaseKind, from: &str, to: &str) -> String {
    match kind {
        DatabaseKind::Instance => format!(
            "aws rds modify-db-instance --db-instance-identifier {from} --new-db-instance-identifier {to} \
             --apply-immediately"
        ),
        DatabaseKind::Cluster => format!(
            "aws rds modify-db-cluster --db-cluster-identifier {from} --new-db-cluster-identifier {to} \
             --apply-immediately"
        ),
    }
}

/// Deletes a database that is no longer needed, keeping its automated backups: several commands, in this order.
pub(crate) fn delete(database: &Database) -> String {
    let identifier = &database.identifier;
    let commands = match (database.kind, &database.cluster) {
        (DatabaseKind::Instance, Some(_)) => {
            vec![format!("aws rds delete-db-instance --db-instance-identifier {identifier} --skip-final-snapshot")]
        }
        (DatabaseKind::Instance, None) => vec![
            format!(
                "aws rds modify-db-instance --db-instance-identifier {identifier} --no-deletion-protection \
                 --apply-immediately"
            ),
            format!(
                "aws rds delete-db-instance --db-instance-identifier {identifier} --skip-final-snapshot \
                 --no-delete-automated-backups"
            ),
        ],
        (DatabaseKind::Cluster, _) => {
            let mut commands = vec![format!(
                "aws rds modify-db-cluster --db-cluster-identifier {identifier} --no-deletion-protection \
                 --apply-immediately"
            )];
            commands.extend(database.member_identifiers.iter().map(|member| {
                format!("aws rds delete-db-instance --db-instance-identifier {member} --skip-final-snapshot")
            }));
            commands.push(format!(
                "aws rds delete-db-cluster --db-cluster-identifier {identifier} --skip-final-snapshot \
                 --no-delete-automated-backups"
            ));
            commands
        }
    };
    in_order(&commands)
}

/// Starts a stopped database.
pub(crate) fn start(database: &Database) -> String {
    let identifier = &database.identifier;
    match (database.kind, &database.cluster) {
        (DatabaseKind::Cluster, _) => format!("`aws rds start-db-cluster --db-cluster-identifier {identifier}`"),
        (_, Some(cluster)) => format!("`aws rds start-db-cluster --db-cluster-identifier {cluster}`"),
        _ => format!("`aws rds start-db-instance --db-instance-identifier {identifier}`"),
    }
}

/// Carries out at once what waits for the maintenance window.
pub(crate) fn apply_pending(database: &Database) -> String {
    let identifier = &database.identifier;
    match database.kind {
        DatabaseKind::Instance => {
            format!("`aws rds modify-db-instance --db-instance-identifier {identifier} --apply-immediately`")
        }
        DatabaseKind::Cluster => {
            format!("`aws rds modify-db-cluster --db-cluster-identifier {identifier} --apply-immediately`")
        }
    }
}

/// Deletes a snapshot.
pub(crate) fn delete_snapshot(request: &Request, snapshot: &Snapshot) -> String {
    let identifier = &snapshot.identifier;
    match request.kind {
        DatabaseKind::Instance => format!("`aws rds delete-db-snapshot --db-snapshot-identifier {identifier}`"),
        DatabaseKind::Cluster => {
            format!("`aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier {identifier}`")
        }
    }
}

/// Finishes by hand a replacement that was interrupted after the old snapshot was removed.
pub(crate) fn copy_snapshot(request: &Request, snapshot: &Snapshot) -> String {
    let (from, to) = (&snapshot.identifier, &request.snapshot_identifier);
    match request.kind {
        DatabaseKind::Instance => format!(
            "`aws rds copy-db-snapshot --source-db-snapshot-identifier {from} --target-db-snapshot-identifier {to}`"
        ),
        DatabaseKind::Cluster => format!(
            "`aws rds copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier {from} \
             --target-db-cluster-snapshot-identifier {to}`"
        ),
    }
}

/// Has the next proxy connections go to the restored database.
pub(crate) fn register_with_proxy(request: &Request, proxy: &str) -> String {
    let (option, identifier) = match request.kind {
        DatabaseKind::Instance => ("--db-instance-identifiers", &request.identifier),
        DatabaseKind::Cluster => ("--db-cluster-identifiers", &request.identifier),
    };
    format!("`aws rds register-db-proxy-targets --db-proxy-name {proxy} {option} {identifier}`")
}

/// Has the state machine put back what an interrupted execution left: always the first thing to try.
pub(crate) fn recover(execution: &str) -> String {
    format!(
        "once that execution has ended, start the state machine with `{{\"task\": \"recover\", \"execution\": \
         \"{execution}\"}}`, which puts the original back"
    )
}

/// What is to be done with the database that an ended execution left under a `-temp` name.
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
    let mut commands = vec![rename(request.kind, &occupant.identifier, request.identifier.as_str())];
    // Only an Aurora cluster has members of its own names to put back.
    if occupant.engine.starts_with("aurora") {
        let members = occupant.member_identifiers.iter();
        commands.extend(members.filter_map(|name| Some(rename(DatabaseKind::Instance, name, home(name)?))));
    }
    in_order(&commands)
}

/// The name that something under a `-temp` name had before.
pub(crate) fn home(temporary: &str) -> Option<&str> {
    DatabaseIdentifier::without_temporary(temporary)
}

fn in_order(commands: &[String]) -> String {
    commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(", then ")
}
