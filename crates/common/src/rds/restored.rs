//! The restored database beside its original: every step between the restore and the deletion works on this pair.

use aws_sdk_rds::Client;

use crate::claim::{Claim, Lookup, Ownership};
use crate::document::{NameRole, Original, Plan, Request};
use crate::error::{Error, ErrorKind, Result};
use crate::rds::Database;

/// The original and the database that this execution restored.
#[derive(Clone, Debug)]
pub struct Pair<D> {
    pub original: D,
    pub restored: D,
}

impl<D: Database> Pair<D> {
    /// Finds the pair, with the restored database under the name of this role. Returns an error unless this execution
    /// claims the original and the four proofs hold for the restored database. That database may already be verified.
    pub async fn find<O: Original>(
        rds: &Client,
        request: &Request,
        plan: &Plan<O>,
        at: NameRole,
        kind: ErrorKind,
    ) -> Result<Self> {
        let target = plan.target();
        let name = target.names.of(at)?;
        let shows = |restored: Option<&D>| restored.is_some_and(|one| Claim::is_shown_by(one, &request.execution));
        let lookup = Lookup::<D>::find_beside(rds, &target, at, shows).await?;
        let original = lookup.claimed(request, &target)?;
        let failed = |message: String| Error::new(kind, name.as_str(), message);
        let restored = lookup.at(name).ok_or_else(|| failed(format!("there is no {} {name}", request.kind)))?;
        match Ownership::of(restored).missing_verified_or_not(request, &plan.planned()) {
            None => Ok(Self { original: original.clone(), restored: restored.clone() }),
            Some(why) => Err(failed(format!("this is not the database this run restored: {why}"))),
        }
    }
}
