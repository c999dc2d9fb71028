//! Pixels as the characters and codes that terminals take, no wider than the terminal is.
//!
//! Each ends with the cursor at the start of a line. The formats: kitty's graphics protocol,
//! iTerm2's inline images, DEC's sixels, and characters whose upper half has one colour and whose
//! lower half another.

use std::fmt::Write;

use super::raster::Raster;
use super::way::Way;
use super::{Size, base64};

/// As many letters as go into one of kitty's messages.
const KITTY_LETTERS_MAX: usize = 4096;
/// Of the terminal's lines, those that are left free.
const ROWS_LEFT: usize = 2;

/// The picture in one of the ways that take pixels.
pub fn drawn(way: Way, raster: &Raster, size: Size) -> Option<String> {
    match way {
        Way::Kitty => Some(kitty_pixels(raster, size)),
        Way::Iterm => raster.to_png().map(|png| iterm(&png, size)),
        Way::Sixel => sixel(&fitted(raster, size)),
        Way::Blocks => Some(blocks(raster, size)),
        Way::File | Way::Nothing => None,
    }
}

/// A PNG for kitty, which reads it by itself.
pub fn kitty_png(png: &[u8], raster: &Raster, size: Size) -> String {
    kitty(&format!("f=100{}", kitty_columns(raster, size)), png)
}

fn kitty_pixels(raster: &Raster, size: Size) -> String {
    let fitted = fitted(raster, size);
    let format = format!("f=32,s={},v={}", fitted.width, fitted.height);
    kitty(&format, &fitted.rgba)
}

/// How kitty is told to make a picture narrower that is wider than the terminal.
fn kitty_columns(raster: &Raster, size: Size) -> String {
    if raster.width > size.columns * size.cell_width_px {
        format!(",c={}", size.columns)
    } else {
        String::new()
    }
}

fn kitty(format: &str, data: &[u8]) -> String {
    let letters = base64::encoded(data);
    let pieces: Vec<&str> = (0..letters.len())
        .step_by(KITTY_LETTERS_MAX)
        .map(|start| &letters[start..letters.len().min(start + KITTY_LETTERS_MAX)])
        .collect();
    let mut text = String::with_capacity(letters.len() + pieces.len() * 16);
    for (index, piece) in pieces.iter().enumerate() {
        let more = u8::from(index + 1 < pieces.len());
        let head = if index == 0 {
            // No answer is wanted: it would come in as if it were typed.
            format!("a=T,q=2,{format},m={more}")
        } else {
            format!("m={more}")
        };
        let _ = write!(text, "\x1b_G{head};{piece}\x1b\\");
    }
    text.push('\n');
    text
}

/// A picture file for iTerm2, which reads it by itself.
pub fn iterm(file: &[u8], size: Size) -> String {
    let wide = size.columns;
    let is_wider =
        Raster::of_png(file).is_none_or(|raster| raster.width > size.columns * size.cell_width_px);
    let width = if is_wider {
        format!(";width={wide}")
    } else {
        String::new()
    };
    format!(
        "\x1b]1337;File=inline=1;size={}{width};preserveAspectRatio=1:{}\x07\n",
        file.len(),
        base64::encoded(file)
    )
}

fn sixel(raster: &Raster) -> Option<String> {
    let image = icy_sixel::SixelImage::from_rgba(raster.rgba.clone(), raster.width, raster.height);
    let mut text = image.encode().ok()?;
    text.push('\n');
    Some(text)
}

/// The picture no wider than the terminal.
fn fitted(raster: &Raster, size: Size) -> Raster {
    let widest = size.columns * size.cell_width_px;
    if raster.width <= widest {
        return raster.clone();
    }
    raster.scaled(widest, (raster.height * widest / raster.width).max(1))
}

/// Two pixels a character, in as many characters as the picture would cover, and on one screen.
fn blocks(raster: &Raster, size: Size) -> String {
    let rows_max = size.rows.saturating_sub(ROWS_LEFT).max(1) * 2;
    let mut columns = raster
        .width
        .div_ceil(size.cell_width_px)
        .clamp(1, size.columns);
    let mut rows = (raster.height * columns / raster.width).max(1);
    if rows > rows_max {
        columns = (columns * rows_max / rows).max(1);
        rows = rows_max;
    }
    let small = raster.scaled(columns, rows);
    let pixel = |row: usize, column: usize| {
        let at = (row * columns + column) * 4;
        let seen = row < rows && small.rgba[at + 3] >= 128;
        seen.then(|| [small.rgba[at], small.rgba[at + 1], small.rgba[at + 2]])
    };
    let true_colours = std::env::var("COLORTERM")
        .is_ok_and(|value| matches!(value.as_str(), "truecolor" | "24bit"));
    let mut text = String::new();
    for row in (0..rows).step_by(2) {
        for column in 0..columns {
            let (upper, lower) = (pixel(row, column), pixel(row + 1, column));
            text.push_str(&block(upper, lower, true_colours));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

/// One character of two pixels, either of which may be missing.
fn block(upper: Option<[u8; 3]>, lower: Option<[u8; 3]>, true_colours: bool) -> String {
    let front = |pixel| code(38, pixel, true_colours);
    let back = |pixel| code(48, pixel, true_colours);
    match (upper, lower) {
        (Some(upper), Some(lower)) => format!("\x1b[{};{}m▀", front(upper), back(lower)),
        (Some(upper), None) => format!("\x1b[0;{}m▀", front(upper)),
        (None, Some(lower)) => format!("\x1b[0;{}m▄", front(lower)),
        (None, None) => "\x1b[0m ".to_owned(),
    }
}

/// The code of a colour: as it is, or as the nearest of the 216 in the cube of 256 colours.
fn code(ground: u8, [red, green, blue]: [u8; 3], true_colours: bool) -> String {
    if true_colours {
        return format!("{ground};2;{red};{green};{blue}");
    }
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (u16::from(value) - 35) / 40,
    };
    let index = 16 + 36 * level(red) + 6 * level(green) + level(blue);
    format!("{ground};5;{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        columns: 40,
        rows: 24,
        cell_width_px: 8,
        cell_height_px: 16,
    };

    fn plain(width: usize, height: usize) -> Raster {
        Raster {
            width,
            height,
            rgba: [255, 0, 0, 255].repeat(width * height),
        }
    }

    #[test]
    fn blocks_are_as_wide_as_the_picture_and_no_wider_than_the_terminal() {
        let lines = |raster: &Raster| {
            let text = blocks(raster, SIZE);
            let counts: Vec<usize> = text
                .lines()
                .map(|line| line.chars().filter(|c| matches!(c, '▀' | '▄')).count())
                .collect();
            counts
        };
        assert_eq!(lines(&plain(16, 16)), [2]);
        assert_eq!(lines(&plain(16, 24)), [2, 2]);
        assert_eq!(lines(&plain(4000, 800)), [40; 4]);
        // As high as the screen lets it be.
        assert_eq!(lines(&plain(320, 3200)).len(), 22);
        assert!(lines(&plain(1, 100_000)).len() <= 22);
    }

    #[test]
    fn colours_are_the_nearest() {
        assert_eq!(code(38, [255, 0, 0], true), "38;2;255;0;0");
        assert_eq!(code(38, [255, 0, 0], false), "38;5;196");
        assert_eq!(code(48, [95, 135, 255], false), "48;5;69");
        assert_eq!(block(None, None, true), "\x1b[0m ");
    }

    #[test]
    fn kitty_gets_messages_that_it_can_join() {
        let text = kitty("f=100", &[7; 10_000]);
        let messages: Vec<&str> = text.trim_end().split_inclusive("\x1b\\").collect();
        assert_eq!(messages.len(), 4);
        assert!(messages[0].starts_with("\x1b_Ga=T,q=2,f=100,m=1;"));
        assert!(messages[3].starts_with("\x1b_Gm=0;"));
        let letters: String = messages
            .iter()
            .map(|message| {
                let (_, letters) = message.split_once(';').expect("it has a head");
                letters.trim_end_matches("\x1b\\")
            })
            .collect();
        assert_eq!(base64::decoded(&letters), Some(vec![7; 10_000]));
    }

    #[test]
    fn sixels_and_inline_images_carry_the_picture() {
        let text = drawn(Way::Sixel, &plain(640, 8), SIZE).expect("it can be drawn");
        let image = icy_sixel::SixelImage::decode(text.trim_end().as_bytes()).expect("sixels");
        assert_eq!(
            (image.width, image.pixels[..3].to_vec()),
            (320, vec![255, 0, 0])
        );
        let text = drawn(Way::Iterm, &plain(640, 8), SIZE).expect("it can be drawn");
        assert!(text.starts_with("\x1b]1337;File=inline=1;size="));
        assert!(text.contains(";width=40;"));
        let (_, letters) = text.rsplit_once(':').expect("it has a head");
        let png = base64::decoded(letters.trim_end_matches(['\x07', '\n'])).expect("letters");
        assert_eq!(Raster::of_png(&png), Some(plain(640, 8)));
    }
}
