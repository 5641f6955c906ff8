//! A progress bar on a terminal; nothing in a pipe.

use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `length` steps on standard error, where that is a terminal and there is more than
/// one step. It clears itself when it is dropped.
pub(super) fn bar(length: usize, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    // indicatif hides a bar by itself where standard error is no terminal.
    let target = if length > 1 {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
