//! How a function is linked: the build script of every crate that has some.
//!
//! At a fixed address. A position-independent executable carries ten thousand relocations, which are applied at every start: a
//! sixth of its CPU time, see `docs/performance.md`. Libraries, stack and heap are still wherever the kernel puts them.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=Cargo.toml");
    let is = |what: &str, value| var(format!("CARGO_CFG_TARGET_{what}")).as_deref() == Ok(value);
    if is("OS", "linux") && is("ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
