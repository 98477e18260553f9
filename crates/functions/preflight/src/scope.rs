//! The databases that the deployment lets a run change: the stack's parameters `DatabaseNames` and `RequireOptIn`.
//!
//! IAM refuses the same, but only at the call, when the run may already have made changes. So preflight refuses the run
//! before any change if a name of the database, a member or the plan is outside.

use trapheus_common::document::{Names, Request, SourceKind};
use trapheus_common::identifiers::{DatabaseIdentifier, DatabaseKind};
use trapheus_common::{Result, lambda};

use crate::checks::is_of_this_account;
use crate::facts::{Database, Facts};
use crate::problem::Problem;

/// The tag with which the owner of a database allows runs on it.
const ALLOWED: (&str, &str) = ("trapheus:allowed", "true");

/// The databases that a run may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Prefixes of names; `*` stands for every name.
    pub names: Vec<String>,
    /// Prefixes of names of other databases whose backups an input may name; `*` stands for every name.
    pub sources: Vec<String>,
    /// Whether a database must have the tag `trapheus:allowed`.
    pub requires_opt_in: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self { names: vec!["*".to_owned()], sources: vec!["*".to_owned()], requires_opt_in: false }
    }
}

impl Scope {
    /// The options in the function's environment.
    pub fn from_environment() -> Result<Self> {
        let names: String = lambda::setting("DATABASE_NAMES", "*".to_owned())?;
        let sources: String = lambda::setting("SOURCE_NAMES", "*".to_owned())?;
        let requires_opt_in = lambda::setting("REQUIRE_OPT_IN", false)?;
        Ok(Self { names: listed(&names), sources: listed(&sources), requires_opt_in })
    }

    fn covers(&self, name: &str) -> bool {
        covers(&self.names, name)
    }

    /// The reason against a backup of another database that the input names.
    fn source_outside(&self, request: &Request, facts: &Facts) -> Option<Problem> {
        let (_, snapshot) = (request.source.as_ref()?, facts.snapshot.as_ref()?);
        let (target, source) = (facts.target.as_ref()?, snapshot.source.as_deref().unwrap_or_default());
        let is_own = source == request.identifier.as_str() && is_of_this_account(target, snapshot)
            || snapshot.source_resource_id.as_deref() == Some(target.resource_id.as_str());
        if is_own {
            return None;
        }
        let is_moment = snapshot.pinned.as_ref().is_some_and(|source| source.kind != SourceKind::Snapshot);
        if is_moment && !self.covers(source) {
            return Some(Problem::lasting(format!(
                "{} is of `{source}`, and AWS checks its name as that of a changed database: add it to the stack's parameter \
                 `DatabaseNames`, or choose a snapshot",
                snapshot.words()
            )));
        }
        (!covers(&self.sources, source)).then(|| {
            let allowed = match self.sources.as_slice() {
                [] => "restores no backup of another database".to_owned(),
                names => format!("restores those of other databases only if their names begin with: {}", names.join(", ")),
            };
            Problem::lasting(format!(
                "{} is of `{source}`, and this deployment {allowed}. To allow it, add `{source}` to the stack's parameter \
                 `SourceNames`",
                snapshot.words(),
            ))
        })
    }

    /// The reasons against a change of these databases.
    pub(crate) fn problems(&self, request: &Request, facts: &Facts) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.names_outside(request, facts).map(Problem::lasting).collect();
        problems.extend(self.source_outside(request, facts));
        let closed = facts.target.iter().filter(|target| self.requires_opt_in && !allows(target));
        problems.extend(closed.map(|target| {
            Problem::lasting(format!(
                "`{}` does not carry the tag `{}` with the value `{}`, which this deployment asks for: add it, if runs may \
                 replace this database",
                target.identifier, ALLOWED.0, ALLOWED.1
            ))
        }));
        problems
    }

    fn names_outside(&self, request: &Request, facts: &Facts) -> impl Iterator<Item = String> {
        let mut names = vec![request.identifier.to_string()];
        if request.task.restores() {
            names = Names::rename_first(request).of_databases().map(ToString::to_string).collect();
            for member in facts.own_members() {
                names.push(member.identifier.clone());
                let moved = DatabaseIdentifier::reported(&member.identifier).temporary(DatabaseKind::Instance);
                names.extend(moved.ok().map(|moved| moved.to_string()));
            }
        }
        let outside: Vec<String> = names.into_iter().filter(|name| !self.covers(name)).collect();
        let allowed = self.names.join(", ");
        outside.into_iter().map(move |name| {
            format!(
                "the run would change `{name}`, and this deployment changes only databases whose names begin with one of: \
                 {allowed}; see the stack's parameter `DatabaseNames`"
            )
        })
    }
}

fn covers(allowed: &[String], name: &str) -> bool {
    allowed.iter().any(|prefix| name.starts_with(prefix.trim_end_matches('*')))
}

fn listed(names: &str) -> Vec<String> {
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_lowercase).collect()
}

fn allows(database: &Database) -> bool {
    database.tags.iter().any(|tag| (tag.key(), tag.value()) == (Some(ALLOWED.0), Some(ALLOWED.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_covered_by_a_prefix_and_by_a_star() {
        let scope = |names| Scope { names: listed(names), ..Scope::default() };
        for (names, name, covered) in [
            ("*", "orders", true),
            ("orders, shop-", "orders-temp", true),
            ("orders,shop-", "shop", false),
            ("orders,shop-*", "shop-eu", true),
            ("Orders", "orders", true),
            ("shop-", "billing-shop-", false),
            ("", "orders", false),
        ] {
            assert_eq!(scope(names).covers(name), covered, "{names} {name}");
        }
    }

    #[test]
    fn a_backup_of_another_database_needs_a_name_in_the_list() {
        use trapheus_common::document::Task;
        let facts = |source: &str, kind| crate::fixtures::facts_with_source(source, kind);
        let request = crate::fixtures::request_with_source(Task::DbRestore);
        let scope =
            |names: &str, sources: &str| Scope { names: listed(names), sources: listed(sources), ..Scope::default() };
        let refused = |scope: Scope, source: &str, kind| {
            let problems = scope.problems(&request, &facts(source, kind));
            problems.into_iter().map(|problem| problem.text).collect::<Vec<_>>().join("; ")
        };
        let snapshot = SourceKind::Snapshot;
        assert_eq!(refused(scope("*", "*"), "billing", snapshot), "");
        assert_eq!(refused(scope("*", "prod-"), "prod-orders", snapshot), "");
        assert_eq!(refused(scope("*", "prod-"), "orders", snapshot), "", "its own backup");
        assert!(refused(scope("*", "prod-"), "billing", snapshot).contains("`SourceNames`"));
        assert!(refused(scope("*", ""), "billing", snapshot).contains("restores no backup of another database"));
        assert_eq!(refused(scope("*", ""), "orders", snapshot), "", "its own backup");
        assert_eq!(refused(scope("orders", "prod-"), "prod-orders", snapshot), "");
        let moment = refused(scope("orders", "*"), "prod-orders", SourceKind::PointInTime);
        assert!(moment.contains("`DatabaseNames`"), "{moment}");
    }
}
