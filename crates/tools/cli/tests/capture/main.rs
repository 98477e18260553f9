//! `trapheus capture`: recorded accounts, captured worlds beside their accounts, and the command itself.

mod command;
mod endpoint;
mod recorded;
mod worlds;
