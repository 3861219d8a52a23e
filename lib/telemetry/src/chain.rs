//! An error with everything that caused it, in one line.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

/// Shows `error` and its causes, joined by colons; a cause that the text before it tells already
/// is left out. For the one place that logs or prints an error:
///
/// ```
/// # let error = std::io::Error::other("disk full");
/// tracing::error!(error = %steeple_telemetry::chain(&error), "Server crashed");
/// ```
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    Chain(error)
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let told = error.to_string();
            if !text.contains(&told) {
                write!(text, ": {told}")?;
            }
            cause = error.source();
        }
        out.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("reading failed")]
        Silent(#[source] std::io::Error),
        #[error("reading failed: {0}; try again")]
        Telling(#[source] std::io::Error),
    }

    #[test]
    fn every_cause_is_told_once() {
        let cause = || std::io::Error::other("disk full");
        let silent = Outer::Silent(cause());
        assert_eq!(chain(&silent).to_string(), "reading failed: disk full");
        let telling = Outer::Telling(cause());
        assert_eq!(
            chain(&telling).to_string(),
            "reading failed: disk full; try again"
        );
    }
}
