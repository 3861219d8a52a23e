//! Paths as Go's `path.Join` makes them.

use std::path::{Component, Path, PathBuf};

/// `name` below `folder`, cleaned. An absolute name lies below the folder, too.
pub(crate) fn below(folder: &str, name: &str) -> PathBuf {
    let joined = if folder.is_empty() {
        PathBuf::from(name)
    } else {
        Path::new(folder).join(name.trim_start_matches('/'))
    };
    clean(&joined)
}

/// Takes out `.`, `..` and doubled slashes by the text alone.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match cleaned.components().next_back() {
                Some(Component::Normal(_)) => {
                    cleaned.pop();
                }
                Some(Component::RootDir) => {}
                _ => cleaned.push(".."),
            },
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// A leading `~/` stands for the home folder.
pub(super) fn expand_home(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => format!("{}/{rest}", home.trim_end_matches('/')),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_below_their_folder() {
        for (folder, name, path) in [
            ("", "svid.pem", "svid.pem"),
            ("", "/svid.pem", "/svid.pem"),
            ("certs", "svid.pem", "certs/svid.pem"),
            ("/tmp/", "/etc/svid.pem", "/tmp/etc/svid.pem"),
            ("/tmp", "a//b/./svid.pem", "/tmp/a/b/svid.pem"),
            ("/tmp", "../svid.pem", "/svid.pem"),
            ("/", "../../svid.pem", "/svid.pem"),
            ("certs", "../../svid.pem", "../svid.pem"),
        ] {
            assert_eq!(below(folder, name), PathBuf::from(path), "{folder} {name}");
        }
    }

    #[test]
    fn only_a_leading_tilde_of_ones_own_is_home() {
        assert_eq!(expand_home("~/bin/x", Some("/home/me")), "/home/me/bin/x");
        assert_eq!(expand_home("~/bin/x", Some("/")), "/bin/x");
        assert_eq!(expand_home("~you/x", Some("/home/me")), "~you/x");
        assert_eq!(expand_home("/~/x", Some("/home/me")), "/~/x");
        assert_eq!(expand_home("~/x", None), "~/x");
    }
}
