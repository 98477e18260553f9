//! Names the commit that is compiled, for `trapheus --version`.
//!
//! Without git, or outside the repository, the version has no commit. Only a new commit runs this again, and only this
//! package and its tests are then compiled again.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A copy of these sources in another repository is not that repository's commit.
    let commit = git(&["ls-files", "--error-unmatch", "Cargo.toml"])
        .and_then(|_| git(&["log", "-1", "--date=short", "--abbrev=9", "--format=%h %cd"]));
    let version = env!("CARGO_PKG_VERSION");
    match commit {
        Some(commit) => println!("cargo:rustc-env=TRAPHEUS_VERSION={version} ({commit})"),
        None => println!("cargo:rustc-env=TRAPHEUS_VERSION={version}"),
    }
    // HEAD names a branch, whose own file changes with each commit. The log of HEAD changes even if the branch is packed.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// The output of a git command, if it succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
