//! The answer half of the AWS Query protocol: XML written straight into a `String`.
//!
//! Knows elements and escaping, nothing of RDS. `render.rs` decides the place of each element.

use std::fmt::{Display, Write as _};

use quick_xml::escape::escape;

use crate::actions::Content;
use crate::error::ApiError;

/// The name space of RDS's API version.
const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

/// An XML document being written.
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity) }
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.text.push_str(&escape(value));
        self.close(name);
    }

    /// A number or boolean, which needs no escaping.
    pub(crate) fn plain(&mut self, name: &str, value: impl Display) {
        self.open(name);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        self.close(name);
    }

    pub(crate) fn text_if(&mut self, name: &str, value: Option<&(impl AsRef<str> + ?Sized)>) {
        if let Some(value) = value {
            self.text(name, value.as_ref());
        }
    }

    pub(crate) fn plain_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.plain(name, value);
        }
    }

    pub(crate) fn nest(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    /// A list of strings.
    pub(crate) fn list<'a>(&mut self, name: &str, member: &str, values: impl IntoIterator<Item = &'a String>) {
        self.nest(name, |xml| values.into_iter().for_each(|value| xml.text(member, value)));
    }

    fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    pub(crate) fn into_string(self) -> String {
        self.text
    }
}

/// The document of a successful answer; an action without output has no result element.
pub(crate) fn answer(action: &str, content: &Content, request_id: &str) -> String {
    let body = match content {
        Content::Result(result) => format!("<{action}Result>{result}</{action}Result>"),
        Content::Nothing => String::new(),
    };
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">{body}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
}

/// The document of an error.
pub(crate) fn error(error: &ApiError, request_id: &str) -> String {
    let side = if error.status >= 500 { "Receiver" } else { "Sender" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(error.code.as_ref()),
        escape(error.message.as_str()),
    )
}
