//! The modes of files.

use super::keys::Keys;

/// What may be set of a mode.
const PERMISSIONS: u32 = 0o777;

/// The mode under `key`, or the default one.
pub(super) fn read(keys: &Keys<'_>, key: &str, default: u32) -> u32 {
    let section = keys.section();
    match section.int(key) {
        None | Some(0) => default,
        Some(number) if number < 0 => {
            let what = key.replace('_', " ");
            keys.refuse(key, format!("{what} must be positive"));
            default
        }
        Some(number) => {
            // Truncation is meant: only the lowest bits are permissions.
            let mode = u32::try_from(number & i64::from(PERMISSIONS)).unwrap_or(default);
            if let Some(written) = section.string(key).filter(|text| octal_was_meant(text)) {
                let warning = format!(
                    "{written} is a decimal number, which is mode {mode:04o}; for mode 0{written} write 0{written}"
                );
                section.warn(key, warning);
            }
            mode
        }
    }
}

/// `644` and the like: three octal digits without the zero in front that makes them octal.
fn octal_was_meant(text: &str) -> bool {
    text.len() == 3 && !text.starts_with('0') && text.bytes().all(|b| matches!(b, b'0'..=b'7'))
}
