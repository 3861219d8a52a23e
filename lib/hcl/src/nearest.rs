//! The known name that a misspelt one was probably meant to be.

/// The one of `known` closest to `name`, if any is close enough to be worth proposing.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    // Of a name of two letters, one wrong is half of it.
    let limit = if name.len() < 3 {
        0
    } else {
        1 + name.len() / 4
    };
    known
        .into_iter()
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, with neighbours swapped counting once, and case not at all.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut current = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (previous[j - 1] + same)
                .min(previous[j] + 1)
                .min(current[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            current[j] = best;
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 4] = ["bind_address", "bind_port", "data_dir", "MetricPrefix"];

    #[test]
    fn proposes_the_closest() {
        assert_eq!(nearest("bind_prot", KNOWN), Some("bind_port"));
        assert_eq!(nearest("bindport", KNOWN), Some("bind_port"));
        assert_eq!(nearest("metricprefx", KNOWN), Some("MetricPrefix"));
    }

    #[test]
    fn proposes_nothing_far_away() {
        assert_eq!(nearest("data_dir", KNOWN), Some("data_dir"));
        assert_eq!(nearest("ca_subject", KNOWN), None);
        assert_eq!(nearest("x", KNOWN), None);
        assert_eq!(nearest("b", ["a"]), None);
    }
}
