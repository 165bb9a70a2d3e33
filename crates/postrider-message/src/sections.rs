//! A body template in sections: long runs of lines that no recipient changes, and what is between
//! them. A newsletter is mostly the former, so most of it is encoded once and not per recipient.
//!
//! A border is always at the start of a line. Whether it is outside of every tag and block is not
//! parsed here: the engine is asked whether what is before it is a template by itself. Templates
//! whose parts depend on one another in other ways are left whole: those that set variables or
//! trim white space across tags.

/// Shortest run that is worth a section of its own: a section costs about as much as encoding
/// this much.
const FIXED_BYTES_MIN: usize = 1024;

/// Most sections that are rendered; with more, only longer runs stay fixed. Bounds what a message
/// costs, because each of them has its own fuel.
const RENDERED_MAX: usize = 16;

/// How often the bytes of a template are compiled to find its borders, at most. A template that is
/// one long block would otherwise be compiled anew at each of its lines.
const COMPILED_MAX: usize = 4;

/// What begins a tag.
const OPENERS: [&str; 3] = ["{{", "{%", "{#"];

/// Tags that trim white space beyond themselves.
const TRIMMERS: [&str; 9] = [
    "{{-", "{%-", "{#-", "-}}", "-%}", "-#}", "{%+", "+%}", "{{+",
];

/// Statements whose blocks end where they began, and that leave nothing behind.
const SELF_CONTAINED: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A stretch of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch<'a> {
    /// Whole lines without a tag, outside of all blocks.
    Fixed(&'a str),
    /// Lines that are a template by themselves.
    Rendered(&'a str),
}

impl Stretch<'_> {
    /// Its bytes, if it is fixed.
    pub(crate) const fn fixed_bytes(&self) -> usize {
        match self {
            Self::Fixed(text) => text.len(),
            Self::Rendered(_) => 0,
        }
    }
}

/// Cuts a template into stretches, which are the template again when they are put together.
/// `is_template` says whether a text compiles.
pub(crate) fn cut(source: &str, is_template: impl Fn(&str) -> bool) -> Vec<Stretch<'_>> {
    let mut fixed_bytes_min = FIXED_BYTES_MIN;
    while is_separable(source) && fixed_bytes_min <= source.len() {
        let runs = runs(source, fixed_bytes_min);
        // Before each run but perhaps the first something is rendered, and perhaps behind the last.
        if runs.len() < RENDERED_MAX {
            return joined(source, &runs, is_template)
                .unwrap_or_else(|| vec![Stretch::Rendered(source)]);
        }
        fixed_bytes_min *= 2;
    }
    vec![Stretch::Rendered(source)]
}

/// Whether no part of a template depends on another, but within its blocks.
fn is_separable(source: &str) -> bool {
    let is_known = |statement: &str| {
        let word = statement.trim_start();
        let end = word.find(|c: char| !c.is_ascii_alphabetic());
        SELF_CONTAINED.contains(&&word[..end.unwrap_or(word.len())])
    };
    !TRIMMERS.iter().any(|trimmer| source.contains(trimmer))
        && source.split("{%").skip(1).all(is_known)
}

/// The runs of lines without a tag that have so many bytes, as ranges.
fn runs(source: &str, bytes_min: usize) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in source.split_inclusive('\n') {
        let line_start = at;
        at += line.len();
        if OPENERS.iter().any(|opener| line.contains(opener)) {
            runs.push(start..line_start);
            start = at;
        }
    }
    runs.push(start..at);
    runs.retain(|run| run.len() >= bytes_min);
    runs
}

/// The runs as fixed stretches, and templates between them. A run in the middle of a tag or block
/// goes to the template around it. `None` when that takes too long to find out.
fn joined<'a>(
    source: &'a str,
    runs: &[std::ops::Range<usize>],
    is_template: impl Fn(&str) -> bool,
) -> Option<Vec<Stretch<'a>>> {
    let mut stretches = Vec::new();
    let mut start = 0;
    let mut compiled_bytes = 0;
    for run in runs {
        let before = &source[start..run.start];
        if !before.is_empty() {
            compiled_bytes += before.len();
            if compiled_bytes > COMPILED_MAX * source.len() {
                return None;
            }
            if !is_template(before) {
                continue;
            }
            stretches.push(Stretch::Rendered(before));
        }
        stretches.push(Stretch::Fixed(&source[run.clone()]));
        start = run.end;
    }
    if start < source.len() {
        stretches.push(Stretch::Rendered(&source[start..]));
    }
    Some(stretches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::environment;
    use crate::template::context;
    use postrider_types::Variables;
    use proptest::prelude::*;

    fn cut_up(source: &str) -> Vec<Stretch<'_>> {
        let environment = environment();
        cut(source, |text| environment.template_from_str(text).is_ok())
    }

    /// The kinds of the stretches: `f` or `r`.
    fn check(source: &str, expect: &str) {
        let kinds: String = cut_up(source)
            .iter()
            .map(|stretch| match stretch {
                Stretch::Fixed(_) => 'f',
                Stretch::Rendered(_) => 'r',
            })
            .collect();
        assert_eq!(kinds, expect, "{source:.60}");
    }

    fn long() -> String {
        "a line of text\n".repeat(100)
    }

    #[test]
    fn long_runs_between_tags_are_fixed() {
        let long = long();
        check("{{ a }}", "r");
        check(&format!("{{{{ a }}}}\n{long}"), "rf");
        check(&format!("{long}{{{{ a }}}}"), "fr");
        check(
            &format!("{long}{{{{ a }}}}\n{long}x {{{{ b }}}}\n{long}"),
            "frfrf",
        );
        check(&format!("{{{{ a }}}}\nshort\n{{{{ b }}}}\n{long}"), "rf");
        check(&format!("{{% if a %}}\nx\n{{% endif %}}\n{long}"), "rf");
    }

    #[test]
    fn a_run_inside_a_block_or_a_tag_is_rendered_with_it() {
        let long = long();
        check(&format!("{{% if a %}}\n{long}{{% endif %}}\n"), "r");
        check(&format!("{{% if a %}}\n{long}{{% endif %}}\n{long}"), "rf");
        check(&format!("{{# {long} #}}\n{long}"), "r");
        check(&format!("{{{{ \"{long}\" }}}}\n"), "r");
        check(
            &format!("{{% for a in b %}}\n{long}{{{{ a }}}}\n{long}{{% endfor %}}\n{long}"),
            "rf",
        );
    }

    #[test]
    fn parts_that_depend_on_one_another_stay_together() {
        let long = long();
        check(&format!("{{% set a = 1 %}}\n{long}{{{{ a }}}}"), "r");
        check(&format!("{{{{ a -}}}}\n{long}"), "r");
        check(&format!("{long}{{%- if a %}}x{{% endif %}}"), "r");
        check(&format!("{{% raw %}}\n{long}{{% endraw %}}"), "r");
        check(
            &format!("{{% macro a() %}}x{{% endmacro %}}\n{long}{{{{ a() }}}}"),
            "r",
        );
    }

    #[test]
    fn there_are_at_most_so_many_rendered_sections() {
        let long = long();
        let some = format!("{long}{{{{ a }}}}\n").repeat(15);
        check(&some, &"fr".repeat(15));
        let many = format!("{long}{{{{ a }}}}\n").repeat(16);
        check(&many, "r");
        let one_longer = format!("{many}{}{{{{ a }}}}\n", long.repeat(2));
        check(&one_longer, "rfr");
    }

    /// Templates that compile.
    fn template() -> impl Strategy<Value = String> {
        let plain =
            prop::sample::select(&["x\n", "y", "\n", "{{ a }}", "{{ a }}\n", "{# z\n #}"][..]);
        let leaf = prop_oneof![plain.prop_map(str::to_owned), Just(long())];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let inner = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
            prop_oneof![
                inner.clone(),
                inner
                    .clone()
                    .prop_map(|text| format!("{{% if a %}}{text}{{% endif %}}\n")),
                inner.clone().prop_map(|text| format!(
                    "{{% if b %}}\n{text}{{% else %}}\n{text}{{% endif %}}"
                )),
                inner.prop_map(|text| format!(
                    "{{% for c in d %}}{{{{ c }}}}{text}{{% endfor %}}\n"
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn stretches_are_the_template_again_and_render_to_the_same(source in template()) {
            let environment = environment();
            let variables = r#"{"a": "A", "b": false, "d": [1, 2]}"#.to_owned();
            let variables = Variables::from_json_object(variables).unwrap();
            let variables = context(&variables, &"ada@example.test".parse().unwrap()).unwrap();
            let render = |text: &str| environment.render_str(text, variables.clone()).ok();
            let stretches = cut_up(&source);
            let again: String = stretches.iter().map(|stretch| match stretch {
                Stretch::Fixed(text) | Stretch::Rendered(text) => *text,
            }).collect();
            prop_assert_eq!(&again, &source);
            let rendered: String = stretches.iter().map(|stretch| match stretch {
                Stretch::Fixed(text) => (*text).to_owned(),
                Stretch::Rendered(text) => render(text).unwrap(),
            }).collect();
            prop_assert_eq!(rendered, render(&source).unwrap());
        }
    }
}
