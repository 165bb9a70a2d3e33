//! What no row can change, for any reply.

use postrider_types::EnhancedCode;
use proptest::prelude::*;

use super::*;

/// Texts that are likely to be found by some row, alone and in pairs.
fn any_reply() -> impl Strategy<Value = Reply> {
    let texts: Vec<String> = built_in_rows()
        .iter()
        .flat_map(Row::examples)
        .map(|example| example.text().to_owned())
        .chain(["".to_owned(), "no".to_owned()])
        .collect();
    let text = (
        prop::sample::select(texts.clone()),
        prop::sample::select(texts),
    )
        .prop_map(|(one, other)| format!("{one} {other}"));
    let enhanced = (prop::sample::select(vec![4_u8, 5]), 0_u16..9, 0_u16..40);
    let enhanced = enhanced.prop_map(|(class, subject, detail)| EnhancedCode {
        class,
        subject,
        detail,
    });
    let parts = (200_u16..600, prop::option::of(enhanced), text);
    parts.prop_map(|(code, enhanced, text)| Reply::new(code, enhanced, &text))
}

proptest! {
    #[test]
    fn no_row_contradicts_the_table_of_trouble(
        phase in prop::sample::select(PHASES.to_vec()),
        reply in any_reply(),
    ) {
        let is_policy = pattern::enhanced_of(&reply).is_some_and(|code| code.subject == 7);
        let trouble = Trouble::refused(phase, reply);
        let found = BUILT_IN_TABLE.classify(&trouble, &anywhere());
        prop_assert_eq!(found.class == Class::InDoubt, trouble.is_in_doubt());
        prop_assert!(found.class == Class::Neutral || !trouble.is_neutral());
        prop_assert!(found.class != Class::Bounced || trouble.is_permanent());
        prop_assert!(found.class != Class::Failed);
        match found.action {
            Some(Action::Suppress) => {
                prop_assert!(found.class == Class::Bounced && !is_policy);
                prop_assert!(matches!(phase, Rcpt | Dot));
            }
            Some(_) => {
                prop_assert!(found.class == Class::Deferred && found.retry_after.is_some());
            }
            None => {}
        }
    }
}
