//! Which of two tags is the later one, where they are alike but for their numbers.

use std::cmp::Ordering;

/// Compares two tags by their numbers; none where anything else of them differs: `1.27.3-alpine` and
/// `1.27.4-alpine` are of one kind, `1.27` and `1.27.4` are not, nor is `latest` of any.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (parts(one), parts(other));
    if one.len() != other.len() || one.iter().all(|(_, is_number)| !is_number) {
        return None;
    }
    let mut order = Ordering::Equal;
    for ((one, is_number), (other, is_other_number)) in one.into_iter().zip(other) {
        if is_number != is_other_number || !is_number && one != other {
            return None;
        }
        if is_number {
            order = order.then_with(|| by_number(one, other));
        }
    }
    Some(order)
}

/// Splits a text where digits begin or end, and says which pieces are numbers.
fn parts(text: &str) -> Vec<(&str, bool)> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let pieces = text.as_bytes();
    let pieces = pieces.chunk_by(|one, other| is_digit(one) == is_digit(other));
    let mut at = 0;
    let pieces = pieces.map(|piece| {
        let begin = at;
        at += piece.len();
        let text = text.get(begin..at).unwrap_or_default();
        (text, piece.first().is_some_and(is_digit))
    });
    pieces.collect()
}

fn by_number(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_kind_are_compared_by_their_numbers() {
        for (one, other, order) in [
            ("1.27.4", "1.27.3", Some(Ordering::Greater)),
            ("1.27.10-alpine", "1.27.9-alpine", Some(Ordering::Greater)),
            ("v2", "v10", Some(Ordering::Less)),
            ("20261101", "20261101", Some(Ordering::Equal)),
            ("1.27", "1.27.3", None),
            ("1.27.4-alpine", "1.27.3", None),
            ("latest", "latest", None),
            ("bookworm", "12", None),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
        }
    }
}
