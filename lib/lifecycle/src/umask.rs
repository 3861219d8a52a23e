//! The process' umask: files are never readable by others.

use nix::sys::stat::{Mode, umask};

/// The bits that are always taken away.
const LEAST: Mode = Mode::from_bits_truncate(0o027);

/// Makes the umask at least 0027; a stricter one is kept. Says so in the log when it changes.
pub fn restrict() {
    // There is no way to read the umask but to set it.
    let current = umask(LEAST);
    let wanted = current | LEAST;
    umask(wanted);
    if wanted != current {
        let (current, wanted) = (current.bits(), wanted.bits());
        tracing::warn!("Current umask {current:04o} is too permissive; setting umask {wanted:04o}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: the umask belongs to the whole process.
    #[test]
    fn at_least_0027() {
        let before = umask(Mode::from_bits_truncate(0o022));
        restrict();
        assert_eq!(umask(Mode::from_bits_truncate(0o077)).bits(), 0o027);
        restrict();
        assert_eq!(umask(before).bits(), 0o077, "a stricter one is kept");
    }
}
