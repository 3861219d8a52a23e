//! Reads a command's arguments: `--flag value`, `--flag=value`, `--flag` for a switch, `-h`.
//! Operands are passed over, and everything after `--` is one.

use std::collections::BTreeMap;

use super::{
    commands::Command,
    flags::{Flag, Kind},
};

/// What a command was given.
#[derive(Debug, Default)]
pub(crate) struct Values {
    given: BTreeMap<&'static str, String>,
    defaults: BTreeMap<&'static str, &'static str>,
    operands: Vec<String>,
}

/// Arguments that are a request for help or cannot be understood.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// `-h` or `--help`.
    Help,
    /// Said in the words that scripts may know.
    Mistake(String),
}

impl Values {
    /// The value of a flag, given or by default; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        let given = self.given.get(name).map(String::as_str);
        given
            .or_else(|| self.defaults.get(name).copied())
            .unwrap_or_default()
    }

    /// The value, if it is not empty.
    pub(crate) fn some_text(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The value of a number flag.
    pub(crate) fn int(&self, name: &str) -> i64 {
        parse_int(self.text(name)).unwrap_or_default()
    }

    /// Whether a switch is on.
    pub(crate) fn on(&self, name: &str) -> bool {
        parse_bool(self.text(name)).unwrap_or_default()
    }

    /// The words that are no flags.
    pub(crate) fn operands(&self) -> &[String] {
        &self.operands
    }

    /// Reads `args`.
    ///
    /// # Errors
    /// On a request for help, an unknown flag, a bad value, or flags that exclude each other.
    pub(crate) fn parse(command: &Command, args: &[String]) -> Result<Self, Refusal> {
        let flags = command.sorted_flags();
        let mut values = Self {
            defaults: flags.iter().map(|flag| (flag.name, flag.default)).collect(),
            ..Self::default()
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                values.operands.extend(args.by_ref().cloned());
            } else if let Some(long) = arg.strip_prefix("--") {
                values.long(&flags, long, &mut args)?;
            } else if arg.len() > 1 && arg.starts_with('-') {
                return Err(short(arg));
            } else {
                values.operands.push(arg.clone());
            }
        }
        values.exclusive(command)?;
        Ok(values)
    }

    fn long<'a>(
        &mut self,
        flags: &[&'static Flag<'static>],
        long: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        if name == "help" {
            return Err(Refusal::Help);
        }
        let mistake = |text: String| Err(Refusal::Mistake(text));
        let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
            return mistake(format!("unknown flag: --{name}"));
        };
        let value = match (value, flag.kind) {
            (Some(value), _) => value.to_owned(),
            (None, Kind::Bool) => "true".to_owned(),
            (None, _) => match rest.next() {
                Some(value) => value.clone(),
                None => return mistake(format!("flag needs an argument: --{name}")),
            },
        };
        check(flag, &value)?;
        self.given.insert(flag.name, value);
        Ok(())
    }

    fn exclusive(&self, command: &Command) -> Result<(), Refusal> {
        let clash = command
            .exclusive
            .iter()
            .find(|pair| pair.iter().all(|name| self.given.contains_key(name)));
        let Some([one, other]) = clash else {
            return Ok(());
        };
        let (first, second) = if one < other {
            (one, other)
        } else {
            (other, one)
        };
        Err(Refusal::Mistake(format!(
            "if any flags in the group [{one} {other}] are set none of the others can be; \
             [{first} {second}] were all set"
        )))
    }
}

fn short(arg: &str) -> Refusal {
    let letter = arg.chars().nth(1).unwrap_or_default();
    if letter == 'h' {
        return Refusal::Help;
    }
    Refusal::Mistake(format!("unknown shorthand flag: '{letter}' in {arg}"))
}

fn check(flag: &Flag<'_>, value: &str) -> Result<(), Refusal> {
    let why = match flag.kind {
        Kind::Text => None,
        Kind::OneOf(words) => (!words.contains(&value))
            .then(|| format!("{value} is not included in {}", words.join(","))),
        Kind::Int => parse_int(value)
            .is_none()
            .then(|| format!("strconv.ParseInt: parsing {value:?}: invalid syntax")),
        Kind::Bool => parse_bool(value)
            .is_none()
            .then(|| format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
    };
    let text = |why| {
        format!(
            "invalid argument {value:?} for \"--{}\" flag: {why}",
            flag.name
        )
    };
    why.map_or(Ok(()), |why| Err(Refusal::Mistake(text(why))))
}

fn parse_int(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(command: &str, args: &[&str]) -> Result<Values, Refusal> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Values::parse(Command::named(command).unwrap(), &args)
    }

    #[test]
    fn every_way_to_write_a_flag() {
        let args = [
            "--port",
            "0x10",
            "word",
            "--region=eu-west-1",
            "--debug",
            "--no-verify-ssl=false",
            "--",
            "--unknown",
        ];
        let values = parse("serve", &args).unwrap();
        assert_eq!(values.int("port"), 16);
        assert_eq!(values.text("region"), "eu-west-1");
        assert!(values.on("debug"));
        assert!(!values.on("no-verify-ssl"));
        assert_eq!(values.int("session-duration"), 3600);
        assert_eq!(values.some_text("endpoint"), None);
        assert_eq!(values.operands(), ["word", "--unknown"]);
    }

    #[test]
    fn mistakes_in_the_known_words() {
        for (command, args, text) in [
            ("serve", &["--foo"][..], "unknown flag: --foo"),
            ("serve", &["--region"], "flag needs an argument: --region"),
            (
                "serve",
                &["--port", "x"],
                "invalid argument \"x\" for \"--port\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (
                "serve",
                &["-certificate", "x"],
                "unknown shorthand flag: 'c' in -certificate",
            ),
            (
                "sign-string",
                &["--digest", "md5"],
                "invalid argument \"md5\" for \"--digest\" flag: md5 is not included in SHA256,SHA384,SHA512",
            ),
            (
                "serve",
                &["--certificate", "a", "--cert-selector", "b"],
                "if any flags in the group [certificate cert-selector] are set none of the others can be; [cert-selector certificate] were all set",
            ),
        ] {
            let refusal = parse(command, args).map(drop);
            assert_eq!(refusal, Err(Refusal::Mistake(text.to_owned())));
        }
        for help in ["-h", "--help"] {
            assert_eq!(
                parse("serve", &[help, "--foo"]).map(drop),
                Err(Refusal::Help)
            );
        }
    }
}
