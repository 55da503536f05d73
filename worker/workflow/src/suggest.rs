//! "Did you mean": the known word that is nearest to a misspelt one.

/// The end of an error about an unknown word: the nearest known word, or all of them.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known: {}", known.join(", ")),
    }
}

/// The known word with the fewest mistakes, if a third of the letters at most are wrong.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let distances = known.iter().map(|other| (distance(&word.to_lowercase(), other), *other));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, other)| other)
}

/// How many letters are missing, added, wrong, or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, letter) in (1..).zip(one.chars()) {
        let mut current = vec![row];
        for (column, theirs) in other.iter().enumerate() {
            let value = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let swapped = match (previous, column.checked_sub(1).and_then(|index| other.get(index))) {
                (Some(mine), Some(earlier)) if mine == *theirs && letter == *earlier => {
                    value(&before, column - 1) + 1
                }
                _ => usize::MAX,
            };
            let replaced = value(&last, column) + usize::from(letter != *theirs);
            let added = value(&current, column) + 1;
            let removed = value(&last, column + 1) + 1;
            current.push(replaced.min(added).min(removed).min(swapped));
        }
        before = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["assign_licenses", "disable_account", "enable_account", "name"];
        let rows = [
            ("disable_acount", Some("disable_account")),
            ("asign_licences", Some("assign_licenses")),
            ("Enable_Account", Some("enable_account")),
            ("nmae", Some("name")),
            ("reboot", None),
        ];
        for (word, expected) in rows {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
        assert_eq!(hint("reboot", ["a", "b"]), "; known: a, b");
        assert_eq!(hint("nam", known), "; did you mean `name`?");
    }

    #[test]
    fn a_distance_counts_letters() {
        for (one, other, expected) in [("", "ab", 2), ("ab", "", 2), ("ab", "ba", 1), ("abc", "axc", 1)] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
