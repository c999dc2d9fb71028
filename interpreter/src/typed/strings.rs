//! Where strings end, told from their marks.

/// The last quote of the string that opens at `at`, or the end of its line if it must end there;
/// `None` if it stays open.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let width = if bytes[at..].starts_with(&[quote; 3]) {
        3
    } else {
        1
    };
    let mut next = at + width;
    while next < bytes.len() {
        match bytes[next] {
            b'\\' => next += 1,
            b'\n' if width == 1 => return Some(next),
            byte if byte == quote && bytes[next..].starts_with(&[quote; 3][..width]) => {
                return Some(next + width - 1);
            }
            _ => {}
        }
        next += 1;
    }
    None
}
