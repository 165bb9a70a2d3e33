//! The inks of the pictures and of the page, each for light and for dark.
//!
//! Plotters writes a colour into every element. A rule of the style sheet outweighs such an
//! attribute, so one rule for each ink turns a finished picture dark: there is one drawing, and it
//! follows the reader's setting without a script. Paper is always light in print.
//!
//! **Invariant: no two inks have the same light colour**, or a rule would repaint both.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// One ink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink {
    /// Its name in the style sheet, as `--name`.
    pub(crate) name: &'static str,
    /// On light paper.
    pub(crate) light: RGBColor,
    /// On dark paper.
    dark: RGBColor,
}

const fn ink(name: &'static str, light: u32, dark: u32) -> Ink {
    const fn colour(rgb: u32) -> RGBColor {
        let [_, red, green, blue] = rgb.to_be_bytes();
        RGBColor(red, green, blue)
    }
    Ink {
        name,
        light: colour(light),
        dark: colour(dark),
    }
}

/// What everything stands on.
pub(crate) const PAPER: Ink = ink("paper", 0xFFFFFF, 0x131619);
/// Text.
pub(crate) const INK: Ink = ink("ink", 0x1B2126, 0xE8ECF0);
/// Text beside the text: labels, units, headings of tables.
pub(crate) const MUTED: Ink = ink("muted", 0x65707B, 0x98A4B0);
/// Lines behind the data.
pub(crate) const GRID: Ink = ink("grid", 0xE3E7EB, 0x2A3037);
/// What the service did.
pub(crate) const SERVICE: Ink = ink("service", 0x2463C9, 0x79AAFF);
/// What the mock did.
pub(crate) const MOCK: Ink = ink("mock", 0x8B96A1, 0x77838F);
/// What was allowed.
pub(crate) const LIMIT: Ink = ink("limit", 0xB05C00, 0xF2AC54);
/// A kill, and whatever went wrong.
pub(crate) const KILL: Ink = ink("kill", 0xC22A43, 0xFF7489);
/// A pause.
pub(crate) const PAUSE: Ink = ink("pause", 0x8250BE, 0xBE96F5);
/// A death that nobody had asked for.
pub(crate) const DEATH: Ink = ink("death", 0x7A4B12, 0xD9A066);
/// Whatever went well, such as a start.
pub(crate) const GOOD: Ink = ink("good", 0x14783C, 0x5CC785);

const INKS: [Ink; 11] = [
    PAPER, INK, MUTED, GRID, SERVICE, MOCK, LIMIT, KILL, PAUSE, DEATH, GOOD,
];

/// The rules that name the inks and repaint pictures in the dark.
pub(crate) fn style_sheet() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut repaint = String::new();
    for Ink {
        name,
        light: day,
        dark: night,
    } in INKS
    {
        let (day, night) = (hex(day), hex(night));
        let wrote = write!(light, "--{name}:{day};")
            .and_then(|()| write!(dark, "--{name}:{night};"))
            .and_then(|()| write!(repaint, "svg [fill=\"{day}\"]{{fill:{night}}}"))
            .and_then(|()| writeln!(repaint, "svg [stroke=\"{day}\"]{{stroke:{night}}}"));
        wrote.expect("memory takes text");
    }
    let limit = hex(LIMIT.light);
    format!(
        ":root{{color-scheme:light dark;{light}}}\n\
         svg polyline[stroke=\"{limit}\"]{{stroke-dasharray:11 7}}\n\
         @media screen and (prefers-color-scheme:dark){{\n:root{{{dark}}}\n{repaint}}}\n"
    )
}

/// A colour as plotters writes it.
pub(crate) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_inks_are_the_same() {
        for (index, ink) in INKS.iter().enumerate() {
            let others = &INKS[index + 1..];
            assert!(
                others.iter().all(|other| other.light != ink.light),
                "{}",
                ink.name
            );
            assert!(
                others.iter().all(|other| other.name != ink.name),
                "{}",
                ink.name
            );
        }
    }

    #[test]
    fn every_ink_is_repainted_in_the_dark_only_on_screens() {
        let sheet = style_sheet();
        let (_, dark) = sheet
            .split_once("@media screen and (prefers-color-scheme:dark)")
            .unwrap();
        for ink in INKS {
            assert!(
                dark.contains(&format!("[stroke=\"{}\"]", hex(ink.light))),
                "{}",
                ink.name
            );
        }
    }

    #[test]
    fn text_stands_out_from_its_paper() {
        // WCAG 2.2, contrast ratio: at least 4.5 for text.
        let luminance = |RGBColor(red, green, blue): RGBColor| {
            let linear = |part: u8| {
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let contrast = |one, other| {
            let (one, other): (f64, f64) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for ink in [INK, MUTED, SERVICE, LIMIT, KILL, PAUSE, GOOD] {
            let (day, night) = (
                contrast(ink.light, PAPER.light),
                contrast(ink.dark, PAPER.dark),
            );
            assert!(
                day >= 4.5 && night >= 4.5,
                "{}: {day:.1}, {night:.1}",
                ink.name
            );
        }
    }
}
