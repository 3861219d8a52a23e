//! `cmd_args`: one record of comma separated values, with a space for the comma.
//!
//! That is not a shell. Only double quotes hold words together, two of them are one quote, and
//! two spaces have an empty argument between them.

/// Why `cmd_args` cannot be split. Columns count bytes from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ArgsError {
    /// A quote within a word that does not begin with one.
    #[error("parse error on line {line}, column {column}: bare \" in non-quoted field")]
    Bare {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A quoted word that does not end, or goes on behind its closing quote.
    #[error(
        "parse error on line {line}, column {column}: extraneous or missing \" in quoted-field"
    )]
    Quote {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Only line ends.
    #[error("there is no argument in it")]
    Nothing,
}

/// Splits `text`. Behind the first line that is not empty nothing counts.
pub(crate) fn split(text: &str) -> Result<Vec<String>, ArgsError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.replace("\r\n", "\n");
    let rest = text.trim_start_matches('\n');
    let line = 1 + text.len() - rest.len();
    if rest.is_empty() {
        return Err(ArgsError::Nothing);
    }
    Reader {
        rest,
        line,
        column: 1,
    }
    .record()
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn record(mut self) -> Result<Vec<String>, ArgsError> {
        let mut words = Vec::new();
        loop {
            let word = if self.rest.starts_with('"') {
                self.quoted()?
            } else {
                self.plain()?
            };
            words.push(word);
            if !self.rest.starts_with(' ') {
                return Ok(words);
            }
            self.skip(1);
        }
    }

    fn plain(&mut self) -> Result<String, ArgsError> {
        let end = self.rest.find([' ', '\n']).unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        if let Some(at) = word.find('"') {
            return Err(ArgsError::Bare {
                line: self.line,
                column: self.column + at,
            });
        }
        self.skip(end);
        Ok(word)
    }

    fn quoted(&mut self) -> Result<String, ArgsError> {
        let mut word = String::new();
        self.skip(1);
        loop {
            let Some(at) = self.rest.find('"') else {
                let rest = self.rest;
                self.take(rest.len(), &mut word);
                return Err(self.misquoted());
            };
            self.take(at, &mut word);
            let behind = self.rest[1..].chars().next();
            match behind {
                Some('"') => {
                    word.push('"');
                    self.skip(2);
                }
                None | Some(' ' | '\n') => {
                    self.skip(1);
                    return Ok(word);
                }
                Some(_) => return Err(self.misquoted()),
            }
        }
    }

    /// Moves text into the word, lines and all.
    fn take(&mut self, length: usize, word: &mut String) {
        let taken = &self.rest[..length];
        word.push_str(taken);
        self.rest = &self.rest[length..];
        self.line += taken.matches('\n').count();
        self.column = match taken.rfind('\n') {
            Some(at) => length - at,
            None => self.column + length,
        };
    }

    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
        self.column += length;
    }

    fn misquoted(&self) -> ArgsError {
        ArgsError::Quote {
            line: self.line,
            column: self.column,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_single_spaces_outside_double_quotes() {
        for (text, words) in [
            ("", &[][..]),
            (
                "-flag1 value1 -flag2 value2",
                &["-flag1", "value1", "-flag2", "value2"],
            ),
            (
                r#"-flag1 "value 1" -flag2 "value 2""#,
                &["-flag1", "value 1", "-flag2", "value 2"],
            ),
            (r#"-c "echo 'hello world'""#, &["-c", "echo 'hello world'"]),
            ("echo Mc'Gougall", &["echo", "Mc'Gougall"]),
            ("-c 'echo hello world'", &["-c", "'echo", "hello", "world'"]),
            (
                r#"-c "echo ""hello world""""#,
                &["-c", r#"echo "hello world""#],
            ),
            (
                "$$ $var $* ${var} {{var}} $(var) ${{var}} %VAR% %(var)% ${env:VAR}",
                &[
                    "$$",
                    "$var",
                    "$*",
                    "${var}",
                    "{{var}}",
                    "$(var)",
                    "${{var}}",
                    "%VAR%",
                    "%(var)%",
                    "${env:VAR}",
                ],
            ),
            ("a  b ", &["a", "", "b", ""]),
            (" a", &["", "a"]),
            (r#""" x"#, &["", "x"]),
            ("\n\na b\nc", &["a", "b"]),
            ("a\r\nb", &["a"]),
            ("\"a\nb\" c", &["a\nb", "c"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn quotes_out_of_place_are_refused_with_their_place() {
        for (text, column) in [
            (r#"-flag1 "value 1"#, 16),
            (r#"-c "echo 'hello "cruel" world'""#, 17),
            (r#"-c "echo \"hello world\"""#, 11),
        ] {
            let error = split(text).unwrap_err();
            assert_eq!(error, ArgsError::Quote { line: 1, column }, "{text:?}");
            assert!(
                error
                    .to_string()
                    .contains(r#"extraneous or missing " in quoted-field"#)
            );
        }
        assert_eq!(
            split(r#"a b"c""#),
            Err(ArgsError::Bare { line: 1, column: 4 })
        );
        assert_eq!(
            split("\"a\nb\"c"),
            Err(ArgsError::Quote { line: 2, column: 2 })
        );
        assert_eq!(split("\n\n"), Err(ArgsError::Nothing));
    }
}
