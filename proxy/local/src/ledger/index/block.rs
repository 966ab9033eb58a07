//! Numbers that share a name, as rows of at most a KiB: the positions that are taken in a block of
//! 8,192 numbers, listed where they are few, else as bits.

/// Numbers of one block.
pub(super) const NUMBERS: u32 = 8_192;
/// Bytes of all bits.
const BIT_BYTES: usize = NUMBERS as usize / 8;
/// A list follows, two bytes for each number.
const LIST: u8 = 0;
/// Bits follow.
const BITS: u8 = 1;

/// A block that is changed.
pub(super) struct Block(Vec<u8>);

/// Tells in which block a number lies.
pub(super) const fn of(number: u32) -> u32 {
    number / NUMBERS
}

/// Names the numbers of a block, in order; none of one that is damaged.
pub(super) fn each(block: u32, body: &[u8], mut tell: impl FnMut(u32)) {
    let first = block.saturating_mul(NUMBERS);
    match body.split_first() {
        Some((&LIST, list)) => {
            let (positions, _) = list.as_chunks::<2>();
            for position in positions {
                tell(first.saturating_add(u16::from_le_bytes(*position).into()));
            }
        }
        Some((&BITS, bits)) => {
            for (at, byte) in (0_u32..).zip(bits) {
                for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                    tell(
                        first
                            .saturating_add(at.saturating_mul(8))
                            .saturating_add(bit),
                    );
                }
            }
        }
        _ => {}
    }
}

impl Block {
    /// Takes up a block that is kept, or an empty one.
    pub(super) fn read(body: Option<&[u8]>) -> Self {
        let mut block = Self(vec![0; BIT_BYTES]);
        if let Some(body) = body {
            each(0, body, |number| block.set(number, true));
        }
        block
    }

    /// Adds or removes a number.
    pub(super) fn set(&mut self, number: u32, has: bool) {
        let position = number % NUMBERS;
        let mask = 1_u8 << (position % 8);
        if let Some(byte) = self.0.get_mut(position as usize / 8) {
            if has {
                *byte |= mask;
            } else {
                *byte &= !mask;
            }
        }
    }

    /// Writes the block; none where no number is left.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let count: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        if count == 0 {
            return None;
        }
        if count as usize * 2 >= BIT_BYTES {
            return Some([&[BITS], self.0.as_slice()].concat());
        }
        let bits = [&[BITS], self.0.as_slice()].concat();
        let mut list = vec![LIST];
        each(0, &bits, |number| {
            let position = u16::try_from(number).unwrap_or(u16::MAX);
            list.extend(position.to_le_bytes());
        });
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(block: u32, body: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        each(block, body, |number| found.push(number));
        found
    }

    proptest! {
        #[test]
        fn what_was_put_in_comes_out_in_order(
            numbers_in in proptest::collection::btree_set(0..NUMBERS, 0..3_000),
            gone in proptest::collection::btree_set(0..NUMBERS, 0..3_000),
        ) {
            let mut block = Block::read(None);
            for number in &numbers_in {
                block.set(*number, true);
            }
            let again = block.to_bytes();
            let mut block = Block::read(again.as_deref());
            for number in &gone {
                block.set(*number, false);
            }
            let left: Vec<u32> = numbers_in.difference(&gone).map(|n| n + 3 * NUMBERS).collect();
            let body = block.to_bytes();
            prop_assert_eq!(body.is_none(), left.is_empty());
            let body = body.unwrap_or_default();
            prop_assert!(body.len() <= 1 + BIT_BYTES);
            prop_assert_eq!(numbers(3, &body), left);
        }
    }

    #[test]
    fn a_damaged_block_says_nothing() {
        for body in [&b""[..], &[7, 1, 2], &[LIST, 1]] {
            assert!(numbers(0, body).is_empty());
        }
    }
}
