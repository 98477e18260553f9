//! The agreement between the state machine, the functions and the alerts. Nothing here knows an AWS client or makes a call.

pub mod arn;
pub mod causes;
pub mod commands;
pub mod document;
pub mod error;
pub mod functions;
pub mod identifiers;
pub mod input;
pub mod settings;
pub mod source;
pub mod source_request;
pub mod timestamp;
pub mod wait;
