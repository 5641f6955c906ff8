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
    styled(bar, "{msg} {wide_bar} {pos}/{len} {eta}", what)
}

/// A bar for bytes that come, of which there may be any number.
pub(super) fn bytes(total: Option<u64>, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        None => "{msg} {spinner} {bytes} {bytes_per_sec}",
    };
    styled(bar, template, what)
}

fn styled(bar: ProgressBar, template: &str, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
