//! Tags as text objects: what is between `<b>` and `</b>` (`it`), or that with both of them (`at`).
//!
//! What is a tag is told from the text alone, in a string or out of it, as vim does. The other objects are
//! in [`super::objects`].

use super::motions::Kind;
use super::objects::Extent;
use super::places;

/// What ends a name in a tag that opens; a name that one of the last two ends is none.
const NAME_ENDS: [char; 6] = [' ', '\t', '\n', '>', '/', '!'];

#[derive(Clone, Copy)]
struct Tag<'t> {
    start: usize,
    end: usize,
    name: &'t str,
    is_closing: bool,
}

/// What is between the tags around a place, the outer ones by the count.
pub fn extent(text: &str, at: usize, is_around: bool, count: usize) -> Option<Extent> {
    let tags: Vec<Tag> = text
        .match_indices('<')
        .filter_map(|(start, _)| tag(text, start))
        .collect();
    let (opening, closing) = pair_around(&tags, search_start(text, at), count)?;
    Some(match is_around {
        true => Extent::new(opening.start, closing.end - 1, Kind::Inclusive),
        false => {
            let end = closing.start.max(opening.end);
            Extent::new(opening.end, end, Kind::Exact)
        }
    })
}

/// The tag that a `<` begins. One that closes itself is none.
fn tag(text: &str, start: usize) -> Option<Tag<'_>> {
    let rest = &text[start + 1..];
    let (rest, is_closing) = match rest.strip_prefix('/') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let end = rest.find('>')?;
    let inside = &rest[..end];
    let name = match is_closing {
        true => inside,
        false => &inside[..inside.find(NAME_ENDS).unwrap_or(end)],
    };
    let is_one = match is_closing {
        true => !name.contains('\n'),
        false => {
            let is_name_alone = !inside[name.len()..].starts_with(['/', '!']);
            !name.is_empty() && is_name_alone && !inside.ends_with('/')
        }
    };
    let end = text.len() - rest.len() + end + 1;
    is_one.then_some(Tag {
        start,
        end,
        name,
        is_closing,
    })
}

/// From where the tag that opens is searched for: on one of the two, one is between them.
fn search_start(text: &str, at: usize) -> usize {
    let at = at.max(places::indent_end(text, at));
    let line = &text[places::line_start(text, at)..at];
    let begun = match text[at..].starts_with('<') {
        true => Some(at),
        false => line
            .rfind(['<', '>'])
            .map(|found| at - line.len() + found)
            .filter(|found| text[*found..].starts_with('<')),
    };
    let Some(begun) = begun else {
        return at;
    };
    if text[begun + 1..].starts_with('/') {
        return begun.saturating_sub(1);
    }
    match tag(text, begun) {
        Some(tag) => tag.end - 1,
        None => at,
    }
}

/// The two tags around a place that belong together. Of those that open, one that nothing closes is passed
/// over.
fn pair_around<'a, 't>(
    tags: &'a [Tag<'t>],
    place: usize,
    count: usize,
) -> Option<(&'a Tag<'t>, &'a Tag<'t>)> {
    let mut from = place;
    let mut left = count;
    loop {
        let mut opening = unclosed_before(tags, from)?;
        for _ in 1..left {
            opening = unclosed_before(tags, tags[opening].start)?;
        }
        if let Some(closing) = closing_of(tags, opening)
            && closing.start >= place
        {
            return Some((&tags[opening], closing));
        }
        from = tags[opening].start;
        left = 1;
    }
}

/// The last tag before a place that opens what isn't closed there.
fn unclosed_before(tags: &[Tag], place: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let before = tags.iter().enumerate().rev();
    let mut before = before.skip_while(|(_, tag)| tag.start >= place);
    before.find_map(|(index, tag)| {
        if tag.is_closing {
            depth += 1;
        } else if depth == 0 {
            return Some(index);
        } else {
            depth -= 1;
        }
        None
    })
}

/// The tag that closes one that opens: only those of its name count.
fn closing_of<'a, 't>(tags: &'a [Tag<'t>], opening: usize) -> Option<&'a Tag<'t>> {
    let name = tags[opening].name;
    let mut depth = 0_usize;
    let alike = tags[opening + 1..].iter();
    let mut alike = alike.filter(|tag| tag.name.eq_ignore_ascii_case(name));
    alike.find(|tag| {
        if !tag.is_closing {
            depth += 1;
        } else if depth == 0 {
            return true;
        } else {
            depth -= 1;
        }
        false
    })
}
